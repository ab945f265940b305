// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target_proc.h"
#include "util.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; shown in field 9 of stat */
#define DELETED	   " (deleted)"

void proc_text__printable(char *buf, size_t cap, const char *text, size_t len)
{
	size_t n = min_t(size_t, len, cap - 1);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		unsigned char next = i + 1 < n ? (unsigned char)text[i + 1] : 0;

		buf[i] = c == '\0' ? ' ' : text[i];
		if ((c && c < 0x20) || c == 0x7f)
			buf[i] = '?';
		if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			buf[i++] = '?';
			buf[i] = '?';
		}
	}
	buf[n] = '\0';
}

int proc_stat__parse(struct proc_stat *st, const char *text)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned int flags;
	uint64_t start;
	long threads;
	int ppid;

	/* The name is in parentheses and may hold any character, also ')' and a newline. */
	if (!open || !close || close < open)
		return -EINVAL;
	/* Fields 3 state, 4 ppid, 9 flags, 20 number of threads, 22 start time. */
	if (sscanf(close + 1,
		   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d "
		   "%" SCNu64,
		   &st->state, &ppid, &flags, &threads, &start) != 5 ||
	    threads < 0)
		return -EINVAL;
	proc_text__printable(st->comm, sizeof(st->comm), open + 1, (size_t)(close - open - 1));
	st->ppid = ppid;
	st->kernel_thread = flags & PF_KTHREAD;
	st->threads = (uint32_t)threads;
	st->start_time = start;
	return 0;
}

/* The text behind "\nNAME:", NULL if there is no such line. The first line is the Name. */
static const char *status_field(const char *text, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\n%s:", name);
	at = strstr(text, key);
	return at ? at + strlen(key) : NULL;
}

int proc_status__parse(struct proc_status *st, const char *text)
{
	const char *tgid = status_field(text, "Tgid");
	const char *uid = status_field(text, "Uid");
	const char *nspid = status_field(text, "NSpid");
	char *end;

	if (!tgid || !uid || sscanf(tgid, "%d", &st->tgid) != 1 ||
	    sscanf(uid, "%*u %u", &st->uid) != 1)
		return -EINVAL;
	st->nspid = st->tgid; /* kernels without pid namespaces have no such line */
	while (nspid) {
		long value = strtol(nspid, &end, 10);

		/* strtol skips newlines too, but the next line starts with a letter. */
		if (end == nspid || value <= 0 || value > INT_MAX)
			break;
		st->nspid = (pid_t)value;
		nspid = end;
	}
	return 0;
}

int proc_map__parse(struct proc_map *map, const char *line)
{
	char perms[5];
	int at = 0;
	size_t len;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &map->start,
		   &map->end, perms, &map->offset, &map->major, &map->minor, &map->inode,
		   &at) != 7 ||
	    strlen(perms) != 4 || map->start >= map->end)
		return -EINVAL;
	map->exec = perms[2] == 'x';
	line += at;
	line += strspn(line, " ");
	len = strcspn(line, "\n");
	if (len >= sizeof(map->path))
		return -EINVAL;
	memcpy(map->path, line, len);
	map->path[len] = '\0';
	return 0;
}

/* A process that ends while it is read gives ENOENT or ESRCH, depending on the moment. */
static int gone(int err)
{
	return err == -ENOENT ? -ESRCH : err;
}

int proc_stat__read(struct proc_stat *st, pid_t pid)
{
	char path[32], text[1024];
	long len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	len = read_file(path, text, sizeof(text));
	return len < 0 ? gone((int)len) : proc_stat__parse(st, text);
}

int proc_status__read(struct proc_status *st, pid_t pid)
{
	char path[32], text[8192];
	long len;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	len = read_file(path, text, sizeof(text));
	return len < 0 ? gone((int)len) : proc_status__parse(st, text);
}

int proc_maps__for_each(pid_t pid, int (*fn)(const struct proc_map *map, void *ctx), void *ctx)
{
	char path[32];
	char *line = NULL;
	struct proc_map map;
	size_t cap = 0;
	int err = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return gone(-errno);
	errno = 0;
	while (!err && getline(&line, &cap, f) > 0) {
		/* A line that cannot be read describes nothing that could be used. */
		if (proc_map__parse(&map, line) == 0)
			err = fn(&map, ctx);
		errno = 0;
	}
	if (!err && ferror(f))
		err = errno ? gone(-errno) : -EIO;
	free(line);
	fclose(f);
	return err;
}

bool proc_path__cut_deleted(char *path)
{
	size_t len = strlen(path), mark = sizeof(DELETED) - 1;

	if (len <= mark || strcmp(path + len - mark, DELETED) != 0)
		return false;
	path[len - mark] = '\0';
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every Node.js process of the machine. */
#define LOG_MODULE "find"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "target_process.h"

static pid_t pid_of(const char *name)
{
	char *end;
	long pid;

	if (!isdigit((unsigned char)name[0]))
		return 0;
	pid = strtol(name, &end, 10);
	return *end || pid > INT_MAX ? 0 : (pid_t)pid;
}

static void count(struct target_scan *counts, pid_t pid, int err, const struct target_why *why)
{
	switch (err) {
	case -ESRCH: /* it ended while being looked at: nobody misses it */
		break;
	case -ENOEXEC:
		counts->other++;
		break;
	case -EACCES:
		counts->denied++;
		break;
	default:
		counts->failed++;
		log_info("process %d: %s", pid, why->text);
	}
}

int target_process__scan(int (*fn)(struct target_process *p, void *ctx), void *ctx,
			 struct target_scan *counts)
{
	struct target_scan local;
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	if (!counts)
		counts = &local;
	memset(counts, 0, sizeof(*counts));
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		struct target_process *p;
		struct target_why why;
		pid_t pid = pid_of(entry->d_name);

		if (pid <= 0)
			continue;
		err = target_process__open(&p, pid, &why);
		if (err) {
			count(counts, pid, err, &why);
			err = 0;
			continue;
		}
		counts->node++;
		err = fn(p, ctx);
	}
	closedir(dir);
	return err;
}

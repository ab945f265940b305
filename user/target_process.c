// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a pid to the runtime it runs.
 *
 * A process can be renamed, its binary deleted or replaced while it runs, and in a container
 * the path it shows means another file here, or none. What cannot lie is the mapping: so
 * each file that is mapped executable is reached through the process itself
 * (/proc/PID/exe, /proc/PID/map_files, /proc/PID/root), checked to be the mapped inode, and
 * asked for its symbols. Only files that map at least a few megabytes are looked at: no
 * runtime is smaller, and most libraries are.
 *
 * Everything read here can change or vanish between two reads. The pidfd taken first, and
 * found alive at the end, says that all of it was about one process; exec(2) keeps the pid
 * and the pidfd, so the mappings and the executable are compared by inode.
 */
#define LOG_MODULE "find"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "target_process.h"
#include "util.h"

#define CANDIDATE_BYTES (4u << 20) /* mapped at least, unless the name says libnode */
#define FILES_MAX	512	   /* different files mapped; more are not looked at */
#define CODE_MAPS_MAX	16	   /* executable mappings of one file */
#define ANON_MAX	64	   /* executable mappings of no file, of at least a huge page */
#define HUGE_PAGE	(2u << 20)
#define ENDING_MS	200

/* A file that the process has mapped. */
struct mapped_file {
	uint32_t major, minor;
	uint64_t inode;
	uint64_t bytes;	      /* mapped in all */
	uint64_t start, end;  /* of one mapping, to name it in map_files */
	uint64_t image_start; /* lowest mapping of the file's beginning */
	bool has_start;
	unsigned int ncode;
	struct {
		uint64_t start, end, offset;
	} code[CODE_MAPS_MAX];
	char *path; /* as in maps */
};

struct mapped_files {
	struct mapped_file files[FILES_MAX];
	size_t n;
	bool overflow;
	struct {
		uint64_t start, end;
	} anon[ANON_MAX];
	size_t nanon;
};

static int refuse(struct target_why *why, int status, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(struct target_why *why, int status, int err, const char *fmt, ...)
{
	va_list ap;

	if (!why)
		return err;
	why->status = status;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

/* The reason for an error of reading /proc/PID. */
static int refuse_errno(struct target_why *why, pid_t pid, int err)
{
	switch (err) {
	case -ESRCH:
	case -ENOENT:
		return refuse(why, EX_LR_NO_TARGET, -ESRCH, "there is no process %d", pid);
	case -EACCES:
	case -EPERM:
		return refuse(
			why, EX_LR_PRIVILEGES, -EACCES,
			geteuid() == 0
				? "process %d may not be examined, not even by root: a security "
				  "module forbids it, or CAP_SYS_PTRACE was taken away"
				: "process %d may not be examined by this user: run as root, or "
				  "with CAP_SYS_PTRACE",
			pid);
	default:
		return refuse(why, EX_LR_RUNTIME, err, "process %d cannot be examined: %s", pid,
			      strerror(-err));
	}
}

static struct mapped_file *find_file(struct mapped_files *m, const struct proc_map *map)
{
	struct mapped_file *f;

	/* Mappings are sorted by address, so those of one file mostly follow each other. */
	for (size_t i = m->n; i-- > 0;) {
		f = &m->files[i];
		if (f->inode == map->inode && f->major == map->major && f->minor == map->minor)
			return f;
	}
	if (m->n == FILES_MAX) {
		m->overflow = true;
		return NULL;
	}
	f = &m->files[m->n];
	f->path = strdup(map->path);
	if (!f->path)
		return NULL;
	f->inode = map->inode;
	f->major = map->major;
	f->minor = map->minor;
	f->start = map->start;
	f->end = map->end;
	m->n++;
	return f;
}

static int add_map(const struct proc_map *map, void *ctx)
{
	struct mapped_files *m = ctx;
	struct mapped_file *f;

	if (!map->inode && map->exec && map->end - map->start >= HUGE_PAGE && m->nanon < ANON_MAX) {
		m->anon[m->nanon].start = map->start;
		m->anon[m->nanon].end = map->end;
		m->nanon++;
	}
	if (!map->inode)
		return 0;
	f = find_file(m, map);
	if (!f)
		return 0;
	f->bytes += map->end - map->start;
	if (map->offset == 0 && (!f->has_start || map->start < f->image_start)) {
		f->image_start = map->start;
		f->has_start = true;
	}
	if (map->exec && f->ncode < CODE_MAPS_MAX) {
		f->code[f->ncode].start = map->start;
		f->code[f->ncode].end = map->end;
		f->code[f->ncode].offset = map->offset;
		f->ncode++;
	}
	return 0;
}

static void mapped_files__free(struct mapped_files *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->files[i].path);
	free(m);
}

static bool is_candidate(const struct mapped_file *f)
{
	const char *name = strrchr(f->path, '/');

	if (!f->ncode)
		return false;
	return f->bytes >= CANDIDATE_BYTES || (name && strstr(name, "libnode"));
}

static bool is_inode(const char *path, uint64_t inode)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == inode;
}

/*
 * A way to open the mapped file. map_files needs CAP_CHECKPOINT_RESTORE (or CAP_SYS_ADMIN),
 * exe and root the right to ptrace; root cannot reach a file that was deleted.
 */
static bool image_path(struct target_process *p, const struct mapped_file *f, const char *exe)
{
	size_t len = sizeof(p->image);

	snprintf(p->image, len, "/proc/%d/exe", p->pid);
	if (strcmp(f->path, exe) == 0 && is_inode(p->image, f->inode)) {
		p->kind = TARGET_STATIC;
		return true;
	}
	p->kind = TARGET_LIBNODE;
	snprintf(p->image, len, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, p->pid, f->start,
		 f->end);
	if (is_inode(p->image, f->inode))
		return true;
	snprintf(p->image, len, "/proc/%d/root%s", p->pid, f->path);
	return f->path[0] == '/' && is_inode(p->image, f->inode);
}

/*
 * Cuts the kernel's mark of a deleted file off @path. A file may be called that: then it is
 * there, and is the one that is mapped (@inode).
 */
static bool cut_deleted(const struct target_process *p, char *path, uint64_t inode)
{
	char full[PATH_MAX + 64];

	snprintf(full, sizeof(full), "/proc/%d/root%s", p->pid, path);
	if (is_inode(full, inode))
		return false;
	return proc_path__cut_deleted(path);
}

/*
 * Whether what is executed there are the file's pages. Before 26, --use-largepages moves most
 * of the code into anonymous huge pages at the same addresses: a probe in the file would
 * never be hit there. @shift is address minus file offset of the runtime's code; V8 maps
 * parts of the same file a second time elsewhere.
 */
static bool is_code_mapped(const struct mapped_files *m, const struct mapped_file *f,
			   uint64_t shift)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (unsigned int i = 0; i < f->ncode; i++) {
		if (f->code[i].start - f->code[i].offset != shift)
			continue;
		low = min_t(uint64_t, low, f->code[i].start);
		high = max_t(uint64_t, high, f->code[i].end);
	}
	for (size_t i = 0; i < m->nanon; i++)
		if (m->anon[i].start >= low && m->anon[i].end <= high)
			return false;
	return high > 0;
}

/* Where the runtime's code is in the process. */
static void locate(struct target_process *p, const struct mapped_files *m,
		   const struct mapped_file *f)
{
	const struct target_image *img = &p->node;
	uint64_t shift = 0;
	bool found = false;

	for (unsigned int i = 0; i < f->ncode && img->anchor_addr && !found; i++) {
		uint64_t start = f->code[i].start, offset = f->code[i].offset;

		found = img->anchor_offset >= offset &&
			img->anchor_offset - offset < f->code[i].end - start;
		shift = start - offset;
	}
	if (found)
		p->load_bias = shift + img->anchor_offset - img->anchor_addr;
	else if (img->pie && f->has_start)
		p->load_bias = f->image_start - img->base;
	/* A file that is not position independent is where it says, or is not what runs. */
	p->code_mapped = found && is_code_mapped(m, f, shift) && (img->pie || p->load_bias == 0);
}

/* Returns 0 if the file is a Node.js runtime, -ENOEXEC if not, or why it cannot be told. */
static int try_file(struct target_process *p, const struct mapped_files *m,
		    const struct mapped_file *f, const char *exe)
{
	int err;

	if (!image_path(p, f, exe))
		return -EACCES;
	err = target_image__examine(&p->node, p->image);
	if (err)
		return err;
	if (!p->node.is_node)
		return -ENOEXEC;
	snprintf(p->path, sizeof(p->path), "%s", f->path);
	p->deleted = cut_deleted(p, p->path, f->inode);
	locate(p, m, f);
	return 0;
}

static int find_runtime(struct target_process *p, struct target_why *why)
{
	struct mapped_files *m = calloc(1, sizeof(*m));
	char exe[PATH_MAX], link[32];
	bool denied = false;
	struct stat st;
	int err = -ENOMEM;
	ssize_t len;

	if (!m)
		goto out;
	snprintf(link, sizeof(link), "/proc/%d/exe", p->pid);
	len = readlink(link, exe, sizeof(exe) - 1);
	err = len < 0 ? -errno : proc_maps__for_each(p->pid, add_map, m);
	if (err)
		goto out;
	exe[len] = '\0';
	if (m->overflow)
		log_debug("process %d: more than %d files mapped", p->pid, FILES_MAX);
	err = -ENOEXEC;
	for (size_t i = 0; i < m->n && err; i++) {
		if (!is_candidate(&m->files[i]))
			continue;
		err = try_file(p, m, &m->files[i], exe);
		denied |= err == -EACCES || err == -EPERM;
	}
	snprintf(p->exe, sizeof(p->exe), "%s", exe);
	if (stat(link, &st) == 0)
		cut_deleted(p, p->exe, st.st_ino);
	if (err)
		err = denied ? -EACCES : -ENOEXEC;
out:
	mapped_files__free(m);
	if (err == -ENOEXEC)
		return refuse(why, EX_LR_NO_TARGET, err,
			      "process %d (%s) is not Node.js: nothing it has mapped exports V8 "
			      "and Node.js",
			      p->pid, p->comm);
	return err ? refuse_errno(why, p->pid, err) : 0;
}

static void read_args(struct target_process *p)
{
	char path[32];
	long len;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", p->pid);
	len = read_file(path, p->args, sizeof(p->args));
	if (len == -EFBIG)
		len = sizeof(p->args) - 1;
	p->args_len = len > 0 ? (size_t)len : 0;
}

static int open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

/* What the process is, apart from its runtime. */
static int identify(struct target_process *p, struct target_why *why)
{
	struct proc_status status;
	struct proc_stat stat;
	int err;

	err = proc_status__read(&status, p->pid);
	if (err)
		return refuse_errno(why, p->pid, err);
	if (status.tgid != p->pid)
		return refuse(why, EX_LR_NO_TARGET, -ESRCH,
			      "%d is a thread of process %d, not a process", p->pid, status.tgid);
	p->pidfd = open_pidfd(p->pid);
	if (p->pidfd < 0 && p->pidfd != -ENOSYS)
		return refuse_errno(why, p->pid, p->pidfd);
	err = proc_stat__read(&stat, p->pid);
	if (err)
		return refuse_errno(why, p->pid, err);
	if (stat.state == 'Z' || stat.state == 'X')
		return refuse(why, EX_LR_NO_TARGET, -ESRCH, "process %d (%s) has exited", p->pid,
			      stat.comm);
	if (stat.kernel_thread)
		return refuse(why, EX_LR_NO_TARGET, -ENOEXEC,
			      "process %d (%s) is a kernel thread, not Node.js", p->pid, stat.comm);
	memcpy(p->comm, stat.comm, sizeof(p->comm));
	p->ppid = stat.ppid;
	p->threads = stat.threads;
	p->start_time = stat.start_time;
	p->nspid = status.nspid;
	p->uid = status.uid;
	return 0;
}

static bool has_ended(const struct target_process *p, int err)
{
	if (err && !p->start_time)
		return false;
	/* What may not be examined even by root is mostly what has no memory any more. */
	if (err == -EACCES)
		return geteuid() == 0 && target_process__is_ending(p);
	return !target_process__alive(p);
}

int target_process__open(struct target_process **out, pid_t pid, struct target_why *why)
{
	struct target_process *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (!p)
		return refuse_errno(why, pid, -ENOMEM);
	p->pid = pid;
	p->pidfd = -1;
	err = identify(p, why);
	if (!err)
		err = find_runtime(p, why);
	if (!err)
		read_args(p);
	/* If it ended meanwhile, that is the reason, whatever the last read said. */
	if (has_ended(p, err))
		err = refuse(why, EX_LR_NO_TARGET, -ESRCH, "process %d has exited", pid);
	if (err) {
		target_process__free(p);
		return err;
	}
	*out = p;
	return 0;
}

void target_process__free(struct target_process *p)
{
	if (!p)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p);
}

bool target_process__alive(const struct target_process *p)
{
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};
	struct proc_stat stat;

	/* A pidfd becomes readable when the process has exited. */
	if (p->pidfd >= 0)
		return poll(&pfd, 1, 0) == 0;
	return proc_stat__read(&stat, p->pid) == 0 && stat.start_time == p->start_time &&
	       stat.state != 'Z';
}

bool target_process__is_ending(const struct target_process *p)
{
	struct pollfd pfd = {.fd = p->pidfd, .events = POLLIN};

	if (p->pidfd >= 0)
		poll(&pfd, 1, ENDING_MS);
	return !target_process__alive(p);
}

const char *target_process__linked(const struct target_process *p)
{
	return p->kind == TARGET_LIBNODE ? "libnode" : "static";
}

void target_process__args(const struct target_process *p, char *buf, size_t len)
{
	size_t n = p->args_len;

	if (len == 0)
		return;
	while (n > 0 && p->args[n - 1] == '\0')
		n--;
	proc_text__printable(buf, len, p->args, n);
}

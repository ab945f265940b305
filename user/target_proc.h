/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What /proc says about a process, as text and nothing else. The text is only half
 * trustworthy: a process chooses its own name, arguments and file names, so every field is
 * found without relying on theirs.
 */
#ifndef LOOPRAY_TARGET_PROC_H
#define LOOPRAY_TARGET_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_COMM_MAX 64 /* kernel workers have names longer than the usual 15 */

struct proc_stat {
	char comm[PROC_COMM_MAX]; /* printable */
	char state;		  /* 'R', 'S', ..., 'Z' */
	pid_t ppid;
	bool kernel_thread;
	uint32_t threads;
	uint64_t start_time; /* clock ticks since boot, field 22 */
};

struct proc_status {
	pid_t tgid;  /* differs from the pid asked for: that is a thread */
	pid_t nspid; /* in the innermost pid namespace */
	uid_t uid;   /* effective */
};

/* One line of /proc/PID/maps. */
struct proc_map {
	uint64_t start, end;
	uint64_t offset;
	uint64_t inode; /* 0: not a file */
	uint32_t major, minor;
	bool exec;
	char path[PATH_MAX]; /* as the kernel prints it, perhaps with " (deleted)" behind */
};

/* Each returns 0, or -EINVAL if the text is not what the kernel writes. */
int proc_stat__parse(struct proc_stat *st, const char *text);
int proc_status__parse(struct proc_status *st, const char *text);
int proc_map__parse(struct proc_map *map, const char *line);

/* Of /proc/PID. Return 0, -ESRCH if there is no such process, or another -errno. */
int proc_stat__read(struct proc_stat *st, pid_t pid);
int proc_status__read(struct proc_status *st, pid_t pid);

/*
 * Calls @fn for every mapping until it returns non-zero, which is then returned. -ESRCH if
 * the process is gone, -EACCES if it may not be looked at, or another -errno.
 */
int proc_maps__for_each(pid_t pid, int (*fn)(const struct proc_map *map, void *ctx), void *ctx);

/*
 * Copies @len bytes of text that someone else chose, so that it can be shown on a terminal:
 * control characters, also those of C1 in UTF-8, become '?', NULs blanks.
 */
void proc_text__printable(char *buf, size_t cap, const char *text, size_t len);

/* Whether @path ends with the kernel's mark of an unlinked file; the mark is cut off. */
bool proc_path__cut_deleted(char *path);

#endif

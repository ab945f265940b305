/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that runs Node.js, found by what it has mapped and what that exports; its name,
 * its path and its arguments decide nothing.
 *
 * Lifecycle: target_process__open (or __scan, which opens each), the fields, __free
 * (NULL-safe). The pidfd inside pins the identity: as long as target_process__alive is true,
 * the pid still means this process.
 */
#ifndef LOOPRAY_TARGET_PROCESS_H
#define LOOPRAY_TARGET_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target_image.h"
#include "target_proc.h"

#define TARGET_ARGS_MAX 2048

enum target_kind {
	TARGET_STATIC,	/* the runtime is the executable */
	TARGET_LIBNODE, /* it is a shared library */
};

struct target_process {
	pid_t pid; /* as loopray's pid namespace has it, as all pids here */
	pid_t ppid;
	pid_t nspid; /* as the process sees itself */
	uid_t uid;
	uint64_t start_time; /* clock ticks since boot: with the pid, the process's identity */
	uint32_t threads;
	int pidfd; /* -1 on kernels before 5.3 */
	char comm[PROC_COMM_MAX];
	char exe[PATH_MAX]; /* as the process names it, without the mark of a deleted file */
	char args[TARGET_ARGS_MAX]; /* NUL after each argument, cut off at the end */
	size_t args_len;

	/* The runtime: the executable or libnode.so. */
	enum target_kind kind;
	char path[PATH_MAX];	   /* as the process names it */
	char image[PATH_MAX + 64]; /* by which loopray can open it while the process lives */
	bool deleted;		   /* the file at @path, if any, is another one */
	uint64_t load_bias;	   /* virtual address in the file + this = address in the process */
	bool code_mapped;	   /* its code is the file's: probes in the file take effect */
	struct target_image node;
};

/* Why something cannot be done, for people and as an exit status (enum exit_status). */
struct target_why {
	int status;
	char text[256];
};

/*
 * Opens process @pid. Returns 0; or, with @why filled in (it may be NULL): -ESRCH no such
 * process, or it ended meanwhile; -ENOEXEC not Node.js; -EACCES not permitted; or another
 * -errno.
 */
int target_process__open(struct target_process **out, pid_t pid, struct target_why *why);
void target_process__free(struct target_process *p);

bool target_process__alive(const struct target_process *p);

/*
 * Whether it ends, asked after something failed for it: its memory and its files in /proc go
 * first, and only then does the pidfd say so. Waits for that for a moment.
 */
bool target_process__is_ending(const struct target_process *p);

/* "static" or "libnode". */
const char *target_process__linked(const struct target_process *p);

/* The arguments on one line, separated by blanks, printable. */
void target_process__args(const struct target_process *p, char *buf, size_t len);

struct target_scan {
	unsigned int node;   /* handed to the callback */
	unsigned int other;  /* not Node.js */
	unsigned int denied; /* may not be examined: may or may not be Node.js */
	unsigned int failed; /* could not be examined for another reason */
};

/*
 * Opens every Node.js process and hands it to @fn, which owns it from then on. Ends when
 * @fn returns non-zero, and returns that; else 0 or -errno if there is no /proc.
 * @counts may be NULL.
 */
int target_process__scan(int (*fn)(struct target_process *p, void *ctx), void *ctx,
			 struct target_scan *counts);

#endif

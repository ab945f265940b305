/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Into the kernel and out again. Lifecycle: kern__load, kern__add_process for each target,
 * kern__attach_bytes once, kern__attach_image for each target, then kern__detach and
 * kern__free (NULL-safe; both leave nothing behind, and so does the end of the process).
 *
 * Errors are -errno; -EPERM and -EACCES mean that a privilege is missing (kern_features says
 * which), -EOPNOTSUPP that this kernel cannot do what was asked for.
 */
#ifndef LOOPRAY_KERN_H
#define LOOPRAY_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "probes.h"
#include "stats.h"
#include "target_code.h"
#include "target_elf.h"
#include "target_jobs.h"

struct kern;

enum kern_attach { KERN_ATTACH_AUTO, KERN_ATTACH_MULTI, KERN_ATTACH_PERF };
enum kern_bytes { KERN_BYTES_AUTO, KERN_BYTES_TRACEPOINT, KERN_BYTES_SYSCALL };

/*
 * What is written by the targets beside responses. Which of the first two: by what their standard
 * output and error are.
 */
#define KERN_LINES_SOCKET (1u << 0)
#define KERN_LINES_OTHER  (1u << 1)
#define KERN_LINES_CALLS  (1u << 2) /* to other services: the first bytes */
#define KERN_LINES_EVERY  (1u << 3) /* lines also where no store can be active */
#define KERN_LINES_TTY	  (1u << 4) /* a terminal is among them */
#define KERN_LINES_ALL	  (KERN_LINES_SOCKET | KERN_LINES_OTHER | KERN_LINES_CALLS)

struct kern_opts {
	uint32_t level; /* LR_LEVEL_* */
	uint32_t lines; /* KERN_LINES_*; 0: nothing of it is looked at */
	enum kern_attach attach;
	enum kern_bytes bytes;
	uint32_t ring_bytes; /* power of two, 0: default */
	pid_t single;	     /* the only target there will be, 0: several or unknown */
	bool follow;
	const struct lr_path *context_path; /* read in every store; NULL: none */
};

int kern__load(struct kern **out, const struct kern_opts *opts);
void kern__free(struct kern *k);

/* Makes the BPF side take notice of process @tgid; a second call replaces the layout. */
int kern__add_process(struct kern *k, pid_t tgid, const struct lr_process_config *config);
int kern__remove_process(struct kern *k, pid_t tgid);

/* Reports what process @tgid executes and starts, without observing it. */
int kern__follow_process(struct kern *k, pid_t tgid);

/* Connections to this port are known from when they are established. */
int kern__serve_port(struct kern *k, uint16_t port);

/* Attaches the tracepoints that see bytes, connections and process ends. */
int kern__attach_bytes(struct kern *k);

/*
 * Makes writes to standard output and error seen, as far as kern_opts.lines says; later calls do
 * nothing. Where it cannot be done all else works: -errno, and kern__probes says why.
 */
int kern__attach_lines(struct kern *k);

/*
 * Places the uprobes of the level in one process's image. @path is opened by the kernel
 * (/proc/PID/exe and the like), @dev and @inode identify it: an image is probed once where
 * the kernel cannot filter by process. On failure @why names the probe.
 */
int kern__attach_image(struct kern *k, const struct target_elf *elf, const char *path, pid_t pid,
		       uint64_t dev, uint64_t inode, char *why, size_t why_len);

/* Finds, and reads into memory, where kern__attach_image will place its probes. */
void kern__prepare_image(struct kern *k, const struct target_elf *elf, const char *path);

/*
 * The same for the probes on the thread pool where libuv is a library of its own. Returns what the
 * first one that could not be placed came to; the others are all the same.
 */
int kern__attach_library(struct kern *k, const struct target_elf *elf, const char *path, pid_t pid,
			 uint64_t dev, uint64_t inode);

/* Removes every probe; the maps stay readable. Safe to call twice. */
void kern__detach(struct kern *k);

int kern__ring_fd(const struct kern *k);

/* Sums of the per-CPU counters, LR_STAT_COUNT of them. */
int kern__stats(const struct kern *k, uint64_t sums[LR_STAT_COUNT]);

/* Coverage: tracepoints and uprobes alike, attached or not. */
struct kern_probe {
	const char *name;
	char site[96];	  /* where, e.g. "AsyncReset+0x0 push, 1 site" */
	char reason[128]; /* why it is not attached */
	bool attached;
	uint64_t hits;
	uint64_t misses; /* runs the kernel skipped: a program was already running on that CPU */
};

/* Fills at most @cap; returns how many there are. */
size_t kern__probes(const struct kern *k, struct kern_probe *probes, size_t cap);

/* Whether @probe has at least one site in some image. */
bool kern__attached(const struct kern *k, enum lr_probe probe);

#endif

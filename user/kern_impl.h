/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the kern_ files only. */
#ifndef LOOPRAY_KERN_IMPL_H
#define LOOPRAY_KERN_IMPL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kern.h"
#include "loopray.skel.h"

#define KERN_MAX_SITES	32 /* of one probe in one image */
#define KERN_MAX_IMAGES 64

#define KERN_PARTS 4 /* that programs are loaded in at once */

/* The programs of the skeleton, by name. */
struct kern_programs {
	__typeof__(((struct loopray_bpf *)NULL)->progs) by;
};

/* One attachment: a uprobe_multi link by descriptor, or a libbpf link. */
struct kern_link {
	int fd;
	struct bpf_link *link;
};

/* State of one row of the probe table. */
struct kern_probe_state {
	uint32_t sites;
	uint32_t single_stepped; /* sites that could not be placed on a cheap instruction */
	char where[64];		 /* first site */
	char reason[128];
};

/* How writes to standard output and error that are no sockets are seen. */
enum kern_lines_way {
	LINES_NO,
	LINES_FEXIT,	  /* trampolines at the exits of write and writev */
	LINES_SYS_EXIT,	  /* the exits of all system calls, which are watched anyway */
	LINES_TRACEPOINT, /* the tracepoints of write and writev: slows down every system call */
};

struct kern {
	struct kern_opts opts;
	struct loopray_bpf *skel;	      /* has the maps */
	struct loopray_bpf *part[KERN_PARTS]; /* have the programs */
	struct kern_programs progs;	      /* of the parts; not loaded: of @skel */
	struct kern_link *links;
	size_t nlinks, links_cap;
	size_t bytes_from, bytes_to; /* links of kern__attach_bytes */
	struct kern_probe_state probes[LR_PROBE_COUNT];
	struct {
		uint64_t dev, inode;
	} images[KERN_MAX_IMAGES]; /* probed for all processes */
	size_t nimages;
	int stat_cpus;
	bool bytes_attached; /* stays true after the detach: what the coverage was */
	enum kern_lines_way lines;
	bool lines_attached;
	char lines_reason[96];
};

struct kern_probe_def {
	const char *name;
	const char *symbols;
	bool required;
	uint32_t level;
	uint32_t keep;
};

/* kern_parts.c: loads what is set to be loaded of @progs, which then are those of the parts. */
int kern_parts__load(struct kern *k);

/* Sends libbpf's words to the log, at -vv. */
void kern__init_log(void);

extern const struct kern_probe_def kern_probe_defs[LR_PROBE_COUNT];

struct bpf_program *kern__program(const struct kern *k, enum lr_probe probe);

/* kern_lines.c: which programs are loaded, and how they show in the coverage (0 or 1 row). */
void kern_lines__choose(struct kern *k);
size_t kern_lines__row(const struct kern *k, struct kern_probe *row);
/* Runs that the kernel skipped as a program was already running on that CPU. */
uint64_t kern__misses(const struct bpf_program *prog);

/* Attaches a program by its section, unless it was not loaded. */
int kern__attach_tracepoint(struct kern *k, struct bpf_program *prog);

/* Remembers a link; takes ownership of @fd or @link also when it fails. */
int kern__keep_link(struct kern *k, int fd, struct bpf_link *link);

#endif

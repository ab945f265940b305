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

struct kern {
	struct kern_opts opts;
	struct loopray_bpf *skel;
	struct kern_link *links;
	size_t nlinks, links_cap;
	struct kern_probe_state probes[LR_PROBE_COUNT];
	struct {
		uint64_t dev, inode;
	} images[KERN_MAX_IMAGES]; /* probed for all processes */
	size_t nimages;
	int stat_cpus;
	bool bytes_attached; /* stays true after the detach: what the coverage was */
};

struct kern_probe_def {
	const char *name;
	const char *symbols;
	bool required;
	uint32_t level;
	uint32_t keep;
};

/* Sends libbpf's words to the log, at -vv. */
void kern__init_log(void);

extern const struct kern_probe_def kern_probe_defs[LR_PROBE_COUNT];

struct bpf_program *kern__program(const struct kern *k, enum lr_probe probe);

/* Remembers a link; takes ownership of @fd or @link also when it fails. */
int kern__keep_link(struct kern *k, int fd, struct bpf_link *link);

#endif

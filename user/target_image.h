/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one file is: a Node.js runtime or not, and which. The verdict is remembered per file,
 * so that looking at hundreds of processes opens each binary once.
 */
#ifndef LOOPRAY_TARGET_IMAGE_H
#define LOOPRAY_TARGET_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target_elf.h"

struct target_image {
	dev_t dev; /* as stat(2) has it; /proc/PID/maps may show another one */
	ino_t ino;
	bool is_node;
	bool pie;
	uint64_t base;		/* see target_elf__base */
	uint64_t anchor_addr;	/* a function every runtime exports, 0 if this one does not */
	uint64_t anchor_offset; /* its place in the file */
	char version[24];	/* "22.21.1", empty if it could not be told for certain */
	char build_id[80];
	char why[160]; /* if it is no runtime: why the file could not be read, or empty */
};

/*
 * Examines the file at @path, or recalls what is known of it: same device, inode, size and
 * modification time. Returns 0, also for a file that is no runtime; -errno if it cannot be
 * opened.
 */
int target_image__examine(struct target_image *img, const char *path);

/* Forgets every verdict. */
void target_image__forget(void);

/*
 * "major.minor.patch" of a runtime, read from the constant that its exported function
 * napi_get_node_version hands out. Returns 0, or -ENOENT if that cannot be told for certain.
 */
int target_image__version(const struct target_elf *elf, char *buf, size_t len);

#endif

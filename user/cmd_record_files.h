/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The file or files that a recording goes to. Without rotation it is one. With it, FILE.lray
 * becomes FILE-0001.lray, FILE-0002.lray and so on, behind the highest number that is there; each
 * is a whole capture that can be read without the others (flow_state.h), and comes by its name
 * when it is whole. Beyond @keep the oldest are deleted, those of earlier runs too.
 */
#ifndef LOOPRAY_CMD_RECORD_FILES_H
#define LOOPRAY_CMD_RECORD_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"

struct record_files;

struct record_files_opts {
	const char *path;    /* "-" is standard output: one file only */
	const char *command; /* as in out_capture_opts; both live as long as the object */
	bool rotate;
	uint64_t rotate_bytes; /* of a file, 0: whatever its size */
	uint64_t rotate_ns;    /* 0: whatever its age */
	uint32_t keep;	       /* files, 0: all */
};

struct record_files_stats {
	uint32_t files;	   /* begun */
	uint64_t requests; /* heads seen */
	uint64_t lost;	   /* sum of the FE_LOSS events */
	uint64_t bytes;	   /* of all files */
};

/* No file is made before the first event. 0 or -ENOMEM. */
int record_files__new(struct record_files **out, const struct record_files_opts *opts);
/* A flow_sink. 0 or -errno of making the first file; later ones go on in the file that there is. */
int record_files__event(void *files, const struct flow_event *ev);
/* To be called by a timer: writes out what is old, and begins a new file if that is due. */
int record_files__tick(struct record_files *f, uint64_t now_ns);
/* Begins a new file now. */
void record_files__rotate(struct record_files *f);
void record_files__stats(const struct record_files *f, struct record_files_stats *stats);
/* Name of the file that is written, or of the last one; NULL: none was made. */
const char *record_files__name(const struct record_files *f);
/*
 * Ends and frees. @clean as in out_capture__close. Returns 0 or the first -errno of any file. The
 * stats before it lack what the last file still has to write; with @stats they do not.
 */
int record_files__close(struct record_files *f, bool clean, struct record_files_stats *stats);

#endif

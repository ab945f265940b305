/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One line on standard error that tells how far work on a file has come; nothing on its own. */
#ifndef LOOPRAY_PROGRESS_H
#define LOOPRAY_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "out_capture.h"

#define PROGRESS_TEXT 128

struct progress {
	uint64_t begin_ns;
	uint64_t shown_ns; /* 0: never */
};

#define PROGRESS_EVENTS 4096 /* of a capture, between two looks at the clock: some milliseconds */

/* Whether it is to be told of at all: on a terminal, unless asked to be quiet or to say more. */
bool progress__wanted(enum log_level level);
/* Work begins. Times are CLOCK_MONOTONIC nanoseconds. */
void progress__begin(struct progress *p, uint64_t now_ns);
/*
 * Whether the line is due now, which is so four times a second and not in the first half second:
 * what is done by then needs none.
 */
bool progress__due(const struct progress *p, uint64_t now_ns);
/* The line: @what, a bar, the share done and the time left. @total 0: it is not known. */
void progress__text(const struct progress *p, const char *what, uint64_t done, uint64_t total,
		    uint64_t now_ns, char text[PROGRESS_TEXT]);
/* Writes it to standard error. */
void progress__show(struct progress *p, const char *what, uint64_t done, uint64_t total,
		    uint64_t now_ns);
/* Shows how much of a capture was read, if the line is due. */
void progress__reading(struct progress *p, const struct capture_reader *reader);
/* Takes the line away, if there is one. */
void progress__end(struct progress *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A capture under a clock of its own: fed to a sink up to any moment of it, forwards or back,
 * paused, stepped, at any speed. Times are those of the capture (CLOCK_MONOTONIC nanoseconds of
 * the recording machine).
 */
#ifndef LOOPRAY_REPLAY_H
#define LOOPRAY_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"
#include "out_capture.h"

struct replay;

/*
 * As capture_reader__open. Reads the file once to know its end; one that is cut off or damaged ends
 * where it can no longer be read, as the info says. What cannot be read twice, such as a pipe, is
 * -ESPIPE. A reading that lasts is told of on standard error if @show_progress. The clock is paused
 * at the start, its speed is 1.
 */
int replay__open(struct replay **out, const char *path, bool show_progress, char *err_text,
		 size_t err_cap);
void replay__free(struct replay *r);

const struct capture_info *replay__info(const struct replay *r);
uint64_t replay__start(const struct replay *r);
uint64_t replay__end(const struct replay *r);

/* The clock, which stays at the end. @wall_ns is the reader's own CLOCK_MONOTONIC. */
uint64_t replay__now(const struct replay *r, uint64_t wall_ns);
void replay__pause(struct replay *r, bool paused, uint64_t wall_ns);
bool replay__paused(const struct replay *r);
void replay__speed(struct replay *r, double speed, uint64_t wall_ns); /* 0.1 to 100 */
double replay__speed_of(const struct replay *r);
void replay__seek(struct replay *r, uint64_t ts, uint64_t wall_ns); /* held within the capture */

/*
 * Feeds what comes before @ts and was not fed, in the order of the file; at the end, all of it. 0;
 * 1: @ts is before what was fed, so that whoever collects must begin anew (replay__rewind); or
 * what the sink returned, or -ENOMEM.
 */
int replay__feed(struct replay *r, uint64_t ts, const struct flow_sink *sink);
int replay__rewind(struct replay *r); /* 0 or -errno */

#endif

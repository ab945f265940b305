/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A capture fed to a pipeline and a collector up to a moment of it, forwards or back: what a
 * dashboard of it shows. Long ways are gone in slices, so that whoever waits can be told, and can
 * leave.
 */
#ifndef LOOPRAY_TOP_REPLAY_H
#define LOOPRAY_TOP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "model_live.h"
#include "options.h"
#include "replay.h"

struct top_replay;

/* The capture of @opts. 0 or -errno, after it was said why. @step_ns: of the collector. */
int top_replay__new(struct top_replay **out, const struct options *opts, uint64_t step_ns);
void top_replay__free(struct top_replay *f);
struct replay *top_replay__clock(struct top_replay *f);

/* Goes on towards @ts, for about @slice_ns (0: all the way). 0 or -errno. */
int top_replay__feed(struct top_replay *f, uint64_t ts, uint64_t slice_ns);
/* Whether it is where it was to go. */
bool top_replay__there(const struct top_replay *f);
/* The moment that it is at. */
uint64_t top_replay__at(const struct top_replay *f);
/* A snapshot of that moment. 0 or -errno. */
int top_replay__view(struct top_replay *f, struct live_view **out);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The dashboard where there is no terminal: a row, or a JSON object, for each step of a view.
 * Nothing is redrawn, so that the output may be a file, a pipe or a log.
 */
#ifndef LOOPRAY_OUT_TOP_H
#define LOOPRAY_OUT_TOP_H

#include <stdbool.h>

#include "json.h"
#include "model_live.h"
#include "out.h"

struct out_top;

struct out_top_opts {
	bool json;
	unsigned int rows; /* below one line of titles; 0: 20 */
};

/* Writes to @file, which stays the caller's. 0 or -ENOMEM. */
int out_top__new(struct out_top **out, struct out_file *file, const struct out_top_opts *opts);
void out_top__free(struct out_top *t);

/*
 * Writes the steps of @v that are over and were not written. @last: there is no later view, so
 * that the step being made is written too if anything happened in it. 0 or -errno.
 */
int out_top__view(struct out_top *t, const struct live_view *v, bool last);

/* out_top_json.c */
struct top_json;

int top_json__new(struct top_json **out, struct out_file *file);
void top_json__free(struct top_json *t);
int top_json__step(struct top_json *t, const struct live_view *v, const struct live_step *s);

/* When the step ended by the wall clock of the recording machine; 0: not known. */
uint64_t live_step__wall_end(const struct live_view *v, const struct live_step *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two observations side by side, A (before, the reference) and B (after): each figure of both, the
 * difference, and whether B is worse. The judgement is the direction's alone: 5% is not a
 * statement about chance, which two runs cannot tell.
 */
#ifndef LOOPRAY_OUT_COMPARE_H
#define LOOPRAY_OUT_COMPARE_H

#include "model.h"
#include "out.h"

#define COMPARE_SAME 0.05 /* what differs by no more than this part of A is not judged */

/* One of the two. All of it is the caller's. */
struct compare_side {
	const char *file;
	const struct model *m;
	const struct out_opts *opts;
};

/* @side[0] is A. Text for people, or one object, schema loopray.compare/1. 0 or -errno. */
int out_compare__text(struct out_file *f, const struct compare_side side[2]);
int out_compare__json(struct out_file *f, const struct compare_side side[2]);

#endif

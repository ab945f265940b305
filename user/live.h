/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The collector of model_live.h behind a pipeline, and views of both together. */
#ifndef LOOPRAY_LIVE_H
#define LOOPRAY_LIVE_H

#include "model_live.h"
#include "out.h"
#include "pipeline.h"

/* As an output format without a file: pipeline_opts.format, its state the struct live. */
extern const struct out_format live_format;

/*
 * Tells the collector which pipeline feeds it, before the first event: what was in flight and how
 * many resources were alive at the end of each step is asked there. @p outlives the feeding.
 */
void live__follow(struct live *l, struct pipeline *p);

/*
 * A snapshot at @now_ns, which is no earlier than that of the view before: steps up to it are made.
 * It owns @m, a model of the same moment, also on failure. 0 or -ENOMEM.
 */
int live__view(struct live *l, struct pipeline *p, struct model *m, uint64_t now_ns,
	       struct live_view **out);

#endif

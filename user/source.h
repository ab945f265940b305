/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where flow events come from: a capture file, or live processes. The commands that only
 * consume events do not care which.
 */
#ifndef LOOPRAY_SOURCE_H
#define LOOPRAY_SOURCE_H

#include "flow_event.h"
#include "model.h"
#include "options.h"
#include "out.h"

struct source;

/* Opens what @cli names. Returns an exit status; errors have been said. */
int source__open(struct source **out, const struct options *cli);
void source__free(struct source *s);

/* Clocks and origin for the output; valid until source__free. */
const struct out_opts *source__out_opts(const struct source *s);

/*
 * Feeds @sink until the source is exhausted. Returns an exit status. A signal ends a live session
 * in order: what it has observed counts. Of a capture it leaves nothing: EX_LR_SIGNAL and its
 * number.
 */
int source__run(struct source *s, const struct flow_sink *sink);

/* What only the source knows about the observation: its times, what it could not write. */
struct model_view source__view(const struct source *s);

/* A sentence on why the capture is not whole, or NULL. */
const char *source__incomplete(const struct source *s);

/* The status to end with: @status, or EX_LR_LOSS if --fail-on-loss was given and @lost. */
int source__loss_status(const struct options *cli, int status, uint64_t lost);

#endif

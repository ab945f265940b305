/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of targets, for people and as JSON lines. */
#ifndef LOOPRAY_OUT_LOGS_H
#define LOOPRAY_OUT_LOGS_H

#include <stdio.h>

#include "flow_line.h"
#include "out.h"

/*
 * Text that came from outside, such that it says nothing to a terminal: control characters, what
 * turns the direction of writing, and bytes that are no UTF-8 as \xNN or \uNNNN. A tab stays.
 * Returns how many characters it wrote.
 */
int out_logs__safe(FILE *f, const char *s, size_t len);

/* One line of output each. Of @opts the clocks and color matter. */
void out_logs__text(FILE *f, const struct out_opts *opts, const struct log_line *line);
void out_logs__json(FILE *f, const struct out_opts *opts, const struct log_line *line);

#endif

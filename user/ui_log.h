/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Diagnostics while the screen is taken: kept, shown in a line and a list, and written to stderr
 * when the terminal is itself again.
 */
#ifndef LOOPRAY_UI_LOG_H
#define LOOPRAY_UI_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"

#define UI_LOG_LINES 200

struct ui_log_line {
	enum log_level level;
	char text[256];
};

struct ui_log {
	struct ui_log_line line[UI_LOG_LINES]; /* a ring: number n is at n % UI_LOG_LINES */
	size_t n;			       /* in all */
	size_t seen;			       /* by the reader */
};

/* From here on log_write goes to @l; it must live until ui_log__end. */
void ui_log__begin(struct ui_log *l);
/* Back to stderr, and what was kept is written there. */
void ui_log__end(struct ui_log *l);

/* A message of the dashboard itself, which is not written to stderr afterwards. */
void ui_log__note(struct ui_log *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The last message, if it was not seen yet and is no less than a warning; else NULL. */
const struct ui_log_line *ui_log__unseen(const struct ui_log *l);

#endif

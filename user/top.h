/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The dashboard put together: a feed, which has the data and the loop that waits, the state of the
 * screen, and the terminal.
 */
#ifndef LOOPRAY_TOP_H
#define LOOPRAY_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model_live.h"
#include "options.h"
#include "ui_keys.h"

struct top;

/* Where the data comes from: live processes, or a capture. @feed is its own state. */
struct top_feed {
	bool replay; /* its time can be controlled */
	/*
	 * Owns the loop until the end: calls top__ready once, top__input whenever top__fd is
	 * readable, and top__tick about every top__interval_ns, until one of the latter two is
	 * non-zero. Returns an exit status; what went wrong has been said.
	 */
	int (*run)(void *feed, struct top *t);
	/* A snapshot of now, the caller's. 0 or -errno. */
	int (*view)(void *feed, struct live_view **out);
	/* Observes one more process; an exit status. NULL: cannot. */
	int (*observe)(void *feed, pid_t pid);
	/* Writes what was seen to a file and says in @said what came of it. NULL: cannot. */
	void (*write)(void *feed, char *said, size_t len);
	/* The keys of a replay. NULL: it has none. */
	void (*time)(void *feed, enum ui_action action);
	/* What is to be said of its time beside the title. NULL: nothing. */
	void (*status)(void *feed, char *buf, size_t len);
};

/*
 * Takes the terminal, lets processes be chosen where @opts names none and the feed is live, and
 * runs the feed. Returns an exit status.
 */
int top__run(const struct options *opts, const struct top_feed *feed, void *state);

/* For feeds. The options with the processes that were chosen: valid while it runs. */
const struct options *top__options(const struct top *t);
uint64_t top__interval_ns(const struct top *t);
int top__fd(const struct top *t);
void top__ready(struct top *t);
/* Non-zero: to end. */
int top__input(struct top *t);
int top__tick(struct top *t);

/* top_live.c */
int top_live__run(const struct options *opts);
/* top_capture.c: opts->capture */
int top_capture__run(const struct options *opts);
/* top_rows.c: without a terminal */
int top_rows__run(const struct options *opts);

#endif

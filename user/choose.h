/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes to look at, asked on the terminal where the command line does not say. */
#ifndef LOOPRAY_CHOOSE_H
#define LOOPRAY_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "options.h"

/* What somebody answered. */
enum choose_answer {
	CHOOSE_DEFAULT, /* nothing but Enter */
	CHOOSE_SOME,
	CHOOSE_ALL,
	CHOOSE_LEAVE,
	CHOOSE_BAD, /* none of these */
};

/*
 * Numbers from 1 to @n, apart by blanks or commas, ranges such as 2-4, "all" or "q". Sets those of
 * @picked that are named, all of which are false before, and after anything but CHOOSE_SOME.
 */
enum choose_answer choose__read(const char *answer, size_t n, bool *picked);

/* Whether there is somebody to ask: standard input and error are terminals. */
bool choose__possible(void);

/*
 * Lists the Node.js processes on standard error, and puts what was chosen into @opts, as if it had
 * been given with --pid or --all. An exit status: EX_LR_OK, or, after it was said why,
 * EX_LR_NO_TARGET if nothing was chosen or can be.
 */
int choose__targets(struct options *opts);

#endif

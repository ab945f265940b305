/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Expectations of a model: what held, what did not, and what cannot be told. A limit that is kept
 * by what was seen does not hold if what was not seen could break it: then the result is unsure,
 * with the reason. One that is broken by what was seen is broken, whatever was not.
 */
#ifndef LOOPRAY_CHECK_H
#define LOOPRAY_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"
#include "options.h"

enum check_is {
	CHECK_HELD,
	CHECK_FAILED,
	CHECK_UNSURE, /* see reasons */
};

/* Of measured, limit and baseline. */
enum check_unit {
	CHECK_COUNT,
	CHECK_NS,
	CHECK_SHARE, /* 0..1 */
	CHECK_PER_S,
};

#define CHECK_REASONS	  6
#define CHECK_REASON_TEXT 160
#define CHECK_MAX	  24

struct check_result {
	const char *id;	  /* "max-p99", "regress-p99" */
	const char *what; /* "p99 latency" */
	enum check_unit unit;
	bool minimum; /* the limit is the least that is allowed, else the most */
	bool against; /* it was made of the baseline's value */
	bool known;   /* measured is */
	double measured;
	double limit;
	double baseline;
	enum check_is is;
	size_t nreasons; /* why it is unsure */
	char reason[CHECK_REASONS][CHECK_REASON_TEXT];
};

struct check_opts {
	const struct options *cli;
	const struct model *base; /* NULL: no baseline */
};

struct check_report {
	const struct model *of;
	bool allow_loss;
	bool by_default; /* no limit was given */
	double max_unknown;
	double max_regress; /* with a baseline */
	/* Responses whose context should be known, and of these the ones of which it is not. */
	uint64_t responses;
	uint64_t unknown;
	uint64_t held, failed, unsure;
	size_t n;
	struct check_result result[CHECK_MAX];
	size_t nallowed; /* what would have made results unsure, but was allowed */
	char allowed[CHECK_REASONS][CHECK_REASON_TEXT];
};

/* Fills @report. */
void check__run(struct check_report *report, const struct model *m, const struct check_opts *opts);
/* Of all: failed if any is, else unsure if any is. */
enum check_is check__all(const struct check_report *report);
/* As an exit status: EX_LR_OK, EX_LR_CHECK_FAILED, EX_LR_LOSS. */
int check__status(const struct check_report *report);

const char *check_is__name(enum check_is is);

#endif

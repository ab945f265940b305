/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The checks as data, see check.c. */
#ifndef LOOPRAY_CHECK_RULES_H
#define LOOPRAY_CHECK_RULES_H

#include "check.h"

/* What could make what was seen differ from what there was (bits). */
#define UNSURE_CUT     (1u << 0) /* the capture is cut off or damaged */
#define UNSURE_RECORDS (1u << 1) /* records were lost, in the ring or before the file */
#define UNSURE_MAP     (1u << 2) /* connections or threads were not followed */
#define UNSURE_READ    (1u << 3) /* bytes or memory could not be read */
#define UNSURE_CONTEXT (1u << 4) /* contexts of too many responses are unknown */
#define UNSURE_PARTIAL (1u << 5) /* too many requests are incomplete, and not in the latency */
#define UNSURE_LOST    (UNSURE_CUT | UNSURE_RECORDS | UNSURE_MAP | UNSURE_READ)

struct check_rule {
	const char *id;	     /* of the limit */
	const char *regress; /* of the comparison with a baseline; NULL: it is not compared */
	const char *what;
	enum check_unit unit;
	bool minimum;
	unsigned int unsure;			  /* UNSURE_*: by what it is affected */
	uint32_t least;				  /* requests that a comparison needs */
	double (*measure)(const struct model *m); /* not finite: nothing was measured */
	const char *nothing;			  /* why */
};

/* In the order of enum check_limit. */
extern const struct check_rule check_rules[LIMIT_COUNT];

/* Requests whose latency is known from begin to end. */
static inline uint64_t check__measured(const struct model *m)
{
	return m->requests.latency.count;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The comparison's inside: shared by the out_compare*.c files only. */
#ifndef LOOPRAY_OUT_COMPARE_PARTS_H
#define LOOPRAY_OUT_COMPARE_PARTS_H

#include "out_compare.h"

enum figure_unit { UNIT_COUNT, UNIT_PER_S, UNIT_NS, UNIT_SHARE };

/* Which direction is the worse one. */
enum figure_worse { WORSE_NEITHER, WORSE_MORE, WORSE_LESS };

enum figure_group { FIGURES_REQUESTS, FIGURES_CONTEXT, FIGURES_LOOP, FIGURES_WAITS, FIGURES_LOSS };

struct figure {
	char key[40];	   /* its path in loopray.report/1 where there is one */
	const char *title; /* for people */
	enum figure_group group;
	enum figure_unit unit;
	enum figure_worse worse;
	bool known;
	double value;
	double among; /* a count is judged by its part of this many; 0: as it is */
};

#define FIGURES_MAX 96

/* The figures of one observation: always the same ones in the same order. Returns how many. */
size_t compare_figures(const struct model *m, struct figure f[FIGURES_MAX]);

/* How B fares against A. */
enum compare_verdict {
	VERDICT_NONE, /* neither direction is worse */
	VERDICT_UNKNOWN,
	VERDICT_SAME, /* within COMPARE_SAME of A */
	VERDICT_BETTER,
	VERDICT_WORSE,
};

enum compare_verdict compare_figures__verdict(const struct figure *a, const struct figure *b);

/* A route that either side has; NULL: it has no such route. */
struct compare_route {
	const char *method;
	const char *route;
	const struct model_route *of[2];
};

/* Most requests on both sides first; the caller frees. 0 or -ENOMEM. */
int compare_routes(const struct compare_side side[2], struct compare_route **routes, size_t *count);
/* The figure of a route that is compared: count, p95, p99, errors. */
enum route_figure { ROUTE_COUNT, ROUTE_P95, ROUTE_P99, ROUTE_ERRORS, ROUTE_FIGURES };
void compare_route__figure(const struct model_route *r, enum route_figure which, struct figure *f);

#define COMPARE_WARNINGS 12
#define COMPARE_WARNING	 320

/* Why the comparison is unsure, one sentence each. Returns how many. */
size_t compare_warnings(const struct compare_side side[2],
			char warnings[COMPARE_WARNINGS][COMPARE_WARNING]);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How B fares against A, and how far that can be believed. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_compare_parts.h"
#include "out_text.h"
#include "util.h"

#define FEW_REQUESTS 100  /* a p99 of fewer is the slowest one */
#define LENGTHS	     1.25 /* observations of lengths that differ by more are told of */
#define MIX	     0.10 /* the same of a route's part of all requests */

typedef unsigned long long ull;

static double judged(const struct figure *f)
{
	return f->among > 0 ? f->value / f->among : f->value;
}

enum compare_verdict compare_figures__verdict(const struct figure *a, const struct figure *b)
{
	double was = judged(a), is = judged(b);

	if (!a->known || !b->known)
		return VERDICT_UNKNOWN;
	if (a->worse == WORSE_NEITHER)
		return VERDICT_NONE;
	if (fabs(is - was) <= COMPARE_SAME * fabs(was))
		return VERDICT_SAME;
	return (is > was) == (a->worse == WORSE_MORE) ? VERDICT_WORSE : VERDICT_BETTER;
}

static uint64_t route_count(const struct compare_route *r)
{
	uint64_t n = 0;

	for (int i = 0; i < 2; i++)
		n += r->of[i] ? r->of[i]->requests.total : 0;
	return n;
}

static int route_by_name(const void *a, const void *b)
{
	const struct compare_route *x = a, *y = b;
	int order = strcmp(x->route, y->route);

	return order ? order : strcmp(x->method, y->method);
}

static int route_by_count(const void *a, const void *b)
{
	uint64_t x = route_count(a), y = route_count(b);

	return x != y ? (x < y ? 1 : -1) : route_by_name(a, b);
}

/* The same route of both sides, which are neighbours here, becomes one. */
static size_t merge_routes(struct compare_route *r, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!kept || route_by_name(&r[kept - 1], &r[i]) != 0) {
			r[kept++] = r[i];
			continue;
		}
		for (int side = 0; side < 2; side++)
			if (r[i].of[side])
				r[kept - 1].of[side] = r[i].of[side];
	}
	return kept;
}

int compare_routes(const struct compare_side side[2], struct compare_route **routes, size_t *count)
{
	size_t all = side[0].m->route_count + side[1].m->route_count, n = 0;
	struct compare_route *r = calloc(all ? all : 1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	for (int s = 0; s < 2; s++) {
		for (size_t i = 0; i < side[s].m->route_count; i++) {
			const struct model_route *of = &side[s].m->routes[i];

			r[n].method = of->method;
			r[n].route = of->route;
			r[n++].of[s] = of;
		}
	}
	qsort(r, n, sizeof(*r), route_by_name);
	*count = merge_routes(r, n);
	qsort(r, *count, sizeof(*r), route_by_count);
	*routes = r;
	return 0;
}

struct warning_list {
	char (*text)[COMPARE_WARNING];
	size_t count;
};

static void warn(struct warning_list *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void warn(struct warning_list *l, const char *fmt, ...)
{
	va_list ap;

	if (l->count == COMPARE_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(l->text[l->count++], COMPARE_WARNING, fmt, ap);
	va_end(ap);
}

static void warn_side(struct warning_list *l, const struct model *m, char name)
{
	if (m->incomplete[0])
		warn(l, "capture %c is %s", name, m->incomplete);
	if (m->loss.total)
		warn(l,
		     "%c lost %llu records: its counts are too low, its figures may be of the "
		     "quieter requests",
		     name, (ull)m->loss.total);
	if (m->requests.latency.count < FEW_REQUESTS)
		warn(l,
		     "%c has %llu requests observed from begin to end: percentiles of so few say "
		     "little",
		     name, (ull)m->requests.latency.count);
}

static void warn_lengths(struct warning_list *l, const struct model *a, const struct model *b)
{
	double x = model__duration(a), y = model__duration(b);

	if (x > y * LENGTHS || y > x * LENGTHS)
		warn(l, "A took %.1f s, B %.1f s: counts do not compare, rates and percentiles may",
		     x, y);
	if (a->blocking.threshold_ns != b->blocking.threshold_ns)
		warn(l, "what held a loop was looked for with different thresholds");
}

/* Text of all targets of one side: one word, or "several". */
static const char *of_targets(const struct model *m, bool level, char *buf, size_t cap)
{
	const char *first = NULL;

	for (size_t i = 0; i < m->target_count; i++) {
		const char *s = level ? m->targets[i].level : m->targets[i].version;

		if (first && strcmp(first, s) != 0)
			return "several";
		first = s;
	}
	return first && *first ? text_safe(buf, cap, first) : "unknown";
}

static void warn_targets(struct warning_list *l, const struct model *a, const struct model *b)
{
	char x[40], y[40];
	const char *was, *is;

	was = of_targets(a, false, x, sizeof(x));
	is = of_targets(b, false, y, sizeof(y));
	if (strcmp(was, is) != 0)
		warn(l, "different Node.js: %s and %s", was, is);
	was = of_targets(a, true, x, sizeof(x));
	is = of_targets(b, true, y, sizeof(y));
	if (strcmp(was, is) != 0)
		warn(l, "different levels, which cost the target differently: %s and %s", was, is);
	if (a->target_count != b->target_count)
		warn(l, "different numbers of processes: %zu and %zu", a->target_count,
		     b->target_count);
	if (!a->context.read != !b->context.read)
		warn(l, "only %s has read which stores were active: mismatches do not compare",
		     a->context.read ? "A" : "B");
}

static void warn_hosts(struct warning_list *l, const struct compare_side side[2])
{
	const char *was = side[0].opts->host, *is = side[1].opts->host;
	char x[80], y[80];

	if (was && is && strcmp(was, is) != 0)
		warn(l, "recorded on different machines: %s and %s", text_safe(x, sizeof(x), was),
		     text_safe(y, sizeof(y), is));
}

static double part_of(const struct model *m, const struct model_route *r)
{
	return r && m->requests.total ? (double)r->requests.total / (double)m->requests.total : 0;
}

/* Figures of all requests are as much those of the mix as of the service. */
static void warn_mix(struct warning_list *l, const struct compare_side side[2])
{
	struct compare_route *routes, *most = NULL;
	char method[24], route[100];
	double farthest = MIX;
	size_t n;

	if (!side[0].m->requests.total || !side[1].m->requests.total ||
	    compare_routes(side, &routes, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		double far = fabs(part_of(side[0].m, routes[i].of[0]) -
				  part_of(side[1].m, routes[i].of[1]));

		if (far > farthest) {
			farthest = far;
			most = &routes[i];
		}
	}
	if (most)
		warn(l,
		     "another mix of routes: %s %s is %.0f%% of A's requests and %.0f%% of B's; "
		     "compare by route",
		     text_safe(method, sizeof(method), most->method),
		     text_safe(route, sizeof(route), most->route),
		     100 * part_of(side[0].m, most->of[0]), 100 * part_of(side[1].m, most->of[1]));
	free(routes);
}

size_t compare_warnings(const struct compare_side side[2],
			char warnings[COMPARE_WARNINGS][COMPARE_WARNING])
{
	struct warning_list l = {.text = warnings};

	warn_side(&l, side[0].m, 'A');
	warn_side(&l, side[1].m, 'B');
	warn_lengths(&l, side[0].m, side[1].m);
	warn_targets(&l, side[0].m, side[1].m);
	warn_hosts(&l, side);
	warn_mix(&l, side);
	return l.count;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Comparison with an earlier capture. It says something only of two that are alike: long enough,
 * with enough requests for what is compared (a p99 of 100 requests is a single one), and of the
 * same traffic, which is measured by how many requests are on other routes than they were.
 */
#include <math.h>
#include <string.h>

#include "check_parts.h"
#include "util.h"

#define LEAST_S	  1.0
#define OTHER_MAX 0.2 /* of the requests, on other routes than in the baseline */

static double route_share(const struct model *m, const char *method, const char *route)
{
	for (size_t i = 0; i < m->route_count; i++)
		if (strcmp(m->routes[i].method, method) == 0 &&
		    strcmp(m->routes[i].route, route) == 0)
			return (double)m->routes[i].requests.total / (double)m->requests.total;
	return 0;
}

/* Share of the requests that would have to move to other routes for both to be alike, 0..1. */
static double other_routes(const struct model *a, const struct model *b)
{
	double other = 0;

	if (!a->requests.total || !b->requests.total)
		return 0;
	for (size_t i = 0; i < a->route_count; i++) {
		const struct model_route *r = &a->routes[i];
		double is = (double)r->requests.total / (double)a->requests.total;
		double was = route_share(b, r->method, r->route);

		other += is > was ? is - was : 0;
	}
	return other;
}

/* In the unit of @rule: of counts, what would be expected among as many requests. */
static double expected(const struct check_rule *rule, const struct model *m,
		       const struct model *base)
{
	double value = rule->measure(base);

	if (rule->unit != CHECK_COUNT)
		return value;
	if (!base->requests.total)
		return NAN;
	return value * (double)m->requests.total / (double)base->requests.total;
}

static void few(struct check_result *r, const char *of, uint64_t n, uint32_t least)
{
	if (n < least)
		check__reason(r, "%s: %llu requests, too few to compare (at least %u)", of,
			      (unsigned long long)n, least);
}

static void compare(struct check_report *report, const struct model *m, const struct model *base,
		    const struct check_rule *rule)
{
	struct check_result *r = check__new(report, rule);
	double other = other_routes(m, base);

	r->id = rule->regress;
	r->against = true;
	r->baseline = expected(rule, m, base);
	r->limit =
		r->baseline * (rule->minimum ? 1 - report->max_regress : 1 + report->max_regress);
	r->measured = rule->measure(m);
	r->known = isfinite(r->measured) && isfinite(r->baseline);
	check__settle(report, r, m, base, rule->unsure);
	few(r, "this one", check__measured(m), rule->least);
	few(r, "baseline", check__measured(base), rule->least);
	if (model__duration(m) < LEAST_S || model__duration(base) < LEAST_S)
		check__reason(r, "too short to compare: %.1f s, baseline %.1f s",
			      model__duration(m), model__duration(base));
	if (other > OTHER_MAX)
		check__reason(r, "too different: %.0f%% of the requests are on other routes",
			      other * 100);
	if (r->nreasons)
		r->is = CHECK_UNSURE;
	else if (!r->known)
		check__reason(r, "nothing to compare");
}

void check_baseline__run(struct check_report *report, const struct model *m,
			 const struct model *base)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (check_rules[i].regress)
			compare(report, m, base, &check_rules[i]);
}

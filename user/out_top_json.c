// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray.top/1: an object a line for each step. Figures of the step itself, then of the window
 * that the dashboard's header shows, and findings that are new since the line before. Fields are
 * added, never renamed; what is not known is null. Names are those of loopray.report/1.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "out_finding.h"
#include "out_top.h"
#include "util.h"

#define ROUTES 10

struct top_json {
	struct json j;
	/* Groups of findings as they were last told of. */
	struct model_group *told;
	size_t ntold;
};

int top_json__new(struct top_json **out, struct out_file *file)
{
	struct top_json *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ENOMEM;
	json__init(&t->j, out_file__write, file);
	*out = t;
	return 0;
}

void top_json__free(struct top_json *t)
{
	if (!t)
		return;
	free(t->told);
	free(t);
}

static void ms(struct json *j, const char *key, bool known, uint64_t ns)
{
	json__key_double(j, key, known ? (double)ns / 1e6 : NAN, 6);
}

/* Below 0 it is not known. */
static void share(struct json *j, const char *key, double value, unsigned int decimals)
{
	json__key_double(j, key, value >= 0 ? value : NAN, decimals);
}

static void put_latency(struct json *j, const struct model_latency *l)
{
	bool known = l->count != 0;

	json__key_object(j, "latency_ms");
	ms(j, "p50", known, l->p50);
	ms(j, "p95", known, l->p95);
	ms(j, "p99", known, l->p99);
	ms(j, "max", known, l->max);
	ms(j, "min", known, l->min);
	ms(j, "mean", known, l->mean);
	json__key_u64(j, "measured", l->count);
	json__object_end(j);
}

static void put_step(struct json *j, const struct live_view *v, const struct live_step *s)
{
	uint64_t wall_ns = live_step__wall_end(v, s);
	double seconds = (double)(s->end_ns - s->start_ns) / 1e9;

	json__key(j, "time_ns");
	if (wall_ns)
		json__u64(j, wall_ns);
	else
		json__null(j);
	json__key_u64(j, "start_ns", s->start_ns);
	json__key_u64(j, "end_ns", s->end_ns);
	json__key_u64(j, "requests", s->requests);
	json__key_double(j, "rps", seconds > 0 ? (double)s->requests / seconds : NAN, 3);
	json__key_u64(j, "errors_5xx", s->errors);
	json__key_u64(j, "mismatched", s->mismatched);
	json__key_u64(j, "lost", s->lost);
	json__key_u64(j, "blocking", s->blockings);
	json__key_u64(j, "in_flight", s->in_flight);
	put_latency(j, &s->latency);
	share(j, "utilisation", s->utilisation, 6);
	json__key_object(j, "lag_ms");
	ms(j, "p99", s->utilisation >= 0 || s->lag_max_ns, s->lag_p99_ns);
	ms(j, "max", s->utilisation >= 0 || s->lag_max_ns, s->lag_max_ns);
	json__object_end(j);
	json__key_object(j, "gc");
	json__key_u64(j, "count", s->gc_count);
	ms(j, "total_ms", true, s->gc_ns);
	json__object_end(j);
}

/* What the header of the dashboard shows. */
static void put_window(struct json *j, const struct live_view *v)
{
	json__key_object(j, "window");
	json__key_double(j, "seconds", v->window_s, 3);
	json__key_double(j, "rps", v->rps, 3);
	share(j, "error_rate", v->error_rate, 6);
	put_latency(j, &v->latency);
	share(j, "utilisation", v->utilisation, 6);
	ms(j, "lag_p99_ms", v->utilisation >= 0 || v->lag_p99_ns, v->lag_p99_ns);
	json__object_end(j);
}

static void put_agent(struct json *j, const struct live_agent *a)
{
	json__key_object(j, "agent");
	share(j, "cpu", a->cpu, 6);
	json__key(j, "rss_bytes");
	if (a->rss_bytes)
		json__u64(j, a->rss_bytes);
	else
		json__null(j);
	json__key_double(j, "events_per_s", a->events_per_s, 3);
	share(j, "target_cpu", a->target_cpu, 6);
	json__object_end(j);
}

static void put_targets(struct json *j, const struct live_view *v)
{
	json__key_array(j, "targets");
	for (size_t i = 0; i < v->ntargets; i++) {
		json__object_begin(j);
		json__key_u64(j, "pid", v->targets[i].pid);
		json__key_bool(j, "ended", v->targets[i].ended);
		json__key_u64(j, "requests", v->targets[i].requests);
		json__key_double(j, "rps", v->targets[i].rps, 3);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_routes(struct json *j, const struct live_view *v)
{
	json__key_array(j, "routes");
	for (size_t i = 0; i < min_t(size_t, v->nroutes, ROUTES); i++) {
		const struct live_route *r = &v->routes[i];

		json__object_begin(j);
		json__key_str(j, "method", r->method);
		json__key_str(j, "route", r->route);
		json__key_u64(j, "count", r->requests);
		json__key_double(j, "rps", r->rps, 3);
		json__key_u64(j, "errors_5xx", r->errors);
		json__key_u64(j, "mismatched", r->mismatched);
		put_latency(j, &r->latency);
		json__object_end(j);
	}
	json__array_end(j);
}

/* ---- findings ---- */

static bool same_cause(const struct model_group *a, const struct model_group *b)
{
	return a->kind == b->kind && a->merged == b->merged && a->instance == b->instance &&
	       strcmp(a->method, b->method) == 0 && strcmp(a->route, b->route) == 0 &&
	       strcmp(a->other_method, b->other_method) == 0 &&
	       strcmp(a->other_route, b->other_route) == 0 && strcmp(a->resource, b->resource) == 0;
}

static uint64_t told_count(const struct top_json *t, const struct model_group *g)
{
	for (size_t i = 0; i < t->ntold; i++)
		if (same_cause(&t->told[i], g))
			return t->told[i].count;
	return 0;
}

static void put_group(struct json *j, const struct model_group *g, uint64_t before)
{
	json__object_begin(j);
	json__key_str(j, "kind", finding_word__kind(g->kind));
	json__key_str(j, "grade", finding_word__grade(g->kind, g->grade));
	json__key_bool(j, "merged", g->merged);
	json__key_str(j, "method", g->method);
	json__key_str(j, "route", g->route);
	json__key_str(j, "other_method", g->other_method[0] ? g->other_method : NULL);
	json__key_str(j, "other_route", g->other_route[0] ? g->other_route : NULL);
	json__key_str(j, "resource", g->resource[0] ? g->resource : NULL);
	json__key_u64(j, "count", g->count);
	json__key_u64(j, "new", g->count - before);
	json__key_u64(j, "last_ns", g->last_ns);
	json__object_end(j);
}

static int remember(struct top_json *t, const struct model *m)
{
	size_t size = m->group_count * sizeof(*t->told);
	struct model_group *told = size ? realloc(t->told, size) : t->told;

	if (!size)
		return 0;
	if (!told)
		return -ENOMEM;
	memcpy(told, m->groups, size);
	t->told = told;
	t->ntold = m->group_count;
	return 0;
}

/* Causes never go away; a count only grows. */
static int put_findings(struct top_json *t, const struct model *m)
{
	json__key_array(&t->j, "findings");
	for (size_t i = 0; i < m->group_count; i++) {
		uint64_t before = told_count(t, &m->groups[i]);

		if (m->groups[i].count > before)
			put_group(&t->j, &m->groups[i], before);
	}
	json__array_end(&t->j);
	return remember(t, m);
}

int top_json__step(struct top_json *t, const struct live_view *v, const struct live_step *s)
{
	struct json *j = &t->j;
	int err;

	json__object_begin(j);
	json__key_str(j, "schema", "loopray.top/1");
	put_step(j, v, s);
	put_window(j, v);
	put_agent(j, &v->agent);
	put_targets(j, v);
	put_routes(j, v);
	err = put_findings(t, v->m);
	json__object_end(j);
	json__newline(j);
	return json__finish(j) ?: err;
}

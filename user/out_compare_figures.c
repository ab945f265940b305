// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The figures of one observation that are worth comparing. */
#include <stdio.h>

#include "out_compare_parts.h"
#include "out_wait.h"
#include "util.h"

struct figure_list {
	struct figure *f;
	size_t count;
	enum figure_group group;
};

static struct figure *add(struct figure_list *l, const char *key, const char *title,
			  enum figure_unit unit, enum figure_worse worse, bool known, double value)
{
	static struct figure beyond; /* FIGURES_MAX is larger than what is added below */
	struct figure *f = l->count < FIGURES_MAX ? &l->f[l->count++] : &beyond;

	*f = (struct figure){.title = title,
			     .group = l->group,
			     .unit = unit,
			     .worse = worse,
			     .known = known,
			     .value = known ? value : 0};
	snprintf(f->key, sizeof(f->key), "%s", key);
	return f;
}

static void add_among(struct figure_list *l, const char *key, const char *title,
		      enum figure_worse worse, bool known, uint64_t n, double among)
{
	add(l, key, title, UNIT_COUNT, worse, known, (double)n)->among = among;
}

static void add_ns(struct figure_list *l, const char *key, const char *title, bool known,
		   uint64_t ns)
{
	add(l, key, title, UNIT_NS, WORSE_MORE, known, (double)ns);
}

static void requests(struct figure_list *l, const struct model *m)
{
	const struct model_requests *r = &m->requests;
	const struct model_latency *t = &r->latency;
	double n = (double)r->total, s = model__duration(m);
	uint64_t non_2xx = r->by_class[1] + r->by_class[3] + r->by_class[4] + r->by_class[5];

	l->group = FIGURES_REQUESTS;
	add(l, "requests.total", "requests", UNIT_COUNT, WORSE_NEITHER, true, n);
	add(l, "requests.rps", "requests/s", UNIT_PER_S, WORSE_LESS, s > 0, s > 0 ? n / s : 0);
	add_ns(l, "requests.latency_ms.p50", "p50", t->count, t->p50);
	add_ns(l, "requests.latency_ms.p95", "p95", t->count, t->p95);
	add_ns(l, "requests.latency_ms.p99", "p99", t->count, t->p99);
	add_ns(l, "requests.latency_ms.max", "max", t->count, t->max);
	add_ns(l, "requests.latency_ms.mean", "mean", t->count, t->mean);
	add_among(l, "requests.errors_5xx", "errors (5xx)", WORSE_MORE, true, r->by_class[5], n);
	add_among(l, "requests.non_2xx", "non-2xx", WORSE_MORE, true, non_2xx, n);
	add_among(l, "requests.aborted_by_client", "aborted by the client", WORSE_MORE, true,
		  r->by_end[REQ_ABORTED_PEER], n);
	add_among(l, "requests.aborted_by_server", "aborted by the server", WORSE_MORE, true,
		  r->by_end[REQ_ABORTED_SERVER], n);
}

/* Where no store was read, that nothing was found says nothing. */
static void context(struct figure_list *l, const struct model *m)
{
	const struct model_finding_counts *c = &m->findings;
	bool read = m->context.read != 0;
	double n = (double)m->context.heads;

	l->group = FIGURES_CONTEXT;
	add_among(l, "findings.mismatched_requests", "requests with a mismatch", WORSE_MORE, read,
		  c->mismatched, n);
	add_among(l, "findings.foreign", "foreign", WORSE_MORE, read, c->foreign, n);
	add_among(l, "findings.foreign_harm", "  with harm", WORSE_MORE, read, c->foreign_harm, n);
	add_among(l, "findings.stale", "  stale", WORSE_MORE, read, c->stale, n);
	add_among(l, "findings.captured", "  of a captured store", WORSE_MORE, read, c->captured,
		  n);
	add_among(l, "findings.lost_intermittent", "lost, intermittent", WORSE_MORE, read,
		  c->lost_intermittent, n);
	add_among(l, "findings.lost_always", "lost, always", WORSE_MORE, read, c->lost_always, n);
	add_among(l, "findings.fan_out", "fan-out (by design)", WORSE_NEITHER, read, c->fan_out, n);
	add_among(l, "findings.leaked", "leaked resources", WORSE_MORE,
		  m->leaks.judged == LEAKS_JUDGED, c->leaked, model__duration(m));
	add_among(l, "findings.causes", "causes", WORSE_NEITHER, read, m->group_count, 0);
	add_among(l, "findings.unknown", "not judged", WORSE_NEITHER, read, c->unknown, n);
}

/* Of the loop that fares worst, as a mean of percentiles is none. */
static const struct model_latency *worst(const struct model *m, bool lag)
{
	static const struct model_latency none;
	const struct model_latency *most = &none;

	for (size_t i = 0; i < m->loop_count; i++) {
		const struct model_health *h = &m->loops[i].health;
		const struct model_latency *l = lag ? &h->lag : &h->iteration;

		if (!lag && h->iterations_unknown != FLOW_COUNT_KNOWN)
			continue;
		if (l->count && (!most->count || l->p99 > most->p99))
			most = l;
	}
	return most;
}

struct loop_sums {
	double wall, busy, peak, cpu;
	uint64_t gc_ns, gc_max, gc_count, gc_untimed;
};

static struct loop_sums loop_sums(const struct model *m)
{
	struct loop_sums s = {0};

	for (size_t i = 0; i < m->loop_count; i++) {
		const struct model_loop *l = &m->loops[i];

		if (!l->wall_ns)
			continue;
		s.wall += (double)l->wall_ns;
		s.busy += model_loop__utilisation(l) * (double)l->wall_ns;
		s.cpu += (double)l->cpu_ns;
		s.peak = max_t(double, s.peak, l->peak);
	}
	for (size_t i = 0; i < MODEL_GC_KINDS; i++) {
		s.gc_ns += m->gc[i].total_ns;
		s.gc_max = max_t(uint64_t, s.gc_max, m->gc[i].max_ns);
		s.gc_count += m->gc[i].count;
		s.gc_untimed += m->gc[i].untimed;
	}
	return s;
}

static void blocking(struct figure_list *l, const struct model *m)
{
	const struct model_blocking *b = &m->blocking;
	bool known = b->threshold_ns != 0;
	double s = model__duration(m);

	add_among(l, "blocking.count", "loop held for too long", WORSE_MORE, known, b->count, s);
	add(l, "blocking.held_ms", "  for, in all", UNIT_NS, WORSE_MORE, known, (double)b->held_ns)
		->among = s;
	add_among(l, "blocking.paid", "  requests kept waiting by it", WORSE_MORE, known, b->paid,
		  (double)m->requests.total);
}

static void loops(struct figure_list *l, const struct model *m)
{
	const struct loop_sums s = loop_sums(m);
	const struct model_latency *lag = worst(m, true), *iteration = worst(m, false);
	bool known = s.wall > 0, timed = known && (s.gc_count > s.gc_untimed || !s.gc_count);
	double wall = known ? s.wall : 1;

	l->group = FIGURES_LOOP;
	add(l, "loops.utilisation", "loop busy", UNIT_SHARE, WORSE_MORE, known, s.busy / wall);
	add(l, "loops.peak", "loop busy, peak", UNIT_SHARE, WORSE_MORE, known, s.peak);
	add(l, "loops.cpu", "on CPU", UNIT_SHARE, WORSE_MORE, known, s.cpu / wall);
	add_ns(l, "loops.lag_ms.p50", "loop lag p50", lag->count, lag->p50);
	add_ns(l, "loops.lag_ms.p99", "loop lag p99", lag->count, lag->p99);
	add_ns(l, "loops.lag_ms.max", "loop lag max", lag->count, lag->max);
	add_ns(l, "loops.iteration_ms.p99", "iteration p99", iteration->count, iteration->p99);
	add_among(l, "gc.count", "garbage collections", WORSE_MORE, known, s.gc_count,
		  model__duration(m));
	add(l, "gc.share", "  share of loop time", UNIT_SHARE, WORSE_MORE, timed,
	    (double)s.gc_ns / wall);
	add_ns(l, "gc.max_ms", "  longest", s.gc_count > s.gc_untimed, s.gc_max);
	blocking(l, m);
}

static void waits(struct figure_list *l, const struct model *m)
{
	const struct model_waits *w = &m->requests.waits;

	l->group = FIGURES_WAITS;
	for (int i = 0; i < WAIT_KINDS; i++) {
		char key[sizeof(l->f->key)];

		snprintf(key, sizeof(key), "waits.mean_ms.%s", flow_wait__name((enum flow_wait)i));
		add_ns(l, key, wait_text((enum flow_wait)i), w->known,
		       w->known ? w->ns[i] / w->known : 0);
	}
}

static void loss(struct figure_list *l, const struct model *m)
{
	l->group = FIGURES_LOSS;
	add_among(l, "loss.total", "records lost", WORSE_MORE, true, m->loss.total, 0);
	add_among(l, "requests.incomplete.total", "incomplete requests", WORSE_MORE, true,
		  m->requests.incomplete_any, (double)m->requests.total);
}

size_t compare_figures(const struct model *m, struct figure f[FIGURES_MAX])
{
	struct figure_list l = {.f = f};

	requests(&l, m);
	context(&l, m);
	loops(&l, m);
	waits(&l, m);
	loss(&l, m);
	return l.count;
}

void compare_route__figure(const struct model_route *r, enum route_figure which, struct figure *f)
{
	static const struct figure none[ROUTE_FIGURES] = {
		[ROUTE_COUNT] = {.key = "count", .unit = UNIT_COUNT},
		[ROUTE_P95] = {.key = "p95_ms", .unit = UNIT_NS, .worse = WORSE_MORE},
		[ROUTE_P99] = {.key = "p99_ms", .unit = UNIT_NS, .worse = WORSE_MORE},
		[ROUTE_ERRORS] = {.key = "errors_5xx", .unit = UNIT_COUNT, .worse = WORSE_MORE},
	};
	const struct model_latency *l;

	*f = none[which];
	if (!r)
		return;
	l = &r->requests.latency;
	f->known = which == ROUTE_COUNT || which == ROUTE_ERRORS || l->count;
	if (which == ROUTE_COUNT)
		f->value = (double)r->requests.total;
	else if (which == ROUTE_P95)
		f->value = (double)l->p95;
	else if (which == ROUTE_P99)
		f->value = (double)l->p99;
	else
		f->value = (double)r->requests.by_class[5];
	if (which == ROUTE_ERRORS)
		f->among = (double)r->requests.total;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Views of the collector: made of its parts, asked, and ended. */
#include <errno.h>
#include <stdlib.h>

#include "model_live.h"
#include "model_live_int.h"
#include "util.h"

#define DECADE(ns) (ns), 2 * (ns), 5 * (ns)

static const uint64_t bands[LIVE_BANDS] = {
	0,
	DECADE(10000ULL), /* 10 microseconds */
	DECADE(100000ULL),
	DECADE(1000000ULL),
	DECADE(10000000ULL),
	DECADE(100000000ULL),
	DECADE(1000000000ULL),
	DECADE(10000000000ULL),
	100000000000ULL,
	200000000000ULL,
};

uint64_t live_band__from(unsigned int band)
{
	return bands[min_t(unsigned int, band, LIVE_BANDS - 1)];
}

unsigned int live_band__of(uint64_t ns)
{
	unsigned int band = 0;

	while (band + 1 < LIVE_BANDS && bands[band + 1] <= ns)
		band++;
	return band;
}

void live_view__free(struct live_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->nrecent; i++)
		live_request__put(v->recent[i]);
	for (size_t i = 0; i < v->nin_flight; i++)
		live_request__put(v->in_flight[i]);
	free(v->recent);
	free(v->in_flight);
	free(v->steps);
	free(v->routes);
	free(v->types);
	free(v->loops);
	free(v->targets);
	model__free(v->m);
	free(v);
}

/* They are sorted by number, the greatest first. */
const struct live_request *live_view__request(const struct live_view *v, uint64_t number)
{
	size_t from = 0, to = v->nrecent;

	while (from < to) {
		size_t at = from + (to - from) / 2;

		if (v->recent[at]->number == number)
			return v->recent[at];
		if (v->recent[at]->number > number)
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

/* The oldest requests in flight: a heap, the latest of them at its root. */
struct oldest {
	const struct flow_req *req[LIVE_IN_FLIGHT];
	size_t n;
};

static void sift(struct oldest *o, size_t at)
{
	for (;;) {
		size_t most = 2 * at + 1;
		const struct flow_req *req = o->req[at];

		if (most >= o->n)
			return;
		if (most + 1 < o->n && o->req[most + 1]->start_ns > o->req[most]->start_ns)
			most++;
		if (req->start_ns >= o->req[most]->start_ns)
			return;
		o->req[at] = o->req[most];
		o->req[most] = req;
		at = most;
	}
}

static void on_in_flight(void *arg, const struct flow_req *req)
{
	struct oldest *o = arg;

	if (o->n < LIVE_IN_FLIGHT) {
		o->req[o->n++] = req;
		if (o->n == LIVE_IN_FLIGHT) /* a heap from now on */
			for (size_t i = o->n / 2; i-- > 0;)
				sift(o, i);
	} else if (req->start_ns < o->req[0]->start_ns) {
		o->req[0] = req;
		sift(o, 0);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct flow_req *const *x = a, *const *y = b;

	if ((*x)->start_ns != (*y)->start_ns)
		return (*x)->start_ns < (*y)->start_ns ? -1 : 1;
	return (*x)->seq < (*y)->seq ? -1 : (*x)->seq > (*y)->seq;
}

static int view_in_flight(struct live *l, struct live_view *v)
{
	struct oldest o;

	o.n = 0;
	if (l->source.each)
		l->source.each(l->source.ctx, on_in_flight, &o);
	qsort(o.req, o.n, sizeof(o.req[0]), by_start);
	v->in_flight = calloc(o.n ? o.n : 1, sizeof(struct live_request *));
	if (!v->in_flight)
		return -ENOMEM;
	for (size_t i = 0; i < o.n; i++) {
		const struct live_held *held = live_held__find(l, o.req[i]->conn, o.req[i]->seq);
		struct live_request *r = live_request__of(o.req[i], held);

		if (!r)
			return -ENOMEM;
		if (v->now_ns > o.req[i]->start_ns)
			r->age_ns = v->now_ns - o.req[i]->start_ns;
		v->in_flight[v->nin_flight++] = r;
	}
	return 0;
}

int live__snapshot(struct live *l, struct model *m, uint64_t now_ns, struct live_view **out)
{
	struct live_view *v = calloc(1, sizeof(*v));
	int err;

	*out = NULL;
	if (!v) {
		model__free(m);
		return -ENOMEM;
	}
	v->m = m;
	v->now_ns = now_ns;
	v->wall_ns = l->opts.replay ? 0 : now_wall_ns();
	v->step_ns = l->opts.step_ns;
	v->show_values = l->opts.show_values;
	live_series__advance(l, now_ns);
	v->start_ns = m && m->start_ns ? m->start_ns : l->series.start_ns;
	live_agent__view(l, v);
	err = live_series__view(l, v);
	if (!err)
		err = live_routes__view(l, v);
	if (!err)
		err = live_loops__view(l, v);
	if (!err)
		err = live_types__view(l, v);
	if (!err)
		err = live_targets__view(l, v);
	if (!err)
		err = live_kept__view(l, v);
	if (!err)
		err = view_in_flight(l, v);
	if (err) {
		live_view__free(v);
		return err;
	}
	*out = v;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests in flight, with what they have done so far and what they wait for. */
#include <errno.h>
#include <stdlib.h>

#include "model_live_int.h"

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

/* Where the requests of a view are in it. */
struct place {
	struct flow_table of; /* conn, seq: one of live_view.in_flight */
	int err;
};

static int add_request(struct live *l, struct live_view *v, struct place *p,
		       const struct flow_req *req)
{
	struct live_request *r = live_request__of(req, live_held__find(l, req->conn, req->seq));
	struct live_request **at = &v->in_flight[v->nin_flight];

	if (!r)
		return -ENOMEM;
	if (v->now_ns > req->start_ns)
		r->age_ns = v->now_ns - req->start_ns;
	*at = r;
	v->nin_flight++;
	if (flow_table__get(&p->of, req->conn, req->seq))
		return 0;
	return flow_table__put(&p->of, req->conn, req->seq, at);
}

static void add_item(struct place *p, const struct flow_req_ref *ref, const struct live_item *item)
{
	struct live_request **at = flow_table__get(&p->of, ref->conn, ref->seq);
	struct live_request *with = at ? live_request__add(*at, item) : NULL;

	if (with)
		*at = with;
	else if (at)
		p->err = -ENOMEM;
}

static void on_call(void *arg, const struct flow_call *call)
{
	struct flow_call copy = *call;

	add_item(arg, &call->request, &(struct live_item){.kind = LIVE_CALL, .call = &copy});
}

static void on_job(void *arg, const struct flow_job *job)
{
	add_item(arg, &job->request, &(struct live_item){.kind = LIVE_JOB, .job = *job});
}

/* Calls and jobs come to the collector when they, or their request, are over: these are not. */
static int add_unfinished(struct live *l, struct place *p)
{
	if (l->source.each_call)
		l->source.each_call(l->source.ctx, on_call, p);
	if (l->source.each_job)
		l->source.each_job(l->source.ctx, on_job, p);
	return p->err;
}

int live_flight__view(struct live *l, struct live_view *v)
{
	struct place p = {0};
	struct oldest o;
	int err;

	o.n = 0;
	if (l->source.each)
		l->source.each(l->source.ctx, on_in_flight, &o);
	qsort(o.req, o.n, sizeof(o.req[0]), by_start);
	v->in_flight = calloc(o.n ? o.n : 1, sizeof(struct live_request *));
	if (!v->in_flight)
		return -ENOMEM;
	err = flow_table__init(&p.of, LIVE_IN_FLIGHT);
	for (size_t i = 0; i < o.n && !err; i++)
		err = add_request(l, v, &p, o.req[i]);
	if (!err)
		err = add_unfinished(l, &p);
	flow_table__destroy(&p.of);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What other stages ask of the requests that are not over. */
#include "flow_request_int.h"

uint64_t flow_requests__in_flight(const struct flow_requests *r)
{
	return r->in_flight;
}

void flow_requests__each_in_flight(const struct flow_requests *r,
				   void (*fn)(void *ctx, const struct flow_req *req), void *ctx)
{
	for (const struct rq *rq = r->begun_first; rq; rq = rq->after)
		fn(ctx, &rq->pub);
}

/* The oldest request that was not answered whole, NULL none. */
static const struct rq *unanswered(const struct rq_conn *c)
{
	return c->sending && c->sending == c->first ? c->first->next : c->first;
}

const struct flow_req *flow_requests__current(const struct flow_requests *r, uint64_t conn)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	if (!c || c->untracked || c->count - (c->sending != NULL) != 1)
		return NULL;
	return &unanswered(c)->pub;
}

const struct flow_req *flow_requests__answering(const struct flow_requests *r, uint64_t conn)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	return c && unanswered(c) ? &unanswered(c)->pub : NULL;
}

const struct flow_req *flow_requests__newest(const struct flow_requests *r, uint64_t conn)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	return c && c->last && c->last != c->sending ? &c->last->pub : NULL;
}

bool flow_requests__pipelines(const struct flow_requests *r, uint64_t conn)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	return c && c->pipelined;
}

bool flow_requests__latest(const struct flow_requests *r, uint64_t conn, struct flow_req_ref *ref)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	if (!c || !c->latest.seq || c->latest_unclear)
		return false;
	*ref = c->latest;
	return true;
}

static struct rq *find_ref(const struct flow_requests *r, const struct flow_req_ref *ref)
{
	struct rq_conn *c = flow_table__get(&r->conns, ref->conn, 0);

	for (struct rq *rq = c ? c->first : NULL; rq; rq = rq->next)
		if (rq->pub.seq == ref->seq && rq->pub.env == ref->env)
			return rq;
	return NULL;
}

void flow_requests__count_resource(struct flow_requests *r, const struct flow_req_ref *ref,
				   int created, int alive)
{
	struct rq *rq = find_ref(r, ref);

	if (!rq)
		return;
	rq->pub.resources_created += (uint32_t)created;
	rq->pub.resources_alive += (uint32_t)alive;
}

bool flow_requests__in_progress(const struct flow_requests *r, const struct flow_req_ref *ref)
{
	return find_ref(r, ref) != NULL;
}

bool flow_requests__ended(const struct flow_requests *r, uint64_t conn, uint64_t seq,
			  uint64_t *end_ns)
{
	const struct rq_conn *c = flow_table__get(&r->conns, conn, 0);

	if (!c || !c->held || c->held->pub.seq != seq)
		return false;
	*end_ns = c->held->pub.end_ns;
	return true;
}

void flow_requests__overflow(const struct flow_requests *r, struct flow_requests_overflow *o)
{
	*o = r->overflow;
	o->routes = flow_routes__overflow(r->routes);
}

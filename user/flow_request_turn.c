// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Turns of the loop, and what others know of whose they are. */
#include <stdio.h>
#include <string.h>

#include "flow_request_int.h"

const char *flow_turn__name(enum flow_turn kind)
{
	static const char *const names[TURN_KINDS] = {
		[TURN_UNKNOWN] = "unknown", [TURN_REQUEST] = "request",
		[TURN_TIMERS] = "timers",   [TURN_IMMEDIATES] = "immediates",
		[TURN_ASYNC] = "async",
	};

	return names[kind];
}

void rq_turn__begin(struct rq_thread *t, enum flow_turn kind, uint64_t due_ns, const struct rq *rq)
{
	struct rq_turn *turn = &t->turn;

	turn->number++;
	turn->begin_ns = t->ts;
	turn->kind = (uint8_t)kind;
	turn->due_ns = due_ns;
	turn->conn = turn->seq = 0;
	turn->method = turn->route = NULL;
	turn->path[0] = '\0';
	if (!rq)
		return;
	turn->conn = rq->conn->id;
	turn->seq = rq->pub.seq;
	turn->method = rq->pub.method;
	turn->route = rq->pub.route;
	snprintf(turn->path, sizeof(turn->path), "%s", rq->pub.path);
}

struct rq *rq_turn__find(const struct flow_requests *r, const struct flow_req_ref *ref)
{
	struct rq_conn *c = ref && ref->seq ? flow_table__get(&r->conns, ref->conn, 0) : NULL;

	for (struct rq *rq = c ? c->first : NULL; rq; rq = rq->next)
		if (rq->pub.seq == ref->seq)
			return rq;
	return NULL;
}

static enum flow_turn turn_of(enum lr_turn_kind kind)
{
	switch (kind) {
	case LR_TURN_TIMERS:
		return TURN_TIMERS;
	case LR_TURN_IMMEDIATES:
		return TURN_IMMEDIATES;
	case LR_TURN_ASYNC:
		return TURN_ASYNC;
	default:
		return TURN_UNKNOWN;
	}
}

void flow_requests__turn(struct flow_requests *r, const struct flow_event *ev,
			 const struct fe_clock *clock, enum lr_turn_kind kind, uint64_t due_ns,
			 const struct flow_req_ref *ref)
{
	struct rq_thread *t = flow_table__get(&r->threads, ev->pid, ev->tid);
	struct rq *rq;

	if (!t || !clock->has)
		return;
	rq = rq_turn__find(r, ref);
	if (rq && rq->thread != t)
		rq = NULL;
	rq_time__point(r, t, ev->ts, clock, NULL, rq);
	if (t->ts != ev->ts)
		return;
	rq_turn__begin(t, rq ? TURN_REQUEST : turn_of(kind), due_ns, rq);
	if (rq)
		rq_wait__resume(t, rq, ev->ts);
}

bool flow_requests__in_turn(const struct flow_requests *r, uint32_t pid, uint32_t tid, uint64_t ts)
{
	const struct rq_thread *t = flow_table__get(&r->threads, pid, tid);

	return t && t->turn.kind != TURN_UNKNOWN && t->turn.begin_ns == ts;
}

void flow_requests__worked(struct flow_requests *r, const struct flow_event *ev,
			   const struct fe_clock *clock, const struct flow_req_ref *ref)
{
	struct rq_thread *t = flow_table__get(&r->threads, ev->pid, ev->tid);
	struct rq *rq = rq_turn__find(r, ref);

	if (t && rq && rq->thread == t && clock->has)
		rq_time__point(r, t, ev->ts, clock, rq, rq);
}

void flow_requests__waited(struct flow_requests *r, const struct flow_req_ref *ref,
			   enum flow_wait kind, uint64_t from, uint64_t until)
{
	struct rq *rq = rq_turn__find(r, ref);

	if (rq && rq->thread)
		rq_wait__op(rq, kind, from, until);
}

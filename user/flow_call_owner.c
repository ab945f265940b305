// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose a call is: see the essay in flow_call.c. */
#include "flow_call_int.h"

/* A first send that comes later than this is not what the connection was opened for. */
#define CONNECT_FOLLOWS_NS 50000000ULL

static bool same_request(const struct flow_req_ref *a, const struct flow_req_ref *b)
{
	return a->seq && flow_req_ref__same(a, b);
}

bool cl_owner__same(const struct cl_owner *a, const struct cl_owner *b)
{
	if (a->by == CALL_BY_NOTHING || b->by == CALL_BY_NOTHING)
		return a->by == b->by;
	return same_request(&a->ref, &b->ref);
}

static void unknown(struct cl_owner *o, enum call_unknown why)
{
	*o = (struct cl_owner){.by = CALL_BY_NOTHING, .unknown = (uint8_t)why};
}

/*
 * Made while the connection's last answer was awaited, so by the request and not by the answer. In
 * plain HTTP all that a connection runs its callbacks in is made before connect() is called, so
 * that what came later will do; TLS and log-ins make more of it.
 */
static bool made_waiting(const struct cl_conn *k, int64_t id)
{
	bool plain = k->kind == CALL_HTTP && k->connect_counter;
	int64_t from = plain ? k->connect_counter : k->send_counter;

	return from && id > from && id <= k->receive_counter;
}

/*
 * The callbacks of a connection run in the context in which it was opened, whoever uses it now. A
 * pool that goes on with the next in its queue when an answer is there does so in that context.
 * So the store of the request that opened the connection says something only if JavaScript goes on
 * after an await, or in a resource made while the answer was awaited, or reads the request.
 */
static bool may_be_the_connections(const struct cl_conn *k, const struct flow_issuer *is,
				   const struct flow_event *ev)
{
	if (!k->done || ev->client.work == is->request.conn)
		return false;
	if (!k->opened_under_unknown && !same_request(&k->opener.ref, &is->request))
		return false;
	if (is->promise && is->exec_id <= 0)
		return false;
	if (is->trigger_id == 0 && is->exec_id > 0)
		return false; /* made after an await */
	return !made_waiting(k, is->exec_id) && !made_waiting(k, is->trigger_id);
}

static void by_loop(struct flow_calls *c, const struct flow_event *ev, struct cl_owner *o)
{
	enum loop_is is = flow_loops__find(c->opts.loops, ev, ev->client.work,
					   ev->client.flags & FE_CL_SLEPT, &o->ref);

	if (is == LOOP_REQUEST)
		o->by = CALL_BY_LOOP;
	else
		unknown(o, call_unknown__of_loop(is));
}

/*
 * The store was made in the request's callback, which says nothing where requests have no stores of
 * their own. But then the turn of the loop may say the same, or that in which the connection was
 * opened for this.
 */
static bool same_by_loop(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
			 const struct flow_issuer *is, struct cl_owner *o)
{
	struct cl_owner loop = {0};

	if (!is->by_birth ||
	    flow_mismatch__has_stores(c->opts.mismatch, ev->pid, &is->request, is->instance))
		return false;
	if ((ev->client.flags & FE_CL_FIRST) && k->connect_seen)
		loop = k->opener;
	else
		by_loop(c, ev, &loop);
	if (loop.by != CALL_BY_LOOP || !same_request(&loop.ref, &is->request))
		return false;
	*o = loop;
	return true;
}

void cl_owner__find(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		    struct cl_owner *o)
{
	struct flow_issuer is;

	*o = (struct cl_owner){0};
	flow_mismatch__issuer(c->opts.mismatch, ev, &is);
	switch (is.is) {
	case ISSUER_REQUEST:
		if (may_be_the_connections(k, &is, ev)) {
			unknown(o, CALL_UNKNOWN_CONNECTION);
			return;
		}
		if (same_by_loop(c, k, ev, &is, o))
			return;
		o->by = CALL_BY_STORE;
		o->ref = is.request;
		o->by_birth = is.by_birth;
		o->instance = is.instance;
		return;
	case ISSUER_NONE:
		by_loop(c, ev, o);
		break;
	default:
		unknown(o, call_unknown__of_issuer(&is));
		o->store = (uint8_t)is.why;
		return;
	}
	/* The callback of the connection's being established goes on with what opened it. */
	if (o->by == CALL_BY_NOTHING && (ev->client.flags & FE_CL_FIRST) && k->connect_seen &&
	    k->connected_ns && ev->ts - k->connected_ns < CONNECT_FOLLOWS_NS &&
	    o->unknown != CALL_UNKNOWN_PROBES)
		*o = k->opener;
}

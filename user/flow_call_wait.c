// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a call has its request wait for: told to flow_requests as it happens. */
#include "flow_call_int.h"

/* It has been waiting for the connection that it opened, and now uses for the first time. */
static void connected(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		      const struct cl_owner *owner)
{
	if (!(ev->client.flags & FE_CL_FIRST) || !k->connect_seen || !k->connected_ns ||
	    !cl_owner__same(owner, &k->opener))
		return;
	flow_requests__waited(c->opts.requests, &owner->ref, WAIT_CONNECT, k->connect_ns,
			      k->connected_ns);
}

/*
 * Sent in the turn of the loop in which an answer came for another request over this connection: it
 * was queued, and the pool went on with it. Since when, only the pool knows; at most since it ran
 * last.
 */
static void was_queued(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		       const struct cl_owner *owner)
{
	if (!k->received_ns || flow_req_ref__same(&k->received, &owner->ref) ||
	    !flow_requests__in_turn(c->opts.requests, ev->pid, ev->tid, k->received_ns))
		return;
	flow_requests__waited(c->opts.requests, &owner->ref, WAIT_SOCKET, 0, k->arrived_ns);
}

void cl_wait__send(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		   const struct cl_owner *owner)
{
	if (owner->by == CALL_BY_NOTHING)
		return;
	if (ev->client.op == LR_CLIENT_SEND) {
		connected(c, k, ev, owner);
		was_queued(c, k, ev, owner);
	}
	flow_requests__worked(c->opts.requests, ev, &ev->client.clock, &owner->ref);
}

static const struct flow_req_ref *waiting(struct flow_calls *c, const struct cl_call *call,
					  uint64_t arrived)
{
	const struct flow_call *pub = &call->pub;
	uint64_t since = call->last_in_ns ? call->last_in_ns : pub->sent_ns;

	if (pub->by == CALL_BY_NOTHING)
		return NULL;
	flow_requests__waited(c->opts.requests, &pub->request, WAIT_CALL, since, arrived);
	return &pub->request;
}

/* The turn is for the first of those that wait; the others go on in it too. */
void cl_wait__receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	uint64_t arrived = ev->client.arrival_ns ? ev->client.arrival_ns : ev->ts;
	const struct flow_req_ref *first = NULL, *ref;

	if (k->setup)
		first = waiting(c, k->setup, arrived);
	for (struct cl_call *call = k->first; call; call = call->next) {
		ref = waiting(c, call, arrived);
		if (!first)
			first = ref;
	}
	k->received_ns = ev->ts;
	k->arrived_ns = arrived;
	k->received = first ? *first : (struct flow_req_ref){0};
	if (first)
		flow_requests__turn(c->opts.requests, ev, &ev->client.clock, LR_TURN_OTHER, 0,
				    first);
}

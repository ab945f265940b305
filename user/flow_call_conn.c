// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Operations on a connection, where the protocol is not framed: see the essay in flow_call.c. */
#include "events.h"
#include "flow_call_int.h"
#include "util.h"

static bool is_setup(const struct cl_conn *k, const struct fe_client *cl)
{
	return (cl->flags & FE_CL_SETUP) || (k->kind == CALL_HTTPS && (cl->flags & FE_CL_TLS));
}

static void setup_send(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
		       const struct cl_owner *owner)
{
	if (k->setup) {
		k->setup->pub.bytes_out += ev->client.bytes;
		k->setup->pub.sends += k->setup->turned;
		k->setup->turned = false;
		return;
	}
	k->setup = cl_call__new(c, k, ev, owner);
	if (k->setup)
		k->setup->pub.setup = true;
}

/* The log-in was for this call if one request did both; else it is a call of its own. */
static struct cl_call *take_setup(struct flow_calls *c, struct cl_conn *k,
				  const struct flow_event *ev, const struct cl_owner *owner)
{
	struct cl_call *s = k->setup;
	struct cl_owner of;

	if (!s)
		return NULL;
	of = (struct cl_owner){.by = s->pub.by, .ref = s->pub.request};
	k->setup = NULL;
	if (!cl_owner__same(&of, owner)) {
		cl_call__end(c, s, CALL_OK, s->last_in_ns ? s->last_in_ns : s->pub.sent_ns);
		return NULL;
	}
	s->pub.setup = false;
	s->pub.bytes_out += ev->client.bytes;
	s->pub.sends++;
	s->pub.first_byte_ns = 0;
	s->answered = false;
	return s;
}

/*
 * More of a request that is being sent: one request's sends before an answer are one call. Where it
 * is not known whose they are, they are one as well, but for Redis, whose clients commonly send for
 * others meanwhile.
 */
static bool goes_on(const struct cl_conn *k, const struct cl_owner *owner)
{
	struct cl_owner of;

	if (!k->last || k->last->answered)
		return false;
	if (owner->by == CALL_BY_NOTHING || k->last->pub.by == CALL_BY_NOTHING)
		return k->kind != CALL_REDIS;
	of = (struct cl_owner){.by = k->last->pub.by, .ref = k->last->pub.request};
	return cl_owner__same(&of, owner);
}

static void raw_send(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
		     const struct cl_owner *owner)
{
	struct cl_call *call;
	bool overlap;

	if (goes_on(k, owner)) {
		k->last->pub.bytes_out += ev->client.bytes;
		k->last->pub.sends++;
		k->last->turned = false;
		return;
	}
	cl_conn__settle(c, k);
	overlap = k->first != NULL;
	call = take_setup(c, k, ev, owner);
	if (!call)
		call = cl_call__new(c, k, ev, owner);
	if (!call)
		return;
	cl_call__append(k, call);
	for (struct cl_call *o = k->first; overlap && o; o = o->next)
		o->pub.approximate = true;
	if (k->tls_ns && !k->tls_done) {
		call->pub.tls_ns = ev->ts - k->tls_ns;
		/* Session tickets look like an answer. */
		call->pub.approximate = true;
		k->tls_done = true;
	}
}

/* An answer: of all that wait for one, since which it is of the bytes do not say. */
static void raw_receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	bool several = k->first && k->first->next;
	struct cl_call *next;

	for (struct cl_call *call = k->first; call; call = next) {
		next = call->next;
		if (!call->answered) {
			call->answered = true;
			call->pub.first_byte_ns = ev->ts;
		}
		if (!call->turned)
			call->pub.round_trips++;
		call->turned = true;
		call->last_in_ns = ev->ts;
		if (!several)
			call->pub.bytes_in += ev->client.bytes;
		else
			cl_call__end(c, call, CALL_OK, ev->ts);
	}
}

static void setup_receive(struct cl_conn *k, const struct flow_event *ev)
{
	struct cl_call *s = k->setup;

	s->pub.bytes_in += ev->client.bytes;
	s->last_in_ns = ev->ts;
	if (!s->answered)
		s->pub.first_byte_ns = ev->ts;
	s->answered = true;
	if (!s->turned)
		s->pub.round_trips++;
	s->turned = true;
}

static void end_all(struct flow_calls *c, struct cl_conn *k, enum call_outcome outcome, uint64_t ts,
		    int error)
{
	struct cl_call *s = k->setup;

	cl_conn__settle(c, k);
	k->setup = NULL;
	if (s) {
		s->pub.error = error;
		cl_call__end(c, s, s->answered && !error ? CALL_OK : outcome,
			     s->answered && !error ? s->last_in_ns : ts);
	}
	while (k->first) {
		k->first->pub.error = error;
		cl_call__end(c, k->first, outcome, ts);
	}
}

void cl_conn__abandon(struct flow_calls *c, struct cl_conn *k, enum call_outcome outcome,
		      uint64_t ts)
{
	if (k->half_ns)
		end_all(c, k, CALL_ABORTED, k->half_ns, 0);
	else
		end_all(c, k, outcome, outcome == CALL_OPEN || outcome == CALL_LOST ? 0 : ts, 0);
}

/* Records were lost: what is open may have gone on unseen. */
static void lost(struct cl_conn *k)
{
	for (struct cl_call *call = k->first; call; call = call->next) {
		call->pub.approximate = true;
		call->framing = CL_UNFRAMED;
	}
}

static void on_connect(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	k->connect_seen = true;
	k->connect_ns = ev->ts;
	k->connect_counter = ev->client.counter;
	cl_owner__find(c, k, ev, &k->opener);
	cl_wait__send(c, k, ev, &k->opener);
	k->opened_under_unknown = k->opener.unknown == CALL_UNKNOWN_STORE ||
				  k->opener.unknown == CALL_UNKNOWN_CONTRADICT ||
				  k->opener.unknown == CALL_UNKNOWN_READ;
}

static void on_send(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	const struct fe_client *cl = &ev->client;
	struct cl_owner owner;

	if (cl->error) {
		end_all(c, k, CALL_ERROR, ev->ts, cl->error);
		return;
	}
	if (!cl->bytes || k->opaque)
		return;
	if (cl->flags & FE_CL_QUIT) {
		cl_conn__settle(c, k);
		return;
	}
	if (cl->flags & FE_CL_HEAD)
		k->kind = CALL_HTTP;
	else if (k->kind == CALL_OTHER && (cl->flags & (FE_CL_TLS | FE_CL_DATA)))
		k->kind = CALL_HTTPS;
	if ((cl->flags & FE_CL_TLS) && !k->tls_ns)
		k->tls_ns = ev->ts;
	cl_owner__find(c, k, ev, &owner);
	cl_wait__send(c, k, ev, &owner);
	if (k->kind == CALL_HTTP)
		cl_http__send(c, k, ev, &owner);
	else if (is_setup(k, cl))
		setup_send(c, k, ev, &owner);
	else
		raw_send(c, k, ev, &owner);
	k->send_counter = cl->counter;
}

/* The other side has ended: an answer that only this delimits is whole. */
static void on_end_of_stream(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	for (struct cl_call *call = k->first; call; call = call->next)
		if (call->answered && call->framing == CL_UNFRAMED && k->kind == CALL_HTTP)
			call->last_in_ns = ev->ts;
	end_all(c, k, CALL_CLOSED, ev->ts, 0);
}

static void on_receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	const struct fe_client *cl = &ev->client;

	if (cl->error) {
		end_all(c, k, CALL_ERROR, ev->ts, cl->error);
	} else if (!cl->bytes) {
		on_end_of_stream(c, k, ev);
	} else if (!k->opaque) {
		k->receive_counter = cl->counter;
		cl_wait__receive(c, k, ev);
		if (k->kind == CALL_HTTP)
			cl_http__receive(c, k, ev);
		else if (!k->first && k->setup)
			setup_receive(k, ev);
		else if (k->kind != CALL_HTTPS || !(cl->flags & FE_CL_TLS))
			raw_receive(c, k, ev);
	}
}

/* A connection that was never there is a call that failed. */
static void connect_failed(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	struct cl_call *call = cl_call__new(c, k, ev, &k->opener);

	if (!call)
		return;
	call->pub.sent_ns = 0;
	call->pub.sends = 0;
	call->pub.bytes_out = 0;
	call->pub.start_ns = k->connect_ns;
	call->pub.reused = false;
	call->pub.error = ev->client.error;
	cl_call__end(c, call, CALL_ERROR, ev->ts);
}

static void on_close(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	if (ev->client.error && k->connect_seen && !k->connected_ns)
		connect_failed(c, k, ev);
	else if (ev->client.flags & FE_CL_HALF)
		k->half_ns = ev->ts;
	else if (k->half_ns)
		end_all(c, k, CALL_ABORTED, k->half_ns, 0);
	else
		end_all(c, k, ev->client.flags & FE_CL_BY_PEER ? CALL_CLOSED : CALL_ABORTED, ev->ts,
			0);
}

void cl_conn__operation(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	if (ev->client.flags & FE_CL_LOST)
		lost(k);
	if (ev->client.connected_ns)
		k->connected_ns = ev->client.connected_ns;
	switch (ev->client.op) {
	case LR_CLIENT_CONNECT:
		on_connect(c, k, ev);
		break;
	case LR_CLIENT_SEND:
		on_send(c, k, ev);
		break;
	case LR_CLIENT_RECEIVE:
		on_receive(c, k, ev);
		break;
	case LR_CLIENT_CLOSE:
		on_close(c, k, ev);
		break;
	default:
		break;
	}
}

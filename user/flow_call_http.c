// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls in HTTP/1: one for each request head that was sent, over when its response is. */
#include <string.h>

#include "events.h"
#include "flow_call_int.h"
#include "util.h"

static void copy_text(char *to, size_t cap, const struct flow_str *s)
{
	size_t n = min_t(size_t, s->len, cap - 1);

	if (n)
		memcpy(to, s->s, n);
	to[n] = '\0';
}

void cl_http__send(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
		   const struct cl_owner *owner)
{
	const struct fe_client *cl = &ev->client;
	struct cl_call *call;
	bool overlap;

	if (!(cl->flags & FE_CL_HEAD)) {
		/* More of the request; when it is answered already, the rest of an upload. */
		if (k->last)
			k->last->pub.bytes_out += cl->bytes;
		if (k->last && !k->last->answered)
			k->last->pub.sends++;
		return;
	}
	cl_conn__settle(c, k);
	overlap = k->first != NULL;
	call = cl_call__new(c, k, ev, owner);
	if (!call)
		return;
	cl_call__append(k, call);
	for (struct cl_call *o = k->first; overlap && o; o = o->next)
		o->pub.approximate = true;
	call->pub.version = cl->version;
	call->pub.trace = cl->trace;
	copy_text(call->pub.method, sizeof(call->pub.method), &cl->method);
	copy_text(call->pub.path, sizeof(call->pub.path), &cl->path);
}

static void answer(struct cl_call *call, uint64_t ts)
{
	if (call->answered)
		return;
	call->answered = true;
	call->pub.first_byte_ns = ts;
	call->pub.round_trips++;
}

/* How the body is framed; false: there is none. */
static bool enter_body(struct cl_call *call, const struct fe_client *cl)
{
	call->framing = CL_UNFRAMED;
	if (strcmp(call->pub.method, "HEAD") == 0 || cl->status == 204 || cl->status == 304)
		return false;
	if (cl->flags & FE_CL_CHUNKED) {
		call->framing = CL_CHUNKED;
	} else if (cl->flags & FE_CL_LENGTH) {
		call->framing = CL_LENGTH;
		call->remaining = cl->content_length;
		return cl->content_length != 0;
	}
	return true;
}

static bool leaves_http(const struct cl_call *call, uint16_t status)
{
	return status == 101 || (status < 300 && strcmp(call->pub.method, "CONNECT") == 0);
}

/* Bytes behind the end of a response: the next one's, whose head was not looked at. */
static void overrun(struct cl_conn *k, uint64_t ts)
{
	if (!k->first)
		return;
	answer(k->first, ts);
	k->first->last_in_ns = ts;
	k->first->framing = CL_UNFRAMED;
	k->first->pub.approximate = true;
}

static void body(struct flow_calls *c, struct cl_call *call, const struct flow_event *ev,
		 uint64_t bytes)
{
	struct cl_conn *k = call->conn;

	if (call->framing == CL_LENGTH) {
		uint64_t mine = min_t(uint64_t, call->remaining, bytes);

		call->remaining -= mine;
		if (call->remaining)
			return;
		cl_call__end(c, call, CALL_OK, ev->ts);
		if (bytes > mine)
			overrun(k, ev->ts);
	} else if (call->framing == CL_CHUNKED && (ev->client.flags & FE_CL_LAST)) {
		cl_call__end(c, call, CALL_OK, ev->ts);
	}
}

static void response(struct flow_calls *c, struct cl_call *call, const struct flow_event *ev)
{
	const struct fe_client *cl = &ev->client;
	uint64_t behind = cl->bytes > cl->head_bytes ? cl->bytes - cl->head_bytes : 0;

	if (cl->status < 200 && cl->status != 101)
		return; /* the response itself is still to come */
	answer(call, ev->ts);
	call->pub.status = cl->status;
	if (leaves_http(call, cl->status)) {
		call->conn->opaque = true;
		cl_call__end(c, call, CALL_OK, ev->ts);
	} else if (cl->flags & FE_CL_CUT) {
		call->framing = CL_UNFRAMED;
		call->pub.approximate = true;
	} else if (!enter_body(call, cl)) {
		cl_call__end(c, call, CALL_OK, ev->ts);
	} else {
		body(c, call, ev, behind);
	}
}

void cl_http__receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev)
{
	struct cl_call *call = k->first;

	if (!call)
		return;
	call->pub.bytes_in += ev->client.bytes;
	call->last_in_ns = ev->ts;
	if (!call->answered && (ev->client.flags & FE_CL_HEAD)) {
		response(c, call, ev);
	} else if (!call->answered) {
		/* A head in pieces, or no HTTP after all. */
		answer(call, ev->ts);
		call->pub.approximate = true;
	} else {
		body(c, call, ev, ev->client.bytes);
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The fields of events about connections that the process opened, and of kept headers, once for
 * both directions; see out_capture_codec.h. They came with revision 2, so strings are inline
 * and nothing that other types refer back to is changed: an older reader skips them whole.
 */
#include "out_capture_parts.h"
#include "util.h"

#define METHOD_MAX 32

void event_peer(struct capture_codec *c, struct fe_peer *p)
{
	field_running(c, &p->conn, &c->cur->client);
	field_u16(c, &p->family);
	field_u16(c, &p->local_port);
	field_u16(c, &p->peer_port);
	field_addr(c, p->local_addr);
	field_addr(c, p->peer_addr);
}

static void field_bytes(struct capture_codec *c, uint8_t *to, uint32_t n)
{
	struct flow_str s = {(const char *)to, n};

	field_text(c, &s, n);
	if (c->packing)
		return;
	if (s.len != n) {
		c->bad = true;
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		to[i] = (uint8_t)s.s[i];
}

static void field_trace(struct capture_codec *c, struct fe_trace *t)
{
	field_bool(c, &t->known);
	if (!t->known)
		return;
	field_u8(c, &t->flags);
	field_bytes(c, t->trace_id, sizeof(t->trace_id));
	field_bytes(c, t->span_id, sizeof(t->span_id));
}

static void field_inline(struct capture_codec *c, struct flow_str *s, uint32_t max)
{
	s->s = c->packing ? s->s : "";
	field_text(c, s, max);
}

/* Which parts of an fe_client follow; what is absent is zero. */
#define CLIENT_WORK    (1u << 0)
#define CLIENT_CONNECT (1u << 1)
#define CLIENT_COUNTER (1u << 2)
#define CLIENT_ERROR   (1u << 3)
#define CLIENT_ARRIVAL (1u << 4)
#define CLIENT_CLOCK   (1u << 5)
#define CLIENT_PARTS   0x3f

static uint8_t client_parts(const struct fe_client *cl)
{
	return (uint8_t)((cl->work ? CLIENT_WORK : 0) |
			 (cl->connect_ns || cl->connected_ns ? CLIENT_CONNECT : 0) |
			 (cl->counter ? CLIENT_COUNTER : 0) | (cl->error ? CLIENT_ERROR : 0) |
			 (cl->arrival_ns ? CLIENT_ARRIVAL : 0) |
			 (cl->clock.has ? CLIENT_CLOCK : 0));
}

static void client_head(struct capture_codec *c, struct fe_client *cl)
{
	field_u8(c, &cl->version);
	field_u16(c, &cl->status);
	field_u32(c, &cl->head_bytes);
	if (cl->flags & FE_CL_LENGTH)
		field_u64(c, &cl->content_length);
	if (cl->status)
		return;
	field_inline(c, &cl->method, METHOD_MAX);
	field_inline(c, &cl->path, FLOW_PATH_MAX);
	field_trace(c, &cl->trace);
}

void event_client(struct capture_codec *c, struct fe_client *cl)
{
	uint8_t parts = c->packing ? client_parts(cl) : 0;
	uint64_t op = cl->op, counter = (uint64_t)cl->counter;

	field_u8(c, &parts);
	if (parts & ~CLIENT_PARTS)
		c->bad = true;
	field_running(c, &cl->conn, &c->cur->client);
	field_max(c, &op, LR_CLIENT_CLOSE);
	cl->op = (uint8_t)op;
	field_u16(c, &cl->flags);
	field_u32(c, &cl->bytes);
	if (parts & CLIENT_WORK)
		field_delta(c, &cl->work, c->cur->client);
	if (parts & CLIENT_CONNECT) {
		field_delta(c, &cl->connect_ns, c->ts);
		field_delta(c, &cl->connected_ns, cl->connect_ns);
	}
	if (parts & CLIENT_COUNTER) {
		field_delta(c, &counter, c->cur->async_id);
		cl->counter = (int64_t)counter;
	}
	if (parts & CLIENT_ERROR)
		field_int(c, &cl->error);
	if (parts & CLIENT_ARRIVAL)
		field_delta(c, &cl->arrival_ns, c->ts);
	if (parts & CLIENT_CLOCK)
		field_clock(c, &cl->clock);
	cl->method.s = c->packing ? cl->method.s : "";
	cl->path.s = c->packing ? cl->path.s : "";
	if (cl->flags & FE_CL_HEAD)
		client_head(c, cl);
}

void event_job(struct capture_codec *c, struct fe_job *j)
{
	uint64_t op = j->op, kind = j->kind, counter = (uint64_t)j->counter;

	field_max(c, &op, LR_JOB_DONE);
	field_max(c, &kind, LR_JOB_ZLIB);
	j->op = (uint8_t)op;
	j->kind = (uint8_t)kind;
	field_u8(c, &j->flags);
	field_u64(c, &j->job);
	field_delta(c, &j->work, c->cur->client);
	field_clock(c, &j->clock);
	field_delta(c, &j->submit_ns, c->ts);
	field_delta(c, &j->start_ns, j->submit_ns);
	field_delta(c, &j->end_ns, j->start_ns);
	field_delta(c, &counter, c->cur->async_id);
	j->counter = (int64_t)counter;
}

/* There are many of them: a busy loop's takes some 12 bytes. */
void event_pulse(struct capture_codec *c, struct fe_pulse *p)
{
	bool polling = p->entry_ns != 0, timed = p->time_ns != 0;

	field_u32(c, &p->env);
	field_u8(c, &p->flags);
	field_u8(c, &p->iterations_unknown);
	field_u8(c, &p->microtasks_unknown);
	field_running(c, &p->idle_ns, &c->cur->idle_ns);
	field_running(c, &p->iterations, &c->cur->iterations);
	field_running(c, &p->microtasks, &c->cur->microtasks);
	field_bool(c, &polling);
	if (polling)
		field_delta(c, &p->entry_ns, c->ts);
	field_bool(c, &timed);
	if (timed)
		field_delta(c, &p->time_ns, c->ts);
}

bool event_client_fits(const struct fe_client *cl)
{
	return cl->op <= LR_CLIENT_CLOSE && cl->method.len <= METHOD_MAX &&
	       cl->path.len <= FLOW_PATH_MAX;
}

void event_headers(struct capture_codec *c, struct fe_headers *h)
{
	uint64_t n = h->n;

	field_running(c, &h->conn, &c->cur->client);
	field_trace(c, &h->trace);
	field_inline(c, &h->tracestate, FE_TRACESTATE_MAX);
	field_max(c, &n, FE_HEADERS_MAX);
	h->n = (uint32_t)n;
	for (uint32_t i = 0; i < h->n; i++) {
		c->headers[i] = c->packing ? h->header[i] : (struct fe_header){0};
		field_inline(c, &c->headers[i].name, FE_HEADER_NAME);
		field_inline(c, &c->headers[i].value, FE_HEADER_VALUE);
	}
	h->header = c->headers;
}

bool event_headers_fit(const struct fe_headers *h)
{
	if (h->n > FE_HEADERS_MAX || h->tracestate.len > FE_TRACESTATE_MAX)
		return false;
	for (uint32_t i = 0; i < h->n; i++)
		if (h->header[i].name.len > FE_HEADER_NAME ||
		    h->header[i].value.len > FE_HEADER_VALUE)
			return false;
	return true;
}

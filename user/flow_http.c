// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/1 framing on partial captures.
 *
 * A connection is a pair of byte streams, but only a prefix of each operation is at hand
 * (and the last bytes of a send). The framer therefore works through *operations*: it feeds
 * what was captured to the line collector and walks over the rest by arithmetic. It is in
 * step as long as all that it walked over lies in a body or chunk of known length. Where it
 * does not, the direction is out of step and stays so until a point that needs no guess:
 *
 *   - an operation that begins with a complete, valid request line (receives) or status line
 *     (sends, and only while a request waits for one);
 *   - for a chunked response, a send that ends in the last chunk;
 *   - for a response to a client that does not pipeline, the next request's head: the
 *     response had ended with the last send before it. That is exact, so it is no FE_F_GAP.
 *
 * Each message gives one event per operation that carries bytes of it, at the message's end
 * or the operation's end. Node.js writes a response head with the first body bytes in one
 * send, reads at most 64 KB at a time, and hands a request to its handler when the head is
 * complete, which is when HEAD is reported.
 *
 * Roles. A connection is a server's when a request line comes in or a status line goes out,
 * a client's when it is the other way round; before that nothing is reported. Clients are
 * left alone (client_operation is where their framing would start).
 *
 * Pairing. Responses answer requests in order. What a request was (HEAD, CONNECT) decides
 * how its response is framed, so each unanswered request is remembered by one byte. After
 * records were lost (flow_http__lost) the streams may have moved on unseen: both directions
 * are suspect until the next request head, and a client that never pipelined cannot have
 * an older request open then (FE_F_RESYNC). A pipelining client's requests keep their order,
 * which may be off by what was lost; flow_requests marks them all as incomplete.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_http_int.h"
#include "util.h"

#define TEXT_MIN  64
#define TEXT_KEEP 256 /* a longer buffer is given back when it is cleared */

static struct http_dir *current(struct flow_http *h)
{
	return &h->dir[h->op.out];
}

bool http_text__add(struct flow_http *h, struct http_text *t, const void *p, uint32_t n)
{
	uint32_t cap = t->cap ? t->cap : TEXT_MIN;
	char *s;

	while (cap < t->len + n)
		cap *= 2;
	if (cap > t->cap) {
		if (h->shared->held + (cap - t->cap) > h->shared->held_max)
			return false;
		s = realloc(t->s, cap);
		if (!s)
			return false;
		h->shared->held += cap - t->cap;
		t->s = s;
		t->cap = cap;
	}
	if (n)
		memcpy(t->s + t->len, p, n);
	t->len += n;
	return true;
}

static void text_free(struct flow_http *h, struct http_text *t)
{
	free(t->s);
	h->shared->held -= t->cap;
	memset(t, 0, sizeof(*t));
}

void http_text__clear(struct flow_http *h, struct http_text *t)
{
	t->len = 0;
	if (t->cap > TEXT_KEEP)
		text_free(h, t);
}

void flow_http__init(struct flow_http *h, struct flow_http_shared *shared)
{
	memset(h, 0, sizeof(*h));
	h->shared = shared;
	h->kinds = h->kinds_inline;
	h->kinds_cap = sizeof(h->kinds_inline);
}

void flow_http__destroy(struct flow_http *h)
{
	if (!h || !h->shared)
		return;
	http_keep__reset(h);
	text_free(h, &h->path);
	text_free(h, &h->dir[0].line);
	text_free(h, &h->dir[1].line);
	if (h->kinds != h->kinds_inline)
		free(h->kinds);
	h->kinds = NULL;
	h->shared = NULL;
}

static void fill_head(const struct flow_http *h, const struct http_dir *d, struct fe_io *io)
{
	io->version = d->head.version;
	io->content_length = io->flags & FE_F_LENGTH ? d->head.content_length : 0;
	if (h->op.out) {
		io->status = d->head.status;
		if (h->shared->response_ids && !(io->flags & FE_F_INFO))
			io->nids = h->shared->response_ids(h->shared->sink.ctx, io->ids);
		return;
	}
	io->nids = d->head.nids;
	memcpy(io->ids, d->head.ids, sizeof(io->ids));
	memcpy(io->id_len, d->head.id_len, sizeof(io->id_len));
	io->method = d->head.method;
	io->method_name.s = d->head.method_name;
	io->method_name.len = (uint32_t)strlen(d->head.method_name);
	io->path.s = h->path.s;
	io->path.len = h->path.len;
	if (h->masked)
		io->flags |= FE_F_MASKED;
	if (h->long_path)
		io->flags |= FE_F_LONG;
}

/* Reports the part of the current operation from the mark to here. */
void http_emit(struct flow_http *h, uint32_t flags)
{
	struct http_dir *d = current(h);
	struct flow_event ev = {
		.type = h->op.out ? FE_OUT : FE_IN,
		.pid = h->op.pid,
		.tid = h->op.tid,
		.ts = h->op.ts,
		.io =
			{
				.conn = h->op.conn,
				.arrival_ns = h->op.arrival_ns,
				.clock = h->op.clock,
				.bytes = h->pos - h->mark,
				.flags = flags | h->op.flags,
				.top = h->op.top,
				.counter = h->op.counter,
				.epoch = h->op.epoch,
			},
	};
	int err;

	if (flags & FE_F_HEAD)
		fill_head(h, d, &ev.io);
	if (h->op.out && h->active)
		h->last_out = h->op;
	h->mark = h->pos;
	d->pending = 0;
	err = h->shared->sink.event(h->shared->sink.ctx, &ev);
	if (err && !h->error)
		h->error = err;
	if (!(flags & FE_F_HEAD) || h->op.out)
		return;
	http_text__clear(h, &h->path);
	err = http_keep__emit(h);
	if (err && !h->error)
		h->error = err;
}

static int take_error(struct flow_http *h)
{
	int err = h->error;

	h->error = 0;
	return err;
}

int flow_http__begin(struct flow_http *h, const struct flow_http_op *op)
{
	int err = h->active ? flow_http__end(h) : 0;

	h->op = *op;
	h->active = true;
	h->fed = 0;
	h->pos = 0;
	h->mark = 0;
	return err;
}

static void keep_last(struct flow_http *h, const char *p, uint32_t n)
{
	if (n < FLOW_HTTP_TAIL)
		memmove(h->last, h->last + n, FLOW_HTTP_TAIL - n);
	else
		p += n - FLOW_HTTP_TAIL;
	n = min_t(uint32_t, n, FLOW_HTTP_TAIL);
	memcpy(h->last + FLOW_HTTP_TAIL - n, p, n);
}

int flow_http__data(struct flow_http *h, const void *data, uint32_t len)
{
	if (!h->active)
		return 0;
	len = min_t(uint32_t, len, h->op.total - h->fed);
	if (len == 0)
		return 0;
	if (h->fed == 0)
		http_role__first_bytes(h, current(h), data, len);
	h->fed += len;
	if (h->role == HTTP_ROLE_CLIENT || h->role == HTTP_ROLE_OPAQUE)
		return take_error(h);
	if (h->op.out)
		keep_last(h, data, len);
	http_body__feed(h, current(h), data, len);
	return take_error(h);
}

/* Walks over what was not captured; the last bytes of a send are known again. */
static void skip_rest(struct flow_http *h)
{
	uint32_t missing = h->op.total - h->fed, known = 0;
	struct http_dir *d = current(h);
	const char *tail;

	if (missing == 0)
		return;
	if (h->op.has_tail)
		known = min_t(uint32_t, missing, FLOW_HTTP_TAIL);
	/* Leading zeros may mean that fewer bytes could be read; skipping them is the same. */
	while (known && !h->op.tail[FLOW_HTTP_TAIL - known])
		known--;
	http_body__skip(h, d, missing - known);
	tail = (const char *)h->op.tail + FLOW_HTTP_TAIL - known;
	if (known) {
		memset(h->last, 0, sizeof(h->last));
		keep_last(h, tail, known);
		http_body__feed(h, d, tail, known);
	}
	h->fed = h->op.total;
}

/* A chunked body whose chunks were not all seen still shows its last one at a send's end. */
static bool ends_chunked(const struct flow_http *h, const struct http_dir *d)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";

	if (h->op.total - h->fed || h->op.total < 5)
		return false;
	if (d->state == HS_CHUNK_LOST || h->op.total == 5)
		return memcmp(h->last + 3, last_chunk + 2, 5) == 0;
	return h->op.total >= 7 && memcmp(h->last + 1, last_chunk, 7) == 0;
}

/* What of the operation has not been reported yet. */
static void report_rest(struct flow_http *h, struct http_dir *d)
{
	uint32_t flags = d->pending;

	if (h->pos == h->mark && !flags)
		return;
	switch (d->state) {
	case HS_START:
	case HS_HEADERS:
		flags |= FE_F_PART;
		break;
	case HS_IDLE:
	case HS_OVER:
	case HS_WAIT:
		return;
	case HS_LOST:
		if (!d->open && !(flags & FE_F_HEAD))
			return;
		break;
	default:
		break;
	}
	http_emit(h, flags);
}

int flow_http__end(struct flow_http *h)
{
	struct http_dir *d = current(h);
	bool reported;

	if (!h->active)
		return 0;
	if (h->role == HTTP_ROLE_UNKNOWN || h->role == HTTP_ROLE_SERVER) {
		skip_rest(h);
		if (h->op.out && d->open &&
		    (d->state == HS_CHUNK_LOST || d->state == HS_BODY_LOST) && ends_chunked(h, d))
			http_message__end(h, d);
		reported = h->role == HTTP_ROLE_SERVER ||
			   (h->role == HTTP_ROLE_UNKNOWN && d->state == HS_START && !h->op.out);
		if (reported)
			report_rest(h, d);
	}
	h->active = false;
	return take_error(h);
}

static int special(struct flow_http *h, const struct flow_http_op *op, uint32_t flags, int error)
{
	struct flow_event ev = {
		.type = op->out ? FE_OUT : FE_IN,
		.pid = op->pid,
		.tid = op->tid,
		.ts = op->ts,
		.io =
			{
				.conn = op->conn,
				.arrival_ns = op->arrival_ns,
				.clock = op->clock,
				.error = error,
				.flags = flags | op->flags,
				.top = op->top,
				.counter = op->counter,
				.epoch = op->epoch,
			},
	};
	int err = h->active ? flow_http__end(h) : 0;

	if (err || h->role != HTTP_ROLE_SERVER)
		return err;
	if (!op->out) {
		if (h->dir[0].open &&
		    (h->dir[0].state == HS_CHUNK_LOST || h->dir[0].state == HS_LOST))
			ev.io.flags |= FE_F_GAP;
		h->dir[0].state = HS_OVER;
	}
	return h->shared->sink.event(h->shared->sink.ctx, &ev);
}

int flow_http__eof(struct flow_http *h, const struct flow_http_op *op)
{
	return special(h, op, FE_F_EOF, 0);
}

int flow_http__failed(struct flow_http *h, const struct flow_http_op *op, int error)
{
	return special(h, op, 0, error);
}

int flow_http__sent(struct flow_http *h, const struct flow_http_op *op)
{
	struct flow_event ev = {
		.type = FE_OUT,
		.pid = op->pid,
		.tid = op->tid,
		.ts = op->ts,
		.io =
			{
				.conn = op->conn,
				.clock = op->clock,
				.bytes = op->total,
				.flags = FE_F_SENT | op->flags,
			},
	};

	if (!op->out || h->active || (h->role != HTTP_ROLE_SERVER && h->role != HTTP_ROLE_OPAQUE))
		return 0;
	return h->shared->sink.event(h->shared->sink.ctx, &ev);
}

int flow_http__close(struct flow_http *h, bool by_peer)
{
	struct http_dir *out = &h->dir[1];
	int err = h->active ? flow_http__end(h) : 0;

	if (err || h->role != HTTP_ROLE_SERVER || by_peer || !out->open)
		return err;
	if (out->state == HS_BODY_EOF)
		http_message__close_response(h, 0);
	else if (out->state == HS_CHUNK_LOST || out->state == HS_BODY_LOST)
		http_message__close_response(h, FE_F_GAP);
	return take_error(h);
}

void flow_http__lost(struct flow_http *h)
{
	h->dir[0].suspect = true;
	h->dir[1].suspect = true;
}

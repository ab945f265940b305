// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The borders of messages: heads, ends, and the pairing of responses with requests. */
#include <stdlib.h>
#include <string.h>

#include "flow_http_int.h"

#define IN(h)  (&(h)->dir[0])
#define OUT(h) (&(h)->dir[1])

static bool is_out(const struct flow_http *h, const struct http_dir *d)
{
	return d == &h->dir[1];
}

/* Nothing that is known about this connection can be trusted or matters any more. */
static void give_up(struct flow_http *h)
{
	h->role = HTTP_ROLE_OPAQUE;
	IN(h)->state = HS_OVER;
	OUT(h)->state = HS_OVER;
}

static bool grow_kinds(struct flow_http *h)
{
	uint32_t cap = h->kinds_cap * 2;
	uint8_t *bigger;

	if (cap == 0 || cap > FLOW_HTTP_DEPTH)
		return false;
	bigger = malloc(cap);
	if (!bigger)
		return false;
	for (uint32_t i = 0; i < h->kinds_count; i++)
		bigger[i] = h->kinds[(h->kinds_head + i) & (h->kinds_cap - 1)];
	if (h->kinds != h->kinds_inline)
		free(h->kinds);
	h->kinds = bigger;
	h->kinds_cap = cap;
	h->kinds_head = 0;
	return true;
}

static bool push_kind(struct flow_http *h, enum http_kind kind)
{
	if (h->kinds_count == h->kinds_cap && !grow_kinds(h)) {
		h->shared->unanswered_full++;
		return false;
	}
	h->kinds[(h->kinds_head + h->kinds_count++) & (h->kinds_cap - 1)] = (uint8_t)kind;
	return true;
}

static void pop_kind(struct flow_http *h)
{
	if (!h->kinds_count)
		return;
	h->kinds_head = (h->kinds_head + 1) & (h->kinds_cap - 1);
	h->kinds_count--;
}

void http_message__forget_requests(struct flow_http *h)
{
	h->kinds_count = 0;
	OUT(h)->open = false;
	OUT(h)->state = HS_IDLE;
	OUT(h)->pending = 0;
	http_text__clear(h, &OUT(h)->line);
}

void http_message__close_response(struct flow_http *h, uint32_t flags)
{
	struct flow_http_op now = h->op;
	uint32_t pos = h->pos, mark = h->mark;

	if (OUT(h)->open) {
		h->op = h->last_out;
		h->pos = h->mark = 0;
		http_emit(h, FE_F_END | flags);
		h->op = now;
		h->pos = pos;
		h->mark = mark;
		pop_kind(h);
	}
	OUT(h)->open = false;
	OUT(h)->state = HS_IDLE;
}

void http_message__lost(struct flow_http *h, struct http_dir *d, enum http_state state)
{
	if (h->role == HTTP_ROLE_SERVER)
		h->shared->gaps++;
	http_text__clear(h, &d->line);
	d->state = (uint8_t)state;
}

static uint32_t head_flags(const struct http_head *head)
{
	uint32_t flags = FE_F_HEAD;

	if (head->flags & HH_CHUNKED)
		flags |= FE_F_CHUNKED;
	else if (head->flags & HH_LENGTH)
		flags |= FE_F_LENGTH;
	if ((head->flags & HH_CLOSE) || (head->version <= 10 && !(head->flags & HH_KEEP_ALIVE)))
		flags |= FE_F_CLOSE;
	return flags;
}

void http_message__end(struct flow_http *h, struct http_dir *d)
{
	bool closes = d->head.flags & HH_CLOSE ||
		      (d->head.version <= 10 && !(d->head.flags & HH_KEEP_ALIVE));

	http_emit(h, d->pending | FE_F_END);
	d->open = false;
	d->state = HS_IDLE;
	if (is_out(h, d))
		pop_kind(h);
	else if (closes)
		d->state = HS_OVER;
	else if (d->head.method == FM_CONNECT ||
		 ((d->head.flags & HH_UPGRADE) && (d->head.flags & HH_CONN_UPG)))
		d->state = HS_WAIT; /* what follows may be another protocol already */
}

/* The state behind a head whose body is framed by length or chunks; false: by neither. */
static bool enter_body(struct flow_http *h, struct http_dir *d)
{
	if (d->head.flags & HH_CHUNKED) {
		d->state = HS_CHUNK_SIZE;
		d->head_bytes = 0;
	} else if (d->head.flags & HH_LENGTH) {
		d->state = HS_BODY;
		d->remaining = d->head.content_length;
		if (!d->remaining)
			http_message__end(h, d);
	} else {
		return false;
	}
	return true;
}

/* Settles what became of the requests before this one. */
static void before_request(struct flow_http *h, struct http_dir *d)
{
	struct http_dir *out = OUT(h);
	bool out_of_step =
		out->state == HS_CHUNK_LOST || out->state == HS_BODY_LOST || out->state == HS_LOST;

	if (d->suspect && h->kinds_count && !h->pipelined) {
		d->pending |= FE_F_RESYNC | FE_F_GAP;
		http_message__forget_requests(h);
	} else if (out_of_step && !h->pipelined && h->kinds_count == (out->open ? 1 : 0)) {
		http_message__close_response(h, 0);
	}
	d->suspect = false;
	out->suspect = false;
	if (h->kinds_count)
		h->pipelined = true;
}

static void begin_request(struct flow_http *h, struct http_dir *d)
{
	enum http_kind kind = HTTP_PLAIN;

	if (d->head.method == FM_HEAD)
		kind = HTTP_HEAD;
	else if (d->head.method == FM_CONNECT)
		kind = HTTP_CONNECT;
	before_request(h, d);
	d->pending |= head_flags(&d->head);
	d->open = true;
	if (!push_kind(h, kind))
		give_up(h);
}

/*
 * A head that the parser gives up on behind a good request line is a request all the same: it
 * is answered (400, or 431 for a long one), without a handler. How its body would have been
 * framed means nothing.
 */
static void begin_bad_request(struct flow_http *h, struct http_dir *d)
{
	d->head.flags &= ~(uint32_t)(HH_CHUNKED | HH_LENGTH | HH_TE);
	begin_request(h, d);
}

void http_message__bad(struct flow_http *h, struct http_dir *d)
{
	if (is_out(h, d)) {
		http_message__lost(h, d, d->open ? HS_CHUNK_LOST : HS_LOST);
		return;
	}
	if (h->role != HTTP_ROLE_SERVER || d->suspect) {
		http_message__lost(h, d, HS_LOST);
		return;
	}
	h->shared->bad++;
	if (d->state == HS_HEADERS && !d->open)
		begin_bad_request(h, d);
	if (h->role != HTTP_ROLE_SERVER)
		return;
	http_emit(h, d->pending | FE_F_BAD);
	http_text__clear(h, &d->line);
	d->open = false;
	d->state = HS_OVER;
}

static void request_head(struct flow_http *h, struct http_dir *d)
{
	begin_request(h, d);
	if (h->role != HTTP_ROLE_SERVER)
		return;
	if ((d->head.flags & HH_TE) && !(d->head.flags & HH_CHUNKED))
		http_message__bad(h, d); /* the handler runs, then the parser gives up */
	else if (d->head.method == FM_CONNECT || !enter_body(h, d))
		http_message__end(h, d);
}

static void response_head(struct flow_http *h, struct http_dir *d)
{
	enum http_kind kind = h->kinds_count ? h->kinds[h->kinds_head] : HTTP_PLAIN;
	uint16_t status = d->head.status;

	d->pending |= head_flags(&d->head);
	if (status < 200 && status != 101) {
		d->state = HS_IDLE;
		http_emit(h, d->pending | FE_F_INFO);
		return;
	}
	if (!h->kinds_count) { /* its request was not seen, so its framing is not known */
		d->pending |= FE_F_GAP;
		http_message__lost(h, d, HS_BODY_LOST);
		return;
	}
	d->open = true;
	if (status == 101 || (kind == HTTP_CONNECT && status < 300)) {
		d->pending |= FE_F_UPGRADE;
		http_message__end(h, d);
		give_up(h);
	} else if (kind == HTTP_HEAD || status == 204 || status == 304) {
		http_message__end(h, d);
	} else if (!enter_body(h, d)) {
		d->pending |= FE_F_CLOSE;
		d->state = HS_BODY_EOF;
	}
}

void http_message__cut(struct flow_http *h, struct http_dir *d)
{
	bool known = d->state == HS_HEADERS;

	http_message__lost(h, d, HS_LOST);
	if (!known)
		return;
	d->head.flags &= ~(uint32_t)(HH_CHUNKED | HH_LENGTH);
	if (!is_out(h, d)) {
		begin_request(h, d);
		d->pending |= FE_F_GAP;
		return;
	}
	d->pending |= FE_F_HEAD;
	if (d->head.status < 200 && d->head.status != 101) {
		d->pending |= FE_F_INFO; /* the response itself begins with a send of its own */
		return;
	}
	d->open = h->kinds_count > 0;
	d->state = HS_BODY_LOST;
	if (!d->open)
		d->pending |= FE_F_GAP;
}

/* The path outlives the line: the head may end in a later operation. */
static void keep_path(struct flow_http *h, struct http_target target)
{
	struct http_target path = http_head__path(target, &h->masked);

	h->long_path = path.len > FLOW_PATH_MAX;
	if (h->long_path)
		path.len = FLOW_PATH_MAX;
	h->path.len = 0;
	if (!http_text__add(h, &h->path, path.s, path.len))
		h->long_path = true;
}

static void start_line(struct flow_http *h, struct http_dir *d, const char *p, size_t n, bool crlf)
{
	struct http_target target;

	if (is_out(h, d)) {
		if (http_head__status_line(&d->head, p, n)) {
			http_message__lost(h, d, HS_LOST);
			return;
		}
	} else {
		if (!crlf || http_head__request_line(&d->head, p, n, &target)) {
			http_message__bad(h, d);
			return;
		}
		h->role = HTTP_ROLE_SERVER;
		http_keep__reset(h);
		keep_path(h, target);
	}
	d->state = HS_HEADERS;
}

static void header_line(struct flow_http *h, struct http_dir *d, const char *p, size_t n, bool crlf)
{
	bool out = is_out(h, d);

	if (!out && !crlf) {
		http_message__bad(h, d);
	} else if (n == 0) {
		if (out)
			response_head(h, d);
		else
			request_head(h, d);
	} else if (http_head__header(&d->head, h->shared->value_key, p, n,
				     out ? HTTP_LOOSE : HTTP_STRICT)) {
		if (!out)
			http_message__bad(h, d);
	} else if (!out && http_keep__may(h, p)) {
		http_keep__header(h, p, n);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a;name=value" -> 0x1a, or false. */
static bool chunk_size(const char *p, size_t n, uint64_t *size)
{
	size_t i;

	*size = 0;
	for (i = 0; i < n && p[i] != ';'; i++) {
		int v = hex_digit(p[i]);

		if (v < 0 || *size >> 60)
			return false;
		*size = *size << 4 | (uint64_t)v;
	}
	return i > 0;
}

static void chunk_line(struct flow_http *h, struct http_dir *d, const char *p, size_t n, bool crlf)
{
	uint64_t size;

	if (!crlf || !chunk_size(p, n, &size)) {
		http_message__bad(h, d);
		return;
	}
	d->remaining = size;
	d->state = size ? HS_CHUNK_DATA : HS_TRAILERS;
}

void http_message__line(struct flow_http *h, struct http_dir *d, const char *p, size_t n, bool crlf)
{
	switch (d->state) {
	case HS_START:
		start_line(h, d, p, n, crlf);
		break;
	case HS_HEADERS:
		header_line(h, d, p, n, crlf);
		break;
	case HS_CHUNK_SIZE:
		chunk_line(h, d, p, n, crlf);
		break;
	case HS_TRAILERS:
		if (n == 0)
			http_message__end(h, d);
		break;
	default:
		break;
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP/2 streams. To what comes behind, a stream is a connection of its own that carries one
 * request: its number has the connection's in the lower half and the stream's in the upper
 * (flow_conn__number, flow_conn__stream). So nothing that is said of one stream says anything of
 * another one of its connection, which many clients may share.
 *
 * What the program hands in, and what is put into frames, goes out with the connection's next
 * send: a response's first byte and its end are those sends. Two ends have no send of their own to
 * go by. The end of a body that was sent before, in an empty frame, is seen when the stream
 * closes, while that frame is put together. Where the client ends its side only after it has the
 * response, the stream closes then, and the response counts as ended then.
 *
 * Bytes are those of the bodies: headers are compressed by what went over the connection before.
 */
#include <stddef.h>
#include <string.h>

#include "flow_decode_int.h"
#include "flow_http_int.h"
#include "util.h"

#define STREAMS_MAX 65536

struct decode_stream {
	uint64_t id; /* as FE_CONN has it */
	struct decode_conn *conn;
	struct decode_stream *next, *prev; /* of the connection */
	struct decode_stream *next_unsent;
	uint32_t pid;
	uint32_t bytes; /* put into frames and not sent */
	bool unsent;	/* something of it goes with the next send */
	bool head;	/* the response head was handed in */
	bool end;	/* the response's end was put into frames ... */
	bool ended;	/* ... and sent */
	bool reset_in;
	bool closing;  /* over, once what is unsent is out */
	uint32_t nids; /* in the response head, before it is handed in: see fe_io */
	uint64_t ids[FE_IDS_MAX];
};

int flow_decode__h2_init(struct flow_decode *d)
{
	flow_pool__init(&d->stream_pool, sizeof(struct decode_stream), STREAMS_MAX);
	return flow_table__init(&d->streams, STREAMS_MAX);
}

void flow_decode__h2_destroy(struct flow_decode *d)
{
	flow_table__destroy(&d->streams);
	flow_pool__destroy(&d->stream_pool);
}

static bool head_valid(const struct lr_event *h, const void *rec)
{
	struct lr_ev_h2_head head;
	uint64_t path;

	memcpy(&head, rec, offsetof(struct lr_ev_h2_head, path));
	path = min_t(uint64_t, head.path_len, LR_H2_PATH);
	if (!head.conn || head.conn >> LR_H2_CONN_BITS || !head.stream || head.stream >> 31 ||
	    !head.method_len || head.method_len > LR_H2_METHOD || head.nids > LR_H2_IDS ||
	    h->size < offsetof(struct lr_ev_h2_head, path) + path)
		return false;
	for (uint32_t i = 0; i < head.nids; i++)
		if (head.id[i].name_len > LR_H2_ID_NAME || head.id[i].value_len > LR_H2_ID_VALUE)
			return false;
	return true;
}

static bool h2_valid(const void *rec)
{
	struct lr_ev_h2 ev;
	bool whole;

	memcpy(&ev, rec, sizeof(ev));
	whole = ev.op == LR_H2_SENT || ev.op == LR_H2_EOF;
	return ev.conn && !(ev.conn >> LR_H2_CONN_BITS) && ev.op >= LR_H2_DATA_IN &&
	       ev.op <= LR_H2_EOF && (whole || (ev.stream && !(ev.stream >> 31)));
}

static bool fields_valid(const struct lr_event *h, const void *rec)
{
	struct lr_ev_h2_fields f;

	memcpy(&f, rec, offsetof(struct lr_ev_h2_fields, data));
	return f.conn && !(f.conn >> LR_H2_CONN_BITS) && f.stream && !(f.stream >> 31) &&
	       f.captured <= LR_H2_FIELDS_MAX &&
	       h->size >= offsetof(struct lr_ev_h2_fields, data) + f.captured;
}

bool flow_decode__h2_valid(const struct lr_event *h, const void *rec)
{
	if (h->type == LR_EV_H2_FIELDS)
		return fields_valid(h, rec);
	return h->type == LR_EV_H2_HEAD ? head_valid(h, rec) : h2_valid(rec);
}

/* Streams -------------------------------------------------------------------------------- */

static struct decode_stream *stream_new(struct flow_decode *d, struct decode_conn *c, uint64_t id)
{
	struct decode_stream *s = flow_pool__alloc(&d->stream_pool);

	if (!s || flow_table__put(&d->streams, id, 0, s)) {
		flow_pool__release(&d->stream_pool, s);
		return NULL;
	}
	s->id = id;
	s->conn = c;
	s->pid = c->pid;
	s->next = c->streams;
	if (s->next)
		s->next->prev = s;
	c->streams = s;
	return s;
}

static void take_unsent(struct decode_stream *s)
{
	struct decode_stream **at = &s->conn->unsent;

	if (!s->unsent)
		return;
	while (*at != s)
		at = &(*at)->next_unsent;
	*at = s->next_unsent;
	s->unsent = false;
}

static void put_unsent(struct decode_stream *s)
{
	struct decode_stream **at = &s->conn->unsent;

	if (s->unsent)
		return;
	while (*at)
		at = &(*at)->next_unsent;
	*at = s;
	s->next_unsent = NULL;
	s->unsent = true;
}

static void stream_free(struct flow_decode *d, struct decode_stream *s)
{
	take_unsent(s);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->conn->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	flow_table__take(&d->streams, s->id, 0);
	flow_pool__release(&d->stream_pool, s);
}

static int stream_close(struct flow_decode *d, struct decode_stream *s, uint32_t tid, uint64_t ts,
			bool by_peer)
{
	struct flow_event ev = {
		.type = FE_CLOSE,
		.pid = s->pid,
		.tid = tid,
		.ts = ts,
		.close = {.conn = s->id, .by_peer = by_peer},
	};

	stream_free(d, s);
	return flow_decode__emit(d, &ev);
}

int flow_decode__h2_close_conn(struct flow_decode *d, struct decode_conn *c, uint64_t ts,
			       bool by_peer)
{
	int err = 0;

	while (c->streams && !err)
		err = stream_close(d, c->streams, c->http.op.tid, ts, by_peer || c->h2_eof);
	return err;
}

void flow_decode__h2_drop_conn(struct flow_decode *d, struct decode_conn *c)
{
	while (c->streams)
		stream_free(d, c->streams);
}

/* Heads ---------------------------------------------------------------------------------- */

static int announce(struct flow_decode *d, const struct decode_conn *c, uint64_t id,
		    const struct lr_event *h)
{
	struct flow_event ev = {.type = FE_CONN, .pid = h->pid, .tid = h->tid, .ts = h->ts};

	ev.conn.conn = id;
	ev.conn.family = c->family;
	ev.conn.local_port = c->local_port;
	ev.conn.peer_port = c->peer_port;
	ev.conn.seen_open = true; /* the stream's beginning was seen */
	memcpy(ev.conn.local_addr, c->local_addr, sizeof(c->local_addr));
	memcpy(ev.conn.peer_addr, c->peer_addr, sizeof(c->peer_addr));
	return flow_decode__emit(d, &ev);
}

static void fill_target(struct fe_io *io, const struct lr_ev_h2_head *head)
{
	struct http_target target = {head->path, min_t(uint32_t, head->path_len, LR_H2_PATH)};
	bool cut = false;

	if (target.len)
		target = http_head__path(target, &cut);
	if (cut)
		io->flags |= FE_F_MASKED;
	else if (head->path_len > LR_H2_PATH)
		io->flags |= FE_F_LONG;
	io->path.s = target.s;
	io->path.len = min_t(uint32_t, target.len, FLOW_PATH_MAX);
}

/* Method and ids, by the code that reads them in HTTP/1. */
static void fill_head(const struct flow_decode *d, struct fe_io *io,
		      const struct lr_ev_h2_head *head)
{
	struct http_head h = {0};

	if (http_head__method(&h, head->method, head->method_len)) {
		io->method = h.method;
		io->method_name.s = h.method_name;
		io->method_name.len = (uint32_t)strlen(h.method_name);
	} else {
		io->method = FM_OTHER;
		io->method_name.s = head->method;
		io->method_name.len = head->method_len;
	}
	for (uint32_t i = 0; i < head->nids; i++)
		http_ids__header(&h, d->opts.value_key, head->id[i].name, head->id[i].name_len,
				 head->id[i].value, head->id[i].value_len);
	io->nids = h.nids;
	memcpy(io->ids, h.ids, sizeof(io->ids));
}

int flow_decode__h2_head(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct flow_event ev = {.type = FE_IN};
	struct lr_ev_h2_head head;
	struct decode_conn *c;
	struct lr_event h;
	uint64_t id;
	int err;

	memcpy(&h, rec, sizeof(h));
	memcpy(&head, rec, min_t(size_t, h.size, sizeof(head)));
	c = flow_decode__conn(d, &h, head.conn, true);
	if (!c || c->closed)
		return 0;
	flow_decode__use_conn(d, c, t);
	id = LR_H2_CONN(head.conn, head.stream);
	if (flow_table__get(&d->streams, id, 0)) {
		d->stats.malformed++; /* no client can begin a stream twice */
		return 0;
	}
	if (!stream_new(d, c, id)) {
		d->stats.connections_full++;
		return flow_decode__loss(d, FLOW_LOSS_MAP, h.pid, h.tid, h.ts, 1);
	}
	err = announce(d, c, id, &h);
	if (err)
		return err;
	ev.pid = h.pid;
	ev.tid = h.tid;
	ev.ts = h.ts;
	ev.io.conn = id;
	if (head.arrival_ns <= h.ts)
		ev.io.arrival_ns = head.arrival_ns;
	ev.io.flags = FE_F_HEAD;
	if (head.flags & LR_H2_F_END)
		ev.io.flags |= FE_F_END;
	ev.io.clock = flow_decode__clock(&head.clock, h.ts, head.flags & LR_H2_F_IDLE);
	ev.io.version = FLOW_VERSION_H2;
	ev.io.top = head.top;
	ev.io.epoch = head.epoch;
	ev.io.counter = max_t(int64_t, flow_decode__whole(head.counter), 0);
	fill_target(&ev.io, &head);
	fill_head(d, &ev.io, &head);
	return flow_decode__emit(d, &ev);
}

/* What else happens ---------------------------------------------------------------------- */

static struct flow_event event_of(const struct lr_ev_h2 *r, uint64_t id, enum flow_event_type type)
{
	struct flow_event ev = {.type = type, .pid = r->h.pid, .tid = r->h.tid, .ts = r->h.ts};

	ev.io.conn = id;
	ev.io.clock = flow_decode__clock(&r->clock, r->h.ts, r->flags & LR_H2_F_IDLE);
	return ev;
}

static int data_in(struct flow_decode *d, struct decode_stream *s, const struct lr_ev_h2 *r)
{
	struct flow_event ev = event_of(r, s->id, FE_IN);

	ev.io.bytes = r->bytes;
	ev.io.top = r->top;
	ev.io.epoch = r->epoch;
	if (r->flags & LR_H2_F_END)
		ev.io.flags |= FE_F_END;
	return flow_decode__emit(d, &ev);
}

static int submit(struct flow_decode *d, struct decode_stream *s, const struct lr_ev_h2 *r)
{
	struct flow_event ev = event_of(r, s->id, FE_OUT);

	s->head = true;
	s->end = r->flags & LR_H2_F_END;
	put_unsent(s);
	ev.io.flags |= FE_F_HEAD;
	ev.io.version = FLOW_VERSION_H2;
	ev.io.status = (uint16_t)(r->code < 1000 ? r->code : 0);
	ev.io.nids = s->nids;
	memcpy(ev.io.ids, s->ids, sizeof(ev.io.ids));
	return flow_decode__emit(d, &ev);
}

/* Values of stores in a response that is about to be handed in under a store. */
int flow_decode__h2_fields(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	const struct decode_process *p;
	struct lr_ev_h2_fields f;
	struct decode_stream *s;
	uint64_t id;

	memcpy(&f, rec, offsetof(struct lr_ev_h2_fields, data));
	id = LR_H2_CONN(f.conn, f.stream);
	s = flow_table__get(&d->streams, id, 0);
	p = flow_table__get(&d->processes, f.h.pid, 0);
	if (!s || !p || t->stores_ts != f.h.ts || t->stores_conn != id)
		return 0;
	s->nids = decode_seen__find(&p->seen, d->opts.value_key,
				    (const char *)rec + offsetof(struct lr_ev_h2_fields, data),
				    f.captured, s->ids);
	return 0;
}

/* A send takes along what there is of this stream. */
static int stream_sent(struct flow_decode *d, struct decode_stream *s, const struct lr_ev_h2 *r)
{
	struct flow_event ev = event_of(r, s->id, FE_OUT);
	bool end = s->end && !s->ended;
	int err;

	ev.io.bytes = s->bytes;
	if (end && s->bytes)
		ev.io.flags |= FE_F_END;
	err = flow_decode__emit(d, &ev);
	if (!err && end && !s->bytes) { /* the event before has its time */
		ev.io.flags |= FE_F_END;
		err = flow_decode__emit(d, &ev);
	}
	s->bytes = 0;
	s->ended = s->end;
	return err;
}

static int sent(struct flow_decode *d, struct decode_conn *c, const struct lr_ev_h2 *r)
{
	int err = 0;

	while (c->unsent && !err) {
		struct decode_stream *s = c->unsent;

		take_unsent(s);
		err = stream_sent(d, s, r);
		if (!err && s->closing)
			err = stream_close(d, s, r->h.tid, r->h.ts, false);
	}
	return err;
}

/*
 * Whether the response was whole when the stream closed. A server that has answered may tell the
 * client to stop sending by a reset without an error (RFC 9113, section 8.1), and Node.js also
 * ends a response so, in place of its last, empty frame: to the client that is no error either.
 */
static bool is_whole(const struct decode_stream *s, const struct lr_ev_h2 *r)
{
	return s->end || (s->head && !r->code && !s->reset_in);
}

static int closed(struct flow_decode *d, struct decode_stream *s, const struct lr_ev_h2 *r)
{
	int err = 0;

	if (!is_whole(s, r))
		return stream_close(d, s, r->h.tid, r->h.ts, s->reset_in);
	s->end = true;
	s->closing = true;
	if (s->unsent)
		return 0;
	if (!s->ended)
		err = stream_sent(d, s, r);
	return err ? err : stream_close(d, s, r->h.tid, r->h.ts, false);
}

static int end_of_conn(struct flow_decode *d, struct decode_conn *c, const struct lr_ev_h2 *r)
{
	c->h2_eof = true;
	/* The kernel reports no state changes of unix sockets: this is all that will come. */
	return c->family == LR_AF_UNIX ? flow_decode__close_conn(d, c, r->h.ts, true) : 0;
}

int flow_decode__h2(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct decode_stream *s;
	struct decode_conn *c;
	struct lr_ev_h2 r;

	memcpy(&r, rec, sizeof(r));
	c = flow_table__get(&d->conns, r.conn, 0);
	if (!c || c->closed)
		return 0;
	flow_decode__use_conn(d, c, t);
	if (r.op == LR_H2_SENT)
		return sent(d, c, &r);
	if (r.op == LR_H2_EOF)
		return end_of_conn(d, c, &r);
	s = flow_table__get(&d->streams, LR_H2_CONN(r.conn, r.stream), 0);
	if (!s) /* it began before the attach */
		return 0;
	switch (r.op) {
	case LR_H2_DATA_IN:
		return data_in(d, s, &r);
	case LR_H2_RESET_IN:
		s->reset_in = true;
		return 0;
	case LR_H2_SUBMIT:
		return submit(d, s, &r);
	case LR_H2_DATA_OUT:
		s->bytes += r.bytes;
		s->end = s->end || (r.flags & LR_H2_F_END);
		put_unsent(s);
		return 0;
	case LR_H2_CLOSE:
		return closed(d, s, &r);
	default:
		return 0;
	}
}

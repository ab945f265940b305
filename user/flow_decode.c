// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Records are hostile until checked: the header's size against what was handed in and
 * against its type, lengths of data against the record, numbers against what they can be. A
 * record that fails is counted and skipped.
 *
 * Loss. A thread numbers the records that it tries to write, so a step of more than one is
 * exactly what the ring refused. Which connections those records were about is not known:
 * every connection last used by that thread becomes suspect at its next operation, and the
 * FE_LOSS event names the thread, so that the requests in flight there are marked.
 *
 * Continuations. A long receive that may hold many requests comes in several records with the
 * same time; its operation is kept open until a record of the same thread shows that it is
 * over (or flow_decode__flush).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_decode_int.h"
#include "util.h"

#define DEFAULT_CONNECTIONS 65536
#define DEFAULT_THREADS	    4096
#define HELD_MAX	    (64u << 20) /* bytes of heads that are not complete, all connections */

#define PART_MAX (64u << 10) /* of one receive: BYTES_PARTS further records */

int flow_decode__emit(struct flow_decode *d, const struct flow_event *ev)
{
	return d->opts.sink.event(d->opts.sink.ctx, ev);
}

/* Events of the framer: the connection is introduced when the first one comes. */
static int on_http(void *ctx, const struct flow_event *ev)
{
	struct flow_decode *d = ctx;
	int err = flow_decode__announce(d, d->current, ev);

	if (ev->type == FE_IN && ev->io.nids)
		flow_decode__note_ids(d, ev);
	return err ? err : flow_decode__emit(d, ev);
}

/* Values of stores in the response whose head the framer reports. */
static uint32_t response_ids(void *ctx, uint64_t ids[FE_IDS_MAX])
{
	const struct flow_decode *d = ctx;

	if (!d->send.seen)
		return 0;
	return decode_seen__find(d->send.seen, d->opts.value_key, d->send.bytes, d->send.len, ids);
}

int flow_decode__new(struct flow_decode **out, const struct flow_decode_opts *opts)
{
	struct flow_decode *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->opts = *opts;
	if (!d->opts.max_connections)
		d->opts.max_connections = DEFAULT_CONNECTIONS;
	if (!d->opts.max_threads)
		d->opts.max_threads = DEFAULT_THREADS;
	d->http.sink.event = on_http;
	d->http.sink.ctx = d;
	d->http.value_key = d->opts.value_key;
	d->http.response_ids = response_ids;
	d->http.held_max = HELD_MAX;
	http_keep__prepare(&d->http, opts->keep);
	flow_pool__init(&d->thread_pool, sizeof(struct decode_thread), d->opts.max_threads);
	flow_pool__init(&d->conn_pool, sizeof(struct decode_conn), d->opts.max_connections);
	err = flow_table__init(&d->threads, d->opts.max_threads);
	if (!err)
		err = flow_table__init(&d->conns, d->opts.max_connections);
	if (!err)
		err = flow_table__init(&d->processes, d->opts.max_threads);
	if (!err)
		err = flow_decode__h2_init(d);
	if (err) {
		flow_decode__free(d);
		return err;
	}
	*out = d;
	return 0;
}

void flow_decode__free(struct flow_decode *d)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (!d)
		return;
	while ((s = flow_table__next(&d->conns, &pos)))
		flow_http__destroy(&((struct decode_conn *)s->value)->http);
	for (pos = 0; (s = flow_table__next(&d->processes, &pos));)
		flow_decode__process_free(s->value);
	flow_table__destroy(&d->conns);
	flow_table__destroy(&d->threads);
	flow_table__destroy(&d->processes);
	flow_decode__h2_destroy(d);
	flow_pool__destroy(&d->thread_pool);
	flow_pool__destroy(&d->conn_pool);
	free(d);
}

/* Smallest size of each type; 0: no such type. */
static const uint16_t min_size[] = {
	[LR_EV_THREAD] = sizeof(struct lr_ev_thread),
	[LR_EV_CONN] = sizeof(struct lr_ev_conn),
	[LR_EV_IN] = sizeof(struct lr_ev_data),
	[LR_EV_OUT] = sizeof(struct lr_ev_data),
	[LR_EV_CLOSE] = sizeof(struct lr_ev_close),
	[LR_EV_INIT] = sizeof(struct lr_ev_resource),
	[LR_EV_DESTROY] = sizeof(struct lr_ev_resource),
	[LR_EV_SCOPE] = sizeof(struct lr_ev_scope),
	[LR_EV_PARSER] = sizeof(struct lr_ev_parser),
	[LR_EV_GC] = sizeof(struct lr_ev_gc),
	[LR_EV_PROCESS] = sizeof(struct lr_ev_process),
	[LR_EV_STORES] = offsetof(struct lr_ev_stores, ref),
	[LR_EV_STORE] = offsetof(struct lr_ev_store, field),
	[LR_EV_TURN] = sizeof(struct lr_ev_turn),
	[LR_EV_WRITE] = sizeof(struct lr_ev_write),
	[LR_EV_CLIENT] = sizeof(struct lr_ev_client),
	[LR_EV_JOB] = sizeof(struct lr_ev_job),
	[LR_EV_TENURED] = sizeof(struct lr_ev_tenured),
	[LR_EV_H2_HEAD] = offsetof(struct lr_ev_h2_head, path),
	[LR_EV_H2] = sizeof(struct lr_ev_h2),
	[LR_EV_H2_FIELDS] = offsetof(struct lr_ev_h2_fields, data),
};

static bool well_formed(struct flow_decode *d, const struct lr_event *h, const void *rec)
{
	struct lr_ev_data data;

	if (h->type >= ARRAY_SIZE(min_size) || !min_size[h->type]) {
		d->stats.unknown_type++;
		return false;
	}
	if (h->size < min_size[h->type])
		return false;
	if (h->type == LR_EV_STORES || h->type == LR_EV_STORE)
		return flow_decode__stores_valid(h, rec);
	if (h->type == LR_EV_WRITE)
		return flow_decode__write_valid(h, rec);
	if (h->type == LR_EV_CLIENT)
		return flow_decode__client_valid(h, rec);
	if (h->type == LR_EV_JOB)
		return flow_decode__job_valid(rec);
	if (h->type == LR_EV_H2_HEAD || h->type == LR_EV_H2 || h->type == LR_EV_H2_FIELDS)
		return flow_decode__h2_valid(h, rec);
	if (h->type != LR_EV_IN && h->type != LR_EV_OUT)
		return true;
	memcpy(&data, rec, sizeof(data));
	if (data.captured > LR_DATA_MAX || data.captured > h->size - sizeof(data))
		return false;
	if (data.ret <= 0)
		return data.captured == 0 && data.offset == 0;
	return data.offset < (uint32_t)data.ret &&
	       data.captured <= (uint32_t)data.ret - data.offset && data.offset < PART_MAX;
}

/* Ends the operation that a thread left open, unless @data goes on with it. */
static int finish_open(struct flow_decode *d, struct decode_thread *t,
		       const struct lr_ev_data *data)
{
	struct decode_conn *c = t->open;

	if (!c)
		return 0;
	if (data && data->conn == c->id && data->h.ts == c->http.op.ts &&
	    data->offset == c->http.fed && data->offset && data->h.type == LR_EV_IN)
		return 0;
	t->open = NULL;
	c->holder = NULL;
	d->current = c;
	return flow_http__end(&c->http);
}

static void fill_op(struct flow_http_op *op, const struct lr_ev_data *data)
{
	memset(op, 0, sizeof(*op));
	op->conn = data->conn;
	op->ts = data->h.ts;
	op->pid = data->h.pid;
	op->tid = data->h.tid;
	op->out = data->h.type == LR_EV_OUT;
	/* Later than the operation: a clock that is not ours, so not known. */
	if (!op->out && data->arrival_ns <= data->h.ts)
		op->arrival_ns = data->arrival_ns;
	if (!op->out) {
		op->top = data->top;
		op->counter = flow_decode__whole(data->counter);
		if (op->counter < 0)
			op->counter = 0;
		op->epoch = data->epoch;
	}
	op->total = data->ret > 0 ? (uint32_t)data->ret : 0;
	op->first = data->flags & LR_DATA_F_FIRST;
	op->clock = flow_decode__clock(&data->clock, data->h.ts, data->flags & LR_DATA_F_IDLE);
	if (data->flags & LR_DATA_F_SLEPT)
		op->flags |= FE_F_SLEPT;
	if (data->flags & LR_DATA_F_TLS)
		op->flags |= FE_F_TLS;
	if (data->flags & LR_DATA_F_TAIL) {
		op->has_tail = op->total >= LR_DATA_TAIL || (op->out && op->total > data->captured);
		memcpy(op->tail, data->tail, sizeof(op->tail));
	}
}

static int end_of_stream(struct flow_decode *d, struct decode_conn *c,
			 const struct flow_http_op *op, int32_t ret)
{
	int err;

	if (ret == -EAGAIN || ret == -EINTR)
		return 0;
	if (ret < 0)
		return flow_http__failed(&c->http, op, ret < -4095 ? EIO : -ret);
	if (op->out)
		return 0;
	err = flow_http__eof(&c->http, op);
	/* The kernel reports no state changes of unix sockets: this is all that will come. */
	if (!err && c->family == LR_AF_UNIX)
		err = flow_decode__close_conn(d, c, op->ts, true);
	return err;
}

static void hold(struct decode_thread *t, struct decode_conn *c)
{
	if (c->holder)
		c->holder->open = NULL;
	c->holder = t;
	t->open = c;
}

/* Is the response in these bytes written under a store? Only then it is searched for values. */
static void note_send(struct flow_decode *d, const struct decode_thread *t,
		      const struct lr_ev_data *data, const char *bytes)
{
	const struct decode_process *p;

	d->send.seen = NULL;
	if (data->h.type != LR_EV_OUT || t->stores_ts != data->h.ts || t->stores_conn != data->conn)
		return;
	p = flow_table__get(&d->processes, data->h.pid, 0);
	d->send = (struct decode_send){p ? &p->seen : NULL, bytes, data->captured};
}

static int on_data(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	const char *bytes = (const char *)rec + sizeof(struct lr_ev_data);
	struct flow_http_op op;
	struct lr_ev_data data;
	struct decode_conn *c;
	int err;

	memcpy(&data, rec, sizeof(data));
	err = finish_open(d, t, &data);
	if (err)
		return err;
	if (data.offset) {
		if (!t->open) {
			d->stats.malformed++; /* a part without its beginning */
			return 0;
		}
		c = t->open;
	} else {
		fill_op(&op, &data);
		c = flow_decode__conn(d, &data.h, data.conn, data.ret > 0);
		if (!c || c->closed)
			return 0;
		flow_decode__use_conn(d, c, t);
		if (data.ret <= 0)
			return end_of_stream(d, c, &op, data.ret);
		if (data.flags & LR_DATA_F_SENT)
			return flow_http__sent(&c->http, &op);
		err = flow_http__begin(&c->http, &op);
	}
	hold(t, c);
	d->current = c;
	note_send(d, t, &data, bytes);
	if (!err)
		err = flow_http__data(&c->http, bytes, data.captured);
	if (!err && (data.captured < LR_DATA_MAX || c->http.fed == c->http.op.total ||
		     c->http.fed >= PART_MAX || data.h.type == LR_EV_OUT))
		err = finish_open(d, t, NULL);
	d->send.seen = NULL;
	return err;
}

static int on_close(struct flow_decode *d, const void *rec)
{
	enum { STATE_CLOSE = 7, STATE_CLOSE_WAIT = 8 }; /* include/net/tcp_states.h: an ABI */
	struct lr_ev_close ev;
	struct decode_conn *c;

	memcpy(&ev, rec, sizeof(ev));
	c = flow_table__get(&d->conns, ev.conn, 0);
	if (!c || c->closed || ev.new_state == STATE_CLOSE_WAIT)
		return 0;
	/* Straight to CLOSE is a reset; the process's own close goes through other states. */
	return flow_decode__close_conn(d, c, ev.h.ts, ev.new_state == STATE_CLOSE);
}

static int on_conn(struct flow_decode *d, const void *rec)
{
	struct lr_ev_conn ev;
	struct decode_conn *c;

	memcpy(&ev, rec, sizeof(ev));
	c = flow_decode__conn(d, &ev.h, ev.conn, true);
	if (!c)
		return 0;
	c->family = ev.family;
	c->local_port = ev.local_port;
	c->seen_open = ev.seen_open == 1;
	c->peer_port = ev.peer_port;
	memcpy(c->local_addr, ev.local_addr, sizeof(c->local_addr));
	memcpy(c->peer_addr, ev.peer_addr, sizeof(c->peer_addr));
	c->peer_told = false; /* its own port may be known now */
	return 0;
}

static int dispatch(struct flow_decode *d, struct decode_thread *t, const struct lr_event *h,
		    const void *rec)
{
	switch (h->type) {
	case LR_EV_CONN:
		return on_conn(d, rec);
	case LR_EV_IN:
	case LR_EV_OUT:
		return on_data(d, t, rec);
	case LR_EV_CLOSE:
		return on_close(d, rec);
	case LR_EV_INIT:
	case LR_EV_DESTROY:
		return flow_decode__resource(d, t, rec);
	case LR_EV_SCOPE:
		return flow_decode__scope(d, t, rec);
	case LR_EV_PARSER:
		return flow_decode__parser(d, t, rec);
	case LR_EV_GC:
		return flow_decode__gc(d, t, rec);
	case LR_EV_TURN:
		return flow_decode__turn(d, rec);
	case LR_EV_TENURED:
		return flow_decode__tenured(d, rec);
	case LR_EV_STORES:
		return flow_decode__stores(d, t, rec);
	case LR_EV_STORE:
		return flow_decode__store(d, t, rec);
	case LR_EV_WRITE:
		return flow_decode__write(d, t, rec);
	case LR_EV_CLIENT:
		return flow_decode__client(d, t, rec);
	case LR_EV_JOB:
		return flow_decode__job(d, rec);
	case LR_EV_H2_HEAD:
		return flow_decode__h2_head(d, t, rec);
	case LR_EV_H2:
		return flow_decode__h2(d, t, rec);
	case LR_EV_H2_FIELDS:
		return flow_decode__h2_fields(d, t, rec);
	default:
		return 0;
	}
}

int flow_decode__record(struct flow_decode *d, const void *rec, size_t len)
{
	struct decode_thread *t = NULL;
	struct lr_event h;
	int err = 0;

	d->stats.records++;
	if (len < sizeof(h)) {
		d->stats.malformed++;
		return 0;
	}
	memcpy(&h, rec, sizeof(h));
	if (h.size > len || !well_formed(d, &h, rec)) {
		d->stats.malformed++;
		return 0;
	}
	/* A close concerns a connection, not the thread that happened to run. */
	if (h.type == LR_EV_THREAD || (h.type != LR_EV_CLOSE && h.seq)) {
		t = flow_decode__thread(d, &h, &err);
		if (err || !t)
			return err;
	}
	if (t && h.type != LR_EV_IN)
		err = finish_open(d, t, NULL);
	if (err)
		return err;
	if (h.type == LR_EV_PROCESS)
		return flow_decode__process(d, t, rec);
	if (!t && h.type != LR_EV_CLOSE && h.type != LR_EV_CONN && h.type != LR_EV_CLIENT) {
		d->stats.malformed++;
		return 0;
	}
	return dispatch(d, t, &h, rec);
}

int flow_decode__flush(struct flow_decode *d)
{
	struct flow_slot *s;
	uint32_t pos = 0;
	int err = 0;

	while (!err && (s = flow_table__next(&d->threads, &pos)))
		err = finish_open(d, s->value, NULL);
	return err;
}

void flow_decode__stats(const struct flow_decode *d, struct flow_decode_stats *stats)
{
	*stats = d->stats;
	stats->http_bad = d->http.bad;
	stats->http_gaps = d->http.gaps;
	stats->http_unanswered_full = d->http.unanswered_full;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections: their facts, their framer, and which of them are kept. */
#include <string.h>

#include "flow_decode_int.h"

/*
 * After FE_CLOSE a connection still reads its end of stream, or what the peer sent late. Its
 * state is kept for that, but no more of these than this.
 */
#define KEEP_CLOSED 1024

static void conn_unlink(struct flow_decode *d, struct decode_conn *c)
{
	struct decode_conn **newest = c->closed ? &d->newest_closed : &d->newest;
	struct decode_conn **oldest = c->closed ? &d->oldest_closed : &d->oldest;

	if (c->newer)
		c->newer->older = c->older;
	else
		*newest = c->older;
	if (c->older)
		c->older->newer = c->newer;
	else
		*oldest = c->newer;
}

static void conn_link(struct flow_decode *d, struct decode_conn *c)
{
	struct decode_conn **newest = c->closed ? &d->newest_closed : &d->newest;
	struct decode_conn **oldest = c->closed ? &d->oldest_closed : &d->oldest;

	c->newer = NULL;
	c->older = *newest;
	if (c->older)
		c->older->newer = c;
	else
		*oldest = c;
	*newest = c;
}

void flow_decode__drop_conn(struct flow_decode *d, struct decode_conn *c)
{
	if (c->holder)
		c->holder->open = NULL;
	conn_unlink(d, c);
	if (c->closed)
		d->closed--;
	if (d->current == c)
		d->current = NULL;
	flow_decode__h2_drop_conn(d, c);
	flow_http__destroy(&c->http);
	flow_table__take(&d->conns, c->id, 0);
	flow_pool__release(&d->conn_pool, c);
}

/* Makes room: what is closed already goes first, then what was not used longest. */
static void make_room(struct flow_decode *d, uint64_t ts)
{
	struct decode_conn *c = d->oldest_closed ? d->oldest_closed : d->oldest;

	if (!c->closed && (c->http.kinds_count || c->streams)) {
		d->stats.connections_full++;
		flow_decode__loss(d, FLOW_LOSS_MAP, c->pid, 0, ts, 1);
	}
	flow_decode__drop_conn(d, c);
}

struct decode_conn *flow_decode__conn(struct flow_decode *d, const struct lr_event *h, uint64_t id,
				      bool create)
{
	struct decode_conn *c = flow_table__get(&d->conns, id, 0);

	if (c || !create)
		return c;
	if (d->conns.count >= d->opts.max_connections)
		make_room(d, h->ts);
	c = flow_pool__alloc(&d->conn_pool);
	if (!c || flow_table__put(&d->conns, id, 0, c)) {
		flow_pool__release(&d->conn_pool, c);
		d->stats.connections_full++;
		flow_decode__loss(d, FLOW_LOSS_MAP, h->pid, h->tid, h->ts, 1);
		return NULL;
	}
	flow_http__init(&c->http, &d->http);
	c->id = id;
	c->pid = h->pid;
	c->epoch = d->loss_epoch;
	conn_link(d, c);
	return c;
}

void flow_decode__use_conn(struct flow_decode *d, struct decode_conn *c, struct decode_thread *t)
{
	if (t->loss_epoch > c->epoch)
		flow_http__lost(&c->http);
	c->epoch = d->loss_epoch;
	d->current = c;
	if (!c->closed && c != d->newest) {
		conn_unlink(d, c);
		conn_link(d, c);
	}
}

int flow_decode__announce(struct flow_decode *d, struct decode_conn *c, const struct flow_event *ev)
{
	struct flow_event conn = {
		.type = FE_CONN,
		.pid = ev->pid,
		.tid = ev->tid,
		.ts = ev->ts,
	};

	if (c->announced)
		return 0;
	c->announced = true;
	conn.conn.conn = c->id;
	conn.conn.family = c->family;
	conn.conn.local_port = c->local_port;
	conn.conn.seen_open = c->seen_open;
	conn.conn.peer_port = c->peer_port;
	memcpy(conn.conn.local_addr, c->local_addr, sizeof(c->local_addr));
	memcpy(conn.conn.peer_addr, c->peer_addr, sizeof(c->peer_addr));
	return flow_decode__emit(d, &conn);
}

int flow_decode__close_conn(struct flow_decode *d, struct decode_conn *c, uint64_t ts, bool by_peer)
{
	struct flow_event ev = {
		.type = FE_CLOSE,
		.pid = c->pid,
		.tid = c->http.op.tid,
		.ts = ts,
		.close = {.conn = c->id, .by_peer = by_peer},
	};
	int err = 0;

	if (c->closed)
		return 0;
	d->current = c;
	err = flow_decode__h2_close_conn(d, c, ts, by_peer);
	if (!err)
		err = flow_http__close(&c->http, by_peer);
	if (!err && c->announced)
		err = flow_decode__emit(d, &ev);
	conn_unlink(d, c);
	c->closed = true;
	conn_link(d, c);
	if (++d->closed > KEEP_CLOSED)
		flow_decode__drop_conn(d, d->oldest_closed);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections that requests come on: bounded, the one unused longest goes. */
#include "flow_state_int.h"

#define EVICT_LOOK 8 /* connections looked at for one without requests in flight */

static void conn_unlink(struct flow_state *s, struct st_conn *c)
{
	if (c->newer)
		c->newer->older = c->older;
	else
		s->newest = c->older;
	if (c->older)
		c->older->newer = c->newer;
	else
		s->oldest = c->newer;
}

static void conn_link(struct flow_state *s, struct st_conn *c)
{
	c->newer = NULL;
	c->older = s->newest;
	if (c->older)
		c->older->newer = c;
	else
		s->oldest = c;
	s->newest = c;
}

void st_conn__drop(struct flow_state *s, struct st_conn *c)
{
	st_requests__drop(s, c);
	conn_unlink(s, c);
	flow_table__take(&s->conns, c->id, 0);
	flow_pool__release(&s->conn_pool, c);
}

static void evict(struct flow_state *s)
{
	struct st_conn *c = s->oldest;

	for (int i = 0; c && i < EVICT_LOOK && c->first; i++)
		c = c->newer;
	if (!c)
		c = s->oldest;
	if (!c)
		return;
	if (!c->first)
		s->lost.connections++;
	for (const struct st_request *q = c->first; q; q = q->next)
		s->lost.requests++;
	st_conn__drop(s, c);
}

static struct st_conn *conn_get(struct flow_state *s, const struct flow_event *ev, uint64_t id)
{
	struct st_conn *c = flow_table__get(&s->conns, id, 0);

	if (c) {
		if (c != s->newest) {
			conn_unlink(s, c);
			conn_link(s, c);
		}
		return c;
	}
	if (s->conns.count >= s->opts.max_connections)
		evict(s);
	c = flow_pool__alloc(&s->conn_pool);
	if (!c || flow_table__put(&s->conns, id, 0, c)) {
		flow_pool__release(&s->conn_pool, c);
		s->lost.connections++;
		return NULL;
	}
	c->id = id;
	c->pid = ev->pid;
	c->tid = ev->tid;
	conn_link(s, c);
	return c;
}

void st_conn__event(struct flow_state *s, const struct flow_event *ev)
{
	struct st_conn *c;

	switch (ev->type) {
	case FE_CONN:
		c = conn_get(s, ev, ev->conn.conn);
		if (c && (ev->conn.family || !c->known)) { /* told again knowing less: keep */
			c->facts = ev->conn;
			c->known = true;
		}
		break;
	case FE_IN:
		c = conn_get(s, ev, ev->io.conn);
		if (c)
			st_request__in(s, c, ev);
		break;
	case FE_OUT:
		c = conn_get(s, ev, ev->io.conn);
		if (c)
			st_request__out(s, c, ev);
		break;
	case FE_HEADERS:
		c = flow_table__get(&s->conns, ev->headers.conn, 0);
		if (c)
			st_request__headers(c, ev);
		break;
	case FE_CLOSE:
		c = flow_table__get(&s->conns, ev->close.conn, 0);
		if (c)
			st_conn__drop(s, c);
		break;
	default:
		break;
	}
}

void st_conns__end(struct flow_state *s, uint32_t pid)
{
	struct st_conn *c = s->oldest, *next;

	for (; c; c = next) {
		next = c->newer;
		if (!pid || c->pid == pid)
			st_conn__drop(s, c);
	}
}

int st_conns__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	int err = 0;

	for (const struct st_conn *c = s->oldest; c && !err; c = c->newer) {
		struct flow_event ev = {.type = FE_CONN, .pid = c->pid, .tid = c->tid, .ts = ts};

		if (!c->known)
			continue;
		ev.conn = c->facts;
		err = to->event(to->ctx, &ev);
	}
	return err;
}

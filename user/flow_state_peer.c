// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections that the targets opened: their addresses, by which calls are told apart. */
#include "events.h"
#include "flow_state_int.h"

static void peer_unlink(struct flow_state *s, struct st_peer *p)
{
	if (p->newer)
		p->newer->older = p->older;
	else
		s->newest_peer = p->older;
	if (p->older)
		p->older->newer = p->newer;
	else
		s->oldest_peer = p->newer;
}

static void peer_link(struct flow_state *s, struct st_peer *p)
{
	p->newer = NULL;
	p->older = s->newest_peer;
	if (p->older)
		p->older->newer = p;
	else
		s->oldest_peer = p;
	s->newest_peer = p;
}

static void peer_drop(struct flow_state *s, struct st_peer *p)
{
	peer_unlink(s, p);
	flow_table__take(&s->peers, p->facts.conn, 0);
	flow_pool__release(&s->peer_pool, p);
}

static void on_peer(struct flow_state *s, const struct flow_event *ev)
{
	struct st_peer *p = flow_table__get(&s->peers, ev->peer.conn, 0);

	if (p) {
		p->facts = ev->peer;
		return;
	}
	if (s->peers.count >= s->opts.max_connections) {
		s->lost.connections++;
		peer_drop(s, s->oldest_peer);
	}
	p = flow_pool__alloc(&s->peer_pool);
	if (!p || flow_table__put(&s->peers, ev->peer.conn, 0, p)) {
		flow_pool__release(&s->peer_pool, p);
		s->lost.connections++;
		return;
	}
	p->pid = ev->pid;
	p->tid = ev->tid;
	p->facts = ev->peer;
	peer_link(s, p);
}

static void on_client(struct flow_state *s, const struct flow_event *ev)
{
	struct st_peer *p = flow_table__get(&s->peers, ev->client.conn, 0);

	if (!p)
		return;
	if (ev->client.op == LR_CLIENT_CLOSE && !(ev->client.flags & FE_CL_HALF)) {
		peer_drop(s, p);
	} else if (p != s->newest_peer) {
		peer_unlink(s, p);
		peer_link(s, p);
	}
}

void st_peer__event(struct flow_state *s, const struct flow_event *ev)
{
	if (ev->type == FE_PEER)
		on_peer(s, ev);
	else
		on_client(s, ev);
}

void st_peers__end(struct flow_state *s, uint32_t pid)
{
	struct st_peer *p = s->oldest_peer, *next;

	for (; p; p = next) {
		next = p->newer;
		if (!pid || p->pid == pid)
			peer_drop(s, p);
	}
}

int st_peers__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	int err = 0;

	for (const struct st_peer *p = s->oldest_peer; p && !err; p = p->newer) {
		struct flow_event ev = {.type = FE_PEER, .pid = p->pid, .tid = p->tid, .ts = ts};

		ev.peer = p->facts;
		err = to->event(to->ctx, &ev);
	}
	return err;
}

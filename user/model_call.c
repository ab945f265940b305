// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outgoing calls by peer: how many, how long, how often they failed, and what they cost requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_builder.h"
#include "util.h"

static bool same_peer(const struct model_peer *p, const struct flow_call *call)
{
	return p->kind == call->kind && p->port == call->peer_port && p->family == call->family &&
	       memcmp(p->addr, call->peer_addr, sizeof(p->addr)) == 0;
}

static struct peer_state *peer_new(struct model_builder *b, size_t at)
{
	if (!b->peers)
		b->peers = calloc(MODEL_PEERS + 1, sizeof(struct peer_state *));
	if (b->peers && !b->peers[at])
		b->peers[at] = calloc(1, sizeof(*b->peers[at]));
	if (b->peers && b->peers[at])
		return b->peers[at];
	b->oom = true;
	return NULL;
}

static struct peer_state *peer_of(struct model_builder *b, const struct flow_call *call)
{
	struct peer_state *p;

	for (size_t i = 0; i < b->peer_count; i++)
		if (same_peer(&b->peers[i]->peer, call))
			return b->peers[i];
	if (b->peer_count == MODEL_PEERS) {
		b->calls.peers_merged++;
		return peer_new(b, MODEL_PEERS);
	}
	p = peer_new(b, b->peer_count);
	if (!p)
		return NULL;
	b->peer_count++;
	p->peer.kind = call->kind;
	p->peer.port = call->peer_port;
	p->peer.family = call->family;
	memcpy(p->peer.addr, call->peer_addr, sizeof(p->peer.addr));
	return p;
}

static void add_times(struct peer_state *s, const struct flow_call *call)
{
	if (call->connect_ns) {
		s->peer.connects++;
		s->peer.connect_ns += call->connect_ns;
	}
	if (call->outcome != CALL_OK || call->setup)
		return;
	if (call->end_ns >= call->start_ns)
		flow_hist__add(&s->latency, call->end_ns - call->start_ns);
	if (call->first_byte_ns >= call->sent_ns && call->first_byte_ns)
		flow_hist__add(&s->first_byte, call->first_byte_ns - call->sent_ns);
}

static struct peer_state *add(struct model_builder *b, const struct flow_call *call)
{
	struct peer_state *s = peer_of(b, call);
	struct model_peer *p;

	b->calls.total++;
	if (call->by == CALL_BY_NOTHING)
		b->calls.unknown[call->unknown < CALL_UNKNOWNS ? call->unknown : 0]++;
	if (!s)
		return NULL;
	p = &s->peer;
	p->calls++;
	p->failed += flow_call__failed(call);
	p->by[call->by < CALL_BYS ? call->by : CALL_BY_NOTHING]++;
	p->late += call->late;
	p->outlived += call->outlived;
	p->new_connections += !call->reused;
	p->approximate += call->approximate;
	p->setup += call->setup;
	p->open += call->outcome == CALL_OPEN || call->outcome == CALL_LOST;
	p->bytes_out += call->bytes_out;
	p->bytes_in += call->bytes_in;
	add_times(s, call);
	return s;
}

void model_builder__call(void *builder, const struct flow_call *call)
{
	add(builder, call);
}

/*
 * Time of the request in which it waited for this peer: calls are in the order of their starts, so
 * what lies before the latest end so far was counted.
 */
static uint64_t waited(const struct flow_req *req, const struct model_peer *peer)
{
	uint64_t sum = 0, until = req->start_ns;

	for (uint32_t i = 0; i < req->ncalls; i++) {
		const struct flow_call *call = req->calls[i];
		uint64_t from = max_t(uint64_t, call->start_ns, until);
		uint64_t end = min_t(uint64_t, call->end_ns, req->end_ns);

		if (!same_peer(peer, call) || end <= from)
			continue;
		sum += end - from;
		until = end;
	}
	return sum;
}

static bool first_of_peer(const struct flow_req *req, uint32_t n)
{
	const struct flow_call *call = req->calls[n];
	struct model_peer like = {
		.kind = call->kind, .family = call->family, .port = call->peer_port};

	memcpy(like.addr, call->peer_addr, sizeof(like.addr));
	for (uint32_t i = 0; i < n; i++)
		if (same_peer(&like, req->calls[i]))
			return false;
	return true;
}

void model_calls__add(struct model_builder *b, const struct flow_req *req, bool measured)
{
	if (measured) {
		b->calls.request_ns += req->end_ns - req->start_ns;
		b->calls.requests += req->ncalls != 0;
	}
	b->calls.not_kept += req->calls_not_kept;
	for (uint32_t i = 0; i < req->ncalls; i++) {
		struct peer_state *s = add(b, req->calls[i]);

		if (s && measured && first_of_peer(req, i))
			s->peer.waited_ns += waited(req, &s->peer);
	}
}

static int peer_order(const void *a, const void *b)
{
	const struct model_peer *x = a, *y = b;

	if (x->calls != y->calls)
		return x->calls < y->calls ? 1 : -1;
	return x->port < y->port ? -1 : x->port > y->port;
}

int model_calls__snapshot(struct model *m, const struct model_builder *b,
			  const struct model_view *view)
{
	size_t n = 0;

	m->calls = b->calls;
	m->calls.peers = calloc(MODEL_PEERS + 1, sizeof(*m->calls.peers));
	if (!m->calls.peers)
		return -ENOMEM;
	m->calls.not_kept += view->calls_not_kept;
	if (b->peers)
		n = b->peer_count + (b->peers[MODEL_PEERS] ? 1 : 0);
	for (size_t i = 0; b->peers && i < n; i++) {
		const struct peer_state *s = b->peers[i < b->peer_count ? i : MODEL_PEERS];

		m->calls.peers[i] = s->peer;
		model_latency__of(&m->calls.peers[i].latency, &s->latency);
		model_latency__of(&m->calls.peers[i].first_byte, &s->first_byte);
	}
	m->calls.peer_count = n;
	qsort(m->calls.peers, n, sizeof(*m->calls.peers), peer_order);
	return 0;
}

void model_calls__free(struct model_builder *b)
{
	for (size_t i = 0; b->peers && i <= MODEL_PEERS; i++)
		free(b->peers[i]);
	free(b->peers);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Outgoing calls: from sends and receives on connections that the process opened to calls, and
 * from what was active at the send to the request that made them.
 *
 * What a call is. In HTTP/1: a request head and the response to it, to the last byte. Elsewhere
 * what the bytes mean is not known and not looked at: a call begins with a send and ends with the
 * last receive before the next send; what one request sends before anything comes back is one
 * call. Where calls of several requests overlap on a connection, a receive answers all of them,
 * and they are marked approximate. Messages that log in to a database, and a TLS handshake, belong
 * to the first call behind them if the same request made both, else they are a call of their own
 * (setup). A connection that could not be established is a call that failed.
 *
 * Whose it is (flow_call_owner.c):
 *   store   the store that was active at its first send is one request's (flow_mismatch.c)
 *   loop    no store was active, and the turn of the loop in which it was sent began with the
 *           receive that read the request. The connect callback goes on with the turn that
 *           called connect()
 *   unknown everything else, with the reason. A store of a route of which nothing shows that its
 *           requests have their own proves nothing, unless the turn says the same; neither does
 *           the store of the request that opened the connection where a pool may be at work in
 *           the connection's own context.
 *
 * When it is told. A request is handed out with the calls that ended by its end. What it issued
 * and did not wait for, and what it issues after its response, is told on its own when it ends, as
 * that request's; calls of nobody known likewise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_call_int.h"

int flow_calls__new(struct flow_calls **out, const struct flow_calls_opts *opts)
{
	struct flow_calls *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->opts = *opts;
	flow_pool__init(&c->conn_pool, sizeof(struct cl_conn), CL_CONNS);
	flow_pool__init(&c->call_pool, sizeof(struct cl_call), CL_CALLS);
	flow_pool__init(&c->list_pool, sizeof(struct cl_list), CL_REQUESTS);
	err = flow_table__init(&c->conns, CL_CONNS);
	if (!err)
		err = flow_table__init(&c->lists, CL_REQUESTS);
	if (err) {
		flow_calls__free(c);
		return err;
	}
	*out = c;
	return 0;
}

void flow_calls__free(struct flow_calls *c)
{
	if (!c)
		return;
	flow_table__destroy(&c->conns);
	flow_table__destroy(&c->lists);
	flow_pool__destroy(&c->conn_pool);
	flow_pool__destroy(&c->call_pool);
	flow_pool__destroy(&c->list_pool);
	free(c);
}

uint64_t flow_calls__overflow(const struct flow_calls *c)
{
	return c->overflow;
}

/* Calls ------------------------------------------------------------------------------------ */

/* Its request's list, if that is still in progress and has room. */
static void enlist(struct flow_calls *c, struct cl_call *call)
{
	const struct flow_req_ref *ref = &call->pub.request;
	struct cl_list *l = flow_table__get(&c->lists, ref->conn, ref->seq);

	if (!ref->seq)
		return;
	if (!flow_requests__in_progress(c->opts.requests, ref)) {
		call->pub.late = true;
		return;
	}
	if (!l) {
		l = flow_pool__alloc(&c->list_pool);
		if (!l || flow_table__put(&c->lists, ref->conn, ref->seq, l)) {
			flow_pool__release(&c->list_pool, l);
			return;
		}
		l->conn = ref->conn;
		l->seq = ref->seq;
	}
	if (l->n == CL_PER_REQUEST) {
		l->not_kept++;
		return;
	}
	l->call[l->n++] = call;
	call->list = l;
}

/* The first call of a connection has waited for it to be established. */
static void charge_connect(struct cl_conn *k, const struct flow_event *ev, struct flow_call *pub,
			   const struct cl_owner *owner)
{
	bool first = k->connect_seen && !k->charged;
	bool mine = owner->by != CALL_BY_NOTHING && cl_owner__same(owner, &k->opener);

	k->charged = true;
	pub->reused = !first;
	if (!first || !k->connected_ns || (!mine && !(ev->client.flags & FE_CL_FIRST)))
		return;
	if (!mine && (owner->by != CALL_BY_NOTHING || k->opener.by != CALL_BY_NOTHING))
		return;
	if (!mine && ev->ts - k->connected_ns > 1000000000ULL) /* it was not opened for this */
		return;
	pub->start_ns = k->connect_ns;
	pub->connect_ns = k->connected_ns - k->connect_ns;
}

struct cl_call *cl_call__new(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
			     const struct cl_owner *owner)
{
	struct cl_call *call = flow_pool__alloc(&c->call_pool);
	struct flow_call *pub;

	if (!call) {
		c->overflow++;
		return NULL;
	}
	pub = &call->pub;
	pub->pid = ev->pid;
	pub->tid = ev->tid;
	pub->conn = k->id;
	pub->family = k->peer.family;
	pub->local_port = k->peer.local_port;
	pub->peer_port = k->peer.peer_port;
	memcpy(pub->peer_addr, k->peer.peer_addr, sizeof(pub->peer_addr));
	pub->kind = k->kind;
	pub->by = owner->by;
	pub->unknown = owner->unknown;
	pub->store = owner->store;
	if (owner->by != CALL_BY_NOTHING)
		pub->request = owner->ref;
	pub->start_ns = ev->ts;
	pub->sent_ns = ev->ts;
	pub->sends = 1;
	pub->bytes_out = ev->client.bytes;
	charge_connect(k, ev, pub, owner);
	call->conn = k;
	call->by_birth = owner->by_birth;
	call->instance = owner->instance;
	enlist(c, call);
	return call;
}

void cl_call__append(struct cl_conn *k, struct cl_call *call)
{
	if (k->last)
		k->last->next = call;
	else
		k->first = call;
	k->last = call;
}

static void unlink_call(struct cl_conn *k, struct cl_call *call)
{
	struct cl_call *before = NULL;

	for (struct cl_call *o = k->first; o && o != call; o = o->next)
		before = o;
	if (before)
		before->next = call->next;
	else if (k->first == call)
		k->first = call->next;
	if (k->last == call)
		k->last = before;
	call->next = NULL;
}

/* Requests of a route without stores of their own: then a birth in its callback says nothing. */
static bool proven(const struct flow_calls *c, const struct cl_call *call)
{
	const struct flow_call *pub = &call->pub;

	return pub->by != CALL_BY_STORE || !call->by_birth ||
	       flow_mismatch__has_stores(c->opts.mismatch, pub->pid, &pub->request, call->instance);
}

static void prove(const struct flow_calls *c, struct cl_call *call)
{
	struct flow_call *pub = &call->pub;

	if (proven(c, call))
		return;
	pub->by = CALL_BY_NOTHING;
	pub->unknown = CALL_UNKNOWN_ROUTE;
	pub->request = (struct flow_req_ref){0};
	pub->late = false;
	pub->outlived = false;
}

static void hand_out(struct flow_calls *c, struct cl_call *call)
{
	prove(c, call);
	if (c->opts.done)
		c->opts.done(c->opts.ctx, &call->pub);
	flow_pool__release(&c->call_pool, call);
}

void cl_call__end(struct flow_calls *c, struct cl_call *call, enum call_outcome outcome,
		  uint64_t end_ns)
{
	struct cl_conn *k = call->conn;

	unlink_call(k, call);
	call->conn = NULL;
	k->done++;
	call->pub.kind = k->kind;
	call->pub.outcome = (uint8_t)outcome;
	call->pub.end_ns = end_ns;
	if (!call->list)
		hand_out(c, call);
}

void cl_conn__settle(struct flow_calls *c, struct cl_conn *k)
{
	struct cl_call *next;

	for (struct cl_call *call = k->first; call; call = next) {
		next = call->next;
		if (call->answered && call->framing == CL_UNFRAMED)
			cl_call__end(c, call, CALL_OK, call->last_in_ns);
	}
}

/* Connections ------------------------------------------------------------------------------ */

static void unlink_conn(struct flow_calls *c, struct cl_conn *k)
{
	if (k->newer)
		k->newer->older = k->older;
	else
		c->newest = k->older;
	if (k->older)
		k->older->newer = k->newer;
	else
		c->oldest = k->newer;
}

static void link_conn(struct flow_calls *c, struct cl_conn *k)
{
	k->newer = NULL;
	k->older = c->newest;
	if (k->older)
		k->older->newer = k;
	else
		c->oldest = k;
	c->newest = k;
}

static void drop_conn(struct flow_calls *c, struct cl_conn *k, enum call_outcome outcome,
		      uint64_t ts)
{
	cl_conn__abandon(c, k, outcome, ts);
	unlink_conn(c, k);
	flow_table__take(&c->conns, k->id, 0);
	flow_pool__release(&c->conn_pool, k);
}

static struct cl_conn *get_conn(struct flow_calls *c, uint32_t pid, uint64_t id, uint64_t ts)
{
	struct cl_conn *k = flow_table__get(&c->conns, id, 0);

	if (k) {
		unlink_conn(c, k);
		link_conn(c, k);
		return k;
	}
	if (c->conns.count >= CL_CONNS)
		drop_conn(c, c->oldest, CALL_LOST, ts);
	k = flow_pool__alloc(&c->conn_pool);
	if (!k || flow_table__put(&c->conns, id, 0, k)) {
		flow_pool__release(&c->conn_pool, k);
		c->overflow++;
		return NULL;
	}
	k->id = id;
	k->pid = pid;
	link_conn(c, k);
	return k;
}

/* Ports that IANA has assigned; what is spoken elsewhere the bytes have to tell. */
static enum call_kind kind_of_port(uint16_t port)
{
	switch (port) {
	case 5432:
		return CALL_POSTGRESQL;
	case 3306:
		return CALL_MYSQL;
	case 6379:
		return CALL_REDIS;
	default:
		return CALL_OTHER;
	}
}

static void on_peer(struct flow_calls *c, const struct flow_event *ev)
{
	struct cl_conn *k = get_conn(c, ev->pid, ev->peer.conn, ev->ts);

	if (!k)
		return;
	k->peer = ev->peer;
	if (k->kind == CALL_OTHER)
		k->kind = kind_of_port(ev->peer.peer_port);
}

static void on_client(struct flow_calls *c, const struct flow_event *ev)
{
	bool closed = ev->client.op == LR_CLIENT_CLOSE && !(ev->client.flags & FE_CL_HALF);
	struct cl_conn *k = flow_table__get(&c->conns, ev->client.conn, 0);

	if (!k && closed)
		return;
	k = get_conn(c, ev->pid, ev->client.conn, ev->ts);
	if (!k)
		return;
	cl_conn__operation(c, k, ev);
	if (closed)
		drop_conn(c, k, CALL_CLOSED, ev->ts);
}

/* @pid 0: all. */
static void end_target(struct flow_calls *c, uint32_t pid)
{
	struct cl_conn *next;

	for (struct cl_conn *k = c->oldest; k; k = next) {
		next = k->newer;
		if (!pid || k->pid == pid)
			drop_conn(c, k, CALL_OPEN, 0);
	}
}

int flow_calls__event(struct flow_calls *c, const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_PEER:
		on_peer(c, ev);
		break;
	case FE_CLIENT:
		on_client(c, ev);
		break;
	case FE_TARGET_END:
		end_target(c, ev->pid);
		break;
	default:
		break;
	}
	return 0;
}

/* Requests --------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct flow_call *x = *(struct flow_call *const *)a,
			       *y = *(struct flow_call *const *)b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->conn < y->conn ? -1 : x->conn > y->conn;
}

/* What has an answer, or will not get one, is over when its request is. */
static void settle(struct flow_calls *c, struct cl_call *call)
{
	struct cl_conn *k = call->conn;

	if (!k)
		return;
	if (call == k->setup) {
		if (!call->answered)
			return;
		k->setup = NULL;
	}
	if (call->answered && call->framing == CL_UNFRAMED)
		cl_call__end(c, call, CALL_OK, call->last_in_ns);
	else if (k->half_ns)
		cl_call__end(c, call, CALL_ABORTED, k->half_ns);
}

void flow_calls__request(struct flow_calls *c, struct flow_req *req)
{
	struct cl_list *l = flow_table__take(&c->lists, req->conn, req->seq);
	uint32_t n = 0;

	if (!l)
		return;
	for (uint32_t i = 0; i < l->n; i++) {
		struct cl_call *call = l->call[i];

		settle(c, call);
		if (call->conn) { /* goes on by itself */
			call->list = NULL;
			call->pub.outlived = true;
			req->calls_open++;
			continue;
		}
		prove(c, call);
		if (call->pub.by == CALL_BY_NOTHING) {
			hand_out(c, call);
			continue;
		}
		l->call[n++] = call;
	}
	l->n = n;
	/* A cl_call begins with its flow_call, so an array of the ones is one of the others. */
	qsort(l->call, n, sizeof(l->call[0]), by_start);
	c->handed = l;
	req->calls = (const struct flow_call *const *)l->call;
	req->ncalls = n;
	req->calls_not_kept = l->not_kept;
}

void flow_calls__release(struct flow_calls *c)
{
	struct cl_list *l = c->handed;

	c->handed = NULL;
	if (!l)
		return;
	for (uint32_t i = 0; i < l->n; i++)
		flow_pool__release(&c->call_pool, l->call[i]);
	flow_pool__release(&c->list_pool, l);
}

/* A connection that is being established, or was and waits for its first byte. */
static bool opening(const struct flow_calls *c, const struct cl_conn *k)
{
	const struct cl_owner *o = &k->opener;

	if (!k->connect_seen || k->charged || k->done || k->half_ns || o->by == CALL_BY_NOTHING)
		return false;
	return o->by != CALL_BY_STORE || !o->by_birth ||
	       flow_mismatch__has_stores(c->opts.mismatch, k->pid, &o->ref, o->instance);
}

/* As it would be handed out now; of an answer without a length, what has come may be all. */
static void tell_call(const struct cl_call *call,
		      void (*fn)(void *ctx, const struct flow_call *call), void *ctx)
{
	struct flow_call as = call->pub;

	if (call->conn)
		as.kind = call->conn->kind;
	if (call->conn && call->answered && call->framing == CL_UNFRAMED) {
		as.outcome = CALL_OK;
		as.end_ns = call->last_in_ns;
	}
	fn(ctx, &as);
}

static void tell_opening(const struct cl_conn *k,
			 void (*fn)(void *ctx, const struct flow_call *call), void *ctx)
{
	struct flow_call call = {
		.pid = k->pid,
		.conn = k->id,
		.family = k->peer.family,
		.local_port = k->peer.local_port,
		.peer_port = k->peer.peer_port,
		.kind = k->kind,
		.by = k->opener.by,
		.request = k->opener.ref,
		.start_ns = k->connect_ns,
	};

	memcpy(call.peer_addr, k->peer.peer_addr, sizeof(call.peer_addr));
	fn(ctx, &call);
}

void flow_calls__each_in_progress(const struct flow_calls *c,
				  void (*fn)(void *ctx, const struct flow_call *call), void *ctx)
{
	const struct flow_slot *slot;
	uint32_t pos = 0;

	while ((slot = flow_table__next(&c->lists, &pos))) {
		const struct cl_list *l = slot->value;

		for (uint32_t i = 0; i < l->n; i++)
			if (proven(c, l->call[i]))
				tell_call(l->call[i], fn, ctx);
	}
	for (const struct cl_conn *k = c->oldest; k; k = k->newer)
		if (opening(c, k))
			tell_opening(k, fn, ctx);
}

void flow_calls__finish(struct flow_calls *c)
{
	end_target(c, 0);
}

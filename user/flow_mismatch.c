// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whose store was active when a response was written.
 *
 * Two things are certain. Whose bytes these are: a head written on connection C answers the
 * request that C delivered; the kernel says so, and nothing in the process can confuse it. And
 * which store is active: read from the runtime's memory in the system call that writes. What has
 * to be found out is whose store that is, without knowing the application:
 *
 *   Birth. A store is made where a request enters the program: in the callback that reads its
 *   head or body. Young objects lie one behind the other, so an object whose address is between
 *   the allocation top at that receive and the top at the next turn of the loop was made in that
 *   callback (flow_mismatch_birth.c). Timers, immediates, completions of the thread pool and
 *   receives of other sockets are turns: what they make is nobody's. What V8 allocates in the old
 *   space at once is told apart (flow_mismatch_tenured.c).
 *
 *   Inbound id. A store that holds an id that came with exactly one request is that request's.
 *
 * A birth is only believed of the first store that an instance got in the callback, and of routes
 * whose requests are known to have stores of their own: code that another request woke up may make
 * its store in that one's callback.
 *
 * A store that neither says anything about has no owner, and a head under it is *unknown*, with
 * the reason; it is never bound to the first request that is answered under it, for that binds
 * a store of the whole process (entered at boot), or the store of whoever was served late, to
 * the wrong request.
 *
 * Across collections a store keeps its owner if its constant fields say for certain that it is
 * the same (flow_mismatch_store.c).
 *
 * At a head of request B on connection C:
 *   own       the store's owner came over C too (pipelining, TLS and enterWith leave a store of
 *             an earlier request active: same connection, never a mismatch)
 *   foreign   its owner is a request of another connection, and it is certain that B did not enter
 *             that store itself (an object kept for a user or tenant is entered by many). One of:
 *               - the callback that writes has an async id that was given out before B came
 *               - what carries the store (the AsyncContextFrame, or the resource that JavaScript
 *                 runs in) was seen before B came, or was made in a callback that read another
 *                 request
 *               - B's own store had been active before
 *               - the store holds an id that came with the owner
 *               - B's route makes stores of its own, and no request of it was seen to share one
 *             Stale if the owner was answered. Harm if there is a second sign: B's own store had
 *             been active before, or an id of the foreign store is in the bytes, or in what B
 *             logged or sent in the callback that answers it (flow_mismatch_write.c).
 *   shared    the store, or what carries it, is found in the very callback that reads B, or was
 *             made there: B entered it. Unknown from then on.
 *   fan-out   the owner's own callback answers B: long poll, publish. By design, counted apart.
 *   entered   none of these: whether B entered the store cannot be told. Unknown.
 *   lost      B's own store was active in an earlier callback of B, none is active now, and
 *             other requests of the route do have theirs at the head (intermittent), or the
 *             callback is one that should have it (always: see never_kept).
 *   none      otherwise, without any store.
 *
 * After a lost record the open interval ends nowhere and is dropped: what it made is unknown.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_mismatch_int.h"

static int init_tables(struct flow_mismatch *m)
{
	const struct {
		struct flow_table *table;
		uint32_t max;
	} tables[] = {
		{&m->threads, MM_THREADS},     {&m->requests, MM_REQUESTS},
		{&m->inbound, MM_VALUES},      {&m->stores, MM_STORES},
		{&m->values, MM_VALUES},       {&m->routes, MM_ROUTES},
		{&m->instances, MM_INSTANCES}, {&m->conns, MM_CONNS},
		{&m->heads, MM_REQUESTS},      {&m->carriers, MM_CARRIERS},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++)
		err = flow_table__init(tables[i].table, tables[i].max);
	return err;
}

int flow_mismatch__new(struct flow_mismatch **out, const struct flow_mismatch_opts *opts)
{
	struct flow_mismatch *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->opts = *opts;
	flow_pool__init(&m->request_pool, sizeof(struct mm_request), MM_REQUESTS);
	flow_pool__init(&m->store_pool, sizeof(struct mm_store), 2 * MM_STORES);
	flow_pool__init(&m->conn_pool, sizeof(struct mm_conn), MM_CONNS);
	flow_pool__init(&m->head_pool, sizeof(struct mm_head), MM_REQUESTS);
	flow_pool__init(&m->route_pool, sizeof(struct mm_route), MM_ROUTES);
	flow_pool__init(&m->instance_pool, sizeof(struct mm_instance), MM_INSTANCES);
	err = init_tables(m);
	if (err) {
		flow_mismatch__free(m);
		return err;
	}
	*out = m;
	return 0;
}

static struct mm_thread *thread_get(struct flow_mismatch *m, uint32_t pid, uint32_t tid)
{
	struct mm_thread *t = flow_table__get(&m->threads, pid, tid);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t || flow_table__put(&m->threads, pid, tid, t)) {
		free(t);
		m->counts.not_kept++;
		return NULL;
	}
	t->pid = pid;
	t->tid = tid;
	t->id = ++m->next_thread;
	return t;
}

static void thread_drop(struct flow_mismatch *m, struct mm_thread *t)
{
	flow_table__take(&m->threads, t->pid, t->tid);
	free(t->writes);
	free(t->lines);
	free(t->ring);
	free(t->tenured);
	free(t);
}

/* @pid 0: all. */
static void threads_drop(struct flow_mismatch *m, uint32_t pid)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&m->threads, &pos))) {
		struct mm_thread *t = s->value;

		if (pid && t->pid != pid)
			continue;
		thread_drop(m, t);
		pos--;
	}
}

static void free_all(struct flow_mismatch *m)
{
	struct flow_table *tables[] = {&m->threads, &m->requests, &m->inbound,	 &m->stores,
				       &m->values,  &m->routes,	  &m->instances, &m->conns,
				       &m->heads,   &m->carriers};
	struct flow_pool *pools[] = {&m->request_pool, &m->store_pool, &m->conn_pool,
				     &m->head_pool,    &m->route_pool, &m->instance_pool};
	struct flow_slot *s;
	uint32_t pos = 0;

	threads_drop(m, 0);
	while ((s = flow_table__next(&m->conns, &pos))) {
		mm_conn__drop(m, s->a);
		pos--;
	}
	for (pos = 0; (s = flow_table__next(&m->heads, &pos));)
		free(((struct mm_head *)s->value)->found);
	mm_stores__free(m);
	mm_leaks__free(m);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		flow_table__destroy(tables[i]);
	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++)
		flow_pool__destroy(pools[i]);
	free(m);
}

void flow_mismatch__free(struct flow_mismatch *m)
{
	if (m)
		free_all(m);
}

static void on_in(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	struct flow_req_ref ref;

	if (ev->io.flags & FE_F_HEAD)
		mm_request__begin(m, ev);
	/* Several heads in one receive: whose callback it is cannot be told. */
	if (!flow_requests__latest(m->opts.requests, ev->io.conn, &ref))
		ref.seq = 0;
	mm_thread__turn(t, ev->io.epoch, ev->io.top, ev->io.conn, ref.seq);
}

static void on_out(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	const struct flow_req *q;

	if ((ev->io.flags & FE_F_HEAD) && !(ev->io.flags & (FE_F_INFO | FE_F_GAP))) {
		q = flow_requests__answering(m->opts.requests, ev->io.conn);
		if (q) {
			mm_request__answered(m, q, ev->ts);
			mm_head__judge(m, t, ev, q);
		}
	}
	/* What follows may be the work of another request. */
	mm_write__forget(t);
}

/* Of a request that came before the input began: it may own stores, and nothing runs now. */
static void on_before(struct flow_mismatch *m, const struct flow_event *ev)
{
	const struct flow_req *q;

	if (!(ev->io.flags & FE_F_HEAD))
		return;
	if (ev->type == FE_IN) {
		mm_request__begin(m, ev);
		return;
	}
	q = flow_requests__answering(m->opts.requests, ev->io.conn);
	if (q && !(ev->io.flags & FE_F_GAP))
		mm_request__answered(m, q, ev->ts);
}

static void on_stores(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	t->stores = ev->stores;
	t->stores_ts = ev->ts;
	mm_carrier__seen(m, t, &t->stores, ev->ts);
	if (ev->stores.op != LR_OP_SERVER)
		mm_stores__note(m, t, &t->stores);
}

static void on_loss(struct flow_mismatch *m, const struct flow_event *ev)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (ev->loss.kind != FLOW_LOSS_RING)
		return;
	while ((s = flow_table__next(&m->threads, &pos))) {
		struct mm_thread *t = s->value;

		if (ev->tid && (t->tid != ev->tid || t->pid != ev->pid))
			continue;
		mm_thread__lost(t);
		mm_write__forget(t);
	}
}

int flow_mismatch__event(struct flow_mismatch *m, const struct flow_event *ev)
{
	struct mm_thread *t = NULL;

	if (!m->first_ns)
		m->first_ns = ev->ts;
	switch (ev->type) {
	case FE_IN:
	case FE_OUT:
	case FE_TURN:
	case FE_TENURED:
	case FE_STORES:
	case FE_STORE:
	case FE_GC:
	case FE_WRITE:
		t = thread_get(m, ev->pid, ev->tid);
		if (!t)
			return 0;
		break;
	case FE_SCOPE:
		t = flow_table__get(&m->threads, ev->pid, ev->tid);
		break;
	default:
		break;
	}
	if (t &&
	    (ev->type == FE_IN || ev->type == FE_TURN || ev->type == FE_GC || ev->type == FE_SCOPE))
		mm_write__forget(t);
	switch (ev->type) {
	case FE_IN:
		if (flow_event__before(ev))
			on_before(m, ev);
		else
			on_in(m, t, ev);
		break;
	case FE_OUT:
		if (flow_event__before(ev))
			on_before(m, ev);
		else if (!(ev->io.flags & FE_F_SENT))
			on_out(m, t, ev);
		break;
	case FE_TURN:
		mm_thread__turn(t, ev->turn.epoch, ev->turn.top, 0, 0);
		break;
	case FE_GC:
		mm_thread__collected(t, ev->gc.epoch, ev->gc.top);
		mm_tenured__collected(t, ev->gc.kind);
		break;
	case FE_TENURED:
		mm_tenured__add(t, &ev->tenured);
		break;
	case FE_STORE:
		mm_store__told(m, t, &ev->store);
		break;
	case FE_STORES:
		on_stores(m, t, ev);
		break;
	case FE_TIMERS:
		mm_leak__sample(m, ev->ts);
		break;
	case FE_WRITE:
		mm_write__seen(m, t, ev);
		break;
	case FE_CLOSE:
		mm_conn__drop(m, ev->close.conn);
		break;
	case FE_LOSS:
		on_loss(m, ev);
		break;
	case FE_THREAD:
		t = ev->thread.ended ? flow_table__get(&m->threads, ev->pid, ev->tid) : NULL;
		if (t)
			thread_drop(m, t);
		break;
	case FE_TARGET_END:
		threads_drop(m, ev->pid);
		break;
	default:
		break;
	}
	return 0;
}

void flow_mismatch__counts(const struct flow_mismatch *m, struct flow_context_counts *c)
{
	*c = m->counts;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rules at a response head: see the essay in flow_mismatch.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_context.h"
#include "flow_mismatch_int.h"
#include "util.h"

#define CAPTURED_LATER                                                                    \
	8	 /* requests that came after its own had ended: something keeps the store \
		  */
#define ID_LEN 4 /* shorter values occur in every response */

/* One head while it is judged. */
struct judged {
	struct flow_mismatch *m;
	struct mm_thread *t;
	const struct flow_event *ev;
	const struct flow_req *req;
	struct mm_head *h;
};

static bool active(const struct fe_store_ref *ref)
{
	return ref->kind != LR_VALUE_UNDEFINED && ref->kind != LR_VALUE_NULL;
}

static struct mm_own *own_of(struct mm_conn *c, uint32_t instance, uint64_t seq)
{
	for (uint32_t i = 0; c && i < c->n; i++)
		if (c->own[i].instance == instance && c->own[i].seq == seq)
			return &c->own[i];
	return NULL;
}

/* A slot for the instance: its own of an earlier request, or another. */
static struct mm_own *own_slot(struct flow_mismatch *m, struct mm_conn *c, uint32_t instance)
{
	uint32_t i = 0;

	while (i < c->n && c->own[i].instance != instance)
		i++;
	if (i == FE_STORES_MAX)
		i = 0;
	if (i < c->n)
		mm_store__put(m, c->own[i].store);
	else
		c->n++;
	return &c->own[i];
}

/* The store of the request that its connection is serving was active here. */
static void note_own(struct flow_mismatch *m, const struct mm_thread *t, const struct fe_stores *at,
		     struct mm_store *st)
{
	const struct flow_req *q = flow_requests__newest(m->opts.requests, st->conn);
	struct mm_conn *c;
	struct mm_own *own;

	if (!q || st->seq != q->seq)
		return;
	c = mm_conn__get(m, st->conn, true);
	if (!c)
		return;
	own = own_slot(m, c, st->instance);
	st->refs++;
	*own = (struct mm_own){
		.instance = st->instance,
		.seq = q->seq,
		.thread = t->id,
		.turn = t->begin ? t->turns : 0,
		.exec_id = at->exec_id,
		.store = st,
	};
}

void mm_stores__note(struct flow_mismatch *m, struct mm_thread *t, const struct fe_stores *at)
{
	for (uint32_t i = 0; at->status == LR_STORES_OK && i < at->n && i < FE_STORES_MAX; i++) {
		struct mm_store *st = mm_store__sight(m, t, at, &at->ref[i]);

		if (st && st->conn)
			note_own(m, t, at, st);
	}
}

/* Something certain outweighs what is not known of another instance. */
static void raise(struct mm_head *h, enum request_context to)
{
	static const uint8_t weight[] = {
		[CONTEXT_UNREAD] = 0,  [CONTEXT_NONE] = 1, [CONTEXT_UNREADABLE] = 2,
		[CONTEXT_UNKNOWN] = 3, [CONTEXT_OWN] = 4,  [CONTEXT_LOST] = 5,
		[CONTEXT_FOREIGN] = 6,
	};

	if (weight[to] > weight[h->context])
		h->context = to;
}

static void unknown(struct mm_head *h, enum context_unknown why)
{
	raise(h, CONTEXT_UNKNOWN);
	if (!h->unknown)
		h->unknown = why;
}

static void copy_store(struct finding_store *to, const struct mm_store *st)
{
	to->known = st && st->n;
	to->n = to->known ? st->n : 0;
	for (uint32_t i = 0; i < to->n; i++)
		to->field[i] = st->fields[i].pub;
}

static bool among(const uint64_t *ids, uint32_t n, uint64_t hash)
{
	for (uint32_t i = 0; i < n && i < FE_IDS_MAX; i++)
		if (ids[i] == hash)
			return true;
	return false;
}

static bool may_be_id(const struct judged *j, const struct mm_instance *in,
		      const struct mm_field *f)
{
	const char *key = j->m->opts.context_key;

	if (f->cut || (f->pub.kind != LR_VALUE_STRING && f->pub.kind != LR_VALUE_SMI) ||
	    f->len < ID_LEN)
		return false;
	return key ? strcmp(f->pub.name, key) == 0 : in && mm_field__identifies(in, f);
}

/* An id of the active store in the response's first bytes, and not there for another reason. */
static void find_id(const struct judged *j, struct flow_finding *f, const struct mm_instance *in,
		    const struct mm_store *st, const struct mm_store *own)
{
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);
	const struct fe_io *io = &j->ev->io;

	for (uint32_t i = 0; i < st->n && !f->id_in_response; i++) {
		const struct mm_field *x = &st->fields[i];
		bool mine = r && among(r->ids, r->nids, x->pub.hash);

		for (uint32_t k = 0; own && k < own->n; k++)
			mine = mine || own->fields[k].pub.hash == x->pub.hash;
		if (mine || !among(io->ids, io->nids, x->pub.hash) || !may_be_id(j, in, x))
			continue;
		f->id_in_response = true;
		memcpy(f->id_field, x->pub.name, sizeof(f->id_field));
	}
}

static struct flow_finding *add_finding(const struct judged *j, enum finding_kind kind,
					const struct mm_store *st)
{
	const struct fe_stores *at = &j->t->stores;
	const char *type;
	struct flow_finding *f;
	const struct mm_instance *in;

	if (j->h->n == MM_HEAD_FOUND)
		return NULL;
	f = &j->h->found[j->h->n++];
	in = mm_instance__get(j->m, j->t, st->instance);
	f->kind = kind;
	f->instance = in ? in->number : 0;
	f->head_ns = j->ev->ts;
	f->epoch = at->epoch;
	f->identity = st->bridged ? IDENTITY_CONTENT : IDENTITY_ADDRESS;
	f->binding = st->binding;
	f->exec_id = at->exec_id;
	f->trigger_id = at->trigger_id;
	type = j->m->opts.context
		       ? flow_context__type_of(j->m->opts.context, j->ev->pid, at->env, at->exec_id)
		       : NULL;
	snprintf(f->resource, sizeof(f->resource), "%s", type ? type : "");
	return f;
}

/* The store's owner, also when it was forgotten meanwhile; NULL: it was before it mattered. */
static const struct mm_request *owner_of(const struct judged *j, struct mm_store *st)
{
	const struct mm_request *r = mm_request__find(j->m, st->conn, st->seq);

	if (r && !st->owner)
		st->owner = malloc(sizeof(*st->owner));
	if (r && st->owner)
		*st->owner = *r;
	return st->owner;
}

static void other_request(const struct judged *j, struct flow_finding *f, struct mm_store *st)
{
	const struct mm_request *r = owner_of(j, st);

	f->other.conn = st->conn;
	if (!r)
		return;
	f->other = r->pub;
	f->stale = r->ended && r->pub.end_ns && r->pub.end_ns <= j->ev->ts;
	if (!f->stale)
		f->other.end_ns = 0;
}

static struct mm_route *route_of(struct flow_mismatch *m, const struct flow_req *req,
				 uint32_t instance)
{
	const char *route = req->route ? req->route : req->path;
	uint64_t hash = hash_bytes(route, strlen(route)) ^
			hash_bytes(req->method, strlen(req->method)) << 1;
	uint64_t where = (uint64_t)req->pid << 32 | instance;
	struct mm_route *r = flow_table__get(&m->routes, hash, where);

	if (r)
		return r;
	r = flow_pool__alloc(&m->route_pool);
	if (r && flow_table__put(&m->routes, hash, where, r)) {
		flow_pool__release(&m->route_pool, r);
		r = NULL;
	}
	return r;
}

static void own(const struct judged *j, struct mm_store *st)
{
	struct mm_route *r = route_of(j->m, j->req, st->instance);

	raise(j->h, CONTEXT_OWN);
	if (r)
		r->own++;
	if (st->seq && st->seq != j->req->seq)
		j->m->counts.same_connection++;
	else
		note_own(j->m, j->t, &j->t->stores, st);
}

/* The callback that writes has an async id that was given out before the request came. */
static bool older_than_request(const struct judged *j)
{
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);
	int64_t exec = j->t->stores.exec_id;

	return exec > 1 && r && r->counter && exec <= r->counter;
}

/* The connection whose request's callback made what carries the stores; 0: not known. */
static uint64_t carried_from(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;
	uint64_t conn = 0, seq = 0;

	if (!at->carrier || mm_thread__born(j->t, at->epoch, at->carrier - 1, at->top, &conn,
					    &seq) != MM_BORN_REQUEST)
		return 0;
	return conn;
}

static uint64_t carrier_key(const struct mm_thread *t, uint32_t epoch)
{
	return (uint64_t)t->id << 32 | epoch;
}

void mm_carrier__seen(struct flow_mismatch *m, const struct mm_thread *t,
		      const struct fe_stores *at, uint64_t ts)
{
	uint64_t key = carrier_key(t, at->epoch);

	if (!at->carrier || !ts || flow_table__get(&m->carriers, at->carrier, key))
		return;
	if (flow_table__put(&m->carriers, at->carrier, key, (void *)(uintptr_t)ts)) {
		flow_table__destroy(&m->carriers);
		if (flow_table__init(&m->carriers, MM_CARRIERS))
			m->not_kept++;
	}
}

/* What carries the stores was seen, in this epoch, before the request was read. */
static bool carrier_is_older(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;
	uint64_t seen = (uint64_t)(uintptr_t)flow_table__get(&j->m->carriers, at->carrier,
							     carrier_key(j->t, at->epoch));

	return at->carrier && seen && seen < j->req->recv_ns;
}

#define ROUTE_OWN 3 /* heads under their own store */

static bool route_has_its_own(const struct judged *j, const struct mm_store *st)
{
	const struct mm_route *r = route_of(j->m, j->req, st->instance);

	return r && r->own >= ROUTE_OWN && !r->shared;
}

/* What shows that the request did not enter this store itself; PROOF_NONE: nothing does. */
static enum finding_proof proof_of(const struct judged *j, const struct mm_store *st,
				   uint64_t carried, const struct mm_own *own)
{
	if (older_than_request(j))
		return PROOF_OLDER;
	if (carried || carrier_is_older(j))
		return PROOF_CARRIER;
	if (own)
		return PROOF_OWN_SEEN;
	if (st->binding == BINDING_INBOUND)
		return PROOF_INBOUND;
	return route_has_its_own(j, st) ? PROOF_ROUTE : PROOF_NONE;
}

static void foreign(const struct judged *j, struct mm_store *st, enum finding_proof proof,
		    const struct mm_own *own)
{
	bool published = mm_thread__serves(j->t, st->conn);
	struct flow_finding *f = add_finding(j, published ? FINDING_FAN_OUT : FINDING_FOREIGN, st);

	raise(j->h, published ? CONTEXT_OWN : CONTEXT_FOREIGN);
	if (!f)
		return;
	other_request(j, f, st);
	copy_store(&f->active, st);
	if (published)
		return;
	st->served++;
	st->later += f->stale && j->req->start_ns >= f->other.end_ns;
	f->proof = proof;
	f->served = st->served;
	f->captured = st->later >= CAPTURED_LATER;
	f->own_seen = own != NULL;
	if (own)
		copy_store(&f->own, own->store);
	find_id(j, f, mm_instance__get(j->m, j->t, st->instance), st, own ? own->store : NULL);
	f->grade = f->own_seen || f->id_in_response ? GRADE_HARM : GRADE_MIXED;
}

/* Whether requests like the store's owner are known to have stores of their own. */
static bool owner_has_stores(const struct judged *j, struct mm_store *st)
{
	const struct mm_request *r = owner_of(j, st);
	const struct mm_route *route;
	struct flow_req like = {.pid = st->pid};

	if (!r)
		return false;
	like.method = r->pub.method;
	like.route = r->pub.route;
	route = route_of(j->m, &like, st->instance);
	return route && route->own;
}

/* A store whose owner is a request of another connection. */
static void judge_other(const struct judged *j, struct mm_store *st)
{
	struct mm_conn *c = mm_conn__get(j->m, j->req->conn, false);
	const struct mm_own *own = own_of(c, st->instance, j->req->seq);
	uint64_t carried = carried_from(j);
	enum finding_proof proof;

	/* Entered, or found active, in the callback that reads this request: no mix-up. */
	if (carried == j->req->conn || mm_thread__serves(j->t, j->req->conn)) {
		struct mm_route *r = route_of(j->m, j->req, st->instance);

		st->shared = true;
		if (r)
			r->shared++;
	}
	if (st->shared) {
		unknown(j->h, UNKNOWN_SHARED);
		return;
	}
	if (st->binding == BINDING_BIRTH && (st->later_born || !owner_has_stores(j, st))) {
		unknown(j->h, UNKNOWN_ELSEWHERE);
		return;
	}
	proof = proof_of(j, st, carried, own);
	if (proof == PROOF_NONE && !mm_thread__serves(j->t, st->conn))
		unknown(j->h, UNKNOWN_ENTERED);
	else
		foreign(j, st, proof, own);
}

/* A store of nobody's that several requests have in the very callback that reads them. */
static void judge_unbound(const struct judged *j, struct mm_store *st)
{
	if (mm_thread__serves(j->t, j->req->conn)) {
		if (st->entered && st->entered != j->req->conn)
			st->unknown = UNKNOWN_SHARED;
		st->entered = j->req->conn;
	}
	unknown(j->h, st->unknown);
}

static void judge_store(const struct judged *j, const struct fe_store_ref *ref)
{
	struct mm_store *st = mm_store__sight(j->m, j->t, &j->t->stores, ref);

	if (!st)
		unknown(j->h, UNKNOWN_PLAIN);
	else if (st->conn == j->req->conn)
		own(j, st);
	else if (st->conn)
		judge_other(j, st);
	else
		judge_unbound(j, st);
}

static bool present(const struct fe_stores *at, uint32_t instance)
{
	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++)
		/* A frame that holds undefined for it: the program left it deliberately. */
		if (at->ref[i].instance == instance && (active(&at->ref[i]) || !at->hooks))
			return true;
	return false;
}

/* Over async_hooks, resources made while the instance was in use have it, if only undefined. */
static bool left_undefined(const struct fe_stores *at, uint32_t instance)
{
	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++)
		if (at->ref[i].instance == instance && at->ref[i].kind == LR_VALUE_UNDEFINED)
			return true;
	return false;
}

/*
 * Whether the callback that writes should have had the store, though no request of the route has
 * it: not a promise that goes on outside of `run`, as frameworks answer by design. Over
 * AsyncContextFrame only in a later callback that reads this request (its body came later):
 * elsewhere a client that is older than all requests looks the same.
 */
static bool never_kept(const struct judged *j, uint32_t instance)
{
	const struct fe_stores *at = &j->t->stores;

	if (at->promise)
		return false;
	return at->hooks ? left_undefined(at, instance) : mm_thread__serves(j->t, j->req->conn);
}

/* One parser's callbacks all have its async id; where turns were told apart they differ. */
static bool same_callback(const struct judged *j, const struct mm_own *o)
{
	return o->exec_id == j->t->stores.exec_id && (!o->turn || o->turn == j->t->turns);
}

/*
 * A store that the request had, seen active in an earlier callback, and that is not active now.
 * Frameworks may answer outside of `run` by design, for every request of a route; so it is called
 * lost where most others of the route have theirs at the head, or the callback shows that it is
 * no design.
 */
static void judge_lost(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;
	struct mm_conn *c = mm_conn__get(j->m, j->req->conn, false);

	/* A pipelined response goes out in the callback of the one before. */
	if (at->more || flow_requests__pipelines(j->m->opts.requests, j->req->conn))
		return;
	for (uint32_t i = 0; c && i < c->n; i++) {
		const struct mm_own *o = &c->own[i];
		struct flow_finding *f;
		struct mm_route *r;
		bool others;

		if (o->seq != j->req->seq || present(at, o->instance) || o->thread != j->t->id ||
		    same_callback(j, o))
			continue;
		r = route_of(j->m, j->req, o->instance);
		others = r && ++r->lost < r->own;
		if (!others && !never_kept(j, o->instance))
			continue;
		f = add_finding(j, FINDING_LOST, o->store);
		raise(j->h, CONTEXT_LOST);
		if (!f)
			continue;
		f->grade = others ? GRADE_INTERMITTENT : GRADE_ALWAYS;
		f->own_seen = true;
		copy_store(&f->own, o->store);
	}
}

static void judge_stores(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;
	uint32_t n = 0;

	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++) {
		if (!active(&at->ref[i]))
			continue;
		n++;
		judge_store(j, &at->ref[i]);
	}
	if (n)
		j->m->counts.read++;
	else
		j->m->counts.none++;
	raise(j->h, CONTEXT_NONE);
	judge_lost(j);
	if (j->h->unknown)
		j->m->counts.unknown[j->h->unknown]++;
	if (j->h->context != CONTEXT_UNKNOWN)
		j->h->unknown = UNKNOWN_NOT;
}

void mm_head__judge(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev,
		    const struct flow_req *req)
{
	struct judged j = {.m = m, .t = t, .ev = ev, .req = req};

	if (t->stores_ts != ev->ts || t->stores.conn != ev->io.conn)
		return;
	j.h = mm_head__new(m, req->conn, req->seq);
	if (!j.h)
		return;
	m->counts.heads++;
	if (t->stores.status == LR_STORES_OK) {
		judge_stores(&j);
	} else if (t->stores.status == LR_STORES_NO_JS) {
		/* libuv writes what waited for room: the program is not involved. */
		m->counts.none++;
		j.h->context = CONTEXT_NONE;
	} else {
		m->counts.unreadable++;
		j.h->context = CONTEXT_UNREADABLE;
	}
}

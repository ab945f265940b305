// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rules at a response head: see the essay in flow_mismatch.c. */
#include "events.h"
#include "flow_mismatch_int.h"

/* Requests that came after the store's own had ended: something keeps it. */
#define CAPTURED_LATER 8

#define BORN_MANY 200 /* stores of an instance that are known to be a request's own */

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

static void own(const struct judged *j, struct mm_store *st)
{
	struct mm_route *r = mm_route__get(j->m, j->req, st->instance);

	raise(j->h, CONTEXT_OWN);
	/* One that an earlier request left on the connection says nothing about this route. */
	if (st->seq == j->req->seq) {
		st->confirmed = true;
		if (r)
			r->own++;
	}
	if (st->seq && st->seq != j->req->seq)
		j->m->counts.same_connection++;
	else
		mm_conn__note_own(j->m, j->t, &j->t->stores, st);
}

static void foreign(const struct judged *j, struct mm_store *st, enum finding_proof proof,
		    const struct mm_own *own)
{
	bool published = st->conn && mm_thread__serves(j->t, st->conn);
	struct flow_finding *f =
		mm_finding__new(j, published ? FINDING_FAN_OUT : FINDING_FOREIGN, st);

	raise(j->h, published ? CONTEXT_OWN : CONTEXT_FOREIGN);
	if (!f)
		return;
	mm_finding__other(j, f, st);
	mm_finding__copy(&f->active, st);
	if (published)
		return;
	st->served++;
	st->later += !st->conn || (f->stale && j->req->start_ns >= f->other.end_ns);
	f->proof = proof;
	f->served = st->served;
	f->captured = st->later >= CAPTURED_LATER;
	f->own_seen = own != NULL;
	if (own)
		mm_finding__copy(&f->own, own->store);
	mm_finding__find_id(j, f, mm_instance__get(j->m, j->t, st->instance), st,
			    own ? own->store : NULL);
	mm_write__find_id(j, f, st, own ? own->store : NULL);
	mm_mark__found(j, st, own ? own->store : NULL);
	f->grade = f->own_seen || f->id_in_response || f->id_in_line || f->id_in_call ? GRADE_HARM
										      : GRADE_MIXED;
}

/*
 * A request that waits for another one may enter its store in the callback that reads that one,
 * before any store of that one was seen. Then the store, and what carries it, are made there,
 * though they are this request's.
 */
static bool perhaps_its_own(const struct judged *j, const struct mm_store *st)
{
	return st->binding == BINDING_BIRTH && !st->confirmed &&
	       !mm_proof__route_has_its_own(j, st);
}

/* A store whose owner is a request of another connection. */
static void judge_other(const struct judged *j, struct mm_store *st)
{
	struct mm_conn *c = mm_conn__get(j->m, j->req->conn, false);
	const struct mm_own *own = mm_conn__own(c, st->instance, j->req->seq);
	uint64_t carried = mm_proof__carried_from(j);
	enum finding_proof proof;

	/* Entered, or found active, in the callback that reads this request: no mix-up. */
	if (carried == j->req->conn || mm_thread__serves(j->t, j->req->conn)) {
		struct mm_route *r = mm_route__get(j->m, j->req, st->instance);

		st->shared = true;
		if (r)
			r->shared++;
	}
	if (st->shared) {
		unknown(j->h, UNKNOWN_SHARED);
		return;
	}
	if (st->binding == BINDING_BIRTH &&
	    (st->later_born || !mm_store__owner_has_stores(j->m, st))) {
		unknown(j->h, UNKNOWN_ELSEWHERE);
		return;
	}
	if (mm_thread__serves(j->t, st->conn)) {
		foreign(j, st, PROOF_NONE, own); /* a fan-out, which needs none */
		return;
	}
	proof = mm_proof__of(j, st, carried, own);
	if (proof == PROOF_NONE)
		unknown(j->h, UNKNOWN_ENTERED);
	else if (proof == PROOF_CARRIER && perhaps_its_own(j, st))
		unknown(j->h, UNKNOWN_ELSEWHERE);
	else
		foreign(j, st, proof, own);
}

static void meet(struct mm_store *st, uint64_t conn)
{
	for (uint32_t i = 0; i < st->nmet; i++)
		if (st->met[i] == conn)
			return;
	if (st->nmet < MM_MET)
		st->met[st->nmet++] = conn;
}

/*
 * A store whose owner is not known, and that was active before this request was read: so it is not
 * this request's. It is foreign where stores of the instance are made for each request (not for a
 * user, a tenant or the whole process), the request cannot have entered it, and it goes from
 * connection to connection (it may be an earlier request's of one of them, which stays).
 */
static bool is_older(const struct judged *j, const struct mm_store *st)
{
	const struct mm_instance *in = mm_instance__get(j->m, j->t, st->instance);

	return st->nmet == MM_MET && st->first_ns && st->first_ns < j->req->recv_ns &&
	       !st->entered && !st->shared && in && in->born >= BORN_MANY &&
	       in->born >= in->heads / 2;
}

static void judge_unbound(const struct judged *j, struct mm_store *st)
{
	struct mm_conn *c = mm_conn__get(j->m, j->req->conn, false);
	const struct mm_own *own = mm_conn__own(c, st->instance, j->req->seq);
	enum finding_proof proof;

	meet(st, j->req->conn);
	/* Several requests have it in the very callback that reads them. */
	if (mm_thread__serves(j->t, j->req->conn)) {
		if (st->entered && st->entered != j->req->conn)
			st->unknown = UNKNOWN_SHARED;
		st->entered = j->req->conn;
	}
	proof = is_older(j, st) ? mm_proof__of_older(j, st, own) : PROOF_NONE;
	if (proof == PROOF_NONE) {
		unknown(j->h, st->unknown);
		return;
	}
	st->binding = BINDING_NONE;
	foreign(j, st, proof, own);
}

static void judge_store(const struct judged *j, const struct fe_store_ref *ref)
{
	struct mm_store *st = mm_store__sight(j->m, j->t, &j->t->stores, ref);
	struct mm_instance *in = mm_instance__get(j->m, j->t, ref->instance);

	if (in)
		in->heads++;
	if (st)
		mm_leak__seen(j->m, j->t, j->req->conn, st);
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
		if (at->ref[i].instance == instance && (mm_ref__active(&at->ref[i]) || !at->hooks))
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
		r = mm_route__get(j->m, j->req, o->instance);
		others = r && ++r->lost < r->own;
		if (!others && !never_kept(j, o->instance))
			continue;
		f = mm_finding__new(j, FINDING_LOST, o->store);
		raise(j->h, CONTEXT_LOST);
		if (!f)
			continue;
		f->grade = others ? GRADE_INTERMITTENT : GRADE_ALWAYS;
		f->own_seen = true;
		mm_finding__copy(&f->own, o->store);
	}
}

/*
 * The request came before the input began: what it entered was not seen, and neither was the
 * callback that reads it, so nothing speaks for or against a store.
 */
static void judge_before(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;

	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++)
		if (mm_ref__active(&at->ref[i]))
			unknown(j->h, UNKNOWN_OLDER);
	raise(j->h, CONTEXT_NONE);
	if (!j->h->unknown) {
		j->m->counts.none++;
		return;
	}
	j->m->counts.read++;
	j->m->counts.unknown[j->h->unknown]++;
}

static void judge_stores(const struct judged *j)
{
	const struct fe_stores *at = &j->t->stores;
	uint32_t n = 0;

	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++) {
		if (!mm_ref__active(&at->ref[i]))
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
	if (t->stores.status == LR_STORES_OK && req->before) {
		judge_before(&j);
	} else if (t->stores.status == LR_STORES_OK) {
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

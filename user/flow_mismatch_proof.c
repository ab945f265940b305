// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What shows that a request did not enter another one's store itself. */
#include <string.h>

#include "flow_mismatch_int.h"
#include "util.h"

#define ROUTE_OWN 1 /* heads under their own store */

/*
 * That a request entered a store is seen unless the trace of it moved in a collection meanwhile. A
 * route that shares stores has few heads under their own before the first that is shared, and of
 * several that are, one at least is seen to be. So the first are not decided, until so many were
 * under their own.
 */
#define ROUTE_DOUBTED  4
#define ROUTE_OWN_MANY 64

struct mm_route *mm_route__get(struct flow_mismatch *m, const struct flow_req *req,
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

/* The callback that writes has an async id that was given out before the request came. */
static bool older_than_request(const struct judged *j)
{
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);
	int64_t exec = j->t->stores.exec_id;

	return exec > 1 && r && r->counter && exec <= r->counter;
}

/* The connection whose request's callback made what carries the stores; 0: not known. */
uint64_t mm_proof__carried_from(const struct judged *j)
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
			m->counts.not_kept++;
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

bool mm_proof__route_has_its_own(const struct judged *j, const struct mm_store *st)
{
	const struct mm_route *r = mm_route__get(j->m, j->req, st->instance);

	return r && r->own >= ROUTE_OWN && !r->shared;
}

static enum finding_proof by_route(const struct judged *j, const struct mm_store *st)
{
	struct mm_route *r = mm_route__get(j->m, j->req, st->instance);

	if (!mm_proof__route_has_its_own(j, st))
		return PROOF_NONE;
	return r->own >= ROUTE_OWN_MANY || r->doubted++ >= ROUTE_DOUBTED ? PROOF_ROUTE : PROOF_NONE;
}

/* What shows that the request did not enter this store itself; PROOF_NONE: nothing does. */
enum finding_proof mm_proof__of(const struct judged *j, const struct mm_store *st, uint64_t carried,
				const struct mm_own *own)
{
	if (older_than_request(j))
		return PROOF_OLDER;
	if (carried || carrier_is_older(j))
		return PROOF_CARRIER;
	if (own)
		return PROOF_OWN_SEEN;
	if (st->binding == BINDING_INBOUND)
		return PROOF_INBOUND;
	return by_route(j, st);
}

enum finding_proof mm_proof__of_older(const struct judged *j, const struct mm_store *st,
				      const struct mm_own *own)
{
	uint64_t carried = mm_proof__carried_from(j);

	if (own)
		return PROOF_OWN_SEEN;
	if (!mm_proof__route_has_its_own(j, st) || carried == j->req->conn)
		return PROOF_NONE;
	return mm_proof__of(j, st, carried, own);
}

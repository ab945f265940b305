// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose store is active where the process sends to others, or hands in a job. */
#include "events.h"
#include "flow_mismatch_int.h"

/* A store's request: certain enough to charge a call to it? */
static bool owned(const struct mm_store *st)
{
	return st && st->conn && st->seq && !st->shared &&
	       (st->binding == BINDING_INBOUND || !st->later_born);
}

static void unknown(struct flow_issuer *out, const struct mm_store *st)
{
	if (out->is != ISSUER_NONE)
		return;
	out->is = ISSUER_UNKNOWN;
	out->why = UNKNOWN_PLAIN;
	if (st && st->shared)
		out->why = UNKNOWN_SHARED;
	else if (st)
		out->why = st->conn ? UNKNOWN_ELSEWHERE : st->unknown;
}

static void look(struct flow_mismatch *m, struct mm_thread *t, const struct fe_stores *at,
		 const struct fe_store_ref *ref, struct flow_issuer *out)
{
	const struct mm_store *st = mm_store__sight(m, t, at, ref);

	if (!owned(st)) {
		unknown(out, st);
		return;
	}
	if (out->is == ISSUER_REQUEST &&
	    (out->request.conn != st->conn || out->request.seq != st->seq)) {
		out->is = ISSUER_CONTRADICT;
		return;
	}
	if (out->is == ISSUER_CONTRADICT)
		return;
	if (out->is != ISSUER_REQUEST || out->by_birth) {
		out->instance = st->instance;
		out->by_birth = st->binding == BINDING_BIRTH;
	}
	out->is = ISSUER_REQUEST;
	out->request = (struct flow_req_ref){t->pid, at->env, st->seq, st->conn};
}

/* Whether what was told of stores at the time of @ev is of its operation. */
static bool is_about(const struct fe_stores *at, const struct flow_event *ev)
{
	if (ev->type == FE_JOB)
		return at->op == LR_OP_JOB;
	return at->op != LR_OP_JOB && at->conn == ev->client.conn;
}

void flow_mismatch__issuer(struct flow_mismatch *m, const struct flow_event *ev,
			   struct flow_issuer *out)
{
	struct mm_thread *t = flow_table__get(&m->threads, ev->pid, ev->tid);
	const struct fe_stores *at;

	*out = (struct flow_issuer){.exec_id = -1, .trigger_id = -1};
	if (!t || t->stores_ts != ev->ts || !is_about(&t->stores, ev))
		return;
	at = &t->stores;
	out->exec_id = at->exec_id;
	out->trigger_id = at->trigger_id;
	out->promise = at->promise;
	if (at->status == LR_STORES_NO_JS)
		return;
	if (at->status != LR_STORES_OK) {
		out->is = ISSUER_UNREADABLE;
		return;
	}
	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++)
		if (mm_ref__active(&at->ref[i]))
			look(m, t, at, &at->ref[i], out);
}

bool flow_mismatch__has_stores(struct flow_mismatch *m, uint32_t pid,
			       const struct flow_req_ref *request, uint32_t instance)
{
	const struct mm_request *r = mm_request__find(m, request->conn, request->seq);
	const struct mm_route *route;
	struct flow_req like = {.pid = pid};

	if (!r)
		return false;
	like.method = r->pub.method;
	like.route = r->pub.route;
	route = mm_route__get(m, &like, instance);
	return route && route->own;
}

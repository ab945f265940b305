// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stores of requests that their connection is serving: where each was seen active. */
#include "events.h"
#include "flow_mismatch_int.h"

struct mm_own *mm_conn__own(struct mm_conn *c, uint32_t instance, uint64_t seq)
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
void mm_conn__note_own(struct flow_mismatch *m, const struct mm_thread *t,
		       const struct fe_stores *at, struct mm_store *st)
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

		if (!st || !st->conn)
			continue;
		mm_conn__note_own(m, t, at, st);
		mm_leak__seen(m, t, at->conn, st);
	}
}

struct mm_conn *mm_conn__get(struct flow_mismatch *m, uint64_t conn, bool create)
{
	struct mm_conn *c = flow_table__get(&m->conns, conn, 0);

	if (c || !create)
		return c;
	c = flow_pool__alloc(&m->conn_pool);
	if (!c || flow_table__put(&m->conns, conn, 0, c)) {
		flow_pool__release(&m->conn_pool, c);
		m->counts.not_kept++;
		return NULL;
	}
	return c;
}

void mm_conn__drop(struct flow_mismatch *m, uint64_t conn)
{
	struct mm_conn *c = flow_table__take(&m->conns, conn, 0);

	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		mm_store__put(m, c->own[i].store);
	flow_pool__release(&m->conn_pool, c);
}

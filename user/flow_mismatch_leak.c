// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stores that outlive their request: seen active at an operation of another connection, 10 s or
 * more after the request that they were made for was answered. Something keeps them: a timer that
 * nobody clears, a client that was opened lazily, a listener. What keeps a store that is never
 * active again cannot be seen from outside.
 *
 * Where their number grows all along, request by request, they are left behind; one that a client
 * has captured stays one.
 */
#include <stdlib.h>

#include "flow_mismatch_int.h"
#include "util.h"

#define FILL_STEPS GROWTH_BUCKETS

/* The number was zero since there could have been one. */
static struct mm_left *left_new(const struct flow_mismatch *m, uint64_t ts)
{
	struct mm_left *l = calloc(1, sizeof(*l));
	uint64_t from = min_t(uint64_t, m->first_ns + STORES_LEFT_NS, ts);
	uint64_t step = (ts - from) / FILL_STEPS + 1;

	for (uint64_t at = from; l && at < ts; at += step)
		flow_growth__add(&l->growth, at, 0);
	return l;
}

/* When its request was over: as told, or else noticed now. 0: it is not. */
static uint64_t over_ns(const struct flow_mismatch *m, const struct mm_store *st, uint32_t env,
			uint64_t ts)
{
	struct mm_request *r = mm_request__find(m, st->conn, st->seq);
	struct flow_req_ref ref = {.pid = st->pid, .env = env, .seq = st->seq, .conn = st->conn};

	mm_request__notice_end(m, r);
	if (r && r->ended)
		return r->pub.end_ns;
	return flow_requests__in_progress(m->opts.requests, &ref) ? 0 : ts;
}

static void count(struct flow_mismatch *m, const struct mm_thread *t, struct mm_store *st,
		  uint64_t ts)
{
	struct mm_instance *in = mm_instance__get(m, t, st->instance);

	if (!in)
		return;
	if (!in->left)
		in->left = left_new(m, ts);
	if (!in->left) {
		m->counts.not_kept++;
		return;
	}
	in->left->stores += !st->outlived;
	in->left->operations++;
	in->left->oldest_ns = max_t(uint64_t, in->left->oldest_ns, ts - st->over_ns);
	st->outlived = true;
	m->any_left = true;
}

void mm_leak__seen(struct flow_mismatch *m, const struct mm_thread *t, uint64_t conn,
		   struct mm_store *st)
{
	uint64_t ts = t->stores_ts;

	if (!st->conn || !st->seq || st->conn == conn)
		return;
	if (!st->over_ns)
		st->over_ns = over_ns(m, st, t->stores.env, ts);
	if (st->over_ns && ts >= st->over_ns + STORES_LEFT_NS)
		count(m, t, st, ts);
}

void mm_leak__sample(struct flow_mismatch *m, uint64_t ts)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while (m->any_left && (s = flow_table__next(&m->instances, &pos))) {
		struct mm_instance *in = s->value;

		if (in->left)
			flow_growth__add(&in->left->growth, ts,
					 (uint32_t)min_t(uint64_t, in->left->stores, UINT32_MAX));
	}
}

static int by_stores(const void *a, const void *b)
{
	const struct flow_left *x = a, *y = b;

	if (x->stores != y->stores)
		return x->stores < y->stores ? 1 : -1;
	return x->instance < y->instance ? -1 : x->instance > y->instance;
}

size_t flow_mismatch__left(const struct flow_mismatch *m, struct flow_left *left, size_t cap)
{
	struct flow_slot *s;
	uint32_t pos = 0;
	size_t n = 0;

	while (n < cap && (s = flow_table__next(&m->instances, &pos))) {
		const struct mm_instance *in = s->value;

		if (!in->left)
			continue;
		left[n].instance = in->number;
		left[n].stores = in->left->stores;
		left[n].operations = in->left->operations;
		left[n].oldest_ns = in->left->oldest_ns;
		left[n].trend = flow_growth__trend(&in->left->growth, &left[n].per_s);
		n++;
	}
	if (n > 1)
		qsort(left, n, sizeof(left[0]), by_stores);
	return n;
}

void mm_leaks__free(struct flow_mismatch *m)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&m->instances, &pos)))
		free(((struct mm_instance *)s->value)->left);
}

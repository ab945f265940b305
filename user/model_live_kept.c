// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests that have ended. All come into a ring in the order of their ends, and leave it at the
 * other side when there are too many or they take too much memory: among the elders if they have
 * findings, or are slower than the fastest there, else for good. So every elder is older than what
 * is in the ring, and what is looked at for each request is a few words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_live_int.h"
#include "util.h"

int live_kept__init(struct live *l)
{
	l->kept.ring = calloc(LIVE_ALL_KEPT, sizeof(struct live_request *));
	if (!l->kept.ring)
		return -ENOMEM;
	return flow_table__init(&l->kept.index, LIVE_ALL_KEPT);
}

static struct live_request **ring_at(struct live_kept *k, size_t i)
{
	return &k->ring[(k->first + i) % LIVE_ALL_KEPT];
}

static struct live_request **found_at(struct live_kept *k, size_t i)
{
	return &k->found[(k->found_first + i) % LIVE_ELDERS];
}

void live_kept__free(struct live *l)
{
	struct live_kept *k = &l->kept;

	for (size_t i = 0; i < k->count; i++)
		live_request__put(*ring_at(k, i));
	for (size_t i = 0; i < k->nfound; i++)
		live_request__put(*found_at(k, i));
	for (size_t i = 0; i < k->nslow; i++)
		live_request__put(k->slow[i]);
	free(k->ring);
	flow_table__destroy(&k->index);
}

static void forget(struct live_kept *k, struct live_request *r)
{
	k->bytes -= r->bytes;
	if (flow_table__get(&k->index, r->on.req.conn, r->on.req.seq) == r)
		flow_table__take(&k->index, r->on.req.conn, r->on.req.seq);
	live_request__put(r);
}

static void found_drop(struct live_kept *k)
{
	struct live_request *r = *found_at(k, 0);

	k->found_first = (k->found_first + 1) % LIVE_ELDERS;
	k->nfound--;
	k->found_bytes -= r->bytes;
	forget(k, r);
}

static void found_add(struct live_kept *k, struct live_request *r)
{
	while (k->nfound && (k->nfound == LIVE_ELDERS ||
			     k->found_bytes + r->bytes > LIVE_MEMORY_MAX / LIVE_SHARE))
		found_drop(k);
	k->found_bytes += r->bytes;
	*found_at(k, k->nfound++) = r;
}

/* One in flight when its process ended has no duration. */
static uint64_t duration(const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;

	return q->end_ns > q->start_ns ? q->end_ns - q->start_ns : 0;
}

static void swap(struct live_kept *k, size_t a, size_t b)
{
	struct live_request *r = k->slow[a];

	k->slow[a] = k->slow[b];
	k->slow[b] = r;
}

static void slow_down(struct live_kept *k)
{
	size_t at = 0;

	for (;;) {
		size_t least = 2 * at + 1;

		if (least >= k->nslow)
			return;
		if (least + 1 < k->nslow && duration(k->slow[least + 1]) < duration(k->slow[least]))
			least++;
		if (duration(k->slow[at]) <= duration(k->slow[least]))
			return;
		swap(k, at, least);
		at = least;
	}
}

static void slow_drop(struct live_kept *k)
{
	struct live_request *r = k->slow[0];

	k->slow[0] = k->slow[--k->nslow];
	slow_down(k);
	k->slow_bytes -= r->bytes;
	forget(k, r);
}

/* False: it is not among the slowest. */
static bool slow_add(struct live_kept *k, struct live_request *r)
{
	uint64_t most = LIVE_MEMORY_MAX / LIVE_SHARE;
	size_t at;

	while (k->nslow == LIVE_ELDERS || (k->nslow && k->slow_bytes + r->bytes > most)) {
		if (duration(r) <= duration(k->slow[0]))
			return false;
		slow_drop(k);
	}
	k->slow_bytes += r->bytes;
	at = k->nslow++;
	for (k->slow[at] = r; at && duration(k->slow[at]) < duration(k->slow[(at - 1) / 2]);
	     at = (at - 1) / 2)
		swap(k, at, (at - 1) / 2);
	return true;
}

static void age(struct live_kept *k)
{
	struct live_request *r = *ring_at(k, 0);

	k->first = (k->first + 1) % LIVE_ALL_KEPT;
	k->count--;
	if (r->nfindings)
		found_add(k, r);
	else if (!slow_add(k, r))
		forget(k, r);
}

/* What is held for requests in flight takes its part of the memory. */
static void bound(struct live *l)
{
	uint64_t held = live_held__bytes(l);
	uint64_t most = held < LIVE_MEMORY_MAX ? LIVE_MEMORY_MAX - held : 0;
	struct live_kept *k = &l->kept;

	while (k->count && (k->count + k->nfound + k->nslow > LIVE_RECENT || k->bytes > most))
		age(k);
	while (k->nslow && k->bytes > most)
		slow_drop(k);
	while (k->nfound && k->bytes > most)
		found_drop(k);
}

int live_kept__add(struct live *l, struct live_request *r)
{
	struct live_kept *k = &l->kept;
	const struct flow_req *q = &r->on.req;

	r->number = ++k->number;
	*ring_at(k, k->count++) = r;
	k->bytes += r->bytes;
	/* A name that comes again, which only a broken capture gives, means the later one. */
	flow_table__take(&k->index, q->conn, q->seq);
	if (flow_table__put(&k->index, q->conn, q->seq, r))
		return -ENOMEM;
	bound(l);
	return 0;
}

struct live_request *live_kept__find(const struct live *l, uint64_t conn, uint64_t seq)
{
	return flow_table__get(&l->kept.index, conn, seq);
}

/* Where it is: in the ring numbers are without holes. @bytes: what its place counts, NULL none. */
static struct live_request **place_of(struct live_kept *k, const struct live_request *r,
				      uint64_t **bytes)
{
	uint64_t first = k->number + 1 - k->count;

	*bytes = NULL;
	if (r->number >= first)
		return ring_at(k, (size_t)(r->number - first));
	*bytes = &k->found_bytes;
	for (size_t i = 0; i < k->nfound; i++)
		if (*found_at(k, i) == r)
			return found_at(k, i);
	*bytes = &k->slow_bytes;
	for (size_t i = 0; i < k->nslow; i++)
		if (k->slow[i] == r)
			return &k->slow[i];
	return NULL;
}

void live_kept__late(struct live *l, struct live_request *r, const struct live_item *item)
{
	struct live_kept *k = &l->kept;
	const struct flow_req_ref ref = {.conn = r->on.req.conn, .seq = r->on.req.seq};
	uint32_t bytes = r->bytes;
	uint64_t *of_place;
	struct live_request **place = place_of(k, r, &of_place);
	struct live_request *to;

	if (!place)
		return;
	to = live_request__add(r, item);
	if (!to || to == r)
		return;
	*place = to;
	k->bytes += to->bytes - bytes;
	if (of_place)
		*of_place += to->bytes - bytes;
	flow_table__take(&k->index, ref.conn, ref.seq);
	/* What was taken out leaves room. */
	flow_table__put(&k->index, ref.conn, ref.seq, to);
	bound(l);
}

static int by_number(const void *a, const void *b)
{
	const struct live_request *const *x = a, *const *y = b;

	if ((*x)->number == (*y)->number)
		return 0;
	return (*x)->number < (*y)->number ? 1 : -1;
}

int live_kept__view(struct live *l, struct live_view *v)
{
	struct live_kept *k = &l->kept;
	size_t n = k->count + k->nfound + k->nslow;

	v->recent = calloc(n ? n : 1, sizeof(struct live_request *));
	if (!v->recent)
		return -ENOMEM;
	for (size_t i = k->count; i-- > 0;)
		v->recent[v->nrecent++] = *ring_at(k, i);
	for (size_t i = 0; i < k->nfound; i++)
		v->recent[v->nrecent++] = *found_at(k, i);
	for (size_t i = 0; i < k->nslow; i++)
		v->recent[v->nrecent++] = k->slow[i];
	qsort(v->recent + k->count, n - k->count, sizeof(struct live_request *), by_number);
	for (size_t i = 0; i < n; i++)
		v->recent[i]->refs++;
	v->recent_gone = k->number - n;
	return 0;
}

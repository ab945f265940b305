// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Jobs, resources and calls of requests that have not ended: held until they do. When the room for
 * them is used up, the request that something was held for first gives up all of its own.
 */
#include <errno.h>

#include "model_live_int.h"

#define LOOK 8 /* requests looked at for one that holds something */

int live_held__init(struct live *l)
{
	flow_pool__init(&l->held_pool, sizeof(struct live_held), LIVE_HELD);
	flow_pool__init(&l->item_pool, sizeof(struct live_item), LIVE_ITEMS);
	flow_pool__init(&l->call_pool, sizeof(struct flow_call), LIVE_CALLS);
	return flow_table__init(&l->held_index, LIVE_HELD);
}

void live_held__free(struct live *l)
{
	flow_table__destroy(&l->held_index);
	flow_pool__destroy(&l->held_pool);
	flow_pool__destroy(&l->item_pool);
	flow_pool__destroy(&l->call_pool);
}

struct live_held *live_held__find(const struct live *l, uint64_t conn, uint64_t seq)
{
	return flow_table__get(&l->held_index, conn, seq);
}

static void item_free(struct live *l, struct live_item *i)
{
	if (i->kind == LIVE_CALL)
		flow_pool__release(&l->call_pool, i->call);
	flow_pool__release(&l->item_pool, i);
}

/* What it held is counted as not kept. */
static void strip(struct live *l, struct live_held *h)
{
	struct live_item *i = h->items, *next;

	for (; i; i = next) {
		next = i->next;
		item_free(l, i);
		h->n[i->kind]--;
		h->not_kept++;
	}
	h->items = NULL;
}

static void unlink_held(struct live *l, struct live_held *h)
{
	if (h->newer)
		h->newer->older = h->older;
	else
		l->newest = h->older;
	if (h->older)
		h->older->newer = h->newer;
	else
		l->oldest = h->newer;
}

static void link_held(struct live *l, struct live_held *h)
{
	h->newer = NULL;
	h->older = l->newest;
	if (h->older)
		h->older->newer = h;
	else
		l->oldest = h;
	l->newest = h;
}

void live_held__drop(struct live *l, struct live_held *h)
{
	if (!h)
		return;
	strip(l, h);
	unlink_held(l, h);
	flow_table__take(&l->held_index, h->conn, h->seq);
	flow_pool__release(&l->held_pool, h);
}

static struct live_held *get(struct live *l, const struct flow_req_ref *ref)
{
	struct live_held *h = live_held__find(l, ref->conn, ref->seq);

	if (h)
		return h;
	if (l->held_index.count == LIVE_HELD)
		live_held__drop(l, l->oldest);
	h = flow_pool__alloc(&l->held_pool);
	if (!h || flow_table__put(&l->held_index, ref->conn, ref->seq, h)) {
		flow_pool__release(&l->held_pool, h);
		return NULL;
	}
	h->conn = ref->conn;
	h->seq = ref->seq;
	link_held(l, h);
	return h;
}

/* Gives up what the oldest holds. Those that hold nothing go to the end, so that others are next.
 */
static bool make_room(struct live *l, const struct live_held *but)
{
	for (int i = 0; i < LOOK && l->oldest; i++) {
		struct live_held *h = l->oldest;
		bool any = h->items && h != but;

		if (any)
			strip(l, h);
		unlink_held(l, h);
		link_held(l, h);
		if (any)
			return true;
	}
	return false;
}

static struct live_item *item_new(struct live *l, const struct live_held *h,
				  const struct live_item *from)
{
	struct flow_call *call = NULL;
	struct live_item *i;

	if (from->kind == LIVE_CALL) {
		call = flow_pool__alloc(&l->call_pool);
		if (!call)
			return NULL;
		*call = *from->call;
	}
	i = flow_pool__alloc(&l->item_pool);
	if (!i && make_room(l, h))
		i = flow_pool__alloc(&l->item_pool);
	if (!i) {
		flow_pool__release(&l->call_pool, call);
		return NULL;
	}
	*i = *from;
	i->next = NULL;
	if (call)
		i->call = call;
	return i;
}

int live_held__add(struct live *l, const struct flow_req_ref *ref, const struct live_item *item)
{
	struct live_held *h = get(l, ref);
	struct live_item *i = NULL;

	if (!h)
		return -ENOMEM;
	if (h->n[item->kind] < LIVE_OF_REQUEST)
		i = item_new(l, h, item);
	if (!i) {
		h->not_kept++;
		return 0;
	}
	if (h->items)
		h->last->next = i;
	else
		h->items = i;
	h->last = i;
	h->n[i->kind]++;
	return 0;
}

uint64_t live_held__bytes(const struct live *l)
{
	return (uint64_t)l->held_pool.made * l->held_pool.size +
	       (uint64_t)l->item_pool.made * l->item_pool.size +
	       (uint64_t)l->call_pool.made * l->call_pool.size;
}

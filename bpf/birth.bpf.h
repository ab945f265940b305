/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stores that a collection is about to move before they were ever seen active.
 *
 * A store is bound to its request by where it was allocated, which only holds until the next
 * collection. Requests that wait meanwhile have not sent anything, so their stores are not known
 * yet. Therefore the callbacks of unanswered requests are kept with what they allocated, and
 * when a collection begins these pieces of memory are searched for objects that are of a kind
 * that stores were seen to be of: that have the same map. What is found is told like a store; it
 * was made in that callback, whether it is one or not. After the collection it can be
 * recognized by its contents.
 *
 * All of it is bounded: so many callbacks, so many bytes of each, so many objects found.
 */
#ifndef LOOPRAY_BIRTH_BPF_H
#define LOOPRAY_BIRTH_BPF_H

#include "turn.bpf.h"

#define BIRTH_TRIES 4

static __always_inline struct lr_births *births_of(struct task_struct *task, __u64 flags)
{
	return bpf_task_storage_get(&lr_births, task, NULL, flags);
}

/* A slot whose request was answered, or whose epoch is over; else the oldest goes. */
static __always_inline __u32 birth_slot(struct lr_births *b, __u32 epoch)
{
	__u32 at = b->next;

	for (__u32 i = 0; i < BIRTH_TRIES; i++) {
		__u32 k = (b->next + i) & (LR_BIRTHS - 1);

		if (b->slot[k].conn && b->slot[k].epoch == epoch)
			continue;
		at = k;
		break;
	}
	b->next = at + 1;
	return at & (LR_BIRTHS - 1);
}

/* The slot for a receive on @conn: a request may come in many, of which two are kept. */
static __always_inline __u32 birth_slot_of(struct lr_births *b, struct lr_conn *conn, __u32 epoch)
{
	__u32 k = conn->birth_more & (LR_BIRTHS - 1);

	if (conn->asked > 1 && b->slot[k].conn == conn->id)
		return k;
	k = birth_slot(b, epoch);
	if (conn->asked)
		conn->birth_more = k;
	else
		conn->birth = k;
	conn->asked += conn->asked < 2;
	return k;
}

/* A receive on server connection @conn begins a callback. */
static __always_inline void birth_begin(struct task_struct *task, const struct lr_task *t,
					struct lr_conn *conn, __u64 top)
{
	struct lr_births *b = births_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 k;

	if (!b)
		return;
	birth_close(b, top);
	if (!top)
		return;
	k = birth_slot_of(b, conn, t->epoch) & (LR_BIRTHS - 1);
	b->slot[k].begin = LR_TOP_ADDR(top);
	b->slot[k].end = 0;
	b->slot[k].conn = conn->id;
	b->slot[k].epoch = t->epoch;
	b->open = k;
	b->is_open = 1;
}

/* Its response has begun: its stores were seen, or are of no interest. */
static __always_inline void birth_answered(struct task_struct *task, struct lr_conn *conn)
{
	struct lr_births *b = births_of(task, 0);
	__u32 k = conn->birth & (LR_BIRTHS - 1), more = conn->birth_more & (LR_BIRTHS - 1);

	conn->asked = 0;
	if (b && b->slot[k].conn == conn->id)
		b->slot[k].conn = 0;
	if (b && b->slot[more].conn == conn->id)
		b->slot[more].conn = 0;
}

/* Stores of this instance have this map. */
static __always_inline void birth_learn(struct lr_births *b, __u64 map, __u32 instance)
{
	__u32 k;

	if (!b || !map || b->map[0] == map || b->map[1] == map)
		return;
	k = b->nmaps++ & (LR_BIRTH_MAPS - 1);
	b->map[k] = map;
	b->instance[k] = instance;
}

#endif

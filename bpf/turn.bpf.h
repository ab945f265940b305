/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who allocated an object: young objects are allocated one behind the other, so what lies between
 * the allocation top at a receive and the top at the next turn of the loop was made by the
 * callback of that receive. Told only while the receive was one of a server connection: what
 * other callbacks make belongs to nobody that is known.
 */
#ifndef LOOPRAY_TURN_BPF_H
#define LOOPRAY_TURN_BPF_H

#include "clock.bpf.h"
#include "emit.bpf.h"
#include "tenured.bpf.h"

#define TURN_MS	      1000000ULL /* nanoseconds */
#define TURN_LATE_MAX (3600ULL * 1000 * TURN_MS)

static __always_inline bool turn_wanted(const struct lr_process_config *p)
{
	return p && (p->mechanism == LR_MECHANISM_HOOKS || p->mechanism == LR_MECHANISM_ACF);
}

/*
 * Whether stores can be active on this thread. Over async_hooks the first `run` enables an init
 * hook, the first of the counts; until then there is nothing to be read or told.
 */
static __always_inline bool turn_in_use(const struct lr_process_config *p, struct lr_task *t)
{
	if (p->mechanism != LR_MECHANISM_HOOKS || !t->fields_addr || t->stores_used)
		return true;
	if (bpf_probe_read_user(&t->stores_used, sizeof(t->stores_used), (void *)t->fields_addr))
		return true;
	return t->stores_used != 0;
}

/* LR_TOP_ADDR: LinearAllocationArea is {start, top, limit} (src/heap/linear-allocation-area.h). */
static __always_inline __u64 turn_area(__u64 start, __u64 top)
{
	__u64 run = start && start <= top ? (top - start) / 8 : 0;

	if (!top || top >> LR_TOP_BITS)
		return 0;
	return top | (run < LR_TOP_RUN_MAX ? run : LR_TOP_RUN_MAX) << LR_TOP_BITS;
}

/* The allocation top of the thread's isolate (LR_TOP_ADDR), 0 unknown. Its place never changes. */
static __always_inline __u64 turn_top(const struct lr_heap *h, struct lr_task *t)
{
	const struct lr_chain *c = &h->isolate_top;
	__u64 at = t->isolate, area[2];

	if (!(h->flags & LR_HEAP_TOP) || !at)
		return 0;
	if (!t->top_addr) {
		for (__u32 i = 0; i < LR_CHAIN_MAX; i++) {
			if (i >= c->n || !at)
				break;
			at += c->off[i];
			if (i + 1 < c->n)
				at = read_u64(at);
		}
		t->top_addr = at;
	}
	if (!t->top_addr || bpf_probe_read_user(area, sizeof(area), (void *)(t->top_addr - 8)))
		return 0;
	return turn_area(area[0], area[1]);
}

/* The callback of a receive is over. */
static __always_inline void birth_close(struct lr_births *b, __u64 top)
{
	if (b->is_open)
		b->slot[b->open & (LR_BIRTHS - 1)].end = LR_TOP_ADDR(top);
	b->is_open = 0;
}

/* What a receive began is over. Returns the allocation top, 0: no receive began it, or unknown. */
static __always_inline __u64 turn_end(struct task_struct *task, struct lr_task *t,
				      const struct lr_process_config *p)
{
	struct lr_births *births;
	__u64 top;

	if (!t->turn_open)
		return 0;
	t->turn_open = 0;
	if (!turn_wanted(p))
		return 0;
	tenured_look(task, t, &p->heap, true);
	top = turn_top(&p->heap, t);
	births = bpf_task_storage_get(&lr_births, task, NULL, 0);
	if (births)
		birth_close(births, top);
	return top;
}

/*
 * When the timer of @handle was due, 0 unknown. libuv counts in whole milliseconds of
 * CLOCK_MONOTONIC and never calls before they are over: what is in the future is no such time.
 * Node.js has one timer for all of JavaScript's, set to the first that is due. That was computed
 * from the loop's own time, which it brings up to date whenever JavaScript makes a timer: so it
 * is right to the millisecond, however late the loop is.
 */
static __always_inline __u64 turn_due(const struct lr_process_config *p, __u64 handle, __u64 now)
{
	__u64 ms, due;

	if (!p || !p->layout.timer_timeout || !handle)
		return 0;
	ms = read_u64(handle + p->layout.timer_timeout);
	if (!ms || ms > now / TURN_MS)
		return 0;
	due = ms * TURN_MS;
	return now - due < TURN_LATE_MAX ? due : 0;
}

/* libuv's loops also run on threads without JavaScript, which other threads wake as well. */
static __always_inline bool turn_foreign(struct task_struct *task, struct lr_task *t,
					 const struct lr_process_config *p)
{
	return p && (p->layout.flags & LR_LAYOUT_ENV) && !runtime_env(task, t);
}

/* The thread was woken before by another one, and has neither slept nor told anything since. */
static __always_inline bool turn_again(struct task_struct *task, const struct lr_task *t)
{
	return t->async_seq == t->seq && (__u32)task->nvcsw == t->nvcsw;
}

/*
 * Where the runtime's call to JavaScript cannot be probed, the function around it is: that runs
 * in each iteration of the loop, whether there are immediates or not.
 */
static __always_inline bool turn_empty(struct task_struct *task, struct lr_task *t,
				       const struct lr_process_config *p)
{
	__u32 info[3]; /* count, count of those that keep the loop alive, some are left over */
	__u64 at;

	if (!p || !p->layout.env_immediates || !runtime_env(task, t))
		return false;
	at = read_u64(t->env + p->layout.env_immediates);
	return at && !bpf_probe_read_user(info, sizeof(info), (void *)at) && !info[0] && !info[2];
}

/*
 * Something other than a receive of a server connection begins on this thread: tells it.
 * @handle: the uv_timer_t that is due, 0 none. @ts: when, by a record that follows and whose clocks
 * are marked (clock_mark); 0: now. What follows must not be earlier.
 */
static __noinline void turn_tell(struct task_struct *task, struct lr_task *t, __u16 kind,
				 __u64 handle, __u64 ts)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	bool open = t->turn_open;
	__u64 top = turn_end(task, t, p);
	struct lr_ev_turn *rec;

	if (kind == LR_TURN_IMMEDIATES && turn_empty(task, t, p)) {
		if (!open)
			return;
		kind = LR_TURN_OTHER;
	}
	if (kind == LR_TURN_ASYNC && (turn_again(task, t) || turn_foreign(task, t, p)))
		return;
	rec = emit_new(lr_ev_turn, task, t, LR_EV_TURN);
	if (!rec)
		return;
	if (ts)
		rec->h.ts = ts;
	else
		clock_mark(task, t);
	rec->top = top;
	rec->epoch = t->epoch;
	rec->kind = kind;
	rec->due_ns = turn_due(p, handle, rec->h.ts);
	clock_slept(task, t);
	rec->flags = clock_read(task, t, &rec->clock) & LR_DATA_F_IDLE ? LR_TURN_F_IDLE : 0;
	emit_commit(rec);
	if (kind == LR_TURN_ASYNC)
		t->async_seq = t->seq;
}

/* A receive that begins no callback of a server connection ends one that is open, at @ts. */
static __always_inline void turn_close(struct task_struct *task, struct lr_task *t, __u64 ts)
{
	if (t->turn_open)
		turn_tell(task, t, LR_TURN_OTHER, 0, ts);
}

#endif

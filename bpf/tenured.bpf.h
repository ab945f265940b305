/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What callbacks allocate in V8's old space. Where the objects of an object literal mostly survive,
 * V8 compiles the code that makes them anew, and from then on allocates them there at once
 * (allocation site pretenuring): the stores of a busy server too. The old space has a linear area
 * like the new one, but takes it from its free lists: it may lie anywhere, and a new one may lie
 * below the one before.
 *
 * The area is looked at where a receive begins a callback, and where stores are read or the
 * callback ends. Only if it was allocated from in between is that told, ahead of what the reader is
 * to understand by it.
 */
#ifndef LOOPRAY_TENURED_BPF_H
#define LOOPRAY_TENURED_BPF_H

#include "emit.bpf.h"
#include "runtime.bpf.h"

/* LinearAllocationArea of V8. */
struct tenured_area {
	__u64 start;
	__u64 top;
	__u64 limit;
};

/* False: it is not known where the area is, or what is there is none. All zero: there is none now.
 */
static __always_inline bool tenured_read(const struct lr_heap *h, struct lr_task *t,
					 struct tenured_area *a)
{
	__u64 at = t->isolate;

	if (!(h->flags & LR_HEAP_OLD) || !at)
		return false;
	if (!t->old_addr) {
		for (__u32 i = 0; i < LR_CHAIN_MAX; i++) {
			if (i >= h->isolate_old_top.n || !at)
				break;
			at += h->isolate_old_top.off[i];
			if (i + 1 < h->isolate_old_top.n)
				at = read_u64(at);
		}
		t->old_addr = at;
	}
	return t->old_addr && !bpf_probe_read_user(a, sizeof(*a), (void *)(t->old_addr - 8)) &&
	       a->start <= a->top && a->top <= a->limit && a->limit - a->start <= LR_HEAP_PAGE;
}

static __always_inline void tenured_tell(struct task_struct *task, struct lr_task *t, __u64 begin,
					 __u64 end, __u32 flags)
{
	struct lr_ev_tenured *rec;

	if (begin >= end)
		return;
	rec = emit_new(lr_ev_tenured, task, t, LR_EV_TENURED);
	if (!rec)
		return;
	rec->begin = begin;
	rec->end = end;
	rec->epoch = t->epoch;
	rec->flags = flags;
	emit_commit(rec);
}

/* Looks at the area. @tell: what was allocated since the last look is the open callback's. */
static __noinline void tenured_look(struct task_struct *task, struct lr_task *t,
				    const struct lr_heap *h, bool tell)
{
	__u64 before = t->old_top, limit = t->old_limit;
	struct tenured_area a;

	if (!tenured_read(h, t, &a)) {
		t->old_top = 0;
		t->old_limit = 0;
		return;
	}
	t->old_top = a.top;
	t->old_limit = a.limit;
	if (!tell || a.top == before)
		return;
	if (before >= a.start && before <= a.top) {
		tenured_tell(task, t, before, a.top, 0);
		return;
	}
	/* Another area, of which nothing was allocated before, and what was left of the last one.
	 */
	if (before)
		tenured_tell(task, t, before, limit, LR_TENURED_F_REST);
	tenured_tell(task, t, a.start, a.top, LR_TENURED_F_AREA);
}

/* Before stores are told: what the open callback has allocated may be one of them. */
static __always_inline void tenured_now(struct task_struct *task, struct lr_task *t,
					const struct lr_process_config *p)
{
	if (t->turn_open)
		tenured_look(task, t, &p->heap, true);
}

#endif

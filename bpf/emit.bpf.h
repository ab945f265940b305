/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only code that touches the ring buffer. A record that cannot be reserved is counted,
 * and its place in the thread's sequence stays empty, so that the reader knows whose it was.
 */
#ifndef LOOPRAY_EMIT_BPF_H
#define LOOPRAY_EMIT_BPF_H

#include "maps.bpf.h"

/* Reserves @reserve bytes (a compile-time constant); @type must be a record type. */
#define emit_reserve(type, reserve, task, storage, event)                                \
	({                                                                               \
		struct type *_rec = bpf_ringbuf_reserve(&lr_ring, (reserve), 0);         \
		__u32 _seq = 0;                                                          \
		if (storage)                                                             \
			_seq = ++(storage)->seq;                                         \
		if (_rec)                                                                \
			emit_header(&_rec->h, task, _seq, (event), sizeof(struct type)); \
		else                                                                     \
			stat_add(LR_STAT_ring_full, 1);                                  \
		_rec;                                                                    \
	})

#define emit_new(type, task, storage, event) \
	emit_reserve(type, sizeof(struct type), task, storage, event)

static __always_inline void emit_header(struct lr_event *h, struct task_struct *task, __u32 seq,
					__u16 type, __u16 size)
{
	h->ts = bpf_ktime_get_ns();
	h->pid = task ? task->tgid : 0;
	h->tid = task ? task->pid : 0;
	h->seq = seq;
	h->type = type;
	h->size = size;
}

static __always_inline void emit_commit(void *rec)
{
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* Of what does not happen often, and is to be acted on: the one that wakes the reader. */
static __always_inline void emit_commit_now(void *rec)
{
	bpf_ringbuf_submit(rec, BPF_RB_FORCE_WAKEUP);
}

/* A record put together elsewhere; @size must be bounded. False: it was lost. */
static __always_inline bool emit_copy(void *rec, __u64 size)
{
	if (!bpf_ringbuf_output(&lr_ring, rec, size, BPF_RB_NO_WAKEUP))
		return true;
	stat_add(LR_STAT_ring_full, 1);
	return false;
}

/* The thread's context, made at its first record, which then tells the reader about it. */
static __always_inline struct lr_task *task_context(struct task_struct *task)
{
	struct lr_task *t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	struct lr_ev_thread *rec;

	if (t)
		return t;
	t = bpf_task_storage_get(&lr_tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		stat_add(LR_STAT_task_full, 1);
		return NULL;
	}
	rec = emit_new(lr_ev_thread, task, t, LR_EV_THREAD);
	if (rec) {
		rec->fsbase = task->thread.fsbase;
		rec->start_ns = task->start_time;
		emit_commit(rec);
	}
	return t;
}

#endif

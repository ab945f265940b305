/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A write to standard output or error: the stores that are active at it, and its first bytes.
 * File descriptors 1 and 2 are meant, whatever they are; copies of them are not followed, but for
 * what libuv makes of a terminal.
 *
 * Only for processes whose stores can be read, and only once one was in use: others pay for a
 * look at the file descriptor alone. lr_lines_every: of all, where none can be active the bytes
 * alone.
 */
#ifndef LOOPRAY_LINE_BPF_H
#define LOOPRAY_LINE_BPF_H

#include "filter.bpf.h"
#include "store.bpf.h"

#define LINE_PARTS	64 /* of a vectored write that are looked at */
#define LINE_WINDOW_NS	1000000000ULL
#define LINE_WINDOW_MAX 20000 /* lines of a thread in that time, the others are counted only */

struct line_iovec {
	__u64 base;
	__u64 len;
};

/*
 * Where a thread puts its lines together: some of the programs may be preempted, so not per CPU.
 * The data part is as long twice, for the verifier: see bytes_scratch. Dies with the thread.
 */
struct line_scratch {
	struct store_scratch store;
	__u64 window_ns;
	__u64 window_lines;
	struct line_iovec part[LINE_PARTS];
	__u64 words[(sizeof(struct lr_ev_write) + 2UL * LR_WRITE_MAX) / sizeof(__u64)];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct line_scratch);
} lr_line_scratch SEC(".maps");

/* Walk over the parts of a vectored write. */
struct line_walk {
	struct line_scratch *l;
	__u64 pos;
	__u64 n;
};

/* @n, at most @cap, which the compiler must not know: see bytes_clamp. */
static __always_inline __u64 line_clamp(__u64 n, __u64 cap)
{
	asm volatile("" : "+r"(n));
	return n > cap ? cap : n;
}

/* Takes @len bytes at @addr behind those that are there. False: the record is full, or a fault. */
static __always_inline bool line_take(struct line_walk *w, __u64 addr, __u64 len)
{
	struct lr_ev_write *rec = (void *)w->l->words;
	__u64 pos = line_clamp(w->pos, LR_WRITE_MAX);

	len = line_clamp(len, LR_WRITE_MAX);
	if (len && bpf_probe_read_user(&rec->data[pos], len, (void *)addr)) {
		rec->flags |= LR_WRITE_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		return false;
	}
	w->pos = pos + len;
	return w->pos < LR_WRITE_MAX;
}

/* A callback. */
static long line_part(__u32 i, struct line_walk *w)
{
	if (i >= LINE_PARTS || i >= w->n)
		return 1;
	return !line_take(w, w->l->part[i].base, w->l->part[i].len);
}

/* The bytes of a vectored write of @n parts. */
static __always_inline void line_parts(struct line_walk *w, __u64 iov, __u64 n)
{
	w->n = line_clamp(n, LINE_PARTS);
	if (bpf_probe_read_user(w->l->part, w->n * sizeof(w->l->part[0]), (void *)iov)) {
		((struct lr_ev_write *)w->l->words)->flags |= LR_WRITE_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		return;
	}
	bpf_loop(LINE_PARTS, line_part, w, 0);
}

/* Whether this thread may write one more line; else it is counted. */
static __always_inline bool line_allowed(struct line_scratch *l, __u64 now)
{
	if (now - l->window_ns >= LINE_WINDOW_NS) {
		l->window_ns = now;
		l->window_lines = 0;
	}
	if (l->window_lines++ < LINE_WINDOW_MAX)
		return true;
	stat_add(LR_STAT_lines_skipped, 1);
	return false;
}

static __always_inline void line_bytes(struct task_struct *task, struct lr_task *t,
				       struct line_scratch *l, __u64 addr, __u64 parts, __s32 ret)
{
	struct lr_ev_write *rec = (void *)l->words;
	struct line_walk w = {.l = l};
	__u64 n;

	rec->h.ts = l->store.stores.h.ts;
	rec->h.pid = task->tgid;
	rec->h.tid = task->pid;
	rec->h.seq = ++t->seq;
	rec->h.type = LR_EV_WRITE;
	rec->conn = 0;
	rec->ret = ret;
	rec->op = l->store.stores.op;
	rec->flags = 0;
	rec->pad = 0;
	if (parts)
		line_parts(&w, addr, parts);
	else
		line_take(&w, addr, ret);
	if (w.pos > (__u32)ret)
		w.pos = (__u32)ret;
	n = line_clamp(w.pos, LR_WRITE_MAX);
	rec->captured = n;
	rec->h.size = sizeof(*rec) + n;
	emit_copy(rec, sizeof(*rec) + n);
}

/*
 * @ret bytes were written to @fd: of the buffer at @addr, or of @parts buffers that the array at
 * @addr names.
 */
__noinline int line_written(__u32 fd, __u64 addr, __u32 parts, __s32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	bool stores = turn_wanted(p);
	struct line_scratch *l;
	struct lr_task *t;
	__u64 now;

	if (!p || (!stores && !lr_lines_every))
		return 0;
	t = task_context(task);
	if (!t)
		return 0;
	runtime_env(task, t);
	stores = stores && turn_in_use(p, t);
	if (!stores && !lr_lines_every)
		return 0;
	l = bpf_task_storage_get(&lr_line_scratch, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!l) {
		stat_add(LR_STAT_task_full, 1);
		return 0;
	}
	now = bpf_ktime_get_ns();
	if (!line_allowed(l, now))
		return 0;
	tenured_now(task, t, p);
	l->store.stores.conn = 0;
	l->store.stores.op = fd == 1 ? LR_OP_STDOUT : LR_OP_STDERR;
	if (stores)
		store_tell_active(&l->store, task, t, p, now);
	else
		l->store.stores.h.ts = now;
	line_bytes(task, t, l, addr, parts, ret);
	return 0;
}

#endif

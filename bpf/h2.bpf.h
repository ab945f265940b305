/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2: one request per stream, from what nghttp2 tells Node.js.
 *
 * Frames interleave streams, and headers are compressed by a state that goes back to the
 * connection's first byte, so bytes say little to who comes late. nghttp2 has undone all that
 * where it calls Node.js' static callbacks in node::http2::Http2Session, whose arguments are of
 * its public interface: the session, the frame with its stream's number.
 *
 * Headers are told to Node.js one by one, and a probe there would cost the most by far. It keeps
 * them in the stream until the head is complete; there they are read all at once. Three structures
 * on the way to a header are not public: the vector in node::http2::Http2Stream, which is
 * looked for and must hold the name of a pseudo header first, the headers in it, and nghttp2's
 * counted buffer. What is read by them must spell ":method", or there is no request.
 *
 * When a callback runs, the program's code for a stream runs in it. So the callback of a head,
 * and of a part of the body, is what a receive is for HTTP/1: a turn (turn.bpf.h), whose
 * allocations are that stream's. Frames that lie in one receive are told apart, which is what
 * makes it possible to tell whose store is whose between streams of one connection.
 *
 * The active stores are read where the program hands in the response head
 * (nghttp2_submit_response, called from JavaScript): the socket's write comes later, with
 * whatever other streams have ready, and from wherever.
 */
#ifndef LOOPRAY_H2_BPF_H
#define LOOPRAY_H2_BPF_H

#include "h2_head.bpf.h"

/* Bodies --------------------------------------------------------------------------------- */

SEC("uprobe")
int BPF_KPROBE(lr_h2_chunk, __u64 session, __u64 flags, __u32 stream, __u64 data, __u64 len)
{
	struct h2_told told = {.op = LR_H2_DATA_IN, .stream = stream, .bytes = len};
	struct task_struct *task;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_chunk, &task, &t))
		return 0;
	turn_close(task, t, 0);
	if (!h2_server(task, session, &told.conn))
		return 0;
	told.top = h2_turn(task, t, LR_H2_CONN(told.conn, stream), true);
	told.now = bpf_ktime_get_ns();
	h2_emit(task, t, &told);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_h2_data, __u64 session, __u64 frame, __u64 framehd, __u64 len)
{
	struct h2_told told = {.op = LR_H2_DATA_OUT, .bytes = len};
	struct task_struct *task;
	struct h2_frame_hd hd;
	struct lr_h2_conn *h2;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_data, &task, &t))
		return 0;
	turn_close(task, t, 0);
	h2 = h2_server(task, session, &told.conn);
	if (!h2)
		return 0;
	if (bpf_probe_read_user(&hd, sizeof(hd), (void *)frame)) {
		stat_add(LR_STAT_runtime_fault, 1);
		return 0;
	}
	h2->unsent = 1;
	told.stream = hd.stream;
	told.flags = hd.flags & H2_FLAG_END_STREAM ? LR_H2_F_END : 0;
	told.now = bpf_ktime_get_ns();
	h2_emit(task, t, &told);
	return 0;
}

/* Responses ------------------------------------------------------------------------------ */

/* The status in a response head: its first header, ":status", with three digits. 0: not there. */
static __always_inline __u32 h2_status(__u64 nva, __u64 n)
{
	__u64 w = 0, digits = 0;
	struct h2_nv nv;

	if (!n || bpf_probe_read_user(&nv, sizeof(nv), (void *)nva) || nv.name_len != 7 ||
	    nv.value_len != 3 || bpf_probe_read_user(&w, 7, (void *)nv.name) ||
	    w != H2_WORD(':', 's', 't', 'a', 't', 'u', 's', 0) ||
	    bpf_probe_read_user(&digits, 3, (void *)nv.value))
		return 0;
	return ((digits & 0xff) - '0') * 100 + ((digits >> 8 & 0xff) - '0') * 10 +
	       ((digits >> 16 & 0xff) - '0');
}

/* Values of a response's header fields are put together where the stores were read. */
struct h2_fields {
	struct lr_ev_h2_fields rec;
	char spare[LR_H2_FIELD_VALUE + 1]; /* length and position are bounded apart */
};

_Static_assert(sizeof(struct h2_fields) <= sizeof(((struct lr_births *)0)->scratch),
	       "struct lr_births has too little scratch");

struct h2_fields_loop {
	struct h2_fields *f;
	__u64 nva;
	__u32 n;
};

/* A callback: one header field. */
static long h2_field_value(__u32 i, struct h2_fields_loop *l)
{
	__u64 pos = l->f->rec.captured, n;
	struct h2_nv nv;
	__u8 first = 0;

	if (i >= l->n || pos >= LR_H2_FIELDS_MAX ||
	    bpf_probe_read_user(&nv, sizeof(nv), (void *)(l->nva + (__u64)i * H2_NV_SIZE)))
		return 1;
	n = nv.value_len;
	if (!n || n > LR_H2_FIELD_VALUE || bpf_probe_read_user(&first, 1, (void *)nv.name) ||
	    first == ':')
		return 0;
	n = h2_bound(n, LR_H2_FIELD_VALUE);
	pos = h2_bound(pos, LR_H2_FIELDS_MAX - 1);
	if (bpf_probe_read_user(&l->f->rec.data[pos], n, (void *)nv.value))
		return 0;
	pos += n;
	if (pos >= LR_H2_FIELDS_MAX)
		return 1;
	l->f->rec.data[pos] = '\n';
	l->f->rec.captured = pos + 1;
	return 0;
}

static __noinline void h2_fields(struct lr_task *t, struct lr_births *b, __u64 nva, __u64 n)
{
	struct store_scratch *s = (struct store_scratch *)b->scratch;
	struct h2_fields *f = (struct h2_fields *)b->scratch;
	struct h2_fields_loop l = {.f = f, .nva = nva, .n = n < H2_FIELDS ? n : H2_FIELDS};
	struct lr_event h = s->stores.h;
	__u64 conn = s->stores.conn, size;

	f->rec.h = h;
	f->rec.conn = conn & ((1ULL << LR_H2_CONN_BITS) - 1);
	f->rec.stream = conn >> LR_H2_CONN_BITS;
	f->rec.captured = 0;
	bpf_loop(H2_FIELDS, h2_field_value, &l, 0);
	size = h2_bound(f->rec.captured, LR_H2_FIELDS_MAX);
	if (!size)
		return;
	f->rec.captured = size;
	size += __builtin_offsetof(struct lr_ev_h2_fields, data);
	f->rec.h.type = LR_EV_H2_FIELDS;
	f->rec.h.size = size;
	f->rec.h.seq = ++t->seq;
	emit_copy(f, size);
}

static __noinline void h2_stores(struct task_struct *task, struct lr_task *t,
				 const struct h2_told *told, __u64 nva, __u64 n)
{
	__u64 conn = LR_H2_CONN(told->conn, told->stream);
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	struct store_scratch *s;
	struct lr_births *b;

	if (!p || p->mechanism == LR_MECHANISM_NONE)
		return;
	/* Not the scratch of one CPU: a uprobe may be preempted. */
	b = births_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!b) {
		stat_add(LR_STAT_task_full, 1);
		return;
	}
	s = (struct store_scratch *)b->scratch;
	s->stores.n = 0;
	s->stores.conn = conn;
	s->stores.op = LR_OP_SERVER;
	runtime_env(task, t);
	if (turn_in_use(p, t)) {
		tenured_now(task, t, p);
		store_tell_active(s, task, t, p, told->now);
	}
	if (s->stores.n)
		h2_fields(t, b, nva, n);
	h2_birth_answered(b, conn);
}

SEC("uprobe")
int BPF_KPROBE(lr_h2_submit, __u64 session, __u32 stream, __u64 nva, __u64 n, __u64 provider)
{
	struct h2_told told = {.op = LR_H2_SUBMIT, .stream = stream};
	struct task_struct *task;
	struct lr_h2_conn *h2;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_submit, &task, &t))
		return 0;
	h2 = h2_server(task, session, &told.conn);
	if (!h2)
		return 0;
	h2->unsent = 1;
	told.code = h2_status(nva, n);
	told.flags = provider ? 0 : LR_H2_F_END;
	told.now = bpf_ktime_get_ns();
	h2_stores(task, t, &told, nva, n);
	h2_emit(task, t, &told);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_h2_close, __u64 session, __u32 stream, __u32 code)
{
	struct h2_told told = {.op = LR_H2_CLOSE, .stream = stream, .code = code};
	struct task_struct *task;
	struct lr_h2_conn *h2;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_close, &task, &t))
		return 0;
	turn_close(task, t, 0);
	h2 = h2_server(task, session, &told.conn);
	if (!h2)
		return 0;
	h2->unsent = 1;
	told.now = bpf_ktime_get_ns();
	h2_emit(task, t, &told);
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2 connections as the socket paths see them: which session runs over one, and when what
 * the session has put into frames leaves.
 *
 * The library's callbacks name a session, the kernel names a connection. They are tied together
 * at a session's frame: it lies in what its thread received last, since Node.js hands what it
 * reads to the session at once. One exception is known: a session that waits for room to
 * write keeps what it has read until then, and another connection may have been received from
 * meanwhile. So a connection is only taken that has no session yet, and where two
 * sessions claim one, neither keeps it (h2_bind in h2.bpf.h).
 */
#ifndef LOOPRAY_H2_CONN_BPF_H
#define LOOPRAY_H2_CONN_BPF_H

#include "emit.bpf.h"
#include "clock.bpf.h"
#include "turn.bpf.h"

/* A client begins to speak HTTP/2: counted where nobody follows it. */
static __noinline void h2_preface(void)
{
	__u32 tgid = bpf_get_current_task_btf()->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);

	if (!p || !p->http2)
		stat_add(LR_STAT_http2_connections, 1);
}

struct h2_told {
	__u64 conn;
	__u32 stream; /* 0: the connection */
	__u16 op;
	__u16 flags;
	__u32 bytes;
	__u32 code;
	__u64 top;
	__u64 now;
};

static __always_inline void h2_emit(struct task_struct *task, struct lr_task *t,
				    const struct h2_told *told)
{
	struct lr_ev_h2 *rec;
	__u32 has;

	rec = emit_new(lr_ev_h2, task, t, LR_EV_H2);
	if (!rec)
		return;
	rec->h.ts = told->now;
	rec->conn = told->conn;
	clock_mark(task, t);
	has = clock_read(task, t, &rec->clock);
	rec->top = told->top;
	rec->stream = told->stream;
	rec->epoch = told->top ? t->epoch : 0;
	rec->op = told->op;
	rec->flags = told->flags | (has & LR_DATA_F_IDLE ? LR_H2_F_IDLE : 0);
	rec->bytes = told->bytes;
	rec->code = told->code;
	rec->pad = 0;
	emit_commit(rec);
}

/* The session that serves requests over @conn, or NULL. */
static __always_inline struct lr_h2_conn *h2_serving(const struct lr_task *t, struct lr_conn *conn)
{
	struct lr_h2_conn *h2;
	__u64 id = conn->id; /* on the stack: older kernels take keys from few places */

	if (!t->h2_used || conn->class == LR_CONN_SERVER)
		return NULL;
	h2 = bpf_map_lookup_elem(&lr_h2_conns, &id);
	if (!h2 || !h2->serves)
		return NULL;
	conn->h2 = 1;
	return h2;
}

/*
 * Bytes reached the socket. What is received at once may have come over a long time, a window's
 * update first and a request behind it: of a request in there only the last arrival is certain
 * not to be before its own.
 */
static __always_inline void h2_arrived(struct lr_conn *conn, __u64 now)
{
	if (!conn->arrival_ns)
		conn->arrival_ns = now;
	if (conn->h2)
		conn->last_ns = now;
}

/* A receive of @ret bytes: what a session's callbacks will say lies in it. */
__noinline int h2_received(struct lr_conn *conn, __u64 arrival, __s32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	struct h2_told told = {.op = LR_H2_EOF};

	if (!conn || !t)
		return 0;
	told.conn = conn->id;
	if (ret > 0) {
		t->h2_conn = conn->id;
		t->h2_arrival = conn->last_ns ? conn->last_ns : arrival;
		t->h2_counter = 0;
	}
	if (!h2_serving(t, conn))
		return 0;
	if (ret > 0 && t->uid_addr) {
		t->h2_counter = read_u64(t->uid_addr + 2 * sizeof(__u64));
	} else if (!ret) {
		told.now = bpf_ktime_get_ns();
		h2_emit(task, t, &told);
	}
	return 0;
}

/* A send on a connection that carries a session: true. Told if it takes something along. */
__noinline int h2_sent(struct lr_conn *conn, __u64 now, __s32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	struct h2_told told = {.op = LR_H2_SENT, .now = now};
	struct lr_h2_conn *h2;

	if (!conn || !t)
		return false;
	told.conn = conn->id;
	h2 = h2_serving(t, conn);
	if (!h2)
		return false;
	/* Callbacks of what was written may run next. */
	turn_close(task, t, now);
	if (ret <= 0 || !h2->unsent)
		return true;
	h2->unsent = 0;
	told.bytes = ret;
	h2_emit(task, t, &told);
	return true;
}

/* The connection ends. True if it carried a session. */
static __always_inline bool h2_forget(struct lr_conn *conn)
{
	struct lr_h2_conn *h2;
	struct lr_h2_key key;

	if (conn->class == LR_CONN_SERVER)
		return false;
	h2 = bpf_map_lookup_elem(&lr_h2_conns, &conn->id);
	if (!h2)
		return false;
	key = h2->key;
	bpf_map_delete_elem(&lr_h2_sessions, &key);
	bpf_map_delete_elem(&lr_h2_conns, &conn->id);
	return true;
}

#endif

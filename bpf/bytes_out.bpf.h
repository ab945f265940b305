/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends: their head and last bytes, and which stores are active at them. */
#ifndef LOOPRAY_BYTES_OUT_BPF_H
#define LOOPRAY_BYTES_OUT_BPF_H

#include "bytes.bpf.h"
#include "store.bpf.h"

/* The last eight bytes of a vectored send that was taken whole, or 0. */
static __always_inline __u64 bytes_tail(const struct bytes_io *io, __u64 total)
{
	struct bytes_iovec last;
	__u64 tail = 0;

	if (io->ret <= 0)
		return 0;
	if (io->buf) {
		if (io->ret >= 8)
			tail = read_u64(io->buf + io->ret - 8);
		return tail;
	}
	if (!io->iovcnt || total != (__u64)io->ret)
		return 0;
	if (bpf_probe_read_user(&last, sizeof(last),
				(void *)(io->iov + (io->iovcnt - 1) * sizeof(last))))
		return 0;
	if (last.len >= 8)
		return read_u64(last.base + last.len - 8);
	if (last.len == 5 && !bpf_probe_read_user((__u8 *)&tail + 3, 5, (void *)last.base))
		return tail;
	return 0;
}

/* Walk over the parts of a vectored send. */
struct bytes_walk {
	struct lr_ev_data *rec;
	struct bytes_vector *vec;
	__u64 pos;   /* bytes captured */
	__u64 total; /* bytes of the parts so far */
};

/* A callback: the verifier looks at it once, however many parts there may be. */
static long bytes_part(__u32 i, struct bytes_walk *w)
{
	__u64 pos = w->pos, len;
	struct bytes_iovec v;

	if (i >= BYTES_IOVECS)
		return 1;
	v = w->vec->v[i];
	/* Only what follows on without a hole. */
	if (pos < BYTES_OUT && w->total == pos && v.len) {
		len = bytes_clamp(v.len, BYTES_OUT);
		if (bpf_probe_read_user(&w->rec->data[pos], len, (void *)v.base)) {
			w->rec->flags |= LR_DATA_F_FAULT;
			stat_add(LR_STAT_data_fault, 1);
			return 1;
		}
		w->pos = pos + len;
	}
	w->total += v.len;
	return 0;
}

/* A vectored send: its parts one behind the other, up to BYTES_OUT bytes. */
static __noinline void bytes_emit_vector(struct bytes_ctx *c, struct bytes_io *io)
{
	__u32 zero = 0;
	struct bytes_walk w = {
		.rec = bytes_begin(c, LR_EV_OUT, 0),
		.vec = bpf_map_lookup_elem(&lr_vector, &zero),
	};
	__u64 n = bytes_clamp(io->iovcnt, BYTES_IOVECS), tail = 0;

	if (!w.rec || !w.vec)
		return;
	if (!n || bpf_probe_read_user(w.vec->v, n * sizeof(w.vec->v[0]), (void *)io->iov)) {
		w.rec->flags |= LR_DATA_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		n = 0;
	}
	bpf_loop(n, bytes_part, &w, 0);
	if (w.pos > (__u32)c->ret)
		w.pos = (__u32)c->ret;
	else if (w.pos < (__u32)c->ret && io->iovcnt <= BYTES_IOVECS)
		tail = bytes_tail(io, w.total);
	if (tail) {
		*(__u64 *)w.rec->tail = tail;
		w.rec->flags |= LR_DATA_F_TAIL;
	}
	if (w.pos >= 12 && bytes_upgrade(w.rec->data))
		c->conn->class = LR_CONN_OPAQUE;
	bytes_end(w.rec, w.pos);
}

/* Node.js often sends one part with an empty one behind it: that is a plain buffer. */
static __always_inline bool bytes_one_part(struct bytes_io *io)
{
	struct bytes_iovec v;

	if (!io->iovcnt || bpf_probe_read_user(&v, sizeof(v), (void *)io->iov))
		return false;
	if (v.len < (__u64)io->ret)
		return false;
	io->buf = v.base;
	return true;
}

/* A send that begins as a response head does. */
static __always_inline bool bytes_head(struct bytes_io *io)
{
	__u8 b[8] = {};
	__u64 addr = 0;
	__u32 len = 0;

	return bytes_first(io, &addr, &len) && len >= sizeof(b) &&
	       !bpf_probe_read_user(b, sizeof(b), (void *)addr) && bytes_like_response(b) &&
	       b[4] == '/' && b[5] == '1';
}

/*
 * Which stores are active: at response heads, and at what the process sends to others. Where the
 * stores of a process cannot be read, only its heads say so.
 */
static __always_inline void bytes_stores(struct bytes_ctx *c, struct bytes_io *io)
{
	bool server = c->conn->class == LR_CONN_SERVER;
	__u32 tgid = c->task->tgid;
	struct lr_process_config *p;

	if (io->ret <= 0 || c->conn->class == LR_CONN_OPAQUE)
		return;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!p || p->mechanism == LR_MECHANISM_NONE)
		return;
	if (server ? !bytes_head(io) : p->mechanism == LR_MECHANISM_OFF)
		return;
	store_active(c->task, c->t, p, c->conn, c->now);
	if (server)
		birth_answered(c->task, c->conn);
}

static __always_inline void bytes_out(struct bytes_ctx *c, struct bytes_io *io)
{
	struct lr_conn *conn = c->conn;
	__u32 len = io->ret;

	conn->outs++;
	bytes_stores(c, io);
	if (conn->class != LR_CONN_SERVER)
		return;
	c->flags |= bytes_idle(c->task, c->t, &c->idle);
	if (io->ret <= 0)
		bytes_emit(c, LR_EV_OUT, 0, 0, 0, 0, 0);
	else if (!io->buf && !bytes_one_part(io))
		bytes_emit_vector(c, io);
	else
		bytes_emit(c, LR_EV_OUT, BYTES_OUT, io->buf, len, 0,
			   len > BYTES_OUT ? bytes_tail(io, len) : 0);
}

#endif

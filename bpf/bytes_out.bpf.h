/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sends: their head and last bytes, and which stores are active at them. */
#ifndef LOOPRAY_BYTES_OUT_BPF_H
#define LOOPRAY_BYTES_OUT_BPF_H

#include "bytes.bpf.h"
#include "store.bpf.h"

#define BYTES_CALL 512 /* captured of what goes to others */

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

/* "HTTP/1.1 101": after this the connection speaks something else. */
static __always_inline bool bytes_upgrade(const __u8 *b)
{
	return bytes_like_response(b) && b[9] == '1' && b[10] == '0' && b[11] == '1';
}

/* Standard output or error, which is told as such: see lines.bpf.c. */
static __always_inline bool bytes_line(const struct bytes_ctx *c)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(c->task);

	return lr_lines && (regs->di == 1 || regs->di == 2) &&
	       (regs->orig_ax == NR_write || regs->orig_ax == NR_writev);
}

/* The beginning of what goes to another service under a store: as much as is in one piece. */
static __noinline void bytes_call(struct bytes_ctx *c, struct bytes_io *io)
{
	struct lr_ev_write *rec = (void *)bytes_scratch(c);
	__u32 len = 0;
	__u64 addr = 0, n;

	if (!rec)
		return;
	rec->h.ts = c->now;
	rec->h.pid = c->task->tgid;
	rec->h.tid = c->task->pid;
	rec->h.seq = ++c->t->seq;
	rec->h.type = LR_EV_WRITE;
	rec->conn = c->conn->id;
	rec->ret = io->ret;
	rec->op = LR_OP_CLIENT;
	rec->flags = 0;
	rec->pad = 0;
	n = bytes_first(io, &addr, &len) ? bytes_clamp(len, BYTES_CALL) : 0;
	if (!n || bpf_probe_read_user(rec->data, n, (void *)addr)) {
		rec->flags |= LR_WRITE_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		n = 0;
	}
	rec->captured = n;
	rec->h.size = sizeof(*rec) + n;
	emit_copy(rec, sizeof(*rec) + n);
}

/* Which stores are active. */
static __always_inline void bytes_stores(struct bytes_ctx *c, struct bytes_io *io, bool server)
{
	int active;

	/* A uprobe is in no system call: what is written there goes into TLS. */
	if (!server && !c->own && bytes_line(c))
		return;
	active = store_active(c->conn, c->now, c->own);
	if (active < 0)
		return;
	if (server)
		birth_answered(c->task, c->conn);
	else if (active && lr_lines && c->conn->class != LR_CONN_TLS)
		bytes_call(c, io);
}

/* "HTTP/1.": a response head begins. */
static __always_inline bool bytes_is_head(const __u8 *b)
{
	return bytes_like_response(b) && b[4] == '/' && b[5] == '1';
}

static __always_inline void bytes_set_tail(struct lr_ev_data *rec, __u64 tail)
{
	if (!tail)
		return;
	bytes_set_word(rec->tail, tail);
	rec->flags |= LR_DATA_F_TAIL;
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

/* A vectored send: its parts one behind the other, up to BYTES_OUT bytes, *@len in all. */
static __always_inline struct lr_ev_data *bytes_capture_vector(struct bytes_ctx *c,
							       struct bytes_io *io, __u64 *captured)
{
	struct bytes_walk w = {
		.rec = bytes_begin(c, LR_EV_OUT, 0),
		.vec = bytes_vector(c),
	};
	__u64 n = bytes_clamp(io->iovcnt, BYTES_IOVECS), tail = 0;

	*captured = 0;
	if (!w.rec || !w.vec)
		return NULL;
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
	bytes_set_tail(w.rec, tail);
	*captured = w.pos;
	return w.rec;
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

/* A send from one buffer, of which up to BYTES_OUT bytes are captured. */
static __always_inline struct lr_ev_data *bytes_capture_one(struct bytes_ctx *c,
							    struct bytes_io *io, __u64 *captured)
{
	struct lr_ev_data *rec;

	*captured = io->ret > 0 ? (__u32)io->ret : 0;
	rec = bytes_capture(c, LR_EV_OUT, BYTES_OUT, io->buf, captured, 0);
	if (rec && io->ret > BYTES_OUT)
		bytes_set_tail(rec, bytes_tail(io, (__u32)io->ret));
	return rec;
}

/* On its own for the sake of the stack, of which kernel 6.1 has less. */
static __noinline struct lr_ev_data *bytes_capture_out(struct bytes_ctx *c, struct bytes_io *io,
						       __u64 *captured)
{
	if (io->ret > 0 && !io->buf && !bytes_one_part(io))
		return bytes_capture_vector(c, io, captured);
	return bytes_capture_one(c, io, captured);
}

/* A client of TLS says so before it receives anything. */
static __always_inline void bytes_tls_out(struct lr_conn *conn, struct bytes_io *io)
{
	__u8 b[4] = {};
	__u64 addr = 0;
	__u32 len = 0;

	if ((conn->class == LR_CONN_NEW || conn->client) && conn->outs == 1 &&
	    io->ret >= (__s32)sizeof(b) && bytes_first(io, &addr, &len) && len >= sizeof(b) &&
	    !bpf_probe_read_user(b, sizeof(b), (void *)addr))
		bytes_tls(conn, b);
}

static __always_inline void bytes_out(struct bytes_ctx *c, struct bytes_io *io)
{
	bool server = c->conn->class == LR_CONN_SERVER;
	bool stores = io->ret > 0;
	struct lr_ev_data *rec = NULL;
	__u64 captured = 0;

	c->conn->outs++;
	/* The stores at such a send say nothing: many streams share it. */
	if (!c->own && h2_sent(c->conn, c->now, io->ret))
		return;
	bytes_tls_out(c->conn, io);
	/* Of a TLS client the send says when a call begins; its plaintext has no time on the wire.
	 */
	stores &= c->conn->class < LR_CONN_OPAQUE ||
		  (c->conn->class == LR_CONN_TLS && c->conn->client);
	if (server || (c->conn->class == LR_CONN_TLS && io->ret <= 0)) {
		c->flags |= idle_read(c->task, c->t, &c->idle);
		rec = bytes_capture_out(c, io, &captured);
		if (!rec)
			return;
		stores = captured >= 12 && bytes_is_head(rec->data);
	}
	if (stores)
		bytes_stores(c, io, server);
	if (!server && c->conn->client)
		client_send(c->conn, io, c->now);
	if (!rec)
		return;
	if (captured >= 12 && bytes_upgrade(rec->data))
		c->conn->class = LR_CONN_OPAQUE;
	bytes_end(c, rec, captured);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes in and out of a connection: what the socket tracepoints and the system call path
 * share. Per operation one record with the bytes that HTTP framing needs: of a receive up to
 * LR_DATA_MAX bytes (all of it, in parts, when it begins with a request line, since it may
 * hold pipelined requests), of a send its head and its last bytes.
 */
#ifndef LOOPRAY_BYTES_BPF_H
#define LOOPRAY_BYTES_BPF_H

#include "emit.bpf.h"
#include "filter.bpf.h"
#include "runtime.bpf.h"

/* Record sizes. A reserve needs a constant, and a small one touches fewer cache lines. */
#define BYTES_SMALL  176
#define BYTES_MEDIUM 432
#define BYTES_LARGE  2048
#define BYTES_PARTS  15 /* further records of one receive: 64 kB, libuv's read size */
#define BYTES_IOVECS 16

/* System calls that move bytes on a socket (x86-64). */
enum {
	NR_read = 0,
	NR_write = 1,
	NR_readv = 19,
	NR_writev = 20,
	NR_sendto = 44,
	NR_recvfrom = 45,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
};

/* Where the bytes of one operation lie in user memory. */
struct bytes_io {
	__u64 buf; /* single buffer, 0 if vectored */
	__u64 iov; /* struct iovec array */
	__u32 iovcnt;
	__s32 ret;
};

/* User iovec: an ABI, two words. */
struct bytes_iovec {
	__u64 base;
	__u64 len;
};

/* Fills buf or iov from the registers of the system call the task is in. */
static __always_inline bool bytes_locate(struct pt_regs *regs, struct bytes_io *io)
{
	struct user_msghdr_abi msg;

	io->buf = 0;
	io->iov = 0;
	io->iovcnt = 0;
	switch (regs->orig_ax) {
	case NR_read:
	case NR_write:
	case NR_sendto:
	case NR_recvfrom:
		io->buf = regs->si;
		return true;
	case NR_readv:
	case NR_writev:
		io->iov = regs->si;
		io->iovcnt = regs->dx;
		return true;
	case NR_sendmsg:
	case NR_recvmsg:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)regs->si))
			return false;
		io->iov = msg.iov;
		io->iovcnt = msg.iovlen;
		return true;
	}
	return false;
}

/* Reduces a vectored operation whose first part holds what is needed to a single buffer. */
static __always_inline bool bytes_first(struct bytes_io *io, __u64 *addr, __u32 *len)
{
	struct bytes_iovec v;

	*addr = io->buf;
	*len = io->ret;
	if (io->buf)
		return true;
	if (!io->iovcnt || bpf_probe_read_user(&v, sizeof(v), (void *)io->iov))
		return false;
	*addr = v.base;
	if (v.len < *len)
		*len = v.len;
	return true;
}

/* True for four bytes such as "GET ", "POST", "M-SE": how every HTTP/1 method begins. */
static __always_inline bool bytes_like_method(const __u8 *b)
{
	bool upper = b[0] >= 'A' && b[0] <= 'Z' && ((b[1] >= 'A' && b[1] <= 'Z') || b[1] == '-');

	return upper && ((b[2] >= 'A' && b[2] <= 'Z')) &&
	       ((b[3] >= 'A' && b[3] <= 'Z') || b[3] == ' ');
}

/* "HTTP": a response. On a receive it says that this process is the client. */
static __always_inline bool bytes_like_response(const __u8 *b)
{
	return b[0] == 'H' && b[1] == 'T' && b[2] == 'T' && b[3] == 'P';
}

/* Reads the loop's idle time if the thread slept since its last record. */
static __always_inline __u32 bytes_idle(struct task_struct *task, struct lr_task *t, __u64 *idle)
{
	__u32 nvcsw = task->nvcsw;
	__u32 flags = 0;

	if (nvcsw != t->nvcsw || !t->idle_ns) {
		if (nvcsw != t->nvcsw)
			flags |= LR_DATA_F_SLEPT;
		t->nvcsw = nvcsw;
		if (!t->env)
			runtime_find_env(task, t);
		if (t->idle_addr) {
			__u64 v;

			if (bpf_probe_read_user(&v, sizeof(v), (void *)t->idle_addr)) {
				stat_add(LR_STAT_runtime_fault, 1);
				t->idle_addr = 0;
				t->idle_ns = 0;
			} else {
				t->idle_ns = v;
			}
		}
	}
	*idle = t->idle_ns;
	return t->idle_addr ? flags | LR_DATA_F_IDLE : flags;
}

struct bytes_ctx {
	struct task_struct *task;
	struct lr_task *t;
	struct lr_conn *conn;
	__u64 arrival;
	__u64 idle;
	__u32 flags;
	__s32 ret;
};

static __always_inline void bytes_fill(struct lr_ev_data *rec, const struct bytes_ctx *c,
				       __u32 offset)
{
	rec->conn = c->conn->id;
	rec->arrival_ns = c->arrival;
	rec->idle_ns = c->idle;
	rec->cpu_ns = c->task->se.sum_exec_runtime;
	rec->ret = c->ret;
	rec->offset = offset;
	rec->captured = 0;
	rec->flags = c->flags;
	*(__u64 *)rec->tail = 0;
}

static __always_inline void bytes_read(struct lr_ev_data *rec, __u64 len, __u64 addr)
{
	if (bpf_probe_read_user(rec->data, len, (void *)addr)) {
		rec->flags |= LR_DATA_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		return;
	}
	rec->captured = len;
	rec->h.size = sizeof(*rec) + len;
}

/* "HTTP/1.1 101": after this the connection speaks something else. */
static __always_inline bool bytes_upgrade(const struct lr_ev_data *rec)
{
	return rec->captured >= 12 && bytes_like_response(rec->data) && rec->data[9] == '1' &&
	       rec->data[10] == '0' && rec->data[11] == '1';
}

/*
 * @n, at most @cap, in a form that the verifier can follow: the compiler must not know what it
 * already proved about n, or it leaves the comparison out.
 */
#define bytes_clamp(n, cap)                    \
	({                                     \
		__u64 _v = (n);                \
		asm volatile("" : "+r"(_v));   \
		_v > (cap) ? (__u64)(cap) : _v; \
	})

/* One record of a fixed capacity; @len at most that. */
#define bytes_emit(c, event, cap, addr, length, off, tail8)                             \
	({                                                                              \
		struct lr_ev_data *_r = emit_reserve(lr_ev_data,                        \
						     sizeof(struct lr_ev_data) + (cap), \
						     (c)->task, (c)->t, event);         \
		if (_r) {                                                               \
			__u64 _n = bytes_clamp(length, cap);                            \
			bytes_fill(_r, c, off);                                         \
			if (tail8) {                                                    \
				*(__u64 *)_r->tail = (tail8);                           \
				_r->flags |= LR_DATA_F_TAIL;                            \
			}                                                               \
			if (_n)                                                         \
				bytes_read(_r, _n, addr);                               \
			if ((event) == LR_EV_OUT && bytes_upgrade(_r))                           \
				(c)->conn->class = LR_CONN_OPAQUE;                              \
			emit_commit(_r);                                                \
		}                                                                       \
	})

static __noinline void bytes_emit_large(struct bytes_ctx *c, __u64 addr, __u32 len, __u32 off)
{
	bytes_emit(c, LR_EV_IN, LR_DATA_MAX, addr, len, off, 0ULL);
}

static __always_inline void bytes_emit_in(struct bytes_ctx *c, __u64 addr, __u32 len, bool request)
{
	if (len <= BYTES_SMALL) {
		bytes_emit(c, LR_EV_IN, BYTES_SMALL, addr, len, 0, 0ULL);
		return;
	}
	if (len <= BYTES_MEDIUM) {
		bytes_emit(c, LR_EV_IN, BYTES_MEDIUM, addr, len, 0, 0ULL);
		return;
	}
	bytes_emit_large(c, addr, len, 0);
	if (!request)
		return;
	for (__u32 i = 1; i <= BYTES_PARTS; i++) {
		__u32 off = i * LR_DATA_MAX;

		if (off >= len)
			break;
		bytes_emit_large(c, addr + off, len - off, off);
	}
}

/*
 * Decides what a connection speaks from what it receives; true if it is to be reported. Only a
 * server receives a request line, so one that was taken for something else is looked at again.
 */
static __always_inline bool bytes_classify_in(struct lr_conn *conn, __u64 addr, __u32 len,
					      bool *request)
{
	__u8 b[4] = { 'G', 'E', 'T', ' ' };
	__u32 n = len < sizeof(b) ? 1 : sizeof(b);

	if (conn->class == LR_CONN_OPAQUE)
		return false;
	/* A known server connection reports all; looking is needed only for a long receive. */
	if (conn->class == LR_CONN_SERVER && len <= LR_DATA_MAX) {
		*request = false;
		return true;
	}
	/* A head may come in byte by byte: then its first letter has to do. */
	if (bpf_probe_read_user(b, n == 1 ? 1 : sizeof(b), (void *)addr))
		return conn->class == LR_CONN_SERVER;
	*request = bytes_like_method(b) && !bytes_like_response(b);
	if (*request && (n != 1 || conn->class == LR_CONN_NEW))
		conn->class = LR_CONN_SERVER;
	else if (conn->class == LR_CONN_NEW)
		conn->class = LR_CONN_OTHER;
	return conn->class == LR_CONN_SERVER;
}

static __always_inline void bytes_in(struct bytes_ctx *c, struct bytes_io *io)
{
	struct lr_conn *conn = c->conn;
	bool request = false;
	__u64 addr = 0;
	__u32 len = 0;

	conn->ins++;
	if (io->ret <= 0) {
		if (conn->class != LR_CONN_SERVER)
			return;
		c->flags |= bytes_idle(c->task, c->t, &c->idle);
		bytes_emit(c, LR_EV_IN, 0, 0ULL, 0, 0, 0ULL);
		return;
	}
	if (!bytes_first(io, &addr, &len)) {
		stat_add(LR_STAT_data_fault, 1);
		return;
	}
	if (!bytes_classify_in(conn, addr, len, &request))
		return;
	c->flags |= bytes_idle(c->task, c->t, &c->idle);
	c->t->conn = conn->id;
	c->t->conn_in = conn->ins;
	bytes_emit_in(c, addr, len, request);
}

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

/*
 * A vectored send: its parts one behind the other, up to @cap bytes of the first BYTES_IOVECS
 * parts. The buffer is twice that, so that both the position and the length
 * of a part can be bounded on their own, which is what the verifier can follow.
 */
static __always_inline void bytes_emit_vector(struct bytes_ctx *c, struct bytes_io *io,
					      const __u32 cap)
{
	struct bytes_iovec v[BYTES_IOVECS];
	struct lr_ev_data *rec;
	__u32 n = io->iovcnt, pos = 0;
	__u64 total = 0;

	if (n > BYTES_IOVECS)
		n = BYTES_IOVECS;
	rec = emit_reserve(lr_ev_data, sizeof(*rec) + 2 * cap, c->task, c->t, LR_EV_OUT);
	if (!rec)
		return;
	bytes_fill(rec, c, 0);
	if (!n || bpf_probe_read_user(v, n * sizeof(v[0]), (void *)io->iov)) {
		rec->flags |= LR_DATA_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		emit_commit(rec);
		return;
	}
	for (__u32 i = 0; i < BYTES_IOVECS; i++) {
		__u32 len;

		if (i >= n)
			break;
		total += v[i].len;
		if (pos >= cap || total - v[i].len != pos)
			continue;
		len = bytes_clamp(v[i].len, cap);
		if (!len)
			continue;
		if (bpf_probe_read_user(&rec->data[pos], len, (void *)v[i].base)) {
			rec->flags |= LR_DATA_F_FAULT;
			stat_add(LR_STAT_data_fault, 1);
			break;
		}
		pos += len;
	}
	if (pos > (__u32)c->ret)
		pos = c->ret;
	rec->captured = pos;
	rec->h.size = sizeof(*rec) + pos;
	if (pos < (__u32)c->ret && io->iovcnt <= BYTES_IOVECS) {
		__u64 tail = bytes_tail(io, total);

		if (tail) {
			*(__u64 *)rec->tail = tail;
			rec->flags |= LR_DATA_F_TAIL;
		}
	}
	emit_commit(rec);
}

static __noinline void bytes_emit_vector_small(struct bytes_ctx *c, struct bytes_io *io)
{
	bytes_emit_vector(c, io, BYTES_MEDIUM);
}

static __noinline void bytes_emit_vector_large(struct bytes_ctx *c, struct bytes_io *io)
{
	bytes_emit_vector(c, io, BYTES_LARGE);
}

static __always_inline void bytes_out(struct bytes_ctx *c, struct bytes_io *io)
{
	struct lr_conn *conn = c->conn;
	__u32 len = io->ret;

	conn->outs++;
	if (conn->class != LR_CONN_SERVER)
		return;
	c->flags |= bytes_idle(c->task, c->t, &c->idle);
	if (io->ret <= 0)
		bytes_emit(c, LR_EV_OUT, 0, 0ULL, 0, 0, 0ULL);
	else if (!io->buf && len <= BYTES_MEDIUM)
		bytes_emit_vector_small(c, io);
	else if (!io->buf)
		bytes_emit_vector_large(c, io);
	else if (len <= BYTES_SMALL)
		bytes_emit(c, LR_EV_OUT, BYTES_SMALL, io->buf, len, 0, 0ULL);
	else if (len <= BYTES_MEDIUM)
		bytes_emit(c, LR_EV_OUT, BYTES_MEDIUM, io->buf, len, 0, 0ULL);
	else
		bytes_emit(c, LR_EV_OUT, BYTES_LARGE, io->buf, len, 0,
			   len > BYTES_LARGE ? bytes_tail(io, len) : 0ULL);
}

#endif

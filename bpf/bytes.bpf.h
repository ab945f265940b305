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
#include "birth.bpf.h"
#include "h2_conn.bpf.h"

#define BYTES_OUT    2048 /* captured of a send: its head */
#define BYTES_PARTS  15	  /* further records of one receive: 64 kB, libuv's read size */
#define BYTES_IOVECS 128

/* RFC 8446, 5.1 and 5.2: types of records, and what one holds at most. */
#define TLS_HANDSHAKE  0x16
#define TLS_DATA       0x17
#define TLS_RECORD_MAX (16384 + 2048)

/*
 * Records are put together here and copied into the ring at their exact size: a reserve needs a
 * constant size, and every cache line of the ring that a record touches is a cold one. Only
 * tracepoint programs use it; those run with preemption off, once at a time per CPU. The data
 * part is twice as long as what is captured, so that both the position and the length of a
 * part can be bounded on their own, which is what the verifier can follow.
 */
struct bytes_scratch {
	__u64 words[(sizeof(struct lr_ev_data) + 2UL * LR_DATA_MAX) / sizeof(__u64)];
};

/* User iovec: an ABI, two words. */
struct bytes_iovec {
	__u64 base;
	__u64 len;
};

struct bytes_vector {
	struct bytes_iovec v[BYTES_IOVECS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bytes_scratch);
} lr_bytes SEC(".maps");

/* The parts of a vectored send: too many for the stack. Used as lr_bytes is. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bytes_vector);
} lr_vector SEC(".maps");

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

/*
 * @n, at most @cap, in a form that the verifier can follow: the compiler must not know what it
 * already proved about n, or it leaves the comparison out.
 */
#define bytes_clamp(n, cap)                     \
	({                                      \
		__u64 _v = (n);                 \
		asm volatile("" : "+r"(_v));    \
		_v > (cap) ? (__u64)(cap) : _v; \
	})

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

struct bytes_ctx {
	__u64 now;
	struct task_struct *task;
	struct lr_task *t;
	struct lr_conn *conn;
	__u64 arrival;
	__u64 idle;
	__u64 top;
	__u64 counter;
	__u16 flags; /* LR_DATA_F_*; in 6.1 the stack has no room for more */
	__u16 own;   /* records are put together in the thread's own memory: lr_plain_scratch */
	__s32 ret;
};

/* As a word, which the compiler would not make of an array of bytes. */
static __always_inline void bytes_set_word(void *at, __u64 v)
{
	*(__u64 *)at = v;
}

_Static_assert(sizeof(struct bytes_scratch) <= sizeof(((struct lr_plain_scratch *)0)->bytes),
	       "struct lr_plain_scratch has too little room for a record");
_Static_assert(sizeof(struct bytes_vector) <= sizeof(((struct lr_plain_scratch *)0)->vector),
	       "struct lr_plain_scratch has too little room for a vector");

static __always_inline struct lr_plain_scratch *plain_scratch(struct task_struct *task)
{
	return bpf_task_storage_get(&lr_plain_scratch, task, NULL, 0);
}

static __always_inline struct lr_ev_data *bytes_scratch(const struct bytes_ctx *c)
{
	struct lr_plain_scratch *own;
	__u32 zero = 0;

	if (!c->own)
		return bpf_map_lookup_elem(&lr_bytes, &zero);
	own = plain_scratch(c->task);
	return own ? (struct lr_ev_data *)own->bytes : NULL;
}

static __always_inline struct bytes_vector *bytes_vector(const struct bytes_ctx *c)
{
	struct lr_plain_scratch *own;
	__u32 zero = 0;

	if (!c->own)
		return bpf_map_lookup_elem(&lr_vector, &zero);
	own = plain_scratch(c->task);
	return own ? (struct bytes_vector *)own->vector : NULL;
}

static __always_inline struct lr_ev_data *bytes_begin(const struct bytes_ctx *c, __u16 event,
						      __u32 offset)
{
	struct lr_ev_data *rec = bytes_scratch(c);

	if (!rec)
		return NULL;
	rec->h.ts = c->now;
	rec->h.pid = c->task->tgid;
	rec->h.tid = c->task->pid;
	rec->h.type = event;
	rec->conn = c->conn->id;
	rec->arrival_ns = c->arrival;
	rec->clock.idle_ns = c->idle;
	clock_cpu(c->task, c->t, &rec->clock);
	rec->ret = c->ret;
	rec->offset = offset;
	rec->captured = 0;
	rec->flags = c->flags;
	rec->epoch = c->top ? c->t->epoch : 0;
	rec->pad = 0;
	rec->top = c->top;
	rec->counter = c->counter;
	bytes_set_word(rec->tail, 0);
	return rec;
}

/* Its place in the thread's sequence is here: what is told of it goes before. */
static __always_inline void bytes_end(const struct bytes_ctx *c, struct lr_ev_data *rec,
				      __u64 captured)
{
	captured = bytes_clamp(captured, LR_DATA_MAX);
	rec->captured = captured;
	rec->h.seq = ++c->t->seq;
	rec->h.size = sizeof(*rec) + captured;
	emit_copy(rec, sizeof(*rec) + captured);
}

/* A record with up to @cap of the *@len bytes at @addr, of which *@len become what it has. */
static __always_inline struct lr_ev_data *bytes_capture(struct bytes_ctx *c, __u16 event, __u64 cap,
							__u64 addr, __u64 *len, __u32 offset)
{
	struct lr_ev_data *rec = bytes_begin(c, event, offset);
	__u64 n = bytes_clamp(*len, cap);

	*len = 0;
	if (!rec || !n)
		return rec;
	if (bpf_probe_read_user(rec->data, n, (void *)addr)) {
		rec->flags |= LR_DATA_F_FAULT;
		stat_add(LR_STAT_data_fault, 1);
		return rec;
	}
	*len = n;
	return rec;
}

static __always_inline void bytes_emit_part(struct bytes_ctx *c, __u64 addr, __u64 len,
					    __u32 offset)
{
	struct lr_ev_data *rec = bytes_capture(c, LR_EV_IN, LR_DATA_MAX, addr, &len, offset);

	if (rec)
		bytes_end(c, rec, len);
}

/* What a long receive holds behind its first record. */
struct bytes_parts {
	struct bytes_ctx *c;
	__u64 addr;
	__u32 len;
};

/* A callback: see bytes_part. */
static long bytes_further(__u32 i, struct bytes_parts *p)
{
	__u32 off = (i + 1) * LR_DATA_MAX;

	if (off >= p->len)
		return 1;
	bytes_emit_part(p->c, p->addr + off, p->len - off, off);
	return 0;
}

static __always_inline void bytes_emit_in(struct bytes_ctx *c, __u64 addr, __u32 len, bool request)
{
	struct bytes_parts parts = {.c = c, .addr = addr, .len = len};

	bytes_emit_part(c, addr, len, 0);
	if (request && len > LR_DATA_MAX)
		bpf_loop(BYTES_PARTS, bytes_further, &parts, 0);
}

/*
 * Ways into a server that are not framed here; where nothing else follows them they are counted, so
 * that the report can say so. Node.js may have sent its own settings before HTTP/2's preface comes.
 */
static __always_inline bool bytes_not_followed(struct lr_conn *conn, const __u8 *b)
{
	if (b[0] == 'P' && b[1] == 'R' && b[2] == 'I' && b[3] == ' ')
		h2_preface();
	else if (!conn->outs && b[0] == TLS_HANDSHAKE && b[1] == 3)
		stat_add(LR_STAT_tls_connections, 1);
	else
		return false;
	conn->class = LR_CONN_OPAQUE;
	return true;
}

/* How each record of TLS begins: its type, version 3.x, a length that a record may have. */
static __always_inline bool bytes_like_tls(const __u8 *b, __u8 type)
{
	return b[0] == type && b[1] == 3 && b[2] <= 3 && b[3] <= (TLS_RECORD_MAX >> 8);
}

/*
 * A handshake, or data on a connection that is met in the middle of it, if that can be followed:
 * this socket is looked at no more, what it says is seen elsewhere.
 */
static __always_inline bool bytes_tls(struct lr_conn *conn, const __u8 *b)
{
	__u32 tgid = conn->tgid;
	struct lr_process_config *p;

	if (conn->class == LR_CONN_SERVER || conn->layer != LR_LAYER_SOCKET ||
	    !(bytes_like_tls(b, TLS_HANDSHAKE) ||
	      (conn->class == LR_CONN_NEW && bytes_like_tls(b, TLS_DATA))))
		return false;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!p || !p->tls.followed)
		return false;
	conn->class = LR_CONN_TLS;
	return true;
}

/*
 * Decides what a connection speaks from what it receives; true if it is to be reported. Only a
 * server receives a request line, so one that was taken for something else is looked at again.
 */
static __always_inline bool bytes_classify_in(struct lr_conn *conn, __u64 addr, __u32 len,
					      bool *request)
{
	__u8 b[4] = {'G', 'E', 'T', ' '};
	__u32 n = len < sizeof(b) ? 1 : sizeof(b);

	if (conn->class >= LR_CONN_OPAQUE)
		return false;
	/* A known server connection reports all; looking is needed only for a long receive. */
	if (conn->class == LR_CONN_SERVER && len <= LR_DATA_MAX) {
		*request = false;
		return true;
	}
	/* A head may come in byte by byte: then its first letter has to do. */
	if (bpf_probe_read_user(b, n == 1 ? 1 : sizeof(b), (void *)addr))
		return conn->class == LR_CONN_SERVER;
	if (n != 1 && bytes_tls(conn, b))
		return false;
	if (conn->class == LR_CONN_NEW && bytes_not_followed(conn, b))
		return false;
	*request = bytes_like_method(b) && !bytes_like_response(b);
	if (*request && (n != 1 || conn->class == LR_CONN_NEW))
		conn->class = LR_CONN_SERVER;
	else if (conn->class == LR_CONN_NEW)
		conn->class = LR_CONN_OTHER;
	return conn->class == LR_CONN_SERVER;
}

/* A receive begins a turn of the loop: of a server connection, or of something else. */
static __always_inline void bytes_turn(struct bytes_ctx *c)
{
	__u32 tgid = c->task->tgid;
	struct lr_process_config *p;

	if (c->conn->class != LR_CONN_SERVER) {
		turn_close(c->task, c->t, c->now);
		return;
	}
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!turn_wanted(p))
		return;
	runtime_env(c->task, c->t);
	if (!turn_in_use(p, c->t))
		return;
	tenured_look(c->task, c->t, &p->heap, c->t->turn_open);
	c->top = turn_top(&p->heap, c->t);
	if (c->t->uid_addr)
		c->counter = read_u64(c->t->uid_addr +
				      2 * sizeof(__u64)); /* {execution, trigger, counter} */
	c->t->turn_open = 1;
	birth_begin(c->task, c->t, c->conn, c->top);
}

/* It needs all of the above, and what follows needs it. */
#include "client.bpf.h"

static __always_inline void bytes_in(struct bytes_ctx *c, struct bytes_io *io)
{
	struct lr_conn *conn = c->conn;
	bool request = false, reported;
	__u64 addr = 0;
	__u32 len = 0;

	conn->ins++;
	c->t->work = 0;
	/* Of TLS the socket says it. */
	if (!c->own)
		h2_received(conn, c->arrival, io->ret);
	if (io->ret <= 0) {
		bytes_turn(c);
		if (conn->client)
			client_receive(conn, io, c->now, c->arrival);
		if (conn->class != LR_CONN_SERVER && conn->class != LR_CONN_TLS)
			return;
		c->flags |= idle_read(c->task, c->t, &c->idle);
		bytes_emit_part(c, 0, 0, 0);
		return;
	}
	if (!bytes_first(io, &addr, &len)) {
		stat_add(LR_STAT_data_fault, 1);
		return;
	}
	reported = !client_certain(conn) && bytes_classify_in(conn, addr, len, &request);
	bytes_turn(c);
	if (!reported) {
		if (conn->client)
			client_receive(conn, io, c->now, c->arrival);
		return;
	}
	conn->client = LR_CLIENT_NOT;
	c->t->work = conn->id;
	c->t->work_nvcsw = c->task->nvcsw;
	c->flags |= idle_read(c->task, c->t, &c->idle);
	c->t->work_idle = c->t->idle_ns;
	c->t->conn = conn->id;
	c->t->conn_in = conn->ins;
	bytes_emit_in(c, addr, len, request);
}

#endif

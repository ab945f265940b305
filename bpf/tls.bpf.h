/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is said inside of TLS, where Node.js has it in the clear: behind the SSL_read of
 * TLSWrap::ClearOut, and at the entry of TLSWrap::DoWrite, while the JavaScript that writes is on
 * the stack. All of Node.js' TLS passes these two, whichever library does the cryptography.
 *
 * ClearIn writes again what DoWrite could not yet write, so it is not looked at.
 *
 * Which connection a TLSWrap belongs to is not guessed from what happened before, but read: the
 * wrap is the listener of its stream, and the stream of a socket has a uv_stream_t with the
 * descriptor, which names the socket. The kernel's side has told of that socket when it saw TLS on
 * it. What does not come out so (TLS over a stream made in JavaScript) is not followed, and
 * counted.
 */
#ifndef LOOPRAY_TLS_BPF_H
#define LOOPRAY_TLS_BPF_H

#include "bytes_out.bpf.h"
#include "sock.bpf.h"
#include "registers.bpf.h"

#define TLS_READ_MAX  16384 /* kClearOutChunkSize of src/crypto/crypto_tls.cc */
#define TLS_BUFS_MAX  4096  /* parts of a write whose lengths are added up */
#define STREAM_WORDS  13    /* looked at for the uv_stream_t, behind the vtable and the listener */
#define STREAM_BEFORE 512   /* a stream lies at most this far behind its object's beginning */

/* uv_handle_t and uv_stream_t: libuv's ABI does not change within version 1 (uv.h, uv/unix.h). */
#define UV_TCP	       12
#define UV_STREAM_TYPE 0x10
#define UV_STREAM_FD   0xb8

/* TLS records go to socket @key: tells when they do, as long as a response is in them. */
static __always_inline void tls_sent(struct bytes_ctx *c, __u64 key)
{
	struct lr_conn *plain = c->ret > 0 ? bpf_map_lookup_elem(&lr_tls_conns, &key) : NULL;
	struct lr_ev_data *rec;
	__u64 sent = c->ret;

	if (!plain || !plain->owed)
		return;
	/* Records are longer than what is in them: when that many bytes are gone, it is too. */
	plain->owed -= sent < plain->owed ? sent : plain->owed;
	c->flags |= LR_DATA_F_TLS | LR_DATA_F_SENT | idle_read(c->task, c->t, &c->idle);
	rec = bytes_begin(c, LR_EV_OUT, 0);
	if (rec)
		bytes_end(c, rec, 0);
}

/* Raw socket @sk carries TLS: keeps what is said inside of it, and when it was last received. */
static __noinline void tls_socket(struct bytes_ctx *c, const struct sock *sk, bool out)
{
	struct lr_conn plain = {
		.id = c->conn->id,
		.tgid = c->conn->tgid,
		.opened = c->conn->opened,
		.layer = LR_LAYER_PLAIN,
	};
	__u64 key = (__u64)sk;

	if (c->conn->layer == LR_LAYER_SOCKET) {
		__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

		c->conn->layer = LR_LAYER_RECORDS;
		/* Nothing tells of the end of a unix socket: its address may become another's. */
		if (family == AF_UNIX)
			stat_add(LR_STAT_tls_connections, 1);
		else if (bpf_map_update_elem(&lr_tls_conns, &key, &plain, BPF_ANY))
			stat_add(LR_STAT_conn_full, 1);
	}
	if (out) {
		tls_sent(c, key);
	} else if (c->ret > 0) {
		c->t->tls_conn = c->conn->id;
		c->t->tls_arrival = c->arrival;
	}
}

/* The end of socket @key; what is still said is looked up anew, since its number may be reused. */
static __always_inline void tls_closed(__u64 key, int state)
{
	struct lr_conn *plain = bpf_map_lookup_elem(&lr_tls_conns, &key);

	if (plain)
		plain->closed = 1;
	if (plain && state == TCP_CLOSE)
		bpf_map_delete_elem(&lr_tls_conns, &key);
}

/* Is @u the uv_stream_t of a socket that belongs to the object of which @stream is a part? */
static __always_inline bool tls_is_uv_stream(__u64 u, __u64 stream, __s32 *fd)
{
	__u64 head[3]; /* data, loop, type */

	if (!u || u & 7 || bpf_probe_read_user(head, sizeof(head), (void *)u) ||
	    (__u32)head[2] != UV_TCP || stream - head[0] >= STREAM_BEFORE)
		return false;
	return !bpf_probe_read_user(fd, sizeof(*fd), (void *)(u + UV_STREAM_FD)) && *fd >= 0;
}

/* The socket under the stream that @listener listens to, 0 if it is none. */
static __noinline __u64 tls_sock(struct task_struct *task, __u64 listener, __u64 stream)
{
	__u64 word[2 + STREAM_WORDS];
	__u32 inode;
	__s32 fd;

	/* StreamResource {vtable, listener_}: both point at each other (stream_base.h). */
	if (!stream || bpf_probe_read_user(word, sizeof(word), (void *)stream) ||
	    word[1] != listener)
		return 0;
	for (__u32 i = 2; i < 2 + STREAM_WORDS; i++)
		if (tls_is_uv_stream(word[i], stream, &fd))
			return (__u64)fd_to_sock(task, fd, &inode);
	return 0;
}

/* What is said inside of the connection of TLSWrap @wrap, NULL: not known. */
static __noinline struct lr_conn *tls_find(struct task_struct *task,
					   const struct lr_process_config *p, __u64 wrap)
{
	struct lr_tls_wrap_key key = {.wrap = wrap, .tgid = task->tgid};
	__u64 listener = wrap + p->tls.listener;
	struct lr_tls_wrap found = {.stream = read_u64(listener + 8)};
	struct lr_tls_wrap *known = bpf_map_lookup_elem(&lr_tls_wraps, &key);
	struct lr_conn *plain = NULL;

	if (known && known->sk && known->stream == found.stream) {
		plain = bpf_map_lookup_elem(&lr_tls_conns, &known->sk);
		if (plain && plain->id == known->conn && !plain->closed)
			return plain;
	}
	found.sk = tls_sock(task, listener, found.stream);
	if (found.sk)
		plain = bpf_map_lookup_elem(&lr_tls_conns, &found.sk);
	else
		plain = NULL;
	if (plain)
		found.conn = plain->id;
	else
		found.sk = 0;
	if (known && known->stream == found.stream && known->sk == found.sk &&
	    known->conn == found.conn)
		return plain;
	if (!plain)
		stat_add(LR_STAT_tls_connections, 1);
	bpf_map_update_elem(&lr_tls_wraps, &key, &found, BPF_ANY);
	return plain;
}

/* The observed process whose plaintext is followed, or NULL. */
static __always_inline struct lr_process_config *tls_process(__u32 tgid)
{
	struct lr_process_config *p;

	if (!filter_tgid(tgid))
		return NULL;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	return p && p->tls.followed ? p : NULL;
}

/* What is said inside of the connection of @wrap, with all that is needed to tell of it; or NULL.
 */
static __noinline struct lr_conn *tls_enter(struct task_struct *task, __u32 probe, __u64 wrap)
{
	struct lr_process_config *p = tls_process(task->tgid);

	if (!p)
		return NULL;
	probe_hit(probe);
	if (!task_context(task) ||
	    !bpf_task_storage_get(&lr_plain_scratch, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return NULL;
	return tls_find(task, p, wrap);
}

static __always_inline bool tls_begin(struct bytes_ctx *c, struct task_struct *task,
				      struct lr_conn *plain, __s32 ret)
{
	c->t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	if (!c->t)
		return false;
	c->now = bpf_ktime_get_ns();
	clock_mark(task, c->t);
	c->task = task;
	c->conn = plain;
	c->ret = ret;
	c->own = 1;
	c->flags = LR_DATA_F_TLS;
	if (!plain->ins && !plain->outs)
		c->flags |= LR_DATA_F_FIRST;
	return true;
}

SEC("uprobe")
int lr_tls_read(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_process_config *p = tls_process(task->tgid);
	struct bytes_io io = {};
	struct bytes_ctx c = {};
	struct lr_conn *plain;

	io.ret = p ? (__s32)saved_register(ctx, p->tls.length) : 0;
	if (!p || io.ret <= 0)
		return 0;
	io.buf = saved_register(ctx, p->tls.base) + p->tls.disp;
	if (p->tls.indirect)
		io.buf = read_u64(io.buf);
	if (io.ret > TLS_READ_MAX || !io.buf) {
		stat_add(LR_STAT_unlocated, 1);
		return 0;
	}
	plain = tls_enter(task, LR_PROBE_tls_read, saved_register(ctx, p->tls.wrap));
	if (!plain || !tls_begin(&c, task, plain, io.ret))
		return 0;
	if (c.t->tls_conn == plain->id)
		c.arrival = c.t->tls_arrival;
	bytes_in(&c, &io);
	return 0;
}

struct tls_sum {
	__u64 bufs;
	__u64 total;
};

/* A callback: adds up the lengths of uv_buf_t, which is laid out as an iovec (uv/unix.h). */
static long tls_add(__u32 i, struct tls_sum *s)
{
	__u64 len = 0;

	if (bpf_probe_read_user(&len, sizeof(len), (void *)(s->bufs + 16UL * i + 8))) {
		stat_add(LR_STAT_data_fault, 1);
		return 1;
	}
	s->total += len;
	return 0;
}

/* How many bytes the @count parts at @bufs hold, 0: none, or it could not be told. */
static __noinline __u32 tls_total(__u64 bufs, __u64 count)
{
	struct tls_sum sum = {.bufs = bufs};

	bpf_loop(count < TLS_BUFS_MAX ? count : TLS_BUFS_MAX, tls_add, &sum, 0);
	if (count <= TLS_BUFS_MAX && !(sum.total >> 31))
		return sum.total;
	stat_add(LR_STAT_unlocated, 1);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_tls_write, __u64 wrap, __u64 request, __u64 bufs, __u64 count)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bytes_ctx c = {};
	struct lr_conn *plain;
	__u32 total;

	plain = tls_enter(task, LR_PROBE_tls_write, wrap);
	total = plain ? tls_total(bufs, count) : 0;
	if (!plain || !total || !tls_begin(&c, task, plain, total))
		return 0;
	if (plain->class == LR_CONN_SERVER)
		plain->owed += total;
	bytes_out(&c, &(struct bytes_io){.iov = bufs, .iovcnt = count, .ret = total});
	return 0;
}

#endif

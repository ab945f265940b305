/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections that the process opened: what it asks of others. Per send and receive one small
 * record with its size, and the head only where it begins as an HTTP/1 message does. Which
 * protocol a connection speaks is said by the peer's port and by the first bytes of a record,
 * which are looked at here and not kept.
 */
#ifndef LOOPRAY_CLIENT_BPF_H
#define LOOPRAY_CLIENT_BPF_H

#include "bytes.bpf.h"

/* Ports that IANA has assigned, and what is spoken there. */
static __always_inline __u32 client_of_port(__u16 port)
{
	switch (port) {
	case 5432:
		return LR_CLIENT_POSTGRESQL;
	case 3306:
		return LR_CLIENT_MYSQL;
	case 6379:
		return LR_CLIENT_REDIS;
	}
	return LR_CLIENT_ANY;
}

/* Its connect() was seen, so it serves no requests, whatever it receives. */
static __always_inline bool client_certain(const struct lr_conn *conn)
{
	return conn->client && conn->connect_ns;
}

/* The clocks of the thread that does it. Returns LR_CLIENT_F_*. */
static __always_inline __u16 client_clock(struct task_struct *task, struct lr_task *t,
					  struct lr_clock *clock)
{
	clock_slept(task, t);
	return clock_read(task, t, clock) & LR_DATA_F_IDLE ? LR_CLIENT_F_CLOCK | LR_CLIENT_F_IDLE
							   : LR_CLIENT_F_CLOCK;
}

/* Records are put together where those of server connections are; see struct bytes_scratch. */
static __always_inline struct lr_ev_client *client_begin(const struct bytes_ctx *c, __u16 op)
{
	__u32 zero = 0;
	struct lr_ev_client *rec = (void *)bpf_map_lookup_elem(&lr_bytes, &zero);

	if (!rec)
		return NULL;
	rec->h.ts = c->now;
	rec->h.pid = c->task->tgid;
	rec->h.tid = c->task->pid;
	rec->h.seq = ++c->t->seq;
	rec->h.type = LR_EV_CLIENT;
	rec->conn = c->conn->id;
	rec->work = c->t->work;
	rec->connect_ns = c->conn->connect_ns;
	rec->connected_ns = c->conn->connected_ns;
	rec->counter = 0;
	rec->arrival_ns = 0;
	rec->ret = c->ret;
	rec->op = op;
	rec->flags = client_clock(c->task, c->t, &rec->clock);
	rec->captured = 0;
	rec->pad = 0;
	*(__u64 *)rec->tail = 0;
	/* The async id counter, where ids say something: {execution, trigger, counter}. */
	if (c->t->uid_addr && c->t->env) {
		rec->counter = read_u64(c->t->uid_addr + 2 * sizeof(__u64));
		rec->flags |= LR_CLIENT_F_CHAIN;
	}
	return rec;
}

static __always_inline void client_end(struct lr_ev_client *rec, __u64 captured)
{
	captured = bytes_clamp(captured, LR_CLIENT_HEAD);
	rec->captured = captured;
	rec->h.size = sizeof(*rec) + captured;
	emit_copy(rec, sizeof(*rec) + captured);
}

/* Record types of RFC 8446: 20 to 22 belong to the handshake or an alert, 23 is data. */
static __always_inline __u16 client_tls(const __u8 *b)
{
	if (b[1] != 3 || b[0] < 0x14 || b[0] > 0x17)
		return 0;
	return b[0] == 0x17 ? LR_CLIENT_F_DATA : LR_CLIENT_F_TLS;
}

/*
 * Messages before the first query. PostgreSQL: those without a type begin with a length, whose
 * first byte is 0 (startup, SSLRequest); 'p' answers a demand for authentication. MySQL: every
 * command begins a sequence of packets with number 0, the log-in goes on with the server's. In TLS
 * that place belongs to a record's length, and what the record holds is not known.
 */
static __always_inline bool client_setup(__u32 client, const __u8 *b)
{
	if (client == LR_CLIENT_POSTGRESQL)
		return b[0] == 0 || b[0] == 'p';
	return client == LR_CLIENT_MYSQL && b[3] != 0 && !(client_tls(b) && b[2]);
}

#define CLIENT_QUIT 5 /* bytes of PostgreSQL's Terminate and of MySQL's COM_QUIT */

static __always_inline bool client_quits(__u32 client, const __u8 *b)
{
	if (client == LR_CLIENT_POSTGRESQL)
		return b[0] == 'X';
	return client == LR_CLIENT_MYSQL && b[3] == 0 && b[4] == 1;
}

static __always_inline bool client_http(const __u8 *b, bool out)
{
	if (out)
		return bytes_like_method(b) && !bytes_like_response(b);
	return bytes_like_response(b) && b[4] == '/' && b[5] == '1';
}

/* What the first bytes are. Returns how many bytes of a head are to be copied. */
static __always_inline __u64 client_look(const struct bytes_ctx *c, struct lr_ev_client *rec,
					 __u64 addr, __u32 len, bool out)
{
	__u8 b[8] = {};

	if (out && len == CLIENT_QUIT) {
		if (!bpf_probe_read_user(b, CLIENT_QUIT, (void *)addr) &&
		    client_quits(c->conn->client, b))
			rec->flags |= LR_CLIENT_F_QUIT;
		return 0;
	}
	if (len < sizeof(b))
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (void *)addr)) {
		rec->flags |= LR_CLIENT_F_FAULT;
		return 0;
	}
	rec->flags |= client_tls(b);
	if (c->conn->client != LR_CLIENT_ANY) {
		if (out && client_setup(c->conn->client, b))
			rec->flags |= LR_CLIENT_F_SETUP;
		return 0;
	}
	if (!client_http(b, out))
		return 0;
	rec->flags |= LR_CLIENT_F_HTTP;
	return len;
}

static __always_inline void client_copy(struct lr_ev_client *rec, __u64 addr, __u64 len)
{
	len = bytes_clamp(len, LR_CLIENT_HEAD);
	if (len && bpf_probe_read_user(rec->data, len, (void *)addr)) {
		rec->flags |= LR_CLIENT_F_FAULT;
		len = 0;
	}
	client_end(rec, len);
}

/* What the functions below need of a context; they are looked at once each (global). */
static __always_inline bool client_enter(struct bytes_ctx *c, struct lr_conn *conn, __s32 ret,
					 __u64 now)
{
	c->task = bpf_get_current_task_btf();
	c->t = bpf_task_storage_get(&lr_tasks, c->task, NULL, 0);
	c->conn = conn;
	c->ret = ret;
	c->now = now;
	return c->t != NULL;
}

/*
 * A send belongs to the turn of the loop in which it happens. The first one on a connection is the
 * work of the callback that says it is established, which begins a turn that nothing else shows.
 */
__noinline int client_send(struct lr_conn *conn, struct bytes_io *io, __u64 now)
{
	struct bytes_ctx ctx = {}, *c = &ctx;
	bool first, slept = false;
	struct lr_ev_client *rec;
	__u64 addr = 0, head = 0;
	__u32 len = 0;

	if (!conn || !io || !client_enter(c, conn, io->ret, now))
		return 0;
	first = conn->outs == 1 && conn->connect_ns;
	if (c->t->work && (first || !clock_in_turn(c->task, c->t))) {
		slept = !first;
		c->t->work = 0;
	}
	rec = client_begin(c, LR_CLIENT_SEND);
	if (!rec)
		return 0;
	if (first)
		rec->flags |= LR_CLIENT_F_FIRST;
	if (slept)
		rec->flags |= LR_CLIENT_F_SLEPT;
	if (io->ret > 0 && bytes_first(io, &addr, &len))
		head = client_look(c, rec, addr, len, true);
	if (rec->flags & LR_CLIENT_F_HTTP)
		c->conn->http = 1;
	client_copy(rec, addr, head);
	return 0;
}

/* @arrival: when the bytes had reached the socket, 0 unknown. */
__noinline int client_receive(struct lr_conn *conn, struct bytes_io *io, __u64 now, __u64 arrival)
{
	struct bytes_ctx ctx = {}, *c = &ctx;
	struct lr_ev_client *rec;
	__u64 addr = 0, head = 0;
	__u32 len = 0;

	if (!conn || !io || !client_enter(c, conn, io->ret, now))
		return 0;
	rec = client_begin(c, LR_CLIENT_RECEIVE);
	if (!rec)
		return 0;
	rec->arrival_ns = arrival;
	if (io->ret > 0 && bytes_first(io, &addr, &len)) {
		head = client_look(c, rec, addr, len, false);
		/* Where a chunked body may end, if that is not among what is copied. */
		if (c->conn->http && (!head || len > LR_CLIENT_HEAD) && len == (__u32)io->ret &&
		    len >= sizeof(rec->tail) &&
		    !bpf_probe_read_user(rec->tail, sizeof(rec->tail),
					 (void *)(addr + len - sizeof(rec->tail))))
			rec->flags |= LR_CLIENT_F_TAIL;
	}
	client_copy(rec, addr, head);
	return 0;
}

/* connect() was called, or the connection ended; both without bytes. */
static __always_inline void client_tell(struct task_struct *task, struct lr_task *t,
					const struct lr_conn *conn, __u16 op, __s32 from, __u64 to,
					__u64 now)
{
	struct lr_ev_client *rec = emit_new(lr_ev_client, task, t, LR_EV_CLIENT);

	if (!rec)
		return;
	rec->h.ts = now;
	rec->h.pid = conn->tgid;
	rec->conn = conn->id;
	rec->work = t && clock_in_turn(task, t) ? t->work : 0;
	rec->connect_ns = conn->connect_ns;
	rec->connected_ns = conn->connected_ns;
	rec->counter = to;
	rec->arrival_ns = 0;
	rec->clock = (struct lr_clock){};
	rec->ret = from;
	rec->op = op;
	rec->flags = t ? client_clock(task, t, &rec->clock) : 0;
	if (t && t->uid_addr && t->env) {
		rec->counter = read_u64(t->uid_addr + 2 * sizeof(__u64));
		rec->flags |= LR_CLIENT_F_CHAIN;
	}
	rec->captured = 0;
	rec->pad = 0;
	*(__u64 *)rec->tail = 0;
	emit_commit(rec);
}

#endif

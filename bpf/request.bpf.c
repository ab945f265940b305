// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests enter and leave through sockets. Two ways to see that, chosen at load:
 *
 * - the tracepoints sock_recv_length and sock_send_length (kernel 6.3 and later): one hit per
 *   receive and send, with the socket at hand and the system call's own registers still on
 *   the task's stack, which name the user buffer;
 * - the exit of the system calls that move bytes, for older kernels: the socket is found
 *   through the file descriptor table.
 *
 * Neither puts a breakpoint into the target. HTTP/2 does not show in what a socket carries;
 * h2.bpf.h has its programs, which are here because they read stores, as sends do.
 */
#include "bytes_out.bpf.h"
#include "line.bpf.h"
#include "tls.bpf.h"
#include "h2.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EAGAIN 11

static __always_inline __u64 conn_next_id(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&lr_conn_last, &zero);

	return last ? __sync_fetch_and_add(last, 1) + 1 : 0;
}

static __always_inline __u16 conn_family(__u16 family)
{
	switch (family) {
	case AF_INET:
		return LR_AF_INET;
	case AF_INET6:
		return LR_AF_INET6;
	case AF_UNIX:
		return LR_AF_UNIX;
	}
	return LR_AF_UNKNOWN;
}

/* Remembers where a target is connected to. Full: those connections are met at their first bytes.
 */
static __always_inline void conn_learn_port(const struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u8 one = 1;

	if (port)
		bpf_map_update_elem(&lr_ports, &port, &one, BPF_ANY);
}

#define SOCK_STREAM 1

/*
 * Whether the process opened this connection itself. Where its beginning was not seen: if it does
 * not end at a port that the process serves.
 */
static __always_inline void conn_find_client(struct lr_conn *conn, const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	if (conn->client || conn->opened || (family != AF_INET && family != AF_INET6) ||
	    BPF_CORE_READ(sk, sk_type) != SOCK_STREAM || bpf_map_lookup_elem(&lr_ports, &port))
		return;
	conn->client = client_of_port(bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)));
}

/* The socket as a number, which may be handed to a global function where a pointer may not. */
static __always_inline __u64 conn_address(const struct sock *sk)
{
	__u64 addr = 0;

	bpf_probe_read_kernel(&addr, sizeof(addr), &sk);
	return addr;
}

/*
 * Tells the reader about a connection when its first operation is seen; @addr is the socket's.
 * Looked at once (global): a verifier that follows each way through it takes its time.
 */
__noinline int conn_announce(struct lr_conn *conn, __u64 addr, __u32 out, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t = task_context(task);
	const struct sock *sk = (const struct sock *)addr;
	struct lr_ev_conn *rec;
	__u16 family;

	if (!conn || !t)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (!conn->id)
		conn->id = conn_next_id();
	conn->tgid = task->tgid;
	conn->told = 1;
	rec = emit_new(lr_ev_conn, task, t, LR_EV_CONN);
	if (!rec)
		return 0;
	__builtin_memset(rec->local_addr, 0, sizeof(rec->local_addr));
	__builtin_memset(rec->peer_addr, 0, sizeof(rec->peer_addr));
	rec->h.ts = now; /* not later than the operation that it announces */
	rec->conn = conn->id;
	rec->family = conn_family(family);
	rec->local_port = 0;
	rec->peer_port = 0;
	rec->first_out = out;
	rec->inode = conn->inode;
	rec->seen_open = conn->opened;
	if (family == AF_INET || family == AF_INET6) {
		rec->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
		rec->peer_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	}
	if (family == AF_INET) {
		*(__u32 *)rec->local_addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		*(__u32 *)rec->peer_addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&rec->local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&rec->peer_addr, sk, __sk_common.skc_v6_daddr);
	}
	emit_commit(rec);
	return 0;
}

/*
 * When the bytes now received had reached the socket. sk_data_ready notes it exactly; where
 * that tracepoint does not exist, or for the first bytes of a connection not known before, TCP
 * remembers the last data segment in jiffies (lrcvtime): a coarse clock, of which k ticks mean
 * more than k - 1 of them passed; that much is certain and is taken. (tcp_mstamp would be finer,
 * but the receive itself refreshes it.)
 */
static __always_inline __u64 arrival_time(struct lr_conn *conn, __u64 now, __u32 lrcvtime,
					  __u32 unread)
{
	__u64 at = conn->arrival_ns, age;

	/* What is left in the socket has arrived by now; new bytes will say so themselves. */
	conn->arrival_ns = unread ? now : 0;
	if (at || !lrcvtime || !lr_jiffy_ns)
		return at;
	age = (__u64)((__u32)bpf_jiffies64() - lrcvtime) * lr_jiffy_ns;
	return age > lr_jiffy_ns && age < now ? now - (age - lr_jiffy_ns) : 0;
}

static __always_inline void handle(struct task_struct *task, struct lr_conn *conn,
				   const struct sock *sk, struct bytes_io *io, __u64 now,
				   __u64 arrival, bool out)
{
	struct lr_task *t = task_context(task);
	struct bytes_ctx c = {
		.now = now,
		.task = task,
		.t = t,
		.conn = conn,
		.arrival = arrival,
		.ret = io->ret,
	};

	if (!t)
		return;
	clock_mark(task, t);
	if (!conn->told) {
		conn_find_client(conn, sk);
		conn_announce(conn, conn_address(sk), out, now);
		c.flags |= LR_DATA_F_FIRST;
	}
	if (out)
		bytes_out(&c, io);
	else
		bytes_in(&c, io);
	if (conn->class == LR_CONN_TLS)
		tls_socket(&c, sk, out);
	if (!out && (c.flags & LR_DATA_F_FIRST) &&
	    (conn->class == LR_CONN_SERVER || conn->class == LR_CONN_TLS))
		conn_learn_port(sk);
}

/* Tracepoint path ------------------------------------------------------------------------ */

static __always_inline int sock_length(struct sock *sk, int ret, bool out)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bytes_io io = {.ret = ret};
	struct tcp_sock *tp;
	struct lr_conn *conn;
	__u64 arrival = 0, now;

	if (!filter_tgid(task->tgid) || ret == -EAGAIN)
		return 0;
	conn = bpf_sk_storage_get(&lr_conns, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!conn) {
		stat_add(LR_STAT_conn_full, 1);
		return 0;
	}
	if (ret > 0 && !bytes_locate((struct pt_regs *)bpf_task_pt_regs(task), &io)) {
		stat_add(LR_STAT_unlocated, 1);
		return 0;
	}
	now = bpf_ktime_get_ns();
	if (!out && ret > 0) {
		tp = bpf_skc_to_tcp_sock(sk);
		arrival = tp ? arrival_time(conn, now, tp->inet_conn.icsk_ack.lrcvtime,
					    tp->rcv_nxt - tp->copied_seq)
			     : arrival_time(conn, now, 0, 0);
	}
	handle(task, conn, sk, &io, now, arrival, out);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(lr_sock_recv, struct sock *sk, int ret, int flags)
{
	return sock_length(sk, ret, false);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(lr_sock_send, struct sock *sk, int ret, int flags)
{
	return sock_length(sk, ret, true);
}

/*
 * Data reached a socket, in whatever context: from the network in a softirq, over loopback and
 * unix sockets in the sender. Only sockets known to be a target's have storage.
 */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(lr_data_ready, const struct sock *sk)
{
	struct lr_conn *conn = bpf_sk_storage_get(&lr_conns, (struct sock *)sk, NULL, 0);

	if (conn && (!conn->arrival_ns || conn->h2))
		h2_arrived(conn, bpf_ktime_get_ns());
	return 0;
}

/* System call path ----------------------------------------------------------------------- */

/*
 * The connection of socket @sk; one left over from an earlier socket at that address is reset. On
 * its own for its stack, of which 6.1 allows 512 bytes to all frames together.
 */
static __noinline struct lr_conn *conn_by_addr(const struct sock *sk, __u32 inode)
{
	struct lr_conn fresh = {.inode = inode};
	__u64 key = (__u64)sk;
	struct lr_conn *conn = bpf_map_lookup_elem(&lr_conns_by_addr, &key);

	if (conn && conn->opened && !conn->inode) /* opened, now accepted */
		conn->inode = inode;
	if (conn && conn->inode != inode)
		*conn = fresh;
	if (conn)
		return conn;
	bpf_map_update_elem(&lr_conns_by_addr, &key, &fresh, BPF_ANY);
	conn = bpf_map_lookup_elem(&lr_conns_by_addr, &key);
	if (!conn)
		stat_add(LR_STAT_conn_full, 1);
	return conn;
}

static __always_inline bool sock_followed(const struct sock *sk, bool *tcp)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 type = BPF_CORE_READ(sk, sk_type);

	*tcp = family == AF_INET || family == AF_INET6;
	return type == 1 && (*tcp || family == AF_UNIX);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(lr_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bytes_io io = {.ret = ret};
	struct lr_conn *conn;
	struct sock *sk;
	__u64 arrival = 0, now;
	__u32 inode = 0;
	bool out, tcp;
	long nr;

	if (!filter_tgid(task->tgid) || ret == -EAGAIN)
		return 0;
	nr = regs->orig_ax;
	out = nr == NR_write || nr == NR_writev || nr == NR_sendto || nr == NR_sendmsg;
	if (!out && nr != NR_read && nr != NR_readv && nr != NR_recvfrom && nr != NR_recvmsg)
		return 0;
	sk = fd_to_sock(task, regs->di, &inode);
	if (!sk || !sock_followed(sk, &tcp) || (ret > 0 && !bytes_locate(regs, &io)))
		return 0;
	conn = conn_by_addr(sk, inode);
	if (!conn)
		return 0;
	now = bpf_ktime_get_ns();
	if (!out && ret > 0 && tcp)
		arrival = arrival_time(
			conn, now,
			BPF_CORE_READ((struct tcp_sock *)sk, inet_conn.icsk_ack.lrcvtime), 0);
	handle(task, conn, sk, &io, now, arrival, out);
	return 0;
}

/* Ends ----------------------------------------------------------------------------------- */

static __always_inline void conn_closed(struct lr_conn *conn, int oldstate, int newstate)
{
	struct lr_ev_close *rec;

	if (conn->closed || (!h2_forget(conn) && conn->class != LR_CONN_SERVER &&
			     conn->class != LR_CONN_TLS && !conn->client))
		return;
	/* A client may shut down its side only, and receive its answer. */
	if (!conn->client || newstate != TCP_FIN_WAIT1)
		conn->closed = 1;
	if (conn->client) {
		client_tell(NULL, NULL, conn, LR_CLIENT_CLOSE, oldstate, newstate,
			    bpf_ktime_get_ns());
		return;
	}
	rec = emit_new(lr_ev_close, (struct task_struct *)NULL, (struct lr_task *)NULL,
		       LR_EV_CLOSE);
	if (!rec)
		return;
	rec->h.pid = conn->tgid;
	rec->conn = conn->id;
	rec->old_state = oldstate;
	rec->new_state = newstate;
	emit_commit(rec);
}

/* A connection to a port that a target serves: known before its first bytes come. */
static __noinline void conn_opened(const struct sock *sk)
{
	__u16 port = sk->__sk_common.skc_num;
	struct lr_conn fresh = {.opened = 1};
	__u64 key = (__u64)sk;
	struct lr_conn *conn;

	if (!bpf_map_lookup_elem(&lr_ports, &port))
		return;
	if (lr_sockets_by_addr) {
		bpf_map_update_elem(&lr_conns_by_addr, &key, &fresh, BPF_ANY);
		return;
	}
	conn = bpf_sk_storage_get(&lr_conns, (struct sock *)sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (conn)
		conn->opened = 1;
}

/* The socket's state by address or in its storage; NULL: not followed. */
static __noinline struct lr_conn *conn_of(const struct sock *sk, bool create)
{
	struct lr_conn fresh = {.opened = 1};
	__u64 key = (__u64)sk;

	if (!lr_sockets_by_addr)
		return bpf_sk_storage_get(&lr_conns, (struct sock *)sk, NULL,
					  create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (create)
		bpf_map_update_elem(&lr_conns_by_addr, &key, &fresh, BPF_ANY);
	return bpf_map_lookup_elem(&lr_conns_by_addr, &key);
}

/*
 * The current task calls connect(): whose work that is, and which stores are active, says who
 * opened the connection. Its own port is not known yet, so it is told of again at its first
 * operation.
 */
static __always_inline void conn_connects(const struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns();
	struct lr_conn *conn;
	struct lr_task *t;

	if (!filter_tgid(task->tgid) || sk->sk_type != SOCK_STREAM)
		return;
	conn = conn_of(sk, true);
	t = conn ? task_context(task) : NULL;
	if (!conn)
		stat_add(LR_STAT_conn_full, 1);
	if (!t)
		return;
	clock_mark(task, t);
	conn->opened = 1;
	conn->class = LR_CONN_OTHER;
	conn->client = client_of_port(bpf_ntohs(sk->__sk_common.skc_dport));
	conn->connect_ns = now;
	conn_announce(conn, conn_address(sk), true, now);
	conn->told = 0;
	store_active(conn, now, 0);
	client_tell(task, t, conn, LR_CLIENT_CONNECT, 0, 0, now);
}

static __always_inline void conn_connected(const struct sock *sk)
{
	struct lr_conn *conn = conn_of(sk, false);

	if (conn && conn->client)
		conn->connected_ns = bpf_ktime_get_ns();
}

/* The current task says something only here: it is who listens. */
static __always_inline void conn_listens(const struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (filter_tgid(task->tgid))
		conn_learn_port(sk);
}

/* A close may come from an interrupt: the current task says nothing here. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(lr_sock_state, const struct sock *sk, int oldstate, int newstate)
{
	struct lr_conn *conn;
	__u64 key = (__u64)sk;

	if (newstate == TCP_ESTABLISHED && oldstate == TCP_SYN_RECV)
		conn_opened(sk);
	else if (newstate == TCP_LISTEN)
		conn_listens(sk);
	else if (newstate == TCP_SYN_SENT)
		conn_connects(sk);
	else if (newstate == TCP_ESTABLISHED && oldstate == TCP_SYN_SENT)
		conn_connected(sk);
	if (newstate != TCP_CLOSE && newstate != TCP_FIN_WAIT1 && newstate != TCP_LAST_ACK)
		return 0;
	if (lr_sockets_by_addr)
		conn = bpf_map_lookup_elem(&lr_conns_by_addr, &key);
	else
		conn = bpf_sk_storage_get(&lr_conns, (struct sock *)sk, NULL, 0);
	if (!conn || !conn->id)
		return 0;
	conn_closed(conn, oldstate, newstate);
	if (conn->layer == LR_LAYER_RECORDS)
		tls_closed(key, newstate);
	if (lr_sockets_by_addr && newstate == TCP_CLOSE)
		bpf_map_delete_elem(&lr_conns_by_addr, &key);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What HTTP/2's probes have in common: nghttp2's public structures, which connection a session
 * runs over, and whose code runs.
 */
#ifndef LOOPRAY_H2_SESSION_BPF_H
#define LOOPRAY_H2_SESSION_BPF_H

#include "h2_conn.bpf.h"
#include "store.bpf.h"

/* RFC 9113, section 6 */
enum { H2_DATA = 0, H2_HEADERS = 1, H2_RST_STREAM = 3, H2_SETTINGS = 4 };
#define H2_FLAG_END_STREAM 1
#define H2_FLAG_ACK	   1

/* nghttp2/nghttp2.h: nghttp2_frame_hd and, for frames of headers, nghttp2_headers. */
struct h2_frame_hd {
	__u64 length;
	__u32 stream;
	__u8 type;
	__u8 flags;
	__u8 reserved[2];
};

#define H2_HEADERS_CAT 56 /* offset of cat */
#define H2_CAT_REQUEST 0
#define H2_RST_CODE    16

#define H2_FIELDS	  32  /* of a response that are looked at */
#define LR_H2_FIELD_VALUE 256 /* bytes of a value: a longer one is no id */

/* nghttp2_nv, without its flags */
#define H2_NV_SIZE 40
struct h2_nv {
	__u64 name;
	__u64 value;
	__u64 name_len;
	__u64 value_len;
};

/* nghttp2_rcbuf: the bytes and their number come behind two words. */
#define H2_RCBUF 16
struct h2_buf {
	__u64 base;
	__u64 len;
};

static __always_inline bool h2_enter(__u32 probe, struct task_struct **task, struct lr_task **t)
{
	*task = bpf_get_current_task_btf();
	if (!filter_tgid((*task)->tgid))
		return false;
	probe_hit(probe);
	*t = task_context(*task);
	return *t != NULL;
}

/* Sessions ------------------------------------------------------------------------------- */

static __always_inline void h2_unbind(const struct lr_h2_key *key, __u64 conn)
{
	struct lr_h2_key copy = *key;

	bpf_map_delete_elem(&lr_h2_sessions, &copy);
	bpf_map_delete_elem(&lr_h2_conns, &conn);
}

/* Ties the session to what was received last. Returns its connection, 0 if it has none. */
static __noinline __u64 h2_bind(struct task_struct *task, struct lr_task *t, __u64 session)
{
	struct lr_h2_conn fresh = {.key = {.session = session, .tgid = task->tgid}};
	struct lr_h2_conn *taken;
	__u64 conn = t->h2_conn;

	if (!conn || conn >> LR_H2_CONN_BITS)
		return 0;
	taken = bpf_map_lookup_elem(&lr_h2_conns, &conn);
	if (taken) {
		stat_add(LR_STAT_h2_session_doubt, 1);
		h2_unbind(&taken->key, conn);
		return 0;
	}
	if (bpf_map_update_elem(&lr_h2_conns, &conn, &fresh, BPF_ANY) ||
	    bpf_map_update_elem(&lr_h2_sessions, &fresh.key, &conn, BPF_ANY)) {
		stat_add(LR_STAT_h2_session_full, 1);
		return 0;
	}
	t->h2_used = 1;
	return conn;
}

/* The connection of a session, 0 if it is not known yet. */
static __always_inline __u64 h2_conn_of(const struct task_struct *task, __u64 session)
{
	struct lr_h2_key key = {.session = session, .tgid = task->tgid};
	__u64 *conn = bpf_map_lookup_elem(&lr_h2_sessions, &key);

	return conn ? *conn : 0;
}

/*
 * The first frame of a session is the other side's SETTINGS, and its address may have been
 * another one's, whose connection nobody saw close.
 */
static __always_inline void h2_settings(struct task_struct *task, struct lr_task *t, __u64 session)
{
	__u64 conn = h2_conn_of(task, session), last = t->h2_conn;
	struct lr_h2_key key = {.session = session, .tgid = task->tgid};

	if (conn && (conn == last || bpf_map_lookup_elem(&lr_h2_conns, &last)))
		return;
	if (conn)
		h2_unbind(&key, conn);
	h2_bind(task, t, session);
}

/* A session that serves requests, and its connection. */
static __always_inline struct lr_h2_conn *h2_server(const struct task_struct *task, __u64 session,
						    __u64 *conn)
{
	struct lr_h2_conn *h2;

	*conn = h2_conn_of(task, session);
	h2 = *conn ? bpf_map_lookup_elem(&lr_h2_conns, conn) : NULL;
	return h2 && h2->serves ? h2 : NULL;
}

/* Turns ---------------------------------------------------------------------------------- */

/*
 * Births of streams have their place by number, so that it is found again: one of two. What the
 * body's callback allocates takes the other one, if nobody needs it.
 */
#define H2_NO_SLOT LR_BIRTHS

static __always_inline __u32 h2_birth_pair(__u64 conn)
{
	return ((__u32)conn * 31 + (__u32)(conn >> LR_H2_CONN_BITS)) & (LR_BIRTHS - 2);
}

static __always_inline bool h2_birth_free(const struct lr_birth *slot, __u64 conn, __u64 epoch)
{
	return !slot->conn || slot->epoch != epoch || slot->conn == conn;
}

static __always_inline __u32 h2_birth_slot(const struct lr_births *b, __u64 conn, bool body,
					   __u64 epoch)
{
	__u32 k = h2_birth_pair(conn) & (LR_BIRTHS - 2), other;

	if (body && b->slot[k].conn == conn && b->slot[k].epoch == epoch)
		other = k + 1;
	else if (body || h2_birth_free(&b->slot[k], conn, epoch))
		other = k;
	else
		return h2_birth_free(&b->slot[k + 1], conn, epoch) ||
				       b->slot[k + 1].conn == b->slot[k].conn
			       ? k + 1
			       : k;
	return !body || h2_birth_free(&b->slot[other & (LR_BIRTHS - 1)], 0, epoch) ? other
										   : H2_NO_SLOT;
}

static __always_inline void h2_birth_begin(struct task_struct *task, const struct lr_task *t,
					   __u64 conn, bool body, __u64 top)
{
	struct lr_births *b = births_of(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 k;

	if (!b)
		return;
	birth_close(b, top);
	if (!top)
		return;
	k = h2_birth_slot(b, conn, body, t->epoch);
	if (k >= LR_BIRTHS)
		return;
	b->slot[k].begin = LR_TOP_ADDR(top);
	b->slot[k].end = 0;
	b->slot[k].conn = conn;
	b->slot[k].epoch = t->epoch;
	b->open = k;
	b->is_open = 1;
}

static __always_inline void h2_birth_answered(struct lr_births *b, __u64 conn)
{
	__u32 k = h2_birth_pair(conn) & (LR_BIRTHS - 2);

	if (b->slot[k].conn == conn)
		b->slot[k].conn = 0;
	if (b->slot[k + 1].conn == conn)
		b->slot[k + 1].conn = 0;
}

/*
 * Whether a frame was handed in by native code, below which no JavaScript runs. Otherwise (a
 * session over a stream that is itself written in JavaScript) what callbacks put off runs when all
 * frames have been told, and nothing can be said of who allocates. Not known: no.
 */
static __always_inline bool h2_native(const struct lr_process_config *p, const struct lr_task *t)
{
	const struct lr_heap *h = &p->heap;
	__u32 height = ~0U;
	__u64 entry = 1;

	if (h->isolate_js_entry && t->isolate)
		return !bpf_probe_read_user(&entry, sizeof(entry),
					    (void *)(t->isolate + h->isolate_js_entry)) &&
		       !entry;
	/* The stack of async_hooks: each callback out of native code has its place on it. */
	if (!(h->flags & LR_HEAP_HOOKS) || !t->fields_addr ||
	    bpf_probe_read_user(
		    &height, sizeof(height),
		    (void *)(t->fields_addr + 4UL * (h->field_stack & (LR_HOOKS_FIELDS - 1)))))
		return false;
	return !height;
}

/* Code for stream @conn begins to run. Returns the allocation top, 0 if nothing follows from it. */
static __noinline __u64 h2_turn(struct task_struct *task, struct lr_task *t, __u64 conn, bool body)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	__u64 top;

	t->conn = conn;
	t->conn_in = 0;
	if (!turn_wanted(p))
		return 0;
	runtime_env(task, t);
	if (!turn_in_use(p, t))
		return 0;
	tenured_look(task, t, &p->heap, t->turn_open);
	top = h2_native(p, t) ? turn_top(&p->heap, t) : 0;
	t->turn_open = 1;
	h2_birth_begin(task, t, conn, body, top);
	return top;
}

#endif

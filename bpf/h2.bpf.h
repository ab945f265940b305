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
	top = h2_native(p, t) ? turn_top(&p->heap, t) : 0;
	t->turn_open = 1;
	h2_birth_begin(task, t, conn, body, top);
	return top;
}

/* Heads ---------------------------------------------------------------------------------- */

#define H2_WORD(a, b, c, d, e, f, g, h)                                                          \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

enum h2_field { H2_FIELD_NONE, H2_FIELD_METHOD, H2_FIELD_PATH, H2_FIELD_ID };

/* What a header is to us, by its name (lower case, as HTTP/2 has it). */
static __always_inline enum h2_field h2_field(const struct h2_buf *name)
{
	__u64 w = 0, n = name->len;

	if (n == 5)
		return !bpf_probe_read_user(&w, 5, (void *)name->base) &&
				       w == H2_WORD(':', 'p', 'a', 't', 'h', 0, 0, 0)
			       ? H2_FIELD_PATH
			       : H2_FIELD_NONE;
	if (n == 7)
		return !bpf_probe_read_user(&w, 7, (void *)name->base) &&
				       w == H2_WORD(':', 'm', 'e', 't', 'h', 'o', 'd', 0)
			       ? H2_FIELD_METHOD
			       : H2_FIELD_NONE;
	/* Those that user/flow_http_ids.c may take; it decides by the whole name. */
	if (n < 10 || n > LR_H2_ID_NAME || bpf_probe_read_user(&w, 8, (void *)(name->base + n - 8)))
		return H2_FIELD_NONE;
	if (w == H2_WORD('q', 'u', 'e', 's', 't', '-', 'i', 'd') ||
	    w == H2_WORD('a', 't', 'i', 'o', 'n', '-', 'i', 'd') ||
	    w == H2_WORD('t', 'r', 'a', 'c', 'e', '-', 'i', 'd') ||
	    (n == 11 && w == H2_WORD('c', 'e', 'p', 'a', 'r', 'e', 'n', 't')))
		return H2_FIELD_ID;
	return H2_FIELD_NONE;
}

static __always_inline __u64 h2_bound(__u64 n, __u64 cap)
{
	asm volatile("" : "+r"(n));
	return n > cap ? cap : n;
}

static __always_inline bool h2_id(struct lr_ev_h2_head *rec, const struct h2_buf *name,
				  const struct h2_buf *value)
{
	__u64 nl = h2_bound(name->len, LR_H2_ID_NAME), vl = h2_bound(value->len, LR_H2_ID_VALUE);
	__u32 i = rec->nids;

	/* A longer value is no id. */
	if (i >= LR_H2_IDS || !vl || value->len > LR_H2_ID_VALUE)
		return true;
	if (bpf_probe_read_user(rec->id[i].name, nl, (void *)name->base) ||
	    bpf_probe_read_user(rec->id[i].value, vl, (void *)value->base))
		return false;
	rec->id[i].name_len = nl;
	rec->id[i].value_len = vl;
	rec->nids = i + 1;
	return true;
}

static __always_inline bool h2_take(struct lr_ev_h2_head *rec, enum h2_field field,
				    const struct h2_buf *name, const struct h2_buf *value)
{
	__u64 n = value->len;

	switch (field) {
	case H2_FIELD_METHOD:
		n = h2_bound(n, LR_H2_METHOD);
		if (!n || bpf_probe_read_user(rec->method, n, (void *)value->base))
			return false;
		rec->method_len = n;
		return true;
	case H2_FIELD_PATH:
		rec->path_len = n;
		n = h2_bound(n, LR_H2_PATH);
		return !n || !bpf_probe_read_user(rec->path, n, (void *)value->base);
	case H2_FIELD_ID:
		return h2_id(rec, name, value);
	case H2_FIELD_NONE:
		break;
	}
	return true;
}

/* One header of a stream: node::http2::Http2Header, as far as the two buffers in it. */
#define H2_HEADER_SIZE 72
#define H2_HEADER_NAME 24

struct h2_header {
	__u64 name;
	__u64 between[2];
	__u64 value;
};

/* A std::vector of them, which lies in node::http2::Http2Stream between these offsets. */
#define H2_VECTOR_MIN  0x80
#define H2_VECTOR_STEP 8
#define H2_VECTORS     40
#define H2_HEADERS_MAX 128

struct h2_vector {
	__u64 begin;
	__u64 end;
	__u64 cap;
};

struct h2_headers {
	struct lr_h2_head *head;
	__u64 object;
	__u64 at; /* offset of the vector in object, 0 not found */
	struct h2_vector v;
};

static __always_inline bool h2_read_buf(__u64 buf, struct h2_buf *to)
{
	return buf && !bpf_probe_read_user(to, sizeof(*to), (void *)(buf + H2_RCBUF));
}

/* A callback: takes one header. */
static long h2_one_header(__u32 i, struct h2_headers *l)
{
	__u64 at = l->v.begin + (__u64)i * H2_HEADER_SIZE;
	struct h2_buf name, value;
	struct h2_header header;
	enum h2_field field;

	if (at >= l->v.end)
		return 1;
	if (bpf_probe_read_user(&header, sizeof(header), (void *)(at + H2_HEADER_NAME)) ||
	    !h2_read_buf(header.name, &name))
		return 1;
	field = h2_field(&name);
	if (field == H2_FIELD_NONE)
		return 0;
	return !h2_read_buf(header.value, &value) || !h2_take(&l->head->rec, field, &name, &value);
}

static __always_inline bool h2_read_vector(struct h2_headers *l, __u64 at)
{
	return !bpf_probe_read_user(&l->v, sizeof(l->v), (void *)(l->object + at)) && l->v.begin &&
	       l->v.begin < l->v.end && l->v.end <= l->v.cap &&
	       l->v.end - l->v.begin <= (__u64)H2_HEADERS_MAX * H2_HEADER_SIZE &&
	       (l->v.end - l->v.begin) % H2_HEADER_SIZE == 0;
}

/* A callback: is the vector here? What it holds first must be the name of a pseudo header. */
static long h2_find_vector(__u32 i, struct h2_headers *l)
{
	__u64 at = H2_VECTOR_MIN + (__u64)i * H2_VECTOR_STEP, buf = 0;
	struct h2_buf name;
	__u8 first = 0;

	if (!h2_read_vector(l, at) ||
	    bpf_probe_read_user(&buf, sizeof(buf), (void *)(l->v.begin + H2_HEADER_NAME)) ||
	    !h2_read_buf(buf, &name) || name.len < 2 || name.len > LR_H2_ID_NAME ||
	    bpf_probe_read_user(&first, 1, (void *)name.base) || first != ':')
		return 0;
	l->at = at;
	return 1;
}

/* Fills in method, path and ids from the stream's headers. */
static __noinline void h2_headers(struct lr_task *t, struct lr_h2_head *head)
{
	struct h2_headers l = {.head = head, .object = head->object};

	head->rec.method_len = 0;
	head->rec.path_len = 0;
	head->rec.nids = 0;
	if (!t->h2_headers) {
		bpf_loop(H2_VECTORS, h2_find_vector, &l, 0);
		t->h2_headers = l.at;
	}
	if (t->h2_headers && h2_read_vector(&l, t->h2_headers))
		bpf_loop(H2_HEADERS_MAX, h2_one_header, &l, 0);
	if (!head->rec.method_len)
		stat_add(LR_STAT_runtime_check, 1);
}

/* A stream is made: its headers will be told next, by the same thread. */
SEC("uprobe")
int BPF_KPROBE(lr_h2_stream, __u64 object, __u64 session, __u64 wrap, __u32 stream)
{
	struct task_struct *task;
	struct lr_h2_head *head;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_stream, &task, &t))
		return 0;
	head = bpf_task_storage_get(&lr_h2_heads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!head) {
		stat_add(LR_STAT_task_full, 1);
		return 0;
	}
	head->session = session;
	head->object = object;
	head->rec.stream = stream;
	return 0;
}

/* Writes the head of a request: all its headers have been told. */
static __noinline void h2_request(struct task_struct *task, struct lr_task *t,
				  struct lr_h2_head *head, __u64 conn, bool end)
{
	struct lr_ev_h2_head *rec = &head->rec;
	__u64 n = rec->path_len;
	__u32 has;

	rec->top = h2_turn(task, t, LR_H2_CONN(conn, rec->stream), false);
	has = idle_read(task, t, &rec->idle_ns);
	rec->h.ts = bpf_ktime_get_ns();
	rec->h.pid = task->tgid;
	rec->h.tid = task->pid;
	rec->h.seq = ++t->seq;
	rec->h.type = LR_EV_H2_HEAD;
	rec->conn = conn;
	rec->arrival_ns = conn == t->h2_conn ? t->h2_arrival : 0;
	rec->counter = conn == t->h2_conn ? t->h2_counter : 0;
	rec->epoch = rec->top ? t->epoch : 0;
	rec->flags = (end ? LR_H2_F_END : 0) | (has & LR_DATA_F_IDLE ? LR_H2_F_IDLE : 0);
	rec->pad = 0;
	n = h2_bound(n, LR_H2_PATH) + __builtin_offsetof(struct lr_ev_h2_head, path);
	rec->h.size = n;
	emit_copy(rec, n);
	head->session = 0;
}

/* A frame of headers: a request's, the trailers of one, or what a client receives. */
static __always_inline void h2_on_headers(struct task_struct *task, struct lr_task *t,
					  __u64 session, __u64 frame, __u64 owner,
					  const struct h2_frame_hd *hd)
{
	struct h2_told told = {.op = LR_H2_DATA_IN, .stream = hd->stream, .flags = LR_H2_F_END};
	bool end = hd->flags & H2_FLAG_END_STREAM;
	struct lr_h2_head *head;
	struct lr_h2_conn *h2;
	__u32 cat = ~0U;
	__u64 conn;

	if (bpf_probe_read_user(&cat, sizeof(cat), (void *)(frame + H2_HEADERS_CAT)))
		return;
	if (cat != H2_CAT_REQUEST) {
		if (!end || !h2_server(task, session, &conn))
			return;
		told.conn = conn;
		told.top = h2_turn(task, t, LR_H2_CONN(conn, hd->stream), true);
		told.now = bpf_ktime_get_ns();
		h2_emit(task, t, &told);
		return;
	}
	head = bpf_task_storage_get(&lr_h2_heads, task, NULL, 0);
	/* Otherwise the stream was made before the attach. */
	if (!head || head->session != owner || head->rec.stream != hd->stream)
		return;
	h2_headers(t, head);
	if (!head->rec.method_len)
		return;
	conn = h2_conn_of(task, session);
	if (!conn)
		conn = h2_bind(task, t, session);
	h2 = conn ? bpf_map_lookup_elem(&lr_h2_conns, &conn) : NULL;
	if (!h2)
		return;
	h2->serves = 1;
	h2_request(task, t, head, conn, end);
}

/* The end of a stream's data, or its reset, by the client. */
static __always_inline void h2_on_end(struct task_struct *task, struct lr_task *t, __u64 session,
				      const struct h2_frame_hd *hd, struct h2_told *told)
{
	if (!h2_server(task, session, &told->conn))
		return;
	told->stream = hd->stream;
	if (told->op == LR_H2_DATA_IN)
		told->top = h2_turn(task, t, LR_H2_CONN(told->conn, hd->stream), true);
	told->now = bpf_ktime_get_ns();
	h2_emit(task, t, told);
}

SEC("uprobe")
int BPF_KPROBE(lr_h2_frame, __u64 session, __u64 frame, __u64 owner)
{
	struct h2_told told = {.op = LR_H2_DATA_IN, .flags = LR_H2_F_END};
	struct task_struct *task;
	struct h2_frame_hd hd;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_frame, &task, &t))
		return 0;
	if (bpf_probe_read_user(&hd, sizeof(hd), (void *)frame)) {
		stat_add(LR_STAT_runtime_fault, 1);
		return 0;
	}
	/* The parts of a body were told before their frame is (lr_h2_chunk). */
	if (hd.type == H2_DATA && !(hd.flags & H2_FLAG_END_STREAM))
		return 0;
	turn_close(task, t);
	switch (hd.type) {
	case H2_DATA:
		h2_on_end(task, t, session, &hd, &told);
		break;
	case H2_HEADERS:
		h2_on_headers(task, t, session, frame, owner, &hd);
		break;
	case H2_RST_STREAM:
		told.op = LR_H2_RESET_IN;
		told.flags = 0;
		if (!bpf_probe_read_user(&told.code, sizeof(told.code),
					 (void *)(frame + H2_RST_CODE)))
			h2_on_end(task, t, session, &hd, &told);
		break;
	case H2_SETTINGS:
		if (!(hd.flags & H2_FLAG_ACK))
			h2_settings(task, t, session);
		break;
	}
	return 0;
}

/* Bodies --------------------------------------------------------------------------------- */

SEC("uprobe")
int BPF_KPROBE(lr_h2_chunk, __u64 session, __u64 flags, __u32 stream, __u64 data, __u64 len)
{
	struct h2_told told = {.op = LR_H2_DATA_IN, .stream = stream, .bytes = len};
	struct task_struct *task;
	struct lr_task *t;

	if (!h2_enter(LR_PROBE_h2_chunk, &task, &t))
		return 0;
	turn_close(task, t);
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
	turn_close(task, t);
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
	if (turn_in_use(p, t))
		store_tell_active(s, task, t, p, told->now);
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
	turn_close(task, t);
	h2 = h2_server(task, session, &told.conn);
	if (!h2)
		return 0;
	h2->unsent = 1;
	told.now = bpf_ktime_get_ns();
	h2_emit(task, t, &told);
	return 0;
}

#endif

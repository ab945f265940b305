/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Heads of HTTP/2 requests: read from the stream that keeps them until they are complete. */
#ifndef LOOPRAY_H2_HEAD_BPF_H
#define LOOPRAY_H2_HEAD_BPF_H

#include "h2_session.bpf.h"

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
	rec->h.ts = bpf_ktime_get_ns();
	clock_mark(task, t);
	has = clock_read(task, t, &rec->clock);
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
	turn_close(task, t, 0);
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

#endif

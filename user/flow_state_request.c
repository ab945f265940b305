// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests in flight: what flow_request.c would know of them. Which response answers which is
 * followed by the same rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_state_int.h"
#include "util.h"

static uint32_t add_bytes(uint32_t sum, uint32_t bytes)
{
	return bytes > UINT32_MAX - sum ? UINT32_MAX : sum + bytes;
}

static void request_free(struct flow_state *s, struct st_request *q)
{
	s->in_flight--;
	free(q->headers);
	free(q->text);
	flow_pool__release(&s->request_pool, q);
}

static void drop_first(struct flow_state *s, struct st_conn *c)
{
	struct st_request *q = c->first;

	c->first = q->next;
	if (!c->first)
		c->last = NULL;
	request_free(s, q);
}

static void drop_last(struct flow_state *s, struct st_conn *c)
{
	struct st_request *before = c->first;

	if (before == c->last) {
		drop_first(s, c);
		return;
	}
	while (before->next != c->last)
		before = before->next;
	request_free(s, c->last);
	before->next = NULL;
	c->last = before;
}

void st_requests__drop(struct flow_state *s, struct st_conn *c)
{
	while (c->first)
		drop_first(s, c);
	c->untracked = 0;
}

static bool keep_strings(struct st_request *q)
{
	char *at = malloc((size_t)q->in.method_name.len + q->in.path.len + 1);

	if (!at)
		return false;
	q->text = at;
	st_keep(&q->in.method_name, &at);
	st_keep(&q->in.path, &at);
	return true;
}

static void begin(struct flow_state *s, struct st_conn *c, const struct flow_event *ev)
{
	struct st_request *q = NULL;

	if (ev->io.flags & FE_F_RESYNC)
		st_requests__drop(s, c);
	if (!c->untracked)
		q = flow_pool__alloc(&s->request_pool);
	if (q) {
		q->in = ev->io;
		if (!keep_strings(q)) {
			flow_pool__release(&s->request_pool, q);
			q = NULL;
		}
	}
	if (!q) {
		c->untracked++;
		s->lost.requests++;
		return;
	}
	s->in_flight++;
	q->conn = c->id;
	q->pid = ev->pid;
	q->tid = ev->tid;
	q->ts = ev->ts;
	q->part = c->part;
	q->order = s->came++;
	if (c->last)
		c->last->next = q;
	else
		c->first = q;
	c->last = q;
}

static void add_part(struct st_part *p, const struct flow_event *ev)
{
	if (!p->ts) {
		p->ts = ev->ts;
		p->arrival_ns = ev->io.arrival_ns;
		p->clock = ev->io.clock;
	}
	p->bytes = add_bytes(p->bytes, ev->io.bytes);
}

void st_request__in(struct flow_state *s, struct st_conn *c, const struct flow_event *ev)
{
	struct st_request *q;

	c->tid = ev->tid;
	if (ev->io.flags & FE_F_HEAD) {
		begin(s, c, ev);
		memset(&c->part, 0, sizeof(c->part));
	} else if (ev->io.flags & FE_F_PART) {
		add_part(&c->part, ev);
	}
	q = c->last && !c->last->in_done && !c->untracked ? c->last : NULL;
	if (ev->io.error) {
		st_requests__drop(s, c);
		return;
	}
	if (ev->io.flags & FE_F_EOF) {
		c->eof_ns = ev->ts;
		if (q && !(ev->io.flags & FE_F_GAP))
			drop_last(s, c);
		return;
	}
	if (!q)
		return;
	if (!(ev->io.flags & FE_F_HEAD))
		q->in.bytes = add_bytes(q->in.bytes, ev->io.bytes);
	q->in_done = ev->io.flags & (FE_F_END | FE_F_BAD);
}

static void send(struct st_request *q, const struct flow_event *ev)
{
	if ((ev->io.flags & FE_F_HEAD) && !(ev->io.flags & FE_F_INFO)) {
		q->answered = true;
		q->head_ns = ev->ts;
		q->out = ev->io;
		/* Informational heads that came before. */
		q->out.bytes = add_bytes(q->out.bytes, q->more);
		q->more = 0;
		q->last_ns = 0;
		return;
	}
	q->last_ns = ev->ts;
	q->more = add_bytes(q->more, ev->io.bytes);
}

void st_request__out(struct flow_state *s, struct st_conn *c, const struct flow_event *ev)
{
	uint32_t flags = ev->io.flags;
	struct st_request *q;

	if (flags & FE_F_SENT)
		return;
	if (flags & FE_F_HEAD)
		c->unpaired = flags & FE_F_GAP;
	q = c->unpaired ? NULL : c->first;
	if (ev->io.error) {
		st_requests__drop(s, c);
		return;
	}
	if (q && (flags & FE_F_END)) {
		/* Told late of a response that was not seen to begin: it is not this one's. */
		if (ev->io.bytes || q->answered || q->last_ns || (flags & FE_F_HEAD))
			drop_first(s, c);
		return;
	}
	if (q)
		send(q, ev);
	else if ((flags & FE_F_END) && c->untracked && !c->unpaired)
		c->untracked--;
}

void st_request__headers(struct st_conn *c, const struct flow_event *ev)
{
	struct st_request *q = c->last;
	struct flow_event copy = *ev;
	size_t len = ev->headers.tracestate.len;
	struct st_headers *h;
	char *at;

	if (!q || c->untracked || q->ts != ev->ts || q->headers)
		return;
	for (uint32_t i = 0; i < ev->headers.n; i++)
		len += (size_t)ev->headers.header[i].name.len + ev->headers.header[i].value.len;
	h = malloc(sizeof(*h) + ev->headers.n * sizeof(h->header[0]) + len);
	if (!h)
		return;
	at = (char *)&h->header[ev->headers.n];
	st_keep(&copy.headers.tracestate, &at);
	for (uint32_t i = 0; i < ev->headers.n; i++) {
		h->header[i] = ev->headers.header[i];
		st_keep(&h->header[i].name, &at);
		st_keep(&h->header[i].value, &at);
	}
	copy.headers.header = h->header;
	h->ev = copy;
	q->headers = h;
}

static struct flow_event event_of(const struct st_request *q, enum flow_event_type type,
				  uint64_t ts)
{
	return (struct flow_event){.type = type, .pid = q->pid, .tid = q->tid, .ts = ts};
}

static int tell_part(uint64_t conn, uint32_t pid, uint32_t tid, const struct st_part *p,
		     const struct flow_sink *to)
{
	struct flow_event ev = {.type = FE_IN, .pid = pid, .tid = tid, .ts = p->ts};

	if (!p->ts)
		return 0;
	ev.io.conn = conn;
	ev.io.flags = FE_F_PART | FE_F_BEFORE;
	ev.io.arrival_ns = p->arrival_ns;
	ev.io.clock = p->clock;
	ev.io.bytes = p->bytes;
	return to->event(to->ctx, &ev);
}

static int tell_in(const struct st_request *q, const struct flow_sink *to)
{
	struct flow_event ev = event_of(q, FE_IN, q->ts);
	int err;

	ev.io = q->in;
	ev.io.flags &= ~(FE_F_END | FE_F_EOF | FE_F_RESYNC);
	ev.io.flags |= FE_F_BEFORE | (q->in_done ? FE_F_END : 0);
	/* Where the callback that read it allocated: it may be over. */
	ev.io.top = 0;
	err = to->event(to->ctx, &ev);
	if (!err && q->headers)
		err = to->event(to->ctx, &q->headers->ev);
	return err;
}

static int tell_out(const struct st_request *q, const struct flow_sink *to)
{
	struct flow_event ev = event_of(q, FE_OUT, q->head_ns);
	int err = 0;

	ev.io = q->out;
	ev.io.flags |= FE_F_BEFORE;
	ev.io.top = 0;
	ev.io.nids = 0;
	if (q->answered)
		err = to->event(to->ctx, &ev);
	if (err || !q->last_ns)
		return err;
	ev = event_of(q, FE_OUT, q->last_ns);
	ev.io.conn = q->conn;
	ev.io.bytes = q->more;
	ev.io.flags = FE_F_BEFORE | (q->in.flags & FE_F_TLS);
	return to->event(to->ctx, &ev);
}

static int by_order(const void *a, const void *b)
{
	const struct st_request *x = *(struct st_request *const *)a,
				*y = *(struct st_request *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* What is left of a connection: what came of the next head, the end of its input. */
static int tell_rest(const struct st_conn *c, uint64_t ts, const struct flow_sink *to)
{
	struct flow_event ev = {.type = FE_IN, .pid = c->pid, .tid = c->tid, .ts = c->eof_ns};
	int err = tell_part(c->id, c->pid, c->tid, &c->part, to);

	ev.io.conn = c->id;
	ev.io.flags = FE_F_EOF | FE_F_BEFORE;
	if (!err && c->eof_ns)
		err = to->event(to->ctx, &ev);
	ev.type = FE_OUT;
	ev.ts = ts;
	ev.io.flags = FE_F_HEAD | FE_F_GAP | FE_F_BEFORE;
	if (!err && c->unpaired)
		err = to->event(to->ctx, &ev);
	return err;
}

/* In the order in which they came. */
static int tell_sorted(struct st_request **all, uint32_t n, const struct flow_sink *to)
{
	int err = 0;

	qsort(all, n, sizeof(*all), by_order);
	for (uint32_t i = 0; i < n && !err; i++) {
		const struct st_request *q = all[i];

		err = tell_part(q->conn, q->pid, q->tid, &q->part, to);
		if (!err)
			err = tell_in(q, to);
		if (!err)
			err = tell_out(q, to);
	}
	return err;
}

int st_requests__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	struct st_request **all = calloc((size_t)s->in_flight + 1, sizeof(struct st_request *));
	uint32_t n = 0;
	int err;

	if (!all)
		return -ENOMEM;
	for (const struct st_conn *c = s->oldest; c; c = c->newer)
		for (struct st_request *q = c->first; q && n < s->in_flight; q = q->next)
			all[n++] = q;
	err = tell_sorted(all, n, to);
	free(all);
	for (const struct st_conn *c = s->oldest; c && !err; c = c->newer)
		err = tell_rest(c, ts, to);
	return err;
}

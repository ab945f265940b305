// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What holds a loop for too long without a break, who did it, and whom it kept waiting.
 *
 * A hold goes on as long as the loop neither waits nor turns to something else. So it is one
 * callback with the ticks and microtasks behind it; but Node.js runs all timers that are due in one
 * turn, and all immediates. It is a request's if that had the loop for most of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

#define BLOCKINGS 64 /* kept for those who have not paid yet, then handed out */
#define SHARES	  4

struct share {
	uint64_t conn;
	uint64_t seq;
	uint64_t ns;
};

struct hold {
	uint32_t turn;
	bool told; /* it is the newest of the blockings */
	uint64_t from;
	struct rq_between b;
	struct share share[SHARES]; /* of requests that are known to have had it */
};

struct rq_holds {
	struct hold hold;
	uint32_t nblockings; /* so far */
	uint32_t handed;
	struct flow_blocking blocking[BLOCKINGS];
};

static struct flow_blocking *blocking_at(struct rq_holds *l, uint32_t i)
{
	return &l->blocking[i % BLOCKINGS];
}

static void hand_out(struct flow_requests *r, struct rq_holds *l)
{
	struct flow_blocking *b = blocking_at(l, l->handed++);

	if (r->opts.blocking)
		r->opts.blocking(r->opts.ctx, b);
}

/* The turn may be another's in which this request goes on; then it has not ended yet. */
static void name_request(const struct flow_requests *r, const struct rq_thread *t,
			 struct flow_blocking *b)
{
	struct flow_req_ref ref = {.conn = b->conn, .seq = b->seq};
	const struct rq *rq;

	if (b->seq == t->turn.seq && b->conn == t->turn.conn) {
		b->method = t->turn.method;
		b->route = t->turn.route;
		memcpy(b->path, t->turn.path, sizeof(b->path));
		return;
	}
	rq = rq_turn__find(r, &ref);
	if (!rq)
		return;
	b->method = rq->pub.method;
	b->route = rq->pub.route;
	snprintf(b->path, sizeof(b->path), "%s", rq->pub.path);
}

/* One request has done it if it had the loop for most of the time. */
static void find_request(const struct flow_requests *r, const struct rq_thread *t,
			 const struct hold *h, struct flow_blocking *b)
{
	const struct share *most = &h->share[0];

	for (int i = 1; i < SHARES; i++)
		if (h->share[i].ns > most->ns)
			most = &h->share[i];
	if (most->ns < h->b.busy - h->b.busy / 3) {
		b->conn = b->seq = 0;
		b->method = b->route = NULL;
		b->path[0] = '\0';
	} else if (most->seq != b->seq || most->conn != b->conn) {
		b->conn = most->conn;
		b->seq = most->seq;
		name_request(r, t, b);
	}
}

static struct flow_blocking *begin_blocking(struct flow_requests *r, struct rq_thread *t)
{
	struct rq_holds *l = t->holds;
	struct flow_blocking *b;

	if (l->nblockings - l->handed == BLOCKINGS)
		hand_out(r, l);
	b = blocking_at(l, l->nblockings++);
	memset(b, 0, sizeof(*b));
	b->pid = t->pid;
	b->env = t->env;
	b->start_ns = l->hold.from;
	b->by = t->turn.kind;
	return b;
}

static void note_hold(struct flow_requests *r, struct rq_thread *t)
{
	struct hold *h = &t->holds->hold;
	struct flow_blocking *b;

	if (!r->opts.blocking_ns || h->b.busy < r->opts.blocking_ns)
		return;
	b = h->told ? blocking_at(t->holds, t->holds->nblockings - 1) : begin_blocking(r, t);
	h->told = true;
	b->duration_ns = h->b.busy;
	b->gc_ns = h->b.gc;
	b->sched_ns = h->b.sched;
	b->blocked_ns = h->b.blocked;
	find_request(r, t, h, b);
}

static void add_busy(struct rq_between *to, const struct rq_between *b)
{
	to->busy += b->busy;
	to->gc += b->gc;
	to->sched += b->sched;
	to->blocked += b->blocked;
}

static void add_share(struct hold *h, uint64_t conn, uint64_t seq, uint64_t ns)
{
	struct share *least = &h->share[0];

	for (int i = 0; i < SHARES; i++) {
		struct share *s = &h->share[i];

		if (s->seq == seq && s->conn == conn) {
			s->ns += ns;
			return;
		}
		if (s->ns < least->ns)
			least = s;
	}
	if (least->ns < ns)
		*least = (struct share){conn, seq, ns};
}

void rq_hold__push(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		   const struct rq_between *b, uint64_t conn, uint64_t seq)
{
	struct hold *h;

	if (!t->holds)
		t->holds = calloc(1, sizeof(*t->holds));
	if (!t->holds)
		return;
	h = &t->holds->hold;
	if (h->turn != t->turn.number || h->from + h->b.busy != from)
		*h = (struct hold){.turn = t->turn.number, .from = from};
	add_busy(&h->b, b);
	if (seq)
		add_share(h, conn, seq, b->busy);
	note_hold(r, t);
}

static struct flow_payer *payer_slot(struct flow_blocking *b, uint64_t ns)
{
	struct flow_payer *least = &b->payer[0];

	if (b->npayers < FLOW_PAYERS)
		return &b->payer[b->npayers++];
	for (uint32_t i = 1; i < FLOW_PAYERS; i++)
		if (b->payer[i].ns < least->ns)
			least = &b->payer[i];
	return least->ns < ns ? least : NULL;
}

static struct flow_payer *payer_of(struct flow_blocking *b, const struct rq *rq)
{
	for (uint32_t i = 0; i < b->npayers; i++)
		if (b->payer[i].seq == rq->pub.seq && b->payer[i].conn == rq->conn->id)
			return &b->payer[i];
	return NULL;
}

static void pay(struct flow_blocking *b, const struct rq *rq, uint64_t ns)
{
	struct flow_payer *p = payer_of(b, rq);

	b->paid += !p;
	b->paid_ns += ns;
	if (p) {
		p->ns += ns;
		return;
	}
	p = payer_slot(b, ns);
	if (!p)
		return;
	p->conn = rq->conn->id;
	p->seq = rq->pub.seq;
	p->ns = ns;
	p->method = rq->pub.method;
	snprintf(p->path, sizeof(p->path), "%s", rq->pub.path);
}

void rq_hold__pay(struct rq_thread *t, const struct rq *rq, const struct rq_run *run)
{
	struct rq_holds *l = t->holds;

	for (uint32_t i = l ? l->handed : 0; l && i != l->nblockings; i++) {
		struct flow_blocking *b = blocking_at(l, i);
		uint64_t a = max_t(uint64_t, run->ready, b->start_ns);
		uint64_t e = min_t(uint64_t, run->from, b->start_ns + b->duration_ns);

		if (e > a && (b->seq != rq->pub.seq || b->conn != rq->conn->id))
			pay(b, rq, e - a);
	}
}

void flow_requests__each_held(const struct flow_requests *r,
			      void (*fn)(void *ctx, const struct flow_blocking *b), void *ctx)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&r->threads, &pos))) {
		const struct rq_thread *t = s->value;
		struct rq_holds *l = t->holds;

		for (uint32_t i = l ? l->handed : 0; l && i != l->nblockings; i++)
			fn(ctx, blocking_at(l, i));
	}
}

void rq_hold__free(struct flow_requests *r, struct rq_thread *t)
{
	while (t->holds && t->holds->handed != t->holds->nblockings)
		hand_out(r, t->holds);
	free(t->holds);
	t->holds = NULL;
}

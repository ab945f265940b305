// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The recent past of a thread, piece by piece: who had the loop. A request that was ready in a
 * stretch of it looks back at who kept it waiting; and what held the loop for too long without a
 * break is told of, with those whom it kept waiting.
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

#define PIECES	  1024
#define BLOCKINGS 64 /* kept for those who have not paid yet, then handed out */

struct piece {
	uint64_t from;
	struct rq_between b;
	uint64_t conn; /* whose its busy time was */
	uint64_t seq;
};

#define SHARES 4

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

struct rq_line {
	struct rq_sums sums;
	uint32_t n; /* pieces so far */
	struct piece piece[PIECES];
	struct hold hold;
	uint32_t nblockings; /* so far */
	uint32_t handed;
	struct flow_blocking blocking[BLOCKINGS];
};

/* Blockings ------------------------------------------------------------------------------ */

static struct flow_blocking *blocking_at(struct rq_line *l, uint32_t i)
{
	return &l->blocking[i % BLOCKINGS];
}

static void hand_out(struct flow_requests *r, struct rq_line *l)
{
	struct flow_blocking *b = blocking_at(l, l->handed++);

	r->blockings++;
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
	struct rq_line *l = t->line;
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
	struct hold *h = &t->line->hold;
	struct flow_blocking *b;

	if (!r->opts.blocking_ns || h->b.busy < r->opts.blocking_ns)
		return;
	b = h->told ? blocking_at(t->line, t->line->nblockings - 1) : begin_blocking(r, t);
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

static void add_share(struct hold *h, const struct piece *p)
{
	struct share *least = &h->share[0];

	for (int i = 0; i < SHARES; i++) {
		struct share *s = &h->share[i];

		if (s->seq == p->seq && s->conn == p->conn) {
			s->ns += p->b.busy;
			return;
		}
		if (s->ns < least->ns)
			least = s;
	}
	if (least->ns < p->b.busy)
		*least = (struct share){p->conn, p->seq, p->b.busy};
}

static void hold(struct flow_requests *r, struct rq_thread *t, const struct piece *p)
{
	struct hold *h = &t->line->hold;
	bool goes_on = h->turn == t->turn.number && h->from + h->b.busy == p->from;

	if (!goes_on)
		*h = (struct hold){.turn = t->turn.number, .from = p->from};
	add_busy(&h->b, &p->b);
	if (p->seq)
		add_share(h, p);
	note_hold(r, t);
	if (p->b.idle)
		h->from = 0; /* over */
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

void rq_line__pay(const struct rq_thread *t, const struct rq *rq, const struct rq_run *run)
{
	struct rq_line *l = t->line;

	for (uint32_t i = l ? l->handed : 0; l && i != l->nblockings; i++) {
		struct flow_blocking *b = blocking_at(l, i);
		uint64_t a = max_t(uint64_t, run->ready, b->start_ns);
		uint64_t e = min_t(uint64_t, run->from, b->start_ns + b->duration_ns);

		if (e > a && (b->seq != rq->pub.seq || b->conn != rq->conn->id))
			pay(b, rq, e - a);
	}
}

/* Pieces --------------------------------------------------------------------------------- */

void rq_line__push(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		   const struct rq_between *b, uint64_t conn, uint64_t seq)
{
	struct rq_line *l = t->line;
	struct piece *p;

	if (!l)
		l = t->line = calloc(1, sizeof(*l));
	if (!l)
		return;
	l->sums.idle += b->idle;
	l->sums.late += b->late;
	l->sums.gc += b->gc;
	l->sums.sched += b->sched;
	p = &l->piece[l->n++ % PIECES];
	*p = (struct piece){.from = from, .b = *b, .conn = conn, .seq = seq};
	hold(r, t, p);
}

const struct rq_sums *rq_line__sums(const struct rq_thread *t)
{
	static const struct rq_sums none;

	return t->line ? &t->line->sums : &none;
}

void rq_line__free(struct flow_requests *r, struct rq_thread *t)
{
	while (t->line && t->line->handed != t->line->nblockings)
		hand_out(r, t->line);
	free(t->line);
	t->line = NULL;
}

/* Looking back --------------------------------------------------------------------------- */

static void note_blocker(struct rq_run *run, uint64_t conn, uint64_t seq, uint64_t ns)
{
	struct flow_blocker *b = run->by, *least = &b[0];

	for (int i = 0; i < RQ_RUN_BLOCKERS; i++) {
		if (b[i].ns && b[i].seq == seq && b[i].conn == conn) {
			b[i].ns += ns;
			return;
		}
		if (b[i].ns < least->ns)
			least = &b[i];
	}
	if (least->ns < ns)
		*least = (struct flow_blocker){conn, seq, ns};
}

static uint64_t within(const struct rq_run *run, uint64_t a, uint64_t e)
{
	a = max_t(uint64_t, a, run->ready);
	e = min_t(uint64_t, e, run->from);
	return e > a ? e - a : 0;
}

static void add_late(const struct rq *rq, const struct piece *p, struct rq_run *run)
{
	uint64_t idle_from = p->from + p->b.busy;
	uint64_t busy = within(run, p->from, idle_from);
	uint64_t idle = within(run, idle_from, idle_from + p->b.idle);
	uint64_t late = rq_part(p->b.late, idle, p->b.idle);
	uint64_t gc = rq_part(p->b.gc, busy, p->b.busy);
	uint64_t sched = rq_part(p->b.sched, busy, p->b.busy);

	/* The wait that ended with what it was ready for is not the loop's fault. */
	if (run->ready < idle_from)
		run->unseen += idle - late;
	run->late_gc += gc;
	run->late_sched += sched + late;
	run->late_loop += busy - gc - sched;
	if (busy && p->seq && (p->seq != rq->pub.seq || p->conn != rq->conn->id))
		note_blocker(run, p->conn, p->seq, busy);
}

void rq_line__late(const struct rq_thread *t, const struct rq *rq, struct rq_run *run)
{
	const struct rq_line *l = t->line;
	uint32_t kept = l ? min_t(uint32_t, l->n, PIECES) : 0;
	uint64_t oldest = run->from;

	for (uint32_t i = 1; i <= kept && oldest > run->ready; i++) {
		const struct piece *p = &l->piece[(l->n - i) % PIECES];

		add_late(rq, p, run);
		oldest = min_t(uint64_t, oldest, p->from);
	}
	/* So much happened meanwhile that the rest is not kept. */
	if (kept == PIECES && oldest > run->ready)
		run->late_loop += oldest - run->ready;
}

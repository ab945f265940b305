// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The recent past of a thread, piece by piece: who had the loop. A request that was ready in a
 * stretch of it looks back at who kept it waiting.
 */
#include <stdlib.h>

#include "flow_request_int.h"
#include "util.h"

#define PIECES 1024

struct piece {
	uint64_t from;
	struct rq_between b;
	uint64_t conn; /* whose its busy time was */
	uint64_t seq;
};

struct rq_line {
	struct rq_sums sums;
	uint32_t n; /* pieces so far */
	struct piece piece[PIECES];
};

void rq_line__push(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		   const struct rq_between *b, uint64_t conn, uint64_t seq)
{
	struct rq_line *l = t->line;

	if (!l)
		l = t->line = calloc(1, sizeof(*l));
	if (!l)
		return;
	l->sums.idle += b->idle;
	l->sums.late += b->late;
	l->sums.gc += b->gc;
	l->sums.sched += b->sched;
	l->piece[l->n++ % PIECES] = (struct piece){.from = from, .b = *b, .conn = conn, .seq = seq};
	rq_hold__push(r, t, from, b, conn, seq);
}

const struct rq_sums *rq_line__sums(const struct rq_thread *t)
{
	static const struct rq_sums none;

	return t->line ? &t->line->sums : &none;
}

void rq_line__free(struct rq_thread *t)
{
	free(t->line);
	t->line = NULL;
}

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

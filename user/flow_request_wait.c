// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a request waited for.
 *
 * From the moment its head is read, a request runs and waits by turns. A *run* is a piece of a
 * thread's time line that is its (flow_request_time.c); between two runs is a *gap*. What it waited
 * for in a gap is told by what ended it: the operation of its own whose end the loop then handled.
 * An operation has a beginning, when the request issued it, and an end *at its source*: the answer
 * has arrived in the socket, the thread pool has done its job, the timer was due. From there to the
 * run behind it the request was ready and the loop late: it collected garbage, had no CPU, or
 * worked for others.
 *
 * An operation that began before other runs of its request spans several gaps, and not everything
 * that ends a gap is what the request needed: it may write a log file besides. So the gaps get
 * their names from the last one backwards, along the critical path: the operation that ended the
 * last gap explains all of the time back to its beginning in which the request did not run; then
 * the run in which it was issued is looked for, and what ended the gap before that; and so on. Of
 * operations that ran at once, the one that ended last explains the time, and what ended a gap that
 * lies in another's time explains nothing.
 *
 * Runs are never waits: a request that computes while a query is under way spends the time on a
 * CPU. The end of the response ends it all; what goes on behind it is not looked at.
 *
 * A gap that no operation explains: if timers of JavaScript ended it, it was a timer; else the loop
 * worked for others in its busy time, and what is idle is WAIT_OTHER.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

const char *flow_wait__name(enum flow_wait kind)
{
	static const char *const names[WAIT_KINDS] = {
		[WAIT_QUEUE] = "queue",
		[WAIT_CPU] = "cpu",
		[WAIT_LOOP] = "loop",
		[WAIT_GC] = "gc",
		[WAIT_SCHED] = "sched",
		[WAIT_BLOCKED] = "blocked",
		[WAIT_DNS] = "dns",
		[WAIT_CONNECT] = "connect",
		[WAIT_CALL] = "call",
		[WAIT_SOCKET] = "socket",
		[WAIT_FS] = "fs",
		[WAIT_CRYPTO] = "crypto",
		[WAIT_ZLIB] = "zlib",
		[WAIT_POOL] = "pool",
		[WAIT_POOL_QUEUE] = "pool_queue",
		[WAIT_TIMER] = "timer",
		[WAIT_CLIENT] = "client",
		[WAIT_OTHER] = "other",
	};

	return names[kind];
}

static struct rq_run *runs(struct rq_wait *w)
{
	return w->run ? w->run : w->first;
}

static struct rq_run *last_run(struct rq_wait *w)
{
	return &runs(w)[w->n - 1];
}

void rq_wait__begin(struct rq *rq)
{
	struct rq_wait *w = &rq->wait;

	w->n = 1;
	w->room = RQ_RUNS_INLINE;
	w->first[0] = (struct rq_run){.from = rq->from_ns, .to = rq->from_ns};
	if (rq->thread)
		w->stopped = *rq_line__sums(rq->thread);
}

void rq_wait__free(struct rq *rq)
{
	free(rq->wait.run);
	rq->wait.run = NULL;
}

/* Names ---------------------------------------------------------------------------------- */

static uint64_t overlap(uint64_t from, uint64_t to, const struct rq_op *op)
{
	uint64_t a = max_t(uint64_t, from, op->from), b = min_t(uint64_t, to, op->until);

	return b > a ? b - a : 0;
}

/* Gives @n to @kind, as far as it is left. */
static void give(uint64_t ns[WAIT_KINDS], uint64_t *left, enum flow_wait kind, uint64_t n)
{
	n = min_t(uint64_t, n, *left);
	ns[kind] += n;
	*left -= n;
}

/* The gap [from, to) before @run, which ended it. */
static void name_own(uint64_t ns[WAIT_KINDS], const struct rq_run *run, uint64_t from)
{
	uint64_t left = run->from - from, before;

	give(ns, &left, WAIT_LOOP, run->late_loop);
	give(ns, &left, WAIT_GC, run->late_gc);
	give(ns, &left, WAIT_SCHED, run->late_sched);
	give(ns, &left, WAIT_OTHER, run->unseen);
	for (uint32_t i = 1; i < run->nops; i++)
		give(ns, &left, run->op[i].kind, overlap(from, run->from, &run->op[i]));
	if (!run->nops) {
		ns[run->kind] += left;
		return;
	}
	/* With what the loop took to wake up. What is before it was issued is nobody's. */
	before = run->op[run->nops - 1].from;
	if (before > from)
		give(ns, &left, WAIT_OTHER, before - from);
	ns[run->op[0].kind] += left;
}

/* A gap that lies in the time of operations which ended a later one. */
static void name_carried(uint64_t ns[WAIT_KINDS], const struct rq_run *run, uint64_t from,
			 const struct rq_run *by)
{
	uint64_t left = run->from - from;

	for (uint32_t i = 0; i < by->nops; i++)
		give(ns, &left, by->op[i].kind, overlap(from, run->from, &by->op[i]));
	ns[WAIT_OTHER] += left;
}

static void name_run(uint64_t ns[WAIT_KINDS], const struct rq_run *run)
{
	const struct rq_between *b = &run->ran;
	uint64_t all = run->to - run->from, off = b->gc + b->sched + b->blocked;

	if (off > all)
		off = 0;
	else {
		ns[WAIT_GC] += b->gc;
		ns[WAIT_SCHED] += b->sched;
		ns[WAIT_BLOCKED] += b->blocked;
	}
	ns[WAIT_CPU] += all - off;
}

/* When what ended the gap before @run was issued; its own beginning if nothing is known to have. */
static uint64_t issued(const struct rq_run *run)
{
	return run->nops ? run->op[run->nops - 1].from : run->from;
}

/* The gap before @run lies in the time of what ended the later one before @by. */
static bool is_carried(const struct rq_run *run, const struct rq_run *by)
{
	return by && issued(by) < run->from;
}

/* Adds up runs [0, n) and the gaps between them, backwards. */
static void name_all(uint64_t ns[WAIT_KINDS], const struct rq_run *run, uint32_t n)
{
	const struct rq_run *by = NULL;

	for (uint32_t i = n; i-- > 0;) {
		name_run(ns, &run[i]);
		if (!i)
			break;
		if (is_carried(&run[i], by)) {
			name_carried(ns, &run[i], run[i - 1].to, by);
			continue;
		}
		name_own(ns, &run[i], run[i - 1].to);
		by = &run[i];
	}
}

bool rq_wait__sum(const struct rq *rq, uint64_t ts, uint64_t ns[WAIT_KINDS])
{
	const struct rq_wait *w = &rq->wait;
	const struct rq_run *run = w->run ? w->run : w->first; /* runs(), of one that is const */

	if (w->lost || !rq->thread->line || rq->thread->losses != rq->losses ||
	    run[w->n - 1].to != ts)
		return false;
	memcpy(ns, w->folded, sizeof(w->folded));
	ns[WAIT_QUEUE] += rq->pub.breakdown.queue;
	name_all(ns, run, w->n);
	return true;
}

/* Blame ---------------------------------------------------------------------------------- */

static void blame(struct rq *rq, const struct flow_blocker *by)
{
	struct flow_blocker *b = rq->pub.blocker;
	int at = FLOW_BLOCKERS - 1, i;

	for (i = 0; i < FLOW_BLOCKERS; i++)
		if (b[i].ns && b[i].seq == by->seq && b[i].conn == by->conn)
			break;
	if (i < FLOW_BLOCKERS) {
		b[i].ns += by->ns;
		at = i;
	} else if (b[at].ns < by->ns) {
		b[at] = *by;
	}
	for (; at > 0 && b[at - 1].ns < b[at].ns; at--) {
		struct flow_blocker swap = b[at];

		b[at] = b[at - 1];
		b[at - 1] = swap;
	}
}

static void blame_run(struct rq *rq, const struct rq_run *run)
{
	for (int i = 0; i < RQ_RUN_BLOCKERS; i++)
		if (run->by[i].ns)
			blame(rq, &run->by[i]);
	rq_hold__pay(rq->thread, rq, run);
}

/* Of runs [0, n) those whose gap is on the critical path; the first one's is the socket. */
static void blame_all(struct rq *rq, const struct rq_run *run, uint32_t n)
{
	const struct rq_run *by = NULL;

	for (uint32_t i = n; i-- > 0;) {
		if (i && is_carried(&run[i], by))
			continue;
		blame_run(rq, &run[i]);
		by = &run[i];
	}
}

void rq_wait__blame(struct rq *rq)
{
	if (rq->pub.waits.known)
		blame_all(rq, runs(&rq->wait), rq->wait.n);
}

void rq_wait__queued(struct rq_thread *t, struct rq *rq)
{
	struct rq_run *run = &rq->wait.first[0];

	run->ready = rq->pub.start_ns;
	rq_line__late(t, rq, run);
}

/* Runs ----------------------------------------------------------------------------------- */

/* A request that runs very often: its older runs become sums. */
static void fold(struct rq *rq)
{
	struct rq_wait *w = &rq->wait;
	uint64_t again[WAIT_KINDS] = {0};
	uint32_t half = w->n / 2;

	name_all(w->folded, w->run, half + 1);
	blame_all(rq, w->run, half + 1);
	/* The run that both halves share stays. */
	name_run(again, &w->run[half]);
	for (int k = 0; k < WAIT_KINDS; k++)
		w->folded[k] -= again[k];
	w->run[half].ready = w->run[half].from; /* that is paid */
	memset(w->run[half].by, 0, sizeof(w->run[half].by));
	memmove(w->run, w->run + half, (w->n - half) * sizeof(*w->run));
	w->n -= half;
}

static struct rq_run *add_run(struct rq *rq)
{
	struct rq_wait *w = &rq->wait;
	struct rq_run *grown;
	uint32_t room;

	if (w->n == RQ_RUNS_MAX)
		fold(rq);
	if (w->n == w->room) {
		room = min_t(uint32_t, w->room * 4, RQ_RUNS_MAX);
		grown = realloc(w->run, room * sizeof(*grown));
		if (!grown) {
			w->lost = true;
			return NULL;
		}
		if (!w->run)
			memcpy(grown, w->first, sizeof(w->first));
		w->run = grown;
		w->room = room;
	}
	return &runs(w)[w->n++];
}

void rq_wait__op(struct rq *rq, enum flow_wait kind, uint64_t from, uint64_t until)
{
	struct rq_wait *w = &rq->wait;
	uint64_t stopped = last_run(w)->to;
	struct rq_op op = {.kind = (uint8_t)kind, .from = from ? from : stopped, .until = until};
	uint32_t at = w->nops;

	if (op.from < rq->from_ns)
		op.from = rq->from_ns;
	if (op.until < op.from)
		op.until = op.from;
	if (w->nops < RQ_OPS)
		w->nops++;
	else
		at = 0; /* the one before is the likeliest to follow from the others */
	w->op[at] = op;
}

/* The operation that ended last, and one right before it. */
static void choose(const struct rq_wait *w, struct rq_run *run)
{
	const struct rq_op *last = NULL, *before = NULL;

	for (uint32_t i = 0; i < w->nops; i++)
		if (!last || w->op[i].until >= last->until)
			last = &w->op[i];
	for (uint32_t i = 0; last && i < w->nops; i++)
		if (&w->op[i] != last && w->op[i].until <= last->from &&
		    (!before || w->op[i].until > before->until))
			before = &w->op[i];
	if (last)
		run->op[run->nops++] = *last;
	if (before)
		run->op[run->nops++] = *before;
}

static void timer_op(const struct rq_thread *t, struct rq_wait *w, uint64_t from)
{
	if (w->nops || t->turn.kind != TURN_TIMERS || t->turn.due_ns <= from)
		return;
	w->op[0] = (struct rq_op){.kind = WAIT_TIMER, .from = from, .until = t->turn.due_ns};
	w->nops = 1;
}

/* Nothing tells until when it waited: what the loop did all along is taken for its being late. */
static void unexplained(const struct rq_thread *t, const struct rq_wait *w, uint64_t from,
			struct rq_run *run)
{
	const struct rq_sums *now = rq_line__sums(t), *then = &w->stopped;
	uint64_t gap = run->from - from;
	uint64_t idle = min_t(uint64_t, now->idle - then->idle, gap);

	run->kind = t->turn.kind == TURN_TIMERS ? WAIT_TIMER : WAIT_OTHER;
	run->late_gc = min_t(uint64_t, now->gc - then->gc, gap - idle);
	run->late_sched = now->sched - then->sched;
	run->late_sched = min_t(uint64_t, run->late_sched, gap - idle - run->late_gc);
	run->late_loop = gap - idle - run->late_gc - run->late_sched;
	run->late_sched += min_t(uint64_t, now->late - then->late, idle);
}

void rq_wait__resume(struct rq_thread *t, struct rq *rq, uint64_t at)
{
	struct rq_wait *w = &rq->wait;
	uint64_t from = last_run(w)->to;
	struct rq_run *run;

	if (at <= from || w->lost) {
		w->nops = 0;
		return;
	}
	run = add_run(rq);
	if (!run)
		return;
	*run = (struct rq_run){.from = at, .to = at};
	timer_op(t, w, from);
	choose(w, run);
	w->nops = 0;
	run->ready = at;
	if (run->nops) {
		run->ready = max_t(uint64_t, from, run->op[0].until);
		rq_line__late(t, rq, run);
	} else {
		unexplained(t, w, from, run);
	}
	w->stopped = *rq_line__sums(t);
}

void rq_wait__ran(struct rq_thread *t, struct rq *rq, uint64_t to, const struct rq_between *b)
{
	struct rq_wait *w = &rq->wait;
	struct rq_run *run = last_run(w);

	if (to > run->to) {
		run->to = to;
		run->ran.gc += b->gc;
		run->ran.sched += b->sched;
		run->ran.blocked += b->blocked;
	}
	w->stopped = *rq_line__sums(t);
}

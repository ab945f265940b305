// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The points of a thread's time line, and to whom the time between two of them belongs: the rules
 * are in the essay of flow_request.c. Whose it was goes to flow_request_line.c, what it means to a
 * request to flow_request_wait.c.
 */
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

/*
 * Of the busy time, what the thread was not on a CPU: it could have run, or it waited inside of a
 * callback. Between two CPUs only the kernel's count tells, which may be a tick old at both ends.
 */
#define TICKS_NS 20000000ULL /* two, of kernels with 100 Hz or more */

static void off_cpu(const struct rq_thread *t, const struct fe_clock *c, uint64_t elapsed,
		    struct rq_between *b)
{
	bool moved = c->cpu != t->clock.cpu;
	uint64_t on = moved ? c->ran_ns - t->clock.ran_ns : c->cpu_ns - t->clock.cpu_ns;
	uint64_t delay = c->delay_ns - t->clock.delay_ns, off, sleep;

	if (!(c->has & t->clock.has & FE_CLOCK_CPU) || (int64_t)delay < 0)
		return;
	/* A thread that is woken counts as delayed from when it lost its CPU, a bit before. */
	delay = min_t(uint64_t, delay, elapsed);
	if (on > elapsed) /* as little below nothing, or another clock: it says nothing */
		on = elapsed - delay;
	off = b->busy > on ? b->busy - on : 0;
	b->sched = min_t(uint64_t, off, delay);
	b->late = min_t(uint64_t, delay - b->sched, b->idle);
	sleep = off - b->sched;
	if (moved && sleep < TICKS_NS)
		sleep = 0;
	b->blocked = sleep;
}

/* How the time since the thread's last point divides; false if that cannot be known. */
static bool between(struct rq_thread *t, uint64_t ts, const struct fe_clock *c,
		    struct rq_between *b)
{
	uint64_t elapsed = ts - t->ts;

	memset(b, 0, sizeof(*b));
	if (!(c->has & t->clock.has & FE_CLOCK_IDLE))
		return false;
	if (c->idle_ns < t->clock.idle_ns) { /* another loop, or a failed read */
		t->breaks++;
		return false;
	}
	b->idle = min_t(uint64_t, c->idle_ns - t->clock.idle_ns, elapsed);
	b->busy = elapsed - b->idle;
	b->gc = min_t(uint64_t, t->gc_ns, b->busy);
	off_cpu(t, c, elapsed, b);
	/* While it collects, it may wait for its helpers. */
	b->blocked = min_t(uint64_t, b->blocked, b->busy - b->gc);
	b->sched = min_t(uint64_t, b->sched, b->busy - b->gc - b->blocked);
	return true;
}

/* Takes @busy of the busy time out of @b, with what it has of everything. */
static struct rq_between take(struct rq_between *b, uint64_t busy)
{
	struct rq_between out = {
		.busy = busy,
		.gc = rq_part(b->gc, busy, b->busy),
		.sched = rq_part(b->sched, busy, b->busy),
		.blocked = rq_part(b->blocked, busy, b->busy),
	};

	b->busy -= busy;
	b->gc -= out.gc;
	b->sched -= out.sched;
	b->blocked -= out.blocked;
	return out;
}

/* Whose what nobody is known to have done is: who began this turn of the loop. */
static void push_rest(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		      const struct rq_between *b)
{
	if (b->busy || b->idle)
		rq_line__push(r, t, from, b, t->turn.conn, t->turn.seq);
	if (b->idle)
		rq_turn__begin(t, TURN_UNKNOWN, 0, NULL);
}

static void push_of(struct flow_requests *r, struct rq_thread *t, struct rq *rq, uint64_t from,
		    const struct rq_between *b)
{
	rq->cpu_ns += b->busy;
	if (b->busy)
		rq_line__push(r, t, from, b, rq->conn->id, rq->pub.seq);
	rq_wait__ran(t, rq, from + b->busy, b);
}

/*
 * Shares the time between the last point and @ts: to the owner of the last point what it may have
 * used, to the sender (@to, NULL at a receive) what it may have used.
 */
static void share(struct flow_requests *r, struct rq_thread *t, uint64_t ts, struct rq_between *b,
		  struct rq *to)
{
	uint64_t own = 0, theirs = 0;
	struct rq_between of_owner, of_to;

	if (t->owner && t->closed)
		own = min_t(uint64_t, b->busy, t->until - t->ts);
	else if (t->owner && to && to != t->owner)
		own = b->busy / 2;
	else if (t->owner)
		own = b->busy;
	if (to)
		theirs = min_t(uint64_t, b->busy - own, ts - t->mark);
	of_owner = take(b, own);
	of_to = take(b, theirs);
	if (t->owner)
		push_of(r, t, t->owner, t->ts, &of_owner);
	push_rest(r, t, t->ts + own, b);
	if (!to)
		return;
	rq_wait__resume(t, to, ts - theirs);
	push_of(r, t, to, ts - theirs, &of_to);
}

static void set_point(struct rq_thread *t, uint64_t ts, const struct fe_clock *clock,
		      struct rq *owner)
{
	t->point = true;
	t->ts = ts;
	t->mark = ts;
	t->clock = *clock;
	t->gc_ns = 0;
	t->owner = owner;
	t->closed = false;
}

/* Only the thread that read its head works for a request as far as this accounting goes. */
static struct rq *of_thread(const struct rq_thread *t, struct rq *rq)
{
	return rq && rq->thread == t ? rq : NULL;
}

void rq_time__point(struct flow_requests *r, struct rq_thread *t, uint64_t ts,
		    const struct fe_clock *clock, struct rq *to, struct rq *owner)
{
	struct rq_between b;

	if (t->point && ts < t->ts)
		return; /* told late: the point stands */
	to = of_thread(t, to);
	if (t->point && between(t, ts, clock, &b))
		share(r, t, ts, &b, to);
	set_point(t, ts, clock, of_thread(t, owner));
}

void rq_time__receive(struct flow_requests *r, struct rq_thread *t, const struct flow_event *ev,
		      struct rq *rq)
{
	uint64_t arrival = ev->io.arrival_ns ? ev->io.arrival_ns : ev->ts;

	if (!t)
		return;
	rq = of_thread(t, rq);
	rq_time__point(r, t, ev->ts, &ev->io.clock, NULL, rq);
	rq_turn__begin(t, TURN_REQUEST, 0, rq);
	if (!rq || t->ts != ev->ts)
		return;
	if (ev->io.flags & FE_F_HEAD)
		rq_wait__queued(t, rq);
	if (ev->ts > rq->from_ns)
		rq_wait__op(rq, WAIT_CLIENT, 0, arrival);
	rq_wait__resume(t, rq, ev->ts);
}

void rq_time__send(struct flow_requests *r, struct rq_thread *t, const struct flow_event *ev,
		   struct rq *rq)
{
	if (t)
		rq_time__point(r, t, ev->ts, &ev->io.clock, rq, rq);
}

void rq_time__scope(struct rq_thread *t, uint64_t ts)
{
	if (!t->point || ts < t->mark)
		return;
	if (!t->closed) {
		t->closed = true;
		t->until = ts;
	}
	t->mark = ts;
}

void rq_time__forget(struct rq_thread *t, const struct rq *rq)
{
	if (t && t->owner == rq)
		t->owner = NULL;
}

/* @ev: the receive that completed the head; an earlier part of it counts as the beginning. */
void rq_time__begin(struct rq *rq, const struct flow_event *ev, const struct rq_conn *conn)
{
	uint64_t arrival = ev->io.arrival_ns;

	rq->pub.recv_ns = ev->ts;
	rq->from_ns = ev->ts;
	rq->from_idle_ns = ev->io.clock.idle_ns;
	rq->from_idle_known = ev->io.clock.has & FE_CLOCK_IDLE;
	if (conn->part_ts && conn->part_ts <= ev->ts) {
		rq->from_ns = conn->part_ts;
		rq->from_idle_ns = conn->part_idle_ns;
		rq->from_idle_known = conn->part_idle_known;
		arrival = conn->part_arrival_ns;
	}
	if (!arrival || arrival > rq->from_ns)
		arrival = rq->from_ns;
	rq->pub.start_ns = arrival;
	rq->pub.breakdown.queue = rq->from_ns - arrival;
	rq->last_ns = rq->from_ns;
	if (rq->thread)
		rq->breaks = rq->thread->breaks;
	rq_wait__begin(rq);
}

/* Brings the breakdown up to @ev, an operation of this request or the end of its stream. */
void rq_time__settle(struct rq *rq, const struct flow_event *ev)
{
	struct flow_breakdown *b = &rq->pub.breakdown;
	uint64_t total;

	if (ev->ts < rq->from_ns)
		return;
	rq->last_ns = ev->ts;
	rq->sent = true;
	total = ev->ts - rq->from_ns;
	b->known = rq->from_idle_known && (ev->io.clock.has & FE_CLOCK_IDLE) && rq->thread &&
		   rq->thread->tid == ev->tid && rq->thread->breaks == rq->breaks &&
		   ev->io.clock.idle_ns >= rq->from_idle_ns;
	b->wait = b->cpu = b->loop_busy = 0;
	rq->pub.waits.known = false;
	if (!b->known)
		return;
	b->wait = min_t(uint64_t, ev->io.clock.idle_ns - rq->from_idle_ns, total);
	b->cpu = min_t(uint64_t, rq->cpu_ns, total - b->wait);
	b->loop_busy = total - b->wait - b->cpu;
	rq_wait__resume(rq->thread, rq, ev->ts);
	rq->pub.waits.known = rq_wait__sum(rq, ev->ts, rq->pub.waits.ns);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the time of a request went: the rules are in the essay of flow_request.c. */
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

/* Busy time since the thread's last point; false if it cannot be known. */
static bool busy_since(struct rq_thread *t, const struct flow_event *ev, uint64_t *busy)
{
	uint64_t elapsed = ev->ts - t->ts, idle;

	if (!(ev->io.clock.has & FE_CLOCK_IDLE) || !t->idle_known)
		return false;
	if (ev->io.clock.idle_ns < t->idle_ns) { /* another loop, or a failed read */
		t->breaks++;
		return false;
	}
	idle = ev->io.clock.idle_ns - t->idle_ns;
	*busy = elapsed - min_t(uint64_t, idle, elapsed);
	return true;
}

/*
 * Shares the busy time between the last point and this one: to the owner of the last point
 * what it may have used, to the sender (@to, NULL at a receive) what it may have used.
 */
static void share(struct rq_thread *t, uint64_t ts, uint64_t busy, struct rq *to)
{
	uint64_t own = 0;

	if (t->owner && t->closed)
		own = min_t(uint64_t, busy, t->until - t->ts);
	else if (t->owner && to && to != t->owner)
		own = busy / 2;
	else if (t->owner)
		own = busy;
	if (t->owner)
		t->owner->cpu_ns += own;
	if (to)
		to->cpu_ns += min_t(uint64_t, busy - own, ts - t->mark);
}

static void set_point(struct rq_thread *t, const struct flow_event *ev, struct rq *owner)
{
	t->point = true;
	t->ts = ev->ts;
	t->mark = ev->ts;
	t->idle_known = ev->io.clock.has & FE_CLOCK_IDLE;
	t->idle_ns = ev->io.clock.idle_ns;
	t->owner = owner;
	t->closed = false;
}

static void advance(struct rq_thread *t, const struct flow_event *ev, struct rq *to,
		    struct rq *owner)
{
	uint64_t busy;

	if (t->point && ev->ts < t->ts)
		return; /* told late: the point stands */
	if (t->point && busy_since(t, ev, &busy))
		share(t, ev->ts, busy, to);
	set_point(t, ev, owner);
}

/* Only the thread that read its head works for a request as far as this accounting goes. */
static struct rq *of_thread(const struct rq_thread *t, struct rq *rq)
{
	return rq && rq->thread == t ? rq : NULL;
}

void rq_time__receive(struct rq_thread *t, const struct flow_event *ev, struct rq *rq)
{
	if (t)
		advance(t, ev, NULL, of_thread(t, rq));
}

void rq_time__send(struct rq_thread *t, const struct flow_event *ev, struct rq *rq)
{
	if (t)
		advance(t, ev, of_thread(t, rq), of_thread(t, rq));
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
	if (!b->known)
		return;
	b->wait = min_t(uint64_t, ev->io.clock.idle_ns - rq->from_idle_ns, total);
	b->cpu = min_t(uint64_t, rq->cpu_ns, total - b->wait);
	b->loop_busy = total - b->wait - b->cpu;
}

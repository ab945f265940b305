// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See flow_loop.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_loop.h"
#include "flow_table.h"

#define THREADS 4096

struct lp_thread {
	bool lost;		 /* records since the last head that was read */
	bool job;		 /* the last turn was a job's, */
	uint64_t work;		 /* which was handed in under this connection */
	struct flow_req_ref ref; /* seq 0: nobody's */
};

struct flow_loops {
	const struct flow_requests *requests;
	struct flow_table threads; /* pid, tid: those that lost records or had jobs */
	struct flow_pool pool;
	bool blind; /* a probe on turns of the loop is missing, or there was no room for a thread */
	uint64_t overflow;
};

int flow_loops__new(struct flow_loops **out, const struct flow_requests *requests)
{
	struct flow_loops *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->requests = requests;
	flow_pool__init(&l->pool, sizeof(struct lp_thread), THREADS);
	err = flow_table__init(&l->threads, THREADS);
	if (err) {
		flow_loops__free(l);
		return err;
	}
	*out = l;
	return 0;
}

void flow_loops__free(struct flow_loops *l)
{
	if (!l)
		return;
	flow_table__destroy(&l->threads);
	flow_pool__destroy(&l->pool);
	free(l);
}

uint64_t flow_loops__overflow(const struct flow_loops *l)
{
	return l->overflow;
}

/* What is not kept of a thread may be what speaks against its work: then none is certain. */
static struct lp_thread *thread_get(struct flow_loops *l, const struct flow_event *ev)
{
	struct lp_thread *t = flow_table__get(&l->threads, ev->pid, ev->tid);

	if (t)
		return t;
	t = flow_pool__alloc(&l->pool);
	if (t && !flow_table__put(&l->threads, ev->pid, ev->tid, t))
		return t;
	flow_pool__release(&l->pool, t);
	l->overflow++;
	l->blind = true;
	return NULL;
}

static void thread_forget(struct flow_loops *l, uint32_t pid, uint32_t tid)
{
	flow_pool__release(&l->pool, flow_table__take(&l->threads, pid, tid));
}

static void forget_process(struct flow_loops *l, uint32_t pid)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&l->threads, &pos))) {
		if (s->a != pid)
			continue;
		thread_forget(l, pid, (uint32_t)s->b);
		pos--;
	}
}

/* Until the next head that this thread reads, which request a connection is at is not certain. */
static void on_loss(struct flow_loops *l, const struct flow_event *ev)
{
	struct lp_thread *t;

	if (ev->loss.kind != FLOW_LOSS_RING || !ev->tid)
		return;
	t = thread_get(l, ev);
	if (t)
		t->lost = true;
}

/* Without one of them a callback may run unseen behind a receive. */
static void on_probe(struct flow_loops *l, const struct flow_event *ev)
{
	static const char loop[] = "loop_";

	if (!ev->probe.attached && ev->probe.name.len > sizeof(loop) - 1 &&
	    memcmp(ev->probe.name.s, loop, sizeof(loop) - 1) == 0)
		l->blind = true;
}

static void on_turn(struct flow_loops *l, const struct flow_event *ev)
{
	struct lp_thread *t =
		l->threads.count ? flow_table__get(&l->threads, ev->pid, ev->tid) : NULL;

	if (!t)
		return;
	t->job = false;
	if (ev->type == FE_IN && (ev->io.flags & FE_F_HEAD))
		t->lost = false;
}

void flow_loops__event(struct flow_loops *l, const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_IN:
	case FE_TURN:
		on_turn(l, ev);
		break;
	case FE_LOSS:
		on_loss(l, ev);
		break;
	case FE_PROBE:
		on_probe(l, ev);
		break;
	case FE_THREAD:
		if (ev->thread.ended)
			thread_forget(l, ev->pid, ev->tid);
		break;
	case FE_TARGET_END:
		forget_process(l, ev->pid);
		break;
	default:
		break;
	}
}

void flow_loops__job(struct flow_loops *l, const struct flow_event *ev,
		     const struct flow_req_ref *ref)
{
	struct lp_thread *t = thread_get(l, ev);

	if (!t)
		return;
	t->job = true;
	t->work = ev->job.work;
	t->ref = ref ? *ref : (struct flow_req_ref){0};
}

enum loop_is flow_loops__find(const struct flow_loops *l, const struct flow_event *ev,
			      uint64_t work, bool slept, struct flow_req_ref *ref)
{
	const struct lp_thread *t = flow_table__get(&l->threads, ev->pid, ev->tid);

	if (l->blind)
		return LOOP_PROBES;
	if (!work)
		return slept ? LOOP_SLEPT : LOOP_TURN;
	if (t && t->lost)
		return LOOP_LOSS;
	/* The connection may be at another request by now. */
	if (t && t->job) {
		if (!t->ref.seq || t->work != work)
			return LOOP_TURN;
		*ref = t->ref;
		return LOOP_REQUEST;
	}
	return flow_requests__latest(l->requests, work, ref) ? LOOP_REQUEST : LOOP_SEVERAL;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The health of event loops and thread pools: fed by events, copied for snapshots. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_pace.h"
#include "model_builder.h"
#include "util.h"

/* Some 20 to 60 kB each: environments beyond are told without. */
#define MAX_HEALTH 1024
#define MAX_POOLS  256

struct loop_health {
	struct flow_pace pace;
	struct flow_lag lag;
	struct model_gc gc;
};

static struct loop_health *health_of(struct model_builder *b, struct loop_state *l)
{
	if (!l || l->health)
		return l ? l->health : NULL;
	if (b->health_count == MAX_HEALTH) {
		b->not_kept++;
		return NULL;
	}
	l->health = calloc(1, sizeof(*l->health));
	if (l->health)
		b->health_count++;
	else
		b->oom = true;
	return l->health;
}

static void on_thread(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_state *l = model_builder__loop(b, ev->pid, ev->thread.env);

	if (!l)
		return;
	l->tid = ev->thread.ended ? 0 : ev->tid;
	/* What it was at ended with it. */
	if (ev->thread.ended && l->health)
		flow_pace__end(&l->health->pace);
}

static bool runs(const struct loop_state *l, const struct flow_event *ev)
{
	return l->tid == ev->tid && l->loop.pid == ev->pid;
}

/* The loop that the event's thread runs; NULL: it runs none that is known. */
static struct loop_state *loop_of_thread(struct model_builder *b, const struct flow_event *ev)
{
	size_t i = b->loop_met;

	if (!ev->tid || !b->loops)
		return NULL;
	if (i < b->loop_count && runs(&b->loops[i], ev))
		return &b->loops[i];
	for (i = 0; i < b->loop_count; i++) {
		if (!runs(&b->loops[i], ev))
			continue;
		b->loop_met = i;
		return &b->loops[i];
	}
	return NULL;
}

static void on_lag(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_health *h = health_of(b, loop_of_thread(b, ev));

	if (h && flow_lag__event(&h->lag, ev))
		b->oom = true;
}

static void on_pulse(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_health *h = health_of(b, model_builder__loop(b, ev->pid, ev->pulse.env));

	if (h)
		flow_pace__add(&h->pace, ev->ts, &ev->pulse);
}

static void on_gc(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_health *h = health_of(b, model_builder__loop(b, ev->pid, ev->gc.env));

	if (!h)
		return;
	h->gc.count++;
	h->gc.untimed += ev->gc.duration_ns == 0;
	h->gc.total_ns += ev->gc.duration_ns;
	h->gc.max_ns = max_t(uint64_t, h->gc.max_ns, ev->gc.duration_ns);
}

static struct pool_state *pool_of(struct model_builder *b, uint32_t pid)
{
	struct pool_state *p;

	for (size_t i = 0; i < b->pool_count; i++)
		if (b->pools[i].pid == pid)
			return &b->pools[i];
	p = model_builder__entry(b, &b->pools, &b->pool_count, &b->pool_cap, sizeof(*p), MAX_POOLS);
	if (!p)
		return NULL;
	p->pid = pid;
	if (flow_pool_jobs__new(&p->jobs)) {
		b->oom = true;
		return NULL;
	}
	return p;
}

static void on_job(struct model_builder *b, const struct flow_event *ev)
{
	struct pool_state *p = pool_of(b, ev->pid);

	if (p && p->jobs && flow_pool_jobs__add(p->jobs, ev->ts, &ev->job))
		b->oom = true;
	on_lag(b, ev);
}

void model_health__event(struct model_builder *b, const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_THREAD:
		on_thread(b, ev);
		break;
	case FE_PULSE:
		on_pulse(b, ev);
		break;
	case FE_GC:
		on_gc(b, ev);
		break;
	case FE_JOB:
		on_job(b, ev);
		break;
	case FE_IN:
	case FE_CLIENT:
	case FE_TURN:
		on_lag(b, ev);
		break;
	default:
		break;
	}
}

static void copy_pace(const struct flow_pace *p, struct model_health *to)
{
	to->iterations_unknown = flow_pace__iterations_unknown(p);
	to->microtasks_unknown = flow_pace__microtasks_unknown(p);
	if (to->iterations_unknown == FLOW_COUNT_KNOWN) {
		model_latency__of(&to->iteration, &p->iterations);
		to->single = p->single;
		to->running_ns = (uint64_t)max_t(int64_t, p->running_ns, 0);
	}
	if (to->microtasks_unknown != FLOW_COUNT_KNOWN)
		return;
	to->microtasks = p->microtasks;
	if (p->microtasks_wall_ns)
		to->microtasks_per_s = (double)p->microtasks * 1e9 / (double)p->microtasks_wall_ns;
	to->drain_known = flow_pace__drain_share(p, &to->drain, &to->drain_low, &to->drain_high);
	to->drain_ns = (uint64_t)(to->drain * (double)p->busy_ns);
}

void model_health__of(const struct loop_state *l, struct model_health *to)
{
	struct flow_hist all;

	memset(to, 0, sizeof(*to));
	to->iterations_unknown = to->microtasks_unknown = FLOW_COUNT_UNREADABLE;
	if (!l->health)
		return;
	copy_pace(&l->health->pace, to);
	to->gc = l->health->gc;
	flow_lag__all(&l->health->lag, &all);
	model_latency__of(&to->lag, &all);
	for (int i = 0; i < FLOW_LAG_SOURCES; i++)
		if (l->health->lag.by[i])
			model_latency__of(&to->lag_by[i], l->health->lag.by[i]);
}

int model_health__pools(struct model *m, const struct model_builder *b)
{
	struct flow_hist queued;

	m->pools = calloc(b->pool_count ? b->pool_count : 1, sizeof(*m->pools));
	if (!m->pools)
		return -ENOMEM;
	for (size_t i = 0; i < b->pool_count; i++) {
		struct model_pool *to = &m->pools[m->pool_count++];

		to->pid = b->pools[i].pid;
		flow_pool_jobs__stats(b->pools[i].jobs, &to->stats, &queued);
		model_latency__of(&to->queued, &queued);
	}
	return 0;
}

void model_health__free(struct model_builder *b)
{
	for (size_t i = 0; i < b->loop_count; i++) {
		if (!b->loops[i].health)
			continue;
		flow_lag__destroy(&b->loops[i].health->lag);
		free(b->loops[i].health);
	}
	for (size_t i = 0; i < b->pool_count; i++)
		flow_pool_jobs__free(b->pools[i].jobs);
	free(b->pools);
}

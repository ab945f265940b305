// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Event loops. What a loop was busy between two samples is spread evenly over the steps that lie
 * between them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_live_int.h"
#include "util.h"

void live_loops__free(struct live *l)
{
	for (size_t i = 0; i < l->nloops; i++) {
		flow_lag__destroy(&l->loops[i]->lag);
		free(l->loops[i]);
	}
}

void live_loops__step(struct live *l, uint64_t number)
{
	for (size_t i = 0; i < l->nloops; i++) {
		struct live_loop_state *s = l->loops[i];
		size_t slot = number % LIVE_WINDOW;

		memset(&s->use[number % LIVE_SPARK], 0, sizeof(s->use[0]));
		if (s->window[slot].lag.count)
			memset(&s->window[slot].lag, 0, sizeof(s->window[slot].lag));
		s->window[slot].gc_count = 0;
		s->window[slot].gc_ns = 0;
	}
}

/* One that has ended makes room. NULL and 0: beyond the limit. */
static int loop_of(struct live *l, uint32_t pid, uint32_t env, struct live_loop_state **out)
{
	struct live_loop_state *s;
	size_t at = l->nloops;

	for (size_t i = 0; i < l->nloops; i++)
		if (l->loops[i]->pid == pid && l->loops[i]->env == env) {
			*out = l->loops[i];
			return 0;
		}
	*out = NULL;
	if (at == LIVE_LOOPS)
		for (at = 0; at < LIVE_LOOPS && !l->loops[at]->ended; at++)
			;
	if (at == LIVE_LOOPS)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->pid = pid;
	s->env = env;
	if (at < l->nloops) {
		flow_lag__destroy(&l->loops[at]->lag);
		free(l->loops[at]);
	} else {
		l->nloops++;
	}
	l->loops[at] = s;
	*out = s;
	return 0;
}

static bool runs(const struct live_loop_state *s, const struct flow_event *ev)
{
	return s->tid == ev->tid && s->pid == ev->pid;
}

static struct live_loop_state *of_thread(struct live *l, const struct flow_event *ev)
{
	if (!ev->tid)
		return NULL;
	if (l->loop_met < l->nloops && runs(l->loops[l->loop_met], ev))
		return l->loops[l->loop_met];
	for (size_t i = 0; i < l->nloops; i++) {
		if (!runs(l->loops[i], ev))
			continue;
		l->loop_met = i;
		return l->loops[i];
	}
	return NULL;
}

static int on_thread(struct live *l, const struct flow_event *ev)
{
	struct live_loop_state *s;
	int err = loop_of(l, ev->pid, ev->thread.env, &s);

	if (err || !s)
		return err;
	s->ended = ev->thread.ended;
	s->tid = s->ended ? 0 : ev->tid;
	return 0;
}

static void on_lag(struct live *l, const struct flow_event *ev)
{
	struct live_loop_state *s = of_thread(l, ev);
	enum flow_lag_source source;
	uint64_t ns, number;

	if (!s || !flow_lag__of(&s->lag, ev, &source, &ns))
		return;
	number = live_series__number(l, ev->ts);
	live_series__lag(l, number, ns);
	live_hist__add(&s->window[number % LIVE_WINDOW].lag, ns);
}

static int on_gc(struct live *l, const struct flow_event *ev)
{
	uint64_t number = live_series__number(l, ev->ts);
	struct live_step *step = live_series__step(l, number);
	struct live_loop_state *s;
	int err = loop_of(l, ev->pid, ev->gc.env, &s);

	step->gc_count++;
	step->gc_ns += ev->gc.duration_ns;
	if (err || !s)
		return err;
	s->window[number % LIVE_WINDOW].gc_count++;
	s->window[number % LIVE_WINDOW].gc_ns += ev->gc.duration_ns;
	return 0;
}

static double share(uint64_t busy, uint64_t known)
{
	return known ? (double)busy / (double)known : -1;
}

static void spread(struct live *l, struct live_loop_state *s, uint64_t from, uint64_t to,
		   uint64_t busy)
{
	uint64_t first = live_series__from(l, LIVE_SPARK), step_ns = l->opts.step_ns;

	for (uint64_t k = first; k <= l->series.newest; k++) {
		struct live_step *step = live_series__step(l, k);
		uint64_t a = max_t(uint64_t, from, step->start_ns);
		uint64_t b = min_t(uint64_t, to, step->start_ns + step_ns);
		size_t slot = k % LIVE_SPARK;

		if (a >= b)
			continue;
		s->use[slot].known += b - a;
		s->use[slot].busy +=
			(uint64_t)((double)busy * (double)(b - a) / (double)(to - from));
		step->utilisation = -1;
		for (size_t i = 0; i < l->nloops; i++)
			step->utilisation = max_t(
				double, step->utilisation,
				share(l->loops[i]->use[slot].busy, l->loops[i]->use[slot].known));
	}
}

static int on_loop(struct live *l, const struct flow_event *ev)
{
	struct live_loop_state *s;
	int err = loop_of(l, ev->pid, ev->loop.env, &s);
	uint64_t wall, idle;

	if (err || !s)
		return err;
	wall = ev->ts - s->sample_ns;
	idle = ev->loop.idle_ns - s->idle_ns;
	/* A counter that falls is another loop's: nothing is known of what was between. */
	if (s->sample_ns && ev->ts > s->sample_ns && ev->loop.idle_ns >= s->idle_ns)
		spread(l, s, s->sample_ns, ev->ts, wall - min_t(uint64_t, idle, wall));
	s->sample_ns = ev->ts;
	s->idle_ns = ev->loop.idle_ns;
	return 0;
}

static void on_target_end(struct live *l, const struct flow_event *ev)
{
	for (size_t i = 0; i < l->nloops; i++) {
		if (l->loops[i]->pid != ev->pid)
			continue;
		l->loops[i]->ended = true;
		l->loops[i]->tid = 0;
	}
}

int live_loops__event(struct live *l, const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_THREAD:
		return on_thread(l, ev);
	case FE_LOOP:
		return on_loop(l, ev);
	case FE_GC:
		return on_gc(l, ev);
	case FE_IN:
	case FE_CLIENT:
	case FE_TURN:
	case FE_JOB:
		on_lag(l, ev);
		return 0;
	case FE_TARGET_END:
		on_target_end(l, ev);
		return 0;
	default:
		return 0;
	}
}

static void copy_loop(const struct live *l, const struct live_loop_state *s, struct live_loop *to)
{
	struct live_hist lag = {0};
	uint64_t busy = 0, known = 0, newest = l->series.newest;

	to->pid = s->pid;
	to->env = s->env;
	to->ended = s->ended;
	for (size_t i = 0; i < LIVE_SPARK; i++)
		to->spark[i] = -1;
	for (uint64_t k = live_series__from(l, LIVE_SPARK); k <= newest; k++)
		to->spark[LIVE_SPARK - 1 - (newest - k)] =
			(float)share(s->use[k % LIVE_SPARK].busy, s->use[k % LIVE_SPARK].known);
	for (uint64_t k = live_series__from(l, LIVE_WINDOW); k <= newest; k++) {
		busy += s->use[k % LIVE_SPARK].busy;
		known += s->use[k % LIVE_SPARK].known;
		live_hist__merge(&lag, &s->window[k % LIVE_WINDOW].lag);
		to->gc_count += s->window[k % LIVE_WINDOW].gc_count;
		to->gc_ns += s->window[k % LIVE_WINDOW].gc_ns;
	}
	to->utilisation = share(busy, known);
	to->lag_p99_ns = live_hist__quantile(&lag, 0.99);
}

static int by_name(const void *a, const void *b)
{
	const struct live_loop *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->env < y->env ? -1 : x->env > y->env;
}

int live_loops__view(struct live *l, struct live_view *v)
{
	v->loops = calloc(l->nloops ? l->nloops : 1, sizeof(*v->loops));
	if (!v->loops)
		return -ENOMEM;
	for (size_t i = 0; i < l->nloops; i++) {
		struct live_loop *to = &v->loops[v->nloops++];

		copy_loop(l, l->loops[i], to);
		v->utilisation = max_t(double, v->utilisation, to->utilisation);
		for (size_t k = 0; v->m && k < v->m->loop_count; k++)
			if (v->m->loops[k].pid == to->pid && v->m->loops[k].env == to->env)
				to->total = v->m->loops[k];
	}
	qsort(v->loops, v->nloops, sizeof(*v->loops), by_name);
	return 0;
}

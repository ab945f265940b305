// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_lag.h"
#include "out_counter.h"
#include "util.h"

#define MAX_ENVS  1024
#define MOMENTS	  8192
#define FIRST_NS  1000000ULL
#define WINDOW_NS 50000000ULL

/* Requests in flight: those that have begun at or before a moment, and end behind it. */
struct in_flight {
	uint64_t apart_ns;
	int32_t change[MOMENTS + 1]; /* at each moment, as against the one before */
};

struct counted {
	uint32_t pid;
	uint32_t env;
	uint32_t tid; /* of its loop, 0 unknown */
	struct flow_lag lag;
	uint64_t window_ns; /* begin of the one that is open, 0 none */
	uint64_t worst_ns;
	bool lag_told;	    /* the last value was not 0 */
	uint64_t sample_ns; /* of the last FE_LOOP, 0 none */
	uint64_t idle_ns;
	uint64_t gc_ns; /* since */
	struct in_flight in_flight;
};

struct out_counters {
	struct out_counters_opts opts;
	struct counted *envs[MAX_ENVS];
	size_t count;
	size_t met; /* the last that was found */
};

const char *out_counter__name(enum out_counter counter)
{
	static const char *const names[COUNTER_KINDS] = {
		[COUNTER_IN_FLIGHT] = "requests in flight",
		[COUNTER_LAG] = "loop lag",
		[COUNTER_UTILISATION] = "loop utilisation",
		[COUNTER_GC] = "garbage collection",
	};

	return names[counter];
}

int out_counters__new(struct out_counters **out, const struct out_counters_opts *opts)
{
	struct out_counters *c = calloc(1, sizeof(*c));

	*out = c;
	if (!c)
		return -ENOMEM;
	c->opts = *opts;
	return 0;
}

void out_counters__free(struct out_counters *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		free(c->envs[i]);
	free(c);
}

static struct counted *find(struct out_counters *c, uint32_t pid, uint32_t env)
{
	if (c->met < c->count && c->envs[c->met]->pid == pid && c->envs[c->met]->env == env)
		return c->envs[c->met];
	for (size_t i = 0; i < c->count; i++) {
		if (c->envs[i]->pid != pid || c->envs[i]->env != env)
			continue;
		c->met = i;
		return c->envs[i];
	}
	return NULL;
}

static struct counted *take(struct out_counters *c, uint32_t pid, uint32_t env)
{
	struct counted *e = find(c, pid, env);

	if (e || c->count == MAX_ENVS || env == FLOW_ENV_UNKNOWN)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->pid = pid;
	e->env = env;
	e->in_flight.apart_ns = FIRST_NS;
	c->envs[c->count++] = e;
	return e;
}

static struct counted *of_thread(struct out_counters *c, uint32_t pid, uint32_t tid)
{
	if (!tid)
		return NULL;
	if (c->met < c->count && c->envs[c->met]->tid == tid && c->envs[c->met]->pid == pid)
		return c->envs[c->met];
	for (size_t i = 0; i < c->count; i++) {
		if (c->envs[i]->tid != tid || c->envs[i]->pid != pid)
			continue;
		c->met = i;
		return c->envs[i];
	}
	return NULL;
}

static void tell(struct out_counters *c, const struct counted *e, enum out_counter counter,
		 uint64_t ts, double value)
{
	c->opts.value(c->opts.ctx, e->pid, e->env, counter, ts, value);
}

static void window_end(struct out_counters *c, struct counted *e)
{
	if (e->window_ns && (e->worst_ns || e->lag_told)) {
		tell(c, e, COUNTER_LAG, e->window_ns, (double)e->worst_ns);
		e->lag_told = e->worst_ns != 0;
	}
	e->worst_ns = 0;
}

/* Where nothing came in for a whole window nothing was late. */
static void window_move(struct out_counters *c, struct counted *e, uint64_t ts)
{
	uint64_t begin = ts - ts % WINDOW_NS;

	if (begin <= e->window_ns)
		return;
	window_end(c, e);
	if (e->lag_told && begin > e->window_ns + WINDOW_NS) {
		e->window_ns += WINDOW_NS;
		window_end(c, e);
	}
	e->window_ns = begin;
}

static void on_ready(struct out_counters *c, const struct flow_event *ev)
{
	struct counted *e = of_thread(c, ev->pid, ev->tid);
	enum flow_lag_source source;
	uint64_t ns;

	if (!e || !flow_lag__of(&e->lag, ev, &source, &ns))
		return;
	window_move(c, e, ev->ts);
	e->worst_ns = max_t(uint64_t, e->worst_ns, ns);
}

static double percent(uint64_t part, uint64_t of)
{
	return part < of ? 100 * (double)part / (double)of : 100;
}

/* A value holds from its time on: that of the sample before. */
static void on_loop(struct out_counters *c, const struct flow_event *ev)
{
	struct counted *e = take(c, ev->pid, ev->loop.env);
	uint64_t wall, idle;

	if (!e)
		return;
	wall = ev->ts - e->sample_ns;
	idle = ev->loop.idle_ns - e->idle_ns;
	if (e->sample_ns && ev->ts > e->sample_ns && ev->loop.idle_ns >= e->idle_ns) {
		tell(c, e, COUNTER_UTILISATION, e->sample_ns,
		     percent(wall - min_t(uint64_t, idle, wall), wall));
		tell(c, e, COUNTER_GC, e->sample_ns, percent(e->gc_ns, wall));
	}
	e->sample_ns = ev->ts;
	e->idle_ns = ev->loop.idle_ns;
	e->gc_ns = 0;
}

static void on_thread(struct out_counters *c, const struct flow_event *ev)
{
	struct counted *e = take(c, ev->pid, ev->thread.env);

	if (e)
		e->tid = ev->thread.ended ? 0 : ev->tid;
}

void out_counters__event(struct out_counters *c, const struct flow_event *ev)
{
	struct counted *e;

	switch (ev->type) {
	case FE_THREAD:
		on_thread(c, ev);
		break;
	case FE_LOOP:
		on_loop(c, ev);
		break;
	case FE_GC:
		e = find(c, ev->pid, ev->gc.env);
		if (e)
			e->gc_ns += ev->gc.duration_ns;
		break;
	default:
		on_ready(c, ev);
	}
}

/*
 * Every second moment is given up. A change takes effect at the first moment that is left: at an
 * odd one's successor.
 */
static void coarser(struct in_flight *f)
{
	for (size_t i = 1; i <= MOMENTS / 2; i++)
		f->change[i] = f->change[2 * i] + f->change[2 * i - 1];
	memset(f->change + MOMENTS / 2 + 1, 0, MOMENTS / 2 * sizeof(f->change[0]));
	f->apart_ns *= 2;
}

/* The first moment at or behind @ts. */
static size_t moment(const struct out_counters *c, struct in_flight *f, uint64_t ts)
{
	uint64_t since = ts > c->opts.origin_ns ? ts - c->opts.origin_ns : 0;

	while (since > (MOMENTS - 1) * f->apart_ns)
		coarser(f);
	return (size_t)((since + f->apart_ns - 1) / f->apart_ns);
}

void out_counters__request(struct out_counters *c, const struct flow_req *req)
{
	struct counted *e = take(c, req->pid, req->env);
	struct in_flight *f;

	if (!e || req->end == REQ_LOST || (!req->end_ns && req->end != REQ_IN_FLIGHT))
		return;
	f = &e->in_flight;
	/* The later first: it may make the moments coarser. */
	if (req->end_ns)
		f->change[moment(c, f, max_t(uint64_t, req->end_ns, req->start_ns))]--;
	f->change[moment(c, f, req->start_ns)]++;
}

static void tell_in_flight(struct out_counters *c, const struct counted *e)
{
	const struct in_flight *f = &e->in_flight;
	int64_t value = 0;

	for (size_t i = 0; i <= MOMENTS; i++) {
		value += f->change[i];
		if (f->change[i])
			tell(c, e, COUNTER_IN_FLIGHT, c->opts.origin_ns + i * f->apart_ns,
			     (double)value);
	}
}

void out_counters__finish(struct out_counters *c)
{
	for (size_t i = 0; i < c->count; i++) {
		window_end(c, c->envs[i]);
		tell_in_flight(c, c->envs[i]);
	}
}

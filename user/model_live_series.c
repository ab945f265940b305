// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The steps, and the window of the last of them that is "now". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_builder.h"
#include "model_live_int.h"
#include "util.h"

static void begin_step(struct live *l, uint64_t number)
{
	struct live_series *s = &l->series;
	struct live_step *step = live_series__step(l, number);
	size_t slot = number % LIVE_WINDOW;

	/* The one that leaves the window gets its figures for good. */
	if (number >= LIVE_WINDOW) {
		struct live_step *old = live_series__step(l, number - LIVE_WINDOW);

		model_latency__of(&old->latency, &s->window[slot].latency);
		old->lag_p99_ns = flow_hist__quantile(&s->window[slot].lag, 0.99);
	}
	if (s->window[slot].latency.count)
		memset(&s->window[slot].latency, 0, sizeof(s->window[slot].latency));
	if (s->window[slot].lag.count)
		memset(&s->window[slot].lag, 0, sizeof(s->window[slot].lag));
	s->window[slot].events = 0;
	memset(step, 0, sizeof(*step));
	step->start_ns = s->start_ns + number * l->opts.step_ns;
	step->end_ns = step->start_ns + l->opts.step_ns;
	step->utilisation = -1;
	s->newest_start_ns = step->start_ns;
	s->newest_end_ns = step->end_ns;
	live_routes__step(l, number);
	live_loops__step(l, number);
	live_targets__step(l, number);
	live_agent__step(l, number);
}

/* How things are as the newest step ends. */
static void end_step(struct live *l)
{
	struct live_step *step = live_series__step(l, l->series.newest);

	if (l->source.in_flight)
		step->in_flight = (uint32_t)l->source.in_flight(l->source.ctx);
	live_types__sample(l, l->series.newest, step->end_ns);
}

void live_series__advance(struct live *l, uint64_t ts)
{
	struct live_series *s = &l->series;
	uint64_t to;

	if (!ts || ts < s->newest_end_ns)
		return;
	if (!s->any) {
		s->any = true;
		s->start_ns = ts;
		begin_step(l, 0);
	}
	to = (ts - s->start_ns) / l->opts.step_ns;
	/* A silence so long that no step of before is left. */
	if (to > s->newest + 2ULL * LIVE_STEPS) {
		end_step(l);
		s->newest = to - LIVE_STEPS;
		begin_step(l, s->newest);
	}
	while (s->newest < to) {
		end_step(l);
		begin_step(l, ++s->newest);
	}
}

uint64_t live_series__from(const struct live *l, uint64_t n)
{
	return l->series.newest + 1 > n ? l->series.newest + 1 - n : 0;
}

uint64_t live_series__number(const struct live *l, uint64_t ts)
{
	const struct live_series *s = &l->series;
	uint64_t number;

	if (ts >= s->newest_start_ns || ts < s->start_ns)
		return s->newest;
	number = (ts - s->start_ns) / l->opts.step_ns;
	return number < live_series__from(l, LIVE_WINDOW) ? s->newest : number;
}

void live_series__request(struct live *l, const struct flow_req *req, uint64_t number)
{
	struct live_step *step = live_series__step(l, number);

	step->requests++;
	step->errors += req->status >= 500;
	step->mismatched += live__mismatched(req);
	if (!live__measured(req))
		return;
	flow_hist__add(&l->series.window[number % LIVE_WINDOW].latency,
		       req->end_ns - req->start_ns);
	step->band[live_band__of(req->end_ns - req->start_ns)]++;
}

void live_series__lag(struct live *l, uint64_t number, uint64_t ns)
{
	struct live_step *step = live_series__step(l, number);

	flow_hist__add(&l->series.window[number % LIVE_WINDOW].lag, ns);
	step->lag_max_ns = max_t(uint64_t, step->lag_max_ns, ns);
}

static void copy_steps(const struct live *l, struct live_view *v)
{
	const struct live_series *s = &l->series;

	for (uint64_t k = live_series__from(l, LIVE_STEPS); k <= s->newest; k++) {
		struct live_step *to = &v->steps[v->nsteps++];

		*to = s->step[k % LIVE_STEPS];
		if (k < live_series__from(l, LIVE_WINDOW))
			continue;
		model_latency__of(&to->latency, &s->window[k % LIVE_WINDOW].latency);
		to->lag_p99_ns = flow_hist__quantile(&s->window[k % LIVE_WINDOW].lag, 0.99);
		if (k == s->newest && v->now_ns < to->end_ns)
			to->end_ns = max_t(uint64_t, to->start_ns, v->now_ns);
	}
}

static void copy_window(const struct live *l, struct live_view *v)
{
	const struct live_series *s = &l->series;
	uint64_t from = live_series__from(l, LIVE_WINDOW);
	uint64_t requests = 0, errors = 0, events = 0;
	struct flow_hist latency = {0}, lag = {0};

	for (uint64_t k = from; k <= s->newest; k++) {
		const struct live_step *step = &s->step[k % LIVE_STEPS];

		requests += step->requests;
		errors += step->errors;
		events += s->window[k % LIVE_WINDOW].events;
		flow_hist__merge(&latency, &s->window[k % LIVE_WINDOW].latency);
		flow_hist__merge(&lag, &s->window[k % LIVE_WINDOW].lag);
	}
	if (v->now_ns > s->step[from % LIVE_STEPS].start_ns)
		v->window_s = (double)(v->now_ns - s->step[from % LIVE_STEPS].start_ns) / 1e9;
	if (v->window_s > 0) {
		v->rps = (double)requests / v->window_s;
		v->agent.events_per_s = (double)events / v->window_s;
	}
	v->error_rate = requests ? (double)errors / (double)requests : 0;
	model_latency__of(&v->latency, &latency);
	v->lag_p99_ns = flow_hist__quantile(&lag, 0.99);
}

int live_series__view(struct live *l, struct live_view *v)
{
	v->utilisation = -1;
	v->steps = calloc(LIVE_STEPS, sizeof(*v->steps));
	if (!v->steps)
		return -ENOMEM;
	if (!l->series.any)
		return 0;
	if (l->source.in_flight)
		live_series__step(l, l->series.newest)->in_flight =
			(uint32_t)l->source.in_flight(l->source.ctx);
	copy_steps(l, v);
	copy_window(l, v);
	return 0;
}

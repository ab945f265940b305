// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "flow_pace.h"
#include "util.h"

#define USUAL 8.0      /* windows that usual_ns remembers, as a decaying mean */
#define Z95   1.959964 /* of the normal distribution */

/* Idle until @ts, with the poll that is going on. */
static uint64_t idle_at(const struct fe_pulse *p, uint64_t ts)
{
	return p->idle_ns + (p->entry_ns && ts > p->entry_ns ? ts - p->entry_ns : 0);
}

/* Clocks count from the machine's start: what is beyond them was never read from a loop. */
static bool plausible(uint64_t ts, const struct fe_pulse *p)
{
	return ts < INT64_MAX / 4 && p->idle_ns <= ts && p->entry_ns <= ts;
}

static bool comparable(const struct flow_pace *p, const struct fe_pulse *now)
{
	return p->begun && !p->ended && now->idle_ns >= p->last.idle_ns &&
	       now->iterations >= p->last.iterations &&
	       now->iterations - p->last.iterations < INT32_MAX &&
	       now->microtasks >= p->last.microtasks &&
	       now->iterations_unknown == p->last.iterations_unknown &&
	       now->microtasks_unknown == p->last.microtasks_unknown;
}

/*
 * The words of a pulse are read one after the other, while libuv adds up a poll that ended: then
 * neither is there, the poll's beginning or its length.
 */
static bool torn(const struct flow_pace *p, const struct fe_pulse *now)
{
	return p->begun && !p->ended && p->last.entry_ns && !now->entry_ns &&
	       now->idle_ns == p->last.idle_ns && now->iterations == p->last.iterations;
}

/* Of @busy, what belongs to the iteration that is running now. */
static int64_t head_of(const struct fe_pulse *now, uint64_t ts, int64_t busy, uint64_t ended)
{
	int64_t head;

	if (now->entry_ns)
		return 0;
	if (!now->time_ns)
		return busy / (int64_t)(ended + 1);
	/* Half of the millisecond that was cut off, on average. */
	head = (int64_t)(ts - min_t(uint64_t, ts, now->time_ns + 500000));
	return min_t(int64_t, head, busy);
}

static void add(struct flow_pace *p, int64_t ns, uint64_t n)
{
	flow_hist__add_many(&p->iterations, ns > 0 ? (uint64_t)ns : 0, n);
}

/* Of @busy, what @n iterations took that ended in one window with one that had lasted. */
static int64_t others_of(const struct flow_pace *p, int64_t busy, uint64_t n)
{
	if (p->usual_ns <= 0)
		return busy / 2;
	return (int64_t)fmax(0, fmin((double)n * p->usual_ns, (double)busy));
}

/* @ended iterations ended in the window, in which the loop was busy for @busy. */
static void iterations_ended(struct flow_pace *p, const struct fe_pulse *now, uint64_t ts,
			     int64_t busy, uint64_t ended)
{
	int64_t head = head_of(now, ts, busy, ended), tail = busy - head;

	if (ended == 1) {
		add(p, p->running_ns + tail, 1);
		p->single++;
	} else if (p->lasting) {
		int64_t others = others_of(p, tail, ended - 1);

		add(p, p->running_ns + tail - others, 1);
		add(p, others / (int64_t)(ended - 1), ended - 1);
		p->single++;
	} else {
		int64_t mean = (p->running_ns + tail) / (int64_t)ended;

		add(p, mean, ended);
		p->usual_ns += ((double)mean - p->usual_ns) / (p->usual_ns > 0 ? USUAL : 1);
	}
	p->running_ns = head;
	p->lasting = false;
}

static void compare(struct flow_pace *p, uint64_t ts, const struct fe_pulse *now)
{
	uint64_t ended = now->iterations - p->last.iterations;
	int64_t wall = (int64_t)(ts - p->last_ns);
	int64_t busy = wall - (int64_t)(idle_at(now, ts) - idle_at(&p->last, p->last_ns));

	p->wall_ns += (uint64_t)wall;
	if (!now->microtasks_unknown) {
		p->microtasks += now->microtasks - p->last.microtasks;
		p->microtasks_wall_ns += (uint64_t)wall;
	}
	/* Below 0: what a torn reading gave too much before. */
	p->busy_ns += (uint64_t)max_t(int64_t, busy, 0);
	if (now->iterations_unknown)
		return;
	if (ended) {
		iterations_ended(p, now, ts, busy, ended);
		return;
	}
	p->running_ns = max_t(int64_t, p->running_ns + busy, 0);
	p->lasting = p->lasting || (!p->last.entry_ns && !now->entry_ns);
}

static void sample(struct flow_pace *p, const struct fe_pulse *now)
{
	if (now->entry_ns || now->microtasks_unknown || (now->flags & FE_PULSE_FORCED))
		return;
	p->runs += !p->samples || now->idle_ns != p->sampled_idle ||
		   now->iterations != p->sampled_iteration;
	p->samples++;
	p->draining += (now->flags & FE_PULSE_DRAINING) != 0;
	p->sampled_idle = now->idle_ns;
	p->sampled_iteration = now->iterations;
}

void flow_pace__add(struct flow_pace *p, uint64_t ts, const struct fe_pulse *pulse)
{
	if (!plausible(ts, pulse) || (p->begun && ts <= p->last_ns) || torn(p, pulse))
		return;
	if (comparable(p, pulse)) {
		compare(p, ts, pulse);
	} else {
		p->restarts += p->begun && !p->ended;
		p->begun = true;
		p->ended = false;
		p->lasting = false;
		p->running_ns = head_of(pulse, ts, INT64_MAX, 0);
		if (!pulse->time_ns)
			p->running_ns = 0;
	}
	sample(p, pulse);
	p->last = *pulse;
	p->last_ns = ts;
}

void flow_pace__end(struct flow_pace *p)
{
	p->ended = true;
	p->running_ns = 0;
}

/* A reason that this version does not know is one all the same. */
static uint8_t reason(const struct flow_pace *p, uint8_t unknown)
{
	if (!p->begun)
		return FLOW_COUNT_UNREADABLE;
	return unknown < FLOW_COUNT_REASONS ? unknown : FLOW_COUNT_UNREADABLE;
}

uint8_t flow_pace__iterations_unknown(const struct flow_pace *p)
{
	return reason(p, p->last.iterations_unknown);
}

uint8_t flow_pace__microtasks_unknown(const struct flow_pace *p)
{
	return reason(p, p->last.microtasks_unknown);
}

bool flow_pace__drain_share(const struct flow_pace *p, double *share, double *low, double *high)
{
	double n = (double)p->runs, z2 = Z95 * Z95, centre, half;

	if (!p->samples)
		return false;
	*share = (double)p->draining / (double)p->samples;
	centre = (*share + z2 / (2 * n)) / (1 + z2 / n);
	half = Z95 / (1 + z2 / n) * sqrt(*share * (1 - *share) / n + z2 / (4 * n * n));
	*low = centre > half ? centre - half : 0;
	*high = centre + half < 1 ? centre + half : 1;
	return true;
}

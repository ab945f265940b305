/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How an event loop paces: how long its iterations are busy, and how much of that goes into
 * microtasks, from pulses (FE_PULSE) that are read from the target's memory at random moments.
 *
 * Between two pulses the loop's own figures tell exactly how long it was busy (libuv adds up
 * the time of its polls, and notes when the one that is going on began) and how many iterations
 * ended (each begins one poll). So:
 *
 *  - An iteration that is the only one to end between two pulses is known by itself, however many
 *    pulses it lasted: to the microsecond, if the loop slept at a pulse before and behind.
 *  - Of several that ended between two pulses, only the sum is known: each counts as their
 *    mean. None of them can have been longer than the time between two pulses.
 *  - One that was seen running in two pulses, and ended in a window with others (after a long
 *    callback, Node.js often goes round once more before it sleeps), is known by itself too: the
 *    others are taken to be as long as such others were lately. It cannot be off by more than the
 *    time from the last pulse that saw it to the next.
 *  - Where the loop is busy at a pulse, the part of the window that belongs to the iteration
 *    still running is told by the loop's own clock, which it sets when it wakes, to a
 *    millisecond. JavaScript that asks for the time sets it too, so that part may be larger:
 *    then it counts for the one before. The sum over all iterations is exact in any case.
 *
 * Microtasks are counted by V8. Whether they are being run is a flag that is sampled: the share of
 * busy time is an estimate, with its 95% bounds (Wilson's score interval). Samples of one
 * iteration are not independent of each other, so the bounds count iterations.
 */
#ifndef LOOPRAY_FLOW_PACE_H
#define LOOPRAY_FLOW_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_latency.h"

struct flow_pace {
	bool begun;
	bool ended; /* until a pulse tells otherwise */
	struct fe_pulse last;
	uint64_t last_ns;
	/* The iteration that is running: busy so far; seen running in two pulses. */
	int64_t running_ns;
	bool lasting;
	double usual_ns; /* how long iterations were lately that did not last; 0: not known */

	struct flow_hist iterations; /* busy time, ns */
	uint64_t single;	     /* of these, known by themselves */
	uint64_t wall_ns;	     /* between pulses that could be compared */
	uint64_t busy_ns;
	uint64_t restarts; /* counters that fell: another loop, or no loop at all */

	uint64_t microtasks;
	uint64_t microtasks_wall_ns;
	uint64_t samples; /* busy at a random moment */
	uint64_t draining;
	uint64_t runs; /* the same as @samples, those in a row in one iteration being one */
	uint64_t sampled_idle, sampled_iteration;
};

/* A zeroed structure is an empty one; nothing is owned. */
void flow_pace__add(struct flow_pace *p, uint64_t ts, const struct fe_pulse *pulse);

/* The loop is gone: what ran is over, and never ended. */
void flow_pace__end(struct flow_pace *p);

/* Why iterations, or microtasks, are not known (enum flow_count_unknown); KNOWN if they are. */
uint8_t flow_pace__iterations_unknown(const struct flow_pace *p);
uint8_t flow_pace__microtasks_unknown(const struct flow_pace *p);

/* The share of busy time in which microtasks ran, 0..1; false without a single sample. */
bool flow_pace__drain_share(const struct flow_pace *p, double *share, double *low, double *high);

#endif

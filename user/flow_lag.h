/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How late an event loop is: how long something was ready before the loop got to it, by what it
 * was. On a loop that has nothing else to do this is the time it takes to wake up.
 */
#ifndef LOOPRAY_FLOW_LAG_H
#define LOOPRAY_FLOW_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_latency.h"

enum flow_lag_source {
	FLOW_LAG_REQUEST,  /* a request's head lay in its socket */
	FLOW_LAG_RESPONSE, /* an answer to an outgoing call did */
	FLOW_LAG_JOB,	   /* a job of the thread pool was finished */
	FLOW_LAG_TIMER,	   /* a timer of JavaScript was due */
	FLOW_LAG_SOURCES
};

#define FLOW_LAG_CALLS 256 /* a power of two */

struct flow_lag {
	struct flow_hist *by[FLOW_LAG_SOURCES]; /* NULL: there was none */
	/*
	 * Connections on which something was sent and nothing received since. One that another
	 * takes the place of is not counted until its next send.
	 */
	uint64_t asked[FLOW_LAG_CALLS];
	/* The receive that was counted last: several requests can come out of one. */
	uint64_t conn, ts;
};

/* "request", "response", "job", "timer"; NULL beyond. */
const char *flow_lag__name(enum flow_lag_source source);

/* Ready at @ready_ns, got to at @ts; ignored if the first is not known or is later. 0 or -ENOMEM.
 */
int flow_lag__add(struct flow_lag *lag, enum flow_lag_source source, uint64_t ready_ns,
		  uint64_t ts);

/* What lag an event of the loop's thread tells of, without counting it; false: of none. */
bool flow_lag__of(struct flow_lag *lag, const struct flow_event *ev, enum flow_lag_source *source,
		  uint64_t *ns);

/* What an event of the loop's thread says about it, if anything. 0 or -ENOMEM. */
int flow_lag__event(struct flow_lag *lag, const struct flow_event *ev);

/* All sources together. */
void flow_lag__all(const struct flow_lag *lag, struct flow_hist *all);

/* Of a zeroed structure too. */
void flow_lag__destroy(struct flow_lag *lag);

#endif

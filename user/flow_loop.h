/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose turn of the loop it is: the request that its work is for, where no store says so. A turn
 * begins with what the thread received on a server connection, or with the callback of a job in
 * the thread pool, which goes on with what handed it in. The kernel's side names the connection
 * (work), as long as it knows of nothing that ended the turn.
 */
#ifndef LOOPRAY_FLOW_LOOP_H
#define LOOPRAY_FLOW_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_request.h"

enum loop_is {
	LOOP_REQUEST, /* one request's */
	LOOP_TURN,    /* nobody's that is known */
	LOOP_SLEPT,   /* the same, as the thread slept since the turn began */
	LOOP_SEVERAL, /* of several requests that came in one receive */
	LOOP_PROBES,  /* a probe on turns of the loop is not there */
	LOOP_LOSS,    /* records of the thread were lost since it read a request */
};

struct flow_loops;

int flow_loops__new(struct flow_loops **out, const struct flow_requests *requests);
void flow_loops__free(struct flow_loops *l);

/* After requests have got the event. */
void flow_loops__event(struct flow_loops *l, const struct flow_event *ev);

/* @ev, an FE_JOB, is where the callback of a job begins that is @ref's, NULL: nobody's. */
void flow_loops__job(struct flow_loops *l, const struct flow_event *ev,
		     const struct flow_req_ref *ref);

/* At @ev, with what its record says: @ref is set for LOOP_REQUEST only. */
enum loop_is flow_loops__find(const struct flow_loops *l, const struct flow_event *ev,
			      uint64_t work, bool slept, struct flow_req_ref *ref);

/* Times that there was no room for a thread. */
uint64_t flow_loops__overflow(const struct flow_loops *l);

#endif

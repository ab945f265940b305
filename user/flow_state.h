/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a reader of flow events has to know to go on in their midst, kept up to date and told
 * again: a stream that is cut in two this way gives two streams, each of which can be read without
 * the other.
 *
 * Told are targets, names of resource types, probes, environments, the connections in being, those
 * that the targets opened, what stores of the current epoch hold, and the requests in flight with
 * what has come of them. What a request had told before is marked FE_F_BEFORE; a reader counts it
 * in the second stream, as incomplete (REQ_INC_ATTACH), judges nothing by it, and knows for certain
 * which response is its own. All else that a reader concludes from what it has seen (whose a store
 * is, calls and jobs in flight, resources alive) begins anew, as after an attach.
 */
#ifndef LOOPRAY_FLOW_STATE_H
#define LOOPRAY_FLOW_STATE_H

#include <stdint.h>

#include "flow_event.h"

struct flow_state;

/* Bounds; 0 takes the default. */
struct flow_state_opts {
	uint32_t max_connections; /* of either kind, the one unused longest goes. 65536 */
	uint32_t max_requests;	  /* in flight. 65536 */
	uint32_t max_stores;	  /* the one told first goes. 4096 */
};

/* What there was no room for: a reader that begins here does not know of it. */
struct flow_state_lost {
	uint64_t requests;    /* in flight: their responses are nobody's */
	uint64_t connections; /* without requests in flight: only their addresses are missing */
	uint64_t stores;      /* what they hold; they were perhaps over */
	uint64_t facts;	      /* targets, types, probes, environments */
};

int flow_state__new(struct flow_state **out, const struct flow_state_opts *opts);
void flow_state__free(struct flow_state *s);

/* A flow_sink. Returns 0; what there was no memory for counts as lost. */
int flow_state__event(void *state, const struct flow_event *ev);

/*
 * Tells all of it to @to, with the time @ts except for what belongs to requests. Requests in flight
 * that were lost since the last time are told as an FE_LOSS. Returns 0 or what @to returned.
 */
int flow_state__tell(struct flow_state *s, uint64_t ts, const struct flow_sink *to);

void flow_state__lost(const struct flow_state *s, struct flow_state_lost *lost);

#endif

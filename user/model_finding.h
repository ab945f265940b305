/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Findings in the model: how many of each kind, and grouped by cause.
 *
 * A group is what somebody would fix at one place: findings of one kind on one route, under
 * the store of one other route, written from callbacks of one type of resource. "lost" is one
 * group for each route and AsyncLocalStorage instance.
 */
#ifndef LOOPRAY_MODEL_FINDING_H
#define LOOPRAY_MODEL_FINDING_H

#include <stdint.h>

#include "flow_mismatch.h"

#define MODEL_GROUPS  64
#define MODEL_CONTEXT (CONTEXT_UNREADABLE + 1)

/* One request, kept beyond its end. */
struct model_request {
	char method[24];
	char path[256];	     /* cut if longer */
	struct flow_req req; /* its strings and findings are not valid: NULL */
};

struct model_finding_counts {
	uint64_t foreign;
	uint64_t foreign_harm; /* of foreign, as the next two */
	uint64_t stale;
	uint64_t captured;
	uint64_t lost_intermittent;
	uint64_t lost_always;
	uint64_t fan_out;
	uint64_t leaked;     /* resources */
	uint64_t unknown;    /* heads under a store that is nobody's for certain */
	uint64_t mismatched; /* requests with a foreign or lost finding */
};

struct model_group {
	enum finding_kind kind;
	enum finding_grade grade; /* the worst in it; lost: of the whole route */
	bool merged;		  /* causes beyond the limit: method and routes mean nothing */
	char method[16];
	char route[128];
	char other_method[16]; /* foreign, fan_out; "?": not known */
	char other_route[128];
	char resource[48]; /* not lost; empty: not known */
	uint32_t instance; /* lost only, else 0 */
	uint64_t count;	   /* findings */
	uint64_t harm;	   /* of those, as the next two */
	uint64_t stale;
	uint64_t captured;
	uint64_t requests; /* with at least one of these findings */
	uint64_t kept;	   /* lost: responses of this route all of whose stores were there */
	uint64_t first_ns;
	uint64_t last_ns;
	struct model_request on; /* the request of the example */
	uint64_t other_head_ns;	 /* of the other one there: 0 not seen, also if after the example */
	uint64_t other_end_ns;
	struct flow_finding example;
};

#endif

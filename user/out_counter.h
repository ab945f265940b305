/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values over time for trace files, of each environment: requests in flight, how late its loop is,
 * how busy, and how much of that is garbage collection. Handed out as they become known, each
 * with its time, and holding until the next: those of one counter in order of time, but for
 * requests in flight, which come all at the end.
 *
 * Requests in flight are known only when requests have ended, in another order. So they are
 * counted at fixed moments, 1 ms apart at first; when there are too many moments, every second is
 * given up. Memory is constant, and each value is exact at its moment. Of requests whose end was
 * lost nothing is counted.
 */
#ifndef LOOPRAY_OUT_COUNTER_H
#define LOOPRAY_OUT_COUNTER_H

#include <stdint.h>

#include "flow_event.h"
#include "flow_request.h"

enum out_counter {
	COUNTER_IN_FLIGHT,   /* requests */
	COUNTER_LAG,	     /* longest in a window of 50 ms, nanoseconds */
	COUNTER_UTILISATION, /* percent of the time between two samples, about a second */
	COUNTER_GC,	     /* the same */
	COUNTER_KINDS
};

const char *out_counter__name(enum out_counter counter);

struct out_counters;

struct out_counters_opts {
	/* Of environment @env of process @pid at @ts. */
	void (*value)(void *ctx, uint32_t pid, uint32_t env, enum out_counter counter, uint64_t ts,
		      double value);
	void *ctx;
	uint64_t origin_ns; /* when the observation began */
};

/* 0 or -ENOMEM. */
int out_counters__new(struct out_counters **out, const struct out_counters_opts *opts);
void out_counters__free(struct out_counters *c);

/* Out of memory, or beyond 1024 environments: those are left out. */
void out_counters__event(struct out_counters *c, const struct flow_event *ev);
void out_counters__request(struct out_counters *c, const struct flow_req *req);
/* The input has ended: what is left is handed out. */
void out_counters__finish(struct out_counters *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does a number that is sampled now and then grow all the time? Memory is bounded: samples go
 * into buckets, which become twice as wide whenever the observation has filled them.
 */
#ifndef LOOPRAY_FLOW_GROWTH_H
#define LOOPRAY_FLOW_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#define GROWTH_BUCKETS 64
#define GROWTH_NS      20000000000ULL /* a shorter observation tells no trend */

enum flow_trend {
	TREND_SHORT,   /* too few samples, or over too short a time */
	TREND_STEADY,  /* comes back to where it was, or hardly moves */
	TREND_SLOWING, /* grew, but ever less: a pool or a cache that fills */
	TREND_LINEAR,  /* grew all along, as much at the end as at the beginning */
	TREND_KINDS
};

struct flow_growth {
	uint64_t samples;
	uint64_t begin_ns, last_ns;
	uint64_t width_ns; /* of a bucket */
	uint32_t last, min, max;
	struct {
		uint32_t low;
		bool any;
	} bucket[GROWTH_BUCKETS];
};

/* A sample at time @ts, which does not go back. A zeroed structure has no sample yet. */
void flow_growth__add(struct flow_growth *g, uint64_t ts, uint32_t value);

/*
 * The trend, by the lowest value in each quarter of the time: load goes up and down, what is
 * left behind stays. @per_s: by how much it grew a second, 0 where it did not.
 */
enum flow_trend flow_growth__trend(const struct flow_growth *g, double *per_s);

#endif

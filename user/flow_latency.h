/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Log-linear histogram of durations: 1 ns to 1 hour, relative error of a percentile at most
 * 1/128 (about 0.8%), fixed size, mergeable. No allocation.
 */
#ifndef LOOPRAY_FLOW_LATENCY_H
#define LOOPRAY_FLOW_LATENCY_H

#include <stdint.h>

#define FLOW_HIST_SUB_BITS 6 /* 64 linear steps per power of two */
#define FLOW_HIST_BUCKETS  ((42 - FLOW_HIST_SUB_BITS + 1) << FLOW_HIST_SUB_BITS)

struct flow_hist {
	uint64_t count;
	uint64_t sum; /* nanoseconds */
	uint64_t max;
	uint64_t min;
	uint32_t bucket[FLOW_HIST_BUCKETS];
};

void flow_hist__add(struct flow_hist *h, uint64_t ns);
/* The same duration @n times. */
void flow_hist__add_many(struct flow_hist *h, uint64_t ns, uint64_t n);
void flow_hist__merge(struct flow_hist *to, const struct flow_hist *from);
/* @q in [0, 1]: nanoseconds at that quantile, 0 when empty; never above max or below min. */
uint64_t flow_hist__quantile(const struct flow_hist *h, double q);

/* The middle of a bucket, nanoseconds. */
uint64_t flow_hist__value(uint32_t index);

#endif

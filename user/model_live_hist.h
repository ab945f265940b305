/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A histogram of durations that is small enough to have one for each route and step: 16 buckets
 * for a power of two from a microsecond on, so that a percentile is off by at most 1/32 (3.2%),
 * or by half a microsecond. 1.8 kB; flow_hist has 9.5 kB and is off by 0.8%.
 */
#ifndef LOOPRAY_MODEL_LIVE_HIST_H
#define LOOPRAY_MODEL_LIVE_HIST_H

#include <stdint.h>

#include "model.h"

#define LIVE_HIST_FIRST	  10 /* everything below 2^10 ns is one bucket */
#define LIVE_HIST_LAST	  38 /* everything from 2^38 ns (275 s) on is one */
#define LIVE_HIST_BUCKETS (((LIVE_HIST_LAST - LIVE_HIST_FIRST) << 4) + 2)

struct live_hist {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint32_t bucket[LIVE_HIST_BUCKETS];
};

void live_hist__add(struct live_hist *h, uint64_t ns);
void live_hist__merge(struct live_hist *to, const struct live_hist *from);
uint64_t live_hist__quantile(const struct live_hist *h, double q); /* 0 when empty */
void live_hist__latency(const struct live_hist *h, struct model_latency *to);

#endif

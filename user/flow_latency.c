// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Buckets: values below 64 have one each; above, every power of two is cut into 64 equal
 * steps. A bucket is thus at most 1/64 of its lower bound wide, and answering with its
 * middle is off by at most 1/128. The last bucket also takes everything from 2^42 ns
 * (73 minutes) on; max stays exact.
 */
#include <math.h>

#include "flow_latency.h"
#include "util.h"

#define SUB_COUNT (1u << FLOW_HIST_SUB_BITS)

static uint32_t hist__index(uint64_t ns)
{
	uint32_t shift, index;

	if (ns < SUB_COUNT)
		return (uint32_t)ns;
	shift = 63 - FLOW_HIST_SUB_BITS - (uint32_t)__builtin_clzll(ns);
	index = ((shift + 1) << FLOW_HIST_SUB_BITS) + (uint32_t)((ns >> shift) - SUB_COUNT);
	return min_t(uint32_t, index, FLOW_HIST_BUCKETS - 1);
}

uint64_t flow_hist__value(uint32_t index)
{
	uint32_t shift;
	uint64_t low;

	if (index < SUB_COUNT)
		return index;
	shift = (index >> FLOW_HIST_SUB_BITS) - 1;
	low = (uint64_t)(SUB_COUNT + (index & (SUB_COUNT - 1))) << shift;
	return low + ((1ULL << shift) - 1) / 2;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void flow_hist__add(struct flow_hist *h, uint64_t ns)
{
	flow_hist__add_many(h, ns, 1);
}

void flow_hist__add_many(struct flow_hist *h, uint64_t ns, uint64_t n)
{
	uint32_t *bucket = &h->bucket[hist__index(ns)];

	if (!n)
		return;
	if (h->count == 0 || ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
	h->sum = add_saturated(h->sum, ns > UINT64_MAX / n ? UINT64_MAX : ns * n);
	h->count += n;
	*bucket = (uint32_t)min_t(uint64_t, add_saturated(*bucket, n), UINT32_MAX);
}

void flow_hist__merge(struct flow_hist *to, const struct flow_hist *from)
{
	if (from->count == 0)
		return;
	if (to->count == 0 || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->count += from->count;
	to->sum = add_saturated(to->sum, from->sum);
	for (uint32_t i = 0; i < FLOW_HIST_BUCKETS; i++)
		to->bucket[i] = (uint32_t)min_t(uint64_t, (uint64_t)to->bucket[i] + from->bucket[i],
						UINT32_MAX);
}

uint64_t flow_hist__quantile(const struct flow_hist *h, double q)
{
	uint64_t rank, seen = 0, value;

	if (h->count == 0)
		return 0;
	if (!(q > 0))
		return h->min;
	if (q >= 1)
		return h->max;
	rank = (uint64_t)ceil(q * (double)h->count);
	for (uint32_t i = 0; i < FLOW_HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen < rank)
			continue;
		value = flow_hist__value(i);
		value = max_t(uint64_t, value, h->min);
		return min_t(uint64_t, value, h->max);
	}
	return h->max; /* saturated buckets hold less than count */
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "model_live_hist.h"
#include "util.h"

#define SUB_BITS 4

static uint32_t index_of(uint64_t ns)
{
	uint32_t power, sub;

	if (ns < 1ULL << LIVE_HIST_FIRST)
		return 0;
	if (ns >= 1ULL << LIVE_HIST_LAST)
		return LIVE_HIST_BUCKETS - 1;
	power = 63 - (uint32_t)__builtin_clzll(ns);
	sub = (uint32_t)(ns >> (power - SUB_BITS)) & ((1u << SUB_BITS) - 1);
	return 1 + ((power - LIVE_HIST_FIRST) << SUB_BITS) + sub;
}

/* The middle of a bucket. */
static uint64_t value_of(uint32_t index)
{
	uint32_t power;
	uint64_t low;

	if (!index)
		return 1ULL << (LIVE_HIST_FIRST - 1);
	if (index == LIVE_HIST_BUCKETS - 1)
		return 1ULL << LIVE_HIST_LAST;
	power = LIVE_HIST_FIRST + ((index - 1) >> SUB_BITS);
	low = (1ULL << power) +
	      ((uint64_t)((index - 1) & ((1u << SUB_BITS) - 1)) << (power - SUB_BITS));
	return low + (1ULL << (power - SUB_BITS - 1));
}

void live_hist__add(struct live_hist *h, uint64_t ns)
{
	if (!h->count || ns < h->min)
		h->min = ns;
	h->max = max_t(uint64_t, h->max, ns);
	h->count++;
	h->sum += ns;
	h->bucket[index_of(ns)]++;
}

void live_hist__merge(struct live_hist *to, const struct live_hist *from)
{
	if (!from->count)
		return;
	to->min = to->count ? min_t(uint64_t, to->min, from->min) : from->min;
	to->max = max_t(uint64_t, to->max, from->max);
	to->count += from->count;
	to->sum += from->sum;
	for (uint32_t i = 0; i < LIVE_HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t live_hist__quantile(const struct live_hist *h, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)h->count), seen = 0, value;

	for (uint32_t i = 0; i < LIVE_HIST_BUCKETS && h->count; i++) {
		seen += h->bucket[i];
		if (seen < rank)
			continue;
		value = max_t(uint64_t, value_of(i), h->min);
		return min_t(uint64_t, value, h->max);
	}
	return h->max;
}

void live_hist__latency(const struct live_hist *h, struct model_latency *to)
{
	memset(to, 0, sizeof(*to));
	if (!h->count)
		return;
	to->count = h->count;
	to->mean = h->sum / h->count;
	to->min = h->min;
	to->max = h->max;
	to->p50 = live_hist__quantile(h, 0.50);
	to->p90 = live_hist__quantile(h, 0.90);
	to->p95 = live_hist__quantile(h, 0.95);
	to->p99 = live_hist__quantile(h, 0.99);
}

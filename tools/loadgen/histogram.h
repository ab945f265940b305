/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latency histogram in constant memory: each power of two of nanoseconds is cut into 128 equal
 * buckets, so that a quantile is at most 0.8% above the true value. The maximum is exact.
 */
#ifndef LOADGEN_HISTOGRAM_H
#define LOADGEN_HISTOGRAM_H

#include <stdint.h>

#define HIST_SUB_BITS 7
#define HIST_SUB      (1U << HIST_SUB_BITS)

struct histogram {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t bucket[(64 - HIST_SUB_BITS + 1) * HIST_SUB];
};

/* Values below HIST_SUB have a bucket each; above, the top bits choose it. */
static inline uint32_t histogram__index(uint64_t ns)
{
	uint32_t shift;

	if (ns < HIST_SUB)
		return (uint32_t)ns;
	shift = 63U - (uint32_t)__builtin_clzll(ns) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUB + (uint32_t)((ns >> shift) - HIST_SUB);
}

/* The largest value that falls into bucket @index. */
static inline uint64_t histogram__upper(uint32_t index)
{
	uint32_t shift;

	if (index < HIST_SUB)
		return index;
	shift = index / HIST_SUB - 1;
	return ((uint64_t)(index % HIST_SUB + HIST_SUB + 1) << shift) - 1;
}

static inline void histogram__add(struct histogram *h, uint64_t ns)
{
	h->count++;
	h->sum_ns += ns;
	if (ns > h->max_ns)
		h->max_ns = ns;
	h->bucket[histogram__index(ns)]++;
}

/* The value in milliseconds that a share @q (0..1) of the samples does not exceed. */
static inline double histogram__quantile_ms(const struct histogram *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->count + 0.5);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < sizeof(h->bucket) / sizeof(h->bucket[0]); i++) {
		seen += h->bucket[i];
		if (h->bucket[i] && seen >= rank) {
			uint64_t upper = histogram__upper(i);

			return (double)(upper < h->max_ns ? upper : h->max_ns) / 1e6;
		}
	}
	return 0;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "flow_growth.h"
#include "util.h"

#define FIRST_WIDTH_NS 250000000ULL
#define QUARTERS       4
#define GROWTH_MIN     8 /* fewer are no trend */

static void widen(struct flow_growth *g)
{
	for (uint32_t i = 0; i < GROWTH_BUCKETS; i++) {
		bool any = false;
		uint32_t low = UINT32_MAX;

		for (uint32_t k = 2 * i; k < 2 * i + 2 && k < GROWTH_BUCKETS; k++) {
			if (!g->bucket[k].any)
				continue;
			any = true;
			low = min_t(uint32_t, low, g->bucket[k].low);
		}
		g->bucket[i].any = any;
		g->bucket[i].low = low;
	}
	g->width_ns *= 2;
}

void flow_growth__add(struct flow_growth *g, uint64_t ts, uint32_t value)
{
	uint64_t at;

	if (!g->samples) {
		g->begin_ns = g->last_ns = ts;
		g->width_ns = FIRST_WIDTH_NS;
		g->min = g->max = value;
	}
	ts = max_t(uint64_t, ts, g->last_ns);
	while ((ts - g->begin_ns) / g->width_ns >= GROWTH_BUCKETS)
		widen(g);
	at = (ts - g->begin_ns) / g->width_ns;
	if (!g->bucket[at].any || value < g->bucket[at].low)
		g->bucket[at].low = value;
	g->bucket[at].any = true;
	g->samples++;
	g->last_ns = ts;
	g->last = value;
	g->min = min_t(uint32_t, g->min, value);
	g->max = max_t(uint32_t, g->max, value);
}

/* False: a quarter has no sample. */
static bool lowest(const struct flow_growth *g, uint32_t low[QUARTERS])
{
	uint64_t n = (g->last_ns - g->begin_ns) / g->width_ns + 1;
	bool any[QUARTERS] = {false};

	for (uint64_t i = 0; i < n && i < GROWTH_BUCKETS; i++) {
		uint64_t q = i * QUARTERS / n;

		if (!g->bucket[i].any)
			continue;
		low[q] = any[q] ? min_t(uint32_t, low[q], g->bucket[i].low) : g->bucket[i].low;
		any[q] = true;
	}
	for (uint32_t q = 0; q < QUARTERS; q++)
		if (!any[q])
			return false;
	return true;
}

enum flow_trend flow_growth__trend(const struct flow_growth *g, double *per_s)
{
	uint32_t low[QUARTERS] = {0};
	uint64_t ns = g->last_ns - g->begin_ns;
	bool rises = true;

	*per_s = 0;
	if (!g->samples || ns < GROWTH_NS || !lowest(g, low))
		return TREND_SHORT;
	for (uint32_t q = 1; q < QUARTERS; q++)
		rises &= low[q] > low[q - 1];
	if (low[QUARTERS - 1] < low[0] || low[QUARTERS - 1] - low[0] < GROWTH_MIN)
		return TREND_STEADY;
	*per_s = (double)(low[QUARTERS - 1] - low[0]) /
		 ((double)ns / 1e9 * (QUARTERS - 1) / QUARTERS);
	if (rises && (low[3] - low[2]) * 2ULL >= low[1] - low[0])
		return TREND_LINEAR;
	return TREND_SLOWING;
}

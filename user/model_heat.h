/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Latency over time: how many requests ended in each step of time, and how long they had taken.
 * The memory is fixed: when the steps are used up, neighbours become one, so that an hour has
 * as many as ten seconds, each as much longer.
 */
#ifndef LOOPRAY_MODEL_HEAT_H
#define LOOPRAY_MODEL_HEAT_H

#include "flow_request.h"

#define HEAT_STEPS   128
#define HEAT_STEP_NS 10000000ULL /* at first */
#define HEAT_ROWS    25

struct heat_step {
	uint32_t by_latency[HEAT_ROWS]; /* those whose latency is measured */
	uint32_t ended;
	uint32_t errors;     /* 5xx */
	uint32_t mismatched; /* with a foreign or lost finding */
};

struct model_heat {
	uint64_t start_ns; /* CLOCK_MONOTONIC; what ended before counts in the first step */
	uint64_t step_ns;
	uint32_t used; /* steps up to the last with something in it */
	struct heat_step step[HEAT_STEPS];
};

void model_heat__init(struct model_heat *h, uint64_t start_ns);
void model_heat__add(struct model_heat *h, const struct flow_req *req);

/* A row is a quarter of a decade: the shortest latency in it; row 0 has all below 100 us. */
uint64_t heat_row__low(unsigned int row);

#endif

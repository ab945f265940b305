/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What JavaScript has waiting in each environment: its timers and immediates. */
#ifndef LOOPRAY_MODEL_WAITING_H
#define LOOPRAY_MODEL_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_growth.h"

/* One number over the observation; nothing but @unknown means anything unless that is KNOWN. */
struct model_count {
	uint8_t unknown; /* enum flow_count_unknown */
	uint32_t now;	 /* at the last sample */
	uint32_t min;
	uint32_t max;
	enum flow_trend trend;
	double per_s; /* growth, see flow_growth__trend */
};

struct model_waiting {
	uint32_t pid;
	uint32_t env;
	struct model_count timers;
	struct model_count immediates;
};

/* While it is being built. */
struct waiting_state {
	bool any;
	uint8_t timers_unknown, immediates_unknown;
	struct flow_growth timers, immediates;
};

void waiting_state__add(struct waiting_state *w, const struct flow_event *ev);
void waiting_state__snapshot(const struct waiting_state *w, struct model_waiting *to);

#endif

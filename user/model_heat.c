// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "flow_mismatch.h"
#include "model.h"
#include "model_heat.h"
#include "util.h"

void model_heat__init(struct model_heat *h, uint64_t start_ns)
{
	memset(h, 0, sizeof(*h));
	h->start_ns = start_ns;
	h->step_ns = HEAT_STEP_NS;
}

uint64_t heat_row__low(unsigned int row)
{
	/* Four to a decade, rounded: what is told as "1.8 ms" begins there. */
	static const uint64_t quarter[] = {100000, 180000, 320000, 560000};
	uint64_t low = row ? quarter[(row - 1) % 4] : 0;

	for (unsigned int decade = 0; row && decade < (row - 1) / 4; decade++)
		low *= 10;
	return low;
}

static unsigned int row_of(uint64_t ns)
{
	unsigned int row = 0;

	while (row + 1 < HEAT_ROWS && ns >= heat_row__low(row + 1))
		row++;
	return row;
}

static void step_merge(struct heat_step *to, const struct heat_step *from)
{
	for (unsigned int i = 0; i < HEAT_ROWS; i++)
		to->by_latency[i] += from->by_latency[i];
	to->ended += from->ended;
	to->errors += from->errors;
	to->mismatched += from->mismatched;
}

static void halve(struct model_heat *h)
{
	for (size_t i = 0; i < HEAT_STEPS / 2; i++) {
		struct heat_step both = h->step[2 * i];

		step_merge(&both, &h->step[2 * i + 1]);
		h->step[i] = both;
	}
	memset(&h->step[HEAT_STEPS / 2], 0, sizeof(h->step) / 2);
	h->used = (h->used + 1) / 2;
	h->step_ns *= 2;
}

static struct heat_step *step_at(struct model_heat *h, uint64_t ns)
{
	uint64_t since = ns > h->start_ns ? ns - h->start_ns : 0;

	while (since / h->step_ns >= HEAT_STEPS)
		halve(h);
	h->used = max_t(uint32_t, h->used, (uint32_t)(since / h->step_ns) + 1);
	return &h->step[since / h->step_ns];
}

static bool mismatched(const struct flow_req *req)
{
	for (uint32_t i = 0; i < req->nfindings; i++)
		if (req->findings[i].kind != FINDING_FAN_OUT)
			return true;
	return false;
}

void model_heat__add(struct model_heat *h, const struct flow_req *req)
{
	struct heat_step *s;

	if (req->end == REQ_IN_FLIGHT || !req->end_ns)
		return;
	s = step_at(h, req->end_ns);
	s->ended++;
	s->errors += req->status / 100 == 5;
	s->mismatched += mismatched(req);
	if (model_request__measured(req))
		s->by_latency[row_of(req->end_ns - req->start_ns)]++;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model_waiting.h"

static void add(struct flow_growth *g, uint8_t *unknown, uint64_t ts, const struct fe_count *c)
{
	/* A reason that this version does not know is one all the same. */
	*unknown = c->unknown < FLOW_COUNT_REASONS ? c->unknown : FLOW_COUNT_UNREADABLE;
	if (c->unknown == FLOW_COUNT_KNOWN)
		flow_growth__add(g, ts, c->value);
}

void waiting_state__add(struct waiting_state *w, const struct flow_event *ev)
{
	w->any = true;
	add(&w->timers, &w->timers_unknown, ev->ts, &ev->timers.timers);
	add(&w->immediates, &w->immediates_unknown, ev->ts, &ev->timers.immediates);
}

/* A single sample that failed does not make unknown what the others told. */
static void snapshot(const struct flow_growth *g, uint8_t unknown, struct model_count *to)
{
	*to = (struct model_count){.unknown = g->samples ? FLOW_COUNT_KNOWN : unknown};
	if (!g->samples)
		return;
	to->now = g->last;
	to->min = g->min;
	to->max = g->max;
	to->trend = flow_growth__trend(g, &to->per_s);
}

void waiting_state__snapshot(const struct waiting_state *w, struct model_waiting *to)
{
	snapshot(&w->timers, w->timers_unknown, &to->timers);
	snapshot(&w->immediates, w->immediates_unknown, &to->immediates);
}

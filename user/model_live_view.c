// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Views of the collector: made of its parts, asked, and ended. */
#include <errno.h>
#include <stdlib.h>

#include "model_live.h"
#include "model_live_int.h"
#include "util.h"

#define DECADE(ns) (ns), 2 * (ns), 5 * (ns)

static const uint64_t bands[LIVE_BANDS] = {
	0,
	DECADE(10000ULL), /* 10 microseconds */
	DECADE(100000ULL),
	DECADE(1000000ULL),
	DECADE(10000000ULL),
	DECADE(100000000ULL),
	DECADE(1000000000ULL),
	DECADE(10000000000ULL),
	100000000000ULL,
	200000000000ULL,
};

uint64_t live_band__from(unsigned int band)
{
	return bands[min_t(unsigned int, band, LIVE_BANDS - 1)];
}

unsigned int live_band__of(uint64_t ns)
{
	unsigned int band = 0;

	while (band + 1 < LIVE_BANDS && bands[band + 1] <= ns)
		band++;
	return band;
}

void live_view__free(struct live_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->nrecent; i++)
		live_request__put(v->recent[i]);
	for (size_t i = 0; i < v->nin_flight; i++)
		live_request__put(v->in_flight[i]);
	free(v->recent);
	free(v->in_flight);
	free(v->steps);
	free(v->routes);
	free(v->types);
	free(v->loops);
	free(v->targets);
	model__free(v->m);
	free(v);
}

/* They are sorted by number, the greatest first. */
const struct live_request *live_view__request(const struct live_view *v, uint64_t number)
{
	size_t from = 0, to = v->nrecent;

	while (from < to) {
		size_t at = from + (to - from) / 2;

		if (v->recent[at]->number == number)
			return v->recent[at];
		if (v->recent[at]->number > number)
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

int live__snapshot(struct live *l, struct model *m, uint64_t now_ns, struct live_view **out)
{
	struct live_view *v = calloc(1, sizeof(*v));
	int err;

	*out = NULL;
	if (!v) {
		model__free(m);
		return -ENOMEM;
	}
	v->m = m;
	v->now_ns = now_ns;
	v->wall_ns = l->opts.replay ? 0 : now_wall_ns();
	v->step_ns = l->opts.step_ns;
	v->show_values = l->opts.show_values;
	live_series__advance(l, now_ns);
	v->start_ns = m && m->start_ns ? m->start_ns : l->series.start_ns;
	live_agent__view(l, v);
	err = live_series__view(l, v);
	if (!err)
		err = live_routes__view(l, v);
	if (!err)
		err = live_loops__view(l, v);
	if (!err)
		err = live_types__view(l, v);
	if (!err)
		err = live_targets__view(l, v);
	if (!err)
		err = live_kept__view(l, v);
	if (!err)
		err = live_flight__view(l, v);
	if (err) {
		live_view__free(v);
		return err;
	}
	*out = v;
	return 0;
}

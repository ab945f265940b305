// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What requests waited for, summed up; and what held loops for too long, by who did it. */
#include <stdio.h>
#include <string.h>

#include "model_builder.h"
#include "util.h"

void model_waits__add(struct model_waits *sum, const struct flow_waits *w)
{
	if (!w->known) {
		sum->unknown++;
		return;
	}
	sum->known++;
	for (int i = 0; i < WAIT_KINDS; i++)
		sum->ns[i] += w->ns[i];
}

static bool same_blocker(const struct model_blocker *k, const struct flow_blocking *b)
{
	const char *method = b->route && b->method ? b->method : "";

	return k->by == b->by && strncmp(k->method, method, sizeof(k->method) - 1) == 0 &&
	       strncmp(k->route, b->route ? b->route : "", sizeof(k->route) - 1) == 0;
}

static struct model_blocker *blocker_of(struct model_blocking *all, const struct flow_blocking *b)
{
	struct model_blocker *k;

	for (size_t i = 0; i < all->blocker_count; i++)
		if (same_blocker(&all->blocker[i], b))
			return &all->blocker[i];
	if (all->blocker_count == MODEL_BLOCKERS) {
		k = &all->blocker[MODEL_BLOCKERS - 1];
		k->by = TURN_UNKNOWN;
		snprintf(k->method, sizeof(k->method), "*");
		snprintf(k->route, sizeof(k->route), "(others)");
		return k;
	}
	k = &all->blocker[all->blocker_count++];
	k->by = b->by;
	if (b->route) {
		snprintf(k->method, sizeof(k->method), "%s", b->method ? b->method : "?");
		snprintf(k->route, sizeof(k->route), "%s", b->route);
	}
	return k;
}

/* Keeps the array in order, the longest first. */
static void sort_up(struct model_blocking *all, struct model_blocker *k)
{
	for (; k > all->blocker && k[-1].held_ns < k->held_ns; k--) {
		struct model_blocker swap = k[-1];

		k[-1] = *k;
		*k = swap;
	}
}

static void worst_add(struct model_blocking *all, const struct flow_blocking *b)
{
	size_t at = all->worst_count;

	if (at == MODEL_BLOCKING && b->duration_ns <= all->worst[at - 1].duration_ns)
		return;
	if (at == MODEL_BLOCKING)
		at--;
	else
		all->worst_count++;
	for (; at > 0 && all->worst[at - 1].duration_ns < b->duration_ns; at--)
		all->worst[at] = all->worst[at - 1];
	all->worst[at] = *b;
	all->worst[at].route = NULL;
}

static void add(struct model_blocking *all, const struct flow_blocking *b)
{
	struct model_blocker *k = blocker_of(all, b);

	all->count++;
	all->held_ns += b->duration_ns;
	all->paid += b->paid;
	all->paid_ns += b->paid_ns;
	k->count++;
	k->held_ns += b->duration_ns;
	k->max_ns = max_t(uint64_t, k->max_ns, b->duration_ns);
	k->paid += b->paid;
	k->paid_ns += b->paid_ns;
	sort_up(all, k);
	worst_add(all, b);
}

void model_builder__blocking(void *builder, const struct flow_blocking *b)
{
	struct model_builder *m = builder;

	add(&m->blocking, b);
}

void model__blocking(void *model, const struct flow_blocking *b)
{
	struct model *m = model;

	add(&m->blocking, b);
}

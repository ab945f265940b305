// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Types of resources: how many were alive at the end of each step. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_live_int.h"
#include "util.h"

/* In the order of first sight; @hint is where it was seen last time. NULL: beyond the limit. */
static struct live_type_state *type_of(struct live *l, const char *name, size_t hint)
{
	struct live_type_state *t;

	if (hint < l->ntypes && strncmp(l->types[hint].name, name, sizeof(t->name) - 1) == 0)
		return &l->types[hint];
	for (size_t i = 0; i < l->ntypes; i++)
		if (strncmp(l->types[i].name, name, sizeof(t->name) - 1) == 0)
			return &l->types[i];
	if (l->ntypes == LIVE_TYPES)
		return NULL;
	t = &l->types[l->ntypes++];
	memset(t, 0, sizeof(*t));
	live_text(t->name, sizeof(t->name), name);
	return t;
}

static size_t ask(struct live *l, struct flow_res_type types[LIVE_TYPES])
{
	if (!l->source.types)
		return 0;
	return min_t(size_t, l->source.types(l->source.ctx, types, LIVE_TYPES), LIVE_TYPES);
}

void live_types__sample(struct live *l, uint64_t number, uint64_t ts)
{
	struct flow_res_type types[LIVE_TYPES];
	size_t n = ask(l, types);

	for (size_t i = 0; i < n; i++) {
		struct live_type_state *t = type_of(l, types[i].name, i);
		uint32_t alive = (uint32_t)min_t(uint64_t, types[i].alive, UINT32_MAX);

		if (!t)
			continue;
		t->spark[number % LIVE_SPARK] = alive;
		flow_growth__add(&t->growth, ts, alive);
	}
}

static uint64_t leaked(const struct model *m, const char *name)
{
	if (!m || m->leaks.judged != LEAKS_JUDGED)
		return 0;
	for (uint32_t i = 0; i < m->leaks.count; i++)
		if (strncmp(m->leaks.type[i].name, name, sizeof(m->leaks.type[i].name) - 1) == 0)
			return m->leaks.type[i].leaked;
	return 0;
}

static void copy_type(const struct live *l, const struct live_type_state *t,
		      const struct flow_res_type *now, const struct model *m, struct live_type *to)
{
	uint64_t newest = l->series.newest;
	double per_s;

	memcpy(to->name, t->name, sizeof(to->name));
	to->init = now->init;
	to->alive = now->alive;
	to->leaked = leaked(m, now->name);
	to->trend = flow_growth__trend(&t->growth, &per_s);
	for (uint64_t k = live_series__from(l, LIVE_SPARK); k < newest; k++)
		to->spark[LIVE_SPARK - 1 - (newest - k)] = t->spark[k % LIVE_SPARK];
	to->spark[LIVE_SPARK - 1] = (uint32_t)min_t(uint64_t, now->alive, UINT32_MAX);
}

int live_types__view(struct live *l, struct live_view *v)
{
	struct flow_res_type types[LIVE_TYPES];
	size_t n = ask(l, types);

	v->types = calloc(n ? n : 1, sizeof(*v->types));
	if (!v->types)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct live_type_state *t = type_of(l, types[i].name, i);

		if (t)
			copy_type(l, t, &types[i], v->m, &v->types[v->ntypes++]);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Environments and the intervals of async ids whose allocator is known. */
#include <stdlib.h>
#include <string.h>

#include "flow_context_int.h"

#define FIRST_CAP 64

struct ctx_env *ctx_env__get(struct flow_context *c, uint32_t pid, uint32_t env)
{
	struct ctx_env *e = flow_table__get(&c->envs, pid, env);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || flow_table__put(&c->envs, pid, env, e)) {
		free(e);
		return NULL;
	}
	e->pid = pid;
	e->env = env;
	e->exec_id = -1;
	return e;
}

void ctx_env__free(struct ctx_env *e)
{
	if (e)
		free(e->intervals);
	free(e);
}

static struct ctx_interval *at(const struct ctx_env *e, uint32_t i)
{
	return &e->intervals[(e->head + i) & (e->cap - 1)];
}

bool ctx_env__owner(const struct ctx_env *e, int64_t id, struct flow_req_ref *ref)
{
	uint32_t lo = 0, hi = e->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (at(e, mid)->hi < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == e->count || id <= at(e, lo)->lo)
		return false;
	*ref = at(e, lo)->request;
	return true;
}

static bool grow(struct ctx_env *e)
{
	uint32_t cap = e->cap ? e->cap * 2 : FIRST_CAP;
	struct ctx_interval *bigger;

	if (cap > CTX_MAX_INTERVALS)
		return false;
	bigger = malloc(cap * sizeof(*bigger));
	if (!bigger)
		return false;
	for (uint32_t i = 0; i < e->count; i++)
		bigger[i] = *at(e, i);
	free(e->intervals);
	e->intervals = bigger;
	e->cap = cap;
	e->head = 0;
	return true;
}

void ctx_env__add(struct ctx_env *e, int64_t lo, int64_t hi, const struct flow_req_ref *ref)
{
	struct ctx_interval *last = e->count ? at(e, e->count - 1) : NULL;

	if (last && lo < last->hi) /* ids only grow: this would be a reading gone wrong */
		return;
	if (last && last->hi == lo && last->request.seq == ref->seq) {
		last->hi = hi;
		return;
	}
	if (e->count == e->cap && !grow(e)) {
		if (!e->cap)
			return;
		e->head = (e->head + 1) & (e->cap - 1);
		e->count--;
	}
	*at(e, e->count++) = (struct ctx_interval){lo, hi, *ref};
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which mechanism carries AsyncLocalStorage in an environment, by looking: flags and
 * NODE_OPTIONS switch it in some versions, so no version says it.
 *
 * async_hooks: an application that entered a store has an init hook enabled, which counts in
 * AsyncHooks' fields. AsyncContextFrame: the isolate's continuation-preserved slot holds a
 * Map, or the module that implements it was compiled. A binary without the slot can only
 * have the former.
 */
#include <stdio.h>
#include <string.h>

#include "target_layout_parts.h"
#include "target_memory.h"

#define FIELD_INIT 0 /* the first of AsyncHooks::Fields, each a count of enabled hooks */
#define HOOKS_MAX  100000u

static void decide(struct target_env *e, enum target_context context, const char *why)
{
	e->context = context;
	snprintf(e->context_why, sizeof(e->context_why), "%s", why);
}

/* A JSMap in the slot: a frame is active on the thread right now. */
static bool slot_holds_map(const struct target_layout *l, struct target_memory *m,
			   const struct target_env *e)
{
	uint64_t value, undefined = 0, map;
	uint16_t type;

	if (!l->p.cped || !l->p.jsmap_type ||
	    target_memory__u64(m, e->isolate + l->p.cped, &value) || !(value & 1))
		return false;
	if (l->p.undefined && !target_memory__u64(m, e->isolate + l->p.undefined, &undefined) &&
	    value == undefined)
		return false;
	return !target_memory__u64(m, value - 1, &map) && (map & 1) &&
	       !target_memory__read(m, map + l->p.map_type, &type, sizeof(type)) &&
	       type == l->p.jsmap_type;
}

/* Enabled init hooks; -1 if the fields cannot be read or hold no counts. */
static int init_hooks(const struct target_layout *l, struct target_memory *m,
		      const struct target_env *e)
{
	uint32_t count;
	uint64_t at;

	if (!l->p.field_check || target_memory__walk(m, e->env, &l->lr.env_fields, &at) ||
	    target_memory__read(m, at + 4ULL * FIELD_INIT, &count, sizeof(count)) ||
	    count > HOOKS_MAX)
		return -1;
	return (int)count;
}

/* Modules of AsyncLocalStorage that the environment's realm has compiled. */
struct modules {
	bool known, acf, hooks;
};

static void find_module(struct target_memory *m, uint64_t set, const char *name, bool *found,
			struct modules *mods)
{
	int got = layout_set__contains(m, set, name);

	if (got < 0)
		mods->known = false;
	else if (got)
		*found = true;
}

static struct modules find_modules(const struct target_layout *l, struct target_memory *m,
				   const struct target_env *e)
{
	struct modules mods = {.known = l->p.nbuiltin_sets > 0};
	uint64_t realm;

	if (!mods.known || target_memory__walk(m, e->isolate, &l->p.isolate_realm, &realm))
		return (struct modules){0};
	for (uint32_t i = 0; i < l->p.nbuiltin_sets; i++) {
		uint64_t set = realm + l->p.builtin_sets[i];

		find_module(m, set, TARGET_MODULE_ACF, &mods.acf, &mods);
		find_module(m, set, TARGET_MODULE_HOOKS, &mods.hooks, &mods);
	}
	return mods;
}

void layout_context__detect(const struct target_layout *l, struct target_memory *m,
			    struct target_env *e)
{
	struct modules mods = find_modules(l, m, e);
	int hooks = init_hooks(l, m, e);

	if (slot_holds_map(l, m, e))
		decide(e, TARGET_CONTEXT_ACF, "a context frame is active");
	else if (mods.acf)
		decide(e, TARGET_CONTEXT_ACF, "AsyncLocalStorage over context frames is loaded");
	else if (hooks > 0)
		decide(e, TARGET_CONTEXT_ASYNC_HOOKS, "init hooks are enabled");
	else if (mods.hooks)
		decide(e, TARGET_CONTEXT_ASYNC_HOOKS, "AsyncLocalStorage over hooks is loaded");
	else if (hooks < 0)
		decide(e, TARGET_CONTEXT_UNKNOWN, "the hook counts cannot be read");
	else if (!l->p.cped)
		decide(e, TARGET_CONTEXT_NONE, "no hook is enabled, and there is no frame slot");
	else if (mods.known)
		decide(e, TARGET_CONTEXT_NONE, "no hook is enabled, no AsyncLocalStorage loaded");
	else
		decide(e, TARGET_CONTEXT_UNKNOWN, "no hook is enabled, no frame is active now");
}

enum target_context target_context__of(const struct target_env *envs, size_t n, const char **why)
{
	/* What is in use anywhere outweighs what is not; a gap in knowledge outweighs "none". */
	static const enum target_context order[] = {TARGET_CONTEXT_ACF, TARGET_CONTEXT_ASYNC_HOOKS,
						    TARGET_CONTEXT_UNKNOWN, TARGET_CONTEXT_NONE};

	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		for (size_t i = 0; i < n; i++) {
			if (envs[i].context != order[k])
				continue;
			if (why)
				*why = envs[i].context_why;
			return order[k];
		}
	}
	if (why)
		*why = "no environment was found";
	return TARGET_CONTEXT_UNKNOWN;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Native resources that outlive their request. Most do so by design: a socket that one request
 * opened serves others from a pool, and an object without references waits for its collection.
 * So a resource that is alive after its request is only counted as such. "leaked" needs more:
 *
 *   1. Its request ended at least 10 s ago, and longer ago than nearly all (99%) of its type
 *      that were destroyed have lived.
 *   2. No callback of it has run since (a pooled socket that serves other requests runs some).
 *   3. It is a handle, which lives until it is closed; or its environment has finished two full
 *      collections since: the first may have been marking when the request ended.
 *   4. Resources of its type that pass 1 to 3 were left behind in every quarter of the
 *      observation, in the last one at least half as many as in the first: a pool or a cache
 *      fills and stays as it is.
 *   5. No record was lost, which might have been that of a destroy.
 *
 * That a request has ended is noticed by a sweep once a second, so its end is taken for later
 * than it was, and callbacks that finish its work right behind the response count as its own.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_context_int.h"
#include "util.h"

#define AFTER_NS      (FLOW_LEAKS_NS / 2)
#define SWEEP_NS      1000000000ULL
#define QUARTERS      4
#define GROWTH_MIN    8 /* resources; fewer are no trend */
#define TWO_MARKINGS  2
#define MARK_COMPACT  1 /* fe_gc.kind */
#define MOST_PER_CENT 99

/*
 * Subclasses of Node.js' HandleWrap (src/handle_wrap.h): a strong reference keeps them until
 * they are closed.
 */
bool ctx_leak__is_handle(const char *type)
{
	static const char *const names[] = {
		"TCPWRAP", "TCPSERVERWRAP", "PIPEWRAP",	   "PIPESERVERWRAP", "UDPWRAP",
		"TTYWRAP", "PROCESSWRAP",   "FSEVENTWRAP", "SIGNALWRAP",     "MESSAGEPORT"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], type) == 0)
			return true;
	return false;
}

static unsigned int power_of(uint64_t ns)
{
	return ns ? 63 - (unsigned int)__builtin_clzll(ns) : 0;
}

void ctx_leak__destroyed(struct ctx_res *res)
{
	uint64_t ns =
		res->pub.destroy_ns > res->pub.init_ns ? res->pub.destroy_ns - res->pub.init_ns : 0;

	res->type->lived[power_of(ns)]++;
}

/* Rule 1: rounded up to a power of two. */
static uint64_t after_ns(const struct ctx_type *t)
{
	uint64_t all = 0, n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(t->lived); i++)
		all += t->lived[i];
	for (unsigned int i = 0; all && i < ARRAY_SIZE(t->lived) - 1; i++) {
		n += t->lived[i];
		if (n * 100 >= all * MOST_PER_CENT)
			return max_t(uint64_t, AFTER_NS, 2ULL << i);
	}
	return AFTER_NS;
}

static void sweep(struct flow_context *c)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&c->resources, &pos))) {
		struct ctx_res *res = s->value;
		const struct ctx_env *e;

		if (!res->request.seq || res->over_ns ||
		    flow_requests__in_progress(c->requests, &res->request))
			continue;
		e = flow_table__get(&c->envs, res->pub.pid, res->pub.env);
		res->over_ns = c->last_ns;
		res->over_collections = e ? e->collections : 0;
	}
	c->swept_ns = c->last_ns;
}

void ctx_leak__event(struct flow_context *c, const struct flow_event *ev)
{
	if (ev->type == FE_LOSS && ev->loss.count)
		c->lost = true;
	if (!ev->ts)
		return;
	if (!c->first_ns)
		c->first_ns = c->swept_ns = ev->ts;
	c->last_ns = max_t(uint64_t, c->last_ns, ev->ts);
	if (c->last_ns - c->swept_ns >= SWEEP_NS)
		sweep(c);
	if (ev->type == FE_GC && ev->gc.kind == MARK_COMPACT) {
		struct ctx_env *e = flow_table__get(&c->envs, ev->pid, ev->gc.env);

		if (e)
			e->collections++;
	}
}

struct outliving {
	struct flow_outlived pub;
	uint64_t quarter[QUARTERS]; /* those that pass rules 1 to 3, by the end of their request */
};

static bool collected_since(const struct flow_context *c, const struct ctx_res *res)
{
	const struct ctx_env *e = flow_table__get(&c->envs, res->pub.pid, res->pub.env);

	return e && e->collections - res->over_collections >= TWO_MARKINGS;
}

static void add(const struct flow_context *c, struct outliving *o, const struct ctx_res *res)
{
	uint64_t age = c->last_ns - res->over_ns;
	uint64_t window = c->last_ns - c->first_ns - o->pub.after_ns;

	o->pub.alive++;
	o->pub.oldest_ns = max_t(uint64_t, o->pub.oldest_ns, age);
	if (res->used)
		o->pub.in_use++;
	else if (!res->type->handle && !collected_since(c, res))
		o->pub.uncollected++;
	else
		o->quarter[min_t(uint64_t, (res->over_ns - c->first_ns) * QUARTERS / (window + 1),
				 QUARTERS - 1)]++;
}

/* Rule 4. */
static void judge(const struct flow_context *c, struct outliving *o)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < QUARTERS; i++) {
		if (!o->quarter[i])
			return;
		sum += o->quarter[i];
	}
	if (sum >= GROWTH_MIN && o->quarter[QUARTERS - 1] * 2 >= o->quarter[0] &&
	    c->last_ns - c->first_ns >= 2 * o->pub.after_ns)
		o->pub.leaked = sum;
}

static int by_leaked(const void *a, const void *b)
{
	const struct flow_outlived *x = a, *y = b;

	if (x->leaked != y->leaked)
		return x->leaked < y->leaked ? 1 : -1;
	if (x->alive != y->alive)
		return x->alive < y->alive ? 1 : -1;
	return strcmp(x->name, y->name);
}

static struct outliving type_of(const struct flow_context *c, const struct ctx_type *t)
{
	struct outliving o = {.pub.after_ns = after_ns(t)};
	struct flow_slot *s;
	uint32_t pos = 0;

	strncpy(o.pub.name, t->name, sizeof(o.pub.name) - 1);
	while ((s = flow_table__next(&c->resources, &pos))) {
		const struct ctx_res *res = s->value;

		if (res->type == t && res->over_ns && c->last_ns - res->over_ns >= o.pub.after_ns)
			add(c, &o, res);
	}
	return o;
}

static enum flow_leaks_judged judged(const struct flow_context *c)
{
	bool any = false;

	for (size_t i = 0; i < c->ntypes; i++)
		any |= c->types[i]->pub.init != 0;
	if (!any)
		return LEAKS_NOT;
	if (c->lost || c->overflow)
		return LEAKS_LOSS;
	return c->last_ns - c->first_ns < FLOW_LEAKS_NS ? LEAKS_SHORT : LEAKS_JUDGED;
}

void flow_context__leaks(const struct flow_context *c, struct flow_leaks *leaks)
{
	if (c->finished) {
		*leaks = c->leaks;
		return;
	}
	memset(leaks, 0, sizeof(*leaks));
	leaks->judged = judged(c);
	for (size_t i = 0; i < c->ntypes && leaks->count < FLOW_OUTLIVED; i++) {
		struct outliving o;

		/* A mixture of types has no usual life and no trend. */
		if (!c->types[i]->pub.known_request || c->types[i] == c->unknown_type)
			continue;
		o = type_of(c, c->types[i]);
		if (leaks->judged == LEAKS_JUDGED)
			judge(c, &o);
		if (o.pub.alive)
			leaks->type[leaks->count++] = o.pub;
	}
	if (leaks->count > 1)
		qsort(leaks->type, leaks->count, sizeof(leaks->type[0]), by_leaked);
}

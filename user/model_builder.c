// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The model from flow events: targets, loops, collections, probes, losses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_builder.h"
#include "util.h"

#define MAX_ROUTES   512
#define MAX_TARGETS  1024
#define MAX_LOOPS    4096
#define MAX_PROBES   1024
#define MAX_COUNTERS 512

int model_builder__new(struct model_builder **out, const struct model_opts *opts)
{
	struct model_builder *b = calloc(1, sizeof(*b));
	uint32_t slots = 16;

	*out = NULL;
	if (!b)
		return -ENOMEM;
	b->max_routes = opts && opts->max_routes ? opts->max_routes : MAX_ROUTES;
	while (slots < 2 * b->max_routes)
		slots *= 2;
	b->table_mask = slots - 1;
	b->table = calloc(slots, sizeof(struct route_state *));
	b->routes = calloc(b->max_routes, sizeof(struct route_state *));
	if (!b->table || !b->routes) {
		model_builder__free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

static void route_free(struct route_state *r)
{
	if (!r)
		return;
	free(r->method);
	free(r->route);
	free(r);
}

void model_builder__free(struct model_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->route_count; i++)
		route_free(b->routes[i]);
	route_free(b->other);
	model_findings__free(b);
	model_calls__free(b);
	free(b->routes);
	free(b->table);
	free(b->targets);
	model_health__free(b);
	free(b->loops);
	free(b->probes);
	free(b->counters);
	free(b);
}

static void copy_str(char *to, size_t cap, const struct flow_str *s)
{
	size_t len = min_t(size_t, s->len, cap - 1);

	if (len)
		memcpy(to, s->s, len);
	to[len] = '\0';
}

void *model_builder__entry(struct model_builder *b, void *array, size_t *count, size_t *cap,
			   size_t size, size_t max)
{
	char *base, *grown;

	if (*count == max) {
		b->not_kept++;
		return NULL;
	}
	memcpy(&base, array, sizeof(base)); /* @array is the address of some pointer */
	if (*count == *cap) {
		size_t next = min_t(size_t, *cap ? *cap * 2 : 8, max);

		grown = realloc(base, next * size);
		if (!grown) {
			b->oom = true;
			return NULL;
		}
		base = grown;
		memcpy(array, &base, sizeof(base));
		*cap = next;
	}
	base += (*count)++ * size;
	memset(base, 0, size);
	return base;
}

static struct model_target *target_find(struct model_builder *b, uint32_t pid)
{
	/* From the end: a pid that came again means the later process. */
	for (size_t i = b->target_count; i-- > 0;)
		if (b->targets[i].pid == pid)
			return &b->targets[i];
	return NULL;
}

static void on_target(struct model_builder *b, const struct flow_event *ev)
{
	struct model_target *t = target_find(b, ev->pid);

	if (!t || t->start_time != ev->target.start_time)
		t = model_builder__entry(b, &b->targets, &b->target_count, &b->target_cap,
					 sizeof(*t), MAX_TARGETS);
	if (!t)
		return;
	t->pid = ev->pid;
	t->start_time = ev->target.start_time;
	t->ended = false;
	copy_str(t->version, sizeof(t->version), &ev->target.version);
	copy_str(t->context, sizeof(t->context), &ev->target.context);
	copy_str(t->linked, sizeof(t->linked), &ev->target.linked);
	copy_str(t->level, sizeof(t->level), &ev->target.level);
	copy_str(t->exe, sizeof(t->exe), &ev->target.exe);
}

static void on_target_end(struct model_builder *b, const struct flow_event *ev)
{
	struct model_target *t = target_find(b, ev->pid);

	if (t)
		t->ended = true;
}

struct loop_state *model_builder__loop(struct model_builder *b, uint32_t pid, uint32_t env)
{
	struct loop_state *l;

	for (size_t i = 0; i < b->loop_count; i++)
		if (b->loops[i].loop.pid == pid && b->loops[i].loop.env == env)
			return &b->loops[i];
	l = model_builder__entry(b, &b->loops, &b->loop_count, &b->loop_cap, sizeof(*l), MAX_LOOPS);
	if (!l)
		return NULL;
	l->loop.pid = pid;
	l->loop.env = env;
	return l;
}

static void loop_peak(struct loop_state *l, const struct flow_event *ev)
{
	double wall = (double)(ev->ts - l->last_ns);
	double busy;

	if (ev->ts <= l->last_ns || ev->loop.idle_ns < l->last_idle)
		return;
	busy = 1 - (double)(ev->loop.idle_ns - l->last_idle) / wall;
	if (busy > l->loop.peak)
		l->loop.peak = busy;
}

/* The counters run since the loop started: what was observed is last minus first. */
static void on_loop(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_state *l = model_builder__loop(b, ev->pid, ev->loop.env);

	if (!l)
		return;
	/* A counter that falls is another process with this pid, or another loop: start anew. */
	if (!l->samples || ev->loop.idle_ns < l->last_idle || ev->ts < l->last_ns) {
		l->first_ns = ev->ts;
		l->first_idle = ev->loop.idle_ns;
		l->first_iterations = ev->loop.iterations;
		l->first_cpu = ev->loop.cpu_ns;
		l->loop.iterations_known = ev->loop.iterations != 0;
		l->loop.peak = 0;
	} else {
		loop_peak(l, ev);
	}
	l->samples++;
	l->last_ns = ev->ts;
	l->last_idle = ev->loop.idle_ns;
	l->loop.wall_ns = ev->ts - l->first_ns;
	l->loop.idle_ns = ev->loop.idle_ns - l->first_idle;
	l->loop.iterations_known &= ev->loop.iterations >= l->first_iterations;
	l->loop.iterations =
		l->loop.iterations_known ? ev->loop.iterations - l->first_iterations : 0;
	l->loop.cpu_ns = ev->loop.cpu_ns >= l->first_cpu ? ev->loop.cpu_ns - l->first_cpu : 0;
}

static void on_timers(struct model_builder *b, const struct flow_event *ev)
{
	struct loop_state *l = model_builder__loop(b, ev->pid, ev->timers.env);

	if (l)
		waiting_state__add(&l->waiting, ev);
}

static void on_gc(struct model_builder *b, const struct flow_event *ev)
{
	size_t kind = min_t(size_t, ev->gc.kind, MODEL_GC_OTHER);
	struct model_gc *g = &b->gc[kind];

	g->count++;
	g->untimed += ev->gc.duration_ns == 0;
	g->total_ns += ev->gc.duration_ns;
	g->max_ns = max_t(uint64_t, g->max_ns, ev->gc.duration_ns);
}

static void on_probe(struct model_builder *b, const struct flow_event *ev)
{
	struct model_probe p = {
		.attached = ev->probe.attached, .hits = ev->probe.hits, .misses = ev->probe.misses};
	struct model_probe *to = NULL;

	copy_str(p.name, sizeof(p.name), &ev->probe.name);
	copy_str(p.site, sizeof(p.site), &ev->probe.site);
	copy_str(p.reason, sizeof(p.reason), &ev->probe.reason);
	for (size_t i = 0; i < b->probe_count && !to; i++)
		if (strcmp(b->probes[i].name, p.name) == 0 &&
		    strcmp(b->probes[i].site, p.site) == 0)
			to = &b->probes[i];
	if (!to)
		to = model_builder__entry(b, &b->probes, &b->probe_count, &b->probe_cap, sizeof(p),
					  MAX_PROBES);
	if (to)
		*to = p;
}

static void on_counter(struct model_builder *b, const struct flow_event *ev)
{
	struct model_counter *to = NULL;
	char name[sizeof(to->name)];

	copy_str(name, sizeof(name), &ev->counter.name);
	for (size_t i = 0; i < b->counter_count && !to; i++)
		if (strcmp(b->counters[i].name, name) == 0)
			to = &b->counters[i];
	if (!to) {
		to = model_builder__entry(b, &b->counters, &b->counter_count, &b->counter_cap,
					  sizeof(*to), MAX_COUNTERS);
		if (!to)
			return;
		memcpy(to->name, name, sizeof(name));
	}
	to->value = ev->counter.value;
}

static void on_loss(struct model_builder *b, const struct flow_event *ev)
{
	/* A kind this version does not know is a loss all the same. */
	size_t kind = ev->loss.kind < FLOW_LOSS_KINDS ? ev->loss.kind : FLOW_LOSS_READ;

	b->loss[kind] += ev->loss.count;
}

int model_builder__event(void *builder, const struct flow_event *ev)
{
	struct model_builder *b = builder;

	if (ev->ts) {
		if (!b->first_ns || ev->ts < b->first_ns)
			b->first_ns = ev->ts;
		b->last_ns = max_t(uint64_t, b->last_ns, ev->ts);
	}
	if (ev->type == FE_TARGET)
		on_target(b, ev);
	else if (ev->type == FE_TARGET_END)
		on_target_end(b, ev);
	else if (ev->type == FE_LOOP)
		on_loop(b, ev);
	else if (ev->type == FE_TIMERS)
		on_timers(b, ev);
	else if (ev->type == FE_GC)
		on_gc(b, ev);
	else if (ev->type == FE_PROBE)
		on_probe(b, ev);
	else if (ev->type == FE_LOSS)
		on_loss(b, ev);
	else if (ev->type == FE_COUNTER)
		on_counter(b, ev);
	model_health__event(b, ev);
	return b->oom ? -ENOMEM : 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Snapshots: copies of what the builder has, with percentiles computed and tables sorted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "model_builder.h"

void model_latency__of(struct model_latency *l, const struct flow_hist *h)
{
	memset(l, 0, sizeof(*l));
	if (!h->count)
		return;
	l->count = h->count;
	l->mean = h->sum / h->count;
	l->min = h->min;
	l->max = h->max;
	l->p50 = flow_hist__quantile(h, 0.50);
	l->p90 = flow_hist__quantile(h, 0.90);
	l->p95 = flow_hist__quantile(h, 0.95);
	l->p99 = flow_hist__quantile(h, 0.99);
}

static int route_order(const void *a, const void *b)
{
	const struct model_route *x = a, *y = b;
	int by_name;

	if (x->requests.total != y->requests.total)
		return x->requests.total < y->requests.total ? 1 : -1;
	by_name = strcmp(x->route, y->route);
	return by_name ? by_name : strcmp(x->method, y->method);
}

static int snapshot_routes(struct model *m, const struct model_builder *b)
{
	size_t n = b->route_count + (b->other ? 1 : 0);

	m->routes = calloc(n ? n : 1, sizeof(*m->routes));
	if (!m->routes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct route_state *r = i < b->route_count ? b->routes[i] : b->other;
		struct model_route *to = &m->routes[i];

		m->route_count++;
		to->method = strdup(r->method);
		to->route = strdup(r->route);
		if (!to->method || !to->route)
			return -ENOMEM;
		to->requests = r->requests;
		model_latency__of(&to->requests.latency, &r->latency);
	}
	qsort(m->routes, n, sizeof(*m->routes), route_order);
	return 0;
}

static void *copy_array(const void *from, size_t count, size_t size)
{
	void *to = calloc(count ? count : 1, size);

	if (to && count)
		memcpy(to, from, count * size);
	return to;
}

static void count_environment(struct model *m, uint32_t pid)
{
	for (size_t i = m->target_count; i-- > 0;) {
		if (m->targets[i].pid == pid) {
			m->targets[i].environments++;
			return;
		}
	}
}

static void add_waiting(struct model *m, const struct loop_state *l)
{
	struct model_waiting *to = &m->waiting[m->waiting_count];

	if (!l->waiting.any)
		return;
	to->pid = l->loop.pid;
	to->env = l->loop.env;
	waiting_state__snapshot(&l->waiting, to);
	m->waiting_count++;
}

static int snapshot_tables(struct model *m, const struct model_builder *b)
{
	m->targets = copy_array(b->targets, b->target_count, sizeof(*m->targets));
	m->probes = copy_array(b->probes, b->probe_count, sizeof(*m->probes));
	m->counters = copy_array(b->counters, b->counter_count, sizeof(*m->counters));
	m->loops = calloc(b->loop_count ? b->loop_count : 1, sizeof(*m->loops));
	m->waiting = calloc(b->loop_count ? b->loop_count : 1, sizeof(*m->waiting));
	if (!m->targets || !m->probes || !m->counters || !m->loops || !m->waiting)
		return -ENOMEM;
	m->target_count = b->target_count;
	m->probe_count = b->probe_count;
	m->counter_count = b->counter_count;
	for (size_t i = 0; i < b->loop_count; i++) {
		count_environment(m, b->loops[i].loop.pid);
		if (b->loops[i].samples) {
			m->loops[m->loop_count] = b->loops[i].loop;
			model_health__of(&b->loops[i], &m->loops[m->loop_count++].health);
		}
		add_waiting(m, &b->loops[i]);
	}
	for (size_t i = 0; i < m->target_count; i++)
		if (strcmp(m->targets[i].level, "resources") == 0)
			m->has_resources = true;
	return 0;
}

static int snapshot_types(struct model *m, const struct model_view *view)
{
	m->types = calloc(view->type_count ? view->type_count : 1, sizeof(*m->types));
	if (!m->types)
		return -ENOMEM;
	for (size_t i = 0; i < view->type_count; i++) {
		m->types[i].count = view->types[i];
		m->types[i].count.name = NULL;
		strncpy(m->types[i].name, view->types[i].name, sizeof(m->types[i].name) - 1);
	}
	m->type_count = view->type_count;
	if (m->type_count)
		m->has_resources = true;
	return 0;
}

static void snapshot_totals(struct model *m, const struct model_builder *b,
			    const struct model_view *view)
{
	m->start_ns = view->start_ns ? view->start_ns : b->first_ns;
	m->end_ns = view->end_ns ? view->end_ns : b->last_ns;
	if (m->end_ns < m->start_ns)
		m->end_ns = m->start_ns;
	m->requests = b->requests;
	m->latency = b->latency;
	model_latency__of(&m->requests.latency, &b->latency);
	m->in_flight = b->requests.by_end[REQ_IN_FLIGHT] + view->in_flight;
	memcpy(m->slowest, b->slowest, sizeof(m->slowest));
	m->slowest_count = b->slowest_count;
	memcpy(m->gc, b->gc, sizeof(m->gc));
	if (view->incomplete)
		strncpy(m->incomplete, view->incomplete, sizeof(m->incomplete) - 1);
	m->resources_not_kept = view->resources_not_kept;
	m->loss.ring = b->loss[FLOW_LOSS_RING];
	m->jobs = view->jobs;
	m->loss.map = b->loss[FLOW_LOSS_MAP] + view->resources_not_kept + view->jobs.not_kept;
	m->loss.read = b->loss[FLOW_LOSS_READ];
	m->loss.file = view->unwritten;
	m->loss.total = m->loss.ring + m->loss.map + m->loss.read + m->loss.file;
	m->routes_merged = b->other ? b->other->requests.total : 0;
	m->not_kept = b->not_kept;
}

int model_builder__snapshot(const struct model_builder *b, const struct model_view *view,
			    struct model **out)
{
	static const struct model_view none;
	struct model *m;
	int err;

	*out = NULL;
	if (b->oom)
		return -ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	view = view ? view : &none;
	snapshot_totals(m, b, view);
	err = snapshot_routes(m, b);
	if (!err)
		err = snapshot_tables(m, b);
	if (!err)
		err = model_health__pools(m, b);
	if (!err)
		err = snapshot_types(m, view);
	if (!err)
		err = model_findings__snapshot(m, b, view);
	if (!err)
		err = model_calls__snapshot(m, b, view);
	m->blocking = b->blocking;
	m->blocking.threshold_ns = view->blocking_ns;
	if (err) {
		model__free(m);
		return err;
	}
	*out = m;
	return 0;
}

void model__free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->routes && i < m->route_count; i++) {
		free(m->routes[i].method);
		free(m->routes[i].route);
	}
	free(m->routes);
	free(m->groups);
	free(m->calls.peers);
	free(m->targets);
	free(m->types);
	free(m->loops);
	free(m->pools);
	free(m->waiting);
	free(m->probes);
	free(m->counters);
	free(m);
}

double model__duration(const struct model *m)
{
	return (double)(m->end_ns - m->start_ns) / 1e9;
}

double model_loop__utilisation(const struct model_loop *l)
{
	double idle;

	if (!l->wall_ns)
		return -1;
	/* The two clocks are read one after the other: a tiny excess is not a finding. */
	idle = (double)l->idle_ns / (double)l->wall_ns;
	return idle > 1 ? 0 : 1 - idle;
}

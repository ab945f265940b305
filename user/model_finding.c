// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Findings by cause. Beyond MODEL_GROUPS causes, one more group of each kind takes the rest.
 *
 * "lost" is graded here, as only the whole observation can tell: always, if no response of the
 * route was ever written with all of its stores, else intermittent. A finding that the rules
 * graded intermittent themselves (they know each instance by itself) makes it so too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_builder.h"
#include "util.h"

static void copy_cut(char *to, size_t cap, const char *from)
{
	size_t len = strnlen(from, cap - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* Fills the members that make the group's identity. */
static void key_of(struct model_group *key, const struct flow_req *req,
		   const struct flow_finding *f)
{
	const char *route = req->route ? req->route : req->path;

	memset(key, 0, sizeof(*key));
	key->kind = f->kind < FINDING_KINDS ? f->kind : FINDING_FOREIGN;
	copy_cut(key->method, sizeof(key->method), req->method ? req->method : "?");
	copy_cut(key->route, sizeof(key->route), route ? route : "?");
	if (key->kind == FINDING_LOST) {
		key->instance = f->instance;
		return;
	}
	copy_cut(key->other_method, sizeof(key->other_method),
		 f->other.method[0] ? f->other.method : "?");
	copy_cut(key->other_route, sizeof(key->other_route),
		 f->other.route[0] ? f->other.route : "?");
	copy_cut(key->resource, sizeof(key->resource), f->resource);
}

static uint64_t key_hash(const struct model_group *k)
{
	const char *const text[] = {k->method, k->route, k->other_method, k->other_route,
				    k->resource};
	uint64_t h = hash_u64((uint64_t)k->kind << 32 | k->instance);

	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		h = hash_u64(h ^ hash_bytes(text[i], strlen(text[i])));
	return h;
}

static bool key_equal(const struct model_group *a, const struct model_group *b)
{
	return a->kind == b->kind && a->instance == b->instance &&
	       strcmp(a->method, b->method) == 0 && strcmp(a->route, b->route) == 0 &&
	       strcmp(a->other_method, b->other_method) == 0 &&
	       strcmp(a->other_route, b->other_route) == 0 && strcmp(a->resource, b->resource) == 0;
}

static struct group_state *group_merged(struct model_builder *b, const struct model_group *key)
{
	struct group_state *g = b->merged[key->kind];

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g) {
		b->oom = true;
		return NULL;
	}
	g->group.kind = key->kind;
	g->group.merged = true;
	copy_cut(g->group.method, sizeof(g->group.method), "*");
	copy_cut(g->group.route, sizeof(g->group.route), "(other causes)");
	b->merged[key->kind] = g;
	return g;
}

/* What is known of all the routes beyond the limit together says nothing of one of them. */
static struct group_state *group_route(const struct model_builder *b, struct group_state *g,
				       struct route_state *route)
{
	if (route && route != b->other)
		g->route = route;
	return g;
}

static struct group_state *group_find(struct model_builder *b, const struct flow_req *req,
				      const struct flow_finding *f, struct route_state *route)
{
	struct model_group key;
	struct group_state *g;
	uint64_t hash;

	key_of(&key, req, f);
	hash = key_hash(&key);
	for (size_t i = 0; i < b->group_count; i++)
		if (b->groups[i]->hash == hash && key_equal(&b->groups[i]->group, &key))
			return group_route(b, b->groups[i], route);
	if (b->group_count == MODEL_GROUPS)
		return group_merged(b, &key);
	if (!b->groups)
		b->groups = calloc(MODEL_GROUPS, sizeof(struct group_state *));
	g = b->groups ? calloc(1, sizeof(*g)) : NULL;
	if (!g) {
		b->oom = true;
		return NULL;
	}
	g->group = key;
	g->hash = hash;
	b->groups[b->group_count++] = g;
	return group_route(b, g, route);
}

/* How much a finding shows: what decides which one becomes the worked example. */
static unsigned int weight_of(const struct flow_req *req, const struct flow_finding *f)
{
	unsigned int w = 1;

	w += f->grade == GRADE_HARM ? 64 : 0;
	w += f->id_in_response ? 16 : 0;
	w += f->id_in_line || f->id_in_call ? 12 : 0;
	w += f->active.known && f->active.n ? 8 : 0;
	w += f->own.known && f->own.n ? 8 : 0;
	w += f->other.seq ? 4 : 0;
	w += f->resource[0] ? 4 : 0;
	w += f->exec_id >= 0 ? 2 : 0;
	w += f->binding == BINDING_BIRTH ? 1 : 0;
	w += f->identity == IDENTITY_ADDRESS ? 1 : 0;
	w += req->end == REQ_COMPLETE && !req->incomplete ? 1 : 0;
	return w;
}

/* From mild to bad. */
static int grade_rank(enum finding_grade g)
{
	return g == GRADE_HARM ? 3 : g == GRADE_INTERMITTENT ? 2 : g == GRADE_ALWAYS ? 1 : 0;
}

static void group_add(struct model_builder *b, struct group_state *state,
		      const struct flow_req *req, const struct flow_finding *f)
{
	struct model_group *g = &state->group;
	unsigned int weight = weight_of(req, f);

	g->count++;
	g->harm += f->grade == GRADE_HARM;
	g->stale += f->stale;
	g->captured += f->captured;
	g->requests += state->last_request != b->request_number;
	state->last_request = b->request_number;
	if (grade_rank(f->grade) > grade_rank(g->grade))
		g->grade = f->grade;
	if (!g->first_ns || f->head_ns < g->first_ns)
		g->first_ns = f->head_ns;
	g->last_ns = max_t(uint64_t, g->last_ns, f->head_ns);
	if (weight <= state->weight)
		return;
	state->weight = weight;
	g->example = *f;
	g->other_head_ns = f->other.head_ns;
	g->other_end_ns = f->other.end_ns;
	model_request__copy(&g->on, req);
}

/* The other request of an example may go on for longer than the one that was mistaken. */
static void complete_examples(struct model_builder *b, const struct flow_req *req)
{
	for (size_t i = 0; i < b->group_count; i++) {
		struct model_group *g = &b->groups[i]->group;

		if (g->other_end_ns || !req->end_ns || req->end == REQ_IN_FLIGHT ||
		    g->example.other.seq != req->seq || g->example.other.conn != req->conn)
			continue;
		g->other_end_ns = req->end_ns;
		if (!g->other_head_ns)
			g->other_head_ns = req->first_byte_ns;
	}
}

void model_findings__add(struct model_builder *b, const struct flow_req *req,
			 struct route_state *route)
{
	bool mismatched = false;

	b->request_number++;
	complete_examples(b, req);
	b->by_context[req->context < MODEL_CONTEXT ? req->context : CONTEXT_UNREAD]++;
	for (uint32_t i = 0; i < req->nfindings; i++) {
		const struct flow_finding *f = &req->findings[i];
		struct group_state *g = group_find(b, req, f, route);

		if (g)
			group_add(b, g, req, f);
		mismatched |= f->kind != FINDING_FAN_OUT;
	}
	b->mismatched += mismatched;
}

static void grade_lost(struct model_group *g, const struct route_state *route)
{
	g->kept = route ? route->own : 0;
	if (g->kept)
		g->grade = GRADE_INTERMITTENT;
	else if (g->grade != GRADE_INTERMITTENT)
		g->grade = GRADE_ALWAYS;
	g->example.grade = g->grade;
}

static void count(struct model_finding_counts *c, const struct model_group *g)
{
	if (g->kind == FINDING_FOREIGN) {
		c->foreign += g->count;
		c->foreign_harm += g->harm;
		c->stale += g->stale;
		c->captured += g->captured;
	} else if (g->kind == FINDING_FAN_OUT) {
		c->fan_out += g->count;
	} else if (g->grade == GRADE_INTERMITTENT) {
		c->lost_intermittent += g->count;
	} else {
		c->lost_always += g->count;
	}
}

static int rank(const struct model_group *g)
{
	static const int of_kind[FINDING_KINDS] = {
		[FINDING_FOREIGN] = 10, [FINDING_LOST] = 5, [FINDING_FAN_OUT] = 0};

	return of_kind[g->kind] + grade_rank(g->grade);
}

/* Harm first, then foreign, lost by a race, lost always, and what is by design last. */
static int by_harm(const void *a, const void *b)
{
	const struct model_group *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? 1 : -1;
	if (x->harm != y->harm)
		return x->harm < y->harm ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->first_ns == y->first_ns ? 0 : x->first_ns > y->first_ns ? 1 : -1;
}

static void group_snapshot(struct model *m, const struct group_state *g)
{
	struct model_group *to = &m->groups[m->group_count++];

	*to = g->group;
	if (to->kind == FINDING_LOST)
		grade_lost(to, g->route);
	count(&m->findings, to);
}

int model_findings__snapshot(struct model *m, const struct model_builder *b,
			     const struct model_view *view)
{
	m->context = view->context;
	memcpy(m->by_context, b->by_context, sizeof(m->by_context));
	if (view->leaks)
		m->leaks = *view->leaks;
	m->left_count = min_t(size_t, view->left_count, FLOW_LEFT);
	if (m->left_count)
		memcpy(m->left, view->left, m->left_count * sizeof(m->left[0]));
	for (uint32_t i = 0; i < m->leaks.count; i++)
		m->findings.leaked += m->leaks.type[i].leaked;
	for (size_t i = UNKNOWN_NOT + 1; i < UNKNOWN_REASONS; i++)
		m->findings.unknown += view->context.unknown[i];
	m->findings.mismatched = b->mismatched;
	m->groups = calloc(b->group_count + FINDING_KINDS, sizeof(*m->groups));
	if (!m->groups)
		return -ENOMEM;
	for (size_t i = 0; i < b->group_count; i++)
		group_snapshot(m, b->groups[i]);
	for (size_t i = 0; i < FINDING_KINDS; i++)
		if (b->merged[i])
			group_snapshot(m, b->merged[i]);
	if (m->group_count > 1)
		qsort(m->groups, m->group_count, sizeof(*m->groups), by_harm);
	return 0;
}

void model_findings__free(struct model_builder *b)
{
	for (size_t i = 0; i < b->group_count; i++)
		free(b->groups[i]);
	for (size_t i = 0; i < FINDING_KINDS; i++)
		free(b->merged[i]);
	free(b->groups);
}

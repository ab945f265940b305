// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes: how many requests each had in the last steps, and how long those took. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_live_int.h"
#include "util.h"

void live_routes__free(struct live *l)
{
	for (size_t i = 0; i < l->nroutes; i++)
		free(l->routes[i]);
	flow_table__destroy(&l->route_index);
}

void live_routes__step(struct live *l, uint64_t number)
{
	for (size_t i = 0; i < l->nroutes; i++) {
		struct live_hist *h = &l->routes[i]->window[number % LIVE_WINDOW];

		l->routes[i]->spark[number % LIVE_SPARK] = 0;
		if (h->count)
			memset(h, 0, sizeof(*h));
	}
}

/* NULL and 0: beyond the limit. */
static int route_of(struct live *l, const struct flow_req *req, struct live_route_state **out)
{
	const char *method = req->method ? req->method : "?";
	const char *route = req->route ? req->route : req->path ? req->path : "?";
	uint64_t a = hash_bytes(route, strlen(route)), b = hash_bytes(method, strlen(method));
	struct live_route_state *r = flow_table__get(&l->route_index, a, b);

	*out = r;
	if (r || l->nroutes == LIVE_ROUTES)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	if (flow_table__put(&l->route_index, a, b, r)) {
		free(r);
		return -ENOMEM;
	}
	live_text(r->pub.method, sizeof(r->pub.method), method);
	live_text(r->pub.route, sizeof(r->pub.route), route);
	l->routes[l->nroutes++] = r;
	*out = r;
	return 0;
}

int live_routes__request(struct live *l, const struct flow_req *req, uint64_t number)
{
	struct live_route_state *r;
	int err = route_of(l, req, &r);

	if (err || !r)
		return err;
	r->pub.requests++;
	r->pub.errors += req->status >= 500;
	r->pub.mismatched += live__mismatched(req);
	r->spark[number % LIVE_SPARK]++;
	if (live__measured(req))
		live_hist__add(&r->window[number % LIVE_WINDOW], req->end_ns - req->start_ns);
	return 0;
}

/* The model's are in the same order, with others in between: it is looked for from @hint on. */
static const struct model_route *in_model(const struct model *m, const struct live_route *r,
					  size_t hint)
{
	for (size_t i = 0; m && i < m->route_count; i++) {
		const struct model_route *of = &m->routes[(hint + i) % m->route_count];

		if (strncmp(of->route, r->route, sizeof(r->route) - 1) == 0 &&
		    strncmp(of->method, r->method, sizeof(r->method) - 1) == 0)
			return of;
	}
	return NULL;
}

static void copy_route(const struct live *l, const struct live_route_state *r,
		       const struct live_view *v, struct live_route *to)
{
	struct live_hist window = {0};
	uint64_t requests = 0;

	*to = r->pub;
	for (uint64_t k = live_series__from(l, LIVE_SPARK); k <= l->series.newest; k++)
		to->spark[LIVE_SPARK - 1 - (l->series.newest - k)] = r->spark[k % LIVE_SPARK];
	for (uint64_t k = live_series__from(l, LIVE_WINDOW); k <= l->series.newest; k++) {
		requests += r->spark[k % LIVE_SPARK];
		live_hist__merge(&window, &r->window[k % LIVE_WINDOW]);
	}
	to->rps = v->window_s > 0 ? (double)requests / v->window_s : 0;
	live_hist__latency(&window, &to->latency);
}

static int by_requests(const void *a, const void *b)
{
	const struct live_route *x = a, *y = b;
	int by_name;

	if (x->requests != y->requests)
		return x->requests < y->requests ? 1 : -1;
	by_name = strcmp(x->route, y->route);
	return by_name ? by_name : strcmp(x->method, y->method);
}

int live_routes__view(struct live *l, struct live_view *v)
{
	v->routes = calloc(l->nroutes ? l->nroutes : 1, sizeof(*v->routes));
	if (!v->routes)
		return -ENOMEM;
	for (size_t i = 0; i < l->nroutes; i++)
		copy_route(l, l->routes[i], v, &v->routes[v->nroutes++]);
	qsort(v->routes, v->nroutes, sizeof(*v->routes), by_requests);
	for (size_t i = 0; i < v->nroutes; i++) {
		const struct model_route *total = in_model(v->m, &v->routes[i], i);

		if (total)
			v->routes[i].total = total->requests.latency;
	}
	return 0;
}

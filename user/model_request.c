// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The model from finished requests: totals, routes, the slowest. */
#include <stdlib.h>
#include <string.h>

#include "model_builder.h"
#include "util.h"

bool model_request__measured(const struct flow_req *req)
{
	return req->end == REQ_COMPLETE && !req->incomplete && req->end_ns >= req->start_ns;
}

static void breakdown_add(struct model_breakdown *sum, const struct flow_breakdown *b)
{
	if (!b->known) {
		sum->unknown++;
		return;
	}
	sum->known++;
	sum->queue += b->queue;
	sum->cpu += b->cpu;
	sum->loop_busy += b->loop_busy;
	sum->wait += b->wait;
}

static void requests_add(struct model_requests *r, struct flow_hist *latency,
			 const struct flow_req *req)
{
	unsigned int class = req->status / 100;

	r->by_end[req->end <= REQ_LOST ? req->end : REQ_LOST]++;
	if (req->end == REQ_IN_FLIGHT)
		return;
	r->total++;
	r->by_class[class <= 5 ? class : 0]++;
	for (unsigned int i = 0; i < ARRAY_SIZE(r->incomplete); i++)
		r->incomplete[i] += (req->incomplete >> i) & 1;
	r->incomplete_any += req->incomplete != 0;
	r->tls += req->tls;
	r->bytes_in += req->bytes_in;
	r->bytes_out += req->bytes_out;
	if (!model_request__measured(req))
		return;
	flow_hist__add(latency, req->end_ns - req->start_ns);
	breakdown_add(&r->breakdown, &req->breakdown);
	model_waits__add(&r->waits, &req->waits);
}

static struct route_state *route_new(struct model_builder *b, const char *method, const char *route)
{
	struct route_state *r = calloc(1, sizeof(*r));

	if (r) {
		r->method = strdup(method);
		r->route = strdup(route);
		if (r->method && r->route)
			return r;
		free(r->method);
		free(r->route);
		free(r);
	}
	b->oom = true;
	return NULL;
}

static struct route_state *route_other(struct model_builder *b)
{
	if (!b->other)
		b->other = route_new(b, "*", "(other routes)");
	return b->other;
}

static struct route_state *route_find(struct model_builder *b, const char *method,
				      const char *route)
{
	uint64_t hash = hash_bytes(route, strlen(route)) ^ hash_bytes(method, strlen(method)) << 1;
	uint32_t i = (uint32_t)hash & b->table_mask;
	struct route_state *r;

	for (; b->table[i]; i = (i + 1) & b->table_mask) {
		r = b->table[i];
		if (r->hash == hash && strcmp(r->route, route) == 0 &&
		    strcmp(r->method, method) == 0)
			return r;
	}
	if (b->route_count == b->max_routes)
		return route_other(b);
	r = route_new(b, method, route);
	if (!r)
		return NULL;
	r->hash = hash;
	b->table[i] = r;
	b->routes[b->route_count++] = r;
	return r;
}

static uint64_t duration(const struct flow_req *req)
{
	return req->end_ns - req->start_ns;
}

static void copy_text(char *to, size_t cap, const char *from)
{
	size_t len = strnlen(from, cap);

	if (len < cap) {
		memcpy(to, from, len + 1);
		return;
	}
	memcpy(to, from, cap - 4);
	memcpy(to + cap - 4, "...", 4);
}

void model_request__copy(struct model_request *to, const struct flow_req *req)
{
	to->req = *req;
	to->req.method = to->req.path = to->req.route = NULL;
	to->req.findings = NULL;
	to->req.nfindings = 0;
	to->req.calls = NULL;
	to->req.kept = NULL;
	copy_text(to->method, sizeof(to->method), req->method ? req->method : "?");
	copy_text(to->path, sizeof(to->path), req->path ? req->path : "?");
}

/* Insertion into a short sorted array: nearly every request ends at the first comparison. */
static void slowest_add(struct model_builder *b, const struct flow_req *req)
{
	size_t at = b->slowest_count;

	if (at == MODEL_SLOWEST && duration(req) <= duration(&b->slowest[at - 1].req))
		return;
	if (at == MODEL_SLOWEST)
		at--;
	else
		b->slowest_count++;
	for (; at > 0 && duration(&b->slowest[at - 1].req) < duration(req); at--)
		b->slowest[at] = b->slowest[at - 1];
	model_request__copy(&b->slowest[at], req);
}

void model_builder__request(void *builder, const struct flow_req *req)
{
	struct model_builder *b = builder;
	const char *method = req->method ? req->method : "?";
	const char *path = req->path ? req->path : "?";
	struct route_state *route;

	requests_add(&b->requests, &b->latency, req);
	model_calls__add(b, req, model_request__measured(req));
	if (req->end == REQ_IN_FLIGHT) {
		model_findings__add(b, req, NULL); /* its head may have been written */
		return;
	}
	route = route_find(b, method, req->route ? req->route : path);
	if (route) {
		requests_add(&route->requests, &route->latency, req);
		route->own += req->context == CONTEXT_OWN;
	}
	if (model_request__measured(req))
		slowest_add(b, req);
	model_findings__add(b, req, route);
}

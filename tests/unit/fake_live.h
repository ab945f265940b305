/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A view of the dashboard that is always the same, written by hand: two processes, a minute of
 * steps, requests of every sort. Freed with live_view__free.
 */
#ifndef LOOPRAY_FAKE_LIVE_H
#define LOOPRAY_FAKE_LIVE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "model_live.h"

#define FAKE_MS	   1000000ULL
#define FAKE_S	   1000000000ULL
#define FAKE_START (5000 * FAKE_S)
#define FAKE_NOW   (FAKE_START + 60 * FAKE_S)
#define FAKE_WALL  (1767323045 * FAKE_S) /* 2026-01-02 03:04:05 UTC */
#define FAKE_PID   4242
#define FAKE_PID_2 4343

static inline void *fake_alloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	assert(p);
	return p;
}

/* In one block, as the collector's own. */
struct fake_request {
	struct live_request r;
	struct flow_call calls[4];
	struct flow_job jobs[4];
	struct live_resource resources[4];
	struct flow_finding findings[2];
	struct live_header header[2];
};

static inline struct fake_request *fake_request__new(uint64_t number, const char *method,
						     const char *path, const char *route)
{
	struct fake_request *f = fake_alloc(1, sizeof(*f));
	struct flow_req *q = &f->r.on.req;

	f->r.refs = 1;
	f->r.number = number;
	f->r.bytes = sizeof(*f);
	f->r.calls = f->calls;
	f->r.jobs = f->jobs;
	f->r.resources = f->resources;
	f->r.findings = f->findings;
	f->r.header = f->header;
	snprintf(f->r.on.method, sizeof(f->r.on.method), "%s", method);
	snprintf(f->r.on.path, sizeof(f->r.on.path), "%s", path);
	snprintf(f->r.route, sizeof(f->r.route), "%s", route);
	q->pid = q->tid = FAKE_PID;
	q->seq = 100 + number;
	q->conn = 7 + number % 3;
	q->conn_seq = (uint32_t)(1 + number / 3);
	q->family = LR_AF_INET;
	q->local_port = 3000;
	q->peer_port = (uint16_t)(50000 + q->conn);
	memcpy(q->peer_addr, "\x7f\0\0\1", 4);
	q->version = 11;
	q->bytes_in = 120;
	q->bytes_out = 512;
	return f;
}

/* Ended @before_ms before the end of the view, after @ms milliseconds. */
static inline void fake_request__ended(struct fake_request *f, uint16_t status, uint64_t before_ms,
				       uint64_t ms)
{
	struct flow_req *q = &f->r.on.req;
	uint64_t ns = ms * FAKE_MS;

	q->end = REQ_COMPLETE;
	q->status = status;
	q->end_ns = FAKE_NOW - before_ms * FAKE_MS;
	q->start_ns = q->end_ns - ns;
	q->recv_ns = q->start_ns + ns / 10;
	q->first_byte_ns = q->end_ns - ns / 20;
	q->breakdown = (struct flow_breakdown){.known = true,
					       .queue = ns / 10,
					       .cpu = ns / 5,
					       .loop_busy = ns / 10,
					       .wait = ns - ns / 10 * 2 - ns / 5};
	q->waits.known = true;
	q->waits.ns[WAIT_QUEUE] = ns / 10;
	q->waits.ns[WAIT_CPU] = ns / 5;
	q->waits.ns[WAIT_LOOP] = ns / 10;
	q->waits.ns[WAIT_OTHER] = ns - ns / 10 * 2 - ns / 5;
	q->context = CONTEXT_OWN;
}

static inline void fake_request__call(struct fake_request *f, uint8_t kind, uint64_t from_ms,
				      uint64_t ms, const char *path)
{
	const struct flow_req *q = &f->r.on.req;
	struct flow_call *c = &f->calls[f->r.ncalls++];

	*c = (struct flow_call){.pid = q->pid,
				.tid = q->tid,
				.conn = 900 + f->r.ncalls,
				.family = LR_AF_INET,
				.local_port = 41000,
				.peer_port = kind == CALL_POSTGRESQL ? 5432 : 8080,
				.peer_addr = {10, 0, 0, 5},
				.kind = kind,
				.outcome = CALL_OK,
				.by = CALL_BY_STORE,
				.request = {q->pid, q->env, q->seq, q->conn},
				.reused = true,
				.start_ns = q->start_ns + from_ms * FAKE_MS,
				.bytes_out = 200,
				.bytes_in = 4096,
				.sends = 1,
				.round_trips = 1};
	c->sent_ns = c->start_ns + FAKE_MS / 10;
	c->first_byte_ns = c->start_ns + ms * FAKE_MS * 9 / 10;
	c->end_ns = c->start_ns + ms * FAKE_MS;
	if (kind != CALL_HTTP)
		return;
	c->version = 11;
	c->status = 200;
	snprintf(c->method, sizeof(c->method), "GET");
	snprintf(c->path, sizeof(c->path), "%s", path);
}

static inline void fake_request__job(struct fake_request *f, uint8_t kind, uint64_t from_ms,
				     uint64_t queued_ms, uint64_t ms)
{
	const struct flow_req *q = &f->r.on.req;
	struct flow_job *j = &f->jobs[f->r.njobs++];

	*j = (struct flow_job){.pid = q->pid,
			       .kind = kind,
			       .by = CALL_BY_STORE,
			       .request = {q->pid, q->env, q->seq, q->conn},
			       .submit_ns = q->start_ns + from_ms * FAKE_MS};
	j->start_ns = j->submit_ns + queued_ms * FAKE_MS;
	j->end_ns = j->start_ns + ms * FAKE_MS;
	j->callback_ns = j->end_ns + FAKE_MS / 5;
}

static inline void fake_store(struct finding_store *s, const char *user)
{
	s->known = true;
	s->n = 2;
	snprintf(s->field[0].name, sizeof(s->field[0].name), "requestId");
	s->field[0].kind = LR_VALUE_STRING;
	s->field[0].hash = 0x1234abcd5678ef00ULL;
	s->field[0].constant = true;
	snprintf(s->field[1].name, sizeof(s->field[1].name), "user");
	s->field[1].kind = LR_VALUE_STRING;
	s->field[1].hash = 0x77;
	snprintf(s->field[1].text, sizeof(s->field[1].text), "%s", user);
}

/* Answered under the store of another request, by a callback of a pooled connection. */
static inline void fake_request__foreign(struct fake_request *f)
{
	struct flow_req *q = &f->r.on.req;
	struct flow_finding *x = &f->findings[f->r.nfindings++];

	q->context = CONTEXT_FOREIGN;
	*x = (struct flow_finding){
		.kind = FINDING_FOREIGN,
		.grade = GRADE_HARM,
		.instance = 1,
		.head_ns = q->first_byte_ns,
		.identity = IDENTITY_ADDRESS,
		.binding = BINDING_INBOUND,
		.proof = PROOF_CARRIER,
		.other = {.seq = 99,
			  .conn = 12,
			  .peer_port = 50012,
			  .method = "GET",
			  .path = "/orders/17",
			  .route = "/orders/:id",
			  .start_ns = q->start_ns - 3 * FAKE_MS},
		.own_seen = true,
		.id_in_response = true,
		.id_field = "requestId",
		.exec_id = 812,
		.trigger_id = 640,
		.resource = "TCPWRAP",
		.nchain = 2,
		.chain = {{.async_id = 812,
			   .trigger_id = 640,
			   .exec_id = 640,
			   .resource = "TCPWRAP",
			   .init_ns = q->start_ns - 20 * FAKE_MS,
			   .seq = 99,
			   .conn = 12,
			   .method = "GET",
			   .path = "/orders/17"},
			  {.async_id = 640, .trigger_id = -1, .exec_id = -1}},
		.served = 2,
	};
	fake_store(&x->active, "bob");
	fake_store(&x->own, "alice");
}

static inline void fake_live__recent(struct live_view *v)
{
	struct fake_request *f;
	uint64_t number = 12;

	v->recent = fake_alloc(12, sizeof(*v->recent));
	f = fake_request__new(number--, "GET", "/users/7", "/users/:id");
	fake_request__ended(f, 200, 40, 30);
	fake_request__call(f, CALL_HTTP, 5, 12, "/api/users/7");
	fake_request__call(f, CALL_POSTGRESQL, 18, 6, NULL);
	fake_request__job(f, LR_JOB_FS, 4, 1, 3);
	f->r.on.req.ncalls = 2;
	f->r.nheaders = 1;
	snprintf(f->header[0].name, sizeof(f->header[0].name), "x-request-id");
	snprintf(f->header[0].value, sizeof(f->header[0].value), "req-7f3a");
	snprintf(f->r.traceparent, sizeof(f->r.traceparent),
		 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	f->r.nresources = 2;
	f->resources[0] = (struct live_resource){"TCPWRAP", 812, 640, f->r.on.req.recv_ns,
						 f->r.on.req.end_ns};
	f->resources[1] =
		(struct live_resource){"FSREQCALLBACK", 813, 812, f->r.on.req.recv_ns + FAKE_MS,
				       f->r.on.req.end_ns - FAKE_MS};
	f->r.on.req.resources_created = 2;
	v->recent[v->nrecent++] = &f->r;

	f = fake_request__new(number--, "GET", "/orders/18", "/orders/:id");
	fake_request__ended(f, 200, 120, 45);
	fake_request__foreign(f);
	fake_request__call(f, CALL_REDIS, 3, 2, NULL);
	v->recent[v->nrecent++] = &f->r;

	f = fake_request__new(number--, "POST", "/orders", "/orders");
	fake_request__ended(f, 503, 300, 1200);
	fake_request__call(f, CALL_HTTP, 10, 1000, "/stock");
	f->calls[0].outcome = CALL_ERROR;
	f->calls[0].error = 104;
	f->calls[0].status = 0;
	v->recent[v->nrecent++] = &f->r;

	f = fake_request__new(number--, "GET", "/reports/yearly", "/reports/yearly");
	fake_request__ended(f, 0, 500, 700);
	f->r.on.req.end = REQ_ABORTED_PEER;
	f->r.on.req.breakdown.known = f->r.on.req.waits.known = false;
	f->r.on.req.context = CONTEXT_UNREAD;
	v->recent[v->nrecent++] = &f->r;

	f = fake_request__new(number--, "GET", "/items/1", "/items/:id");
	fake_request__ended(f, 404, 800, 2);
	f->r.on.req.incomplete = REQ_INC_LOSS;
	f->r.not_kept = 3;
	v->recent[v->nrecent++] = &f->r;

	for (; number; number--) {
		f = fake_request__new(number, "GET", "/health", "/health");
		fake_request__ended(f, 200, 1000 + (8 - number) * 100, 1 + number % 3);
		if (number % 2)
			f->r.on.req.pid = f->r.on.req.tid = FAKE_PID_2;
		v->recent[v->nrecent++] = &f->r;
	}
	v->recent_gone = 988;
}

static inline void fake_live__in_flight(struct live_view *v)
{
	struct fake_request *f;

	v->in_flight = fake_alloc(2, sizeof(*v->in_flight));
	f = fake_request__new(0, "GET", "/reports/monthly", "/reports/monthly");
	f->r.on.req.seq = 150;
	f->r.age_ns = 2300 * FAKE_MS;
	f->r.on.req.start_ns = FAKE_NOW - f->r.age_ns;
	f->r.on.req.recv_ns = f->r.on.req.start_ns + FAKE_MS;
	f->r.on.req.bytes_out = 0;
	fake_request__job(f, LR_JOB_ZLIB, 100, 0, 900);
	fake_request__call(f, CALL_POSTGRESQL, 1100, 1, NULL);
	f->calls[0].outcome = CALL_OPEN;
	f->calls[0].end_ns = f->calls[0].first_byte_ns = f->calls[0].bytes_in = 0;
	v->in_flight[v->nin_flight++] = &f->r;
	f = fake_request__new(0, "GET", "/users/9", "/users/:id");
	f->r.on.req.seq = 151;
	f->r.age_ns = 12 * FAKE_MS;
	f->r.on.req.start_ns = FAKE_NOW - f->r.age_ns;
	f->r.on.req.recv_ns = f->r.on.req.start_ns + FAKE_MS / 2;
	f->r.on.req.status = 200;
	fake_request__call(f, CALL_HTTP, 1, 3, "/api/users/9");
	fake_request__call(f, CALL_OTHER, 5, 1, NULL);
	f->calls[1].outcome = CALL_OPEN;
	f->calls[1].end_ns = f->calls[1].first_byte_ns = f->calls[1].sent_ns = 0;
	fake_request__job(f, LR_JOB_FS, 6, 0, 1);
	f->jobs[0].start_ns = f->jobs[0].end_ns = f->jobs[0].callback_ns = 0;
	v->in_flight[v->nin_flight++] = &f->r;
}

static inline struct model_latency fake_latency(uint64_t count, uint64_t ms)
{
	uint64_t ns = ms * FAKE_MS;

	return (struct model_latency){.count = count,
				      .mean = ns * 6 / 5,
				      .min = ns / 4,
				      .p50 = ns,
				      .p90 = ns * 2,
				      .p95 = ns * 3,
				      .p99 = ns * 6,
				      .max = ns * 10};
}

static inline void fake_live__steps(struct live_view *v)
{
	v->steps = fake_alloc(60, sizeof(*v->steps));
	v->nsteps = 60;
	for (size_t i = 0; i < v->nsteps; i++) {
		struct live_step *s = &v->steps[i];
		bool idle = i >= 20 && i < 25;
		uint64_t n = idle ? 0 : 10 + i % 10;

		s->start_ns = FAKE_START + i * FAKE_S;
		s->end_ns = s->start_ns + FAKE_S;
		s->requests = n;
		s->errors = n && i % 15 == 14;
		s->mismatched = i == 59;
		s->blockings = i == 40;
		s->lost = i == 50 ? 3 : 0;
		s->in_flight = idle ? 0 : 2;
		if (n)
			s->latency = fake_latency(n, 4 + i % 5);
		s->band[live_band__of(2 * FAKE_MS)] = (uint32_t)(n / 2);
		s->band[live_band__of(30 * FAKE_MS)] = (uint32_t)(n - n / 2);
		s->utilisation = i == 0 ? -1 : idle ? 0.01 : 0.30 + 0.05 * (double)(i % 8);
		s->lag_p99_ns = idle ? 0 : 2 * FAKE_MS;
		s->lag_max_ns = i == 40 ? 120 * FAKE_MS : s->lag_p99_ns;
		s->gc_count = idle ? 0 : 2;
		s->gc_ns = s->gc_count * FAKE_MS;
	}
}

static inline void fake_route(struct live_route *r, const char *method, const char *route,
			      uint64_t requests, uint64_t errors, uint64_t ms)
{
	snprintf(r->method, sizeof(r->method), "%s", method);
	snprintf(r->route, sizeof(r->route), "%s", route);
	r->requests = requests;
	r->errors = errors;
	r->rps = (double)requests / 60;
	r->latency = fake_latency(requests / 6, ms);
	r->total = fake_latency(requests, ms);
	for (unsigned int i = 0; i < LIVE_SPARK; i++)
		r->spark[i] = (uint32_t)(requests / 60 * (i % 4) / 2);
}

static inline void fake_live__routes(struct live_view *v)
{
	v->nroutes = 4;
	v->routes = fake_alloc(v->nroutes, sizeof(*v->routes));
	fake_route(&v->routes[0], "GET", "/health", 600, 0, 1);
	fake_route(&v->routes[1], "GET", "/users/:id", 240, 2, 25);
	fake_route(&v->routes[2], "GET", "/orders/:id", 120, 0, 40);
	fake_route(&v->routes[3], "POST", "/orders", 40, 8, 300);
	v->routes[2].mismatched = 1;
}

static inline void fake_type(struct live_type *t, const char *name, uint64_t init, uint64_t alive,
			     enum flow_trend trend)
{
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->init = init;
	t->alive = alive;
	t->trend = trend;
	for (unsigned int i = 0; i < LIVE_SPARK; i++)
		t->spark[i] = (uint32_t)(trend == TREND_LINEAR ? alive * i / 60 : alive);
}

static inline void fake_live__types(struct live_view *v)
{
	v->ntypes = 3;
	v->types = fake_alloc(v->ntypes, sizeof(*v->types));
	fake_type(&v->types[0], "PROMISE", 90000, 120, TREND_STEADY);
	fake_type(&v->types[1], "Timeout", 5000, 600, TREND_LINEAR);
	fake_type(&v->types[2], "TCPWRAP", 80, 6, TREND_STEADY);
	v->types[1].leaked = 580;
}

static inline void fake_live__loops(struct live_view *v)
{
	v->nloops = 3;
	v->loops = fake_alloc(v->nloops, sizeof(*v->loops));
	for (size_t i = 0; i < v->nloops; i++) {
		struct live_loop *l = &v->loops[i];

		l->pid = i == 2 ? FAKE_PID_2 : FAKE_PID;
		l->env = i == 1;
		l->utilisation = i == 2 ? -1 : 0.62 - 0.5 * (double)i;
		for (unsigned int k = 0; k < LIVE_SPARK; k++)
			l->spark[k] = i == 2 || k == 0 ? -1 : (float)(0.1 * (k % 8));
		l->lag_p99_ns = i ? FAKE_MS / 2 : 2 * FAKE_MS;
		l->gc_count = i ? 0 : 20;
		l->gc_ns = l->gc_count * FAKE_MS;
	}
}

static inline void fake_model__loops(struct model *m, struct live_view *v)
{
	m->loop_count = m->waiting_count = v->nloops;
	m->loops = fake_alloc(m->loop_count, sizeof(*m->loops));
	m->waiting = fake_alloc(m->waiting_count, sizeof(*m->waiting));
	for (size_t i = 0; i < m->loop_count; i++) {
		struct model_loop *l = &m->loops[i];

		l->pid = m->waiting[i].pid = v->loops[i].pid;
		l->env = m->waiting[i].env = v->loops[i].env;
		m->waiting[i].timers.now = 4;
		m->waiting[i].immediates.unknown = FLOW_COUNT_NOT_KEPT;
		if (i == 2)
			continue;
		l->wall_ns = 59 * FAKE_S;
		l->idle_ns = i ? 52 * FAKE_S : 22 * FAKE_S;
		l->iterations = 12000;
		l->iterations_known = true;
		l->cpu_ns = 30 * FAKE_S;
		l->peak = 0.9;
		l->health.iteration = fake_latency(12000, 2);
		l->health.lag = fake_latency(2000, 1);
		l->health.gc = (struct model_gc){100, 0, 120 * FAKE_MS, 9 * FAKE_MS};
		v->loops[i].total = *l;
	}
}

static inline void fake_model__routes(struct model *m, const struct live_view *v)
{
	m->route_count = v->nroutes;
	m->routes = fake_alloc(m->route_count, sizeof(*m->routes));
	for (size_t i = 0; i < m->route_count; i++) {
		m->routes[i].method = strdup(v->routes[i].method);
		m->routes[i].route = strdup(v->routes[i].route);
		m->routes[i].requests.total = v->routes[i].requests;
		m->routes[i].requests.by_class[2] = v->routes[i].requests - v->routes[i].errors;
		m->routes[i].requests.by_class[5] = v->routes[i].errors;
		m->routes[i].requests.latency = v->routes[i].total;
	}
}

static inline void fake_model__findings(struct model *m, const struct live_view *v)
{
	const struct live_request *r = v->recent[1];

	m->findings = (struct model_finding_counts){
		.foreign = 1, .foreign_harm = 1, .leaked = 580, .mismatched = 1};
	m->group_count = 1;
	m->groups = fake_alloc(1, sizeof(*m->groups));
	m->groups[0] = (struct model_group){.kind = FINDING_FOREIGN,
					    .grade = GRADE_HARM,
					    .method = "GET",
					    .route = "/orders/:id",
					    .other_method = "GET",
					    .other_route = "/orders/:id",
					    .resource = "TCPWRAP",
					    .count = 1,
					    .harm = 1,
					    .requests = 1,
					    .first_ns = r->findings[0].head_ns,
					    .last_ns = r->findings[0].head_ns,
					    .on = r->on,
					    .example = r->findings[0]};
}

static inline void fake_model__calls(struct model *m)
{
	m->calls.total = 400;
	m->calls.requests = 280;
	m->calls.request_ns = 20 * FAKE_S;
	m->calls.peer_count = 1;
	m->calls.peers = fake_alloc(1, sizeof(*m->calls.peers));
	m->calls.peers[0] = (struct model_peer){.kind = CALL_HTTP,
						.family = LR_AF_INET,
						.port = 8080,
						.addr = {10, 0, 0, 5},
						.calls = 400,
						.failed = 8,
						.bytes_out = 80000,
						.bytes_in = 1600000,
						.waited_ns = 9 * FAKE_S,
						.latency = fake_latency(392, 12)};
}

static inline struct model *fake_model(struct live_view *v)
{
	struct model *m = fake_alloc(1, sizeof(*m));

	m->start_ns = v->start_ns;
	m->end_ns = v->now_ns;
	m->in_flight = v->nin_flight;
	m->requests.total = 1000;
	m->requests.by_class[2] = 990;
	m->requests.by_class[5] = 10;
	m->requests.by_end[REQ_COMPLETE] = 999;
	m->requests.by_end[REQ_ABORTED_PEER] = 1;
	m->requests.latency = fake_latency(990, 4);
	m->target_count = 2;
	m->targets = fake_alloc(2, sizeof(*m->targets));
	m->targets[0] = (struct model_target){.pid = FAKE_PID,
					      .version = "22.21.1",
					      .context = "acf",
					      .linked = "static",
					      .level = "resources",
					      .exe = "/usr/bin/node",
					      .environments = 2};
	m->targets[1] = m->targets[0];
	m->targets[1].pid = FAKE_PID_2;
	m->targets[1].environments = 1;
	m->targets[1].ended = true;
	m->has_resources = true;
	m->loss = (struct model_loss){.ring = 3, .total = 3};
	m->gc[MODEL_GC_SCAVENGE] = (struct model_gc){100, 0, 120 * FAKE_MS, 9 * FAKE_MS};
	m->types = fake_alloc(1, sizeof(*m->types));
	m->probes = fake_alloc(1, sizeof(*m->probes));
	m->counters = fake_alloc(1, sizeof(*m->counters));
	m->pools = fake_alloc(1, sizeof(*m->pools));
	fake_model__loops(m, v);
	fake_model__routes(m, v);
	fake_model__findings(m, v);
	fake_model__calls(m);
	return m;
}

static inline struct live_view *fake_live(void)
{
	struct live_view *v = fake_alloc(1, sizeof(*v));

	v->start_ns = FAKE_START;
	v->now_ns = FAKE_NOW;
	v->wall_ns = FAKE_WALL;
	v->step_ns = FAKE_S;
	v->window_s = LIVE_WINDOW;
	v->rps = 14.5;
	v->error_rate = 0.02;
	v->latency = fake_latency(145, 6);
	v->utilisation = 0.62;
	v->lag_p99_ns = 2 * FAKE_MS;
	v->agent = (struct live_agent){
		.cpu = 0.004, .rss_bytes = 21 << 20, .events_per_s = 310, .target_cpu = 0.0009};
	fake_live__recent(v);
	fake_live__in_flight(v);
	fake_live__steps(v);
	fake_live__routes(v);
	fake_live__types(v);
	fake_live__loops(v);
	v->ntargets = 2;
	v->targets = fake_alloc(2, sizeof(*v->targets));
	v->targets[0] = (struct live_target){.pid = FAKE_PID, .requests = 996, .rps = 14.5};
	v->targets[1] = (struct live_target){.pid = FAKE_PID_2, .ended = true, .requests = 4};
	v->m = fake_model(v);
	return v;
}

#endif

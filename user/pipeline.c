// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "flow_call.h"
#include "flow_context.h"
#include "flow_job.h"
#include "flow_loop.h"
#include "flow_mismatch.h"
#include "pipeline.h"
#include "flow_request.h"

#define MAX_CONNECTIONS 65536
#define MAX_IN_FLIGHT	65536
#define MAX_RESOURCES	262144
#define MAX_TYPES	128

struct pipeline {
	struct pipeline_opts opts;
	struct flow_requests *requests;
	struct flow_context *context;
	struct flow_mismatch *mismatch;
	struct flow_loops *loops;
	struct flow_calls *calls;
	struct flow_jobs *jobs;
	struct model_builder *model;
	uint64_t last_ns;
	int error; /* of the format: sticks */
};

/* The state machine is done with it: its findings come next. */
static void on_over(void *ctx, const struct flow_req *req)
{
	struct pipeline *p = ctx;

	flow_mismatch__request(p->mismatch, req);
}

static void on_request(void *ctx, const struct flow_req *req)
{
	struct pipeline *p = ctx;
	struct flow_req whole = *req;

	flow_calls__request(p->calls, &whole);
	model_builder__request(p->model, &whole);
	if (p->opts.format && p->opts.format->request && !p->error)
		p->error = p->opts.format->request(p->opts.format_state, &whole);
	flow_calls__release(p->calls);
}

/* One that no request is handed out with. */
static void on_call(void *ctx, const struct flow_call *call)
{
	struct pipeline *p = ctx;

	model_builder__call(p->model, call);
	if (p->opts.format && p->opts.format->call && !p->error)
		p->error = p->opts.format->call(p->opts.format_state, call);
}

static void on_job(void *ctx, const struct flow_job *job)
{
	struct pipeline *p = ctx;

	if (!p->error)
		p->error = p->opts.format->job(p->opts.format_state, job);
}

static void on_blocking(void *ctx, const struct flow_blocking *b)
{
	struct pipeline *p = ctx;

	model_builder__blocking(p->model, b);
	if (p->opts.format && p->opts.format->blocking && !p->error)
		p->error = p->opts.format->blocking(p->opts.format_state, b);
}

static void on_line(void *ctx, const struct flow_line *line)
{
	struct pipeline *p = ctx;

	if (!p->error)
		p->error = p->opts.format->line(p->opts.format_state, line);
}

static void on_mark(void *ctx, const struct flow_line_mark *mark)
{
	struct pipeline *p = ctx;

	if (!p->error)
		p->error = p->opts.format->mark(p->opts.format_state, mark);
}

static void on_resource(void *ctx, const struct flow_resource *res)
{
	struct pipeline *p = ctx;

	if (!p->error)
		p->error = p->opts.format->resource(p->opts.format_state, res);
}

int pipeline__new(struct pipeline **out, const struct pipeline_opts *opts)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	struct flow_requests_opts req_opts = {
		.done = on_over,
		.blocking = on_blocking,
		.ctx = p,
		.max_connections = MAX_CONNECTIONS,
		.max_in_flight = MAX_IN_FLIGHT,
	};
	struct flow_mismatch_opts mismatch_opts = {.done = on_request, .ctx = p};
	struct flow_calls_opts calls_opts = {.done = on_call, .ctx = p};
	struct flow_jobs_opts jobs_opts = {.ctx = p};
	struct model_opts model_opts = {};
	int err;

	if (!p)
		return -ENOMEM;
	if (opts)
		p->opts = *opts;
	err = model_builder__new(&p->model, &model_opts);
	req_opts.blocking_ns = p->opts.blocking_ns;
	if (!err)
		err = flow_requests__new(&p->requests, &req_opts);
	if (!err)
		err = flow_context__new(&p->context, p->requests, MAX_RESOURCES);
	if (!err) {
		mismatch_opts.requests = p->requests;
		mismatch_opts.context = p->context;
		mismatch_opts.context_key = p->opts.context_key;
		if (p->opts.format && p->opts.format->line)
			mismatch_opts.line = on_line;
		if (p->opts.format && p->opts.format->mark)
			mismatch_opts.mark = on_mark;
		err = flow_mismatch__new(&p->mismatch, &mismatch_opts);
	}
	if (!err)
		err = flow_loops__new(&p->loops, p->requests);
	if (!err) {
		calls_opts.requests = p->requests;
		calls_opts.mismatch = p->mismatch;
		calls_opts.loops = p->loops;
		err = flow_calls__new(&p->calls, &calls_opts);
	}
	if (!err) {
		jobs_opts.requests = p->requests;
		jobs_opts.mismatch = p->mismatch;
		jobs_opts.loops = p->loops;
		if (p->opts.format && p->opts.format->job)
			jobs_opts.done = on_job;
		err = flow_jobs__new(&p->jobs, &jobs_opts);
	}
	if (err) {
		pipeline__free(p);
		return err;
	}
	if (p->opts.format && p->opts.format->resource)
		flow_context__on_resource(p->context, on_resource, p);
	*out = p;
	return 0;
}

void pipeline__free(struct pipeline *p)
{
	if (!p)
		return;
	flow_jobs__free(p->jobs);
	flow_calls__free(p->calls);
	flow_loops__free(p->loops);
	flow_mismatch__free(p->mismatch);
	flow_context__free(p->context);
	flow_requests__free(p->requests);
	model_builder__free(p->model);
	free(p);
}

/* What was before the input began is nothing that the loops are at: it makes requests known. */
static int on_before(struct pipeline *p, const struct flow_event *ev)
{
	int err = 0;

	if (ev->type == FE_OUT)
		err = flow_mismatch__event(p->mismatch, ev);
	if (!err)
		err = flow_requests__event(p->requests, ev);
	if (!err && ev->type == FE_IN)
		err = flow_mismatch__event(p->mismatch, ev);
	return err ? err : p->error;
}

int pipeline__event(void *pipeline, const struct flow_event *ev)
{
	struct pipeline *p = pipeline;
	int err;

	if (flow_event__before(ev))
		return on_before(p, ev);
	p->last_ns = ev->ts > p->last_ns ? ev->ts : p->last_ns;
	err = model_builder__event(p->model, ev);
	if (!err && p->opts.format && p->opts.format->event && !p->error)
		p->error = p->opts.format->event(p->opts.format_state, ev);
	/* Of the model alone, and there are many. */
	if (ev->type == FE_PULSE)
		return err ? err : p->error;
	/* The rules look at a response's head before it ends its request. */
	if (!err && ev->type == FE_OUT)
		err = flow_mismatch__event(p->mismatch, ev);
	/* Requests first: a resource asks which request its connection is serving. */
	if (!err)
		err = flow_requests__event(p->requests, ev);
	if (!err && ev->type != FE_OUT)
		err = flow_mismatch__event(p->mismatch, ev);
	if (!err)
		err = flow_context__event(p->context, ev);
	flow_loops__event(p->loops, ev);
	if (!err)
		err = flow_calls__event(p->calls, ev);
	if (!err)
		flow_jobs__event(p->jobs, ev);
	return err ? err : p->error;
}

int pipeline__finish(struct pipeline *p)
{
	flow_requests__finish(p->requests, p->last_ns);
	flow_calls__finish(p->calls);
	flow_context__finish(p->context);
	return p->error;
}

int pipeline__model(struct pipeline *p, const struct model_view *from, struct model **out)
{
	struct flow_res_type types[MAX_TYPES];
	struct model_view view = *from;
	struct flow_left left[FLOW_LEFT];
	struct flow_leaks leaks;
	int err;

	view.blocking_ns = p->opts.blocking_ns;
	view.in_flight = flow_requests__in_flight(p->requests);
	flow_mismatch__counts(p->mismatch, &view.context);
	view.types = types;
	view.type_count = flow_context__types(p->context, types, MAX_TYPES);
	if (view.type_count > MAX_TYPES)
		view.type_count = MAX_TYPES;
	flow_context__leaks(p->context, &leaks);
	view.leaks = &leaks;
	view.left = left;
	view.left_count = flow_mismatch__left(p->mismatch, left, FLOW_LEFT);
	view.calls_not_kept = flow_calls__overflow(p->calls);
	flow_jobs__counts(p->jobs, &view.jobs);
	view.jobs.not_kept += flow_loops__overflow(p->loops);
	view.resources_not_kept = flow_context__overflow(p->context);
	err = model_builder__snapshot(p->model, &view, out);
	if (!err)
		flow_requests__each_held(p->requests, model__blocking, *out);
	return err;
}

uint64_t pipeline__in_flight(const struct pipeline *p)
{
	return flow_requests__in_flight(p->requests);
}

void pipeline__each_in_flight(const struct pipeline *p,
			      void (*fn)(void *ctx, const struct flow_req *req), void *ctx)
{
	flow_requests__each_in_flight(p->requests, fn, ctx);
}

void pipeline__each_call(const struct pipeline *p,
			 void (*fn)(void *ctx, const struct flow_call *call), void *ctx)
{
	flow_calls__each_in_progress(p->calls, fn, ctx);
}

void pipeline__each_job(const struct pipeline *p, void (*fn)(void *ctx, const struct flow_job *job),
			void *ctx)
{
	flow_jobs__each_in_progress(p->jobs, fn, ctx);
}

bool pipeline__in_progress(const struct pipeline *p, const struct flow_req_ref *request)
{
	uint64_t end_ns;

	return flow_requests__in_progress(p->requests, request) ||
	       flow_requests__ended(p->requests, request->conn, request->seq, &end_ns);
}

size_t pipeline__types(const struct pipeline *p, struct flow_res_type *types, size_t cap)
{
	return flow_context__types(p->context, types, cap);
}

bool pipeline__has_stores(const struct pipeline *p, uint32_t pid,
			  const struct flow_req_ref *request, uint32_t instance)
{
	return flow_mismatch__has_stores(p->mismatch, pid, request, instance);
}

bool pipeline__named(const struct pipeline *p, uint32_t pid, uint64_t hash,
		     struct line_request *out)
{
	return flow_mismatch__named(p->mismatch, pid, hash, out);
}

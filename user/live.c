// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live.h"
#include "model_live_int.h"

static int on_event(void *state, const struct flow_event *ev)
{
	return live__event(state, ev);
}

static int on_request(void *state, const struct flow_req *req)
{
	return live__request(state, req);
}

static int on_resource(void *state, const struct flow_resource *res)
{
	return live__resource(state, res);
}

static int on_call(void *state, const struct flow_call *call)
{
	return live__call(state, call);
}

static int on_job(void *state, const struct flow_job *job)
{
	return live__job(state, job);
}

static int on_blocking(void *state, const struct flow_blocking *b)
{
	return live__blocking(state, b);
}

const struct out_format live_format = {
	.name = "live",
	.about = "what a dashboard shows",
	.event = on_event,
	.request = on_request,
	.resource = on_resource,
	.call = on_call,
	.job = on_job,
	.blocking = on_blocking,
};

static uint64_t in_flight(void *ctx)
{
	return pipeline__in_flight(ctx);
}

static size_t types(void *ctx, struct flow_res_type *to, size_t cap)
{
	return pipeline__types(ctx, to, cap);
}

static bool in_progress(void *ctx, const struct flow_req_ref *ref)
{
	return pipeline__in_progress(ctx, ref);
}

static void each(void *ctx, void (*fn)(void *arg, const struct flow_req *req), void *arg)
{
	pipeline__each_in_flight(ctx, fn, arg);
}

static void each_call(void *ctx, void (*fn)(void *arg, const struct flow_call *call), void *arg)
{
	pipeline__each_call(ctx, fn, arg);
}

static void each_job(void *ctx, void (*fn)(void *arg, const struct flow_job *job), void *arg)
{
	pipeline__each_job(ctx, fn, arg);
}

void live__follow(struct live *l, struct pipeline *p)
{
	l->source = (struct live_source){
		.ctx = p,
		.in_flight = in_flight,
		.types = types,
		.in_progress = in_progress,
		.each = each,
		.each_call = each_call,
		.each_job = each_job,
	};
}

int live__view(struct live *l, struct pipeline *p, struct model *m, uint64_t now_ns,
	       struct live_view **out)
{
	live__follow(l, p);
	return live__snapshot(l, m, now_ns, out);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The correlator put together: flow events in, finished requests, resources and a model out.
 * Live sessions and captures feed it alike.
 */
#ifndef LOOPRAY_PIPELINE_H
#define LOOPRAY_PIPELINE_H

#include "flow_event.h"
#include "model.h"
#include "out.h"

struct pipeline;

struct pipeline_opts {
	/* Optional: a format that is handed every event, request and resource as they come. */
	const struct out_format *format;
	void *format_state;
	uint64_t blocking_ns;	 /* tell of what holds a loop longer than this; 0: do not */
	const char *context_key; /* field that identifies a request, see lr_path; NULL: any */
};

int pipeline__new(struct pipeline **out, const struct pipeline_opts *opts);
void pipeline__free(struct pipeline *p);

/* A flow_sink. */
int pipeline__event(void *pipeline, const struct flow_event *ev);

/* The input has ended: requests in flight and resources alive are handed out. */
int pipeline__finish(struct pipeline *p);

/*
 * Caller frees with model__free. Of @view the times, unwritten and incomplete are taken; what
 * the pipeline knows is filled in.
 */
int pipeline__model(struct pipeline *p, const struct model_view *view, struct model **out);

/* What has not ended yet: see flow_requests__each_in_flight. */
uint64_t pipeline__in_flight(const struct pipeline *p);
void pipeline__each_in_flight(const struct pipeline *p,
			      void (*fn)(void *ctx, const struct flow_req *req), void *ctx);
/* See flow_calls__each_in_progress and flow_jobs__each_in_progress. */
void pipeline__each_call(const struct pipeline *p,
			 void (*fn)(void *ctx, const struct flow_call *call), void *ctx);
void pipeline__each_job(const struct pipeline *p, void (*fn)(void *ctx, const struct flow_job *job),
			void *ctx);
/* Whether this request has not been handed out yet. */
bool pipeline__in_progress(const struct pipeline *p, const struct flow_req_ref *request);

/* As flow_context__types. */
size_t pipeline__types(const struct pipeline *p, struct flow_res_type *types, size_t cap);

/* Whether requests of the route of this request were seen to have stores of their own. */
bool pipeline__has_stores(const struct pipeline *p, uint32_t pid,
			  const struct flow_req_ref *request, uint32_t instance);

/* The one request that an id with this fingerprint names: see flow_mismatch__named. */
bool pipeline__named(const struct pipeline *p, uint32_t pid, uint64_t hash,
		     struct line_request *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The correlator put together: flow events in, finished requests, resources and a model out.
 * Live sessions and captures feed it alike.
 */
#ifndef LOOPRAY_FLOW_PIPELINE_H
#define LOOPRAY_FLOW_PIPELINE_H

#include "flow_event.h"
#include "model.h"
#include "out.h"

struct flow_pipeline;

struct flow_pipeline_opts {
	/* Optional: a format that is handed every event, request and resource as they come. */
	const struct out_format *format;
	void *format_state;
};

int flow_pipeline__new(struct flow_pipeline **out, const struct flow_pipeline_opts *opts);
void flow_pipeline__free(struct flow_pipeline *p);

/* A flow_sink. */
int flow_pipeline__event(void *pipeline, const struct flow_event *ev);

/* The input has ended: requests in flight and resources alive are handed out. */
int flow_pipeline__finish(struct flow_pipeline *p);

/* Caller frees with model__free. @view_start, @view_end: 0 takes those of the events. */
int flow_pipeline__model(struct flow_pipeline *p, uint64_t view_start, uint64_t view_end,
			 struct model **out);

uint64_t flow_pipeline__requests(const struct flow_pipeline *p);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a dashboard shows beside the model: the last requests with their calls, jobs, resources
 * and findings, those in flight, and how the figures went from step to step.
 *
 * The collector is handed what the pipeline hands to an output format (live.h), and keeps a fixed
 * upper bound of memory. A view is an immutable snapshot of it, with a model: whoever draws, sorts,
 * filters or freezes holds a view and nothing else. Views and the collector share requests: all
 * belong to one thread, and what a view holds beyond the collector's own bound is as long as it is
 * held.
 *
 * Steps are of event time, so that a replay gives what was seen live: the first begins with the
 * first event that has a time, and steps in which nothing happened are there all the same. A
 * request counts in the step of its end, or in the newest if that step has left the window.
 *
 * Latencies are those of the model: of whole requests with all of their records.
 *
 * The oldest requests go first. Of those that would have to go, the newest with findings and the
 * slowest stay longer: up to an eighth each of LIVE_RECENT and of LIVE_MEMORY_MAX.
 *
 * Times are CLOCK_MONOTONIC nanoseconds of the recording machine.
 */
#ifndef LOOPRAY_MODEL_LIVE_H
#define LOOPRAY_MODEL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_call.h"
#include "flow_context.h"
#include "flow_event.h"
#include "flow_job.h"
#include "flow_mismatch.h"
#include "flow_request.h"
#include "model.h"

#define LIVE_STEPS	600  /* steps of the series that are kept */
#define LIVE_RECENT	4096 /* requests that are kept after their end */
#define LIVE_IN_FLIGHT	1024 /* of a view */
#define LIVE_SPARK	60   /* steps of a route, a resource type or a loop */
#define LIVE_BANDS	24   /* of latency, see live_band__from */
#define LIVE_WINDOW	10   /* steps that "now" is: rates and percentiles of the header */
#define LIVE_ROUTES	256  /* those beyond have no live_route; the model counts them together */
#define LIVE_LOOPS	128
#define LIVE_TYPES	128
#define LIVE_OF_REQUEST 64 /* calls, jobs and resources each that are kept of one request */
/* Of requests that are kept, in flight or ended; all else takes some 12 MB at most. */
#define LIVE_MEMORY_MAX (64u << 20)

/* A resource that a request created, told of when it is destroyed; level resources. */
struct live_resource {
	char type[32];
	int64_t async_id;
	int64_t trigger_id;
	uint64_t init_ns;
	uint64_t destroy_ns; /* 0: alive at the end of the observation */
};

/* A header that the user asked for; both may be cut. */
struct live_header {
	char name[48];
	char value[128];
};

/* Immutable once it is in a view; shared between views. */
struct live_request {
	uint32_t refs;		 /* of the collector and of views: not for readers */
	uint64_t number;	 /* in the order of their ends, from 1: its name; 0 in flight */
	struct model_request on; /* its flow_req.path, method, route, calls, findings: NULL */
	char route[128];
	uint64_t age_ns;	 /* in flight: since its arrival, at the time of the view */
	struct flow_call *calls; /* in order of start; with those that ended after the response */
	uint32_t ncalls;	 /* in flight: also the open ones */
	struct flow_job *jobs;	 /* in order of submit; in flight: also those not done */
	uint32_t njobs;
	struct live_resource *resources; /* in order of init: those that are destroyed */
	uint32_t nresources;
	struct flow_finding *findings;
	uint32_t nfindings;
	uint32_t not_kept; /* calls, jobs, resources and findings for which there was no room */
	uint32_t nheaders; /* that the user asked for */
	struct live_header *header;
	char traceparent[56]; /* empty: none */
	/* Of the collector: not for readers. */
	uint32_t bytes;
	uint16_t room_calls, room_jobs, room_resources;
};

/* One step of time; the last of a view may be shorter: it is being made. */
struct live_step {
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t requests; /* that ended */
	uint64_t errors;   /* of those, 5xx */
	uint64_t mismatched;
	uint64_t lost; /* records and state, all kinds */
	uint64_t blockings;
	uint32_t in_flight; /* at its end */
	struct model_latency latency;
	uint32_t band[LIVE_BANDS]; /* requests by latency */
	double utilisation;	   /* of the busiest loop, 0..1; below 0: not known */
	uint64_t lag_p99_ns;	   /* of all loops */
	uint64_t lag_max_ns;
	uint32_t gc_count;
	uint64_t gc_ns;
};

/* The lower bound of a latency band, nanoseconds; band 0 begins at 0. About three a decade. */
uint64_t live_band__from(unsigned int band);
unsigned int live_band__of(uint64_t ns);

struct live_route {
	char method[16];
	char route[128];
	uint64_t requests; /* in all */
	uint64_t errors;
	uint64_t mismatched;
	double rps;		      /* of the window */
	struct model_latency latency; /* of the window; percentiles within 3.2% */
	struct model_latency total;   /* as the model has it; count 0: it counts it among others */
	uint32_t spark[LIVE_SPARK];   /* requests in each of the last steps, the newest last */
};

struct live_type {
	char name[48];
	uint64_t init;
	uint64_t alive;
	uint64_t leaked;	    /* see flow_leaks; 0 if not known */
	uint32_t spark[LIVE_SPARK]; /* alive at the end of each step, the newest last */
	enum flow_trend trend;
};

struct live_loop {
	uint32_t pid;
	uint32_t env;
	double utilisation;	 /* of the window; below 0: not known */
	float spark[LIVE_SPARK]; /* utilisation; below 0: not known */
	uint64_t lag_p99_ns;	 /* of the window, within 3.2% */
	uint32_t gc_count;	 /* of the window */
	uint64_t gc_ns;
	bool ended;
	struct model_loop total; /* pid 0: the model does not have it */
};

/* Of loopray itself. */
struct live_agent {
	double cpu;	     /* cores over the window; below 0: not known (a replay) */
	uint64_t rss_bytes;  /* 0: not known */
	double events_per_s; /* flow events */
	double target_cpu; /* estimate of what probes cost the targets, cores; below 0: not known */
};

struct live_target {
	uint32_t pid;
	bool ended;
	uint64_t requests;
	double rps;
};

struct live_view {
	uint64_t start_ns; /* of the observation */
	uint64_t now_ns;
	uint64_t wall_ns; /* at now_ns; 0 in a replay: whoever asks for the view may set it */
	uint64_t step_ns;
	struct model *m;
	/* Of the last LIVE_WINDOW steps. */
	double window_s;
	double rps;
	double error_rate; /* 5xx, 0..1 */
	struct model_latency latency;
	double utilisation; /* of the busiest loop; below 0: not known */
	uint64_t lag_p99_ns;
	struct live_step *steps; /* oldest first */
	size_t nsteps;
	struct live_request **recent; /* newest first */
	size_t nrecent;
	uint64_t recent_gone;		 /* ended, and no longer kept */
	struct live_request **in_flight; /* oldest first */
	size_t nin_flight;
	struct live_route *routes; /* most requests first */
	size_t nroutes;
	struct live_type *types;
	size_t ntypes;
	struct live_loop *loops;
	size_t nloops;
	struct live_target *targets; /* in the order of m->targets */
	size_t ntargets;
	struct live_agent agent;
	bool show_values; /* of stores, where they are there */
};

struct live;

struct live_opts {
	uint64_t step_ns; /* 0: a second */
	bool replay;	  /* there is no agent to measure */
	bool show_values; /* for live_view */
};

/* 0 or -ENOMEM. */
int live__new(struct live **out, const struct live_opts *opts);
void live__free(struct live *l); /* views outlive it; NULL-safe */

/* What it has now of requests that are kept and of what is held for those in flight, bytes. */
uint64_t live__memory(const struct live *l);

void live_view__free(struct live_view *v); /* NULL-safe */

/* A request of the view by its number, NULL if it is gone. */
const struct live_request *live_view__request(const struct live_view *v, uint64_t number);

#endif

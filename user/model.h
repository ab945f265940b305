/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model: what is known about the observed processes at one moment. Every reader (report,
 * dashboard, exporters) takes an immutable snapshot; only the builder changes.
 *
 * The builder is fed with flow events and finished requests, live or from a capture, and
 * keeps a fixed upper bound of memory: beyond its limits targets, loops and routes are
 * counted together instead of apart, and the snapshot says so.
 */
#ifndef LOOPRAY_MODEL_H
#define LOOPRAY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_call.h"
#include "flow_context.h"
#include "flow_event.h"
#include "flow_job.h"
#include "flow_latency.h"
#include "flow_lag.h"
#include "flow_pool_jobs.h"
#include "flow_request.h"
#include "model_finding.h"
#include "model_waiting.h"

#define MODEL_SLOWEST 16

struct model_target {
	uint32_t pid;
	uint64_t start_time; /* clock ticks since boot */
	char version[32];    /* of Node.js; empty: unknown */
	char context[16];
	char linked[16];
	char level[16];
	char exe[256];
	uint32_t environments; /* JavaScript threads seen, also those that ended */
	bool ended;
};

/* Nanoseconds. count 0: the others are 0 and mean nothing. */
struct model_latency {
	uint64_t count;
	uint64_t mean;
	uint64_t min;
	uint64_t p50;
	uint64_t p90;
	uint64_t p95;
	uint64_t p99;
	uint64_t max;
};

/* Sums over the requests whose breakdown is known, nanoseconds. */
struct model_breakdown {
	uint64_t known;
	uint64_t unknown;
	uint64_t queue;
	uint64_t cpu;
	uint64_t loop_busy;
	uint64_t wait;
};

/* Sums over the requests whose waits are known, nanoseconds. */
struct model_waits {
	uint64_t known;
	uint64_t unknown;
	uint64_t ns[WAIT_KINDS];
};

/* Of requests that are over, or of one route of them. */
struct model_requests {
	uint64_t total;	      /* all that are over, however they ended */
	uint64_t by_class[6]; /* [1] 1xx ... [5] 5xx; [0] no status seen, or none of these */
	uint64_t by_end[REQ_LOST + 1]; /* enum flow_req_end; [REQ_IN_FLIGHT] is not in total */
	uint64_t incomplete[3];	       /* REQ_INC_LOSS, _GAP, _ATTACH: may overlap */
	uint64_t incomplete_any;
	uint64_t tls; /* over HTTPS */
	uint64_t bytes_in;
	uint64_t bytes_out;
	/* Of whole requests with all of their records: others would make it look better. */
	struct model_latency latency;
	struct model_breakdown breakdown;
	struct model_waits waits;
};

struct model_route {
	char *method; /* "*" and "(other routes)": those beyond the limit */
	char *route;
	struct model_requests requests;
};

struct model_resource_type {
	char name[48];
	struct flow_res_type count; /* its name is NULL */
};

/* Outgoing calls to one peer. */
struct model_peer {
	uint8_t kind; /* enum call_kind */
	uint16_t family;
	uint16_t port;
	uint8_t addr[16];
	uint64_t calls; /* all of the following are counted in here */
	uint64_t failed;
	uint64_t by[CALL_BYS]; /* [CALL_BY_NOTHING]: of requests that are not known */
	uint64_t late;	       /* issued after the response */
	uint64_t outlived;     /* issued before, ended after */
	uint64_t new_connections;
	uint64_t approximate;
	uint64_t setup;
	uint64_t open; /* without an end */
	uint64_t bytes_out;
	uint64_t bytes_in;
	/* Of requests that are measured: the time in which one was waited for; overlaps once. */
	uint64_t waited_ns;
	struct model_latency latency; /* of those that ended well and were no setup */
	struct model_latency first_byte;
	uint64_t connects; /* connections established for a call */
	uint64_t connect_ns;
};

struct model_calls {
	uint64_t total;
	uint64_t unknown[CALL_UNKNOWNS];
	uint64_t not_kept;	  /* for want of room */
	uint64_t peers_merged;	  /* calls counted under a peer without address, beyond the limit */
	uint64_t requests;	  /* measured ones with calls */
	uint64_t request_ns;	  /* latency of all measured requests, with or without calls */
	struct model_peer *peers; /* most calls first */
	size_t peer_count;
};

/* What held loops for too long: turns of one kind, of requests of one route if they are. */
struct model_blocker {
	uint8_t by; /* enum flow_turn */
	char method[16];
	char route[FLOW_LABEL_PATH]; /* empty: of no known request */
	uint64_t count;
	uint64_t held_ns;
	uint64_t max_ns;
	uint64_t paid; /* requests that were kept waiting by it */
	uint64_t paid_ns;
};

#define MODEL_BLOCKERS 64
#define MODEL_BLOCKING 10

struct model_blocking {
	uint64_t threshold_ns; /* 0: not looked for */
	uint64_t count;
	uint64_t held_ns;
	uint64_t paid;
	uint64_t paid_ns;
	size_t blocker_count; /* those that held loops longest first; the last takes the rest */
	struct model_blocker blocker[MODEL_BLOCKERS];
	size_t worst_count; /* the longest first; their routes are not kept */
	struct flow_blocking worst[MODEL_BLOCKING];
};

struct model_gc {
	uint64_t count;
	uint64_t untimed; /* of those, collections whose duration is not known */
	uint64_t total_ns;
	uint64_t max_ns;
};

/* What flow_pace, flow_lag and collections tell of one environment. */
struct model_health {
	uint8_t iterations_unknown;	/* enum flow_count_unknown */
	struct model_latency iteration; /* busy time of iterations */
	uint64_t single;		/* iterations known by themselves, see flow_pace.h */
	uint64_t running_ns;		/* busy time of the one that had not ended */
	struct model_latency lag;
	struct model_latency lag_by[FLOW_LAG_SOURCES];
	uint8_t microtasks_unknown;
	uint64_t microtasks;
	double microtasks_per_s;
	bool drain_known;		     /* the loop was seen busy at least once */
	double drain, drain_low, drain_high; /* share of busy time in which microtasks ran */
	uint64_t drain_ns;
	struct model_gc gc;
};

/* The thread pool of a process, which its environments share. */
struct model_pool {
	uint32_t pid;
	struct flow_pool_stats stats;
	struct model_latency queued; /* until a thread took the job */
};

/* An event loop: environment @env of process @pid. */
struct model_loop {
	uint32_t pid;
	uint32_t env;
	uint64_t wall_ns; /* between first and last sample; 0: utilisation is not known */
	uint64_t idle_ns; /* the following are differences over that time */
	uint64_t iterations;
	uint64_t cpu_ns;
	double peak; /* highest utilisation between two samples, 0..1 */
	bool iterations_known;
	struct model_health health;
};

enum model_gc_kind { MODEL_GC_SCAVENGE, MODEL_GC_MARK_COMPACT, MODEL_GC_OTHER, MODEL_GC_KINDS };

struct model_probe {
	char name[64];
	char site[128];
	char reason[128];
	bool attached;
	uint64_t hits;
	uint64_t misses;
};

struct model_counter {
	char name[64];
	uint64_t value;
};

struct model_loss {
	uint64_t ring;
	uint64_t map; /* kernel maps and, here, resources beyond max_resources */
	uint64_t read;
	uint64_t file; /* events that a recorder could not write */
	uint64_t total;
};

struct model {
	char incomplete[256]; /* why the input ended before its time; empty: it did not */
	uint64_t start_ns;    /* what was observed: CLOCK_MONOTONIC */
	uint64_t end_ns;
	uint64_t in_flight;
	struct model_requests requests;
	struct flow_hist latency;
	struct model_route *routes; /* most requests first */
	size_t route_count;
	struct model_request slowest[MODEL_SLOWEST]; /* slowest first */
	size_t slowest_count;
	struct flow_context_counts context;
	uint64_t by_context[MODEL_CONTEXT]; /* requests by enum request_context */
	struct model_finding_counts findings;
	struct model_group *groups; /* most harmful first */
	size_t group_count;
	struct flow_leaks leaks;
	struct flow_left left[FLOW_LEFT]; /* stores that outlived their request */
	size_t left_count;
	struct model_target *targets; /* in order of appearance */
	size_t target_count;
	struct model_resource_type *types;
	size_t type_count;
	struct model_calls calls;
	struct model_blocking blocking;
	struct model_loop *loops;
	size_t loop_count;
	struct model_waiting *waiting; /* in the order of the loops */
	size_t waiting_count;
	struct model_gc gc[MODEL_GC_KINDS];
	struct model_pool *pools; /* in order of appearance; those that had a job */
	size_t pool_count;
	struct model_probe *probes;
	size_t probe_count;
	struct model_counter *counters;
	size_t counter_count;
	struct model_loss loss;
	uint64_t resources_not_kept; /* part of loss.map */
	struct flow_job_counts jobs; /* jobs.not_kept is part of loss.map */
	uint64_t routes_merged;	     /* requests counted under "(other routes)" */
	uint64_t not_kept;	     /* targets, loops, probes, counters beyond the limits */
	bool has_resources;	     /* a target was observed at level resources */
};

struct model_builder;

/* Limits; 0 takes the default. */
struct model_opts {
	uint32_t max_routes; /* 512; about 10 kB each */
};

/* What the builder does not see by itself. */
struct model_view {
	uint64_t start_ns;  /* 0: time of the first event */
	uint64_t end_ns;    /* 0: time of the last event */
	uint64_t in_flight; /* live; added to those that were handed in as in flight */
	const struct flow_res_type *types; /* of flow_context__types */
	size_t type_count;
	uint64_t blocking_ns;	     /* what is too long for a loop to be held, 0: not looked for */
	uint64_t resources_not_kept; /* flow_context__overflow */
	uint64_t calls_not_kept;     /* flow_calls__overflow */
	struct flow_job_counts jobs; /* flow_jobs__counts */
	struct flow_context_counts context;
	const struct flow_leaks *leaks; /* of flow_context__leaks, or NULL */
	const struct flow_left *left;	/* of flow_mismatch__left */
	size_t left_count;
	uint64_t unwritten; /* events that the recorder of a capture could not write */
	const char
		*incomplete; /* why the input is not whole, as capture_info.status; NULL: it is */
};

int model_builder__new(struct model_builder **out, const struct model_opts *opts);
void model_builder__free(struct model_builder *b);

/* A flow_sink. 0 or -ENOMEM. */
int model_builder__event(void *builder, const struct flow_event *ev);
/* The done callback of flow_requests. Out of memory shows at the snapshot. */
void model_builder__request(void *builder, const struct flow_req *req);

/* A call that no request was handed out with. */
void model_builder__call(void *builder, const struct flow_call *call);

/* Something held a loop for too long. */
void model_builder__blocking(void *builder, const struct flow_blocking *blocking);

/* The snapshot is the caller's. @view may be NULL. 0 or -ENOMEM. */
int model_builder__snapshot(const struct model_builder *b, const struct model_view *view,
			    struct model **out);
/* Adds to a snapshot what the builder has not been told yet: see flow_requests__each_held. */
void model__blocking(void *model, const struct flow_blocking *blocking);
void model__free(struct model *m);

/* Whether its latency is known to be whole: began and ended before our eyes, nothing missing. */
bool model_request__measured(const struct flow_req *req);
/* What outlives the request: without its strings beyond those of @to, findings, calls, headers. */
void model_request__copy(struct model_request *to, const struct flow_req *req);

/* Length of the observation in seconds. */
double model__duration(const struct model *m);
/* Share of the time that the loop was not idle, 0..1; below 0 if it is not known. */
double model_loop__utilisation(const struct model_loop *l);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The builder's state: seen by the files of the model only. */
#ifndef LOOPRAY_MODEL_BUILDER_H
#define LOOPRAY_MODEL_BUILDER_H

#include "model.h"

struct route_state {
	uint64_t hash;
	char *method;
	char *route;
	struct model_requests requests; /* its latency is made at the snapshot */
	uint64_t own;			/* answered with all of their stores */
	struct flow_hist latency;
};

struct loop_state {
	struct model_loop loop;
	uint32_t samples;
	uint64_t first_ns, first_idle, first_iterations, first_cpu;
	uint64_t last_ns, last_idle;
	struct waiting_state waiting;
	uint32_t tid;		    /* its thread, 0 unknown or ended */
	struct loop_health *health; /* NULL: nothing told yet */
};

struct pool_state {
	uint32_t pid;
	struct flow_pool_jobs *jobs;
};

struct peer_state {
	struct model_peer peer;
	struct flow_hist latency;
	struct flow_hist first_byte;
};

struct group_state {
	struct model_group group;
	struct route_state *route; /* NULL: not known, or of many routes */
	uint64_t hash;
	uint64_t last_request; /* number of the request that was counted last */
	unsigned int weight;   /* of the example */
};

struct model_builder {
	bool oom;
	uint64_t first_ns;
	uint64_t last_ns;
	struct model_requests requests;
	struct flow_hist latency;
	struct model_request slowest[MODEL_SLOWEST];
	size_t slowest_count;
	uint32_t max_routes;
	size_t route_count;
	struct route_state **routes;
	struct route_state **table; /* open addressing by hash */
	uint32_t table_mask;
	struct route_state *other;

	struct group_state **groups;
	size_t group_count;
	struct group_state *merged[FINDING_KINDS]; /* beyond MODEL_GROUPS */
	uint64_t by_context[MODEL_CONTEXT];
	uint64_t request_number;
	uint64_t mismatched;

	struct model_target *targets;
	size_t target_count, target_cap;
	struct loop_state *loops;
	size_t loop_count, loop_cap;
	size_t loop_met; /* index of the one that an event was of last */
	size_t health_count;
	struct pool_state *pools;
	size_t pool_count, pool_cap;
	struct model_probe *probes;
	size_t probe_count, probe_cap;
	struct model_counter *counters;
	size_t counter_count, counter_cap;
	struct peer_state **peers; /* MODEL_PEERS + 1: the last takes the rest; made when needed */
	size_t peer_count;
	struct model_calls calls; /* its totals */
	struct model_blocking blocking;
	struct model_gc gc[MODEL_GC_KINDS];
	uint64_t loss[FLOW_LOSS_KINDS];
	uint64_t not_kept;
};

/* model_builder.c */
/*
 * A zeroed entry behind the last of an array, which doubles up to @max entries. @array is the
 * address of the pointer to it. NULL: the limit is reached (counted), or out of memory (b->oom).
 */
void *model_builder__entry(struct model_builder *b, void *array, size_t *count, size_t *cap,
			   size_t size, size_t max);
/* The environment's loop, made if it is new; NULL as above. */
struct loop_state *model_builder__loop(struct model_builder *b, uint32_t pid, uint32_t env);

/* model_health.c: what events tell of loops and thread pools, and their part of a snapshot. */
void model_health__event(struct model_builder *b, const struct flow_event *ev);
void model_health__of(const struct loop_state *l, struct model_health *to);
int model_health__pools(struct model *m, const struct model_builder *b); /* 0 or -ENOMEM */
void model_health__free(struct model_builder *b);

/* model_call.c: the calls of a finished request, and their part of a snapshot (0 or -ENOMEM). */
#define MODEL_PEERS 128
void model_calls__add(struct model_builder *b, const struct flow_req *req, bool measured);
int model_calls__snapshot(struct model *m, const struct model_builder *b,
			  const struct model_view *view);
void model_calls__free(struct model_builder *b);

/* model.c */
void model_latency__of(struct model_latency *l, const struct flow_hist *h);

/* model_wait.c */
void model_waits__add(struct model_waits *sum, const struct flow_waits *w);

/* model_finding.c: the findings of a request, and their part of a snapshot (0 or -ENOMEM). */
/* @route: NULL while the request is in flight. */
void model_findings__add(struct model_builder *b, const struct flow_req *req,
			 struct route_state *route);
int model_findings__snapshot(struct model *m, const struct model_builder *b,
			     const struct model_view *view);
void model_findings__free(struct model_builder *b);

#endif

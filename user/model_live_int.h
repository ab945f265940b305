/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The collector's state: shared by model_live*.c and live.c only. */
#ifndef LOOPRAY_MODEL_LIVE_INT_H
#define LOOPRAY_MODEL_LIVE_INT_H

#include <string.h>

#include "flow_growth.h"
#include "flow_lag.h"
#include "flow_table.h"
#include "model_live.h"
#include "model_live_hist.h"

#define LIVE_SHARE    8 /* of LIVE_RECENT and LIVE_MEMORY_MAX: an eighth */
#define LIVE_ELDERS   (LIVE_RECENT / LIVE_SHARE)
#define LIVE_ALL_KEPT (LIVE_RECENT + 1) /* one more while it comes in */
#define LIVE_HELD     65536		/* requests in flight of which something is held */
#define LIVE_ITEMS    65536		/* jobs and resources of all of them */
#define LIVE_CALLS    2048		/* calls of all of them: they are rare */
#define LIVE_TARGETS  1024
#define LIVE_PROBES   64
#define LIVE_FINDINGS 8 /* of a request */

/* What the collector asks of whoever correlates; functions may be NULL: not known. */
struct live_source {
	void *ctx;
	uint64_t (*in_flight)(void *ctx);
	size_t (*types)(void *ctx, struct flow_res_type *types, size_t cap);
	bool (*in_progress)(void *ctx, const struct flow_req_ref *ref);
	void (*each)(void *ctx, void (*fn)(void *arg, const struct flow_req *req), void *arg);
	void (*each_call)(void *ctx, void (*fn)(void *arg, const struct flow_call *call),
			  void *arg);
	void (*each_job)(void *ctx, void (*fn)(void *arg, const struct flow_job *job), void *arg);
};

/*
 * Steps are numbered from 0; step k is in slot k % LIVE_STEPS, and while it is in the window, what
 * percentiles are made of is in slot k % LIVE_WINDOW.
 */
struct live_series {
	bool any;
	uint64_t start_ns; /* of step 0 */
	uint64_t newest;
	uint64_t newest_start_ns, newest_end_ns;
	struct live_step step[LIVE_STEPS];
	struct {
		struct flow_hist latency;
		struct flow_hist lag;
		uint64_t events;
	} window[LIVE_WINDOW];
};

struct live_route_state {
	struct live_route pub; /* counts and names */
	uint32_t spark[LIVE_SPARK];
	struct live_hist window[LIVE_WINDOW];
};

struct live_loop_state {
	uint32_t pid;
	uint32_t env;
	uint32_t tid; /* 0 unknown, or ended */
	bool ended;
	uint64_t sample_ns; /* 0 none */
	uint64_t idle_ns;
	struct {
		uint64_t busy;
		uint64_t known;
	} use[LIVE_SPARK];
	struct flow_lag lag;
	struct {
		struct live_hist lag;
		uint32_t gc_count;
		uint64_t gc_ns;
	} window[LIVE_WINDOW];
};

struct live_type_state {
	char name[48];
	uint32_t spark[LIVE_SPARK];
	struct flow_growth growth;
};

struct live_target_state {
	uint32_t pid;
	uint64_t start_time;
	uint64_t requests;
	uint32_t window[LIVE_WINDOW];
};

/* A job, a resource or a call of a request that has not ended. */
struct live_item {
	struct live_item *next;
	enum { LIVE_JOB, LIVE_RESOURCE, LIVE_CALL } kind;
	union {
		struct flow_job job;
		struct live_resource resource;
		struct flow_call *call;
	};
};

struct live_held {
	uint64_t conn;
	uint64_t seq;
	struct live_held *newer, *older;
	struct live_item *items, *last;
	uint32_t n[LIVE_CALL + 1];
	uint32_t not_kept;
};

/* Requests that have ended. */
struct live_kept {
	uint64_t number;	    /* of the newest */
	uint64_t bytes;		    /* of all */
	struct flow_table index;    /* conn, seq */
	struct live_request **ring; /* LIVE_ALL_KEPT */
	size_t first, count;	    /* in the ring, the oldest first */
	struct live_request
		*found[LIVE_ELDERS]; /* with findings, the oldest first from @found_first */
	size_t found_first, nfound;
	uint64_t found_bytes;
	struct live_request *slow[LIVE_ELDERS]; /* a heap, the fastest at its root */
	size_t nslow;
	uint64_t slow_bytes;
};

struct live_agent_state {
	struct {
		uint64_t ns;
		uint64_t cpu_ns;
	} mark[LIVE_WINDOW]; /* at the beginning of the step */
	struct {
		uint64_t name; /* its hash */
		uint64_t hits;
	} probe[LIVE_PROBES];
	size_t nprobes;
	double target_ns; /* all that probes have cost so far */
	struct {
		uint64_t ns;
		double target_ns;
	} told, before; /* the last two times that probes were told of */
};

struct live {
	struct live_opts opts;
	struct live_source source;
	struct live_series series;
	struct flow_table route_index; /* hash of the route, hash of the method */
	struct live_route_state *routes[LIVE_ROUTES];
	size_t nroutes;
	struct live_loop_state *loops[LIVE_LOOPS];
	size_t nloops;
	size_t loop_met; /* of the last event */
	struct live_type_state *types;
	size_t ntypes;
	struct live_target_state *targets;
	size_t ntargets;
	struct flow_table held_index; /* conn, seq */
	struct flow_pool held_pool, item_pool, call_pool;
	struct live_held *newest, *oldest;
	struct live_kept kept;
	struct live_agent_state agent;
};

/* As much of it as there is room for. */
static inline void live_text(char *to, size_t cap, const char *from)
{
	size_t len = strnlen(from, cap - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

/* What the pipeline hands out: 0 or -ENOMEM. */
int live__event(struct live *l, const struct flow_event *ev);
int live__request(struct live *l, const struct flow_req *req);
int live__resource(struct live *l, const struct flow_resource *res);
int live__call(struct live *l, const struct flow_call *call);
int live__job(struct live *l, const struct flow_job *job);
int live__blocking(struct live *l, const struct flow_blocking *b);
/* See live__view of live.h. */
int live__snapshot(struct live *l, struct model *m, uint64_t now_ns, struct live_view **out);

/* Whether its latency is that of a whole request, nothing of which is missing. */
bool live__measured(const struct flow_req *req);
bool live__mismatched(const struct flow_req *req);

/* model_live_series.c */
/* Makes the steps up to that time. */
void live_series__advance(struct live *l, uint64_t ts);
/* The number of the step of that time; of the newest if it has left the window. */
uint64_t live_series__number(const struct live *l, uint64_t ts);
/* The oldest step of the last @n. */
uint64_t live_series__from(const struct live *l, uint64_t n);
static inline struct live_step *live_series__step(struct live *l, uint64_t number)
{
	return &l->series.step[number % LIVE_STEPS];
}
void live_series__request(struct live *l, const struct flow_req *req, uint64_t number);
void live_series__lag(struct live *l, uint64_t number, uint64_t ns);
/* The steps and what the header shows. 0 or -ENOMEM. */
int live_series__view(struct live *l, struct live_view *v);

/* The parts: what a step begins with, what comes in, and theirs of a view (0 or -ENOMEM). */
void live_routes__step(struct live *l, uint64_t number);
int live_routes__request(struct live *l, const struct flow_req *req, uint64_t number);
int live_routes__view(struct live *l, struct live_view *v);
void live_routes__free(struct live *l);

void live_loops__step(struct live *l, uint64_t number);
int live_loops__event(struct live *l, const struct flow_event *ev);
int live_loops__view(struct live *l, struct live_view *v);
void live_loops__free(struct live *l);

/* At the end of step @number. */
void live_types__sample(struct live *l, uint64_t number, uint64_t ts);
int live_types__view(struct live *l, struct live_view *v);

void live_targets__step(struct live *l, uint64_t number);
void live_targets__event(struct live *l, const struct flow_event *ev);
void live_targets__request(struct live *l, const struct flow_req *req, uint64_t number);
int live_targets__view(struct live *l, struct live_view *v);

void live_agent__step(struct live *l, uint64_t number);
void live_agent__probe(struct live *l, const struct flow_event *ev);
void live_agent__view(struct live *l, struct live_view *v);

/* model_live_request.c */
struct live_counts {
	uint32_t calls, jobs, resources, findings, headers;
};
/* One block with room for so many; refs 1. NULL: no memory. */
struct live_request *live_request__new(const struct live_counts *room);
void live_request__put(struct live_request *r); /* NULL-safe */
/* A copy with what is held for it, which may be NULL; NULL: no memory. */
struct live_request *live_request__of(const struct flow_req *req, const struct live_held *held);
/*
 * With one more: in place if there is room and nobody else holds it, else a copy; the caller's
 * reference moves. NULL, and @r stays: no memory.
 */
struct live_request *live_request__add(struct live_request *r, const struct live_item *item);

/* model_live_held.c: what came before the end of its request */
int live_held__init(struct live *l);
void live_held__free(struct live *l);
int live_held__add(struct live *l, const struct flow_req_ref *ref, const struct live_item *item);
struct live_held *live_held__find(const struct live *l, uint64_t conn, uint64_t seq);
void live_held__drop(struct live *l, struct live_held *h); /* NULL-safe */
uint64_t live_held__bytes(const struct live *l);

/* model_live_kept.c: requests that have ended */
int live_kept__init(struct live *l);
void live_kept__free(struct live *l);
/* Takes the reference. 0 or -ENOMEM. */
int live_kept__add(struct live *l, struct live_request *r);
struct live_request *live_kept__find(const struct live *l, uint64_t conn, uint64_t seq);
/* Of one that is kept. */
void live_kept__late(struct live *l, struct live_request *r, const struct live_item *item);
int live_kept__view(struct live *l, struct live_view *v);

/* model_live_flight.c: requests in flight. 0 or -ENOMEM. */
int live_flight__view(struct live *l, struct live_view *v);

#endif

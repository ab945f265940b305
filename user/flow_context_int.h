/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_context*.c only. */
#ifndef LOOPRAY_FLOW_CONTEXT_INT_H
#define LOOPRAY_FLOW_CONTEXT_INT_H

#include "flow_context.h"
#include "flow_request.h"
#include "flow_table.h"

#define CTX_MAX_TYPES	  512
#define CTX_MAX_ENVS	  4096
#define CTX_MAX_INTERVALS 4096 /* per environment; the oldest go */

struct ctx_type {
	struct flow_res_type pub;
	bool parser;	    /* HTTPINCOMINGMESSAGE: runs the requests of one connection */
	bool handle;	    /* lives until it is closed, however much is collected */
	uint32_t lived[64]; /* destroyed ones by the power of two of their life in ns */
	char name[];
};

struct ctx_res {
	struct flow_resource pub;
	struct ctx_type *type;
	struct flow_req_ref request; /* seq 0: unknown */
	uint64_t conn;		     /* of a parser, 0 not learned yet */
	bool unclear;		     /* a parser that was seen with several connections */
	uint64_t over_ns;	     /* its request had ended by then; 0: it has not */
	uint32_t over_collections;   /* full collections of its environment by then */
	bool used;		     /* a callback ran after that */
};

/* Async ids in (lo, hi] were allocated while working for this request. */
struct ctx_interval {
	int64_t lo;
	int64_t hi;
	struct flow_req_ref request;
};

struct ctx_env {
	uint32_t pid;
	uint32_t env;
	uint64_t addr;
	int64_t exec_id; /* at the last boundary; -1 none that could begin an interval */
	int64_t counter;
	uint32_t collections;		/* full ones (mark-compact) */
	struct ctx_interval *intervals; /* ring, ascending */
	uint32_t cap, head, count;
};

struct flow_context {
	struct flow_requests *requests;
	void (*on_resource)(void *ctx, const struct flow_resource *res);
	void *ctx;
	struct flow_table resources; /* async id, {pid, env} */
	struct flow_table envs;	     /* pid, env */
	struct flow_table providers; /* pid, number -> type */
	struct flow_pool res_pool;
	struct ctx_type *types[CTX_MAX_TYPES];
	size_t ntypes;
	struct ctx_type *unknown_type; /* no name known, or no room for one */
	uint64_t overflow;
	uint32_t max_resources;
	uint64_t first_ns, last_ns, swept_ns;
	bool lost;
	bool finished;
	struct flow_leaks leaks; /* as they were at the finish */
};

static inline uint64_t ctx_key(uint32_t pid, uint32_t env)
{
	return (uint64_t)pid << 32 | env;
}

/* flow_context_type.c */
int ctx_types__init(struct flow_context *c);
void ctx_types__destroy(struct flow_context *c);
int ctx_types__provider(struct flow_context *c, uint32_t pid, const struct fe_provider *p);
struct ctx_type *ctx_types__of(const struct flow_context *c, uint32_t pid,
			       const struct fe_resource *r);

/* flow_context_ids.c */
struct ctx_env *ctx_env__get(struct flow_context *c, uint32_t pid, uint32_t env);
void ctx_env__free(struct ctx_env *e);
/* The request whose work allocated this async id. */
bool ctx_env__owner(const struct ctx_env *e, int64_t id, struct flow_req_ref *ref);
void ctx_env__add(struct ctx_env *e, int64_t lo, int64_t hi, const struct flow_req_ref *ref);

/* flow_context_leak.c */
void ctx_leak__event(struct flow_context *c, const struct flow_event *ev);
void ctx_leak__destroyed(struct ctx_res *res);
bool ctx_leak__is_handle(const char *type);

#endif

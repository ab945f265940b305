/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The async graph: live native resources per environment, which request each was created
 * for, and the tree per request. Edges that native code cannot see are unknown, never guessed:
 * see the rules at the head of flow_context.c.
 */
#ifndef LOOPRAY_FLOW_CONTEXT_H
#define LOOPRAY_FLOW_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

struct flow_requests;
struct flow_context;

/* Totals of one resource type over all targets. */
struct flow_res_type {
	const char *name;
	uint64_t init;
	uint64_t destroy;	 /* all destroys seen, also of resources older than the attach */
	uint64_t destroy_unseen; /* of those, resources whose init was not seen */
	uint64_t alive;		 /* init seen, destroy not (yet) */
	uint64_t before;	 /* callback scopes entered for this type */
	uint64_t known_request;	 /* inits attributed to a request */
};

/* One resource in a request's tree. */
struct flow_resource {
	uint32_t pid;
	uint32_t env;
	int64_t async_id;
	int64_t trigger_id; /* -1 unknown */
	int64_t exec_id;    /* the resource in whose callback it was created, -1 unknown */
	const char *type;
	uint64_t init_ns;
	uint64_t destroy_ns; /* 0 alive */
	uint64_t callbacks;
	uint64_t request_seq; /* request it was created for, 0 unknown */
	uint64_t conn;	      /* of that request, 0 unknown */
};

/* Resources of one type that outlived the request for which they were created. */
struct flow_outlived {
	char name[64];
	uint64_t after_ns;    /* they were alive this long after its end */
	uint64_t alive;	      /* all of them */
	uint64_t in_use;      /* of those: callbacks have run since */
	uint64_t uncollected; /* of the others: perhaps garbage that was not collected yet */
	uint64_t leaked;      /* of the rest, if they grew through the whole observation */
	uint64_t oldest_ns;   /* the longest time since the end of a request */
};

enum flow_leaks_judged {
	LEAKS_NOT, /* no resource was followed */
	LEAKS_JUDGED,
	LEAKS_SHORT, /* the observation is shorter than FLOW_LEAKS_NS */
	LEAKS_LOSS,  /* records were lost: what seems alive may have been destroyed */
};

#define FLOW_OUTLIVED 32
#define FLOW_LEAKS_NS 20000000000ULL

struct flow_leaks {
	enum flow_leaks_judged judged;
	uint32_t count;
	struct flow_outlived type[FLOW_OUTLIVED]; /* most leaked first, then most alive */
};

int flow_context__new(struct flow_context **out, struct flow_requests *requests,
		      uint32_t max_resources);
void flow_context__free(struct flow_context *c);
int flow_context__event(struct flow_context *c, const struct flow_event *ev);

/* Type of a live native resource, or NULL. */
const char *flow_context__type_of(const struct flow_context *c, uint32_t pid, uint32_t env,
				  int64_t async_id);

/* A resource on the way back from a callback. */
struct flow_link {
	int64_t async_id;
	int64_t trigger_id;   /* the next link, -1 unknown */
	int64_t exec_id;      /* in whose callback it was made, -1 unknown */
	const char *type;     /* NULL: no native resource that was seen to begin */
	uint64_t init_ns;     /* 0 unknown */
	uint64_t request_seq; /* for which it was made, 0 unknown */
	uint64_t conn;	      /* of that request */
};

/*
 * The resource @async_id and what triggered it, as far as it is known, at most @cap of them;
 * @trigger_id is that of the first if only the caller knows it, else -1. Returns the count.
 */
uint32_t flow_context__chain(const struct flow_context *c, uint32_t pid, uint32_t env,
			     int64_t async_id, int64_t trigger_id, struct flow_link *links,
			     uint32_t cap);

/* Types with at least one init, destroy or callback, most inits first. Returns the count. */
size_t flow_context__types(const struct flow_context *c, struct flow_res_type *types, size_t cap);

/* Called for each resource when it is destroyed, and by flow_context__finish for those alive. */
void flow_context__on_resource(struct flow_context *c,
			       void (*fn)(void *ctx, const struct flow_resource *res), void *ctx);
void flow_context__finish(struct flow_context *c);

/* What is alive beyond its request now, or was when flow_context__finish was called. */
void flow_context__leaks(const struct flow_context *c, struct flow_leaks *leaks);

/* Resources not kept because max_resources was reached: a loss, shown as such. */
uint64_t flow_context__overflow(const struct flow_context *c);

#endif

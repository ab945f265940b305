/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_call*.c only. */
#ifndef LOOPRAY_FLOW_CALL_INT_H
#define LOOPRAY_FLOW_CALL_INT_H

#include "flow_call.h"
#include "flow_table.h"

#define CL_CONNS       65536
#define CL_CALLS       131072 /* open, or kept until their request is over */
#define CL_REQUESTS    65536
#define CL_PER_REQUEST 64

struct cl_conn;
struct cl_list;

/* Who issued it, as far as it is known. */
struct cl_owner {
	uint8_t by;	 /* enum call_by */
	uint8_t unknown; /* enum call_unknown */
	uint8_t store;	 /* enum context_unknown */
	bool by_birth;	 /* its route must be known to have stores */
	uint32_t instance;
	struct flow_req_ref ref;
};

enum cl_framing {
	CL_UNFRAMED, /* ends with the last receive before the next send */
	CL_LENGTH,
	CL_CHUNKED,
};

struct cl_call {
	struct flow_call pub; /* the first member */
	struct cl_conn *conn; /* NULL: ended */
	struct cl_list *list; /* of its request; NULL: handed out by itself */
	struct cl_call *next; /* on the connection, in order of their sends */
	bool answered;
	bool by_birth;
	bool turned; /* received since its last send */
	uint8_t framing;
	uint32_t instance;
	uint64_t remaining;
	uint64_t last_in_ns;
};

/* Calls of one request that is in progress. */
struct cl_list {
	uint64_t conn;
	uint64_t seq;
	uint32_t n;
	uint32_t not_kept;
	struct cl_call *call[CL_PER_REQUEST];
};

struct cl_conn {
	struct fe_peer peer;
	uint64_t id;
	uint32_t pid;
	uint8_t kind; /* enum call_kind */
	bool opaque;  /* it left HTTP */
	bool connect_seen;
	bool charged; /* a call has got the time of connecting */
	bool opened_under_unknown;
	struct cl_owner opener;
	uint64_t connect_ns;
	uint64_t connected_ns;
	uint64_t tls_ns; /* first handshake record, 0 none */
	bool tls_done;
	uint64_t half_ns;     /* the process ended its side */
	uint64_t received_ns; /* last receive, and when its bytes had arrived; 0 none */
	uint64_t arrived_ns;
	struct flow_req_ref received; /* for whom */
	uint64_t done;		      /* calls that are over */
	int64_t connect_counter;
	int64_t send_counter; /* of async ids, at the last send and receive; 0 unknown */
	int64_t receive_counter;
	struct cl_call *setup;
	struct cl_call *first, *last;
	struct cl_conn *newer, *older;
};

struct flow_calls {
	struct flow_calls_opts opts;
	struct flow_table conns; /* id */
	struct flow_table lists; /* conn, seq of requests */
	struct flow_pool conn_pool, call_pool, list_pool;
	struct cl_conn *newest, *oldest;
	struct cl_list *handed; /* of the request that is being handed out */
	uint64_t overflow;
};

/* flow_call_owner.c */
void cl_owner__find(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		    struct cl_owner *out);
bool cl_owner__same(const struct cl_owner *a, const struct cl_owner *b);

/* flow_call_conn.c: one operation on a connection */
void cl_conn__operation(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev);
/* Ends what is open: the connection is forgotten at @ts. */
void cl_conn__abandon(struct flow_calls *c, struct cl_conn *k, enum call_outcome outcome,
		      uint64_t ts);

/* flow_call_wait.c: what a call has its request wait for. Before and after @k has got the event. */
void cl_wait__send(struct flow_calls *c, const struct cl_conn *k, const struct flow_event *ev,
		   const struct cl_owner *owner);
void cl_wait__receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev);

/* flow_call_http.c */
void cl_http__send(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
		   const struct cl_owner *owner);
void cl_http__receive(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev);

/* flow_call.c: the life of a call */
/* A new one at the end of @k's, NULL without room (counted). */
struct cl_call *cl_call__new(struct flow_calls *c, struct cl_conn *k, const struct flow_event *ev,
			     const struct cl_owner *owner);
void cl_call__append(struct cl_conn *k, struct cl_call *call);
/* Takes it off its connection; hands it out unless its request will. */
void cl_call__end(struct flow_calls *c, struct cl_call *call, enum call_outcome outcome,
		  uint64_t end_ns);
/* Ends those calls of @k that have an answer of which nothing tells the end. */
void cl_conn__settle(struct flow_calls *c, struct cl_conn *k);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests: the state machine from flow events to finished requests with their latency
 * breakdown. One object serves all targets of a session or capture.
 */
#ifndef LOOPRAY_FLOW_REQUEST_H
#define LOOPRAY_FLOW_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "events.h"
#include "flow_event.h"

enum flow_req_end {
	REQ_IN_FLIGHT,	    /* not ended when the capture did */
	REQ_COMPLETE,	    /* whole response sent */
	REQ_ABORTED_PEER,   /* the client went away before the response was complete */
	REQ_ABORTED_SERVER, /* the process closed the connection before it was complete */
	REQ_UPGRADED,	    /* 101, or 2xx to CONNECT: the connection left HTTP */
	REQ_LOST,	    /* its end was not seen because records were lost */
};

/* Why a request is marked incomplete (bits). */
#define REQ_INC_LOSS   (1u << 0) /* records of its thread or connection were lost */
#define REQ_INC_GAP    (1u << 1) /* bytes of it were not seen */
#define REQ_INC_ATTACH (1u << 2) /* it had begun before the attach, or the file */

/* Nanoseconds; queue + cpu + loop_busy + wait == end - start exactly, when known. */
struct flow_breakdown {
	bool known;	    /* false: the loop's idle time could not be read */
	uint64_t queue;	    /* in the socket and behind other callbacks, before its head was read */
	uint64_t cpu;	    /* the loop worked for it */
	uint64_t loop_busy; /* it was ready or waiting while the loop worked for others */
	uint64_t wait;	    /* the loop was idle: its own async work was pending */
};

/*
 * What a request waited for: a part of its latency each, and all of it together. See the essay in
 * flow_request_wait.c.
 */
enum flow_wait {
	WAIT_QUEUE,   /* in the socket or the accept queue, until its head was read */
	WAIT_CPU,     /* its own callbacks, on a CPU */
	WAIT_LOOP,    /* it was ready, and the loop worked for others */
	WAIT_GC,      /* garbage collection in its callbacks, or while it was ready */
	WAIT_SCHED,   /* the thread could run and had no CPU, then */
	WAIT_BLOCKED, /* its own callback blocked the thread: neither on a CPU nor waiting for one
		       */
	WAIT_DNS,     /* getaddrinfo, getnameinfo */
	WAIT_CONNECT, /* connections being established */
	WAIT_CALL,    /* outgoing calls, sent until (more of) the answer was there */
	WAIT_SOCKET,  /* queued for a pooled connection that served another request */
	WAIT_FS,      /* file operations in the thread pool */
	WAIT_CRYPTO,
	WAIT_ZLIB,
	WAIT_POOL,	 /* any other job of the thread pool */
	WAIT_POOL_QUEUE, /* a job waited for a thread of the pool */
	WAIT_TIMER,	 /* a timer of JavaScript came due */
	WAIT_CLIENT,	 /* the rest of the request came from its client */
	WAIT_OTHER,	 /* nothing of it that is known was pending */
	WAIT_KINDS
};

/* What a request waited for: see enum flow_wait. */
struct flow_waits {
	bool known;
	uint64_t ns[WAIT_KINDS]; /* their sum is end - start exactly */
};

#define FLOW_BLOCKERS 3

/* A request whose callbacks held the loop while this one was ready, or waited in its socket. */
struct flow_blocker {
	uint64_t conn;
	uint64_t seq; /* in the same environment */
	uint64_t ns;
};

struct flow_finding; /* flow_mismatch.h */
struct flow_call;    /* flow_call.h */

struct flow_req {
	uint32_t pid;
	uint32_t tid;
	uint32_t env;
	uint64_t seq;	   /* number in its environment, from 1 */
	uint64_t conn;	   /* see flow_conn__number */
	uint32_t conn_seq; /* number on its connection, from 1 */
	uint16_t family;
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t peer_addr[16];
	const char *method;	/* "GET" */
	const char *path;	/* without query; never NULL */
	const char *route;	/* path with variable segments replaced, e.g. "/users/:id" */
	uint8_t version;	/* 10, 11, FLOW_VERSION_H2 */
	bool tls;		/* HTTPS: bytes are those inside of TLS */
	bool before;		/* it came before the input began, see FE_F_BEFORE */
	uint16_t status;	/* 0: no response head seen */
	uint64_t start_ns;	/* arrival in the socket; recv_ns if that is unknown */
	uint64_t recv_ns;	/* head read by the process */
	uint64_t first_byte_ns; /* first byte of the response sent, 0 none */
	uint64_t end_ns;   /* last byte of the response sent, or the abort; 0 in flight or lost */
	uint64_t bytes_in; /* head and body; HTTP/2: body */
	uint64_t bytes_out;
	struct flow_breakdown breakdown;
	struct flow_waits waits;
	struct flow_blocker blocker[FLOW_BLOCKERS]; /* the longest first; ns 0: no more */
	enum flow_req_end end;
	uint32_t incomplete;	    /* REQ_INC_* */
	uint32_t resources_created; /* async resources attributed to it, level resources */
	uint32_t resources_alive;   /* of those, not destroyed when it ended */
	uint8_t context;	    /* enum request_context of flow_mismatch.h */
	uint8_t unknown;	    /* enum context_unknown */
	const struct flow_finding *findings;
	uint32_t nfindings;
	const struct flow_call *const *calls; /* that ended by its end, in order of start */
	uint32_t ncalls;
	uint32_t calls_open;	      /* issued, and not ended when it was: told of apart */
	uint32_t calls_not_kept;      /* beyond what is kept of one request */
	const struct flow_kept *kept; /* headers; NULL none */
};

/* What is kept of a request's headers: its trace context, and those that the user named. */
struct flow_kept {
	struct fe_trace trace;
	const char *tracestate; /* NULL none */
	uint32_t n;
	struct {
		const char *name;
		const char *value;
	} header[FE_HEADERS_MAX];
};

#define FLOW_ENV_UNKNOWN UINT32_MAX /* env of a thread that nothing was said about */

/* By what a turn of the loop began. */
enum flow_turn {
	TURN_UNKNOWN,
	TURN_REQUEST, /* a receive from a client, or what a request had issued is done */
	TURN_TIMERS,
	TURN_IMMEDIATES,
	TURN_ASYNC, /* another thread woke the loop */
	TURN_KINDS
};

const char *flow_turn__name(enum flow_turn kind);

#define FLOW_PAYERS	5
#define FLOW_LABEL_PATH 96

struct flow_payer {
	uint64_t conn;
	uint64_t seq;
	uint64_t ns; /* that it was kept waiting */
	const char *method;
	char path[FLOW_LABEL_PATH]; /* cut */
};

/* Something held the loop for too long without a break. */
struct flow_blocking {
	uint32_t pid;
	uint32_t env;
	uint64_t start_ns;
	uint64_t duration_ns; /* of which: */
	uint64_t gc_ns;
	uint64_t sched_ns;
	uint64_t blocked_ns;
	uint8_t by; /* enum flow_turn */
	uint64_t conn;
	uint64_t seq;	    /* the request that did it, 0 none that is known */
	const char *method; /* of that request, NULL */
	const char *route;
	char path[FLOW_LABEL_PATH];
	uint64_t paid; /* requests that were ready meanwhile, or waited in their sockets */
	uint64_t paid_ns;
	uint32_t npayers;
	struct flow_payer payer[FLOW_PAYERS]; /* who paid most, the most first */
};

struct flow_requests;

/*
 * @done is called once for every request when it is over (or, from flow_requests__finish,
 * still in flight). The request and its strings are valid only during the call.
 */
struct flow_requests_opts {
	void (*done)(void *ctx, const struct flow_req *req);
	/* NULL: nobody wants to know. */
	void (*blocking)(void *ctx, const struct flow_blocking *b);
	uint64_t blocking_ns; /* how long is too long */
	void *ctx;
	uint32_t max_connections; /* bound on state kept; beyond it the oldest idle one goes */
	uint32_t max_in_flight;
};

int flow_requests__new(struct flow_requests **out, const struct flow_requests_opts *opts);
void flow_requests__free(struct flow_requests *r);

/* Feeds one event. 0, or -ENOMEM. */
int flow_requests__event(struct flow_requests *r, const struct flow_event *ev);

/* The input has ended at @ts: hands out what is still in flight. */
void flow_requests__finish(struct flow_requests *r, uint64_t ts);

uint64_t flow_requests__in_flight(const struct flow_requests *r);

/*
 * Calls @fn for every request in flight, in the order of their heads, with what is known of it so
 * far: its waits and its breakdown as of the last operation of its response, not known before. As
 * valid as in done, and @fn feeds nothing.
 */
void flow_requests__each_in_flight(const struct flow_requests *r,
				   void (*fn)(void *ctx, const struct flow_req *req), void *ctx);

/*
 * What held a loop for too long and is not handed out yet, for requests that paid for it may still
 * end.
 */
void flow_requests__each_held(const struct flow_requests *r,
			      void (*fn)(void *ctx, const struct flow_blocking *b), void *ctx);

/*
 * The request that this connection is serving now (head read, response not complete), or
 * NULL; also NULL while several are (pipelining): the bytes do not say which one is worked on.
 */
const struct flow_req *flow_requests__current(const struct flow_requests *r, uint64_t conn);

/* The request whose response is sent next on this connection; NULL: none, or one not seen. */
const struct flow_req *flow_requests__answering(const struct flow_requests *r, uint64_t conn);

/* The request in flight whose head this connection delivered last, or NULL. */
const struct flow_req *flow_requests__newest(const struct flow_requests *r, uint64_t conn);

/* Whether the client of this connection has sent a request before it had the response to another.
 */
bool flow_requests__pipelines(const struct flow_requests *r, uint64_t conn);

/* Names a request, also after its end. */
struct flow_req_ref {
	uint32_t pid;
	uint32_t env;
	uint64_t seq; /* 0: none */
	uint64_t conn;
};

static inline bool flow_req_ref__same(const struct flow_req_ref *a, const struct flow_req_ref *b)
{
	return a->seq == b->seq && a->conn == b->conn;
}

/*
 * The request whose head this connection delivered last, ended or not. False if there is none
 * or if several heads came in one receive, so that what runs then may be for any of them.
 */
bool flow_requests__latest(const struct flow_requests *r, uint64_t conn, struct flow_req_ref *ref);

/* Adds to resources_created and resources_alive of a request, if it has not ended yet. */
void flow_requests__count_resource(struct flow_requests *r, const struct flow_req_ref *ref,
				   int created, int alive);

/* Whether it has not ended yet. */
bool flow_requests__in_progress(const struct flow_requests *r, const struct flow_req_ref *ref);

/*
 * Whether it has ended, though it was not handed out yet: the first of a connection that was not
 * seen open waits for what comes next. Then @end_ns is when.
 */
bool flow_requests__ended(const struct flow_requests *r, uint64_t conn, uint64_t seq,
			  uint64_t *end_ns);

const char *flow_wait__name(enum flow_wait kind);

/*
 * A turn of the loop begins on the thread of @ev: what runs from here on is no longer the work of
 * what ran before. @ref: the request it is for, NULL nobody known.
 */
void flow_requests__turn(struct flow_requests *r, const struct flow_event *ev,
			 const struct fe_clock *clock, enum lr_turn_kind kind, uint64_t due_ns,
			 const struct flow_req_ref *ref);

/* At @ev a request's own code runs: it issued something. Belongs to the turn that has begun before.
 */
void flow_requests__worked(struct flow_requests *r, const struct flow_event *ev,
			   const struct fe_clock *clock, const struct flow_req_ref *ref);

/* Whether the turn of the loop that began at @ts is still going on, as far as it is known. */
bool flow_requests__in_turn(const struct flow_requests *r, uint32_t pid, uint32_t tid, uint64_t ts);

/*
 * A request has waited for an operation of its own from @from to @until; @from 0: ever since it
 * last ran. To be told before the turn that goes on with it.
 */
void flow_requests__waited(struct flow_requests *r, const struct flow_req_ref *ref,
			   enum flow_wait kind, uint64_t from, uint64_t until);

/* State that was given up because a bound was reached; each also marks what it affects. */
struct flow_requests_overflow {
	uint64_t connections;	   /* dropped with requests in flight: those end as REQ_LOST */
	uint64_t idle_connections; /* dropped without: their conn_seq starts again */
	uint64_t requests;	   /* not followed because max_in_flight was reached */
	uint64_t threads;	   /* not followed: no breakdown */
	uint64_t routes;	   /* paths counted under "(other)" */
};
void flow_requests__overflow(const struct flow_requests *r, struct flow_requests_overflow *o);

#endif

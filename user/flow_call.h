/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Outgoing calls: what the process asked of others, how long that took, and for which request.
 * The rules are at the head of flow_call.c.
 */
#ifndef LOOPRAY_FLOW_CALL_H
#define LOOPRAY_FLOW_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_loop.h"
#include "flow_mismatch.h"
#include "flow_request.h"

enum call_kind {
	CALL_OTHER,
	CALL_HTTP,
	CALL_HTTPS,
	CALL_POSTGRESQL,
	CALL_MYSQL,
	CALL_REDIS,
	CALL_KINDS
};

enum call_outcome {
	CALL_OPEN, /* not ended when the observation was */
	CALL_OK,
	CALL_ERROR,   /* an operation failed, or the connection could not be established */
	CALL_ABORTED, /* the process closed the connection before the answer was complete */
	CALL_CLOSED,  /* the other side did */
	CALL_LOST,    /* records were lost: its end is not known */
	CALL_OUTCOMES
};

/* By what a call is known to be a request's. */
enum call_by {
	CALL_BY_NOTHING, /* see unknown */
	CALL_BY_STORE,	 /* the store that was active when it was sent is the request's */
	CALL_BY_LOOP,	 /* it was sent in the turn of the loop that read the request */
	CALL_BYS
};

enum call_unknown {
	CALL_UNKNOWN_NOT,
	CALL_UNKNOWN_TURN,    /* no store was active, in a turn of the loop that is no request's */
	CALL_UNKNOWN_SLEPT,   /* the same, but the thread slept since it read a request */
	CALL_UNKNOWN_SEVERAL, /* several requests came in one receive */
	CALL_UNKNOWN_STORE,   /* whose the active store is cannot be told */
	CALL_UNKNOWN_CONTRADICT, /* active stores are of different requests */
	CALL_UNKNOWN_CONNECTION, /* the store is of the request that opened the connection, which
				    may be the context that a pool works in */
	CALL_UNKNOWN_ROUTE,  /* nothing shows that requests of the store's route have their own */
	CALL_UNKNOWN_READ,   /* the active stores could not be read */
	CALL_UNKNOWN_PROBES, /* a probe on turns of the loop is not there */
	CALL_UNKNOWN_LOSS,
	CALL_UNKNOWNS
};

#define CALL_PATH_MAX 256

struct flow_call {
	uint32_t pid;
	uint32_t tid;
	uint64_t conn;
	uint16_t family;
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t peer_addr[16];
	uint8_t kind;		     /* enum call_kind */
	uint8_t outcome;	     /* enum call_outcome */
	uint8_t by;		     /* enum call_by */
	uint8_t unknown;	     /* enum call_unknown */
	uint8_t store;		     /* CALL_UNKNOWN_STORE: enum context_unknown */
	struct flow_req_ref request; /* seq 0: unknown */
	bool late;		     /* issued when the response had been sent */
	bool outlived;		     /* issued before, ended after */
	bool reused;		     /* the connection was there before */
	bool approximate;	     /* calls overlapped on the connection: its end is not exact */
	bool setup;		     /* only log-in or handshake */
	uint8_t version;	     /* 10, 11; 0 */
	uint16_t status;	     /* 0 unknown, or not HTTP */
	int32_t error;		     /* errno */
	char method[16];
	char path[CALL_PATH_MAX]; /* without query; cut */
	struct fe_trace trace;	  /* of its traceparent header */
	/* CLOCK_MONOTONIC, nanoseconds. */
	uint64_t start_ns; /* connect() for the first call of a connection, else its first send */
	uint64_t sent_ns;  /* first send, 0 none */
	uint64_t first_byte_ns;
	uint64_t end_ns;     /* 0 open */
	uint64_t connect_ns; /* duration, 0: no connection was established for it */
	uint64_t tls_ns;     /* duration from first handshake record to first data, 0 none */
	uint64_t bytes_out;
	uint64_t bytes_in;
	uint32_t sends; /* before an answer came */
	uint32_t round_trips;
};

const char *call_kind__name(uint8_t kind);
const char *call_outcome__name(uint8_t outcome);
const char *call_by__name(uint8_t by);
const char *call_unknown__name(uint8_t unknown);
/* Why a turn of the loop tells of no request. */
enum call_unknown call_unknown__of_loop(enum loop_is is);
/* Of one that is not known and not ISSUER_NONE. */
enum call_unknown call_unknown__of_issuer(const struct flow_issuer *is);
/* It failed, or was answered with a status from 400 on. */
bool flow_call__failed(const struct flow_call *c);

struct flow_calls;

struct flow_calls_opts {
	struct flow_requests *requests;
	struct flow_mismatch *mismatch;
	const struct flow_loops *loops;
	/* A call that belongs to no request that is handed out with it: late, outlived, unknown. */
	void (*done)(void *ctx, const struct flow_call *call);
	void *ctx;
};

int flow_calls__new(struct flow_calls **out, const struct flow_calls_opts *opts);
void flow_calls__free(struct flow_calls *c);

/* After requests, stores and loops have got the event. 0 or -ENOMEM. */
int flow_calls__event(struct flow_calls *c, const struct flow_event *ev);

/*
 * A request is over: fills in its calls, ordered by start, good until flow_calls__release. What it
 * still waits for comes later.
 */
void flow_calls__request(struct flow_calls *c, struct flow_req *req);
void flow_calls__release(struct flow_calls *c);

/*
 * As of now, the calls of requests that are in progress, ended or not, in no order; and, as a call
 * of which nothing was sent, a connection that such a request opens. Where the end of an answer
 * cannot be told from its bytes, it ends with the last that came.
 */
void flow_calls__each_in_progress(const struct flow_calls *c,
				  void (*fn)(void *ctx, const struct flow_call *call), void *ctx);

/* The input has ended: hands out what is open. */
void flow_calls__finish(struct flow_calls *c);

/* Calls that were not kept because a bound was reached. */
uint64_t flow_calls__overflow(const struct flow_calls *c);

#endif

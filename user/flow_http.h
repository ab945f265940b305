/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1 framing of one connection, both directions, on what was captured of each receive
 * and send. Turns operations into FE_IN and FE_OUT events. The rules are at the head of
 * flow_http.c.
 */
#ifndef LOOPRAY_FLOW_HTTP_H
#define LOOPRAY_FLOW_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

#define FLOW_HTTP_HEAD_MAX (64u << 10) /* bytes of one head; beyond that it is not HTTP */
#define FLOW_HTTP_TAIL	   8	       /* last bytes of a send that are known */
#define FLOW_HTTP_DEPTH	   8192	       /* unanswered requests of one connection */

/* What all connections share. @held bounds the bytes kept of heads that are not complete. */
struct flow_http_shared {
	struct flow_sink sink;
	size_t held;
	size_t held_max;
	uint64_t bad;  /* connections whose bytes stopped being HTTP/1 */
	uint64_t gaps; /* times that a direction got out of step */
	uint64_t
		unanswered_full; /* connections given up at FLOW_HTTP_DEPTH or for lack of memory */
	uint64_t value_key;	 /* of flow_value__hash */
	/* Filled by http_keep__prepare. */
	const struct flow_keep_names *keep; /* NULL none */
	uint32_t keep_letters;		    /* bit n: a kept name begins with this letter */
	bool keep_any;			    /* or with something else */
	/* Ids of a response head that is about to be reported, their number; NULL: none. @sink.ctx
	 */
	uint32_t (*response_ids)(void *ctx, uint64_t ids[FE_IDS_MAX]);
};

/* One receive or send. The facts are copied; data comes by flow_http__data. */
struct flow_http_op {
	uint64_t conn;
	uint64_t ts;
	uint64_t arrival_ns; /* receive only, 0 unknown */
	struct fe_clock clock;
	uint32_t pid;
	uint32_t tid;
	uint32_t flags; /* FE_F_SLEPT, FE_F_TLS */
	uint32_t total; /* bytes of the operation, captured or not */
	uint64_t top;	/* receive only, as in fe_io */
	int64_t counter;
	uint32_t epoch;
	bool out;   /* a send */
	bool first; /* nothing went over this connection before */
	bool has_tail;
	uint8_t tail[FLOW_HTTP_TAIL];
};

enum http_role {
	HTTP_ROLE_UNKNOWN,
	HTTP_ROLE_SERVER, /* the process answers requests: the only role that gives events */
	HTTP_ROLE_CLIENT, /* the process makes them */
	HTTP_ROLE_OPAQUE, /* upgraded, or given up */
};

/* A growing byte string, charged to flow_http_shared.held. */
struct http_text {
	char *s;
	uint32_t len;
	uint32_t cap;
};

/* What a head says, filled line by line. */
struct http_head {
	uint64_t content_length;
	uint32_t flags; /* HH_* of flow_http_int.h */
	uint16_t status;
	uint8_t method;		 /* enum flow_method */
	uint8_t version;	 /* 9, 10, 11, 20 */
	const char *method_name; /* static */
	uint32_t nids;		 /* of a request: hashes of values that name it, see fe_io */
	uint64_t ids[FE_IDS_MAX];
	uint8_t id_len[FE_IDS_MAX];
};

/* One direction. */
struct http_dir {
	struct http_head head;
	struct http_text line; /* beginning of a line whose end is not there yet */
	uint64_t remaining;    /* bytes of the body or chunk still to come */
	uint32_t head_bytes;
	uint32_t pending; /* FE_F_* of the next event of this message */
	uint8_t state;	  /* enum http_state of flow_http_int.h */
	bool open;	  /* a message has begun (its head is complete) and not ended */
	bool suspect;	  /* records were lost since this direction was last known to be in step */
};

/* State of one connection. Everything in here is private to flow_http*.c. */
struct flow_http {
	struct flow_http_shared *shared;
	struct http_dir dir[2]; /* 0 receives, 1 sends */
	struct http_text path;
	struct http_kept *kept;	      /* of a request head that is being read; NULL nothing */
	struct flow_http_op op;	      /* the operation being worked on, or the last one */
	struct flow_http_op last_out; /* the last send that gave an event */
	uint32_t fed;		      /* bytes of op handed in by flow_http__data */
	uint32_t pos;		      /* bytes of op worked through */
	uint32_t mark;		      /* where in op the part of the current message begins */
	uint8_t last[FLOW_HTTP_TAIL]; /* last bytes fed */
	uint8_t role;		      /* enum http_role */
	bool active;		      /* op is not finished */
	bool pipelined; /* a request began while an earlier one had no full response */
	bool long_path;
	bool masked;
	/* Unanswered requests, oldest first: enum http_kind. A ring; @cap is a power of two. */
	uint8_t *kinds;
	uint32_t kinds_cap;
	uint32_t kinds_head;
	uint32_t kinds_count;
	uint8_t kinds_inline[8];
	int error; /* first error of the sink */
};

void flow_http__init(struct flow_http *h, struct flow_http_shared *shared);
void flow_http__destroy(struct flow_http *h);

/*
 * One operation is begin, data (any number of times, in order, from its first byte on), end.
 * begin finishes an operation that was left open. All return 0 or the sink's -errno.
 */
int flow_http__begin(struct flow_http *h, const struct flow_http_op *op);
int flow_http__data(struct flow_http *h, const void *data, uint32_t len);
int flow_http__end(struct flow_http *h);

/* A receive that returned 0, or an operation that failed with @error (positive errno). */
int flow_http__eof(struct flow_http *h, const struct flow_http_op *op);
int flow_http__failed(struct flow_http *h, const struct flow_http_op *op, int error);

/* Of TLS: what was sent by earlier operations goes to the socket now, @op->total bytes of records.
 */
int flow_http__sent(struct flow_http *h, const struct flow_http_op *op);

/* The connection ends: a response that only its end delimits is complete if the process did it. */
int flow_http__close(struct flow_http *h, bool by_peer);

struct flow_keep_names;
/* Which headers are kept beside the trace context: @names, which stay the caller's; NULL none. */
void http_keep__prepare(struct flow_http_shared *shared, const struct flow_keep_names *names);

/* The trace id in a value of the header traceparent: 32 characters; NULL: it is none. */
const char *flow_http__trace_id(const char *p, size_t n);

/* Records of this connection may have been lost since its last operation. */
void flow_http__lost(struct flow_http *h);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow event: what happened, after decoding and HTTP framing and without any byte of a
 * body or header that is not needed. This is the one stream that feeds the correlator, live
 * (flow_http makes it) and on replay (out_capture reads it back), so that both give the same
 * findings. Query strings are already cut off or masked here.
 *
 * Strings point into memory of the producer and are valid only during the call.
 * Times are CLOCK_MONOTONIC nanoseconds of the recording machine.
 */
#ifndef LOOPRAY_FLOW_EVENT_H
#define LOOPRAY_FLOW_EVENT_H

#include <stdbool.h>
#include <stdint.h>

struct flow_str {
	const char *s; /* not NUL terminated */
	uint32_t len;
};

enum flow_event_type {
	FE_TARGET = 1,	   /* a process is being observed */
	FE_TARGET_END = 2, /* it exited or was detached from */
	FE_PROVIDER = 3,   /* name of one resource type of a target */
	FE_THREAD = 4,	   /* a thread that runs JavaScript: an environment */
	FE_CONN = 5,
	FE_IN = 6,    /* bytes received for (part of) one request */
	FE_OUT = 7,   /* bytes sent for (part of) one response */
	FE_CLOSE = 8, /* connection ended */
	FE_INIT = 9,
	FE_DESTROY = 10,
	FE_SCOPE = 11,
	FE_GC = 12,
	FE_LOOP = 13,	 /* periodic sample of an event loop */
	FE_PROBE = 14,	 /* coverage of one probe */
	FE_LOSS = 15,	 /* records or state lost since the last such event */
	FE_COUNTER = 16, /* final value of one named counter */
	FE_TURN = 17,	 /* the loop turned to something that is no receive */
	FE_STORES = 18,	 /* the stores active at an operation */
	FE_STORE = 19,	 /* what a store holds */
	FE_TIMERS = 20,	 /* periodic sample of an environment's timers and immediates */
	FE_WRITE = 21,	 /* bytes written that are no response: a log line, an outgoing call */
	FE_PEER = 22,	 /* a connection that the process opened */
	FE_CLIENT = 23,	 /* an operation on one */
	FE_HEADERS = 24, /* headers of a request that are kept */
	FE_JOB = 25,	 /* a job of the thread pool */
	FE_PULSE = 26,	 /* what an event loop was at, at one moment */
	FE_TENURED = 27, /* a callback allocated objects in the old space */
	FE_SERVICE = 28, /* what a target is called by those who run it */
	FE_TYPE_MAX
};

enum flow_method {
	FM_UNKNOWN,
	FM_GET,
	FM_HEAD,
	FM_POST,
	FM_PUT,
	FM_DELETE,
	FM_CONNECT,
	FM_OPTIONS,
	FM_TRACE,
	FM_PATCH,
	FM_OTHER /* any other token llhttp accepts: see name */
};

/* FE_TARGET */
struct fe_target {
	uint64_t start_time;	 /* clock ticks since boot, field 22 of /proc/PID/stat */
	struct flow_str version; /* "22.21.1", empty if unknown */
	struct flow_str context; /* "async_hooks", "acf", "none" or "unknown" */
	struct flow_str linked;	 /* "static" or "libnode" */
	struct flow_str exe;
	struct flow_str level; /* "requests" or "resources" */
};

/* FE_SERVICE: each empty if it is not known. See target_service.h. */
struct fe_service {
	struct flow_str name;
	struct flow_str version;
	struct flow_str script; /* absolute, as the process has it */
};

#define FE_CLOCK_IDLE (1u << 0) /* idle_ns is known */
#define FE_CLOCK_CPU  (1u << 1) /* cpu_ns and delay_ns are */

/*
 * Clocks of the event's thread. Each counts from a beginning of its own: only what lies between two
 * events means something.
 */
struct fe_clock {
	uint8_t has;	  /* FE_CLOCK_* */
	uint64_t idle_ns; /* the loop has waited in its poll */
	uint64_t cpu_ns;  /* the thread was on a CPU: from one event to another with the same cpu */
	uint64_t ran_ns;  /* the same from any to any, but a tick of the kernel off */
	uint32_t cpu;	  /* LR_CLOCK_EVERY_CPU where that is right from any to any */
	uint64_t delay_ns; /* it could run, and the scheduler had no CPU for it */
};

/* FE_PROVIDER */
struct fe_provider {
	uint32_t number;
	struct flow_str name;
};

/* FE_THREAD: env 0 is the main thread, workers count from 1 in order of first sight. */
struct fe_thread {
	uint32_t env;
	uint64_t env_addr; /* node::Environment, 0 unknown */
	bool ended;
};

/*
 * A connection's number. A stream of HTTP/2 counts as a connection of its own that carries one
 * request: the number of its connection is in the lower half, its own in the upper, which is 0
 * otherwise.
 */
static inline uint64_t flow_conn__number(uint64_t conn)
{
	return conn & UINT32_MAX;
}

static inline uint32_t flow_conn__stream(uint64_t conn)
{
	return (uint32_t)(conn >> 32);
}

/* FE_CONN */
struct fe_conn {
	uint64_t conn;
	uint16_t family; /* enum lr_family */
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t local_addr[16];
	uint8_t peer_addr[16];
	bool seen_open; /* false: it was there before the attach */
};

#define FE_F_HEAD    (1u << 0) /* a message head begins here: method, path, status... are set */
#define FE_F_END     (1u << 1) /* the message ends with this event */
#define FE_F_INFO    (1u << 2) /* OUT: an informational (1xx) head, the response is still to come */
#define FE_F_UPGRADE (1u << 3) /* the connection stops being HTTP/1 after this */
#define FE_F_EOF     (1u << 4) /* IN: the peer ended its side (GAP: perhaps in a message) */
#define FE_F_GAP     (1u << 5) /* bytes were not seen: framing was resumed at a guess-free point */
#define FE_F_LENGTH  (1u << 6) /* content_length is set */
#define FE_F_CHUNKED (1u << 7)
#define FE_F_CLOSE \
	(1u << 8) /* the message says "Connection: close" or is HTTP/1.0 without keep-alive */
#define FE_F_SLEPT (1u << 10) /* the thread slept since its previous record */
/* IN: the bytes are not HTTP/1, a 400 will follow; with HEAD: they were behind a request line */
#define FE_F_BAD    (1u << 11)
#define FE_F_MASKED (1u << 12) /* path had a query that was cut off */
#define FE_F_PART   (1u << 13) /* bytes of a head that is not complete yet */
/*
 * IN with HEAD: records were lost before this head, and every earlier request of the
 * connection that has not ended by now ended unseen.
 */
#define FE_F_RESYNC (1u << 14)
#define FE_F_LONG   (1u << 15) /* path is longer than FLOW_PATH_MAX and was cut there */

#define FE_F_TLS (1u << 16) /* the connection speaks TLS: bytes are those inside of it */
/*
 * OUT, with TLS: what was told before as sent goes to the socket now, at least in part; @bytes are
 * those of TLS records. A response has ended when that many bytes of its connection are gone.
 */
#define FE_F_SENT (1u << 17)

/*
 * Told again, at the beginning of a stream that begins in the midst of things, see flow_state.h.
 * With HEAD: the head of a request in flight with all bytes of it so far (END: it is whole), or
 * of the response to the request told last on this connection (GAP: to one that was not seen).
 * OUT without HEAD: the last send for that request, with all bytes sent behind the head. IN with
 * PART: what came of a head so far, and with EOF: the peer has ended its side.
 */
#define FE_F_BEFORE (1u << 18)

#define FLOW_PATH_MAX 2048 /* bytes of a path that are kept */

/*
 * FE_IN and FE_OUT. A receive that holds several pipelined requests gives several events
 * with the same time; @bytes are those of this operation that belong to this message.
 * An OUT event with END and no bytes says that the response had ended with the send at its
 * time stamp, which lies before the events around it: this was learned only later.
 */
#define FE_IDS_MAX 6

#define FLOW_VERSION_H2 20 /* fe_io.version */

struct fe_io {
	uint64_t conn;
	uint64_t arrival_ns; /* IN: when the bytes arrived in the socket, 0 unknown */
	struct fe_clock clock;
	uint32_t bytes;
	int32_t error;	/* 0 or positive errno: the operation failed (ECONNRESET, EPIPE) */
	uint32_t flags; /* FE_F_* */
	uint8_t method; /* enum flow_method, IN with HEAD */
	/* 10, 11, or FLOW_VERSION_H2: an OUT event with HEAD then is the head as the program
	 * hands it in, without bytes; its first bytes go out with the next event. */
	uint8_t version;
	uint16_t status; /* OUT with HEAD */
	uint64_t content_length;
	struct flow_str method_name; /* IN with HEAD, e.g. "PROPFIND" */
	struct flow_str path;	     /* IN with HEAD: target without its query */
	uint64_t top;		     /* IN: as in fe_turn */
	int64_t counter;	     /* IN: the last async id given out so far, 0 unknown */
	uint32_t epoch;
	uint32_t nids; /* with HEAD */
	/*
	 * flow_value__hash of ids in the head. IN: values of headers that name a request
	 * (x-request-id and its kin, the trace id of traceparent). OUT: values of stores seen so
	 * far that occur in the captured bytes.
	 */
	uint64_t ids[FE_IDS_MAX];
	uint8_t id_len[FE_IDS_MAX]; /* IN: characters of each; live only, in no capture */
};

/* FE_CLOSE */
struct fe_close {
	uint64_t conn;
	bool by_peer; /* reset or closed by the other side */
};

#define FE_RES_IDS  (1u << 0)
#define FE_RES_EXEC (1u << 1)
#define FE_RES_TYPE (1u << 2)

/* FE_INIT, FE_DESTROY: ids are whole numbers; -1 where the flag is not set. */
struct fe_resource {
	uint32_t env;
	uint32_t provider; /* number, see FE_PROVIDER */
	int64_t async_id;
	int64_t trigger_id;
	int64_t exec_id; /* execution async id at that moment */
	int64_t counter; /* async id counter at that moment */
	uint64_t conn;	 /* connection last received from in this wake-up of the thread, 0 none */
	uint32_t flags;	 /* FE_RES_* */
};

/* FE_SCOPE: a native callback scope ended ("after"); it began at or after the event before it. */
struct fe_scope {
	uint32_t env;
	int64_t async_id; /* 0: a scope without a resource */
	int64_t trigger_id;
	int64_t counter;
	uint64_t conn;
};

/* FE_GC */
struct fe_gc {
	uint32_t env;
	uint64_t duration_ns; /* 0: only the start is known */
	uint8_t kind;	      /* 0 scavenge (new space), 1 mark-compact, 255 unknown */
	uint64_t top;	      /* as in fe_turn, after the collection */
	uint32_t epoch;	      /* that begins with its end; 0: not known */
};

/*
 * FE_TURN. What the thread allocates from here on is no longer the work of the receive before.
 * Objects in one epoch (the time between two collections) keep their addresses.
 */
struct fe_turn {
	/* where young objects are allocated next, as LR_TOP_ADDR; 0: unknown, or no receive open */
	uint64_t top;
	uint32_t epoch;
	uint8_t kind; /* enum lr_turn_kind */
	struct fe_clock clock;
	uint64_t due_ns; /* timers: when the first was due, 0 unknown */
};

/*
 * FE_TENURED. What the callback that runs has allocated in V8's old space, [begin, end). Objects
 * there keep their addresses until a collection that is no scavenge.
 */
struct fe_tenured {
	uint64_t begin;
	uint64_t end;
	uint32_t epoch; /* as in fe_turn */
	bool area;	/* in a new piece of memory: something may have come before */
	bool rest;	/* the rest of one, perhaps not all of it: of this callback only */
};

/* enum lr_value_kind of events.h is used for kinds of values. */
struct fe_store_ref {
	uint64_t value; /* names the store within its epoch */
	uint32_t instance;
	uint8_t kind;
};

#define FE_STORES_MAX 8

/* FE_STORES: comes right before the FE_OUT or FE_WRITE of the operation, with its time. */
struct fe_stores {
	uint32_t env;
	uint64_t conn; /* 0: a socket that is not followed */
	uint64_t top;
	uint64_t carrier; /* the frame or resource that brought them here, tagged; 0 unknown */
	uint32_t epoch;
	int64_t exec_id; /* -1 unknown */
	int64_t trigger_id;
	uint8_t op;	/* enum lr_store_op */
	uint8_t status; /* enum lr_store_status */
	bool hooks;	/* async_hooks, else AsyncContextFrame */
	bool more;	/* there are more instances than refs */
	bool promise;	/* none is active, and it is a promise that goes on */
	uint32_t n;
	struct fe_store_ref ref[FE_STORES_MAX];
};

/* One readable field of a store. The value itself stays out unless the user asked for it. */
struct fe_store_field {
	struct flow_str name;
	uint64_t hash; /* flow_value__hash of the value */
	uint32_t len;  /* of a string: characters */
	uint8_t kind;
	bool constant;	      /* was never assigned again */
	bool cut;	      /* the hash is of the beginning only */
	bool span;	      /* an id of the span in an OpenTelemetry Context */
	struct flow_str text; /* with --show-values; else empty */
};

/* FE_STORE */
struct fe_store {
	uint32_t env;
	uint64_t value;
	uint32_t instance;
	uint32_t epoch;
	uint8_t kind;
	bool more;
	bool born; /* not seen active: found where a request's callback allocated */
	uint32_t n;
	const struct fe_store_field *fields;
};

/* FE_WRITE: of standard output or error, or of a socket that serves no requests. */
struct fe_write {
	uint64_t conn;	/* as in fe_stores; 0 for lines */
	uint32_t bytes; /* written */
	uint32_t captured;
	uint8_t op; /* enum lr_store_op */
	bool fault; /* captured is less than it should be: a read failed */
	uint32_t nids;
	uint64_t ids[FE_IDS_MAX]; /* as in fe_io: what stores or request heads were seen to hold */
	struct flow_str text;	  /* the captured bytes: live only, in no capture */
};

/* FE_PEER: told again when more is known of it. */
struct fe_peer {
	uint64_t conn;
	uint16_t family; /* enum lr_family */
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t local_addr[16];
	uint8_t peer_addr[16];
};

/* A traceparent header of W3C Trace Context that is valid. */
struct fe_trace {
	bool known;
	uint8_t flags;
	uint8_t trace_id[16];
	uint8_t span_id[8];
};

#define FE_CL_FIRST   (1u << 0) /* SEND: the first one, and the connection's beginning was seen */
#define FE_CL_HEAD    (1u << 1) /* an HTTP/1 head begins here */
#define FE_CL_TLS     (1u << 2) /* begins as a TLS record of the handshake, or an alert */
#define FE_CL_DATA    (1u << 3) /* begins as a TLS record of data */
#define FE_CL_SETUP   (1u << 4) /* a database's client logs in */
#define FE_CL_SLEPT   (1u << 5) /* work is 0 because the thread slept in between */
#define FE_CL_LENGTH  (1u << 6) /* HEAD: content_length is set */
#define FE_CL_CHUNKED (1u << 7)
#define FE_CL_CUT     (1u << 8)	 /* HEAD: not all of it was captured, its framing is not known */
#define FE_CL_LAST    (1u << 9)	 /* RECEIVE: ends as the last chunk of a body does */
#define FE_CL_LOST    (1u << 10) /* records were lost before this one */
#define FE_CL_MASKED  (1u << 11) /* HEAD: path had a query that was cut off */
#define FE_CL_BY_PEER (1u << 12) /* CLOSE: the other side did it */
#define FE_CL_QUIT    (1u << 14) /* SEND: good-bye to a database, which has no answer */
#define FE_CL_HALF    (1u << 13) /* CLOSE: the process ended its side, receives may follow */

/* FE_CLIENT: an FE_STORES before it has its time and connection, if stores were read there. */
struct fe_client {
	uint64_t conn;
	uint64_t work; /* server connection whose receive began this turn of the loop, 0 none */
	uint64_t connect_ns;   /* connect() was called, 0 not seen */
	uint64_t connected_ns; /* it was established, 0 not, or not seen */
	int64_t counter;       /* the last async id given out so far, 0 unknown */
	uint64_t arrival_ns;   /* RECEIVE: when the bytes arrived in the socket, 0 unknown */
	struct fe_clock clock;
	uint32_t bytes;
	int32_t error; /* positive errno */
	uint16_t flags;
	uint8_t op; /* enum lr_client_op */
	/* with HEAD */
	uint8_t version;
	uint16_t status; /* 0: a request */
	uint32_t head_bytes;
	uint64_t content_length;
	struct flow_str method;
	struct flow_str path;  /* without query */
	struct fe_trace trace; /* of a request */
};

#define FE_JOB_SLEPT (1u << 0) /* work is 0 because the thread slept in between */

/* FE_JOB: an FE_STORES before a submit has its time and op LR_OP_JOB, if stores were read there. */
struct fe_job {
	uint8_t op;   /* enum lr_job_op */
	uint8_t kind; /* enum lr_job_kind */
	uint8_t flags;
	uint64_t job;  /* names it */
	uint64_t work; /* submit: as in fe_client */
	struct fe_clock clock;
	uint64_t submit_ns;
	uint64_t start_ns; /* done: taken by a thread of the pool; 0: never, or not seen */
	uint64_t end_ns;   /* done: 0 not seen */
	int64_t counter;
};

#define FE_HEADERS_MAX	  16
#define FE_HEADER_NAME	  64
#define FE_HEADER_VALUE	  256
#define FE_TRACESTATE_MAX 512 /* as much as has to be passed on */

struct fe_header {
	struct flow_str name; /* in lower case, as the user gave it */
	struct flow_str value;
};

/* FE_HEADERS: of the request whose head the FE_IN before it on this connection completed. */
struct fe_headers {
	uint64_t conn;
	struct fe_trace trace;
	struct flow_str tracestate; /* only with a valid traceparent */
	uint32_t n;
	const struct fe_header *header; /* at most FE_HEADERS_MAX */
};

/* FE_LOOP: cumulative since the loop started. */
struct fe_loop {
	uint32_t env;
	uint64_t idle_ns;
	uint64_t iterations; /* 0 unknown */
	uint64_t cpu_ns;     /* on-CPU time of the thread */
};

enum flow_count_unknown {
	FLOW_COUNT_KNOWN,
	FLOW_COUNT_NOT_KEPT,	/* this version keeps it where only JavaScript can read it */
	FLOW_COUNT_NOT_DECODED, /* where it is was not found in the binary's code */
	FLOW_COUNT_UNREADABLE,
	FLOW_COUNT_REASONS
};

struct fe_count {
	uint8_t unknown; /* enum flow_count_unknown */
	uint32_t value;
};

/* FE_TIMERS: how many there are now. */
struct fe_timers {
	uint32_t env;
	struct fe_count timers;	    /* that keep the loop alive, not unref()ed ones */
	struct fe_count immediates; /* waiting to run */
};

#define FE_PULSE_DRAINING (1u << 0) /* microtasks run */
#define FE_PULSE_FORCED	  (1u << 1) /* not at a random moment: no sample of anything */

/*
 * FE_PULSE: read at random moments, about every 10 ms, and told unless the loop has been in the
 * same poll since the one before.
 */
struct fe_pulse {
	uint32_t env;
	uint8_t flags;		    /* FE_PULSE_* */
	uint8_t iterations_unknown; /* enum flow_count_unknown */
	uint8_t microtasks_unknown;
	uint64_t idle_ns;    /* of polls that are over */
	uint64_t entry_ns;   /* when the poll began that is going on, 0: the loop is busy */
	uint64_t time_ns;    /* the loop's own clock, in milliseconds cut off; 0 unknown */
	uint64_t iterations; /* polls begun since the loop was made */
	uint64_t microtasks; /* finished since the isolate was made */
};

/* FE_PROBE: replaces what was said about this probe before. */
struct fe_probe {
	struct flow_str name;
	struct flow_str site; /* "node+0x1234 +4 jcc", or the tracepoint's name */
	bool attached;
	struct flow_str reason; /* why not attached */
	uint64_t hits;
	uint64_t misses;
};

enum flow_loss_kind { FLOW_LOSS_RING, FLOW_LOSS_MAP, FLOW_LOSS_READ, FLOW_LOSS_KINDS };

/* FE_LOSS: tid in the event is the thread whose records were lost, 0 if not known. */
struct fe_loss {
	uint8_t kind; /* enum flow_loss_kind */
	uint64_t count;
};

/* FE_COUNTER */
struct fe_counter {
	struct flow_str name;
	uint64_t value;
};

struct flow_event {
	enum flow_event_type type;
	uint32_t pid;
	uint32_t tid;
	uint64_t ts;
	union {
		struct fe_target target;
		struct fe_provider provider;
		struct fe_thread thread;
		struct fe_conn conn;
		struct fe_io io;
		struct fe_close close;
		struct fe_resource resource;
		struct fe_scope scope;
		struct fe_gc gc;
		struct fe_loop loop;
		struct fe_pulse pulse;
		struct fe_probe probe;
		struct fe_loss loss;
		struct fe_counter counter;
		struct fe_turn turn;
		struct fe_tenured tenured;
		struct fe_stores stores;
		struct fe_store store;
		struct fe_timers timers;
		struct fe_write write;
		struct fe_peer peer;
		struct fe_client client;
		struct fe_headers headers;
		struct fe_job job;
		struct fe_service service;
	};
};

/* Of what was before the stream began: no operation of now. */
static inline bool flow_event__before(const struct flow_event *ev)
{
	return (ev->type == FE_IN || ev->type == FE_OUT) && (ev->io.flags & FE_F_BEFORE);
}

/* A consumer of flow events: correlator, capture writer, tests. Returns 0 or -errno. */
struct flow_sink {
	int (*event)(void *ctx, const struct flow_event *ev);
	void *ctx;
};

#endif

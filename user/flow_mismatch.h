/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Findings: requests that were answered under another request's store, or under none though
 * they had one. The rules are at the head of flow_mismatch.c.
 */
#ifndef LOOPRAY_FLOW_MISMATCH_H
#define LOOPRAY_FLOW_MISMATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_growth.h"
#include "flow_request.h"

enum finding_kind {
	FINDING_FOREIGN, /* answered under a store of a request of another connection */
	FINDING_LOST,	 /* answered without the store that the request had established */
	FINDING_FAN_OUT, /* one execution answered several connections: by design */
	FINDING_KINDS
};

enum finding_grade {
	GRADE_MIXED,
	GRADE_HARM,	    /* foreign: a second, independent sign exists */
	GRADE_INTERMITTENT, /* lost: others of this route have it at their head */
	GRADE_ALWAYS,	    /* lost: none of this route has it */
};

enum finding_identity {
	IDENTITY_ADDRESS, /* the same object in the same epoch */
	IDENTITY_CONTENT, /* recognized across a collection by constant fields */
};

enum finding_binding {
	BINDING_BIRTH,	 /* the store was made in the callback that read its request */
	BINDING_INBOUND, /* it holds an id that came with its request */
	BINDING_NONE,	 /* whose it is is not known, but it is older than this request */
	BINDING_SPAN, /* its OpenTelemetry span is a child of one of the request's, or the same */
};

#define FINDING_FIELDS 12
#define FINDING_NAME   24
#define FINDING_TEXT   48

struct finding_field {
	char name[FINDING_NAME + 1];
	char text[FINDING_TEXT + 1]; /* empty unless values are shown */
	uint64_t hash;
	uint8_t kind; /* enum lr_value_kind */
	bool constant;
};

struct finding_store {
	bool known;
	uint32_t n;
	struct finding_field field[FINDING_FIELDS];
};

/* The other request, as far as it is still known; path is cut. */
struct finding_request {
	uint64_t seq; /* 0: it is not known which of its connection's requests */
	uint64_t conn;
	uint16_t peer_port;
	char method[16];
	char path[128];
	char route[128];
	uint64_t start_ns;
	uint64_t head_ns; /* its response's head, 0: not yet, or not seen */
	uint64_t end_ns;  /* 0: it had not ended */
};

/* What makes it certain that the request did not enter the other's store itself. */
enum finding_proof {
	PROOF_NONE,
	PROOF_OLDER,	/* the callback's resource is older than the request */
	PROOF_CARRIER,	/* what carries the store is older, or was made in another one's callback */
	PROOF_OWN_SEEN, /* its own store had been active before */
	PROOF_INBOUND,	/* the store holds an id that came with the other request */
	PROOF_ROUTE,	/* requests of its route have their own, and none was seen to share */
};

#define FINDING_CHAIN 5

/* A resource on the way back from the callback that wrote; see struct flow_link. */
struct finding_link {
	int64_t async_id;
	int64_t trigger_id;
	int64_t exec_id;
	char resource[32]; /* its type; empty: no native one that was seen to begin */
	uint64_t init_ns;
	uint64_t seq; /* the request for which it was made, 0 unknown */
	uint64_t conn;
	char method[16]; /* of that request; empty: not remembered */
	char path[64];
};

struct flow_finding {
	enum finding_kind kind;
	enum finding_grade grade;
	bool stale;	   /* foreign: the other request had been answered */
	bool captured;	   /* foreign: this store serves many later requests */
	uint32_t instance; /* of AsyncLocalStorage, numbered from 1 in the order of first sight */
	uint64_t head_ns;
	uint32_t epoch;
	enum finding_identity identity;
	enum finding_binding binding;
	enum finding_proof proof;
	struct finding_request other;	 /* foreign, fan_out: whose store it is */
	struct finding_store active;	 /* the store at the head; lost: not known */
	struct finding_store own;	 /* the request's own store, if it was seen */
	bool own_seen;			 /* it had been active before */
	bool id_in_response;		 /* an id of the active store is in the response head */
	char id_field[FINDING_NAME + 1]; /* the name of the field that holds it */
	bool id_in_line;		 /* the same of a line that this request logged ... */
	bool id_in_call;		 /* ... and of what it sent to another service */
	char line_field[FINDING_NAME + 1];
	char call_field[FINDING_NAME + 1];
	int64_t exec_id; /* of the callback that wrote the head; -1 unknown */
	int64_t trigger_id;
	char resource[48]; /* its type; empty: not known */
	uint32_t nchain;   /* 0: nothing is known of it */
	struct finding_link chain[FINDING_CHAIN];
	uint32_t served; /* heads of other requests under this store so far, this one included */
};

/* What was found at a request's head about each instance, summed up. */
enum request_context {
	CONTEXT_UNREAD, /* no head, or the process uses no store */
	CONTEXT_OWN,	/* one at least is its own or its connection's, none is foreign or lost */
	CONTEXT_NONE,	/* no store was active, and none is known to be lost */
	CONTEXT_FOREIGN,
	CONTEXT_LOST,
	CONTEXT_UNKNOWN,    /* see unknown */
	CONTEXT_UNREADABLE, /* the read failed */
};

enum context_unknown {
	UNKNOWN_NOT,
	UNKNOWN_OLDER,	   /* the store is older than the attach or than what is remembered */
	UNKNOWN_MOVED,	   /* a collection moved it before it was first seen */
	UNKNOWN_ELSEWHERE, /* it was made outside of any request's own callback */
	UNKNOWN_SHARED,	   /* several requests enter it deliberately */
	UNKNOWN_LOSS,	   /* records were lost */
	UNKNOWN_PLAIN,	   /* a bare value that nothing distinguishes */
	UNKNOWN_ENTERED,   /* another request's, but this one may have entered it itself */
	UNKNOWN_REASONS
};

/* Whose a line on standard output or error is. */
enum line_by {
	LINE_UNKNOWN,
	LINE_BY_STORE, /* the request whose store was active */
	LINE_BY_TURN,  /* no such store: the request whose callback ran */
	LINE_BY_ID,    /* live only: the text names that request alone, see flow_mismatch__named */
};

enum line_stores {
	LINE_STORES,	 /* at least one was active */
	LINE_NONE,	 /* none was */
	LINE_UNREADABLE, /* the read failed */
	LINE_ELSEWHERE,	 /* written by a thread that runs no JavaScript */
};

/* Why the request of a line is not known. */
enum line_why {
	LINE_WHY_NOT,
	LINE_WHY_NO_STORE,   /* none was active, and no request's callback ran */
	LINE_WHY_STORE,	     /* whose the store is cannot be told: see store_why */
	LINE_WHY_UNPROVEN,   /* no response of its route was sent under a store of its own so far */
	LINE_WHY_CONTRADICT, /* stores of different requests were active */
	LINE_WHY_UNREADABLE, /* the read failed */
	LINE_WHY_NOT_READ,   /* a thread without JavaScript, or a process that uses no store */
	LINE_WHY_BATCH,	     /* one write of many log lines: a logger that buffers */
	LINE_WHY_SEVERAL,    /* its parts were written by different requests */
	LINE_WHY_TWO_POSSIBLE, /* its store's, or one that ran under that store */
	LINE_WHYS
};

/* A request as lines name it. Strings are NULL where it is not remembered. */
struct line_request {
	uint64_t conn; /* 0: not known */
	uint64_t seq;  /* as in flow_req; 0: which one of the connection is not known */
	const char *method;
	const char *path; /* perhaps cut */
};

/*
 * A line that was told before: it was written in the callback that answered @by, under a store of
 * @under, another request (conn 0: it is not known whose store).
 */
struct flow_line_mark {
	uint32_t pid;
	uint32_t tid;
	uint64_t ts; /* of the line */
	bool sure;   /* it names both: @by has written it; else perhaps @under did, just before */
	struct line_request by;
	struct line_request under;
};

struct line_store {
	uint32_t instance; /* as in flow_finding */
	struct finding_store store;
};

/* Strings and stores are valid during the call only. */
struct flow_line {
	uint32_t pid;
	uint32_t tid;
	uint32_t env;
	uint64_t ts;
	uint8_t op;	      /* LR_OP_STDOUT or LR_OP_STDERR */
	uint32_t bytes;	      /* written; the text has fewer if it was cut */
	struct flow_str text; /* empty on replay */
	uint32_t captured;    /* of the bytes */
	enum line_by by;
	enum line_stores stores;
	enum line_why why;  /* where by is LINE_UNKNOWN */
	uint8_t store_why;  /* enum context_unknown */
	bool served;	    /* responses of others were sent under its store: it may be theirs */
	uint64_t conn;	    /* of the request; 0 unknown */
	uint64_t seq;	    /* as in flow_req; 0: which one of the connection is not known */
	const char *method; /* as in line_request */
	const char *path;
	/* With LINE_WHY_UNPROVEN: whose it is if flow_mismatch__has_stores says so later. */
	struct line_request perhaps;
	uint32_t perhaps_of; /* instance, as flow_mismatch__has_stores takes it */
	uint32_t n;
	const struct line_store *store;
};

struct flow_context;
struct flow_mismatch;

struct flow_mismatch_opts {
	struct flow_requests *requests;
	const struct flow_context *context; /* names resources, may be NULL */
	const char *context_key;	    /* field that identifies a request, or NULL: any */
	/* Called for every request when it is over, with its findings. */
	void (*done)(void *ctx, const struct flow_req *req);
	void (*line)(void *ctx, const struct flow_line *line); /* may be NULL */
	/* May be NULL. Called before anything else of the line's thread is. */
	void (*mark)(void *ctx, const struct flow_line_mark *mark);
	void *ctx;
};

int flow_mismatch__new(struct flow_mismatch **out, const struct flow_mismatch_opts *opts);
void flow_mismatch__free(struct flow_mismatch *m);

/* FE_OUT before the request state machine gets it, every other event after it. 0 or -ENOMEM. */
int flow_mismatch__event(struct flow_mismatch *m, const struct flow_event *ev);

/* A finished request: hands it on with its findings. */
void flow_mismatch__request(struct flow_mismatch *m, const struct flow_req *req);

/*
 * The one request of process @pid that an id with this fingerprint names: it came with it, or a
 * store that is known to be its own holds it. False: none, several, or not known (yet).
 */
bool flow_mismatch__named(struct flow_mismatch *m, uint32_t pid, uint64_t hash,
			  struct line_request *out);

#define FLOW_STREAMS 2 /* standard output, standard error */

/* Lines of one stream. */
struct flow_line_counts {
	uint64_t seen;
	uint64_t stores; /* at least one store was active; with the next three: all */
	uint64_t none;
	uint64_t unreadable;
	uint64_t elsewhere;
	uint64_t by_store; /* the request is known by the store, or by the callback */
	uint64_t by_turn;
};

/* Whose store was active at an operation on a connection that the process opened, or at a job. */
enum issuer_is {
	ISSUER_NONE,	   /* no store was active, or the process has none */
	ISSUER_REQUEST,	   /* one request's */
	ISSUER_UNKNOWN,	   /* whose cannot be told: see why */
	ISSUER_CONTRADICT, /* of different requests */
	ISSUER_UNREADABLE,
};

struct flow_issuer {
	enum issuer_is is;
	enum context_unknown why;
	struct flow_req_ref request;
	uint32_t instance; /* of its store */
	/* The store was bound by where it was made alone: see flow_mismatch__has_stores. */
	bool by_birth;
	bool promise; /* what runs goes on after an await */
	int64_t exec_id;
	int64_t trigger_id;
};

/*
 * @ev: an FE_CLIENT or FE_JOB; the FE_STORES before it belongs to it if it has its time, and its
 * connection or LR_OP_JOB.
 */
void flow_mismatch__issuer(struct flow_mismatch *m, const struct flow_event *ev,
			   struct flow_issuer *out);

/* Whether requests of the route of this request were seen to have stores of their own. */
bool flow_mismatch__has_stores(struct flow_mismatch *m, uint32_t pid,
			       const struct flow_req_ref *request, uint32_t instance);

/* Of all heads seen so far. */
struct flow_context_counts {
	uint64_t heads; /* final response heads while a mechanism was in use */
	uint64_t read;	/* at least one store was active and read */
	uint64_t none;	/* read well, and no store was active */
	uint64_t unreadable;
	uint64_t unknown[UNKNOWN_REASONS]; /* heads under a store that is nobody's for certain */
	uint64_t same_connection; /* heads under a store of an earlier request of the connection */
	uint64_t not_kept; /* times that a bound or memory was reached: more is unknown for it */
	struct flow_line_counts lines[FLOW_STREAMS];
};
void flow_mismatch__counts(const struct flow_mismatch *m, struct flow_context_counts *c);

#define STORES_LEFT_NS 10000000000ULL
#define FLOW_LEFT      16

/*
 * Stores of one AsyncLocalStorage instance that were active at operations of other connections
 * STORES_LEFT_NS and more after their request was answered.
 */
struct flow_left {
	uint32_t instance;
	uint64_t stores;
	uint64_t operations; /* at which one was active */
	uint64_t oldest_ns;  /* the longest time since the end of the request */
	enum flow_trend trend;
	double per_s; /* so many more a second */
};

/* Most stores first, at most @cap. Returns the count. */
size_t flow_mismatch__left(const struct flow_mismatch *m, struct flow_left *left, size_t cap);

#endif

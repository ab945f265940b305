/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_mismatch*.c only. */
#ifndef LOOPRAY_FLOW_MISMATCH_INT_H
#define LOOPRAY_FLOW_MISMATCH_INT_H

#include "events.h"
#include "flow_mismatch.h"
#include "flow_table.h"

#define MM_THREADS	  1024
#define MM_REQUESTS	  32768 /* remembered, in flight or not; the oldest go */
#define MM_STORES	  32768 /* the ones not seen longest go */
#define MM_CONNS	  65536
#define MM_VALUES	  262144
#define MM_ROUTES	  8192
#define MM_CARRIERS	  65536 /* then all are forgotten */
#define MM_INSTANCES	  4096
#define MM_INTERVALS	  8192 /* per thread, a power of two */
#define MM_PAGES	  256  /* per thread: 64 MB of young objects */
#define MM_PAGE_BITS	  18   /* V8's regular pages are 256 kB */
#define MM_TENURED	  2048 /* pieces of the old space per thread, a power of two */
#define MM_TENURED_EPOCHS 64   /* in which what lies there is known again */
#define MM_MET		  8    /* connections answered under a store of nobody's */
#define MM_FIRST	  4    /* instances whose first store is kept */
#define MM_HEAD_FOUND	  4    /* findings of one request */
#define MM_WRITES	  16   /* of a callback, by which a head is judged */
#define MM_LINES	  32   /* of a callback, that may be marked */

/* The first store that an instance got in the callbacks that read a request. */
struct mm_born_first {
	uint32_t instance;
	uint32_t epoch;
	uint64_t value; /* 0: none yet */
};

/* A request, kept beyond its end: stores outlive the requests they were made for. */
struct mm_request {
	struct finding_request pub;
	uint32_t pid;
	bool ended;
	int64_t counter; /* async ids given out when it came, 0 unknown */
	struct mm_born_first first[MM_FIRST];
	uint32_t nids;
	uint64_t ids[FE_IDS_MAX];
	struct mm_request *newer;
};

/* What one callback allocated: [begin, end), on one page. */
struct mm_interval {
	uint64_t begin;
	uint64_t end;
	uint64_t conn; /* whose receive began the callback, 0 nobody's */
	uint64_t seq;  /* of the request on it, 0 not known which */
};

/* Intervals of one page in one epoch: ascending, [first, first + count) of the ring. */
struct mm_page {
	uint64_t page;
	uint64_t first;
	uint32_t count;
	uint32_t epoch;
	bool bad; /* the top went back: nothing is concluded on this page */
};

/* What one callback allocated in the old space: [begin, end). */
struct mm_tenured {
	uint64_t begin;
	uint64_t end;
	uint64_t conn;
	uint64_t seq; /* 0 not known which, or it may not be the first that the callback made */
	uint32_t epoch;
	uint64_t turn; /* only good in this one; 0: in all */
};

/* A line or an outgoing call that holds ids, written under a store. */
struct mm_write {
	uint64_t ts;
	uint8_t op;
	uint32_t nids;
	uint64_t ids[FE_IDS_MAX];
	struct fe_stores stores;
};

struct mm_thread {
	uint32_t pid;
	uint32_t tid;
	uint32_t id; /* names the environment; never used again */
	/* The open interval; begin 0: none. */
	uint64_t begin;
	uint64_t conn;
	uint64_t seq;
	bool open;	/* a callback is running that a receive on conn began */
	bool collected; /* a collection was in it: begin is only a guess */
	uint32_t epoch;
	uint32_t first_epoch; /* what was not made in its intervals is older than the attach */
	bool met;
	uint64_t page_begin; /* offset in a page where runs begin at the least, 0 unknown */
	uint64_t turns;
	uint64_t lost_turn; /* records were lost in this turn */
	struct mm_interval *ring;
	uint64_t pushed;
	struct mm_page pages[MM_PAGES];
	uint64_t paged;
	struct mm_tenured *tenured; /* MM_TENURED of them, NULL: there was none so far */
	uint64_t ntenured;
	/* The last FE_STORES: the FE_OUT behind it has its time and connection. */
	struct fe_stores stores;
	uint64_t stores_ts;
	/* Since the last thing that may have ended a callback. */
	uint32_t nwrites;
	struct mm_write *writes; /* MM_WRITES of them, NULL: none needed so far */
	uint64_t nlines;	 /* of the same time, where marks are wanted: the last MM_LINES */
	struct mm_write *lines;
};

/* Ids of an OpenTelemetry span: see flow_mismatch_span.c. */
enum mm_span {
	MM_SPAN_NOT,
	MM_SPAN_TRACE,
	MM_SPAN_ID,
	MM_SPAN_PARENT,
};

struct mm_field {
	struct finding_field pub;
	uint32_t len;
	bool cut;
	enum mm_span span;
};

struct mm_store {
	uint64_t value;
	uint32_t thread; /* mm_thread.id */
	uint32_t epoch;
	uint32_t instance; /* hash */
	uint8_t kind;
	bool resolved;
	bool bridged; /* recognized by content at least once */
	bool shared;
	bool later_born; /* not the first of its instance in the callback that made it */
	uint32_t refs;
	uint64_t conn; /* owner, 0 none */
	uint64_t seq;
	uint64_t entered;  /* without an owner: last connection whose own callback had it, 0 none */
	uint64_t first_ns; /* first sight */
	uint64_t met[MM_MET]; /* without an owner: connections that were answered under it */
	uint32_t nmet;
	uint32_t pid;
	enum finding_binding binding;
	enum context_unknown unknown; /* why it has no owner */
	bool confirmed;		      /* active at its own request's head */
	bool outlived;		      /* counted as such: see flow_mismatch_leak.c */
	uint64_t over_ns;	      /* its request had been answered by then; 0: not noticed */
	uint32_t served;	      /* heads of other requests */
	uint32_t later;		      /* of those, requests that came when its own had ended */
	uint32_t logged;	      /* of these, with an id of it in a line or call of theirs */
	struct mm_request *owner; /* a copy, once it matters: the original is forgotten some day */
	uint32_t n;
	struct mm_field *fields;
	struct mm_store *newer, *older; /* by last sight */
};

/* A field of an instance's stores: can it tell them apart? */
struct mm_key {
	char name[FINDING_NAME + 1];
	uint32_t seen;
	uint32_t equal;
};

/* Stores of an instance that outlived their requests. */
struct mm_left {
	uint64_t stores, operations, oldest_ns;
	struct flow_growth growth; /* of stores */
};

struct mm_instance {
	uint32_t number; /* from 1, in the order of first sight over all threads */
	uint64_t born;	 /* stores that were made in a request's own callback */
	uint64_t heads;	 /* at which one was active */
	uint32_t nkeys;
	struct mm_key keys[FINDING_FIELDS];
	struct mm_left *left; /* NULL: none was seen */
};

/* A request's own store, seen active on its connection. */
struct mm_own {
	uint32_t instance;
	uint64_t seq;
	uint32_t thread;
	uint64_t turn;
	int64_t exec_id;
	struct mm_store *store;
};

struct mm_conn {
	uint32_t n;
	struct mm_own own[FE_STORES_MAX];
};

/* What was found at one head, until its request is over. */
struct mm_head {
	enum request_context context;
	enum context_unknown unknown;
	uint32_t n;
	struct flow_finding *found; /* MM_HEAD_FOUND of them, NULL: none needed so far */
};

struct mm_route {
	uint64_t own;
	uint64_t lost;
	uint64_t shared;  /* heads under a store that the request entered, though it is another's */
	uint32_t doubted; /* heads under another's store with no proof but that of the route */
};

struct flow_mismatch {
	struct flow_mismatch_opts opts;
	struct flow_context_counts counts;
	struct flow_table threads;   /* pid, tid */
	struct flow_table requests;  /* conn, seq */
	struct flow_table inbound;   /* hash of an id, pid -> request */
	struct flow_table stores;    /* value, {thread, epoch} */
	struct flow_table values;    /* hash of a field's value, {instance, name} -> store */
	struct flow_table instances; /* thread, hash */
	struct flow_table conns;     /* conn */
	struct flow_table heads;     /* conn, seq */
	struct flow_table routes;    /* hash of method and route, instance */
	struct flow_table carriers;  /* address, {thread, epoch} -> when it was seen first */
	struct flow_pool request_pool, store_pool, conn_pool, head_pool, route_pool, instance_pool;
	struct mm_request *oldest_request, *newest_request;
	struct mm_store *oldest, *newest;
	struct mm_request ambiguous;		     /* stands for "several requests" in inbound */
	struct line_store line_store[FE_STORES_MAX]; /* what the last line was told with */
	uint32_t next_thread;
	uint64_t first_ns; /* of the first event */
	bool any_left;
};

/* flow_mismatch_birth.c: what a callback allocated */
enum mm_born { MM_BORN_REQUEST, MM_BORN_ELSEWHERE, MM_BORN_UNKNOWN };

/* A callback begins at @top; @conn 0: it is no receive of a request's connection. */
void mm_thread__turn(struct mm_thread *t, uint32_t epoch, uint64_t top, uint64_t conn,
		     uint64_t seq);
/* A collection ended: the callback goes on in a new epoch. */
void mm_thread__collected(struct mm_thread *t, uint32_t epoch, uint64_t top);
/* Records were lost: where the open interval ends is not known. */
void mm_thread__lost(struct mm_thread *t);
/* Whose callback made the object at @addr, seen when the allocation top is @top. */
enum mm_born mm_thread__born(const struct mm_thread *t, uint32_t epoch, uint64_t addr, uint64_t top,
			     uint64_t *conn, uint64_t *seq);
/* Whether the open interval was begun by a receive on @conn. */
bool mm_thread__serves(const struct mm_thread *t, uint64_t conn);

/* flow_mismatch_tenured.c: what a callback allocated in the old space */
/* To be given what is told, ahead of the turn or the stores behind it. */
void mm_tenured__add(struct mm_thread *t, const struct fe_tenured *e);
/* A collection of this kind (fe_gc.kind) ended. */
void mm_tenured__collected(struct mm_thread *t, uint8_t kind);
/* The piece that the object at @addr lies in, or NULL. Good until the next piece. */
const struct mm_tenured *mm_tenured__find(const struct mm_thread *t, uint64_t addr);

/* flow_mismatch_store.c: stores and their identity */
void mm_store__told(struct flow_mismatch *m, struct mm_thread *t, const struct fe_store *s);
/* The store behind a reference, bound if it can be; NULL for a bare value or without memory. */
struct mm_store *mm_store__sight(struct flow_mismatch *m, struct mm_thread *t,
				 const struct fe_stores *at, const struct fe_store_ref *ref);
struct mm_instance *mm_instance__get(struct flow_mismatch *m, const struct mm_thread *t,
				     uint32_t hash);
/* Whether this field tells the stores of its instance apart. */
bool mm_field__identifies(const struct mm_instance *in, const struct mm_field *f);
void mm_store__put(struct flow_mismatch *m, struct mm_store *st);
void mm_stores__free(struct flow_mismatch *m);

/* The store of the instance seen last that has this value in field @name, or NULL. */
struct mm_store *mm_store__with(const struct flow_mismatch *m, const struct mm_store *like,
				const char *name, uint64_t hash);

/* flow_mismatch_span.c: stores that are Contexts of OpenTelemetry */
enum mm_span mm_span__of(const struct fe_store_field *f);
/* A store that is certainly of the same request, by the spans of both; NULL: not known. */
struct mm_store *mm_span__kin(const struct flow_mismatch *m, const struct mm_instance *in,
			      const struct mm_store *st);
/* Whether an equal value in @other says that the field does not tell requests apart. */
bool mm_span__conflict(const struct mm_field *f, const struct mm_store *st,
		       const struct mm_store *other);

/* flow_mismatch_request.c: requests, remembered and handed on */
void mm_request__begin(struct flow_mismatch *m, const struct flow_event *ev);
struct mm_request *mm_request__find(const struct flow_mismatch *m, uint64_t conn, uint64_t seq);
/* The head of its response is written. */
void mm_request__answered(struct flow_mismatch *m, const struct flow_req *req, uint64_t ts);
/* Learns of an end that was not handed on yet. @r may be NULL. */
void mm_request__notice_end(const struct flow_mismatch *m, struct mm_request *r);
/* The one request of process @pid that came with this id; NULL: none or several. */
struct mm_request *mm_request__inbound(const struct flow_mismatch *m, uint32_t pid, uint64_t hash);
/* Room for what is found at the head of this request. NULL: it has one, or there is no memory. */
struct mm_head *mm_head__new(struct flow_mismatch *m, uint64_t conn, uint64_t seq);

/* Whether there is a store: `run(undefined)` and exit() leave none. */
static inline bool mm_ref__active(const struct fe_store_ref *ref)
{
	return ref->kind != LR_VALUE_UNDEFINED && ref->kind != LR_VALUE_NULL;
}

/* One head while it is judged. */
struct judged {
	struct flow_mismatch *m;
	struct mm_thread *t;
	const struct flow_event *ev;
	const struct flow_req *req;
	struct mm_head *h;
};

/* flow_mismatch_own.c: stores of requests in flight */
struct mm_conn *mm_conn__get(struct flow_mismatch *m, uint64_t conn, bool create);
void mm_conn__drop(struct flow_mismatch *m, uint64_t conn);
/* What is known of this request's own store of an instance, or NULL. */
struct mm_own *mm_conn__own(struct mm_conn *c, uint32_t instance, uint64_t seq);
/* @st was active at @at: of interest if its request is being served. */
void mm_conn__note_own(struct flow_mismatch *m, const struct mm_thread *t,
		       const struct fe_stores *at, struct mm_store *st);
/* Stores seen at an operation: notes those that are their request's own. */
void mm_stores__note(struct flow_mismatch *m, struct mm_thread *t, const struct fe_stores *at);

/* flow_mismatch_proof.c */
/* What is known of the stores of one instance on a route, or NULL. */
struct mm_route *mm_route__get(struct flow_mismatch *m, const struct flow_req *req,
			       uint32_t instance);
/* Remembers when what carries the stores was seen first. */
void mm_carrier__seen(struct flow_mismatch *m, const struct mm_thread *t,
		      const struct fe_stores *at, uint64_t ts);
/* The connection whose request's callback made what carries the stores; 0: not known. */
uint64_t mm_proof__carried_from(const struct judged *j);
/* Whether requests of this one's route enter stores of their own, and none was seen to share. */
bool mm_proof__route_has_its_own(const struct judged *j, const struct mm_store *st);
/* What shows that the request did not enter this store itself; PROOF_NONE: nothing does. */
enum finding_proof mm_proof__of(const struct judged *j, const struct mm_store *st, uint64_t carried,
				const struct mm_own *own);
/* The same for a store that nobody is known to own; what its route does must bear it out. */
enum finding_proof mm_proof__of_older(const struct judged *j, const struct mm_store *st,
				      const struct mm_own *own);

/* flow_mismatch_finding.c */
/* A finding about @st with what is known of the callback; NULL: there is no room. */
struct flow_finding *mm_finding__new(const struct judged *j, enum finding_kind kind,
				     const struct mm_store *st);
void mm_finding__copy(struct finding_store *to, const struct mm_store *st);
/*
 * An id of the active store @st among @n fingerprints of what was written, unless it is there for
 * another reason: the field that holds it, or NULL. @own: the request's own store, if known.
 */
const struct mm_field *mm_finding__id_in(const struct judged *j, const struct mm_instance *in,
					 const struct mm_store *st, const struct mm_store *own,
					 const uint64_t *ids, uint32_t n);
/* Looks for one in the response's first bytes. */
void mm_finding__find_id(const struct judged *j, struct flow_finding *f,
			 const struct mm_instance *in, const struct mm_store *st,
			 const struct mm_store *own);
/* Whether a value may be a request's id, and is not one of many. */
bool mm_finding__may_be_id(const struct judged *j, const struct mm_instance *in,
			   const struct mm_field *f);
/* The store's owner, also when it was forgotten meanwhile; NULL: it was before it mattered. */
const struct mm_request *mm_store__owner(const struct flow_mismatch *m, struct mm_store *st);
/* Whether requests like the store's owner are known to have stores of their own. */
bool mm_store__owner_has_stores(struct flow_mismatch *m, struct mm_store *st);
/* Fills in whose store it is. */
void mm_finding__other(const struct judged *j, struct flow_finding *f, struct mm_store *st);

/* Whether the owner of a store is believed to be its request: see flow_mismatch_write.c. */
bool mm_store__believed(struct flow_mismatch *m, struct mm_store *st);

/* flow_mismatch_leak.c: stores that outlive their request */
/* @st was active at an operation on @conn, 0: not known on which. */
void mm_leak__seen(struct flow_mismatch *m, const struct mm_thread *t, uint64_t conn,
		   struct mm_store *st);
/* Now and then: how many there are by now. */
void mm_leak__sample(struct flow_mismatch *m, uint64_t ts);
void mm_leaks__free(struct flow_mismatch *m);

/* flow_mismatch_write.c: lines and outgoing calls */
void mm_write__seen(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev);
/* The callback may have ended. */
void mm_write__forget(struct mm_thread *t);
/* Looks for ids of the active store in what the request itself logged or sent. */
void mm_write__find_id(const struct judged *j, struct flow_finding *f, struct mm_store *st,
		       const struct mm_store *own);
/* Written in the execution that writes the head, after the request came, under that store. */
bool mm_write__of_this_callback(const struct judged *j, const struct mm_write *w,
				const struct mm_store *st);
/* It names the store's request and the answered one, and no third. */
bool mm_write__names_both(const struct judged *j, const struct mm_write *w,
			  const struct mm_instance *in, const struct mm_store *st,
			  const struct mm_store *own);

/* flow_mismatch_mark.c: lines under another request's store, where somebody wants to know */
void mm_mark__keep(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev);
/* A head was found to be written under @st: so were the lines before it, in the same callback. */
void mm_mark__found(const struct judged *j, struct mm_store *st, const struct mm_store *own);

/* flow_mismatch_head.c: the rules at a response head */
void mm_head__judge(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev,
		    const struct flow_req *req);

#endif

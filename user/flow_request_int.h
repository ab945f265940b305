/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_request*.c only. */
#ifndef LOOPRAY_FLOW_REQUEST_INT_H
#define LOOPRAY_FLOW_REQUEST_INT_H

#include "flow_request.h"
#include "flow_route.h"
#include "flow_table.h"

#define RQ_PATH_INLINE 96

struct rq;
struct rq_conn;

/* What begins when the loop turns to something: it ends when it turns again, or waits. */
struct rq_turn {
	uint32_t number;
	uint64_t begin_ns;
	uint8_t kind;	 /* enum flow_turn */
	uint64_t due_ns; /* timers: see fe_turn */
	uint64_t conn;	 /* the request it is for; seq 0: none that is known */
	uint64_t seq;
	const char *method;
	const char *route;
	char path[FLOW_LABEL_PATH]; /* cut */
};

/* How the time between two points of a thread divides. */
struct rq_between {
	uint64_t busy;
	uint64_t gc; /* of busy, as are the next two */
	uint64_t sched;
	uint64_t blocked;
	uint64_t idle;
	uint64_t late; /* of idle: it could run, and had no CPU */
};

/* What falls to @n of @whole, if @of falls to it all. */
static inline uint64_t rq_part(uint64_t of, uint64_t n, uint64_t whole)
{
	return whole ? (uint64_t)((__uint128_t)of * n / whole) : 0;
}

struct rq_line;	 /* flow_request_line.c */
struct rq_holds; /* flow_request_hold.c */

/* A thread that runs an event loop: see the essay in flow_request.c for the accounting. */
struct rq_thread {
	uint32_t pid;
	uint32_t tid;
	uint32_t env;
	uint32_t refs; /* requests that point here */
	bool ended;
	/* The last point: an operation. */
	bool point;
	uint64_t ts;
	struct fe_clock clock;
	uint64_t gc_ns; /* garbage collections since */
	struct rq_turn turn;
	struct rq_line *line;	/* NULL: nothing yet, or no memory */
	struct rq_holds *holds; /* likewise */
	struct rq *owner;	/* the loop worked for it from the point on; NULL nobody known */
	bool closed;		/* by the end of a scope, at @until */
	uint64_t until;
	uint64_t mark;	 /* last scope end since the point, or the point */
	uint32_t breaks; /* times the idle clock could not be followed */
	uint32_t losses; /* FE_LOSS events of this thread */
};

/* Something that a request has waited for, or could have. */
struct rq_op {
	uint8_t kind; /* enum flow_wait */
	uint64_t from;
	uint64_t until;
};

#define RQ_RUN_BLOCKERS 2
#define RQ_RUN_OPS	2 /* one behind the other, the later one first */

/* A turn in which it ran, and the gap before it. */
struct rq_run {
	uint64_t from;
	uint64_t to;
	struct rq_between ran; /* how that divides: never idle */
	/* Of the gap: it was ready from @ready on, and the loop was late. */
	uint64_t ready;
	struct flow_blocker by[RQ_RUN_BLOCKERS]; /* who had it longest */
	uint64_t late_loop;
	uint64_t late_gc;
	uint64_t late_sched;
	uint64_t unseen; /* the loop waited, so it had been handled, and ran without a trace */
	uint8_t kind;	 /* what the rest was for, apart from ops */
	uint8_t nops;
	struct rq_op op[RQ_RUN_OPS];
};

/* Where the thread's line was when a request stopped running. */
struct rq_sums {
	uint64_t idle;
	uint64_t late;
	uint64_t gc;
	uint64_t sched;
};

#define RQ_OPS	       4
#define RQ_RUNS_INLINE 2
#define RQ_RUNS_MAX    64

struct rq_wait {
	bool lost; /* no memory */
	uint8_t nops;
	struct rq_op op[RQ_OPS]; /* that ended since it last ran */
	struct rq_sums stopped;
	uint64_t folded[WAIT_KINDS]; /* of runs that are not kept any more */
	uint32_t n;
	uint32_t room;
	struct rq_run *run; /* NULL: first */
	struct rq_run first[RQ_RUNS_INLINE];
};

struct rq {
	struct flow_req pub;
	struct rq *next;	   /* on the connection, in order of arrival */
	struct rq *before, *after; /* of all in flight, in the same order */
	struct rq_conn *conn;
	struct rq_thread *thread; /* that read its head; NULL not followed */
	uint64_t from_ns;	  /* its first byte was read: service begins */
	uint64_t from_idle_ns;
	bool from_idle_known;
	bool in_done;	/* its last byte was read */
	bool handed_in; /* HTTP/2: the response head was, before it was sent */
	bool sent;	/* pub.breakdown and last_ns are those of an operation after the head */
	uint64_t last_ns;
	uint64_t cpu_ns; /* attributed so far */
	struct rq_wait wait;
	uint32_t breaks;
	uint32_t losses;
	uint32_t losses_all;
	struct rq_kept *kept;
	char *long_path;
	char path[RQ_PATH_INLINE];
};

struct rq_conn {
	struct fe_conn facts;
	uint64_t id;
	uint32_t pid;
	uint32_t seq; /* requests so far */
	struct rq *first, *last;
	uint32_t count;
	uint32_t untracked; /* requests behind the tracked ones that there was no room for */
	bool eof;
	bool pipelined;
	bool doubtful; /* which response answers which is not certain */
	/*
	 * The first request of a connection whose beginning was not seen, when it is complete:
	 * handed out when what comes next has told whether the client pipelines.
	 */
	struct rq *held;
	/*
	 * A response over TLS that is complete, but not all of it has gone to the socket: it is the
	 * first of the list still, and ends with the next operation at the latest.
	 */
	struct rq *sending;
	enum flow_req_end sending_end;
	uint64_t owed;	    /* bytes written over TLS that have not gone to the socket yet */
	uint64_t unsent_ns; /* the last of what was sent was not out yet */
	bool unpaired;	    /* what is sent now answers a request that was not seen */
	uint32_t losses;    /* of its thread when its first request came */
	/* A head that comes in parts: what the first part was. */
	uint64_t part_ts; /* 0 none */
	uint64_t part_arrival_ns;
	uint64_t part_idle_ns;
	bool part_idle_known;
	uint64_t part_bytes;
	/* For flow_requests__latest. */
	struct flow_req_ref latest;
	uint64_t latest_ts;
	bool latest_unclear;
	struct rq_conn *newer, *older; /* by last use */
};

/* Environment {pid, env}: numbers its requests. */
struct rq_env {
	uint64_t seq;
};

struct flow_requests {
	struct flow_requests_opts opts;
	struct flow_routes *routes;
	struct flow_table conns;   /* id */
	struct flow_table threads; /* pid, tid */
	struct flow_table envs;	   /* pid, env */
	struct flow_pool conn_pool, thread_pool, env_pool, rq_pool;
	struct rq_conn *newest, *oldest;
	uint32_t losses_all; /* FE_LOSS events without a thread */
	uint32_t in_flight;
	struct rq *begun_first, *begun_last; /* of those */
	struct flow_requests_overflow overflow;
};

/* flow_request_kept.c: headers */
void rq_kept__take(struct rq *rq, const struct fe_headers *h);

/* flow_request_time.c */
void rq_time__receive(struct flow_requests *r, struct rq_thread *t, const struct flow_event *ev,
		      struct rq *rq);
void rq_time__send(struct flow_requests *r, struct rq_thread *t, const struct flow_event *ev,
		   struct rq *rq);
/* @to ran just before @ts, @owner runs from it on; each may be NULL. */
void rq_time__point(struct flow_requests *r, struct rq_thread *t, uint64_t ts,
		    const struct fe_clock *clock, struct rq *to, struct rq *owner);
void rq_time__scope(struct rq_thread *t, uint64_t ts);
void rq_time__forget(struct rq_thread *t, const struct rq *rq);
void rq_time__begin(struct rq *rq, const struct flow_event *ev, const struct rq_conn *conn);
void rq_time__settle(struct rq *rq, const struct flow_event *ev);

/* flow_request_line.c: a thread's recent past */
/*
 * [from, to) was divided as @b says, busy before idle; the busy time was @conn's request @seq's, 0
 * nobody's known.
 */
void rq_line__push(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		   const struct rq_between *b, uint64_t conn, uint64_t seq);
const struct rq_sums *rq_line__sums(const struct rq_thread *t);
/*
 * What kept the loop from when @rq was ready for @run until that began: garbage collection, the
 * scheduler, others. All goes into @run.
 */
void rq_line__late(const struct rq_thread *t, const struct rq *rq, struct rq_run *run);
void rq_line__free(struct rq_thread *t);

/* flow_request_hold.c: what held the loop for too long */
/* As rq_line__push, which calls it. */
void rq_hold__push(struct flow_requests *r, struct rq_thread *t, uint64_t from,
		   const struct rq_between *b, uint64_t conn, uint64_t seq);
/* @rq has waited for the loop before @run: tells those that held it for too long. */
void rq_hold__pay(struct rq_thread *t, const struct rq *rq, const struct rq_run *run);
/* Hands out those that are still kept. */
void rq_hold__free(struct flow_requests *r, struct rq_thread *t);

/* flow_request_turn.c */
void rq_turn__begin(struct rq_thread *t, enum flow_turn kind, uint64_t due_ns, const struct rq *rq);
/* NULL: it has ended, @ref names none, or is NULL. */
struct rq *rq_turn__find(const struct flow_requests *r, const struct flow_req_ref *ref);

/* flow_request_wait.c */
void rq_wait__begin(struct rq *rq);
void rq_wait__op(struct rq *rq, enum flow_wait kind, uint64_t from, uint64_t until);
/* It runs from @at on, on @t: ends its gap, if it did not run until then. */
void rq_wait__resume(struct rq_thread *t, struct rq *rq, uint64_t at);
/* It ran until @to, which divides as @b says. */
void rq_wait__ran(struct rq_thread *t, struct rq *rq, uint64_t to, const struct rq_between *b);
/* A request has been read: who kept it waiting in its socket. */
void rq_wait__queued(struct rq_thread *t, struct rq *rq);
/* It is over: who had the loop while it waited for it. */
void rq_wait__blame(struct rq *rq);
/* All of its waits up to @ts, at which it ran. False if they cannot be told. */
bool rq_wait__sum(const struct rq *rq, uint64_t ts, uint64_t ns[WAIT_KINDS]);
void rq_wait__free(struct rq *rq);

/* flow_request_state.c: what is kept, and until when */
struct rq_thread *rq_thread__get(struct flow_requests *r, uint32_t pid, uint32_t tid);
void rq_thread__put(struct flow_requests *r, struct rq_thread *t);
void rq_thread__drop(struct flow_requests *r, struct rq_thread *t);
struct rq_conn *rq_conn__get(struct flow_requests *r, const struct flow_event *ev, uint64_t id);
void rq_conn__drop(struct flow_requests *r, struct rq_conn *c);
/* Ends the request whose response is being sent, if any, as of its last operation so far. */
void rq_conn__end_sending(struct flow_requests *r, struct rq_conn *c);
/* Hands out the request that is held back, if any. */
void rq_conn__release_held(struct flow_requests *r, struct rq_conn *c);
struct rq *rq__new(struct flow_requests *r, struct rq_conn *c, struct rq_thread *t,
		   const struct fe_io *io);
/* Takes it out of its connection, hands it to done and frees it. */
void rq__end(struct flow_requests *r, struct rq *rq, enum flow_req_end end, uint64_t end_ns);

#endif

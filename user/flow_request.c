// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests, from the head that came in to the last byte that went out, and where their time
 * went.
 *
 * A request begins with a head received on a connection and ends with the last byte of its
 * response; responses answer requests in order. It ends early when the peer resets the
 * connection or ends its side in the middle of the request, when the process closes, or when
 * records were lost so that its end cannot be established. The end of the peer's side after a
 * whole request is no abort as long as a response still follows. Over TLS a response is known to be
 * complete when it is written, and has ended when it has gone to the socket (FE_F_SENT): until then
 * its request is answered, but not handed out.
 *
 * The breakdown. A Node.js thread runs one event loop: at any time it either sleeps in the
 * loop's poll or works for somebody. Each operation (a receive or send of an HTTP connection)
 * is a *point* in the thread's time line: it comes with the time and with the loop's own
 * count of idle time so far, so the time between two points splits exactly into idle and
 * busy. For a request that was read at R and whose response ended at E, with A the arrival
 * of its bytes in the socket:
 *
 *     queue      R - A: nobody had looked at it yet (loop busy elsewhere, or asleep)
 *     wait       idle time of the loop between R and E: nothing was to do for anybody, so the
 *                request waited for its own asynchronous work (or for the client: the rest of
 *                an upload, room in the send buffer)
 *     cpu        busy time between R and E that is attributed to this request
 *     loop_busy  the rest: the loop worked for others while this one was ready or waiting
 *
 * queue, wait and cpu + loop_busy are measured; so the sum is E - A exactly. What is an
 * estimate, with level `requests`, is how busy time divides between cpu and loop_busy:
 *
 *   1. A receive makes its request the owner of what follows: Node.js calls the handler out
 *      of the read. A send makes its request the owner too, until its response is complete.
 *   2. Busy time between a point and the next receive belongs to the owner of that point.
 *   3. Busy time between a point and the next send: if both belong to one request, to it. If
 *      the first point has no owner, to the sender. If they differ, half to each: the handler
 *      behind the first point and the callback before the send share it in unknown parts.
 *   4. Work without any operation (a timer that only computes) falls to the owner before it
 *      or the sender behind it: cpu may contain some of others' work, which an idle loop in
 *      between does not end (idle time is a sum, its place inside the interval is not known).
 *
 * At level `resources` the ends of callback scopes cut the interval: the owner's part ends at
 * the first scope end behind its point, the sender's part begins after the last one before
 * its send, and what lies between belongs to nobody known (loop_busy). Nothing is halved then.
 *
 * Synchronous waiting (execSync, readFileSync) counts as busy: the loop cannot run. If the
 * idle clock could not be read at R or E, or ran backwards in between, or E was on another
 * thread, breakdown.known is false and only queue is given. A head that came in parts begins
 * with its first part: the wait for the rest is wait, not queue.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

#define MAX_THREADS 4096
#define MAX_ENVS    4096

int flow_requests__new(struct flow_requests **out, const struct flow_requests_opts *opts)
{
	struct flow_requests *r;
	int err;

	if (!opts->max_connections || !opts->max_in_flight)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->opts = *opts;
	flow_pool__init(&r->conn_pool, sizeof(struct rq_conn), opts->max_connections);
	flow_pool__init(&r->rq_pool, sizeof(struct rq), opts->max_in_flight);
	flow_pool__init(&r->thread_pool, sizeof(struct rq_thread), MAX_THREADS);
	flow_pool__init(&r->env_pool, sizeof(struct rq_env), MAX_ENVS);
	err = flow_routes__new(&r->routes, 0);
	if (!err)
		err = flow_table__init(&r->conns, opts->max_connections);
	if (!err)
		err = flow_table__init(&r->threads, MAX_THREADS);
	if (!err)
		err = flow_table__init(&r->envs, MAX_ENVS);
	if (err) {
		flow_requests__free(r);
		return err;
	}
	*out = r;
	return 0;
}

void flow_requests__free(struct flow_requests *r)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (!r)
		return;
	r->opts.blocking = NULL; /* whoever wants to know has called finish */
	while ((s = flow_table__next(&r->threads, &pos))) {
		rq_hold__free(r, s->value);
		rq_line__free(s->value);
	}
	for (struct rq_conn *c = r->newest; c; c = c->older) {
		if (c->held) {
			free(c->held->long_path);
			free(c->held->kept);
			rq_wait__free(c->held);
		}
		for (struct rq *rq = c->first; rq; rq = rq->next) {
			free(rq->long_path);
			free(rq->kept);
			rq_wait__free(rq);
		}
	}
	flow_table__destroy(&r->conns);
	flow_table__destroy(&r->threads);
	flow_table__destroy(&r->envs);
	flow_pool__destroy(&r->conn_pool);
	flow_pool__destroy(&r->rq_pool);
	flow_pool__destroy(&r->thread_pool);
	flow_pool__destroy(&r->env_pool);
	flow_routes__free(r->routes);
	free(r);
}

static void end_all(struct flow_requests *r, struct rq_conn *c, enum flow_req_end end, uint64_t ts,
		    uint32_t incomplete)
{
	while (c->first) {
		c->first->pub.incomplete |= incomplete;
		rq__end(r, c->first, end, ts);
	}
	c->untracked = 0;
}

/* An operation failed: the connection is broken, whoever's fault it was. */
static void failed(struct flow_requests *r, struct rq_conn *c, const struct flow_event *ev)
{
	for (struct rq *rq = c->first; rq; rq = rq->next)
		rq_time__settle(rq, ev);
	end_all(r, c, REQ_ABORTED_PEER, ev->ts, 0);
}

/* Remembers the first part of a head and adds up the others. */
static void head_part(struct rq_conn *c, const struct flow_event *ev)
{
	if (!c->part_ts) {
		c->part_ts = ev->ts;
		c->part_arrival_ns = ev->io.arrival_ns;
		c->part_idle_ns = ev->io.clock.idle_ns;
		c->part_idle_known = ev->io.clock.has & FE_CLOCK_IDLE;
		c->part_bytes = 0;
	}
	c->part_bytes += ev->io.bytes;
}

static void note_latest(struct rq_conn *c, const struct rq *rq, uint64_t ts)
{
	c->latest_unclear = !rq || (c->latest_ts == ts && c->latest.seq);
	c->latest_ts = ts;
	if (rq)
		c->latest = (struct flow_req_ref){rq->pub.pid, rq->pub.env, rq->pub.seq, c->id};
}

/*
 * A client that pipelines may have had requests unanswered when the connection was first seen.
 * Their responses answer in order too, so from then on any response may be another request's.
 */
static void doubt(struct rq_conn *c)
{
	c->doubtful = true;
	if (c->held)
		c->held->pub.incomplete |= REQ_INC_ATTACH;
	for (struct rq *rq = c->first; rq; rq = rq->next)
		rq->pub.incomplete |= REQ_INC_ATTACH;
}

/*
 * Was the head in the socket before the end of the last response can have reached the client?
 * A send is told when it returns, and over loopback the next request may come in before that.
 */
static bool early(const struct rq_conn *c, const struct flow_event *ev)
{
	return ev->io.arrival_ns && ev->io.arrival_ns < c->unsent_ns;
}

/* Whatever the thread did last was over before it began this send. */
static void note_unsent(struct rq_conn *c, const struct rq_thread *t, const struct flow_event *ev)
{
	if (t && t->point && t->ts <= ev->ts)
		c->unsent_ns = t->ts;
}

static struct rq *begin_request(struct flow_requests *r, struct rq_conn *c, struct rq_thread *t,
				const struct flow_event *ev)
{
	struct rq *rq;

	if (ev->io.flags & FE_F_RESYNC)
		end_all(r, c, REQ_LOST, 0, REQ_INC_LOSS);
	if (c->count || c->untracked)
		c->pipelined = true;
	if (!c->facts.seen_open && (c->pipelined || early(c, ev)))
		doubt(c);
	rq_conn__release_held(r, c);
	if (!c->first)
		c->owed = 0; /* or records of it were lost */
	if (!c->seq && t)
		c->losses = t->losses;
	rq = rq__new(r, c, t, &ev->io);
	note_latest(c, rq, ev->ts);
	if (!rq)
		return NULL;
	rq_time__begin(rq, ev, c);
	rq->pub.bytes_in = c->part_ts ? c->part_bytes : 0;
	if (ev->io.flags & FE_F_GAP)
		rq->pub.incomplete |= REQ_INC_GAP;
	if (c->doubtful)
		rq->pub.incomplete |= REQ_INC_ATTACH;
	/* With several requests open, a loss may have shifted which response answers which. */
	if (c->pipelined && t && t->losses != c->losses)
		rq->pub.incomplete |= REQ_INC_LOSS;
	return rq;
}

static void end_of_input(struct flow_requests *r, struct rq_conn *c, const struct flow_event *ev)
{
	c->eof = true;
	for (struct rq *rq = c->first; rq; rq = rq->next)
		rq_time__settle(rq, ev);
	if (c->last && !c->last->in_done && !(ev->io.flags & FE_F_GAP))
		rq__end(r, c->last, REQ_ABORTED_PEER, ev->ts);
}

/*
 * What had come of a request before the input began. How the loop has spent its time since is not
 * known, and neither is what it is at now.
 */
static void before_in(struct flow_requests *r, struct rq_conn *c, struct rq_thread *t,
		      const struct flow_event *ev)
{
	struct rq *rq;

	if (ev->io.flags & FE_F_EOF) {
		c->eof = true;
		for (rq = c->first; rq; rq = rq->next) {
			rq->last_ns = max_t(uint64_t, rq->last_ns, ev->ts);
			rq->sent = true;
		}
	}
	if (!(ev->io.flags & FE_F_HEAD)) {
		if (ev->io.flags & FE_F_PART)
			head_part(c, ev);
		return;
	}
	rq = begin_request(r, c, t, ev);
	c->part_ts = 0;
	c->latest_unclear = true;
	if (!rq)
		return;
	rq->pub.before = true;
	rq->pub.incomplete |= REQ_INC_ATTACH;
	rq->pub.bytes_in += ev->io.bytes;
	rq->in_done = ev->io.flags & (FE_F_END | FE_F_BAD);
	rq->from_idle_known = false;
}

/* A head that was only handed in goes out with what comes next. */
static void note_first_byte(struct rq *rq, const struct flow_event *ev)
{
	bool head = ev->io.flags & FE_F_HEAD;

	if (head && !(ev->io.flags & FE_F_INFO) && !rq->handed_in)
		rq->pub.first_byte_ns = ev->ts;
	else if (!head && rq->handed_in && !rq->pub.first_byte_ns)
		rq->pub.first_byte_ns = ev->ts;
}

/* The same of its response. */
static void before_out(struct rq_conn *c, const struct flow_event *ev)
{
	struct rq *rq = c->first;

	if (ev->io.flags & FE_F_HEAD)
		c->unpaired = ev->io.flags & FE_F_GAP;
	if (c->unpaired || !rq)
		return;
	if (ev->io.flags & FE_F_HEAD) {
		rq->pub.status = ev->io.status;
		rq->handed_in = ev->io.version == FLOW_VERSION_H2;
	}
	note_first_byte(rq, ev);
	rq->pub.bytes_out += ev->io.bytes;
	rq->last_ns = ev->ts;
	rq->sent = true;
}

static int on_in(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_conn *c = rq_conn__get(r, ev, ev->io.conn);
	struct rq_thread *t = rq_thread__get(r, ev->pid, ev->tid);
	struct rq *rq;

	if (!c)
		return -ENOMEM;
	if (ev->io.flags & FE_F_BEFORE) {
		before_in(r, c, t, ev);
		return 0;
	}
	rq_conn__end_sending(r, c);
	if (ev->io.flags & FE_F_HEAD) {
		rq = begin_request(r, c, t, ev);
		c->part_ts = 0;
	} else {
		if (ev->io.flags & FE_F_PART)
			head_part(c, ev);
		rq = c->last && !c->last->in_done ? c->last : NULL;
	}
	rq_time__receive(r, t, ev, rq);
	if (ev->io.error) {
		failed(r, c, ev);
	} else if (ev->io.flags & FE_F_EOF) {
		end_of_input(r, c, ev);
	} else if (rq) {
		rq->pub.bytes_in += ev->io.bytes;
		rq->in_done = ev->io.flags & (FE_F_END | FE_F_BAD);
	}
	return 0;
}

static void response_done(struct flow_requests *r, struct rq *rq, uint32_t flags)
{
	enum flow_req_end end = flags & FE_F_UPGRADE ? REQ_UPGRADED : REQ_COMPLETE;

	if (flags & FE_F_GAP)
		rq->pub.incomplete |= REQ_INC_GAP;
	if (rq->conn->owed) {
		rq->conn->sending = rq;
		rq->conn->sending_end = end;
		return;
	}
	rq__end(r, rq, end, rq->last_ns);
}

/* Over TLS: what was written goes to the socket, and with it the end of a response. */
static void on_sent(struct flow_requests *r, struct rq_conn *c, struct rq_thread *t,
		    const struct flow_event *ev)
{
	struct rq *rq = c->sending ? c->sending : c->first;

	c->owed -= min_t(uint64_t, c->owed, ev->io.bytes);
	if (rq && !rq->pub.bytes_out)
		rq = NULL; /* of the response before, which has been handed out */
	rq_time__send(r, t, ev, rq);
	if (rq)
		rq_time__settle(rq, ev);
	if (c->sending && !c->owed)
		rq_conn__end_sending(r, c);
}

static int on_out(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_conn *c = rq_conn__get(r, ev, ev->io.conn);
	struct rq_thread *t = rq_thread__get(r, ev->pid, ev->tid);
	uint32_t flags = ev->io.flags;
	struct rq *rq;

	if (!c)
		return -ENOMEM;
	if (flags & FE_F_BEFORE) {
		before_out(c, ev);
		return 0;
	}
	if (flags & FE_F_SENT) {
		on_sent(r, c, t, ev);
		return 0;
	}
	rq_conn__end_sending(r, c);
	if (flags & FE_F_TLS)
		c->owed += ev->io.bytes;
	if (flags & FE_F_HEAD) /* GAP: the answer to a request that was not seen */
		c->unpaired = flags & FE_F_GAP;
	if (c->unpaired && c->held)
		doubt(c);
	rq_conn__release_held(r, c);
	rq = c->unpaired ? NULL : c->first;
	if ((flags & FE_F_END) && !ev->io.bytes) { /* told late: the last send was the end */
		if (rq && rq->sent)
			response_done(r, rq, flags);
		else if (!rq && c->untracked)
			c->untracked--;
		return 0;
	}
	note_unsent(c, t, ev);
	rq_time__send(r, t, ev, rq);
	if (ev->io.error) {
		failed(r, c, ev);
		return 0;
	}
	if (!rq) {
		if ((flags & FE_F_END) && c->untracked && !c->unpaired)
			c->untracked--;
		return 0;
	}
	rq->pub.bytes_out += ev->io.bytes;
	rq_time__settle(rq, ev);
	if ((flags & FE_F_HEAD) && !(flags & FE_F_INFO)) {
		rq->pub.status = ev->io.status;
		rq->handed_in = ev->io.version == FLOW_VERSION_H2;
	}
	note_first_byte(rq, ev);
	if (flags & FE_F_END)
		response_done(r, rq, flags);
	return 0;
}

static void on_close(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_conn *c = flow_table__get(&r->conns, ev->close.conn, 0);
	bool by_peer;

	if (!c)
		return;
	rq_conn__end_sending(r, c);
	by_peer = ev->close.by_peer || c->eof;
	while (c->first) {
		struct rq *rq = c->first;

		/* After the end of the peer's side its time is settled; a bare close has no clock.
		 */
		if (!c->eof)
			rq->pub.breakdown.known = rq->pub.waits.known = false;
		rq__end(r, rq, by_peer ? REQ_ABORTED_PEER : REQ_ABORTED_SERVER,
			c->eof ? rq->last_ns : ev->ts);
	}
	rq_conn__drop(r, c);
}

static void on_thread(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_thread *t = rq_thread__get(r, ev->pid, ev->tid);

	if (!t)
		return;
	if (ev->thread.ended)
		rq_thread__drop(r, t);
	else
		t->env = ev->thread.env;
}

static void on_loss(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_thread *t;

	if (ev->loss.kind != FLOW_LOSS_RING || !ev->loss.count)
		return;
	t = ev->tid ? flow_table__get(&r->threads, ev->pid, ev->tid) : NULL;
	if (t)
		t->losses++;
	else if (!ev->tid)
		r->losses_all++;
}

/* @pid 0: all. Hands out what is in flight and forgets the connections. */
static void end_target(struct flow_requests *r, uint32_t pid)
{
	struct rq_conn *c = r->oldest, *next;
	struct flow_slot *s;
	uint32_t pos = 0;

	for (; c; c = next) {
		next = c->newer;
		if (pid && c->pid != pid)
			continue;
		rq_conn__end_sending(r, c);
		end_all(r, c, REQ_IN_FLIGHT, 0, 0);
		rq_conn__drop(r, c);
	}
	while ((s = flow_table__next(&r->threads, &pos))) {
		struct rq_thread *t = s->value;

		if (pid && t->pid != pid)
			continue;
		rq_thread__drop(r, t);
		pos--;
	}
	for (pos = 0; (s = flow_table__next(&r->envs, &pos));) {
		if (pid && s->a != pid)
			continue;
		flow_pool__release(&r->env_pool, flow_table__take(&r->envs, s->a, s->b));
		pos--;
	}
}

int flow_requests__event(struct flow_requests *r, const struct flow_event *ev)
{
	struct rq_thread *t;
	struct rq_conn *c;

	switch (ev->type) {
	case FE_IN:
		return on_in(r, ev);
	case FE_OUT:
		return on_out(r, ev);
	case FE_TURN:
		flow_requests__turn(r, ev, &ev->turn.clock, ev->turn.kind, ev->turn.due_ns, NULL);
		return 0;
	case FE_CLIENT:
		/* Whoever knows whose call it answers says so; see flow_call.c. */
		if (ev->client.op == LR_CLIENT_RECEIVE)
			flow_requests__turn(r, ev, &ev->client.clock, LR_TURN_OTHER, 0, NULL);
		return 0;
	case FE_GC:
		t = flow_table__get(&r->threads, ev->pid, ev->tid);
		if (t)
			t->gc_ns += ev->gc.duration_ns;
		return 0;
	case FE_SCOPE:
		t = flow_table__get(&r->threads, ev->pid, ev->tid);
		if (t)
			rq_time__scope(t, ev->ts);
		return 0;
	case FE_CONN:
		c = rq_conn__get(r, ev, ev->conn.conn);
		if (!c)
			return -ENOMEM;
		if (ev->conn.family || !c->facts.family) /* told again knowing less: keep */
			c->facts = ev->conn;
		return 0;
	case FE_CLOSE:
		on_close(r, ev);
		return 0;
	case FE_HEADERS:
		c = flow_table__get(&r->conns, ev->headers.conn, 0);
		/* Its head came with this time; one that there was no room for has none. */
		if (c && c->last && !c->untracked && c->last->pub.recv_ns == ev->ts)
			rq_kept__take(c->last, &ev->headers);
		return 0;
	case FE_THREAD:
		on_thread(r, ev);
		return 0;
	case FE_LOSS:
		on_loss(r, ev);
		return 0;
	case FE_TARGET_END:
		end_target(r, ev->pid);
		return 0;
	default:
		return 0;
	}
}

void flow_requests__finish(struct flow_requests *r, uint64_t ts)
{
	(void)ts; /* what is in flight has no end */
	end_target(r, 0);
}

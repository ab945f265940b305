// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads, connections and requests in flight: bounded, and every bound that bites counted. */
#include <stdlib.h>
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

#define EVICT_LOOK 8 /* connections looked at for one without requests in flight */

struct rq_thread *rq_thread__get(struct flow_requests *r, uint32_t pid, uint32_t tid)
{
	struct rq_thread *t = flow_table__get(&r->threads, pid, tid);

	if (t)
		return t;
	t = flow_pool__alloc(&r->thread_pool);
	if (!t || flow_table__put(&r->threads, pid, tid, t)) {
		flow_pool__release(&r->thread_pool, t);
		r->overflow.threads++;
		return NULL;
	}
	t->pid = pid;
	t->tid = tid;
	t->env = pid == tid ? 0 : FLOW_ENV_UNKNOWN;
	return t;
}

void rq_thread__put(struct flow_requests *r, struct rq_thread *t)
{
	if (t && --t->refs == 0 && t->ended)
		flow_pool__release(&r->thread_pool, t);
}

/* Out of the table now, out of memory when no request points to it any more. */
void rq_thread__drop(struct flow_requests *r, struct rq_thread *t)
{
	flow_table__take(&r->threads, t->pid, t->tid);
	rq_hold__free(r, t);
	rq_line__free(t);
	t->ended = true;
	t->owner = NULL;
	t->refs++;
	rq_thread__put(r, t);
}

static void conn_unlink(struct flow_requests *r, struct rq_conn *c)
{
	if (c->newer)
		c->newer->older = c->older;
	else
		r->newest = c->older;
	if (c->older)
		c->older->newer = c->newer;
	else
		r->oldest = c->newer;
}

static void conn_link(struct flow_requests *r, struct rq_conn *c)
{
	c->newer = NULL;
	c->older = r->newest;
	if (c->older)
		c->older->newer = c;
	else
		r->oldest = c;
	r->newest = c;
}

static void hand_out(struct flow_requests *r, struct rq *rq)
{
	if (r->opts.done)
		r->opts.done(r->opts.ctx, &rq->pub);
	free(rq->long_path);
	free(rq->kept);
	rq_wait__free(rq);
	flow_pool__release(&r->rq_pool, rq);
}

void rq_conn__release_held(struct flow_requests *r, struct rq_conn *c)
{
	if (c->held)
		hand_out(r, c->held);
	c->held = NULL;
}

void rq_conn__end_sending(struct flow_requests *r, struct rq_conn *c)
{
	struct rq *rq = c->sending;

	if (!rq)
		return;
	c->sending = NULL;
	c->owed = 0;
	rq__end(r, rq, c->sending_end, rq->last_ns);
}

void rq_conn__drop(struct flow_requests *r, struct rq_conn *c)
{
	rq_conn__release_held(r, c);
	conn_unlink(r, c);
	flow_table__take(&r->conns, c->id, 0);
	flow_pool__release(&r->conn_pool, c);
}

static void evict(struct flow_requests *r)
{
	struct rq_conn *c = r->oldest;

	for (int i = 0; c && i < EVICT_LOOK && c->count; i++)
		c = c->newer;
	if (!c || c->count)
		c = r->oldest;
	if (!c)
		return;
	rq_conn__end_sending(r, c);
	if (c->count)
		r->overflow.connections++;
	else
		r->overflow.idle_connections++;
	while (c->first) {
		c->first->pub.incomplete |= REQ_INC_LOSS;
		rq__end(r, c->first, REQ_LOST, 0);
	}
	rq_conn__drop(r, c);
}

struct rq_conn *rq_conn__get(struct flow_requests *r, const struct flow_event *ev, uint64_t id)
{
	struct rq_conn *c = flow_table__get(&r->conns, id, 0);

	if (c) {
		if (c != r->newest) {
			conn_unlink(r, c);
			conn_link(r, c);
		}
		return c;
	}
	if (r->conns.count >= r->opts.max_connections)
		evict(r);
	c = flow_pool__alloc(&r->conn_pool);
	if (!c || flow_table__put(&r->conns, id, 0, c)) {
		flow_pool__release(&r->conn_pool, c);
		return NULL;
	}
	c->id = id;
	c->pid = ev->pid;
	conn_link(r, c);
	return c;
}

static uint64_t next_seq(struct flow_requests *r, uint32_t pid, uint32_t env)
{
	struct rq_env *e = flow_table__get(&r->envs, pid, env);

	if (!e) {
		e = flow_pool__alloc(&r->env_pool);
		if (!e || flow_table__put(&r->envs, pid, env, e)) {
			flow_pool__release(&r->env_pool, e);
			return 0;
		}
	}
	return ++e->seq;
}

static bool set_path(struct flow_requests *r, struct rq *rq, const struct flow_str *path)
{
	size_t len = min_t(uint32_t, path->len, FLOW_PATH_MAX);
	char *to = rq->path;

	if (len >= sizeof(rq->path)) {
		rq->long_path = malloc(len + 1);
		if (!rq->long_path)
			return false;
		to = rq->long_path;
	}
	if (len)
		memcpy(to, path->s, len);
	to[len] = '\0';
	rq->pub.path = to;
	rq->pub.route = flow_routes__of(r->routes, to, len);
	return true;
}

/* Names live as long as the program: events of a capture point into buffers that do not. */
static const char *method_text(const struct fe_io *io)
{
	static const char *const common[] = {
		[FM_GET] = "GET",	  [FM_HEAD] = "HEAD",	  [FM_POST] = "POST",
		[FM_PUT] = "PUT",	  [FM_DELETE] = "DELETE", [FM_CONNECT] = "CONNECT",
		[FM_OPTIONS] = "OPTIONS", [FM_TRACE] = "TRACE",	  [FM_PATCH] = "PATCH",
	};
	static const char *const rare[] = {
		"ACL",	    "BIND",	   "CHECKOUT",	 "COPY",       "LINK",	 "LOCK",
		"M-SEARCH", "MERGE",	   "MKACTIVITY", "MKCALENDAR", "MKCOL",	 "MOVE",
		"NOTIFY",   "PROPFIND",	   "PROPPATCH",	 "PURGE",      "QUERY",	 "REBIND",
		"REPORT",   "SEARCH",	   "SOURCE",	 "SUBSCRIBE",  "UNBIND", "UNLINK",
		"UNLOCK",   "UNSUBSCRIBE",
	};

	if (io->method < ARRAY_SIZE(common) && common[io->method])
		return common[io->method];
	for (size_t i = 0; i < ARRAY_SIZE(rare); i++)
		if (strlen(rare[i]) == io->method_name.len &&
		    memcmp(rare[i], io->method_name.s, io->method_name.len) == 0)
			return rare[i];
	return "_OTHER";
}

static void fill_public(struct flow_req *p, const struct rq_conn *c, const struct rq_thread *t,
			const struct fe_io *io)
{
	p->pid = c->pid;
	p->tid = t ? t->tid : 0;
	p->env = t ? t->env : FLOW_ENV_UNKNOWN;
	p->conn = c->id;
	/* Streams that clients begin have odd numbers. */
	p->conn_seq = flow_conn__stream(c->id) ? (flow_conn__stream(c->id) + 1) / 2 : c->seq;
	p->family = c->facts.family;
	p->local_port = c->facts.local_port;
	p->peer_port = c->facts.peer_port;
	memcpy(p->peer_addr, c->facts.peer_addr, sizeof(p->peer_addr));
	p->method = method_text(io);
	p->version = io->version;
	p->tls = io->flags & FE_F_TLS;
}

static void link_in_flight(struct flow_requests *r, struct rq *rq)
{
	rq->before = r->begun_last;
	if (rq->before)
		rq->before->after = rq;
	else
		r->begun_first = rq;
	r->begun_last = rq;
	r->in_flight++;
}

static void unlink_in_flight(struct flow_requests *r, struct rq *rq)
{
	if (rq->before)
		rq->before->after = rq->after;
	else
		r->begun_first = rq->after;
	if (rq->after)
		rq->after->before = rq->before;
	else
		r->begun_last = rq->before;
	r->in_flight--;
}

struct rq *rq__new(struct flow_requests *r, struct rq_conn *c, struct rq_thread *t,
		   const struct fe_io *io)
{
	struct rq *rq = NULL;

	c->seq++;
	if (!c->untracked && r->in_flight < r->opts.max_in_flight)
		rq = flow_pool__alloc(&r->rq_pool);
	if (rq && !set_path(r, rq, &io->path)) {
		flow_pool__release(&r->rq_pool, rq);
		rq = NULL;
	}
	if (!rq) {
		c->untracked++;
		r->overflow.requests++;
		return NULL;
	}
	fill_public(&rq->pub, c, t, io);
	rq->pub.seq = next_seq(r, rq->pub.pid, rq->pub.env);
	rq->conn = c;
	rq->thread = t;
	rq->losses_all = r->losses_all;
	if (t) {
		t->refs++;
		rq->losses = t->losses;
	}
	if (c->last)
		c->last->next = rq;
	else
		c->first = rq;
	c->last = rq;
	c->count++;
	link_in_flight(r, rq);
	return rq;
}

static void unlink_rq(struct rq_conn *c, struct rq *rq)
{
	struct rq **at = &c->first;
	struct rq *before = NULL;

	for (; *at != rq; at = &(*at)->next)
		before = *at;
	*at = rq->next;
	if (c->last == rq)
		c->last = before;
	c->count--;
}

void rq__end(struct flow_requests *r, struct rq *rq, enum flow_req_end end, uint64_t end_ns)
{
	struct rq_thread *t = rq->thread;
	struct rq_conn *c = rq->conn;

	unlink_rq(c, rq);
	unlink_in_flight(r, rq);
	rq->pub.end = end;
	/* Records of other threads may carry times from before its own. */
	if (end_ns && end_ns < rq->from_ns)
		end_ns = rq->last_ns;
	rq->pub.end_ns = end_ns;
	if (end_ns != rq->last_ns)
		rq->pub.breakdown.known = rq->pub.waits.known = false;
	if ((t && t->losses != rq->losses) || r->losses_all != rq->losses_all)
		rq->pub.incomplete |= REQ_INC_LOSS;
	rq_wait__blame(rq);
	rq_time__forget(t, rq);
	rq_thread__put(r, t);
	if (rq->pub.conn_seq == 1 && !c->facts.seen_open && end == REQ_COMPLETE)
		c->held = rq;
	else
		hand_out(r, rq);
}

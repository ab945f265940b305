// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which request an async resource was created for.
 *
 * Only resources with a native object are seen at init and destroy. Timers, immediates, ticks
 * and promises get their ids in JavaScript, unseen; but the execution async id and the id
 * counter are read at every native init and at the end of every callback scope. What can be
 * concluded from that without guessing:
 *
 *   1. A resource belongs to what its *execution* id belongs to (not its trigger id: the
 *      trigger of a pooled socket is whoever opened it first).
 *   2. If the execution id is a live native resource, it belongs to that one's request.
 *   3. HTTPINCOMINGMESSAGE is the HTTP parser of one connection, with one id for all its
 *      requests. Node.js runs it out of the read, so the connection that the thread last
 *      received from, when the parser's id is first seen executing, is the parser's; from
 *      then on the id means the request whose head that connection delivered last. If the
 *      parser is ever seen with another connection, or several heads came in one receive,
 *      nothing is concluded.
 *   4. If the execution id is not native, it was allocated in JavaScript. Ids between two
 *      readings of the counter belong to the execution id of both readings if it is the same
 *      and no callback scope ended in between; else to nobody. (Measured: 60% of ids known,
 *      none wrong; guessing the others was wrong for up to 7%.)
 *   5. Execution id 0 (after an await without promise hooks, or native code on its own) says
 *      nothing.
 *
 * Everything else is unknown and stays so. Ids mean something only within their environment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_context_int.h"

int flow_context__new(struct flow_context **out, struct flow_requests *requests,
		      uint32_t max_resources)
{
	struct flow_context *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->requests = requests;
	c->max_resources = max_resources;
	flow_pool__init(&c->res_pool, sizeof(struct ctx_res), max_resources);
	err = flow_table__init(&c->resources, max_resources);
	if (!err)
		err = flow_table__init(&c->envs, CTX_MAX_ENVS);
	if (!err)
		err = ctx_types__init(c);
	if (err) {
		flow_context__free(c);
		return err;
	}
	*out = c;
	return 0;
}

void flow_context__free(struct flow_context *c)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (!c)
		return;
	while ((s = flow_table__next(&c->envs, &pos)))
		ctx_env__free(s->value);
	flow_table__destroy(&c->envs);
	flow_table__destroy(&c->resources);
	flow_pool__destroy(&c->res_pool);
	ctx_types__destroy(c);
	free(c);
}

void flow_context__on_resource(struct flow_context *c,
			       void (*fn)(void *ctx, const struct flow_resource *res), void *ctx)
{
	c->on_resource = fn;
	c->ctx = ctx;
}

uint64_t flow_context__overflow(const struct flow_context *c)
{
	return c->overflow;
}

static struct ctx_res *find(const struct flow_context *c, uint32_t pid, uint32_t env, int64_t id)
{
	return id > 0 ? flow_table__get(&c->resources, (uint64_t)id, ctx_key(pid, env)) : NULL;
}

const char *flow_context__type_of(const struct flow_context *c, uint32_t pid, uint32_t env,
				  int64_t async_id)
{
	const struct ctx_res *res = find(c, pid, env, async_id);

	return res ? res->type->name : NULL;
}

/* Hands a resource out and forgets it. Its type goes on counting it as alive if it is. */
static void retire(struct flow_context *c, struct ctx_res *res)
{
	if (c->on_resource)
		c->on_resource(c->ctx, &res->pub);
	flow_table__take(&c->resources, (uint64_t)res->pub.async_id,
			 ctx_key(res->pub.pid, res->pub.env));
	flow_pool__release(&c->res_pool, res);
}

/* Rule 3: learns or contradicts the connection of a parser that is executing. */
static void learn_conn(struct ctx_res *res, uint64_t conn)
{
	if (!res || !res->type->parser || !conn)
		return;
	if (!res->conn)
		res->conn = conn;
	else if (res->conn != conn)
		res->unclear = true;
}

/* The request that execution id @exec works for. False: unknown. */
static bool request_of(const struct flow_context *c, const struct ctx_env *e, int64_t exec,
		       struct flow_req_ref *ref)
{
	const struct ctx_res *res;

	if (exec <= 0)
		return false;
	res = find(c, e->pid, e->env, exec);
	if (!res)
		return ctx_env__owner(e, exec, ref);
	if (res->type->parser)
		return res->conn && !res->unclear &&
		       flow_requests__latest(c->requests, res->conn, ref);
	*ref = res->request;
	return ref->seq != 0;
}

/* Rule 4: two readings of the counter with the same execution id around allocated ids. */
static void boundary(const struct flow_context *c, struct ctx_env *e, int64_t exec, int64_t counter)
{
	struct flow_req_ref ref;

	if (exec > 0 && e->exec_id == exec && counter > e->counter && request_of(c, e, exec, &ref))
		ctx_env__add(e, e->counter, counter, &ref);
	e->exec_id = exec;
	e->counter = counter;
}

static void fill(struct ctx_res *res, const struct flow_event *ev)
{
	const struct fe_resource *r = &ev->resource;

	res->pub.pid = ev->pid;
	res->pub.env = r->env;
	res->pub.async_id = r->async_id;
	res->pub.trigger_id = r->trigger_id;
	res->pub.exec_id = r->flags & FE_RES_EXEC ? r->exec_id : -1;
	res->pub.type = res->type->name;
	res->pub.init_ns = ev->ts;
	res->pub.request_seq = res->request.seq;
	res->pub.conn = res->request.conn;
}

static int keep(struct flow_context *c, const struct flow_event *ev, struct ctx_type *type,
		const struct flow_req_ref *ref)
{
	const struct fe_resource *r = &ev->resource;
	struct ctx_res *res = find(c, ev->pid, r->env, r->async_id);

	if (res) { /* its destroy was not seen */
		res->type->pub.alive--;
		retire(c, res);
	}
	res = flow_pool__alloc(&c->res_pool);
	if (!res) {
		c->overflow++;
		return 0;
	}
	res->type = type;
	res->request = *ref;
	fill(res, ev);
	if (flow_table__put(&c->resources, (uint64_t)r->async_id, ctx_key(ev->pid, r->env), res)) {
		flow_pool__release(&c->res_pool, res);
		c->overflow++;
		return 0;
	}
	type->pub.alive++;
	if (ref->seq)
		flow_requests__count_resource(c->requests, ref, 1, 1);
	return 0;
}

static int on_init(struct flow_context *c, const struct flow_event *ev)
{
	const struct fe_resource *r = &ev->resource;
	struct ctx_type *type = ctx_types__of(c, ev->pid, r);
	struct ctx_env *e = ctx_env__get(c, ev->pid, r->env);
	struct flow_req_ref ref = {0};

	type->pub.init++;
	if (e && (r->flags & FE_RES_EXEC)) {
		learn_conn(find(c, ev->pid, r->env, r->exec_id), r->conn);
		boundary(c, e, r->exec_id, r->counter);
		if (!request_of(c, e, r->exec_id, &ref))
			ref.seq = 0;
	} else if (e) {
		e->exec_id = -1;
	}
	if (ref.seq)
		type->pub.known_request++;
	if (!(r->flags & FE_RES_IDS) || r->async_id <= 0) {
		c->overflow++; /* it cannot be named, so it cannot be followed */
		return 0;
	}
	return keep(c, ev, type, &ref);
}

static void on_destroy(struct flow_context *c, const struct flow_event *ev)
{
	const struct fe_resource *r = &ev->resource;
	struct ctx_res *res = find(c, ev->pid, r->env, r->async_id);
	struct ctx_type *type;

	if (!res) {
		type = ctx_types__of(c, ev->pid, r);
		type->pub.destroy++;
		type->pub.destroy_unseen++;
		return;
	}
	res->type->pub.destroy++;
	res->type->pub.alive--;
	res->pub.destroy_ns = ev->ts;
	ctx_leak__destroyed(res);
	if (res->request.seq)
		flow_requests__count_resource(c->requests, &res->request, 0, -1);
	retire(c, res);
}

static void on_scope(struct flow_context *c, const struct flow_event *ev)
{
	const struct fe_scope *s = &ev->scope;
	struct ctx_env *e = ctx_env__get(c, ev->pid, s->env);
	struct ctx_res *res = find(c, ev->pid, s->env, s->async_id);

	learn_conn(res, s->conn);
	if (res) {
		res->pub.callbacks++;
		res->used = res->over_ns != 0;
		res->type->pub.before++;
	} else if (s->async_id > 0) {
		c->unknown_type->pub.before++;
	}
	if (!e)
		return;
	if (s->async_id >= 0)
		boundary(c, e, s->async_id, s->counter);
	e->exec_id = -1;
}

/* Environment @env of @pid is no more (@all: every one of it). */
static void forget(struct flow_context *c, uint32_t pid, uint32_t env, bool all)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	while ((s = flow_table__next(&c->resources, &pos))) {
		struct ctx_res *res = s->value;

		if (res->pub.pid != pid || (!all && res->pub.env != env))
			continue;
		retire(c, res);
		pos--;
	}
	for (pos = 0; (s = flow_table__next(&c->envs, &pos));) {
		if (s->a != pid || (!all && s->b != env))
			continue;
		ctx_env__free(flow_table__take(&c->envs, s->a, s->b));
		pos--;
	}
	for (pos = 0; all && (s = flow_table__next(&c->providers, &pos));) {
		if (s->a != pid)
			continue;
		flow_table__take(&c->providers, s->a, s->b);
		pos--;
	}
}

static void on_thread(struct flow_context *c, const struct flow_event *ev)
{
	const struct fe_thread *t = &ev->thread;
	struct ctx_env *e = flow_table__get(&c->envs, ev->pid, t->env);

	if (e && (t->ended || (t->env_addr && e->addr && e->addr != t->env_addr)))
		forget(c, ev->pid, t->env, false);
	if (t->ended || !t->env_addr)
		return;
	e = ctx_env__get(c, ev->pid, t->env);
	if (e)
		e->addr = t->env_addr;
}

int flow_context__event(struct flow_context *c, const struct flow_event *ev)
{
	ctx_leak__event(c, ev);
	switch (ev->type) {
	case FE_PROVIDER:
		return ctx_types__provider(c, ev->pid, &ev->provider);
	case FE_INIT:
		return on_init(c, ev);
	case FE_DESTROY:
		on_destroy(c, ev);
		return 0;
	case FE_SCOPE:
		on_scope(c, ev);
		return 0;
	case FE_THREAD:
		on_thread(c, ev);
		return 0;
	case FE_TARGET_END:
		forget(c, ev->pid, 0, true);
		return 0;
	default:
		return 0;
	}
}

void flow_context__finish(struct flow_context *c)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	flow_context__leaks(c, &c->leaks);
	c->finished = true;
	while ((s = flow_table__next(&c->resources, &pos))) {
		retire(c, s->value);
		pos--;
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a callback back to where it came from: each resource was triggered by another one, which
 * may be known. Of what JavaScript made itself (timers, immediates, ticks, promises) nothing is
 * seen but ids; whose request's work they are may still be known by when their ids were given out.
 * There the chain ends, for what triggered it is not known.
 */
#include "flow_context_int.h"

static void link_native(struct flow_link *l, const struct ctx_res *res)
{
	l->type = res->type->name;
	l->trigger_id = res->pub.trigger_id;
	l->exec_id = res->pub.exec_id;
	l->init_ns = res->pub.init_ns;
	l->request_seq = res->request.seq;
	l->conn = res->request.conn;
}

static void link_of(const struct flow_context *c, uint32_t pid, uint32_t env, struct flow_link *l)
{
	const struct ctx_env *e = flow_table__get(&c->envs, pid, env);
	const struct ctx_res *res =
		flow_table__get(&c->resources, (uint64_t)l->async_id, ctx_key(pid, env));
	struct flow_req_ref ref;

	if (res) {
		link_native(l, res);
	} else if (e && ctx_env__owner(e, l->async_id, &ref)) {
		l->request_seq = ref.seq;
		l->conn = ref.conn;
	}
}

uint32_t flow_context__chain(const struct flow_context *c, uint32_t pid, uint32_t env,
			     int64_t async_id, int64_t trigger_id, struct flow_link *links,
			     uint32_t cap)
{
	uint32_t n = 0;

	while (n < cap && async_id > 0) {
		struct flow_link *l = &links[n];

		*l = (struct flow_link){.async_id = async_id, .trigger_id = -1, .exec_id = -1};
		link_of(c, pid, env, l);
		/* Ids only grow: what was triggered is younger. */
		if (n == 0 && l->trigger_id < 0)
			l->trigger_id = trigger_id;
		n++;
		if (l->trigger_id >= async_id)
			break;
		async_id = l->trigger_id;
	}
	return n;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The collector: what comes in goes to its parts. */
#include <errno.h>
#include <stdlib.h>

#include "model_live_int.h"
#include "util.h"

#define STEP_NS 1000000000ULL

int live__new(struct live **out, const struct live_opts *opts)
{
	struct live *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	if (opts)
		l->opts = *opts;
	if (!l->opts.step_ns)
		l->opts.step_ns = STEP_NS;
	l->types = calloc(LIVE_TYPES, sizeof(*l->types));
	l->targets = calloc(LIVE_TARGETS, sizeof(*l->targets));
	if (l->types && l->targets)
		err = flow_table__init(&l->route_index, LIVE_ROUTES);
	if (!err)
		err = live_held__init(l);
	if (!err)
		err = live_kept__init(l);
	if (err) {
		live__free(l);
		return err;
	}
	*out = l;
	return 0;
}

void live__free(struct live *l)
{
	if (!l)
		return;
	live_kept__free(l);
	live_held__free(l);
	live_loops__free(l);
	live_routes__free(l);
	free(l->types);
	free(l->targets);
	free(l);
}

uint64_t live__memory(const struct live *l)
{
	return l->kept.bytes + live_held__bytes(l);
}

bool live__measured(const struct flow_req *req)
{
	return req->end == REQ_COMPLETE && !req->incomplete && req->end_ns >= req->start_ns;
}

bool live__mismatched(const struct flow_req *req)
{
	for (uint32_t i = 0; i < req->nfindings; i++)
		if (req->findings[i].kind != FINDING_FAN_OUT)
			return true;
	return false;
}

int live__event(struct live *l, const struct flow_event *ev)
{
	uint64_t number;

	live_series__advance(l, ev->ts);
	if (!l->series.any)
		return 0;
	number = live_series__number(l, ev->ts);
	l->series.window[number % LIVE_WINDOW].events++;
	if (ev->type == FE_LOSS)
		live_series__step(l, number)->lost += ev->loss.count;
	else if (ev->type == FE_PROBE)
		live_agent__probe(l, ev);
	else if (ev->type == FE_TARGET)
		live_targets__event(l, ev);
	return live_loops__event(l, ev);
}

/* One that was in flight to the end of its process has not ended, and counts in no step. */
static int count(struct live *l, const struct flow_req *req)
{
	uint64_t number;

	if (req->end == REQ_IN_FLIGHT)
		return 0;
	live_series__advance(l, req->end_ns);
	if (!l->series.any)
		return 0;
	number = req->end_ns ? live_series__number(l, req->end_ns) : l->series.newest;
	live_series__request(l, req, number);
	live_targets__request(l, req, number);
	return live_routes__request(l, req, number);
}

int live__request(struct live *l, const struct flow_req *req)
{
	struct live_held *held = live_held__find(l, req->conn, req->seq);
	struct live_request *r = live_request__of(req, held);
	int err;

	live_held__drop(l, held);
	if (!r)
		return -ENOMEM;
	err = live_kept__add(l, r);
	return err ? err : count(l, req);
}

/* Of a request that is over and gone nothing is kept. */
static int attach(struct live *l, const struct flow_req_ref *ref, const struct live_item *item)
{
	struct live_request *r;

	if (!ref->seq)
		return 0;
	r = live_kept__find(l, ref->conn, ref->seq);
	if (r) {
		live_kept__late(l, r, item);
		return 0;
	}
	if (l->source.in_progress && !l->source.in_progress(l->source.ctx, ref))
		return 0;
	return live_held__add(l, ref, item);
}

int live__resource(struct live *l, const struct flow_resource *res)
{
	const struct flow_req_ref ref = {res->pid, res->env, res->request_seq, res->conn};
	struct live_item item = {.kind = LIVE_RESOURCE};

	item.resource.async_id = res->async_id;
	item.resource.trigger_id = res->trigger_id;
	item.resource.init_ns = res->init_ns;
	item.resource.destroy_ns = res->destroy_ns;
	live_text(item.resource.type, sizeof(item.resource.type), res->type ? res->type : "");
	return attach(l, &ref, &item);
}

int live__call(struct live *l, const struct flow_call *call)
{
	struct flow_call copy = *call;
	struct live_item item = {.kind = LIVE_CALL, .call = &copy};

	return attach(l, &call->request, &item);
}

int live__job(struct live *l, const struct flow_job *job)
{
	struct live_item item = {.kind = LIVE_JOB, .job = *job};

	return job->by == CALL_BY_NOTHING ? 0 : attach(l, &job->request, &item);
}

int live__blocking(struct live *l, const struct flow_blocking *b)
{
	uint64_t end = b->start_ns + b->duration_ns;

	live_series__advance(l, end);
	if (l->series.any)
		live_series__step(l, live_series__number(l, end))->blockings++;
	return 0;
}

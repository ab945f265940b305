// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The event loop: how long it slept and how often it went round, without a probe.
 *
 * libuv may be part of the binary or a library of its own; what is decoded from libuv is
 * kept apart from what is decoded from Node.js for that reason.
 */
#include <errno.h>
#include <stddef.h>

#include "target_layout_parts.h"

#define FN_NOW	       "uv_now"
#define FN_IDLE	       "uv_metrics_idle_time"
#define FN_INFO	       "uv_metrics_info"
#define FN_DEFAULT     "uv_default_loop"
#define FN_HANDLE_LOOP "uv_handle_get_loop"
#define FN_DUE_IN      "uv_timer_get_due_in"
#define FN_TIMERS      "node::Environment::RunTimers("
#define FN_IMMEDIATE   "node::Environment::CheckImmediate("
#define ENV_MAX	       (1 << 20) /* no member of Environment lies beyond */
#define HANDLE_MAX     1024	 /* nor of a uv_timer_t */

/* The one member that a getter of libuv loads from its argument. */
static uint32_t find_member(struct layout_job *job, const char *fn)
{
	if (layout_job__trace_symbol(job, fn))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == 8 && e->at.root == TRACE_ARG &&
		    e->at.id == 0 && e->at.n == 0 && e->at.add > 0)
			return (uint32_t)e->at.add;
	}
	return 0;
}

/* The two 64-bit metrics that uv_metrics_idle_time reads, and which of them it tests. */
struct idle_reads {
	struct lr_chain first, second;
	int32_t tested; /* its offset in the internal fields, -1: none */
	size_t n;
};

static void idle_read(struct idle_reads *r, const struct lr_chain *chain)
{
	if (r->n == 0)
		r->first = *chain;
	else if (r->n == 1)
		r->second = *chain;
	r->n++;
}

static struct idle_reads find_idle(const struct layout_job *job)
{
	struct idle_reads r = {.tested = -1};
	struct lr_chain chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == 8 && e->insn.dst < CODE_XMM0 &&
		    trace_event__chain(e, TRACE_ARG, &chain) && chain.n == 2)
			idle_read(&r, &chain);
		else if (e->kind == TRACE_CMP && r.tested < 0 && e->value.n == 2 &&
			 trace_value__is_chain(&e->value, TRACE_ARG))
			r.tested = e->value.off[1];
	}
	return r;
}

/*
 * idle time = idle, plus the time since the entry into the poll if there is one: of the two
 * words read, the entry time is the one that is compared with zero.
 */
static int decode_idle(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int err = layout_job__trace_symbol(job, FN_IDLE);
	struct idle_reads r;
	int32_t idle, entry;

	if (err)
		return err;
	r = find_idle(job);
	if (r.n != 2 || r.first.off[0] != r.second.off[0] || r.first.off[1] == r.second.off[1] ||
	    r.first.off[0] <= 0)
		return layout_job__refuse(job, FN_IDLE, "does not read two metrics of the loop");
	if (r.tested == r.first.off[1])
		entry = r.first.off[1], idle = r.second.off[1];
	else if (r.tested == r.second.off[1])
		entry = r.second.off[1], idle = r.first.off[1];
	else
		return layout_job__refuse(job, FN_IDLE, "tests neither metric");
	l->lr.loop_internal = (struct lr_chain){.n = 1, .off = {r.first.off[0]}};
	l->lr.loop_idle = (uint32_t)idle;
	l->p.loop_entry = (uint32_t)entry;
	return 0;
}

/* uv_metrics_info copies uv_metrics_t, whose first member is the loop count (libuv 1.45). */
static uint32_t find_count(struct layout_job *job)
{
	const int32_t internal = job->l->lr.loop_internal.off[0];

	if (layout_job__trace_symbol(job, FN_INFO))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_STORE && e->at.root == TRACE_ARG && e->at.id == 1 &&
		    e->at.n == 0 && e->at.add == 0 && e->value.root == TRACE_ARG &&
		    e->value.id == 0 && e->value.n == 2 && e->value.off[0] == internal &&
		    e->value.off[1] > 0)
			return (uint32_t)e->value.off[1];
	}
	return 0;
}

/* The pointer that uv_default_loop returns once the loop is there. */
static uint64_t find_default_loop(struct layout_job *job)
{
	if (layout_job__trace_symbol(job, FN_DEFAULT))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == 8 && !e->insn.fs &&
		    e->at.root == TRACE_CONST && e->at.n == 0)
			return (uint64_t)e->at.add;
	}
	return 0;
}

static uint32_t find_handle_loop(struct layout_job *job)
{
	return find_member(job, FN_HANDLE_LOOP);
}

/*
 * uv_timer_get_due_in returns timer->timeout - timer->loop->time: besides its loop it reads one
 * word of the timer. Needs p.handle_loop.
 */
static uint32_t find_timeout(struct layout_job *job)
{
	const int64_t loop = job->l->p.handle_loop;
	int64_t found = 0;
	bool has_loop = false;

	if (!loop || layout_job__trace_symbol(job, FN_DUE_IN))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind != TRACE_LOAD && e->kind != TRACE_CMP) || e->insn.width != 8 ||
		    e->at.root != TRACE_ARG || e->at.id != 0 || e->at.n != 0)
			continue;
		if (e->at.add == loop)
			has_loop = true;
		else if (found && found != e->at.add)
			return 0;
		else
			found = e->at.add;
	}
	return has_loop && found > loop && found < HANDLE_MAX ? (uint32_t)found : 0;
}

int layout_uv__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int err = decode_idle(job);

	if (err)
		return err;
	l->p.loop_time = find_member(job, FN_NOW);
	l->lr.loop_count = find_count(job);
	l->p.default_loop = find_default_loop(job);
	l->p.handle_loop = find_handle_loop(job);
	l->lr.timer_timeout = find_timeout(job);
	return 0;
}

/*
 * A handle that is a member of Environment: its callback goes from the handle back to the
 * Environment by a negative offset, the lowest that it uses.
 */
static int32_t find_handle(struct layout_job *job, const char *fn)
{
	int64_t lowest = 0;

	if (layout_job__trace(job, fn))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_CALL)
			continue;
		for (size_t a = 0; a < 2; a++) {
			const struct trace_value *v = &e->arg[a];

			if (v->root == TRACE_ARG && v->id == 0 && v->n == 0 && v->add < lowest)
				lowest = v->add;
		}
	}
	return lowest < -ENV_MAX ? 0 : (int32_t)-lowest;
}

int layout_loop__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;

	l->p.env_timer = find_handle(job, FN_TIMERS);
	l->p.env_immediate = find_handle(job, FN_IMMEDIATE);
	if (!target_elf__symbol(job->elf, FN_IDLE)) {
		l->p.uv_external = true;
		return layout_job__refuse(job, FN_IDLE, "not in this binary");
	}
	return layout_uv__decode(job);
}

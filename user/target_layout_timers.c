// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How many timers and immediates of JavaScript an environment has, by the counters that the
 * runtime shares with its own JavaScript.
 *
 * Environment has two buffers for that, one right behind the other: immediate_info (count,
 * count of those that keep the loop alive, whether some are left over; 32 bits each) and, since
 * 18.13 and 20, timeout_info (the timers that keep the loop alive). Before, that number is a
 * variable of JavaScript. A buffer is an AliasedBufferBase, whose constructor shows where it keeps
 * its isolate, the number of its elements and the address of the first one. Where the buffers
 * are is known from two functions: CheckImmediate reads the first one, and the constructor of
 * Environment makes them both.
 */
#include <errno.h>

#include "target_layout_parts.h"
#include "target_memory.h"
#include "util.h"

#define FN_IMMEDIATE   "node::Environment::CheckImmediate("
#define FN_ENVIRONMENT "node::Environment::Environment(node::IsolateData*, v8::Isolate*"
/* The constructor as base object, and as complete object. */
#define FN_BUFFER_BASE "_ZN4node17AliasedBufferBaseIiN2v810Int32ArrayEEC2EPNS1_7IsolateEmPKm"
#define FN_BUFFER      "_ZN4node17AliasedBufferBaseIiN2v810Int32ArrayEEC1EPNS1_7IsolateEmPKm"
#define BUFFER_NAME    "node::AliasedBufferBase<int, v8::Int32Array>::AliasedBufferBase"
#define BINDING	       "timeoutInfo" /* what JavaScript calls the timers' buffer */
#define ENV_MAX	       (1 << 20)     /* no member of Environment lies beyond */
#define BUFFER_MAX     256	     /* nor of a buffer */
#define INFO_HEAD      8	     /* ImmediateInfo: the table of virtual functions, its buffer */

/* ImmediateInfo::Fields, as JavaScript and native code both index them. */
#define IMMEDIATE_COUNT	      0
#define IMMEDIATE_REF_COUNT   1
#define IMMEDIATE_OUTSTANDING 2
#define IMMEDIATE_FIELDS      3
#define TIMEOUT_FIELDS	      1

struct buffer {
	uint64_t constructor;
	int32_t isolate, count, data; /* offsets, -1: not seen */
	int32_t size;
};

static void buffer_store(struct buffer *b, const struct trace_event *e)
{
	const struct trace_value *v = &e->value;
	int32_t at = (int32_t)e->at.add;

	b->size = max_t(int32_t, b->size, at + e->insn.width);
	if (e->insn.width != 8 || v->n != 0 || v->add != 0)
		return;
	if (v->root == TRACE_ARG && v->id == 1 && b->isolate < 0)
		b->isolate = at;
	else if (v->root == TRACE_ARG && v->id == 2 && b->count < 0)
		b->count = at;
	else if (v->root == TRACE_RESULT && b->data < 0)
		b->data = at;
}

/* What the constructor stores: its arguments, and the address that ArrayBuffer::Data returns. */
static int decode_buffer(struct layout_job *job, struct buffer *b)
{
	const char *name = FN_BUFFER_BASE;
	int err;

	*b = (struct buffer){.isolate = -1, .count = -1, .data = -1};
	if (!target_elf__symbol(job->elf, name))
		name = FN_BUFFER;
	if (!target_elf__symbol(job->elf, name))
		return layout_job__refuse(job, BUFFER_NAME, "not in this binary");
	b->constructor = target_elf__symbol(job->elf, name)->addr;
	err = layout_job__trace_symbol(job, name);
	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_STORE && e->at.root == TRACE_ARG && e->at.id == 0 &&
		    e->at.n == 0 && e->at.add >= 0 && e->at.add < BUFFER_MAX)
			buffer_store(b, e);
	}
	if (b->isolate < 0 || b->count < 0 || b->data < 0)
		return layout_job__refuse(job, BUFFER_NAME, "stores no isolate, count and data");
	return 0;
}

/* Whether the last trace reads 32 bits at the given element of the buffer at @offset. */
static bool reads_element(const struct layout_job *job, int32_t offset, uint32_t element)
{
	struct lr_chain chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind == TRACE_LOAD || e->kind == TRACE_CMP) && e->insn.width == 4 &&
		    e->at.root == TRACE_ARG && e->at.id == 0 &&
		    trace_event__chain(e, TRACE_ARG, &chain) && chain.n == 2 &&
		    chain.off[0] == offset && chain.off[1] == (int32_t)(4 * element))
			return true;
	}
	return false;
}

/*
 * Where Environment keeps the address of the immediates' counters, relative to the handle whose
 * callback reads them; 0: not seen. It reads the count, and what is left over or alive.
 */
static int32_t find_immediates(const struct layout_job *job)
{
	struct lr_chain chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind != TRACE_LOAD && e->kind != TRACE_CMP) || e->insn.width != 4 ||
		    e->at.root != TRACE_ARG || e->at.id != 0 ||
		    !trace_event__chain(e, TRACE_ARG, &chain) || chain.n != 2 || chain.off[1] != 0)
			continue;
		if (reads_element(job, chain.off[0], IMMEDIATE_REF_COUNT) ||
		    reads_element(job, chain.off[0], IMMEDIATE_OUTSTANDING))
			return chain.off[0];
	}
	return 0;
}

/* The call in the last trace that is given the member of `this` at @offset, or NULL. */
static const struct trace_event *find_call(const struct layout_job *job, int32_t offset)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_CALL && e->arg[0].root == TRACE_ARG && e->arg[0].id == 0 &&
		    e->arg[0].n == 0 && e->arg[0].add == offset)
			return e;
	}
	return NULL;
}

static int decode_members(struct layout_job *job, const struct buffer *b, int32_t immediates)
{
	struct target_layout_private *p = &job->l->p;
	const struct trace_event *call;
	int err = layout_job__trace(job, FN_ENVIRONMENT);

	if (err)
		return err;
	if (!find_call(job, immediates) && !find_call(job, immediates - INFO_HEAD))
		return layout_job__refuse(job, FN_ENVIRONMENT, "makes no buffer that %.*s reads",
					  (int)sizeof(FN_IMMEDIATE) - 2, FN_IMMEDIATE);
	p->env_immediates = (uint32_t)immediates;
	job->l->lr.env_immediates = p->env_immediates + (uint32_t)b->data;
	call = find_call(job, immediates + b->size);
	if (call && (call->insn.target == b->constructor ||
		     layout__plt(job->elf, call->insn.target) == b->constructor))
		p->env_timeouts = (uint32_t)(immediates + b->size);
	return 0;
}

static int decode_counters(struct layout_job *job)
{
	struct target_layout_private *p = &job->l->p;
	struct buffer b;
	int32_t found;
	int err = decode_buffer(job, &b);

	if (!err)
		err = layout_job__trace(job, FN_IMMEDIATE);
	if (err)
		return err;
	found = p->env_immediate + find_immediates(job);
	if (!p->env_immediate || found == p->env_immediate || found < b.data || found > ENV_MAX)
		return layout_job__refuse(job, FN_IMMEDIATE, "reads no counters of immediates");
	p->buffer_isolate = (uint32_t)b.isolate;
	p->buffer_count = (uint32_t)b.count;
	p->buffer_data = (uint32_t)b.data;
	return decode_members(job, &b, found - b.data);
}

int layout_timers__decode(struct layout_job *job)
{
	int err = decode_counters(job);

	/* The binary is searched for a name only where there is something to explain. */
	if (!job->l->p.env_timeouts)
		job->l->p.timeouts_in_js = !layout__contains(job->elf, BINDING);
	return err;
}

/*
 * The first @n elements of the buffer at @at. False: it is not one of this isolate with so many
 * (an environment that is being set up), or cannot be read.
 */
static bool read_buffer(const struct layout_check *c, const struct target_env *e, uint64_t at,
			uint32_t n, uint32_t *values)
{
	const struct target_layout_private *p = &c->l->p;
	uint64_t isolate, count, data;

	return !target_memory__u64(c->m, at + p->buffer_isolate, &isolate) &&
	       isolate == e->isolate && !target_memory__u64(c->m, at + p->buffer_count, &count) &&
	       count == n && !target_memory__u64(c->m, at + p->buffer_data, &data) && data &&
	       !target_memory__read(c->m, data, values, n * sizeof(*values));
}

static void read_immediates(const struct layout_check *c, struct target_env *e)
{
	uint32_t v[IMMEDIATE_FIELDS];

	e->immediates.unknown = TARGET_COUNTER_NOT_DECODED;
	if (!c->l->p.env_immediates)
		return;
	e->immediates.unknown = TARGET_COUNTER_UNREADABLE;
	if (!read_buffer(c, e, e->env + c->l->p.env_immediates, IMMEDIATE_FIELDS, v) ||
	    v[IMMEDIATE_OUTSTANDING] > 1 || v[IMMEDIATE_COUNT] > INT32_MAX ||
	    v[IMMEDIATE_REF_COUNT] > INT32_MAX)
		return;
	e->immediates = (struct target_counter){.value = v[IMMEDIATE_COUNT]};
}

static void read_timers(const struct layout_check *c, struct target_env *e)
{
	uint32_t v[TIMEOUT_FIELDS];

	e->timers.unknown =
		c->l->p.timeouts_in_js ? TARGET_COUNTER_NOT_KEPT : TARGET_COUNTER_NOT_DECODED;
	if (!c->l->p.env_timeouts)
		return;
	e->timers.unknown = TARGET_COUNTER_UNREADABLE;
	if (!read_buffer(c, e, e->env + c->l->p.env_timeouts, TIMEOUT_FIELDS, v) ||
	    v[0] > INT32_MAX)
		return;
	e->timers = (struct target_counter){.value = v[0]};
}

void layout_timers__read(const struct layout_check *c, struct target_env *e)
{
	read_immediates(c, e);
	read_timers(c, e);
}

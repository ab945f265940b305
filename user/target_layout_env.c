// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From an isolate to its Environment, and from there to the async ids.
 *
 * V8 keeps the current context in the isolate; a context's map leads to its native context,
 * whose embedder data array holds the Environment, and a tag by which Node.js knows its own
 * contexts. v8::Isolate::GetCurrentContext does the first half, every function of Node.js
 * that asks for "the environment of this isolate" inlines the second.
 */
#include <errno.h>
#include <string.h>

#include "target_layout_parts.h"

#define FN_CURRENT_CONTEXT "v8::Isolate::GetCurrentContext("
#define FN_EXECUTION	   "node::AsyncHooksGetExecutionAsyncId(v8::Isolate*)"
#define FN_TRIGGER	   "node::AsyncHooksGetTriggerAsyncId(v8::Isolate*)"
#define FN_EVENT_LOOP	   "node::GetCurrentEventLoop(v8::Isolate*)"
#define FN_POP		   "node::AsyncHooks::pop_async_context("

/* Context handle -> context, -> embedder data, -> Environment: what inlined code loads. */
#define CONTEXT_STEPS 3

/* The longest chain of pointer loads from @root in the last trace; n is 0 if there is none. */
static struct lr_chain longest(const struct layout_job *job, enum trace_root root, bool vector)
{
	struct lr_chain best = {0}, chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || e->insn.width != 8 ||
		    (e->insn.dst >= CODE_XMM0) != vector || !trace_event__chain(e, root, &chain))
			continue;
		if (chain.n > best.n)
			best = chain;
	}
	return best;
}

/* isolate -> native context: three loads, the last two being map and constructor-or-context. */
static int decode_context(struct layout_job *job, struct lr_chain *context)
{
	int err = layout_job__trace(job, FN_CURRENT_CONTEXT);

	if (err)
		return err;
	*context = longest(job, TRACE_ARG, false);
	if (context->n != 3 || context->off[0] <= 0 || context->off[1] != -1)
		return layout_job__refuse(job, FN_CURRENT_CONTEXT,
					  "no walk isolate, context, map, native context");
	return 0;
}

/*
 * The other embedder slot that the last trace reads beside the Environment's: the tag. A
 * function that compares no tag, or reads more slots, leaves it unknown.
 */
static int32_t find_tag(const struct layout_job *job, const struct lr_chain *walk)
{
	struct lr_chain chain;
	int32_t tag = 0;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind != TRACE_LOAD && e->kind != TRACE_CMP) || e->insn.width != 8 ||
		    !trace_event__chain(e, TRACE_RESULT, &chain) || chain.n != CONTEXT_STEPS ||
		    !lr_chain__prefix(&chain, walk, CONTEXT_STEPS - 1) ||
		    chain.off[2] == walk->off[2])
			continue;
		if (tag && tag != chain.off[2])
			return 0;
		tag = chain.off[2];
	}
	return tag;
}

static uint64_t tag_pointer(const struct target_elf *elf)
{
	/* The class that holds the tag was renamed in 18.13. */
	static const char *const names[] = {
		"_ZN4node18ContextEmbedderTag18kNodeContextTagPtrE",
		"_ZN4node11Environment18kNodeContextTagPtrE",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct elf_symbol *sym = target_elf__symbol(elf, names[i]);

		if (sym && sym->addr)
			return sym->addr;
	}
	return 0;
}

int layout_env__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	struct lr_chain context, loop;
	int err;

	err = decode_context(job, &context);
	if (!err)
		err = layout_job__trace(job, FN_EVENT_LOOP);
	if (err)
		return err;
	loop = longest(job, TRACE_RESULT, false);
	if (loop.n != CONTEXT_STEPS + 2 || loop.off[0] != 0)
		return layout_job__refuse(job, FN_EVENT_LOOP,
					  "no walk context, embedder data, environment, loop");
	l->lr.isolate_env = context;
	l->lr.isolate_env.off[3] = loop.off[1];
	l->lr.isolate_env.off[4] = loop.off[2];
	l->lr.isolate_env.n = 5;
	l->lr.env_loop = (struct lr_chain){.n = 2, .off = {loop.off[3], loop.off[4]}};
	l->p.isolate_tag = l->lr.isolate_env;
	l->p.isolate_tag.off[4] = find_tag(job, &loop);
	l->p.tag_pointer = tag_pointer(job->elf);
	if (!l->p.isolate_tag.off[4] || !l->p.tag_pointer)
		return layout_job__refuse(job, FN_EVENT_LOOP, "the context's tag is not compared");
	return 0;
}

/*
 * Environment -> async_id_fields, as one of the two id getters reads it. They reach the
 * Environment by the same walk as FN_EVENT_LOOP, or by a call that returns it.
 */
static int decode_uid(struct layout_job *job, const char *fn, int32_t field, int32_t *uid)
{
	struct target_layout *l = job->l;
	int err = layout_job__trace(job, fn);
	struct lr_chain chain;

	if (err)
		return err;
	chain = longest(job, TRACE_RESULT, true);
	if (chain.n == CONTEXT_STEPS + 2 &&
	    (chain.off[1] != l->lr.isolate_env.off[3] || chain.off[2] != l->lr.isolate_env.off[4]))
		return layout_job__refuse(job, fn, "its way to the environment differs from %s",
					  FN_EVENT_LOOP);
	if ((chain.n != 2 && chain.n != CONTEXT_STEPS + 2) || chain.off[chain.n - 1] != field)
		return layout_job__refuse(job, fn, "no walk environment, id fields");
	*uid = chain.off[chain.n - 2];
	return 0;
}

/* A store of @width bytes through one pointer of `this`: its chain, and the field in *field. */
static bool hooks_store(const struct trace_event *e, uint8_t width, int32_t *buffer, int32_t *field)
{
	struct lr_chain chain;

	if (e->kind != TRACE_STORE || e->insn.width != width ||
	    (width == 8 && e->insn.src < CODE_XMM0) || e->at.id != 0 ||
	    !trace_event__chain(e, TRACE_ARG, &chain) || chain.n != 2)
		return false;
	*buffer = chain.off[0];
	*field = chain.off[1];
	return true;
}

/* The other 32-bit field that the last trace looks at: kCheck, beside kStackLength. */
static uint32_t find_check(const struct layout_job *job, int32_t fields, int32_t stack)
{
	struct lr_chain chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind != TRACE_LOAD && e->kind != TRACE_CMP) || e->insn.width != 4 ||
		    !trace_event__chain(e, TRACE_ARG, &chain) || chain.n != 2 ||
		    chain.off[0] != fields || chain.off[1] == stack || chain.off[1] % 4)
			continue;
		return (uint32_t)chain.off[1] / 4;
	}
	return 0;
}

/* Buffers of AsyncHooks, relative to it: pop_async_context stores ids and the stack length. */
static int decode_hooks(struct layout_job *job, int32_t *uid, int32_t *fields)
{
	int32_t buffer, field, stack = -1;
	bool execution = false, trigger = false;
	int err = layout_job__trace(job, FN_POP);

	if (err)
		return err;
	*uid = *fields = -1;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (hooks_store(e, 8, &buffer, &field)) {
			if (*uid >= 0 && buffer != *uid)
				return layout_job__refuse(job, FN_POP, "two buffers of ids");
			*uid = buffer;
			execution = execution || field == 0;
			trigger = trigger || field == 8;
		} else if (*fields < 0 && hooks_store(e, 4, &buffer, &field)) {
			*fields = buffer;
			stack = field;
		}
	}
	if (!execution || !trigger || *fields < 0 || stack < 0 || stack % 4 || stack > 256)
		return layout_job__refuse(job, FN_POP, "does not store ids and stack length");
	job->l->p.field_stack = (uint32_t)stack / 4;
	job->l->p.field_check = find_check(job, *fields, stack);
	return 0;
}

int layout_ids__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int32_t execution = 0, trigger = 0, hooks_uid, hooks_fields;
	int err;

	err = decode_uid(job, FN_EXECUTION, 0, &execution);
	if (!err)
		err = decode_uid(job, FN_TRIGGER, 8, &trigger);
	if (!err && execution != trigger)
		return layout_job__refuse(job, FN_TRIGGER, "reads other id fields than %s",
					  FN_EXECUTION);
	if (!err)
		err = decode_hooks(job, &hooks_uid, &hooks_fields);
	if (err)
		return err;
	if (execution <= hooks_uid)
		return layout_job__refuse(job, FN_POP, "AsyncHooks does not fit in Environment");
	l->p.env_async_hooks = execution - hooks_uid;
	l->lr.env_uid = (struct lr_chain){.n = 1, .off = {execution}};
	l->lr.env_fields = (struct lr_chain){.n = 1, .off = {l->p.env_async_hooks + hooks_fields}};
	return 0;
}

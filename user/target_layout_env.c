// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From an isolate to its Environment, and from there to the async ids.
 *
 * V8 knows two contexts of an isolate. The current one is what code runs in: it leads through
 * its map to its native context, and is null while JavaScript runs or a runtime function that
 * needs none. The entered ones are a stack that embedders push to; Node.js enters its main
 * context for as long as its environment runs, so the stack's first entry is always there.
 * So the layout walks the entered contexts, and the current one serves as a cross-check.
 *
 * A native context's embedder data array holds the Environment, and a tag by which Node.js
 * knows its own contexts. Functions of Node.js that ask for "the environment of this isolate"
 * inline that part.
 */
#include <errno.h>
#include <string.h>

#include "target_layout_parts.h"
#include "util.h"

#define FN_CURRENT_CONTEXT "v8::Isolate::GetCurrentContext("
#define FN_ENTERED	   "v8::Isolate::GetEnteredOrMicrotaskContext("
#define FN_EXECUTION	   "node::AsyncHooksGetExecutionAsyncId(v8::Isolate*)"
#define FN_TRIGGER	   "node::AsyncHooksGetTriggerAsyncId(v8::Isolate*)"
#define FN_EVENT_LOOP	   "node::GetCurrentEventLoop(v8::Isolate*)"
#define FN_POP		   "node::AsyncHooks::pop_async_context("
#define FN_POP_WRAP	   "node::AsyncWrap::PopAsyncContext("
#define FIELDS_MAX	   256	     /* bytes of counters before kStackLength */
#define ENV_MAX		   (1 << 20) /* no member of Environment lies beyond */

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
static int decode_current(struct layout_job *job, struct lr_chain *context)
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
 * isolate -> stack of entered contexts: the last entry is read as data[count - 1], where data
 * and count are members of one object.
 */
static int decode_entered(struct layout_job *job, struct lr_chain *first, struct lr_chain *count)
{
	int err = layout_job__trace(job, FN_ENTERED);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || e->insn.width != 8 || e->insn.scale != 8 ||
		    e->at.root != TRACE_ARG || e->at.id != 0 || e->at.n != 2 || e->at.add != -8 ||
		    e->value.root != TRACE_ARG || e->value.id != 0 || e->value.n != 2 ||
		    e->value.add != 0 || e->value.off[0] != e->at.off[0])
			continue;
		*first = (struct lr_chain){.n = 3, .off = {e->at.off[0], e->at.off[1], 0}};
		*count = (struct lr_chain){.n = 2, .off = {e->value.off[0], e->value.off[1]}};
		return 0;
	}
	return layout_job__refuse(job, FN_ENTERED, "no walk isolate, entered contexts, last one");
}

/* A walk to a native context, made one to the embedder slot at @slot of its data. */
static struct lr_chain embedder_slot(const struct lr_chain *context, int32_t data, int32_t slot)
{
	struct lr_chain chain = *context;

	chain.off[chain.n++] = data;
	chain.off[chain.n++] = slot;
	return chain;
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

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct elf_symbol *sym = target_elf__symbol(elf, names[i]);

		if (sym && sym->addr)
			return sym->addr;
	}
	return 0;
}

int layout_env__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	struct lr_chain current, entered, loop;
	int32_t tag;
	int err;

	err = decode_current(job, &current);
	if (!err)
		err = decode_entered(job, &entered, &l->p.isolate_entered);
	if (!err)
		err = layout_job__trace(job, FN_EVENT_LOOP);
	if (err)
		return err;
	loop = longest(job, TRACE_RESULT, false);
	if (loop.n != CONTEXT_STEPS + 2 || loop.off[0] != 0)
		return layout_job__refuse(job, FN_EVENT_LOOP,
					  "no walk context, embedder data, environment, loop");
	tag = find_tag(job, &loop);
	l->p.tag_pointer = tag_pointer(job->elf);
	if (!tag || !l->p.tag_pointer)
		return layout_job__refuse(job, FN_EVENT_LOOP, "the context's tag is not compared");
	l->lr.isolate_env = embedder_slot(&entered, loop.off[1], loop.off[2]);
	l->p.isolate_current = embedder_slot(&current, loop.off[1], loop.off[2]);
	l->p.isolate_tag = embedder_slot(&entered, loop.off[1], tag);
	l->lr.env_loop = (struct lr_chain){.n = 2, .off = {loop.off[3], loop.off[4]}};
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
	if ((chain.n != 2 && chain.n != CONTEXT_STEPS + 2) || chain.off[chain.n - 1] != field ||
	    chain.off[chain.n - 2] <= 0 || chain.off[chain.n - 2] > ENV_MAX)
		return layout_job__refuse(job, fn, "no walk environment, id fields");
	*uid = chain.off[chain.n - 2];
	return 0;
}

/*
 * Where the hook buffers are looked for: pop_async_context has AsyncHooks as its `this`;
 * where it is inlined (18.0), the function that JavaScript calls for it goes to the
 * Environment first, and finds the buffers as its members.
 */
struct hooks_source {
	const char *fn;
	enum trace_root root;
	uint32_t depth; /* loads before the buffer's pointer */
};

static const struct hooks_source hooks_sources[] = {
	{FN_POP, TRACE_ARG, 0},
	{FN_POP_WRAP, TRACE_RESULT, CONTEXT_STEPS},
};

/* What a function stores through the buffers' pointers; -1: not seen. */
struct hooks_seen {
	int32_t uid, fields; /* where the pointers are */
	int32_t stack;	     /* offset of kStackLength in the fields */
	bool execution, trigger;
};

/* An access through a buffer's pointer: the last two steps of its chain. */
static bool hooks_access(const struct layout_job *job, const struct hooks_source *src,
			 const struct trace_event *e, int32_t *buffer, int32_t *field)
{
	const int32_t *walk = job->l->lr.isolate_env.off;
	struct lr_chain chain;

	if (!trace_event__chain(e, src->root, &chain) || chain.n != src->depth + 2)
		return false;
	if (src->root == TRACE_ARG ? e->at.id != 0
				   : chain.off[1] != walk[3] || chain.off[2] != walk[4])
		return false;
	*buffer = chain.off[src->depth];
	*field = chain.off[src->depth + 1];
	return *buffer > 0 && *field >= 0;
}

/* Ids are stored as doubles, the stack length is the only other thing stored. */
static struct hooks_seen see_hooks(const struct layout_job *job, const struct hooks_source *src)
{
	struct hooks_seen s = {.uid = -1, .fields = -1, .stack = -1};
	int32_t buffer, field;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_STORE || !hooks_access(job, src, e, &buffer, &field))
			continue;
		if (e->insn.width == 8 && e->insn.src >= CODE_XMM0 &&
		    (s.uid < 0 || s.uid == buffer)) {
			s.uid = buffer;
			s.execution = s.execution || field == 0;
			s.trigger = s.trigger || field == 8;
		} else if (e->insn.width == 4 && s.fields < 0) {
			s.fields = buffer;
			s.stack = field;
		}
	}
	return s;
}

/* The other 32-bit field that the last trace looks at: kCheck, beside kStackLength. */
static uint32_t find_check(const struct layout_job *job, const struct hooks_source *src,
			   const struct hooks_seen *s)
{
	int32_t buffer, field;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind == TRACE_LOAD || e->kind == TRACE_CMP) && e->insn.width == 4 &&
		    hooks_access(job, src, e, &buffer, &field) && buffer == s->fields &&
		    field != s->stack && field % 4 == 0)
			return (uint32_t)field / 4;
	}
	return 0;
}

static int decode_hooks(struct layout_job *job, const struct hooks_source *src, int32_t uid)
{
	struct target_layout *l = job->l;
	struct hooks_seen s;
	int err = layout_job__trace(job, src->fn);

	if (err)
		return err;
	s = see_hooks(job, src);
	if (!s.execution || !s.trigger || s.fields < 0 || s.fields > ENV_MAX || s.stack % 4 ||
	    s.stack > FIELDS_MAX)
		return layout_job__refuse(job, src->fn, "does not store ids and stack length");
	/* Members of AsyncHooks become members of Environment by the one that both know. */
	if (src->depth ? s.uid != uid : s.uid > uid)
		return layout_job__refuse(job, src->fn, "stores other ids than %s reads",
					  FN_EXECUTION);
	l->p.field_stack = (uint32_t)s.stack / 4;
	l->p.field_check = find_check(job, src, &s);
	l->p.env_hooks = src->depth ? 0 : uid - s.uid;
	l->lr.env_fields = (struct lr_chain){.n = 1, .off = {uid - s.uid + s.fields}};
	return 0;
}

int layout_ids__decode(struct layout_job *job)
{
	int32_t execution = 0, trigger = 0;
	int err;

	err = decode_uid(job, FN_EXECUTION, 0, &execution);
	if (!err)
		err = decode_uid(job, FN_TRIGGER, 8, &trigger);
	if (!err && execution != trigger)
		return layout_job__refuse(job, FN_TRIGGER, "reads other id fields than %s",
					  FN_EXECUTION);
	if (err)
		return err;
	job->l->lr.env_uid = (struct lr_chain){.n = 1, .off = {execution}};
	for (size_t i = 0; i < ARRAY_SIZE(hooks_sources); i++) {
		/* Only where a source is not in the binary is the next one asked. */
		err = decode_hooks(job, &hooks_sources[i], execution);
		if (!err || layout_job__has(job, hooks_sources[i].fn))
			break;
	}
	return err;
}

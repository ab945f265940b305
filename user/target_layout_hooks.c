// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The resource that JavaScript runs in, as async_hooks keeps it: AsyncLocalStorage over hooks
 * looks its stores up there.
 *
 * AsyncHooks, a member of Environment, has two stacks, and kStackLength says how high they are.
 * What JavaScript enters goes into a JSArray (held by a persistent handle), what native code
 * enters into a std::vector or a std::deque of handles, at the same height; where one has an
 * entry, the other has none. ExecutionAsyncResource reads the native stack for JavaScript;
 * pop_async_context and clear_async_id_stack cut both, so each fact is in two functions.
 */
#include <errno.h>

#include "target_layout_parts.h"

#define FN_RESOURCE "node::AsyncWrap::ExecutionAsyncResource("
#define FN_POP	    "node::AsyncHooks::pop_async_context("
#define FN_CLEAR    "node::AsyncHooks::clear_async_id_stack("
#define FN_PUSH_PTR "node::AsyncHooks::push_async_context(double, double, v8::Local<v8::Object>*)"
#define ENV_MAX	    (1 << 20) /* no member of Environment lies beyond */
#define ENV_STEPS   3	      /* context handle -> context, -> embedder data, -> Environment */

/* libstdc++: an iterator of a deque is {cur, first, last, node}; a deque has a first and a last
 * one, one behind the other; a node has 512 bytes. Part of its ABI. */
#define DEQUE_FIRST_LAST 16
#define DEQUE_FIRST_NODE 24
#define DEQUE_LAST_CUR	 32
#define DEQUE_LAST_NODE	 56
#define DEQUE_PER_NODE	 (512 / 8)

/*
 * The handle that the last trace passes to functions as their `this`: a pointer in AsyncHooks
 * itself. What is reached through a table of virtual functions is no handle. 0: none or two.
 */
static int32_t find_handle(const struct layout_job *job)
{
	int32_t found = 0;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];
		const struct trace_value *v = &e->arg[0];

		if (e->kind != TRACE_CALL || !e->insn.target || v->root != TRACE_ARG ||
		    v->id != 0 || v->n != 1 || v->add != 0 || v->off[0] <= 0)
			continue;
		if (found && found != v->off[0])
			return 0;
		found = v->off[0];
	}
	return found < ENV_MAX ? found : 0;
}

/* AsyncHooks -> handle of the JSArray. @base: where AsyncHooks is in Environment. */
static int decode_js_stack(struct layout_job *job, int32_t base)
{
	int32_t popped, cleared;
	int err = layout_job__trace(job, FN_POP);

	if (err)
		return err;
	popped = find_handle(job);
	err = layout_job__trace(job, FN_CLEAR);
	if (err)
		return err;
	cleared = find_handle(job);
	if (!popped)
		return layout_job__refuse(job, FN_POP, "no array whose length it asks for");
	if (popped != cleared)
		return layout_job__refuse(job, FN_CLEAR, "cuts another array than %s", FN_POP);
	job->l->heap.env_js_resources = (struct lr_chain){.n = 1, .off = {base + popped}};
	return 0;
}

/* A member of Environment that the last trace of FN_RESOURCE reads, or -1. */
static int32_t env_member(const struct layout_job *job, const struct trace_value *v)
{
	const int32_t *walk = job->l->lr.isolate_env.off;

	if (v->root != TRACE_RESULT || v->n != ENV_STEPS + 1 || v->add != 0 || v->off[0] != 0 ||
	    v->off[1] != walk[3] || v->off[2] != walk[4] || v->off[3] <= 0 || v->off[3] > ENV_MAX)
		return -1;
	return v->off[3];
}

/* Whether the last trace reads the member of Environment at @offset. */
static bool reads_member(const struct layout_job *job, int32_t offset)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];
		struct trace_value v = e->at;

		if (e->kind != TRACE_LOAD || e->insn.width != 8 || e->insn.index != CODE_NOREG ||
		    v.n != ENV_STEPS || v.add != offset)
			continue;
		v.off[v.n++] = offset;
		v.add = 0;
		if (env_member(job, &v) == offset)
			return true;
	}
	return false;
}

/* Whether the last trace reads or compares the member of AsyncHooks, its `this`, at @offset. */
static bool hooks_member(const struct layout_job *job, int32_t offset)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if ((e->kind == TRACE_LOAD || e->kind == TRACE_CMP) && e->insn.width == 8 &&
		    e->at.root == TRACE_ARG && e->at.id == 0 && e->at.n == 0 && e->at.add == offset)
			return true;
	}
	return false;
}

/*
 * The pointers that follow an element before it is an object: the loads through the register
 * that got the element, up to where it is stored as the result. 0: it is not.
 */
static uint32_t count_steps(const struct layout_job *job, size_t element)
{
	const int8_t reg = job->trace.ev[element].insn.dst;
	uint32_t n = 0;

	for (size_t i = element + 1; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.dst == reg) {
			if (e->insn.base != reg || e->insn.disp || e->insn.width != 8 ||
			    e->insn.index != CODE_NOREG)
				return 0;
			n++;
		} else if (e->kind == TRACE_STORE && e->insn.src == reg) {
			return n;
		}
	}
	return 0;
}

/* What FN_RESOURCE takes elements from: members of Environment that are indexed by 8. */
struct native_reads {
	int32_t first, other; /* offsets, other 0: a single one */
	uint32_t steps;	      /* pointers from element to object */
	bool more;
	bool node; /* compares an index with that of a deque node's last element */
};

static struct native_reads find_native(const struct layout_job *job)
{
	struct native_reads r = {0};

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];
		int32_t member;

		if (e->kind == TRACE_CMP && e->insn.imm == DEQUE_PER_NODE - 1)
			r.node = true;
		if (e->kind != TRACE_LOAD || e->insn.width != 8 || e->insn.scale != 8 ||
		    e->insn.index == CODE_NOREG)
			continue;
		member = env_member(job, &e->at);
		if (member < 0)
			continue;
		if (!r.first) {
			r.first = member;
			r.steps = count_steps(job, i);
		} else if (member != r.first && (!r.other || r.other == member)) {
			r.other = member;
		} else if (member != r.first) {
			r.more = true;
		}
	}
	return r;
}

/* Whether FN_RESOURCE and FN_POP use the members that the container must have. */
static int check_native(struct layout_job *job, const struct native_reads *r, int32_t base)
{
	static const int32_t vector[] = {0, 8};
	static const int32_t deque[] = {0, DEQUE_FIRST_LAST, DEQUE_FIRST_NODE, DEQUE_LAST_CUR,
					DEQUE_LAST_NODE};
	const int32_t *members = r->other ? deque : vector;
	size_t n = r->other ? sizeof(deque) / sizeof(deque[0]) : 2;
	int err;

	for (size_t i = 0; i < n; i++) {
		if (!reads_member(job, r->first + members[i]))
			return layout_job__refuse(job, FN_RESOURCE, "no vector or deque");
	}
	err = layout_job__trace(job, FN_POP);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (!hooks_member(job, r->first - base + members[i]))
			return layout_job__refuse(job, FN_POP, "cuts another stack than %s) reads",
						  FN_RESOURCE);
	}
	return 0;
}

/* Environment -> begin of the vector, or the first iterator of the deque. */
static int decode_native_stack(struct layout_job *job, int32_t base)
{
	struct lr_heap *h = &job->l->heap;
	struct native_reads r;
	int err = layout_job__trace(job, FN_RESOURCE);

	if (err)
		return err;
	r = find_native(job);
	if (!r.first || r.more || (r.other && (r.other != r.first + DEQUE_FIRST_NODE || !r.node)))
		return layout_job__refuse(job, FN_RESOURCE, "no walk environment, resource stack");
	/* An element is a handle or points to one; the signature of what stores it says which. */
	if (r.steps != (layout_job__has(job, FN_PUSH_PTR) ? 2u : 1u))
		return layout_job__refuse(job, FN_RESOURCE, "an element is no handle");
	err = check_native(job, &r, base);
	if (err)
		return err;
	h->env_native_resources = (uint32_t)r.first;
	h->resources_kind =
		(r.other ? LR_RESOURCES_DEQUE : 0) | (r.steps == 2 ? LR_RESOURCES_POINTERS : 0);
	return 0;
}

/*
 * AsyncHooks in Environment: the id fields as both are known to have them. pop_async_context
 * gave them in terms of AsyncHooks, and fields in terms of both.
 */
int layout_hooks__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int32_t base = l->p.env_hooks;
	int err;

	if (base <= 0)
		return layout_job__refuse(job, FN_POP, "does not show where AsyncHooks is");
	err = decode_js_stack(job, base);
	if (!err)
		err = decode_native_stack(job, base);
	if (err)
		return err;
	if (l->p.field_stack >= LR_HOOKS_FIELDS)
		return layout_job__refuse(job, FN_POP, "kStackLength lies unusually far");
	l->heap.field_stack = l->p.field_stack;
	l->heap.flags |= LR_HEAP_HOOKS;
	return 0;
}

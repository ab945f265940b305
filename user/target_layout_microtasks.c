// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * V8's queue of microtasks: whether it is being drained, and how many it has finished.
 *
 * Each isolate has a default queue; others are made for contexts that ask for one
 * (vm.createContext with microtaskMode "afterEvaluate") and are not looked at. Two exported
 * getters, MicrotasksScope::IsRunningMicrotasks and ::GetCurrentDepth, go from the isolate to
 * that queue and to a member of it, so they must agree on the first step; the queue's own
 * IsRunningMicrotasks() must agree with the first getter on the second. The flag is set for as
 * long as MicrotaskQueue::RunMicrotasks runs. Where the number of finished microtasks is, V8
 * writes down for its code generator: the builtin that runs them adds each of them there.
 *
 * The queue begins with its table of virtual functions, by which it is known again each time
 * that it is read.
 */
#include <errno.h>

#include "target_layout_parts.h"
#include "target_memory.h"

#define FN_RUNNING  "v8::MicrotasksScope::IsRunningMicrotasks("
#define FN_DEPTH    "v8::MicrotasksScope::GetCurrentDepth("
#define FN_MEMBER   "v8::internal::MicrotaskQueue::IsRunningMicrotasks("
#define DONE	    "_ZN2v88internal14MicrotaskQueue29kFinishedMicrotaskCountOffsetE"
#define VTABLE	    "_ZTVN2v88internal14MicrotaskQueueE"
#define VTABLE_HEAD 16 /* offset to top and type information, before the first function */
#define ISOLATE_MAX (1 << 20)
#define QUEUE_MAX   256 /* no member of the queue lies beyond */

/* The first load of @width bytes in @fn that is @depth loads away from its first argument. */
static int decode_load(struct layout_job *job, const char *fn, uint32_t depth, uint8_t width,
		       struct lr_chain *chain)
{
	int err = layout_job__trace(job, fn);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == width && e->at.root == TRACE_ARG &&
		    e->at.id == 0 && trace_event__chain(e, TRACE_ARG, chain) && chain->n == depth)
			return 0;
	}
	return layout_job__refuse(job, fn, "no load of %u byte(s)", width);
}

static int decode_queue(struct layout_job *job, struct lr_chain *running)
{
	struct lr_chain depth = {0}, member = {0};
	int err = decode_load(job, FN_RUNNING, 2, 1, running);

	if (!err)
		err = decode_load(job, FN_DEPTH, 2, 4, &depth);
	if (err)
		return err;
	if (running->off[0] != depth.off[0] || running->off[0] <= 0 ||
	    running->off[0] > ISOLATE_MAX || running->off[1] <= 0 || running->off[1] > QUEUE_MAX)
		return layout_job__refuse(job, FN_DEPTH, "reads another queue than %.*s",
					  (int)sizeof(FN_RUNNING) - 2, FN_RUNNING);
	err = decode_load(job, FN_MEMBER, 1, 1, &member);
	if (!err && member.off[0] != running->off[1])
		return layout_job__refuse(job, FN_MEMBER, "reads another member than %.*s",
					  (int)sizeof(FN_RUNNING) - 2, FN_RUNNING);
	return err;
}

int layout_microtasks__decode(struct layout_job *job)
{
	struct target_layout_private *p = &job->l->p;
	const struct elf_symbol *done = target_elf__symbol(job->elf, DONE);
	const struct elf_symbol *vtable = target_elf__symbol(job->elf, VTABLE);
	struct lr_chain running = {0};
	uint64_t offset = 0;
	int err = decode_queue(job, &running);

	if (err)
		return err;
	if (!done ||
	    target_elf__read(job->elf, done->addr, &offset, sizeof(offset)) != sizeof(offset))
		return layout_job__refuse(job, "v8::internal::MicrotaskQueue",
					  "its number of finished microtasks is not told");
	if (offset == 0 || offset % 8 || offset > QUEUE_MAX ||
	    (uint32_t)running.off[1] - offset < 8)
		return layout_job__refuse(job, "v8::internal::MicrotaskQueue",
					  "finished microtasks at %llu cannot be",
					  (unsigned long long)offset);
	if (!vtable || !vtable->addr)
		return layout_job__refuse(job, "v8::internal::MicrotaskQueue",
					  "no table of virtual functions");
	p->isolate_microtasks = (uint32_t)running.off[0];
	p->microtasks_running = (uint32_t)running.off[1];
	p->microtasks_done = (uint32_t)offset;
	p->microtasks_vtable = vtable->addr + VTABLE_HEAD;
	return 0;
}

void layout_microtasks__find(const struct layout_check *c, struct target_env *e)
{
	const struct target_layout_private *p = &c->l->p;
	uint64_t queue, vtable;
	uint8_t running;

	e->microtasks = 0;
	e->microtasks_unknown = TARGET_COUNTER_NOT_DECODED;
	if (!p->isolate_microtasks)
		return;
	e->microtasks_unknown = TARGET_COUNTER_UNREADABLE;
	if (target_memory__u64(c->m, e->isolate + p->isolate_microtasks, &queue) || !queue ||
	    target_memory__u64(c->m, queue, &vtable) || vtable != p->microtasks_vtable + c->bias ||
	    target_memory__read(c->m, queue + p->microtasks_running, &running, 1) || running > 1)
		return;
	e->microtasks = queue;
	e->microtasks_vtable = vtable;
	e->microtasks_unknown = TARGET_COUNTER_KNOWN;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * V8's continuation-preserved embedder data: the slot of the isolate in which an
 * AsyncContextFrame travels, and what tells that there is one in it.
 */
#include <errno.h>

#include "target_layout_parts.h"

#define FN_SET	    "v8::Isolate::SetContinuationPreservedEmbedderData"
#define FN_GET	    "v8::Isolate::GetContinuationPreservedEmbedderData"
#define FN_NODE	    "node::async_context_frame::set("
#define ISOLATE_MAX (1 << 20)

/* The setter's one store into the isolate; several are none. */
static int64_t find_store(const struct layout_job *job)
{
	int64_t slot = 0;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_STORE || e->at.root != TRACE_ARG || e->at.id != 0 ||
		    e->at.n != 0)
			continue;
		if (slot || e->insn.width != 8)
			return 0;
		slot = e->at.add;
	}
	return slot;
}

/* Without a value the setter stores `undefined`: it takes the address of that root. */
static int64_t find_lea(const struct layout_job *job)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LEA && e->at.root == TRACE_ARG && e->at.id == 0 &&
		    e->at.n == 0 && e->at.add > 0)
			return e->at.add;
	}
	return 0;
}

static bool loads(const struct layout_job *job, int64_t slot)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LOAD && e->insn.width == 8 && e->at.root == TRACE_ARG &&
		    e->at.id == 0 && e->at.n == 0 && e->at.add == slot)
			return true;
	}
	return false;
}

int layout_acf__decode(struct layout_job *job)
{
	struct target_layout_private *p = &job->l->p;
	int64_t type = layout__v8dbg(job->elf, "type_JSMap__JS_MAP_TYPE");
	int64_t map = layout__v8dbg(job->elf, "class_Map__instance_type__uint16_t");
	int64_t slot, undefined;
	int err;

	/* V8 had the slot before Node.js used it: without its user there is nothing to find. */
	if (!layout_job__has(job, FN_NODE))
		return 0;
	err = layout_job__trace(job, FN_SET);
	if (err)
		return err;
	slot = find_store(job);
	undefined = find_lea(job);
	if (slot <= 0 || slot > ISOLATE_MAX)
		return layout_job__refuse(job, FN_SET, "does not store one word in the isolate");
	err = layout_job__trace(job, FN_GET);
	if (err)
		return err;
	if (!loads(job, slot))
		return layout_job__refuse(job, FN_GET, "does not read what the setter stores");
	p->cped = (uint32_t)slot;
	if (undefined > 0 && undefined < ISOLATE_MAX)
		p->undefined = (uint32_t)undefined;
	if (type > 0 && type <= UINT16_MAX && map > 0 && map < 64) {
		p->jsmap_type = (uint32_t)type;
		p->map_type = (uint32_t)map - 1; /* the heap tag */
	}
	return 0;
}

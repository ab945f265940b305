// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where V8 allocates the next young object: the top of the new space's linear area, a word
 * that is kept up to date by compiled code too, with its limit right behind it.
 *
 * V8 has a function that hands out the address of each to its code generator. Where they were
 * inlined away (26), a builtin shows the same: it loads the top, compares the end of what it
 * makes with the limit, and stores it back, all relative to the root register. How far that
 * register is from the isolate is told by a builtin that reads a slot of the isolate which is
 * known from elsewhere: the continuation-preserved one.
 *
 * The old space has such an area too, and V8 a function for its top. Where that is gone, the area
 * is taken to lie right behind the new space's, as it does wherever the functions tell: IsolateData
 * names them one behind the other. Who reads it checks that it is one: {start, top, limit}.
 */
#include <errno.h>

#include "target_layout_parts.h"
#include "util.h"

#define FN_TOP	 "v8::internal::ExternalReference::new_space_allocation_top_address("
#define FN_LIMIT "v8::internal::ExternalReference::new_space_allocation_limit_address("
/* By its mangled name: parts of it that rarely run have the same one. */
#define FN_OLD                                                                       \
	"_ZN2v88internal17ExternalReference32old_space_allocation_top_addressEPNS0_" \
	"7IsolateE"
#define FN_BUILTIN  "Builtins_CreateIterResultObject"
#define FN_ENTRY    "Builtins_JSEntry"
#define FN_CPED	    "Builtins_GetContinuationPreservedEmbedderData"
#define ISOLATE_MAX (1 << 20)
#define INSNS_MAX   64
#define WORD	    8
#define AREA_WORDS  3 /* start, top, limit */

/* What the last trace returns: an address reached from the isolate. */
static bool returned(const struct layout_job *job, struct lr_chain *chain)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LEA && e->insn.dst == CODE_RAX && e->at.add > 0 &&
		    e->at.add < ISOLATE_MAX && trace_event__chain(e, TRACE_ARG, chain) &&
		    e->at.id == 0)
			return true;
	}
	return false;
}

static int decode_function(struct layout_job *job, struct lr_chain *top)
{
	struct lr_chain limit;
	int err = layout_job__trace(job, FN_TOP);

	if (err)
		return err;
	if (!returned(job, top))
		return layout_job__refuse(job, FN_TOP, "does not return an address");
	err = layout_job__trace(job, FN_LIMIT);
	if (err)
		return err;
	if (!returned(job, &limit) || limit.n != top->n ||
	    !lr_chain__prefix(&limit, top, top->n - 1) ||
	    limit.off[top->n - 1] != top->off[top->n - 1] + WORD)
		return layout_job__refuse(job, FN_LIMIT, "is not right behind the top");
	return 0;
}

static size_t builtin(const struct layout_job *job, const char *name, struct code_insn *insns)
{
	const struct elf_symbol *fn = target_elf__symbol(job->elf, name);

	return fn ? code__decode(job->elf, fn->addr, fn->size, insns, INSNS_MAX) : 0;
}

static bool touches_root(const struct code_insn *in, enum code_op op)
{
	return in->op == op && in->base == CODE_R13 && in->index == CODE_NOREG && in->width == WORD;
}

/* The one word at the root register that is loaded, has its neighbour compared, is stored. */
static bool find_top(const struct code_insn *insns, size_t n, int64_t *top)
{
	for (size_t i = 0; i < n; i++) {
		bool compared = false;

		if (!touches_root(&insns[i], CODE_LOAD))
			continue;
		for (size_t k = i + 1; k < n; k++) {
			if (touches_root(&insns[k], CODE_CMP) &&
			    insns[k].disp == insns[i].disp + WORD)
				compared = true;
			else if (compared && touches_root(&insns[k], CODE_STORE) &&
				 insns[k].disp == insns[i].disp) {
				*top = insns[i].disp;
				return true;
			}
		}
	}
	return false;
}

/* The getter's one load by the root register reads the slot. */
static bool find_slot(const struct code_insn *insns, size_t n, int64_t *slot)
{
	for (size_t i = 0; i < n; i++) {
		if (!touches_root(&insns[i], CODE_LOAD))
			continue;
		*slot = insns[i].disp;
		return true;
	}
	return false;
}

/* How far the root register is into the isolate. */
static int decode_bias(struct layout_job *job, int64_t *bias)
{
	struct code_insn insns[INSNS_MAX];
	int64_t cped = job->l->p.cped, slot = 0;
	size_t n = builtin(job, FN_CPED, insns);

	if (!cped || !find_slot(insns, n, &slot))
		return layout_job__refuse(job, FN_CPED, "does not load the slot");
	*bias = cped - slot;
	return 0;
}

static bool in_isolate(int64_t at)
{
	return at > 0 && at < ISOLATE_MAX && at % WORD == 0;
}

static int decode_builtin(struct layout_job *job, struct lr_chain *top)
{
	struct code_insn insns[INSNS_MAX];
	int64_t at = 0, bias = 0;
	int err = decode_bias(job, &bias);
	size_t n;

	if (err)
		return err;
	n = builtin(job, FN_BUILTIN, insns);
	if (!find_top(insns, n, &at))
		return layout_job__refuse(job, FN_BUILTIN, "does not allocate");
	if (!in_isolate(at + bias))
		return layout_job__refuse(job, FN_BUILTIN, "allocates outside of the isolate");
	*top = (struct lr_chain){.n = 1, .off = {(int32_t)(at + bias)}};
	return 0;
}

/*
 * Whoever enters JavaScript and finds the word zero is the outermost, and stores its frame
 * pointer there; it puts the zero back when it leaves.
 */
static bool find_entry(const struct code_insn *insns, size_t n, int64_t *at)
{
	for (size_t i = 0; i < n; i++) {
		bool frame = false;

		if (!touches_root(&insns[i], CODE_LOAD) || insns[i].dst != CODE_RAX)
			continue;
		for (size_t k = i + 1; k < n; k++) {
			if (insns[k].op == CODE_MOV && insns[k].dst == CODE_RAX)
				frame = insns[k].src == CODE_RBP;
			else if (frame && touches_root(&insns[k], CODE_STORE) &&
				 insns[k].src == CODE_RAX && insns[k].disp == insns[i].disp) {
				*at = insns[i].disp;
				return true;
			}
		}
	}
	return false;
}

int layout_entry__decode(struct layout_job *job)
{
	struct lr_heap *h = &job->l->heap;
	struct code_insn insns[INSNS_MAX];
	int64_t at = 0, bias = 0;
	int err;
	size_t n;

	/* Only the frame needs it: async_hooks counts its own stack. */
	if (!(h->flags & LR_HEAP_ACF))
		return 0;
	err = decode_bias(job, &bias);
	if (err)
		return err;
	n = builtin(job, FN_ENTRY, insns);
	if (!find_entry(insns, n, &at) || !in_isolate(at + bias))
		return layout_job__refuse(job, FN_ENTRY, "does not note its frame");
	h->isolate_js_entry = (uint32_t)(at + bias);
	return 0;
}

int layout_top__decode(struct layout_job *job)
{
	struct lr_heap *h = &job->l->heap;
	struct lr_chain top = {0};
	int err;

	if (layout_job__has(job, FN_TOP))
		err = decode_function(job, &top);
	else
		err = decode_builtin(job, &top);
	if (err)
		return err;
	h->isolate_top = top;
	h->flags |= LR_HEAP_TOP;
	return 0;
}

/*
 * The function has the area from the space, and the top's address in whichever register: the one
 * that is a word behind what it loaded.
 */
static bool old_top(const struct layout_job *job, struct lr_chain *chain)
{
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_LEA && e->at.add == WORD && e->at.id == 0 &&
		    trace_event__chain(e, TRACE_ARG, chain) && chain->n > 1)
			return true;
	}
	return returned(job, chain);
}

int layout_old__decode(struct layout_job *job)
{
	struct lr_heap *h = &job->l->heap;
	struct lr_chain top = h->isolate_top;
	int err;

	if (!(h->flags & LR_HEAP_TOP))
		return 0;
	if (layout_job__has(job, FN_TOP)) {
		err = layout_job__trace_symbol(job, FN_OLD);
		if (err)
			return err;
		if (!old_top(job, &top))
			return layout_job__refuse(job, FN_OLD, "does not return an address");
	} else {
		top.off[top.n - 1] += AREA_WORDS * WORD;
	}
	h->isolate_old_top = top;
	h->flags |= LR_HEAP_OLD;
	return 0;
}

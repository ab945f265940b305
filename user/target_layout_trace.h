/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a small function reads, writes and calls, in terms of its own arguments.
 *
 * The tracer walks a function's instructions in address order and keeps, for each register,
 * where its value came from: an argument, the result of a call, the stack, a constant, or a
 * chain of loads from one of these. "mov rax,[rdi+0x10]; mov rax,[rax+0xb0]" leaves rax as
 * argument 0 with the chain {0x10, 0xb0}. That is what a layout fact looks like, whatever
 * registers the compiler chose and whatever it put between the loads.
 *
 * Conditional jumps are assumed to fall through; where a forward jump lands, only what both
 * ways agree on is kept. Loops are not followed: code that runs again with other values may
 * show a value of its first round. So a trace is evidence of an access, not a proof of the
 * path to it; the decoders ask two functions for each fact, and target_layout__check asks
 * the process.
 */
#ifndef LOOPRAY_TARGET_LAYOUT_TRACE_H
#define LOOPRAY_TARGET_LAYOUT_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "target_code.h"
#include "target_elf.h"

enum trace_root {
	TRACE_UNKNOWN = 0,
	TRACE_ARG,    /* integer argument number id */
	TRACE_RESULT, /* what call number id returned */
	TRACE_STACK,  /* the stack pointer at entry, give or take */
	TRACE_CONST,  /* no base at all: add is the value */
};

/* v = root; for each off: v = *(v + off); v += add. */
struct trace_value {
	uint8_t root;
	uint8_t id;
	uint8_t n;
	int32_t off[LR_CHAIN_MAX];
	int64_t add;
};

enum trace_kind {
	TRACE_LOAD,
	TRACE_STORE,
	TRACE_LEA,  /* also an addition of a constant: both give an address */
	TRACE_CALL, /* also a jump out of the function: a tail call */
	TRACE_CMP,
};

struct trace_event {
	enum trace_kind kind;
	struct code_insn insn;
	struct trace_value at; /* LOAD, STORE, LEA, CMP: the address; without any index */
	struct trace_value
		value; /* STORE: what is stored; CMP: what is compared; LOAD: the index */
	struct trace_value arg[2]; /* CALL: the first two arguments */
};

#define TRACE_EVENTS_MAX 512

struct trace {
	size_t n;
	struct trace_event ev[TRACE_EVENTS_MAX];
};

/*
 * Traces the function at @fn. Returns 0, -ENODATA if not one instruction could be decoded,
 * -ENOMEM. A function longer than the tracer's bounds is traced up to them.
 */
int trace__run(struct trace *t, const struct target_elf *elf, const struct elf_symbol *fn);

/* Whether @v is the chain of loads from @root (any id) with no offset left over. */
bool trace_value__is_chain(const struct trace_value *v, enum trace_root root);

/*
 * The chain of the address accessed plus the access itself: for a load at {10}+b0 it is
 * {10, b0}. False if the address is not a chain from @root, has an index, or is too long.
 */
bool trace_event__chain(const struct trace_event *e, enum trace_root root, struct lr_chain *chain);

/* Whether the first @n offsets of two chains are equal. */
bool lr_chain__prefix(const struct lr_chain *a, const struct lr_chain *b, uint32_t n);

#endif

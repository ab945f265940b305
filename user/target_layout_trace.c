// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target_layout_trace.h"
#include "util.h"

#define TRACE_INSNS_MAX	  640
#define TRACE_JOINS_MAX	  48
#define TRACE_REGS	  32 /* 16 general, 16 vector */
#define TRACE_CALLS_MAX	  200
#define TRACE_UNSIZED_MAX 512 /* bytes looked at when the symbol table gives no size */

struct trace_state {
	bool live; /* reached by falling through */
	struct trace_value reg[TRACE_REGS];
};

/* What the registers hold at the landing place of a forward jump. */
struct trace_join {
	uint64_t addr;
	struct trace_state state;
};

struct trace_walk {
	struct trace *t;
	uint64_t start, end; /* bounds of the function */
	uint8_t calls;
	size_t njoins;
	struct trace_state now;
	struct trace_join joins[TRACE_JOINS_MAX];
	struct code_insn insns[TRACE_INSNS_MAX];
};

/* Addresses wrap: the code may be anything. */
static int64_t wrap_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Index of a register in trace_state, or -1 for those that are not followed. */
static int reg_index(int8_t reg)
{
	if (reg >= CODE_RAX && reg <= CODE_R15)
		return reg;
	if (reg >= CODE_XMM0 && reg < CODE_XMM0 + 16)
		return reg - CODE_XMM0 + 16;
	return -1;
}

static struct trace_value reg_get(const struct trace_walk *w, int8_t reg)
{
	int i = reg_index(reg);

	if (i < 0)
		return (struct trace_value){0};
	return w->now.reg[i];
}

static void reg_set(struct trace_walk *w, int8_t reg, struct trace_value v)
{
	int i = reg_index(reg);

	if (i >= 0)
		w->now.reg[i] = v;
}

static bool value_equal(const struct trace_value *a, const struct trace_value *b)
{
	if (a->root != b->root || a->id != b->id || a->n != b->n || a->add != b->add)
		return false;
	return memcmp(a->off, b->off, a->n * sizeof(a->off[0])) == 0;
}

static void state_meet(struct trace_state *s, const struct trace_state *other)
{
	for (size_t i = 0; i < TRACE_REGS; i++) {
		if (!value_equal(&s->reg[i], &other->reg[i]))
			s->reg[i] = (struct trace_value){0};
	}
}

/* The value that a pointer-sized load from @at gives; unknown if the chain is at its limit. */
static struct trace_value value_load(const struct trace_value *at)
{
	struct trace_value v = *at;

	if (at->root == TRACE_UNKNOWN || at->root == TRACE_STACK || at->n >= LR_CHAIN_MAX ||
	    at->add != (int32_t)at->add)
		return (struct trace_value){0};
	v.off[v.n++] = (int32_t)at->add;
	v.add = 0;
	return v;
}

/* The address of a memory operand, its index left out. */
static struct trace_value insn_address(const struct trace_walk *w, const struct code_insn *in)
{
	struct trace_value v = {.root = TRACE_CONST};

	if (in->base != CODE_NOREG && in->base != CODE_RIP)
		v = reg_get(w, in->base);
	if (v.root != TRACE_UNKNOWN && v.root != TRACE_STACK)
		v.add = wrap_add(v.add, in->disp);
	return v;
}

static struct trace_event *event_add(struct trace_walk *w, enum trace_kind kind,
				     const struct code_insn *in)
{
	struct trace_event *e;

	if (w->t->n == TRACE_EVENTS_MAX)
		return NULL;
	e = &w->t->ev[w->t->n++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->insn = *in;
	return e;
}

static void step_load(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_value at = insn_address(w, in), v = {0};
	struct trace_event *e = event_add(w, TRACE_LOAD, in);

	if (e) {
		e->at = at;
		e->value = reg_get(w, in->index);
	}
	if (!in->fs && in->index == CODE_NOREG && in->width >= 8)
		v = value_load(&at);
	reg_set(w, in->dst, v);
}

static void step_store(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_event *e = event_add(w, TRACE_STORE, in);

	if (!e)
		return;
	e->at = insn_address(w, in);
	if (in->src != CODE_NOREG)
		e->value = reg_get(w, in->src);
	else
		e->value = (struct trace_value){.root = TRACE_CONST, .add = in->imm};
}

static void step_lea(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_value at = insn_address(w, in);
	struct trace_event *e = event_add(w, TRACE_LEA, in);

	if (e)
		e->at = at;
	reg_set(w, in->dst, in->index == CODE_NOREG ? at : (struct trace_value){0});
}

static void step_cmp(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_event *e = event_add(w, TRACE_CMP, in);

	if (!e)
		return;
	if (in->base != CODE_NOREG || in->disp)
		e->at = insn_address(w, in);
	e->value = reg_get(w, in->src != CODE_NOREG ? in->src : in->dst);
}

/* The System V ABI lets a call change these; everything else is the caller's again after it. */
static void step_call(struct trace_walk *w, const struct code_insn *in)
{
	static const int8_t clobbered[] = {CODE_RAX, CODE_RCX, CODE_RDX, CODE_RSI, CODE_RDI,
					   CODE_R8,  CODE_R9,  CODE_R10, CODE_R11};
	struct trace_event *e = event_add(w, TRACE_CALL, in);

	if (e) {
		e->arg[0] = reg_get(w, CODE_RDI);
		e->arg[1] = reg_get(w, CODE_RSI);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clobbered); i++)
		reg_set(w, clobbered[i], (struct trace_value){0});
	for (int8_t i = 0; i < 16; i++)
		reg_set(w, CODE_XMM0 + i, (struct trace_value){0});
	if (w->calls < TRACE_CALLS_MAX)
		reg_set(w, CODE_RAX, (struct trace_value){.root = TRACE_RESULT, .id = w->calls++});
}

static void join_add(struct trace_walk *w, uint64_t target, uint64_t from)
{
	if (target <= from || target >= w->end || !w->now.live)
		return;
	for (size_t i = 0; i < w->njoins; i++) {
		if (w->joins[i].addr == target) {
			state_meet(&w->joins[i].state, &w->now);
			return;
		}
	}
	if (w->njoins == TRACE_JOINS_MAX)
		return;
	w->joins[w->njoins].addr = target;
	w->joins[w->njoins++].state = w->now;
}

/* Before the instruction at @addr: take in what forward jumps bring here. */
static void join_enter(struct trace_walk *w, uint64_t addr)
{
	for (size_t i = 0; i < w->njoins; i++) {
		if (w->joins[i].addr != addr)
			continue;
		if (w->now.live)
			state_meet(&w->now, &w->joins[i].state);
		else
			w->now = w->joins[i].state;
		w->now.live = true;
		return;
	}
}

/* Behind a return or a jump nothing is known until a join says how this place is reached. */
static void walk_dead(struct trace_walk *w)
{
	memset(&w->now, 0, sizeof(w->now));
}

static void step_jump(struct trace_walk *w, const struct code_insn *in)
{
	bool inside = in->target >= w->start && in->target < w->end;

	if (inside)
		join_add(w, in->target, in->addr);
	else if (in->op == CODE_JMP)
		step_call(w, in);
	if (in->op == CODE_JMP)
		walk_dead(w);
}

static void step_add(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_value v = reg_get(w, in->dst);
	struct trace_event *e = event_add(w, TRACE_LEA, in);

	if (in->width < 8)
		v = (struct trace_value){0};
	else if (v.root != TRACE_UNKNOWN && v.root != TRACE_STACK)
		v.add = wrap_add(v.add, in->imm);
	if (e)
		e->at = v;
	reg_set(w, in->dst, v);
}

/* Half a register is no pointer. */
static void step_move(struct trace_walk *w, const struct code_insn *in)
{
	struct trace_value v = reg_get(w, in->src);

	if (in->width < 8)
		v = (struct trace_value){0};
	reg_set(w, in->dst, v);
}

/* Whatever else it does, what it writes is unknown now; the stack stays the stack. */
static void step_other(struct trace_walk *w, const struct code_insn *in)
{
	reg_set(w, in->dst, (struct trace_value){0});
	for (int r = CODE_RAX; r <= CODE_R15; r++) {
		if (r != CODE_RSP && (in->writes & (1u << r)))
			reg_set(w, (int8_t)r, (struct trace_value){0});
	}
}

static void step(struct trace_walk *w, const struct code_insn *in)
{
	join_enter(w, in->addr);
	switch (in->op) {
	case CODE_LOAD:
		step_load(w, in);
		break;
	case CODE_STORE:
		step_store(w, in);
		break;
	case CODE_LEA:
		step_lea(w, in);
		break;
	case CODE_MOV:
		step_move(w, in);
		break;
	case CODE_MOV_IMM:
		reg_set(w, in->dst, (struct trace_value){.root = TRACE_CONST, .add = in->imm});
		break;
	case CODE_ADD_IMM:
		step_add(w, in);
		break;
	case CODE_CALL:
		step_call(w, in);
		break;
	case CODE_JMP:
	case CODE_JCC:
		step_jump(w, in);
		break;
	case CODE_RET:
		walk_dead(w);
		break;
	case CODE_CMP:
		step_cmp(w, in);
		break;
	case CODE_PUSH:
	case CODE_NOP:
		break;
	case CODE_OTHER:
		step_other(w, in);
		break;
	}
}

static void walk_begin(struct trace_walk *w)
{
	static const int8_t args[] = {CODE_RDI, CODE_RSI, CODE_RDX, CODE_RCX, CODE_R8, CODE_R9};

	w->now.live = true;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		reg_set(w, args[i], (struct trace_value){.root = TRACE_ARG, .id = (uint8_t)i});
	reg_set(w, CODE_RSP, (struct trace_value){.root = TRACE_STACK});
}

/* The decoder stops at a return or a jump: go on behind it while the function does. */
static size_t walk_decode(struct trace_walk *w, const struct target_elf *elf)
{
	uint64_t addr = w->start;
	size_t n = 0;

	while (addr < w->end && n < TRACE_INSNS_MAX) {
		size_t got =
			code__decode(elf, addr, w->end - addr, w->insns + n, TRACE_INSNS_MAX - n);

		if (got == 0)
			break;
		n += got;
		addr = w->insns[n - 1].addr + w->insns[n - 1].len;
	}
	return n;
}

int trace__run(struct trace *t, const struct target_elf *elf, const struct elf_symbol *fn)
{
	struct trace_walk *w = calloc(1, sizeof(*w));
	size_t n;

	t->n = 0;
	if (!w)
		return -ENOMEM;
	w->t = t;
	w->start = fn->addr;
	w->end = fn->addr + (fn->size ? fn->size : TRACE_UNSIZED_MAX);
	walk_begin(w);
	n = walk_decode(w, elf);
	for (size_t i = 0; i < n; i++)
		step(w, &w->insns[i]);
	free(w);
	return n ? 0 : -ENODATA;
}

bool trace_value__is_chain(const struct trace_value *v, enum trace_root root)
{
	return v->root == root && v->add == 0;
}

bool trace_event__chain(const struct trace_event *e, enum trace_root root, struct lr_chain *chain)
{
	const struct trace_value *at = &e->at;

	if (at->root != root || e->insn.index != CODE_NOREG || e->insn.fs ||
	    at->n >= LR_CHAIN_MAX || at->add != (int32_t)at->add)
		return false;
	memset(chain, 0, sizeof(*chain));
	memcpy(chain->off, at->off, at->n * sizeof(at->off[0]));
	chain->off[at->n] = (int32_t)at->add;
	chain->n = at->n + 1u;
	return true;
}

bool lr_chain__prefix(const struct lr_chain *a, const struct lr_chain *b, uint32_t n)
{
	if (a->n < n || b->n < n)
		return false;
	return memcmp(a->off, b->off, n * sizeof(a->off[0])) == 0;
}

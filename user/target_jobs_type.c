// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What Node.js calls a job of its own. node::ThreadPoolWork (src/node_internals.h) has a uv_work_t
 * and, since 18.13, a name behind it that trace events show. ScheduleWork passes the one to
 * uv_queue_work and loads the other:
 *
 *     lea  rsi, [this+0x10]     the uv_work_t
 *     call uv_queue_work
 *     mov  rdx, [this+0x90]     the name
 *
 * All else that it loads from the object is the environment, which lies before the uv_work_t.
 */
#include "target_code.h"
#include "target_jobs.h"
#include "util.h"

#define INSNS_BYTES 2048
#define UV_WORK	    40	/* sizeof(struct uv__work) */
#define BEHIND_MAX  256 /* the name is not further behind it */
#define KEPT_BY_CALLS                                                                         \
	(1U << CODE_RBX | 1U << CODE_RBP | 1U << CODE_R12 | 1U << CODE_R13 | 1U << CODE_R14 | \
	 1U << CODE_R15)

struct schedule {
	const struct target_elf *elf;
	uint32_t self;	    /* registers that point into the object, ... */
	int64_t offset[16]; /* ... and where */
	int64_t work;	    /* of the uv_work_t, 0 not seen */
	int64_t load[4];
	size_t n;
};

static bool is_queue_work(const struct target_elf *elf, const struct code_insn *in)
{
	const struct elf_symbol *sym = target_elf__symbol(elf, "uv_queue_work");

	return in->target && ((sym && sym->addr == in->target) ||
			      target_elf__calls_import(elf, in->target, "uv_queue_work"));
}

static void note_load(struct schedule *s, int64_t offset)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->load[i] == offset)
			return;
	if (s->n < ARRAY_SIZE(s->load))
		s->load[s->n++] = offset;
}

static bool in_object(const struct schedule *s, int8_t reg)
{
	return reg >= 0 && reg < 16 && (s->self & 1U << reg);
}

/* Whether @in puts an address in the object into a register; then @offset is which. */
static bool derives(const struct schedule *s, const struct code_insn *in, int64_t *offset)
{
	if (in->dst < 0 || in->dst >= 16)
		return false;
	if (in->op == CODE_MOV && in->width == 8 && in_object(s, in->src))
		*offset = s->offset[in->src];
	else if (in->op == CODE_ADD_IMM && in->width == 8 && in_object(s, in->dst))
		*offset = s->offset[in->dst] + (int32_t)in->imm;
	else if (in->op == CODE_LEA && in_object(s, in->base) && in->index == CODE_NOREG)
		*offset = s->offset[in->base] + (int32_t)in->disp;
	else
		return false;
	return true;
}

static void look(struct schedule *s, const struct code_insn *in)
{
	int64_t offset;

	if (in->op == CODE_CALL) {
		if (in_object(s, CODE_RSI) && is_queue_work(s->elf, in))
			s->work = s->offset[CODE_RSI];
		s->self &= KEPT_BY_CALLS;
		return;
	}
	if (in->op == CODE_LOAD && in->width == 8 && in_object(s, in->base) &&
	    in->index == CODE_NOREG && !in->fs)
		note_load(s, s->offset[in->base] + (int32_t)in->disp);
	if (derives(s, in, &offset)) {
		s->self |= 1U << in->dst;
		s->offset[in->dst] = offset;
	} else if (in->op != CODE_OTHER) { /* the epilogue's pop, after which other paths follow */
		s->self &= ~in->writes;
	}
}

uint32_t target_jobs__type(const struct target_elf *elf)
{
	struct schedule s = {.elf = elf, .self = 1U << CODE_RDI};
	const struct elf_symbol *fn;
	uint8_t bytes[INSNS_BYTES];
	struct code_insn in;
	int64_t type = 0;
	size_t len, at = 0;

	if (target_elf__symbols_by_prefix(elf, "node::ThreadPoolWork::ScheduleWork(", &fn, 1) <= 0)
		return 0;
	len = target_elf__read(elf, fn->addr, bytes, min_t(uint64_t, fn->size, sizeof(bytes)));
	while (at < len && code__decode_bytes(bytes + at, len - at, fn->addr + at, &in, 1) == 1) {
		look(&s, &in);
		at += in.len;
	}
	for (size_t i = 0; i < s.n && s.work; i++) {
		int64_t behind = s.load[i] - s.work - LR_UV_WORK_REQ;

		if (s.load[i] < s.work)
			continue;
		if (type || behind < UV_WORK || behind > BEHIND_MAX || behind % 8)
			return 0;
		type = behind;
	}
	return (uint32_t)type;
}

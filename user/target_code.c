// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Instructions in the few shapes that the layout decoder asks about. Everything that is not
 * surely one of them is CODE_OTHER, with the registers it writes noted all the same, so that a
 * reader who follows a value through a function knows when it has lost it.
 */
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include "target_code.h"
#include "util.h"

#define INSN_LEN_MAX 15		 /* by the architecture */
#define DECODE_MAX   (64U << 10) /* instructions in one call */

/* One instruction as Zydis gives it. */
struct raw {
	ZydisDecodedInstruction in;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	const ZydisDecodedOperand *mem; /* the explicit memory operand, if any */
	uint64_t addr;
};

/* Register as CODE_xxx: a part as its whole, CODE_NOREG for all that has no number here. */
static int8_t code_reg(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15)
		return (int8_t)(CODE_RAX + (int)(whole - ZYDIS_REGISTER_RAX));
	if (reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_XMM15)
		return (int8_t)(CODE_XMM0 + (int)(reg - ZYDIS_REGISTER_XMM0));
	return CODE_NOREG;
}

static bool is_explicit(const struct raw *r, int i)
{
	return i < r->in.operand_count_visible &&
	       r->op[i].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT;
}

/* CODE_xxx of explicit operand @i, CODE_NOREG if it is not a register. */
static int8_t op_reg(const struct raw *r, int i)
{
	if (!is_explicit(r, i) || r->op[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
		return CODE_NOREG;
	return code_reg(r->op[i].reg.value);
}

static bool op_imm(const struct raw *r, int i, int64_t *imm)
{
	if (!is_explicit(r, i) || r->op[i].type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return false;
	*imm = r->op[i].imm.value.s;
	return true;
}

static bool op_is_mem(const struct raw *r, int i)
{
	return is_explicit(r, i) && r->mem == &r->op[i];
}

/*
 * Fills base, index, scale, disp, fs and width. False for addresses that have no place in
 * code_insn: gs segment, 32-bit addressing, vector indices.
 */
static bool set_memory(const struct raw *r, struct code_insn *insn)
{
	const ZydisDecodedOperandMem *m = &r->mem->mem;
	ZyanU64 abs;

	if (r->in.address_width != 64 || m->segment == ZYDIS_REGISTER_GS ||
	    (m->type != ZYDIS_MEMOP_TYPE_MEM && m->type != ZYDIS_MEMOP_TYPE_AGEN))
		return false;
	insn->fs = m->segment == ZYDIS_REGISTER_FS;
	insn->disp = m->disp.has_displacement ? m->disp.value : 0;
	if (m->base == ZYDIS_REGISTER_RIP) {
		if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&r->in, r->mem, r->addr, &abs)))
			return false;
		insn->base = CODE_RIP;
		insn->disp = (int64_t)abs;
	} else {
		insn->base = code_reg(m->base);
	}
	insn->index = code_reg(m->index);
	insn->scale = insn->index == CODE_NOREG ? 0 : m->scale;
	if (m->type == ZYDIS_MEMOP_TYPE_MEM && r->mem->size / 8 <= UINT8_MAX)
		insn->width = (uint8_t)(r->mem->size / 8);
	return true;
}

/* Plain copies between registers and memory, with or without extension. */
static bool is_move(ZydisMnemonic m)
{
	switch (m) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVQ:
	case ZYDIS_MNEMONIC_MOVD:
	case ZYDIS_MNEMONIC_MOVSD:
	case ZYDIS_MNEMONIC_MOVSS:
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVUPS:
	case ZYDIS_MNEMONIC_MOVUPD:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVDQU:
	case ZYDIS_MNEMONIC_VMOVQ:
	case ZYDIS_MNEMONIC_VMOVD:
	case ZYDIS_MNEMONIC_VMOVSD:
	case ZYDIS_MNEMONIC_VMOVSS:
	case ZYDIS_MNEMONIC_VMOVAPS:
	case ZYDIS_MNEMONIC_VMOVAPD:
	case ZYDIS_MNEMONIC_VMOVUPS:
	case ZYDIS_MNEMONIC_VMOVUPD:
	case ZYDIS_MNEMONIC_VMOVDQA:
	case ZYDIS_MNEMONIC_VMOVDQU:
		return true;
	default:
		return false;
	}
}

/* A copy between registers that leaves nothing of the old value: no 8 or 16-bit parts. */
static bool is_whole_move(const struct raw *r)
{
	switch (r->in.mnemonic) {
	case ZYDIS_MNEMONIC_MOVZX:
	case ZYDIS_MNEMONIC_MOVSX:
	case ZYDIS_MNEMONIC_MOVSXD:
	case ZYDIS_MNEMONIC_MOVSS:
		return false;
	default:
		return r->op[0].size >= 32;
	}
}

static void decode_move(const struct raw *r, struct code_insn *insn)
{
	int8_t dst = op_reg(r, 0), src = op_reg(r, 1);
	bool has_imm = op_imm(r, 1, &insn->imm);

	if (r->in.operand_count_visible != 2)
		return;
	if (op_is_mem(r, 1) && dst != CODE_NOREG) {
		insn->op = CODE_LOAD;
	} else if (op_is_mem(r, 0) && (src != CODE_NOREG || has_imm)) {
		insn->op = CODE_STORE;
		insn->src = src;
	} else if (dst != CODE_NOREG && src != CODE_NOREG && is_whole_move(r)) {
		insn->op = CODE_MOV;
		insn->src = src;
		insn->width = (uint8_t)(r->op[0].size / 8);
	} else if (dst != CODE_NOREG && has_imm && is_whole_move(r)) {
		insn->op = CODE_MOV_IMM;
		insn->width = (uint8_t)(r->op[0].size / 8);
		if (insn->width == 4)
			insn->imm = (int64_t)(uint32_t)insn->imm;
	}
}

static void decode_arithmetic(const struct raw *r, struct code_insn *insn)
{
	int8_t reg = op_reg(r, 0);
	int64_t imm = 1;

	if (reg == CODE_NOREG || r->op[0].size < 32)
		return;
	switch (r->in.mnemonic) {
	case ZYDIS_MNEMONIC_XOR:
		if (op_reg(r, 1) != reg || r->op[0].reg.value != r->op[1].reg.value)
			return;
		insn->op = CODE_MOV_IMM;
		imm = 0;
		break;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (!op_imm(r, 1, &imm))
			return;
		insn->op = CODE_ADD_IMM;
		break;
	default: /* inc, dec */
		insn->op = CODE_ADD_IMM;
	}
	if (r->in.mnemonic == ZYDIS_MNEMONIC_SUB || r->in.mnemonic == ZYDIS_MNEMONIC_DEC)
		imm = (int64_t)(0 - (uint64_t)imm);
	insn->imm = imm;
	insn->width = (uint8_t)(r->op[0].size / 8);
}

static void decode_branch(const struct raw *r, struct code_insn *insn, enum code_op op)
{
	ZyanU64 abs;

	insn->op = op;
	insn->src = op_reg(r, 0);
	if (is_explicit(r, 0) && r->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    r->op[0].imm.is_relative &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&r->in, &r->op[0], r->addr, &abs)))
		insn->target = abs;
}

static void decode_kind(const struct raw *r, struct code_insn *insn)
{
	switch (r->in.mnemonic) {
	case ZYDIS_MNEMONIC_LEA:
		if (insn->dst != CODE_NOREG && r->op[0].size >= 32)
			insn->op = CODE_LEA;
		break;
	case ZYDIS_MNEMONIC_XOR:
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
	case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		decode_arithmetic(r, insn);
		break;
	case ZYDIS_MNEMONIC_CMP:
	case ZYDIS_MNEMONIC_TEST:
		insn->op = CODE_CMP;
		insn->src = op_reg(r, 0) != CODE_NOREG ? op_reg(r, 0) : op_reg(r, 1);
		op_imm(r, 1, &insn->imm);
		break;
	case ZYDIS_MNEMONIC_PUSH:
		insn->op = CODE_PUSH;
		insn->src = op_reg(r, 0);
		op_imm(r, 0, &insn->imm);
		break;
	case ZYDIS_MNEMONIC_NOP:
	case ZYDIS_MNEMONIC_ENDBR64:
		insn->op = CODE_NOP;
		break;
	default:
		if (is_move(r->in.mnemonic))
			decode_move(r, insn);
	}
}

/* The memory operand is dropped where it cannot be expressed: then nothing is known. */
static void decode_shape(const struct raw *r, struct code_insn *insn)
{
	if (r->mem && !set_memory(r, insn)) {
		insn->base = insn->index = CODE_NOREG;
		return;
	}
	switch (r->in.meta.category) {
	case ZYDIS_CATEGORY_CALL:
		decode_branch(r, insn, CODE_CALL);
		break;
	case ZYDIS_CATEGORY_COND_BR:
		decode_branch(r, insn, CODE_JCC);
		break;
	case ZYDIS_CATEGORY_RET:
		insn->op = CODE_RET;
		break;
	default:
		if (r->in.mnemonic == ZYDIS_MNEMONIC_JMP)
			decode_branch(r, insn, CODE_JMP);
		else if (!(r->in.attributes & ZYDIS_ATTRIB_HAS_LOCK))
			decode_kind(r, insn);
	}
}

/*
 * What arch/x86/kernel/uprobes.c emulates (branch_setup_xol_ops, push_setup_xol_ops), less
 * what only newer kernels do (longer nops) and prefixed forms, which some kernels refuse:
 * 50..57 and 41 50..57 push reg, 70..7f and 0f 80..8f jcc, 90 nop, e8 call, e9 and eb jmp.
 */
static bool is_emulated(const uint8_t *b, size_t len)
{
	switch (len) {
	case 1:
		return b[0] == 0x90 || (b[0] & 0xf8) == 0x50;
	case 2:
		return (b[0] == 0x41 && (b[1] & 0xf8) == 0x50) || (b[0] & 0xf0) == 0x70 ||
		       b[0] == 0xeb;
	case 5:
		return b[0] == 0xe8 || b[0] == 0xe9;
	case 6:
		return b[0] == 0x0f && (b[1] & 0xf0) == 0x80;
	default:
		return false;
	}
}

/* Decodes one instruction; false if the bytes are none. */
static bool decode_one(const ZydisDecoder *decoder, const uint8_t *bytes, size_t len, uint64_t addr,
		       struct code_insn *insn)
{
	struct raw r = {.addr = addr};

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, len, &r.in, r.op)))
		return false;
	*insn = (struct code_insn){
		.addr = addr,
		.len = r.in.length,
		.op = CODE_OTHER,
		.dst = CODE_NOREG,
		.src = CODE_NOREG,
		.base = CODE_NOREG,
		.index = CODE_NOREG,
		.emulated = is_emulated(bytes, r.in.length),
	};
	for (int i = 0; i < r.in.operand_count; i++) {
		const ZydisDecodedOperand *op = &r.op[i];
		bool written = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
		int8_t reg = op->type == ZYDIS_OPERAND_TYPE_REGISTER ? code_reg(op->reg.value)
								     : CODE_NOREG;

		if (written && reg >= CODE_RAX && reg <= CODE_R15)
			insn->writes |= 1U << reg;
		if (i == 0 && written && is_explicit(&r, i))
			insn->dst = reg;
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && is_explicit(&r, i))
			r.mem = op;
	}
	decode_shape(&r, insn);
	return true;
}

/* The function's bounds: known from its symbol, or only that it does not reach past @end. */
struct extent {
	uint64_t start;
	uint64_t end;
	bool sized;
};

/*
 * Whether code after @insn still belongs to the function. Without a size, a jump ends it
 * unless a branch before it leads further (@furthest).
 */
static bool goes_on(const struct code_insn *insn, const struct extent *fn, uint64_t furthest)
{
	if (insn->op == CODE_RET)
		return false;
	if (insn->op != CODE_JMP)
		return true;
	if (fn->sized)
		return insn->target >= fn->start && insn->target < fn->end;
	return furthest > insn->addr;
}

static size_t decode(const uint8_t *bytes, size_t len, const struct extent *fn,
		     struct code_insn *insns, size_t cap)
{
	uint64_t furthest = 0;
	ZydisDecoder decoder;
	size_t at = 0, n = 0;

	if (!ZYAN_SUCCESS(
		    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return 0;
	while (at < len && n < cap) {
		struct code_insn *insn = &insns[n];

		if (!decode_one(&decoder, bytes + at, len - at, fn->start + at, insn))
			break;
		n++;
		at += insn->len;
		if (insn->op == CODE_JCC && insn->target < fn->end)
			furthest = max_t(uint64_t, furthest, insn->target);
		if (!goes_on(insn, fn, furthest))
			break;
	}
	return n;
}

size_t code__decode(const struct target_elf *elf, uint64_t addr, uint64_t size,
		    struct code_insn *insns, size_t cap)
{
	struct extent fn = {.start = addr, .sized = size != 0};
	size_t n = 0, len;
	uint8_t *bytes;

	cap = min_t(size_t, cap, DECODE_MAX);
	len = cap * INSN_LEN_MAX;
	if (size != 0)
		len = min_t(uint64_t, len, size);
	if (len == 0 || !target_elf__is_code(elf, addr))
		return 0;
	bytes = malloc(len);
	if (!bytes)
		return 0;
	len = target_elf__read(elf, addr, bytes, len);
	fn.end = addr + (size ? size : len);
	if (fn.end >= addr)
		n = decode(bytes, len, &fn, insns, cap);
	free(bytes);
	return n;
}

size_t code__decode_bytes(const uint8_t *bytes, size_t len, uint64_t addr, struct code_insn *insns,
			  size_t cap)
{
	struct extent fn = {.start = addr, .end = addr + len, .sized = true};

	if (fn.end < addr)
		return 0;
	return decode(bytes, len, &fn, insns, min_t(size_t, cap, DECODE_MAX));
}

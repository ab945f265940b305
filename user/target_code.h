/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Machine code of small functions, decoded with Zydis: where a uprobe is cheap, and which
 * offsets a function loads from. Never trusts a size or a branch target.
 */
#ifndef LOOPRAY_TARGET_CODE_H
#define LOOPRAY_TARGET_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target_elf.h"

enum code_op {
	CODE_OTHER,
	CODE_LOAD,  /* mov/movzx/movsx(d)/movsd reg, [base+disp]: base may be CODE_RIP or fs */
	CODE_STORE, /* mov [base+disp], reg or imm */
	CODE_LEA,
	CODE_MOV,     /* mov reg, reg: also xmm to xmm and xmm to general */
	CODE_MOV_IMM, /* mov reg, imm; xor reg, reg as 0 */
	CODE_ADD_IMM, /* add/sub reg, imm (sub as negative) */
	CODE_CALL,    /* target known if direct */
	CODE_JMP,
	CODE_JCC,
	CODE_PUSH,
	CODE_NOP, /* includes endbr64 */
	CODE_RET,
	CODE_CMP, /* cmp/test */
};

/* General registers in hardware order (rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8..r15), then: */
enum {
	CODE_RAX,
	CODE_RCX,
	CODE_RDX,
	CODE_RBX,
	CODE_RSP,
	CODE_RBP,
	CODE_RSI,
	CODE_RDI,
	CODE_R8,
	CODE_R9,
	CODE_R10,
	CODE_R11,
	CODE_R12,
	CODE_R13,
	CODE_R14,
	CODE_R15,
	CODE_RIP = 16,
	CODE_XMM0 = 32,
	CODE_NOREG = -1
};

struct code_insn {
	uint64_t addr;
	uint8_t len;
	enum code_op op;
	int8_t dst;   /* register written (LOAD, LEA, MOV), -1 none */
	int8_t src;   /* register read (STORE, MOV), -1 none or immediate */
	int8_t base;  /* memory base register, CODE_RIP resolved into disp, -1 none */
	int8_t index; /* memory index register, -1 none */
	uint8_t scale;
	uint8_t width; /* bytes accessed in memory; of MOV, MOV_IMM and ADD_IMM: of the register */
	bool fs;       /* fs: segment override */
	int64_t disp;  /* displacement; for rip-relative the absolute address */
	int64_t imm;
	uint64_t target; /* absolute target of a direct call or jump, 0 if indirect */
	uint32_t writes; /* general registers written, bit CODE_xxx; a call's clobbers are not in */
	bool emulated; /* a uprobe here is emulated, not single-stepped, by every kernel since 4.16
			*/
};

/*
 * Decodes from @addr at most @cap instructions, stopping after a ret, an unconditional jump
 * out of the function, or undecodable bytes. @size: symbol size, 0 if unknown. Returns the count.
 */
size_t code__decode(const struct target_elf *elf, uint64_t addr, uint64_t size,
		    struct code_insn *insns, size_t cap);

/* As code__decode on raw bytes (tests, fuzzing): @bytes are those at @addr. */
size_t code__decode_bytes(const uint8_t *bytes, size_t len, uint64_t addr, struct code_insn *insns,
			  size_t cap);

/* code__probe_site, where to put a uprobe, is in target_probe.h. */
#include "target_probe.h"

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The instruction decoder and the choice of probe sites: on bytes, on functions assembled into
 * this program, and on the Node.js binaries of the test cache where they are present.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "target_code.h"
#include "target_elf.h"
#include "target_probe.h"
#include "util.h"

#define ADDR	   0x401000UL
#define REG(r)	   (1U << CODE_##r)
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/*
 * Functions of known shape. The compiler would choose their shape by its version and flags.
 * endbr_push: as functions start under CET. moved_rsp: nothing cheap before the stack moves.
 * loops_to_start: its push is hit once per round. cold_return: its cold part jumps back to a
 * place that otherwise would do.
 */
__asm__(".text\n"
	".macro fn name\n"
	".type \\name, @function\n"
	"\\name:\n"
	".endm\n"
	".macro end name\n"
	".size \\name, . - \\name\n"
	".endm\n"
	"fn endbr_push\n endbr64\n push %rbp\n mov %rsp, %rbp\n pop %rbp\n ret\n end endbr_push\n"
	"fn early_out\n mov 0x58(%rdi), %rax\n test %rax, %rax\n je 1f\n push %rbx\n pop %rbx\n"
	"1: ret\n end early_out\n"
	"fn moved_rsp\n sub $24, %rsp\n push %rbx\n pop %rbx\n add $24, %rsp\n ret\n end "
	"moved_rsp\n"
	"fn lost_argument\n mov (%rdi), %rdi\n push %rbx\n pop %rbx\n ret\n end lost_argument\n"
	"fn loops_to_start\n1: push %rbx\n pop %rbx\n dec %edi\n jne 1b\n ret\n"
	"end loops_to_start\n"
	"fn loops_behind\n xor %eax, %eax\n1: push %rbx\n pop %rbx\n dec %edi\n jne 1b\n ret\n"
	"end loops_behind\n"
	"fn cold_return\n xor %eax, %eax\n2: push %rbx\n pop %rbx\n test %edi, %edi\n"
	"jne cold_return.cold\n ret\n end cold_return\n"
	"fn cold_return.cold\n inc %edi\n jmp 2b\n end cold_return.cold\n"
	"fn tail_call\n jmp endbr_push\n end tail_call\n"
	"fn getter\n mov 0x30(%rdi), %rax\n movsd 0x38(%rdi), %xmm0\n ret\n end getter\n");

static struct code_insn one(const uint8_t *bytes, size_t len)
{
	struct code_insn insn[2];

	assert_int_equal(code__decode_bytes(bytes, len, ADDR, insn, 2), 1);
	assert_int_equal(insn[0].len, len);
	assert_int_equal(insn[0].addr, ADDR);
	return insn[0];
}

static void assert_memory(struct code_insn in, int base, int64_t disp, int width)
{
	assert_int_equal(in.base, base);
	assert_int_equal(in.disp, disp);
	assert_int_equal(in.width, width);
	assert_int_equal(in.index, CODE_NOREG);
	assert_int_equal(in.scale, 0);
}

static void test_loads(void **state)
{
	struct code_insn in;

	(void)state;
	in = one(BYTES(0x48, 0x8b, 0x47, 0x10)); /* mov rax, [rdi+0x10] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_int_equal(in.dst, CODE_RAX);
	assert_memory(in, CODE_RDI, 0x10, 8);
	assert_false(in.fs);
	assert_int_equal(in.writes, REG(RAX));

	in = one(BYTES(0x4c, 0x63, 0x6e, 0x20)); /* movsxd r13, dword [rsi+0x20] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_int_equal(in.dst, CODE_R13);
	assert_memory(in, CODE_RSI, 0x20, 4);

	in = one(BYTES(0x0f, 0xb6, 0x80, 0x00, 0x01, 0x00, 0x00)); /* movzx eax, byte [rax+0x100] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_memory(in, CODE_RAX, 0x100, 1);

	in = one(BYTES(0xf2, 0x0f, 0x10, 0x47, 0x38)); /* movsd xmm0, [rdi+0x38] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_int_equal(in.dst, CODE_XMM0);
	assert_memory(in, CODE_RDI, 0x38, 8);
	assert_int_equal(in.writes, 0);

	in = one(BYTES(0xc5, 0xfb, 0x10, 0x4f, 0x38)); /* vmovsd xmm1, [rdi+0x38] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_int_equal(in.dst, CODE_XMM0 + 1);

	/* mov rax, fs:[0xffffffffffffff88] */
	in = one(BYTES(0x64, 0x48, 0x8b, 0x04, 0x25, 0x88, 0xff, 0xff, 0xff));
	assert_int_equal(in.op, CODE_LOAD);
	assert_true(in.fs);
	assert_memory(in, CODE_NOREG, -0x78, 8);

	in = one(BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00)); /* mov rax, [rip+0x10] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_memory(in, CODE_RIP, ADDR + 7 + 0x10, 8);

	in = one(BYTES(0x48, 0x8b, 0x04, 0xc5, 0x00, 0x20, 0x40,
		       0x00)); /* mov rax, [rax*8+0x402000] */
	assert_int_equal(in.op, CODE_LOAD);
	assert_int_equal(in.base, CODE_NOREG);
	assert_int_equal(in.index, CODE_RAX);
	assert_int_equal(in.scale, 8);
	assert_int_equal(in.disp, 0x402000);

	in = one(BYTES(0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0)); /* mov rax, gs:[0] */
	assert_int_equal(in.op, CODE_OTHER);
	assert_int_equal(in.writes, REG(RAX));
	in = one(BYTES(0x67, 0x48, 0x8b, 0x00)); /* mov rax, [eax] */
	assert_int_equal(in.op, CODE_OTHER);
	assert_int_equal(in.base, CODE_NOREG);
}

static void test_stores(void **state)
{
	struct code_insn in;

	(void)state;
	in = one(BYTES(0x48, 0x89, 0xb7, 0x78, 0x02, 0x00, 0x00)); /* mov [rdi+0x278], rsi */
	assert_int_equal(in.op, CODE_STORE);
	assert_int_equal(in.src, CODE_RSI);
	assert_int_equal(in.dst, CODE_NOREG);
	assert_memory(in, CODE_RDI, 0x278, 8);
	assert_int_equal(in.writes, 0);

	in = one(BYTES(0xc6, 0x43, 0x08, 0x01)); /* mov byte [rbx+8], 1 */
	assert_int_equal(in.op, CODE_STORE);
	assert_int_equal(in.src, CODE_NOREG);
	assert_int_equal(in.imm, 1);
	assert_memory(in, CODE_RBX, 8, 1);

	in = one(BYTES(0xf2, 0x0f, 0x11, 0x47, 0x28)); /* movsd [rdi+0x28], xmm0 */
	assert_int_equal(in.op, CODE_STORE);
	assert_int_equal(in.src, CODE_XMM0);

	in = one(BYTES(0xf0, 0x48, 0x01, 0x07)); /* lock add [rdi], rax */
	assert_int_equal(in.op, CODE_OTHER);
	in = one(BYTES(0xa4)); /* movsb: its operands are implied */
	assert_int_equal(in.op, CODE_OTHER);
	assert_int_equal(in.writes, REG(RSI) | REG(RDI));
}

static void test_registers(void **state)
{
	struct code_insn in;

	(void)state;
	in = one(BYTES(0x49, 0x89, 0xfc)); /* mov r12, rdi */
	assert_int_equal(in.op, CODE_MOV);
	assert_int_equal(in.dst, CODE_R12);
	assert_int_equal(in.src, CODE_RDI);
	assert_int_equal(in.width, 8);
	in = one(BYTES(0x66, 0x48, 0x0f, 0x7e, 0xc0)); /* movq rax, xmm0 */
	assert_int_equal(in.op, CODE_MOV);
	assert_int_equal(in.src, CODE_XMM0);
	in = one(BYTES(0xb8, 0xff, 0xff, 0xff, 0xff)); /* mov eax, 0xffffffff */
	assert_int_equal(in.op, CODE_MOV_IMM);
	assert_int_equal(in.imm, 0xffffffff);
	in = one(BYTES(0x31, 0xd2)); /* xor edx, edx */
	assert_int_equal(in.op, CODE_MOV_IMM);
	assert_int_equal(in.dst, CODE_RDX);
	assert_int_equal(in.imm, 0);
	in = one(BYTES(0x31, 0xc2)); /* xor edx, eax */
	assert_int_equal(in.op, CODE_OTHER);
	in = one(BYTES(0xb0, 0x01)); /* mov al, 1: the rest of rax stays */
	assert_int_equal(in.op, CODE_OTHER);
	assert_int_equal(in.writes, REG(RAX));
	in = one(BYTES(0x48, 0x83, 0xec, 0x18)); /* sub rsp, 24 */
	assert_int_equal(in.op, CODE_ADD_IMM);
	assert_int_equal(in.dst, CODE_RSP);
	assert_int_equal(in.imm, -24);
	in = one(BYTES(0x48, 0x83, 0xc4, 0x80)); /* add rsp, -128 */
	assert_int_equal(in.imm, -128);
	in = one(BYTES(0x48, 0xff, 0xc1)); /* inc rcx */
	assert_int_equal(in.op, CODE_ADD_IMM);
	assert_int_equal(in.imm, 1);
	in = one(BYTES(0x48, 0x8d, 0x87, 0xb0, 0x00, 0x00, 0x00)); /* lea rax, [rdi+0xb0] */
	assert_int_equal(in.op, CODE_LEA);
	assert_memory(in, CODE_RDI, 0xb0, 0);
	in = one(BYTES(0x83, 0x7f, 0x10, 0x05)); /* cmp dword [rdi+0x10], 5 */
	assert_int_equal(in.op, CODE_CMP);
	assert_int_equal(in.imm, 5);
	assert_memory(in, CODE_RDI, 0x10, 4);
	in = one(BYTES(0x48, 0x85, 0xff)); /* test rdi, rdi */
	assert_int_equal(in.op, CODE_CMP);
	assert_int_equal(in.src, CODE_RDI);
	in = one(BYTES(0x48, 0x0f, 0x44, 0xc2)); /* cmove rax, rdx */
	assert_int_equal(in.op, CODE_OTHER);
	assert_int_equal(in.writes, REG(RAX));
	in = one(BYTES(0x0f, 0xa2)); /* cpuid */
	assert_int_equal(in.writes, REG(RAX) | REG(RBX) | REG(RCX) | REG(RDX));
	in = one(BYTES(0x88, 0xe0)); /* mov al, ah */
	assert_int_equal(in.op, CODE_OTHER);
}

static void test_flow(void **state)
{
	struct code_insn in;

	(void)state;
	in = one(BYTES(0xe8, 0x0b, 0x00, 0x00, 0x00));
	assert_int_equal(in.op, CODE_CALL);
	assert_int_equal(in.target, ADDR + 5 + 11);
	in = one(BYTES(0xff, 0x50, 0x18)); /* call [rax+0x18] */
	assert_int_equal(in.op, CODE_CALL);
	assert_int_equal(in.target, 0);
	assert_memory(in, CODE_RAX, 0x18, 8);
	in = one(BYTES(0xff, 0xe0)); /* jmp rax */
	assert_int_equal(in.op, CODE_JMP);
	assert_int_equal(in.target, 0);
	assert_int_equal(in.src, CODE_RAX);
	in = one(BYTES(0x74, 0xfe)); /* je to itself */
	assert_int_equal(in.op, CODE_JCC);
	assert_int_equal(in.target, ADDR);
	in = one(BYTES(0xe3, 0x02)); /* jrcxz: conditional, though not emulated */
	assert_int_equal(in.op, CODE_JCC);
	assert_false(in.emulated);
	in = one(BYTES(0xf3, 0xc3)); /* rep ret */
	assert_int_equal(in.op, CODE_RET);
	in = one(BYTES(0xf3, 0x0f, 0x1e, 0xfa)); /* endbr64 */
	assert_int_equal(in.op, CODE_NOP);
	assert_false(in.emulated);
	in = one(BYTES(0x41, 0x57)); /* push r15 */
	assert_int_equal(in.op, CODE_PUSH);
	assert_int_equal(in.src, CODE_R15);
	assert_int_equal(in.writes, REG(RSP));
}

/* What every kernel's uprobes emulate, and what looks like it but is stepped or refused. */
static void test_emulated(void **state)
{
	(void)state;
	assert_true(one(BYTES(0x55)).emulated);	      /* push rbp */
	assert_true(one(BYTES(0x54)).emulated);	      /* push rsp */
	assert_true(one(BYTES(0x41, 0x57)).emulated); /* push r15 */
	assert_true(one(BYTES(0x90)).emulated);
	assert_true(one(BYTES(0x74, 0x10)).emulated);
	assert_true(one(BYTES(0x0f, 0x85, 0, 1, 0, 0)).emulated);
	assert_true(one(BYTES(0xeb, 0x10)).emulated);
	assert_true(one(BYTES(0xe9, 0, 1, 0, 0)).emulated);
	assert_true(one(BYTES(0xe8, 0, 1, 0, 0)).emulated);

	assert_false(one(BYTES(0x48, 0x55)).emulated); /* push with another REX prefix */
	assert_false(one(BYTES(0x66, 0x55)).emulated); /* push bp */
	assert_false(one(BYTES(0x6a, 0x01)).emulated); /* push 1 */
	assert_false(one(BYTES(0xff, 0x37)).emulated); /* push [rdi] */
	assert_false(one(BYTES(0x66, 0x90)).emulated); /* refused by some kernels */
	assert_false(one(BYTES(0xf3, 0x90)).emulated); /* pause */
	assert_false(one(BYTES(0x0f, 0x1f, 0x44, 0, 0)).emulated); /* newer kernels only */
	assert_false(one(BYTES(0x5d)).emulated);		   /* pop rbp */
	assert_false(one(BYTES(0xc3)).emulated);
	assert_false(one(BYTES(0x48, 0x89, 0xe5)).emulated);
	assert_false(one(BYTES(0xff, 0xd0)).emulated); /* call rax */
}

static void test_where_decoding_ends(void **state)
{
	static const uint8_t code[] = {
		0x74, 0x03, /* +0 je +5 */
		0x31, 0xc0, /* +2 */
		0xc3,	    /* +4 ret */
		0xeb, 0xf9, /* +5 jmp +0 */
		0x90, 0x06, /* +7 nop, +8 no instruction in 64-bit mode */
	};
	struct code_insn in[8];

	(void)state;
	assert_int_equal(code__decode_bytes(code, sizeof(code), ADDR, in, 8), 3);
	assert_int_equal(in[2].op, CODE_RET);
	assert_int_equal(code__decode_bytes(code, sizeof(code), ADDR, in, 2), 2);
	assert_int_equal(code__decode_bytes(code + 5, 4, ADDR, in, 8), 1); /* leaves these bytes */
	assert_int_equal(code__decode_bytes(code + 7, 2, ADDR, in, 8), 1);
	assert_int_equal(code__decode_bytes(code + 8, 1, ADDR, in, 8), 0);
	assert_int_equal(code__decode_bytes(code, 1, ADDR, in, 8), 0); /* cut inside */
	assert_int_equal(code__decode_bytes(code, 0, ADDR, in, 8), 0);
	assert_int_equal(code__decode_bytes(code, sizeof(code), ADDR, in, 0), 0);
	assert_int_equal(code__decode_bytes(code, sizeof(code), UINT64_MAX - 2, in, 8), 0);
}

static int site(const uint8_t *bytes, size_t len, uint32_t keep, bool *emulated)
{
	return code__probe_site_bytes(bytes, len, ADDR, true, keep, emulated);
}

static void test_sites_in_bytes(void **state)
{
	bool cheap;

	(void)state;
	assert_int_equal(site(BYTES(0x55, 0xc3), REG(RDI), &cheap), 0);
	assert_true(cheap);
	/* mov rdi, [rdi]; push rbx; ret: only a probe that does not need rdi may move down. */
	assert_int_equal(site(BYTES(0x48, 0x8b, 0x3f, 0x53, 0xc3), REG(RDI), &cheap), 0);
	assert_false(cheap);
	assert_int_equal(site(BYTES(0x48, 0x8b, 0x3f, 0x53, 0xc3), REG(RSI), &cheap), 3);
	assert_true(cheap);
	/* A part of an argument register is written: xor edi, edi; push rbx. */
	assert_int_equal(site(BYTES(0x31, 0xff, 0x53, 0xc3), REG(RDI), &cheap), 0);
	assert_false(cheap);
	/* ret; push rbx: the push is not on the way. */
	assert_int_equal(site(BYTES(0xc3, 0x53), 0, &cheap), 0);
	assert_false(cheap);
	/* call rax; push rbx: what the callee leaves in rdi is not known. */
	assert_int_equal(site(BYTES(0xff, 0xd0, 0x53, 0xc3), REG(RDI), &cheap), 0);
	assert_false(cheap);
	/* test edi, edi; je +2; nop; ret: the branch is reached by every call, the nop is not. */
	assert_int_equal(site(BYTES(0x85, 0xff, 0x74, 0x01, 0x90, 0xc3), REG(RDI), &cheap), 2);
	assert_true(cheap);
	/* pop rbp; push rbp; ret */
	assert_int_equal(site(BYTES(0x5d, 0x55, 0xc3), 0, &cheap), 0);
	assert_false(cheap);
	/* xor eax, eax; push rbx; jmp to the push: a round is no call. */
	assert_int_equal(site(BYTES(0x31, 0xc0, 0x53, 0xeb, 0xfd), 0, &cheap), 0);
	assert_false(cheap);
	/* test; xor; nop; a jump into the middle of the xor: behind it nothing is safe either. */
	assert_int_equal(site(BYTES(0x85, 0xc0, 0x31, 0xc0, 0x90, 0xeb, 0xfc), 0, &cheap), 0);
	assert_false(cheap);
	/* push rbx; nop; jmp to the push: every place is hit once per round. */
	assert_int_equal(site(BYTES(0x53, 0x90, 0xeb, 0xfc), 0, &cheap), -ELOOP);
	assert_false(cheap);
	assert_int_equal(site(BYTES(0x06, 0x55), 0, &cheap), -EILSEQ);
	assert_int_equal(site((const uint8_t *)"", 0, 0, &cheap), -EILSEQ);
}

static int site_of(const struct target_elf *elf, const char *name, uint32_t keep, bool *emulated)
{
	const struct elf_symbol *fn = target_elf__symbol(elf, name);

	if (!fn)
		fail_msg("%s is not in this program", name);
	return code__probe_site(elf, fn, keep, emulated);
}

static void test_sites_in_this_program(void **state)
{
	static const struct {
		const char *name;
		int offset;
		bool cheap;
	} cases[] = {
		{"endbr_push", 4, true},
		{"early_out", 7, true},
		{"moved_rsp", 0, false},
		{"lost_argument", 0, false},
		{"loops_to_start", -ELOOP, false},
		{"loops_behind", 0, false},
		{"cold_return", 0, false},
		{"tail_call", 0, true},
		{"getter", 0, false},
	};
	struct elf_symbol bogus = {.name = "bogus", .addr = 0x10, .size = 8};
	struct target_elf *elf;
	bool cheap;

	(void)state;
	assert_int_equal(target_elf__open(&elf, "/proc/self/exe", NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int offset = site_of(elf, cases[i].name, REG(RDI), &cheap);

		if (offset != cases[i].offset || cheap != cases[i].cheap)
			fail_msg("%s: site %d, cheap %d", cases[i].name, offset, cheap);
	}
	assert_int_equal(code__probe_site(elf, &bogus, 0, &cheap), -ENOENT);
	target_elf__free(elf);
}

static void test_functions_of_this_program(void **state)
{
	const struct elf_symbol *fn;
	struct target_elf *elf;
	struct code_insn in[8];

	(void)state;
	assert_int_equal(target_elf__open(&elf, "/proc/self/exe", NULL, 0), 0);
	fn = target_elf__symbol(elf, "getter");
	assert_non_null(fn);
	assert_int_equal(code__decode(elf, fn->addr, fn->size, in, 8), 3);
	assert_memory(in[0], CODE_RDI, 0x30, 8);
	assert_memory(in[1], CODE_RDI, 0x38, 8);
	assert_int_equal(in[2].op, CODE_RET);
	/* Without a size, the return ends it as well; the jump ends what only jumps. */
	assert_int_equal(code__decode(elf, fn->addr, 0, in, 8), 3);
	fn = target_elf__symbol(elf, "tail_call");
	assert_non_null(fn);
	assert_int_equal(code__decode(elf, fn->addr, 0, in, 8), 1);
	assert_int_equal(in[0].target, target_elf__symbol(elf, "endbr_push")->addr);
	/* A size that lies does not make it read on. */
	assert_int_equal(code__decode(elf, fn->addr, UINT64_MAX, in, 8), 0);
	assert_int_equal(code__decode(elf, fn->addr, 1, in, 8), 0);
	assert_int_equal(code__decode(elf, 0x10, 16, in, 8), 0);
	target_elf__free(elf);
}

/* The table of where probes go. @gcc: 18 to 24 and Debian's 18; @clang: 25 and 26. */
static const struct {
	const char *prefix;
	int gcc, clang;
} expected_sites[] = {
	{"node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double", 0, 0},
	{"node::AsyncWrap::EmitAsyncInit(", 0, 0},
	{"node::AsyncWrap::EmitDestroy(bool)", 0, 0},
	{"node::AsyncWrap::EmitDestroy(node::Environment*, double)", 0, 0},
	{"node::AsyncWrap::~AsyncWrap(", 0, 0},
	{"node::AsyncWrap::MakeCallback(v8::Local<v8::Function>", 0, 0},
	{"node::AsyncHooks::push_async_context(", 0, 0},
	{"node::AsyncHooks::pop_async_context(", 0, 0},
	{"node::InternalCallbackScope::InternalCallbackScope(", 0, 0},
	{"node::InternalCallbackScope::Close(", 4, 0},
	{"llhttp__on_message_begin", 7, 0},
	{"llhttp__on_headers_complete", 7, 0},
	{"llhttp__on_message_complete", 7, 0},
	{"node::http2::Http2Session::HandleHeadersFrame(", 0, 0},
	{"node::crypto::TLSWrap::OnStreamRead(", 0, 0},
	{"uv_tcp_connect", 7, 0},
	{"uv__io_poll", 0, 0},
	{"uv__work_done", 0, 0},
	{"uv__stream_io", 0, 0},
	{"SSL_read", 0, 0},
	{"SSL_write", 0, 0},
	{"node::Environment::RunTimers(", 0, 0},
	{"node::Environment::CheckImmediate(", 0, 0},
	{"v8::internal::Heap::CollectGarbage(", 0, 0},
	{"v8::internal::MicrotaskQueue::PerformCheckpoint(v8::Isolate*", 4, 4},
};

/* By the opcode map and apart from the decoder: push, jcc, jmp, call, one-byte nop. */
static bool kernel_emulates(const uint8_t *b)
{
	if (b[0] == 0x41)
		return b[1] >= 0x50 && b[1] <= 0x57;
	if (b[0] == 0x0f)
		return b[1] >= 0x80 && b[1] <= 0x8f;
	return (b[0] >= 0x50 && b[0] <= 0x57) || (b[0] >= 0x70 && b[0] <= 0x7f) || b[0] == 0x90 ||
	       b[0] == 0xe8 || b[0] == 0xe9 || b[0] == 0xeb;
}

static int check_site(const struct target_elf *elf, const struct elf_symbol *fn)
{
	struct code_insn in[16];
	uint8_t bytes[16];
	bool cheap, boundary = false;
	int offset = code__probe_site(elf, fn, REG(RDI) | REG(RSI), &cheap);
	size_t n = code__decode(elf, fn->addr, fn->size, in, ARRAY_SIZE(in));

	if (offset < 0 || !cheap)
		fail_msg("%s: site %d, cheap %d", fn->name, offset, cheap);
	for (size_t i = 0; i < n; i++)
		boundary |= in[i].addr == fn->addr + (uint64_t)offset;
	assert_true(boundary);
	assert_int_equal(target_elf__read(elf, fn->addr + (uint64_t)offset, bytes, 16), 16);
	assert_true(kernel_emulates(bytes));
	return offset;
}

static size_t check_prefix(const struct target_elf *elf, const char *path, const char *prefix,
			   int want)
{
	const struct elf_symbol *found[16];
	int n = target_elf__symbols_by_prefix(elf, prefix, found, ARRAY_SIZE(found));
	int offset;

	assert_in_range(n, 0, ARRAY_SIZE(found));
	for (int i = 0; i < n; i++) {
		offset = check_site(elf, found[i]);
		/* A C name is meant exactly; clones and destroy's early test vary by build. */
		if (!strchr(prefix, '(') && strcmp(found[i]->name, prefix) != 0)
			continue;
		if (offset != want && !strstr(prefix, "EmitDestroy(node"))
			fail_msg("%s: %s: site %d, not %d", path, found[i]->name, offset, want);
	}
	return (size_t)n;
}

static void check_node_binary(const char *path, const char *version, int *try_write)
{
	bool clang = version && atoi(version) >= 25;
	const struct elf_symbol *fn;
	struct target_elf *elf;
	size_t sites = 0;

	assert_int_equal(target_elf__open(&elf, path, NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(expected_sites); i++)
		sites += check_prefix(elf, path, expected_sites[i].prefix,
				      clang ? expected_sites[i].clang : expected_sites[i].gcc);
	assert_non_null(target_elf__symbol(elf, "llhttp__on_headers_complete"));
	assert_true(sites >= 20);
	fn = target_elf__symbol(elf, "uv_try_write");
	*try_write = fn ? check_site(elf, fn) : -1;
	print_message("%s: %zu sites as expected, uv_try_write +%d\n", path, sites, *try_write);
	target_elf__free(elf);
}

static void test_node_binaries(void **state)
{
	int offset;
	glob_t g;

	(void)state;
	if (glob("/var/cache/loopray/node/v*/bin/node", 0, NULL, &g) != 0) {
		print_message("skipped: no Node.js binaries in /var/cache/loopray/node\n");
		skip();
	}
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *version = strstr(g.gl_pathv[i], "node/v") + strlen("node/v");

		check_node_binary(g.gl_pathv[i], version, &offset);
		if (atoi(version) < 25)
			assert_int_equal(offset, 5);
		else if (atoi(version) == 26)
			assert_int_equal(offset, 10);
	}
	globfree(&g);
}

static void test_debian_library(void **state)
{
	int offset;
	glob_t g;

	(void)state;
	if (glob("/var/cache/loopray/debian18/usr/lib/*/libnode.so.108", 0, NULL, &g) != 0) {
		print_message("skipped: no libnode.so.108 in /var/cache/loopray/debian18\n");
		skip();
	}
	check_node_binary(g.gl_pathv[0], NULL, &offset);
	assert_int_equal(offset, -1); /* libuv is a library of its own there */
	globfree(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_stores),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_emulated),
		cmocka_unit_test(test_where_decoding_ends),
		cmocka_unit_test(test_sites_in_bytes),
		cmocka_unit_test(test_sites_in_this_program),
		cmocka_unit_test(test_functions_of_this_program),
		cmocka_unit_test(test_node_binaries),
		cmocka_unit_test(test_debian_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

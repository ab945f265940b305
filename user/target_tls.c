// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * TLSWrap::ClearOut reads plaintext in a loop and hands it on (src/crypto/crypto_tls.cc):
 *
 *     char out[kClearOutChunkSize];
 *     for (;;) {
 *             read = SSL_read(ssl_.get(), out, sizeof(out));
 *             if (read <= 0) break;
 *             ... allocate, copy, EmitRead: the request's handler runs in here
 *
 * A probe at the return of SSL_read would cost two breakpoints. The branch behind the call costs
 * one, and there all is at hand: the number of bytes, the buffer on the stack, and `this`, which
 * the compiler keeps in a register that calls preserve. Where a jump follows on the path of a
 * read that gave something, the probe goes there: then a read that gives nothing, which ends
 * every loop, costs nothing.
 *
 * The call is known by its third argument, the size of the buffer, and by its first, which is
 * loaded from `this`; so it does not matter whether SSL_read is in the same file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "tls"
#include "log.h"
#include "target_tls.h"
#include "util.h"

#define CHUNK	     0x4000 /* kClearOutChunkSize */
#define FUNCTION_MAX 8192   /* bytes of ClearOut that are looked at */
#define BETTER_INSNS 4	    /* behind the branch */
#define KEPT_BY_CALLS                                                                         \
	(1U << CODE_RBX | 1U << CODE_RSP | 1U << CODE_RBP | 1U << CODE_R12 | 1U << CODE_R13 | \
	 1U << CODE_R14 | 1U << CODE_R15)

/* What the registers for arguments hold, on the straight line before a call. */
struct arguments {
	bool ssl;	 /* rdi was loaded from `this` */
	bool chunk;	 /* edx is the size of the buffer */
	bool buffer;	 /* rsi is as tls says */
	int8_t wrap;	 /* register with `this`, CODE_NOREG: not known yet */
	bool rdi_intact; /* since the entry */
	struct lr_tls tls;
};

static bool kept(int8_t reg)
{
	return reg >= 0 && reg < 16 && (KEPT_BY_CALLS & 1U << reg);
}

/* Where the second argument comes from. */
static void note_buffer(struct arguments *a, const struct code_insn *in)
{
	bool memory = in->op == CODE_LEA || in->op == CODE_LOAD;

	a->buffer = false;
	if (in->op == CODE_MOV && in->width == 8 && kept(in->src)) {
		a->tls.base = (uint8_t)in->src;
		a->tls.disp = 0;
		a->tls.indirect = 0;
		a->buffer = true;
	} else if (memory && kept(in->base) && in->index < 0 && !in->fs &&
		   in->disp == (int32_t)in->disp) {
		a->tls.base = (uint8_t)in->base;
		a->tls.disp = (int32_t)in->disp;
		a->tls.indirect = in->op == CODE_LOAD;
		a->buffer = in->op == CODE_LEA || in->width == 8;
	}
}

static void note_argument(struct arguments *a, const struct code_insn *in)
{
	if (a->rdi_intact && a->wrap == CODE_NOREG && in->op == CODE_MOV && in->width == 8 &&
	    in->src == CODE_RDI && kept(in->dst))
		a->wrap = in->dst;
	else if (a->wrap != CODE_NOREG && (in->writes & 1U << a->wrap) && in->op != CODE_OTHER)
		a->wrap = CODE_NOREG; /* `this` is gone; the epilogue's pop is CODE_OTHER */
	if (in->writes & 1U << CODE_RDI) {
		a->rdi_intact = false;
		a->ssl = in->op == CODE_LOAD && in->width == 8 && in->base == a->wrap &&
			 a->wrap != CODE_NOREG && in->index < 0;
	}
	if (in->writes & 1U << CODE_RSI)
		note_buffer(a, in);
	if (in->writes & 1U << CODE_RDX)
		a->chunk = in->op == CODE_MOV_IMM && in->imm == CHUNK;
}

static void forget_arguments(struct arguments *a)
{
	a->ssl = a->chunk = a->buffer = a->rdi_intact = false;
}

/* test reg, reg with both the same, of 32 bits: an opcode and a ModRM byte. */
static bool is_test(const uint8_t *b, const struct code_insn *in)
{
	bool rex = (b[0] & 0xf0) == 0x40;
	uint8_t modrm;

	if (in->op != CODE_CMP || in->len != 2 + rex || b[rex] != 0x85)
		return false;
	modrm = b[rex + 1];
	return modrm >> 6 == 3 && (modrm >> 3 & 7) == (modrm & 7) &&
	       (!rex || (!(b[0] & 8) && !(b[0] & 4) == !(b[0] & 1)));
}

/* jle: what follows is the path of a read that gave something; jg: it jumps there. */
static bool is_signed_branch(const uint8_t *b, const struct code_insn *in, bool *falls_through)
{
	uint8_t condition;

	if (in->op != CODE_JCC || (in->len != 2 && in->len != 6))
		return false;
	condition = in->len == 2 ? b[0] & 0xf : b[1] & 0xf;
	*falls_through = condition == 0xe;
	return condition == 0xe || condition == 0xf;
}

/* Follows the result in rax to the branch on it. */
static int follow_result(struct target_tls_site *site, const uint8_t *bytes, size_t len,
			 uint64_t addr)
{
	uint32_t holders = 1U << CODE_RAX;
	int8_t tested = CODE_NOREG;
	struct code_insn in;
	bool falls_through;
	size_t at = 0;

	for (int i = 0; i < TARGET_TLS_INSNS; i++, at += in.len) {
		if (code__decode_bytes(bytes + at, len - at, addr + at, &in, 1) != 1 ||
		    in.op == CODE_RET || in.op == CODE_JMP)
			break;
		if (tested != CODE_NOREG && is_signed_branch(bytes + at, &in, &falls_through)) {
			site->check = addr + at;
			site->better = falls_through ? addr + at + in.len : 0;
			site->tls.length = (uint8_t)tested;
			return 0;
		}
		tested = CODE_NOREG;
		if (is_test(bytes + at, &in) && in.src >= 0 && (holders & 1U << in.src))
			tested = in.src;
		if (in.op == CODE_MOV && in.src >= 0 && in.src < 16 && kept(in.dst) &&
		    (holders & 1U << in.src))
			holders |= 1U << in.dst;
		else
			holders &= ~in.writes;
		if (in.op == CODE_CALL)
			holders &= KEPT_BY_CALLS;
		if (in.writes & (1U << site->tls.wrap | 1U << site->tls.base))
			break;
	}
	return -ENOTSUP;
}

/* On from @site->better: the first instruction that the kernel emulates, before any branch. */
static void find_better(struct target_tls_site *site, const uint8_t *bytes, size_t len,
			uint64_t addr)
{
	uint32_t keep = 1U << site->tls.wrap | 1U << site->tls.base | 1U << site->tls.length |
			1U << CODE_RSP;
	uint64_t at = site->better;
	struct code_insn in;

	site->better = 0;
	for (int i = 0; at && i < BETTER_INSNS; i++, at += in.len) {
		if (code__decode_bytes(bytes + (at - addr), len - (at - addr), at, &in, 1) != 1)
			return;
		if (in.emulated && in.op != CODE_CALL) {
			site->better = at;
			return;
		}
		if (in.op == CODE_JCC || in.op == CODE_JMP || in.op == CODE_CALL ||
		    in.op == CODE_RET || (in.writes & keep))
			return;
	}
}

int target_tls__find_bytes(struct target_tls_site *site, const uint8_t *bytes, size_t len,
			   uint64_t addr)
{
	struct arguments a = {.wrap = CODE_NOREG, .rdi_intact = true};
	bool found = false;
	struct code_insn in;

	memset(site, 0, sizeof(*site));
	for (size_t at = 0; at < len; at += in.len) {
		if (code__decode_bytes(bytes + at, len - at, addr + at, &in, 1) != 1)
			break;
		if (in.op != CODE_CALL) {
			note_argument(&a, &in);
			continue;
		}
		if (a.ssl && a.chunk && a.buffer && a.wrap != CODE_NOREG) {
			if (found)
				return -ENOTSUP; /* which one? */
			found = true;
			site->tls = a.tls;
			site->tls.wrap = (uint8_t)a.wrap;
			if (follow_result(site, bytes + at + in.len, len - at - in.len,
					  addr + at + in.len))
				return -ENOTSUP;
		}
		forget_arguments(&a);
	}
	if (!found)
		return -ENOTSUP;
	find_better(site, bytes, len, addr);
	return 0;
}

/* A jump to the place from elsewhere would be counted as a read. */
static int choose(const struct target_elf *elf, const struct elf_symbol *fn,
		  const struct target_tls_site *site)
{
	struct code_insn insns[2];
	bool targeted[2] = {false, false};
	size_t n = 1;
	int err;

	if (code__decode(elf, site->check, fn->addr + fn->size - site->check, &insns[0], 1) != 1)
		return -ENOTSUP;
	if (site->better &&
	    code__decode(elf, site->better, fn->addr + fn->size - site->better, &insns[1], 1) == 1)
		n = 2;
	err = code__find_targets(elf, fn, insns, n, targeted);
	if (err)
		return err;
	if (n == 2 && !targeted[1])
		return (int)(site->better - fn->addr);
	return targeted[0] ? -ENOTSUP : (int)(site->check - fn->addr);
}

/*
 * The StreamListener in TLSWrap: in the name of the thunk through which the stream calls it,
 * "_ZThn<offset>_N4node6crypto7TLSWrap12OnStreamReadE...".
 */
static int thunk(const struct elf_symbol *sym, void *ctx)
{
	static const char of[] = "_N4node6crypto7TLSWrap12OnStreamReadE";
	uint32_t *offset = ctx;
	unsigned long n;
	char *end;

	n = strtoul(sym->name + strlen("_ZThn"), &end, 10);
	if (strncmp(end, of, sizeof(of) - 1) != 0 || n == 0 || n > 4096)
		return 0;
	*offset = (uint32_t)n;
	return 1;
}

int target_tls__site(const struct target_elf *elf, const struct elf_symbol *fn, struct lr_tls *tls)
{
	size_t len = min_t(uint64_t, fn->size, FUNCTION_MAX);
	struct target_tls_site site;
	uint8_t bytes[FUNCTION_MAX];
	uint32_t listener = 0;
	int err;

	len = target_elf__read(elf, fn->addr, bytes, len);
	err = target_tls__find_bytes(&site, bytes, len, fn->addr);
	if (err)
		return err;
	if (target_elf__for_each(elf, "_ZThn", thunk, &listener) != 1)
		return -ENOENT;
	if (tls) {
		*tls = site.tls;
		tls->listener = listener;
	}
	return choose(elf, fn, &site);
}

int target_tls__decode(const struct target_elf *elf, struct lr_tls *tls)
{
	const struct elf_symbol *fn;
	int n = target_elf__symbols_by_prefix(elf, "node::crypto::TLSWrap::ClearOut(", &fn, 1);

	memset(tls, 0, sizeof(*tls));
	if (n != 1)
		return n < 0 ? n : -ENOENT;
	n = target_tls__site(elf, fn, tls);
	return n < 0 ? n : 0;
}

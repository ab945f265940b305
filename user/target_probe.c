// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probe sites.
 *
 * A uprobe replaces one instruction by a trap. The kernel then either emulates that
 * instruction, or executes a copy of it in a page of its own with the single-step trap set,
 * at more than ten times the price. Functions built for CET start with endbr64, functions
 * that test an argument first start with that test; neither is emulated, but a push or a
 * conditional jump stands right behind. So the probe moves down the straight line at the
 * function's start to the first instruction that is emulated, as long as what the probe wants
 * to read has not been overwritten, and not beyond a place that something jumps to: from there
 * on it would fire more than once per call.
 *
 * What jumps where is found by decoding the whole function and the part that the compiler
 * moved away as unlikely. The targets of jump tables are not known; compilers let them point
 * behind the prologue, never into it.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "probe"
#include "log.h"
#include "target_code.h"
#include "target_elf_parts.h"
#include "target_probe.h"
#include "util.h"

#define PROLOGUE_MAX 32		  /* instructions; the sites in use are among the first four */
#define FUNCTION_MAX (256U << 10) /* bytes of a function that are searched for branches */
#define UNSIZED_MAX  4096	  /* the same if the symbol has no size */

struct prologue {
	struct code_insn insns[PROLOGUE_MAX];
	bool targeted[PROLOGUE_MAX];
	size_t count;
};

/* Notes every prologue instruction that a jump in @bytes leads to. */
static void find_targets(struct prologue *p, const uint8_t *bytes, size_t len, uint64_t addr,
			 bool sized)
{
	uint64_t furthest = 0;
	struct code_insn insn;

	for (size_t at = 0; at < len; at += insn.len) {
		if (code__decode_bytes(bytes + at, len - at, addr + at, &insn, 1) == 0) {
			insn.len = 1; /* data between the code: look for the next instruction */
			continue;
		}
		if (insn.op != CODE_JMP && insn.op != CODE_JCC) {
			if (!sized && insn.op == CODE_RET && furthest <= insn.addr)
				break;
			continue;
		}
		for (size_t i = 0; i < p->count; i++) {
			if (insn.target - p->insns[i].addr < p->insns[i].len)
				p->targeted[i] = true;
		}
		furthest = max_t(uint64_t, furthest, insn.target);
		if (!sized && insn.op == CODE_JMP && furthest <= insn.addr)
			break;
	}
}

static bool is_flow(enum code_op op)
{
	return op == CODE_JMP || op == CODE_JCC || op == CODE_CALL || op == CODE_RET;
}

/*
 * The straight line ends at the first instruction that something jumps to: from there on, all
 * may run more than once per call.
 */
static int choose(const struct prologue *p, uint32_t keep, bool *emulated)
{
	for (size_t i = 0; i < p->count && !p->targeted[i]; i++) {
		const struct code_insn *insn = &p->insns[i];

		if (insn->emulated) {
			*emulated = true;
			return (int)(insn->addr - p->insns[0].addr);
		}
		if (is_flow(insn->op) || (insn->writes & (keep | 1U << CODE_RSP)))
			break;
	}
	return p->targeted[0] ? -ELOOP : 0;
}

static int start_prologue(struct prologue *p, const uint8_t *bytes, size_t len, uint64_t addr)
{
	memset(p->targeted, 0, sizeof(p->targeted));
	p->count = code__decode_bytes(bytes, len, addr, p->insns, PROLOGUE_MAX);
	return p->count ? 0 : -EILSEQ;
}

int code__probe_site_bytes(const uint8_t *bytes, size_t len, uint64_t addr, bool sized,
			   uint32_t keep, bool *emulated)
{
	struct prologue p;
	int err;

	*emulated = false;
	err = start_prologue(&p, bytes, len, addr);
	if (err)
		return err;
	find_targets(&p, bytes, len, addr, sized);
	return choose(&p, keep, emulated);
}

struct cold_parts {
	const struct target_elf *elf;
	struct prologue *prologue;
	uint8_t *bytes; /* room for FUNCTION_MAX */
};

static int search_cold_part(const struct elf_symbol *sym, void *ctx)
{
	struct cold_parts *c = ctx;
	size_t len;

	if (sym->type != STT_FUNC || !elf_mangle__is_cold(sym->name) || sym->size == 0)
		return 0;
	len = min_t(uint64_t, sym->size, FUNCTION_MAX);
	len = target_elf__read(c->elf, sym->addr, c->bytes, len);
	find_targets(c->prologue, c->bytes, len, sym->addr, true);
	return 0;
}

/* The cold part of "name" is "name.cold" or "name.cold.12". */
static int search_cold_parts(const struct target_elf *elf, const struct elf_symbol *fn,
			     struct prologue *p, uint8_t *bytes)
{
	struct cold_parts c = {.elf = elf, .prologue = p, .bytes = bytes};
	char *name;
	int err;

	if (asprintf(&name, "%s.cold", fn->name) < 0)
		return -ENOMEM;
	err = target_elf__for_each(elf, name, search_cold_part, &c);
	free(name);
	return err;
}

int code__find_targets(const struct target_elf *elf, const struct elf_symbol *fn,
		       const struct code_insn *insns, size_t n, bool *targeted)
{
	struct prologue p = {.count = min_t(size_t, n, PROLOGUE_MAX)};
	uint8_t *bytes = malloc(FUNCTION_MAX);
	size_t len;
	int err;

	if (!bytes)
		return -ENOMEM;
	memcpy(p.insns, insns, p.count * sizeof(*insns));
	len = target_elf__read(elf, fn->addr, bytes, min_t(uint64_t, fn->size, FUNCTION_MAX));
	find_targets(&p, bytes, len, fn->addr, true);
	err = search_cold_parts(elf, fn, &p, bytes);
	for (size_t i = 0; i < p.count; i++)
		targeted[i] = p.targeted[i];
	free(bytes);
	return err;
}

int code__probe_site(const struct target_elf *elf, const struct elf_symbol *fn, uint32_t keep,
		     bool *emulated)
{
	bool sized = fn->size != 0;
	size_t len = sized ? min_t(uint64_t, fn->size, FUNCTION_MAX) : UNSIZED_MAX;
	struct prologue p;
	uint8_t *bytes;
	int site;

	*emulated = false;
	if (!target_elf__is_code(elf, fn->addr))
		return -ENOENT;
	bytes = malloc(FUNCTION_MAX);
	if (!bytes)
		return -ENOMEM;
	len = target_elf__read(elf, fn->addr, bytes, len);
	site = start_prologue(&p, bytes, len, fn->addr);
	if (!site) {
		find_targets(&p, bytes, len, fn->addr, sized);
		site = search_cold_parts(elf, fn, &p, bytes);
	}
	if (!site)
		site = choose(&p, keep, emulated);
	log_debug("%s: site +%#x, %s", fn->name, site, *emulated ? "emulated" : "single-stepped");
	free(bytes);
	return site;
}

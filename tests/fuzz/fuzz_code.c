// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decoder and the choice of probe sites on arbitrary bytes, and the reader of C++ names on
 * the same bytes as text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_code.h"
#include "target_elf_parts.h"
#include "target_probe.h"
#include "target_tls.h"
#include "util.h"

#define INSNS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_insn(const struct code_insn *in)
{
	if (in->len == 0 || in->len > 15)
		abort();
	if (in->dst < CODE_NOREG || in->dst >= CODE_XMM0 + 16 || in->index > CODE_R15 ||
	    in->base > CODE_RIP || in->src >= CODE_XMM0 + 16)
		abort();
	if (in->writes >> 16)
		abort();
	if (in->op == CODE_LOAD && in->dst == CODE_NOREG)
		abort();
	if (in->emulated && in->op != CODE_PUSH && in->op != CODE_NOP && in->op != CODE_JCC &&
	    in->op != CODE_JMP && in->op != CODE_CALL)
		abort();
}

/* A site is the start of an instruction on the straight line, and cheap if it says so. */
static void check_site(const uint8_t *code, size_t len, uint64_t addr, bool sized, uint32_t keep)
{
	struct code_insn in[INSNS];
	bool emulated, found = false;
	int site = code__probe_site_bytes(code, len, addr, sized, keep, &emulated);
	size_t n = code__decode_bytes(code, len, addr, in, INSNS);

	if (site < 0) {
		if (emulated)
			abort();
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t offset = in[i].addr - addr;

		if (offset == (uint64_t)site) {
			found = true;
			if (emulated != in[i].emulated)
				abort();
		}
		if (offset < (uint64_t)site && (in[i].writes & keep))
			abort();
	}
	if (!found)
		abort();
}

static void read_name(const uint8_t *data, size_t size)
{
	static const char *const prefixes[] = {"node::AsyncWrap::AsyncReset(", "std::", ""};
	char name[512];
	size_t len = min_t(size_t, size, sizeof(name) - 3);

	memcpy(name, "_Z", 2);
	memcpy(name + 2, data, len);
	name[len + 2] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		elf_mangle__matches(name, prefixes[i]);
		elf_mangle__matches(name + 2, prefixes[i]);
	}
	elf_mangle__matches("_ZN4node9AsyncWrap10AsyncResetEv", name + 2);
	elf_mangle__is_cold(name);
}

/* Where plaintext would be read lies in the code, and its registers are some that calls keep. */
static void check_tls(const uint8_t *code, size_t len, uint64_t addr)
{
	struct target_tls_site site;

	if (target_tls__find_bytes(&site, code, len, addr))
		return;
	if (site.check - addr >= len || (site.better && site.better - addr >= len))
		abort();
	if (site.tls.wrap > CODE_R15 || site.tls.base > CODE_R15 || site.tls.length > CODE_R15 ||
	    site.tls.wrap == site.tls.length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct code_insn in[INSNS];
	uint64_t addr = 0x401000;
	uint8_t how;
	size_t n;

	if (size < 2)
		return 0;
	how = data[0];
	if (how & 0x80) {
		read_name(data + 1, size - 1);
		return 0;
	}
	if (how & 0x40)
		addr = UINT64_MAX - how;
	n = code__decode_bytes(data + 1, size - 1, addr, in, INSNS);
	for (size_t i = 0; i < n; i++)
		check_insn(&in[i]);
	check_site(data + 1, size - 1, addr, how & 1, how & 2 ? 1U << CODE_RDI : 0xffff);
	check_tls(data + 1, size - 1, addr);
	return 0;
}

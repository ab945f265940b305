// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ELF reader on arbitrary bytes: opening, every query, and what is decoded from the code
 * of the symbols it finds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_code.h"
#include "target_elf.h"
#include "target_elf_parts.h"
#include "target_probe.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	const struct target_elf *elf;
	int left; /* symbols that are still looked at */
};

static int visit(const struct elf_symbol *sym, void *ctx)
{
	struct walk *w = ctx;
	struct code_insn insns[8];
	const struct elf_symbol *found[4];
	bool emulated;
	uint64_t offset;

	if (target_elf__symbol(w->elf, sym->name) == NULL)
		abort();
	elf_mangle__matches(sym->name, "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>, double");
	if (w->left == 1) /* the dearest query */
		target_elf__symbols_by_prefix(w->elf, sym->name, found, ARRAY_SIZE(found));
	code__decode(w->elf, sym->addr, sym->size, insns, ARRAY_SIZE(insns));
	code__probe_site(w->elf, sym, 1U << CODE_RDI, &emulated);
	if (target_elf__file_offset(w->elf, sym->addr, &offset) == 0 &&
	    !target_elf__is_code(w->elf, sym->addr))
		abort();
	return --w->left <= 0;
}

static void query(const struct target_elf *elf, const uint8_t *data, size_t size)
{
	static const char *const prefixes[] = {
		"node::AsyncWrap::", "uv_", "std::", "(anonymous namespace)::f", "", "_Z", "~",
	};
	const struct elf_symbol *found[4];
	struct walk w = {.elf = elf, .left = 3};
	uint64_t addr = 0, memsz, align;
	uint8_t buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		target_elf__symbols_by_prefix(elf, prefixes[i], found, ARRAY_SIZE(found));
	target_elf__for_each(elf, "", visit, &w);
	target_elf__is_node(elf);
	target_elf__is_pie(elf);
	target_elf__tls(elf, &memsz, &align);
	if (strlen(target_elf__build_id(elf)) == 0)
		abort();
	memcpy(&addr, data + size - min_t(size_t, size, sizeof(addr)), min_t(size_t, size, 8));
	target_elf__read(elf, addr, buf, sizeof(buf));
	target_elf__read(elf, target_elf__base(elf), buf, sizeof(buf));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target_elf *elf;
	char why[64] = "";
	int err = target_elf__open_memory(&elf, data, size, why, sizeof(why));

	if (err) {
		if (why[0] == '\0' || elf)
			abort();
		return 0;
	}
	query(elf, data, size);
	target_elf__free(elf);
	return 0;
}

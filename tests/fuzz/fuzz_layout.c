// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The layout decoder on any code at all: a program image with every function that it asks
 * for, whose bodies are the input, cut into equal slices. Decoding must end, and what it gives
 * must be within the bounds that BPF relies on.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "target_layout.h"
#include "util.h"

static const char *const functions[] = {
	"_ZN2v87Isolate17GetCurrentContextEv",
	"_ZN2v87Isolate28GetEnteredOrMicrotaskContextEv",
	"_ZN4node19GetCurrentEventLoopEPN2v87IsolateE",
	"_ZN4node29AsyncHooksGetExecutionAsyncIdEPN2v87IsolateE",
	"_ZN4node27AsyncHooksGetTriggerAsyncIdEPN2v87IsolateE",
	"_ZN4node10AsyncHooks17pop_async_contextEd",
	"_ZN4node9AsyncWrap10GetAsyncIdERKN2v820FunctionCallbackInfoINS1_5ValueEEE",
	"_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEd",
	"_ZNK4node9AsyncWrap14MemoryInfoNameEv",
	"_ZN2v87Isolate13TryGetCurrentEv",
	"uv_metrics_idle_time",
	"uv_metrics_info",
	"_ZN2v87Isolate36SetContinuationPreservedEmbedderDataENS_5LocalINS_5ValueEEE",
	"_ZN2v87Isolate36GetContinuationPreservedEmbedderDataEv",
	"_ZN4node19async_context_frame3setEPN2v87IsolateENS1_5LocalINS1_5ValueEEE",
	"_ZN4node8builtins13BuiltinLoader12RecordResultEPKcNS1_6ResultEPNS_5RealmE",
};

/* Data that the decoder wants to exist; it lies behind the code. */
static const char tag_name[] = "_ZN4node18ContextEmbedderTag18kNodeContextTagPtrE";

#define BASE	   0x400000ULL
#define TEXT_OFF   0x1000
#define TEXT_MAX   (ARRAY_SIZE(functions) * 512)
#define SYMBOLS	   (ARRAY_SIZE(functions) + 2)
#define SYMTAB_OFF (TEXT_OFF + TEXT_MAX)
#define STRTAB_OFF (SYMTAB_OFF + SYMBOLS * sizeof(Elf64_Sym))
#define STRTAB_MAX 2048
#define SHDR_OFF   (STRTAB_OFF + STRTAB_MAX)
#define IMAGE_LEN  (SHDR_OFF + 4 * sizeof(Elf64_Shdr))

static uint8_t image[IMAGE_LEN] __attribute__((aligned(16)));

static void put_headers(void)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)image;
	Elf64_Phdr *ph = (Elf64_Phdr *)(image + sizeof(*eh));
	Elf64_Shdr *sh = (Elf64_Shdr *)(image + SHDR_OFF);

	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_version = EV_CURRENT;
	eh->e_phoff = sizeof(*eh);
	eh->e_shoff = SHDR_OFF;
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 1;
	eh->e_shentsize = sizeof(*sh);
	eh->e_shnum = 4;
	eh->e_shstrndx = 3;
	*ph = (Elf64_Phdr){.p_type = PT_LOAD,
			   .p_flags = PF_R | PF_X,
			   .p_vaddr = BASE,
			   .p_filesz = SHDR_OFF,
			   .p_memsz = SHDR_OFF,
			   .p_align = 0x1000};
	sh[1] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
			     .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
			     .sh_addr = BASE + TEXT_OFF,
			     .sh_offset = TEXT_OFF,
			     .sh_size = TEXT_MAX};
	sh[2] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
			     .sh_offset = SYMTAB_OFF,
			     .sh_size = SYMBOLS * sizeof(Elf64_Sym),
			     .sh_link = 3,
			     .sh_info = 1,
			     .sh_entsize = sizeof(Elf64_Sym)};
	sh[3] = (Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = STRTAB_OFF, .sh_size = STRTAB_MAX};
}

static void put_symbol(size_t i, const char *name, uint8_t type, uint64_t addr, uint64_t size)
{
	static uint32_t used = 1;
	Elf64_Sym *sym = (Elf64_Sym *)(image + SYMTAB_OFF) + i;

	/* Names are written once, addresses and sizes for each input. */
	if (!sym->st_name) {
		sym->st_name = used;
		memcpy(image + STRTAB_OFF + used, name, strlen(name) + 1);
		used += (uint32_t)strlen(name) + 1;
	}
	sym->st_info = ELF64_ST_INFO(STB_GLOBAL, type);
	sym->st_shndx = 1;
	sym->st_value = addr;
	sym->st_size = size;
}

static void put_code(const uint8_t *data, size_t len)
{
	const size_t n = ARRAY_SIZE(functions), max = TEXT_MAX;
	const size_t slice = len / n, used = slice * n;

	memset(image + TEXT_OFF, 0x90, max);
	memcpy(image + TEXT_OFF, data, used);
	for (size_t i = 0; i < n; i++)
		put_symbol(i + 1, functions[i], STT_FUNC, BASE + TEXT_OFF + i * slice, slice);
	put_symbol(SYMBOLS - 1, tag_name, STT_OBJECT, BASE + TEXT_OFF, 8);
}

static void check_chain(const struct lr_chain *c)
{
	if (c->n > LR_CHAIN_MAX)
		abort();
}

static void check(const struct target_layout *l)
{
	check_chain(&l->lr.isolate_env);
	check_chain(&l->lr.env_isolate);
	check_chain(&l->lr.env_uid);
	check_chain(&l->lr.env_fields);
	check_chain(&l->lr.env_loop);
	check_chain(&l->lr.loop_internal);
	check_chain(&l->lr.wrap_env);
	check_chain(&l->p.isolate_realm);
	if (l->nproviders > LR_PROVIDERS_MAX || l->lr.provider_max > l->nproviders ||
	    l->nmissing > LR_MISSING_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct target_layout l;
	struct target_elf *elf;
	char why[256] = "";

	if (len < ARRAY_SIZE(functions) || len > TEXT_MAX)
		return 0;
	put_headers();
	put_code(data, len);
	if (target_elf__open_memory(&elf, image, sizeof(image), why, sizeof(why)))
		abort();
	if (target_layout__decode(&l, elf, why, sizeof(why)) == 0 ? l.lr.flags == 0 : !why[0])
		abort();
	check(&l);
	target_elf__free(elf);
	return 0;
}

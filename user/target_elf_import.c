// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Calls out of a file. A library's call of another library's function goes to a stub in its
 * procedure linkage table, which jumps through a slot that the dynamic linker fills; the
 * relocation of that slot names the function.
 */
#include <gelf.h>
#include <string.h>

#include "target_elf.h"
#include "target_elf_parts.h"

#define RELOCATIONS_MAX (64ULL << 20) /* bytes of one section */

/* The slot that a stub of x86-64 jumps through: [endbr64] [bnd] jmp *disp32(%rip). 0: no stub. */
static uint64_t slot_of(const struct target_elf *e, uint64_t stub)
{
	static const uint8_t endbr[4] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t b[16] = {0};
	size_t n = target_elf__read(e, stub, b, sizeof(b)), at = 0;
	int32_t disp;

	if (n < sizeof(b))
		return 0;
	if (memcmp(b, endbr, sizeof(endbr)) == 0)
		at = sizeof(endbr);
	if (b[at] == 0xf2)
		at++;
	if (b[at] != 0xff || b[at + 1] != 0x25)
		return 0;
	memcpy(&disp, b + at + 2, sizeof(disp));
	return stub + at + 6 + (uint64_t)(int64_t)disp;
}

/* A section's bytes, if it lies in the file as it says. */
static Elf_Data *section(const struct target_elf *e, Elf_Scn *scn, GElf_Shdr *sh)
{
	if (!scn || !gelf_getshdr(scn, sh) || sh->sh_type == SHT_NOBITS ||
	    sh->sh_size > RELOCATIONS_MAX || sh->sh_offset > e->size ||
	    sh->sh_size > e->size - sh->sh_offset)
		return NULL;
	return elf_rawdata(scn, NULL);
}

/* The name of a dynamic symbol, or NULL. */
static const char *symbol_name(const struct target_elf *e, size_t table, uint64_t index)
{
	GElf_Shdr sh, str;
	Elf_Data *syms = section(e, elf_getscn(e->elf, table), &sh), *names;
	Elf64_Sym sym;

	if (!syms || !syms->d_buf || sh.sh_type != SHT_DYNSYM ||
	    index >= syms->d_size / sizeof(sym))
		return NULL;
	names = section(e, elf_getscn(e->elf, sh.sh_link), &str);
	memcpy(&sym, (const char *)syms->d_buf + index * sizeof(sym), sizeof(sym));
	if (!names || !names->d_buf || str.sh_type != SHT_STRTAB || sym.st_name >= names->d_size ||
	    !memchr((const char *)names->d_buf + sym.st_name, '\0', names->d_size - sym.st_name))
		return NULL;
	return (const char *)names->d_buf + sym.st_name;
}

/* Whether a relocation in this section fills @slot with the function @name. */
static bool fills(const struct target_elf *e, const Elf_Data *relocs, const GElf_Shdr *sh,
		  uint64_t slot, const char *name)
{
	Elf64_Rela r;

	for (size_t at = 0; at + sizeof(r) <= relocs->d_size; at += sizeof(r)) {
		const char *found;

		memcpy(&r, (const char *)relocs->d_buf + at, sizeof(r));
		if (r.r_offset != slot || (ELF64_R_TYPE(r.r_info) != R_X86_64_JUMP_SLOT &&
					   ELF64_R_TYPE(r.r_info) != R_X86_64_GLOB_DAT))
			continue;
		found = symbol_name(e, sh->sh_link, ELF64_R_SYM(r.r_info));
		return found && strcmp(found, name) == 0;
	}
	return false;
}

bool target_elf__calls_import(const struct target_elf *e, uint64_t stub, const char *name)
{
	uint64_t slot = slot_of(e, stub);
	Elf_Scn *scn = NULL;

	if (!slot)
		return false;
	while ((scn = elf_nextscn(e->elf, scn))) {
		GElf_Shdr sh;
		Elf_Data *relocs;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA ||
		    sh.sh_entsize != sizeof(Elf64_Rela))
			continue;
		relocs = section(e, scn, &sh);
		if (relocs && relocs->d_buf && fills(e, relocs, &sh, slot, name))
			return true;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target_layout_parts.h"
#include "util.h"

#define PHDRS_MAX 64
#define DYNS_MAX  256
#define RELAS_MAX (4u << 20)

int layout_job__refuse(struct layout_job *job, const char *function, const char *fmt, ...)
{
	va_list args;
	/* A prefix is cut at its open parenthesis: the reader wants a name. */
	int n = snprintf(job->why, sizeof(job->why), "%.*s: ", (int)strcspn(function, "("),
			 function);

	if (n < 0 || (size_t)n >= sizeof(job->why))
		return -ENOTSUP;
	va_start(args, fmt);
	vsnprintf(job->why + n, sizeof(job->why) - (size_t)n, fmt, args);
	va_end(args);
	return -ENOTSUP;
}

static int trace_function(struct layout_job *job, const char *name, const struct elf_symbol *fn)
{
	int err = trace__run(&job->trace, job->elf, fn);

	if (err == -ENODATA)
		return layout_job__refuse(job, name, "not machine code");
	return err;
}

int layout_job__trace(struct layout_job *job, const char *prefix)
{
	const struct elf_symbol *fn = NULL;
	int found = target_elf__symbols_by_prefix(job->elf, prefix, &fn, 1);

	if (found < 0)
		return found;
	if (found == 0 || !fn)
		return layout_job__refuse(job, prefix, "not in this binary");
	return trace_function(job, prefix, fn);
}

bool layout_job__has(const struct layout_job *job, const char *prefix)
{
	const struct elf_symbol *fn = NULL;

	return target_elf__symbols_by_prefix(job->elf, prefix, &fn, 1) > 0;
}

int layout_job__trace_symbol(struct layout_job *job, const char *name)
{
	const struct elf_symbol *fn = target_elf__symbol(job->elf, name);

	if (!fn)
		return layout_job__refuse(job, name, "not in this binary");
	return trace_function(job, name, fn);
}

int64_t layout__v8dbg(const struct target_elf *elf, const char *name)
{
	const struct elf_symbol *sym;
	int32_t value;
	char full[160];

	snprintf(full, sizeof(full), "v8dbg_%s", name);
	sym = target_elf__symbol(elf, full);
	if (!sym)
		return -1;
	/* A zero lies in the part of a segment that is not in the file. */
	if (target_elf__read(elf, sym->addr, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}

/* Program headers as mapped: the first segment starts with the ELF header. */
static size_t read_phdrs(const struct target_elf *elf, Elf64_Phdr *phdrs)
{
	uint64_t base = target_elf__base(elf);
	Elf64_Ehdr ehdr;
	size_t want;

	if (target_elf__read(elf, base, &ehdr, sizeof(ehdr)) != sizeof(ehdr) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 || ehdr.e_phnum > PHDRS_MAX ||
	    ehdr.e_phentsize != sizeof(*phdrs))
		return 0;
	want = ehdr.e_phnum * sizeof(*phdrs);
	if (target_elf__read(elf, base + ehdr.e_phoff, phdrs, want) != want)
		return 0;
	return ehdr.e_phnum;
}

bool layout__is_library(const struct target_elf *elf)
{
	Elf64_Phdr phdrs[PHDRS_MAX];
	size_t n;

	if (!target_elf__is_pie(elf))
		return false;
	n = read_phdrs(elf, phdrs);
	for (size_t i = 0; i < n; i++) {
		if (phdrs[i].p_type == PT_INTERP)
			return false;
	}
	return true;
}

/* What the dynamic section says: 0 where it has no such entry. */
struct dynamic {
	uint64_t rela, rela_size;
	uint64_t jmprel, jmprel_size;
	uint64_t symtab;
};

static void dynamic_entry(struct dynamic *dyn, const Elf64_Dyn *d)
{
	if (d->d_tag == DT_RELA)
		dyn->rela = d->d_un.d_ptr;
	else if (d->d_tag == DT_RELASZ)
		dyn->rela_size = d->d_un.d_val;
	else if (d->d_tag == DT_JMPREL)
		dyn->jmprel = d->d_un.d_ptr;
	else if (d->d_tag == DT_PLTRELSZ)
		dyn->jmprel_size = d->d_un.d_val;
	else if (d->d_tag == DT_SYMTAB)
		dyn->symtab = d->d_un.d_ptr;
}

static struct dynamic read_dynamic(const struct target_elf *elf)
{
	Elf64_Phdr phdrs[PHDRS_MAX];
	size_t n = read_phdrs(elf, phdrs);
	struct dynamic dyn = {0};
	uint64_t dynamic = 0;

	for (size_t i = 0; i < n; i++) {
		if (phdrs[i].p_type == PT_DYNAMIC)
			dynamic = phdrs[i].p_vaddr;
	}
	for (size_t i = 0; dynamic && i < DYNS_MAX; i++) {
		Elf64_Dyn d;

		if (target_elf__read(elf, dynamic + i * sizeof(d), &d, sizeof(d)) != sizeof(d) ||
		    d.d_tag == DT_NULL)
			break;
		dynamic_entry(&dyn, &d);
	}
	return dyn;
}

/*
 * The relocation of kind @type for the word at @addr in a table of @size bytes. They are
 * sorted, but nothing relies on it.
 */
static bool find_relocation(const struct target_elf *elf, uint64_t table, uint64_t size,
			    uint64_t addr, uint32_t type, Elf64_Rela *found)
{
	uint64_t count = size / sizeof(Elf64_Rela);
	Elf64_Rela r[128];

	for (uint64_t i = 0; table && count < RELAS_MAX && i < count; i += ARRAY_SIZE(r)) {
		size_t want = min_t(uint64_t, count - i, ARRAY_SIZE(r)) * sizeof(r[0]);
		size_t got = target_elf__read(elf, table + i * sizeof(r[0]), r, want);

		for (size_t k = 0; k < got / sizeof(r[0]); k++) {
			if (r[k].r_offset == addr && ELF64_R_TYPE(r[k].r_info) == type) {
				*found = r[k];
				return true;
			}
		}
		if (got != want)
			break;
	}
	return false;
}

static uint64_t relocated(const struct target_elf *elf, uint64_t addr)
{
	struct dynamic dyn = read_dynamic(elf);
	Elf64_Rela r;

	if (!find_relocation(elf, dyn.rela, dyn.rela_size, addr, R_X86_64_RELATIVE, &r))
		return 0;
	return (uint64_t)r.r_addend;
}

/* The word through which the stub at @addr jumps: "jmp *[rip+disp]", perhaps behind endbr64. */
static uint64_t plt_slot(const struct target_elf *elf, uint64_t addr)
{
	uint8_t b[16];
	size_t got = target_elf__read(elf, addr, b, sizeof(b));
	int32_t disp;

	for (size_t i = 0; i + 6 <= got && i <= 5; i++) {
		if (b[i] != 0xff || b[i + 1] != 0x25)
			continue;
		memcpy(&disp, b + i + 2, sizeof(disp));
		return addr + i + 6 + (uint64_t)(int64_t)disp;
	}
	return 0;
}

uint64_t layout__plt(const struct target_elf *elf, uint64_t addr)
{
	uint64_t slot = addr ? plt_slot(elf, addr) : 0;
	struct dynamic dyn;
	Elf64_Rela r;
	Elf64_Sym sym;

	if (!slot)
		return 0;
	dyn = read_dynamic(elf);
	if (!dyn.symtab ||
	    !find_relocation(elf, dyn.jmprel, dyn.jmprel_size, slot, R_X86_64_JUMP_SLOT, &r) ||
	    target_elf__read(elf, dyn.symtab + ELF64_R_SYM(r.r_info) * sizeof(sym), &sym,
			     sizeof(sym)) != sizeof(sym))
		return 0;
	return sym.st_value;
}

uint64_t layout__pointer(const struct target_elf *elf, uint64_t addr)
{
	uint64_t value;

	if (target_elf__read(elf, addr, &value, sizeof(value)) != sizeof(value))
		return 0;
	/* Position-independent files may leave the word zero and put its value elsewhere. */
	if (value == 0 && target_elf__is_pie(elf))
		return relocated(elf, addr);
	return value;
}

static bool segment_contains(const struct target_elf *elf, uint64_t addr, uint64_t end,
			     const char *text, size_t len, char *buf, size_t cap)
{
	while (addr < end) {
		size_t got = target_elf__read(elf, addr, buf, cap);

		if (memmem(buf, got, text, len))
			return true;
		if (got < cap)
			break;
		addr += got - (len - 1); /* the text may lie across two reads */
	}
	return false;
}

bool layout__contains(const struct target_elf *elf, const char *text)
{
	const size_t cap = 1 << 20, len = strlen(text) + 1;
	Elf64_Phdr phdrs[PHDRS_MAX];
	size_t n = read_phdrs(elf, phdrs);
	char *buf = len < 256 ? malloc(cap) : NULL;
	bool found = false;

	for (size_t i = 0; buf && !found && i < n; i++) {
		if (phdrs[i].p_type == PT_LOAD)
			found = segment_contains(elf, phdrs[i].p_vaddr,
						 phdrs[i].p_vaddr + phdrs[i].p_filesz, text, len,
						 buf, cap);
	}
	free(buf);
	return found;
}

bool layout__string(const struct target_elf *elf, uint64_t addr, char *buf, size_t cap)
{
	size_t got = target_elf__read(elf, addr, buf, cap);

	return got && memchr(buf, '\0', got);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Symbols: reading .symtab and .dynsym, and the questions that are asked of them.
 *
 * Official builds have both tables, V8's internals in .symtab only; distribution builds are
 * stripped to .dynsym. In executables linkers repeat every dynamic symbol in .symtab, and what
 * strips a part of .symtab leaves fewer entries than .dynsym has: then the smaller .dynsym need
 * not be read. (In libraries the names in .symtab may carry a version.) A symbol that is
 * undefined, has no name, or claims to be a function outside the code is left out.
 */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "target_elf.h"
#include "target_elf_parts.h"
#include "util.h"

#define SYMBOLS_MAX (1U << 20)	   /* per table; official builds have up to 170,000 */
#define STRINGS_MAX (128ULL << 20) /* and 19 MB of names */

struct table {
	const char *syms;
	size_t count;
	const char *strings;
	size_t strings_len; /* up to and with the last NUL: every name inside has an end */
};

/* Checks that a section lies in the file before libelf allocates what it claims to hold. */
static Elf_Data *section_data(const struct target_elf *e, Elf_Scn *scn, uint64_t max)
{
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS ||
	    (sh.sh_flags & SHF_COMPRESSED))
		return NULL;
	if (sh.sh_size > max || sh.sh_offset > e->size || sh.sh_size > e->size - sh.sh_offset)
		return NULL;
	return elf_rawdata(scn, NULL);
}

static int load_table(struct target_elf *e, Elf_Scn *scn, const GElf_Shdr *sh, struct table *t)
{
	Elf_Data *syms, *strings;
	GElf_Shdr str;
	Elf_Scn *link;

	if (sh->sh_entsize != sizeof(Elf64_Sym))
		return elf_part__refuse(e, -ENOEXEC, "its symbols have %lu bytes each",
					sh->sh_entsize);
	link = elf_getscn(e->elf, sh->sh_link);
	if (!link || !gelf_getshdr(link, &str) || str.sh_type != SHT_STRTAB)
		return elf_part__refuse(e, -ENOEXEC, "its symbol table has no string table");
	syms = section_data(e, scn, (uint64_t)SYMBOLS_MAX * sizeof(Elf64_Sym));
	strings = section_data(e, link, STRINGS_MAX);
	if (!syms || !strings)
		return elf_part__refuse(e, -ENOEXEC, "its symbol table is cut off or too large");
	if (!syms->d_buf || !strings->d_buf)
		return 0; /* empty */
	t->syms = syms->d_buf;
	t->count = syms->d_size / sizeof(Elf64_Sym);
	t->strings = strings->d_buf;
	t->strings_len = strings->d_size;
	while (t->strings_len > 0 && t->strings[t->strings_len - 1] != '\0')
		t->strings_len--;
	return 0;
}

/* Fills *out if the table's entry is worth keeping. *budget: bytes of names still allowed. */
static bool take_symbol(const struct target_elf *e, const struct table *t, size_t i,
			struct elf_symbol *out, int64_t *budget)
{
	Elf64_Sym sym;
	size_t len;

	memcpy(&sym, t->syms + i * sizeof(sym), sizeof(sym));
	out->type = ELF64_ST_TYPE(sym.st_info);
	out->local = ELF64_ST_BIND(sym.st_info) == STB_LOCAL;
	out->addr = sym.st_value;
	out->size = sym.st_size;
	if (sym.st_shndx == SHN_UNDEF || out->type == STT_SECTION || out->type == STT_FILE)
		return false;
	if (sym.st_name == 0 || sym.st_name >= t->strings_len)
		return false;
	out->name = t->strings + sym.st_name;
	if (out->type == STT_FUNC && !target_elf__is_code(e, out->addr))
		return false;
	len = strnlen(out->name, ELF_NAME_MAX + 1);
	*budget -= (int64_t)len;
	return len > 0 && len <= ELF_NAME_MAX;
}

/*
 * Linkers let names share their ends, hostile tables let a million names share all of one
 * long string: then sorting would read far more bytes than the file has.
 */
static int64_t name_budget(const struct table *t)
{
	return 4 * (int64_t)t->strings_len + (16 << 20);
}

static int add_table(struct target_elf *e, const struct table *t)
{
	int64_t budget = name_budget(t);
	struct elf_symbol sym;

	for (size_t i = 0; i < t->count; i++) {
		if (take_symbol(e, t, i, &sym, &budget))
			elf_index__add(&e->index, &sym);
		if (budget < 0)
			return elf_part__refuse(e, -ENOEXEC, "its symbol names overlap");
	}
	return 0;
}

int elf_part__load_symbols(struct target_elf *e)
{
	struct table symtab = {0}, dynsym = {0};
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int err = 0;

	while (!err && (scn = elf_nextscn(e->elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			return elf_part__refuse(e, -ENOEXEC, "its section headers cannot be read");
		if (sh.sh_type == SHT_SYMTAB && !symtab.syms)
			err = load_table(e, scn, &sh, &symtab);
		else if (sh.sh_type == SHT_DYNSYM && !dynsym.syms)
			err = load_table(e, scn, &sh, &dynsym);
	}
	if (err)
		return err;
	if (!e->pie && symtab.count >= dynsym.count)
		dynsym.count = 0;
	err = elf_index__init(&e->index, symtab.count + dynsym.count);
	if (err)
		return elf_part__refuse(e, err, "no memory for its symbols");
	err = add_table(e, &symtab);
	if (!err)
		err = add_table(e, &dynsym);
	return err ? err : elf_index__finish(&e->index);
}

const struct elf_symbol *target_elf__symbol(const struct target_elf *elf, const char *mangled)
{
	const struct elf_index *index = &elf->index;
	size_t end, i = elf_index__range(index, mangled, &end);

	/* The name itself sorts before every longer one, a global before a local. */
	if (i == end || strcmp(index->syms[i].name, mangled) != 0)
		return NULL;
	return &index->syms[i];
}

int target_elf__for_each(const struct target_elf *elf, const char *prefix,
			 int (*fn)(const struct elf_symbol *sym, void *ctx), void *ctx)
{
	size_t end, i = elf_index__range(&elf->index, prefix, &end);
	int err = 0;

	for (; i < end && !err; i++)
		err = fn(&elf->index.syms[i], ctx);
	return err;
}

struct found {
	const struct target_elf *elf;
	const char *prefix;
	const struct elf_symbol **syms;
	size_t count;
	size_t cap;
};

static int found_add(const struct elf_symbol *sym, void *ctx)
{
	struct found *f = ctx;

	if (sym->type != STT_FUNC || elf_mangle__is_cold(sym->name) ||
	    !elf_mangle__matches(sym->name, f->prefix))
		return 0;
	if (f->count == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		void *grown = reallocarray(f->syms, cap, sizeof(*f->syms));

		if (!grown)
			return -ENOMEM;
		f->syms = grown;
		f->cap = cap;
	}
	f->syms[f->count++] = sym;
	return 0;
}

static int found_range(const char *range, void *ctx)
{
	struct found *f = ctx;

	return target_elf__for_each(f->elf, range, found_add, f);
}

/* By address; of several names for one address, the whole function before a clone's part. */
static int found_cmp(const void *a, const void *b)
{
	const struct elf_symbol *x = *(const struct elf_symbol *const *)a;
	const struct elf_symbol *y = *(const struct elf_symbol *const *)b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->local != y->local)
		return x->local ? 1 : -1;
	return strcmp(x->name, y->name);
}

int target_elf__symbols_by_prefix(const struct target_elf *elf, const char *prefix,
				  const struct elf_symbol **found, size_t cap)
{
	struct found f = {.elf = elf, .prefix = prefix};
	size_t count = 0;
	int err;

	err = elf_mangle__for_each_range(prefix, found_range, &f);
	if (!err && f.count > 0)
		qsort(f.syms, f.count, sizeof(*f.syms), found_cmp);
	for (size_t i = 0; i < f.count && !err; i++) {
		if (i > 0 && f.syms[i]->addr == f.syms[i - 1]->addr)
			continue;
		if (count < cap)
			found[count] = f.syms[i];
		count++;
	}
	free(f.syms);
	return err ? err : (int)count;
}

static int stop_at_function(const struct elf_symbol *sym, void *ctx)
{
	(void)ctx;
	return sym->type == STT_FUNC && !sym->local;
}

/*
 * node::Start is what main() calls; V8's API and a module registration function must be in
 * the same file. Other embedders of V8 have no node::Start; runtimes that imitate Node-API
 * export napi_* but not node::Start; a launcher that links libnode has it undefined.
 */
bool target_elf__is_node(const struct target_elf *elf)
{
	return target_elf__for_each(elf, "_ZN4node5StartE", stop_at_function, NULL) &&
	       target_elf__for_each(elf, "_ZN2v87Isolate", stop_at_function, NULL) &&
	       (target_elf__symbol(elf, "napi_module_register") ||
		target_elf__symbol(elf, "node_module_register"));
}

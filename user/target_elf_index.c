// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The symbol table sorted by name.
 *
 * C++ names share long beginnings ("_ZN2v88internal8compiler..."), so a sort that compares
 * whole strings reads the same bytes again and again. Here the table is sorted by eight bytes
 * of each name at a time, and only runs that are still equal are sorted by the next eight:
 * every byte of a name is read once. The eight bytes are a number, which a radix sort puts in
 * order in time that no table, however hostile, can make worse than linear.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target_elf_parts.h"

#define SMALL_RUN 32 /* entries that are quicker sorted by insertion */

struct sort_entry {
	uint64_t key;	  /* the next eight bytes of the name, the first one highest */
	const char *rest; /* the name behind those bytes */
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

/* Takes the next eight bytes; those behind the end of the name count as 0. */
static void next_key(struct sort_entry *e)
{
	const char *p = e->rest;
	uint64_t key = 0;

	for (int i = 0; i < 8; i++) {
		key = key << 8 | (unsigned char)*p;
		if (*p)
			p++;
	}
	e->key = key;
	e->rest = p;
}

static void insertion_sort(struct sort_entry *run, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sort_entry e = run[i];
		size_t j = i;

		for (; j > 0 && run[j - 1].key > e.key; j--)
			run[j] = run[j - 1];
		run[j] = e;
	}
}

/* Least significant byte first, stable; bytes in which all keys agree are skipped. */
static void radix_sort(struct sort_entry *run, struct sort_entry *spare, size_t n)
{
	for (int shift = 0; shift < 64; shift += 8) {
		uint32_t at[256] = {0}, sum = 0;

		for (size_t i = 0; i < n; i++)
			at[run[i].key >> shift & 0xff]++;
		if (at[run[0].key >> shift & 0xff] == n)
			continue;
		for (int b = 0; b < 256; b++) {
			uint32_t count = at[b];

			at[b] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			spare[at[run[i].key >> shift & 0xff]++] = run[i];
		memcpy(run, spare, n * sizeof(*run));
	}
}

/*
 * Sorts entries whose names agree in all bytes taken so far. The recursion is as deep as the
 * longest name divided by eight, at most 1,024.
 */
static void sort_run(struct sort_entry *run, struct sort_entry *spare, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i + 8 < n)
			__builtin_prefetch(run[i + 8].rest);
		next_key(&run[i]);
	}
	if (n <= SMALL_RUN)
		insertion_sort(run, n);
	else
		radix_sort(run, spare, n);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && run[end].key == run[i].key; end++)
			;
		if (end - i > 1 && (run[i].key & 0xff) != 0)
			sort_run(run + i, spare, end - i);
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
	size_t n = index->count;
	struct elf_symbol *sorted;
	struct sort_entry *run;

	if (n == 0)
		return 0;
	run = calloc(2 * n, sizeof(*run));
	sorted = calloc(n, sizeof(*sorted));
	if (!run || !sorted) {
		free(run);
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		run[i] = (struct sort_entry){.rest = index->syms[i].name, .sym = (uint32_t)i};
	sort_run(run, run + n, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = index->syms[run[i].sym];
	free(run);
	free(index->syms);
	index->syms = sorted;
	index->cap = n;
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

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parts that target_elf is made of. Nothing outside target_elf*.c, its tests and its
 * fuzzers includes this header.
 */
#ifndef LOOPRAY_TARGET_ELF_PARTS_H
#define LOOPRAY_TARGET_ELF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libelf.h>

#include "target_elf.h"

/* Longest symbol name that is indexed. The longest in official builds is about 2,500 bytes. */
#define ELF_NAME_MAX 8191

/* ---- target_elf_index.c: names to symbols ---- */

struct elf_index {
	struct elf_symbol *syms; /* by name; equal names: global first, then by address */
	size_t count;
	size_t cap;
};

/* Room for @cap symbols. Returns -ENOMEM or 0. */
int elf_index__init(struct elf_index *index, size_t cap);
/* Adds one symbol; the caller stays within the capacity given to init. */
void elf_index__add(struct elf_index *index, const struct elf_symbol *sym);
/* Sorts by name and drops entries that say the same twice. Call once, after the last add. */
int elf_index__finish(struct elf_index *index);
/* The symbols whose name starts with @prefix are [returned, *end). */
size_t elf_index__range(const struct elf_index *index, const char *prefix, size_t *end);
void elf_index__free(struct elf_index *index);

/* ---- target_elf.c: the file ---- */

#define ELF_SEGMENTS_MAX 64
#define ELF_BUILD_ID_MAX 64 /* bytes; 20 is usual */

struct elf_segment {
	uint64_t addr;
	uint64_t offset;
	uint64_t filesz;
	uint64_t memsz;
	bool exec;
};

struct target_elf {
	int fd;		      /* -1 for bytes in memory */
	const uint8_t *image; /* NULL for a file */
	uint64_t size;
	Elf *elf; /* owns the string tables that symbol names point into */
	struct elf_segment segs[ELF_SEGMENTS_MAX]; /* ascending, without overlap */
	size_t nsegs;
	bool pie;
	bool has_tls;
	uint64_t tls_memsz;
	uint64_t tls_align;
	struct elf_index index;
	char build_id[2 * ELF_BUILD_ID_MAX + 8];
	char *why; /* the caller's buffer while opening, NULL afterwards */
	size_t why_len;
};

/* Writes the reason into the caller's buffer and returns @err. */
int elf_part__refuse(struct target_elf *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Reads up to @len bytes at @offset of the file; returns how many there were. */
size_t elf_part__read_file(const struct target_elf *e, uint64_t offset, void *buf, size_t len);

/* ---- target_elf_symbols.c: .symtab and .dynsym into the index ---- */
int elf_part__load_symbols(struct target_elf *e);

/* ---- target_elf_id.c: build id or digest ---- */
int elf_part__load_build_id(struct target_elf *e);

/* ---- target_elf_mangle.c: C++ names, as much as prefix matching needs ---- */

/*
 * Whether the demangled form of @mangled starts with @prefix. A name that is not C++ is its
 * own demangled form. A name that cannot be read up to the end of @prefix does not match.
 */
bool elf_mangle__matches(const char *mangled, const char *prefix);

/* True for the part of a function that a compiler moved away as unlikely (".cold", ".cold.12"). */
bool elf_mangle__is_cold(const char *mangled);

/* ---- target_elf_range.c: where in the sorted table to look ---- */

/*
 * Mangled prefixes that together cover every name whose demangled form starts with @prefix,
 * for a search in a sorted table: calls @fn for each until it returns non-zero.
 */
int elf_mangle__for_each_range(const char *prefix, int (*fn)(const char *range, void *ctx),
			       void *ctx);

/* ---- target_elf_digest.c: SHA-256 ---- */

struct elf_digest {
	uint32_t state[8];
	uint8_t block[64];
	size_t fill;	/* bytes waiting in block */
	uint64_t total; /* bytes taken so far */
};

void elf_digest__init(struct elf_digest *d);
void elf_digest__update(struct elf_digest *d, const void *data, size_t len);
void elf_digest__final(struct elf_digest *d, uint8_t out[32]);

#endif

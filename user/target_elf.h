/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A Node.js executable or libnode.so as a file: its symbols, sections, segments and code.
 * The input is hostile: every offset is checked, nothing is executed, sizes are bounded.
 *
 * Lifecycle: target_elf__open, the queries, target_elf__free (NULL-safe). Returned
 * pointers live as long as the object.
 */
#ifndef LOOPRAY_TARGET_ELF_H
#define LOOPRAY_TARGET_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_elf;

struct elf_symbol {
	const char *name; /* mangled, as in the string table */
	uint64_t addr;	  /* virtual address (st_value) */
	uint64_t size;	  /* st_size, 0 if the table does not say */
	uint8_t type;	  /* STT_* */
	bool local;	  /* STB_LOCAL */
};

/*
 * Opens @path (a real path, or /proc/PID/exe, /proc/PID/map_files/..., so that deleted and
 * other-namespace binaries work). On failure returns -errno and, if @why is not NULL, a
 * sentence about the file that says what is wrong (at most @why_len bytes): -ENOEXEC if it is
 * no sound ELF program, -EOPNOTSUPP if it is one for another architecture, -EISDIR, -EINVAL
 * (a device, a pipe), -EFBIG, -ENOMEM, or what open(2) says.
 */
int target_elf__open(struct target_elf **out, const char *path, char *why, size_t why_len);

/* As target_elf__open, on bytes in memory (tests, fuzzing). The bytes must outlive the object. */
int target_elf__open_memory(struct target_elf **out, const void *data, size_t len, char *why,
			    size_t why_len);

void target_elf__free(struct target_elf *elf);

/* Lower-case hex build id, or a "sha-" digest of headers and symbol tables if the file has none. */
const char *target_elf__build_id(const struct target_elf *elf);

/* Exact name from .symtab or .dynsym (a global before a local). NULL if absent. */
const struct elf_symbol *target_elf__symbol(const struct target_elf *elf, const char *mangled);

/*
 * All function symbols whose *demangled* name starts with @prefix, e.g.
 * "node::AsyncWrap::AsyncReset(" or, to tell overloads apart, with as much of the parameters as
 * is needed. Compiler clones (.isra.0, .part.1, .constprop.2) match with their suffix stripped;
 * ".cold" parts are left out. Aliases at one address appear once. A part is called by its whole
 * function: probing both counts such a call twice.
 *
 * Not found: template functions (their text starts with the return type), operators, lambdas
 * and other entities inside functions, thunks. "> >" and ">>" are the same.
 *
 * Fills at most @cap, by address; returns the number found (it may be larger), or -errno.
 */
int target_elf__symbols_by_prefix(const struct target_elf *elf, const char *prefix,
				  const struct elf_symbol **found, size_t cap);

/* Calls @fn for every symbol whose mangled name starts with @prefix, until it returns non-zero. */
int target_elf__for_each(const struct target_elf *elf, const char *prefix,
			 int (*fn)(const struct elf_symbol *sym, void *ctx), void *ctx);

/* Whether the file exports the marks of a Node.js runtime (V8 and node API symbols). */
bool target_elf__is_node(const struct target_elf *elf);

/*
 * Bytes at a virtual address, from the file. Returns how many of @len were available in the
 * containing segment's file part (0 if unmapped).
 */
size_t target_elf__read(const struct target_elf *elf, uint64_t addr, void *buf, size_t len);

/* Virtual address -> file offset, for uprobes. Returns -ENOENT if not in an executable segment. */
int target_elf__file_offset(const struct target_elf *elf, uint64_t addr, uint64_t *offset);

/* True if @addr lies in an executable segment. */
bool target_elf__is_code(const struct target_elf *elf, uint64_t addr);

/*
 * Whether a call of @stub (an address in this file) is a call of @name in another library, by way
 * of the procedure linkage table.
 */
bool target_elf__calls_import(const struct target_elf *elf, uint64_t stub, const char *name);

/* PT_TLS: size in memory and alignment; false if the file has no TLS segment. */
bool target_elf__tls(const struct target_elf *elf, uint64_t *memsz, uint64_t *align);

/* ET_EXEC images are mapped at their addresses; ET_DYN (PIE, .so) at a load bias. */
bool target_elf__is_pie(const struct target_elf *elf);

/* Lowest PT_LOAD virtual address, page aligned: load bias = mapping start - this. */
uint64_t target_elf__base(const struct target_elf *elf);

#endif

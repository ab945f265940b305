/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in a function to put a uprobe, so that it is cheap and fires once per call.
 */
#ifndef LOOPRAY_TARGET_PROBE_H
#define LOOPRAY_TARGET_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "target_elf.h"

struct code_insn;

/*
 * Where to put a uprobe in the function at @fn: the first instruction that the kernel
 * emulates (push reg, nop, jmp/jcc/call rel: about 1 us a hit against 12 us), reached before
 * any of the argument registers in @keep (bit CODE_xxx) is written, before rsp moves, and
 * before any place that a branch in the function leads to.
 *
 * Returns the byte offset into the function; *emulated says whether it is a cheap one, else
 * the offset is 0 and the probe is single-stepped. -EILSEQ if the function cannot be decoded,
 * -ENOENT if it is not in the code, -ENOMEM, and -ELOOP if there is no cheap place and the
 * function jumps back to its own first instruction, where a probe would fire more than once
 * per call.
 */
int code__probe_site(const struct target_elf *elf, const struct elf_symbol *fn, uint32_t keep,
		     bool *emulated);

/*
 * The same on raw bytes (tests, fuzzing): @bytes are the function of @len bytes at @addr.
 * @sized: @len is the function's size; else it is only what could be read, and the function
 * ends where its code does.
 */
int code__probe_site_bytes(const uint8_t *bytes, size_t len, uint64_t addr, bool sized,
			   uint32_t keep, bool *emulated);

/*
 * Which of the @n instructions (32 at most) in @fn a branch leads to, as far as branches can be
 * decoded; one behind another instruction is not a branch. Returns 0 or -ENOMEM.
 */
int code__find_targets(const struct target_elf *elf, const struct elf_symbol *fn,
		       const struct code_insn *insns, size_t n, bool *targeted);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where Node.js has what it received over TLS in the clear: decoded from the code of
 * node::crypto::TLSWrap::ClearOut.
 */
#ifndef LOOPRAY_TARGET_TLS_H
#define LOOPRAY_TARGET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "target_code.h"
#include "target_elf.h"

#define TARGET_TLS_INSNS 32 /* looked at behind the call */

/* The place, and what was read to find it. */
struct target_tls_site {
	uint64_t check;	   /* address of the branch on "was anything read" */
	uint64_t better;   /* address of a place that only a read with data passes, 0: none */
	struct lr_tls tls; /* registers; followed and listener are not set */
};

/*
 * The place behind SSL_read in ClearOut, at @bytes (those at @addr, @len of them). Returns 0 or
 * -ENOTSUP if the function does not have the expected shape.
 */
int target_tls__find_bytes(struct target_tls_site *site, const uint8_t *bytes, size_t len,
			   uint64_t addr);

/*
 * The same in a binary: the offset in function @fn where a probe goes, with @tls filled in all but
 * followed (@tls may be NULL). -ENOTSUP, -ENOENT if TLSWrap's base class cannot be found, -ENOMEM.
 */
int target_tls__site(const struct target_elf *elf, const struct elf_symbol *fn, struct lr_tls *tls);

/* Finds ClearOut in @elf too. Returns 0 or as above. */
int target_tls__decode(const struct target_elf *elf, struct lr_tls *tls);

#endif

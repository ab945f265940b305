/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Decoded layouts on disk, one file per build id: decoding is paid once per binary.
 *
 * A cache file is a hint. It is used only if it is ours (owner, permissions), whole
 * (checksum), made by this version of the decoder, and for this very binary (build id and
 * headers); anything else means decoding anew. Deleting it, or the directory, is always safe.
 */
#ifndef LOOPRAY_TARGET_CACHE_H
#define LOOPRAY_TARGET_CACHE_H

#include <stddef.h>

#include "target_elf.h"
#include "target_layout.h"

/*
 * As target_layout__decode, from the cache where it has the answer, and put there where it
 * does not. A cache that cannot be read or written is no error.
 */
int target_cache__decode(struct target_layout *l, const struct target_elf *elf, char *why,
			 size_t why_len);

/*
 * The directory: /var/cache/loopray/layout for root, else $XDG_CACHE_HOME/loopray or
 * ~/.cache/loopray. Returns 0, or -ENOENT if the environment names none.
 */
int target_cache__dir(char *buf, size_t len);

/* Loads the layout of @elf from @dir. Returns 0, -ENOENT, or -EBADMSG if it must not be used. */
int target_cache__load(const char *dir, struct target_layout *l, const struct target_elf *elf);

/* Stores a layout under its build id, by a temporary file and a rename. Returns 0 or -errno. */
int target_cache__store(const char *dir, const struct target_layout *l,
			const struct target_elf *elf);

#endif

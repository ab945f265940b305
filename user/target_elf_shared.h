/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One open target_elf for all processes of a file: reading the symbols of a runtime takes longer
 * than starting it does. Files are the same if device, inode, size and modification time are.
 *
 * Lifecycle: target_elf__acquire, the queries of target_elf.h, target_elf__release (NULL-safe;
 * instead of target_elf__free). The last release frees it, unless target_elf__keep was asked for.
 */
#ifndef LOOPRAY_TARGET_ELF_SHARED_H
#define LOOPRAY_TARGET_ELF_SHARED_H

#include "target_elf.h"

/* As target_elf__open. */
int target_elf__acquire(struct target_elf **out, const char *path, char *why, size_t why_len);
void target_elf__release(struct target_elf *elf);

/*
 * Whether files outlive their last release, for processes that are still to come. False also
 * frees those that nobody has any more.
 */
void target_elf__keep(bool keep);

#endif

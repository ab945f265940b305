/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads of a live process's memory, and nothing else: there is no write in here.
 *
 * Lifecycle: target_memory__open, reads, target_memory__free (NULL-safe).
 */
#ifndef LOOPRAY_TARGET_MEMORY_H
#define LOOPRAY_TARGET_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"

struct target_memory;

/* Returns 0, -ESRCH if there is no such process, or another -errno. */
int target_memory__open(struct target_memory **out, pid_t pid);
void target_memory__free(struct target_memory *m);

/*
 * Reads exactly @len bytes at @addr. A short read is an error: -EFAULT if the memory is not
 * mapped, -ESRCH if the process is gone, -EPERM if it may not be read.
 */
int target_memory__read(struct target_memory *m, uint64_t addr, void *buf, size_t len);

/* A piece of the target's memory and where it goes. */
struct target_piece {
	uint64_t addr;
	void *buf;
	size_t len;
};

#define TARGET_PIECES_MAX 8

/*
 * Reads @n pieces, at most TARGET_PIECES_MAX, at once: what one system call costs, and as close
 * to one moment as can be. Errors as of target_memory__read; then nothing of it is to be used.
 */
int target_memory__gather(struct target_memory *m, const struct target_piece *pieces, size_t n);

/* Reads one 64-bit word. */
int target_memory__u64(struct target_memory *m, uint64_t addr, uint64_t *value);

/*
 * Walks @chain from @base as BPF does: p = *(u64 *)(p + off[i]) for each offset. A null
 * pointer on the way gives -ENOENT, any address that no user process can have -EFAULT.
 */
int target_memory__walk(struct target_memory *m, uint64_t base, const struct lr_chain *chain,
			uint64_t *value);

/* Reads a NUL-terminated string of less than @cap bytes; -ENAMETOOLONG if it is longer. */
int target_memory__string(struct target_memory *m, uint64_t addr, char *buf, size_t cap);

#endif

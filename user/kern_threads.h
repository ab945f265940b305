/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The threads of a process with the base of their thread-local storage, which only the kernel
 * knows: read through a BPF task iterator, without touching the process.
 */
#ifndef LOOPRAY_KERN_THREADS_H
#define LOOPRAY_KERN_THREADS_H

#include <stddef.h>
#include <sys/types.h>

#include "target_layout.h"

/*
 * Fills at most @cap threads of process @pid. Returns their number (which may exceed @cap),
 * or -errno: -EPERM without the privilege to use BPF. The iterator's program is loaded by
 * the first call and stays until kern_threads__free. Not thread safe.
 */
int kern_threads__list(pid_t pid, struct target_thread *threads, size_t cap);
void kern_threads__free(void);

#endif

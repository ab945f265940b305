/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TCP ports that a process listens on, in whatever network namespace it is. */
#ifndef LOOPRAY_TARGET_PORTS_H
#define LOOPRAY_TARGET_PORTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Fills at most @cap ports (host byte order); returns how many there are, or -errno. */
int target_ports__listening(pid_t pid, uint16_t *ports, size_t cap);

/*
 * One line of /proc/PID/net/tcp or tcp6: its local port and socket inode. Returns 0 if it
 * listens, -ENOENT if it does not, -EINVAL if the line is something else.
 */
int target_ports__parse(const char *line, uint16_t *port, uint64_t *inode);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an event loop is at, at one moment: read often, so with one system call.
 *
 * The environment is one that passed target_layout__check. It may be gone by now: the loop and
 * the queue of microtasks are known again by a word each that only they hold.
 */
#ifndef LOOPRAY_TARGET_PULSE_H
#define LOOPRAY_TARGET_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "target_layout.h"
#include "target_memory.h"

struct target_pulse {
	uint64_t ts;	     /* CLOCK_MONOTONIC, ns: in the middle of the read */
	uint64_t idle_ns;    /* of polls that are over */
	uint64_t entry_ns;   /* when the poll began that is going on; 0: the loop is busy */
	uint64_t count;	     /* polls begun so far: iterations; 0 if this libuv does not count */
	uint64_t time_ms;    /* the loop's own clock; 0 unknown */
	uint64_t microtasks; /* finished so far, if env->microtasks */
	bool draining;	     /* microtasks run */
};

/*
 * Reads the pulse of @env's loop. Returns 0; -EAGAIN if the reading took so long that its time
 * means nothing; -EPROTO if the loop is no longer where it was; or the error of the read.
 */
int target_pulse__read(struct target_memory *m, const struct target_layout *l,
		       const struct target_env *env, struct target_pulse *pulse);

#endif

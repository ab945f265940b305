/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Can this process be observed, and what runs in it: its binary's layout decoded, bound to
 * the process, and checked against what its threads hold.
 */
#ifndef LOOPRAY_TARGET_INSPECT_H
#define LOOPRAY_TARGET_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "target_layout.h"
#include "target_process.h"

#define TARGET_ENVS_MAX 256

enum target_answer {
	TARGET_UNKNOWN,
	TARGET_YES,
	TARGET_NO,
};

struct target_inspection {
	enum target_answer attachable;
	struct target_why why; /* unless attachable is TARGET_YES */
	bool envs_known;
	size_t nenvs; /* environments found; at most TARGET_ENVS_MAX of them are in envs */
	struct target_env envs[TARGET_ENVS_MAX];
	enum target_context context;
	char context_why[96];
};

/*
 * Fills in @in. @threads are those of the process with their fsbase, @nthreads their number
 * or the -errno why there are none: then only what needs no threads is checked, and the
 * answer cannot be TARGET_YES.
 * Returns 0, or -ESRCH if the process ended meanwhile.
 */
int target_inspect(struct target_inspection *in, const struct target_process *p,
		   const struct target_thread *threads, int nthreads);

/* Forgets the decoded layouts. */
void target_inspect__forget(void);

#endif

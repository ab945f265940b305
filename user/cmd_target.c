// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "find"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd_target.h"
#include "kern_features.h"
#include "kern_threads.h"
#include "log.h"
#include "util.h"

#define THREADS_MAX 4096 /* of one process; a thread more is not asked for its isolate */

/* A machine that cannot observe anything says so for each process: it is what people ask. */
static void apply_machine(struct target_inspection *in)
{
	const struct kern_feature *f = kern_features__missing(KERN_NEED_KERNEL);
	int status = EX_LR_UNSUPPORTED;

	if (in->attachable == TARGET_NO)
		return;
	if (!f) {
		f = kern_features__missing(KERN_NEED_PRIVILEGE);
		status = EX_LR_PRIVILEGES;
	}
	if (!f)
		return;
	in->attachable = TARGET_NO;
	in->why.status = status;
	snprintf(in->why.text, sizeof(in->why.text), "this %s lacks %s: see loopray doctor",
		 status == EX_LR_PRIVILEGES ? "user" : "kernel", f->title);
}

int cmd_target__inspect(struct target_inspection *in, const struct target_process *p)
{
	struct target_thread *threads = calloc(THREADS_MAX, sizeof(*threads));
	int n, err;

	if (!threads)
		return -ENOMEM;
	n = kern_threads__list(p->pid, threads, THREADS_MAX);
	if (n > THREADS_MAX) {
		log_warn("process %d has %d threads; only %d of them were looked at", p->pid, n,
			 THREADS_MAX);
		n = THREADS_MAX;
	}
	err = target_inspect(in, p, threads, n);
	free(threads);
	if (err)
		return err;
	if (!target_process__alive(p))
		return -ESRCH;
	apply_machine(in);
	return 0;
}

void cmd_target__free(void)
{
	target_inspect__forget();
	target_image__forget();
	kern_features__free();
}

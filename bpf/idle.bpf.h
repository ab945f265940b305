/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How long the thread's event loop has waited in all: libuv's own count. */
#ifndef LOOPRAY_IDLE_BPF_H
#define LOOPRAY_IDLE_BPF_H

#include "runtime.bpf.h"

/* Returns LR_DATA_F_*. Reads the loop's idle time if the thread slept since its last record. */
static __always_inline __u32 idle_read(struct task_struct *task, struct lr_task *t, __u64 *idle)
{
	__u32 nvcsw = task->nvcsw;
	__u32 flags = 0;

	if (nvcsw != t->nvcsw || !t->idle_ns) {
		if (nvcsw != t->nvcsw)
			flags |= LR_DATA_F_SLEPT;
		t->nvcsw = nvcsw;
		if (!t->env)
			runtime_find_env(task, t);
		if (t->idle_addr) {
			__u64 v;

			if (bpf_probe_read_user(&v, sizeof(v), (void *)t->idle_addr)) {
				stat_add(LR_STAT_runtime_fault, 1);
				t->idle_addr = 0;
				t->idle_ns = 0;
			} else {
				t->idle_ns = v;
			}
		}
	}
	*idle = t->idle_ns;
	return t->idle_addr ? flags | LR_DATA_F_IDLE : flags;
}

#endif

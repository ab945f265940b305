/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clocks of a thread: see struct lr_clock. */
#ifndef LOOPRAY_CLOCK_BPF_H
#define LOOPRAY_CLOCK_BPF_H

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

/* All but the loop's count: see struct lr_clock. */
static __always_inline void clock_cpu(struct task_struct *task, struct lr_clock *clock)
{
	clock->ran_ns = task->se.sum_exec_runtime;
	clock->since_ns = task->se.exec_start;
	clock->cpu = bpf_get_smp_processor_id();
	clock->pad = 0;
	clock->delay_ns = 0;
	if (bpf_core_field_exists(task->sched_info.run_delay))
		clock->delay_ns = task->sched_info.run_delay;
}

/* All of them. Returns LR_DATA_F_*. */
static __always_inline __u32 clock_read(struct task_struct *task, struct lr_task *t,
					struct lr_clock *clock)
{
	clock_cpu(task, clock);
	return idle_read(task, t, &clock->idle_ns);
}

#endif

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

/*
 * How far the clock by which tasks are charged is behind the scheduler's: by what interrupts and
 * the hypervisor took, where the kernel knows. Each CPU has its own, and a thread moves from one
 * to the other. Its CPU's run queue can be reached from it where groups of tasks are scheduled;
 * false: it cannot.
 */
static __always_inline bool clock_behind(struct task_struct *task, __u64 *behind)
{
	struct rq *rq;

	if (!bpf_core_field_exists(task->se.cfs_rq) || !bpf_core_field_exists(struct cfs_rq, rq))
		return false;
	rq = task->se.cfs_rq->rq;
	*behind = rq->clock - rq->clock_task;
	return true;
}

static __always_inline __u64 clock_delay(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.run_delay) ? task->sched_info.run_delay : 0;
}

/* The time of a record is taken: clock_cpu is to be as of now. */
static __always_inline void clock_mark(struct task_struct *task, struct lr_task *t)
{
	t->delay_ns = clock_delay(task);
}

#define clock_barrier() asm volatile("" ::: "memory")

/*
 * All but the loop's count: see struct lr_clock. The scheduler's clock and CLOCK_MONOTONIC run at
 * one pace, but for what NTP makes of the latter (500 ppm at most). A tick between two reads
 * changes both. If the thread has lost its CPU since clock_mark, what passed meanwhile was no
 * time on a CPU, and is delay that comes behind this record.
 */
static __always_inline void clock_cpu(struct task_struct *task, const struct lr_task *t,
				      struct lr_clock *clock)
{
	__u64 start = task->se.exec_start, sum, behind = 0;

	clock_barrier();
	sum = task->se.sum_exec_runtime;
	clock_barrier();
	if (task->se.exec_start != start) {
		start = task->se.exec_start;
		clock_barrier();
		sum = task->se.sum_exec_runtime;
	}
	clock->cpu = clock_behind(task, &behind) ? LR_CLOCK_EVERY_CPU : bpf_get_smp_processor_id();
	clock->pad = 0;
	clock->ran_ns = sum;
	clock->since_ns = start + behind - (clock_delay(task) - t->delay_ns);
	clock->delay_ns = t->delay_ns;
}

/* A thread that slept works for nobody known until it receives something. */
static __always_inline void clock_slept(struct task_struct *task, struct lr_task *t)
{
	__u32 nvcsw = task->nvcsw;

	if (nvcsw != t->nvcsw) {
		t->conn = 0;
		t->conn_in = 0;
	}
}

/* All of them, as of clock_mark. Returns LR_DATA_F_*. */
static __always_inline __u32 clock_read(struct task_struct *task, struct lr_task *t,
					struct lr_clock *clock)
{
	clock_cpu(task, t, clock);
	return idle_read(task, t, &clock->idle_ns);
}

#endif

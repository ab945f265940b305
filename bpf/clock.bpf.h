/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clocks of a thread: see struct lr_clock. */
#ifndef LOOPRAY_CLOCK_BPF_H
#define LOOPRAY_CLOCK_BPF_H

#include "runtime.bpf.h"

#define IDLE_TRIES 3

/*
 * A page that is there all the time can fail to be read for some microseconds. That is no reason to
 * take the address for wrong: this record does without the time, the next one tries again.
 */
static __always_inline void idle_load(struct lr_task *t)
{
	__u64 v;

	t->idle_known = 0;
	t->idle_ns = 0;
	for (int i = 0; i < IDLE_TRIES; i++) {
		if (bpf_probe_read_user(&v, sizeof(v), (void *)t->idle_addr))
			continue;
		t->idle_ns = v;
		t->idle_known = 1;
		return;
	}
	stat_add(LR_STAT_idle_fault, 1);
}

/* Returns LR_DATA_F_*. Reads the loop's idle time if the thread slept since its last record. */
static __always_inline __u32 idle_read(struct task_struct *task, struct lr_task *t, __u64 *idle)
{
	__u32 nvcsw = task->nvcsw;
	__u32 flags = 0;

	if (nvcsw != t->nvcsw || !t->idle_known) {
		if (nvcsw != t->nvcsw)
			flags |= LR_DATA_F_SLEPT;
		t->nvcsw = nvcsw;
		if (!t->env)
			runtime_find_env(task, t);
		if (t->idle_addr)
			idle_load(t);
	}
	*idle = t->idle_ns;
	return t->idle_known ? flags | LR_DATA_F_IDLE : flags;
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

/*
 * Whether the turn that t->work is of goes on. In the middle of a callback the thread may wait for
 * a lock that another one holds, or for a page of its program: the loop has waited only if its idle
 * time says so.
 */
static __always_inline bool clock_in_turn(struct task_struct *task, struct lr_task *t)
{
	if (task->nvcsw == t->work_nvcsw)
		return true;
	if (!t->work || !t->idle_addr || !t->work_idle || read_u64(t->idle_addr) != t->work_idle)
		return false;
	t->work_nvcsw = task->nvcsw;
	return true;
}

/* A loop that has waited works for nobody known until it receives something. */
static __always_inline void clock_slept(struct task_struct *task, struct lr_task *t)
{
	if (task->nvcsw == t->nvcsw || (t->work == t->conn && clock_in_turn(task, t)))
		return;
	t->conn = 0;
	t->conn_in = 0;
}

/* All of them, as of clock_mark. Returns LR_DATA_F_*. */
static __always_inline __u32 clock_read(struct task_struct *task, struct lr_task *t,
					struct lr_clock *clock)
{
	clock_cpu(task, t, clock);
	return idle_read(task, t, &clock->idle_ns);
}

#endif

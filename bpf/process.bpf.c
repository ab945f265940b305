// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes and threads: the iterator that lists a process's threads with the base of their
 * thread-local storage (read once, before anything is attached), and the ends and beginnings
 * of observed processes.
 */
#include "emit.bpf.h"
#include "filter.bpf.h"

/* What one read of the iterator yields per thread; user/kern_threads.c reads it. */
struct lr_iter_thread {
	__u32 pid;
	__u32 tid;
	__u64 fsbase;
	__u64 start_ns;
};

SEC("iter/task")
int lr_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct lr_iter_thread rec = {};

	if (!task)
		return 0;
	rec.pid = task->tgid;
	rec.tid = task->pid;
	rec.fsbase = task->thread.fsbase;
	rec.start_ns = task->start_time;
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}

/* @wake: the reader is told at once, and not when it looks next. */
static __always_inline void process_event(struct task_struct *task, struct lr_task *t, __u32 op,
					  __u32 other, bool wake)
{
	struct lr_ev_process *rec = emit_new(lr_ev_process, task, t, LR_EV_PROCESS);

	if (!rec)
		return;
	rec->op = op;
	rec->other = other;
	rec->exit_code = task->exit_code;
	rec->pad = 0;
	if (wake)
		emit_commit_now(rec);
	else
		emit_commit(rec);
}

/* A thread that never made a record ends silently. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(lr_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct lr_task *t;

	if (lr_follow && task->pid == task->tgid)
		bpf_map_delete_elem(&lr_followed, &tgid);
	if (!filter_tgid(tgid))
		return 0;
	t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	if (t)
		process_event(task, t, LR_PROC_EXIT, 0, false);
	return 0;
}

/*
 * Children of targets, and of what targets started: a target is often behind a shell. Noted here
 * and not by the agent, as a shell has started its program long before the agent hears of it.
 */
static __always_inline bool followed(__u32 tgid)
{
	return filter_tgid(tgid) || bpf_map_lookup_elem(&lr_followed, &tgid);
}

static __always_inline void follow(__u32 tgid)
{
	__u32 one = 1;

	if (bpf_map_update_elem(&lr_followed, &tgid, &one, BPF_ANY))
		stat_add(LR_STAT_follow_full, 1);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lr_fork, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid == child->tgid && followed(parent->tgid))
		follow(child->tgid);
	return 0;
}

/* A child may have been there before the attach. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(lr_exec, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	__u32 tgid = task->tgid, ppid = parent ? parent->tgid : 0;

	if (!lr_follow) {
		if (filter_tgid(tgid))
			process_event(task, NULL, LR_PROC_EXEC, ppid, false);
		return 0;
	}
	if (!followed(tgid)) {
		if (!ppid || !followed(ppid))
			return 0;
		follow(tgid);
	}
	process_event(task, NULL, LR_PROC_EXEC, ppid, true);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Jobs of libuv's thread pool. A thread with a loop hands them in, a thread of the pool does them,
 * and the loop calls back: a turn, in which what the job was for goes on. Two records tell all,
 * both from the thread with the loop; what happens in between is noted in the job's entry.
 *
 * A job is known by its struct uv__work. Where it is handed in, that is an argument: of
 * uv__work_submit, or a part of the request that uv_queue_work is given. Where a thread of the pool
 * is about to call its function, and where that thread wakes the loop behind it, it is in a
 * register. The functions that the loop calls back have it as their argument. target_jobs.c says
 * how these places are found. A job that is cancelled is never begun.
 */
#include "clock.bpf.h"
#include "emit.bpf.h"
#include "filter.bpf.h"
#include "registers.bpf.h"
#include "turn.bpf.h"

/* Of request.bpf.c, which has all that reads the heap. */
extern int store_active_job(__u64 now);

/* The observed process whose jobs are followed, or NULL. */
static __always_inline struct lr_process_config *job_enter(__u32 probe, struct task_struct *task)
{
	struct lr_process_config *p;
	__u32 tgid = task->tgid;

	if (!filter_tgid(tgid))
		return NULL;
	probe_hit(probe);
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	return p && p->jobs.followed ? p : NULL;
}

static __always_inline struct lr_job *job_find(struct task_struct *task, __u64 work)
{
	struct lr_job_key key = {.work = work, .tgid = task->tgid};

	return bpf_map_lookup_elem(&lr_jobs, &key);
}

static __always_inline __u64 job_number(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&lr_job_last, &zero);

	return last ? __sync_fetch_and_add(last, 1) + 1 : 0;
}

#define JOB_CRYPTO  0x6f7470797263ULL /* "crypto", as bytes of a word */
#define JOB_ZLIB    0x62696c7aULL     /* "zlib" */
#define JOB_FS	    0x2e7366ULL	      /* "fs.", with what follows: "fs.readfile" of 26 */
#define JOB_FS_MASK 0xffffffULL

/* What Node.js calls a job of its own. Another's has something else there, which reads as no name.
 */
static __always_inline __u32 job_type(const struct lr_process_config *p, __u64 work)
{
	__u64 addr, name = 0;

	if (!p->jobs.type)
		return LR_JOB_OTHER;
	addr = read_u64(work + p->jobs.type);
	if (!addr || bpf_probe_read_user_str(&name, sizeof(name), (void *)addr) < 0)
		return LR_JOB_OTHER;
	if (name == JOB_CRYPTO)
		return LR_JOB_CRYPTO;
	if ((name & JOB_FS_MASK) == JOB_FS)
		return LR_JOB_FS;
	return name == JOB_ZLIB ? LR_JOB_ZLIB : LR_JOB_OTHER;
}

static __always_inline void job_tell(struct task_struct *task, struct lr_task *t,
				     const struct lr_job *job, __u16 op, __u64 now)
{
	struct lr_ev_job *rec = emit_new(lr_ev_job, task, t, LR_EV_JOB);

	if (!rec)
		return;
	rec->h.ts = now;
	rec->job = job->number;
	rec->work = job->conn;
	rec->submit_ns = job->submit_ns;
	rec->start_ns = job->start_ns;
	rec->end_ns = job->end_ns;
	rec->counter = 0;
	rec->op = op;
	rec->kind = job->kind;
	rec->flags = clock_read(task, t, &rec->clock) & LR_DATA_F_IDLE ? LR_JOB_F_IDLE : 0;
	if (t->uid_addr && t->env) {
		rec->counter = read_u64(t->uid_addr + 2 * sizeof(__u64));
		rec->flags |= LR_JOB_F_CHAIN;
	}
	if (op == LR_JOB_SUBMIT && !job->conn && t->work)
		rec->flags |= LR_JOB_F_SLEPT;
	emit_commit(rec);
}

/* Inline: there is no call frame left for it where stores are read. */
static __always_inline int job_submit(struct task_struct *task, const struct lr_process_config *p,
				      __u64 work, __u32 kind)
{
	struct lr_job_key key = {.work = work, .tgid = task->tgid};
	struct lr_job job = {.kind = kind, .submit_ns = bpf_ktime_get_ns()};
	struct lr_task *t = task_context(task);

	if (!t || !work)
		return 0;
	clock_mark(task, t);
	/* A loop that has waited works for nobody known. */
	if (clock_in_turn(task, t))
		job.conn = t->work;
	job.number = job_number();
	if (bpf_map_update_elem(&lr_jobs, &key, &job, BPF_ANY)) {
		stat_add(LR_STAT_job_full, 1);
		return 0;
	}
	if (turn_wanted(p) &&
	    bpf_task_storage_get(&lr_plain_scratch, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE))
		store_active_job(job.submit_ns);
	job_tell(task, t, &job, LR_JOB_SUBMIT, job.submit_ns);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_job_submit, __u64 loop, __u64 work, __u32 what)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_process_config *p = job_enter(LR_PROBE_job_submit, task);
	__u32 kind = LR_JOB_OTHER;

	if (!p)
		return 0;
	if (what == p->jobs.kind_fs)
		kind = LR_JOB_FS;
	else if (what == p->jobs.kind_dns)
		kind = LR_JOB_DNS;
	return job_submit(task, p, work, kind);
}

/* Without a callback it is refused. */
SEC("uprobe")
int BPF_KPROBE(lr_job_queue, __u64 loop, __u64 request, __u64 callback)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_process_config *p = job_enter(LR_PROBE_job_queue, task);
	__u64 work = request + LR_UV_WORK_REQ;

	if (!p || !request || !callback)
		return 0;
	return job_submit(task, p, work, job_type(p, work));
}

/* A thread of the pool: it has no loop, so nothing is kept of it. */
static __always_inline struct lr_job *job_at_work(struct pt_regs *ctx, __u32 probe)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_process_config *p = job_enter(probe, task);

	return p ? job_find(task, saved_register(ctx, p->jobs.reg) + p->jobs.disp) : NULL;
}

SEC("uprobe")
int lr_job_start(struct pt_regs *ctx)
{
	struct lr_job *job = job_at_work(ctx, LR_PROBE_job_start);

	if (job)
		job->start_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("uprobe")
int lr_job_end(struct pt_regs *ctx)
{
	struct lr_job *job = job_at_work(ctx, LR_PROBE_job_end);

	if (job && job->start_ns)
		job->end_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_job_done, __u64 work)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_process_config *p = job_enter(LR_PROBE_job_done, task);
	struct lr_job_key key = {.work = work, .tgid = task->tgid};
	struct lr_job *found, job;
	struct lr_task *t;
	__u64 now;

	if (!p)
		return 0;
	t = task_context(task);
	if (!t)
		return 0;
	turn_close(task, t, 0);
	t->work = 0;
	t->job_runs = 1;
	found = bpf_map_lookup_elem(&lr_jobs, &key);
	if (!found)
		return 0; /* handed in before the attach */
	job = *found;
	bpf_map_delete_elem(&lr_jobs, &key);
	now = bpf_ktime_get_ns();
	clock_mark(task, t);
	job_tell(task, t, &job, LR_JOB_DONE, now);
	t->work = job.conn;
	t->work_nvcsw = task->nvcsw;
	t->work_idle = t->idle_ns;
	return 0;
}

/* Its callback is over. What runs next, perhaps another's that woke the loop, is not its work. */
SEC("uprobe")
int BPF_KPROBE(lr_job_over)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t;

	if (!job_enter(LR_PROBE_job_over, task))
		return 0;
	t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	if (!t)
		return 0;
	t->work = 0;
	t->job_runs = 0;
	if (!t->env)
		return 0; /* a loop of somebody else's */
	turn_tell(task, t, LR_TURN_OTHER, 0, 0);
	return 0;
}

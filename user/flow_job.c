// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Jobs of the thread pool (libuv's: files, names, crypto, zlib) and the requests they are for.
 *
 * Whose a job is, when it is handed in:
 *   store    the store that was active then is one request's. If it is bound to that request by
 *            where it was made alone, requests of its route must be known to have stores of their
 *            own: by the time the job is done, or the turn of the loop must say the same
 *   loop     no store was active, and the turn of the loop is one request's (flow_loop.c)
 *   unknown  everything else, with the reason that calls have
 *
 * Its callback begins a turn of the loop, which goes on with what handed it in: a chain of jobs
 * (open, fstat, read, close) is its request's throughout. The callback of a job of nobody known
 * begins a turn of nobody known.
 *
 * What its request waited for: a thread of the pool from when it was handed in until it was taken,
 * and the job until the thread was finished with it. From there on the loop was late. A job that
 * was cancelled was waited for in the queue, until its callback said so.
 */
#include <errno.h>
#include <stdlib.h>

#include "flow_job.h"
#include "flow_table.h"

#define JOBS 65536 /* at once */

struct job {
	uint64_t number;
	uint32_t pid;
	uint8_t by;	 /* enum call_by */
	uint8_t unknown; /* enum call_unknown */
	uint8_t kind;	 /* enum lr_job_kind */
	bool unproven;	 /* by store, of a route that is not known to have stores */
	uint32_t instance;
	struct flow_req_ref ref;
	uint64_t submit_ns;
	struct job *newer, *older;
};

struct flow_jobs {
	struct flow_jobs_opts opts;
	struct flow_table jobs; /* number, 0 */
	struct flow_pool pool;
	struct job *newest, *oldest;
	struct flow_job_counts counts;
};

int flow_jobs__new(struct flow_jobs **out, const struct flow_jobs_opts *opts)
{
	struct flow_jobs *j = calloc(1, sizeof(*j));
	int err;

	if (!j)
		return -ENOMEM;
	j->opts = *opts;
	flow_pool__init(&j->pool, sizeof(struct job), JOBS);
	err = flow_table__init(&j->jobs, JOBS);
	if (err) {
		flow_jobs__free(j);
		return err;
	}
	*out = j;
	return 0;
}

void flow_jobs__free(struct flow_jobs *j)
{
	if (!j)
		return;
	flow_table__destroy(&j->jobs);
	flow_pool__destroy(&j->pool);
	free(j);
}

void flow_jobs__counts(const struct flow_jobs *j, struct flow_job_counts *counts)
{
	*counts = j->counts;
}

/* Kept jobs ------------------------------------------------------------------------------ */

static void drop(struct flow_jobs *j, struct job *job)
{
	if (job->newer)
		job->newer->older = job->older;
	else
		j->newest = job->older;
	if (job->older)
		job->older->newer = job->newer;
	else
		j->oldest = job->newer;
	flow_table__take(&j->jobs, job->number, 0);
	flow_pool__release(&j->pool, job);
}

/* Its callback was lost, or will be: what begins there will be nobody's. */
static void give_up(struct flow_jobs *j, struct job *job)
{
	j->counts.by[CALL_BY_NOTHING]++;
	j->counts.not_kept++;
	drop(j, job);
}

static void keep(struct flow_jobs *j, const struct job *as)
{
	struct job *job = flow_table__get(&j->jobs, as->number, 0);

	if (job)
		give_up(j, job); /* two of one number: neither is certain */
	if (j->jobs.count == JOBS)
		give_up(j, j->oldest);
	job = flow_pool__alloc(&j->pool);
	if (!job || flow_table__put(&j->jobs, as->number, 0, job)) {
		flow_pool__release(&j->pool, job);
		j->counts.by[CALL_BY_NOTHING]++;
		j->counts.not_kept++;
		return;
	}
	*job = *as;
	job->newer = NULL;
	job->older = j->newest;
	if (job->older)
		job->older->newer = job;
	else
		j->oldest = job;
	j->newest = job;
}

/* Whose ---------------------------------------------------------------------------------- */

static void unknown(struct job *job, enum call_unknown why)
{
	job->by = CALL_BY_NOTHING;
	job->unknown = (uint8_t)why;
}

static void by_loop(struct flow_jobs *j, const struct flow_event *ev, struct job *job)
{
	enum loop_is is = flow_loops__find(j->opts.loops, ev, ev->job.work,
					   ev->job.flags & FE_JOB_SLEPT, &job->ref);

	if (is == LOOP_REQUEST)
		job->by = CALL_BY_LOOP;
	else
		unknown(job, call_unknown__of_loop(is));
}

static bool proven(const struct flow_jobs *j, const struct job *job)
{
	return flow_mismatch__has_stores(j->opts.mismatch, job->pid, &job->ref, job->instance);
}

static void by_store(struct flow_jobs *j, const struct flow_event *ev, struct job *job,
		     const struct flow_issuer *is)
{
	struct job loop = {0};

	job->by = CALL_BY_STORE;
	job->ref = is->request;
	job->instance = is->instance;
	if (!is->by_birth || proven(j, job))
		return;
	by_loop(j, ev, &loop);
	if (loop.by == CALL_BY_LOOP && flow_req_ref__same(&loop.ref, &job->ref))
		job->by = CALL_BY_LOOP;
	else
		job->unproven = true;
}

static void find_owner(struct flow_jobs *j, const struct flow_event *ev, struct job *job)
{
	struct flow_issuer is;

	flow_mismatch__issuer(j->opts.mismatch, ev, &is);
	switch (is.is) {
	case ISSUER_REQUEST:
		by_store(j, ev, job, &is);
		break;
	case ISSUER_NONE:
		by_loop(j, ev, job);
		break;
	default:
		unknown(job, call_unknown__of_issuer(&is));
	}
}

/* It is done: now or never. */
static void decide(struct flow_jobs *j, struct job *job)
{
	if (job->unproven && !proven(j, job))
		unknown(job, CALL_UNKNOWN_ROUTE);
	job->unproven = false;
	j->counts.by[job->by]++;
	if (job->by == CALL_BY_NOTHING)
		j->counts.unknown[job->unknown]++;
}

/* Events --------------------------------------------------------------------------------- */

static void on_submit(struct flow_jobs *j, const struct flow_event *ev)
{
	struct job job = {
		.number = ev->job.job,
		.pid = ev->pid,
		.kind = ev->job.kind,
		.submit_ns = ev->job.submit_ns ? ev->job.submit_ns : ev->ts,
	};

	j->counts.submitted++;
	j->counts.kind[ev->job.kind <= LR_JOB_ZLIB ? ev->job.kind : LR_JOB_OTHER]++;
	find_owner(j, ev, &job);
	if (job.by != CALL_BY_NOTHING && !job.unproven)
		flow_requests__worked(j->opts.requests, ev, &ev->job.clock, &job.ref);
	keep(j, &job);
}

const char *flow_job__kind(uint8_t kind)
{
	static const char *const words[FLOW_JOBS_KINDS] = {
		[LR_JOB_OTHER] = "other",   [LR_JOB_FS] = "fs",	    [LR_JOB_DNS] = "dns",
		[LR_JOB_CRYPTO] = "crypto", [LR_JOB_ZLIB] = "zlib",
	};

	return words[kind < FLOW_JOBS_KINDS ? kind : LR_JOB_OTHER];
}

static enum flow_wait wait_kind(uint8_t kind)
{
	switch (kind) {
	case LR_JOB_FS:
		return WAIT_FS;
	case LR_JOB_DNS:
		return WAIT_DNS;
	case LR_JOB_CRYPTO:
		return WAIT_CRYPTO;
	case LR_JOB_ZLIB:
		return WAIT_ZLIB;
	}
	return WAIT_POOL;
}

static void waited(struct flow_jobs *j, const struct flow_event *ev, const struct flow_req_ref *ref)
{
	const struct fe_job *job = &ev->job;

	if (!job->submit_ns)
		return;
	flow_requests__waited(j->opts.requests, ref, WAIT_POOL_QUEUE, job->submit_ns,
			      job->start_ns ? job->start_ns : ev->ts);
	if (job->start_ns && job->end_ns)
		flow_requests__waited(j->opts.requests, ref, wait_kind(job->kind), job->start_ns,
				      job->end_ns);
}

static void hand_out(struct flow_jobs *j, const struct flow_event *ev, const struct job *job)
{
	struct flow_job out = {
		.pid = ev->pid,
		.kind = ev->job.kind,
		.by = job->by,
		.unknown = job->unknown,
		.request = job->ref,
		.submit_ns = ev->job.submit_ns,
		.start_ns = ev->job.start_ns,
		.end_ns = ev->job.end_ns,
		.callback_ns = ev->ts,
	};

	if (j->opts.done)
		j->opts.done(j->opts.ctx, &out);
}

static void on_done(struct flow_jobs *j, const struct flow_event *ev)
{
	struct job *job = flow_table__get(&j->jobs, ev->job.job, 0);
	struct flow_req_ref ref;
	bool known = false;

	if (job && job->pid == ev->pid) {
		decide(j, job);
		hand_out(j, ev, job);
		known = job->by != CALL_BY_NOTHING;
		ref = job->ref;
		drop(j, job);
	} else {
		j->counts.unseen++;
	}
	if (known)
		waited(j, ev, &ref);
	flow_requests__turn(j->opts.requests, ev, &ev->job.clock, LR_TURN_OTHER, 0,
			    known ? &ref : NULL);
	flow_loops__job(j->opts.loops, ev, known ? &ref : NULL);
}

/* @pid has ended: what it handed in will not be done. */
static void end_target(struct flow_jobs *j, uint32_t pid)
{
	struct job *next;

	for (struct job *job = j->oldest; job; job = next) {
		next = job->newer;
		if (job->pid != pid)
			continue;
		decide(j, job);
		drop(j, job);
	}
}

void flow_jobs__event(struct flow_jobs *j, const struct flow_event *ev)
{
	if (ev->type == FE_JOB && ev->job.op == LR_JOB_SUBMIT)
		on_submit(j, ev);
	else if (ev->type == FE_JOB && ev->job.op == LR_JOB_DONE)
		on_done(j, ev);
	else if (ev->type == FE_TARGET_END)
		end_target(j, ev->pid);
}

void flow_jobs__each_in_progress(const struct flow_jobs *j,
				 void (*fn)(void *ctx, const struct flow_job *job), void *ctx)
{
	for (const struct job *job = j->oldest; job; job = job->newer) {
		const struct flow_job out = {
			.pid = job->pid,
			.kind = job->kind,
			.by = job->by,
			.request = job->ref,
			.submit_ns = job->submit_ns,
		};

		if (job->by != CALL_BY_NOTHING && (!job->unproven || proven(j, job)))
			fn(ctx, &out);
	}
}

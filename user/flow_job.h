/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Jobs of the thread pool: for which request each was, and what that waited for. The rules are at
 * the head of flow_job.c.
 */
#ifndef LOOPRAY_FLOW_JOB_H
#define LOOPRAY_FLOW_JOB_H

#include <stdint.h>

#include "events.h"
#include "flow_call.h"
#include "flow_event.h"
#include "flow_loop.h"
#include "flow_mismatch.h"
#include "flow_request.h"

#define FLOW_JOBS_KINDS (LR_JOB_ZLIB + 1)

/* Of jobs that were handed in while they were followed. What is not in by[] is not decided yet. */
struct flow_job_counts {
	uint64_t submitted;
	uint64_t kind[FLOW_JOBS_KINDS];	 /* enum lr_job_kind */
	uint64_t by[CALL_BYS];		 /* enum call_by */
	uint64_t unknown[CALL_UNKNOWNS]; /* enum call_unknown: of those by nothing */
	uint64_t unseen;   /* callbacks of jobs whose beginning was not seen, not in the others */
	uint64_t not_kept; /* given up because a bound was reached: by nothing, without a reason */
};

/* One that is done. Times are CLOCK_MONOTONIC, nanoseconds; 0: never, or not seen. */
struct flow_job {
	uint32_t pid;
	uint8_t kind;		     /* enum lr_job_kind */
	uint8_t by;		     /* enum call_by */
	uint8_t unknown;	     /* enum call_unknown */
	struct flow_req_ref request; /* valid unless by nothing */
	uint64_t submit_ns;
	uint64_t start_ns; /* a thread of the pool took it */
	uint64_t end_ns;   /* and was finished with it */
	uint64_t callback_ns;
};

/* "fs", "dns", "crypto", "zlib", "other" */
const char *flow_job__kind(uint8_t kind);

struct flow_jobs;

struct flow_jobs_opts {
	struct flow_requests *requests;
	struct flow_mismatch *mismatch;
	struct flow_loops *loops;
	/* Called where the callback of a job begins; may be NULL. */
	void (*done)(void *ctx, const struct flow_job *job);
	void *ctx;
};

int flow_jobs__new(struct flow_jobs **out, const struct flow_jobs_opts *opts);
void flow_jobs__free(struct flow_jobs *j);

/* After requests, stores and loops have got the event. */
void flow_jobs__event(struct flow_jobs *j, const struct flow_event *ev);

/*
 * What is not done and whose it is, in the order it was handed in. That a thread took it, and when,
 * is told when it is done.
 */
void flow_jobs__each_in_progress(const struct flow_jobs *j,
				 void (*fn)(void *ctx, const struct flow_job *job), void *ctx);

void flow_jobs__counts(const struct flow_jobs *j, struct flow_job_counts *counts);

#endif

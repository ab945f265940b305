/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The thread pool of one process, from its jobs (FE_JOB): how long they wait for a thread, how
 * long they run, and how many wait at once.
 *
 * When a job was taken by a thread is told when it is done. So the depth of the queue is worked out
 * behind time: the beginnings and ends of waiting are put in order, and followed up to the
 * submission of the oldest job that is not done yet. Its mean over time needs no order: it is the
 * time that all jobs waited, divided by the time observed (Little's law).
 *
 * Jobs whose start was not seen (cancelled, or lost) count as such and for nothing else.
 */
#ifndef LOOPRAY_FLOW_POOL_JOBS_H
#define LOOPRAY_FLOW_POOL_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_event.h"
#include "flow_latency.h"

#define FLOW_JOB_KINDS 5 /* enum lr_job_kind; one that is not known counts as LR_JOB_OTHER */

struct flow_job_kind {
	uint64_t jobs; /* done, with a start and an end */
	uint64_t work_ns;
	uint64_t max_ns;
};

struct flow_pool_stats {
	uint64_t submitted;
	uint64_t done;	  /* with a start and an end: all of the following but open is of these */
	uint64_t unknown; /* done without */
	uint64_t open;	  /* submitted and not done: waiting, running, or done unseen */
	uint64_t open_max;
	uint64_t queued_ns; /* sum of waiting */
	uint64_t wall_ns;   /* from the first event of a job to the last */
	uint32_t depth_max; /* jobs that waited at one time */
	bool depth_partial; /* more were open than are followed: depth_max is a lower bound */
	struct flow_job_kind kind[FLOW_JOB_KINDS];
};

struct flow_pool_jobs;

int flow_pool_jobs__new(struct flow_pool_jobs **out); /* 0 or -ENOMEM */
void flow_pool_jobs__free(struct flow_pool_jobs *p);  /* NULL-safe */

/* 0 or -ENOMEM. */
int flow_pool_jobs__add(struct flow_pool_jobs *p, uint64_t ts, const struct fe_job *job);

/* As of the last event. @queued gets the times that jobs waited for a thread. */
void flow_pool_jobs__stats(const struct flow_pool_jobs *p, struct flow_pool_stats *stats,
			   struct flow_hist *queued);

/* "other", "fs", "dns", "crypto", "zlib"; NULL beyond. */
const char *flow_job_kind__name(uint32_t kind);

#endif

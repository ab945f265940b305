// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records about jobs of the thread pool. */
#include <string.h>

#include "flow_decode_int.h"

bool flow_decode__job_valid(const void *rec)
{
	struct lr_ev_job r;

	memcpy(&r, rec, sizeof(r));
	return r.job && (r.op == LR_JOB_SUBMIT || r.op == LR_JOB_DONE) && r.kind <= LR_JOB_ZLIB;
}

/* A time that does not fit in with the others is not known, nor is what came behind it. */
static void fill_times(struct fe_job *j, const struct lr_ev_job *r)
{
	if (r->submit_ns > r->h.ts)
		return;
	j->submit_ns = r->submit_ns;
	if (r->op != LR_JOB_DONE || r->start_ns < r->submit_ns || r->start_ns > r->h.ts)
		return;
	j->start_ns = r->start_ns;
	if (r->start_ns && r->end_ns >= r->start_ns && r->end_ns <= r->h.ts)
		j->end_ns = r->end_ns;
}

int flow_decode__job(struct flow_decode *d, const void *rec)
{
	struct flow_event ev = {.type = FE_JOB};
	struct fe_job *j = &ev.job;
	struct lr_ev_job r;

	memcpy(&r, rec, sizeof(r));
	ev.pid = r.h.pid;
	ev.tid = r.h.tid;
	ev.ts = r.h.ts;
	j->op = (uint8_t)r.op;
	j->kind = (uint8_t)r.kind;
	j->job = r.job;
	j->work = r.work;
	if (r.flags & LR_JOB_F_SLEPT)
		j->flags |= FE_JOB_SLEPT;
	j->clock = flow_decode__clock(&r.clock, r.h.ts, r.flags & LR_JOB_F_IDLE);
	fill_times(j, &r);
	if (r.flags & LR_JOB_F_CHAIN) {
		j->counter = flow_decode__whole(r.counter);
		if (j->counter < 0)
			j->counter = 0;
	}
	return flow_decode__emit(d, &ev);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Jobs of the thread pool as JSON. */
#include "out_job.h"
#include "out_report_parts.h"

static void time_or_null(struct json *j, const char *key, uint64_t ns)
{
	json__key(j, key);
	if (ns)
		json__u64(j, ns);
	else
		json__null(j);
}

static void ref_or_null(struct json *j, const char *key, const struct flow_job *job, uint64_t v)
{
	json__key(j, key);
	if (job->by != CALL_BY_NOTHING)
		json__u64(j, v);
	else
		json__null(j);
}

void job_json__members(struct json *j, const struct flow_job *job)
{
	bool known = job->by != CALL_BY_NOTHING;

	json__key_u64(j, "pid", job->pid);
	ref_or_null(j, "env", job, job->request.env);
	ref_or_null(j, "request_seq", job, job->request.seq);
	ref_or_null(j, "request_conn", job, job->request.conn);
	json__key_str(j, "kind", flow_job__kind(job->kind));
	json__key_str(j, "by", call_by__name(job->by));
	json__key_str(j, "unknown", known ? NULL : call_unknown__name(job->unknown));
	time_or_null(j, "submit_ns", job->submit_ns);
	time_or_null(j, "start_ns", job->start_ns);
	time_or_null(j, "end_ns", job->end_ns);
	json__key_u64(j, "callback_ns", job->callback_ns);
}

void report_json__jobs(struct json *j, const struct model *m)
{
	const struct flow_job_counts *c = &m->jobs;

	json__key_object(j, "jobs");
	json__key_u64(j, "total", c->submitted);
	json__key_object(j, "kinds");
	for (unsigned int i = 0; i < FLOW_JOBS_KINDS; i++)
		json__key_u64(j, flow_job__kind((uint8_t)i), c->kind[i]);
	json__object_end(j);
	json__key_u64(j, "by_store", c->by[CALL_BY_STORE]);
	json__key_u64(j, "by_loop", c->by[CALL_BY_LOOP]);
	json__key_u64(j, "by_nothing", c->by[CALL_BY_NOTHING]);
	json__key_object(j, "unknown");
	for (unsigned int i = 1; i < CALL_UNKNOWNS; i++)
		json__key_u64(j, call_unknown__name((uint8_t)i), c->unknown[i]);
	json__object_end(j);
	json__key_u64(j, "beginning_unseen", c->unseen);
	json__key_u64(j, "not_kept", c->not_kept);
	json__object_end(j);
}

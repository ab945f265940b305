// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outgoing calls and jobs of the thread pool: a track each, as they overlap. */
#include <stdio.h>

#include "flow_trace.h"
#include "out_call.h"
#include "out_perfetto_parts.h"
#include "util.h"

static void note_call(struct perfetto *s, const struct flow_call *c)
{
	char text[PEER_TEXT], id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	pf_note__str(s, "kind", call_kind__name(c->kind));
	pf_note__str(s, "peer_addr", call_peer__addr(c->family, c->peer_addr, text));
	pf_note__u64(s, "peer_port", c->peer_port);
	pf_note__u64(s, "local_port", c->local_port);
	pf_note__u64(s, "conn", c->conn);
	pf_note__str(s, "path", c->path[0] ? c->path : NULL);
	if (c->status)
		pf_note__u64(s, "status", c->status);
	pf_note__str(s, "outcome", call_outcome__name(c->outcome));
	if (c->error)
		pf_note__i64(s, "error", c->error);
	pf_note__str(s, "by", call_by__name(c->by));
	if (c->by == CALL_BY_NOTHING)
		pf_note__str(s, "unknown", call_unknown__name(c->unknown));
	pf_note__bool(s, "after_response", c->late);
	pf_note__bool(s, "outlived", c->outlived);
	pf_note__bool(s, "reused", c->reused);
	pf_note__bool(s, "setup", c->setup);
	pf_note__bool(s, "approximate", c->approximate);
	pf_note__u64(s, "bytes_out", c->bytes_out);
	pf_note__u64(s, "bytes_in", c->bytes_in);
	pf_note__u64(s, "round_trips", c->round_trips);
	if (!c->trace.known)
		return;
	flow_trace__text(&c->trace, id, span);
	pf_note__str(s, "trace_id", id);
	pf_note__str(s, "span_id", span);
}

/* One part inside; both are known to lie in the call, and follow each other. */
static void part(struct perfetto *s, uint64_t track, const char *name, uint64_t from, uint64_t to)
{
	if (!from || to <= from)
		return;
	pf_event(s, PF_BEGIN, track, from, "part", name);
	pf_slice_end(s, track, to);
}

static void call_parts(struct perfetto *s, const struct flow_call *c, uint64_t track)
{
	uint64_t last = c->end_ns ? c->end_ns : UINT64_MAX;
	uint64_t connected = min_t(uint64_t, c->start_ns + c->connect_ns, last);

	part(s, track, "connecting", c->start_ns, connected);
	if (c->sent_ns >= connected && c->first_byte_ns <= last)
		part(s, track, "waiting for the answer", c->sent_ns, c->first_byte_ns);
}

static void put_call(struct perfetto *s, const struct flow_call *c, uint64_t parent)
{
	uint64_t track = pf_track__own(s, parent, "call");
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", call_kind__name(c->kind), c->method[0] ? " " : "",
		 c->method);
	pf_event__begin(s, PF_BEGIN, track, c->start_ns, "call", name);
	note_call(s, c);
	pf_event__end(s);
	call_parts(s, c, track);
	if (c->end_ns)
		pf_slice_end(s, track, max_t(uint64_t, c->end_ns, c->start_ns));
}

void pf_calls(struct perfetto *s, const struct flow_req *req, uint64_t track)
{
	for (uint32_t i = 0; i < req->ncalls; i++)
		put_call(s, req->calls[i], track);
}

int pf_call(void *state, const struct flow_call *c)
{
	struct perfetto *s = state;

	put_call(s, c,
		 c->by == CALL_BY_NOTHING
			 ? pf_track__group(s, c->pid, PF_CALLS, "calls of no known request")
			 : pf_track__request(s, c->pid, c->request.env, c->request.seq));
	return s->err;
}

static void note_job(struct perfetto *s, const struct flow_job *job)
{
	pf_note__str(s, "kind", flow_job__kind(job->kind));
	pf_note__str(s, "by", call_by__name(job->by));
	if (job->by == CALL_BY_NOTHING)
		pf_note__str(s, "unknown", call_unknown__name(job->unknown));
}

/* From when it was handed in until its callback; as far as that was seen. */
int pf_job(void *state, const struct flow_job *job)
{
	struct perfetto *s = state;
	uint64_t begin = job->submit_ns	 ? job->submit_ns
			 : job->start_ns ? job->start_ns
					 : job->end_ns;
	uint64_t parent, track;
	char name[32];

	if (!begin || job->callback_ns < begin)
		return s->err;
	parent = job->by == CALL_BY_NOTHING
			 ? pf_track__group(s, job->pid, PF_JOBS, "jobs of no known request")
			 : pf_track__request(s, job->pid, job->request.env, job->request.seq);
	track = pf_track__own(s, parent, "job");
	snprintf(name, sizeof(name), "%s job", flow_job__kind(job->kind));
	pf_event__begin(s, PF_BEGIN, track, begin, "job", name);
	note_job(s, job);
	pf_event__end(s);
	if (job->start_ns >= job->submit_ns && job->end_ns <= job->callback_ns) {
		part(s, track, "queued", job->submit_ns, job->start_ns);
		part(s, track, "running", job->start_ns, job->end_ns);
	}
	pf_slice_end(s, track, job->callback_ns);
	return s->err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A request: its slice, and inside of it what is known as an interval: it lay in the socket
 * (queue), was worked on until the first byte of the response (handling), was sent (sending).
 * What it waited for is known as sums, not as intervals, and is in the notes.
 */
#include <stdio.h>

#include "flow_trace.h"
#include "out_call.h"
#include "out_finding.h"
#include "out_perfetto_parts.h"
#include "out_request.h"
#include "util.h"

static void note_peer(struct perfetto *s, const struct flow_req *req)
{
	char text[PEER_TEXT];

	pf_note__str(s, "peer_addr", call_peer__addr(req->family, req->peer_addr, text));
	pf_note__u64(s, "peer_port", req->peer_port);
	pf_note__u64(s, "local_port", req->local_port);
}

static void note_end(struct perfetto *s, const struct flow_req *req)
{
	pf_note__str(s, "outcome", request_word__outcome(req->end));
	pf_note__bool(s, "incomplete", !request__is_whole(req));
	for (unsigned int i = 0; i < REQUEST_WHY_KINDS; i++)
		if (req->incomplete & (1u << i))
			pf_note__str(s, "incomplete_because", request_word__why(i));
}

static void note_times(struct perfetto *s, const struct flow_req *req)
{
	const struct flow_breakdown *b = &req->breakdown;

	if (b->known) {
		pf_note__begin(s, "breakdown_ns");
		pf_note__u64(s, "queue", b->queue);
		pf_note__u64(s, "cpu", b->cpu);
		pf_note__u64(s, "loop_busy", b->loop_busy);
		pf_note__u64(s, "wait", b->wait);
		pf_note__end(s);
	}
	if (!req->waits.known)
		return;
	/* What it did not wait for is 0, and is left out. */
	pf_note__begin(s, "waits_ns");
	for (int i = 0; i < WAIT_KINDS; i++)
		if (req->waits.ns[i])
			pf_note__u64(s, flow_wait__name((enum flow_wait)i), req->waits.ns[i]);
	pf_note__end(s);
}

static void note_kept(struct perfetto *s, const struct flow_kept *kept)
{
	char id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	if (!kept)
		return;
	if (kept->trace.known) {
		flow_trace__text(&kept->trace, id, span);
		pf_note__str(s, "trace_id", id);
		pf_note__str(s, "parent_span_id", span);
	}
	if (!kept->n)
		return;
	pf_note__begin(s, "headers");
	for (uint32_t i = 0; i < kept->n; i++)
		pf_note__str(s, kept->header[i].name, kept->header[i].value);
	pf_note__end(s);
}

static void notes(struct perfetto *s, const struct flow_req *req)
{
	pf_note__u64(s, "seq", req->seq);
	pf_note__u64(s, "env", req->env);
	pf_note__u64(s, "conn", flow_conn__number(req->conn));
	pf_note__u64(s, "conn_seq", req->conn_seq);
	if (flow_conn__stream(req->conn))
		pf_note__u64(s, "stream", flow_conn__stream(req->conn));
	note_peer(s, req);
	pf_note__str(s, "scheme", req->tls ? "https" : "http");
	pf_note__str(s, "protocol", request_word__protocol(req->version));
	pf_note__str(s, "path", req->path);
	if (req->status)
		pf_note__u64(s, "status", req->status);
	note_end(s, req);
	pf_note__u64(s, "bytes_in", req->bytes_in);
	pf_note__u64(s, "bytes_out", req->bytes_out);
	note_times(s, req);
	pf_note__str(s, "context", finding_word__context(req->context));
	pf_note__str(s, "context_unknown", finding_word__unknown(req->unknown));
	pf_note__u64(s, "findings", req->nfindings);
	pf_note__u64(s, "calls", req->ncalls);
	if (req->resources_created) {
		pf_note__u64(s, "resources_created", req->resources_created);
		pf_note__u64(s, "resources_alive", req->resources_alive);
	}
	note_kept(s, req->kept);
}

/* One part inside of the request's slice; @to 0: it has not ended. */
static void part(struct perfetto *s, uint64_t track, const char *name, uint64_t from, uint64_t to)
{
	if (to && to <= from)
		return;
	pf_event(s, PF_BEGIN, track, from, "part", name);
	if (to)
		pf_slice_end(s, track, to);
}

/* In order of time: where two moments are one, events are taken in the order of the file. */
static void parts(struct perfetto *s, const struct flow_req *req, uint64_t track)
{
	uint64_t recv = max_t(uint64_t, req->recv_ns, req->start_ns);
	uint64_t first = req->first_byte_ns;

	part(s, track, "queue", req->start_ns, recv);
	if (!first || first < recv || (req->end_ns && first > req->end_ns)) {
		part(s, track, "handling", recv, req->end_ns);
		pf_findings(s, req, track);
		return;
	}
	part(s, track, "handling", recv, first);
	pf_event(s, PF_INSTANT, track, first, "part", "first byte");
	pf_findings(s, req, track);
	part(s, track, "sending", first, req->end_ns);
}

int pf_request(void *state, const struct flow_req *req)
{
	struct perfetto *s = state;
	uint64_t track = pf_track__request(s, req->pid, req->env, req->seq);
	char name[512];

	/* The route, so that slices can be grouped by their name; the path is in the notes. */
	snprintf(name, sizeof(name), "%s %s", req->method, req->route ? req->route : req->path);
	pf_event__begin(s, PF_BEGIN, track, req->start_ns, "request", name);
	notes(s, req);
	pf_event__end(s);
	parts(s, req, track);
	if (req->end_ns)
		pf_slice_end(s, track, max_t(uint64_t, req->end_ns, req->start_ns));
	pf_calls(s, req, track);
	out_counters__request(s->counters, req);
	s->requests++;
	return s->err;
}

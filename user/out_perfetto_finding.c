// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Findings: an instant on the request's track where the head of its response was sent, with an
 * arrow to it from the request whose store was active.
 */
#include <stdio.h>

#include "out_finding.h"
#include "out_perfetto_parts.h"

#define DIGITS 8 /* of a masked value's fingerprint */

static void note_other(struct perfetto *s, const struct flow_finding *f)
{
	const struct finding_request *o = &f->other;

	if (f->kind == FINDING_LOST)
		return;
	pf_note__begin(s, "other");
	if (o->seq)
		pf_note__u64(s, "seq", o->seq);
	if (o->conn)
		pf_note__u64(s, "conn", flow_conn__number(o->conn));
	if (o->peer_port)
		pf_note__u64(s, "peer_port", o->peer_port);
	pf_note__str(s, "method", o->method[0] ? o->method : NULL);
	pf_note__str(s, "path", o->path[0] ? o->path : NULL);
	pf_note__end(s);
}

static void note_store(struct perfetto *s, const char *name, const struct finding_store *store)
{
	char value[FINDING_VALUE];

	if (!store->known)
		return;
	pf_note__begin(s, name);
	for (uint32_t i = 0; i < store->n && i < FINDING_FIELDS; i++) {
		const struct finding_field *f = &store->field[i];

		pf_note__str(s, f->name[0] ? f->name : "value",
			     finding_text__value(value, f, DIGITS, s->opts.show_values));
	}
	pf_note__end(s);
}

static void notes(struct perfetto *s, const struct flow_finding *f)
{
	pf_note__str(s, "kind", finding_word__kind(f->kind));
	pf_note__str(s, "grade", finding_word__grade(f->kind, f->grade));
	pf_note__str(s, "confidence", finding_word__confidence(f));
	pf_note__bool(s, "stale", f->stale);
	pf_note__bool(s, "captured", f->captured);
	pf_note__u64(s, "instance", f->instance);
	pf_note__bool(s, "own_seen", f->own_seen);
	pf_note__bool(s, "id_in_response", f->id_in_response);
	pf_note__bool(s, "id_in_log_line", f->id_in_line);
	pf_note__bool(s, "id_in_outgoing_call", f->id_in_call);
	pf_note__str(s, "resource", f->resource[0] ? f->resource : NULL);
	note_other(s, f);
	note_store(s, "active", &f->active);
	note_store(s, "own", &f->own);
}

/*
 * An arrow begins on the other request's track, when that began: a nanosecond behind, so that it
 * is inside of its slice, whichever stands first in the file. 0: it cannot.
 */
static uint64_t arrow(struct perfetto *s, const struct flow_req *req, const struct flow_finding *f)
{
	const struct finding_request *o = &f->other;
	uint64_t track, flow;

	if (f->kind == FINDING_LOST || !o->seq || !o->start_ns || o->start_ns >= f->head_ns)
		return 0;
	flow = pf_id(PF_FINDING_FLOW, 0, ++s->serial, 0);
	track = pf_track__request(s, req->pid, req->env, o->seq);
	pf_event__begin(s, PF_INSTANT, track, o->start_ns + 1, "finding",
			"its store was active for another");
	pf_note__u64(s, "request_seq", req->seq);
	pf_flow(s, flow, false);
	pf_event__end(s);
	return flow;
}

void pf_findings(struct perfetto *s, const struct flow_req *req, uint64_t track)
{
	for (uint32_t i = 0; i < req->nfindings; i++) {
		const struct flow_finding *f = &req->findings[i];
		uint64_t flow = arrow(s, req, f);
		char name[64];

		snprintf(name, sizeof(name), "%s context", finding_word__kind(f->kind));
		pf_event__begin(s, PF_INSTANT, track, f->head_ns, "finding", name);
		notes(s, f);
		if (flow)
			pf_flow(s, flow, true);
		pf_event__end(s);
	}
}

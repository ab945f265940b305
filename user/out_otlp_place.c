// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where spans stand.
 *
 * What is on the wire wins, because the other side's spans say the same. A request that came with a
 * valid traceparent is in that trace, under that parent. One that came without is the root of a
 * trace of its own, unless its calls carry a trace that it did not get from outside: then an SDK
 * inside of the process has begun one, and the request's span joins that.
 *
 * A call that carries a traceparent has the span id and the trace that it says. It is not so where
 * that id came in before as a request's parent: then the header was handed on as it was, and is the
 * id of another's span; nor where another call had it already. The call's span is the request's
 * child if both are in one trace. If they are not, a span cannot have its parent: it has a link
 * instead.
 */
#include <string.h>

#include "out_otlp_span.h"

static void wire_trace(struct otlp_trace_id *to, const struct fe_trace *from)
{
	memcpy(to->byte, from->trace_id, sizeof(to->byte));
}

static struct otlp_span_id wire_span(const struct fe_trace *from)
{
	struct otlp_span_id id;

	memcpy(id.byte, from->span_id, sizeof(id.byte));
	return id;
}

static bool handed_on(const struct otlp_seen *seen, const struct flow_call *call)
{
	struct otlp_span_id span = wire_span(&call->trace);

	return otlp_seen__handed_on(seen, &span, call->sent_ns);
}

/* The one trace of all calls that carry one; NULL: none, several, or one from outside. */
static const struct fe_trace *begun_inside(const struct flow_req *req, const struct otlp_seen *seen)
{
	const struct fe_trace *found = NULL;

	/* Else it may have been another request's, and the trace as well. */
	if (req->context != CONTEXT_OWN && req->context != CONTEXT_NONE &&
	    req->context != CONTEXT_UNREAD)
		return NULL;
	for (uint32_t i = 0; i < req->ncalls; i++) {
		const struct fe_trace *t = &req->calls[i]->trace;

		if (!t->known)
			continue;
		if (handed_on(seen, req->calls[i]) ||
		    (found && memcmp(found->trace_id, t->trace_id, OTLP_TRACE_ID) != 0))
			return NULL;
		found = t;
	}
	return found;
}

void otlp_place__request(struct otlp_place *p, const struct otlp_target *t,
			 const struct flow_req *req, const struct otlp_seen *seen)
{
	struct otlp_mix mix = otlp_mix__request(t->mix, req->env, req->conn, req->seq);
	const struct fe_trace *in = req->kept && req->kept->trace.known ? &req->kept->trace : NULL;
	const struct fe_trace *trace = in ? in : begun_inside(req, seen);

	memset(p, 0, sizeof(*p));
	p->span = otlp_mix__span(mix);
	p->trace = otlp_mix__trace(mix);
	p->flags = OTLP_FLAG_IS_KNOWN | (trace ? trace->flags : OTLP_FLAG_SAMPLED);
	if (trace)
		wire_trace(&p->trace, trace);
	if (!in)
		return;
	p->parent = wire_span(in);
	p->flags |= OTLP_FLAG_IS_REMOTE;
	p->state = req->kept->tracestate;
}

void otlp_place__call(struct otlp_place *p, const struct otlp_target *t,
		      const struct flow_call *call, const struct otlp_place *owner,
		      struct otlp_seen *seen)
{
	struct otlp_mix mix = otlp_mix__call(t->mix, call);
	struct otlp_span_id wire = wire_span(&call->trace);

	memset(p, 0, sizeof(*p));
	p->span = otlp_mix__span(mix);
	p->trace = owner ? owner->trace : otlp_mix__trace(mix);
	p->flags = owner ? owner->flags & ~OTLP_FLAG_IS_REMOTE
			 : OTLP_FLAG_IS_KNOWN | OTLP_FLAG_SAMPLED;
	if (call->trace.known) {
		if (!handed_on(seen, call) && otlp_seen__adopt(seen, &wire))
			p->span = wire;
		wire_trace(&p->trace, &call->trace);
		p->flags = OTLP_FLAG_IS_KNOWN | call->trace.flags;
	}
	if (!owner || !otlp_trace_id__same(&p->trace, &owner->trace))
		return;
	p->parent = owner->span;
	p->state = owner->state;
}

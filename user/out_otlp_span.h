/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Spans of an OTLP export, from what is known of requests and calls; inside of out_otlp_*.c only.
 */
#ifndef LOOPRAY_OUT_OTLP_SPAN_H
#define LOOPRAY_OUT_OTLP_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_call.h"
#include "flow_mismatch.h"
#include "flow_request.h"
#include "json.h"
#include "out_otlp_id.h"
#include "out_otlp_seen.h"
#include "out_otlp_target.h"
#include "out_otlp_text.h"

/* Span.kind and Status.code of the protocol. */
#define OTLP_KIND_SERVER  2
#define OTLP_KIND_CLIENT  3
#define OTLP_STATUS_ERROR 2

/* Span.flags: those of W3C, and whether the parent is of another process. */
#define OTLP_FLAG_SAMPLED   0x001u
#define OTLP_FLAG_IS_KNOWN  0x100u
#define OTLP_FLAG_IS_REMOTE 0x200u

/* Where a span stands. */
struct otlp_place {
	struct otlp_trace_id trace;
	struct otlp_span_id span;
	struct otlp_span_id parent; /* zero: a root */
	uint32_t flags;
	const char *state; /* tracestate, or NULL */
};

#define OTLP_LINKS 8

/* To the span of a request. */
struct otlp_link {
	struct otlp_trace_id trace;
	struct otlp_span_id span;
	bool known; /* the request was told: its trace is its span's */
	const char *why;
};

struct otlp_links {
	uint32_t n;
	uint32_t dropped;
	struct otlp_link link[OTLP_LINKS];
};

/* What writes spans needs to know beside them. */
struct otlp_world {
	const struct otlp_targets *targets;
	uint64_t last_ns; /* what is in flight is seen until then */
	bool show_values;
};

/*
 * Where a request's span stands: in the trace that came with it, else in the one that its own calls
 * carry on, if they all do and its context is not another's, else in one of its own.
 */
void otlp_place__request(struct otlp_place *p, const struct otlp_target *t,
			 const struct flow_req *req, const struct otlp_seen *seen);
/* @owner: where its request's span stands, or NULL. Takes the call's own span id. */
void otlp_place__call(struct otlp_place *p, const struct otlp_target *t,
		      const struct flow_call *call, const struct otlp_place *owner,
		      struct otlp_seen *seen);

/* Everything of a span but its links and the end of its object, which otlp_links__write adds. */
void otlp_server__write(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
			const struct flow_req *req);
void otlp_client__write(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
			const struct flow_call *call);
/* "events", an event each. */
void otlp_findings__write(struct json *j, const struct otlp_world *w, const struct flow_req *req);
void otlp_links__write(struct json *j, const struct otlp_links *l);

/* What both kinds of span begin with: ids, name, kind, times. @end_ns: CLOCK_MONOTONIC. */
void otlp_span__begin(struct json *j, const struct otlp_world *w, const struct otlp_place *p,
		      const char *name, int kind, uint64_t start_ns, uint64_t end_ns);
/* "status" with a code, if it is an error. @message may be NULL. */
void otlp_span__status(struct json *j, bool error, const char *message);

/*
 * The method as the conventions have it: "_OTHER" where it is none of theirs. Spans are then called
 * "HTTP".
 */
const char *otlp_method(const char *method);
/* "{method} {route}", or the method alone where the route is not known. */
void otlp_name(char *buf, size_t len, const char *method, const char *route);
/* The route if it is one: NULL beyond the number that is kept apart. */
const char *otlp_route(const char *route);
/* Address in text, NULL without one. */
const char *otlp_address(uint16_t family, const uint8_t addr[16], char text[48]);
/* "1.1"; NULL unknown. */
const char *otlp_protocol_version(uint8_t version);
/* Of what failed, @buf of 16 bytes for a status; NULL: it did not. */
const char *otlp_error_type__request(const struct flow_req *req, char buf[16]);
const char *otlp_error_type__call(const struct flow_call *call, char buf[16]);
/* "postgresql"; NULL: it is no database. */
const char *otlp_db_system(uint8_t kind);

#endif

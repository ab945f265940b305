/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an export of spans remembers, at a fixed size: the trace of each request that was told
 * lately, and which span ids came in from outside or are taken. What is beyond is forgotten, the
 * oldest first among those that share a place.
 */
#ifndef LOOPRAY_OUT_OTLP_SEEN_H
#define LOOPRAY_OUT_OTLP_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "out_otlp_id.h"

#define OTLP_SEEN 65536 /* of each kind: 3.5 MB in all */

struct otlp_seen;

/* NULL: no memory. */
struct otlp_seen *otlp_seen__new(void);
void otlp_seen__free(struct otlp_seen *s);

/* A request's span was told, in this trace, with these flags of W3C. */
void otlp_seen__told(struct otlp_seen *s, const struct otlp_span_id *span,
		     const struct otlp_trace_id *trace, uint8_t flags);
/* @flags may be NULL. */
bool otlp_seen__trace(const struct otlp_seen *s, const struct otlp_span_id *span,
		      struct otlp_trace_id *trace, uint8_t *flags);

/* A request came in at @ts with this as its parent. */
void otlp_seen__parent(struct otlp_seen *s, const struct otlp_span_id *span, uint64_t ts);
/* Whether one had, before @ts: then what is sent with it was handed through, and is no span. */
bool otlp_seen__handed_on(const struct otlp_seen *s, const struct otlp_span_id *span, uint64_t ts);

/* False: it is a call's already. */
bool otlp_seen__adopt(struct otlp_seen *s, const struct otlp_span_id *span);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Trace and span ids that are the same whenever a capture is exported, by this or any other run.
 *
 * An id is a mix of what identifies the thing: the recording (host and clock pair), the process
 * (pid and start time), and in it a request (environment, connection, number) or a call
 * (connection, local port and the times that it began). Words are taken in one after the other,
 * each by xor and a bijection of 64 bits (hash_u64), in two lanes that begin and go on differently.
 * What differs in its last word only never shares an id: requests of one connection of an
 * environment do not. That others do is a matter of chance: with a million spans, 1 in 37 million.
 */
#ifndef LOOPRAY_OUT_OTLP_ID_H
#define LOOPRAY_OUT_OTLP_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_call.h"
#include "flow_request.h"
#include "out.h"

#define OTLP_TRACE_ID 16
#define OTLP_SPAN_ID  8

struct otlp_span_id {
	uint8_t byte[OTLP_SPAN_ID]; /* all zero: none */
};

struct otlp_trace_id {
	uint8_t byte[OTLP_TRACE_ID];
};

struct otlp_mix {
	uint64_t a, b;
};

/* Of one recording. */
struct otlp_mix otlp_mix__recording(const struct out_opts *opts);
struct otlp_mix otlp_mix__word(struct otlp_mix m, uint64_t word);
/* Neither is ever zero. */
struct otlp_span_id otlp_mix__span(struct otlp_mix m);
struct otlp_trace_id otlp_mix__trace(struct otlp_mix m);

/* @process: the recording's with pid and start time taken in. */
struct otlp_mix otlp_mix__request(struct otlp_mix process, uint32_t env, uint64_t conn,
				  uint64_t seq);
struct otlp_mix otlp_mix__call(struct otlp_mix process, const struct flow_call *call);

bool otlp_trace_id__same(const struct otlp_trace_id *a, const struct otlp_trace_id *b);
/* As one number, for tables. */
uint64_t otlp_span_id__word(const struct otlp_span_id *id);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Wire records to flow events: checks every size and number, finds out what was lost and of
 * whom, numbers the environments, and drives the HTTP framer of each connection.
 */
#ifndef LOOPRAY_FLOW_DECODE_H
#define LOOPRAY_FLOW_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events.h"
#include "flow_event.h"

struct flow_decode;

struct flow_decode_opts {
	struct flow_sink sink;
	uint32_t max_connections; /* state kept; the one unused longest goes first. 0: 65536 */
	uint32_t max_threads;	  /* 0: 4096 */
	uint64_t value_key;	  /* of flow_value__hash, random for each recording */
	bool show_values;	  /* fields of stores keep their text */
	const struct flow_keep_names *keep; /* headers of requests that are kept; NULL: none */
};

struct flow_decode_stats {
	uint64_t records;
	uint64_t malformed;    /* records whose size, type or lengths cannot be true: skipped */
	uint64_t unknown_type; /* of those, types this version does not know */
	uint64_t bad_numbers;  /* ids that are not whole numbers in range: reported as unknown */
	uint64_t lost;	       /* records that sequence numbers show as missing */
	uint64_t connections_full; /* connections dropped in use because of max_connections */
	uint64_t threads_full;	   /* threads dropped because of max_threads */
	uint64_t http_bad;	   /* connections whose bytes stopped being HTTP/1 */
	uint64_t http_gaps;	   /* messages whose beginning or end was not seen */
	uint64_t http_unanswered_full;
};

int flow_decode__new(struct flow_decode **out, const struct flow_decode_opts *opts);
void flow_decode__free(struct flow_decode *d);

/*
 * One record of the ring buffer. A record that makes no sense is counted and is no error.
 * Returns 0, or what the sink returned, or -ENOMEM.
 */
int flow_decode__record(struct flow_decode *d, const void *rec, size_t len);

/* The records so far are all there is for now: finishes what waits for a continuation. */
int flow_decode__flush(struct flow_decode *d);

/*
 * The process exited or was detached from: forgets its threads and connections and emits
 * FE_TARGET_END.
 */
int flow_decode__end_target(struct flow_decode *d, uint32_t pid, uint64_t ts);

/*
 * Number of the environment that this thread runs, -1 if it was not seen. An LR_EV_THREAD
 * record with sequence number 0 makes it known.
 */
int64_t flow_decode__env_of(const struct flow_decode *d, uint32_t tid);

void flow_decode__stats(const struct flow_decode *d, struct flow_decode_stats *stats);

#endif

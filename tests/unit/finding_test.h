/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Findings as the rules hand them out, for the tests of what shows them. */
#ifndef LOOPRAY_FINDING_TEST_H
#define LOOPRAY_FINDING_TEST_H

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "flow_mismatch.h"

#define FINDING_MS 1000000ULL

static inline struct finding_field test_field(const char *name, uint8_t kind, uint64_t hash,
					      const char *text)
{
	struct finding_field f = {.hash = hash, .kind = kind, .constant = true};

	snprintf(f.name, sizeof(f.name), "%s", name);
	snprintf(f.text, sizeof(f.text), "%s", text);
	return f;
}

/* A payment answered under the store of another one that had been answered 38 ms before. */
static inline struct flow_finding test_foreign(void)
{
	struct flow_finding f = {
		.kind = FINDING_FOREIGN,
		.grade = GRADE_HARM,
		.stale = true,
		.instance = 1,
		.head_ns = 20038 * FINDING_MS,
		.epoch = 3,
		.identity = IDENTITY_ADDRESS,
		.binding = BINDING_BIRTH,
		.other = {.seq = 9,
			  .conn = 9,
			  .peer_port = 51230,
			  .method = "POST",
			  .path = "/process-payment",
			  .route = "/process-payment",
			  .start_ns = 19990 * FINDING_MS,
			  .head_ns = 19999 * FINDING_MS,
			  .end_ns = 20000 * FINDING_MS},
		.active = {.known = true, .n = 4},
		.own = {.known = true, .n = 4},
		.own_seen = true,
		.id_in_response = true,
		.id_field = "requestId",
		.exec_id = 812,
		.trigger_id = 77,
		.resource = "TCPWRAP",
		.nchain = 3,
		.chain = {{.async_id = 812,
			   .trigger_id = 77,
			   .exec_id = 70,
			   .resource = "TCPWRAP",
			   .init_ns = 19992 * FINDING_MS,
			   .seq = 9,
			   .conn = 9,
			   .method = "POST",
			   .path = "/process-payment"},
			  {.async_id = 77, .trigger_id = 70, .exec_id = -1, .seq = 4, .conn = 3},
			  {.async_id = 70, .trigger_id = -1, .exec_id = -1}},
		.served = 5,
	};

	f.active.field[0] =
		test_field("requestId", LR_VALUE_STRING, 0xa3f1000000000001ULL, "req-9");
	f.active.field[1] = test_field("userId", LR_VALUE_STRING, 0x1b2c000000000002ULL, "u-4");
	f.active.field[2] = test_field("amount", LR_VALUE_SMI, 0x55aa000000000003ULL, "120");
	f.active.field[3] = test_field("span", LR_VALUE_OBJECT, 0, "");
	f.own = f.active;
	f.own.field[0] = test_field("requestId", LR_VALUE_STRING, 0x77c0000000000004ULL, "req-17");
	/* Another value, the fingerprint of which begins like that of the other store's. */
	f.own.field[2] = test_field("amount", LR_VALUE_SMI, 0x55ab000000000005ULL, "95");
	f.own.field[2].hash = 0x55aa100000000005ULL;
	f.own.field[3] = test_field("error", LR_VALUE_NULL, 0, "");
	return f;
}

static inline struct flow_finding test_lost(void)
{
	struct flow_finding f = {.kind = FINDING_LOST,
				 .instance = 1,
				 .head_ns = 21000 * FINDING_MS,
				 .own = {.known = true, .n = 1},
				 .own_seen = true,
				 .exec_id = 0,
				 .trigger_id = -1};

	f.own.field[0] = test_field("requestId", LR_VALUE_STRING, 0x0123456789abcdefULL, "req-18");
	return f;
}

static inline struct flow_finding test_fan_out(void)
{
	struct flow_finding f = {.kind = FINDING_FAN_OUT,
				 .instance = 1,
				 .head_ns = 22000 * FINDING_MS,
				 .other = {.seq = 30,
					   .conn = 31,
					   .method = "GET",
					   .path = "/events",
					   .route = "/events"},
				 .exec_id = -1,
				 .trigger_id = -1};

	return f;
}

/* The request that the findings are of. */
static inline struct flow_req test_request(const struct flow_finding *f, uint32_t n)
{
	return (struct flow_req){.pid = 4242,
				 .seq = 17,
				 .conn = 12,
				 .conn_seq = 1,
				 .peer_port = 51234,
				 .method = "POST",
				 .path = "/process-payment",
				 .route = "/process-payment",
				 .status = 200,
				 .start_ns = 20025 * FINDING_MS,
				 .first_byte_ns = f->head_ns,
				 .end_ns = 20025 * FINDING_MS + 14200000,
				 .breakdown = {true, 200000, 1000000, 3000000, 10000000},
				 .end = REQ_COMPLETE,
				 .context = f->kind == FINDING_LOST	 ? CONTEXT_LOST
					    : f->kind == FINDING_FAN_OUT ? CONTEXT_UNKNOWN
									 : CONTEXT_FOREIGN,
				 .unknown =
					 f->kind == FINDING_FAN_OUT ? UNKNOWN_SHARED : UNKNOWN_NOT,
				 .findings = f,
				 .nfindings = n};
}

#endif

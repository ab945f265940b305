// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "out_otlp_id.h"
#include "util.h"

/* Any two odd constants: the fractional parts of the square roots of 2 and 3. */
#define LANE_A 0x6a09e667f3bcc909ULL
#define LANE_B 0xbb67ae8584caa73bULL

/* What kind of thing it is, so that a request never has the words of a call. */
enum { OF_REQUEST = 1, OF_CALL = 2 };

struct otlp_mix otlp_mix__word(struct otlp_mix m, uint64_t word)
{
	m.a = hash_u64((m.a ^ word) + LANE_A);
	m.b = hash_u64((m.b ^ (word + LANE_B)) * 3);
	return m;
}

struct otlp_mix otlp_mix__recording(const struct out_opts *opts)
{
	const char *host = opts->host ? opts->host : "";
	struct otlp_mix m = {LANE_A, LANE_B};

	m = otlp_mix__word(m, hash_bytes(host, strlen(host)));
	m = otlp_mix__word(m, opts->mono_ns);
	return otlp_mix__word(m, opts->wall_ns);
}

static void put_word(uint8_t *to, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* Both lanes are bijections of the last word, so that one value in 2^64 is moved aside. */
struct otlp_span_id otlp_mix__span(struct otlp_mix m)
{
	struct otlp_span_id id = {0};

	put_word(id.byte, m.a ? m.a : LANE_A);
	return id;
}

struct otlp_trace_id otlp_mix__trace(struct otlp_mix m)
{
	struct otlp_trace_id id = {0};

	/* Not the span's own digits: people compare ids by how they begin. */
	put_word(id.byte, m.b ? m.b : LANE_B);
	put_word(id.byte + 8, hash_u64(m.a ^ LANE_B));
	return id;
}

struct otlp_mix otlp_mix__request(struct otlp_mix process, uint32_t env, uint64_t conn,
				  uint64_t seq)
{
	process = otlp_mix__word(process, OF_REQUEST);
	process = otlp_mix__word(process, conn);
	process = otlp_mix__word(process, env);
	return otlp_mix__word(process, seq);
}

struct otlp_mix otlp_mix__call(struct otlp_mix process, const struct flow_call *call)
{
	process = otlp_mix__word(process, OF_CALL);
	process = otlp_mix__word(process, call->tid);
	process = otlp_mix__word(process, call->conn);
	process = otlp_mix__word(process, call->local_port);
	process = otlp_mix__word(process, call->sent_ns);
	return otlp_mix__word(process, call->start_ns);
}

bool otlp_trace_id__same(const struct otlp_trace_id *a, const struct otlp_trace_id *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

uint64_t otlp_span_id__word(const struct otlp_span_id *id)
{
	uint64_t v = 0;

	for (int i = 0; i < OTLP_SPAN_ID; i++)
		v = v << 8 | id->byte[i];
	return v;
}

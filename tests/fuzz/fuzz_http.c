// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Operations of one connection, framed and followed: what the input says is received, sent,
 * captured, lost and closed, and it must neither crash nor break what always holds.
 *
 * Input: commands of a header (kind, length, bytes not captured) and data.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow_http.h"
#include "flow_request.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

struct fuzz {
	struct flow_http_shared shared;
	struct flow_http http;
	struct flow_requests *requests;
	uint64_t ts, bytes[2], told[2];
};

static void on_done(void *ctx, const struct flow_req *q)
{
	const struct flow_breakdown *b = &q->breakdown;

	(void)ctx;
	CHECK(q->path && q->route && q->method && q->seq && q->conn_seq);
	CHECK(strlen(q->path) <= FLOW_PATH_MAX && !strchr(q->path, '?'));
	CHECK(q->start_ns <= q->recv_ns);
	if (!q->end_ns)
		CHECK(!b->known);
	else
		CHECK(q->end_ns >= q->start_ns);
	if (b->known)
		CHECK(b->queue + b->cpu + b->loop_busy + b->wait == q->end_ns - q->start_ns);
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct fuzz *f = ctx;

	CHECK(ev->io.nids <= (ev->io.flags & FE_F_HEAD ? FE_IDS_MAX : 0));
	for (uint32_t i = 0; i < ev->io.nids; i++)
		CHECK(ev->io.ids[i]);
	f->told[ev->type == FE_OUT] += ev->io.bytes;
	CHECK(f->told[0] <= f->bytes[0] && f->told[1] <= f->bytes[1]);
	return flow_requests__event(f->requests, ev);
}

static uint32_t on_response(void *ctx, uint64_t ids[FE_IDS_MAX])
{
	const struct fuzz *f = ctx;

	CHECK(f->bytes[1] > 0);
	for (uint32_t i = 0; i < FE_IDS_MAX; i++)
		ids[i] = i + 1;
	return FE_IDS_MAX;
}

static void operate(struct fuzz *f, const uint8_t *head, const uint8_t *data, uint32_t len)
{
	uint32_t missing = (uint32_t)head[2] * head[2];
	struct flow_http_op op = {
		.conn = 1,
		.ts = f->ts += head[1],
		.arrival_ns = f->ts - head[1] / 2,
		.clock = {.idle_ns = f->ts / 3, .has = head[0] & 64 ? 0 : FE_CLOCK_IDLE},
		.pid = 1,
		.tid = 1 + (head[0] & 128) / 128,
		.total = len + missing,
		.out = head[0] & 1,
		.first = f->ts == head[1],
		.has_tail = (head[0] & 32) && missing >= FLOW_HTTP_TAIL,
	};

	if (op.has_tail)
		memcpy(op.tail, "\r\n0\r\n\r\n", 7);
	f->bytes[op.out] += op.total;
	flow_http__begin(&f->http, &op);
	flow_http__data(&f->http, data, len);
	if (!(head[0] & 16))
		flow_http__end(&f->http);
}

static void command(struct fuzz *f, const uint8_t *head, const uint8_t *data, uint32_t len)
{
	struct flow_http_op op = {.conn = 1, .ts = ++f->ts, .pid = 1, .tid = 1};
	struct flow_event ev = {.type = FE_CLOSE, .pid = 1, .ts = f->ts, .close.conn = 1};

	switch (head[0] & 14) {
	case 2:
		flow_http__lost(&f->http);
		break;
	case 4:
		flow_http__eof(&f->http, &op);
		break;
	case 6:
		flow_http__failed(&f->http, &op, 104);
		break;
	case 8:
		flow_http__close(&f->http, head[0] & 1);
		flow_requests__event(f->requests, &ev);
		flow_http__destroy(&f->http);
		flow_http__init(&f->http, &f->shared);
		break;
	default:
		operate(f, head, data, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_requests_opts opts = {
		.done = on_done,
		.max_connections = 4,
		.max_in_flight = 64,
	};
	struct fuzz f = {.ts = 1000};

	f.shared.sink.event = on_event;
	f.shared.sink.ctx = &f;
	f.shared.held_max = 1 << 18;
	f.shared.value_key = 1;
	f.shared.response_ids = on_response;
	CHECK(flow_requests__new(&f.requests, &opts) == 0);
	flow_http__init(&f.http, &f.shared);
	while (size >= 4) {
		uint32_t len = data[3];

		len = len > size - 4 ? (uint32_t)(size - 4) : len;
		command(&f, data, data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	flow_http__close(&f.http, false);
	flow_requests__finish(f.requests, f.ts);
	CHECK(flow_requests__in_flight(f.requests) == 0);
	flow_http__destroy(&f.http);
	CHECK(f.shared.held == 0);
	flow_requests__free(f.requests);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Wire records from anybody: through the decoder into requests and resources.
 *
 * Input: records, each behind two bytes of its length. A length with its top bit set asks
 * for the header's type, size and ids to be made plausible, so that more gets past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow_context.h"
#include "flow_decode.h"
#include "flow_request.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

struct fuzz {
	struct flow_decode *decode;
	struct flow_requests *requests;
	struct flow_context *context;
	uint32_t seq[4];
	uint64_t ts;
};

static void on_done(void *ctx, const struct flow_req *q)
{
	const struct flow_breakdown *b = &q->breakdown;

	(void)ctx;
	CHECK(q->path && q->route && q->method && q->start_ns <= q->recv_ns);
	CHECK(!q->end_ns || q->end_ns >= q->start_ns);
	if (b->known)
		CHECK(b->queue + b->cpu + b->loop_busy + b->wait == q->end_ns - q->start_ns);
}

static void on_resource(void *ctx, const struct flow_resource *res)
{
	(void)ctx;
	CHECK(res->type && res->async_id > 0);
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct fuzz *f = ctx;
	int err = flow_requests__event(f->requests, ev);

	return err ? err : flow_context__event(f->context, ev);
}

static void make_plausible(struct fuzz *f, uint8_t *rec, uint32_t len)
{
	struct lr_event h;
	struct lr_ev_data d;

	if (len < sizeof(h))
		return;
	memcpy(&h, rec, sizeof(h));
	h.type = 1 + h.type % 12;
	h.size = (uint16_t)len;
	h.pid = 1 + (h.pid & 1);
	h.tid = h.pid + (h.tid & 2);
	h.seq = h.seq % 16 ? ++f->seq[h.tid & 3] : h.seq;
	h.ts = f->ts += h.ts % 1000;
	memcpy(rec, &h, sizeof(h));
	if ((h.type != LR_EV_IN && h.type != LR_EV_OUT) || len < sizeof(d))
		return;
	memcpy(&d, rec, sizeof(d));
	d.conn %= 4;
	d.arrival_ns = h.ts - d.arrival_ns % 64;
	d.captured = len - (uint32_t)sizeof(d);
	d.offset = d.offset % 7 ? 0 : d.offset % 4096;
	d.ret = (int32_t)(d.captured + d.offset +
			  ((uint32_t)d.ret % 2 ? 0 : (uint32_t)d.ret % 9000));
	memcpy(rec, &d, sizeof(d));
}

static void feed(struct fuzz *f, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		uint32_t len = data[0] | (uint32_t)(data[1] & 0x7f) << 8;
		bool plausible = data[1] & 0x80;
		uint8_t *rec;

		data += 2;
		size -= 2;
		len = len > size ? (uint32_t)size : len;
		rec = malloc(len ? len : 1); /* its end is what the sanitizer watches */
		CHECK(rec);
		memcpy(rec, data, len);
		if (plausible)
			make_plausible(f, rec, len);
		CHECK(flow_decode__record(f->decode, rec, len) == 0);
		free(rec);
		data += len;
		size -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.ts = 1000};
	struct flow_decode_opts opts = {
		.sink = {.event = on_event, .ctx = &f},
		.max_connections = 3,
		.max_threads = 3,
	};
	struct flow_requests_opts req_opts = {
		.done = on_done,
		.max_connections = 2,
		.max_in_flight = 4,
	};
	struct flow_res_type types[4];

	CHECK(flow_requests__new(&f.requests, &req_opts) == 0);
	CHECK(flow_context__new(&f.context, f.requests, 8) == 0);
	CHECK(flow_decode__new(&f.decode, &opts) == 0);
	flow_context__on_resource(f.context, on_resource, NULL);
	feed(&f, data, size);
	CHECK(flow_decode__flush(f.decode) == 0);
	flow_context__types(f.context, types, 4);
	CHECK(flow_decode__end_target(f.decode, 1, f.ts) == 0);
	flow_requests__finish(f.requests, f.ts);
	flow_context__finish(f.context);
	CHECK(flow_requests__in_flight(f.requests) == 0);
	flow_decode__free(f.decode);
	flow_context__free(f.context);
	flow_requests__free(f.requests);
	return 0;
}

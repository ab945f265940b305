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
#include "flow_mismatch.h"
#include "flow_request.h"
#include "util.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

struct fuzz {
	struct flow_decode *decode;
	struct flow_requests *requests;
	struct flow_context *context;
	struct flow_mismatch *mismatch;
	uint64_t over, judged;
	uint32_t seq[4];
	uint64_t ts;
	bool show;
};

static void check_findings(const struct flow_req *q)
{
	CHECK(q->context <= CONTEXT_UNREADABLE && q->unknown < UNKNOWN_REASONS);
	for (uint32_t i = 0; i < q->nfindings; i++) {
		const struct flow_finding *f = &q->findings[i];

		CHECK(f->kind < FINDING_KINDS && f->grade <= GRADE_ALWAYS);
		CHECK(f->kind == FINDING_LOST || f->binding == BINDING_NONE ||
		      (f->other.conn && f->other.conn != q->conn));
		CHECK(f->kind != FINDING_FOREIGN || f->proof != PROOF_NONE);
		CHECK(!f->stale || f->other.end_ns <= f->head_ns);
		CHECK(f->active.n <= FINDING_FIELDS && f->own.n <= FINDING_FIELDS);
	}
}

static void on_over(void *ctx, const struct flow_req *q)
{
	struct fuzz *f = ctx;

	f->over++;
	flow_mismatch__request(f->mismatch, q);
}

static void on_done(void *ctx, const struct flow_req *q)
{
	const struct flow_breakdown *b = &q->breakdown;

	((struct fuzz *)ctx)->judged++;
	check_findings(q);
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

static void check_store(const struct fuzz *f, const struct fe_store *s)
{
	CHECK(s->n <= LR_STORE_FIELDS && s->kind <= LR_VALUE_MAP);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct fe_store_field *field = &s->fields[i];

		CHECK(field->name.len <= LR_FIELD_NAME && field->kind <= LR_VALUE_MAP);
		CHECK(field->text.len <= (f->show ? LR_FIELD_TEXT : 0));
		/* Every byte is there to be read. */
		CHECK(hash_bytes(field->name.s, field->name.len) +
			      hash_bytes(field->text.s, field->text.len) !=
		      1);
	}
}

static void check_event(const struct fuzz *f, const struct flow_event *ev)
{
	if (ev->type == FE_STORE)
		check_store(f, &ev->store);
	if (ev->type == FE_IN || ev->type == FE_OUT)
		CHECK(ev->io.nids <= (ev->io.flags & FE_F_HEAD ? FE_IDS_MAX : 0));
	if (ev->type == FE_WRITE)
		CHECK(ev->write.nids <= FE_IDS_MAX && ev->write.captured <= ev->write.bytes &&
		      ev->write.text.len == ev->write.captured &&
		      hash_bytes(ev->write.text.s, ev->write.text.len) != 1);
	if (ev->type != FE_STORES)
		return;
	CHECK(ev->stores.n <= FE_STORES_MAX && ev->stores.status <= LR_STORES_OFF);
	CHECK(ev->stores.exec_id >= -1 && ev->stores.trigger_id >= -1);
	for (uint32_t i = 0; i < ev->stores.n; i++)
		CHECK(ev->stores.ref[i].kind <= LR_VALUE_MAP);
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct fuzz *f = ctx;
	int err;

	check_event(f, ev);
	if (ev->type == FE_OUT)
		CHECK(flow_mismatch__event(f->mismatch, ev) == 0);
	err = flow_requests__event(f->requests, ev);
	if (!err && ev->type != FE_OUT)
		err = flow_mismatch__event(f->mismatch, ev);
	return err ? err : flow_context__event(f->context, ev);
}

static void plausible_stores(uint8_t *rec, uint32_t len)
{
	struct lr_ev_stores s = {0};

	memcpy(&s, rec, min_t(size_t, len, sizeof(s)));
	s.n = (len - (uint32_t)offsetof(struct lr_ev_stores, ref)) / sizeof(s.ref[0]) %
	      (LR_STORES_MAX + 1);
	s.op = 1 + s.op % 2;
	s.status = s.status % 4 ? LR_STORES_OK : s.status / 4 % 6;
	s.conn %= 4;
	s.exec_id = s.trigger_id = 0;
	for (uint32_t i = 0; i < s.n; i++)
		s.ref[i].kind %= LR_VALUE_MAP + 1;
	memcpy(rec, &s, min_t(size_t, len, sizeof(s)));
}

static void plausible_store(uint8_t *rec, uint32_t len)
{
	struct lr_ev_store s = {0};

	memcpy(&s, rec, min_t(size_t, len, sizeof(s)));
	s.n = (len - (uint32_t)offsetof(struct lr_ev_store, field)) / sizeof(s.field[0]) %
	      (LR_STORE_FIELDS + 1);
	s.kind %= LR_VALUE_MAP + 1;
	for (uint16_t i = 0; i < s.n; i++) {
		s.field[i].name_len %= LR_FIELD_NAME + 1;
		s.field[i].text_len %= LR_FIELD_TEXT + 1;
		s.field[i].kind %= LR_VALUE_MAP + 1;
		if (s.field[i].kind != LR_VALUE_DOUBLE)
			s.field[i].bits %= s.field[i].kind == LR_VALUE_BOOL ? 2 : 50;
	}
	memcpy(rec, &s, min_t(size_t, len, sizeof(s)));
}

static void plausible_h2(uint8_t *rec, uint32_t len, uint16_t type)
{
	const size_t head_size = offsetof(struct lr_ev_h2_head, path);
	const size_t fields_size = offsetof(struct lr_ev_h2_fields, data);
	struct lr_ev_h2_fields f;
	struct lr_ev_h2_head head;
	struct lr_ev_h2 ev;

	if (type == LR_EV_H2_HEAD && len >= head_size) {
		memcpy(&head, rec, head_size);
		head.conn = 1 + head.conn % 4;
		head.stream = 1 + head.stream % 4;
		head.method_len = (uint16_t)(1 + head.method_len % LR_H2_METHOD);
		head.nids %= LR_H2_IDS + 1;
		head.path_len = (uint32_t)(len - head_size);
		for (uint16_t i = 0; i < head.nids; i++) {
			head.id[i].name_len %= LR_H2_ID_NAME + 1;
			head.id[i].value_len %= LR_H2_ID_VALUE + 1;
		}
		memcpy(rec, &head, head_size);
	} else if (type == LR_EV_H2 && len >= sizeof(ev)) {
		memcpy(&ev, rec, sizeof(ev));
		ev.conn = 1 + ev.conn % 4;
		ev.stream = 1 + ev.stream % 4;
		ev.op = (uint16_t)(1 + ev.op % LR_H2_EOF);
		ev.code %= 3;
		memcpy(rec, &ev, sizeof(ev));
	} else if (type == LR_EV_H2_FIELDS && len >= fields_size) {
		memcpy(&f, rec, fields_size);
		f.conn = 1 + f.conn % 4;
		f.stream = 1 + f.stream % 4;
		f.captured = min_t(uint32_t, LR_H2_FIELDS_MAX, (uint32_t)(len - fields_size));
		memcpy(rec, &f, fields_size);
	}
}

static void make_plausible(struct fuzz *f, uint8_t *rec, uint32_t len)
{
	struct lr_event h;
	struct lr_ev_data d;

	if (len < sizeof(h))
		return;
	memcpy(&h, rec, sizeof(h));
	h.type = 1 + h.type % (LR_EV_H2_FIELDS + 1);
	h.size = (uint16_t)len;
	h.pid = 1 + (h.pid & 1);
	h.tid = h.pid + (h.tid & 2);
	h.seq = h.seq % 16 ? ++f->seq[h.tid & 3] : h.seq;
	h.ts = f->ts += h.ts % 1000;
	memcpy(rec, &h, sizeof(h));
	if (h.type == LR_EV_STORES && len >= offsetof(struct lr_ev_stores, ref))
		plausible_stores(rec, len);
	if (h.type == LR_EV_STORE && len >= offsetof(struct lr_ev_store, field))
		plausible_store(rec, len);
	plausible_h2(rec, len, h.type);
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
	struct fuzz f = {.ts = 1000, .show = size % 2};
	struct flow_decode_opts opts = {
		.sink = {.event = on_event, .ctx = &f},
		.max_connections = 3,
		.max_threads = 3,
		.value_key = 1,
		.show_values = f.show,
	};
	struct flow_requests_opts req_opts = {
		.done = on_over,
		.ctx = &f,
		.max_connections = 2,
		.max_in_flight = 4,
	};
	struct flow_mismatch_opts mm_opts = {.done = on_done, .ctx = &f};
	struct flow_res_type types[4];

	CHECK(flow_requests__new(&f.requests, &req_opts) == 0);
	CHECK(flow_context__new(&f.context, f.requests, 8) == 0);
	mm_opts.requests = f.requests;
	mm_opts.context = f.context;
	CHECK(flow_mismatch__new(&f.mismatch, &mm_opts) == 0);
	CHECK(flow_decode__new(&f.decode, &opts) == 0);
	flow_context__on_resource(f.context, on_resource, NULL);
	feed(&f, data, size);
	CHECK(flow_decode__flush(f.decode) == 0);
	flow_context__types(f.context, types, 4);
	CHECK(flow_decode__end_target(f.decode, 1, f.ts) == 0);
	flow_requests__finish(f.requests, f.ts);
	flow_context__finish(f.context);
	CHECK(flow_requests__in_flight(f.requests) == 0);
	CHECK(f.over == f.judged);
	flow_decode__free(f.decode);
	flow_mismatch__free(f.mismatch);
	flow_context__free(f.context);
	flow_requests__free(f.requests);
	return 0;
}

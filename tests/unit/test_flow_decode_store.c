// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Records about stores to flow events: what comes out, in which order, what is masked, which
 * values are found again in responses, and every way in which such a record can be wrong.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_decode.h"
#include "flow_value.h"
#include "util.h"

#define PID  100
#define KEY  0xfeedULL
#define GET  "GET /a HTTP/1.1\r\n\r\n"
#define OK   "HTTP/1.1 204 No Content\r\n\r\n"
#define UUID "0b7e61f2-5d1c-4a8e-9c3b-7a1f2e3d4c5b"

struct run {
	struct flow_decode *d;
	struct flow_event ev[64];
	size_t n;
	struct fe_store_field fields[LR_STORE_FIELDS]; /* of the last FE_STORE */
	char names[LR_STORE_FIELDS][LR_FIELD_NAME + 1];
	char texts[LR_STORE_FIELDS][LR_FIELD_TEXT + 1];
	uint32_t seq[4]; /* by tid - PID */
	uint32_t pid;	 /* of the records that are made */
	uint64_t ts;
};

static void copy_str(char *to, size_t cap, const struct flow_str *s)
{
	assert_true(s->len < cap);
	memcpy(to, s->s, s->len);
	to[s->len] = '\0';
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (ev->type == FE_THREAD || ev->type == FE_CONN)
		return 0;
	assert_true(r->n < ARRAY_SIZE(r->ev));
	r->ev[r->n++] = *ev;
	for (uint32_t i = 0; ev->type == FE_STORE && i < ev->store.n; i++) {
		r->fields[i] = ev->store.fields[i];
		copy_str(r->names[i], sizeof(r->names[i]), &ev->store.fields[i].name);
		copy_str(r->texts[i], sizeof(r->texts[i]), &ev->store.fields[i].text);
	}
	return 0;
}

static struct run *run_new(bool show)
{
	struct run *r = calloc(1, sizeof(*r));
	struct flow_decode_opts opts = {
		.sink = {.event = on_event, .ctx = r},
		.value_key = KEY,
		.show_values = show,
	};

	assert_non_null(r);
	assert_int_equal(flow_decode__new(&r->d, &opts), 0);
	r->ts = 1000;
	r->pid = PID;
	return r;
}

static void run_free(struct run *r)
{
	flow_decode__free(r->d);
	free(r);
}

static uint64_t malformed(const struct run *r)
{
	struct flow_decode_stats stats;

	flow_decode__stats(r->d, &stats);
	return stats.malformed;
}

static struct lr_event header(struct run *r, uint16_t type, size_t size, uint32_t tid)
{
	return (struct lr_event){
		.ts = r->ts,
		.pid = r->pid,
		.tid = tid,
		.seq = ++r->seq[tid - PID],
		.type = type,
		.size = (uint16_t)size,
	};
}

/* At the very end of an allocation: a sanitizer sees every byte too far. */
static void record(struct run *r, const void *rec, size_t len)
{
	void *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, rec, len);
	assert_int_equal(flow_decode__record(r->d, copy, len), 0);
	free(copy);
}

/* A receive or send, of which @len bytes are captured. */
static void data(struct run *r, uint16_t type, uint64_t conn, const char *bytes, size_t len,
		 int32_t ret)
{
	char buf[sizeof(struct lr_ev_data) + LR_DATA_MAX];
	struct lr_ev_data ev = {.conn = conn,
				.ret = ret,
				.captured = (uint32_t)len,
				.top = 0x1000 + r->ts,
				.epoch = 5};

	ev.h = header(r, type, sizeof(ev) + len, r->pid);
	memcpy(buf, &ev, sizeof(ev));
	memcpy(buf + sizeof(ev), bytes, len);
	record(r, buf, sizeof(ev) + len);
}

static void in(struct run *r, uint64_t conn, const char *bytes)
{
	r->ts++;
	data(r, LR_EV_IN, conn, bytes, strlen(bytes), (int32_t)strlen(bytes));
}

/* At the time of what was told of it before. */
static void out(struct run *r, uint64_t conn, const char *bytes)
{
	data(r, LR_EV_OUT, conn, bytes, strlen(bytes), (int32_t)strlen(bytes));
}

static uint64_t bits(double v)
{
	uint64_t b;

	memcpy(&b, &v, sizeof(b));
	return b;
}

static struct lr_ev_stores stores_of(struct run *r, uint64_t conn, uint32_t n)
{
	struct lr_ev_stores s = {
		.env = 0x7000,
		.conn = conn,
		.top = 0x5000,
		.exec_id = bits(12),
		.trigger_id = bits(7),
		.epoch = 5,
		.op = LR_OP_SERVER,
		.n = n,
	};

	s.h = header(r, LR_EV_STORES, sizeof(s), r->pid);
	for (uint32_t i = 0; i < LR_STORES_MAX; i++)
		s.ref[i] = (struct lr_store_ref){0x100 + i, 0xabc0 + i, LR_VALUE_OBJECT, 0};
	return s;
}

/* The next send happens at a new time. */
static void stores(struct run *r, uint64_t conn, uint32_t n)
{
	struct lr_ev_stores s;

	r->ts++;
	s = stores_of(r, conn, n);
	record(r, &s, sizeof(s));
}

static struct lr_store_field field_of(const char *name, uint8_t kind, uint64_t value,
				      const char *text)
{
	struct lr_store_field f = {
		.name_len = (uint8_t)strlen(name),
		.text_len = (uint8_t)strlen(text),
		.kind = kind,
		.bits = kind == LR_VALUE_STRING ? strlen(text) : value,
	};

	assert_true(strlen(name) <= LR_FIELD_NAME && strlen(text) <= LR_FIELD_TEXT);
	memcpy(f.name, name, strlen(name));
	memcpy(f.text, text, strlen(text));
	return f;
}

static void store(struct run *r, const struct lr_store_field *fields, uint16_t n)
{
	struct lr_ev_store s = {
		.env = 0x7000,
		.value = 0x100,
		.instance = 0xabc0,
		.epoch = 5,
		.kind = LR_VALUE_OBJECT,
		.n = n,
	};
	size_t size = offsetof(struct lr_ev_store, field) + n * sizeof(s.field[0]);

	if (n)
		memcpy(s.field, fields, n * sizeof(s.field[0]));
	s.h = header(r, LR_EV_STORE, size, r->pid);
	record(r, &s, size);
}

static void store_text(struct run *r, const char *text)
{
	struct lr_store_field f = field_of("id", LR_VALUE_STRING, 0, text);

	store(r, &f, 1);
}

static void store_number(struct run *r, int64_t value)
{
	struct lr_store_field f = field_of("id", LR_VALUE_SMI, (uint64_t)value, "");

	store(r, &f, 1);
}

static uint64_t hash(const char *text)
{
	return flow_value__hash(KEY, text, strlen(text));
}

static const struct flow_event *last(const struct run *r, enum flow_event_type type)
{
	assert_true(r->n > 0);
	assert_int_equal(r->ev[r->n - 1].type, type);
	return &r->ev[r->n - 1];
}

static void test_borders(void **state)
{
	struct lr_ev_turn turn = {.top = 0x123456789abcULL, .epoch = 9};
	struct lr_ev_gc gc = {.phase = 1, .space = 1, .epoch = 10, .top = 0x99};
	struct run *r = run_new(false);
	const struct flow_event *ev;

	(void)state;
	turn.h = header(r, LR_EV_TURN, sizeof(turn), PID);
	record(r, &turn, sizeof(turn));
	ev = last(r, FE_TURN);
	assert_true(ev->turn.top == 0x123456789abcULL && ev->turn.epoch == 9);
	assert_true(ev->pid == PID && ev->tid == PID && ev->ts == 1000);
	gc.h = header(r, LR_EV_GC, sizeof(gc), PID);
	record(r, &gc, sizeof(gc));
	ev = last(r, FE_GC);
	assert_true(ev->gc.top == 0x99 && ev->gc.epoch == 10 && ev->gc.kind == 1);
	/* A start has neither; told when the next one comes without an end between. */
	for (int i = 0; i < 2; i++) {
		gc.phase = 0;
		gc.h = header(r, LR_EV_GC, sizeof(gc), PID);
		record(r, &gc, sizeof(gc));
	}
	ev = last(r, FE_GC);
	assert_true(ev->gc.top == 0 && ev->gc.epoch == 0);
	/* Every request of one receive, its end and its errors; no send. */
	in(r, 1, GET GET "GET /");
	assert_int_equal(r->n, 6);
	for (size_t i = 3; i < 6; i++)
		assert_true(r->ev[i].type == FE_IN && r->ev[i].io.top == 0x1000 + r->ts &&
			    r->ev[i].io.epoch == 5);
	out(r, 1, OK);
	assert_true(last(r, FE_OUT)->io.top == 0 && last(r, FE_OUT)->io.epoch == 0);
	r->ts++;
	data(r, LR_EV_IN, 1, "", 0, -104);
	assert_true(last(r, FE_IN)->io.error == 104 && last(r, FE_IN)->io.epoch == 5);
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

static void test_stores(void **state)
{
	struct run *r = run_new(false);
	const struct fe_stores *s;
	struct lr_ev_stores rec;

	(void)state;
	in(r, 1, GET);
	r->ts++;
	rec = stores_of(r, 1, LR_STORES_MAX);
	rec.flags = LR_STORES_F_HOOKS | LR_STORES_F_MORE;
	record(r, &rec, sizeof(rec));
	s = &last(r, FE_STORES)->stores;
	assert_true(s->env == 0 && s->conn == 1 && s->top == 0x5000 && s->epoch == 5);
	assert_true(s->exec_id == 12 && s->trigger_id == 7 && s->op == LR_OP_SERVER);
	assert_true(s->status == LR_STORES_OK && s->hooks && s->more);
	assert_int_equal(s->n, LR_STORES_MAX);
	for (uint32_t i = 0; i < s->n; i++)
		assert_true(s->ref[i].value == 0x100 + i && s->ref[i].instance == 0xabc0 + i &&
			    s->ref[i].kind == LR_VALUE_OBJECT);
	/* Only what was read for certain; refs that are not there need not be in the record. */
	rec = stores_of(r, 99, 2);
	rec.op = LR_OP_CLIENT;
	rec.status = LR_STORES_FAULT;
	record(r, &rec, sizeof(rec));
	s = &last(r, FE_STORES)->stores;
	assert_true(s->n == 0 && s->conn == 0 && s->status == LR_STORES_FAULT);
	assert_true(s->op == LR_OP_CLIENT && !s->hooks && !s->more && s->exec_id == 12);
	rec = stores_of(r, 0, 1);
	rec.h.size = (uint16_t)offsetof(struct lr_ev_stores, ref[1]);
	record(r, &rec, rec.h.size);
	assert_int_equal(last(r, FE_STORES)->stores.n, 1);
	rec = stores_of(r, 0, 0);
	rec.env = 0;
	rec.status = LR_STORES_NO_ENV;
	rec.exec_id = bits(-3);
	record(r, &rec, sizeof(rec));
	s = &last(r, FE_STORES)->stores;
	assert_true(s->exec_id == -1 && s->trigger_id == -1 && s->status == LR_STORES_NO_ENV);
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

static void test_bad_ids(void **state)
{
	const uint64_t wrong[] = {bits(-1), bits(1.5), bits(NAN), bits(1e300), 1};
	struct run *r = run_new(false);
	struct flow_decode_stats stats;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(wrong); i++) {
		struct lr_ev_stores rec = stores_of(r, 0, 1);

		r->n = 0;
		*(i % 2 ? &rec.exec_id : &rec.trigger_id) = wrong[i / 2];
		record(r, &rec, sizeof(rec));
		assert_int_equal(r->n, 2);
		assert_int_equal(r->ev[0].type, FE_LOSS);
		assert_int_equal(r->ev[0].loss.kind, FLOW_LOSS_READ);
		assert_true(r->ev[1].stores.exec_id == -1 && r->ev[1].stores.trigger_id == -1);
		assert_int_equal(r->ev[1].stores.n, 1); /* the stores are right all the same */
	}
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.bad_numbers, 2 * ARRAY_SIZE(wrong));
	run_free(r);
}

/* A thread of libuv's pool sends, too: it is not numbered as an environment. */
static void test_other_thread(void **state)
{
	struct run *r = run_new(false);
	struct lr_ev_stores rec = stores_of(r, 0, 0);
	struct lr_ev_write write = {
		.h = {.pid = PID, .tid = PID + 1, .type = LR_EV_WRITE, .size = sizeof(write)},
		.op = LR_OP_STDOUT,
		.ret = 5,
	};

	(void)state;
	rec.env = 0;
	rec.op = LR_OP_CLIENT;
	rec.status = LR_STORES_NO_ENV;
	rec.h.tid = PID + 1;
	rec.h.seq = ++r->seq[1];
	record(r, &rec, sizeof(rec));
	assert_int_equal(r->n, 0);
	assert_int_equal(flow_decode__env_of(r->d, PID + 1), -1);
	write.h.seq = ++r->seq[1];
	record(r, &write, sizeof(write));
	assert_int_equal(last(r, FE_WRITE)->write.bytes, 5);
	assert_int_equal(flow_decode__env_of(r->d, PID + 1), -1);
	r->n = 0;
	rec.op = LR_OP_SERVER; /* it answers requests */
	rec.h.seq = ++r->seq[1];
	record(r, &rec, sizeof(rec));
	assert_int_equal(last(r, FE_STORES)->stores.env, 1);
	rec.op = LR_OP_CLIENT;
	rec.h.seq = ++r->seq[1];
	record(r, &rec, sizeof(rec));
	assert_int_equal(r->n, 2);
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

/* A receive whose continuation may come is reported before what the thread does next. */
static void test_order(void **state)
{
	static char many[LR_DATA_MAX];
	static const enum flow_event_type want[] = {FE_IN,  FE_STORE, FE_STORES,
						    FE_OUT, FE_IN,    FE_TURN};
	struct lr_ev_turn turn = {.top = 1};
	struct run *r = run_new(false);

	(void)state;
	snprintf(many, sizeof(many), "POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
	r->ts++;
	data(r, LR_EV_IN, 1, many, LR_DATA_MAX, 9000);
	assert_int_equal(r->n, 0);
	r->ts++;
	store_text(r, "abcd");
	stores(r, 1, 1);
	out(r, 1, OK);
	memset(many, 'x', sizeof(many));
	r->ts++;
	data(r, LR_EV_IN, 1, many, LR_DATA_MAX, 9000);
	turn.h = header(r, LR_EV_TURN, sizeof(turn), PID);
	record(r, &turn, sizeof(turn));
	assert_int_equal(r->n, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(r->ev[i].type, want[i]);
	run_free(r);
}

static void test_store(void **state)
{
	struct lr_store_field fields[LR_STORE_FIELDS];
	struct run *r = run_new(false);
	const struct fe_store *s;

	(void)state;
	for (uint16_t i = 0; i < LR_STORE_FIELDS; i++)
		fields[i] = field_of("a_name_of_24_characters_", LR_VALUE_STRING, 0,
				     "a text as long as any that is ever looked at 48!");
	fields[0] = field_of("", LR_VALUE_SMI, 7, "");
	fields[1].flags = LR_FIELD_F_CONST;
	fields[3].flags = LR_FIELD_F_SPAN;
	fields[2].flags = LR_FIELD_F_CUT;
	fields[2].bits = 70000;
	store(r, fields, LR_STORE_FIELDS);
	s = &last(r, FE_STORE)->store;
	assert_true(s->env == 0 && s->value == 0x100 && s->instance == 0xabc0 && s->epoch == 5);
	assert_true(s->kind == LR_VALUE_OBJECT && !s->more && s->n == LR_STORE_FIELDS);
	assert_string_equal(r->names[0], "");
	assert_string_equal(r->names[1], "a_name_of_24_characters_");
	assert_true(r->fields[1].constant && !r->fields[1].cut && r->fields[1].len == 48);
	assert_true(!r->fields[2].constant && r->fields[2].cut && r->fields[2].len == 70000);
	assert_true(r->fields[1].hash == hash("a text as long as any that is ever looked at 48!"));
	assert_int_equal(r->fields[0].kind, LR_VALUE_SMI);
	assert_true(r->fields[3].span && !r->fields[2].span);
	for (uint16_t i = 0; i < LR_STORE_FIELDS; i++)
		assert_string_equal(r->texts[i], ""); /* never, unless it was asked for */
	store(r, NULL, 0);
	assert_int_equal(last(r, FE_STORE)->store.n, 0);
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

static uint64_t value_hash(struct run *r, uint8_t kind, uint64_t value, const char *text)
{
	struct lr_store_field f = field_of("v", kind, value, text);

	r->n = 0;
	store(r, &f, 1);
	assert_int_equal(r->n, 1);
	assert_int_equal(r->fields[0].kind, kind);
	return r->fields[0].hash;
}

static void test_values(void **state)
{
	struct run *r = run_new(false);
	uint64_t seen[16];
	size_t n = 0;

	(void)state;
	/* As the same characters would be in a header. */
	assert_true(value_hash(r, LR_VALUE_STRING, 0, "42") == hash("42"));
	assert_true(value_hash(r, LR_VALUE_SMI, 42, "") == hash("42"));
	assert_true(value_hash(r, LR_VALUE_DOUBLE, bits(42), "") == hash("42"));
	assert_true(value_hash(r, LR_VALUE_SMI, (uint64_t)-2147483648LL, "") ==
		    hash("-2147483648"));
	assert_true(value_hash(r, LR_VALUE_DOUBLE, bits(9007199254740991.0), "") ==
		    hash("9007199254740991"));
	assert_true(value_hash(r, LR_VALUE_DOUBLE, bits(-0.0), "") == hash("0"));
	assert_true(value_hash(r, LR_VALUE_STRING, 0, "") == hash(""));
	/* What is equal is equal, whatever its bits. */
	assert_true(value_hash(r, LR_VALUE_DOUBLE, bits(NAN), "") ==
		    value_hash(r, LR_VALUE_DOUBLE, bits(-NAN) | 5, ""));
	assert_true(value_hash(r, LR_VALUE_NULL, 1, "") == value_hash(r, LR_VALUE_NULL, 2, ""));
	/* And all else differs. */
	seen[n++] = value_hash(r, LR_VALUE_DOUBLE, bits(0.5), "");
	seen[n++] = value_hash(r, LR_VALUE_DOUBLE, bits(-0.5), "");
	seen[n++] = value_hash(r, LR_VALUE_DOUBLE, bits(1e300), "");
	seen[n++] = value_hash(r, LR_VALUE_DOUBLE, bits(INFINITY), "");
	seen[n++] = value_hash(r, LR_VALUE_DOUBLE, bits(NAN), "");
	seen[n++] = value_hash(r, LR_VALUE_BOOL, 0, "");
	seen[n++] = value_hash(r, LR_VALUE_BOOL, 1, "");
	seen[n++] = value_hash(r, LR_VALUE_NULL, 0, "");
	seen[n++] = value_hash(r, LR_VALUE_UNDEFINED, 0, "");
	seen[n++] = value_hash(r, LR_VALUE_SMI, 0, "");
	seen[n++] = value_hash(r, LR_VALUE_SMI, 1, "");
	seen[n++] = value_hash(r, LR_VALUE_STRING, 0, "true");
	seen[n++] = value_hash(r, LR_VALUE_STRING, 0, "null");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(seen[i] && seen[i] != seen[k]);
	/* Objects are not looked into: no value, which is equal to nothing. */
	assert_true(value_hash(r, LR_VALUE_OBJECT, 5, "") == 0);
	assert_true(value_hash(r, LR_VALUE_MAP, 5, "") == 0);
	assert_true(value_hash(r, LR_VALUE_OTHER, 5, "") == 0);
	run_free(r);
}

static void test_cut_strings(void **state)
{
	struct run *r = run_new(false);
	struct lr_store_field f = field_of("v", LR_VALUE_STRING, 0, "abcdef");

	(void)state;
	f.bits = 7; /* more characters than bytes */
	store(r, &f, 1);
	assert_true(r->fields[0].cut && r->fields[0].hash == hash("abcdef"));
	f = field_of("v", LR_VALUE_STRING, 0, "");
	f.bits = 7; /* not read at all: not the empty string */
	store(r, &f, 1);
	assert_true(r->fields[0].cut && r->fields[0].hash == 0 && r->fields[0].len == 7);
	f = field_of("v", LR_VALUE_STRING, 0, "\xc3\xa9\xc3\xa9");
	f.bits = 2;
	store(r, &f, 1);
	assert_true(!r->fields[0].cut && r->fields[0].len == 2);
	run_free(r);
}

static void shows(struct run *r, uint8_t kind, uint64_t value, const char *text, const char *want)
{
	value_hash(r, kind, value, text);
	assert_string_equal(r->texts[0], want);
}

static void test_shown(void **state)
{
	struct run *r = run_new(true);

	(void)state;
	shows(r, LR_VALUE_STRING, 0, "a \"text\"", "a \"text\"");
	shows(r, LR_VALUE_STRING, 0, "", "");
	shows(r, LR_VALUE_SMI, (uint64_t)-5, "", "-5");
	shows(r, LR_VALUE_DOUBLE, bits(0.1), "", "0.1");
	shows(r, LR_VALUE_DOUBLE, bits(1.0 / 3), "", "0.3333333333333333");
	shows(r, LR_VALUE_DOUBLE, bits(-1.7976931348623157e308), "", "-1.7976931348623157e+308");
	shows(r, LR_VALUE_DOUBLE, bits(1e15), "", "1000000000000000");
	shows(r, LR_VALUE_BOOL, 1, "", "true");
	shows(r, LR_VALUE_BOOL, 0, "", "false");
	shows(r, LR_VALUE_NULL, 0, "", "null");
	shows(r, LR_VALUE_UNDEFINED, 0, "", "undefined");
	shows(r, LR_VALUE_OBJECT, 0, "", "");
	shows(r, LR_VALUE_OBJECT, 0, "text of no string", "");
	run_free(r);
}

/* Answers a request under a store. The ids in its head. */
static const struct fe_io *answer(struct run *r, const char *response)
{
	in(r, 1, GET);
	stores(r, 1, 1);
	out(r, 1, response);
	return &last(r, FE_OUT)->io;
}

static void test_found(void **state)
{
	struct run *r = run_new(false);
	const struct fe_io *io;

	(void)state;
	assert_int_equal(answer(r, OK)->nids, 0); /* nothing is known yet */
	store_text(r, UUID);
	io = answer(r, "HTTP/1.1 200 OK\r\nX-Request-Id: " UUID "\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(io->nids, 1);
	assert_true(io->ids[0] == hash(UUID));
	/* In the body, and more than once. */
	r->n = 0;
	store_number(r, 123456);
	io = answer(r, "HTTP/1.1 200 OK\r\nContent-Length: 93\r\n\r\n{\"id\":123456,\"x\":\"" UUID
		       "\"} " UUID);
	assert_int_equal(io->nids, 2);
	assert_true(io->ids[0] == hash("123456") && io->ids[1] == hash(UUID));
	run_free(r);
	/* Where a word ends. */
	r = run_new(false);
	store_text(r, "abc.def:1");
	store_text(r, "wxyz");
	io = answer(r, "HTTP/1.1 204 abc.def:1:\r\nA: (wxyz).\r\nB: wxyzz awxyz wxyz-1\r\n\r\n");
	assert_int_equal(io->nids, 2);
	io = answer(r, "HTTP/1.1 204 -abc.def:1\r\nB: wxyzz awxyz wxyz-1 Wxyz\r\n\r\n");
	assert_int_equal(io->nids, 0);
	/* The trace id inside of a traceparent. */
	store_text(r, "4bf92f3577b34da6a3ce929d0e0e4736");
	io = answer(r, "HTTP/1.1 204 OK\r\ntraceparent: "
		       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n");
	assert_int_equal(io->nids, 1);
	assert_true(io->ids[0] == hash("4bf92f3577b34da6a3ce929d0e0e4736"));
	run_free(r);
}

/* What is no name of anything, or not the whole value, is not searched for. */
static void test_not_found(void **state)
{
	struct run *r = run_new(false);
	struct lr_store_field f = field_of("v", LR_VALUE_STRING, 0, "abcdefgh");

	(void)state;
	f.flags = LR_FIELD_F_CUT;
	store(r, &f, 1);
	f = field_of("v", LR_VALUE_DOUBLE, bits(1234.5), "");
	store(r, &f, 1);
	f = field_of("v", LR_VALUE_BOOL, 1, "");
	store(r, &f, 1);
	f = field_of("v", LR_VALUE_OBJECT, 0, "object_text");
	store(r, &f, 1);
	store_text(r, "abc");
	store_text(r, "a word");
	store_number(r, 123);
	store_number(r, -123);
	assert_int_equal(answer(r, "HTTP/1.1 204 OK\r\nA: abcdefgh 1234.5 true object_text abc "
				   "a word 123 -123\r\n\r\n")
				 ->nids,
			 0);
	run_free(r);
}

/* Only in what is written under a store, and only what this process' stores held. */
static void test_only_under_stores(void **state)
{
	static const char response[] = "HTTP/1.1 204 OK\r\nA: " UUID "\r\n\r\n";
	struct run *r = run_new(false);

	(void)state;
	store_text(r, UUID);
	assert_int_equal(answer(r, response)->nids, 1);
	in(r, 1, GET);
	stores(r, 1, 0); /* none is active */
	out(r, 1, response);
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	in(r, 1, GET);
	stores(r, 2, 1); /* another connection */
	out(r, 1, response);
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	in(r, 1, GET);
	stores(r, 1, 1);
	r->ts++; /* another send */
	out(r, 1, response);
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	/* Informational heads and further sends have none. */
	in(r, 1, GET);
	stores(r, 1, 1);
	out(r, 1, "HTTP/1.1 103 Early Hints\r\nA: " UUID "\r\n\r\n");
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	stores(r, 1, 1);
	out(r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 72\r\n\r\n" UUID);
	assert_int_equal(last(r, FE_OUT)->io.nids, 1);
	stores(r, 1, 1);
	out(r, 1, UUID);
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	/* Another process with the same value in a response, but in no store. */
	r->pid = PID + 1;
	r->n = 0;
	in(r, 7, GET);
	stores(r, 7, 1);
	out(r, 7, response);
	assert_int_equal(last(r, FE_OUT)->io.nids, 0);
	/* When the process has ended its values are forgotten. */
	r->pid = PID;
	assert_int_equal(flow_decode__end_target(r->d, PID, r->ts), 0);
	r->n = 0;
	r->seq[0] = 0;
	assert_int_equal(answer(r, response)->nids, 0);
	run_free(r);
}

/* Ids rather than words: the longest are kept. */
static void test_too_many(void **state)
{
	char response[1024] = "HTTP/1.1 204 OK\r\nA:";
	struct run *r = run_new(false);
	const struct fe_io *io;

	(void)state;
	for (int i = 0; i < 12; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%.*s%d", i % 2 ? 4 : 10 + i,
			 "aaaaaaaaaaaaaaaaaaaaaaa", 10 + i);
		store_text(r, text);
		strcat(response, " ");
		strcat(response, text);
	}
	strcat(response, "\r\n\r\n");
	r->n = 0;
	io = answer(r, response);
	assert_int_equal(io->nids, FE_IDS_MAX);
	for (int i = 0; i < 12; i += 2) {
		char text[40];
		bool there = false;

		snprintf(text, sizeof(text), "%.*s%d", 10 + i, "aaaaaaaaaaaaaaaaaaaaaaa", 10 + i);
		for (uint32_t k = 0; k < io->nids; k++)
			there |= io->ids[k] == hash(text);
		assert_true(there);
	}
	run_free(r);
}

/* Old values make room; recent ones are always there. */
static void test_forgets(void **state)
{
	struct run *r = run_new(false);
	char text[64];

	(void)state;
	for (int i = 0; i < 40000; i++) {
		snprintf(text, sizeof(text), "value-%d", i);
		r->n = 0;
		store_text(r, text);
	}
	for (int i = 0; i < 40000; i += 97) {
		char response[128];
		uint32_t found;

		snprintf(response, sizeof(response), "HTTP/1.1 204 OK\r\nA: value-%d\r\n\r\n", i);
		r->n = 0;
		found = answer(r, response)->nids;
		if (i < 40000 - 16384)
			assert_int_equal(found, 0);
		if (i >= 40000 - 8192)
			assert_int_equal(found, 1);
	}
	run_free(r);
}

static void wrong(struct run *r, const void *rec, size_t len)
{
	uint64_t before = malformed(r);
	size_t events = r->n;

	record(r, rec, len);
	assert_int_equal(malformed(r), before + 1);
	assert_int_equal(r->n, events);
}

static void test_malformed_stores(void **state)
{
	struct run *r = run_new(false);
	struct lr_ev_stores s, good = stores_of(r, 0, 2);

	(void)state;
	for (size_t size = sizeof(struct lr_event); size < offsetof(struct lr_ev_stores, ref[2]);
	     size++) {
		s = good;
		wrong(r, &s, size); /* its size says more than there is */
		s.h.size = (uint16_t)size;
		wrong(r, &s, size);
	}
	s = good;
	s.n = LR_STORES_MAX + 1;
	wrong(r, &s, sizeof(s));
	s.n = UINT32_MAX;
	wrong(r, &s, sizeof(s));
	s = good;
	s.op = 0;
	wrong(r, &s, sizeof(s));
	s.op = LR_OP_MAX;
	wrong(r, &s, sizeof(s));
	s = good;
	s.status = LR_STORES_OFF + 1;
	wrong(r, &s, sizeof(s));
	s = good;
	s.ref[1].kind = LR_VALUE_MAP + 1;
	wrong(r, &s, sizeof(s));
	s = good;
	s.ref[2].kind = LR_VALUE_MAP + 1; /* behind the last one: has no meaning */
	record(r, &s, sizeof(s));
	assert_int_equal(last(r, FE_STORES)->stores.n, 2);
	run_free(r);
}

/* A write of @bytes, of which @captured were captured, at the time of what was told before. */
static void write_of(struct run *r, uint16_t op, const char *bytes, uint32_t captured)
{
	char buf[sizeof(struct lr_ev_write) + LR_WRITE_MAX];
	struct lr_ev_write w = {.op = op, .ret = (int32_t)strlen(bytes), .captured = captured};

	w.h = header(r, LR_EV_WRITE, sizeof(w) + captured, r->pid);
	memcpy(buf, &w, sizeof(w));
	memcpy(buf + sizeof(w), bytes, captured);
	record(r, buf, sizeof(w) + captured);
}

/* Lines: what stores and request heads were seen to hold is found in them, if one was active. */
static void test_lines(void **state)
{
	struct run *r = run_new(false);
	const char *line = "{\"requestId\":\"id-of-store-1\",\"req\":\"came-with-it\"}\n";
	const struct fe_write *w;
	struct lr_ev_stores s;

	(void)state;
	store_text(r, "id-of-store-1");
	in(r, 1, "GET / HTTP/1.1\r\nX-Request-Id: came-with-it\r\n\r\n");
	r->ts++;
	s = stores_of(r, 0, 1);
	s.op = LR_OP_STDOUT;
	record(r, &s, sizeof(s));
	write_of(r, LR_OP_STDOUT, line, (uint32_t)strlen(line));
	w = &last(r, FE_WRITE)->write;
	assert_int_equal(w->op, LR_OP_STDOUT);
	assert_int_equal(w->bytes, strlen(line));
	assert_int_equal(w->captured, strlen(line));
	assert_int_equal(w->nids, 2);
	assert_true(w->ids[0] == flow_value__hash(KEY, "id-of-store-1", 13));
	assert_true(w->ids[1] == flow_value__hash(KEY, "came-with-it", 12));
	/* Without a store nothing is searched. */
	r->ts++;
	s = stores_of(r, 0, 0);
	s.op = LR_OP_STDERR;
	record(r, &s, sizeof(s));
	write_of(r, LR_OP_STDERR, line, 10);
	w = &last(r, FE_WRITE)->write;
	assert_int_equal(w->op, LR_OP_STDERR);
	assert_int_equal(w->nids, 0);
	assert_int_equal(w->bytes, strlen(line));
	assert_int_equal(w->captured, 10);
	run_free(r);
}

static void test_malformed_writes(void **state)
{
	struct run *r = run_new(false);
	struct {
		struct lr_ev_write w;
		char bytes[8];
	} rec, good = {.w = {.op = LR_OP_STDOUT, .ret = 8, .captured = 8}};

	(void)state;
	good.w.h = (struct lr_event){.pid = PID, .tid = PID, .seq = 1, .type = LR_EV_WRITE};
	good.w.h.size = sizeof(good.w) + 8;
	rec = good;
	rec.w.captured = 9;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec = good;
	rec.w.ret = 7; /* less than captured */
	wrong(r, &rec, sizeof(good.w) + 8);
	rec.w.ret = 0;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec.w.ret = -8;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec = good;
	rec.w.op = LR_OP_SERVER;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec.w.op = LR_OP_MAX;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec = good;
	rec.w.ret = rec.w.captured = LR_WRITE_MAX + 1;
	wrong(r, &rec, sizeof(good.w) + 8);
	rec = good;
	rec.w.h.size--;
	wrong(r, &rec, sizeof(good.w) + 8);
	run_free(r);
}

static void wrong_field(struct run *r, struct lr_store_field f)
{
	struct lr_ev_store s = {.kind = LR_VALUE_OBJECT, .n = 2};
	size_t size = offsetof(struct lr_ev_store, field[2]);

	s.h = (struct lr_event){.pid = PID, .tid = PID, .type = LR_EV_STORE};
	s.h.size = (uint16_t)size;
	s.field[0] = field_of("ok", LR_VALUE_STRING, 0, "text");
	s.field[1] = f;
	wrong(r, &s, size);
}

static void test_malformed_store(void **state)
{
	struct run *r = run_new(false);
	struct lr_ev_store s, good = {.kind = LR_VALUE_OBJECT, .n = 1};
	struct lr_store_field f, text = field_of("a", LR_VALUE_STRING, 0, "b");
	size_t end = offsetof(struct lr_ev_store, field[1]);

	(void)state;
	good.h = header(r, LR_EV_STORE, end, PID);
	good.field[0] = text;
	for (size_t size = sizeof(struct lr_event); size < end; size++) {
		s = good;
		wrong(r, &s, size);
		s.h.size = (uint16_t)size;
		wrong(r, &s, size);
	}
	s = good;
	s.h.size = sizeof(s);
	s.n = LR_STORE_FIELDS + 1;
	wrong(r, &s, sizeof(s));
	s = good;
	s.kind = LR_VALUE_MAP + 1;
	wrong(r, &s, end);
	f = text;
	f.name_len = LR_FIELD_NAME + 1;
	wrong_field(r, f);
	f = text;
	f.text_len = LR_FIELD_TEXT + 1;
	wrong_field(r, f);
	f = text;
	f.kind = LR_VALUE_MAP + 1;
	wrong_field(r, f);
	f = text;
	f.bits = 1ULL << 32;
	wrong_field(r, f);
	wrong_field(r, field_of("b", LR_VALUE_BOOL, 2, ""));
	wrong_field(r, field_of("n", LR_VALUE_SMI, 1ULL << 31, ""));
	wrong_field(r, field_of("n", LR_VALUE_SMI, (uint64_t)-2147483649LL, ""));
	record(r, &good, end);
	assert_int_equal(last(r, FE_STORE)->store.n, 1);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_stores),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_other_thread),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_cut_strings),
		cmocka_unit_test(test_shown),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_only_under_stores),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_malformed_stores),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_malformed_writes),
		cmocka_unit_test(test_malformed_store),
	};

	return cmocka_run_group_tests_name("flow_decode_store", tests, NULL, NULL);
}

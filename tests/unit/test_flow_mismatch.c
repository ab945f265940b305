// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The rules of findings, from handmade events. Addresses are small: a page is 0x40000 bytes,
 * and `top` is where the next object would lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "events.h"
#include "flow_mismatch.h"

#define PID	 100
#define MAX_DONE 512
#define PAGE	 0x40000ULL
#define ALS	 77 /* the instance */

struct copy {
	struct flow_req q;
	struct flow_finding f[4];
	char path[16];
};

struct run {
	struct flow_requests *r;
	struct flow_mismatch *m;
	struct copy done[MAX_DONE];
	size_t n;
	uint64_t ts;
	uint32_t epoch;
	uint64_t met;
	int64_t exec_id;
	int64_t counter;
	uint64_t carrier;
	const char *path; /* of the next request */
	bool hooks;
	bool promise;
	uint8_t kind;
	uint64_t ids[2]; /* of the next head, in or out */
	uint32_t nids;
};

static void over(void *ctx, const struct flow_req *q)
{
	flow_mismatch__request(((struct run *)ctx)->m, q);
}

static void on_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;
	struct copy *c = &run->done[run->n++];

	assert_true(run->n < MAX_DONE);
	c->q = *q;
	snprintf(c->path, sizeof(c->path), "%s", q->path);
	assert_true(q->nfindings <= 4);
	for (uint32_t i = 0; i < q->nfindings; i++)
		c->f[i] = q->findings[i];
}

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts ropts = {
		.done = over, .ctx = run, .max_connections = 64, .max_in_flight = 64};
	struct flow_mismatch_opts mopts = {.done = on_done, .ctx = run};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->r, &ropts), 0);
	mopts.requests = run->r;
	assert_int_equal(flow_mismatch__new(&run->m, &mopts), 0);
	run->ts = 1000;
	run->kind = LR_VALUE_OBJECT;
	run->counter = 100;
	run->path = "/pay";
	run->exec_id = 50; /* older than every request */
	return run;
}

static void run_free(struct run *run)
{
	flow_mismatch__free(run->m);
	flow_requests__free(run->r);
	free(run);
}

static void feed(struct run *run, struct flow_event *ev)
{
	ev->pid = PID;
	ev->tid = PID;
	ev->ts = ev->ts ? ev->ts : ++run->ts;
	if (ev->type == FE_OUT)
		assert_int_equal(flow_mismatch__event(run->m, ev), 0);
	assert_int_equal(flow_requests__event(run->r, ev), 0);
	if (ev->type != FE_OUT)
		assert_int_equal(flow_mismatch__event(run->m, ev), 0);
}

static void meet(struct run *run, uint64_t conn)
{
	struct flow_event ev = {.type = FE_CONN};

	if (run->met & 1ull << conn)
		return;
	run->met |= 1ull << conn;
	ev.conn.conn = conn;
	ev.conn.seen_open = true;
	ev.conn.peer_port = (uint16_t)(5000 + conn);
	feed(run, &ev);
}

static void put_ids(struct run *run, struct flow_event *ev)
{
	memcpy(ev->io.ids, run->ids, sizeof(run->ids));
	ev->io.nids = run->nids;
	run->nids = 0;
}

/* A request comes over @conn; the callback that reads it begins to allocate at @top. */
static void request(struct run *run, uint64_t conn, uint64_t top)
{
	struct flow_event ev = {.type = FE_IN};

	meet(run, conn);
	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 10;
	ev.io.method = FM_GET;
	ev.io.version = 11;
	ev.io.method_name = (struct flow_str){"GET", 3};
	ev.io.path = (struct flow_str){run->path, (uint32_t)strlen(run->path)};
	ev.io.top = top;
	ev.io.epoch = run->epoch;
	ev.io.counter = run->counter;
	put_ids(run, &ev);
	feed(run, &ev);
}

/* More of the request that @conn delivers. */
static void body(struct run *run, uint64_t conn, uint64_t top)
{
	struct flow_event ev = {.type = FE_IN};

	ev.io.conn = conn;
	ev.io.bytes = 10;
	ev.io.top = top;
	ev.io.epoch = run->epoch;
	feed(run, &ev);
}

static void turn(struct run *run, uint64_t top)
{
	struct flow_event ev = {.type = FE_TURN};

	ev.turn.top = top;
	ev.turn.epoch = run->epoch;
	feed(run, &ev);
	/* And to something else again: nothing is open, so no top is asked for. */
	ev.turn.top = 0;
	feed(run, &ev);
}

static void collect_kind(struct run *run, uint64_t top, uint8_t kind)
{
	struct flow_event ev = {.type = FE_GC};

	ev.gc.epoch = ++run->epoch;
	ev.gc.top = top;
	ev.gc.kind = kind;
	feed(run, &ev);
}

static void collect(struct run *run, uint64_t top)
{
	collect_kind(run, top, 0);
}

/* The callback that runs has allocated @bytes at @at, in the old space. */
static void tenure(struct run *run, uint64_t at, uint64_t bytes, bool area, bool rest)
{
	struct flow_event ev = {.type = FE_TENURED};

	ev.tenured = (struct fe_tenured){at, at + bytes, run->epoch, area, rest};
	feed(run, &ev);
}

/* The stores active at an operation: @n of them, all of instance ALS, ALS + 1, ... */
static void stores(struct run *run, uint64_t conn, uint64_t top, const uint64_t *values, uint32_t n)
{
	struct flow_event ev = {.type = FE_STORES};

	ev.stores.conn = conn;
	ev.stores.top = top;
	ev.stores.epoch = run->epoch;
	ev.stores.exec_id = run->exec_id;
	ev.stores.trigger_id = -1;
	ev.stores.carrier = run->carrier;
	ev.stores.op = conn ? LR_OP_SERVER : LR_OP_CLIENT;
	ev.stores.hooks = run->hooks;
	ev.stores.promise = run->promise;
	ev.stores.n = n;
	for (uint32_t i = 0; i < n; i++)
		ev.stores.ref[i] = (struct fe_store_ref){values[i] + 1, ALS + i, run->kind};
	ev.ts = ++run->ts;
	feed(run, &ev);
}

static void answer_end(struct run *run, uint64_t conn)
{
	struct flow_event ev = {.type = FE_OUT, .ts = run->ts};

	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 20;
	ev.io.status = 200;
	put_ids(run, &ev);
	feed(run, &ev);
}

/* A whole response, written while @value is active; 0: none is. */
static void answer(struct run *run, uint64_t conn, uint64_t top, uint64_t value)
{
	stores(run, conn, top, &value, value ? 1 : 0);
	answer_end(run, conn);
}

/* The process writes elsewhere while @value is active. */
static void call(struct run *run, uint64_t top, uint64_t value)
{
	stores(run, 0, top, &value, 1);
}

/* A request of the route that has its own store: so its requests are known to have some. */
static void establish(struct run *run)
{
	request(run, 60, 30 * PAGE + 0x1000);
	answer(run, 60, 30 * PAGE + 0x1200, 30 * PAGE + 0x1100);
	assert_int_equal(run->done[run->n - 1].q.context, CONTEXT_OWN);
	run->n = 0;
}

static void tell(struct run *run, uint64_t value, const char *id, const char *user)
{
	struct fe_store_field fields[2] = {
		{.name = {"requestId", 9}, .kind = LR_VALUE_STRING, .constant = true},
		{.name = {"user", 4}, .kind = LR_VALUE_STRING, .constant = true},
	};
	struct flow_event ev = {.type = FE_STORE};
	const char *text[2] = {id, user};

	for (int i = 0; i < 2; i++) {
		fields[i].len = (uint32_t)strlen(text[i]);
		for (const char *c = text[i]; *c; c++)
			fields[i].hash = fields[i].hash * 131 + (unsigned char)*c;
	}
	ev.store.value = value + 1;
	ev.store.instance = ALS;
	ev.store.epoch = run->epoch;
	ev.store.kind = LR_VALUE_OBJECT;
	ev.store.n = 2;
	ev.store.fields = fields;
	feed(run, &ev);
}

static uint64_t hash_of(const char *text)
{
	uint64_t h = 0;

	for (const char *c = text; *c; c++)
		h = h * 131 + (unsigned char)*c;
	return h;
}

static void expect(const struct run *run, size_t i, enum request_context context, uint32_t found)
{
	assert_true(i < run->n);
	assert_int_equal(run->done[i].q.context, context);
	assert_int_equal(run->done[i].q.nfindings, found);
}

static void test_own(void **state)
{
	struct run *run = run_new();
	struct flow_context_counts c;

	(void)state;
	request(run, 1, 0x1000);
	answer(run, 1, 0x1800, 0x1100); /* at once */
	request(run, 2, 0x2000);
	turn(run, 0x3000);
	answer(run, 2, 0x9000, 0x2100); /* later */
	request(run, 3, 0x9000);
	answer(run, 3, 0x9100, 0);
	expect(run, 0, CONTEXT_OWN, 0);
	expect(run, 1, CONTEXT_OWN, 0);
	expect(run, 2, CONTEXT_NONE, 0);
	flow_mismatch__counts(run->m, &c);
	assert_int_equal(c.heads, 3);
	assert_int_equal(c.read, 2);
	assert_int_equal(c.none, 1);
	run_free(run);
}

/* Two in flight; the second is answered under the first one's store. */
static void test_foreign(void **state)
{
	struct run *run = run_new();
	const struct flow_finding *f = run->done[0].f;

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	request(run, 2, 0x2000);
	turn(run, 0x3000);
	run->exec_id = 55;
	answer(run, 2, 0x9000, 0x1100);
	answer(run, 1, 0x9000, 0x1100);
	answer(run, 3, 0x9000, 0x1100); /* nobody's response: nothing to judge */
	assert_int_equal(run->n, 2);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	expect(run, 1, CONTEXT_OWN, 0);
	assert_int_equal(f->kind, FINDING_FOREIGN);
	assert_int_equal(f->grade, GRADE_MIXED);
	assert_false(f->stale);
	assert_int_equal(f->other.conn, 1);
	assert_int_equal(f->other.peer_port, 5001);
	assert_int_equal(f->other.seq, 2);
	assert_int_equal(f->proof, PROOF_OLDER);
	assert_string_equal(f->other.path, "/pay");
	assert_int_equal(f->exec_id, 55);
	assert_int_equal(f->binding, BINDING_BIRTH);
	assert_int_equal(f->identity, IDENTITY_ADDRESS);
	assert_int_equal(f->instance, 1);
	run_free(run);
}

static void test_stale_captured(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	call(run, 0x1200, 0x1100); /* opens a client under its store */
	answer(run, 1, 0x1300, 0x1100);
	for (uint64_t i = 0; i < 10; i++) {
		request(run, 2 + i, 0x2000 + i * 0x100);
		turn(run, 0x2080 + i * 0x100);
		answer(run, 2 + i, 0x9000, 0x1100);
	}
	for (size_t i = 1; i <= 10; i++) {
		expect(run, i, CONTEXT_FOREIGN, 1);
		assert_true(run->done[i].f[0].stale);
		assert_int_equal(run->done[i].f[0].served, i);
		assert_int_equal(run->done[i].f[0].captured, i >= 8);
		assert_true(run->done[i].f[0].other.end_ns > 0);
	}
	run_free(run);
}

/*
 * Another request enters its store in the callback that reads request 1 (which woke it up), and
 * nothing shows that its route has stores of its own. @confirmed: the store was active at the head
 * of request 1, whose it is then.
 */
static void woken_up(bool confirmed, enum request_context context)
{
	struct run *run = run_new();

	establish(run);
	run->exec_id = 0;
	run->path = "/waits";
	request(run, 2, 0x100);
	turn(run, 0x900);
	run->path = "/pay";
	request(run, 1, 0x1000);
	turn(run, 0x3000);
	if (confirmed)
		answer(run, 1, 0x3000, 0x1100);
	run->carrier = 0x1201;
	answer(run, 2, 0x3000, 0x1100);
	expect(run, confirmed, context, context == CONTEXT_FOREIGN);
	if (context == CONTEXT_FOREIGN)
		assert_int_equal(run->done[confirmed].f[0].proof, PROOF_CARRIER);
	run_free(run);
}

static void test_woken_up(void **state)
{
	(void)state;
	woken_up(false, CONTEXT_UNKNOWN);
	woken_up(true, CONTEXT_FOREIGN);
}

/*
 * The callback went on to another page, of which V8 handed out only a part in one run: what is
 * there may follow a store that nobody has seen. Not so where the run begins where pages begin.
 */
static void test_other_page(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const bool open = i & 1, whole = i & 2;
		const uint64_t run_from = PAGE + 0x800, top = PAGE + 0x1000;
		struct run *run = run_new();
		uint64_t packed = top | (top - run_from) / 8 << LR_TOP_BITS;

		establish(run);
		/* Where a run began on another page. */
		turn(run, (20 * PAGE + 0x1000) | (whole ? 0x800ULL : 0xe00ULL) / 8 << LR_TOP_BITS);
		request(run, 2, 0x100);
		turn(run, 0x900);
		request(run, 1, PAGE - 0x100);
		if (open) {
			call(run, packed, PAGE + 0x900);
			turn(run, packed);
		} else {
			turn(run, packed);
		}
		answer(run, 1, PAGE + 0x2000, PAGE + 0x900);
		answer(run, 2, PAGE + 0x2000, PAGE + 0x900);
		expect(run, 0, CONTEXT_OWN, 0); /* of its connection */
		expect(run, 1, whole ? CONTEXT_FOREIGN : CONTEXT_UNKNOWN, whole);
		run_free(run);
	}
}

/* Stores that are active long after their request; @each: every request leaves one behind. */
static void left_behind(struct run *run, bool each, struct flow_left *left)
{
	const uint64_t sec = 1000000000ULL;

	establish(run);
	for (uint64_t s = 0; s < 60; s++) {
		struct flow_event ev = {.type = FE_TIMERS};
		uint64_t at = PAGE * (s + 40);

		request(run, 1, at + 0x1000);
		answer(run, 1, at + 0x1300, at + 0x1100);
		turn(run, at + 0x2000);
		run->ts += sec / 2;
		/* The timers of the first request, or of all. */
		for (uint64_t k = 0; k <= (each ? s : 0); k++)
			call(run, at + 0x3000, PAGE * (k + 40) + 0x1100);
		run->ts += sec / 2;
		feed(run, &ev);
	}
	assert_int_equal(flow_mismatch__left(run->m, left, 1), 1);
	assert_int_equal(left->instance, 1);
	assert_true(left->oldest_ns > 58 * sec && left->oldest_ns < 61 * sec);
}

static void test_left(void **state)
{
	struct run *run = run_new();
	struct flow_left left;

	(void)state;
	assert_int_equal(flow_mismatch__left(run->m, &left, 1), 0);
	left_behind(run, false, &left);
	assert_int_equal(left.stores, 1);
	assert_int_equal(left.operations, 50);
	assert_int_equal(left.trend, TREND_STEADY);
	run_free(run);
	run = run_new();
	left_behind(run, true, &left);
	assert_int_equal(left.stores, 50);
	assert_int_equal(left.operations, 50 * 51 / 2);
	assert_int_equal(left.trend, TREND_LINEAR);
	run_free(run);
}

/* A store that stays on its connection is a note of its own, and one in use is none. */
static void test_not_left(void **state)
{
	struct run *run = run_new();
	struct flow_left left;

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	answer(run, 1, 0x1200, 0x1100);
	request(run, 2, 0x2000); /* not answered */
	turn(run, 0x3000);
	run->ts += 20000000000ULL;
	request(run, 1, 0x4000);
	turn(run, 0x5000);
	answer(run, 1, 0x5000, 0x1100);
	call(run, 0x5000, 0x2100);
	assert_int_equal(flow_mismatch__left(run->m, &left, 1), 0);
	run_free(run);
}

/* A connection that was not seen open: its first request is handed out late, and ended all the
 * same. */
static void test_stale_held(void **state)
{
	struct flow_event ev = {.type = FE_CONN};
	struct run *run = run_new();

	(void)state;
	establish(run);
	run->met |= 1ull << 1;
	ev.conn.conn = 1;
	feed(run, &ev);
	request(run, 1, 0x1000);
	answer(run, 1, 0x1300, 0x1100);
	assert_int_equal(run->n, 0);
	request(run, 2, 0x2000);
	turn(run, 0x2080);
	answer(run, 2, 0x9000, 0x1100);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_true(run->done[0].f[0].stale);
	assert_true(run->done[0].f[0].other.end_ns > 0);
	run_free(run);
}

/* Grade harm: the request's own store had been active before. */
static void test_harm_own_seen(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	request(run, 2, 0x2000);
	tell(run, 0x2100, "request-2", "u");
	call(run, 0x2200, 0x2100);
	turn(run, 0x3000);
	answer(run, 2, 0x9000, 0x1100);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[0].f[0].grade, GRADE_HARM);
	assert_true(run->done[0].f[0].own_seen);
	assert_true(run->done[0].f[0].own.known);
	assert_string_equal(run->done[0].f[0].own.field[0].name, "requestId");
	run_free(run);
}

/* Grade harm: an id of the foreign store is in the response, and it did not come with it. */
static void test_harm_id(void **state)
{
	static const char *const id = "0123456789abcdef-1";
	struct run *run = run_new();

	(void)state;
	establish(run);
	for (int came_with_it = 0; came_with_it < 2; came_with_it++) {
		uint64_t at = 0x1000 + (uint64_t)came_with_it * 0x4000;
		uint64_t conn = 1 + (uint64_t)came_with_it * 2;

		request(run, conn, at);
		tell(run, at + 0x100, came_with_it ? "0123456789abcdef-2" : id, "u");
		call(run, at + 0x200, at + 0x100);
		run->nids = came_with_it ? 1 : 0;
		run->ids[0] = hash_of("0123456789abcdef-2");
		request(run, conn + 1, at + 0x1000);
		turn(run, at + 0x2000);
		run->nids = 1;
		run->ids[0] = hash_of(came_with_it ? "0123456789abcdef-2" : id);
		stores(run, conn + 1, at + 0x2000, (const uint64_t[]){at + 0x100}, 1);
		answer_end(run, conn + 1);
	}
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_true(run->done[0].f[0].id_in_response);
	assert_string_equal(run->done[0].f[0].id_field, "requestId");
	assert_int_equal(run->done[0].f[0].grade, GRADE_HARM);
	expect(run, 1, CONTEXT_FOREIGN, 1);
	assert_false(run->done[1].f[0].id_in_response);
	assert_int_equal(run->done[1].f[0].grade, GRADE_MIXED);
	run_free(run);
}

static void test_same_connection(void **state)
{
	struct run *run = run_new();
	struct flow_context_counts c;

	(void)state;
	request(run, 1, 0x1000);
	answer(run, 1, 0x1200, 0x1100);
	request(run, 1, 0x2000);
	turn(run, 0x3000);
	answer(run, 1, 0x3000, 0x1100);
	expect(run, 1, CONTEXT_OWN, 0);
	flow_mismatch__counts(run->m, &c);
	assert_int_equal(c.same_connection, 1);
	run_free(run);
}

/* A store of the whole process: older than the attach, active everywhere. */
static void test_boot_store(void **state)
{
	struct run *run = run_new();
	struct flow_context_counts c;

	(void)state;
	for (uint64_t i = 1; i < 20; i++) {
		request(run, i, 0x10000 + i * 0x1000);
		if (i & 1)
			turn(run, 0x10800 + i * 0x1000);
		answer(run, i, 0x10800 + i * 0x1000, 0x500);
		expect(run, i - 1, CONTEXT_UNKNOWN, 0);
		/* The callbacks of the second and the fourth have it while they read. */
		assert_int_equal(run->done[i - 1].q.unknown,
				 i < 4 ? UNKNOWN_OLDER : UNKNOWN_SHARED);
	}
	flow_mismatch__counts(run->m, &c);
	assert_int_equal(c.unknown[UNKNOWN_OLDER], 3);
	assert_int_equal(c.unknown[UNKNOWN_SHARED], 16);
	run_free(run);
}

/* Made after an awaited lookup, in nobody's callback: never bound to whom it meets first. */
static void test_made_elsewhere(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, 1, 0x1000);
	turn(run, 0x2000);
	request(run, 2, 0x3000);
	answer(run, 1, 0x3100, 0x2100); /* between the turn and the receive */
	answer(run, 2, 0x3100, 0x2100);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[0].q.unknown, UNKNOWN_ELSEWHERE);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* One object kept for a user and entered by several requests. */
static void test_shared(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, 1, 0x1000);
	answer(run, 1, 0x1200, 0x1100);
	request(run, 2, 0x2000);
	answer(run, 2, 0x2200, 0x1100); /* in the callback that reads it */
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	answer(run, 3, 0x4000, 0x1100);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[1].q.unknown, UNKNOWN_SHARED);
	expect(run, 2, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/*
 * What a request was answered under may be a store that it entered, the trace of which is gone.
 * Only where that happens again and again, and never with a trace, it is a mix-up.
 */
static void test_route_alone(void **state)
{
	struct run *run = run_new();

	(void)state;
	run->exec_id = 1000; /* made since: nothing shows that it is an older callback */
	establish(run);
	request(run, 1, 0x1000);
	for (uint64_t conn = 2; conn < 9; conn++)
		request(run, conn, conn * 0x1000);
	turn(run, 0x9000);
	for (uint64_t conn = 2; conn < 8; conn++)
		answer(run, conn, 0x9000, 0x1100);
	for (size_t i = 0; i < 4; i++) {
		expect(run, i, CONTEXT_UNKNOWN, 0);
		assert_int_equal(run->done[i].q.unknown, UNKNOWN_ENTERED);
	}
	expect(run, 4, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[4].f[0].proof, PROOF_ROUTE);
	expect(run, 5, CONTEXT_FOREIGN, 1);
	run_free(run);
}

/* Where very many had their own, the first that has not is one too many. */
static void test_route_of_many(void **state)
{
	struct run *run = run_new();

	(void)state;
	run->exec_id = 1000;
	for (int i = 0; i < 64; i++) {
		run->epoch++;
		establish(run);
	}
	request(run, 1, 0x1000);
	request(run, 2, 0x2000);
	turn(run, 0x9000);
	answer(run, 2, 0x9000, 0x1100);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[0].f[0].proof, PROOF_ROUTE);
	run_free(run);
}

/* Publishing: one request's own callback answers those that wait. */
static void test_fan_out(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	request(run, 2, 0x2000);
	request(run, 3, 0x3000);
	answer(run, 1, 0x3200, 0x3100);
	answer(run, 3, 0x3200, 0x3100);
	turn(run, 0x4000);
	answer(run, 2, 0x4000, 0x3100); /* later: no publication any more */
	expect(run, 0, CONTEXT_OWN, 1);
	assert_int_equal(run->done[0].f[0].kind, FINDING_FAN_OUT);
	assert_int_equal(run->done[0].f[0].other.conn, 3);
	expect(run, 1, CONTEXT_OWN, 0);
	expect(run, 2, CONTEXT_FOREIGN, 1);
	run_free(run);
}

/* Another's store, and nothing that shows how it came here. */
static void test_entered(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	run->exec_id = 500;
	request(run, 1, 0x1000);
	run->path = "/other"; /* nothing is known of its stores */
	request(run, 2, 0x2000);
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	answer(run, 1, 0x9000, 0x1100);
	answer(run, 2, 0x9000, 0x1100);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[1].q.unknown, UNKNOWN_ENTERED);
	run->carrier = 0x1101; /* made in the callback that read the first one */
	answer(run, 3, 0x9000, 0x1100);
	expect(run, 2, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[2].f[0].proof, PROOF_CARRIER);
	request(run, 4, 0x9000);
	turn(run, 0xa000);
	run->exec_id = 50;
	run->carrier = 0x9101; /* made in its own */
	answer(run, 4, 0xa000, 0x1100);
	expect(run, 3, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[3].q.unknown, UNKNOWN_SHARED);
	run_free(run);
}

/* A birth is not believed of requests that never have stores, nor of a second store. */
static void test_woken(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, 1, 0x1000);
	request(run, 2, 0x2000); /* wakes the first up, which then enters its store */
	turn(run, 0x3000);
	answer(run, 1, 0x9000, 0x2100);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[0].q.unknown, UNKNOWN_ELSEWHERE);
	establish(run);
	request(run, 3, 40 * PAGE + 0x4000);
	request(run, 4, 40 * PAGE + 0x5000);
	call(run, 40 * PAGE + 0x5800, 40 * PAGE + 0x5100);
	turn(run, 40 * PAGE + 0x6000);
	answer(run, 3, 40 * PAGE + 0x9000, 40 * PAGE + 0x5200);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	answer(run, 2, 40 * PAGE + 0x9000, 40 * PAGE + 0x5100);
	expect(run, 1, CONTEXT_FOREIGN, 1);
	run_free(run);
}

/* Older than the attach, never entered while a request is read, and passed from hand to hand. */
static void test_older_store(void **state)
{
	struct run *run = run_new();

	(void)state;
	for (uint64_t i = 0; i < 210; i++) { /* stores are made for each request */
		request(run, 50, 30 * PAGE + 0x1000 + i * 0x100);
		answer(run, 50, 30 * PAGE + 0x1080 + i * 0x100, 30 * PAGE + 0x1040 + i * 0x100);
	}
	run->n = 0;
	call(run, 40 * PAGE, 0x500);
	for (uint64_t i = 0; i < 10; i++) {
		request(run, 1 + i, 40 * PAGE + i * 0x100);
		turn(run, 40 * PAGE + 0x80 + i * 0x100);
		answer(run, 1 + i, 40 * PAGE + 0x80 + i * 0x100, 0x500);
	}
	expect(run, 6, CONTEXT_UNKNOWN, 0);
	expect(run, 7, CONTEXT_FOREIGN, 1); /* the eighth connection */
	assert_int_equal(run->done[7].f[0].binding, BINDING_NONE);
	assert_int_equal(run->done[7].f[0].other.conn, 0);
	assert_int_equal(run->done[7].f[0].proof, PROOF_OLDER);
	request(run, 11, 40 * PAGE + 0x1000);
	answer(run, 11, 40 * PAGE + 0x1080, 0x500); /* entered: by design, from then on */
	request(run, 12, 40 * PAGE + 0x1100);
	turn(run, 40 * PAGE + 0x1180);
	answer(run, 12, 40 * PAGE + 0x1180, 0x500);
	expect(run, 11, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

static void test_pages(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, PAGE + 0x3f000); /* ends on another page, of which it had 0x800 bytes */
	request(run, 2, (5 * PAGE + 0x1000) | 0x100ULL << LR_TOP_BITS);
	turn(run, 5 * PAGE + 0x2000);
	answer(run, 2, 5 * PAGE + 0x2000, PAGE + 0x3f800);
	answer(run, 1, 5 * PAGE + 0x2000, 5 * PAGE + 0x900);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	expect(run, 1, CONTEXT_OWN, 0);
	request(run, 1, 5 * PAGE + 0x2000);
	answer(run, 1, 5 * PAGE + 0x2100, 5 * PAGE + 0x100); /* what a collection put there */
	expect(run, 2, CONTEXT_UNKNOWN, 0);
	turn(run, 5 * PAGE + 0x2200);
	request(run, 3, 5 * PAGE + 0x1000); /* back: nothing on this page is believed */
	turn(run, 5 * PAGE + 0x3000);
	answer(run, 3, 5 * PAGE + 0x3000, 5 * PAGE + 0x1100);
	expect(run, 3, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* Across a collection by a constant, long string; what was never seen before is unknown. */
static void test_collection(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tell(run, 0x1100, "0123456789abcdef-1", "u1");
	call(run, 0x1200, 0x1100);
	request(run, 2, 0x2000);
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	collect(run, 9 * PAGE);
	tell(run, 7 * PAGE + 0x80, "0123456789abcdef-1", "u1");
	answer(run, 2, 9 * PAGE + 0x100, 7 * PAGE + 0x80);
	tell(run, 7 * PAGE + 0x180, "0123456789abcdef-3", "u1");
	answer(run, 3, 9 * PAGE + 0x100, 7 * PAGE + 0x180);
	answer(run, 1, 9 * PAGE + 0x100, 7 * PAGE + 0x80);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[0].f[0].identity, IDENTITY_CONTENT);
	assert_int_equal(run->done[0].f[0].other.conn, 1);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[1].q.unknown, UNKNOWN_MOVED);
	expect(run, 2, CONTEXT_OWN, 0);
	run_free(run);
}

#define OLD_SPACE (900 * PAGE)

/* Stores that V8 allocates in the old space: by where they lie, through scavenges as well. */
static void test_tenured(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tenure(run, OLD_SPACE, 0x100, false, false);
	answer(run, 1, 0x1800, OLD_SPACE + 0x40);
	request(run, 2, 0x2000);
	tenure(run, OLD_SPACE + 0x100, 0x100, false, false);
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	answer(run, 3, 0x9000, OLD_SPACE + 0x140);
	collect(run, 9 * PAGE);
	answer(run, 2, 9 * PAGE + 0x100, OLD_SPACE + 0x140);
	expect(run, 0, CONTEXT_OWN, 0);
	expect(run, 1, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[1].f[0].other.conn, 2);
	assert_int_equal(run->done[1].f[0].binding, BINDING_BIRTH);
	expect(run, 2, CONTEXT_OWN, 0);
	run_free(run);
}

/* What nothing follows from: a collection that may have moved them, nobody's callback, lost
 * records. */
static void test_tenured_unknown(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tenure(run, OLD_SPACE, 0x100, false, false);
	turn(run, 0x2000);
	tenure(run, OLD_SPACE + 0x100, 0x100, false, false);
	request(run, 2, 0x3000);
	turn(run, 0x4000);
	answer(run, 2, 0x4100, OLD_SPACE + 0x140);
	collect_kind(run, 9 * PAGE, 1);
	answer(run, 1, 9 * PAGE + 0x100, OLD_SPACE + 0x40);
	request(run, 3, 9 * PAGE + 0x200);
	feed(run, &(struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 1}});
	tenure(run, OLD_SPACE + 0x200, 0x100, false, false);
	answer(run, 3, 9 * PAGE + 0x300, OLD_SPACE + 0x240);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[1].q.unknown, UNKNOWN_MOVED);
	expect(run, 2, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[2].q.unknown, UNKNOWN_LOSS);
	run_free(run);
}

/* A string is made unique there by the first that uses it, and is not its own. */
static void test_tenured_string(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	run->kind = LR_VALUE_STRING;
	tenure(run, OLD_SPACE, 0x100, false, false);
	answer(run, 1, 0x1800, OLD_SPACE + 0x40);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* The rest of an area says something in its callback only: later it may be somebody else's. */
static void test_tenured_rest(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tenure(run, OLD_SPACE, 0x100, false, true);
	tenure(run, OLD_SPACE + PAGE, 0x100, true, false);
	answer(run, 1, 0x1800, OLD_SPACE + 0x40);
	request(run, 2, 0x2000);
	tenure(run, OLD_SPACE + 0x1000, 0x100, false, true);
	turn(run, 0x3000);
	answer(run, 2, 0x4000, OLD_SPACE + 0x1040);
	expect(run, 0, CONTEXT_OWN, 0);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* Through scavenges it is the same object: that others entered it is not forgotten. */
static void test_tenured_shared(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tenure(run, OLD_SPACE, 0x100, false, false);
	answer(run, 1, 0x1800, OLD_SPACE + 0x40);
	request(run, 2, 0x2000);
	call(run, 0x2100, OLD_SPACE + 0x40); /* found in the callback that reads it */
	answer(run, 2, 0x2200, OLD_SPACE + 0x40);
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	collect(run, 9 * PAGE);
	collect(run, 10 * PAGE);
	answer(run, 3, 10 * PAGE + 0x100, OLD_SPACE + 0x40);
	expect(run, 0, CONTEXT_OWN, 0);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	expect(run, 2, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[2].q.unknown, UNKNOWN_SHARED);
	run_free(run);
}

/* One object in two epochs is no second store with the same id: the id goes on to identify. */
static void test_tenured_identifies(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tenure(run, OLD_SPACE, 0x100, false, false);
	tell(run, OLD_SPACE + 0x40, "0123456789abcdef-1", "u1");
	call(run, 0x1200, OLD_SPACE + 0x40);
	request(run, 2, 0x2000);
	tell(run, 0x2100, "0123456789abcdef-2", "u2");
	call(run, 0x2200, 0x2100);
	turn(run, 0x4000);
	collect(run, 9 * PAGE);
	tell(run, OLD_SPACE + 0x40, "0123456789abcdef-1", "u1");
	call(run, 9 * PAGE + 0x80, OLD_SPACE + 0x40);
	tell(run, 7 * PAGE + 0x80, "0123456789abcdef-2", "u2");
	answer(run, 2, 9 * PAGE + 0x100, 7 * PAGE + 0x80);
	answer(run, 1, 9 * PAGE + 0x100, OLD_SPACE + 0x40);
	expect(run, 0, CONTEXT_OWN, 0);
	expect(run, 1, CONTEXT_OWN, 0);
	run_free(run);
}

/* A value that two stores have identifies neither. */
static void test_low_entropy(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, 1, 0x1000);
	tell(run, 0x1100, "a-very-long-tenant-name", "u1");
	call(run, 0x1200, 0x1100);
	request(run, 2, 0x2000);
	tell(run, 0x2100, "a-very-long-tenant-name", "u1");
	call(run, 0x2200, 0x2100);
	turn(run, 0x4000);
	collect(run, 9 * PAGE);
	tell(run, 7 * PAGE + 0x80, "a-very-long-tenant-name", "u1");
	answer(run, 1, 9 * PAGE + 0x100, 7 * PAGE + 0x80);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

static void test_collection_in_callback(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, 1, 0x1000);
	collect(run, 9 * PAGE + 0x100);
	/* Made after it, in the same callback: V8 has handed out 0x700 bytes since. */
	answer(run, 1, (9 * PAGE + 0x900) | 0xe0ULL << LR_TOP_BITS, 9 * PAGE + 0x200);
	expect(run, 0, CONTEXT_OWN, 0);
	request(run, 2, (9 * PAGE + 0xa00) | 0x100ULL << LR_TOP_BITS);
	collect(run, 11 * PAGE + 0x100);
	answer(run, 2, (11 * PAGE + 0x900) | 0xe0ULL << LR_TOP_BITS, 11 * PAGE + 0x180);
	expect(run, 1, CONTEXT_UNKNOWN, 0); /* below that: perhaps it was moved there */
	run_free(run);
}

static void test_inbound(void **state)
{
	struct run *run = run_new();

	(void)state;
	run->nids = 1;
	run->ids[0] = hash_of("id-of-one");
	request(run, 1, 0x1000);
	request(run, 2, 0x2000);
	turn(run, 0x3000);
	tell(run, 0x3100, "id-of-one", "u");
	answer(run, 2, 0x4000, 0x3100); /* made in nobody's callback, but it holds the id */
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[0].f[0].binding, BINDING_INBOUND);
	assert_int_equal(run->done[0].f[0].other.conn, 1);
	/* The same id with another connection says nothing any more. */
	run->nids = 1;
	run->ids[0] = hash_of("id-of-one");
	request(run, 3, 0x5000);
	turn(run, 0x6000);
	tell(run, 0x6100, "id-of-one", "u");
	answer(run, 3, 0x7000, 0x6100);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* A Context of OpenTelemetry; ids are told as those of this process' span unless @remote. */
static void tell_span(struct run *run, uint64_t value, const char *trace, const char *span,
		      const char *parent, bool remote)
{
	const char *text[3] = {trace, span, parent};
	struct fe_store_field fields[3] = {
		{.name = {"traceId", 7}}, {.name = {"spanId", 6}}, {.name = {"parentSpanId", 12}}};
	struct flow_event ev = {.type = FE_STORE};

	ev.store.value = value + 1;
	ev.store.instance = ALS;
	ev.store.epoch = run->epoch;
	ev.store.kind = LR_VALUE_OBJECT;
	ev.store.n = parent ? 3 : 2;
	ev.store.fields = fields;
	for (uint32_t i = 0; i < ev.store.n; i++) {
		fields[i].kind = LR_VALUE_STRING;
		fields[i].constant = !remote;
		fields[i].span = true;
		fields[i].len = (uint32_t)strlen(text[i]);
		fields[i].hash = hash_of(text[i]);
	}
	feed(run, &ev);
}

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN_A "00f067aa0ba902b7"
#define SPAN_B "b7ad6b7169203331"
#define SPAN_C "0102030405060708"

/* One Context for each span, most of them made later: all are the request's. */
static void test_spans(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tell_span(run, 0x1100, TRACE, SPAN_A, NULL, false);
	call(run, 0x1200, 0x1100);
	/* Below it, in the same callback: not the first, but a child of it. */
	tell_span(run, 0x1300, TRACE, SPAN_B, SPAN_A, false);
	call(run, 0x1400, 0x1300);
	request(run, 2, 0x2000);
	request(run, 3, 0x3000);
	request(run, 4, 0x3800);
	turn(run, 0x4000);
	tell_span(run, 0x4100, TRACE, SPAN_C, SPAN_B, false);
	answer(run, 2, 0x9000, 0x4100);
	answer(run, 3, 0x9000, 0x1300);
	/* A Context derived from that one: another object, the same span. */
	tell_span(run, 0x4200, TRACE, SPAN_C, SPAN_B, false);
	answer(run, 4, 0x9000, 0x4200);
	answer(run, 1, 0x9000, 0x4100);
	expect(run, 0, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[0].f[0].binding, BINDING_SPAN);
	assert_int_equal(run->done[0].f[0].other.conn, 1);
	expect(run, 1, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[1].f[0].binding, BINDING_BIRTH);
	expect(run, 2, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[2].f[0].binding, BINDING_SPAN);
	expect(run, 3, CONTEXT_OWN, 0);
	run_free(run);
}

/* Two requests of one trace, with one parent elsewhere: nothing of one is taken for the other's. */
static void test_spans_of_one_trace(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	for (uint64_t conn = 1; conn <= 2; conn++) {
		run->nids = 1;
		run->ids[0] = hash_of(TRACE);
		request(run, conn, 0x1000 * conn);
	}
	tell_span(run, 0x1100, TRACE, SPAN_A, NULL, true);
	call(run, 0x2800, 0x1100);
	turn(run, 0x3000);
	/* Made later: the trace is that of two requests, the span that of a parent elsewhere. */
	tell_span(run, 0x3100, TRACE, SPAN_B, SPAN_A, false);
	answer(run, 2, 0x9000, 0x3100);
	tell_span(run, 0x3200, TRACE, SPAN_A, NULL, true);
	answer(run, 1, 0x9000, 0x3200);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[0].q.unknown, UNKNOWN_ELSEWHERE);
	expect(run, 1, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* A span that two requests have tells nothing: from then on, of no span of the instance. */
static void test_spans_shared(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tell_span(run, 0x1100, TRACE, SPAN_A, NULL, false);
	call(run, 0x1200, 0x1100);
	request(run, 2, 0x2000);
	tell_span(run, 0x2100, TRACE, SPAN_A, NULL, false);
	call(run, 0x2200, 0x2100);
	request(run, 3, 0x3000);
	tell_span(run, 0x3100, TRACE, SPAN_B, NULL, false);
	call(run, 0x3200, 0x3100);
	turn(run, 0x4000);
	tell_span(run, 0x4100, TRACE, SPAN_C, SPAN_B, false);
	answer(run, 1, 0x9000, 0x4100);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	run_free(run);
}

/* Across a collection it is the span that is recognized, never the trace. */
static void test_spans_moved(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run);
	request(run, 1, 0x1000);
	tell_span(run, 0x1100, TRACE, SPAN_A, NULL, false);
	call(run, 0x1200, 0x1100);
	request(run, 2, 0x2000);
	request(run, 3, 0x3000);
	turn(run, 0x4000);
	collect(run, 9 * PAGE);
	tell_span(run, 7 * PAGE + 0x80, TRACE, SPAN_B, NULL, false);
	answer(run, 2, 9 * PAGE + 0x100, 7 * PAGE + 0x80);
	tell_span(run, 7 * PAGE + 0x180, TRACE, SPAN_A, NULL, false);
	answer(run, 3, 9 * PAGE + 0x100, 7 * PAGE + 0x180);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[0].q.unknown, UNKNOWN_MOVED);
	expect(run, 1, CONTEXT_FOREIGN, 1);
	assert_int_equal(run->done[1].f[0].identity, IDENTITY_CONTENT);
	assert_int_equal(run->done[1].f[0].other.conn, 1);
	run_free(run);
}

static void test_lost(void **state)
{
	struct run *run = run_new();

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) { /* others of the route have theirs */
		request(run, i, 0x1000 * i);
		answer(run, i, 0x1000 * i + 0x200, 0x1000 * i + 0x100);
	}
	request(run, 4, 0x4000);
	run->exec_id = 10;
	call(run, 0x4200, 0x4100);
	turn(run, 0x5000);
	run->exec_id = 11;
	answer(run, 4, 0x5000, 0);
	expect(run, 3, CONTEXT_LOST, 1);
	assert_int_equal(run->done[3].f[0].kind, FINDING_LOST);
	assert_int_equal(run->done[3].f[0].grade, GRADE_INTERMITTENT);
	request(run, 5, 0x6000);
	call(run, 0x6200, 0x6100);
	answer(run, 5, 0x6300, 0); /* in the same callback: the framework answers outside */
	expect(run, 4, CONTEXT_NONE, 0);
	run_free(run);
}

/* No request of the route has it, but what writes is no promise: nobody designs that. */
static void test_lost_always(void **state)
{
	static const uint64_t undefined[] = {0x10};

	(void)state;
	for (int hooks = 0; hooks < 2; hooks++) {
		for (int promise = 0; promise < 2; promise++) {
			struct run *run = run_new();

			run->hooks = hooks;
			run->promise = promise;
			request(run, 4, 0x4000);
			run->exec_id = 10;
			call(run, 0x4200, 0x4100);
			if (hooks)
				turn(run, 0x5000);
			else
				body(run, 4, 0x5000);
			run->exec_id = 11;
			run->kind = LR_VALUE_UNDEFINED;
			stores(run, 4, 0x5000, undefined, hooks);
			answer_end(run, 4);
			expect(run, 0, promise ? CONTEXT_NONE : CONTEXT_LOST, !promise);
			assert_true(promise || run->done[0].f[0].grade == GRADE_ALWAYS);
			run_free(run);
		}
	}
}

/* All requests of a route do without: by design, as far as can be told. */
static void test_never_had(void **state)
{
	struct run *run = run_new();

	(void)state;
	for (uint64_t i = 1; i < 20; i++) {
		request(run, i, 0x1000 * i);
		run->exec_id = 10;
		call(run, 0x1000 * i + 0x200, 0x1000 * i + 0x100);
		turn(run, 0x1000 * i + 0x800);
		run->exec_id = 11;
		answer(run, i, 0x1000 * i + 0x800, 0);
		expect(run, i - 1, CONTEXT_NONE, 0);
	}
	run_free(run);
}

static void test_records_lost(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = {.type = FE_LOSS};

	(void)state;
	request(run, 1, 0x1000);
	ev.loss.count = 1;
	feed(run, &ev);
	request(run, 2, 0x5000); /* what was allocated before may be anybody's */
	answer(run, 2, 0x5100, 0x1100);
	expect(run, 0, CONTEXT_UNKNOWN, 0);
	assert_int_equal(run->done[0].q.unknown, UNKNOWN_LOSS);
	run_free(run);
}

static void test_unreadable(void **state)
{
	static const uint8_t status[] = {LR_STORES_NO_JS, LR_STORES_FAULT, LR_STORES_OFF};
	static const enum request_context context[] = {CONTEXT_NONE, CONTEXT_UNREADABLE,
						       CONTEXT_UNREADABLE};
	struct run *run = run_new();
	struct flow_context_counts c;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct flow_event ev = {.type = FE_STORES};

		request(run, 1 + i, 0x1000 * (1 + i));
		ev.ts = ++run->ts;
		ev.stores.conn = 1 + i;
		ev.stores.op = LR_OP_SERVER;
		ev.stores.status = status[i];
		feed(run, &ev);
		answer_end(run, 1 + i);
		expect(run, i, context[i], 0);
	}
	request(run, 9, 0x9000);
	run->ts++;
	answer_end(run, 9); /* nothing was read at all */
	expect(run, 3, CONTEXT_UNREAD, 0);
	flow_mismatch__counts(run->m, &c);
	assert_int_equal(c.heads, 3);
	assert_int_equal(c.unreadable, 2);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_stale_captured),
		cmocka_unit_test(test_stale_held),
		cmocka_unit_test(test_woken_up),
		cmocka_unit_test(test_other_page),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_not_left),
		cmocka_unit_test(test_harm_own_seen),
		cmocka_unit_test(test_harm_id),
		cmocka_unit_test(test_same_connection),
		cmocka_unit_test(test_boot_store),
		cmocka_unit_test(test_made_elsewhere),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_route_alone),
		cmocka_unit_test(test_route_of_many),
		cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_entered),
		cmocka_unit_test(test_woken),
		cmocka_unit_test(test_older_store),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_collection),
		cmocka_unit_test(test_tenured),
		cmocka_unit_test(test_tenured_unknown),
		cmocka_unit_test(test_tenured_rest),
		cmocka_unit_test(test_tenured_string),
		cmocka_unit_test(test_tenured_shared),
		cmocka_unit_test(test_tenured_identifies),
		cmocka_unit_test(test_low_entropy),
		cmocka_unit_test(test_collection_in_callback),
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_spans_of_one_trace),
		cmocka_unit_test(test_spans_shared),
		cmocka_unit_test(test_spans_moved),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_always),
		cmocka_unit_test(test_never_had),
		cmocka_unit_test(test_records_lost),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

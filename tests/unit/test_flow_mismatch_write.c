// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lines and outgoing calls: whose each is, and when an id in one is a second sign of harm. From
 * handmade events, as in test_flow_mismatch.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "events.h"
#include "flow_mismatch.h"

#define PID	 100
#define ALS	 77
#define MAX_DONE 64
#define CARRIER	 0xa00001 /* on a page of its own */
#define PAGE	 0x40000ULL

#define A_ID "request-a-0123456789"
#define B_ID "request-b-0123456789"
#define C_ID "request-c-0123456789"

struct run {
	struct flow_requests *r;
	struct flow_mismatch *m;
	struct flow_finding found[MAX_DONE]; /* the first of each request */
	uint32_t nfound[MAX_DONE];
	size_t n;
	struct flow_line line; /* the last one */
	struct flow_line_mark mark[MAX_DONE];
	size_t nmarks;
	char field[FINDING_NAME + 1];
	uint64_t ts;
	uint64_t met;
	int64_t exec_id;
	uint64_t carrier;
	uint8_t status;
};

static void over(void *ctx, const struct flow_req *q)
{
	flow_mismatch__request(((struct run *)ctx)->m, q);
}

static void on_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;

	assert_true(run->n < MAX_DONE);
	run->nfound[run->n] = q->nfindings;
	if (q->nfindings)
		run->found[run->n] = q->findings[0];
	run->n++;
}

static void on_line(void *ctx, const struct flow_line *line)
{
	struct run *run = ctx;

	run->line = *line;
	run->field[0] = '\0';
	if (line->n && line->store[0].store.known)
		memcpy(run->field, line->store[0].store.field[0].name, sizeof(run->field));
}

static void on_mark(void *ctx, const struct flow_line_mark *mark)
{
	struct run *run = ctx;

	assert_true(run->nmarks < MAX_DONE);
	run->mark[run->nmarks++] = *mark;
}

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts ropts = {
		.done = over, .ctx = run, .max_connections = 64, .max_in_flight = 64};
	struct flow_mismatch_opts mopts = {
		.done = on_done, .line = on_line, .mark = on_mark, .ctx = run};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->r, &ropts), 0);
	mopts.requests = run->r;
	assert_int_equal(flow_mismatch__new(&run->m, &mopts), 0);
	run->ts = 1000;
	run->carrier = CARRIER;
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
	ev->tid = ev->tid ? ev->tid : PID;
	ev->ts = ev->ts ? ev->ts : ++run->ts;
	if (ev->type == FE_OUT)
		assert_int_equal(flow_mismatch__event(run->m, ev), 0);
	assert_int_equal(flow_requests__event(run->r, ev), 0);
	if (ev->type != FE_OUT)
		assert_int_equal(flow_mismatch__event(run->m, ev), 0);
}

static uint64_t hash_of(const char *text)
{
	uint64_t h = 0;

	for (const char *c = text; *c; c++)
		h = h * 131 + (unsigned char)*c;
	return h;
}

/* @id came with it; NULL: none. */
static void request(struct run *run, uint64_t conn, uint64_t top, const char *id)
{
	struct flow_event met = {.type = FE_CONN}, ev = {.type = FE_IN};

	if (!(run->met & 1ull << conn)) {
		met.conn.conn = conn;
		met.conn.seen_open = true;
		feed(run, &met);
	}
	run->met |= 1ull << conn;
	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 10;
	ev.io.method = FM_GET;
	ev.io.version = 11;
	ev.io.method_name = (struct flow_str){"GET", 3};
	ev.io.path = (struct flow_str){"/pay", 4};
	ev.io.top = top;
	ev.io.counter = 100;
	ev.io.nids = id ? 1 : 0;
	ev.io.ids[0] = id ? hash_of(id) : 0;
	feed(run, &ev);
}

static void turn(struct run *run, uint64_t top)
{
	struct flow_event ev = {.type = FE_TURN};

	ev.turn.top = top;
	feed(run, &ev);
	/* And to something else again: nothing is open, so no top is asked for. */
	ev.turn.top = 0;
	feed(run, &ev);
}

/* What the store at @value holds. */
static void tell(struct run *run, uint64_t value, const char *id)
{
	struct fe_store_field field = {.name = {"requestId", 9},
				       .kind = LR_VALUE_STRING,
				       .constant = true,
				       .hash = hash_of(id),
				       .len = (uint32_t)strlen(id)};
	struct flow_event ev = {.type = FE_STORE};

	ev.store.value = value + 1;
	ev.store.instance = ALS;
	ev.store.kind = LR_VALUE_OBJECT;
	ev.store.n = 1;
	ev.store.fields = &field;
	feed(run, &ev);
}

/* The stores at an operation: @value, and @other of another instance unless they are 0. */
static void stores(struct run *run, uint8_t op, uint64_t conn, uint64_t value, uint64_t other)
{
	struct flow_event ev = {.type = FE_STORES, .ts = ++run->ts};
	struct fe_stores *s = &ev.stores;

	s->conn = conn;
	s->top = 20 * PAGE;
	s->exec_id = run->exec_id;
	s->trigger_id = -1;
	s->carrier = run->carrier;
	s->op = op;
	s->status = run->status;
	if (value)
		s->ref[s->n++] = (struct fe_store_ref){value + 1, ALS, LR_VALUE_OBJECT};
	if (other)
		s->ref[s->n++] = (struct fe_store_ref){other + 1, ALS + 1, LR_VALUE_OBJECT};
	feed(run, &ev);
}

/* The bytes that go with them, and hold these ids; NULL ends them. */
static void write_ids(struct run *run, uint8_t op, const char *const *ids)
{
	struct flow_event ev = {.type = FE_WRITE, .ts = run->ts};

	ev.write.op = op;
	ev.write.bytes = ev.write.captured = 100;
	for (uint32_t i = 0; ids[i]; i++)
		ev.write.ids[ev.write.nids++] = hash_of(ids[i]);
	feed(run, &ev);
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Some bytes with these ids, written while @value is active. */
static void written(struct run *run, uint8_t op, uint64_t value, const char *const *ids)
{
	stores(run, op, 0, value, 0);
	write_ids(run, op, ids);
}

static void answer_under(struct run *run, uint64_t conn, uint64_t value, uint64_t other)
{
	struct flow_event ev = {.type = FE_OUT};

	stores(run, LR_OP_SERVER, conn, value, other);
	ev.ts = run->ts;
	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 20;
	ev.io.status = 200;
	feed(run, &ev);
}

static void answer(struct run *run, uint64_t conn, uint64_t value)
{
	answer_under(run, conn, value, 0);
}

/* A request of the route that has its own stores: so its requests are known to have some. */
static void establish(struct run *run, uint64_t top)
{
	uint64_t carrier = run->carrier;

	run->carrier = 0;
	request(run, 60, top, NULL);
	answer_under(run, 60, top + 0x40, top + 0x60);
	assert_int_equal(run->nfound[run->n - 1], 0);
	run->n = 0;
	run->carrier = carrier;
	turn(run, top + 0x80);
}

#define A_STORE 0x1100
#define B_STORE 0x2100

/*
 * A request of the route that has its own store, then A, in flight with its store told, and B,
 * which waits for it; now runs the callback that will answer B under A's store.
 */
static struct run *waiting(void)
{
	struct run *run = run_new();

	establish(run, 30 * PAGE);
	request(run, 1, 0x1000, NULL);
	tell(run, A_STORE, A_ID);
	stores(run, LR_OP_CLIENT, 0, A_STORE, 0);
	request(run, 2, 0x2000, B_ID);
	request(run, 3, 0x3000, C_ID);
	turn(run, 0x4000);
	return run;
}

/* B is answered under A's store: is there a sign in what was written before? */
static void expect(struct run *run, bool line, bool call)
{
	const struct flow_finding *f = &run->found[run->n];
	size_t i = run->n;

	answer(run, 2, A_STORE);
	assert_int_equal(run->n, i + 1);
	assert_int_equal(run->nfound[i], 1);
	assert_int_equal(f->kind, FINDING_FOREIGN);
	assert_int_equal(f->id_in_line, line);
	assert_int_equal(f->id_in_call, call);
	assert_string_equal(f->line_field, line ? "requestId" : "");
	assert_string_equal(f->call_field, call ? "requestId" : "");
	assert_int_equal(f->grade, line || call ? GRADE_HARM : GRADE_MIXED);
	assert_int_equal(f->other.conn, 1);
	run_free(run);
}

static void test_names_both(void **state)
{
	struct run *run = waiting();

	(void)state;
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	expect(run, true, false);
	run = waiting();
	written(run, LR_OP_STDERR, A_STORE, IDS(B_ID, "a user of both", A_ID));
	expect(run, true, false);
	run = waiting();
	written(run, LR_OP_CLIENT, A_STORE, IDS(A_ID, B_ID));
	expect(run, false, true);
	run = waiting();
	written(run, LR_OP_CLIENT, A_STORE, IDS(A_ID, B_ID));
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	expect(run, true, true);
}

/* A may have written it, in the same callback, before B ran: nothing tells. */
static void test_of_the_other(void **state)
{
	struct run *run = waiting();

	(void)state;
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID));
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_CLIENT, A_STORE, IDS(A_ID));
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(B_ID)); /* right, though under A's store */
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID, C_ID)); /* a batch */
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID, "1", "2", "3", "4")); /* and more? */
	expect(run, false, false);
}

/* What is not written by the callback that answers may be anybody's. */
static void test_other_callback(void **state)
{
	struct run *run = waiting();
	struct flow_event scope = {.type = FE_SCOPE}, loss = {.type = FE_LOSS};

	(void)state;
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	turn(run, 0x5000);
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	feed(run, &scope);
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	loss.loss = (struct fe_loss){FLOW_LOSS_RING, 1};
	feed(run, &loss);
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	answer(run, 3, A_STORE);
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	run->exec_id = 51;
	expect(run, false, false);
	run = waiting();
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	run->carrier = CARRIER + 0x100;
	expect(run, false, false);
	run = waiting();
	run->carrier = 0; /* not known */
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	expect(run, false, false);
}

/*
 * A was answered before all others came: what it has to say after that it says once. When one
 * after the other is answered with such a line, it is theirs.
 */
static void test_again_and_again(void **state)
{
	struct run *run = waiting();

	(void)state;
	answer(run, 1, A_STORE);
	answer(run, 2, A_STORE);
	answer(run, 3, A_STORE);
	for (uint64_t i = 0; i < 8; i++) {
		size_t at = run->n;

		request(run, 10 + i, 0x6000 + i * 0x1000, NULL);
		turn(run, 0x6800 + i * 0x1000);
		if (i != 2)
			written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID));
		answer(run, 10 + i, A_STORE);
		assert_int_equal(run->nfound[at], 1);
		assert_true(run->found[at].stale);
		assert_int_equal(run->found[at].id_in_line, i > 4);
	}
	run_free(run);
}

/* While A is not answered it may say as much as it likes. */
static void test_alive(void **state)
{
	struct run *run = waiting();

	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		size_t at = run->n;

		request(run, 10 + i, 0x6000 + i * 0x1000, NULL);
		turn(run, 0x6800 + i * 0x1000);
		written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID));
		answer(run, 10 + i, A_STORE);
		assert_int_equal(run->nfound[at], 1);
		assert_false(run->found[at].id_in_line);
	}
	run_free(run);
}

/* B's own store is known: it was active before, and a line names its id. */
static void test_own_id(void **state)
{
	struct run *run = run_new();

	(void)state;
	establish(run, 30 * PAGE);
	request(run, 1, 0x1000, NULL);
	tell(run, A_STORE, A_ID);
	stores(run, LR_OP_CLIENT, 0, A_STORE, 0);
	request(run, 2, 0x2000, NULL);
	tell(run, B_STORE, B_ID);
	written(run, LR_OP_STDOUT, B_STORE, IDS(B_ID));
	assert_int_equal(run->line.by, LINE_BY_STORE);
	assert_int_equal(run->line.conn, 2);
	turn(run, 0x4000);
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	assert_true(run->line.conn == 1); /* charged to A: that is what is wrong */
	assert_string_equal(run->field, "requestId");
	answer(run, 2, A_STORE);
	assert_int_equal(run->nfound[0], 1);
	assert_true(run->found[0].own_seen);
	assert_true(run->found[0].id_in_line);
	run_free(run);
}

static void line(struct run *run, uint64_t value, uint64_t other, enum line_stores stores_are,
		 enum line_by by, uint64_t conn)
{
	stores(run, LR_OP_STDERR, 0, value, other);
	write_ids(run, LR_OP_STDERR, (const char *const[]){NULL});
	assert_int_equal(run->line.op, LR_OP_STDERR);
	assert_int_equal(run->line.stores, stores_are);
	assert_int_equal(run->line.by, by);
	assert_int_equal(run->line.conn, conn);
}

static void test_whose(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = {.type = FE_WRITE, .tid = PID + 1};
	struct flow_context_counts c;

	(void)state;
	line(run, 0, 0, LINE_NONE, LINE_UNKNOWN, 0);
	request(run, 1, 0x1000, NULL);
	line(run, 0, 0, LINE_NONE, LINE_BY_TURN, 1);
	line(run, A_STORE, 0, LINE_STORES, LINE_BY_TURN, 1);
	turn(run, 0x1800);
	line(run, A_STORE, 0, LINE_STORES, LINE_UNKNOWN, 0); /* may its route have stores? */
	establish(run, 0x1900);
	line(run, A_STORE, 0, LINE_STORES, LINE_BY_STORE, 1);
	request(run, 2, 0x2000, NULL);
	line(run, B_STORE, 0, LINE_STORES, LINE_BY_STORE, 2);
	line(run, A_STORE, 0, LINE_STORES, LINE_BY_STORE, 1);
	line(run, 25 * PAGE, 0, LINE_STORES, LINE_BY_TURN, 2);	  /* of nobody's */
	line(run, A_STORE, 0x2200, LINE_STORES, LINE_UNKNOWN, 0); /* two that disagree */
	turn(run, 0x4000);
	line(run, 0, 0, LINE_NONE, LINE_UNKNOWN, 0);
	line(run, 25 * PAGE, 0, LINE_STORES, LINE_UNKNOWN, 0);
	line(run, A_STORE, 0, LINE_STORES, LINE_BY_STORE, 1);
	run->status = LR_STORES_FAULT;
	line(run, 0, 0, LINE_UNREADABLE, LINE_UNKNOWN, 0);
	ev.write.op = LR_OP_STDERR;
	ev.ts = ++run->ts;
	feed(run, &ev); /* by a thread of which nothing was told */
	assert_int_equal(run->line.stores, LINE_ELSEWHERE);
	flow_mismatch__counts(run->m, &c);
	assert_int_equal(c.lines[0].seen, 0);
	assert_int_equal(c.lines[1].seen, 14);
	assert_int_equal(c.lines[1].stores, 9);
	assert_int_equal(c.lines[1].none, 3);
	assert_int_equal(c.lines[1].unreadable, 1);
	assert_int_equal(c.lines[1].elsewhere, 1);
	assert_int_equal(c.lines[1].by_store, 4);
	assert_int_equal(c.lines[1].by_turn, 3);
	assert_int_equal(c.heads, 1);
	run_free(run);
}

/* Lines before the response, in its callback: sure where both are named, else perhaps. */
static void test_marks(void **state)
{
	struct run *run = waiting();
	uint64_t both, other;

	(void)state;
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID));
	turn(run, 0x4100);
	written(run, LR_OP_CLIENT, A_STORE, IDS(A_ID, B_ID));
	written(run, LR_OP_STDOUT, B_STORE, IDS(A_ID, B_ID)); /* not under A's */
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID, B_ID));
	both = run->ts;
	assert_false(run->line.served);
	written(run, LR_OP_STDERR, A_STORE, IDS(A_ID));
	other = run->ts;
	answer(run, 2, A_STORE);
	assert_int_equal(run->nmarks, 2);
	assert_true(run->mark[0].sure && !run->mark[1].sure);
	assert_int_equal(run->mark[0].ts, both);
	assert_int_equal(run->mark[1].ts, other);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(run->mark[i].by.conn, 2);
		assert_int_equal(run->mark[i].under.conn, 1);
		assert_int_equal(run->mark[i].pid, PID);
	}
	/* From now on it is not known to be A's what is written under A's store. */
	written(run, LR_OP_STDOUT, A_STORE, IDS(A_ID));
	assert_int_equal(run->line.conn, 1);
	assert_true(run->line.served);
	run_free(run);
}

/* Under a store whose route was not seen to have stores: whose it would be is told. */
static void test_unproven(void **state)
{
	struct run *run = run_new();
	struct flow_req_ref ref;

	(void)state;
	request(run, 1, 0x1000, NULL);
	turn(run, 0x1800);
	line(run, A_STORE, 0, LINE_STORES, LINE_UNKNOWN, 0);
	assert_int_equal(run->line.why, LINE_WHY_UNPROVEN);
	assert_int_equal(run->line.perhaps.conn, 1);
	ref = (struct flow_req_ref){PID, 0, run->line.perhaps.seq, run->line.perhaps.conn};
	assert_false(flow_mismatch__has_stores(run->m, PID, &ref, run->line.perhaps_of));
	/* In another one's callback it is not that one's. */
	request(run, 2, 0x2000, NULL);
	line(run, A_STORE, 0, LINE_STORES, LINE_UNKNOWN, 0);
	establish(run, 0x3000);
	assert_true(flow_mismatch__has_stores(run->m, PID, &ref, run->line.perhaps_of));
	line(run, 0, 0, LINE_NONE, LINE_UNKNOWN, 0);
	assert_int_equal(run->line.why, LINE_WHY_NO_STORE);
	line(run, 25 * PAGE, 0, LINE_STORES, LINE_UNKNOWN, 0);
	assert_int_equal(run->line.why, LINE_WHY_STORE);
	run_free(run);
}

/* An id that came with one request, or that one store of one has. */
static void test_named(void **state)
{
	struct run *run = run_new();
	struct line_request r;

	(void)state;
	request(run, 1, 0x1000, NULL);
	tell(run, A_STORE, A_ID);
	stores(run, LR_OP_CLIENT, 0, A_STORE, 0);
	assert_false(flow_mismatch__named(run->m, PID, hash_of(A_ID), &r)); /* not proven */
	establish(run, 30 * PAGE);
	assert_true(flow_mismatch__named(run->m, PID, hash_of(A_ID), &r));
	assert_int_equal(r.conn, 1);
	assert_false(flow_mismatch__named(run->m, PID + 1, hash_of(A_ID), &r));
	request(run, 2, 31 * PAGE, B_ID);
	assert_true(flow_mismatch__named(run->m, PID, hash_of(B_ID), &r));
	assert_int_equal(r.conn, 2);
	request(run, 3, 32 * PAGE, B_ID);
	assert_false(flow_mismatch__named(run->m, PID, hash_of(B_ID), &r));
	assert_false(flow_mismatch__named(run->m, PID, hash_of(C_ID), &r));
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_both),     cmocka_unit_test(test_of_the_other),
		cmocka_unit_test(test_other_callback), cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_alive),	       cmocka_unit_test(test_own_id),
		cmocka_unit_test(test_whose),	       cmocka_unit_test(test_marks),
		cmocka_unit_test(test_unproven),       cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

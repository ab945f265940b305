// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What requests waited for, from handmade events with small numbers: each case can be followed by
 * hand. And random ones, in which the parts always add up.
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

#include "flow_request.h"
#include "util.h"

#define PID	 100
#define MAX_DONE 32

struct run {
	struct flow_requests *r;
	struct flow_req done[MAX_DONE];
	size_t n;
	struct flow_blocking blocking[MAX_DONE];
	size_t nblocking;
	/* The thread's clocks, which go on as the test says. */
	uint64_t ts;
	struct fe_clock clock;
	uint64_t unknown; /* requests without waits */
	bool count_only;
};

static void on_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;
	uint64_t sum = 0;

	for (int i = 0; i < WAIT_KINDS; i++)
		sum += q->waits.ns[i];
	if (q->waits.known)
		assert_int_equal(sum, q->end_ns - q->start_ns);
	else
		run->unknown++;
	if (run->count_only) {
		run->n++;
		return;
	}
	assert_true(run->n < MAX_DONE);
	run->done[run->n++] = *q;
}

static void on_blocking(void *ctx, const struct flow_blocking *b)
{
	struct run *run = ctx;

	if (run->count_only) {
		run->nblocking++;
		return;
	}
	assert_true(run->nblocking < MAX_DONE);
	run->blocking[run->nblocking++] = *b;
}

static struct run *run_new(uint64_t blocking_ns)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts opts = {.done = on_done,
					  .blocking = on_blocking,
					  .blocking_ns = blocking_ns,
					  .ctx = run,
					  .max_connections = 64,
					  .max_in_flight = 64};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->r, &opts), 0);
	run->clock.has = FE_CLOCK_IDLE | FE_CLOCK_CPU;
	run->ts = 1000;
	return run;
}

static void run_end(struct run *run)
{
	flow_requests__finish(run->r, run->ts);
}

static void run_free(struct run *run)
{
	flow_requests__free(run->r);
	free(run);
}

static struct flow_event event(struct run *run, enum flow_event_type type)
{
	return (struct flow_event){.type = type, .pid = PID, .tid = PID, .ts = run->ts};
}

static void feed(struct run *run, struct flow_event *ev)
{
	assert_int_equal(flow_requests__event(run->r, ev), 0);
}

/* Time goes by: on a CPU, in the poll, without a CPU, blocked. */
static void busy(struct run *run, uint64_t ns)
{
	run->ts += ns;
	run->clock.cpu_ns += ns;
	run->clock.ran_ns += ns;
}

static void idle(struct run *run, uint64_t ns)
{
	run->ts += ns;
	run->clock.idle_ns += ns;
}

static void starved(struct run *run, uint64_t ns)
{
	run->ts += ns;
	run->clock.delay_ns += ns;
}

static void blocked(struct run *run, uint64_t ns)
{
	run->ts += ns;
}

static void meet(struct run *run, uint64_t conn)
{
	struct flow_event ev = event(run, FE_CONN);

	ev.conn.conn = conn;
	ev.conn.seen_open = true;
	feed(run, &ev);
}

/* A head comes in that arrived @ago before. */
static void request_flags(struct run *run, uint64_t conn, uint64_t ago, uint32_t flags)
{
	struct flow_event ev = event(run, FE_IN);

	ev.io.conn = conn;
	ev.io.arrival_ns = run->ts - ago;
	ev.io.flags = FE_F_HEAD | flags;
	ev.io.clock = run->clock;
	ev.io.bytes = 10;
	ev.io.method = FM_GET;
	ev.io.version = 11;
	ev.io.method_name = (struct flow_str){"GET", 3};
	ev.io.path = (struct flow_str){"/x", 2};
	feed(run, &ev);
}

static void request(struct run *run, uint64_t conn, uint64_t ago)
{
	request_flags(run, conn, ago, FE_F_END);
}

static void body(struct run *run, uint64_t conn, uint64_t ago)
{
	struct flow_event ev = event(run, FE_IN);

	ev.io.conn = conn;
	ev.io.arrival_ns = run->ts - ago;
	ev.io.flags = FE_F_END;
	ev.io.clock = run->clock;
	ev.io.bytes = 10;
	feed(run, &ev);
}

static void part_of_response(struct run *run, uint64_t conn, uint32_t flags)
{
	struct flow_event ev = event(run, FE_OUT);

	ev.io.conn = conn;
	ev.io.flags = flags;
	ev.io.clock = run->clock;
	ev.io.bytes = 20;
	ev.io.status = 200;
	feed(run, &ev);
}

static void response(struct run *run, uint64_t conn)
{
	part_of_response(run, conn, FE_F_HEAD | FE_F_END);
}

static struct flow_req_ref ref_of(struct run *run, uint64_t conn)
{
	struct flow_req_ref ref = {0};

	assert_true(flow_requests__latest(run->r, conn, &ref));
	return ref;
}

/* A turn of the loop in which @conn's request goes on after an operation. */
static void done(struct run *run, uint64_t conn, enum flow_wait kind, uint64_t from, uint64_t until)
{
	struct flow_event ev = event(run, FE_CLIENT);
	struct flow_req_ref ref = ref_of(run, conn);

	flow_requests__waited(run->r, &ref, kind, from, until);
	flow_requests__turn(run->r, &ev, &run->clock, LR_TURN_OTHER, 0, &ref);
}

static void turn(struct run *run, enum lr_turn_kind kind, uint64_t due)
{
	struct flow_event ev = event(run, FE_TURN);

	ev.turn.kind = (uint8_t)kind;
	ev.turn.clock = run->clock;
	ev.turn.due_ns = due;
	feed(run, &ev);
}

static void gc(struct run *run, uint64_t ns)
{
	struct flow_event ev = event(run, FE_GC);

	ev.gc.duration_ns = ns;
	feed(run, &ev);
}

static const uint64_t *waits(struct run *run, size_t i)
{
	assert_true(i < run->n);
	assert_true(run->done[i].waits.known);
	return run->done[i].waits.ns;
}

static void test_runs(void **state)
{
	struct run *run = run_new(0);
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	idle(run, 50);
	request(run, 1, 5);
	busy(run, 40);
	gc(run, 10);
	starved(run, 7);
	blocked(run, 3);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_QUEUE], 5);
	assert_int_equal(w[WAIT_GC], 10);
	assert_int_equal(w[WAIT_SCHED], 7);
	assert_int_equal(w[WAIT_BLOCKED], 3);
	assert_int_equal(w[WAIT_CPU], 30);
	run_free(run);
}

/* On another CPU its clock says nothing, and the kernel's count may be a tick old. */
static void test_moved(void **state)
{
	struct run *run = run_new(0);

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	run->clock.cpu = 1;
	run->clock.cpu_ns -= 500;
	busy(run, 1000);
	run->clock.ran_ns -= 400;
	response(run, 1);
	assert_int_equal(waits(run, 0)[WAIT_CPU], 1000);
	request(run, 1, 0);
	run->clock.cpu = 0;
	busy(run, 1000);
	blocked(run, 50000000);
	response(run, 1);
	assert_int_equal(waits(run, 1)[WAIT_BLOCKED], 50000000);
	assert_int_equal(waits(run, 1)[WAIT_CPU], 1000);
	run_free(run);
}

static void test_operation(void **state)
{
	struct run *run = run_new(0);
	uint64_t issued, arrived;
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	busy(run, 10);
	issued = run->ts;
	idle(run, 100);
	request(run, 2, 0); /* another one comes, and works */
	busy(run, 20);
	arrived = run->ts;
	busy(run, 30);
	response(run, 2);
	busy(run, 5);
	done(run, 1, WAIT_CALL, issued, arrived);
	busy(run, 8);
	response(run, 1);
	w = waits(run, 1);
	assert_int_equal(w[WAIT_CPU], 18);
	assert_int_equal(w[WAIT_CALL], 120);
	assert_int_equal(w[WAIT_LOOP], 35);
	assert_int_equal(run->done[1].blocker[0].conn, 2);
	assert_int_equal(run->done[1].blocker[0].ns, 35);
	assert_int_equal(run->done[1].blocker[1].ns, 0);
	run_free(run);
}

/* Who kept a request in its socket is named as well. */
static void test_queue(void **state)
{
	struct run *run = run_new(0);

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	busy(run, 100);
	response(run, 1);
	busy(run, 4);
	request(run, 2, 90);
	busy(run, 1);
	response(run, 2);
	assert_int_equal(waits(run, 1)[WAIT_QUEUE], 90);
	assert_int_equal(run->done[1].blocker[0].conn, 1);
	assert_int_equal(run->done[1].blocker[0].ns, 90);
	run_free(run);
}

/* Of operations at once the last one counts, and one that nobody waited for does not. */
static void test_parallel(void **state)
{
	struct run *run = run_new(0);
	uint64_t t0, t1;
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	t0 = run->ts;
	idle(run, 50);
	done(run, 1, WAIT_FS, t0, run->ts); /* a log file */
	idle(run, 50);
	done(run, 1, WAIT_CALL, t0, run->ts);
	t1 = run->ts;
	idle(run, 30);
	done(run, 1, WAIT_DNS, t0 + 10, run->ts); /* of no use either */
	idle(run, 20);
	done(run, 1, WAIT_CRYPTO, t1, run->ts);
	busy(run, 1);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_FS], 0);
	assert_int_equal(w[WAIT_DNS], 0);
	assert_int_equal(w[WAIT_CALL], 100);
	assert_int_equal(w[WAIT_CRYPTO], 50);
	assert_int_equal(w[WAIT_CPU], 1);
	run_free(run);
}

/* First in the queue of the thread pool, then in its work. */
static void test_queued_job(void **state)
{
	struct run *run = run_new(0);
	struct flow_req_ref ref;
	uint64_t t0;
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	busy(run, 3);
	t0 = run->ts;
	idle(run, 70);
	ref = ref_of(run, 1);
	flow_requests__waited(run->r, &ref, WAIT_POOL_QUEUE, t0, t0 + 40);
	done(run, 1, WAIT_ZLIB, t0 + 40, t0 + 70);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_POOL_QUEUE], 40);
	assert_int_equal(w[WAIT_ZLIB], 30);
	assert_int_equal(w[WAIT_CPU], 3);
	run_free(run);
}

static void test_timer(void **state)
{
	struct run *run = run_new(0);
	uint64_t due;
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	busy(run, 10);
	idle(run, 30);
	request(run, 2, 0);
	busy(run, 20);
	due = run->ts;
	busy(run, 15); /* too late by that */
	turn(run, LR_TURN_TIMERS, due);
	busy(run, 5);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_CPU], 15);
	assert_int_equal(w[WAIT_TIMER], 50);
	assert_int_equal(w[WAIT_LOOP], 15);
	assert_int_equal(run->done[0].blocker[0].conn, 2);

	/* When it was due is not known: what is idle was for it. */
	request(run, 1, 0);
	idle(run, 30);
	turn(run, LR_TURN_ASYNC, 0);
	busy(run, 20);
	turn(run, LR_TURN_TIMERS, 0);
	response(run, 1);
	w = waits(run, 1);
	assert_int_equal(w[WAIT_TIMER], 30);
	assert_int_equal(w[WAIT_LOOP], 20);
	run_free(run);
}

static void test_client(void **state)
{
	struct run *run = run_new(0);
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	request_flags(run, 1, 0, 0);
	busy(run, 10);
	idle(run, 80);
	body(run, 1, 4);
	busy(run, 6);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_CLIENT], 80); /* 4 of them until the loop woke up */
	assert_int_equal(w[WAIT_CPU], 16);
	run_free(run);
}

static void test_other(void **state)
{
	struct run *run = run_new(0);
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	busy(run, 5);
	idle(run, 40);
	turn(run, LR_TURN_ASYNC, 0);
	busy(run, 7);
	response(run, 1);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_OTHER], 40);
	assert_int_equal(w[WAIT_CPU], 12);
	run_free(run);
}

/* It was handled long ago, and where it ran then has not been seen. */
static void test_unseen(void **state)
{
	struct run *run = run_new(0);
	struct flow_req_ref ref;
	uint64_t t0;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	t0 = run->ts;
	idle(run, 20);
	ref = ref_of(run, 1);
	flow_requests__waited(run->r, &ref, WAIT_CALL, t0, run->ts);
	turn(run, LR_TURN_OTHER, 0);
	busy(run, 2);
	idle(run, 100);
	turn(run, LR_TURN_OTHER, 0);
	response(run, 1);
	assert_int_equal(waits(run, 0)[WAIT_CALL], 20);
	assert_int_equal(waits(run, 0)[WAIT_OTHER], 100);
	run_free(run);
}

/* What goes on behind the end of the response is not looked at. */
static void test_late_work(void **state)
{
	struct run *run = run_new(0);
	struct flow_req_ref ref;

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	busy(run, 5);
	ref = ref_of(run, 1);
	response(run, 1);
	busy(run, 50);
	request(run, 2, 0);
	idle(run, 10);
	flow_requests__waited(run->r, &ref, WAIT_FS, run->ts - 10, run->ts);
	turn(run, LR_TURN_OTHER, 0);
	busy(run, 3);
	response(run, 2);
	assert_int_equal(waits(run, 0)[WAIT_CPU], 5);
	assert_int_equal(waits(run, 1)[WAIT_FS], 0);
	assert_int_equal(waits(run, 1)[WAIT_OTHER], 10);
	run_free(run);
}

static void test_unknown(void **state)
{
	struct run *run = run_new(0);
	struct flow_event ev;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	busy(run, 5);
	ev = event(run, FE_LOSS);
	ev.loss.kind = FLOW_LOSS_RING;
	ev.loss.count = 1;
	feed(run, &ev);
	response(run, 1);
	assert_false(run->done[0].waits.known);
	request(run, 1, 0);
	run->clock.has = 0;
	busy(run, 5);
	response(run, 1);
	assert_false(run->done[1].waits.known);
	run_free(run);
}

/* More runs than are kept: the sums go on. */
static void test_many_runs(void **state)
{
	struct run *run = run_new(0);
	const uint64_t *w;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t t0;

		busy(run, 2);
		t0 = run->ts;
		idle(run, 10);
		done(run, 1, i & 1 ? WAIT_CALL : WAIT_FS, t0, run->ts);
	}
	part_of_response(run, 1, FE_F_HEAD);
	busy(run, 1);
	part_of_response(run, 1, FE_F_END);
	w = waits(run, 0);
	assert_int_equal(w[WAIT_CPU], 2001);
	assert_int_equal(w[WAIT_CALL], 5000);
	assert_int_equal(w[WAIT_FS], 5000);
	run_free(run);
}

static void count_held(void *ctx, const struct flow_blocking *b)
{
	*(uint64_t *)ctx += b->duration_ns;
}

static void test_blocking(void **state)
{
	struct run *run = run_new(100);
	const struct flow_blocking *b;
	uint64_t held = 0;

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		meet(run, i);
	request(run, 1, 0);
	busy(run, 60);
	gc(run, 20);
	part_of_response(run, 1, FE_F_HEAD);
	busy(run, 90);
	response(run, 1); /* and works on behind it */
	busy(run, 50);
	request(run, 2, 150);
	busy(run, 10);
	response(run, 2);
	request(run, 3, 20);
	busy(run, 99); /* not too long */
	response(run, 3);
	idle(run, 10);
	turn(run, LR_TURN_TIMERS, 0);
	busy(run, 101);
	idle(run, 1);
	turn(run, LR_TURN_OTHER, 0);
	assert_int_equal(run->nblocking, 0); /* others may still pay for them */
	flow_requests__each_held(run->r, count_held, &held);
	assert_int_equal(held, 200 + 101);
	run_end(run);
	held = 0;
	flow_requests__each_held(run->r, count_held, &held);
	assert_int_equal(held, 0);
	assert_int_equal(run->nblocking, 2);
	b = &run->blocking[0];
	assert_int_equal(b->conn, 1);
	assert_int_equal(b->by, TURN_REQUEST);
	assert_int_equal(b->duration_ns, 200);
	assert_int_equal(b->gc_ns, 20);
	assert_string_equal(b->method, "GET");
	assert_string_equal(b->path, "/x");
	assert_int_equal(b->paid, 2);
	assert_int_equal(b->paid_ns, 150 + 10);
	assert_int_equal(b->npayers, 2);
	assert_int_equal(b->payer[0].conn, 2);
	assert_int_equal(b->payer[0].ns, 150);
	b = &run->blocking[1];
	assert_int_equal(b->by, TURN_TIMERS);
	assert_int_equal(b->seq, 0);
	assert_int_equal(b->duration_ns, 101);
	assert_int_equal(b->paid, 0);
	run_free(run);
}

/* The request goes on in a turn that is not its own: it is named all the same. */
static void test_blocking_later(void **state)
{
	struct run *run = run_new(100);
	const struct flow_blocking *b;

	(void)state;
	meet(run, 1);
	request(run, 1, 0);
	busy(run, 10);
	turn(run, LR_TURN_OTHER, 0);
	idle(run, 50);
	turn(run, LR_TURN_TIMERS, 0);
	busy(run, 150);
	response(run, 1);
	idle(run, 1);
	turn(run, LR_TURN_OTHER, 0);
	run_end(run);
	assert_int_equal(run->nblocking, 1);
	b = &run->blocking[0];
	assert_int_equal(b->by, TURN_TIMERS);
	assert_int_equal(b->conn, 1);
	assert_int_equal(b->seq, run->done[0].seq);
	assert_string_equal(b->method, "GET");
	assert_string_equal(b->path, "/x");
	run_free(run);
}

/* Who waited for something else all the while has not paid. */
static void test_paid_nothing(void **state)
{
	struct run *run = run_new(100);
	uint64_t t0;

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	t0 = run->ts;
	idle(run, 10);
	request(run, 2, 0);
	busy(run, 150);
	response(run, 2);
	done(run, 1, WAIT_FS, t0, t0 + 20); /* a log file */
	idle(run, 40);
	done(run, 1, WAIT_CALL, t0, run->ts);
	response(run, 1);
	run_end(run);
	assert_int_equal(waits(run, 1)[WAIT_CALL], 200);
	assert_int_equal(run->done[1].blocker[0].ns, 0);
	assert_int_equal(run->nblocking, 1);
	assert_int_equal(run->blocking[0].conn, 2);
	assert_int_equal(run->blocking[0].paid, 0);
	run_free(run);
}

/* Two have had it in one turn, neither for most of it: it is the turn that was too long. */
static void test_shared_hold(void **state)
{
	struct run *run = run_new(100);

	(void)state;
	meet(run, 1);
	meet(run, 2);
	request(run, 1, 0);
	idle(run, 10);
	request(run, 2, 0);
	idle(run, 10);
	turn(run, LR_TURN_TIMERS, 0);
	busy(run, 60);
	response(run, 1);
	busy(run, 60);
	response(run, 2);
	idle(run, 1);
	turn(run, LR_TURN_OTHER, 0);
	run_end(run);
	assert_int_equal(run->nblocking, 1);
	assert_int_equal(run->blocking[0].by, TURN_TIMERS);
	assert_int_equal(run->blocking[0].seq, 0);
	assert_int_equal(run->blocking[0].duration_ns, 120);
	run_free(run);
}

/* A callback of its own each, though the loop never waits. */
static void test_no_blocking(void **state)
{
	struct run *run = run_new(100);

	(void)state;
	meet(run, 1);
	for (int i = 0; i < 20; i++) {
		request(run, 1, 0);
		busy(run, 90);
		response(run, 1);
	}
	for (int i = 0; i < 20; i++) {
		turn(run, LR_TURN_IMMEDIATES, 0);
		busy(run, 90);
	}
	run_end(run);
	assert_int_equal(run->nblocking, 0);
	run_free(run);
}

static uint64_t rnd(uint64_t *seed, uint64_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % n;
}

/* Something happens to connection @conn. */
static void random_step(struct run *run, uint64_t *seed, uint64_t conn, bool *open)
{
	uint64_t back = rnd(seed, run->ts < 3000 ? 1 : 2000);

	switch (rnd(seed, 6)) {
	case 0:
		turn(run, (enum lr_turn_kind)rnd(seed, LR_TURN_KINDS), run->ts - back);
		return;
	case 1:
		gc(run, rnd(seed, 300));
		return;
	case 2:
		if (*open)
			part_of_response(run, conn, FE_F_HEAD);
		return;
	case 3:
		if (*open)
			done(run, conn, (enum flow_wait)rnd(seed, WAIT_KINDS), run->ts - back,
			     run->ts - rnd(seed, back + 1));
		return;
	default:
		if (*open)
			response(run, conn);
		else
			request(run, conn, rnd(seed, 2) ? back : 0);
		*open = !*open;
	}
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 200; round++) {
		struct run *run = run_new(150);
		uint64_t seed = round * 0x9e3779b97f4a7c15ULL;
		bool open[8] = {false};

		run->count_only = true;
		for (uint64_t i = 0; i < ARRAY_SIZE(open); i++)
			meet(run, i + 1);
		for (int i = 0; i < 2000; i++) {
			uint64_t conn = rnd(&seed, ARRAY_SIZE(open));

			random_step(run, &seed, conn + 1, &open[conn]);
			busy(run, rnd(&seed, 100));
			if (rnd(&seed, 3) == 0)
				idle(run, rnd(&seed, 500));
			if (rnd(&seed, 7) == 0)
				starved(run, rnd(&seed, 50));
		}
		run_end(run);
		assert_true(run->n > 100);
		assert_true(run->nblocking > 0);
		assert_true(run->unknown <= ARRAY_SIZE(open)); /* in flight at the end */
		run_free(run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),	       cmocka_unit_test(test_moved),
		cmocka_unit_test(test_operation),      cmocka_unit_test(test_queue),
		cmocka_unit_test(test_parallel),       cmocka_unit_test(test_queued_job),
		cmocka_unit_test(test_timer),	       cmocka_unit_test(test_client),
		cmocka_unit_test(test_other),	       cmocka_unit_test(test_unseen),
		cmocka_unit_test(test_late_work),      cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_many_runs),      cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_blocking_later), cmocka_unit_test(test_no_blocking),
		cmocka_unit_test(test_random),	       cmocka_unit_test(test_paid_nothing),
		cmocka_unit_test(test_shared_hold),
	};

	return cmocka_run_group_tests_name("flow_wait", tests, NULL, NULL);
}

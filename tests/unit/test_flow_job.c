// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Jobs of the thread pool from handmade events: whose each is, by the store and by the turn of the
 * loop; that its callback goes on for the same request; and what is unknown, with the reason.
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
#include "flow_job.h"
#include "util.h"

#define PID 100
#define A   1 /* connections of clients */
#define B   2
#define MS  1000000ULL

struct run {
	struct flow_requests *requests;
	struct flow_mismatch *mismatch;
	struct flow_loops *loops;
	struct flow_jobs *jobs;
	struct flow_job done[16];
	size_t ndone;
	struct flow_waits waits; /* of the last request */
	bool waits_known;
	uint64_t now, next, idle;
};

static void over(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;

	run->waits = q->waits;
	run->waits_known = q->waits.known;
}

static void req_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;

	flow_mismatch__request(run->mismatch, q);
}

static void job_done(void *ctx, const struct flow_job *job)
{
	struct run *run = ctx;

	assert_true(run->ndone < ARRAY_SIZE(run->done));
	run->done[run->ndone++] = *job;
}

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts req = {
		.done = req_done, .ctx = run, .max_connections = 100, .max_in_flight = 100};
	struct flow_mismatch_opts mm = {.done = over, .ctx = run};
	struct flow_jobs_opts opts = {.done = job_done, .ctx = run};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->requests, &req), 0);
	mm.requests = run->requests;
	assert_int_equal(flow_mismatch__new(&run->mismatch, &mm), 0);
	assert_int_equal(flow_loops__new(&run->loops, run->requests), 0);
	opts.requests = run->requests;
	opts.mismatch = run->mismatch;
	opts.loops = run->loops;
	assert_int_equal(flow_jobs__new(&run->jobs, &opts), 0);
	run->now = 1000 * MS;
	return run;
}

static void run_free(struct run *run)
{
	flow_jobs__free(run->jobs);
	flow_loops__free(run->loops);
	flow_mismatch__free(run->mismatch);
	flow_requests__free(run->requests);
	free(run);
}

static void feed(struct run *run, struct flow_event *ev)
{
	ev->pid = PID;
	ev->tid = PID;
	if (!ev->ts)
		ev->ts = run->now++;
	if (ev->type == FE_OUT)
		assert_int_equal(flow_mismatch__event(run->mismatch, ev), 0);
	assert_int_equal(flow_requests__event(run->requests, ev), 0);
	if (ev->type != FE_OUT)
		assert_int_equal(flow_mismatch__event(run->mismatch, ev), 0);
	flow_loops__event(run->loops, ev);
	flow_jobs__event(run->jobs, ev);
}

static struct fe_clock clock_at(const struct run *run)
{
	return (struct fe_clock){.has = FE_CLOCK_IDLE | FE_CLOCK_CPU,
				 .idle_ns = run->idle,
				 .cpu_ns = run->now - run->idle};
}

/* The loop waits. */
static void idle(struct run *run, uint64_t ns)
{
	run->idle += ns;
	run->now += ns;
}

static void request(struct run *run, uint64_t conn)
{
	struct flow_event facts = {.type = FE_CONN, .conn = {.conn = conn, .seen_open = true}};
	struct flow_event in = {.type = FE_IN};

	feed(run, &facts);
	in.io.conn = conn;
	in.io.flags = FE_F_HEAD | FE_F_END;
	in.io.bytes = 10;
	in.io.arrival_ns = run->now;
	in.io.clock = clock_at(run);
	in.io.method_name = (struct flow_str){"GET", 3};
	in.io.path = (struct flow_str){"/a", 2};
	feed(run, &in);
}

static void respond(struct run *run, uint64_t conn)
{
	struct flow_event out = {.type = FE_OUT};

	out.io.conn = conn;
	out.io.flags = FE_F_HEAD | FE_F_END;
	out.io.status = 200;
	out.io.bytes = 10;
	out.io.clock = clock_at(run);
	feed(run, &out);
}

/* Hands in a job; its number. */
static uint64_t submit(struct run *run, uint64_t work, uint8_t kind, uint8_t flags)
{
	struct flow_event ev = {.type = FE_JOB, .ts = run->now};

	ev.job.op = LR_JOB_SUBMIT;
	ev.job.kind = kind;
	ev.job.flags = flags;
	ev.job.job = ++run->next;
	ev.job.work = work;
	ev.job.submit_ns = run->now++;
	ev.job.clock = clock_at(run);
	feed(run, &ev);
	return run->next;
}

static const struct flow_job *done_at(struct run *run, uint64_t job, uint64_t work, uint8_t kind,
				      uint64_t submitted, uint64_t start, uint64_t end)
{
	struct flow_event ev = {.type = FE_JOB};
	size_t before = run->ndone;

	ev.job.op = LR_JOB_DONE;
	ev.job.kind = kind;
	ev.job.job = job;
	ev.job.work = work;
	ev.job.submit_ns = submitted;
	ev.job.start_ns = start;
	ev.job.end_ns = end;
	ev.job.clock = clock_at(run);
	feed(run, &ev);
	return run->ndone > before ? &run->done[before] : NULL;
}

static const struct flow_job *done(struct run *run, uint64_t job, uint64_t work)
{
	return done_at(run, job, work, LR_JOB_FS, run->now - 3, run->now - 2, run->now - 1);
}

static void turn(struct run *run)
{
	struct flow_event ev = {.type = FE_TURN};

	ev.turn.clock = clock_at(run);
	feed(run, &ev);
}

static void is(const struct flow_job *job, uint8_t by, uint64_t conn, uint64_t seq)
{
	assert_non_null(job);
	assert_int_equal(job->by, by);
	assert_int_equal(job->request.conn, conn);
	assert_int_equal(job->request.seq, seq);
}

static void is_unknown(const struct flow_job *job, uint8_t why)
{
	assert_non_null(job);
	assert_int_equal(job->by, CALL_BY_NOTHING);
	assert_int_equal(job->unknown, why);
}

static void test_by_loop(void **state)
{
	struct run *run = run_new();
	struct flow_job_counts counts;
	uint64_t a, b;

	(void)state;
	request(run, A);
	a = submit(run, A, LR_JOB_FS, 0);
	request(run, B);
	b = submit(run, B, LR_JOB_CRYPTO, 0);
	/* Done in the other order; each callback goes on with its own. */
	is(done(run, b, B), CALL_BY_LOOP, B, 2);
	b = submit(run, B, LR_JOB_FS, 0);
	turn(run);
	is(done(run, a, A), CALL_BY_LOOP, A, 1);
	a = submit(run, A, LR_JOB_FS, 0);
	turn(run);
	is(done(run, a, A), CALL_BY_LOOP, A, 1);
	is(done(run, b, B), CALL_BY_LOOP, B, 2);
	flow_jobs__counts(run->jobs, &counts);
	assert_int_equal(counts.submitted, 4);
	assert_int_equal(counts.kind[LR_JOB_FS], 3);
	assert_int_equal(counts.kind[LR_JOB_CRYPTO], 1);
	assert_int_equal(counts.by[CALL_BY_LOOP], 4);
	assert_int_equal(counts.by[CALL_BY_NOTHING] + counts.unseen + counts.not_kept, 0);
	run_free(run);
}

/* What goes on after a response is not the next request's of the connection. */
static void test_late(void **state)
{
	struct run *run = run_new();
	uint64_t a, b;

	(void)state;
	request(run, A);
	a = submit(run, A, LR_JOB_FS, 0);
	respond(run, A);
	request(run, A); /* number 2 of the connection */
	b = submit(run, A, LR_JOB_FS, 0);
	is(done(run, a, A), CALL_BY_LOOP, A, 1);
	a = submit(run, A, LR_JOB_FS, 0); /* the kernel's side only knows the connection */
	is(done(run, b, A), CALL_BY_LOOP, A, 2);
	is(done(run, a, A), CALL_BY_LOOP, A, 1);
	run_free(run);
}

static void test_unknown(void **state)
{
	struct flow_event loss = {.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 1}};
	struct flow_event probe = {.type = FE_PROBE};
	struct run *run = run_new();
	struct flow_job_counts counts;
	uint64_t nobody, slept, chain, lost, blind;

	(void)state;
	request(run, A);
	slept = submit(run, 0, LR_JOB_FS, FE_JOB_SLEPT);
	turn(run);
	nobody = submit(run, 0, LR_JOB_FS, 0);
	is_unknown(done(run, slept, 0), CALL_UNKNOWN_SLEPT);
	is_unknown(done(run, nobody, 0), CALL_UNKNOWN_TURN);
	/* What is said of the connection in the callback of a job of nobody known is wrong. */
	chain = submit(run, A, LR_JOB_FS, 0);
	is_unknown(done(run, chain, A), CALL_UNKNOWN_TURN);
	request(run, A);
	feed(run, &loss);
	lost = submit(run, A, LR_JOB_FS, 0);
	is_unknown(done(run, lost, A), CALL_UNKNOWN_LOSS);
	probe.probe.name = (struct flow_str){"loop_timers", 11};
	request(run, B);
	feed(run, &probe);
	blind = submit(run, B, LR_JOB_FS, 0);
	is_unknown(done(run, blind, B), CALL_UNKNOWN_PROBES);
	assert_null(done(run, 4711, A)); /* handed in before the attach */
	flow_jobs__counts(run->jobs, &counts);
	assert_int_equal(counts.by[CALL_BY_NOTHING], 5);
	assert_int_equal(counts.unknown[CALL_UNKNOWN_TURN], 2);
	assert_int_equal(counts.unseen, 1);
	run_free(run);
}

/* Another process has its own jobs, also if a record says otherwise. */
static void test_hostile(void **state)
{
	struct run *run = run_new();
	struct flow_event end = {.type = FE_TARGET_END}, ev = {.type = FE_JOB};
	struct flow_job_counts counts;
	uint64_t a;

	(void)state;
	request(run, A);
	a = submit(run, A, LR_JOB_FS, 0);
	ev.pid = PID + 1;
	ev.tid = PID + 1;
	ev.ts = run->now++;
	ev.job.op = LR_JOB_DONE;
	ev.job.kind = 200;
	ev.job.job = a;
	flow_jobs__event(run->jobs, &ev);
	assert_int_equal(run->ndone, 0);
	run->next = a - 1; /* the number once more */
	submit(run, A, LR_JOB_FS, 0);
	flow_jobs__counts(run->jobs, &counts);
	assert_int_equal(counts.not_kept, 1);
	assert_int_equal(counts.unseen, 1);
	feed(run, &end);
	flow_jobs__counts(run->jobs, &counts);
	assert_int_equal(counts.by[CALL_BY_LOOP] + counts.by[CALL_BY_NOTHING], counts.submitted);
	assert_null(done(run, a, A));
	run_free(run);
}

/* What the request waited for: a thread, the job, and then the loop. */
static void test_waits(void **state)
{
	struct run *run = run_new();
	uint64_t a, at;

	(void)state;
	request(run, A);
	at = run->now;
	a = submit(run, A, LR_JOB_CRYPTO, 0);
	idle(run, 10 * MS);
	done_at(run, a, A, LR_JOB_CRYPTO, at, at + 2 * MS, at + 9 * MS);
	respond(run, A);
	flow_requests__finish(run->requests, run->now);
	assert_true(run->waits_known);
	assert_in_range(run->waits.ns[WAIT_POOL_QUEUE], 2 * MS - 100, 2 * MS + 100);
	/* The loop wakes up a while after it: nobody else held it. */
	assert_in_range(run->waits.ns[WAIT_CRYPTO], 7 * MS - 100, 8 * MS + 100);
	run_free(run);
}

/* One that was cancelled was never taken: all of it is waiting for a thread. */
static void test_cancelled(void **state)
{
	struct run *run = run_new();
	uint64_t a, at;

	(void)state;
	request(run, A);
	at = run->now;
	a = submit(run, A, LR_JOB_FS, 0);
	idle(run, 5 * MS);
	done_at(run, a, A, LR_JOB_FS, at, 0, 0);
	respond(run, A);
	flow_requests__finish(run->requests, run->now);
	assert_true(run->waits_known);
	assert_in_range(run->waits.ns[WAIT_POOL_QUEUE], 5 * MS - 100, 5 * MS + 100);
	assert_int_equal(run->waits.ns[WAIT_FS], 0);
	run_free(run);
}

static void count_fs(void *ctx, const struct flow_job *job)
{
	size_t *n = ctx;

	assert_int_equal(job->kind, LR_JOB_FS);
	assert_int_equal(job->request.conn, A);
	assert_int_equal(job->start_ns + job->end_ns + job->callback_ns, 0);
	assert_true(job->submit_ns > 0);
	(*n)++;
}

/* Those that are not done, of known requests. */
static void test_in_progress(void **state)
{
	struct run *run = run_new();
	uint64_t a;
	size_t n = 0;

	(void)state;
	submit(run, 0, LR_JOB_DNS, 0); /* nobody's */
	request(run, A);
	a = submit(run, A, LR_JOB_FS, 0);
	submit(run, A, LR_JOB_FS, 0);
	flow_jobs__each_in_progress(run->jobs, count_fs, &n);
	assert_int_equal(n, 2);
	done(run, a, A);
	n = 0;
	flow_jobs__each_in_progress(run->jobs, count_fs, &n);
	assert_int_equal(n, 1);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_loop),	    cmocka_unit_test(test_late),
		cmocka_unit_test(test_unknown),	    cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_waits),	    cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_in_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

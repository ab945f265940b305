// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records about jobs of the thread pool to flow events, and every way in which one can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_decode.h"
#include "util.h"

#define PID 100
#define TS  1000000ULL

struct run {
	struct flow_decode *d;
	struct flow_event job;
	size_t jobs, threads;
	uint32_t seq;
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (ev->type == FE_THREAD)
		r->threads++;
	if (ev->type != FE_JOB)
		return 0;
	r->job = *ev;
	r->jobs++;
	return 0;
}

static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof(*r));
	struct flow_decode_opts opts = {.sink = {on_event, r}};

	assert_non_null(r);
	assert_int_equal(flow_decode__new(&r->d, &opts), 0);
	return r;
}

static void run_free(struct run *r)
{
	flow_decode__free(r->d);
	free(r);
}

static uint64_t bits(double v)
{
	uint64_t u;

	memcpy(&u, &v, sizeof(u));
	return u;
}

static struct lr_ev_job good(void)
{
	return (struct lr_ev_job){
		.h = {.ts = TS,
		      .pid = PID,
		      .tid = PID,
		      .type = LR_EV_JOB,
		      .size = sizeof(struct lr_ev_job)},
		.job = 7,
		.work = 3,
		.clock = {.idle_ns = 500, .ran_ns = 11, .delay_ns = 22},
		.submit_ns = TS - 300,
		.start_ns = TS - 200,
		.end_ns = TS - 100,
		.counter = bits(42),
		.op = LR_JOB_DONE,
		.kind = LR_JOB_ZLIB,
		.flags = LR_JOB_F_IDLE | LR_JOB_F_CHAIN,
	};
}

/* Feeds it; the event it came to, NULL none. */
static const struct fe_job *feed(struct run *r, struct lr_ev_job rec)
{
	size_t before = r->jobs;

	rec.h.seq = ++r->seq;
	assert_int_equal(flow_decode__record(r->d, &rec, sizeof(rec)), 0);
	return r->jobs > before ? &r->job.job : NULL;
}

static uint64_t malformed(struct run *r)
{
	struct flow_decode_stats stats;

	flow_decode__stats(r->d, &stats);
	return stats.malformed;
}

static void test_all_members(void **state)
{
	struct run *r = run_new();
	const struct fe_job *j = feed(r, good());

	(void)state;
	assert_non_null(j);
	assert_int_equal(r->job.pid, PID);
	assert_int_equal(r->job.tid, PID);
	assert_int_equal(r->job.ts, TS);
	assert_int_equal(j->op, LR_JOB_DONE);
	assert_int_equal(j->kind, LR_JOB_ZLIB);
	assert_int_equal(j->flags, 0);
	assert_int_equal(j->job, 7);
	assert_int_equal(j->work, 3);
	assert_int_equal(j->submit_ns, TS - 300);
	assert_int_equal(j->start_ns, TS - 200);
	assert_int_equal(j->end_ns, TS - 100);
	assert_int_equal(j->counter, 42);
	assert_int_equal(j->clock.idle_ns, 500);
	assert_int_equal(j->clock.delay_ns, 22);
	assert_true(j->clock.has & FE_CLOCK_IDLE);
	/* Who hands in jobs need not run JavaScript. */
	assert_int_equal(r->threads, 0);
	run_free(r);
}

/* A submission has no start or end yet, whatever the record says. */
static void test_submit(void **state)
{
	struct run *r = run_new();
	struct lr_ev_job rec = good();
	const struct fe_job *j;

	(void)state;
	rec.op = LR_JOB_SUBMIT;
	rec.flags = LR_JOB_F_SLEPT;
	j = feed(r, rec);
	assert_non_null(j);
	assert_int_equal(j->start_ns, 0);
	assert_int_equal(j->end_ns, 0);
	assert_int_equal(j->flags, FE_JOB_SLEPT);
	assert_int_equal(j->counter, 0);
	assert_false(j->clock.has & FE_CLOCK_IDLE);
	run_free(r);
}

static void test_refused(void **state)
{
	struct run *r = run_new();
	struct lr_ev_job rec[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rec); i++)
		rec[i] = good();
	rec[0].op = 0;
	rec[1].op = LR_JOB_DONE + 1;
	rec[2].kind = LR_JOB_ZLIB + 1;
	rec[3].job = 0;
	rec[4].h.size--;
	for (size_t i = 0; i < ARRAY_SIZE(rec); i++) {
		assert_null(feed(r, rec[i]));
		assert_int_equal(malformed(r), i + 1);
	}
	run_free(r);
}

/* Times that contradict each other are not known; neither is what hangs on them. */
static void test_times(void **state)
{
	static const struct {
		uint64_t submit, start, end;
		uint64_t has_submit, has_start, has_end;
	} of[] = {
		{TS + 1, TS - 2, TS - 1, 0, 0, 0},
		{TS - 3, TS - 4, TS - 1, TS - 3, 0, 0},
		{TS - 3, TS + 1, TS + 2, TS - 3, 0, 0},
		{TS - 3, TS - 2, TS - 3, TS - 3, TS - 2, 0},
		{TS - 3, TS - 2, TS + 1, TS - 3, TS - 2, 0},
		{TS - 3, 0, 0, TS - 3, 0, 0}, /* cancelled */
		{TS - 3, 0, TS - 1, TS - 3, 0, 0},
		{TS, TS, TS, TS, TS, TS},
		{UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0, 0},
	};
	struct run *r = run_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		struct lr_ev_job rec = good();
		const struct fe_job *j;

		rec.submit_ns = of[i].submit;
		rec.start_ns = of[i].start;
		rec.end_ns = of[i].end;
		j = feed(r, rec);
		assert_non_null(j);
		assert_int_equal(j->submit_ns, of[i].has_submit);
		assert_int_equal(j->start_ns, of[i].has_start);
		assert_int_equal(j->end_ns, of[i].has_end);
	}
	run_free(r);
}

static void test_counter_is_no_number(void **state)
{
	struct run *r = run_new();
	struct lr_ev_job rec = good();

	(void)state;
	rec.counter = bits(-3.5);
	assert_int_equal(feed(r, rec)->counter, 0);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_members),
		cmocka_unit_test(test_submit),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_counter_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

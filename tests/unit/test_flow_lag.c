// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How late a loop was: which events say so, and which only look as if they did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "events.h"
#include "flow_lag.h"

#define MS 1000000ULL

static struct flow_lag lag;

static int begin(void **state)
{
	(void)state;
	memset(&lag, 0, sizeof(lag));
	return 0;
}

static int end(void **state)
{
	(void)state;
	flow_lag__destroy(&lag);
	flow_lag__destroy(&lag);
	return 0;
}

static void feed(struct flow_event ev)
{
	assert_int_equal(flow_lag__event(&lag, &ev), 0);
}

static void in(uint64_t conn, uint64_t ts, uint64_t arrival, uint32_t flags)
{
	feed((struct flow_event){.type = FE_IN,
				 .ts = ts,
				 .io = {.conn = conn, .arrival_ns = arrival, .flags = flags}});
}

static void client(uint8_t op, uint64_t conn, uint64_t ts, uint64_t arrival)
{
	feed((struct flow_event){
		.type = FE_CLIENT,
		.ts = ts,
		.client = {.conn = conn, .op = op, .arrival_ns = arrival, .bytes = 10}});
}

static uint64_t count(enum flow_lag_source source)
{
	return lag.by[source] ? lag.by[source]->count : 0;
}

static void test_requests(void **state)
{
	(void)state;
	in(1, 10 * MS, 7 * MS, FE_F_HEAD | FE_F_END);
	assert_int_equal(count(FLOW_LAG_REQUEST), 1);
	assert_int_equal(lag.by[FLOW_LAG_REQUEST]->max, 3 * MS);
	in(1, 10 * MS, 7 * MS, FE_F_HEAD);		  /* pipelined, in the same receive */
	in(1 + (5ULL << 32), 10 * MS, 7 * MS, FE_F_HEAD); /* a stream of it */
	in(1, 20 * MS, 15 * MS, 0);			  /* more of a body */
	in(1, 30 * MS, 0, FE_F_HEAD);			  /* not known */
	in(1, 40 * MS, 41 * MS, FE_F_HEAD);		  /* not possible */
	assert_int_equal(count(FLOW_LAG_REQUEST), 1);
	in(2, 50 * MS, 49 * MS, FE_F_PART);
	assert_int_equal(count(FLOW_LAG_REQUEST), 2);
}

static void test_responses(void **state)
{
	(void)state;
	client(LR_CLIENT_RECEIVE, 9, 5 * MS, 4 * MS); /* nothing was asked */
	client(LR_CLIENT_SEND, 9, 10 * MS, 0);
	client(LR_CLIENT_SEND, 9, 11 * MS, 0);
	client(LR_CLIENT_RECEIVE, 8, 12 * MS, 4 * MS);
	client(LR_CLIENT_RECEIVE, 9, 20 * MS, 18 * MS);
	client(LR_CLIENT_RECEIVE, 9, 90 * MS, 30 * MS); /* the rest, read at leisure */
	assert_int_equal(count(FLOW_LAG_RESPONSE), 1);
	assert_int_equal(lag.by[FLOW_LAG_RESPONSE]->max, 2 * MS);
	client(LR_CLIENT_SEND, 9, 100 * MS, 0);
	client(LR_CLIENT_RECEIVE, 9, 120 * MS, 115 * MS);
	assert_int_equal(count(FLOW_LAG_RESPONSE), 2);
}

static void test_jobs_and_timers(void **state)
{
	struct flow_hist all;

	(void)state;
	feed((struct flow_event){
		.type = FE_JOB, .ts = 10 * MS, .job = {.op = LR_JOB_DONE, .end_ns = 9 * MS}});
	feed((struct flow_event){.type = FE_JOB, .ts = 11 * MS, .job = {.op = LR_JOB_DONE}});
	feed((struct flow_event){
		.type = FE_JOB, .ts = 11 * MS, .job = {.op = LR_JOB_SUBMIT, .end_ns = 5 * MS}});
	feed((struct flow_event){.type = FE_TURN,
				 .ts = 20 * MS,
				 .turn = {.kind = LR_TURN_TIMERS, .due_ns = 16 * MS}});
	feed((struct flow_event){.type = FE_TURN,
				 .ts = 20 * MS,
				 .turn = {.kind = LR_TURN_IMMEDIATES, .due_ns = 16 * MS}});
	feed((struct flow_event){.type = FE_OUT, .ts = 30 * MS, .io = {.arrival_ns = MS}});
	assert_int_equal(count(FLOW_LAG_JOB), 1);
	assert_int_equal(count(FLOW_LAG_TIMER), 1);
	flow_lag__all(&lag, &all);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.min, MS);
	assert_int_equal(all.max, 4 * MS);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < FLOW_LAG_SOURCES; i++)
		assert_non_null(flow_lag__name((enum flow_lag_source)i));
	assert_null(flow_lag__name(FLOW_LAG_SOURCES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_requests, begin, end),
		cmocka_unit_test_setup_teardown(test_responses, begin, end),
		cmocka_unit_test_setup_teardown(test_jobs_and_timers, begin, end),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

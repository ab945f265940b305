// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Health in the model: what events are of which environment, and of which process's pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "events.h"
#include "model.h"

#define MS 1000000ULL

static struct model_builder *builder;
static struct model *model;

static int begin(void **state)
{
	(void)state;
	model = NULL;
	return model_builder__new(&builder, NULL);
}

static int end(void **state)
{
	(void)state;
	model_builder__free(builder);
	model__free(model);
	return 0;
}

static void feed(struct flow_event ev)
{
	assert_int_equal(model_builder__event(builder, &ev), 0);
}

/* Environment @env of process @pid, on thread @tid: known, with a first sample. */
static void environment(uint32_t pid, uint32_t env, uint32_t tid)
{
	feed((struct flow_event){
		.type = FE_THREAD, .pid = pid, .tid = tid, .ts = MS, .thread.env = env});
	feed((struct flow_event){
		.type = FE_LOOP, .pid = pid, .tid = tid, .ts = MS, .loop.env = env});
}

static void ended(uint32_t pid, uint32_t env, uint32_t tid)
{
	feed((struct flow_event){.type = FE_THREAD,
				 .pid = pid,
				 .tid = tid,
				 .ts = 5 * MS,
				 .thread = {.env = env, .ended = true}});
}

static void request(uint32_t pid, uint32_t tid, uint64_t conn, uint64_t lag)
{
	feed((struct flow_event){
		.type = FE_IN,
		.pid = pid,
		.tid = tid,
		.ts = 1000 * MS,
		.io = {.conn = conn, .flags = FE_F_HEAD, .arrival_ns = 1000 * MS - lag}});
}

static void pulse(uint32_t pid, uint32_t env, uint64_t ts, uint64_t iterations)
{
	feed((struct flow_event){.type = FE_PULSE,
				 .pid = pid,
				 .ts = ts,
				 .pulse = {.env = env, .iterations = iterations}});
}

static void look(void)
{
	model__free(model);
	assert_int_equal(model_builder__snapshot(builder, NULL, &model), 0);
}

static const struct model_health *health(uint32_t pid, uint32_t env)
{
	for (size_t i = 0; i < model->loop_count; i++)
		if (model->loops[i].pid == pid && model->loops[i].env == env)
			return &model->loops[i].health;
	fail_msg("no loop %u/%u", pid, env);
	return NULL;
}

/* Thread numbers say nothing without their process. */
static void test_lag_by_thread(void **state)
{
	(void)state;
	environment(10, 0, 10);
	environment(10, 1, 15);
	environment(20, 0, 15);
	request(10, 10, 1, 3 * MS);
	request(10, 15, 2, 5 * MS);
	request(20, 15, 3, 7 * MS);
	request(20, 15, 4, 9 * MS);
	request(20, 99, 5, 50 * MS); /* of no environment */
	request(20, 0, 6, 50 * MS);
	look();
	assert_int_equal(health(10, 0)->lag.max, 3 * MS);
	assert_int_equal(health(10, 1)->lag.max, 5 * MS);
	assert_int_equal(health(20, 0)->lag.max, 9 * MS);
	assert_int_equal(health(20, 0)->lag.count, 2);
	assert_int_equal(health(20, 0)->lag_by[FLOW_LAG_REQUEST].count, 2);
	assert_int_equal(health(20, 0)->lag_by[FLOW_LAG_TIMER].count, 0);
}

/* A thread that ended runs no loop, and its number may come again. */
static void test_ended(void **state)
{
	(void)state;
	environment(10, 1, 15);
	pulse(10, 1, 100 * MS, 1);
	pulse(10, 1, 900 * MS, 1);
	look();
	assert_int_equal(health(10, 1)->running_ns, 800 * MS);
	ended(10, 1, 15);
	request(10, 15, 1, 3 * MS);
	request(10, 0, 2, 3 * MS);
	look();
	assert_int_equal(health(10, 1)->running_ns, 0);
	assert_int_equal(health(10, 1)->lag.count, 0);
	environment(10, 2, 15);
	request(10, 15, 3, 4 * MS);
	look();
	assert_int_equal(health(10, 1)->lag.count, 0);
	assert_int_equal(health(10, 2)->lag.count, 1);
}

static void test_collections(void **state)
{
	(void)state;
	environment(10, 0, 10);
	environment(10, 1, 15);
	feed((struct flow_event){
		.type = FE_GC, .pid = 10, .gc = {.env = 1, .duration_ns = 4 * MS}});
	feed((struct flow_event){.type = FE_GC, .pid = 10, .gc = {.env = 1, .duration_ns = MS}});
	feed((struct flow_event){.type = FE_GC, .pid = 10, .gc = {.env = 0, .kind = 1}});
	look();
	assert_int_equal(health(10, 1)->gc.count, 2);
	assert_int_equal(health(10, 1)->gc.total_ns, 5 * MS);
	assert_int_equal(health(10, 1)->gc.max_ns, 4 * MS);
	assert_int_equal(health(10, 0)->gc.count, 1);
	assert_int_equal(health(10, 0)->gc.untimed, 1);
	assert_int_equal(model->gc[MODEL_GC_SCAVENGE].count, 2);
}

/* The pool is the process's: jobs of all of its environments come together. */
static void test_pools(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		const uint32_t n = i % 6;
		struct flow_event ev = {
			.type = FE_JOB,
			.pid = n < 4 ? 10 : 20,
			.tid = 100 + n % 2,
			.ts = (5 + i) * MS,
			.job = {.op = LR_JOB_SUBMIT, .job = n, .submit_ns = 5 * MS}};

		if (i >= 6) {
			ev.job.op = LR_JOB_DONE;
			ev.job.kind = LR_JOB_ZLIB;
			ev.job.start_ns = 6 * MS;
			ev.job.end_ns = 9 * MS;
		}
		feed(ev);
	}
	look();
	assert_int_equal(model->pool_count, 2);
	assert_int_equal(model->pools[0].pid, 10);
	assert_int_equal(model->pools[0].stats.done, 4);
	assert_int_equal(model->pools[0].stats.depth_max, 4);
	assert_int_equal(model->pools[0].queued.max, MS);
	assert_int_equal(model->pools[1].pid, 20);
	assert_int_equal(model->pools[1].stats.done, 2);
}

/* Nothing but a sample: all that pulses tell is unknown, with a reason. */
static void test_nothing(void **state)
{
	(void)state;
	environment(10, 0, 10);
	look();
	assert_int_equal(health(10, 0)->iterations_unknown, FLOW_COUNT_UNREADABLE);
	assert_int_equal(health(10, 0)->microtasks_unknown, FLOW_COUNT_UNREADABLE);
	assert_int_equal(health(10, 0)->lag.count, 0);
	assert_int_equal(model->pool_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lag_by_thread, begin, end),
		cmocka_unit_test_setup_teardown(test_ended, begin, end),
		cmocka_unit_test_setup_teardown(test_collections, begin, end),
		cmocka_unit_test_setup_teardown(test_pools, begin, end),
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

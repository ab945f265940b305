// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A thread pool from its jobs: waiting, work by kind, depth; also against a plain computation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "events.h"
#include "flow_pool_jobs.h"

#define MS 1000000ULL

static struct flow_pool_jobs *pool;
static struct flow_pool_stats stats;
static struct flow_hist queued;

static int begin(void **state)
{
	(void)state;
	return flow_pool_jobs__new(&pool);
}

static int end(void **state)
{
	(void)state;
	flow_pool_jobs__free(pool);
	flow_pool_jobs__free(NULL);
	return 0;
}

static void submit(uint64_t job, uint64_t ts)
{
	struct fe_job j = {.op = LR_JOB_SUBMIT, .kind = LR_JOB_FS, .job = job, .submit_ns = ts};

	assert_int_equal(flow_pool_jobs__add(pool, ts, &j), 0);
}

static void done(uint64_t job, uint8_t kind, uint64_t at, uint64_t start, uint64_t stop)
{
	struct fe_job j = {.op = LR_JOB_DONE,
			   .kind = kind,
			   .job = job,
			   .submit_ns = at,
			   .start_ns = start,
			   .end_ns = stop};

	assert_int_equal(flow_pool_jobs__add(pool, stop ? stop : at + MS, &j), 0);
}

static void look(void)
{
	flow_pool_jobs__stats(pool, &stats, &queued);
}

static void test_nothing(void **state)
{
	(void)state;
	look();
	assert_int_equal(stats.submitted + stats.done + stats.open + stats.depth_max, 0);
	assert_int_equal(queued.count, 0);
}

/* One thread, three jobs at once: two wait, one behind the other. */
static void test_queue(void **state)
{
	(void)state;
	submit(1, 100 * MS);
	submit(2, 101 * MS);
	submit(3, 102 * MS);
	look();
	assert_int_equal(stats.open, 3);
	assert_int_equal(stats.done, 0);
	done(1, LR_JOB_FS, 100 * MS, 100 * MS, 110 * MS);
	done(2, LR_JOB_DNS, 101 * MS, 110 * MS, 115 * MS);
	look();
	assert_int_equal(stats.depth_max, 1); /* as far as is known */
	done(3, LR_JOB_FS, 102 * MS, 115 * MS, 130 * MS);
	look();
	assert_int_equal(stats.depth_max, 2);
	assert_false(stats.depth_partial);
	assert_int_equal(stats.open, 0);
	assert_int_equal(stats.open_max, 3);
	assert_int_equal(stats.done, 3);
	assert_int_equal(stats.queued_ns, 9 * MS + 13 * MS);
	assert_int_equal(queued.count, 3);
	assert_int_equal(queued.max, 13 * MS);
	assert_int_equal(stats.kind[LR_JOB_FS].jobs, 2);
	assert_int_equal(stats.kind[LR_JOB_FS].work_ns, 25 * MS);
	assert_int_equal(stats.kind[LR_JOB_FS].max_ns, 15 * MS);
	assert_int_equal(stats.kind[LR_JOB_DNS].jobs, 1);
	assert_int_equal(stats.wall_ns, 30 * MS);
}

/* One that leaves when another comes never stood beside it. */
static void test_same_moment(void **state)
{
	(void)state;
	submit(1, 10 * MS);
	submit(2, 20 * MS);
	done(1, LR_JOB_FS, 10 * MS, 20 * MS, 25 * MS);
	done(2, LR_JOB_FS, 20 * MS, 30 * MS, 35 * MS);
	look();
	assert_int_equal(stats.depth_max, 1);
}

static void test_not_seen(void **state)
{
	(void)state;
	submit(1, 10 * MS);
	done(1, LR_JOB_FS, 10 * MS, 0, 0);		/* cancelled */
	done(7, LR_JOB_ZLIB, 5 * MS, 8 * MS, 9 * MS);	/* from before the attach */
	done(8, LR_JOB_ZLIB, 15 * MS, 8 * MS, 19 * MS); /* cannot be */
	done(9, 200, 15 * MS, 15 * MS, 19 * MS);
	submit(2, 50 * MS);
	submit(2, 60 * MS); /* its end was lost */
	look();
	assert_int_equal(stats.unknown, 2);
	assert_int_equal(stats.done, 2);
	assert_int_equal(stats.kind[LR_JOB_ZLIB].jobs, 1);
	assert_int_equal(stats.kind[LR_JOB_OTHER].jobs, 1);
	assert_int_equal(stats.open, 1);
}

/* More than are followed: said so, and nothing breaks. */
static void test_flood(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 40000; i++)
		submit(i, (i + 1) * MS);
	look();
	assert_true(stats.depth_partial);
	assert_int_equal(stats.open, 16384);
	for (uint64_t i = 0; i < 40000; i++)
		done(i, LR_JOB_FS, (i + 1) * MS, (i + 50000) * MS, (i + 50001) * MS);
	look();
	assert_int_equal(stats.done, 40000);
	assert_int_equal(stats.open, 0);
}

struct job {
	uint64_t submit, start, stop;
	bool told;
};

static int by_stop(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	return x->stop < y->stop ? -1 : x->stop > y->stop;
}

/* Four threads, bursts; the depth by looking at every submission, one by one. */
static void test_random(void **state)
{
	static struct job jobs[2000];
	uint64_t thread[4] = {0}, now = MS;
	uint32_t deepest = 0;
	size_t next = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 2000; i++) {
		int free = 0;

		now += (uint64_t)rand() % (i % 100 < 50 ? MS / 10 : 3 * MS);
		for (int k = 1; k < 4; k++)
			free = thread[k] < thread[free] ? k : free;
		jobs[i].submit = now;
		jobs[i].start = thread[free] > now ? thread[free] : now;
		jobs[i].stop = thread[free] = jobs[i].start + (uint64_t)rand() % (4 * MS);
	}
	for (int i = 0; i < 2000; i++) {
		uint32_t depth = 0;

		for (int k = 0; k < 2000; k++)
			depth += jobs[k].submit <= jobs[i].submit && jobs[k].start > jobs[i].submit;
		deepest = depth > deepest ? depth : deepest;
	}
	/* Told in the order of time: submissions, and ends. */
	for (int i = 0; i < 2000; i++) {
		static struct job ended[2000];
		size_t n = 0;

		for (size_t k = 0; k < next; k++)
			if (!jobs[k].told && jobs[k].stop <= jobs[i].submit)
				ended[n++] = jobs[k], jobs[k].told = true;
		qsort(ended, n, sizeof(ended[0]), by_stop);
		for (size_t k = 0; k < n; k++)
			done(ended[k].submit, LR_JOB_FS, ended[k].submit, ended[k].start,
			     ended[k].stop);
		submit(jobs[i].submit, jobs[i].submit);
		next++;
	}
	for (size_t k = 0; k < next; k++)
		if (!jobs[k].told)
			done(jobs[k].submit, LR_JOB_FS, jobs[k].submit, jobs[k].start,
			     jobs[k].stop);
	look();
	assert_int_equal(stats.depth_max, deepest);
	assert_true(deepest > 10);
	assert_false(stats.depth_partial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_queue, begin, end),
		cmocka_unit_test_setup_teardown(test_same_moment, begin, end),
		cmocka_unit_test_setup_teardown(test_not_seen, begin, end),
		cmocka_unit_test_setup_teardown(test_flood, begin, end),
		cmocka_unit_test_setup_teardown(test_random, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

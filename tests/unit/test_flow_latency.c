// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The histogram of durations: exact small values, the promised error, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_latency.h"

static struct flow_hist h, other;

static int clear(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(flow_hist__quantile(&h, 0.5), 0);
	flow_hist__merge(&h, &other);
	assert_int_equal(h.count, 0);
}

static void test_small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 100; v++)
		flow_hist__add(&h, v);
	assert_int_equal(flow_hist__quantile(&h, 0), 0);
	assert_int_equal(flow_hist__quantile(&h, 0.5), 49); /* the 50th of 0..99 */
	assert_int_equal(flow_hist__quantile(&h, 0.25), 24);
	assert_int_equal(flow_hist__quantile(&h, 1), 99);
	assert_int_equal(h.sum, 4950);
	assert_int_equal(h.min, 0);
}

static uint64_t far(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* One value between two extremes, so that clamping does not help. */
static void check_error(uint64_t v)
{
	uint64_t q;

	clear(NULL);
	flow_hist__add(&h, 0);
	flow_hist__add(&h, v);
	flow_hist__add(&h, UINT64_MAX / 2);
	q = flow_hist__quantile(&h, 0.5);
	assert_true(far(q, v) * 128 <= v);
}

static void test_error_bound(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	for (uint64_t v = 1; v < 3600000000000ULL; v += 1 + v / 97)
		check_error(v);
	for (int shift = 0; shift < 42; shift++) {
		check_error(1ULL << shift);
		check_error((1ULL << shift) + 1);
		check_error((2ULL << shift) - 1);
	}
	for (int i = 0; i < 2000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		check_error(x % 3600000000000ULL);
	}
}

static void test_never_outside(void **state)
{
	(void)state;
	flow_hist__add(&h, 1000001);
	for (int q = 0; q <= 100; q++)
		assert_int_equal(flow_hist__quantile(&h, q / 100.0), 1000001);
	flow_hist__add(&h, UINT64_MAX); /* beyond the last bucket */
	assert_int_equal(h.max, UINT64_MAX);
	assert_int_equal(flow_hist__quantile(&h, 1), UINT64_MAX);
	assert_true(flow_hist__quantile(&h, 0.99) >= 1ULL << 41);
	assert_int_equal(h.sum, UINT64_MAX); /* saturated, not wrapped */
}

static void test_ranks(void **state)
{
	(void)state;
	for (int i = 0; i < 990; i++)
		flow_hist__add(&h, 10);
	for (int i = 0; i < 10; i++)
		flow_hist__add(&h, 50);
	assert_int_equal(flow_hist__quantile(&h, 0.99), 10);
	assert_int_equal(flow_hist__quantile(&h, 0.991), 50);
	assert_int_equal(flow_hist__quantile(&h, -1), 10);
	assert_int_equal(flow_hist__quantile(&h, 2), 50);
}

static void test_merge(void **state)
{
	struct flow_hist both;

	(void)state;
	memset(&both, 0, sizeof(both));
	for (uint64_t i = 0; i < 1000; i++) {
		flow_hist__add(i % 3 ? &h : &other, i * i * 1000);
		flow_hist__add(&both, i * i * 1000);
	}
	flow_hist__merge(&h, &other);
	assert_memory_equal(&h, &both, sizeof(h));
	memset(&other, 0, sizeof(other));
	flow_hist__merge(&other, &h);
	assert_memory_equal(&other, &both, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, clear),
		cmocka_unit_test_setup(test_small_values_are_exact, clear),
		cmocka_unit_test_setup(test_error_bound, clear),
		cmocka_unit_test_setup(test_never_outside, clear),
		cmocka_unit_test_setup(test_ranks, clear),
		cmocka_unit_test_setup(test_merge, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

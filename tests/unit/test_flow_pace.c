// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A made-up loop is pulsed at moments of our choosing, and what it did is known: iterations,
 * busy time and microtasks have to come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_pace.h"

#define MS 1000000ULL
#define T0 (1000 * MS)

static struct flow_pace pace;

/* The loop: polls until `wakes`, works until `sleeps`, and so on. */
struct sim {
	uint64_t now, idle, entry, count, woke, microtasks;
};

static struct sim sim;

static int begin(void **state)
{
	(void)state;
	memset(&pace, 0, sizeof(pace));
	sim = (struct sim){.now = T0, .idle = 10 * MS, .entry = T0 - MS, .count = 100};
	return 0;
}

static void pulse(uint8_t flags)
{
	struct fe_pulse p = {
		.flags = flags,
		.idle_ns = sim.idle,
		.entry_ns = sim.entry,
		.time_ns = sim.woke - sim.woke % MS,
		.iterations = sim.count,
		.microtasks = sim.microtasks,
	};

	flow_pace__add(&pace, sim.now, &p);
}

static void poll_for(uint64_t ns)
{
	if (!sim.entry) {
		sim.entry = sim.now;
		sim.count++;
	}
	sim.now += ns;
}

static void work_for(uint64_t ns)
{
	if (sim.entry) {
		sim.idle += sim.now - sim.entry;
		sim.entry = 0;
		sim.woke = sim.now;
	}
	sim.now += ns;
}

static uint64_t at(double q)
{
	return flow_hist__quantile(&pace.iterations, q);
}

static void test_nothing(void **state)
{
	double share, low, high;

	(void)state;
	assert_int_equal(flow_pace__iterations_unknown(&pace), FLOW_COUNT_UNREADABLE);
	assert_int_equal(flow_pace__microtasks_unknown(&pace), FLOW_COUNT_UNREADABLE);
	assert_false(flow_pace__drain_share(&pace, &share, &low, &high));
	pulse(0);
	assert_int_equal(flow_pace__iterations_unknown(&pace), FLOW_COUNT_KNOWN);
	assert_int_equal(pace.iterations.count, 0);
	poll_for(5000 * MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 0);
	assert_int_equal(pace.busy_ns, 0);
	assert_int_equal(pace.wall_ns, 5000 * MS);
}

/* One iteration over many pulses is known exactly, whenever they come. */
static void test_long_one_is_exact(void **state)
{
	(void)state;
	pulse(0);
	poll_for(3 * MS);
	for (int i = 0; i < 5; i++) {
		work_for(7 * MS + 123);
		pulse(0);
	}
	work_for(1 * MS);
	poll_for(4 * MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 1);
	assert_int_equal(pace.iterations.max, 36 * MS + 5ULL * 123);
	assert_int_equal(pace.single, 1);
	assert_int_equal(pace.busy_ns, 36 * MS + 5ULL * 123);
	assert_int_equal(pace.running_ns, 0);
}

/* Still running: told apart, not counted as if it had ended. */
static void test_running(void **state)
{
	(void)state;
	pulse(0);
	work_for(40 * MS);
	pulse(0);
	work_for(40 * MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 0);
	assert_int_equal(pace.running_ns, 80 * MS);
	flow_pace__end(&pace);
	assert_int_equal(pace.running_ns, 0);
}

/* Several in one window: their mean, with their number. */
static void test_mean_of_window(void **state)
{
	(void)state;
	pulse(0);
	for (uint64_t i = 1; i <= 4; i++) {
		work_for(i * MS);
		poll_for(MS / 2);
	}
	pulse(0);
	assert_int_equal(pace.iterations.count, 4);
	assert_int_equal(pace.iterations.sum, 10 * MS);
	assert_int_equal(pace.iterations.max, 10 * MS / 4);
	assert_int_equal(pace.single, 0);
}

/*
 * A long one that ends among short ones: the short ones take what they took lately. The sum is
 * right in any case.
 */
static void test_long_among_short(void **state)
{
	(void)state;
	pulse(0);
	for (int i = 0; i < 20; i++) {
		work_for(MS / 10);
		poll_for(MS / 2);
	}
	pulse(0);
	work_for(10 * MS);
	pulse(0);
	work_for(10 * MS);
	pulse(0);
	work_for(8 * MS);
	for (int i = 0; i < 5; i++) {
		poll_for(MS / 10);
		work_for(MS / 10);
	}
	poll_for(MS / 10);
	pulse(0);
	assert_int_equal(pace.iterations.count, 26);
	assert_int_equal(pace.iterations.sum, 28 * MS + 25 * (MS / 10));
	assert_in_range(pace.iterations.max, 28 * MS - 1000, 28 * MS + 1000);
	assert_int_equal(at(0.5), MS / 10);
}

/* Busy at the pulse: what belongs to the iteration that goes on is told by the loop's clock. */
static void test_busy_at_pulse(void **state)
{
	(void)state;
	pulse(0);
	work_for(6 * MS);
	poll_for(2 * MS);
	work_for(3 * MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 1);
	/* to the millisecond */
	assert_in_range(pace.iterations.max, 5 * MS + MS / 2, 6 * MS + MS / 2);
	work_for(9 * MS);
	poll_for(MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 2);
	assert_int_equal(pace.iterations.sum, 18 * MS);
}

/* The words of a pulse are read one after the other. */
static void test_torn(void **state)
{
	struct fe_pulse p;

	(void)state;
	pulse(0);
	poll_for(2000 * MS);
	/* The poll's beginning is gone, its length not added yet. */
	p = pace.last;
	p.entry_ns = 0;
	flow_pace__add(&pace, sim.now, &p);
	work_for(MS);
	poll_for(MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 1);
	assert_int_equal(pace.iterations.max, MS);
	assert_int_equal(pace.busy_ns, MS);
}

/* Another loop, or no loop: nothing is concluded across. */
static void test_restart(void **state)
{
	struct fe_pulse bad = {.idle_ns = UINT64_MAX, .iterations = UINT64_MAX};

	(void)state;
	pulse(0);
	flow_pace__add(&pace, sim.now + MS, &bad); /* cannot be */
	assert_int_equal(pace.restarts, 0);
	work_for(30 * MS);
	poll_for(MS);
	sim.count = 3;
	sim.idle = 0;
	pulse(0);
	assert_int_equal(pace.restarts, 1);
	assert_int_equal(pace.iterations.count, 0);
	work_for(2 * MS);
	poll_for(MS);
	pulse(0);
	assert_int_equal(pace.iterations.count, 1);
	assert_int_equal(pace.iterations.max, 2 * MS);
	sim.count += 1ULL << 40;
	sim.now += MS;
	pulse(0);
	assert_int_equal(pace.iterations.count, 1);
	assert_int_equal(pace.restarts, 2);
}

static void test_not_counted(void **state)
{
	struct fe_pulse p = {.iterations_unknown = FLOW_COUNT_NOT_KEPT,
			     .microtasks_unknown = FLOW_COUNT_NOT_DECODED,
			     .idle_ns = MS};
	double share, low, high;

	(void)state;
	flow_pace__add(&pace, T0, &p);
	flow_pace__add(&pace, T0 + 10 * MS, &p);
	assert_int_equal(flow_pace__iterations_unknown(&pace), FLOW_COUNT_NOT_KEPT);
	assert_int_equal(flow_pace__microtasks_unknown(&pace), FLOW_COUNT_NOT_DECODED);
	assert_int_equal(pace.iterations.count, 0);
	assert_int_equal(pace.busy_ns, 10 * MS);
	assert_false(flow_pace__drain_share(&pace, &share, &low, &high));
	p.iterations_unknown = p.microtasks_unknown = 77; /* of a later version */
	flow_pace__add(&pace, T0 + 20 * MS, &p);
	assert_int_equal(flow_pace__iterations_unknown(&pace), FLOW_COUNT_UNREADABLE);
	assert_int_equal(flow_pace__microtasks_unknown(&pace), FLOW_COUNT_UNREADABLE);
}

/* 40 busy samples in as many iterations, 10 of them draining; forced ones are no samples. */
static void test_microtasks(void **state)
{
	double share, low, high;

	(void)state;
	pulse(FE_PULSE_FORCED);
	for (int i = 0; i < 40; i++) {
		work_for(MS);
		sim.microtasks += 25;
		pulse(i % 4 ? 0 : FE_PULSE_DRAINING);
		pulse(FE_PULSE_FORCED | FE_PULSE_DRAINING);
		poll_for(9 * MS);
		pulse(0);
	}
	assert_int_equal(pace.microtasks, 1000);
	assert_int_equal(pace.microtasks_wall_ns, 400 * MS);
	assert_int_equal(pace.samples, 40);
	assert_true(flow_pace__drain_share(&pace, &share, &low, &high));
	assert_float_equal(share, 0.25, 1e-9);
	assert_float_equal(low, 0.1419, 1e-3); /* Wilson's interval of 10 of 40 */
	assert_float_equal(high, 0.4019, 1e-3);
}

/* Samples of one iteration say the same thing again: the bounds do not narrow. */
static void test_samples_of_one_iteration(void **state)
{
	double share, low, high;

	(void)state;
	pulse(FE_PULSE_FORCED);
	for (int i = 0; i < 100; i++) {
		work_for(10 * MS);
		pulse(FE_PULSE_DRAINING);
	}
	assert_int_equal(pace.samples, 100);
	assert_int_equal(pace.runs, 1);
	assert_true(flow_pace__drain_share(&pace, &share, &low, &high));
	assert_float_equal(share, 1, 1e-9);
	assert_true(low < 0.25 && high == 1);
}

/* Whatever the loop does and whenever it is looked at, time and number add up. */
static void test_random(void **state)
{
	uint64_t worked = 0, ended = 0;

	(void)state;
	srand(23);
	pulse(0);
	for (int i = 0; i < 20000; i++) {
		uint64_t part = (uint64_t)rand() % (3 * MS);

		work_for(part);
		worked += part;
		if (rand() % 3 == 0)
			pulse(0);
		if (rand() % 2) {
			poll_for((uint64_t)rand() % (2 * MS));
			ended++;
		}
		if (rand() % 3 == 0)
			pulse(0);
	}
	poll_for(MS);
	pulse(0);
	ended = sim.count - 100;
	assert_int_equal(pace.iterations.count, ended);
	assert_int_equal(pace.busy_ns, worked);
	/* Means are cut off to nanoseconds. */
	assert_in_range(pace.iterations.sum, worked - ended, worked);
	assert_int_equal(pace.restarts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, begin),
		cmocka_unit_test_setup(test_long_one_is_exact, begin),
		cmocka_unit_test_setup(test_running, begin),
		cmocka_unit_test_setup(test_mean_of_window, begin),
		cmocka_unit_test_setup(test_long_among_short, begin),
		cmocka_unit_test_setup(test_busy_at_pulse, begin),
		cmocka_unit_test_setup(test_torn, begin),
		cmocka_unit_test_setup(test_restart, begin),
		cmocka_unit_test_setup(test_not_counted, begin),
		cmocka_unit_test_setup(test_microtasks, begin),
		cmocka_unit_test_setup(test_samples_of_one_iteration, begin),
		cmocka_unit_test_setup(test_random, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

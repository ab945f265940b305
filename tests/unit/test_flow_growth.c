// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Trends of sampled numbers: what grows, what fills up, what only goes up and down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow_growth.h"
#include "model_waiting.h"

#define SEC   1000000000ULL
#define START (77 *SEC)

/* @seconds of samples each @step_ns; what @f gives for each second. */
static enum flow_trend trend_of(uint64_t seconds, uint64_t step_ns, uint32_t (*f)(uint64_t ns),
				double *per_s, struct flow_growth *g)
{
	memset(g, 0, sizeof(*g));
	for (uint64_t ns = 0; ns <= seconds *SEC; ns += step_ns)
		flow_growth__add(g, START + ns, f(ns));
	return flow_growth__trend(g, per_s);
}

static uint32_t constant(uint64_t ns)
{
	(void)ns;
	return 40;
}

static uint32_t ten_a_second(uint64_t ns)
{
	return (uint32_t)(ns / (SEC / 10));
}

/* Under load that goes up and down; what is left behind stays. */
static uint32_t waves(uint64_t ns)
{
	return (uint32_t)(ns / SEC % 7 * 100);
}

static uint32_t waves_that_rise(uint64_t ns)
{
	return waves(ns) + (uint32_t)(ns / SEC) * 3;
}

/* Timers of 15 s, one for each request: full after that. */
static uint32_t fills(uint64_t ns)
{
	return ten_a_second(ns < 15 *SEC ? ns : 15 *SEC);
}

static uint32_t falls(uint64_t ns)
{
	return 100000 - ten_a_second(ns);
}

static uint32_t hardly(uint64_t ns)
{
	return 5 + (uint32_t)(ns / SEC / 15);
}

static void test_trends(void **state)
{
	static const struct {
		uint32_t (*f)(uint64_t ns);
		enum flow_trend trend;
	} cases[] = {
		{constant, TREND_STEADY}, {ten_a_second, TREND_LINEAR},
		{waves, TREND_STEADY},	  {waves_that_rise, TREND_LINEAR},
		{fills, TREND_SLOWING},	  {falls, TREND_STEADY},
		{hardly, TREND_STEADY},
	};
	struct flow_growth g;
	double per_s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint64_t step = SEC / 100; step <= SEC; step *= 10) {
			enum flow_trend t = trend_of(60, step, cases[i].f, &per_s, &g);

			if (t != cases[i].trend)
				fail_msg("case %zu, step %llu ns: %d", i, (unsigned long long)step,
					 t);
			assert_true((per_s > 0) == (t == TREND_LINEAR || t == TREND_SLOWING));
		}
	}
}

static void test_figures(void **state)
{
	struct flow_growth g;
	double per_s;

	(void)state;
	/* An hour: the buckets have become wide. */
	assert_int_equal(trend_of(3600, SEC, ten_a_second, &per_s, &g), TREND_LINEAR);
	assert_true(per_s > 9.5 && per_s < 10.5);
	assert_int_equal(g.samples, 3601);
	assert_int_equal(g.min, 0);
	assert_int_equal(g.max, 36000);
	assert_int_equal(g.last, 36000);
	assert_int_equal(trend_of(60, SEC, waves, &per_s, &g), TREND_STEADY);
	assert_int_equal(g.min, 0);
	assert_int_equal(g.max, 600);
	assert_int_equal(g.last, 400);
}

static void test_short(void **state)
{
	struct flow_growth g = {0};
	double per_s = 1;

	(void)state;
	assert_int_equal(flow_growth__trend(&g, &per_s), TREND_SHORT);
	assert_true(per_s == 0);
	assert_int_equal(trend_of(19, SEC, ten_a_second, &per_s, &g), TREND_SHORT);
	assert_int_equal(trend_of(20, SEC, ten_a_second, &per_s, &g), TREND_LINEAR);
	/* Nothing is known of what was between. */
	memset(&g, 0, sizeof(g));
	flow_growth__add(&g, START, 1);
	flow_growth__add(&g, START + 100 *SEC, 1000);
	assert_int_equal(flow_growth__trend(&g, &per_s), TREND_SHORT);
}

static void test_odd_times(void **state)
{
	struct flow_growth g = {0};
	double per_s;

	(void)state;
	flow_growth__add(&g, START, 5);
	flow_growth__add(&g, START - SEC, 7); /* taken as at START */
	flow_growth__add(&g, UINT64_MAX, 9);
	assert_int_equal(g.samples, 3);
	assert_int_equal(g.last, 9);
	assert_int_equal(flow_growth__trend(&g, &per_s), TREND_SHORT);
}

/* ---- what the model makes of it ---- */

static void sample(struct waiting_state *w, uint64_t s, struct fe_count timers,
		   struct fe_count immediates)
{
	struct flow_event ev = {.type = FE_TIMERS, .ts = START + s *SEC};

	ev.timers.timers = timers;
	ev.timers.immediates = immediates;
	waiting_state__add(w, &ev);
}

static void test_waiting(void **state)
{
	struct waiting_state w = {0};
	struct model_waiting m;

	(void)state;
	for (uint32_t s = 0; s <= 30; s++)
		/* One reading that failed among those that did not. */
		sample(&w, s,
		       (struct fe_count){.unknown =
						 s == 30 ? FLOW_COUNT_UNREADABLE : FLOW_COUNT_KNOWN,
					 .value = 10 * s},
		       (struct fe_count){.unknown = FLOW_COUNT_NOT_KEPT, .value = 7});
	waiting_state__snapshot(&w, &m);
	assert_int_equal(m.timers.unknown, FLOW_COUNT_KNOWN);
	assert_int_equal(m.timers.now, 290);
	assert_int_equal(m.timers.max, 290);
	assert_int_equal(m.timers.trend, TREND_LINEAR);
	assert_int_equal(m.immediates.unknown, FLOW_COUNT_NOT_KEPT);
	assert_int_equal(m.immediates.now, 0);
	/* A reason of a later version. */
	memset(&w, 0, sizeof(w));
	sample(&w, 0, (struct fe_count){.unknown = 200}, (struct fe_count){.value = 3});
	waiting_state__snapshot(&w, &m);
	assert_int_equal(m.timers.unknown, FLOW_COUNT_UNREADABLE);
	assert_int_equal(m.immediates.unknown, FLOW_COUNT_KNOWN);
	assert_int_equal(m.immediates.now, 3);
	assert_int_equal(m.immediates.trend, TREND_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trends),	cmocka_unit_test(test_figures),
		cmocka_unit_test(test_short),	cmocka_unit_test(test_odd_times),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "finding_test.h"
#include "model_heat.h"
#include "out_test.h"

#define MS 1000000ULL
#define S  1000000000ULL

static void add(struct model_heat *h, uint64_t end_ns, uint64_t latency_ns, uint16_t status)
{
	struct flow_req r = {.start_ns = end_ns - latency_ns,
			     .end_ns = end_ns,
			     .status = status,
			     .end = REQ_COMPLETE};

	model_heat__add(h, &r);
}

static struct heat_step sum(const struct model_heat *h)
{
	struct heat_step all = {0};

	for (unsigned int s = 0; s < HEAT_STEPS; s++) {
		for (unsigned int r = 0; r < HEAT_ROWS; r++)
			all.by_latency[r] += h->step[s].by_latency[r];
		all.ended += h->step[s].ended;
		all.errors += h->step[s].errors;
		all.mismatched += h->step[s].mismatched;
	}
	return all;
}

static void test_rows(void **state)
{
	struct model_heat h;

	(void)state;
	assert_int_equal(heat_row__low(0), 0);
	assert_int_equal(heat_row__low(1), 100000);
	assert_int_equal(heat_row__low(4), 560000);
	assert_int_equal(heat_row__low(5), 1 * MS);
	assert_int_equal(heat_row__low(9), 10 * MS);
	assert_int_equal(heat_row__low(HEAT_ROWS - 1), 56 * S);
	for (unsigned int r = 0; r < HEAT_ROWS; r++) {
		model_heat__init(&h, 0);
		add(&h, 200 * S, heat_row__low(r), 200);
		assert_int_equal(sum(&h).by_latency[r], 1);
		if (!r)
			continue;
		model_heat__init(&h, 0);
		add(&h, 200 * S, heat_row__low(r) - 1, 200);
		assert_int_equal(sum(&h).by_latency[r - 1], 1);
	}
	model_heat__init(&h, 0);
	add(&h, 2000 * S, 1500 * S, 200);
	assert_int_equal(sum(&h).by_latency[HEAT_ROWS - 1], 1);
}

/* However long it takes, the memory is the same and nothing is dropped. */
static void test_halves(void **state)
{
	const uint64_t start = 5 * S;
	struct model_heat h;

	(void)state;
	model_heat__init(&h, start);
	for (uint64_t i = 0; i < 36000; i++)
		add(&h, start + i * 100 * MS, MS, i % 10 ? 200 : 503);
	assert_int_equal(sum(&h).ended, 36000);
	assert_int_equal(sum(&h).errors, 3600);
	assert_int_equal(sum(&h).by_latency[5], 36000);
	/* An hour is 128 steps of at least 28.1 s: 10 ms, doubled twelve times, is 41 s. */
	assert_int_equal(h.step_ns, 40960 * MS);
	assert_int_equal(h.used, 3600 * S / h.step_ns + 1);
	for (unsigned int s = 0; s + 1 < h.used; s++) {
		assert_true(h.step[s].ended >= 409);
		assert_true(h.step[s].ended <= 410);
	}
}

static void test_short(void **state)
{
	struct model_heat h;

	(void)state;
	model_heat__init(&h, 1000 * MS);
	add(&h, 900 * MS, MS, 200); /* before the beginning: the first step */
	add(&h, 1009 * MS, MS, 200);
	add(&h, 1010 * MS, MS, 200);
	assert_int_equal(h.step_ns, HEAT_STEP_NS);
	assert_int_equal(h.used, 2);
	assert_int_equal(h.step[0].ended, 2);
	assert_int_equal(h.step[1].ended, 1);
	/* The last moment there is. */
	add(&h, UINT64_MAX, MS, 200);
	assert_int_equal(sum(&h).ended, 4);
	assert_true(h.used <= HEAT_STEPS);
}

static void test_what_counts(void **state)
{
	struct flow_finding lost = test_lost(), fan_out = test_fan_out();
	struct flow_req r = test_request(&lost, 1);
	struct model_heat h;

	(void)state;
	model_heat__init(&h, r.start_ns);
	model_heat__add(&h, &r);
	r.findings = &fan_out; /* by design */
	model_heat__add(&h, &r);
	r.incomplete = REQ_INC_LOSS; /* its latency is not known */
	model_heat__add(&h, &r);
	r.end = REQ_IN_FLIGHT;
	model_heat__add(&h, &r);
	assert_int_equal(sum(&h).ended, 3);
	assert_int_equal(sum(&h).mismatched, 1);
	assert_int_equal(sum(&h).by_latency[9], 2); /* 14.2 ms */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_what_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out_test.h"
#include "fake_live.h"

static void bands_cover_all_durations(void **state)
{
	(void)state;
	assert_int_equal(live_band__from(0), 0);
	for (unsigned int i = 1; i < LIVE_BANDS; i++) {
		assert_true(live_band__from(i) > live_band__from(i - 1));
		assert_int_equal(live_band__of(live_band__from(i)), i);
		assert_int_equal(live_band__of(live_band__from(i) - 1), i - 1);
	}
	assert_int_equal(live_band__of(UINT64_MAX), LIVE_BANDS - 1);
}

static void requests_of_a_view_are_found_by_number(void **state)
{
	struct live_view *v = fake_live();

	(void)state;
	for (uint64_t n = 1; n <= 12; n++)
		assert_int_equal(live_view__request(v, n)->number, n);
	assert_null(live_view__request(v, 0));
	assert_null(live_view__request(v, 13));
	live_view__free(v);
	live_view__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bands_cover_all_durations),
		cmocka_unit_test(requests_of_a_view_are_found_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

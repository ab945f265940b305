// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out_test.h"
#include "progress.h"

#define S 1000000000ULL

static void test_due(void **state)
{
	struct progress p;

	(void)state;
	progress__begin(&p, 100 * S);
	assert_false(progress__due(&p, 100 * S));
	assert_false(progress__due(&p, 100 * S + S / 2 - 1));
	assert_true(progress__due(&p, 100 * S + S / 2));
	p.shown_ns = 101 * S;
	assert_false(progress__due(&p, 101 * S + S / 4 - 1));
	assert_true(progress__due(&p, 101 * S + S / 4));
}

static void is(uint64_t done, uint64_t total, uint64_t after_ns, const char *want)
{
	char text[PROGRESS_TEXT];
	struct progress p;

	progress__begin(&p, 100 * S);
	progress__text(&p, "reading", done, total, 100 * S + after_ns, text);
	assert_string_equal(text, want);
}

static void test_text(void **state)
{
	(void)state;
	is(0, 2000000, S, "reading [........................]   0% of 2.0 MB, ? left");
	is(1000000, 2000000, 4 * S, "reading [############............]  50% of 2.0 MB, 4 s left");
	is(1000000, 100000000, 2 * S,
	   "reading [........................]   1% of 100.0 MB, 3 min 18 s left");
	is(2000000, 2000000, 4 * S, "reading [########################] 100% of 2.0 MB, 0 s left");
	/* It has grown since its size was asked for. */
	is(3000000, 2000000, 4 * S, "reading [########################] 100% of 2.0 MB, 0 s left");
	is(3500000, 0, 61 * S, "reading 3.5 MB, 1 min 1 s"); /* a pipe */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_due),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

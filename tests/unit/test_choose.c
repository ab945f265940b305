// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What answers to the question for processes mean. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "choose.h"
#include "util.h"

#define N 5

static void expect(const char *answer, enum choose_answer what, const char *which)
{
	bool picked[N] = {};

	assert_int_equal(choose__read(answer, N, picked), what);
	for (size_t i = 0; i < N; i++)
		if (picked[i] != (which[i] == 'x'))
			fail_msg("'%s': %zu is %d", answer, i + 1, picked[i]);
}

static void test_answers(void **state)
{
	(void)state;
	expect("", CHOOSE_DEFAULT, ".....");
	expect(" \t\n", CHOOSE_DEFAULT, ".....");
	expect("q\n", CHOOSE_LEAVE, ".....");
	expect(" Quit \n", CHOOSE_LEAVE, ".....");
	expect("all\n", CHOOSE_ALL, ".....");
	expect("ALL", CHOOSE_ALL, ".....");
	expect("1\n", CHOOSE_SOME, "x....");
	expect("5", CHOOSE_SOME, "....x");
	expect("1 3\n", CHOOSE_SOME, "x.x..");
	expect("3,1, 4\n", CHOOSE_SOME, "x.xx.");
	expect("2-4\n", CHOOSE_SOME, ".xxx.");
	expect("1-2,5\n", CHOOSE_SOME, "xx..x");
	expect("2-2", CHOOSE_SOME, ".x...");
	expect("01", CHOOSE_SOME, "x....");
}

/* Nothing is picked of an answer that is not understood as a whole. */
static void test_bad_answers(void **state)
{
	static const char *const bad[] = {
		"0",   "6",	"1 6",
		"-1",  "1-",	"1-6",
		"4-2", "1 x",	"x",
		"1x",  "2-3x",	"1--2",
		"q 1", "all 1", "99999999999999999999",
		"1.5", "1-2-3", "18446744073709551617",
		"+1",  "quite", "allx",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect(bad[i], CHOOSE_BAD, ".....");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_bad_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

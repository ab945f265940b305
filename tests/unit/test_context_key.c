// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "context_key.h"

static void one_name(void **state)
{
	struct lr_path p;

	(void)state;
	memset(&p, 0xff, sizeof(p));
	assert_null(context_key__parse(&p, "requestId"));
	assert_int_equal(p.n, 1);
	assert_int_equal(p.step[0].len, 9);
	assert_memory_equal(p.step[0].text, "requestId\0\0\0\0\0\0\0", 16);
	assert_int_equal(p.label_len, 9);
	assert_string_equal(p.label, "requestId");
}

static void several(void **state)
{
	struct lr_path p;

	(void)state;
	assert_null(context_key__parse(&p, "a.OpenTelemetry Context Key SPAN.c.d.e"));
	assert_int_equal(p.n, 5);
	assert_int_equal(p.step[1].len, 30);
	assert_memory_equal(p.step[1].text, "OpenTelemetry Context Key SPAN\0", 31);
	assert_memory_equal(p.step[4].text, "e\0", 2);
	/* The label has room for whole names only. */
	assert_string_equal(p.label, "c.d.e");
}

/* As it is cut where a field's name is: what is told under it is the same text. */
static void long_label(void **state)
{
	struct lr_path p;

	(void)state;
	assert_null(context_key__parse(&p, "a.a_name_of_more_than_twenty-four_bytes"));
	assert_int_equal(p.label_len, LR_FIELD_NAME);
	assert_string_equal(p.label, "a_name_of_more_than_twen");
	assert_null(context_key__parse(&p, "abcdef.abcdefghijklmnopq"));
	assert_string_equal(p.label, "abcdef.abcdefghijklmnopq");
	assert_null(context_key__parse(&p, "abcdefg.abcdefghijklmnopq"));
	assert_string_equal(p.label, "abcdefghijklmnopq");
}

/* A store's own property may have any name; a path is looked for in ASCII. */
static void other_characters(void **state)
{
	struct lr_path p;

	(void)state;
	assert_null(context_key__parse(&p, "caf\xc3\xa9"));
	assert_int_equal(p.n, 0);
	assert_string_equal(p.label, "caf\xc3\xa9");
	assert_non_null(strstr(context_key__parse(&p, "a.caf\xc3\xa9"), "ASCII"));
}

static void refused(void **state)
{
	static const char *const wrong[] = {"", ".", "a.", ".a", "a..b", "a.b.c.d.e.f"};
	char text[] = "a.0123456789012345678901234567890123456789012345678";
	struct lr_path p;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(strstr(context_key__parse(&p, wrong[i]), "up to 5"));
	assert_non_null(strstr(context_key__parse(&p, text), "48 bytes"));
	text[sizeof(text) - 2] = '\0';
	assert_null(context_key__parse(&p, text));
	assert_int_equal(p.step[1].len, LR_PATH_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_name),   cmocka_unit_test(several),
		cmocka_unit_test(long_label), cmocka_unit_test(other_characters),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <locale.h>
#include <math.h>

#include "json.h"
#include "out_test.h"

struct sink {
	char text[65536];
	size_t len;
	int err;
};

static int take(void *ctx, const void *data, size_t len)
{
	struct sink *s = ctx;

	if (s->err)
		return s->err;
	assert_true(s->len + len < sizeof(s->text));
	memcpy(s->text + s->len, data, len);
	s->len += len;
	s->text[s->len] = '\0';
	return 0;
}

static struct sink sink;
static struct json j;

static void start(void)
{
	memset(&sink, 0, sizeof(sink));
	json__init(&j, take, &sink);
}

static void string_is(const char *in, size_t len, const char *want)
{
	start();
	json__str_n(&j, in, len);
	assert_int_equal(json__finish(&j), 0);
	assert_string_equal(sink.text, want);
}

#define STRING_IS(in, want) string_is(in, sizeof(in) - 1, "\"" want "\"")

static void test_escapes(void **state)
{
	(void)state;
	STRING_IS("", "");
	STRING_IS("plain /path?", "plain /path?");
	STRING_IS("\"\\/", "\\\"\\\\/");
	STRING_IS("\b\f\n\r\t", "\\b\\f\\n\\r\\t");
	STRING_IS("\0\x01\x1f\x7f", "\\u0000\\u0001\\u001f\\u007f");
}

static void test_utf8(void **state)
{
	(void)state;
	STRING_IS("\xc3\xa9", "\xc3\xa9");	   /* e acute */
	STRING_IS("\xe2\x82\xac", "\xe2\x82\xac"); /* euro */
	STRING_IS("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	STRING_IS("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
}

#define BAD "\xef\xbf\xbd"

static void test_invalid_utf8(void **state)
{
	(void)state;
	STRING_IS("\x80", BAD);
	STRING_IS("a\xff"
		  "b",
		  "a" BAD "b");
	STRING_IS("\xc0\xaf", BAD BAD); /* overlong '/' */
	STRING_IS("\xe0\x80\xaf", BAD BAD BAD);
	STRING_IS("\xed\xa0\x80", BAD BAD BAD);		/* surrogate */
	STRING_IS("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* over U+10FFFF */
	STRING_IS("\xe2\x82", BAD);			/* cut off: one replacement for the part */
	STRING_IS("\xe2\x82x", BAD "x");
	STRING_IS("\xf0\x9f\x98", BAD);
	STRING_IS("\xc3", BAD);
}

static void test_numbers(void **state)
{
	(void)state;
	start();
	json__array_begin(&j);
	json__u64(&j, 0);
	json__u64(&j, UINT64_MAX);
	json__i64(&j, INT64_MIN);
	json__i64(&j, -1);
	json__double(&j, 1.5, 3);
	json__double(&j, -0.0004, 3);
	json__double(&j, 0.9996, 3);
	json__double(&j, -2.25, 2);
	json__double(&j, 7, 0);
	json__double(&j, NAN, 3);
	json__double(&j, INFINITY, 3);
	json__double(&j, 1e300, 3);
	json__bool(&j, true);
	json__bool(&j, false);
	json__null(&j);
	json__str(&j, NULL);
	json__array_end(&j);
	assert_int_equal(json__finish(&j), 0);
	assert_string_equal(sink.text,
			    "[0,18446744073709551615,-9223372036854775808,-1,1.500,0.000,1.000,"
			    "-2.25,7,null,null,null,true,false,null,null]");
}

/* The dashboard sets the user's locale, in which the decimal point may be a comma. */
static void test_locale(void **state)
{
	(void)state;
	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		print_message("no de_DE locale here: only the C locale is checked\n");
	start();
	json__double(&j, 1.25, 2);
	assert_int_equal(json__finish(&j), 0);
	assert_string_equal(sink.text, "1.25");
	setlocale(LC_NUMERIC, "C");
}

static void test_structure(void **state)
{
	(void)state;
	start();
	json__object_begin(&j);
	json__key_u64(&j, "a", 1);
	json__key_array(&j, "b");
	json__object_begin(&j);
	json__object_end(&j);
	json__array_begin(&j);
	json__array_end(&j);
	json__str(&j, "x");
	json__array_end(&j);
	json__key_object(&j, "c\"d");
	json__key_bool(&j, "t", true);
	json__object_end(&j);
	json__object_end(&j);
	json__newline(&j);
	json__u64(&j, 2);
	json__newline(&j);
	assert_int_equal(json__finish(&j), 0);
	assert_string_equal(sink.text,
			    "{\"a\":1,\"b\":[{},[],\"x\"],\"c\\\"d\":{\"t\":true}}\n2\n");
}

static void test_misuse(void **state)
{
	(void)state;
	start();
	json__object_begin(&j);
	json__u64(&j, 1); /* no key */
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__array_begin(&j);
	json__key(&j, "k");
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__array_begin(&j);
	json__object_end(&j);
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__object_begin(&j);
	json__key(&j, "k");
	json__object_end(&j);
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__object_begin(&j);
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__u64(&j, 1);
	json__u64(&j, 2); /* two texts without a newline between */
	assert_int_equal(json__finish(&j), -EINVAL);
	start();
	json__array_end(&j);
	assert_int_equal(json__finish(&j), -EINVAL);
}

static void test_depth(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		json__array_begin(&j);
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		json__array_end(&j);
	assert_int_equal(json__finish(&j), 0);
	start();
	for (int i = 0; i < JSON_MAX_DEPTH + 1; i++)
		json__array_begin(&j);
	assert_int_equal(j.depth, JSON_MAX_DEPTH);
	assert_int_equal(json__finish(&j), -EINVAL);
}

/* Longer than the buffer, and an escape across its end. */
static void test_long(void **state)
{
	char in[10000];

	(void)state;
	memset(in, 'x', sizeof(in));
	in[4094] = '"';
	start();
	json__str_n(&j, in, sizeof(in));
	assert_int_equal(json__finish(&j), 0);
	assert_int_equal(sink.len, sizeof(in) + 3);
	assert_memory_equal(sink.text + 4095, "\\\"x", 3);
}

/* Text that is JSON already, also several elements. */
static void test_raw(void **state)
{
	(void)state;
	start();
	json__object_begin(&j);
	json__key_array(&j, "a");
	json__u64(&j, 1);
	json__raw(&j, "{\"b\":2},3", 9);
	json__u64(&j, 4);
	json__array_end(&j);
	json__key(&j, "c");
	json__raw(&j, "[]", 2);
	json__object_end(&j);
	assert_int_equal(json__finish(&j), 0);
	assert_int_equal(sink.len, strlen("{\"a\":[1,{\"b\":2},3,4],\"c\":[]}"));
	assert_memory_equal(sink.text, "{\"a\":[1,{\"b\":2},3,4],\"c\":[]}", sink.len);
	start();
	json__object_begin(&j);
	json__raw(&j, "1", 1); /* without a key */
	assert_int_equal(j.err, -EINVAL);
}

static void test_write_error(void **state)
{
	(void)state;
	start();
	sink.err = -ENOSPC;
	json__array_begin(&j);
	for (int i = 0; i < 10000; i++)
		json__u64(&j, 1);
	assert_int_equal(j.err, -ENOSPC);
	json__array_end(&j);
	assert_int_equal(json__finish(&j), -ENOSPC);
	assert_int_equal(sink.len, 0);
}

/* Random bytes as strings must come out as what an independent parser accepts. */
static void test_random_bytes(void **state)
{
	struct test_dir dir = {0};
	uint64_t seed = 42;
	char bytes[40];
	FILE *f;

	(void)state;
	test_dir__make(&dir);
	start();
	json__array_begin(&j);
	for (int i = 0; i < 300; i++) {
		size_t len = test_random(&seed) % sizeof(bytes);

		for (size_t k = 0; k < len; k++)
			bytes[k] = (char)(test_random(&seed) >> 24);
		json__str_n(&j, bytes, len);
	}
	json__array_end(&j);
	assert_int_equal(json__finish(&j), 0);
	f = fopen(dir.file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(sink.text, 1, sink.len, f), sink.len);
	assert_int_equal(fclose(f), 0);
	assert_true(test_jq(dir.file, ".[0] | length == 300"));
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),	     cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_invalid_utf8), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_locale),	     cmocka_unit_test(test_structure),
		cmocka_unit_test(test_misuse),	     cmocka_unit_test(test_depth),
		cmocka_unit_test(test_long),	     cmocka_unit_test(test_write_error),
		cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

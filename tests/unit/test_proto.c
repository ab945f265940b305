// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The bytes are those of the encoding's specification, worked out by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto.h"
#include "util.h"

static void is(const struct proto *p, const char *bytes, size_t len)
{
	assert_int_equal(p->err, 0);
	assert_int_equal(p->len, len);
	assert_memory_equal(p->buf, bytes, len);
}
#define IS(p, bytes) is(p, bytes, sizeof(bytes) - 1)

static void test_varint(void **state)
{
	static const struct {
		uint64_t v;
		size_t len;
		const char *bytes;
	} cases[] = {
		{0, 1, "\x00"},
		{1, 1, "\x01"},
		{127, 1, "\x7f"},
		{128, 2, "\x80\x01"},
		{150, 2, "\x96\x01"},
		{16383, 2, "\xff\x7f"},
		{16384, 3, "\x80\x80\x01"},
		{1ULL << 63, 10, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
		{UINT64_MAX, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
	};
	uint8_t buf[10];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(proto_varint(buf, cases[i].v), cases[i].len);
		assert_memory_equal(buf, cases[i].bytes, cases[i].len);
	}
}

static void test_fields(void **state)
{
	uint8_t buf[64];
	struct proto p;

	(void)state;
	proto__init(&p, buf, sizeof(buf));
	proto__u64(&p, 1, 150);
	IS(&p, "\x08\x96\x01");
	proto__init(&p, buf, sizeof(buf));
	proto__i64(&p, 1, -2);
	IS(&p, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
	proto__init(&p, buf, sizeof(buf));
	proto__u64(&p, 16, 1); /* the tag takes two bytes */
	IS(&p, "\x80\x01\x01");
	proto__init(&p, buf, sizeof(buf));
	proto__fixed64(&p, 47, 0x1122334455667788);
	IS(&p, "\xf9\x02\x88\x77\x66\x55\x44\x33\x22\x11");
	proto__init(&p, buf, sizeof(buf));
	proto__double(&p, 2, 1.0);
	IS(&p, "\x11\x00\x00\x00\x00\x00\x00\xf0\x3f");
	proto__init(&p, buf, sizeof(buf));
	proto__str(&p, 2, "testing");
	IS(&p, "\x12\x07testing");
	proto__init(&p, buf, sizeof(buf));
	proto__str(&p, 2, "");
	IS(&p, "\x12\x00");
}

/* What a string is made of must be UTF-8, whatever a path holds. */
static void test_text(void **state)
{
	uint8_t buf[64];
	struct proto p;

	(void)state;
	proto__init(&p, buf, sizeof(buf));
	proto__str(&p, 1, "/\xff\xe2\x82\xac\xe2\x82");
	IS(&p, "\x0a\x0a/\xef\xbf\xbd\xe2\x82\xac\xef\xbf\xbd");
}

/* Lengths of one, two and three bytes: what is inside is moved to make room. */
static void test_nested(void **state)
{
	static const size_t lengths[] = {0, 1, 126, 127, 128, 129, 16383, 16384, 20000};
	static uint8_t buf[32768];
	static char text[32768];
	struct proto p;

	(void)state;
	proto__init(&p, buf, sizeof(buf));
	proto__begin(&p, 3);
	proto__u64(&p, 1, 150);
	proto__begin(&p, 4);
	proto__end(&p);
	proto__end(&p);
	IS(&p, "\x1a\x05\x08\x96\x01\x22\x00");
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint8_t head[10];
		size_t n;

		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		proto__init(&p, buf, sizeof(buf));
		proto__str(&p, 1, text);
		n = proto_varint(head, lengths[i]);
		assert_int_equal(p.err, 0);
		assert_int_equal(p.len, 1 + n + lengths[i]);
		assert_memory_equal(buf + 1, head, n);
		assert_memory_equal(buf + 1 + n, text, lengths[i]);
	}
}

/* Nothing is written beyond the buffer, at whatever byte it ends. */
static void test_overflow(void **state)
{
	static char text[200];
	uint8_t buf[512];
	struct proto p;
	size_t whole;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t cap = 0; cap < 300; cap++) {
		memset(buf, 0xaa, sizeof(buf));
		proto__init(&p, buf, cap);
		proto__begin(&p, 1);
		proto__fixed64(&p, 2, 1);
		proto__str(&p, 3, text);
		proto__end(&p);
		whole = 2 + 1 + 9 + 3 + sizeof(text) - 1;
		assert_int_equal(p.err, cap < whole ? -EOVERFLOW : 0);
		assert_int_equal(buf[cap], 0xaa);
		assert_true(p.len <= cap);
	}
}

static void test_misuse(void **state)
{
	uint8_t buf[64];
	struct proto p;

	(void)state;
	proto__init(&p, buf, sizeof(buf));
	proto__end(&p);
	assert_int_equal(p.err, -EINVAL);
	proto__init(&p, buf, sizeof(buf));
	for (int i = 0; i <= PROTO_MAX_DEPTH; i++)
		proto__begin(&p, 1);
	assert_int_equal(p.err, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varint),	 cmocka_unit_test(test_fields),
		cmocka_unit_test(test_text),	 cmocka_unit_test(test_nested),
		cmocka_unit_test(test_overflow), cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

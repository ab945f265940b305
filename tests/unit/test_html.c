// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The writer: what arguments hold is text, whatever it is. */
#include <errno.h>

#include "html.h"
#include "out_test.h"
#include "util.h"

struct sink {
	char text[4096];
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

static const char *text_of(const char *s)
{
	static struct sink sink;
	struct html h = {.write = take, .ctx = &sink};

	memset(&sink, 0, sizeof(sink));
	html__text(&h, s);
	assert_int_equal(h.err, 0);
	return sink.text;
}

static void test_text(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"/users/7", "/users/7"},
		{"<script>", "&lt;script&gt;"},
		{"a\"b'c", "a&quot;b&#39;c"},
		{"&lt;", "&amp;lt;"},
		{"caf\u00e9 \u4e16 \U0001f600", "caf\u00e9 \u4e16 \U0001f600"},
		{"\x1b[31m\x7f", "\ufffd[31m\ufffd"},
		{"a\nb\tc\r", "a\nb\ufffd"
			      "c\ufffd"},
		{"\xff\xc3", "\ufffd\ufffd"},
		{"\xe2\x82", "\ufffd"},
		{"\xc2\x85", "\ufffd"},
		{"a\u202eb\u2066c\u200fd", "a\ufffdb\ufffdc\ufffdd"},
		{"\u2026\u2030\u2065", "\u2026\u2030\u2065"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(text_of(cases[i].in), cases[i].out);
}

static void test_put(void **state)
{
	struct sink sink = {0};
	struct html h = {.write = take, .ctx = &sink};

	(void)state;
	html__put(&h, "<td title=\"%s\">%s</td>", "\" onload=\"x", "</td>%s");
	assert_string_equal(sink.text, "<td title=\"&quot; onload=&quot;x\">&lt;/td&gt;%s</td>");
	sink.len = 0;
	html__put(&h, "%u %d %llu %zu %.2f %+.1f %g %c 100%%", 7u, -7, 1ULL << 40, (size_t)9, 1.005,
		  2.0, 0.5, '<');
	assert_string_equal(sink.text, "7 -7 1099511627776 9 1.00 +2.0 0.5 &lt; 100%");
	sink.len = 0;
	html__markup(&h, "<b>100%</b>");
	assert_string_equal(sink.text, "<b>100%</b>");
	assert_int_equal(h.err, 0);
}

/* What it does not know it refuses, rather than to print something unescaped. */
static void test_refused(void **state)
{
	struct sink sink = {0};
	struct html h = {.write = take, .ctx = &sink};

	(void)state;
	html__put(&h, "%-8s", "<b>");
	assert_int_equal(h.err, -EINVAL);
	assert_string_equal(sink.text, "");
	html__put(&h, "%s", "more");
	assert_string_equal(sink.text, "");
	h.err = 0;
	html__put(&h, "%p", (void *)&h);
	assert_int_equal(h.err, -EINVAL);
}

static void test_error_sticks(void **state)
{
	struct sink sink = {.err = -ENOSPC};
	struct html h = {.write = take, .ctx = &sink};

	(void)state;
	html__put(&h, "<b>%s</b>", "x");
	assert_int_equal(h.err, -ENOSPC);
	sink.err = 0;
	html__text(&h, "y");
	assert_int_equal(h.err, -ENOSPC);
	assert_int_equal(sink.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

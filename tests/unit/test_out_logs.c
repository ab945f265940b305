// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines as they are printed: nothing that a target writes reaches the terminal as a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "out_logs.h"

static char printed[4096];

static FILE *to_memory(char **text, size_t *len)
{
	FILE *f = open_memstream(text, len);

	assert_non_null(f);
	return f;
}

static void keep(FILE *f, char **text, size_t *len)
{
	fclose(f);
	assert_true(*len < sizeof(printed));
	memcpy(printed, *text, *len + 1);
	free(*text);
}

static void safe(const char *s, size_t n, const char *want)
{
	char *text;
	size_t len;
	FILE *f = to_memory(&text, &len);

	out_logs__safe(f, s, n);
	keep(f, &text, &len);
	assert_string_equal(printed, want);
}

#define SAFE(s, want) safe(s, sizeof(s) - 1, want)

static void test_safe(void **state)
{
	(void)state;
	SAFE("", "");
	SAFE("plain \\ \"text\"\ttab", "plain \\ \"text\"\ttab");
	SAFE("\u00fc \u20ac \U0001f600", "\u00fc \u20ac \U0001f600");
	SAFE("\x1b[31mred\x1b]0;title\a\x7f", "\\x1b[31mred\\x1b]0;title\\x07\\x7f");
	SAFE("a\rb\bc\0d\ne", "a\\x0db\\x08c\\x00d\\x0ae");
	SAFE("\xc2\x9b"
	     "2J\xc2\x85",
	     "\\u009b2J\\u0085"); /* controls beyond ASCII */
	SAFE("\u202egnp\u2066\u200f\u2028", "\\u202egnp\\u2066\\u200f\\u2028"); /* directions */
	SAFE("\xff\xc3(\xe2\x82", "\\xff\\xc3(\\xe2\\x82");			/* no UTF-8 */
	SAFE("\xc0\x9b", "\\xc0\\x9b");						/* overlong */
}

static const struct out_opts opts = {.mono_ns = 1000, .wall_ns = 1700000000123456000ULL};

static void print(bool json, bool color, const struct log_write *w, struct log_line line)
{
	struct out_opts with = opts;
	char *text;
	size_t len;
	FILE *f = to_memory(&text, &len);

	with.color = color;
	line.from = w;
	line.len = strlen(line.text);
	if (json)
		out_logs__json(f, &with, &line);
	else
		out_logs__text(f, &with, &line);
	keep(f, &text, &len);
}

static const struct log_write own = {
	.pid = 42,
	.tid = 43,
	.ts = 1000,
	.op = LR_OP_STDERR,
	.by = LINE_BY_STORE,
	.who = {7, 12, "POST", "/pay"},
};

static const struct log_write foreign = {
	.pid = 42,
	.env = 1,
	.ts = 1000,
	.op = LR_OP_STDOUT,
	.mark = LOG_MARK_FOREIGN,
	.by = LINE_BY_STORE,
	.who = {7, 12, "POST", "/pay\x1b"},
	.under = {8, 0, "", ""},
};

static const struct log_write suspect = {
	.pid = 42,
	.ts = 1000,
	.op = LR_OP_STDOUT,
	.mark = LOG_MARK_SUSPECT,
	.why = LINE_WHY_TWO_POSSIBLE,
	.under = {7, 12, "POST", "/pay"},
	.maybe = {3 | 5ULL << 32, 14, "GET", "/x"},
};

static void test_text(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	print(false, false, &own, (struct log_line){.text = "hello"});
	assert_string_equal(printed,
			    "22:13:20.123      42 err #12/7 POST /pay                | hello\n");
	print(false, false, &foreign, (struct log_line){.text = "x", .cut = 9});
	assert_string_equal(printed, "22:13:20.123      42 out #12@1/7 POST /pay\\x1b          "
				     "! under #?@1/8 | x\u2026[cut, 9 bytes]\n");
	print(false, false, &suspect, (struct log_line){.text = "x", .partial = true});
	assert_string_equal(printed,
			    "22:13:20.123      42 out ?                              "
			    "~ under #12/7 POST /pay, perhaps of #14/3:5 GET /x | x\u2026\n");
	print(false, true, &foreign, (struct log_line){.text = "x", .continued = true});
	assert_non_null(strstr(printed, "\033[38;5;208m! under #?@1/8\033[0m |\u2026x\n"));
}

static void test_json(void **state)
{
	(void)state;
	print(true, false, &own, (struct log_line){.text = "a\xc2\x9b\x1b\xff"});
	assert_string_equal(
		printed,
		"{\"time\":\"2023-11-14T22:13:20.123456Z\",\"ts_ns\":1000,\"pid\":42,\"tid\":43,"
		"\"env\":0,\"stream\":\"stderr\",\"request\":{\"seq\":12,\"conn\":7,\"stream\":"
		"null,"
		"\"method\":\"POST\",\"path\":\"/pay\"},\"request_by\":\"store\","
		"\"request_unknown\":null,\"store_unknown\":null,\"mark\":null,\"under\":null,"
		"\"perhaps\":null,\"text\":\"a\\u009b\\u001b\ufffd\",\"utf8\":false,"
		"\"bytes_cut\":0,\"partial\":false,\"continued\":false}\n");
	print(true, false, &foreign, (struct log_line){.text = "x"});
	assert_non_null(strstr(printed, "\"request_by\":\"response\",\"request_unknown\":null"));
	assert_non_null(strstr(printed, "\"mark\":\"foreign\",\"under\":{\"seq\":null,\"conn\":8"));
	print(true, false, &suspect, (struct log_line){.text = "x"});
	assert_non_null(strstr(printed, "\"request\":null,\"request_by\":null,"
					"\"request_unknown\":\"two_possible\""));
	assert_non_null(strstr(printed, "\"perhaps\":{\"seq\":14,\"conn\":3,\"stream\":5"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Figures as text, and the words that / takes. */
#include "fake_live.h"
#include "out_test.h"
#include "ui_view_parts.h"
#include "util.h"

#define S FAKE_S

static void test_ns(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{UINT64_MAX, "-"},
		{0, "0"},
		{850, "0.85 \u00b5s"},
		{1250000, "1.25 ms"},
		{99 * S, "99.0 s"},
		{100 * S, "1m 40s"},
		{3599 * S, "59m 59s"},
		{3600 * S, "1h 00m"},
		{86399 * S, "23h 59m"},
		{86400 * S, "1d 00h"},
		{99ULL * 86400 * S, "99d 00h"},
		{100ULL * 86400 * S, "100d"},
		{UINT64_MAX - 1, "213503d"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ui_text__ns(text, sizeof(text), cases[i].ns);
		assert_string_equal(text, cases[i].text);
		assert_true(ui_text__width(text) <= 7);
	}
}

static void test_counts(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes;
	} cases[] = {
		{0, "0", "0 B"},
		{7, "7", "7 B"},
		{999, "999", "999 B"},
		{1000, "1.00k", "1.00 kB"},
		{12345, "12.3k", "12.3 kB"},
		{999499, "999k", "999 kB"},
		{999500, "1.00M", "1.00 MB"},
		{22020096, "22.0M", "22.0 MB"},
		{UINT64_MAX, "-", "-"},
		{UINT64_MAX - 1, "18.4E", "18.4 EB"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ui_text__count(text, sizeof(text), cases[i].n);
		assert_string_equal(text, cases[i].count);
		ui_text__bytes(text, sizeof(text), cases[i].n);
		assert_string_equal(text, cases[i].bytes);
	}
}

static void test_shares(void **state)
{
	static const struct {
		double v;
		const char *percent, *rate;
	} cases[] = {
		{-1, "-", "-"},
		{0.0 / 0.0, "-", "-"},
		{0, "0%", "0"},
		{0.0001, "<0.1%", "<0.01"},
		{0.0005, "0.1%", "<0.01"},
		{0.5, "50.0%", "0.50"},
		{0.9996, ">99.9%", "1.00"},
		{1, "100%", "1.00"},
		{12.34, "999%", "12.3"},
		{1234, "999%", "1.23k"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ui_text__percent(text, sizeof(text), cases[i].v);
		assert_string_equal(text, cases[i].percent);
		ui_text__rate(text, sizeof(text), cases[i].v);
		assert_string_equal(text, cases[i].rate);
	}
}

static void test_spark(void **state)
{
	static const uint32_t values[] = {0, 1, 50, 100, UINT32_MAX};
	char text[64], small[4];

	(void)state;
	ui_text__spark(text, sizeof(text), values, 4, false);
	assert_string_equal(text, " \u2581\u2584\u2588");
	ui_text__spark(text, sizeof(text), values, 5, true);
	assert_int_equal(strlen(text), 5);
	assert_int_equal(text[0], ' ');
	assert_int_equal(text[1], text[3]); /* both next to nothing, and seen */
	ui_text__spark(text, sizeof(text), values, 1, false);
	assert_string_equal(text, " ");
	ui_text__spark(text, sizeof(text), values, 0, false);
	assert_string_equal(text, "");
	/* No character is cut in two. */
	ui_text__spark(small, sizeof(small), values + 3, 2, false);
	assert_string_equal(small, "\u2581");
}

static bool check(const char *text, char why[160])
{
	struct ui_filter f;

	snprintf(f.text, sizeof(f.text), "%s", text);
	return ui_filter__check(&f, why, 160);
}

static void test_check(void **state)
{
	static const char *const good[] = {
		"",	      "   ",	      "users",	     "/users/:id",	"status:5xx",
		"status:404", "status:>=500", "status:<400", "STATUS:5XX",	"pid:1",
		"path:/a/*",  "method:get",   "finding",     "finding:foreign", "finding:fan-out",
		"slow:100ms", "slow:2",	      "!status:200", "a b  c",		"!",
		"/a:b",	      "12:30",
	};
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"status:", "status: takes 5xx, 404 or >=500"},
		{"status:6xx", "status: takes"},
		{"status:99", "status: takes"},
		{"status:5xxx", "status: takes"},
		{"status:>", "status: takes"},
		{"status:-1", "status: takes"},
		{"pid:", "pid: takes a process id"},
		{"pid:0", "pid: takes"},
		{"pid:x", "pid: takes"},
		{"pid:99999999999999999999", "pid: takes"},
		{"path:", "path: takes a path"},
		{"slow:fast", "slow: takes a duration such as 100ms"},
		{"slow:", "slow: takes"},
		{"finding:bug", "finding: takes foreign"},
		{"colour:red", "colour: no such key; there are status, pid"},
		{"users !statuss:5xx", "statuss: no such key"},
	};
	char why[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!check(good[i], why))
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(check(bad[i].text, why));
		assert_int_equal(strncmp(why, bad[i].why, strlen(bad[i].why)), 0);
	}
}

/* Which requests of the fixed view match: in flight first, then the newest. */
static void test_requests(void **state)
{
	static const struct {
		const char *filter, *rows;
	} cases[] = {
		{"", "##############"},
		{"users", ".##..........."},
		{"USERS", ".##..........."},
		{"/users/:id", ".##..........."},
		{"path:/users/*", ".##..........."},
		{"path:/users", ".............."},
		{"path:/orders/*", "...#.........."},
		{"status:5xx", "....#........."},
		{"status:503", "....#........."},
		{"status:>=404", "....#.#......."},
		{"status:<404", ".###...#######"},
		{"pid:4343", ".......#.#.#.#"},
		{"method:post", "....#........."},
		{"finding", "...#.........."},
		{"finding:foreign", "...#.........."},
		{"finding:harm", "...#.........."},
		{"finding:lost", ".............."},
		{"slow:500ms", "#...##........"},
		{"slow:2.5s", ".............."},
		{"!health", "#######......."},
		{"!health status:200", ".###.........."},
		{"health pid:4343 slow:2ms", ".........#...."},
		{"status:5", "##############"}, /* not valid: passed over */
		{"status:5 health", ".......#######"},
	};
	struct live_view *v = fake_live();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ui_filter f;
		char rows[16] = "";
		const size_t n = ui_view_requests.count(v);

		assert_int_equal(n, 14);
		snprintf(f.text, sizeof(f.text), "%s", cases[i].filter);
		for (size_t row = 0; row < n; row++)
			rows[row] = ui_view_requests.matches(v, row, &f) ? '#' : '.';
		if (strcmp(rows, cases[i].rows) != 0)
			fail_msg("%s: %s, not %s", cases[i].filter, rows, cases[i].rows);
	}
	live_view__free(v);
}

static size_t matching(const struct ui_view *view, const struct live_view *v, const char *filter)
{
	struct ui_filter f;
	size_t n = 0;

	snprintf(f.text, sizeof(f.text), "%s", filter);
	for (size_t row = 0; row < view->count(v); row++)
		n += view->matches(v, row, &f);
	return n;
}

/* What a row has not, does not match; processes are chosen where rows are of one. */
static void test_others(void **state)
{
	struct live_view *v = fake_live();

	(void)state;
	assert_int_equal(matching(&ui_view_routes, v, "method:POST"), 1);
	assert_int_equal(matching(&ui_view_routes, v, "finding"), 1);
	assert_int_equal(matching(&ui_view_routes, v, "status:5xx"), 2);
	assert_int_equal(matching(&ui_view_routes, v, "slow:1s"), 1);
	assert_int_equal(matching(&ui_view_routes, v, "pid:4343"), 4);
	assert_int_equal(matching(&ui_view_routes, v, "!pid:4343"), 4);
	assert_int_equal(matching(&ui_view_findings, v, "finding:foreign"), 1);
	assert_int_equal(matching(&ui_view_findings, v, "finding:blocked"), 0);
	assert_int_equal(matching(&ui_view_findings, v, "tcpwrap orders"), 1);
	assert_int_equal(matching(&ui_view_resources, v, "time"), 1);
	assert_int_equal(matching(&ui_view_resources, v, "status:200"), 0);
	assert_int_equal(matching(&ui_view_loop, v, "pid:4343"), 1);
	assert_int_equal(matching(&ui_view_loop, v, "worker"), 1);
	live_view__free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ns),     cmocka_unit_test(test_counts),
		cmocka_unit_test(test_shares), cmocka_unit_test(test_spark),
		cmocka_unit_test(test_check),  cmocka_unit_test(test_requests),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

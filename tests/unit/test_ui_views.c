// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The views and pages of the dashboard over one fixed view, as screens: tests/unit/ui/NAME.txt.
 * UI_GOLDEN=write writes them anew, to be looked at before they are committed.
 */
#include "ui_test.h"

#define DIR "tests/unit/ui"

static const struct size sizes[] = {{40, 10}, {80, 24}, {120, 40}};

static void compare(const char *name, const char *text)
{
	const char *write = getenv("UI_GOLDEN");
	char path[256];
	size_t len;
	char *golden;
	FILE *f;

	snprintf(path, sizeof(path), DIR "/%s.txt", name);
	if (write && strcmp(write, "write") == 0) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		assert_int_equal(fclose(f), 0);
		return;
	}
	golden = test_read(path, &len);
	if (strcmp(text, golden) != 0)
		fprintf(stderr, "%s is now:\n%s<end>\n", name, text); /* cmocka's is cut */
	assert_string_equal(text, golden);
	free(golden);
}

static void name_of(char *buf, size_t len, const char *what, struct size size, bool ascii)
{
	snprintf(buf, len, "%s-%ux%u%s", what, size.cols, size.rows, ascii ? "-ascii" : "");
}

static void test_views(void **state)
{
	struct live_view *v = full();
	char name[64], *text;

	(void)state;
	for (size_t i = 0; ui_views[i]; i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			for (int ascii = 0; ascii < 2; ascii++) {
				text = draw_view(ui_views[i], v, sizes[k], ascii);
				name_of(name, sizeof(name), ui_views[i]->name, sizes[k], ascii);
				compare(name, text);
				free(text);
			}
	live_view__free(v);
}

static const struct {
	const char *name;
	const struct ui_view *view;
	size_t row;
} pages[] = {
	{"page-request", &ui_view_requests, 2},
	{"page-request-foreign", &ui_view_requests, 3},
	{"page-request-failed", &ui_view_requests, 4},
	{"page-request-aborted", &ui_view_requests, 5},
	{"page-request-lossy", &ui_view_requests, 6},
	{"page-request-in-flight", &ui_view_requests, 0},
	{"page-foreign", &ui_view_findings, 0},
	{"page-lost", &ui_view_findings, 1},
	{"page-fan-out", &ui_view_findings, 2},
	{"page-blocked", &ui_view_findings, 3},
	{"page-route", &ui_view_routes, 1},
	{"page-loop", &ui_view_loop, 0},
	{"page-probe", &ui_view_agent, 2},
};

static void test_pages(void **state)
{
	struct live_view *v = full();
	char name[64], *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			for (int ascii = 0; ascii < 2; ascii++) {
				if (ascii && sizes[k].cols != 80)
					continue;
				text = draw_page(pages[i].view, v, pages[i].row, sizes[k].cols,
						 ascii);
				snprintf(name, sizeof(name), "%s-%u%s", pages[i].name,
					 sizes[k].cols, ascii ? "-ascii" : "");
				compare(name, text);
				free(text);
			}
	live_view__free(v);
}

/* Values of stores are masked unless they were asked for. */
static void test_masked(void **state)
{
	struct live_view *v = full();
	char *text = draw_page(&ui_view_findings, v, 0, 80, true);

	(void)state;
	assert_null(strstr(text, "alice"));
	free(text);
	v->show_values = true;
	text = draw_page(&ui_view_findings, v, 0, 80, true);
	assert_non_null(strstr(text, "alice"));
	assert_non_null(strstr(text, "bob"));
	free(text);
	live_view__free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table over rows that come and go: numbers and words, of two processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui_table.h"
#include "util.h"

struct row {
	uint64_t id;
	double number;
	const char *word;
	uint32_t pid;
};

/* A view's rows are where the table does not look: here. */
static struct row rows[100];
static size_t nrows;
static const struct live_view nothing;

static size_t count(const struct live_view *v)
{
	(void)v;
	return nrows;
}

static uint64_t id(const struct live_view *v, size_t row)
{
	(void)v;
	return rows[row].id;
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	(void)v;
	(void)ascii;
	out->number = rows[row].number;
	if (column == 0)
		snprintf(out->text, sizeof(out->text), "%.0f", rows[row].number);
	else
		snprintf(out->text, sizeof(out->text), "%s", rows[row].word);
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	uint32_t pid;

	(void)v;
	if (sscanf(f->text, "pid:%u", &pid) == 1)
		return rows[row].pid == pid;
	return strstr(rows[row].word, f->text) != NULL;
}

static const struct ui_column columns[] = {
	{.title = "N", .width = 5, .right = true, .number = true, .descending = true},
	{.title = "WORD"},
	{.title = "WIDE", .width = 10, .min_cols = 60},
};

static const struct ui_view view = {
	.name = "rows",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.empty = "no rows yet",
	.count = count,
	.id = id,
	.cell = cell,
	.matches = matches,
};

static void fill(size_t n)
{
	static const char *const words[] = {"pear", "apple", "fig"};

	nrows = n;
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct row){
			.id = 1000 + i,
			.number = (double)(i % 4),
			.word = words[i % 3],
			.pid = 10 + (uint32_t)(i % 2),
		};
}

/* Puts a row in front, as the newest request is. */
static void come(uint64_t row_id, double number)
{
	memmove(rows + 1, rows, nrows * sizeof(*rows));
	rows[0] = (struct row){.id = row_id, .number = number, .word = "new", .pid = 10};
	nrows++;
}

static struct ui_table table(size_t n)
{
	struct ui_table t;

	fill(n);
	ui_table__init(&t, &view);
	t.height = 5;
	assert_int_equal(ui_table__build(&t, &nothing, NULL), 0);
	return t;
}

static uint64_t at(const struct ui_table *t, size_t i)
{
	return rows[t->order[i]].id;
}

static uint64_t selected(const struct ui_table *t)
{
	uint64_t found = 0;

	assert_true(ui_table__selected(t, &nothing, &found));
	return found;
}

static void equal_rows_keep_their_order(void **state)
{
	struct ui_table t = table(8); /* 0 1 2 3 0 1 2 3 */
	static const uint64_t down[] = {1003, 1007, 1002, 1006, 1001, 1005, 1000, 1004};
	static const uint64_t up[] = {1000, 1004, 1001, 1005, 1002, 1006, 1003, 1007};

	(void)state;
	assert_true(t.descending);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(at(&t, i), down[i]);
	t.descending = false;
	ui_table__build(&t, &nothing, NULL);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(at(&t, i), up[i]);
	ui_table__sort(&t, 1);
	assert_false(t.descending);
	ui_table__build(&t, &nothing, NULL);
	assert_string_equal(rows[t.order[0]].word, "apple");
	assert_int_equal(at(&t, 0), 1001);
	assert_int_equal(at(&t, 1), 1004);
	assert_string_equal(rows[t.order[7]].word, "pear");
	ui_table__sort(&t, 99);
	assert_int_equal(t.sorted, 1);
	ui_table__free(&t);
}

static void rows_are_filtered(void **state)
{
	struct ui_table t = table(9);
	struct ui_pids pids = {.n = 1, .pid = {11}};

	(void)state;
	snprintf(t.filter.text, sizeof(t.filter.text), "fig");
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.total, 9);
	ui_table__build(&t, &nothing, &pids);
	assert_int_equal(t.n, 1);
	assert_int_equal(at(&t, 0), 1005);
	*t.filter.text = '\0';
	pids = (struct ui_pids){.n = 2, .pid = {10, 11}};
	ui_table__build(&t, &nothing, &pids);
	assert_int_equal(t.n, 9);
	snprintf(t.filter.text, sizeof(t.filter.text), "kiwi");
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(t.n, 0);
	assert_false(ui_table__selected(&t, &nothing, &(uint64_t){0}));
	ui_table__move(&t, &nothing, 3);
	ui_table__scroll(&t, &nothing, -3);
	assert_int_equal(t.at, 0);
	ui_table__free(&t);
}

static void the_selected_row_stays_when_others_come(void **state)
{
	struct ui_table t = table(20);
	size_t line;

	(void)state;
	ui_table__move(&t, &nothing, 7);
	assert_int_equal(t.at, 7);
	line = t.at - t.top;
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t was = selected(&t);

		come(2000 + i, 9);
		ui_table__build(&t, &nothing, NULL);
		assert_int_equal(selected(&t), was);
		assert_int_equal(t.at - t.top, line);
	}
	/* Gone: what is in its place now. */
	memmove(rows, rows + 15, (nrows - 15) * sizeof(*rows));
	nrows -= 15;
	ui_table__build(&t, &nothing, NULL);
	assert_true(t.at < t.n);
	nrows = 2;
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(t.at, 1);
	assert_int_equal(t.top, 0);
	nrows = 0;
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(t.n, 0);
	ui_table__free(&t);
}

static void at_the_top_it_is_the_first_row(void **state)
{
	struct ui_table t = table(20);

	(void)state;
	come(2000, 9);
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(selected(&t), 2000);
	ui_table__move(&t, &nothing, 3);
	ui_table__move(&t, &nothing, -1000);
	come(2001, 99);
	ui_table__build(&t, &nothing, NULL);
	assert_int_equal(selected(&t), 2001);
	ui_table__free(&t);
}

static void scrolling_ends_at_the_ends(void **state)
{
	struct ui_table t = table(20);

	(void)state;
	ui_table__move(&t, &nothing, 1000000);
	assert_int_equal(t.at, 19);
	assert_int_equal(t.top, 15);
	ui_table__move(&t, &nothing, -4);
	assert_int_equal(t.top, 15);
	ui_table__move(&t, &nothing, -1);
	assert_int_equal(t.top, 14);
	ui_table__scroll(&t, &nothing, -3);
	assert_int_equal(t.top, 11);
	assert_int_equal(t.at, 14);
	ui_table__scroll(&t, &nothing, -3);
	assert_int_equal(t.at, 12); /* the last that is on the screen */
	ui_table__scroll(&t, &nothing, -100);
	assert_int_equal(t.top, 0);
	ui_table__scroll(&t, &nothing, 100);
	assert_int_equal(t.top, 15);
	assert_int_equal(t.at, 15);
	ui_table__select(&t, &nothing, 3);
	assert_int_equal(t.top, 3);
	ui_table__free(&t);
}

static void it_is_drawn_with_signs(void **state)
{
	struct ui_table t = table(3);
	struct ui_grid *g = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(ui_grid__new(&g, 5, 20, true), 0);
	ui_table__draw(&t, &nothing, g, 0, 5);
	ui_grid__dump(g, f);
	fclose(f);
	assert_string_equal(text, "    Nv WORD\n>    2 fig\n     1 apple\n     0 pear\n\n");
	assert_int_equal(ui_grid__at(g, 1, 5)->style, UI_SELECTED);
	assert_int_equal(ui_grid__at(g, 0, 5)->style, UI_SORTED);
	free(text);
	nrows = 0;
	ui_table__build(&t, &nothing, NULL);
	ui_grid__clear(g);
	ui_table__draw(&t, &nothing, g, 0, 5);
	assert_int_equal(ui_grid__at(g, 1, 1)->ch, 'n');
	ui_grid__free(g);
	ui_table__free(&t);
}

static void headings_can_be_clicked(void **state)
{
	struct ui_table t = table(3);
	size_t column = 9;

	(void)state;
	assert_false(ui_table__column_at(&t, 80, 0, &column));
	assert_true(ui_table__column_at(&t, 80, 1, &column));
	assert_int_equal(column, 0);
	assert_true(ui_table__column_at(&t, 80, 5, &column));
	assert_false(ui_table__column_at(&t, 80, 6, &column));
	assert_true(ui_table__column_at(&t, 80, 7, &column));
	assert_int_equal(column, 1);
	assert_true(ui_table__column_at(&t, 80, 79, &column));
	assert_int_equal(column, 2);
	assert_true(ui_table__column_at(&t, 40, 39, &column));
	assert_int_equal(column, 1);
	assert_false(ui_table__shows(&t, 59, 2));
	ui_table__free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_rows_keep_their_order),
		cmocka_unit_test(rows_are_filtered),
		cmocka_unit_test(the_selected_row_stays_when_others_come),
		cmocka_unit_test(at_the_top_it_is_the_first_row),
		cmocka_unit_test(scrolling_ends_at_the_ends),
		cmocka_unit_test(it_is_drawn_with_signs),
		cmocka_unit_test(headings_can_be_clicked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ui_grid.h"
#include "ui_view.h"
#include "util.h"

static struct ui_grid *grid(unsigned int rows, unsigned int cols, bool ascii)
{
	struct ui_grid *g = NULL;

	assert_int_equal(ui_grid__new(&g, rows, cols, ascii), 0);
	return g;
}

static void assert_dump(const struct ui_grid *g, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	ui_grid__dump(g, f);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

static void text_is_put_and_cut(void **state)
{
	struct ui_grid *g = grid(3, 8, false);

	(void)state;
	assert_int_equal(ui_grid__put(g, 0, 1, 5, UI_PLAIN, "abc"), 3);
	assert_int_equal(ui_grid__put(g, 1, 0, 5, UI_BAD, "abcdefg"), 5);
	assert_int_equal(ui_grid__put(g, 2, 5, 100, UI_PLAIN, "abcdef"), 3);
	assert_dump(g, " abc\nabcd…\n     ab…\n");
	assert_int_equal(ui_grid__at(g, 1, 4)->style, UI_BAD);
	assert_int_equal(ui_grid__at(g, 1, 5)->style, UI_PLAIN);
	ui_grid__clear(g);
	assert_int_equal(ui_grid__put_right(g, 0, 2, 5, UI_PLAIN, "ab"), 2);
	assert_int_equal(ui_grid__put_right(g, 1, 2, 3, UI_PLAIN, "abcd"), 3);
	assert_int_equal(ui_grid__put_right(g, 2, 0, 3, UI_PLAIN, "abc"), 3);
	assert_dump(g, "     ab\n  ab…\nabc\n");
	ui_grid__free(g);
}

static void outside_nothing_happens(void **state)
{
	struct ui_grid *g = grid(2, 3, false);

	(void)state;
	assert_int_equal(ui_grid__put(g, 2, 0, 5, UI_PLAIN, "abc"), 0);
	assert_int_equal(ui_grid__put(g, 0, 3, 5, UI_PLAIN, "abc"), 0);
	assert_int_equal(ui_grid__put(g, 0, 0, 0, UI_PLAIN, "abc"), 0);
	ui_grid__sign(g, 9, 9, UI_PLAIN, SIGN_UP);
	ui_grid__paint(g, 9, 0, 9, UI_BAD);
	ui_grid__paint(g, 0, 2, 9, UI_BAD);
	assert_dump(g, "\n\n");
	assert_int_equal(ui_grid__at(g, 0, 2)->style, UI_BAD);
	assert_int_equal(ui_grid__at(g, 7, 7)->ch, ' ');
	assert_int_equal(ui_grid__resize(g, 0, 0), 0);
	assert_int_equal(ui_grid__put(g, 0, 0, 5, UI_PLAIN, "abc"), 0);
	ui_grid__free(g);
}

static void what_is_no_text_is_marked(void **state)
{
	struct ui_grid *g = grid(1, 20, false);

	(void)state;
	ui_grid__put(g, 0, 0, 20, UI_PLAIN, "a\x1b[31mb\xff\xc3\x28\x7f\xc2\x9b");
	assert_dump(g, "a?[31mb?"
		       "?(??\n");
	/* A combining character has no column of its own. */
	ui_grid__clear(g);
	assert_int_equal(ui_grid__put(g, 0, 0, 20, UI_PLAIN, "e\xcc\x81x"), 2);
	ui_grid__free(g);
}

static void characters_of_two_columns(void **state)
{
	struct ui_grid *g = grid(3, 6, false);

	(void)state;
	assert_int_equal(ui_text__width("日本"), 4);
	assert_int_equal(ui_grid__put(g, 0, 0, 6, UI_PLAIN, "日本語"), 6);
	assert_int_equal(ui_grid__put(g, 1, 0, 4, UI_PLAIN, "日本語"), 3);
	assert_int_equal(ui_grid__put(g, 2, 0, 1, UI_PLAIN, "日"), 1);
	assert_dump(g, "日本語\n日…\n…\n");
	assert_int_equal(ui_grid__at(g, 0, 1)->ch, 0);
	/* Neither half stays behind. */
	ui_grid__put(g, 0, 1, 1, UI_PLAIN, "x");
	ui_grid__put(g, 0, 4, 1, UI_PLAIN, "y");
	assert_dump(g, " x本y\n日…\n…\n");
	ui_grid__free(g);
}

static void ascii_has_plain_forms(void **state)
{
	struct ui_grid *g = grid(2, 40, true);

	(void)state;
	for (int i = 0; i < SIGNS; i++) {
		const char *plain = ui_sign__text((enum ui_sign)i, true);

		ui_grid__sign(g, 0, (unsigned int)i, UI_PLAIN, (enum ui_sign)i);
		assert_int_equal(strlen(plain), 1);
		assert_int_equal(ui_text__width(ui_sign__text((enum ui_sign)i, false)), 1);
		assert_int_equal(ui_grid__at(g, 0, (unsigned int)i)->ch, plain[0]);
	}
	assert_int_equal(ui_grid__put(g, 1, 0, 40, UI_PLAIN, "2 µs → é 日"), 11);
	for (unsigned int row = 0; row < 2; row++)
		for (unsigned int col = 0; col < 40; col++)
			assert_in_range(ui_grid__at(g, row, col)->ch, 0x20, 0x7e);
	assert_int_equal(ui_grid__at(g, 1, 2)->ch, 'u');
	assert_int_equal(ui_grid__at(g, 1, 5)->ch, '>');
	assert_int_equal(ui_grid__at(g, 1, 7)->ch, '?');
	ui_grid__free(g);
}

/* ---- pages ---- */

static struct ui_page *page(unsigned int cols)
{
	struct ui_page *p = NULL;

	assert_int_equal(ui_page__new(&p, cols, false), 0);
	return p;
}

static void words_wrap_at_the_indent(void **state)
{
	struct ui_page *p = page(20);
	struct ui_grid *g = grid(6, 20, false);

	(void)state;
	ui_page__put(p, UI_KEY, "key");
	ui_page__column(p, 6);
	ui_page__wrap(p, UI_PLAIN, 6, "one two three four fifteen-letters-x");
	assert_int_equal(ui_page__lines(p), 3);
	ui_page__draw(p, 0, g, 1, 0, 5, 20);
	assert_dump(g, "\nkey   one two three\n      four\n      fifteen-lette…\n\n\n");
	assert_int_equal(ui_grid__at(g, 1, 0)->style, UI_KEY);
	ui_page__free(p);
	ui_grid__free(g);
}

static void a_page_is_drawn_from_any_line(void **state)
{
	struct ui_page *p = page(10);
	struct ui_grid *g = grid(3, 6, false);

	(void)state;
	for (int i = 0; i < 200; i++) {
		ui_page__printf(p, UI_PLAIN, "line %d", i);
		ui_page__end(p);
	}
	assert_int_equal(ui_page__lines(p), 200);
	ui_page__draw(p, 198, g, 0, 0, 3, 6);
	assert_dump(g, "line 1\nline 1\n\n");
	ui_grid__clear(g);
	ui_page__draw(p, 7, g, 1, 1, 1, 6);
	assert_dump(g, "\n line\n\n");
	ui_page__draw(p, 500, g, 0, 0, 3, 6);
	ui_page__free(p);
	ui_grid__free(g);
}

static void cells_and_lines_of_a_page(void **state)
{
	struct ui_page *p = page(12);
	struct ui_grid *g = grid(3, 12, false);

	(void)state;
	ui_page__cell(p, 4, UI_PLAIN, "abcdef");
	ui_page__sign(p, UI_BAD, SIGN_BAD);
	ui_page__column(p, 2); /* it is beyond */
	ui_page__put(p, UI_PLAIN, "日本語の");
	ui_page__end(p);
	ui_page__wrap(p, UI_PLAIN, 0, "a\n\nb");
	assert_int_equal(ui_page__lines(p), 4);
	ui_page__draw(p, 0, g, 0, 0, 3, 12);
	assert_dump(g, "abc…✗日本語…\na\n\n");
	ui_page__free(p);
	ui_grid__free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_put_and_cut),
		cmocka_unit_test(outside_nothing_happens),
		cmocka_unit_test(what_is_no_text_is_marked),
		cmocka_unit_test(characters_of_two_columns),
		cmocka_unit_test(ascii_has_plain_forms),
		cmocka_unit_test(words_wrap_at_the_indent),
		cmocka_unit_test(a_page_is_drawn_from_any_line),
		cmocka_unit_test(cells_and_lines_of_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys, and what they do to the screen: over requests of a view that is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_live.h"
#include "ui_header.h"
#include "ui_state.h"
#include "util.h"

static size_t count(const struct live_view *v)
{
	return v->nrecent;
}

static uint64_t id(const struct live_view *v, size_t row)
{
	return v->recent[row]->number;
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct live_request *r = v->recent[row];

	(void)ascii;
	out->number = (double)r->number;
	if (column == 0)
		snprintf(out->text, sizeof(out->text), "%u", (unsigned int)r->number);
	else
		snprintf(out->text, sizeof(out->text), "%s", r->on.path);
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	uint32_t pid;

	if (sscanf(f->text, "pid:%u", &pid) == 1)
		return v->recent[row]->on.req.pid == pid;
	return strstr(v->recent[row]->on.path, f->text) != NULL;
}

static bool page(const struct live_view *v, uint64_t number, struct ui_page *p)
{
	const struct live_request *r = NULL;

	for (size_t i = 0; i < v->nrecent; i++)
		if (v->recent[i]->number == number)
			r = v->recent[i];
	if (!r)
		return false;
	ui_page__put(p, UI_TITLE, r->on.path);
	ui_page__end(p);
	for (int i = 1; i < 60; i++) {
		ui_page__printf(p, UI_PLAIN, "line %d", i);
		ui_page__end(p);
	}
	return true;
}

static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	(void)v;
	assert_true(rows > 0);
	ui_grid__put(g, row, 0, 20, UI_PLAIN, "banner");
	return rows < 4 ? rows : 4;
}

static const struct ui_column columns[] = {
	{"SEQ", 8, 0, true, true, true, "The number of a request"},
	{"PATH", 0, 0, false, false, false, "What was asked for"},
};

static const struct ui_view requests = {"requests", "Requests as they come",
					columns,    ARRAY_SIZE(columns),
					0,	    "none yet",
					count,	    id,
					cell,	    matches,
					NULL,	    page};
static const struct ui_view others = {"others", "The same, with a banner",
				      columns,	ARRAY_SIZE(columns),
				      1,	"none yet",
				      count,	id,
				      cell,	matches,
				      banner,	NULL};
static const struct ui_view *const views[] = {&requests, &others, NULL};

static struct live_view *v;
static struct ui_state *s;
static struct ui_grid *g;

static int begin(void **state)
{
	(void)state;
	v = fake_live();
	assert_int_equal(ui_state__new(&s, views, true), 0);
	assert_int_equal(ui_grid__new(&g, 24, 80, true), 0);
	ui_state__resize(s, 24, 80);
	ui_state__show(s, v);
	ui_draw(s, g);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ui_state__free(s);
	ui_grid__free(g);
	live_view__free(v);
	return 0;
}

static enum ui_wish press(uint32_t key)
{
	struct ui_input in = {.key = key};
	enum ui_wish wish = ui_state__input(s, &in);

	ui_draw(s, g);
	return wish;
}

static enum ui_wish at(uint32_t key, unsigned int row, unsigned int col)
{
	struct ui_input in = {.key = key, .row = row, .col = col};
	enum ui_wish wish = ui_state__input(s, &in);

	ui_draw(s, g);
	return wish;
}

/* One line of the screen, without blanks at its end; valid until the next call. */
static const char *line(unsigned int row)
{
	static char text[512];
	char *all = NULL, *from;
	size_t len = 0;
	FILE *f = open_memstream(&all, &len);

	ui_grid__dump(g, f);
	fclose(f);
	from = all;
	while (row--)
		from = strchr(from, '\n') + 1;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(from, "\n"), from);
	free(all);
	return text;
}

static void assert_shows(unsigned int row, const char *text)
{
	if (!strstr(line(row), text))
		fail_msg("'%s' is not in '%s'", text, line(row));
}

/* ---- the table of keys ---- */

static void each_key_does_one_thing_in_one_place(void **state)
{
	static const unsigned int places[] = {UI_IN_VIEW, UI_IN_PAGE, UI_IN_PICK,
					      UI_IN_VIEW | UI_IN_REPLAY, UI_IN_PAGE | UI_IN_REPLAY};

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		for (size_t i = 0; i < ui_bindings_count; i++) {
			const struct ui_binding *b = &ui_bindings[i];

			for (size_t k = 0; k < UI_KEYS_EACH && b->keys[k]; k++)
				if (ui_binding__holds(b, places[p]))
					assert_int_equal(ui_keys__action(b->keys[k], places[p]),
							 b->action);
		}
	}
	assert_int_equal(ui_keys__action(0x7f, UI_IN_PAGE), UI_BACK);
	assert_int_equal(ui_keys__action('2', UI_IN_VIEW), UI_GO_TO_VIEW);
	assert_int_equal(ui_keys__action('2', UI_IN_PICK), UI_NO_ACTION);
	assert_int_equal(ui_keys__action('+', UI_IN_VIEW), UI_NO_ACTION);
	assert_int_equal(ui_keys__action('+', UI_IN_VIEW | UI_IN_REPLAY), UI_FASTER);
	assert_int_equal(ui_keys__action(0, UI_IN_VIEW), UI_NO_ACTION);
}

/* Terminals lose function keys, and some keyboards have none. */
static void nothing_needs_a_key_that_some_keyboards_lack(void **state)
{
	(void)state;
	for (size_t i = 0; i < ui_bindings_count; i++) {
		const struct ui_binding *b = &ui_bindings[i];
		bool plain = b->action == UI_GO_TO_VIEW || b->action == UI_PREVIOUS_VIEW;

		for (size_t k = 0; k < UI_KEYS_EACH; k++)
			plain |= b->keys[k] && b->keys[k] < UI_KEY_UP;
		assert_true(plain);
		assert_non_null(b->names);
		assert_non_null(b->about);
	}
}

static void the_help_has_every_key(void **state)
{
	char *text = NULL, *at_key;
	size_t len = 0;
	FILE *f;

	(void)state;
	ui_grid__resize(g, 200, 120);
	ui_state__resize(s, 200, 120);
	assert_int_equal(press('?'), UI_WISH_DRAW);
	assert_int_equal(s->mode, UI_MODE_HELP);
	f = open_memstream(&text, &len);
	ui_grid__dump(g, f);
	fclose(f);
	for (size_t i = 0; i < ui_bindings_count; i++) {
		at_key = strstr(text, ui_bindings[i].names);
		assert_true((at_key != NULL) || (ui_bindings[i].where & UI_IN_REPLAY));
	}
	assert_non_null(strstr(text, columns[1].about));
	assert_non_null(strstr(text, others.about));
	assert_null(strstr(text, "Replay"));
	free(text);
	assert_int_equal(press('?'), UI_WISH_DRAW);
	assert_int_equal(s->mode, UI_MODE_VIEW);
}

/* ---- views, rows, pages ---- */

static void views_are_switched(void **state)
{
	(void)state;
	assert_shows(3, "[1 requests] 2 others");
	press(UI_KEY_TAB);
	assert_int_equal(s->view, 1);
	assert_shows(3, " 1 requests [2 others]");
	assert_shows(4, "banner");
	press(UI_KEY_TAB);
	assert_int_equal(s->view, 0);
	press(UI_KEY_BACK_TAB);
	assert_int_equal(s->view, 1);
	press('1');
	assert_int_equal(s->view, 0);
	assert_int_equal(press('7'), UI_WISH_NOTHING);
	at(UI_KEY_CLICK, 3, 15);
	assert_int_equal(s->view, 1);
}

static void a_row_opens_and_closes(void **state)
{
	char path[300];

	(void)state;
	press('j');
	press('j');
	snprintf(path, sizeof(path), "%s", v->recent[s->table[0].order[2]]->on.path);
	assert_int_equal(press(UI_KEY_ENTER), UI_WISH_DRAW);
	assert_shows(4, path);
	press('j');
	assert_shows(4, "line 1");
	press('G');
	assert_shows(22, "line 59");
	press(UI_KEY_PAGE_DOWN);
	assert_shows(22, "line 59");
	press('?');
	assert_shows(4, "Keys");
	press(UI_KEY_ESC);
	assert_shows(22, "line 59"); /* where it was */
	press('g');
	assert_shows(4, path);
	press('h');
	assert_int_equal(s->mode, UI_MODE_VIEW);
	assert_int_equal(s->table[0].at, 2);
	press('2');
	assert_int_equal(press(UI_KEY_ENTER), UI_WISH_NOTHING); /* has no pages */
}

static void a_page_outlives_its_row(void **state)
{
	size_t n = v->nrecent;

	(void)state;
	press(UI_KEY_ENTER);
	v->nrecent = 0;
	ui_state__show(s, v);
	ui_draw(s, g);
	assert_shows(23, "no longer kept");
	assert_shows(5, "line 1");
	v->nrecent = n;
}

static void sorting(void **state)
{
	uint64_t most = v->recent[s->table[0].order[0]]->number;

	(void)state;
	press('r');
	assert_true(v->recent[s->table[0].order[0]]->number < most);
	press('s');
	assert_int_equal(s->table[0].sorted, 1);
	assert_shows(4, "PATH^");
	press('s');
	assert_int_equal(s->table[0].sorted, 0);
	press('<');
	assert_int_equal(s->table[0].sorted, 1);
	press('>');
	assert_int_equal(s->table[0].sorted, 0);
	at(UI_KEY_CLICK, 4, 20);
	assert_int_equal(s->table[0].sorted, 1);
	assert_false(s->table[0].descending);
	at(UI_KEY_CLICK, 4, 20);
	assert_true(s->table[0].descending);
	assert_int_equal(s->table[1].sorted, 1); /* a view of its own */
}

static void type(const char *text)
{
	for (; *text; text++)
		press((unsigned char)*text);
}

static void filtering(void **state)
{
	size_t n = s->table[0].n;

	(void)state;
	press('/');
	assert_true(s->editing);
	type("zz");
	assert_shows(23, "/zz");
	assert_int_equal(s->table[0].n, 0);
	press(UI_KEY_ESC);
	assert_false(s->editing);
	assert_int_equal(s->table[0].n, n);
	press('/');
	type("q /");
	press(UI_KEY_BACKSPACE);
	press(UI_CTRL('w'));
	type("/");
	press(UI_KEY_ENTER);
	assert_shows(23, "//"); /* the mark, and what was typed */
	assert_int_equal(s->table[0].n, n);
	/* A key that is a letter again does what it does. */
	assert_int_equal(press('q'), UI_WISH_QUIT);
	press('/');
	press(UI_CTRL('u'));
	type("zz");
	press(UI_KEY_ENTER);
	assert_shows(5, "no row matches");
	press(UI_KEY_ESC);
	assert_int_equal(s->table[0].n, n);
}

static void the_mouse(void **state)
{
	(void)state;
	at(UI_KEY_CLICK, 7, 30);
	assert_int_equal(s->table[0].at, 2);
	assert_int_equal(at(UI_KEY_CLICK, 23, 3), UI_WISH_NOTHING);
	at(UI_KEY_WHEEL_DOWN, 7, 30);
	at(UI_KEY_WHEEL_UP, 7, 30);
	assert_int_equal(s->table[0].top, 0);
	press(UI_KEY_ENTER);
	at(UI_KEY_WHEEL_DOWN, 7, 30);
	assert_shows(4, "line 3");
}

static void wishes(void **state)
{
	(void)state;
	assert_int_equal(press('w'), UI_WISH_WRITE);
	assert_int_equal(press(UI_CTRL('l')), UI_WISH_REDRAW);
	assert_int_equal(press(UI_CTRL('z')), UI_WISH_SUSPEND);
	assert_int_equal(press(UI_CTRL('c')), UI_WISH_QUIT);
	assert_int_equal(press('.'), UI_WISH_NOTHING);
	press(' ');
	assert_true(s->frozen);
	assert_shows(0, "FROZEN");
	press(' ');
	assert_false(s->frozen);
	s->replay = true;
	assert_int_equal(press('.'), UI_WISH_TIME);
	assert_int_equal(s->wish_time, UI_STEP);
	/* There it is the time that is held. */
	assert_int_equal(press(' '), UI_WISH_TIME);
	assert_int_equal(s->wish_time, UI_PAUSE);
	assert_false(s->frozen);
}

static void processes(void **state)
{
	uint32_t pid = v->m->targets[0].pid;
	size_t n = s->table[0].n;

	(void)state;
	assert_int_equal(press('p'), UI_WISH_SCAN);
	assert_int_equal((uint32_t)s->pick.process[0].pid, pid);
	assert_true(s->pick.process[0].observed && s->pick.process[0].marked);
	press(' ');
	assert_int_equal(s->shown.n, 1);
	assert_true(s->table[0].n < n);
	press(' ');
	assert_int_equal(s->shown.n, 0);
	assert_int_equal(s->table[0].n, n);
	/* One that is not observed. */
	s->pick.process[s->pick.n++] = (struct ui_process){.pid = 4242};
	press('G');
	assert_int_equal(press(UI_KEY_ENTER), UI_WISH_OBSERVE);
	assert_int_equal(s->wish_pid, 4242);
	press(UI_KEY_ESC);
	assert_int_equal(s->mode, UI_MODE_VIEW);
	/* Before anything is observed. */
	ui_state__pick(s, true);
	s->pick.process[0].marked = false;
	assert_int_equal(press(' '), UI_WISH_DRAW);
	assert_int_equal(press(UI_KEY_ENTER), UI_WISH_BEGIN);
	assert_int_equal(press(UI_KEY_ESC), UI_WISH_QUIT);
}

static void messages(void **state)
{
	(void)state;
	ui_log__begin(&s->log);
	log_warn("the moon is %s", "full");
	log_set_sink(NULL, NULL);
	ui_draw(s, g);
	assert_shows(23, "! loopray: the moon is full");
	press('j');
	assert_null(strstr(line(23), "moon"));
	press('m');
	assert_shows(4, "Messages");
	assert_shows(5, "the moon is full");
	press('m');
	assert_int_equal(s->mode, UI_MODE_VIEW);
}

/* ---- sizes ---- */

/* Whatever is pressed on a screen of whatever size. */
static void press_anything(uint64_t seed, int presses)
{
	static const uint32_t keys[] = {
		'3',
		'4',
		'5',
		'6',
		'?',
		'j',
		'k',
		'g',
		'G',
		' ',
		'p',
		'm',
		'/',
		'x',
		's',
		'r',
		'<',
		'>',
		'1',
		'2',
		UI_KEY_ENTER,
		UI_KEY_ESC,
		UI_KEY_TAB,
		UI_KEY_LEFT,
		UI_KEY_PAGE_DOWN,
		UI_KEY_CLICK,
		UI_KEY_WHEEL_DOWN,
		UI_KEY_WHEEL_UP,
		UI_KEY_BACKSPACE,
		0x65e5,
		UI_CTRL('u'),
	};

	for (int i = 0; i < presses; i++) {
		seed = hash_u64(seed + (uint64_t)i);
		if (seed % 7 == 0) {
			unsigned int rows = (unsigned int)(seed >> 8) % 60;
			unsigned int cols = (unsigned int)(seed >> 20) % 160;

			assert_int_equal(ui_grid__resize(g, rows, cols), 0);
			ui_state__resize(s, rows, cols);
		}
		if (seed % 11 == 0)
			ui_state__show(s, v);
		at(keys[(seed >> 32) % ARRAY_SIZE(keys)], (unsigned int)(seed >> 40) % 70,
		   (unsigned int)(seed >> 48) % 170);
		assert_true(s->table[s->view].at <= s->table[s->view].n);
	}
}

static void any_size_and_any_key(void **state)
{
	(void)state;
	press_anything(42, 20000);
}

/* The views themselves, of a made-up observation. */
static void any_size_and_any_key_of_every_view(void **state)
{
	(void)state;
	for (unsigned int ascii = 0; ascii < 2; ascii++) {
		ui_state__free(s);
		assert_int_equal(ui_state__new(&s, ui_views, ascii), 0);
		ui_state__resize(s, ui_grid__rows(g), ui_grid__cols(g));
		ui_state__show(s, v);
		press_anything(7 + ascii, 10000);
	}
}

static void a_screen_that_is_too_small_says_so(void **state)
{
	(void)state;
	ui_grid__resize(g, 9, 40);
	ui_state__resize(s, 9, 40);
	ui_draw(s, g);
	assert_shows(0, "needs 40x10 (is 40x9)");
	assert_int_equal(press('j'), UI_WISH_NOTHING);
	assert_int_equal(press('q'), UI_WISH_QUIT);
	ui_grid__resize(g, 10, 40);
	ui_state__resize(s, 10, 40);
	ui_draw(s, g);
	assert_shows(1, "[1 requests]");
	assert_shows(9, "? help");
}

static void the_least_important_figure_goes_first(void **state)
{
	struct ui_items l = {};

	(void)state;
	ui_header__add(&l, 50, UI_PLAIN, "rps", "1000"); /* 8 columns */
	ui_header__add(&l, 10, UI_PLAIN, "lag", "5 ms"); /* 8 */
	ui_header__add(&l, 90, UI_PLAIN, "", "FROZEN");	 /* 6 */
	ui_header__place(&l, 1, 40);
	assert_int_equal(l.left, 3);
	assert_int_equal(l.item[1].col, 10);
	assert_int_equal(l.item[2].col, 20);
	ui_header__place(&l, 1, 25);
	assert_true(l.item[1].dropped);
	assert_false(l.item[0].dropped || l.item[2].dropped);
	l.item[1].dropped = false;
	ui_header__place(&l, 2, 20);
	assert_int_equal(l.left, 3);
	assert_int_equal(l.item[2].row, 1);
	ui_header__place(&l, 1, 7);
	assert_true(l.item[0].dropped && l.item[1].dropped);
}

static void a_line_is_edited(void **state)
{
	struct ui_edit e = {};

	(void)state;
	ui_edit__begin(&e, "ab");
	assert_true(ui_edit__key(&e, 0xe9));
	assert_string_equal(e.text, "abé");
	ui_edit__key(&e, UI_KEY_LEFT);
	ui_edit__key(&e, 'x');
	assert_string_equal(e.text, "abxé");
	ui_edit__key(&e, UI_KEY_HOME);
	assert_false(ui_edit__key(&e, UI_KEY_BACKSPACE));
	assert_true(ui_edit__key(&e, UI_KEY_DELETE));
	ui_edit__key(&e, UI_KEY_END);
	ui_edit__key(&e, UI_KEY_BACKSPACE);
	assert_string_equal(e.text, "bx");
	assert_false(ui_edit__key(&e, UI_KEY_UP));
	assert_false(ui_edit__key(&e, UI_CTRL('g')));
	for (int i = 0; i < 300; i++)
		ui_edit__key(&e, 0x1f600);
	assert_true(strlen(e.text) < UI_EDIT_MAX);
	ui_edit__key(&e, UI_CTRL('w'));
	assert_string_equal(e.text, "");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_does_one_thing_in_one_place),
		cmocka_unit_test(nothing_needs_a_key_that_some_keyboards_lack),
		WITH(the_help_has_every_key),
		WITH(views_are_switched),
		WITH(a_row_opens_and_closes),
		WITH(a_page_outlives_its_row),
		WITH(sorting),
		WITH(filtering),
		WITH(the_mouse),
		WITH(wishes),
		WITH(processes),
		WITH(messages),
		WITH(any_size_and_any_key),
		WITH(any_size_and_any_key_of_every_view),
		WITH(a_screen_that_is_too_small_says_so),
		cmocka_unit_test(the_least_important_figure_goes_first),
		cmocka_unit_test(a_line_is_edited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

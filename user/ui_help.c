// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The help: of the keys, and of the view that it was asked for in, from what both say of
 * themselves. */
#include <inttypes.h>

#include "ui_state.h"
#include "util.h"

#define NAMES 22 /* columns of keys */
#define TITLE 12 /* of a column's heading */

static void put_columns(const struct ui_view *view, struct ui_page *page)
{
	ui_page__printf(page, UI_TITLE, "Columns of %s", view->name);
	ui_page__end(page);
	ui_page__wrap(page, UI_PLAIN, 2, view->about);
	for (size_t i = 0; i < view->ncolumns; i++) {
		if (!view->columns[i].about)
			continue;
		ui_page__column(page, 2);
		ui_page__put(page, UI_HEADING, view->columns[i].title);
		ui_page__wrap(page, UI_PLAIN, 2 + TITLE, view->columns[i].about);
	}
	ui_page__end(page);
}

static void put_keys(const struct ui_state *s, struct ui_page *page)
{
	ui_page__put(page, UI_TITLE, "Keys");
	ui_page__end(page);
	for (size_t i = 0; i < ui_bindings_count; i++) {
		const struct ui_binding *b = &ui_bindings[i];

		if (!ui_binding__holds(b, UI_IN_ALL | (s->replay ? UI_IN_REPLAY : 0)))
			continue;
		ui_page__column(page, 2);
		ui_page__put(page, UI_KEY, b->names);
		ui_page__wrap(page, UI_PLAIN, 2 + NAMES, b->about);
	}
	ui_page__end(page);
}

static void put_views(const struct ui_state *s, struct ui_page *page)
{
	ui_page__put(page, UI_TITLE, "Views");
	ui_page__end(page);
	for (size_t i = 0; i < s->nviews; i++) {
		ui_page__column(page, 2);
		ui_page__printf(page, UI_KEY, "%zu", i + 1);
		ui_page__printf(page, UI_STRONG, " %s", s->table[i].view->name);
		ui_page__wrap(page, UI_PLAIN, 2 + NAMES, s->table[i].view->about);
	}
	ui_page__end(page);
}

void ui_help__fill(const struct ui_state *s, struct ui_page *page)
{
	put_keys(s, page);
	put_columns(s->table[s->view].view, page);
	put_views(s, page);
}

void ui_help__messages(const struct ui_state *s, struct ui_page *page)
{
	const struct ui_log *l = &s->log;
	size_t first = l->n > UI_LOG_LINES ? l->n - UI_LOG_LINES : 0;

	ui_page__put(page, UI_TITLE, "Messages");
	ui_page__end(page);
	if (!l->n)
		ui_page__wrap(page, UI_DIM, 2, "none so far");
	for (size_t i = first; i < l->n; i++) {
		const struct ui_log_line *line = &l->line[i % UI_LOG_LINES];

		if (line->level <= LOG_NORMAL)
			ui_page__sign(page, UI_BAD, SIGN_BAD);
		ui_page__wrap(page, UI_PLAIN, 2, line->text);
	}
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The frame: header, tabs, what is in between, and the bottom line. */
#include <stdio.h>
#include <string.h>

#include "ui_state.h"
#include "util.h"

#define TABLE_ROWS 6 /* heading and rows, that a banner leaves */

static void draw_tabs(const struct ui_state *s, struct ui_grid *g, unsigned int row)
{
	for (size_t i = 0; i < s->nviews; i++) {
		bool open = i == s->view && s->mode != UI_MODE_PICK;
		unsigned int col, width;
		char text[64];

		ui_layout__tab(s, i, &col, &width);
		snprintf(text, sizeof(text), "%zu %s", i + 1, s->table[i].view->name);
		ui_grid__put(g, row, col, width, open ? UI_TITLE : UI_DIM, text);
		ui_grid__paint(g, row, col, 1, UI_KEY);
		/* Where there are no colours, and no shades, it is still to be seen which is open.
		 */
		if (open) {
			ui_grid__put(g, row, col - 1, 1, UI_TITLE, "[");
			ui_grid__put(g, row, col + width, 1, UI_TITLE, "]");
		}
	}
}

static void draw_view(struct ui_state *s, struct ui_grid *g, const struct ui_layout *l)
{
	struct ui_table *t = ui_state__table(s);
	unsigned int banner = 0;

	if (!s->v)
		return;
	if (t->view->banner && l->body_rows > TABLE_ROWS)
		banner = t->view->banner(s->v, g, l->body, l->body_rows - TABLE_ROWS);
	banner = min_t(unsigned int, banner, l->body_rows - 2);
	s->table_row = l->body + banner;
	ui_table__draw(t, s->v, g, s->table_row, l->body_rows - banner);
}

static void draw_body(struct ui_state *s, struct ui_grid *g, const struct ui_layout *l)
{
	if (s->mode == UI_MODE_PICK)
		ui_pick__draw(&s->pick, g, l->body, l->body_rows);
	else if (s->mode == UI_MODE_VIEW)
		draw_view(s, g, l);
	else if (s->sheet.page)
		ui_page__draw(s->sheet.page, s->sheet.first, g, l->body, 0, l->body_rows,
			      ui_grid__cols(g));
}

static void draw_edit(const struct ui_state *s, struct ui_grid *g, unsigned int row)
{
	unsigned int cols = ui_grid__cols(g), at, col, shift = 0;
	char before[UI_EDIT_MAX], why[128];
	struct ui_filter filter;
	const char *text = s->edit.text;

	snprintf(before, sizeof(before), "%.*s", (int)s->edit.at, text);
	at = ui_text__width(before);
	/* What is before the cursor is shown as far as there is room. */
	while (at - shift + 4 > cols && *text) {
		do {
			text++;
		} while (((unsigned char)*text & 0xc0) == 0x80);
		snprintf(before, sizeof(before), "%.*s",
			 (int)(s->edit.at - (size_t)(text - s->edit.text)), text);
		shift = at - ui_text__width(before);
	}
	ui_grid__put(g, row, 0, 1, UI_KEY, "/");
	ui_grid__put(g, row, 1, cols - 2, UI_STRONG, text);
	ui_grid__paint(g, row, 1 + at - shift, 1, UI_SELECTED);
	filter = s->table[s->view].filter;
	col = 1 + ui_text__width(text) + 3;
	if (!ui_filter__check(&filter, why, sizeof(why)) && col < cols)
		ui_grid__put(g, row, col, cols - col, UI_BAD, why);
}

/* The most used keys, as many as there is room for, from the table of keys. */
static void draw_keys(const struct ui_state *s, struct ui_grid *g, unsigned int row,
		      unsigned int col, unsigned int cols)
{
	unsigned int where = ui_state__where(s);

	for (size_t i = 0; i < ui_bindings_count; i++) {
		const struct ui_binding *b = &ui_bindings[i];
		unsigned int width;

		if (!b->word || !ui_binding__holds(b, where))
			continue;
		width = ui_text__width(b->brief) + 1 + ui_text__width(b->word);
		if (col + width > cols)
			continue;
		col += ui_grid__put(g, row, col, cols, UI_KEY, b->brief) + 1;
		col += ui_grid__put(g, row, col, cols, UI_DIM, b->word) + 2;
	}
}

/* Where it is in what can be scrolled: " 17/230"; returns its columns. */
static unsigned int draw_place(const struct ui_state *s, struct ui_grid *g, unsigned int row)
{
	const struct ui_table *t = &s->table[s->view];
	unsigned int cols = ui_grid__cols(g);
	char text[64] = "";

	if (s->mode == UI_MODE_VIEW && t->n < t->total)
		snprintf(text, sizeof(text), " %zu/%zu of %zu", t->n ? t->at + 1 : 0, t->n,
			 t->total);
	else if (s->mode == UI_MODE_VIEW)
		snprintf(text, sizeof(text), " %zu/%zu", t->n ? t->at + 1 : 0, t->n);
	else if (s->mode != UI_MODE_PICK && s->sheet.page)
		snprintf(text, sizeof(text), "%s line %u of %u",
			 s->mode == UI_MODE_PAGE && s->page_gone ? " no longer kept," : "",
			 s->sheet.first + 1, ui_page__lines(s->sheet.page));
	return ui_grid__put_right(g, row, 0, cols, UI_DIM, text);
}

static void draw_bottom(const struct ui_state *s, struct ui_grid *g, unsigned int row)
{
	const struct ui_log_line *message = ui_log__unseen(&s->log);
	const char *filter = s->table[s->view].filter.text;
	unsigned int cols = ui_grid__cols(g), col = 0;

	if (s->editing) {
		draw_edit(s, g, row);
		return;
	}
	if (s->busy) {
		ui_grid__put(g, row, 0, cols, UI_STRONG, s->busy);
		return;
	}
	if (message) {
		ui_grid__sign(g, row, 0, UI_BAD, SIGN_BAD);
		ui_grid__printf(g, row, 2, cols - 2, UI_BAD, "%s  (m: messages)", message->text);
		return;
	}
	if (s->mode == UI_MODE_VIEW && *filter) {
		col = ui_grid__put(g, row, 0, 1, UI_KEY, "/");
		col += ui_grid__put(g, row, col, cols / 2, UI_STRONG, filter) + 2;
	}
	draw_keys(s, g, row, col, cols - draw_place(s, g, row));
}

void ui_draw(struct ui_state *s, struct ui_grid *g)
{
	struct ui_layout l;

	ui_grid__clear(g);
	ui_layout__of(ui_grid__rows(g), ui_grid__cols(g), &l);
	if (l.tiny) {
		ui_grid__printf(g, 0, 0, ui_grid__cols(g), UI_STRONG, "needs %dx%d (is %ux%u)",
				UI_COLS_MIN, UI_ROWS_MIN, ui_grid__cols(g), ui_grid__rows(g));
		return;
	}
	ui_header__draw(s, g, l.header);
	draw_tabs(s, g, l.tabs);
	draw_body(s, g, &l);
	draw_bottom(s, g, l.bottom);
}

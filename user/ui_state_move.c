// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Moving in what is shown, by keys and by the mouse. */
#include "ui_state_int.h"
#include "util.h"

#define WHEEL_LINES 3

static void move_sheet(struct ui_state *s, long delta)
{
	unsigned int last = ui_state__last_first(s);

	if (delta < 0)
		s->sheet.first = (unsigned long)-delta > s->sheet.first
					 ? 0
					 : s->sheet.first - (unsigned int)-delta;
	else
		s->sheet.first = (unsigned long)delta > last - s->sheet.first
					 ? last
					 : s->sheet.first + (unsigned int)delta;
}

static void move(struct ui_state *s, long delta)
{
	if (s->mode == UI_MODE_PICK)
		ui_pick__move(&s->pick, delta);
	else if (s->mode != UI_MODE_VIEW)
		move_sheet(s, delta);
	else if (s->v)
		ui_table__move(ui_state__table(s), s->v, delta);
}

#define FAR 1000000000L

enum ui_wish ui_state__move_by(struct ui_state *s, enum ui_action action)
{
	long rows = (long)ui_state__body_rows(s) - (s->mode == UI_MODE_VIEW);

	rows = rows < 2 ? 2 : rows;
	switch (action) {
	case UI_LINE_UP:
		move(s, -1);
		break;
	case UI_LINE_DOWN:
		move(s, 1);
		break;
	case UI_PAGE_UP:
		move(s, 1 - rows);
		break;
	case UI_PAGE_DOWN:
		move(s, rows - 1);
		break;
	case UI_HALF_UP:
		move(s, -rows / 2);
		break;
	case UI_HALF_DOWN:
		move(s, rows / 2);
		break;
	default:
		move(s, action == UI_FIRST ? -FAR : FAR);
		break;
	}
	return UI_WISH_DRAW;
}

/* ---- mouse ---- */

enum ui_wish ui_state__wheel(struct ui_state *s, bool down)
{
	long lines = down ? WHEEL_LINES : -WHEEL_LINES;

	if (s->mode == UI_MODE_VIEW && s->v)
		ui_table__scroll(ui_state__table(s), s->v, lines);
	else
		move(s, lines);
	return UI_WISH_DRAW;
}

static enum ui_wish click_tab(struct ui_state *s, unsigned int at)
{
	for (size_t i = 0; i < s->nviews; i++) {
		unsigned int col, width;

		ui_layout__tab(s, i, &col, &width);
		if (at >= col && at < col + width)
			return ui_state__go_to_view(s, i);
	}
	return UI_WISH_NOTHING;
}

static enum ui_wish click_table(struct ui_state *s, const struct ui_input *in)
{
	struct ui_table *t = ui_state__table(s);
	size_t column;

	if (in->row == s->table_row) {
		if (!ui_table__column_at(t, s->cols, in->col, &column))
			return UI_WISH_NOTHING;
		if (column != t->sorted)
			return ui_state__sort_by(s, column);
		t->descending = !t->descending;
		ui_state__build(s);
		return UI_WISH_DRAW;
	}
	if (in->row < s->table_row || !s->v || t->top + (in->row - s->table_row - 1) >= t->n)
		return UI_WISH_NOTHING;
	ui_table__select(t, s->v, t->top + (in->row - s->table_row - 1));
	return UI_WISH_DRAW;
}

enum ui_wish ui_state__click(struct ui_state *s, const struct ui_input *in)
{
	struct ui_layout l;

	ui_layout__of(s->rows, s->cols, &l);
	if (l.tiny)
		return UI_WISH_NOTHING;
	if (in->row == l.tabs && s->mode != UI_MODE_PICK)
		return click_tab(s, in->col);
	if (in->row < l.body || in->row >= l.body + l.body_rows)
		return UI_WISH_NOTHING;
	if (s->mode == UI_MODE_VIEW)
		return click_table(s, in);
	if (s->mode == UI_MODE_PICK && in->row >= l.body + 2) {
		size_t at = s->pick.top + in->row - l.body - 2;

		ui_pick__move(&s->pick, (long)at - (long)s->pick.at);
		return UI_WISH_DRAW;
	}
	return UI_WISH_NOTHING;
}

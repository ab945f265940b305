// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui_table.h"
#include "util.h"

#define MARGIN	 1 /* the mark of the selected row is in it */
#define GAP	 1
#define LEAST	 6 /* columns of the one that takes what is left */
#define KEY_TEXT 64

/* What a row is sorted by. */
struct key {
	size_t row;
	double number;
	char text[KEY_TEXT];
};

void ui_table__init(struct ui_table *t, const struct ui_view *view)
{
	*t = (struct ui_table){.view = view, .sorted = view->sorted};
	t->descending = view->columns[t->sorted].descending;
}

void ui_table__free(struct ui_table *t)
{
	free(t->order);
	t->order = NULL;
	t->n = t->cap = 0;
}

static bool of_pids(const struct ui_table *t, const struct live_view *v, size_t row,
		    const struct ui_pids *pids)
{
	struct ui_filter f;

	if (!pids || !pids->n)
		return true;
	for (size_t i = 0; i < pids->n; i++) {
		snprintf(f.text, sizeof(f.text), "pid:%u", pids->pid[i]);
		if (t->view->matches(v, row, &f))
			return true;
	}
	return false;
}

static bool matches(const struct ui_table *t, const struct live_view *v, size_t row,
		    const struct ui_pids *pids)
{
	if (!t->view->matches)
		return true;
	if (*t->filter.text && !t->view->matches(v, row, &t->filter))
		return false;
	return of_pids(t, v, row, pids);
}

static void make_key(const struct ui_table *t, const struct live_view *v, size_t row,
		     struct key *key)
{
	struct ui_value value = {};

	t->view->cell(v, row, t->sorted, true, &value);
	key->row = row;
	key->number = value.number;
	snprintf(key->text, sizeof(key->text), "%.*s", KEY_TEXT - 1, value.text);
}

struct order {
	bool number, descending;
};

/* Equal ones stay in the view's own order, whichever way the others go. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const struct key *x = a, *y = b;
	int by;

	if (o->number)
		by = (x->number > y->number) - (x->number < y->number);
	else
		by = strcmp(x->text, y->text);
	if (by)
		return o->descending ? -by : by;
	return (x->row > y->row) - (x->row < y->row);
}

static int sort_rows(struct ui_table *t, const struct live_view *v)
{
	struct order o = {t->view->columns[t->sorted].number, t->descending};
	struct key *keys = calloc(t->n + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		make_key(t, v, t->order[i], &keys[i]);
	qsort_r(keys, t->n, sizeof(*keys), compare, &o);
	for (size_t i = 0; i < t->n; i++)
		t->order[i] = keys[i].row;
	free(keys);
	return 0;
}

/* The screen shows from t->top on; the selected row is on it. */
static void keep_in_sight(struct ui_table *t)
{
	size_t height = t->height ? t->height : 1;

	if (t->at >= t->n)
		t->at = t->n ? t->n - 1 : 0;
	if (t->top > t->at)
		t->top = t->at;
	if (t->at - t->top >= height)
		t->top = t->at - height + 1;
	if (t->n <= height)
		t->top = 0;
	else if (t->top > t->n - height)
		t->top = t->n - height;
}

/* The selected row is where its id is now, on the same line of the screen; gone, its place is. */
static void find_selected(struct ui_table *t, const struct live_view *v)
{
	size_t line = t->at - t->top;

	if (!t->follows) {
		t->at = t->top = 0;
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->view->id(v, t->order[i]) != t->selected_id)
			continue;
		t->at = i;
		t->top = i > line ? i - line : 0;
		break;
	}
	keep_in_sight(t);
	if (t->n)
		t->selected_id = t->view->id(v, t->order[t->at]);
}

int ui_table__build(struct ui_table *t, const struct live_view *v, const struct ui_pids *pids)
{
	size_t total = t->view->count(v);
	int err;

	if (total > t->cap) {
		size_t *order = realloc(t->order, total * sizeof(*order));

		if (!order)
			return -ENOMEM;
		t->order = order;
		t->cap = total;
	}
	t->total = total;
	t->n = 0;
	for (size_t i = 0; i < total; i++)
		if (matches(t, v, i, pids))
			t->order[t->n++] = i;
	err = sort_rows(t, v);
	find_selected(t, v);
	return err;
}

static void note_selected(struct ui_table *t, const struct live_view *v)
{
	t->follows = t->n && t->at > 0;
	if (t->follows)
		t->selected_id = t->view->id(v, t->order[t->at]);
}

void ui_table__select(struct ui_table *t, const struct live_view *v, size_t index)
{
	t->at = index;
	keep_in_sight(t);
	note_selected(t, v);
}

void ui_table__move(struct ui_table *t, const struct live_view *v, long delta)
{
	if (delta < 0 && (size_t)-delta > t->at)
		ui_table__select(t, v, 0);
	else
		ui_table__select(t, v, t->at + (size_t)delta);
}

void ui_table__scroll(struct ui_table *t, const struct live_view *v, long delta)
{
	size_t height = t->height ? t->height : 1;
	size_t last = t->n > height ? t->n - height : 0;

	if (delta < 0)
		t->top = (size_t)-delta > t->top ? 0 : t->top - (size_t)-delta;
	else
		t->top = min_t(size_t, t->top + (size_t)delta, last);
	if (t->at < t->top)
		t->at = t->top;
	if (t->at >= t->top + height)
		t->at = t->top + height - 1;
	keep_in_sight(t);
	note_selected(t, v);
}

bool ui_table__selected(const struct ui_table *t, const struct live_view *v, uint64_t *id)
{
	if (!t->n)
		return false;
	*id = t->view->id(v, t->order[t->at]);
	return true;
}

void ui_table__sort(struct ui_table *t, size_t column)
{
	if (column >= t->view->ncolumns)
		return;
	t->sorted = column;
	t->descending = t->view->columns[column].descending;
}

bool ui_table__shows(const struct ui_table *t, unsigned int cols, size_t i)
{
	return cols >= t->view->columns[i].min_cols;
}

/* What is left for the column without a width of its own. */
static unsigned int rest(const struct ui_table *t, unsigned int cols)
{
	unsigned int used = MARGIN;

	for (size_t i = 0; i < t->view->ncolumns; i++)
		if (ui_table__shows(t, cols, i))
			used += t->view->columns[i].width + GAP;
	used -= GAP;
	return used + LEAST > cols ? LEAST : cols - used;
}

static unsigned int width_of(const struct ui_table *t, unsigned int cols, size_t i)
{
	unsigned int width = t->view->columns[i].width;

	return width ? width : rest(t, cols);
}

bool ui_table__column_at(const struct ui_table *t, unsigned int cols, unsigned int col,
			 size_t *column)
{
	unsigned int at = MARGIN;

	for (size_t i = 0; i < t->view->ncolumns; i++) {
		if (!ui_table__shows(t, cols, i))
			continue;
		if (col >= at && col < at + width_of(t, cols, i)) {
			*column = i;
			return true;
		}
		at += width_of(t, cols, i) + GAP;
	}
	return false;
}

static void put(struct ui_grid *g, unsigned int row, unsigned int col, unsigned int width,
		bool right, enum ui_style style, const char *text)
{
	if (right)
		ui_grid__put_right(g, row, col, width, style, text);
	else
		ui_grid__put(g, row, col, width, style, text);
}

static void draw_heading(const struct ui_table *t, struct ui_grid *g, unsigned int row)
{
	unsigned int cols = ui_grid__cols(g), at = MARGIN;
	bool ascii = ui_grid__ascii(g);
	char text[64];

	ui_grid__paint(g, row, 0, cols, UI_HEADING);
	for (size_t i = 0; i < t->view->ncolumns; i++) {
		const struct ui_column *c = &t->view->columns[i];
		unsigned int width = width_of(t, cols, i);
		bool sorted = i == t->sorted;

		if (!ui_table__shows(t, cols, i))
			continue;
		snprintf(text, sizeof(text), "%s%s", c->title,
			 !sorted ? "" : ui_sign__text(t->descending ? SIGN_DOWN : SIGN_UP, ascii));
		put(g, row, at, width, c->right, sorted ? UI_SORTED : UI_HEADING, text);
		at += width + GAP;
	}
}

static void draw_row(const struct ui_table *t, const struct live_view *v, size_t index,
		     struct ui_grid *g, unsigned int row)
{
	unsigned int cols = ui_grid__cols(g), at = MARGIN;

	for (size_t i = 0; i < t->view->ncolumns; i++) {
		const struct ui_column *c = &t->view->columns[i];
		unsigned int width = width_of(t, cols, i);
		struct ui_value value = {};

		if (!ui_table__shows(t, cols, i))
			continue;
		t->view->cell(v, t->order[index], i, ui_grid__ascii(g), &value);
		put(g, row, at, width, c->right, value.style, value.text);
		at += width + GAP;
	}
	if (index != t->at)
		return;
	ui_grid__sign(g, row, 0, UI_SELECTED, SIGN_RIGHT);
	ui_grid__paint(g, row, 0, cols, UI_SELECTED);
}

void ui_table__draw(struct ui_table *t, const struct live_view *v, struct ui_grid *g,
		    unsigned int row, unsigned int rows)
{
	if (!rows)
		return;
	t->height = rows - 1;
	keep_in_sight(t);
	draw_heading(t, g, row);
	if (!t->n && rows > 1)
		ui_grid__put(g, row + 1, MARGIN, ui_grid__cols(g), UI_DIM,
			     t->total ? "no row matches" : t->view->empty);
	for (size_t i = 0; i < t->height && t->top + i < t->n; i++)
		draw_row(t, v, t->top + i, g, row + 1 + (unsigned int)i);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ui_state_int.h"
#include "util.h"

int ui_state__new(struct ui_state **out, const struct ui_view *const *views, bool ascii)
{
	struct ui_state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ascii = ascii;
	for (; views[s->nviews] && s->nviews < UI_VIEWS_MAX; s->nviews++)
		ui_table__init(&s->table[s->nviews], views[s->nviews]);
	*out = s;
	return 0;
}

void ui_state__free(struct ui_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nviews; i++)
		ui_table__free(&s->table[i]);
	ui_page__free(s->sheet.page);
	ui_page__free(s->below.page);
	free(s);
}

unsigned int ui_state__where(const struct ui_state *s)
{
	unsigned int replay = s->replay ? UI_IN_REPLAY : 0;

	if (s->mode == UI_MODE_VIEW)
		return UI_IN_VIEW | replay;
	return s->mode == UI_MODE_PICK ? UI_IN_PICK : UI_IN_PAGE | replay;
}

void ui_state__build(struct ui_state *s)
{
	if (s->v && ui_table__build(ui_state__table(s), s->v, &s->shown))
		ui_log__note(&s->log, "no memory to sort the rows");
}

unsigned int ui_state__body_rows(const struct ui_state *s)
{
	struct ui_layout l;

	ui_layout__of(s->rows, s->cols, &l);
	return l.body_rows;
}

/* ---- pages ---- */

/* Lines that are beyond the screen. */
unsigned int ui_state__last_first(const struct ui_state *s)
{
	unsigned int rows = ui_state__body_rows(s);
	unsigned int lines = s->sheet.page ? ui_page__lines(s->sheet.page) : 0;

	return lines > rows ? lines - rows : 0;
}

/* Makes the open page anew; a row that is gone leaves what was shown of it. */
static void fill_sheet(struct ui_state *s)
{
	const struct ui_view *view = ui_state__table(s)->view;
	struct ui_page *page = NULL;
	bool filled = true;

	if (s->mode == UI_MODE_VIEW || s->mode == UI_MODE_PICK)
		return;
	if (ui_page__new(&page, s->cols, s->ascii))
		return;
	if (s->mode == UI_MODE_HELP)
		ui_help__fill(s, page);
	else if (s->mode == UI_MODE_MESSAGES)
		ui_help__messages(s, page);
	else
		filled = s->v && view->page && view->page(s->v, s->page_id, page);
	if (s->mode == UI_MODE_PAGE)
		s->page_gone = !filled;
	if (filled) {
		ui_page__free(s->sheet.page);
		s->sheet.page = page;
	} else {
		ui_page__free(page);
	}
	s->sheet.first = min_t(unsigned int, s->sheet.first, ui_state__last_first(s));
}

static void drop_sheet(struct ui_sheet *sheet)
{
	ui_page__free(sheet->page);
	*sheet = (struct ui_sheet){};
}

/* Help and messages lie above what was there. */
static void lay(struct ui_state *s, enum ui_mode mode)
{
	if (s->mode == UI_MODE_HELP || s->mode == UI_MODE_MESSAGES) {
		drop_sheet(&s->sheet);
	} else {
		s->under = s->mode;
		s->below = s->sheet;
		s->sheet = (struct ui_sheet){};
	}
	s->mode = mode;
	fill_sheet(s);
	if (mode == UI_MODE_MESSAGES)
		s->sheet.first = ui_state__last_first(s);
}

static enum ui_wish back(struct ui_state *s)
{
	if (s->mode == UI_MODE_VIEW) {
		if (!*ui_state__table(s)->filter.text)
			return UI_WISH_NOTHING;
		*ui_state__table(s)->filter.text = '\0';
		ui_state__build(s);
		return UI_WISH_DRAW;
	}
	if (s->mode == UI_MODE_PICK && s->pick.starting)
		return UI_WISH_QUIT;
	drop_sheet(&s->sheet);
	if (s->mode == UI_MODE_HELP || s->mode == UI_MODE_MESSAGES) {
		s->mode = s->under;
		s->sheet = s->below;
		s->below = (struct ui_sheet){};
		fill_sheet(s);
	} else {
		s->mode = UI_MODE_VIEW;
	}
	return UI_WISH_DRAW;
}

static enum ui_wish toggle(struct ui_state *s, enum ui_mode mode)
{
	if (s->mode == mode)
		return back(s);
	lay(s, mode);
	return UI_WISH_DRAW;
}

static enum ui_wish open_row(struct ui_state *s)
{
	struct ui_table *t = ui_state__table(s);

	if (!s->v || !t->view->page || !ui_table__selected(t, s->v, &s->page_id))
		return UI_WISH_NOTHING;
	s->mode = UI_MODE_PAGE;
	fill_sheet(s);
	if (s->sheet.page)
		return UI_WISH_DRAW;
	s->mode = UI_MODE_VIEW; /* there is nothing to open of it */
	return UI_WISH_NOTHING;
}

/* ---- views ---- */

enum ui_wish ui_state__go_to_view(struct ui_state *s, size_t view)
{
	if (view >= s->nviews)
		return UI_WISH_NOTHING;
	drop_sheet(&s->sheet);
	drop_sheet(&s->below);
	s->mode = UI_MODE_VIEW;
	s->view = view;
	ui_state__build(s);
	return UI_WISH_DRAW;
}

enum ui_wish ui_state__sort_by(struct ui_state *s, size_t column)
{
	ui_table__sort(ui_state__table(s), column);
	ui_state__build(s);
	return UI_WISH_DRAW;
}

/* The next column in that direction that is on the screen, round the end. */
static enum ui_wish sort_next(struct ui_state *s, size_t step)
{
	const struct ui_table *t = ui_state__table(s);
	size_t n = t->view->ncolumns, i = t->sorted;

	do {
		i = (i + step) % n;
	} while (i != t->sorted && !ui_table__shows(t, s->cols, i));
	return ui_state__sort_by(s, i);
}

static enum ui_wish freeze(struct ui_state *s)
{
	s->frozen = !s->frozen;
	return UI_WISH_DRAW;
}

void ui_state__show(struct ui_state *s, const struct live_view *v)
{
	s->v = v;
	for (size_t i = 0; v && v->m && i < v->m->target_count; i++)
		ui_pick__observed(&s->pick, (pid_t)v->m->targets[i].pid, v->m->targets[i].version,
				  v->m->targets[i].ended);
	ui_pick__shown(&s->pick, &s->shown);
	ui_state__build(s);
	if (s->mode == UI_MODE_PAGE || s->mode == UI_MODE_MESSAGES)
		fill_sheet(s);
}

void ui_state__resize(struct ui_state *s, unsigned int rows, unsigned int cols)
{
	s->rows = rows;
	s->cols = cols;
	fill_sheet(s);
}

/* ---- processes ---- */

void ui_state__pick(struct ui_state *s, bool starting)
{
	drop_sheet(&s->sheet);
	drop_sheet(&s->below);
	s->pick.starting = starting;
	s->mode = UI_MODE_PICK;
}

static bool any_marked(const struct ui_pick *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->process[i].marked)
			return true;
	return false;
}

static enum ui_wish toggle_process(struct ui_state *s, bool enter)
{
	struct ui_process *one = ui_pick__selected(&s->pick);

	if (!one)
		return UI_WISH_NOTHING;
	if (s->pick.starting && enter) {
		if (!any_marked(&s->pick))
			one->marked = true;
		return UI_WISH_BEGIN;
	}
	if (!s->pick.starting && !one->observed) {
		s->wish_pid = one->pid;
		return s->replay ? UI_WISH_NOTHING : UI_WISH_OBSERVE;
	}
	one->marked = !one->marked;
	ui_pick__shown(&s->pick, &s->shown);
	ui_state__build(s);
	return UI_WISH_DRAW;
}

/* ---- the filter ---- */

static enum ui_wish edit_filter(struct ui_state *s)
{
	s->editing = true;
	s->old = ui_state__table(s)->filter;
	ui_edit__begin(&s->edit, s->old.text);
	return UI_WISH_DRAW;
}

static enum ui_wish edit_key(struct ui_state *s, uint32_t key)
{
	struct ui_table *t = ui_state__table(s);

	if (key == UI_KEY_ENTER || key == '\n') {
		s->editing = false;
		return UI_WISH_DRAW;
	}
	if (key == UI_KEY_ESC || key == UI_CTRL('c')) {
		s->editing = false;
		t->filter = s->old;
		ui_state__build(s);
		return UI_WISH_DRAW;
	}
	if (!ui_edit__key(&s->edit, key))
		return UI_WISH_NOTHING;
	snprintf(t->filter.text, sizeof(t->filter.text), "%s", s->edit.text);
	ui_state__build(s);
	return UI_WISH_DRAW;
}

/* ---- keys ---- */

static enum ui_wish in_view(struct ui_state *s, enum ui_action action)
{
	struct ui_table *t = ui_state__table(s);
	size_t n = s->nviews;

	switch (action) {
	case UI_NEXT_VIEW:
		return ui_state__go_to_view(s, (s->view + 1) % n);
	case UI_PREVIOUS_VIEW:
		return ui_state__go_to_view(s, (s->view + n - 1) % n);
	case UI_FILTER:
		return edit_filter(s);
	case UI_SORT_NEXT:
	case UI_SORT_RIGHT:
		return sort_next(s, 1);
	case UI_SORT_LEFT:
		return sort_next(s, t->view->ncolumns - 1);
	default: /* UI_REVERSE */
		t->descending = !t->descending;
		ui_state__build(s);
		return UI_WISH_DRAW;
	}
}

static enum ui_wish beyond(enum ui_action action)
{
	switch (action) {
	case UI_QUIT:
	case UI_INTERRUPT:
		return UI_WISH_QUIT;
	case UI_REDRAW:
		return UI_WISH_REDRAW;
	case UI_SUSPEND:
		return UI_WISH_SUSPEND;
	case UI_WRITE:
		return UI_WISH_WRITE;
	default:
		return UI_WISH_NOTHING;
	}
}

static enum ui_wish act(struct ui_state *s, enum ui_action action, uint32_t key)
{
	if (action >= UI_LINE_UP && action <= UI_LAST)
		return ui_state__move_by(s, action);
	if (action >= UI_PAUSE && action <= UI_ON_1MIN) {
		s->wish_time = action;
		return UI_WISH_TIME;
	}
	switch (action) {
	case UI_OPEN:
		return s->mode == UI_MODE_PICK ? toggle_process(s, true) : open_row(s);
	case UI_TOGGLE:
		return toggle_process(s, false);
	case UI_BACK:
		return back(s);
	case UI_GO_TO_VIEW:
		return ui_state__go_to_view(s, key - '1');
	case UI_FREEZE:
		return freeze(s);
	case UI_PICK:
		ui_state__pick(s, false);
		return UI_WISH_SCAN;
	case UI_HELP:
		return toggle(s, UI_MODE_HELP);
	case UI_MESSAGES:
		return toggle(s, UI_MODE_MESSAGES);
	case UI_NEXT_VIEW:
	case UI_PREVIOUS_VIEW:
	case UI_FILTER:
	case UI_SORT_NEXT:
	case UI_SORT_LEFT:
	case UI_SORT_RIGHT:
	case UI_REVERSE:
		return in_view(s, action);
	default:
		return beyond(action);
	}
}

enum ui_wish ui_state__input(struct ui_state *s, const struct ui_input *in)
{
	struct ui_layout l;
	enum ui_action action;

	ui_layout__of(s->rows, s->cols, &l);
	if (in->key == UI_KEY_CLICK)
		return ui_state__click(s, in);
	if (in->key == UI_KEY_WHEEL_UP || in->key == UI_KEY_WHEEL_DOWN)
		return ui_state__wheel(s, in->key == UI_KEY_WHEEL_DOWN);
	if (s->editing && !l.tiny && in->key != UI_CTRL('l') && in->key != UI_CTRL('z'))
		return edit_key(s, in->key);
	action = ui_keys__action(in->key, ui_state__where(s));
	/* What cannot be seen is not to be changed. */
	if (l.tiny)
		return beyond(action);
	s->log.seen = s->log.n;
	return act(s, action, in->key);
}

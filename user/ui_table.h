/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a table does with the rows of a view: sorts, filters, selects, scrolls and draws them.
 *
 * The selected row is known by its id, so that it stays selected, at the same place of the screen,
 * when rows come and go. At the top it is the first row, whichever that is.
 */
#ifndef LOOPRAY_UI_TABLE_H
#define LOOPRAY_UI_TABLE_H

#include "ui_view.h"

#define UI_PIDS_MAX 256

/* Rows of these processes only; n 0: of all. */
struct ui_pids {
	uint32_t pid[UI_PIDS_MAX];
	size_t n;
};

struct ui_table {
	const struct ui_view *view;
	size_t sorted; /* column */
	bool descending;
	struct ui_filter filter;
	size_t *order; /* rows of the view, as shown */
	size_t n, cap;
	size_t total;	      /* rows before filtering */
	size_t at;	      /* of the selected row in order */
	size_t top;	      /* of the first row on the screen */
	uint64_t selected_id; /* while follows */
	bool follows;
	unsigned int height; /* rows of the screen that it was last drawn with */
};

void ui_table__init(struct ui_table *t, const struct ui_view *view);
void ui_table__free(struct ui_table *t);

/* Puts the rows of @v in order; to be called when anything of that changed. 0 or -ENOMEM. */
int ui_table__build(struct ui_table *t, const struct live_view *v, const struct ui_pids *pids);

/* Selects the row @delta further, as far as there are rows; index from 0. */
void ui_table__move(struct ui_table *t, const struct live_view *v, long delta);
void ui_table__select(struct ui_table *t, const struct live_view *v, size_t index);
/* Scrolls without selecting another row than it must. */
void ui_table__scroll(struct ui_table *t, const struct live_view *v, long delta);
/* false: there is no row. */
bool ui_table__selected(const struct ui_table *t, const struct live_view *v, uint64_t *id);

/* To be followed by ui_table__build. */
void ui_table__sort(struct ui_table *t, size_t column);

/* Draws heading and rows into the rectangle. */
void ui_table__draw(struct ui_table *t, const struct live_view *v, struct ui_grid *g,
		    unsigned int row, unsigned int rows);
/* The column whose heading is at screen column @col of a grid with @cols; false: none. */
bool ui_table__column_at(const struct ui_table *t, unsigned int cols, unsigned int col,
			 size_t *column);
/* Whether column @i is shown at @cols. */
bool ui_table__shows(const struct ui_table *t, unsigned int cols, size_t i);

#endif

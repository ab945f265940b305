/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The views of the dashboard: each a table over the same live_view, with a banner above it if it
 * has something to show that is no row, and a page that opens for a row. What tables do (sort,
 * filter, scroll, select) and where they are is not a view's business.
 */
#ifndef LOOPRAY_UI_VIEW_H
#define LOOPRAY_UI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model_live.h"
#include "ui_grid.h"

#define UI_CELL_TEXT 384

/* What is in one cell of a table. */
struct ui_value {
	char text[UI_CELL_TEXT];
	enum ui_style style; /* UI_PLAIN: as the row */
	double number;	     /* to sort by, where the column is of numbers */
};

struct ui_column {
	const char *title;
	unsigned int width;    /* columns; 0: what is left, one such column a table */
	unsigned int min_cols; /* the table must be as wide for it to be shown; 0: always */
	bool right;
	bool number;	   /* sorted by number, else by text */
	bool descending;   /* the first order when it is chosen */
	const char *about; /* for the help, a sentence */
};

/* Text that scrolls: lines of words in styles. */
struct ui_page;

int ui_page__new(struct ui_page **out, unsigned int cols, bool ascii);
void ui_page__free(struct ui_page *p);
unsigned int ui_page__cols(const struct ui_page *p);
bool ui_page__ascii(const struct ui_page *p);
/* Appends to the line that is open; what is beyond the width is cut. */
void ui_page__put(struct ui_page *p, enum ui_style style, const char *text);
void ui_page__printf(struct ui_page *p, enum ui_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ui_page__sign(struct ui_page *p, enum ui_style style, enum ui_sign sign);
/* The next put begins at this column, if the line is not beyond it. */
void ui_page__column(struct ui_page *p, unsigned int col);
/* Puts at most @width columns, cut with SIGN_CUT. */
void ui_page__cell(struct ui_page *p, unsigned int width, enum ui_style style, const char *text);
/* Ends the line. */
void ui_page__end(struct ui_page *p);
/* A paragraph: @text broken at blanks, each line begun at column @indent. */
void ui_page__wrap(struct ui_page *p, enum ui_style style, unsigned int indent, const char *text);
unsigned int ui_page__lines(const struct ui_page *p);
/* Lines from @first on into the rectangle. */
void ui_page__draw(const struct ui_page *p, unsigned int first, struct ui_grid *g, unsigned int row,
		   unsigned int col, unsigned int rows, unsigned int cols);

/* What / takes: words, all of which must match. */
struct ui_filter {
	char text[128];
	/* "status:5xx", "pid:12", "path:/users/…", "finding", "method:GET", or a word of the path
	 */
};

struct ui_view {
	const char *name;  /* in the tabs, one word */
	const char *about; /* for the help, a sentence */
	const struct ui_column *columns;
	size_t ncolumns;
	size_t sorted;	   /* the column that it is sorted by at first */
	const char *empty; /* said where there is no row */
	size_t (*count)(const struct live_view *v);
	/* The row's name, which stays when rows come and go. */
	uint64_t (*id)(const struct live_view *v, size_t row);
	void (*cell)(const struct live_view *v, size_t row, size_t column, bool ascii,
		     struct ui_value *out);
	bool (*matches)(const struct live_view *v, size_t row, const struct ui_filter *f);
	/*
	 * Draws above the table, in at most @rows; returns the rows it took, 0 none. NULL: has no
	 * banner. The table always keeps five rows.
	 */
	unsigned int (*banner)(const struct live_view *v, struct ui_grid *g, unsigned int row,
			       unsigned int rows);
	/* The page of a row, NULL: none opens. false: that row is gone. */
	bool (*page)(const struct live_view *v, uint64_t id, struct ui_page *page);
};

/* In the order of the number keys; NULL behind the last. */
extern const struct ui_view *const ui_views[];

/* Matching words, of ui_filter.c: shared by the views. */
bool ui_filter__request(const struct ui_filter *f, const struct live_request *r);
bool ui_filter__words(const struct ui_filter *f, const char *const *texts); /* NULL-terminated */

/* False: a word is not valid, and @why says so in a sentence; such words match every row. */
bool ui_filter__check(const struct ui_filter *f, char *why, size_t len);

/* Durations, sizes, counts and shares as short text: "1.25 ms", "12.3k", "-" for UINT64_MAX, not
 * known. */
void ui_text__ns(char *buf, size_t len, uint64_t ns);
void ui_text__count(char *buf, size_t len, uint64_t n);
void ui_text__rate(char *buf, size_t len, double per_s);
void ui_text__bytes(char *buf, size_t len, uint64_t bytes);
void ui_text__percent(char *buf, size_t len, double share); /* below 0: "-" */
/* A sparkline of @n values, scaled to their greatest, as UTF-8 or ASCII. */
void ui_text__spark(char *buf, size_t len, const uint32_t *values, size_t n, bool ascii);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The line that is being made is a grid of one row; a line that has ended is a copy of its cells.
 * For want of memory a page is shorter than it should be, which it says in its last line.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ui_view.h"
#include "util.h"

#define PAGE_LINES_MAX 100000

struct ui_page {
	struct ui_grid *open;
	unsigned int col; /* where the next put begins */
	struct ui_cell *cells;
	unsigned int lines, cap;
};

int ui_page__new(struct ui_page **out, unsigned int cols, bool ascii)
{
	struct ui_page *p = calloc(1, sizeof(*p));
	int err = p ? ui_grid__new(&p->open, 1, cols ? cols : 1, ascii) : -ENOMEM;

	if (err) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

void ui_page__free(struct ui_page *p)
{
	if (!p)
		return;
	ui_grid__free(p->open);
	free(p->cells);
	free(p);
}

unsigned int ui_page__cols(const struct ui_page *p)
{
	return ui_grid__cols(p->open);
}

bool ui_page__ascii(const struct ui_page *p)
{
	return ui_grid__ascii(p->open);
}

void ui_page__put(struct ui_page *p, enum ui_style style, const char *text)
{
	p->col += ui_grid__put(p->open, 0, p->col, ui_page__cols(p), style, text);
}

void ui_page__cell(struct ui_page *p, unsigned int width, enum ui_style style, const char *text)
{
	p->col += ui_grid__put(p->open, 0, p->col, width, style, text);
}

void ui_page__printf(struct ui_page *p, enum ui_style style, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ui_page__put(p, style, text);
}

void ui_page__sign(struct ui_page *p, enum ui_style style, enum ui_sign sign)
{
	ui_grid__sign(p->open, 0, p->col, style, sign);
	p->col++;
}

void ui_page__column(struct ui_page *p, unsigned int col)
{
	p->col = max_t(unsigned int, p->col, col);
}

static bool make_room(struct ui_page *p)
{
	unsigned int cap = p->cap ? 2 * p->cap : 64;
	struct ui_cell *cells;

	if (p->lines < p->cap)
		return true;
	if (p->lines >= PAGE_LINES_MAX)
		return false;
	cells = realloc(p->cells, sizeof(*cells) * cap * ui_page__cols(p));
	if (!cells)
		return false;
	p->cells = cells;
	p->cap = cap;
	return true;
}

void ui_page__end(struct ui_page *p)
{
	unsigned int cols = ui_page__cols(p);

	if (make_room(p)) {
		memcpy(p->cells + (size_t)p->lines * cols, ui_grid__at(p->open, 0, 0),
		       cols * sizeof(*p->cells));
		p->lines++;
	}
	ui_grid__clear(p->open);
	p->col = 0;
}

/* One word of @len bytes, cut in pieces if it is wider than a whole line. */
static void put_word(struct ui_page *p, enum ui_style style, unsigned int indent, const char *word,
		     size_t len)
{
	unsigned int cols = ui_page__cols(p);
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)min_t(size_t, len, sizeof(text) - 1), word);
	if (p->col > indent && p->col + 1 + ui_text__width(text) > cols)
		ui_page__end(p);
	else if (p->col > indent)
		p->col++;
	ui_page__column(p, indent);
	ui_page__put(p, style, text);
}

void ui_page__wrap(struct ui_page *p, enum ui_style style, unsigned int indent, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (len)
			put_word(p, style, indent, text, len);
		text += len;
		text += strspn(text, " ");
		if (*text == '\n') {
			ui_page__end(p);
			text++;
		}
	}
	if (p->col)
		ui_page__end(p);
}

unsigned int ui_page__lines(const struct ui_page *p)
{
	return p->lines;
}

void ui_page__draw(const struct ui_page *p, unsigned int first, struct ui_grid *g, unsigned int row,
		   unsigned int col, unsigned int rows, unsigned int cols)
{
	unsigned int width = ui_page__cols(p), n = min_t(unsigned int, cols, width);

	for (unsigned int i = 0; i < rows && first + i < p->lines; i++)
		ui_grid__copy(g, row + i, col, p->cells + (size_t)(first + i) * width, n);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "ui_grid.h"
#include "utf8.h"
#include "util.h"

#define GRID_MAX 4096 /* rows or columns: no terminal has more */

struct ui_grid {
	unsigned int rows, cols;
	bool ascii;
	struct ui_cell *cells;
};

/* Each sign, and the character that stands for it where there is only ASCII. */
static const struct {
	uint32_t ch;
	char plain;
} signs[SIGNS] = {
	[SIGN_BAR_1 + 0] = {0x2581, '_'},   [SIGN_BAR_1 + 1] = {0x2582, '.'},
	[SIGN_BAR_1 + 2] = {0x2583, ':'},   [SIGN_BAR_1 + 3] = {0x2584, '-'},
	[SIGN_BAR_1 + 4] = {0x2585, '='},   [SIGN_BAR_1 + 5] = {0x2586, '+'},
	[SIGN_BAR_1 + 6] = {0x2587, '*'},   [SIGN_BAR_8] = {0x2588, '#'},
	[SIGN_HBAR_1 + 0] = {0x258f, ' '},  [SIGN_HBAR_1 + 1] = {0x258e, ' '},
	[SIGN_HBAR_1 + 2] = {0x258d, '-'},  [SIGN_HBAR_1 + 3] = {0x258c, '-'},
	[SIGN_HBAR_1 + 4] = {0x258b, '-'},  [SIGN_HBAR_1 + 5] = {0x258a, '='},
	[SIGN_HBAR_1 + 6] = {0x2589, '='},  [SIGN_HBAR_8] = {0x2588, '#'},
	[SIGN_SHADE_1 + 0] = {0x2591, '.'}, [SIGN_SHADE_1 + 1] = {0x2592, 'o'},
	[SIGN_SHADE_1 + 2] = {0x2593, 'O'}, [SIGN_SHADE_4] = {0x2588, '#'},
	[SIGN_HLINE] = {0x2500, '-'},	    [SIGN_VLINE] = {0x2502, '|'},
	[SIGN_UP] = {0x25b2, '^'},	    [SIGN_DOWN] = {0x25bc, 'v'},
	[SIGN_RIGHT] = {0x25b6, '>'},	    [SIGN_BAD] = {0x2717, '!'},
	[SIGN_GOOD] = {0x2713, '+'},	    [SIGN_UNSURE] = {0x2248, '~'},
	[SIGN_DOT] = {0x2022, 'o'},	    [SIGN_CUT] = {0x2026, '~'},
};

/* Other characters that texts are written with. */
static const struct {
	uint32_t ch;
	char plain;
} plain_forms[] = {
	{0xb5, 'u'},	{0x3bc, 'u'},	{0xb7, '.'},   {0xd7, 'x'},   {0x2013, '-'}, {0x2014, '-'},
	{0x2018, '\''}, {0x2019, '\''}, {0x201c, '"'}, {0x201d, '"'}, {0x2190, '<'}, {0x2191, '^'},
	{0x2192, '>'},	{0x2193, 'v'},	{0x2264, '<'}, {0x2265, '>'},
};

static char plain_of(uint32_t ch)
{
	for (size_t i = 0; i < SIGNS; i++)
		if (signs[i].ch == ch)
			return signs[i].plain;
	for (size_t i = 0; i < ARRAY_SIZE(plain_forms); i++)
		if (plain_forms[i].ch == ch)
			return plain_forms[i].plain;
	return '?';
}

/*
 * Columns of a character: the C library's tables, which ncurses goes by too, whatever locale the
 * program runs in.
 */
static int width_of(uint32_t ch)
{
	static locale_t utf8;
	locale_t before;
	int width;

	if (ch < 0x7f)
		return 1;
	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	if (!utf8)
		return 1;
	before = uselocale(utf8);
	width = wcwidth((wchar_t)ch);
	uselocale(before);
	return width;
}

static uint32_t decode(const char *s, size_t n)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t ch = (unsigned char)s[0] & first[n];

	for (size_t i = 1; i < n; i++)
		ch = ch << 6 | ((unsigned char)s[i] & 0x3f);
	return ch;
}

/* The next character of @text and its columns; what cannot be shown is '?'. Ends at NUL. */
static uint32_t next_char(const char **text, size_t *len, int *width)
{
	unsigned char c = (unsigned char)**text;
	size_t bad = 1, n = 1;
	uint32_t ch = c;

	*width = 1;
	if (c >= 0x80) {
		n = utf8__sequence(*text, *len, &bad);
		ch = n ? decode(*text, n) : '?';
		n = n ? n : bad;
		*width = width_of(ch);
	}
	if (ch < 0x20 || ch == 0x7f || *width < 0) {
		ch = '?';
		*width = 1;
	}
	*text += n;
	*len -= n;
	return ch;
}

int ui_grid__new(struct ui_grid **out, unsigned int rows, unsigned int cols, bool ascii)
{
	struct ui_grid *g = calloc(1, sizeof(*g));
	int err = g ? ui_grid__resize(g, rows, cols) : -ENOMEM;

	if (err) {
		free(g);
		return err;
	}
	g->ascii = ascii;
	*out = g;
	return 0;
}

void ui_grid__free(struct ui_grid *g)
{
	if (!g)
		return;
	free(g->cells);
	free(g);
}

int ui_grid__resize(struct ui_grid *g, unsigned int rows, unsigned int cols)
{
	struct ui_cell *cells;

	rows = min_t(unsigned int, rows, GRID_MAX);
	cols = min_t(unsigned int, cols, GRID_MAX);
	cells = calloc((size_t)rows * cols + 1, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	free(g->cells);
	g->cells = cells;
	g->rows = rows;
	g->cols = cols;
	ui_grid__clear(g);
	return 0;
}

void ui_grid__clear(struct ui_grid *g)
{
	for (size_t i = 0; i < (size_t)g->rows * g->cols; i++)
		g->cells[i] = (struct ui_cell){.ch = ' '};
}

unsigned int ui_grid__rows(const struct ui_grid *g)
{
	return g->rows;
}

unsigned int ui_grid__cols(const struct ui_grid *g)
{
	return g->cols;
}

bool ui_grid__ascii(const struct ui_grid *g)
{
	return g->ascii;
}

const struct ui_cell *ui_grid__at(const struct ui_grid *g, unsigned int row, unsigned int col)
{
	static const struct ui_cell outside = {.ch = ' '};

	if (row >= g->rows || col >= g->cols)
		return &outside;
	return &g->cells[(size_t)row * g->cols + col];
}

/* Half of a character of two columns must not stay behind when the other is overwritten. */
static void mend(struct ui_grid *g, unsigned int row, unsigned int col)
{
	struct ui_cell *cell = &g->cells[(size_t)row * g->cols + col];

	if (!cell->ch && col)
		cell[-1].ch = ' ';
	if (col + 1 < g->cols && !cell[1].ch)
		cell[1].ch = ' ';
}

/* Of @width columns, all of them within the grid. */
static void set(struct ui_grid *g, unsigned int row, unsigned int col, int width,
		enum ui_style style, uint32_t ch)
{
	struct ui_cell *cell = &g->cells[(size_t)row * g->cols + col];
	bool plain = g->ascii && ch >= 0x80;

	for (int i = 0; i < width; i++)
		mend(g, row, col + (unsigned int)i);
	for (int i = 0; i < width; i++)
		cell[i] = (struct ui_cell){
			.ch = plain ? (unsigned char)plain_of(ch)
			      : i   ? 0
				    : ch,
			.style = (uint8_t)style,
		};
}

unsigned int ui_grid__put(struct ui_grid *g, unsigned int row, unsigned int col, unsigned int width,
			  enum ui_style style, const char *text)
{
	size_t len = strlen(text);
	unsigned int used = 0;
	bool cut;

	if (row >= g->rows || col >= g->cols)
		return 0;
	width = min_t(unsigned int, width, g->cols - col);
	cut = ui_text__width(text) > width;
	while (len && used < width) {
		int w;
		uint32_t ch = next_char(&text, &len, &w);

		if (cut && used + (unsigned int)w + 1 > width)
			break;
		set(g, row, col + used, w, style, ch);
		used += (unsigned int)w;
	}
	if (cut && used < width)
		set(g, row, col + used++, 1, style, signs[SIGN_CUT].ch);
	return used;
}

unsigned int ui_grid__printf(struct ui_grid *g, unsigned int row, unsigned int col,
			     unsigned int width, enum ui_style style, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return ui_grid__put(g, row, col, width, style, text);
}

unsigned int ui_grid__put_right(struct ui_grid *g, unsigned int row, unsigned int col,
				unsigned int width, enum ui_style style, const char *text)
{
	unsigned int wide = ui_text__width(text);

	if (wide < width)
		return ui_grid__put(g, row, col + width - wide, wide, style, text);
	return ui_grid__put(g, row, col, width, style, text);
}

void ui_grid__sign(struct ui_grid *g, unsigned int row, unsigned int col, enum ui_style style,
		   enum ui_sign sign)
{
	if (row < g->rows && col < g->cols)
		set(g, row, col, 1, style, signs[sign].ch);
}

void ui_grid__paint(struct ui_grid *g, unsigned int row, unsigned int col, unsigned int width,
		    enum ui_style style)
{
	if (row >= g->rows)
		return;
	for (unsigned int i = 0; i < width && col + i < g->cols; i++)
		g->cells[(size_t)row * g->cols + col + i].style = (uint8_t)style;
}

void ui_grid__copy(struct ui_grid *g, unsigned int row, unsigned int col,
		   const struct ui_cell *cells, unsigned int n)
{
	if (row >= g->rows || col >= g->cols)
		return;
	n = min_t(unsigned int, n, g->cols - col);
	for (unsigned int i = 0; i < n; i++) {
		bool wide = i + 1 < n && !cells[i + 1].ch;

		if (cells[i].ch)
			set(g, row, col + i, wide ? 2 : 1, cells[i].style, cells[i].ch);
	}
}

static size_t encode(uint32_t ch, char out[5])
{
	size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1; ch >>= 6)
		out[i] = (char)(0x80 | (ch & 0x3f));
	out[0] = (char)(mark[n] | ch);
	out[n] = '\0';
	return n;
}

const char *ui_sign__text(enum ui_sign sign, bool ascii)
{
	static char texts[SIGNS][2][5];
	char *text = texts[sign][ascii];

	if (!*text)
		encode(ascii ? (unsigned char)signs[sign].plain : signs[sign].ch, text);
	return text;
}

unsigned int ui_text__width(const char *text)
{
	size_t len = strlen(text);
	unsigned int width = 0;
	int w;

	while (len) {
		next_char(&text, &len, &w);
		width += (unsigned int)w;
	}
	return width;
}

static void dump_row(const struct ui_grid *g, unsigned int row, FILE *to)
{
	unsigned int end = g->cols;
	char text[5] = {0};

	while (end && ui_grid__at(g, row, end - 1)->ch == ' ')
		end--;
	for (unsigned int col = 0; col < end; col++) {
		uint32_t ch = ui_grid__at(g, row, col)->ch;

		if (ch)
			fwrite(text, 1, encode(ch, text), to);
	}
	fputc('\n', to);
}

void ui_grid__dump(const struct ui_grid *g, FILE *to)
{
	for (unsigned int row = 0; row < g->rows; row++)
		dump_row(g, row, to);
}

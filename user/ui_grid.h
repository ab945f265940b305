/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A screen as cells in memory: what is drawn before a terminal is concerned. Views draw into
 * it, ui_term shows it, tests read it.
 *
 * Every style is a colour and an attribute that shows without colours; what a colour says is
 * also said by a character.
 */
#ifndef LOOPRAY_UI_GRID_H
#define LOOPRAY_UI_GRID_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ui_style {
	UI_PLAIN,
	UI_DIM,	    /* beside the point: units, separators, unknown */
	UI_STRONG,  /* figures that are looked for */
	UI_TITLE,   /* of views and pages */
	UI_HEADING, /* of a column; UI_SORTED: the one that rows are sorted by */
	UI_SORTED,
	UI_SELECTED, /* the row under the cursor */
	UI_GOOD,     /* blue */
	UI_BAD,	     /* orange */
	UI_WORSE,    /* orange, bold or reverse */
	UI_KEY,	     /* a key in a line of help */
	UI_HEAT0,    /* shades from little to much */
	UI_HEAT1,
	UI_HEAT2,
	UI_HEAT3,
	UI_HEAT4,
	UI_STYLES
};

struct ui_cell {
	uint32_t ch;   /* a character of one or two columns; 0: behind one of two */
	uint8_t style; /* enum ui_style */
};

struct ui_grid;

/* Characters that have a plain form: block elements, lines, arrows, marks. */
enum ui_sign {
	SIGN_BAR_1, /* eighths of a block, from the bottom: sparklines */
	SIGN_BAR_8 = SIGN_BAR_1 + 7,
	SIGN_HBAR_1, /* eighths from the left: bars of a waterfall */
	SIGN_HBAR_8 = SIGN_HBAR_1 + 7,
	SIGN_SHADE_1, /* light, medium, dark, full: heat maps */
	SIGN_SHADE_4 = SIGN_SHADE_1 + 3,
	SIGN_HLINE,
	SIGN_VLINE,
	SIGN_UP,
	SIGN_DOWN,
	SIGN_RIGHT,
	SIGN_BAD, /* a mark before what is wrong */
	SIGN_GOOD,
	SIGN_UNSURE,
	SIGN_DOT, /* a moment on a time line */
	SIGN_CUT, /* text goes on beyond the edge */
	SIGNS
};

/* @ascii: nothing but ASCII is put; what is not becomes its plain form or '?'. */
int ui_grid__new(struct ui_grid **out, unsigned int rows, unsigned int cols, bool ascii);
void ui_grid__free(struct ui_grid *g);
/* Empties it too. 0 or -ENOMEM. */
int ui_grid__resize(struct ui_grid *g, unsigned int rows, unsigned int cols);
void ui_grid__clear(struct ui_grid *g);
unsigned int ui_grid__rows(const struct ui_grid *g);
unsigned int ui_grid__cols(const struct ui_grid *g);
bool ui_grid__ascii(const struct ui_grid *g);
const struct ui_cell *ui_grid__at(const struct ui_grid *g, unsigned int row, unsigned int col);

/*
 * Puts UTF-8 @text from (@row, @col) on, at most @width columns, cut with SIGN_CUT; control
 * and invalid characters become '?'. Outside of the grid nothing happens. Returns the columns used.
 */
unsigned int ui_grid__put(struct ui_grid *g, unsigned int row, unsigned int col, unsigned int width,
			  enum ui_style style, const char *text);
unsigned int ui_grid__printf(struct ui_grid *g, unsigned int row, unsigned int col,
			     unsigned int width, enum ui_style style, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The same, ending at column @col + @width. */
unsigned int ui_grid__put_right(struct ui_grid *g, unsigned int row, unsigned int col,
				unsigned int width, enum ui_style style, const char *text);
void ui_grid__sign(struct ui_grid *g, unsigned int row, unsigned int col, enum ui_style style,
		   enum ui_sign sign);
/* Gives cells a style and leaves what is in them. */
void ui_grid__paint(struct ui_grid *g, unsigned int row, unsigned int col, unsigned int width,
		    enum ui_style style);

/* Puts @n cells that were made elsewhere. */
void ui_grid__copy(struct ui_grid *g, unsigned int row, unsigned int col,
		   const struct ui_cell *cells, unsigned int n);

/* The sign as UTF-8, or as ASCII: for text that is made elsewhere. */
const char *ui_sign__text(enum ui_sign sign, bool ascii);
/* Columns that UTF-8 @text takes. */
unsigned int ui_text__width(const char *text);

/* One line of text for each row, without trailing blanks. */
void ui_grid__dump(const struct ui_grid *g, FILE *to);

#endif

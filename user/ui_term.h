/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The terminal: takes it, shows grids, reads keys and the mouse, and gives it back as it was,
 * whatever ends the program. Nothing else knows of ncurses.
 */
#ifndef LOOPRAY_UI_TERM_H
#define LOOPRAY_UI_TERM_H

#include <stdbool.h>

#include "ui_grid.h"
#include "ui_keys.h"

struct ui_term_opts {
	bool color; /* if the terminal has some */
	bool ascii; /* even if the locale is UTF-8 */
};

/*
 * Takes the terminal of stdin and stdout. Returns 0 or -errno, with a sentence in @why; the
 * terminal is then as it was. Only one at a time.
 */
int ui_term__open(const struct ui_term_opts *opts, char *why, size_t len);
/* Gives it back. Does nothing where it was not taken. */
void ui_term__close(void);

/* Readable when there may be input. */
int ui_term__fd(void);
/* The next input; key UI_KEY_NONE: there is no more. Does not wait. */
struct ui_input ui_term__input(void);
void ui_term__size(unsigned int *rows, unsigned int *cols);
bool ui_term__ascii(void);

void ui_term__show(const struct ui_grid *g);
/* Whether ^C and ^Z are signals, for while nobody reads keys; else they are keys like others. */
void ui_term__signals(bool on);
/* The next show draws every cell. */
void ui_term__redraw(void);
/* Gives the terminal back, stops the process group until it is continued, takes it again. */
void ui_term__suspend(void);

#endif

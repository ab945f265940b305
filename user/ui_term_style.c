// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two colours that people with any kind of colour vision tell apart, blue for what is well and
 * orange for what is not; what they come nearest to where there are 16 or 8; and none.
 */
#define NCURSES_WIDECHAR 1
#include <curses.h>

#include "ui_term_style.h"

struct look {
	attr_t attr;	    /* without colours */
	attr_t with;	    /* beside a colour */
	short of_256, of_8; /* -1: the terminal's own */
};

static const struct look looks[UI_STYLES] = {
	[UI_PLAIN] = {A_NORMAL, A_NORMAL, -1, -1},
	[UI_DIM] = {A_DIM, A_NORMAL, 245, -1},
	[UI_STRONG] = {A_BOLD, A_BOLD, -1, -1},
	[UI_TITLE] = {A_BOLD, A_BOLD, 39, COLOR_CYAN},
	[UI_HEADING] = {A_UNDERLINE, A_UNDERLINE, 250, -1},
	[UI_SORTED] = {A_UNDERLINE | A_BOLD, A_UNDERLINE | A_BOLD, -1, -1},
	[UI_SELECTED] = {A_REVERSE, A_REVERSE, -1, -1},
	[UI_GOOD] = {A_NORMAL, A_NORMAL, 39, COLOR_CYAN},
	[UI_BAD] = {A_BOLD, A_NORMAL, 208, COLOR_YELLOW},
	[UI_WORSE] = {A_BOLD | A_REVERSE, A_BOLD | A_REVERSE, 208, COLOR_YELLOW},
	[UI_KEY] = {A_BOLD, A_BOLD, 39, COLOR_CYAN},
	[UI_HEAT0] = {A_DIM, A_NORMAL, 238, COLOR_BLUE},
	[UI_HEAT1] = {A_NORMAL, A_NORMAL, 25, COLOR_BLUE},
	[UI_HEAT2] = {A_NORMAL, A_NORMAL, 39, COLOR_CYAN},
	[UI_HEAT3] = {A_NORMAL, A_NORMAL, 214, COLOR_YELLOW},
	[UI_HEAT4] = {A_BOLD, A_BOLD, 208, COLOR_YELLOW},
};

static bool colored;

void ui_term_style__init(bool color)
{
	colored = color && has_colors() && start_color() == OK && COLOR_PAIRS > UI_STYLES;
	if (!colored)
		return;
	use_default_colors();
	for (int i = 0; i < UI_STYLES; i++)
		init_pair((short)(i + 1), COLORS >= 256 ? looks[i].of_256 : looks[i].of_8, -1);
}

void ui_term_style__get(enum ui_style style, attr_t *attr, short *pair)
{
	const struct look *look = &looks[style < UI_STYLES ? style : UI_PLAIN];

	*attr = colored ? look->with : look->attr;
	*pair = colored && (look->of_256 >= 0 || look->of_8 >= 0) ? (short)(style + 1) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures in lines, of which the least important go where there is no room. */
#ifndef LOOPRAY_UI_HEADER_H
#define LOOPRAY_UI_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "ui_grid.h"

#define UI_ITEMS_MAX 24

struct ui_item {
	const char *name;
	char text[96];
	enum ui_style style;
	unsigned int weight; /* the least goes first */
	bool dropped;
	unsigned int row, col;
};

struct ui_items {
	struct ui_item item[UI_ITEMS_MAX];
	size_t n, left;
};

void ui_header__add(struct ui_items *l, unsigned int weight, enum ui_style style, const char *name,
		    const char *text);
/* Says where each is, or that it is dropped. */
void ui_header__place(struct ui_items *l, unsigned int rows, unsigned int cols);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Styles as attributes and colours of the terminal; shared by the ui_term files, after curses.h. */
#ifndef LOOPRAY_UI_TERM_STYLE_H
#define LOOPRAY_UI_TERM_STYLE_H

#include <stdbool.h>

#include "ui_grid.h"

/* After newterm. @color: as many as the terminal has. */
void ui_term_style__init(bool color);
void ui_term_style__get(enum ui_style style, attr_t *attr, short *pair);

#endif

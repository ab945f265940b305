/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A line that is typed: UTF-8, with a cursor between characters. */
#ifndef LOOPRAY_UI_EDIT_H
#define LOOPRAY_UI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "ui_keys.h"

#define UI_EDIT_MAX 128

struct ui_edit {
	char text[UI_EDIT_MAX];
	size_t at; /* byte that the cursor is before */
};

void ui_edit__begin(struct ui_edit *e, const char *text);
/* true: the text or the cursor changed. A character that finds no room is not taken. */
bool ui_edit__key(struct ui_edit *e, uint32_t key);

#endif

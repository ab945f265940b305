/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the ui_state files only. */
#ifndef LOOPRAY_UI_STATE_INT_H
#define LOOPRAY_UI_STATE_INT_H

#include "ui_state.h"

/* Puts the rows of the view in order again, after anything of that has changed. */
void ui_state__build(struct ui_state *s);
/* Rows between the tabs and the bottom line. */
unsigned int ui_state__body_rows(const struct ui_state *s);
/* The first line that a page can be scrolled to. */
unsigned int ui_state__last_first(const struct ui_state *s);
enum ui_wish ui_state__go_to_view(struct ui_state *s, size_t view);
enum ui_wish ui_state__sort_by(struct ui_state *s, size_t column);

/* ui_state_move.c */
enum ui_wish ui_state__move_by(struct ui_state *s, enum ui_action action);
enum ui_wish ui_state__click(struct ui_state *s, const struct ui_input *in);
enum ui_wish ui_state__wheel(struct ui_state *s, bool down);

#endif

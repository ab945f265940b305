/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The terminal as it was, also after a fatal signal; shared by the ui_term files. */
#ifndef LOOPRAY_UI_TERM_RESTORE_H
#define LOOPRAY_UI_TERM_RESTORE_H

#include <stdbool.h>

/* Before curses begins: notes how terminal and signals are. 0, or -errno: stdin is no terminal. */
int ui_term_restore__begin(void);
/* After it has: from now on a fatal signal gives the terminal back. @mouse: it is reported. */
void ui_term_restore__arm(bool mouse);
/* Whether there is something to give back at the moment. */
void ui_term_restore__taken(bool taken);
/* Signals are as they were. */
void ui_term_restore__disarm(void);

#endif

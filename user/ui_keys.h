/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The keys of the dashboard as data: what a key does where, the help and the bottom line are all
 * read from one table.
 */
#ifndef LOOPRAY_UI_KEYS_H
#define LOOPRAY_UI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys that are no character: beyond Unicode. */
enum ui_key {
	UI_KEY_NONE = 0,
	UI_KEY_BACKSPACE = 0x08,
	UI_KEY_TAB = 0x09,
	UI_KEY_ENTER = 0x0d,
	UI_KEY_ESC = 0x1b,
	UI_KEY_UP = 0x110000,
	UI_KEY_DOWN,
	UI_KEY_LEFT,
	UI_KEY_RIGHT,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_DELETE,
	UI_KEY_BACK_TAB,
	UI_KEY_HELP, /* F1: beside ? */
	UI_KEY_CLICK,
	UI_KEY_WHEEL_UP,
	UI_KEY_WHEEL_DOWN,
	UI_KEY_RESIZE,
	UI_KEY_CONTINUED, /* after a stop: the terminal may show anything */
	UI_KEY_GONE,	  /* the terminal is */
};

#define UI_CTRL(c) ((c)&0x1f)

struct ui_input {
	uint32_t key;	       /* a character, or enum ui_key */
	unsigned int row, col; /* of the mouse */
};

/* Where the keys go; bits. */
enum ui_where {
	UI_IN_VIEW = 1,
	UI_IN_PAGE = 2, /* of a row, of help, of messages */
	UI_IN_PICK = 4,
	UI_IN_ALL = 7,
	UI_IN_REPLAY = 8, /* only where a capture is replayed */
};

enum ui_action {
	UI_NO_ACTION,
	UI_LINE_UP,
	UI_LINE_DOWN,
	UI_PAGE_UP,
	UI_PAGE_DOWN,
	UI_HALF_UP,
	UI_HALF_DOWN,
	UI_FIRST,
	UI_LAST,
	UI_OPEN,
	UI_BACK,
	UI_NEXT_VIEW,
	UI_PREVIOUS_VIEW,
	UI_GO_TO_VIEW, /* the digit says which */
	UI_FILTER,
	UI_SORT_NEXT,
	UI_SORT_LEFT,
	UI_SORT_RIGHT,
	UI_REVERSE,
	UI_FREEZE,
	UI_PICK,
	UI_TOGGLE, /* in the list of processes */
	UI_WRITE,
	UI_MESSAGES,
	UI_HELP,
	UI_REDRAW,
	UI_SUSPEND,
	UI_QUIT,
	UI_INTERRUPT, /* quits from anywhere */
	/* Of the time of a replay. */
	UI_PAUSE,
	UI_STEP,
	UI_STEP_BACK,
	UI_FASTER,
	UI_SLOWER,
	UI_BACK_10S,
	UI_ON_10S,
	UI_BACK_1MIN,
	UI_ON_1MIN,
};

#define UI_KEYS_EACH 4

struct ui_binding {
	enum ui_action action;
	unsigned int where; /* bits of enum ui_where */
	uint32_t keys[UI_KEYS_EACH];
	const char *names; /* as shown in the help */
	const char *brief; /* "f filter" of the bottom line as key and word; NULL: not there */
	const char *word;
	const char *about; /* a sentence for the help */
};

/* In the order of the help. */
extern const struct ui_binding ui_bindings[];
extern const size_t ui_bindings_count;

/* What @key does in @where (one of VIEW, PAGE, PICK; and REPLAY). */
enum ui_action ui_keys__action(uint32_t key, unsigned int where);
/* Whether a binding is in use there. */
bool ui_binding__holds(const struct ui_binding *b, unsigned int where);

#endif

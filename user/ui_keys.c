// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ui_keys.h"
#include "util.h"

#define MOVING UI_IN_ALL
#define SHOWN  (UI_IN_VIEW | UI_IN_PAGE)
#define TIME   (UI_IN_VIEW | UI_IN_PAGE | UI_IN_REPLAY)

const struct ui_binding ui_bindings[] = {
	{UI_HELP, UI_IN_ALL, {'?', UI_KEY_HELP}, "?", "?", "help", "This help; again to leave it"},
	{UI_QUIT, UI_IN_ALL, {'q'}, "q", "q", "quit", "Ends loopray; the targets go on"},
	{UI_INTERRUPT, UI_IN_ALL, {UI_CTRL('c')}, "^C", NULL, NULL, "The same, from anywhere"},

	{UI_NEXT_VIEW, UI_IN_VIEW, {UI_KEY_TAB}, "Tab", NULL, NULL, "The next view"},
	{UI_PREVIOUS_VIEW,
	 UI_IN_VIEW,
	 {UI_KEY_BACK_TAB},
	 "Shift-Tab",
	 NULL,
	 NULL,
	 "The previous view"},
	{UI_GO_TO_VIEW,
	 UI_IN_VIEW | UI_IN_PAGE,
	 {0},
	 "1-9",
	 NULL,
	 NULL,
	 "The view with that number; a click on its name does the same"},

	{UI_OPEN,
	 UI_IN_VIEW | UI_IN_PICK,
	 {UI_KEY_ENTER, '\n', UI_KEY_RIGHT, 'l'},
	 "Enter l right",
	 "Enter",
	 "open",
	 "Opens the page of the selected row"},
	{UI_BACK,
	 UI_IN_PAGE | UI_IN_PICK,
	 {UI_KEY_ESC, UI_KEY_BACKSPACE, UI_KEY_LEFT, 'h'},
	 "Esc Backspace h left",
	 "Esc",
	 "back",
	 "Leaves the page"},
	/* A filter that is in force is taken away as it was given up: with Esc. */
	{UI_BACK, UI_IN_VIEW, {UI_KEY_ESC}, "Esc", NULL, NULL, "Shows all rows again"},

	{UI_LINE_UP, MOVING, {UI_KEY_UP, 'k'}, "k up", NULL, NULL, "One row or line up"},
	{UI_LINE_DOWN, MOVING, {UI_KEY_DOWN, 'j'}, "j down", NULL, NULL, "One row or line down"},
	{UI_PAGE_UP,
	 MOVING,
	 {UI_KEY_PAGE_UP, UI_CTRL('b')},
	 "^B PageUp",
	 NULL,
	 NULL,
	 "A screen up"},
	{UI_PAGE_DOWN,
	 MOVING,
	 {UI_KEY_PAGE_DOWN, UI_CTRL('f')},
	 "^F PageDown",
	 NULL,
	 NULL,
	 "A screen down"},
	{UI_HALF_UP, MOVING, {UI_CTRL('u')}, "^U", NULL, NULL, "Half a screen up"},
	{UI_HALF_DOWN, MOVING, {UI_CTRL('d')}, "^D", NULL, NULL, "Half a screen down"},
	{UI_FIRST,
	 MOVING,
	 {UI_KEY_HOME, 'g'},
	 "g Home",
	 NULL,
	 NULL,
	 "The first row; it stays the first one when rows come"},
	{UI_LAST, MOVING, {UI_KEY_END, 'G'}, "G End", NULL, NULL, "The last row"},

	{UI_FILTER,
	 UI_IN_VIEW,
	 {'/'},
	 "/",
	 "/",
	 "filter",
	 "Shows only rows that match all words: Enter keeps, Esc cancels. Words are parts of a "
	 "path or name, or status:5xx, method:GET, path:/users/*, pid:12, slow:100ms, finding"},
	{UI_SORT_NEXT,
	 UI_IN_VIEW,
	 {'s'},
	 "s",
	 "s",
	 "sort",
	 "Sorts by the next column; a click on a heading sorts by that one"},
	{UI_SORT_LEFT, UI_IN_VIEW, {'<'}, "<", NULL, NULL, "Sorts by the column to the left"},
	{UI_SORT_RIGHT, UI_IN_VIEW, {'>'}, ">", NULL, NULL, "Sorts by the column to the right"},
	{UI_REVERSE, UI_IN_VIEW, {'r'}, "r", "r", "reverse", "Sorts the other way round"},
	{UI_PAUSE, TIME, {' '}, "Space", "Space", "pause", "Replay: holds the time, and goes on"},
	{UI_FREEZE,
	 SHOWN,
	 {' '},
	 "Space",
	 "Space",
	 "freeze",
	 "Holds what is shown, which can be scrolled, sorted, filtered and opened; again to go on. "
	 "What happens meanwhile is still collected"},
	{UI_PICK,
	 SHOWN,
	 {'p'},
	 "p",
	 "p",
	 "processes",
	 "Lists Node.js processes: which are shown, and others to observe"},
	{UI_TOGGLE,
	 UI_IN_PICK,
	 {' ', 'x'},
	 "Space x",
	 "Space",
	 "toggle",
	 "In the list of processes: shows or hides an observed one, observes another"},
	{UI_WRITE,
	 SHOWN,
	 {'w'},
	 "w",
	 "w",
	 "write",
	 "Writes what was seen so far to a capture file"},
	{UI_MESSAGES, UI_IN_ALL, {'m'}, "m", NULL, NULL, "Messages; they are on stderr at the end"},

	{UI_STEP, TIME, {'.'}, ".", ".", "step", "Replay: one step on, and hold"},
	{UI_STEP_BACK, TIME, {','}, ",", ",", "back", "Replay: one step back, and hold"},
	{UI_FASTER, TIME, {'+', '='}, "+", "+", "faster", "Replay: twice as fast, up to 100 times"},
	{UI_SLOWER, TIME, {'-', '_'}, "-", "-", "slower", "Replay: half as fast, down to a tenth"},
	{UI_BACK_10S, TIME, {'['}, "[", NULL, NULL, "Replay: 10 seconds back"},
	{UI_ON_10S, TIME, {']'}, "]", NULL, NULL, "Replay: 10 seconds on"},
	{UI_BACK_1MIN, TIME, {'{'}, "{", NULL, NULL, "Replay: a minute back"},
	{UI_ON_1MIN, TIME, {'}'}, "}", NULL, NULL, "Replay: a minute on"},

	{UI_REDRAW, UI_IN_ALL, {UI_CTRL('l')}, "^L", NULL, NULL, "Draws the screen anew"},
	{UI_SUSPEND,
	 UI_IN_ALL,
	 {UI_CTRL('z')},
	 "^Z",
	 NULL,
	 NULL,
	 "Stops loopray until the shell's fg; what happens meanwhile may be lost, and is counted"},
};
const size_t ui_bindings_count = ARRAY_SIZE(ui_bindings);

bool ui_binding__holds(const struct ui_binding *b, unsigned int where)
{
	if (b->where & UI_IN_REPLAY && !(where & UI_IN_REPLAY))
		return false;
	/* There it is the time that is held. */
	if (b->action == UI_FREEZE && where & UI_IN_REPLAY)
		return false;
	return b->where & where & UI_IN_ALL;
}

enum ui_action ui_keys__action(uint32_t key, unsigned int where)
{
	if (!key)
		return UI_NO_ACTION;
	if (key == 0x7f)
		key = UI_KEY_BACKSPACE;
	for (size_t i = 0; i < ui_bindings_count; i++) {
		const struct ui_binding *b = &ui_bindings[i];

		if (!ui_binding__holds(b, where))
			continue;
		if (b->action == UI_GO_TO_VIEW && key >= '1' && key <= '9')
			return b->action;
		for (size_t j = 0; j < UI_KEYS_EACH; j++)
			if (b->keys[j] == key)
				return b->action;
	}
	return UI_NO_ACTION;
}

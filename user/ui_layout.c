// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where things are on a screen of any size: nothing but arithmetic. */
#include <string.h>

#include "ui_state.h"

void ui_layout__of(unsigned int rows, unsigned int cols, struct ui_layout *out)
{
	*out = (struct ui_layout){.tiny = rows < UI_ROWS_MIN || cols < UI_COLS_MIN};
	if (out->tiny)
		return;
	out->header = rows >= 20 ? 3 : rows >= 14 ? 2 : 1;
	out->tabs = out->header;
	out->body = out->tabs + 1;
	out->bottom = rows - 1;
	out->body_rows = out->bottom - out->body;
}

static unsigned int tab_width(const struct ui_state *s, size_t i, unsigned int longest)
{
	unsigned int name = ui_text__width(s->table[i].view->name);

	return 2 + (name < longest ? name : longest); /* "1 name" */
}

static unsigned int tabs_width(const struct ui_state *s, unsigned int longest, unsigned int gap)
{
	unsigned int sum = 1;

	for (size_t i = 0; i < s->nviews; i++)
		sum += tab_width(s, i, longest) + gap;
	return sum;
}

/* Names are cut to what lets all of them be there. */
void ui_layout__tab(const struct ui_state *s, size_t i, unsigned int *col, unsigned int *width)
{
	unsigned int longest = 32, gap = 2, at = 1;

	if (tabs_width(s, longest, gap) > s->cols)
		gap = 1;
	while (longest > 1 && tabs_width(s, longest, gap) > s->cols)
		longest--;
	for (size_t j = 0; j < i; j++)
		at += tab_width(s, j, longest) + gap;
	*col = at;
	*width = tab_width(s, i, longest);
}

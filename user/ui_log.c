// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ui_log.h"
#include "util.h"

#define NOTE ((enum log_level)(LOG_DEBUG + 1)) /* of the dashboard itself */

static void keep(void *ctx, enum log_level level, const char *line)
{
	struct ui_log *l = ctx;
	struct ui_log_line *to = &l->line[l->n++ % UI_LOG_LINES];

	to->level = level;
	snprintf(to->text, sizeof(to->text), "%s", line);
}

void ui_log__begin(struct ui_log *l)
{
	log_set_sink(keep, l);
}

void ui_log__end(struct ui_log *l)
{
	size_t first = l->n > UI_LOG_LINES ? l->n - UI_LOG_LINES : 0;

	log_set_sink(NULL, NULL);
	if (first)
		fprintf(stderr, "loopray: %zu earlier messages are not shown\n", first);
	for (size_t i = first; i < l->n; i++)
		if (l->line[i % UI_LOG_LINES].level != NOTE)
			fprintf(stderr, "%s\n", l->line[i % UI_LOG_LINES].text);
	l->n = l->seen = 0;
}

void ui_log__note(struct ui_log *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keep(l, NOTE, text);
}

const struct ui_log_line *ui_log__unseen(const struct ui_log *l)
{
	size_t first = l->n > UI_LOG_LINES ? l->n - UI_LOG_LINES : 0;

	for (size_t i = l->n; i > first && i > l->seen; i--) {
		const struct ui_log_line *line = &l->line[(i - 1) % UI_LOG_LINES];

		if (line->level == NOTE || line->level <= LOG_NORMAL)
			return line;
	}
	return NULL;
}

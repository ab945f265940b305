// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was waited for, as one bar of letters, and as a list that says what each letter is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_wait.h"
#include "ui_view_parts.h"
#include "util.h"

struct part {
	enum flow_wait kind;
	uint64_t ns;
	unsigned int cols;
};

static int by_ns(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static enum ui_style style_of(size_t i)
{
	static const enum ui_style styles[] = {UI_HEAT4, UI_HEAT2, UI_HEAT3, UI_HEAT1};

	return styles[i % ARRAY_SIZE(styles)];
}

/* As many columns as its share; what rounding leaves goes to the greatest. */
static void divide(struct part *parts, size_t n, uint64_t total, unsigned int width)
{
	unsigned int used = 0;

	for (size_t i = 0; i < n; i++) {
		parts[i].cols = (unsigned int)((double)parts[i].ns / (double)total * width + 0.5);
		parts[i].cols = min_t(unsigned int, parts[i].cols, width - used);
		used += parts[i].cols;
	}
	if (n)
		parts[0].cols += width - used;
}

static void put_bar(struct ui_page *p, const struct part *parts, size_t n, unsigned int col)
{
	ui_page__column(p, col);
	for (size_t i = 0; i < n; i++)
		for (unsigned int k = 0; k < parts[i].cols; k++) {
			const char text[] = {(char)('a' + i), 0};

			ui_page__put(p, style_of(i), text);
		}
	ui_page__end(p);
}

static void put_part(struct ui_page *p, const struct part *part, size_t i, uint64_t total)
{
	const unsigned int cols = ui_page__cols(p);
	const unsigned int name = cols >= 60 ? 34 : cols > 24 ? cols - 20 : 4;
	const char letter[] = {(char)('a' + i), 0};
	char text[24];

	ui_page__column(p, 2);
	ui_page__put(p, style_of(i), letter);
	ui_page__column(p, 4);
	ui_page__cell(p, name - 1, UI_PLAIN, wait_text(part->kind));
	ui_text__ns(text, sizeof(text), part->ns);
	ui_page__right(p, UI_STRONG, 4 + name + 8, text);
	ui_text__percent(text, sizeof(text), (double)part->ns / (double)total);
	ui_page__right(p, UI_PLAIN, 4 + name + 15, text);
	if (cols >= 114) {
		ui_page__column(p, 4 + name + 18);
		ui_page__put(p, UI_DIM, wait_about(part->kind));
	}
	ui_page__end(p);
}

void ui_page__waits(struct ui_page *p, const uint64_t ns[WAIT_KINDS], uint64_t total_ns,
		    const struct ui_scale *s)
{
	struct part parts[WAIT_KINDS];
	size_t n = 0;

	for (int i = 0; i < WAIT_KINDS; i++)
		if (ns[i])
			parts[n++] = (struct part){(enum flow_wait)i, ns[i], 0};
	if (!n || !total_ns) {
		ui_page__wrap(p, UI_DIM, 2, "nothing: it took no time");
		return;
	}
	qsort(parts, n, sizeof(parts[0]), by_ns);
	/* On the scale of what stands above and below, if that has one. */
	if (s) {
		const double share = s->end_ns ? (double)(s->end_ns - s->from_ns) /
							 (double)(s->to_ns - s->from_ns)
					       : 1;

		divide(parts, n, total_ns,
		       max_t(unsigned int, 1, (unsigned int)(share * s->width + 0.5)));
		ui_page__label(p, s, UI_PLAIN, "all of it");
		put_bar(p, parts, n, s->col);
	}
	for (size_t i = 0; i < n; i++)
		put_part(p, &parts[i], i, total_ns);
}

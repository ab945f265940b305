// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What pages are made of: titles, facts, bars on a scale of time. */
#include <stdio.h>
#include <string.h>

#include "ui_view_parts.h"
#include "util.h"

#define FACT	12  /* where the text of a fact begins */
#define BAR_MAX 512 /* columns */

void ui_page__heading(struct ui_page *p, const char *text)
{
	ui_page__end(p);
	ui_page__wrap(p, UI_TITLE, 0, text);
}

void ui_page__fact_in(struct ui_page *p, enum ui_style style, const char *name, const char *text)
{
	ui_page__put(p, UI_DIM, name);
	ui_page__column(p, FACT);
	ui_page__wrap(p, style, FACT, text);
}

void ui_page__fact(struct ui_page *p, const char *name, const char *text)
{
	ui_page__fact_in(p, UI_PLAIN, name, text);
}

void ui_page__right(struct ui_page *p, enum ui_style style, unsigned int end, const char *text)
{
	const unsigned int width = ui_text__width(text);

	ui_page__column(p, end > width ? end - width : 0);
	ui_page__put(p, style, text);
}

void ui_page__sure(struct ui_page *p, unsigned int indent, enum ui_style style, enum ui_sign sign,
		   const char *text)
{
	ui_page__column(p, indent);
	ui_page__sign(p, style, sign);
	ui_page__column(p, indent + 2);
	ui_page__wrap(p, style, indent + 2, text);
}

void ui_page__figures(struct ui_page *p, enum ui_style style, const char *label,
		      const char *const *texts, size_t n)
{
	const bool narrow = ui_page__cols(p) < 56;
	const unsigned int first = narrow ? 16 : 22, step = narrow ? 8 : 10;

	ui_page__column(p, narrow ? 0 : 2);
	ui_page__cell(p, narrow ? 8 : 11, UI_PLAIN, label);
	for (unsigned int i = 0; i < n; i++)
		ui_page__right(p, strcmp(texts[i], "-") ? style : UI_DIM, first + step * i,
			       texts[i]);
	ui_page__end(p);
}

void ui_page__latency(struct ui_page *p, const char *label, const struct model_latency *l)
{
	const uint64_t ns[] = {l->p50, l->p95, l->p99, l->max};
	const char *texts[ARRAY_SIZE(ns)];
	char text[ARRAY_SIZE(ns)][24];

	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		ui_text__ns(text[i], sizeof(text[i]), l->count ? ns[i] : UINT64_MAX);
		texts[i] = text[i];
	}
	ui_page__figures(p, UI_STRONG, label, texts, ARRAY_SIZE(ns));
}

void ui_page__latency_titles(struct ui_page *p)
{
	static const char *const titles[] = {"P50", "P95", "P99", "MAX"};

	ui_page__figures(p, UI_HEADING, "", titles, ARRAY_SIZE(titles));
}

/* Where on the scale, in eighths of a column; cut at its ends. */
static uint64_t eighths(const struct ui_scale *s, uint64_t ns)
{
	const uint64_t length = s->to_ns - s->from_ns;
	const uint64_t at = min_t(uint64_t, ui_since(ns, s->from_ns), length);

	return (uint64_t)((double)at / (double)length * s->width * 8 + 0.5);
}

struct bar_cell {
	bool used;
	enum ui_sign sign;
	enum ui_style style;
};

/* The first column that is not the only one of the span before. */
static unsigned int put_span(struct bar_cell *cells, const struct ui_scale *s,
			     const struct ui_span *span, unsigned int from)
{
	const uint64_t a = eighths(s, span->from_ns), b = eighths(s, span->to_ns);
	unsigned int begin = max_t(unsigned int, (unsigned int)(a / 8), from);
	unsigned int end = (unsigned int)((b + 7) / 8);

	begin = min_t(unsigned int, begin, s->width - 1);
	end = max_t(unsigned int, end, begin + 1);
	end = min_t(unsigned int, end, s->width);
	for (unsigned int i = begin; i < end; i++)
		cells[i] = (struct bar_cell){true, span->sign, span->style};
	if (span->sign == SIGN_HBAR_8 && b % 8 && b > a && end - 1 == b / 8)
		cells[end - 1].sign = (enum ui_sign)(SIGN_HBAR_1 + b % 8 - 1);
	if (span->to_ns > s->to_ns)
		cells[end - 1].sign = SIGN_CUT;
	return end - begin == 1 ? end : end - 1;
}

void ui_page__bar(struct ui_page *p, const struct ui_scale *s, const struct ui_span *spans,
		  size_t n)
{
	struct bar_cell cells[BAR_MAX] = {0};
	unsigned int from = 0;

	for (size_t i = 0; i < n; i++)
		from = put_span(cells, s, &spans[i], from);
	if (s->end_ns && s->end_ns < s->to_ns) {
		const unsigned int at = (unsigned int)(eighths(s, s->end_ns) / 8);

		if (at < s->width && !cells[at].used)
			cells[at] = (struct bar_cell){true, SIGN_VLINE, UI_DIM};
	}
	for (unsigned int i = 0; i < s->width; i++) {
		if (!cells[i].used)
			continue;
		ui_page__column(p, s->col + i);
		ui_page__sign(p, cells[i].style, cells[i].sign);
	}
}

void ui_page__moment(struct ui_page *p, const struct ui_scale *s, enum ui_style style, uint64_t ns)
{
	const unsigned int at = (unsigned int)(eighths(s, ns) / 8);

	ui_page__column(p, s->col + min_t(unsigned int, at, s->width - 1));
	ui_page__sign(p, style, SIGN_DOT);
}

void ui_page__scale(const struct ui_page *p, struct ui_scale *s, uint64_t from_ns, uint64_t to_ns)
{
	const unsigned int cols = ui_page__cols(p);
	const unsigned int label = cols >= 110 ? 38 : cols >= 72 ? 26 : 16;

	s->from_ns = from_ns;
	s->to_ns = max_t(uint64_t, to_ns, from_ns + 1);
	s->col = label;
	s->width = cols > label + 12 ? min_t(unsigned int, cols - label - 9, BAR_MAX) : 3;
}

void ui_page__label(struct ui_page *p, const struct ui_scale *s, enum ui_style style,
		    const char *text)
{
	ui_page__column(p, 2);
	ui_page__cell(p, s->col - 3, style, text);
}

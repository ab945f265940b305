// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the parts of the page are made of: sections, tables, cells. */
#include <stdio.h>

#include "out_html_parts.h"
#include "out_text.h"
#include "util.h"

void page_section__begin(struct html_page *p, const char *id, const char *title, const char *about)
{
	html__put(&p->h, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
	if (about)
		html__put(&p->h, "<p class=\"about\">%s</p>\n", about);
}

void page_section__end(struct html_page *p)
{
	html__put(&p->h, "</section>\n");
}

void page_details__begin(struct html_page *p, const char *title)
{
	html__put(&p->h, "<details>\n<summary>%s</summary>\n", title);
}

void page_details__end(struct html_page *p)
{
	html__put(&p->h, "</details>\n");
}

/* The frame scrolls, not the page; with a label and a place in the order of the keyboard. */
void page_table__begin(struct html_page *p, const char *caption, const char *const *titles,
		       size_t n)
{
	html__put(&p->h,
		  "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n"
		  "<table>\n<caption>%s</caption>\n<thead><tr>",
		  caption, caption);
	for (size_t i = 0; i < n; i++) {
		bool number = titles[i][0] == '#';

		html__put(&p->h, "<th scope=\"col\" class=\"%s\">%s</th>", number ? "n" : "t",
			  titles[i] + number);
	}
	html__put(&p->h, "</tr></thead>\n<tbody>\n");
}

void page_table__end(struct html_page *p)
{
	html__put(&p->h, "</tbody>\n</table>\n</div>\n");
}

void page_row__begin(struct html_page *p)
{
	html__put(&p->h, "<tr>");
}

void page_row__end(struct html_page *p)
{
	html__put(&p->h, "</tr>\n");
}

void page_cell__head(struct html_page *p, const char *text)
{
	html__put(&p->h, "<th scope=\"row\">%s</th>", text);
}

void page_cell__text(struct html_page *p, const char *text)
{
	html__put(&p->h, "<td>%s</td>", text);
}

void page_cell__count(struct html_page *p, uint64_t n)
{
	html__put(&p->h, "<td class=\"n\" data-v=\"%llu\">%llu</td>", (ull)n, (ull)n);
}

static void cell_unknown(struct html_page *p)
{
	html__put(&p->h, "<td class=\"n\"><span aria-label=\"not known\">\u2013</span></td>");
}

void page_cell__number(struct html_page *p, bool known, double v, unsigned int decimals,
		       const char *unit)
{
	char text[64];

	if (!known) {
		cell_unknown(p);
		return;
	}
	snprintf(text, sizeof(text), "%.*f", (int)decimals, v);
	html__put(&p->h, "<td class=\"n\" data-v=\"%.6f\">%s%s</td>", v, text, unit);
}

void page_cell__ns(struct html_page *p, bool known, uint64_t ns)
{
	char text[32];

	if (known)
		html__put(&p->h, "<td class=\"n\" data-v=\"%llu\">%s</td>", (ull)ns,
			  text_duration(text, sizeof(text), ns));
	else
		cell_unknown(p);
}

void page_cells__latency(struct html_page *p, const struct model_latency *l)
{
	const uint64_t v[] = {l->p50, l->p95, l->p99, l->max};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		page_cell__ns(p, l->count, v[i]);
}

char *page_axis__text(char *buf, size_t cap, double ns)
{
	if (ns < 999.5e3)
		snprintf(buf, cap, "%g \u00b5s", ns / 1e3);
	else if (ns < 999.5e6)
		snprintf(buf, cap, "%g ms", ns / 1e6);
	else
		snprintf(buf, cap, "%g s", ns / 1e9);
	return buf;
}

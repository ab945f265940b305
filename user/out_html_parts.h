/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The page's inside: shared by the out_html*.c files only. */
#ifndef LOOPRAY_OUT_HTML_PARTS_H
#define LOOPRAY_OUT_HTML_PARTS_H

#include "html.h"
#include "model.h"
#include "model_heat.h"
#include "out.h"

#define HTML_CALLS 24 /* of one request that are shown */

/* One of the slowest requests, with its calls: the model has those without. */
struct html_slow {
	struct model_request on;
	uint32_t calls;
	uint32_t more; /* calls that are not kept */
	struct flow_call call[HTML_CALLS];
};

struct html_page {
	struct html h;
	const struct model *m;
	const struct out_opts *opts;
	const struct model_heat *heat;
	struct html_slow *const *slow; /* slowest first */
	size_t slow_count;
};

typedef unsigned long long ull;

/* A part of the page; @about may be NULL. */
void page_section__begin(struct html_page *p, const char *id, const char *title, const char *about);
void page_section__end(struct html_page *p);
/* One that is closed until somebody wants it. */
void page_details__begin(struct html_page *p, const char *title);
void page_details__end(struct html_page *p);

/* A title that begins with '#' is of numbers: right, and sorted as such. */
void page_table__begin(struct html_page *p, const char *caption, const char *const *titles,
		       size_t n);
void page_table__end(struct html_page *p);
void page_row__begin(struct html_page *p);
void page_row__end(struct html_page *p);
/* The first cell of a row, which names it. */
void page_cell__head(struct html_page *p, const char *text);
void page_cell__text(struct html_page *p, const char *text);
void page_cell__count(struct html_page *p, uint64_t n);
/* Not known: a dash. @v: what it is sorted by. */
void page_cell__number(struct html_page *p, bool known, double v, unsigned int decimals,
		       const char *unit);
void page_cell__ns(struct html_page *p, bool known, uint64_t ns);
void page_cells__latency(struct html_page *p, const struct model_latency *l);

/* "100 us" of an axis. Returns @buf. */
char *page_axis__text(char *buf, size_t cap, double ns);

/* The parts of the page, in its order; each is nothing where there is nothing to say. */
void page__head(struct html_page *p);
void page__tiles(struct html_page *p);
void page__findings(struct html_page *p);
void page__latency(struct html_page *p);
void page__heat(struct html_page *p);
void page__waits(struct html_page *p);
void page__routes(struct html_page *p);
void page__slowest(struct html_page *p);
void page__calls(struct html_page *p);
void page__loops(struct html_page *p);
void page__blocking(struct html_page *p);
void page__resources(struct html_page *p);
void page__trust(struct html_page *p);
void page__reading(struct html_page *p);

/* A bar of what a request waited for; the longest parts are named in it. */
void page_bar__waits(struct html_page *p, const struct flow_waits *w);

#endif

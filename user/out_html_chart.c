// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The charts: distribution of latency, and latency over time. Shapes are SVG that is stretched to
 * the width there is; what is to be read is HTML beside it, and keeps its size on any screen.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "out_html_parts.h"
#include "out_text.h"
#include "util.h"

#define BINS_PER_DECADE 12
#define DECADES		12
#define HEIGHT		100 /* of a chart's inside */
#define LEVELS		5   /* of darkness of the heat map */
#define ROWS_SHOWN	16  /* of its table */
#define TEXT		32

struct bins {
	int first; /* decade of the lowest, log10 of ns */
	unsigned int n;
	uint64_t count[BINS_PER_DECADE * DECADES];
	uint64_t most;
};

static double position(const struct bins *b, double ns)
{
	double at = (log10(fmax(ns, 1)) - b->first) * BINS_PER_DECADE / b->n;

	return fmin(fmax(at, 0), 1);
}

static void bins_of(struct bins *b, const struct flow_hist *h)
{
	int first = (int)floor(log10(fmax((double)h->min, 1)));
	int last = (int)floor(log10(fmax((double)h->max, 1))) + 1;

	*b = (struct bins){.first = first};
	b->n = min_t(unsigned int, (unsigned int)(last - first), DECADES) * BINS_PER_DECADE;
	for (uint32_t i = 0; i < FLOW_HIST_BUCKETS; i++) {
		double at = position(b, (double)flow_hist__value(i)) * b->n;
		unsigned int bin = min_t(unsigned int, (unsigned int)at, b->n - 1);

		b->count[bin] += h->bucket[i];
		b->most = max_t(uint64_t, b->most, b->count[bin]);
	}
}

static void put_bars(struct html_page *p, const struct bins *b, uint64_t tail_ns)
{
	unsigned int tail = (unsigned int)(position(b, (double)tail_ns) * b->n);

	html__put(
		&p->h,
		"<svg class=\"chart\" role=\"img\" aria-labelledby=\"hist-about\" viewBox=\"0 0 %u "
		"%d\" preserveAspectRatio=\"none\">\n",
		b->n, HEIGHT);
	for (unsigned int i = 0; i < b->n; i++) {
		double height = HEIGHT * (double)b->count[i] / (double)b->most;

		if (!b->count[i])
			continue;
		height = fmax(height, 0.8); /* one request is seen too */
		html__put(&p->h,
			  "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"0.9\" "
			  "height=\"%.2f\"/>\n",
			  i > tail ? "tail" : "bar", i + 0.05, HEIGHT - height, height);
	}
	html__put(&p->h, "</svg>\n");
}

static void put_mark(struct html_page *p, const struct bins *b, const char *name, uint64_t ns,
		     unsigned int row)
{
	double at = 100 * position(b, (double)ns);
	char text[TEXT];

	html__put(&p->h,
		  "<span class=\"mark m%u%s\" style=\"left:%.2f%%\"><span><b>%s</b> "
		  "%s</span></span>\n",
		  row, at > 60 ? " left" : "", at, name, text_duration(text, sizeof(text), ns));
}

static void put_axis(struct html_page *p, const struct bins *b)
{
	char text[TEXT];

	html__put(&p->h, "<div class=\"axis\" aria-hidden=\"true\">");
	for (unsigned int d = 0; d <= b->n / BINS_PER_DECADE; d++)
		html__put(&p->h, "<span style=\"left:%.2f%%\">%s</span>",
			  100.0 * d * BINS_PER_DECADE / b->n,
			  page_axis__text(text, sizeof(text), pow(10, b->first + (int)d)));
	html__put(&p->h, "</div>\n");
}

void page__latency(struct html_page *p)
{
	const struct model_latency *l = &p->m->requests.latency;
	struct bins b;

	page_section__begin(p, "latency", "Distribution of latency", NULL);
	if (!l->count) {
		html__put(&p->h, "<p>No request was observed from begin to end.</p>\n");
		page_section__end(p);
		return;
	}
	bins_of(&b, &p->m->latency);
	html__put(
		&p->h,
		"<p class=\"about\" id=\"hist-about\">%llu requests by how long they took, on a "
		"logarithmic axis; the highest bar has %llu. Hatched: the slowest hundredth.</p>\n"
		"<div class=\"plot\">\n",
		(ull)l->count, (ull)b.most);
	put_bars(p, &b, l->p99);
	put_mark(p, &b, "p50", l->p50, 0);
	put_mark(p, &b, "p95", l->p95, 1);
	put_mark(p, &b, "p99", l->p99, 2);
	html__put(&p->h, "</div>\n");
	put_axis(p, &b);
	page_section__end(p);
}

/* What of the heat map there is: steps of the observation, rows with something in them. */
struct window {
	int from; /* the first step, and how many from there; below 0: before the map began */
	unsigned int steps;
	unsigned int low, high;
	uint32_t most;
};

/* The step in which @ns is. What is far from the map is no time of this observation. */
static int step_of(const struct model_heat *h, uint64_t ns)
{
	int64_t step = (int64_t)(ns - h->start_ns) / (int64_t)h->step_ns;

	return (int)(step < -HEAT_STEPS ? -HEAT_STEPS : min_t(int64_t, step, HEAT_STEPS - 1));
}

static struct window window_of(const struct html_page *p)
{
	const struct model_heat *h = p->heat;
	struct window w = {.low = HEAT_ROWS};
	int from = step_of(h, p->m->start_ns), to = step_of(h, p->m->end_ns) + 1;

	for (int s = 0; s < (int)h->used; s++) {
		if (s < from && h->step[s].ended)
			from = s;
		for (unsigned int r = 0; r < HEAT_ROWS; r++) {
			if (!h->step[s].by_latency[r])
				continue;
			w.low = min_t(unsigned int, w.low, r);
			w.high = max_t(unsigned int, w.high, r);
			w.most = max_t(uint32_t, w.most, h->step[s].by_latency[r]);
		}
	}
	to = max_t(int, to, (int)h->used);
	w.from = from;
	w.steps = (unsigned int)max_t(int, to - from, 1);
	return w;
}

/* 1 to LEVELS, by the logarithm: one slow request is to be seen beside thousands of fast ones. */
static unsigned int level_of(uint32_t n, uint32_t most)
{
	if (!n)
		return 0;
	return most < 2 ? LEVELS : 1 + (unsigned int)((LEVELS - 1) * log(n) / log(most) + 0.5);
}

static void put_cells(struct html_page *p, const struct window *w)
{
	for (unsigned int level = 1; level <= LEVELS; level++) {
		html__put(&p->h, "<path class=\"h%u\" d=\"", level);
		for (unsigned int s = 0; s < p->heat->used; s++)
			for (unsigned int r = w->low; r <= w->high; r++)
				if (level_of(p->heat->step[s].by_latency[r], w->most) == level)
					html__put(&p->h, "M%u %uh1v1h-1z", s, w->high - r);
		html__put(&p->h, "\"/>\n");
	}
}

static void put_rows_axis(struct html_page *p, const struct window *w)
{
	unsigned int rows = w->high - w->low + 1;
	char text[TEXT];

	html__put(&p->h, "<div class=\"yaxis\" aria-hidden=\"true\">");
	for (unsigned int r = w->low; r <= w->high + 1 && r < HEAT_ROWS; r++)
		if (r % 4 == 1)
			html__put(&p->h, "<span style=\"bottom:%.2f%%\">%s</span>",
				  100.0 * (r - w->low) / rows,
				  page_axis__text(text, sizeof(text), (double)heat_row__low(r)));
	html__put(&p->h, "</div>\n");
}

static void put_map(struct html_page *p, const struct window *w)
{
	unsigned int rows = w->high - w->low + 1;

	html__put(&p->h, "<div class=\"timed\">\n");
	put_rows_axis(p, w);
	html__put(&p->h,
		  "<svg class=\"heat\" role=\"img\" aria-label=\"Heat map: time to the right, "
		  "latency up\" viewBox=\"%d 0 %u %u\" preserveAspectRatio=\"none\">\n",
		  w->from, w->steps, rows);
	put_cells(p, w);
	html__put(&p->h, "</svg>\n</div>\n");
}

enum strip { STRIP_ENDED, STRIP_ERRORS, STRIP_MISMATCHED, STRIPS };

static uint32_t strip_value(const struct heat_step *s, enum strip which)
{
	return which == STRIP_ENDED ? s->ended : which == STRIP_ERRORS ? s->errors : s->mismatched;
}

static void put_strip(struct html_page *p, const struct window *w, enum strip which)
{
	static const char *const titles[STRIPS] = {"requests/s", "errors (5xx)/s",
						   "\u25b2 requests with a mismatch/s"};
	static const char *const classes[STRIPS] = {"bar", "tail", "tail"};
	double per_s = 1e9 / (double)p->heat->step_ns;
	uint32_t most = 0;

	for (unsigned int i = 0; i < p->heat->used; i++)
		most = max_t(uint32_t, most, strip_value(&p->heat->step[i], which));
	if (!most)
		return;
	html__put(&p->h,
		  "<p class=\"strip-title\">%s, at most %.0f</p>\n<div class=\"timed\">"
		  "<div class=\"yaxis\"></div>\n<svg class=\"strip\" aria-hidden=\"true\" "
		  "viewBox=\"%d 0 %u %d\" preserveAspectRatio=\"none\"><path class=\"%s\" d=\"",
		  titles[which], most * per_s, w->from, w->steps, HEIGHT, classes[which]);
	for (unsigned int i = 0; i < p->heat->used; i++) {
		double height =
			HEIGHT * (double)strip_value(&p->heat->step[i], which) / (double)most;

		if (height > 0)
			html__put(&p->h, "M%u %dh1v-%.1fh-1z", i, HEIGHT, fmax(height, 2));
	}
	html__put(&p->h, "\"/></svg>\n</div>\n");
}

static void put_time_axis(struct html_page *p, const struct window *w)
{
	double all = (double)w->steps * (double)p->heat->step_ns / 1e9,
	       step = pow(10, floor(log10(all)));

	if (all / step < 2)
		step /= 5;
	else if (all / step < 5)
		step /= 2;
	html__put(&p->h, "<div class=\"timed\"><div class=\"yaxis\"></div>"
			 "<div class=\"axis\" aria-hidden=\"true\">");
	for (unsigned int i = 0; i * step <= all * 0.97; i++)
		html__put(&p->h, "<span style=\"left:%.2f%%\">%g s</span>", 100 * i * step / all,
			  i * step);
	html__put(&p->h, "</div></div>\n");
}

static void put_time_row(struct html_page *p, const struct window *w, int from, int to)
{
	const struct model_heat *h = p->heat;
	uint64_t sum[STRIPS] = {0}, measured = 0;
	unsigned int slowest = 0;
	char text[TEXT], low[TEXT];

	for (int s = from < 0 ? 0 : from; s < to; s++) {
		for (int k = 0; k < STRIPS; k++)
			sum[k] += strip_value(&h->step[s], (enum strip)k);
		for (unsigned int r = 0; r < HEAT_ROWS; r++) {
			measured += h->step[s].by_latency[r];
			if (h->step[s].by_latency[r])
				slowest = max_t(unsigned int, slowest, r);
		}
	}
	page_row__begin(p);
	snprintf(text, sizeof(text), "%.2f s", (double)(from - w->from) * (double)h->step_ns / 1e9);
	page_cell__head(p, text);
	for (int k = 0; k < STRIPS; k++)
		page_cell__count(p, sum[k]);
	snprintf(text, sizeof(text), "%s and more",
		 page_axis__text(low, sizeof(low), (double)heat_row__low(slowest)));
	page_cell__text(p, !measured ? "\u2013" : slowest ? text : "below 100 \u00b5s");
	page_row__end(p);
}

static void put_time_table(struct html_page *p, const struct window *w)
{
	static const char *const titles[] = {"From", "#Requests", "#Errors (5xx)",
					     "#With a mismatch", "Slowest took"};
	unsigned int each = (w->steps + ROWS_SHOWN - 1) / ROWS_SHOWN;

	page_details__begin(p, "The same as a table");
	page_table__begin(p, "Requests that ended, by time", titles, ARRAY_SIZE(titles));
	for (unsigned int s = 0; s < w->steps; s += each)
		put_time_row(p, w, w->from + s, w->from + min_t(unsigned int, s + each, w->steps));
	page_table__end(p);
	page_details__end(p);
}

void page__heat(struct html_page *p)
{
	struct window w = window_of(p);
	char step[TEXT];

	page_section__begin(p, "time", "Latency over time", NULL);
	if (w.low > w.high) {
		html__put(&p->h, "<p>No request was observed from begin to end.</p>\n");
		page_section__end(p);
		return;
	}
	html__put(&p->h,
		  "<p class=\"about\">When requests ended, in steps of %s, and how long they had "
		  "taken: the stronger the colour, the more of them.</p>\n",
		  text_duration(step, sizeof(step), p->heat->step_ns));
	put_map(p, &w);
	for (int k = 0; k < STRIPS; k++)
		put_strip(p, &w, (enum strip)k);
	put_time_axis(p, &w);
	put_time_table(p, &w);
	page_section__end(p);
}

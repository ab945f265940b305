// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Latency over time as a heat map: a column for each step, the newest at the right, a row for each
 * band of latency, the slowest on top; the darker, the more requests. Shades go by the logarithm,
 * so that one slow request is seen beside a thousand fast ones.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui_view_heat.h"
#include "ui_view_parts.h"
#include "util.h"

#define LABEL  9
#define SHADES 4

struct heat {
	const struct live_step *step; /* the first that is shown */
	unsigned int steps;
	unsigned int low, high; /* bands, both included */
	unsigned int merge;	/* bands a row */
	unsigned int rows;
	uint64_t from[SHADES]; /* requests, for each shade */
};

static uint64_t requests(const struct live_step *s, unsigned int band, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = band; i < band + n && i < LIVE_BANDS; i++)
		sum += s->band[i];
	return sum;
}

/* Which bands have a request. False: none has. */
static bool find_bands(struct heat *h)
{
	h->low = LIVE_BANDS;
	h->high = 0;
	for (unsigned int i = 0; i < h->steps; i++)
		for (unsigned int b = 0; b < LIVE_BANDS; b++)
			if (h->step[i].band[b]) {
				h->low = min_t(unsigned int, h->low, b);
				h->high = max_t(unsigned int, h->high, b);
			}
	return h->low <= h->high;
}

static void find_shades(struct heat *h)
{
	uint64_t max = 1;

	for (unsigned int i = 0; i < h->steps; i++)
		for (unsigned int row = 0; row < h->rows; row++)
			max = max_t(uint64_t, max,
				    requests(&h->step[i], h->low + row * h->merge, h->merge));
	for (int i = 0; i < SHADES; i++)
		h->from[i] = (uint64_t)ceil(pow((double)max, i / (double)SHADES) - 1e-9);
}

static bool prepare(struct heat *h, const struct live_view *v, unsigned int cols, unsigned int rows)
{
	unsigned int bands;

	memset(h, 0, sizeof(*h));
	if (rows < 4 || cols < LABEL + 8)
		return false;
	h->steps = (unsigned int)min_t(size_t, v->nsteps, cols - LABEL);
	h->step = v->steps + (v->nsteps - h->steps);
	if (!find_bands(h))
		return false;
	rows = min_t(unsigned int, rows - 2, 12);
	bands = h->high - h->low + 1;
	h->merge = (bands + rows - 1) / rows;
	h->rows = (bands + h->merge - 1) / h->merge;
	find_shades(h);
	return true;
}

static int shade_of(const struct heat *h, uint64_t n)
{
	int shade = 0;

	while (shade + 1 < SHADES && n >= h->from[shade + 1])
		shade++;
	return shade;
}

/* Bounds are whole: "20 ms". */
static void band_text(char *buf, size_t len, uint64_t ns)
{
	if (ns >= 1000000000ULL)
		snprintf(buf, len, "%llu s", (ull)(ns / 1000000000ULL));
	else if (ns >= 1000000)
		snprintf(buf, len, "%llu ms", (ull)(ns / 1000000));
	else
		snprintf(buf, len, "%llu \u00b5s", (ull)(ns / 1000));
}

static void draw_row(const struct heat *h, struct ui_grid *g, unsigned int row, unsigned int at)
{
	const unsigned int band = h->low + at * h->merge;
	const unsigned int first = ui_grid__cols(g) - h->steps;
	char label[24];

	band_text(label, sizeof(label), live_band__from(band));
	ui_grid__put_right(g, row, 0, LABEL - 1, UI_DIM, label);
	for (unsigned int i = 0; i < h->steps; i++) {
		const uint64_t n = requests(&h->step[i], band, h->merge);
		const int shade = shade_of(h, n);

		if (n)
			ui_grid__sign(g, row, first + i, (enum ui_style)(UI_HEAT1 + shade),
				      (enum ui_sign)(SIGN_SHADE_1 + shade));
	}
}

/* "LATENCY FROM, BY STEP        ░ 1  ▒ 4  ▓ 20  █ 100 and more" */
static void draw_legend(const struct heat *h, struct ui_grid *g, unsigned int row)
{
	const unsigned int cols = ui_grid__cols(g);
	unsigned int at = 0, width = 0;
	char text[SHADES][16];

	for (int i = 0; i < SHADES; i++) {
		const bool same = i + 1 < SHADES && h->from[i + 1] == h->from[i];

		text[i][0] = 0;
		if (same)
			continue;
		ui_text__count(text[i], sizeof(text[i]), h->from[i]);
		width += 4 + (unsigned int)strlen(text[i]);
	}
	ui_grid__put(g, row, 0, cols, UI_HEADING, cols >= 60 ? "LATENCY FROM, BY STEP" : "LATENCY");
	at = cols > width + 5 ? cols - width - 3 : 0;
	for (int i = 0; i < SHADES && at; i++) {
		if (!text[i][0])
			continue;
		ui_grid__sign(g, row, at, (enum ui_style)(UI_HEAT1 + i),
			      (enum ui_sign)(SIGN_SHADE_1 + i));
		at += 2 + ui_grid__put(g, row, at + 2, 6, UI_DIM, text[i]) + 2;
	}
	if (at)
		ui_grid__put(g, row, at - 2, 5, UI_DIM, "+ req");
}

static void draw_axis(const struct heat *h, struct ui_grid *g, unsigned int row, uint64_t now)
{
	const unsigned int cols = ui_grid__cols(g), first = cols - h->steps;
	char ago[24], text[40];

	ui_text__ago(ago, sizeof(ago), now, h->step[0].start_ns);
	snprintf(text, sizeof(text), "%s ago", ago);
	for (unsigned int i = first; i < cols; i++)
		ui_grid__sign(g, row, i, UI_DIM, SIGN_HLINE);
	if (h->steps >= 16)
		ui_grid__put(g, row, first, h->steps, UI_DIM, text);
	ui_grid__put_right(g, row, cols - 4, 4, UI_DIM, " now");
}

unsigned int ui_heat__draw(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	struct heat h;

	if (!prepare(&h, v, ui_grid__cols(g), rows))
		return 0;
	draw_legend(&h, g, row);
	for (unsigned int i = 0; i < h.rows; i++)
		draw_row(&h, g, row + 1 + i, h.rows - 1 - i);
	draw_axis(&h, g, row + 1 + h.rows, v->now_ns);
	return h.rows + 2;
}

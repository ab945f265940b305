// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Figures as text that fits a column, and cells that hold them. */
#include <stdio.h>
#include <string.h>

#include "out_text.h"
#include "ui_view_parts.h"
#include "util.h"

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* At most seven columns. */
void ui_text__ns(char *buf, size_t len, uint64_t ns)
{
	if (ns == UINT64_MAX)
		snprintf(buf, len, "-");
	else if (ns < 100 * SECOND)
		text_duration(buf, len, ns);
	else if (ns < HOUR)
		snprintf(buf, len, "%llum %02llus", (ull)(ns / MINUTE),
			 (ull)(ns % MINUTE / SECOND));
	else if (ns < DAY)
		snprintf(buf, len, "%lluh %02llum", (ull)(ns / HOUR), (ull)(ns % HOUR / MINUTE));
	else if (ns < 100 * DAY)
		snprintf(buf, len, "%llud %02lluh", (ull)(ns / DAY), (ull)(ns % DAY / HOUR));
	else
		snprintf(buf, len, "%llud", (ull)(ns / DAY));
}

/* Three digits and a unit of thousands: @units[0] is for what is below a thousand. */
static void scaled(char *buf, size_t len, double v, const char *const units[7], int below)
{
	int unit = 0, decimals;

	for (; unit < 6 && v >= 999.5; unit++)
		v /= 1000;
	decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	snprintf(buf, len, "%.*f%s", unit ? decimals : min_t(int, decimals, below), v, units[unit]);
}

static const char *const thousands[7] = {"", "k", "M", "G", "T", "P", "E"};
static const char *const bytes[7] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};

void ui_text__count(char *buf, size_t len, uint64_t n)
{
	if (n == UINT64_MAX)
		snprintf(buf, len, "-");
	else
		scaled(buf, len, (double)n, thousands, 0);
}

void ui_text__rate(char *buf, size_t len, double per_s)
{
	if (!(per_s >= 0)) /* not a number, too */
		snprintf(buf, len, "-");
	else if (per_s == 0)
		snprintf(buf, len, "0");
	else if (per_s < 0.005)
		snprintf(buf, len, "<0.01");
	else
		scaled(buf, len, per_s, thousands, 2);
}

void ui_text__bytes(char *buf, size_t len, uint64_t n)
{
	if (n == UINT64_MAX)
		snprintf(buf, len, "-");
	else
		scaled(buf, len, (double)n, bytes, 0);
}

void ui_text__percent(char *buf, size_t len, double share)
{
	if (!(share >= 0))
		snprintf(buf, len, "-");
	else if (share == 0)
		snprintf(buf, len, "0%%");
	else if (share < 0.0005)
		snprintf(buf, len, "<0.1%%");
	else if (share < 0.9995)
		snprintf(buf, len, "%.1f%%", 100 * share);
	else if (share < 1)
		snprintf(buf, len, ">99.9%%");
	else
		snprintf(buf, len, "%.0f%%", 100 * min_t(double, share, 9.99));
}

/* @level 0: a blank, 8: full. */
static size_t spark_put(char *buf, size_t len, size_t at, unsigned int level, bool ascii)
{
	const char *text =
		level ? ui_sign__text((enum ui_sign)(SIGN_BAR_1 + level - 1), ascii) : " ";

	if (at + strlen(text) >= len)
		return at;
	memcpy(buf + at, text, strlen(text) + 1);
	return at + strlen(text);
}

void ui_text__spark(char *buf, size_t len, const uint32_t *values, size_t n, bool ascii)
{
	uint32_t max = 0;
	size_t at = 0;

	if (!len)
		return;
	buf[0] = 0;
	for (size_t i = 0; i < n; i++)
		max = max_t(uint32_t, max, values[i]);
	for (size_t i = 0; i < n; i++)
		/* What is more than nothing is seen. */
		at = spark_put(buf, len, at,
			       values[i] ? 1 + (unsigned int)((uint64_t)values[i] * 7 / max) : 0,
			       ascii);
}

void ui_text__ago(char *buf, size_t len, uint64_t now, uint64_t ns)
{
	const uint64_t since = ui_since(now, ns);

	if (since < SECOND)
		snprintf(buf, len, "<1s");
	else if (since < 100 * SECOND)
		snprintf(buf, len, "%llus", (ull)(since / SECOND));
	else
		ui_text__ns(buf, len, since);
}

const char *ui_text__s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void ui_value__unknown(struct ui_value *v)
{
	*v = (struct ui_value){.text = "-", .style = UI_DIM, .number = -1};
}

void ui_value__text(struct ui_value *v, const char *text)
{
	v->style = UI_PLAIN;
	v->number = 0;
	snprintf(v->text, sizeof(v->text), "%s", text);
}

void ui_value__ns(struct ui_value *v, uint64_t ns)
{
	v->style = UI_PLAIN;
	v->number = ns == UINT64_MAX ? -1 : (double)ns;
	ui_text__ns(v->text, sizeof(v->text), ns);
}

void ui_value__count(struct ui_value *v, uint64_t n)
{
	v->style = n ? UI_PLAIN : UI_DIM;
	v->number = (double)n;
	ui_text__count(v->text, sizeof(v->text), n);
}

void ui_value__rate(struct ui_value *v, double per_s)
{
	v->style = per_s > 0 ? UI_PLAIN : UI_DIM;
	v->number = per_s >= 0 ? per_s : -1;
	ui_text__rate(v->text, sizeof(v->text), per_s);
}

void ui_value__percent(struct ui_value *v, double share)
{
	v->style = share > 0 ? UI_PLAIN : UI_DIM;
	v->number = share >= 0 ? share : -1;
	ui_text__percent(v->text, sizeof(v->text), share);
}

void ui_value__sign(struct ui_value *v, enum ui_style style, enum ui_sign sign, bool ascii)
{
	v->style = style;
	snprintf(v->text, sizeof(v->text), "%s", ui_sign__text(sign, ascii));
}

void ui_value__spark(struct ui_value *v, const uint32_t *values, unsigned int width, bool ascii)
{
	const size_t n = min_t(size_t, width, LIVE_SPARK);

	v->style = UI_GOOD;
	v->number = values[LIVE_SPARK - 1];
	ui_text__spark(v->text, sizeof(v->text), values + LIVE_SPARK - n, n, ascii);
}

void ui_value__spark_share(struct ui_value *v, const float *values, unsigned int width, bool ascii)
{
	const size_t n = min_t(size_t, width, LIVE_SPARK);
	size_t at = 0;

	v->style = UI_GOOD;
	v->number = (double)values[LIVE_SPARK - 1];
	v->text[0] = 0;
	for (size_t i = LIVE_SPARK - n; i < LIVE_SPARK; i++) {
		const double x = (double)values[i];
		const unsigned int level = x < 0 ? 0 : 1 + (unsigned int)(min_t(double, x, 1) * 7);

		at = spark_put(v->text, sizeof(v->text), at, x >= 0 ? level : 0, ascii);
	}
}

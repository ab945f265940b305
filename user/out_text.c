// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "out_text.h"
#include "util.h"

struct text_table {
	int err;
	size_t columns;
	size_t cells; /* filled, with the heads */
	size_t cap;   /* allocated */
	char align[TEXT_COLUMNS];
	char (*cell)[TEXT_CELL];
	uint64_t cut_rows_cells;
};

char *text_duration(char *buf, size_t cap, uint64_t ns)
{
	/* Each unit holds until its value would be printed as 1000. */
	static const struct {
		const char *unit;
		double scale;
		double below;
	} units[] = {{"\u00b5s", 1e3, 999.5e3}, {"ms", 1e6, 999.5e6}, {"s", 1e9, 1e300}};
	const char *unit = units[0].unit;
	double v = 0;
	int decimals;

	if (ns == 0) {
		snprintf(buf, cap, "0");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		unit = units[i].unit;
		v = (double)ns / units[i].scale;
		if ((double)ns < units[i].below)
			break;
	}
	decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	snprintf(buf, cap, "%.*f %s", decimals, v, unit);
	return buf;
}

/* Columns that one character takes in safe text. */
static size_t safe_width(char c)
{
	return c >= 0x20 && c < 0x7f ? 1 : 4;
}

char *text_moment(char *buf, size_t cap, const struct out_opts *o, uint64_t mono_ns)
{
	time_t seconds = (time_t)((o->wall_ns + (mono_ns - o->mono_ns)) / 1000000000);
	struct tm tm;

	if (!o->wall_ns || !mono_ns || !gmtime_r(&seconds, &tm) ||
	    !strftime(buf, cap, "%Y-%m-%d %H:%M:%S UTC", &tm))
		return NULL;
	return buf;
}

char *text_safe(char *buf, size_t cap, const char *s)
{
	size_t need = 1, at = 0, limit = cap;

	for (const char *p = s; *p && need <= cap; p++)
		need += safe_width(*p);
	if (need > cap)
		limit = cap - 3; /* for the dots; the zero is in both */
	for (; *s && at + safe_width(*s) < limit; s++) {
		if (safe_width(*s) == 1)
			buf[at] = *s;
		else
			snprintf(buf + at, cap - at, "\\x%02x", (unsigned char)*s);
		at += safe_width(*s);
	}
	snprintf(buf + at, cap - at, "%s", limit < cap ? "..." : "");
	return buf;
}

int text_table__new(struct text_table **out, const char *align, const char *const *heads)
{
	struct text_table *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t)
		return -ENOMEM;
	t->columns = min_t(size_t, strlen(align), TEXT_COLUMNS);
	memcpy(t->align, align, t->columns);
	for (size_t i = 0; i < t->columns; i++)
		text_table__cell(t, "%s", heads[i]);
	return 0;
}

void text_table__free(struct text_table *t)
{
	if (!t)
		return;
	free(t->cell);
	free(t);
}

static bool table_grow(struct text_table *t)
{
	size_t cap = t->cap ? t->cap * 2 : 16 * t->columns;
	void *grown = realloc(t->cell, cap * sizeof(*t->cell));

	if (!grown) {
		t->err = -ENOMEM;
		return false;
	}
	t->cell = grown;
	t->cap = cap;
	return true;
}

void text_table__cell(struct text_table *t, const char *fmt, ...)
{
	va_list ap;

	if (t->cells >= (TEXT_ROWS_MAX + 1) * t->columns) {
		t->cut_rows_cells++;
		return;
	}
	if (t->err || (t->cells == t->cap && !table_grow(t)))
		return;
	va_start(ap, fmt);
	vsnprintf(t->cell[t->cells], TEXT_CELL, fmt, ap);
	va_end(ap);
	t->cells++;
}

void text_table__duration(struct text_table *t, uint64_t ns)
{
	char text[TEXT_CELL];

	text_table__cell(t, "%s", text_duration(text, sizeof(text), ns));
}

/*
 * Characters, not bytes: continuation bytes of UTF-8 take no column, and neither do our own
 * accents (ESC to m).
 */
static size_t text_width_n(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\033')
			while (i < len && s[i] != 'm')
				i++;
		else
			n += ((unsigned char)s[i] & 0xc0) != 0x80;
	}
	return n;
}

static size_t text_width(const char *s)
{
	return text_width_n(s, strlen(s));
}

void text_wrap(struct out_file *f, size_t first, size_t rest, const char *text)
{
	size_t column = 0, indent = first;

	while (*text) {
		size_t len = strcspn(text, " ");
		size_t width = text_width_n(text, len);

		if (column && column + 1 + width > TEXT_WIDTH) {
			out_file__printf(f, "\n");
			column = 0;
			indent = rest;
		}
		out_file__printf(f, "%*s", column ? 1 : (int)indent, "");
		out_file__write(f, text, len);
		column += width + (column ? 1 : indent);
		text += len;
		text += strspn(text, " ");
	}
	out_file__printf(f, "\n");
}

static void row_print(const struct text_table *t, struct out_file *f, size_t row,
		      const size_t *width)
{
	for (size_t i = 0; i < t->columns; i++) {
		const char *s = t->cell[row * t->columns + i];
		int pad = (int)(width[i] - text_width(s));

		if (t->align[i] == 'r')
			out_file__printf(f, "  %*s%s", pad, "", s);
		else if (i + 1 < t->columns)
			out_file__printf(f, "  %s%*s", s, pad, "");
		else
			out_file__printf(f, "  %s", s);
	}
	out_file__printf(f, "\n");
}

int text_table__print(const struct text_table *t, struct out_file *f)
{
	size_t width[TEXT_COLUMNS] = {0};
	size_t rows = t->cells / t->columns;

	if (t->err)
		return t->err;
	for (size_t i = 0; i < rows * t->columns; i++)
		width[i % t->columns] =
			max_t(size_t, width[i % t->columns], text_width(t->cell[i]));
	for (size_t row = 0; row < rows; row++)
		row_print(t, f, row, width);
	if (t->cut_rows_cells)
		out_file__printf(f, "  and %llu more\n",
				 (unsigned long long)(t->cut_rows_cells / t->columns));
	return out_file__write(f, "", 0);
}

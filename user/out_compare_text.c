// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The comparison for people: what is compared, how sure that is, the figures, the routes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "out_compare_parts.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define ROUTES_SHOWN 30
#define WAITS_PART   2000 /* waits below one part of so many of the mean latency are not shown */
#define TEXT	     32

struct comparer {
	struct out_file *f;
	const struct compare_side *side;
	bool color;
};

static const char *accent(const struct comparer *c, const char *code)
{
	return c->color ? code : "";
}

static void title(const struct comparer *c, const char *text)
{
	out_file__printf(c->f, "\n%s%s%s\n", accent(c, ORANGE), text, accent(c, PLAIN));
}

static void print_side(const struct comparer *c, int i)
{
	const struct compare_side *s = &c->side[i];
	const struct out_opts *o = s->opts;
	char file[200], host[80], version[40], when[64];

	out_file__printf(c->f, "%s%c%s  %s, %.1f s", accent(c, BLUE), "AB"[i], accent(c, PLAIN),
			 text_safe(file, sizeof(file), s->file), model__duration(s->m));
	if (s->m->target_count == 1)
		out_file__printf(c->f, ", Node.js %s, pid %u",
				 text_safe(version, sizeof(version), s->m->targets[0].version),
				 s->m->targets[0].pid);
	else
		out_file__printf(c->f, ", %zu processes", s->m->target_count);
	if (o->host)
		out_file__printf(c->f, ", on %s", text_safe(host, sizeof(host), o->host));
	if (text_moment(when, sizeof(when), o, s->m->start_ns))
		out_file__printf(c->f, ", from %s", when);
	out_file__printf(c->f, "\n");
}

static void print_warnings(const struct comparer *c)
{
	char warnings[COMPARE_WARNINGS][COMPARE_WARNING];
	size_t n = compare_warnings(c->side, warnings);

	if (!n)
		return;
	title(c, "Compare with care");
	for (size_t i = 0; i < n; i++) {
		struct sentence s = {0};

		sentence__add(&s, "! %s", warnings[i]);
		text_wrap(c->f, 2, 4, s.text);
	}
}

/* "+1.2 ms", "-3", "+12.0 points"; @sign: a difference. */
static const char *value_text(char *buf, size_t cap, enum figure_unit unit, double v, bool sign)
{
	const char *before = !sign || v == 0 ? "" : v < 0 ? "-" : "+";
	char ns[TEXT];

	v = fabs(v);
	if (unit == UNIT_NS)
		snprintf(buf, cap, "%s%s", before, text_duration(ns, sizeof(ns), (uint64_t)v));
	else if (unit == UNIT_SHARE)
		snprintf(buf, cap, "%s%.1f%s", before, 100 * v, sign ? " points" : "%");
	else
		snprintf(buf, cap, "%s%.*f", before, unit == UNIT_PER_S ? 1 : 0, v);
	return buf;
}

static void cell_value(struct text_table *t, const struct figure *f)
{
	char text[TEXT];

	text_table__cell(t, "%s",
			 f->known ? value_text(text, sizeof(text), f->unit, f->value, false) : "-");
}

static void cells_change(struct text_table *t, const struct figure *a, const struct figure *b)
{
	double change = b->value - a->value;
	char text[TEXT];

	if (!a->known || !b->known) {
		text_table__cell(t, "-");
		text_table__cell(t, "-");
		return;
	}
	text_table__cell(t, "%s", value_text(text, sizeof(text), a->unit, change, true));
	if (change == 0)
		text_table__cell(t, "0%%");
	else if (a->value == 0)
		text_table__cell(t, "-");
	else if (change / a->value >= 99.995)
		text_table__cell(t, "x%.0f", b->value / a->value);
	else
		text_table__cell(t, "%+.1f%%", 100 * change / a->value);
}

/* The arrow says what B's figure did, the word whether that is bad; counts may turn at the load. */
static const char *verdict_text(const struct figure *a, const struct figure *b)
{
	bool more = b->value > a->value || (b->value == a->value && a->worse == WORSE_MORE);

	switch (compare_figures__verdict(a, b)) {
	case VERDICT_SAME:
		return "=";
	case VERDICT_BETTER:
		return more ? "\u25b2 better" : "\u25bc better";
	case VERDICT_WORSE:
		return more ? "\u25b2 worse" : "\u25bc worse";
	case VERDICT_UNKNOWN:
		return "? unknown";
	default:
		return "-";
	}
}

static void row(struct text_table *t, const struct figure *a, const struct figure *b)
{
	text_table__cell(t, "%s", a->title);
	cell_value(t, a);
	cell_value(t, b);
	cells_change(t, a, b);
	text_table__cell(t, "%s", verdict_text(a, b));
}

/* What is nothing on both sides tells nobody anything, but that no mismatch was found does. */
static bool worth_showing(const struct figure *a, const struct figure *b, double latency)
{
	if (a->group == FIGURES_WAITS)
		return a->value > latency / WAITS_PART || b->value > latency / WAITS_PART;
	return a->value != 0 || b->value != 0 || a->known != b->known ||
	       (a->known && (a->title[0] != ' ' && a->group != FIGURES_REQUESTS));
}

static int print_group(const struct comparer *c, enum figure_group group, const struct figure *a,
		       const struct figure *b, size_t n)
{
	static const char *const heads[] = {"", "A", "B", "B - A", "OF A", "B IS"};
	static const char *const titles[] = {
		[FIGURES_REQUESTS] = "Requests",
		[FIGURES_CONTEXT] = "Context",
		[FIGURES_LOOP] = "Event loop (of several the latest; counts are judged by second)",
		[FIGURES_WAITS] = "Where the time of a request went (mean)",
		[FIGURES_LOSS] = "Losses",
	};
	double latency = max_t(double, (double)c->side[0].m->requests.latency.mean,
			       (double)c->side[1].m->requests.latency.mean);
	struct text_table *t;
	bool any = false;
	int err = text_table__new(&t, "lrrrrl", heads);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (a[i].group != group || !worth_showing(&a[i], &b[i], latency))
			continue;
		any = true;
		row(t, &a[i], &b[i]);
	}
	if (any) {
		title(c, titles[group]);
		err = text_table__print(t, c->f);
	}
	text_table__free(t);
	return err;
}

static void cells_route(struct text_table *t, const struct compare_route *r)
{
	struct figure f[2][ROUTE_FIGURES];
	bool both = r->of[0] && r->of[1];
	char method[12], route[44];

	for (int side = 0; side < 2; side++)
		for (int i = 0; i < ROUTE_FIGURES; i++)
			compare_route__figure(r->of[side], (enum route_figure)i, &f[side][i]);
	text_table__cell(t, "%s", text_safe(method, sizeof(method), r->method));
	text_table__cell(t, "%s", text_safe(route, sizeof(route), r->route));
	for (int i = ROUTE_COUNT; i <= ROUTE_P99; i++) {
		cell_value(t, &f[0][i]);
		cell_value(t, &f[1][i]);
		if (i != ROUTE_COUNT)
			text_table__cell(t, "%s", both ? verdict_text(&f[0][i], &f[1][i]) : "-");
	}
	cell_value(t, &f[0][ROUTE_ERRORS]);
	cell_value(t, &f[1][ROUTE_ERRORS]);
	text_table__cell(t, "%s",
			 both	    ? verdict_text(&f[0][ROUTE_ERRORS], &f[1][ROUTE_ERRORS])
			 : r->of[0] ? "only A"
				    : "only B");
}

static int print_routes(const struct comparer *c)
{
	static const char *const heads[] = {"METHOD", "ROUTE", "COUNT A", "B", "P95 A",
					    "B",      "B IS",  "P99 A",	  "B", "B IS",
					    "5XX A",  "B",     "B IS"};
	struct compare_route *routes;
	struct text_table *t = NULL;
	size_t n;
	int err = compare_routes(c->side, &routes, &n);

	if (err)
		return err;
	if (n)
		err = text_table__new(&t, "llrrrrlrrlrrl", heads);
	if (n && !err) {
		title(c, "Routes");
		for (size_t i = 0; i < n && i < ROUTES_SHOWN; i++)
			cells_route(t, &routes[i]);
		err = text_table__print(t, c->f);
		if (n > ROUTES_SHOWN)
			out_file__printf(c->f, "  and %zu more routes (all of them: --json)\n",
					 n - ROUTES_SHOWN);
	}
	text_table__free(t);
	free(routes);
	return err;
}

static void print_legend(const struct comparer *c)
{
	char text[400];

	snprintf(
		text, sizeof(text),
		"\u25b2 B is more than A, \u25bc less; \"worse\" and \"better\" are B's, as far as "
		"a figure has a worse direction; = differs by %.0f%% at most. Counts of failures, "
		"findings and incomplete requests are judged by their part of the requests.",
		100 * COMPARE_SAME);
	out_file__printf(c->f, "\n");
	text_wrap(c->f, 0, 0, text);
}

int out_compare__text(struct out_file *f, const struct compare_side side[2])
{
	struct comparer c = {.f = f, .side = side, .color = side[0].opts->color};
	struct figure a[FIGURES_MAX], b[FIGURES_MAX];
	size_t n = compare_figures(side[0].m, a);
	int err = 0;

	compare_figures(side[1].m, b);
	print_side(&c, 0);
	print_side(&c, 1);
	print_warnings(&c);
	for (int g = FIGURES_REQUESTS; g <= FIGURES_LOSS && !err; g++) {
		err = print_group(&c, (enum figure_group)g, a, b, n);
		if (g == FIGURES_WAITS && !err)
			err = print_routes(&c);
	}
	print_legend(&c);
	return err ? err : out_file__flush(f);
}

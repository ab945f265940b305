// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Async resources that are alive, by type; above them what JavaScript has waiting. */
#include <stdio.h>
#include <string.h>

#include "out_leak.h"
#include "ui_view_parts.h"
#include "util.h"

enum column { MARK, TYPE, ALIVE, CREATED, LEAKED, TREND, SPARK };

#define SPARK_WIDTH 30

static const struct ui_column columns[] = {
	[MARK] =
		{.title = "",
		 .width = 2,
		 .number = true,
		 .descending = true,
		 .about =
			 "A cross: leaked ones among them. An arrow: their number grew all along."},
	[TYPE] = {.title = "TYPE", .about = "The type that Node.js gives the resource."},
	[ALIVE] = {.title = "ALIVE",
		   .width = 7,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "Created while observed, and not destroyed yet."},
	[CREATED] = {.title = "CREATED",
		     .width = 8,
		     .min_cols = 50,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "Created since the beginning."},
	[LEAKED] =
		{.title = "LEAKED",
		 .width = 7,
		 .right = true,
		 .number = true,
		 .descending = true,
		 .about =
			 "Left behind by requests all along, and used by nothing since; known from "
			 "20 seconds on, and not where records were lost."},
	[TREND] = {.title = "TREND",
		   .width = 8,
		   .min_cols = 60,
		   .about = "growing: all along, as much at the end as at the beginning. slowing: "
			    "ever "
			    "less, as a pool that fills. steady: neither."},
	[SPARK] = {.title = "ALIVE BY STEP",
		   .width = SPARK_WIDTH,
		   .min_cols = 80,
		   .about = "How many were alive at the end of each of the last steps, the newest "
			    "at the "
			    "right."},
};

static size_t count(const struct live_view *v)
{
	size_t n = v->ntypes;

	/* Those of which nothing but callbacks was seen are the last. */
	while (n && !v->types[n - 1].init && !v->types[n - 1].alive)
		n--;
	return n;
}

static uint64_t id(const struct live_view *v, size_t row)
{
	return hash_bytes(v->types[row].name, strlen(v->types[row].name));
}

static void trend(enum flow_trend kind, struct ui_value *out)
{
	static const char *const words[TREND_KINDS] = {
		[TREND_SHORT] = "-",
		[TREND_STEADY] = "steady",
		[TREND_SLOWING] = "slowing",
		[TREND_LINEAR] = "growing",
	};

	ui_value__text(out, kind < TREND_KINDS ? words[kind] : "-");
	out->style = kind == TREND_LINEAR ? UI_BAD : UI_DIM;
}

static void leaked(const struct live_view *v, const struct live_type *t, bool ascii,
		   struct ui_value *out)
{
	char text[16];

	if (v->m->leaks.judged != LEAKS_JUDGED && !t->leaked) {
		ui_value__unknown(out);
		return;
	}
	ui_value__count(out, t->leaked);
	if (!t->leaked)
		return;
	ui_text__count(text, sizeof(text), t->leaked);
	out->style = UI_BAD;
	snprintf(out->text, sizeof(out->text), "%s%s", ui_sign__text(SIGN_BAD, ascii), text);
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct live_type *t = &v->types[row];

	switch (column) {
	case MARK:
		out->number = 2 * (t->leaked != 0) + (t->trend == TREND_LINEAR);
		if (t->leaked)
			ui_value__sign(out, UI_BAD, SIGN_BAD, ascii);
		else if (t->trend == TREND_LINEAR)
			ui_value__sign(out, UI_BAD, SIGN_UP, ascii);
		break;
	case TYPE:
		ui_value__text(out, t->name);
		break;
	case ALIVE:
		ui_value__count(out, t->alive);
		if (t->alive)
			out->style = UI_STRONG;
		break;
	case CREATED:
		ui_value__count(out, t->init);
		break;
	case LEAKED:
		leaked(v, t, ascii, out);
		break;
	case TREND:
		trend(t->trend, out);
		break;
	default:
		ui_value__spark(out, t->spark, SPARK_WIDTH, ascii);
	}
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	const char *const texts[] = {v->types[row].name, NULL};

	return ui_filter__words(f, texts);
}

static void waiting(char *buf, size_t len, const char *what, const struct model_count *c)
{
	const char *how = c->trend == TREND_LINEAR    ? ", growing all along"
			  : c->trend == TREND_SLOWING ? ", growing ever slower"
						      : "";

	if (c->unknown != FLOW_COUNT_KNOWN)
		snprintf(buf, len, "%s %s", what, leak_text__unknown(c->unknown));
	else
		snprintf(buf, len, "%s %u (%u to %u)%s", what, c->now, c->min, c->max, how);
}

/* "4242 main    timers 4 (0 to 9)   immediates 0 (0 to 2)" */
static void put_waiting(struct ui_grid *g, unsigned int row, const struct model_waiting *w)
{
	const unsigned int cols = ui_grid__cols(g);
	const struct model_count *const counts[] = {&w->timers, &w->immediates};
	static const char *const names[] = {"timers", "immediates"};
	char text[96], loop[32];
	unsigned int at;

	if (w->env)
		snprintf(loop, sizeof(loop), "%u worker %u", w->pid, w->env);
	else
		snprintf(loop, sizeof(loop), "%u main", w->pid);
	at = max_t(unsigned int, ui_grid__put(g, row, 0, cols, UI_DIM, loop), 14);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		const bool known = counts[i]->unknown == FLOW_COUNT_KNOWN;
		const bool grows = leak_suspected(counts[i]);

		waiting(text, sizeof(text), names[i], counts[i]);
		if (at + 1 >= cols)
			return;
		if (grows) {
			ui_grid__sign(g, row, at, UI_BAD, SIGN_UP);
			at++;
		}
		at += ui_grid__put(g, row, at, cols - at,
				   grows   ? UI_BAD
				   : known ? UI_PLAIN
					   : UI_DIM,
				   text) +
		      3;
	}
}

static void put_stores(const struct live_view *v, struct ui_grid *g, unsigned int row)
{
	const bool ascii = ui_grid__ascii(g);
	uint64_t stores = 0, oldest = 0;
	bool grows = false;
	char text[24];

	for (size_t i = 0; i < v->m->left_count; i++) {
		stores += v->m->left[i].stores;
		oldest = max_t(uint64_t, oldest, v->m->left[i].oldest_ns);
		grows |= v->m->left[i].trend == TREND_LINEAR;
	}
	ui_text__ns(text, sizeof(text), oldest);
	ui_grid__printf(g, row, 0, ui_grid__cols(g), grows ? UI_BAD : UI_PLAIN,
			"%s%llu store%s still active long after the request, up to %s%s",
			grows ? ui_sign__text(SIGN_UP, ascii) : "", (ull)stores, ui_text__s(stores),
			text, grows ? ": leak suspected" : "");
}

static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	unsigned int used = 0;

	for (size_t i = 0; i < v->m->waiting_count && used < min_t(unsigned int, rows, 4); i++)
		put_waiting(g, row + used++, &v->m->waiting[i]);
	if (v->m->left_count && used < rows)
		put_stores(v, g, row + used++);
	return used;
}

const struct ui_view ui_view_resources = {
	.name = "resources",
	.about = "Async resources that are alive, by type, and whether they grow or are leaked; "
		 "above "
		 "them the timers and immediates that wait in each loop.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = ALIVE,
	.empty = "no resource seen: following them takes --level resources",
	.count = count,
	.id = id,
	.cell = cell,
	.matches = matches,
	.banner = banner,
};

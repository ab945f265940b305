// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The lines at the top: figures in the order that they are read, as many as there is room for. What
 * matters least goes first when there is not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui_header.h"
#include "ui_state.h"
#include "util.h"

void ui_header__add(struct ui_items *l, unsigned int weight, enum ui_style style, const char *name,
		    const char *text)
{
	struct ui_item *item = &l->item[l->n];

	if (l->n == UI_ITEMS_MAX)
		return;
	l->n++;
	*item = (struct ui_item){.name = name, .style = style, .weight = weight};
	snprintf(item->text, sizeof(item->text), "%s", text);
}

static unsigned int item_width(const struct ui_item *item)
{
	unsigned int name = ui_text__width(item->name);

	return name + (name && *item->text ? 1 : 0) + ui_text__width(item->text);
}

/* Puts those that are left into lines; false: they need more than @rows. */
static bool place(struct ui_items *l, unsigned int rows, unsigned int cols)
{
	unsigned int row = 0, col = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct ui_item *item = &l->item[i];
		unsigned int width = item_width(item);

		if (item->dropped)
			continue;
		if (col && col + width > cols) {
			row++;
			col = 0;
		}
		if (row >= rows || (width > cols && l->left > 1))
			return false;
		item->row = row;
		item->col = col;
		col += width + 2;
	}
	return true;
}

static void drop_least(struct ui_items *l)
{
	struct ui_item *least = NULL;

	for (size_t i = 0; i < l->n; i++) {
		struct ui_item *item = &l->item[i];

		if (!item->dropped && (!least || item->weight <= least->weight))
			least = item;
	}
	if (least)
		least->dropped = true;
	l->left--;
}

void ui_header__place(struct ui_items *l, unsigned int rows, unsigned int cols)
{
	l->left = l->n;
	while (l->left && !place(l, rows, cols))
		drop_least(l);
}

static void add_state(struct ui_items *l, const struct ui_state *s)
{
	const struct live_view *v = s->v;
	char text[64];

	if (*s->status)
		ui_header__add(l, 95, UI_TITLE, "", s->status);
	if (!s->frozen)
		return;
	snprintf(text, sizeof(text), "at %.0f s", v ? (double)(v->now_ns - v->start_ns) / 1e9 : 0);
	ui_header__add(l, 99, UI_WORSE, "FROZEN", text);
}

static size_t alive(const struct live_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->m->target_count; i++)
		n += !v->m->targets[i].ended;
	return n;
}

static void add_targets(struct ui_items *l, const struct ui_state *s)
{
	const struct live_view *v = s->v;
	size_t n = v->m->target_count, living = alive(v);
	char text[96];

	if (n == 1)
		snprintf(text, sizeof(text), "%u node %s%s", v->m->targets[0].pid,
			 *v->m->targets[0].version ? v->m->targets[0].version : "?",
			 living ? "" : ", ended");
	else
		snprintf(text, sizeof(text), "%zu%s", n, living ? "" : ", all ended");
	ui_header__add(l, 80, living ? UI_STRONG : UI_BAD, n == 1 ? "pid" : "processes", text);
	if (living && living < n) {
		snprintf(text, sizeof(text), "%zu", n - living);
		ui_header__add(l, 79, UI_BAD, "ended", text);
	}
	if (s->shown.n) {
		snprintf(text, sizeof(text), "%zu", s->shown.pid[0] ? s->shown.n : 0);
		ui_header__add(l, 81, UI_BAD, "shown", text);
	}
}

static void add_latency(struct ui_items *l, const struct model_latency *lat)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned int weight;
	} which[] = {
		{"p50", offsetof(struct model_latency, p50), 60},
		{"p95", offsetof(struct model_latency, p95), 50},
		{"p99", offsetof(struct model_latency, p99), 70},
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
		uint64_t ns = *(const uint64_t *)((const char *)lat + which[i].at);

		if (lat->count)
			ui_text__ns(text, sizeof(text), ns);
		ui_header__add(l, which[i].weight, UI_STRONG, which[i].name,
			       lat->count ? text : "-");
	}
}

static void add_traffic(struct ui_items *l, const struct live_view *v)
{
	uint64_t wrong = v->m->findings.mismatched;
	char text[32];

	ui_text__rate(text, sizeof(text), v->rps);
	ui_header__add(l, 90, UI_STRONG, "rps", text);
	ui_text__percent(text, sizeof(text), v->error_rate);
	ui_header__add(l, 75, v->error_rate > 0 ? UI_BAD : UI_STRONG, "5xx", text);
	add_latency(l, &v->latency);
	ui_text__count(text, sizeof(text), wrong);
	ui_header__add(l, 78, wrong ? UI_WORSE : UI_GOOD, "mismatches", text);
}

static void add_health(struct ui_items *l, const struct live_view *v)
{
	char text[32];

	ui_text__percent(text, sizeof(text), v->utilisation);
	ui_header__add(l, 55, v->utilisation > 0.8 ? UI_BAD : UI_STRONG, "loop", text);
	if (v->lag_p99_ns)
		ui_text__ns(text, sizeof(text), v->lag_p99_ns);
	ui_header__add(l, 45, UI_STRONG, "lag p99", v->lag_p99_ns ? text : "-");
	ui_text__count(text, sizeof(text), v->nin_flight);
	ui_header__add(l, 40, UI_STRONG, "in flight", text);
	ui_text__count(text, sizeof(text), v->m->loss.total);
	ui_header__add(l, v->m->loss.total ? 85 : 30, v->m->loss.total ? UI_WORSE : UI_GOOD, "lost",
		       text);
}

static void add_agent(struct ui_items *l, const struct live_view *v)
{
	char text[64], memory[32];

	if (v->agent.cpu < 0)
		return;
	ui_text__bytes(memory, sizeof(memory), v->agent.rss_bytes);
	snprintf(text, sizeof(text), "%.1f%% cpu, %s", v->agent.cpu * 100,
		 v->agent.rss_bytes ? memory : "-");
	ui_header__add(l, 35, UI_PLAIN, "loopray", text);
}

void ui_header__draw(const struct ui_state *s, struct ui_grid *g, unsigned int rows)
{
	unsigned int cols = ui_grid__cols(g);
	struct ui_items l = {};

	if (!s->v)
		ui_header__add(&l, 100, UI_TITLE, "", "loopray");
	add_state(&l, s);
	if (s->v) {
		add_targets(&l, s);
		add_traffic(&l, s->v);
		add_health(&l, s->v);
		add_agent(&l, s->v);
	}
	ui_header__place(&l, rows, cols - 1);
	for (size_t i = 0; i < l.n; i++) {
		const struct ui_item *item = &l.item[i];
		unsigned int col = item->col;

		if (item->dropped)
			continue;
		col += ui_grid__put(g, item->row, col, cols - col, UI_DIM, item->name);
		if (*item->name && *item->text)
			col++;
		ui_grid__put(g, item->row, col, cols - col, item->style, item->text);
	}
}

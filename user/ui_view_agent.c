// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loopray itself: whether its figures can be trusted, and what it costs. */
#include <stdio.h>
#include <string.h>

#include "ui_view_parts.h"
#include "util.h"

enum column { MARK, PROBE, SITE, HITS, MISSES };

static const struct ui_column columns[] = {
	[MARK] = {.title = "",
		  .width = 2,
		  .number = true,
		  .descending = true,
		  .about = "A cross: not attached. A wave: it missed hits."},
	[PROBE] = {.title = "PROBE",
		   .width = 22,
		   .about = "What is probed in the process or kernel."},
	[SITE] = {.title = "SITE",
		  .min_cols = 50,
		  .about = "Where it is attached, or why it is not."},
	[HITS] = {.title = "HITS",
		  .width = 7,
		  .right = true,
		  .number = true,
		  .descending = true,
		  .about = "How often it was hit."},
	[MISSES] = {.title = "MISSES",
		    .width = 7,
		    .min_cols = 60,
		    .right = true,
		    .number = true,
		    .descending = true,
		    .about = "How often the kernel could not run it."},
};

static size_t count(const struct live_view *v)
{
	return v->m->probe_count;
}

uint64_t ui_probe__id(const struct live_view *v, size_t row)
{
	const struct model_probe *p = &v->m->probes[row];

	return hash_bytes(p->name, strlen(p->name)) ^
	       hash_u64(hash_bytes(p->site, strlen(p->site)));
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct model_probe *p = &v->m->probes[row];

	switch (column) {
	case MARK:
		out->number = p->attached ? p->misses != 0 : 2;
		if (!p->attached)
			ui_value__sign(out, UI_BAD, SIGN_BAD, ascii);
		else if (p->misses)
			ui_value__sign(out, UI_BAD, SIGN_UNSURE, ascii);
		else
			ui_value__sign(out, UI_GOOD, SIGN_GOOD, ascii);
		break;
	case PROBE:
		ui_value__text(out, p->name);
		break;
	case SITE:
		if (p->attached)
			ui_value__text(out, p->site);
		else
			snprintf(out->text, sizeof(out->text), "not attached: %s",
				 p->reason[0] ? p->reason : "reason not known");
		out->style = p->attached ? UI_DIM : UI_BAD;
		break;
	case HITS:
		ui_value__count(out, p->hits);
		break;
	default:
		ui_value__count(out, p->misses);
		if (p->misses)
			out->style = UI_BAD;
	}
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	const struct model_probe *p = &v->m->probes[row];
	const char *const texts[] = {p->name, p->site, p->reason, NULL};

	return ui_filter__words(f, texts);
}

#define TEXT_AT 9

static void put(struct ui_grid *g, unsigned int row, const char *what, enum ui_style style,
		const char *text)
{
	ui_grid__put(g, row, 0, TEXT_AT - 1, UI_DIM, what);
	ui_grid__put(g, row, TEXT_AT, ui_grid__cols(g) - TEXT_AT, style, text);
}

static void put_agent(const struct live_view *v, struct ui_grid *g, unsigned int row)
{
	const struct live_agent *a = &v->agent;
	char cpu[24], rss[24], rate[24], cost[24], text[192];

	ui_text__percent(cpu, sizeof(cpu), a->cpu);
	ui_text__bytes(rss, sizeof(rss), a->rss_bytes);
	ui_text__rate(rate, sizeof(rate), a->events_per_s);
	ui_text__percent(cost, sizeof(cost), a->target_cpu);
	if (a->cpu < 0 && !a->rss_bytes)
		snprintf(text, sizeof(text), "%s events/s; its own cost is not known here", rate);
	else
		snprintf(text, sizeof(text), "%s of a CPU, %s, %s events/s", cpu,
			 a->rss_bytes ? rss : "memory not known", rate);
	put(g, row, "agent", UI_PLAIN, text);
	if (a->target_cpu < 0)
		put(g, row + 1, "cost", UI_DIM, "what probes cost the targets is not known");
	else {
		snprintf(text, sizeof(text), "%s of a CPU in the targets, estimated from hits",
			 cost);
		put(g, row + 1, "cost", UI_PLAIN, text);
	}
}

static void put_loss(const struct live_view *v, struct ui_grid *g, unsigned int row)
{
	const struct model_loss *l = &v->m->loss;
	char text[192];

	if (!l->total) {
		put(g, row, "lost", UI_GOOD, "nothing");
		return;
	}
	snprintf(text, sizeof(text),
		 "%s %llu records: ring buffer %llu, maps %llu, reads %llu, file %llu",
		 ui_sign__text(SIGN_BAD, ui_grid__ascii(g)), (ull)l->total, (ull)l->ring,
		 (ull)l->map, (ull)l->read, (ull)l->file);
	put(g, row, "lost", UI_BAD, text);
}

static void put_probes(const struct live_view *v, struct ui_grid *g, unsigned int row)
{
	size_t attached = 0;
	char text[96];

	for (size_t i = 0; i < v->m->probe_count; i++)
		attached += v->m->probes[i].attached;
	snprintf(text, sizeof(text), "%s %zu of %zu attached",
		 ui_sign__text(attached < v->m->probe_count ? SIGN_BAD : SIGN_GOOD,
			       ui_grid__ascii(g)),
		 attached, v->m->probe_count);
	put(g, row, "probes", attached < v->m->probe_count ? UI_BAD : UI_GOOD, text);
}

static void put_target(const struct live_view *v, struct ui_grid *g, unsigned int row, size_t i)
{
	const struct model_target *t = &v->m->targets[i];
	char rate[24] = "-", text[512];

	if (i < v->ntargets)
		ui_text__rate(rate, sizeof(rate), v->targets[i].rps);
	snprintf(text, sizeof(text), "%u%s  Node.js %s, context %s, level %s, %s req/s  %s", t->pid,
		 t->ended ? " (ended)" : "", t->version[0] ? t->version : "unknown",
		 t->context[0] ? t->context : "unknown", t->level[0] ? t->level : "unknown", rate,
		 t->exe);
	put(g, row, i ? "" : "targets", t->ended ? UI_DIM : UI_PLAIN, text);
}

#define TARGETS_SHOWN 6

static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	unsigned int used = 0;

	if (ui_grid__cols(g) <= TEXT_AT + 4)
		return 0;
	if (rows >= 1)
		put_loss(v, g, row + used++);
	if (rows >= 4) {
		put_agent(v, g, row + used);
		put_probes(v, g, row + used + 2);
		used += 3;
	}
	for (size_t i = 0; i < min_t(size_t, v->m->target_count, TARGETS_SHOWN) && used < rows; i++)
		put_target(v, g, row + used++, i);
	return used;
}

const struct ui_view ui_view_agent = {
	.name = "agent",
	.about = "Loopray itself: what was lost, what it costs, its targets, and each probe with "
		 "where "
		 "it is attached or why it is not.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = MARK,
	.empty = "no probe is known: this is no live process",
	.count = count,
	.id = ui_probe__id,
	.cell = cell,
	.matches = matches,
	.banner = banner,
	.page = ui_page_probe,
};

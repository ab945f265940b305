// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The head of the page: what was observed, what is to be known first, and the figures at a glance.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "out_html_parts.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

static void put_when(struct html_page *p)
{
	const struct out_opts *o = p->opts;
	char when[64];

	html__put(&p->h, "<p class=\"sub\">%.1f s", model__duration(p->m));
	if (o->host)
		html__put(&p->h, " on <b>%s</b>", o->host);
	if (text_moment(when, sizeof(when), o, p->m->start_ns))
		html__put(&p->h, " from <time>%s</time>", when);
	html__put(&p->h, "</p>\n");
}

static void put_target(struct html_page *p, const struct model_target *t)
{
	html__put(&p->h,
		  "<li><b>pid %u</b> Node.js %s, linked %s, context %s, %u environment%s, "
		  "level %s%s",
		  t->pid, t->version[0] ? t->version : "(version unknown)",
		  t->linked[0] ? t->linked : "unknown", t->context[0] ? t->context : "unknown",
		  t->environments, t->environments == 1 ? "" : "s",
		  t->level[0] ? t->level : "unknown", t->ended ? ", ended" : "");
	if (t->exe[0])
		html__put(&p->h, " <code>%s</code>", t->exe);
	html__put(&p->h, "</li>\n");
}

static void banner(struct html_page *p, bool bad, const char *symbol)
{
	html__put(&p->h,
		  "<p class=\"banner %s\"><span class=\"sym\" aria-hidden=\"true\">%s</span> ",
		  bad ? "bad" : "good", symbol);
}

static bool uses_no_context(const struct model *m)
{
	for (size_t i = 0; i < m->target_count; i++)
		if (strcmp(m->targets[i].context, "none") != 0)
			return false;
	return m->target_count != 0;
}

/* "None" is only worth as much as what was read. */
static void put_verdict(struct html_page *p)
{
	const struct model *m = p->m;
	const struct model_finding_counts *c = &m->findings;
	uint64_t read = m->context.read, unknown = c->unknown;

	if (c->mismatched) {
		banner(p, true, "\u25b2");
		html__put(&p->h,
			  "<a href=\"#findings\"><b>%llu of %llu requests</b> were answered under "
			  "another request's store, or without their own.</a>",
			  (ull)c->mismatched, (ull)m->requests.total);
	} else if (read > unknown) {
		banner(p, false, "\u2713");
		html__put(&p->h,
			  "<b>No mismatch:</b> %llu response heads were written under their own "
			  "request's store",
			  (ull)(read - unknown));
		if (unknown)
			html__put(&p->h, "; of %llu this cannot be told", (ull)unknown);
		html__put(&p->h, ".");
	} else {
		banner(p, false, "?");
		html__put(&p->h,
			  uses_no_context(m)
				  ? "Contexts: nothing to check, AsyncLocalStorage is not in use."
				  : "Contexts: not checked, no store was read at any response.");
	}
	html__put(&p->h, "</p>\n");
}

static void put_doubts(struct html_page *p)
{
	const struct model_loss *l = &p->m->loss;

	if (l->total) {
		banner(p, true, "\u25b2");
		html__put(&p->h,
			  "<a href=\"#trust\"><b>%llu records were lost:</b> counts are too "
			  "low by what they told of.</a></p>\n",
			  (ull)l->total);
	}
	if (p->m->incomplete[0]) {
		banner(p, true, "\u25b2");
		html__put(&p->h, "The capture is %s.</p>\n", p->m->incomplete);
	}
}

static const struct {
	const char *id, *title;
} contents[] = {
	{"findings", "Findings"}, {"latency", "Latency"}, {"time", "Over time"},
	{"waits", "Waits"},	  {"routes", "Routes"},	  {"slowest", "Slowest"},
	{"loops", "Event loops"}, {"trust", "Trust"},	  {"reading", "How to read it"},
};

void page__head(struct html_page *p)
{
	html__put(&p->h, "<header>\n<p class=\"brand\">loopray report</p>\n<h1>");
	if (p->m->target_count == 1)
		html__put(&p->h, "Node.js %s, pid %u", p->m->targets[0].version,
			  p->m->targets[0].pid);
	else
		html__put(&p->h, "%zu Node.js processes", p->m->target_count);
	html__put(&p->h, "</h1>\n");
	put_when(p);
	html__put(&p->h, "<ul class=\"targets\">\n");
	for (size_t i = 0; i < p->m->target_count; i++)
		put_target(p, &p->m->targets[i]);
	html__put(&p->h, "</ul>\n<nav aria-label=\"Parts of this page\">");
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
		html__put(&p->h, "<a href=\"#%s\">%s</a> ", contents[i].id, contents[i].title);
	html__put(&p->h, "</nav>\n</header>\n<main>\n");
	put_verdict(p);
	put_doubts(p);
}

/* @key: where the same figure is in loopray.report/1; @v: it, in the report's unit. */
static void tile(struct html_page *p, const char *key, const char *title, double v, bool alarm,
		 const char *text)
{
	html__put(&p->h, "<div class=\"tile%s\"><dt>%s</dt><dd data-key=\"%s\" data-value=\"",
		  alarm ? " alarm" : "", title, key);
	if (isnan(v))
		html__put(&p->h, "null");
	else
		html__put(&p->h, "%.6f", v);
	html__put(&p->h, "\">%s%s</dd></div>\n", alarm ? "\u25b2 " : "", text);
}

static void tile_count(struct html_page *p, const char *key, const char *title, uint64_t n,
		       bool alarm)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (ull)n);
	tile(p, key, title, (double)n, alarm && n, text);
}

static void tile_ns(struct html_page *p, const char *key, const char *title, bool known,
		    uint64_t ns)
{
	char text[32] = "\u2013";

	if (known)
		text_duration(text, sizeof(text), ns);
	tile(p, key, title, known ? (double)ns / 1e6 : NAN, false, text);
}

/* Of the loop that was busiest, and of the one that was latest. */
static void tiles_loops(struct html_page *p)
{
	const struct model_latency *lag = NULL;
	double busy = -1;
	char text[32] = "\u2013";

	for (size_t i = 0; i < p->m->loop_count; i++) {
		const struct model_loop *l = &p->m->loops[i];

		busy = fmax(busy, model_loop__utilisation(l));
		if (l->health.lag.count && (!lag || l->health.lag.p99 > lag->p99))
			lag = &l->health.lag;
	}
	if (busy >= 0)
		snprintf(text, sizeof(text), "%.1f%%", 100 * busy);
	tile(p, "loop.utilisation", "loop busy", busy < 0 ? NAN : busy, false, text);
	tile_ns(p, "loop.lag_ms.p99", "loop lag p99", lag != NULL, lag ? lag->p99 : 0);
}

void page__tiles(struct html_page *p)
{
	const struct model *m = p->m;
	const struct model_requests *r = &m->requests;
	const struct model_latency *l = &r->latency;
	char text[32];

	html__put(&p->h, "<dl class=\"tiles\">\n");
	tile_count(p, "requests.total", "requests", r->total, false);
	snprintf(text, sizeof(text), "%.1f", model_rate(m, r->total));
	tile(p, "requests.rps", "requests/s", model_rate(m, r->total), false, text);
	tile_ns(p, "requests.latency_ms.p50", "p50", l->count, l->p50);
	tile_ns(p, "requests.latency_ms.p95", "p95", l->count, l->p95);
	tile_ns(p, "requests.latency_ms.p99", "p99", l->count, l->p99);
	tile_ns(p, "requests.latency_ms.max", "max", l->count, l->max);
	tile_count(p, "requests.errors_5xx", "errors (5xx)", r->by_class[5], true);
	tile_count(p, "requests.by_status.4xx", "4xx", r->by_class[4], false);
	tile_count(p, "findings.mismatched_requests", "requests with a mismatch",
		   m->findings.mismatched, true);
	tiles_loops(p);
	tile_count(p, "blocking.count", "loop held too long", m->blocking.count, true);
	tile_count(p, "loss.total", "records lost", m->loss.total, true);
	html__put(&p->h, "</dl>\n");
}

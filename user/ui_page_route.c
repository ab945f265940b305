// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page of a route: its traffic, what its requests wait for, the slowest of the last ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui_view_parts.h"
#include "util.h"

#define SLOWEST 10

static const struct live_route *find(const struct live_view *v, uint64_t id)
{
	for (size_t i = 0; i < v->nroutes; i++)
		if (ui_route__id(v, i) == id)
			return &v->routes[i];
	return NULL;
}

static const struct model_requests *totals(const struct live_view *v, const struct live_route *r)
{
	for (size_t i = 0; i < v->m->route_count; i++)
		if (strcmp(v->m->routes[i].method, r->method) == 0 &&
		    strcmp(v->m->routes[i].route, r->route) == 0)
			return &v->m->routes[i].requests;
	return NULL;
}

static int by_latency(const void *a, const void *b)
{
	const uint64_t x = ui_request__latency(*(const struct live_request *const *)a);
	const uint64_t y = ui_request__latency(*(const struct live_request *const *)b);

	return x > y ? -1 : x < y;
}

static void put_slowest(struct ui_page *p, const struct live_view *v, const struct live_route *r)
{
	const struct live_request **all = calloc(v->nrecent + 1, sizeof(struct live_request *));
	size_t n = 0;

	if (!all)
		return;
	for (size_t i = 0; i < v->nrecent; i++)
		if (strcmp(v->recent[i]->route, r->route) == 0 &&
		    strcmp(v->recent[i]->on.method, r->method) == 0 &&
		    ui_request__latency(v->recent[i]) != UINT64_MAX)
			all[n++] = v->recent[i];
	qsort(all, n, sizeof(*all), by_latency);
	ui_page__heading(p, "The slowest of the last requests");
	for (size_t i = 0; i < min_t(size_t, n, SLOWEST); i++) {
		struct ui_value status = {0};
		char text[24];

		ui_text__ns(text, sizeof(text), ui_request__latency(all[i]));
		ui_page__right(p, UI_STRONG, 10, text);
		ui_request__status(all[i], &status);
		ui_page__column(p, 12);
		ui_page__cell(p, 6, status.style, status.text);
		ui_page__column(p, 19);
		ui_page__put(p, UI_PLAIN, all[i]->on.path);
		ui_page__end(p);
	}
	if (!n)
		ui_page__wrap(p, UI_DIM, 2, "none of them is kept any more");
	free(all);
}

static void put_totals(struct ui_page *p, const struct model_requests *m)
{
	struct ui_scale s = {0};
	uint64_t sum = 0;
	char text[96];

	ui_page__heading(p, "What its requests waited for");
	for (int i = 0; i < WAIT_KINDS; i++)
		sum += m->waits.ns[i];
	if (!m->waits.known) {
		ui_page__wrap(p, UI_DIM, 2, "not known of any");
		return;
	}
	snprintf(text, sizeof(text), "in all, of the %llu of which it is known",
		 (ull)m->waits.known);
	ui_page__wrap(p, UI_DIM, 2, text);
	ui_page__scale(p, &s, 0, sum);
	ui_page__waits(p, m->waits.ns, sum, &s);
}

/* What there should be none of. */
static void put_trouble(struct ui_page *p, const char *name, uint64_t n, const char *what)
{
	char text[96];

	snprintf(text, sizeof(text), "%s %llu %s",
		 ui_sign__text(n ? SIGN_BAD : SIGN_GOOD, ui_page__ascii(p)), (ull)n, what);
	ui_page__fact_in(p, n ? UI_BAD : UI_PLAIN, name, text);
}

static void put_counts(struct ui_page *p, const struct live_route *r,
		       const struct model_requests *m)
{
	unsigned int steps = max_t(unsigned int, ui_page__cols(p), 20) - 14;
	char rate[24], spark[UI_CELL_TEXT], text[192];

	ui_text__rate(rate, sizeof(rate), r->rps);
	snprintf(text, sizeof(text), "%llu in all, %s a second now", (ull)r->requests, rate);
	ui_page__fact(p, "requests", text);
	if (steps > LIVE_SPARK)
		steps = LIVE_SPARK;
	ui_text__spark(spark, sizeof(spark), r->spark + LIVE_SPARK - steps, steps,
		       ui_page__ascii(p));
	ui_page__put(p, UI_DIM, "by step");
	ui_page__column(p, 12);
	ui_page__put(p, UI_GOOD, spark);
	ui_page__end(p);
	put_trouble(p, "errors", r->errors, "with a status from 500 on");
	put_trouble(p, "mixed up", r->mismatched,
		    "answered under another's context, or without their own");
	if (!m)
		return;
	snprintf(text, sizeof(text), "%llu by clients, %llu by the process",
		 (ull)m->by_end[REQ_ABORTED_PEER], (ull)m->by_end[REQ_ABORTED_SERVER]);
	ui_page__fact(p, "aborted", text);
}

bool ui_page_route(const struct live_view *v, uint64_t id, struct ui_page *p)
{
	const struct live_route *r = find(v, id);
	const struct model_requests *m = r ? totals(v, r) : NULL;
	char title[192];

	if (!r)
		return false;
	snprintf(title, sizeof(title), "%s %s", r->method, r->route);
	ui_page__wrap(p, UI_TITLE, 0, title);
	put_counts(p, r, m);
	ui_page__heading(p, "Latency");
	ui_page__latency_titles(p);
	ui_page__latency(p, "now", &r->latency);
	ui_page__latency(p, "in all", &r->total);
	if (m)
		put_totals(p, m);
	put_slowest(p, v, r);
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes: how much traffic each has, how slow it is, what goes wrong. */
#include <stdio.h>
#include <string.h>

#include "ui_view_parts.h"
#include "util.h"

enum column { METHOD, ROUTE, TOTAL, RATE, ERRORS, MIXED, P50, P95, P99, SPARK };

#define SPARK_WIDTH 30

static const struct ui_column columns[] = {
	[METHOD] = {.title = "METHOD", .width = 7, .min_cols = 50, .about = "The method."},
	[ROUTE] = {.title = "ROUTE",
		   .about = "Paths with their variable parts replaced, such as /users/:id."},
	[TOTAL] = {.title = "ALL",
		   .width = 6,
		   .min_cols = 90,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "Requests that ended since the beginning."},
	[RATE] = {.title = "REQ/S",
		  .width = 6,
		  .right = true,
		  .number = true,
		  .descending = true,
		  .about = "Requests a second, over the last ten steps."},
	[ERRORS] = {.title = "5XX",
		    .width = 5,
		    .right = true,
		    .number = true,
		    .descending = true,
		    .about = "Responses with a status from 500 on, since the beginning."},
	[MIXED] = {.title = "MIXED",
		   .width = 6,
		   .min_cols = 60,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "Requests that were answered under another one's context, or without "
			    "their "
			    "own, since the beginning."},
	[P50] = {.title = "P50",
		 .width = 8,
		 .min_cols = 70,
		 .right = true,
		 .number = true,
		 .descending = true,
		 .about = "Half of the last ten steps' requests took no longer."},
	[P95] = {.title = "P95",
		 .width = 8,
		 .min_cols = 80,
		 .right = true,
		 .number = true,
		 .descending = true,
		 .about = "95% of them took no longer."},
	[P99] = {.title = "P99",
		 .width = 8,
		 .right = true,
		 .number = true,
		 .descending = true,
		 .about = "99% of them took no longer."},
	[SPARK] = {.title = "REQUESTS BY STEP",
		   .width = SPARK_WIDTH,
		   .min_cols = 110,
		   .about = "Requests in each of the last steps, the newest at the right, scaled "
			    "to the "
			    "route's own greatest."},
};

static size_t count(const struct live_view *v)
{
	return v->nroutes;
}

uint64_t ui_route__id(const struct live_view *v, size_t row)
{
	const struct live_route *r = &v->routes[row];

	return hash_bytes(r->route, strlen(r->route)) ^
	       hash_u64(hash_bytes(r->method, strlen(r->method)));
}

static void latency(const struct live_route *r, uint64_t ns, struct ui_value *out)
{
	if (r->latency.count)
		ui_value__ns(out, ns);
	else
		ui_value__unknown(out);
}

static void trouble(uint64_t n, bool ascii, struct ui_value *out)
{
	char text[16];

	ui_value__count(out, n);
	if (!n)
		return;
	ui_text__count(text, sizeof(text), n);
	out->style = UI_BAD;
	/* A sign, where there is room for it. */
	snprintf(out->text, sizeof(out->text), "%s%s",
		 strlen(text) < 5 ? ui_sign__text(SIGN_BAD, ascii) : "", text);
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct live_route *r = &v->routes[row];

	switch (column) {
	case METHOD:
		ui_value__text(out, r->method);
		break;
	case ROUTE:
		ui_value__text(out, r->route);
		break;
	case TOTAL:
		ui_value__count(out, r->requests);
		break;
	case RATE:
		ui_value__rate(out, r->rps);
		if (r->rps > 0)
			out->style = UI_STRONG;
		break;
	case ERRORS:
		trouble(r->errors, ascii, out);
		break;
	case MIXED:
		trouble(r->mismatched, ascii, out);
		break;
	case P50:
		latency(r, r->latency.p50, out);
		break;
	case P95:
		latency(r, r->latency.p95, out);
		break;
	case P99:
		latency(r, r->latency.p99, out);
		break;
	default:
		ui_value__spark(out, r->spark, SPARK_WIDTH, ascii);
	}
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	const struct live_route *r = &v->routes[row];
	const char *const any[] = {r->mismatched ? "mixed" : NULL, NULL};
	const struct ui_row of = {.method = r->method,
				  .route = r->route,
				  .status = r->errors ? 500 : 0,
				  .latency_ns = r->latency.count ? r->latency.p99 : UINT64_MAX,
				  .finds = any};

	return ui_filter__row(f, &of);
}

static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	char text[16];

	if (!rows || !v->m->routes_merged)
		return 0;
	ui_text__count(text, sizeof(text), v->m->routes_merged);
	ui_grid__printf(
		g, row, 0, ui_grid__cols(g), UI_DIM,
		"%s requests are counted under (other routes): there are too many different ones",
		text);
	return 1;
}

const struct ui_view ui_view_routes = {
	.name = "routes",
	.about = "Traffic, errors and latency by route; Enter opens one: what its requests wait "
		 "for, "
		 "and the slowest of the last ones.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = RATE,
	.empty = "no request has ended yet",
	.count = count,
	.id = ui_route__id,
	.cell = cell,
	.matches = matches,
	.banner = banner,
	.page = ui_page_route,
};

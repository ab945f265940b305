// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Event loops: how busy, how late, how much garbage they collect; above them latency over time. */
#include <stdio.h>
#include <string.h>

#include "ui_view_heat.h"
#include "ui_view_parts.h"
#include "util.h"

enum column {
	LOOP,
	BUSY,
	SPARK,
	LAG_P50,
	LAG_P99,
	LAG_MAX,
	ITERATIONS,
	GC_COUNT,
	GC_TIME,
	GC_MAX,
	MICROTASKS,
	POOL
};

#define SPARK_WIDTH 16

static const struct ui_column columns[] = {
	[LOOP] = {.title = "LOOP",
		  .about = "The process, and which of its threads: main, or a worker."},
	[BUSY] = {.title = "BUSY",
		  .width = 6,
		  .right = true,
		  .number = true,
		  .descending = true,
		  .about = "Share of the last ten steps in which the loop was not idle."},
	[SPARK] = {.title = "BUSY BY STEP",
		   .width = SPARK_WIDTH,
		   .min_cols = 72,
		   .about = "The same for each of the last steps, the newest at the right; a full "
			    "block is "
			    "all of the time."},
	[LAG_P50] = {.title = "LAG P50",
		     .width = 8,
		     .min_cols = 100,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "How long something was ready before the loop got to it: half of the "
			      "time no longer, since the beginning."},
	[LAG_P99] = {.title = "LAG P99",
		     .width = 8,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "99% of the time no longer, over the last ten steps."},
	[LAG_MAX] = {.title = "LAG MAX",
		     .width = 8,
		     .min_cols = 60,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "The longest since the beginning."},
	[ITERATIONS] = {.title = "TURNS",
			.width = 6,
			.min_cols = 130,
			.right = true,
			.number = true,
			.descending = true,
			.about = "Iterations of the loop since the beginning; not every libuv "
				 "counts them."},
	[GC_COUNT] = {.title = "GCS",
		      .width = 5,
		      .min_cols = 90,
		      .right = true,
		      .number = true,
		      .descending = true,
		      .about = "Garbage collections in the last ten steps."},
	[GC_TIME] = {.title = "GC TIME",
		     .width = 8,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "The time that they took."},
	[GC_MAX] = {.title = "GC MAX",
		    .width = 8,
		    .min_cols = 80,
		    .right = true,
		    .number = true,
		    .descending = true,
		    .about = "The longest collection since the beginning."},
	[MICROTASKS] =
		{.title = "MICRO",
		 .width = 6,
		 .min_cols = 110,
		 .right = true,
		 .number = true,
		 .descending = true,
		 .about = "Share of its busy time in which the loop ran microtasks: promises, and "
			  "what awaits them."},
	[POOL] = {.title = "POOL P99",
		  .width = 9,
		  .min_cols = 120,
		  .right = true,
		  .number = true,
		  .descending = true,
		  .about =
			  "How long jobs waited for a thread of the process's pool: 99% of them no "
			  "longer."},
};

static size_t count(const struct live_view *v)
{
	return v->nloops;
}

uint64_t ui_loop__id(const struct live_view *v, size_t row)
{
	return (uint64_t)v->loops[row].pid << 32 | v->loops[row].env;
}

static void name(const struct live_loop *l, struct ui_value *out)
{
	out->style = UI_PLAIN;
	if (l->env)
		snprintf(out->text, sizeof(out->text), "%u worker %u", l->pid, l->env);
	else
		snprintf(out->text, sizeof(out->text), "%u main", l->pid);
}

static void ns_if(struct ui_value *out, bool known, uint64_t ns)
{
	if (known)
		ui_value__ns(out, ns);
	else
		ui_value__unknown(out);
}

static void pool(const struct live_view *v, const struct live_loop *l, struct ui_value *out)
{
	for (size_t i = 0; i < v->m->pool_count; i++)
		if (v->m->pools[i].pid == l->pid && v->m->pools[i].queued.count) {
			ui_value__ns(out, v->m->pools[i].queued.p99);
			return;
		}
	ui_value__unknown(out);
}

static void busy(const struct live_loop *l, bool ascii, struct ui_value *out)
{
	ui_value__percent(out, l->utilisation);
	if (l->utilisation < 0.9)
		return;
	out->style = UI_BAD;
	snprintf(out->text, sizeof(out->text), "%s%.0f%%", ui_sign__text(SIGN_UP, ascii),
		 100 * min_t(double, l->utilisation, 1));
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct live_loop *l = &v->loops[row];
	const struct model_health *h = &l->total.health;
	const bool timed = !h->gc.count || h->gc.untimed < h->gc.count;

	switch (column) {
	case LOOP:
		name(l, out);
		break;
	case BUSY:
		busy(l, ascii, out);
		break;
	case SPARK:
		ui_value__spark_share(out, l->spark, SPARK_WIDTH, ascii);
		break;
	case LAG_P50:
		ns_if(out, h->lag.count, h->lag.p50);
		break;
	case LAG_P99:
		ns_if(out, l->lag_p99_ns || h->lag.count, l->lag_p99_ns);
		break;
	case LAG_MAX:
		ns_if(out, h->lag.count, h->lag.max);
		break;
	case ITERATIONS:
		if (l->total.iterations_known)
			ui_value__count(out, l->total.iterations);
		else
			ui_value__unknown(out);
		break;
	case GC_COUNT:
		ui_value__count(out, l->gc_count);
		break;
	case GC_TIME:
		ns_if(out, timed, l->gc_ns);
		break;
	case GC_MAX:
		ns_if(out, timed, h->gc.max_ns);
		break;
	case MICROTASKS:
		ui_value__percent(out, h->drain_known && !h->microtasks_unknown ? h->drain : -1);
		break;
	default:
		pool(v, l, out);
	}
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	struct ui_value text = {0};
	const char *const texts[] = {text.text, NULL};
	const struct ui_row of = {
		.pid = v->loops[row].pid, .latency_ns = UINT64_MAX, .texts = texts};

	name(&v->loops[row], &text);
	return ui_filter__row(f, &of);
}

const struct ui_view ui_view_loop = {
	.name = "loop",
	.about = "Latency of all requests over time, and each event loop's business, lag and "
		 "garbage "
		 "collection; Enter opens one: what it was late for, its thread pool, its timers.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = BUSY,
	.empty = "no event loop seen yet",
	.count = count,
	.id = ui_loop__id,
	.cell = cell,
	.matches = matches,
	.banner = ui_heat__draw,
	.page = ui_page_loop,
};

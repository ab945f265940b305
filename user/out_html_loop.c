// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Event loops: how busy and how late, what held them, garbage collection, the thread pool. */
#include <stdio.h>

#include "out_html_parts.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "out_wait.h"
#include "util.h"

#define TEXT 256

static void put_name(struct html_page *p, uint32_t pid, uint32_t env)
{
	html__put(&p->h, "<th scope=\"row\">%u/%u%s</th>", pid, env, env ? "" : " main");
}

static void put_three(struct html_page *p, const struct model_latency *l, bool known)
{
	known = known && l->count;
	page_cell__ns(p, known, l->p50);
	page_cell__ns(p, known, l->p99);
	page_cell__ns(p, known, l->max);
}

static void put_loop(struct html_page *p, const struct model_loop *l)
{
	const struct model_health *h = &l->health;
	bool known = l->wall_ns != 0;
	double busy = 100 * model_loop__utilisation(l);

	page_row__begin(p);
	put_name(p, l->pid, l->env);
	page_cell__number(p, known, busy, 1, "%");
	page_cell__number(p, known, 100 * l->peak, 1, "%");
	page_cell__number(p, known, part_percent(l->cpu_ns, l->wall_ns), 1, "%");
	page_cell__number(p, known && l->iterations_known,
			  known ? (double)l->iterations * 1e9 / (double)l->wall_ns : 0, 1, "");
	put_three(p, &h->lag, true);
	put_three(p, &h->iteration, h->iterations_unknown == FLOW_COUNT_KNOWN);
	page_cell__count(p, h->gc.count);
	page_cell__number(p, known && (h->gc.count > h->gc.untimed || !h->gc.count),
			  part_percent(h->gc.total_ns, l->wall_ns), 2, "%");
	page_row__end(p);
}

static void put_unknown(struct html_page *p, const struct model_loop *l)
{
	const struct model_health *h = &l->health;

	if (h->iterations_unknown)
		html__put(&p->h, "<p class=\"about\">Iterations of %u/%u: %s.</p>\n", l->pid,
			  l->env, health_text__iterations(h->iterations_unknown));
}

static void put_lag(struct html_page *p)
{
	static const char *const titles[] = {"Loop", "Ready was", "#Times", "#p50", "#p99", "#Max"};
	static const char *const sources[FLOW_LAG_SOURCES] = {
		[FLOW_LAG_REQUEST] = "a request in its socket",
		[FLOW_LAG_RESPONSE] = "an answer to an outgoing call",
		[FLOW_LAG_JOB] = "a job of the thread pool",
		[FLOW_LAG_TIMER] = "a timer",
	};

	page_table__begin(p, "How late the loop was, by what was ready", titles,
			  ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->loop_count; i++) {
		const struct model_loop *l = &p->m->loops[i];

		for (int s = 0; s < FLOW_LAG_SOURCES; s++) {
			if (!l->health.lag_by[s].count)
				continue;
			page_row__begin(p);
			put_name(p, l->pid, l->env);
			page_cell__text(p, sources[s]);
			page_cell__count(p, l->health.lag_by[s].count);
			put_three(p, &l->health.lag_by[s], true);
			page_row__end(p);
		}
	}
	page_table__end(p);
}

static void put_gc(struct html_page *p)
{
	static const char *const titles[] = {"Garbage collection", "#Times", "#In all", "#Longest",
					     "#Of unknown duration"};
	static const char *const names[] = {"scavenge", "mark-compact", "of unknown kind"};
	bool any = false;

	for (size_t i = 0; i < MODEL_GC_KINDS; i++)
		any |= p->m->gc[i].count != 0;
	if (!any)
		return;
	page_table__begin(p, "Garbage collections", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < MODEL_GC_KINDS; i++) {
		const struct model_gc *g = &p->m->gc[i];

		if (!g->count)
			continue;
		page_row__begin(p);
		page_cell__head(p, names[i]);
		page_cell__count(p, g->count);
		page_cell__ns(p, g->untimed < g->count, g->total_ns);
		page_cell__ns(p, g->untimed < g->count, g->max_ns);
		page_cell__count(p, g->untimed);
		page_row__end(p);
	}
	page_table__end(p);
}

static void put_pools(struct html_page *p)
{
	static const char *const titles[] = {"Thread pool of", "Jobs",	   "#Done",
					     "#Work in all",   "#Longest", "#Queued p50",
					     "#Queued p99"};

	if (!p->m->pool_count)
		return;
	page_table__begin(p, "Thread pool (queued: all kinds together)", titles,
			  ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->pool_count; i++) {
		const struct model_pool *pool = &p->m->pools[i];

		for (uint32_t k = 0; k < FLOW_JOB_KINDS; k++) {
			const struct flow_job_kind *kind = &pool->stats.kind[k];

			if (!kind->jobs)
				continue;
			html__put(&p->h, "<tr><th scope=\"row\">%u</th>", pool->pid);
			page_cell__text(p, flow_job_kind__name(k));
			page_cell__count(p, kind->jobs);
			page_cell__ns(p, true, kind->work_ns);
			page_cell__ns(p, true, kind->max_ns);
			page_cell__ns(p, pool->queued.count, pool->queued.p50);
			page_cell__ns(p, pool->queued.count, pool->queued.p99);
			page_row__end(p);
		}
	}
	page_table__end(p);
}

void page__loops(struct html_page *p)
{
	static const char *const titles[] = {"Loop",	       "#Busy",	   "#Peak",    "#On CPU",
					     "#Iterations/s",  "#Lag p50", "#Lag p99", "#Lag max",
					     "#Iteration p50", "#p99",	   "#Max",     "#GC",
					     "#GC time"};

	page_section__begin(p, "loops", "Event loops",
			    "Lag: how long something was ready before the loop got to it.");
	if (!p->m->loop_count) {
		html__put(&p->h, "<p>No event loop was seen.</p>\n");
	} else {
		page_table__begin(p, "Event loops", titles, ARRAY_SIZE(titles));
		for (size_t i = 0; i < p->m->loop_count; i++)
			put_loop(p, &p->m->loops[i]);
		page_table__end(p);
		for (size_t i = 0; i < p->m->loop_count; i++)
			put_unknown(p, &p->m->loops[i]);
		put_lag(p);
	}
	put_gc(p);
	put_pools(p);
	page_section__end(p);
}

static void put_blocker(struct html_page *p, const struct model_blocker *k)
{
	struct flow_blocking by = {.by = k->by};

	page_row__begin(p);
	if (k->route[0])
		html__put(&p->h, "<th scope=\"row\">%s %s</th>", k->method, k->route);
	else
		page_cell__head(p, blocking_text(&by));
	page_cell__count(p, k->count);
	page_cell__ns(p, true, k->max_ns);
	page_cell__ns(p, true, k->held_ns);
	page_cell__count(p, k->paid);
	page_cell__ns(p, true, k->paid_ns);
	page_row__end(p);
}

static void put_worst(struct html_page *p, const struct flow_blocking *b)
{
	uint64_t start = p->m->start_ns, off = b->gc_ns + b->sched_ns + b->blocked_ns;
	char at[32];

	page_row__begin(p);
	page_cell__head(
		p, text_duration(at, sizeof(at), b->start_ns > start ? b->start_ns - start : 0));
	page_cell__text(p, blocking_text(b));
	page_cell__ns(p, true, b->duration_ns);
	page_cell__ns(p, true, b->duration_ns > off ? b->duration_ns - off : 0);
	page_cell__ns(p, true, b->gc_ns);
	page_cell__ns(p, true, b->sched_ns);
	page_cell__ns(p, true, b->blocked_ns);
	page_cell__count(p, b->paid);
	page_row__end(p);
}

void page__blocking(struct html_page *p)
{
	static const char *const titles[] = {
		"By", "#Times", "#Longest", "#Held", "#Requests that waited", "#Waited"};
	static const char *const worst[] = {
		"After", "By",	    "#Held",	"#On CPU",
		"#GC",	 "#No CPU", "#Blocked", "#Requests that waited"};
	const struct model_blocking *b = &p->m->blocking;
	char over[32], title[TEXT];

	if (!b->threshold_ns)
		return;
	snprintf(title, sizeof(title),
		 "What held a loop for over %s, and the requests that it kept "
		 "waiting.",
		 text_duration(over, sizeof(over), b->threshold_ns));
	page_section__begin(p, "blocking", "What held a loop for too long", title);
	if (!b->count) {
		html__put(&p->h, "<p>Nothing did.</p>\n");
		page_section__end(p);
		return;
	}
	page_table__begin(p, "By what began the turn of the loop", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < b->blocker_count; i++)
		put_blocker(p, &b->blocker[i]);
	page_table__end(p);
	page_table__begin(p, "The longest ones", worst, ARRAY_SIZE(worst));
	for (size_t i = 0; i < b->worst_count; i++)
		put_worst(p, &b->worst[i]);
	page_table__end(p);
	page_section__end(p);
}

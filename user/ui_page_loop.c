// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pages of an event loop and of a probe. */
#include <stdio.h>
#include <string.h>

#include "flow_lag.h"
#include "out_leak.h"
#include "ui_view_parts.h"
#include "util.h"

static void put_lag(struct ui_page *p, const struct model_health *h)
{
	ui_page__heading(p, "How late it was, since the beginning");
	ui_page__latency_titles(p);
	ui_page__latency(p, "all", &h->lag);
	for (int i = 0; i < FLOW_LAG_SOURCES; i++)
		if (h->lag_by[i].count)
			ui_page__latency(p, flow_lag__name((enum flow_lag_source)i), &h->lag_by[i]);
	if (h->iterations_unknown == FLOW_COUNT_KNOWN)
		ui_page__latency(p, "turns", &h->iteration);
	else
		ui_page__wrap(p, UI_DIM, 2, "turns are not known: not counted, or not readable");
}

static void put_busy(struct ui_page *p, const struct live_loop *l)
{
	char now[24], all[24], peak[24], gc[24], max[24], text[192];
	const struct model_health *h = &l->total.health;

	ui_text__percent(now, sizeof(now), l->utilisation);
	ui_text__percent(all, sizeof(all), model_loop__utilisation(&l->total));
	ui_text__percent(peak, sizeof(peak), l->total.wall_ns ? l->total.peak : -1);
	if (l->utilisation < 0 && !l->total.wall_ns)
		snprintf(text, sizeof(text), "not known: its idle time could not be read");
	else
		snprintf(text, sizeof(text), "%s now, %s since the beginning, %s at most", now, all,
			 peak);
	ui_page__fact(p, "busy", text);
	ui_text__ns(gc, sizeof(gc), h->gc.total_ns);
	ui_text__ns(max, sizeof(max), h->gc.max_ns);
	if (h->gc.count && h->gc.untimed == h->gc.count)
		snprintf(text, sizeof(text), "%llu, how long is not known", (ull)h->gc.count);
	else
		snprintf(text, sizeof(text), "%llu, %s in all, %s at most%s", (ull)h->gc.count, gc,
			 max, h->gc.untimed ? ", some of unknown duration" : "");
	ui_page__fact(p, "collections", text);
	ui_text__percent(now, sizeof(now),
			 h->drain_known && !h->microtasks_unknown ? h->drain : -1);
	if (h->drain_known && !h->microtasks_unknown)
		snprintf(text, sizeof(text), "%.0f a second, %s of the busy time",
			 h->microtasks_per_s, now);
	else
		snprintf(text, sizeof(text), "not known");
	ui_page__fact(p, "microtasks", text);
}

static void put_waiting(struct ui_page *p, const struct live_view *v, const struct live_loop *l)
{
	for (size_t i = 0; i < v->m->waiting_count; i++) {
		const struct model_waiting *w = &v->m->waiting[i];
		const struct model_count *const counts[] = {&w->timers, &w->immediates};

		if (w->pid != l->pid || w->env != l->env)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
			char text[96];

			if (counts[k]->unknown != FLOW_COUNT_KNOWN)
				snprintf(text, sizeof(text), "%s",
					 leak_text__unknown(counts[k]->unknown));
			else
				snprintf(text, sizeof(text), "%u waiting, %u to %u so far%s",
					 counts[k]->now, counts[k]->min, counts[k]->max,
					 leak_suspected(counts[k]) ? ", growing all along" : "");
			ui_page__fact(p, k ? "immediates" : "timers", text);
		}
	}
}

static void put_pool(struct ui_page *p, const struct live_view *v, const struct live_loop *l)
{
	for (size_t i = 0; i < v->m->pool_count; i++) {
		const struct model_pool *pool = &v->m->pools[i];
		const struct flow_pool_stats *s = &pool->stats;
		char text[160], work[24], max[24];

		if (pool->pid != l->pid)
			continue;
		ui_page__heading(p, "Thread pool of the process");
		snprintf(text, sizeof(text),
			 "%llu jobs done, %llu not done, at most %s%u waiting at once",
			 (ull)s->done + s->unknown, (ull)s->open, s->depth_partial ? "over " : "",
			 s->depth_max);
		ui_page__wrap(p, UI_PLAIN, 2, text);
		ui_page__latency_titles(p);
		ui_page__latency(p, "queued", &pool->queued);
		for (uint32_t k = 0; k < FLOW_JOB_KINDS; k++) {
			if (!s->kind[k].jobs)
				continue;
			ui_text__ns(work, sizeof(work), s->kind[k].work_ns);
			ui_text__ns(max, sizeof(max), s->kind[k].max_ns);
			snprintf(text, sizeof(text), "%s: %llu jobs, %s of work, at most %s",
				 flow_job_kind__name(k), (ull)s->kind[k].jobs, work, max);
			ui_page__wrap(p, UI_PLAIN, 2, text);
		}
	}
}

bool ui_page_loop(const struct live_view *v, uint64_t id, struct ui_page *p)
{
	for (size_t i = 0; i < v->nloops; i++) {
		const struct live_loop *l = &v->loops[i];
		char title[64];

		if (ui_loop__id(v, i) != id)
			continue;
		if (l->env)
			snprintf(title, sizeof(title), "Event loop of worker %u of process %u",
				 l->env, l->pid);
		else
			snprintf(title, sizeof(title), "Main event loop of process %u", l->pid);
		ui_page__wrap(p, UI_TITLE, 0, title);
		put_busy(p, l);
		put_waiting(p, v, l);
		put_lag(p, &l->total.health);
		ui_page__heading(p, "What held it for the longest");
		ui_page__held(p, v, l);
		put_pool(p, v, l);
		return true;
	}
	return false;
}

bool ui_page_probe(const struct live_view *v, uint64_t id, struct ui_page *p)
{
	for (size_t i = 0; i < v->m->probe_count; i++) {
		const struct model_probe *probe = &v->m->probes[i];
		char text[32];

		if (ui_probe__id(v, i) != id)
			continue;
		ui_page__wrap(p, UI_TITLE, 0, probe->name);
		ui_page__sure(p, 0, probe->attached ? UI_GOOD : UI_BAD,
			      probe->attached ? SIGN_GOOD : SIGN_BAD,
			      probe->attached ? "attached" : "not attached");
		ui_page__fact(p, "site", probe->site[0] ? probe->site : "not known");
		if (!probe->attached)
			ui_page__fact(p, "why not", probe->reason[0] ? probe->reason : "not known");
		snprintf(text, sizeof(text), "%llu", (ull)probe->hits);
		ui_page__fact(p, "hits", text);
		snprintf(text, sizeof(text), "%llu", (ull)probe->misses);
		ui_page__fact(p, "misses", text);
		return true;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How event loops and thread pools fare: as tables, and as members of the report for programs. */
#include <string.h>

#include "events.h"
#include "out_report_parts.h"
#include "out_text.h"

#define CELL 48
#define TEXT 32

const char *health_text__iterations(uint8_t unknown)
{
	switch (unknown) {
	case FLOW_COUNT_NOT_KEPT:
		return "this libuv does not count its iterations (it does since 1.45)";
	case FLOW_COUNT_NOT_DECODED:
		return "where they are counted was not found in the binary's code";
	default:
		return "the loop's memory could not be read";
	}
}

static const char *microtasks_reason(uint8_t unknown)
{
	return unknown == FLOW_COUNT_NOT_DECODED
		       ? "where V8's queue is was not found in the binary's code"
		       : "V8's queue could not be read";
}

static void cells_latency(struct text_table *t, const struct model_latency *l, bool known)
{
	if (!known || !l->count) {
		for (int i = 0; i < 3; i++)
			text_table__cell(t, "-");
		return;
	}
	text_table__duration(t, l->p50);
	text_table__duration(t, l->p99);
	text_table__duration(t, l->max);
}

static void cells_health(struct text_table *t, const struct model_loop *l)
{
	const struct model_health *h = &l->health;

	text_table__cell(t, "%u", l->pid);
	text_table__cell(t, "%u%s", l->env, l->env ? "" : " main");
	cells_latency(t, &h->lag, true);
	cells_latency(t, &h->iteration, h->iterations_unknown == FLOW_COUNT_KNOWN);
	if (h->microtasks_unknown == FLOW_COUNT_KNOWN)
		text_table__cell(t, "%.1f", h->microtasks_per_s);
	else
		text_table__cell(t, "-");
	if (h->microtasks_unknown == FLOW_COUNT_KNOWN && h->drain_known)
		text_table__cell(t, "%.1f%% (%.1f-%.1f)", 100 * h->drain, 100 * h->drain_low,
				 100 * h->drain_high);
	else
		text_table__cell(t, "-");
	text_table__cell(t, "%llu", (ull)h->gc.count);
	if (l->wall_ns && (h->gc.count > h->gc.untimed || !h->gc.count))
		text_table__cell(t, "%s%.2f%%", h->gc.untimed ? ">= " : "",
				 part_percent(h->gc.total_ns, l->wall_ns));
	else
		text_table__cell(t, "-");
}

static void print_unknown(const struct printer *p, const struct model_loop *l)
{
	const struct model_health *h = &l->health;

	if (h->iterations_unknown)
		out_file__printf(p->f, "  iterations of %u/%u: %s\n", l->pid, l->env,
				 health_text__iterations(h->iterations_unknown));
	if (h->microtasks_unknown)
		out_file__printf(p->f, "  microtasks of %u/%u: %s\n", l->pid, l->env,
				 microtasks_reason(h->microtasks_unknown));
}

int printer__health(const struct printer *p)
{
	static const char *const heads[] = {
		"PID", "ENV",	       "LAG P50",	 "P99", "MAX",	  "ITERATION P50", "P99",
		"MAX", "MICROTASKS/S", "% OF BUSY TIME", "GC",	"GC TIME"};
	struct text_table *t;
	int err;

	if (!p->m->loop_count)
		return 0;
	err = text_table__new(&t, "rlrrrrrrrrrr", heads);
	if (err)
		return err;
	printer__title(p, "Health of event loops");
	for (size_t i = 0; i < p->m->loop_count; i++)
		cells_health(t, &p->m->loops[i]);
	err = text_table__print(t, p->f);
	text_table__free(t);
	for (size_t i = 0; i < p->m->loop_count; i++)
		print_unknown(p, &p->m->loops[i]);
	return err;
}

static double depth_mean(const struct model *m, const struct model_pool *pool)
{
	return m->end_ns > m->start_ns
		       ? (double)pool->stats.queued_ns / (double)(m->end_ns - m->start_ns)
		       : 0;
}

static void print_kinds(const struct printer *p, const struct model_pool *pool)
{
	char work[TEXT], max[TEXT];

	for (uint32_t i = 0; i < FLOW_JOB_KINDS; i++) {
		const struct flow_job_kind *k = &pool->stats.kind[i];

		if (k->jobs)
			out_file__printf(p->f, "    %llu %s, %s of work in all, longest %s\n",
					 (ull)k->jobs, flow_job_kind__name(i),
					 text_duration(work, sizeof(work), k->work_ns),
					 text_duration(max, sizeof(max), k->max_ns));
	}
}

static void print_pool(const struct printer *p, const struct model_pool *pool)
{
	const struct flow_pool_stats *s = &pool->stats;
	const ull jobs = s->done + s->unknown;
	char p50[TEXT], p99[TEXT], max[TEXT];

	out_file__printf(p->f, "  %u: %llu jobs", pool->pid, jobs);
	if (s->open)
		out_file__printf(p->f, ", %llu not done", (ull)s->open);
	if (s->unknown)
		out_file__printf(p->f, ", %llu of unknown times", (ull)s->unknown);
	out_file__printf(p->f, "\n");
	if (!s->done)
		return;
	out_file__printf(p->f,
			 "    queued: median %s, p99 %s, longest %s; depth: mean %.3f, max %s%u\n",
			 text_duration(p50, sizeof(p50), pool->queued.p50),
			 text_duration(p99, sizeof(p99), pool->queued.p99),
			 text_duration(max, sizeof(max), pool->queued.max), depth_mean(p->m, pool),
			 s->depth_partial ? "at least " : "", s->depth_max);
	print_kinds(p, pool);
}

void printer__pools(const struct printer *p)
{
	if (!p->m->pool_count)
		return;
	printer__title(p, "Thread pool");
	for (size_t i = 0; i < p->m->pool_count; i++)
		print_pool(p, &p->m->pools[i]);
}

static void put_ms(struct json *j, const char *key, bool known, uint64_t ns)
{
	json__key(j, key);
	if (known)
		json__double(j, (double)ns / 1e6, 6);
	else
		json__null(j);
}

static void put_hist(struct json *j, const struct model_latency *l)
{
	bool known = l->count != 0;

	json__key_u64(j, "count", l->count);
	put_ms(j, "p50", known, l->p50);
	put_ms(j, "p95", known, l->p95);
	put_ms(j, "p99", known, l->p99);
	put_ms(j, "max", known, l->max);
	put_ms(j, "mean", known, l->mean);
}

static void put_iterations(struct json *j, const struct model_health *h)
{
	bool known = h->iterations_unknown == FLOW_COUNT_KNOWN;

	if (known) {
		json__key_object(j, "iteration_ms");
		put_hist(j, &h->iteration);
		json__key_u64(j, "single", h->single);
		put_ms(j, "running", true, h->running_ns);
		json__object_end(j);
	} else {
		json__key_str(j, "iteration_ms", NULL);
	}
	json__key_str(j, "iteration_unknown",
		      known ? NULL : health_text__iterations(h->iterations_unknown));
}

static void put_microtasks(struct json *j, const struct model_health *h)
{
	const double nan = 0.0 / 0.0;
	bool known = h->microtasks_unknown == FLOW_COUNT_KNOWN;

	if (known) {
		json__key_object(j, "microtasks");
		json__key_u64(j, "count", h->microtasks);
		json__key_double(j, "per_s", h->microtasks_per_s, 3);
		json__key_double(j, "share", h->drain_known ? h->drain : nan, 6);
		json__key_double(j, "share_low", h->drain_known ? h->drain_low : nan, 6);
		json__key_double(j, "share_high", h->drain_known ? h->drain_high : nan, 6);
		put_ms(j, "drain_ms", h->drain_known, h->drain_ns);
		json__object_end(j);
	} else {
		json__key_str(j, "microtasks", NULL);
	}
	json__key_str(j, "microtasks_unknown",
		      known ? NULL : microtasks_reason(h->microtasks_unknown));
}

void report_json__health(struct json *j, const struct model_health *h)
{
	json__key_object(j, "lag_ms");
	put_hist(j, &h->lag);
	json__object_end(j);
	json__key_object(j, "lag_by_source");
	for (int i = 0; i < FLOW_LAG_SOURCES; i++) {
		json__key_object(j, flow_lag__name((enum flow_lag_source)i));
		put_hist(j, &h->lag_by[i]);
		json__object_end(j);
	}
	json__object_end(j);
	put_iterations(j, h);
	put_microtasks(j, h);
	json__key_object(j, "gc");
	json__key_u64(j, "count", h->gc.count);
	json__key_u64(j, "untimed", h->gc.untimed);
	put_ms(j, "ms", h->gc.count > h->gc.untimed || !h->gc.count, h->gc.total_ns);
	put_ms(j, "max_ms", h->gc.count > h->gc.untimed, h->gc.max_ns);
	json__object_end(j);
}

static void put_kinds(struct json *j, const struct flow_pool_stats *s)
{
	json__key_object(j, "by_kind");
	for (uint32_t i = 0; i < FLOW_JOB_KINDS; i++) {
		json__key_object(j, flow_job_kind__name(i));
		json__key_u64(j, "jobs", s->kind[i].jobs);
		put_ms(j, "work_ms", true, s->kind[i].work_ns);
		put_ms(j, "max_ms", s->kind[i].jobs, s->kind[i].max_ns);
		json__object_end(j);
	}
	json__object_end(j);
}

void report_json__pools(struct json *j, const struct model *m)
{
	json__key_array(j, "thread_pool");
	for (size_t i = 0; i < m->pool_count; i++) {
		const struct model_pool *pool = &m->pools[i];
		const struct flow_pool_stats *s = &pool->stats;

		json__object_begin(j);
		json__key_u64(j, "pid", pool->pid);
		json__key_u64(j, "jobs", s->done + s->unknown);
		json__key_u64(j, "untimed", s->unknown);
		json__key_u64(j, "open", s->open);
		json__key_u64(j, "open_max", s->open_max);
		json__key_object(j, "queued_ms");
		put_hist(j, &pool->queued);
		json__object_end(j);
		json__key_u64(j, "depth_max", s->depth_max);
		json__key_bool(j, "depth_partial", s->depth_partial);
		json__key_double(j, "depth_mean", depth_mean(m, pool), 6);
		put_kinds(j, s);
		json__object_end(j);
	}
	json__array_end(j);
}

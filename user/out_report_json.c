// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report for programs: one object, schema loopray.report/1. Fields are added, never
 * renamed, and every field is always there; a quantity that is not known is null.
 */
#include <errno.h>
#include <stdlib.h>

#include "json.h"
#include "out_report.h"
#include "out_report_parts.h"
#include "out_wait.h"
#include "util.h"

static void ms(struct json *j, const char *key, bool known, double ns)
{
	json__key(j, key);
	if (known)
		json__double(j, ns / 1e6, 6);
	else
		json__null(j);
}

static void put_targets(struct json *j, const struct model *m)
{
	json__key_array(j, "targets");
	for (size_t i = 0; i < m->target_count; i++) {
		const struct model_target *t = &m->targets[i];

		json__object_begin(j);
		json__key_u64(j, "pid", t->pid);
		json__key_str(j, "node", t->version[0] ? t->version : NULL);
		json__key_str(j, "context", t->context[0] ? t->context : "unknown");
		json__key_u64(j, "environments", t->environments);
		json__key_str(j, "linked", t->linked[0] ? t->linked : NULL);
		json__key_str(j, "exe", t->exe[0] ? t->exe : NULL);
		json__key_str(j, "level", t->level[0] ? t->level : NULL);
		json__key_u64(j, "start_time", t->start_time);
		json__key_bool(j, "ended", t->ended);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_latency(struct json *j, const struct model_latency *l)
{
	bool known = l->count != 0;

	json__key_object(j, "latency_ms");
	ms(j, "p50", known, (double)l->p50);
	ms(j, "p95", known, (double)l->p95);
	ms(j, "p99", known, (double)l->p99);
	ms(j, "max", known, (double)l->max);
	ms(j, "min", known, (double)l->min);
	ms(j, "mean", known, (double)l->mean);
	json__key_u64(j, "measured", l->count);
	json__object_end(j);
}

static void put_breakdown(struct json *j, const struct model_breakdown *b)
{
	double n = b->known ? (double)b->known : 1;

	json__key_object(j, "breakdown");
	json__key_u64(j, "known", b->known);
	json__key_u64(j, "unknown", b->unknown);
	json__key_object(j, "mean_ms");
	ms(j, "queue", b->known, (double)b->queue / n);
	ms(j, "cpu", b->known, (double)b->cpu / n);
	ms(j, "loop_busy", b->known, (double)b->loop_busy / n);
	ms(j, "wait", b->known, (double)b->wait / n);
	json__object_end(j);
	json__object_end(j);
}

static void put_status(struct json *j, const struct model_requests *r)
{
	static const char *const names[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

	json__key_object(j, "by_status");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json__key_u64(j, names[i], r->by_class[i]);
	json__object_end(j);
}

static void put_rps(struct json *j, const struct model *m, uint64_t total)
{
	json__key_double(j, "rps", model_rate(m, total), 3);
}

static void put_requests(struct json *j, const struct model *m)
{
	const struct model_requests *r = &m->requests;

	json__key_object(j, "requests");
	json__key_u64(j, "total", r->total);
	json__key_u64(j, "in_flight", m->in_flight);
	json__key_u64(j, "errors_5xx", r->by_class[5]);
	put_rps(j, m, r->total);
	put_latency(j, &r->latency);
	put_status(j, r);
	json__key_u64(j, "aborted_by_client", r->by_end[REQ_ABORTED_PEER]);
	json__key_u64(j, "aborted_by_server", r->by_end[REQ_ABORTED_SERVER]);
	json__key_u64(j, "upgraded", r->by_end[REQ_UPGRADED]);
	json__key_u64(j, "lost", r->by_end[REQ_LOST]);
	json__key_object(j, "incomplete");
	json__key_u64(j, "total", r->incomplete_any);
	json__key_u64(j, "loss", r->incomplete[0]);
	json__key_u64(j, "gap", r->incomplete[1]);
	json__key_u64(j, "attach", r->incomplete[2]);
	json__object_end(j);
	json__key_u64(j, "tls", r->tls);
	json__key_u64(j, "bytes_in", r->bytes_in);
	json__key_u64(j, "bytes_out", r->bytes_out);
	json__object_end(j);
}

static void put_resources(struct json *j, const struct model *m)
{
	json__key_object(j, "resources");
	for (size_t i = 0; i < m->type_count; i++) {
		const struct flow_res_type *c = &m->types[i].count;

		json__key_object(j, m->types[i].name);
		json__key_u64(j, "init", c->init);
		json__key_u64(j, "destroy", c->destroy);
		json__key_u64(j, "alive", c->alive);
		json__key_u64(j, "before", c->before);
		json__key_u64(j, "destroy_unseen", c->destroy_unseen);
		json__key_u64(j, "known_request", c->known_request);
		json__object_end(j);
	}
	json__object_end(j);
}

static void put_loss(struct json *j, const struct model_loss *l)
{
	json__key_object(j, "loss");
	json__key_u64(j, "ring", l->ring);
	json__key_u64(j, "map", l->map);
	json__key_u64(j, "read", l->read);
	json__key_u64(j, "file", l->file);
	json__key_u64(j, "total", l->total);
	json__object_end(j);
}

static void put_routes(struct json *j, const struct model *m)
{
	json__key_array(j, "routes");
	for (size_t i = 0; i < m->route_count; i++) {
		const struct model_route *r = &m->routes[i];

		json__object_begin(j);
		json__key_str(j, "method", r->method);
		json__key_str(j, "route", r->route);
		json__key_u64(j, "count", r->requests.total);
		put_rps(j, m, r->requests.total);
		json__key_u64(j, "errors_5xx", r->requests.by_class[5]);
		put_latency(j, &r->requests.latency);
		put_status(j, &r->requests);
		put_breakdown(j, &r->requests.breakdown);
		report_json__mean_waits(j, &r->requests.waits);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_slowest(struct json *j, const struct model *m)
{
	json__key_array(j, "slowest");
	for (size_t i = 0; i < m->slowest_count; i++) {
		const struct flow_req *r = &m->slowest[i].req;
		const struct flow_breakdown *b = &r->breakdown;

		json__object_begin(j);
		json__key_u64(j, "pid", r->pid);
		json__key_u64(j, "env", r->env);
		json__key_u64(j, "seq", r->seq);
		json__key_u64(j, "conn", flow_conn__number(r->conn));
		json__key_u64(j, "stream", flow_conn__stream(r->conn));
		json__key_str(j, "method", m->slowest[i].method);
		json__key_str(j, "path", m->slowest[i].path);
		json__key_u64(j, "status", r->status);
		json__key_u64(j, "start_ns", r->start_ns);
		ms(j, "duration_ms", true, (double)(r->end_ns - r->start_ns));
		json__key_object(j, "breakdown_ms");
		ms(j, "queue", b->known, (double)b->queue);
		ms(j, "cpu", b->known, (double)b->cpu);
		ms(j, "loop_busy", b->known, (double)b->loop_busy);
		ms(j, "wait", b->known, (double)b->wait);
		json__object_end(j);
		wait_json__members(j, r);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_loops(struct json *j, const struct model *m)
{
	json__key_array(j, "loops");
	for (size_t i = 0; i < m->loop_count; i++) {
		const struct model_loop *l = &m->loops[i];
		double wall = (double)l->wall_ns;

		json__object_begin(j);
		json__key_u64(j, "pid", l->pid);
		json__key_u64(j, "env", l->env);
		/* NaN, which is written as null, where nothing is known. */
		json__key_double(j, "utilisation",
				 l->wall_ns ? model_loop__utilisation(l) : 0.0 / 0.0, 6);
		json__key_double(j, "peak", l->wall_ns ? l->peak : 0.0 / 0.0, 6);
		json__key_double(j, "cpu", l->wall_ns ? (double)l->cpu_ns / wall : 0.0 / 0.0, 6);
		json__key_double(j, "iterations_per_s",
				 l->wall_ns && l->iterations_known
					 ? (double)l->iterations / wall * 1e9
					 : 0.0 / 0.0,
				 3);
		report_json__health(j, &l->health);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_gc(struct json *j, const struct model *m)
{
	static const char *const names[] = {"scavenge", "mark_compact", "unknown"};

	json__key_object(j, "gc");
	for (size_t i = 0; i < MODEL_GC_KINDS; i++) {
		const struct model_gc *g = &m->gc[i];
		bool timed = g->count > g->untimed;

		json__key_object(j, names[i]);
		json__key_u64(j, "count", g->count);
		json__key_u64(j, "untimed", g->untimed);
		ms(j, "total_ms", timed, (double)g->total_ns);
		ms(j, "max_ms", timed, (double)g->max_ns);
		json__object_end(j);
	}
	json__object_end(j);
}

static void put_probes(struct json *j, const struct model *m)
{
	json__key_array(j, "probes");
	for (size_t i = 0; i < m->probe_count; i++) {
		const struct model_probe *p = &m->probes[i];

		json__object_begin(j);
		json__key_str(j, "name", p->name);
		json__key_bool(j, "attached", p->attached);
		json__key_str(j, "site", p->site[0] ? p->site : NULL);
		json__key_str(j, "reason", p->reason[0] ? p->reason : NULL);
		json__key_u64(j, "hits", p->hits);
		json__key_u64(j, "misses", p->misses);
		json__object_end(j);
	}
	json__array_end(j);
	json__key_object(j, "counters");
	for (size_t i = 0; i < m->counter_count; i++)
		json__key_u64(j, m->counters[i].name, m->counters[i].value);
	json__object_end(j);
}

static void put_notes(struct json *j, const struct model *m)
{
	char notes[REPORT_NOTES][REPORT_NOTE];
	size_t n = report_notes(m, notes);

	json__key_array(j, "notes");
	for (size_t i = 0; i < n; i++)
		json__str(j, notes[i]);
	json__array_end(j);
}

void report_json__members(struct json *j, const struct model *m, const struct out_opts *opts)
{
	json__key_str(j, "schema", "loopray.report/1");
	json__key_str(j, "version", opts->version);
	json__key_str(j, "host", opts->host);
	put_targets(j, m);
	json__key_str(j, "cut_short", m->incomplete[0] ? m->incomplete : NULL);
	json__key_double(j, "duration_s", model__duration(m), 6);
	put_requests(j, m);
	report_json__findings(j, m, opts->show_values);
	report_json__lines(j, m);
	put_resources(j, m);
	put_loss(j, &m->loss);
	put_breakdown(j, &m->requests.breakdown);
	report_json__waits(j, m);
	put_routes(j, m);
	report_json__calls(j, m);
	report_json__jobs(j, m);
	put_slowest(j, m);
	put_loops(j, m);
	report_json__pools(j, m);
	put_gc(j, m);
	put_probes(j, m);
	put_notes(j, m);
	json__key_u64(j, "start_ns", m->start_ns);
	json__key_u64(j, "end_ns", m->end_ns);
	json__key_i64(j, "wall_offset_ns", (int64_t)(opts->wall_ns - opts->mono_ns));
}

int out_report__json(struct out_file *f, const struct model *m, const struct out_opts *opts)
{
	struct json j;
	int err;

	json__init(&j, out_file__write, f);
	json__object_begin(&j);
	report_json__members(&j, m, opts);
	json__object_end(&j);
	json__newline(&j);
	err = json__finish(&j);
	return err ? err : out_file__flush(f);
}

static int json_close(void *state, const struct model *m)
{
	struct report_state *s = state;
	int err = out_report__json(s->file, m, &s->opts);

	report_free(s);
	return err;
}

const struct out_format out_report_json_format = {
	.name = "json",
	.about = "report for programs (schema loopray.report/1)",
	.open = report_open,
	.close = json_close,
	.free = report_free,
};

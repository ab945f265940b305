// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report for people, in the order in which one asks: what was observed, is it slow or
 * failing, where, why, and can the figures be trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "out_report.h"
#include "out_text.h"
#include "util.h"

#define ROUTES_SHOWN  30
#define SLOWEST_SHOWN 5
#define TYPES_SHOWN   40
#define TEXT	      32 /* of a duration */

typedef unsigned long long ull;

struct printer {
	struct out_file *f;
	const struct model *m;
	const struct out_opts *opts;
	bool color;
};

/* Accents: orange for titles and for what needs attention, blue for what was observed. */
#define ORANGE "\033[38;5;208m"
#define BLUE   "\033[38;5;33m"
#define PLAIN  "\033[0m"

static const char *accent(const struct printer *p, const char *code)
{
	return p->color ? code : "";
}

static void title(const struct printer *p, const char *text)
{
	out_file__printf(p->f, "\n%s%s%s\n", accent(p, ORANGE), text, accent(p, PLAIN));
}

static void print_origin(const struct printer *p)
{
	const struct out_opts *o = p->opts;
	uint64_t wall = o->wall_ns + (p->m->start_ns - o->mono_ns);
	time_t seconds = (time_t)(wall / 1000000000);
	char host[128], when[64];
	struct tm tm;

	out_file__printf(p->f, "Observed   %.1f s", model__duration(p->m));
	if (o->host)
		out_file__printf(p->f, " on %s", text_safe(host, sizeof(host), o->host));
	if (o->wall_ns && gmtime_r(&seconds, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm))
		out_file__printf(p->f, " from %s", when);
	out_file__printf(p->f, "\n");
}

static void print_target(const struct printer *p, const struct model_target *t)
{
	char version[40], context[40], linked[40], level[40], exe[300];

	text_safe(version, sizeof(version), t->version[0] ? t->version : "(version unknown)");
	text_safe(context, sizeof(context), t->context[0] ? t->context : "unknown");
	text_safe(linked, sizeof(linked), t->linked[0] ? t->linked : "unknown");
	text_safe(level, sizeof(level), t->level[0] ? t->level : "unknown");
	out_file__printf(p->f, "Target     %spid %u%s Node.js %s, linked %s, context %s, %u %s, ",
			 accent(p, BLUE), t->pid, accent(p, PLAIN), version, linked, context,
			 t->environments, t->environments == 1 ? "environment" : "environments");
	out_file__printf(p->f, "level %s%s\n", level, t->ended ? ", ended" : "");
	if (t->exe[0])
		out_file__printf(p->f, "           %s\n", text_safe(exe, sizeof(exe), t->exe));
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double per_second(const struct model *m, uint64_t n)
{
	double s = model__duration(m);

	return s > 0 ? (double)n / s : 0;
}

static void print_requests(const struct printer *p)
{
	const struct model_requests *r = &p->m->requests;

	out_file__printf(p->f, "Requests   %llu (%.1f/s), %llu in flight at the end\n",
			 (ull)r->total, per_second(p->m, r->total), (ull)p->m->in_flight);
	if (!r->total)
		return;
	out_file__printf(p->f, "Status     ");
	for (unsigned int i = 1; i < ARRAY_SIZE(r->by_class); i++)
		if (r->by_class[i])
			out_file__printf(p->f, "%uxx %llu, ", i, (ull)r->by_class[i]);
	if (r->by_class[0])
		out_file__printf(p->f, "none seen %llu, ", (ull)r->by_class[0]);
	out_file__printf(p->f, "errors (5xx) %.2f%%\n", percent(r->by_class[5], r->total));
}

static void print_latency(const struct printer *p)
{
	const struct model_latency *l = &p->m->requests.latency;
	char p50[TEXT], p95[TEXT], p99[TEXT], max[TEXT];

	if (!l->count) {
		out_file__printf(p->f, "Latency    no request was observed from begin to end\n");
		return;
	}
	out_file__printf(
		p->f, "Latency    p50 %s, p95 %s, p99 %s, max %s",
		text_duration(p50, sizeof(p50), l->p50), text_duration(p95, sizeof(p95), l->p95),
		text_duration(p99, sizeof(p99), l->p99), text_duration(max, sizeof(max), l->max));
	if (l->count != p->m->requests.total)
		out_file__printf(p->f, " (of %llu requests)", (ull)l->count);
	out_file__printf(p->f, "\n");
}

static void print_share(const struct printer *p, const char *what, uint64_t part, uint64_t whole,
			uint64_t n)
{
	char text[TEXT];

	out_file__printf(p->f, "  %-26s %10s %5.1f%%\n", what,
			 text_duration(text, sizeof(text), part / n), percent(part, whole));
}

static void print_breakdown(const struct printer *p)
{
	const struct model_breakdown *b = &p->m->requests.breakdown;
	uint64_t all = b->queue + b->cpu + b->loop_busy + b->wait;

	if (!b->known)
		return;
	title(p, "Where the time of a request went (mean)");
	print_share(p, "queued before it was read", b->queue, all, b->known);
	print_share(p, "on CPU for it", b->cpu, all, b->known);
	print_share(p, "loop busy with others", b->loop_busy, all, b->known);
	print_share(p, "waiting, the loop idle", b->wait, all, b->known);
}

static void cell_mean(struct text_table *t, uint64_t sum, uint64_t n)
{
	if (n)
		text_table__duration(t, sum / n);
	else
		text_table__cell(t, "-");
}

static void cells_latency(struct text_table *t, const struct model_latency *l)
{
	const uint64_t v[] = {l->p50, l->p95, l->p99, l->max};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		if (l->count)
			text_table__duration(t, v[i]);
		else
			text_table__cell(t, "-");
	}
}

static void cells_route(const struct printer *p, struct text_table *t, const struct model_route *r)
{
	const struct model_breakdown *b = &r->requests.breakdown;
	char method[12], route[44];

	text_table__cell(t, "%s", text_safe(method, sizeof(method), r->method));
	text_table__cell(t, "%s", text_safe(route, sizeof(route), r->route));
	text_table__cell(t, "%llu", (ull)r->requests.total);
	text_table__cell(t, "%.1f", per_second(p->m, r->requests.total));
	cells_latency(t, &r->requests.latency);
	text_table__cell(t, "%.1f%%", percent(r->requests.by_class[5], r->requests.total));
	cell_mean(t, b->queue, b->known);
	cell_mean(t, b->cpu, b->known);
	cell_mean(t, b->loop_busy, b->known);
	cell_mean(t, b->wait, b->known);
}

static void more(const struct printer *p, size_t shown, size_t all, const char *what)
{
	if (all > shown)
		out_file__printf(p->f, "  and %zu more %s\n", all - shown, what);
}

static int print_routes(const struct printer *p)
{
	static const char *const heads[] = {"METHOD", "ROUTE", "COUNT", "REQ/S", "P50",
					    "P95",    "P99",   "MAX",	"5XX",	 "QUEUE",
					    "CPU",    "BUSY",  "WAIT"};
	size_t shown = min_t(size_t, p->m->route_count, ROUTES_SHOWN);
	struct text_table *t;
	int err;

	if (!shown)
		return 0;
	err = text_table__new(&t, "llrrrrrrrrrrr", heads);
	if (err)
		return err;
	title(p, "Routes (queue, cpu, busy, wait: mean per request)");
	for (size_t i = 0; i < shown; i++)
		cells_route(p, t, &p->m->routes[i]);
	err = text_table__print(t, p->f);
	more(p, shown, p->m->route_count, "routes");
	text_table__free(t);
	return err;
}

static void cells_slow(struct text_table *t, const struct model_request *r)
{
	const struct flow_breakdown *b = &r->req.breakdown;
	const uint64_t parts[] = {b->queue, b->cpu, b->loop_busy, b->wait};
	char path[52];

	text_table__duration(t, r->req.end_ns - r->req.start_ns);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (b->known)
			text_table__duration(t, parts[i]);
		else
			text_table__cell(t, "-");
	}
	text_table__cell(t, "%u", r->req.status);
	text_table__cell(t, "%u/%u", r->req.pid, r->req.env);
	text_table__cell(t, "%llu", (ull)r->req.seq);
	text_table__cell(t, "%s", text_safe(path, 12, r->method));
	text_table__cell(t, "%s", text_safe(path, sizeof(path), r->path));
}

static int print_slowest(const struct printer *p)
{
	static const char *const heads[] = {"LATENCY", "QUEUE",	  "CPU", "BUSY",   "WAIT",
					    "STATUS",  "PID/ENV", "SEQ", "METHOD", "PATH"};
	size_t shown = min_t(size_t, p->m->slowest_count, SLOWEST_SHOWN);
	struct text_table *t;
	int err;

	if (!shown)
		return 0;
	err = text_table__new(&t, "rrrrrrrrll", heads);
	if (err)
		return err;
	title(p, "Slowest requests");
	for (size_t i = 0; i < shown; i++)
		cells_slow(t, &p->m->slowest[i]);
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

static int print_resources(const struct printer *p)
{
	static const char *const heads[] = {"TYPE",  "CREATED",	  "DESTROYED",
					    "ALIVE", "CALLBACKS", "OF A REQUEST"};
	size_t shown = min_t(size_t, p->m->type_count, TYPES_SHOWN);
	struct text_table *t;
	char name[TEXT_CELL];
	int err;

	if (!p->m->has_resources)
		return 0;
	title(p, "Async resources");
	if (!shown) {
		out_file__printf(p->f, "  none seen\n");
		return 0;
	}
	err = text_table__new(&t, "lrrrrr", heads);
	if (err)
		return err;
	for (size_t i = 0; i < shown; i++) {
		const struct flow_res_type *c = &p->m->types[i].count;

		text_table__cell(t, "%s", text_safe(name, sizeof(name), p->m->types[i].name));
		text_table__cell(t, "%llu", (ull)c->init);
		text_table__cell(t, "%llu", (ull)c->destroy);
		text_table__cell(t, "%llu", (ull)c->alive);
		text_table__cell(t, "%llu", (ull)c->before);
		text_table__cell(t, "%llu", (ull)c->known_request);
	}
	err = text_table__print(t, p->f);
	more(p, shown, p->m->type_count, "types");
	text_table__free(t);
	return err;
}

static void cells_loop(struct text_table *t, const struct model_loop *l)
{
	double busy = model_loop__utilisation(l), s = (double)l->wall_ns / 1e9;

	text_table__cell(t, "%u", l->pid);
	text_table__cell(t, "%u%s", l->env, l->env ? "" : " main");
	if (busy < 0) {
		for (int i = 0; i < 4; i++)
			text_table__cell(t, "-");
		return;
	}
	text_table__cell(t, "%.1f%%", 100 * busy);
	text_table__cell(t, "%.1f%%", 100 * l->peak);
	text_table__cell(t, "%.1f%%", percent(l->cpu_ns, l->wall_ns));
	if (l->iterations_known)
		text_table__cell(t, "%.1f", (double)l->iterations / s);
	else
		text_table__cell(t, "-");
}

static int print_loops(const struct printer *p)
{
	static const char *const heads[] = {"PID", "ENV", "BUSY", "PEAK", "CPU", "ITERATIONS/S"};
	struct text_table *t;
	int err;

	if (!p->m->loop_count)
		return 0;
	err = text_table__new(&t, "rlrrrr", heads);
	if (err)
		return err;
	title(p, "Event loops");
	for (size_t i = 0; i < p->m->loop_count; i++)
		cells_loop(t, &p->m->loops[i]);
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

static void print_gc(const struct printer *p)
{
	static const char *const names[] = {"scavenge", "mark-compact", "of unknown kind"};
	char total[TEXT], max[TEXT];
	bool any = false;

	for (size_t i = 0; i < MODEL_GC_KINDS; i++) {
		const struct model_gc *g = &p->m->gc[i];

		if (!g->count)
			continue;
		if (!any)
			title(p, "Garbage collection");
		any = true;
		out_file__printf(p->f, "  %llu %s", (ull)g->count, names[i]);
		if (g->untimed < g->count)
			out_file__printf(p->f, ", %s in all, longest %s",
					 text_duration(total, sizeof(total), g->total_ns),
					 text_duration(max, sizeof(max), g->max_ns));
		if (g->untimed)
			out_file__printf(p->f, ", %llu of unknown duration", (ull)g->untimed);
		out_file__printf(p->f, "\n");
	}
}

static int print_probes(const struct printer *p)
{
	static const char *const heads[] = {"PROBE", "HITS", "MISSES", "SITE"};
	struct text_table *t;
	char text[TEXT_CELL];
	int err;

	if (!p->opts->verbose || !p->m->probe_count)
		return 0;
	err = text_table__new(&t, "lrrl", heads);
	if (err)
		return err;
	title(p, "Probes");
	for (size_t i = 0; i < p->m->probe_count; i++) {
		const struct model_probe *pr = &p->m->probes[i];

		text_table__cell(t, "%s", text_safe(text, sizeof(text), pr->name));
		text_table__cell(t, "%llu", (ull)pr->hits);
		text_table__cell(t, "%llu", (ull)pr->misses);
		text_safe(text, pr->attached ? sizeof(text) : sizeof(text) - 14,
			  pr->attached ? pr->site : pr->reason);
		text_table__cell(t, "%s%s", pr->attached ? "" : "not attached: ", text);
	}
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

static void print_losses(const struct printer *p)
{
	const struct model_loss *l = &p->m->loss;

	title(p, "Losses");
	if (!l->total) {
		out_file__printf(p->f, "  none lost\n");
		return;
	}
	out_file__printf(p->f,
			 "  %s%llu lost%s: ring buffer %llu, maps %llu, reads %llu, file %llu\n",
			 accent(p, ORANGE), (ull)l->total, accent(p, PLAIN), (ull)l->ring,
			 (ull)l->map, (ull)l->read, (ull)l->file);
}

static void print_notes(const struct printer *p)
{
	char notes[REPORT_NOTES][REPORT_NOTE];
	size_t n = report_notes(p->m, notes);

	if (!n)
		return;
	title(p, "Notes");
	for (size_t i = 0; i < n; i++)
		out_file__printf(p->f, "  %s\n", notes[i]);
}

static bool color_allowed(const struct out_opts *opts)
{
	const char *no = getenv("NO_COLOR");

	return opts->color && !(no && *no);
}

int out_report__text(struct out_file *f, const struct model *m, const struct out_opts *opts)
{
	static int (*const tables[])(const struct printer *) = {print_routes, print_slowest,
								print_resources, print_loops};
	struct printer p = {.f = f, .m = m, .opts = opts, .color = color_allowed(opts)};
	int err = 0;

	print_origin(&p);
	for (size_t i = 0; i < m->target_count; i++)
		print_target(&p, &m->targets[i]);
	print_requests(&p);
	print_latency(&p);
	print_breakdown(&p);
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !err; i++)
		err = tables[i](&p);
	print_gc(&p);
	if (!err)
		err = print_probes(&p);
	print_losses(&p);
	print_notes(&p);
	return err ? err : out_file__flush(f);
}

static int text_close(void *state, const struct model *m)
{
	struct report_state *s = state;
	int err = out_report__text(s->file, m, &s->opts);

	report_free(s);
	return err;
}

const struct out_format out_report_text_format = {
	.name = "text",
	.about = "report for people",
	.open = report_open,
	.close = text_close,
	.free = report_free,
};

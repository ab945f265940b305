// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tables of the report for people; each prints nothing where there is nothing to say. */
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define ROUTES_SHOWN  30
#define SLOWEST_SHOWN 5
#define TYPES_SHOWN   40

double part_percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

double model_rate(const struct model *m, uint64_t n)
{
	double s = model__duration(m);

	return s > 0 ? (double)n / s : 0;
}

const char *printer__accent(const struct printer *p, const char *code)
{
	return p->color ? code : "";
}

void printer__title(const struct printer *p, const char *text)
{
	out_file__printf(p->f, "\n%s%s%s\n", printer__accent(p, ORANGE), text,
			 printer__accent(p, PLAIN));
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
	text_table__cell(t, "%.1f", model_rate(p->m, r->requests.total));
	cells_latency(t, &r->requests.latency);
	text_table__cell(t, "%.1f%%", part_percent(r->requests.by_class[5], r->requests.total));
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

int printer__routes(const struct printer *p)
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
	printer__title(p, "Routes (queue, cpu, busy, wait: mean per request)");
	for (size_t i = 0; i < shown; i++)
		cells_route(p, t, &p->m->routes[i]);
	err = text_table__print(t, p->f);
	more(p, shown, p->m->route_count, "routes");
	text_table__free(t);
	return err;
}

/* What it waited for most, and for how much of its latency. */
static void cell_mostly(struct text_table *t, const struct flow_waits *w)
{
	uint64_t all = 0;
	int most = 0;

	for (int i = 0; i < WAIT_KINDS; i++) {
		all += w->ns[i];
		if (w->ns[i] > w->ns[most])
			most = i;
	}
	if (w->known && all)
		text_table__cell(t, "%s %.0f%%", flow_wait__name((enum flow_wait)most),
				 part_percent(w->ns[most], all));
	else
		text_table__cell(t, "-");
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
	cell_mostly(t, &r->req.waits);
	text_table__cell(t, "%u", r->req.status);
	text_table__cell(t, "%u/%u", r->req.pid, r->req.env);
	text_table__cell(t, "%llu", (ull)r->req.seq);
	text_table__cell(t, "%s", text_safe(path, 12, r->method));
	text_table__cell(t, "%s", text_safe(path, sizeof(path), r->path));
}

int printer__slowest(const struct printer *p)
{
	static const char *const heads[] = {"LATENCY", "QUEUE",	  "CPU", "BUSY",   "WAIT", "MOSTLY",
					    "STATUS",  "PID/ENV", "SEQ", "METHOD", "PATH"};
	size_t shown = min_t(size_t, p->m->slowest_count, SLOWEST_SHOWN);
	struct text_table *t;
	int err;

	if (!shown)
		return 0;
	err = text_table__new(&t, "rrrrrlrrrll", heads);
	if (err)
		return err;
	printer__title(p, "Slowest requests");
	for (size_t i = 0; i < shown; i++)
		cells_slow(t, &p->m->slowest[i]);
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

int printer__resources(const struct printer *p)
{
	static const char *const heads[] = {"TYPE",  "CREATED",	  "DESTROYED",
					    "ALIVE", "CALLBACKS", "OF A REQUEST"};
	size_t shown = min_t(size_t, p->m->type_count, TYPES_SHOWN);
	struct text_table *t;
	char name[TEXT_CELL];
	int err;

	if (!p->m->has_resources)
		return 0;
	printer__title(p, "Async resources");
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
	text_table__cell(t, "%.1f%%", part_percent(l->cpu_ns, l->wall_ns));
	if (l->iterations_known)
		text_table__cell(t, "%.1f", (double)l->iterations / s);
	else
		text_table__cell(t, "-");
}

int printer__loops(const struct printer *p)
{
	static const char *const heads[] = {"PID", "ENV", "BUSY", "PEAK", "CPU", "ITERATIONS/S"};
	struct text_table *t;
	int err;

	if (!p->m->loop_count)
		return 0;
	err = text_table__new(&t, "rlrrrr", heads);
	if (err)
		return err;
	printer__title(p, "Event loops");
	for (size_t i = 0; i < p->m->loop_count; i++)
		cells_loop(t, &p->m->loops[i]);
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

int printer__probes(const struct printer *p)
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
	printer__title(p, "Probes");
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

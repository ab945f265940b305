// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report for people, in the order in which one asks: what was observed, is it slow or
 * failing, where, why, and can the figures be trusted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_report.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define TEXT 32 /* of a duration */

static void print_origin(const struct printer *p)
{
	const struct out_opts *o = p->opts;
	char host[128], when[64];

	out_file__printf(p->f, "Observed   %.1f s", model__duration(p->m));
	if (o->host)
		out_file__printf(p->f, " on %s", text_safe(host, sizeof(host), o->host));
	if (text_moment(when, sizeof(when), o, p->m->start_ns))
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
			 printer__accent(p, BLUE), t->pid, printer__accent(p, PLAIN), version,
			 linked, context, t->environments,
			 t->environments == 1 ? "environment" : "environments");
	out_file__printf(p->f, "level %s%s\n", level, t->ended ? ", ended" : "");
	if (t->exe[0])
		out_file__printf(p->f, "           %s\n", text_safe(exe, sizeof(exe), t->exe));
}

static void print_requests(const struct printer *p)
{
	const struct model_requests *r = &p->m->requests;

	out_file__printf(p->f, "Requests   %llu (%.1f/s), ", (ull)r->total,
			 model_rate(p->m, r->total));
	if (r->tls)
		out_file__printf(p->f, "%llu over TLS, ", (ull)r->tls);
	out_file__printf(p->f, "%llu in flight at the end\n", (ull)p->m->in_flight);
	if (!r->total)
		return;
	out_file__printf(p->f, "Status     ");
	for (unsigned int i = 1; i < ARRAY_SIZE(r->by_class); i++)
		if (r->by_class[i])
			out_file__printf(p->f, "%uxx %llu, ", i, (ull)r->by_class[i]);
	if (r->by_class[0])
		out_file__printf(p->f, "none seen %llu, ", (ull)r->by_class[0]);
	out_file__printf(p->f, "errors (5xx) %.2f%%\n", part_percent(r->by_class[5], r->total));
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
			printer__title(p, "Garbage collection");
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

static void print_losses(const struct printer *p)
{
	const struct model_loss *l = &p->m->loss;

	printer__title(p, "Losses");
	if (!l->total) {
		out_file__printf(p->f, "  none lost\n");
		return;
	}
	out_file__printf(p->f,
			 "  %s%llu lost%s: ring buffer %llu, maps %llu, reads %llu, file %llu\n",
			 printer__accent(p, ORANGE), (ull)l->total, printer__accent(p, PLAIN),
			 (ull)l->ring, (ull)l->map, (ull)l->read, (ull)l->file);
}

static void print_notes(const struct printer *p)
{
	char notes[REPORT_NOTES][REPORT_NOTE];
	size_t n = report_notes(p->m, notes);

	if (!n)
		return;
	printer__title(p, "Notes");
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
	static int (*const tables[])(const struct printer *) = {
		printer__waits,	   printer__routes,  printer__calls,
		printer__blocking, printer__slowest, printer__resources,
		printer__leaks,	   printer__loops,   printer__health};
	struct printer p = {.f = f, .m = m, .opts = opts, .color = color_allowed(opts)};
	int err = 0;

	print_origin(&p);
	for (size_t i = 0; i < m->target_count; i++)
		print_target(&p, &m->targets[i]);
	print_requests(&p);
	print_latency(&p);
	err = printer__findings(&p);
	if (!err)
		err = printer__lines(&p);
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !err; i++)
		err = tables[i](&p);
	printer__pools(&p);
	print_gc(&p);
	if (!err)
		err = printer__probes(&p);
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

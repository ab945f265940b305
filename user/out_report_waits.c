// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The report's part on what requests waited for, and on what held the loop for too long. */
#include <stdio.h>

#include "out_report_parts.h"
#include "out_text.h"
#include "out_wait.h"
#include "util.h"

#define BLOCKERS_SHOWN 8
#define PART_SHOWN     2000 /* what is less than one part of so many is not shown */
#define TEXT	       32   /* of a duration */

static void print_share(const struct printer *p, const char *what, uint64_t part, uint64_t whole,
			uint64_t n)
{
	char text[TEXT];

	out_file__printf(p->f, "  %-34s %10s %5.1f%%\n", what,
			 text_duration(text, sizeof(text), part / n), part_percent(part, whole));
}

/* What the loop did meanwhile: all that is known if a clock could not be read. */
static void print_breakdown(const struct printer *p, const struct model_breakdown *b)
{
	uint64_t all = b->queue + b->cpu + b->loop_busy + b->wait;

	print_share(p, "queued before it was read", b->queue, all, b->known);
	print_share(p, "on CPU for it", b->cpu, all, b->known);
	print_share(p, "loop busy with others", b->loop_busy, all, b->known);
	print_share(p, "waiting, the loop idle", b->wait, all, b->known);
}

static void print_waits(const struct printer *p, const struct model_waits *w)
{
	bool shown[WAIT_KINDS] = {false};
	uint64_t all = 0;

	for (int i = 0; i < WAIT_KINDS; i++)
		all += w->ns[i];
	for (;;) {
		int most = -1;

		for (int i = 0; i < WAIT_KINDS; i++)
			if (!shown[i] && w->ns[i] > all / PART_SHOWN &&
			    (most < 0 || w->ns[i] > w->ns[most]))
				most = i;
		if (most < 0)
			break;
		shown[most] = true;
		print_share(p, wait_text((enum flow_wait)most), w->ns[most], all, w->known);
	}
}

int printer__waits(const struct printer *p)
{
	const struct model_requests *r = &p->m->requests;

	if (!r->breakdown.known)
		return 0;
	printer__title(p, "Where the time of a request went (mean)");
	if (r->waits.known)
		print_waits(p, &r->waits);
	else
		print_breakdown(p, &r->breakdown);
	return 0;
}

static void cells_blocker(struct text_table *t, const struct model_blocker *k)
{
	struct flow_blocking by = {.by = k->by};
	char what[64];

	if (k->route[0]) {
		char line[sizeof(k->method) + sizeof(k->route) + 2];

		snprintf(line, sizeof(line), "%s %s", k->method, k->route);
		text_table__cell(t, "%s", text_safe(what, sizeof(what), line));
	} else {
		text_table__cell(t, "%s", blocking_text(&by));
	}
	text_table__cell(t, "%llu", (ull)k->count);
	text_table__duration(t, k->max_ns);
	text_table__duration(t, k->held_ns);
	text_table__cell(t, "%llu", (ull)k->paid);
	text_table__duration(t, k->paid_ns);
}

int printer__blocking(const struct printer *p)
{
	static const char *const heads[] = {"BY", "TIMES", "LONGEST", "HELD", "REQUESTS", "WAITED"};
	const struct model_blocking *b = &p->m->blocking;
	size_t shown = min_t(size_t, b->blocker_count, BLOCKERS_SHOWN);
	char title[128], over[TEXT];
	struct text_table *t;
	int err;

	if (!b->count)
		return 0;
	err = text_table__new(&t, "lrrrrr", heads);
	if (err)
		return err;
	snprintf(title, sizeof(title),
		 "What held a loop for over %s (requests: that it kept waiting)",
		 text_duration(over, sizeof(over), b->threshold_ns));
	printer__title(p, title);
	for (size_t i = 0; i < shown; i++)
		cells_blocker(t, &b->blocker[i]);
	err = text_table__print(t, p->f);
	if (b->blocker_count > shown)
		out_file__printf(p->f, "  and %zu more\n", b->blocker_count - shown);
	text_table__free(t);
	return err;
}

static void put_blocker(struct json *j, const struct model_blocker *k)
{
	json__object_begin(j);
	json__key_str(j, "by", k->route[0] ? "request" : flow_turn__name((enum flow_turn)k->by));
	json__key_str(j, "method", k->route[0] ? k->method : NULL);
	json__key_str(j, "route", k->route[0] ? k->route : NULL);
	json__key_u64(j, "count", k->count);
	json__key_u64(j, "held_ns", k->held_ns);
	json__key_u64(j, "max_ns", k->max_ns);
	json__key_u64(j, "paid", k->paid);
	json__key_u64(j, "paid_ns", k->paid_ns);
	json__object_end(j);
}

static void put_blocking(struct json *j, const struct model_blocking *b)
{
	json__key_object(j, "blocking");
	json__key_double(j, "threshold_ms", (double)b->threshold_ns / 1e6, 6);
	json__key_u64(j, "count", b->count);
	json__key_u64(j, "held_ns", b->held_ns);
	json__key_u64(j, "paid", b->paid);
	json__key_u64(j, "paid_ns", b->paid_ns);
	json__key_array(j, "by");
	for (size_t i = 0; i < b->blocker_count; i++)
		put_blocker(j, &b->blocker[i]);
	json__array_end(j);
	json__key_array(j, "worst");
	for (size_t i = 0; i < b->worst_count; i++) {
		json__object_begin(j);
		blocking_json__members(j, &b->worst[i]);
		json__object_end(j);
	}
	json__array_end(j);
	json__object_end(j);
}

void report_json__mean_waits(struct json *j, const struct model_waits *w)
{
	json__key_object(j, "waits");
	json__key_u64(j, "known", w->known);
	json__key_u64(j, "unknown", w->unknown);
	json__key(j, "mean_ns");
	if (w->known) {
		json__object_begin(j);
		for (int i = 0; i < WAIT_KINDS; i++)
			json__key_double(j, flow_wait__name((enum flow_wait)i),
					 (double)w->ns[i] / (double)w->known, 1);
		json__object_end(j);
	} else {
		json__null(j);
	}
	json__object_end(j);
}

void report_json__waits(struct json *j, const struct model *m)
{
	report_json__mean_waits(j, &m->requests.waits);
	put_blocking(j, &m->blocking);
}

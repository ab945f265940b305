// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is left behind: native resources, stores, timers and immediates. */
#include "out_leak.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

static void print_judgement(const struct printer *p)
{
	const struct flow_leaks *l = &p->m->leaks;
	uint64_t leaked = p->m->findings.leaked;

	if (l->judged == LEAKS_SHORT)
		out_file__printf(p->f, "  whether they are leaked can be told from %.0f s on\n",
				 (double)FLOW_LEAKS_NS / 1e9);
	else if (l->judged == LEAKS_LOSS)
		out_file__printf(p->f,
				 "  whether they are leaked cannot be told: records were lost\n");
	else if (leaked)
		out_file__printf(p->f,
				 "  %s%llu leaked%s: left behind all along, and nothing has used "
				 "them since\n",
				 printer__accent(p, ORANGE), (ull)leaked,
				 printer__accent(p, PLAIN));
	else
		out_file__printf(p->f,
				 "  none leaked: they are in use, wait for a collection, or do "
				 "not grow in number\n");
}

static int print_resources(const struct printer *p)
{
	static const char *const heads[] = {"TYPE",	   "ALIVE",  "IN USE",
					    "UNCOLLECTED", "LEAKED", "OLDEST"};
	const struct flow_leaks *l = &p->m->leaks;
	struct text_table *t;
	char name[TEXT_CELL];
	int err;

	if (!l->count)
		return 0;
	err = text_table__new(&t, "lrrrrr", heads);
	if (err)
		return err;
	printer__title(
		p, "Alive long after their request (10 s, or as long as their type usually lives)");
	for (uint32_t i = 0; i < l->count; i++) {
		const struct flow_outlived *o = &l->type[i];

		text_table__cell(t, "%s", text_safe(name, sizeof(name), o->name));
		text_table__cell(t, "%llu", (ull)o->alive);
		text_table__cell(t, "%llu", (ull)o->in_use);
		text_table__cell(t, "%llu", (ull)o->uncollected);
		text_table__cell(t, "%llu", (ull)o->leaked);
		text_table__duration(t, o->oldest_ns);
	}
	err = text_table__print(t, p->f);
	text_table__free(t);
	print_judgement(p);
	return err;
}

static void cell_trend(struct text_table *t, enum flow_trend trend, double per_s)
{
	switch (trend) {
	case TREND_LINEAR:
		text_table__cell(t, "+%.1f/s all along", per_s);
		break;
	case TREND_SLOWING:
		text_table__cell(t, "+%.1f/s, ever slower", per_s);
		break;
	case TREND_STEADY:
		text_table__cell(t, "steady");
		break;
	default:
		text_table__cell(t, "-");
		break;
	}
}

static int print_stores(const struct printer *p)
{
	static const char *const heads[] = {"INSTANCE", "STORES", "ACTIVE AT", "OLDEST", "NUMBER"};
	struct text_table *t;
	bool grow = false;
	int err;

	if (!p->m->left_count)
		return 0;
	err = text_table__new(&t, "rrrrl", heads);
	if (err)
		return err;
	printer__title(p, "Stores active long after their request (10 s)");
	for (size_t i = 0; i < p->m->left_count; i++) {
		const struct flow_left *l = &p->m->left[i];

		text_table__cell(t, "%u", l->instance);
		text_table__cell(t, "%llu", (ull)l->stores);
		text_table__cell(t, "%llu", (ull)l->operations);
		text_table__duration(t, l->oldest_ns);
		cell_trend(t, l->trend, l->per_s);
		grow |= l->trend == TREND_LINEAR;
	}
	err = text_table__print(t, p->f);
	text_table__free(t);
	if (grow)
		out_file__printf(p->f,
				 "  %sleak suspected%s: requests leave their stores to something "
				 "that goes on\n",
				 printer__accent(p, ORANGE), printer__accent(p, PLAIN));
	return err;
}

static void cells_count(struct text_table *t, const struct model_count *c)
{
	if (c->unknown != FLOW_COUNT_KNOWN) {
		for (int i = 0; i < 3; i++)
			text_table__cell(t, "-");
		text_table__cell(t, "%s", leak_text__unknown(c->unknown));
		return;
	}
	text_table__cell(t, "%u", c->now);
	text_table__cell(t, "%u", c->min);
	text_table__cell(t, "%u", c->max);
	cell_trend(t, c->trend, c->per_s);
}

static void row_waiting(struct text_table *t, const struct model_waiting *w, const char *what,
			const struct model_count *c)
{
	text_table__cell(t, "%u", w->pid);
	text_table__cell(t, "%u%s", w->env, w->env ? "" : " main");
	text_table__cell(t, "%s", what);
	cells_count(t, c);
}

static int print_waiting(const struct printer *p)
{
	static const char *const heads[] = {"PID", "ENV", "WHAT", "NOW", "LEAST", "MOST", "NUMBER"};
	struct text_table *t;
	bool grow = false;
	int err;

	if (!p->m->waiting_count)
		return 0;
	err = text_table__new(&t, "rllrrrl", heads);
	if (err)
		return err;
	printer__title(p, "Timers (unref()ed ones are not counted) and immediates of JavaScript");
	for (size_t i = 0; i < p->m->waiting_count; i++) {
		const struct model_waiting *w = &p->m->waiting[i];

		row_waiting(t, w, "timers", &w->timers);
		row_waiting(t, w, "immediates", &w->immediates);
		grow |= leak_suspected(&w->timers) || leak_suspected(&w->immediates);
	}
	err = text_table__print(t, p->f);
	text_table__free(t);
	if (grow)
		out_file__printf(p->f,
				 "  %sleak suspected%s: a number grew all along. Timers that are "
				 "longer than the\n  observation look the same.\n",
				 printer__accent(p, ORANGE), printer__accent(p, PLAIN));
	return err;
}

int printer__leaks(const struct printer *p)
{
	int err = print_resources(p);

	if (!err)
		err = print_stores(p);
	return err ? err : print_waiting(p);
}

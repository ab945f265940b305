// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resources and what is left behind; how far the page can be trusted; how to read it. */
#include <stdio.h>

#include "out_html_parts.h"
#include "out_leak.h"
#include "out_report.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

static void put_types(struct html_page *p)
{
	static const char *const titles[] = {"Type",   "#Created",   "#Destroyed",
					     "#Alive", "#Callbacks", "#Of a request"};

	page_table__begin(p, "Async resources by type", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->type_count; i++) {
		const struct flow_res_type *c = &p->m->types[i].count;

		page_row__begin(p);
		page_cell__head(p, p->m->types[i].name);
		page_cell__count(p, c->init);
		page_cell__count(p, c->destroy);
		page_cell__count(p, c->alive);
		page_cell__count(p, c->before);
		page_cell__count(p, c->known_request);
		page_row__end(p);
	}
	page_table__end(p);
}

static const char *judgement(const struct model *m)
{
	if (m->leaks.judged == LEAKS_SHORT)
		return "Whether they are leaked can be told from 20 s of observation on.";
	if (m->leaks.judged == LEAKS_LOSS)
		return "Whether they are leaked cannot be told: records were lost.";
	if (m->findings.leaked)
		return "\u25b2 Leaked: left behind all along, and nothing has used them since.";
	return "None is leaked: they are in use, wait for a collection, or do not grow in number.";
}

static void put_outlived(struct html_page *p)
{
	static const char *const titles[] = {"Type",	     "#Alive",	"#In use",
					     "#Uncollected", "#Leaked", "#Oldest"};
	const struct flow_leaks *l = &p->m->leaks;

	if (!l->count)
		return;
	page_table__begin(p, "Alive long after their request", titles, ARRAY_SIZE(titles));
	for (uint32_t i = 0; i < l->count; i++) {
		const struct flow_outlived *o = &l->type[i];

		page_row__begin(p);
		page_cell__head(p, o->name);
		page_cell__count(p, o->alive);
		page_cell__count(p, o->in_use);
		page_cell__count(p, o->uncollected);
		page_cell__count(p, o->leaked);
		page_cell__ns(p, true, o->oldest_ns);
		page_row__end(p);
	}
	page_table__end(p);
	html__put(&p->h, "<p class=\"about\">%s</p>\n", judgement(p->m));
}

static void put_trend(struct html_page *p, enum flow_trend trend, double per_s)
{
	if (trend == TREND_LINEAR)
		html__put(&p->h, "<td>\u25b2 +%.1f/s all along: leak suspected</td>", per_s);
	else if (trend == TREND_SLOWING)
		html__put(&p->h, "<td>+%.1f/s, ever slower</td>", per_s);
	else
		html__put(&p->h, "<td>%s</td>", trend == TREND_STEADY ? "steady" : "\u2013");
}

static void put_count(struct html_page *p, const struct model_waiting *w, const char *what,
		      const struct model_count *c)
{
	bool known = c->unknown == FLOW_COUNT_KNOWN;

	html__put(&p->h, "<tr><th scope=\"row\">%s of %u/%u</th>", what, w->pid, w->env);
	page_cell__number(p, known, c->now, 0, "");
	page_cell__number(p, known, c->min, 0, "");
	page_cell__number(p, known, c->max, 0, "");
	if (known)
		put_trend(p, c->trend, c->per_s);
	else
		page_cell__text(p, leak_text__unknown(c->unknown));
	page_row__end(p);
}

static void put_waiting(struct html_page *p)
{
	static const char *const titles[] = {"What", "#Now", "#Least", "#Most", "Number"};

	if (!p->m->waiting_count)
		return;
	page_table__begin(p, "Timers (without unref()ed ones) and immediates of JavaScript", titles,
			  ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->waiting_count; i++) {
		put_count(p, &p->m->waiting[i], "timers", &p->m->waiting[i].timers);
		put_count(p, &p->m->waiting[i], "immediates", &p->m->waiting[i].immediates);
	}
	page_table__end(p);
}

static void put_left(struct html_page *p)
{
	static const char *const titles[] = {"AsyncLocalStorage instance", "#Stores", "#Active at",
					     "#Oldest", "Number"};

	if (!p->m->left_count)
		return;
	page_table__begin(p, "Stores active long after their request (10 s)", titles,
			  ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->left_count; i++) {
		const struct flow_left *l = &p->m->left[i];

		html__put(&p->h, "<tr><th scope=\"row\">%u</th>", l->instance);
		page_cell__count(p, l->stores);
		page_cell__count(p, l->operations);
		page_cell__ns(p, true, l->oldest_ns);
		put_trend(p, l->trend, l->per_s);
		page_row__end(p);
	}
	page_table__end(p);
}

void page__resources(struct html_page *p)
{
	const struct model *m = p->m;

	if (!m->type_count && !m->leaks.count && !m->waiting_count && !m->left_count)
		return;
	page_section__begin(p, "resources", "Resources", NULL);
	if (m->type_count)
		put_types(p);
	else
		html__put(&p->h, "<p class=\"about\">Async resources by type take --level "
				 "resources.</p>\n");
	put_outlived(p);
	put_left(p);
	put_waiting(p);
	page_section__end(p);
}

static void put_probes(struct html_page *p)
{
	static const char *const titles[] = {"Probe", "#Hits", "#Misses", "Where, or why not"};

	page_details__begin(p, "Probes");
	page_table__begin(p, "Probes", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->probe_count; i++) {
		const struct model_probe *pr = &p->m->probes[i];

		page_row__begin(p);
		page_cell__head(p, pr->name);
		page_cell__count(p, pr->hits);
		page_cell__count(p, pr->misses);
		if (pr->attached)
			page_cell__text(p, pr->site);
		else
			html__put(&p->h, "<td>\u25b2 not attached: %s</td>", pr->reason);
		page_row__end(p);
	}
	page_table__end(p);
	page_details__end(p);
}

static void put_counters(struct html_page *p)
{
	static const char *const titles[] = {"Counter", "#Value"};

	if (!p->m->counter_count)
		return;
	page_details__begin(p, "Counters");
	page_table__begin(p, "Counters", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->counter_count; i++) {
		page_row__begin(p);
		page_cell__head(p, p->m->counters[i].name);
		page_cell__count(p, p->m->counters[i].value);
		page_row__end(p);
	}
	page_table__end(p);
	page_details__end(p);
}

static void put_loss(struct html_page *p)
{
	const struct model_loss *l = &p->m->loss;

	if (l->total)
		html__put(&p->h,
			  "<p>\u25b2 <b>%llu records lost:</b> %llu in the ring buffer, %llu in "
			  "maps, "
			  "%llu reads, %llu in the file.</p>\n",
			  (ull)l->total, (ull)l->ring, (ull)l->map, (ull)l->read, (ull)l->file);
	else
		html__put(&p->h, "<p>\u2713 No record was lost.</p>\n");
}

static void put_notes(struct html_page *p)
{
	char notes[REPORT_NOTES][REPORT_NOTE];
	size_t n = report_notes(p->m, notes);

	if (!n)
		return;
	html__put(&p->h, "<ul>\n");
	for (size_t i = 0; i < n; i++)
		html__put(&p->h, "<li>%s</li>\n", notes[i]);
	html__put(&p->h, "</ul>\n");
}

void page__trust(struct html_page *p)
{
	size_t attached = 0;

	for (size_t i = 0; i < p->m->probe_count; i++)
		attached += p->m->probes[i].attached;
	page_section__begin(
		p, "trust", "How far this can be trusted",
		"What was lost, what is left out of the figures, and where loopray looked.");
	put_loss(p);
	put_notes(p);
	if (p->m->probe_count) {
		html__put(&p->h, "<p>%zu of %zu probes were attached.</p>\n", attached,
			  p->m->probe_count);
		put_probes(p);
	}
	put_counters(p);
	page_section__end(p);
}

static const char *const reading[][2] = {
	{"Request", "From its arrival in the socket to the last byte of its response. Figures of "
		    "latency are of requests that were observed from begin to end."},
	{"Mismatch",
	 "What wrote the response ran under the AsyncLocalStorage store of another request "
	 "(foreign), or without the one that its own had (lost). With harm: a second, "
	 "independent sign exists, such as the other one's id in this response. Stale: the "
	 "other request had been answered already."},
	{"Not judged",
	 "Whose store it was cannot be told for certain. It is counted apart, and never "
	 "as a mismatch."},
	{"Values",
	 "\u2039string 77c0\u2026\u203a is a fingerprint: equal ones mean equal values within this "
	 "recording, and nothing of the value can be read from it."},
	{"Queue, on CPU, busy, wait",
	 "The four parts of a latency by what the loop did: before it read "
	 "the request, for it, for others, nothing. What it waited for "
	 "splits the same time by what was pending."},
	{"\u25b2", "Marks what needs attention. Colours only repeat what is said: orange is the "
		   "process's own doing or a fault, blue what was observed."},
	{"\u2013", "Not known. What cannot be known is not guessed."},
};

void page__reading(struct html_page *p)
{
	page_section__begin(p, "reading", "How to read it", NULL);
	html__put(&p->h, "<dl class=\"reading\">\n");
	for (size_t i = 0; i < ARRAY_SIZE(reading); i++)
		html__put(&p->h, "<dt>%s</dt><dd>%s</dd>\n", reading[i][0], reading[i][1]);
	html__put(&p->h, "</dl>\n");
	page_section__end(p);
}

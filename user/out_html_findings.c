// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings by cause: what it is, one of them told, its time line, both stores, how sure it is. */
#include <stdio.h>
#include <string.h>

#include "out_finding.h"
#include "out_finding_story.h"
#include "out_finding_time.h"
#include "out_html_parts.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define GROUPS_SHOWN 16
#define TEXT	     64

static void put_context(struct html_page *p)
{
	static const char *const titles[] = {"Response heads", "#Count", "#Of all"};
	const struct flow_context_counts *c = &p->m->context;
	const struct {
		const char *what;
		uint64_t n;
	} rows[] = {
		{"all", c->heads},
		{"a store was active", c->read},
		{"no store was active", c->none},
		{"stores could not be read", c->unreadable},
		{"store of the connection's earlier request: no mismatch", c->same_connection},
	};

	page_table__begin(p, "What was read", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < ARRAY_SIZE(rows) + UNKNOWN_REASONS; i++) {
		bool plain = i < ARRAY_SIZE(rows);
		unsigned int why = plain ? 0 : (unsigned int)(i - ARRAY_SIZE(rows));
		uint64_t n = plain ? rows[i].n : c->unknown[why];
		char text[160];

		if (!plain && (why == UNKNOWN_NOT || !n))
			continue;
		snprintf(text, sizeof(text), "%s%s", plain ? "" : "not judged: ",
			 plain ? rows[i].what : finding_text__unknown(why));
		page_row__begin(p);
		page_cell__head(p, text);
		page_cell__count(p, n);
		page_cell__number(p, c->heads, part_percent(n, c->heads), 1, "%");
		page_row__end(p);
	}
	page_table__end(p);
}

/* The shape says what, the lane whose, the list below both. */
static const char *moment_symbol(enum finding_what what)
{
	static const char *const symbols[] = {
		[WHAT_ARRIVED] = "\u25b7", [WHAT_READ] = "\u25cb",  [WHAT_MADE] = "\u25b2",
		[WHAT_HEAD] = "\u25c6",	   [WHAT_ENDED] = "\u25a0",
	};

	return symbols[what];
}

static const char *moment_text(const struct finding_moment *m)
{
	switch (m->what) {
	case WHAT_ARRIVED:
		return "arrived";
	case WHAT_READ:
		return "was read";
	case WHAT_MADE:
		return "was made";
	case WHAT_HEAD:
		return "response head written";
	default:
		return "ended";
	}
}

static void put_lane(struct html_page *p, enum finding_who who, const struct finding_moment *m,
		     size_t n)
{
	static const char *const names[] = {[WHO_THIS] = "this request",
					    [WHO_OTHER] = "the other one",
					    [WHO_CALLBACK] = "callback"};
	double first = (double)m[0].ns, length = (double)(m[n - 1].ns - m[0].ns);
	double from = -1, to = 0;

	for (size_t i = 0; i < n; i++) {
		double at = length > 0 ? 100 * ((double)m[i].ns - first) / length : 0;

		if (m[i].who != who)
			continue;
		from = from < 0 ? at : from;
		to = at;
	}
	if (from < 0)
		return;
	html__put(&p->h,
		  "<div class=\"lane %s\"><span class=\"lane-name\">%s</span><span "
		  "class=\"lane-line\">"
		  "<i style=\"left:%.2f%%;width:%.2f%%\"></i>",
		  finding_word__who(who), names[who], from, to - from);
	for (size_t i = 0; i < n; i++)
		if (m[i].who == who)
			html__put(&p->h, "<b style=\"left:%.2f%%\">%s</b>",
				  length > 0 ? 100 * ((double)m[i].ns - first) / length : 0,
				  moment_symbol(m[i].what));
	html__put(&p->h, "</span></div>\n");
}

static void put_timeline(struct html_page *p, const struct model_group *g)
{
	static const char *const who[] = {[WHO_THIS] = "this request",
					  [WHO_OTHER] = "the other one",
					  [WHO_CALLBACK] = "the callback"};
	struct finding_moment m[FINDING_MOMENTS] = {0};
	size_t n = finding_moments(g, m);

	if (n < 2)
		return;
	html__put(&p->h, "<h4>Time line</h4>\n<div class=\"lanes\" aria-hidden=\"true\">\n");
	for (int i = WHO_THIS; i <= WHO_CALLBACK; i++)
		put_lane(p, (enum finding_who)i, m, n);
	html__put(&p->h, "</div>\n<ol class=\"moments\">\n");
	for (size_t i = 0; i < n; i++)
		html__put(&p->h,
			  "<li><span class=\"ms\">%+.1f ms</span> <span "
			  "aria-hidden=\"true\">%s</span> "
			  "%s: %s</li>\n",
			  ((double)m[i].ns - (double)g->example.head_ns) / 1e6,
			  moment_symbol(m[i].what), who[m[i].who], moment_text(&m[i]));
	html__put(&p->h, "</ol>\n");
}

static void put_value(struct html_page *p, const struct finding_field *f, unsigned int digits)
{
	char text[FINDING_VALUE];

	if (f)
		html__put(&p->h, "<td><code>%s</code></td>",
			  finding_text__value(text, f, digits, p->opts->show_values));
	else
		html__put(&p->h, "<td>\u2013</td>");
}

/* Whether both stores have the same value; only told where both are known. */
static const char *same_text(const struct finding_field *a, const struct finding_field *b)
{
	if (!a || !b)
		return "";
	return a->kind == b->kind && a->hash == b->hash ? "= same" : "\u2260 differs";
}

static void put_field(struct html_page *p, const struct model_group *g,
		      const struct finding_field *f)
{
	const struct finding_field *active = finding_store__field(&g->example.active, f->name);
	const struct finding_field *own = finding_store__field(&g->example.own, f->name);
	unsigned int digits = finding_digits(active, own);

	page_row__begin(p);
	page_cell__head(p, f->name[0] ? f->name : "(itself)");
	if (g->kind != FINDING_LOST)
		put_value(p, active, digits);
	put_value(p, own, digits);
	if (g->kind != FINDING_LOST)
		html__put(&p->h, "<td class=\"same\">%s</td>", same_text(active, own));
	page_row__end(p);
}

static void put_stores(struct html_page *p, const struct model_group *g)
{
	const struct finding_store *active = &g->example.active, *own = &g->example.own;
	const bool has_own = own->known && own->n, has_active = active->known && active->n;
	const bool lost = g->kind == FINDING_LOST;
	const char *titles[] = {"Field", "Active: the other request's",
				has_own ? "Its own" : "Its own (not seen)", ""};
	const char *lost_titles[] = {"Field", "Its own"};

	if (!has_own && (lost || !has_active))
		return;
	page_table__begin(p, lost ? "The store that it had" : "Both stores",
			  lost ? lost_titles : titles, lost ? 2 : 4);
	for (uint32_t i = 0; active->known && !lost && i < active->n && i < FINDING_FIELDS; i++)
		put_field(p, g, &active->field[i]);
	for (uint32_t i = 0; own->known && i < own->n && i < FINDING_FIELDS; i++)
		if (lost || !finding_store__field(active, own->field[i].name))
			put_field(p, g, &own->field[i]);
	page_table__end(p);
}

static void put_sentence(struct html_page *p, const char *class, const struct sentence *s)
{
	html__put(&p->h, "<p class=\"%s\">%s</p>\n", class, s->text);
}

static void put_next(struct html_page *p, const struct model_group *g)
{
	const char *text;

	html__put(&p->h, "<h4>What to do</h4>\n");
	for (unsigned int i = 0; (text = finding_text__next(g, i, p->m->has_resources)); i++)
		html__put(&p->h, "<p class=\"next\">%s</p>\n", text);
}

static void put_group(struct html_page *p, const struct model_group *g, bool open)
{
	struct sentence title = {0}, extent = {0}, story = {0}, certainty = {0};
	const bool bad = g->kind != FINDING_FAN_OUT;

	finding_story__kind(&title, g);
	finding_story__cause(&title, g);
	finding_story__extent(&extent, g, p->m->start_ns);
	finding_story__example(&story, g, p->m->has_resources);
	finding_story__certainty(&certainty, &g->example);
	html__put(&p->h, "<details class=\"finding %s\"", finding_word__kind(g->kind));
	html__markup(&p->h, open ? " open>" : ">");
	html__put(&p->h, "\n<summary><h3>%s<span class=\"num\">%llu</span>%s</h3></summary>\n",
		  bad ? "\u25b2 " : "", (ull)g->count, title.text);
	html__put(&p->h, "<p class=\"about\">%s</p>\n", finding_text__about(g));
	put_sentence(p, "extent", &extent);
	if (!g->merged) {
		put_sentence(p, "story", &story);
		if (bad) {
			put_stores(p, g);
			put_timeline(p, g);
			put_sentence(p, "certainty", &certainty);
		}
	}
	put_next(p, g);
	page_details__end(p);
}

void page__findings(struct html_page *p)
{
	size_t shown = min_t(size_t, p->m->group_count, GROUPS_SHOWN);

	page_section__begin(
		p, "findings", "Findings",
		"Requests whose response was written while another request's "
		"AsyncLocalStorage store was active, or none though they had one: by "
		"cause, the most harmful first. What shares a cause is most likely fixed "
		"at one place.");
	if (!shown)
		html__put(&p->h, "<p>None.</p>\n");
	for (size_t i = 0; i < shown; i++)
		put_group(p, &p->m->groups[i], i < 3);
	if (p->m->group_count > shown)
		html__put(&p->h,
			  "<p>And %zu more causes: all of them are in the JSON report.</p>\n",
			  p->m->group_count - shown);
	if (p->m->context.heads)
		put_context(p);
	page_section__end(p);
}

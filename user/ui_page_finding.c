// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page of a cause: what happened, what to do, one request of it with its evidence. */
#include <stdio.h>
#include <string.h>

#include "out_finding.h"
#include "out_finding_story.h"
#include "out_finding_time.h"
#include "ui_view_parts.h"
#include "util.h"

static void put_title(struct ui_page *p, const struct model_group *g)
{
	const bool design = g->kind == FINDING_FAN_OUT;
	struct sentence s = {0};

	sentence__add(&s, "%llu", (ull)g->count);
	finding_story__kind(&s, g);
	finding_story__cause(&s, g);
	ui_page__sure(p, 0,
		      design	? UI_PLAIN
		      : g->harm ? UI_WORSE
				: UI_BAD,
		      design ? SIGN_DOT : SIGN_BAD, s.text);
}

static void put_next(struct ui_page *p, const struct model_group *g, bool resources)
{
	const char *text;

	ui_page__heading(p, "What to do");
	for (unsigned int i = 0; (text = finding_text__next(g, i, resources)); i++) {
		ui_page__printf(p, UI_DIM, "%u", i + 1);
		ui_page__wrap(p, UI_PLAIN, 2, text);
	}
}

static void put_side(struct ui_page *p, const char *name, const char *method, const char *path,
		     const struct flow_req *req, const struct finding_request *other)
{
	const uint64_t conn = req ? req->conn : other->conn;
	const uint64_t seq = req ? req->seq : other->seq;
	const uint16_t port = req ? req->peer_port : other->peer_port;
	struct sentence s = {0};

	if (!conn) {
		ui_page__fact(p, name, "a request that is not known");
		return;
	}
	if (method[0])
		sentence__add(&s, "%s %s, ", method, path);
	else
		sentence__add(&s, "%s", "one of the requests of ");
	sentence__add(&s, "connection %llu", (ull)flow_conn__number(conn));
	if (flow_conn__stream(conn))
		sentence__add(&s, " stream %u", flow_conn__stream(conn));
	if (port)
		sentence__add(&s, ", port %u", port);
	if (seq)
		sentence__add(&s, ", request %llu", (ull)seq);
	if (req && req->status)
		sentence__add(&s, ", status %u", req->status);
	ui_page__fact(p, name, s.text);
}

static void put_both(struct ui_page *p, const struct model_group *g)
{
	ui_page__end(p);
	put_side(p, "this", g->on.method, g->on.path, &g->on.req, NULL);
	if (g->kind != FINDING_LOST)
		put_side(p, "other", g->example.other.method, g->example.other.path, NULL,
			 &g->example.other);
}

/* Both requests around the write, a row each moment, on one scale. */
static void put_timeline(struct ui_page *p, const struct model_group *g)
{
	struct finding_moment m[FINDING_MOMENTS] = {0};
	const size_t n = finding_moments(g, m);
	const uint64_t head = g->example.head_ns;
	struct ui_scale s = {0};

	if (n < 2)
		return;
	ui_page__heading(p, "Time line, from the write of the response head");
	ui_page__scale(p, &s, m[0].ns, m[n - 1].ns);
	for (size_t i = 0; i < n; i++) {
		const bool this = m[i].who == WHO_THIS;
		char text[48], ns[24], time[32];

		snprintf(text, sizeof(text), s.col > 20 ? "%-8s %s" : "%s %s",
			 finding_word__who(m[i].who), finding_word__what(m[i].what));
		ui_page__label(p, &s, this ? UI_PLAIN : UI_BAD, text);
		ui_page__moment(p, &s, this ? UI_STRONG : UI_BAD, m[i].ns);
		ui_text__ns(ns, sizeof(ns), m[i].ns > head ? m[i].ns - head : head - m[i].ns);
		snprintf(time, sizeof(time), "%s%s",
			 m[i].ns > head	  ? "+"
			 : m[i].ns < head ? "-"
					  : "",
			 ns);
		ui_page__right(p, UI_PLAIN, s.col + s.width + 9, time);
		ui_page__end(p);
	}
}

/* Both stores of a finding, side by side. */
struct sides {
	const struct flow_finding *f;
	unsigned int width; /* of a column */
	bool show;	    /* values, not their fingerprints */
};

static void put_value(struct ui_page *p, const struct sides *s, unsigned int col,
		      const struct finding_field *f, unsigned int digits, enum ui_style style)
{
	char text[FINDING_VALUE];

	ui_page__column(p, col * s->width);
	ui_page__cell(p, s->width - 1, f ? style : UI_DIM,
		      f ? finding_text__value(text, f, digits, s->show) : "-");
}

static void put_field(struct ui_page *p, const struct sides *s, const struct finding_field *f)
{
	const struct finding_field *active = finding_store__field(&s->f->active, f->name);
	const struct finding_field *own = finding_store__field(&s->f->own, f->name);
	const unsigned int digits = finding_digits(active, own);
	const bool differ = active && own && active->hash != own->hash;
	const bool lost = s->f->kind == FINDING_LOST;

	if (differ)
		ui_page__sign(p, UI_BAD, SIGN_BAD);
	ui_page__column(p, 2);
	ui_page__cell(p, s->width - 3, UI_PLAIN, f->name[0] ? f->name : "(itself)");
	if (!lost)
		put_value(p, s, 1, active, digits, differ ? UI_BAD : UI_PLAIN);
	put_value(p, s, lost ? 1 : 2, own, digits, differ ? UI_GOOD : UI_PLAIN);
	ui_page__end(p);
}

static void put_heads(struct ui_page *p, const struct sides *s)
{
	char head[64];

	ui_page__column(p, 2);
	ui_page__cell(p, s->width - 3, UI_HEADING, "field");
	ui_page__column(p, s->width);
	if (s->f->kind != FINDING_LOST) {
		finding_text__active(head, sizeof(head), s->f);
		ui_page__cell(p, s->width - 1, UI_HEADING,
			      s->width > ui_text__width(head) ? head : "active");
		ui_page__column(p, 2 * s->width);
	}
	ui_page__cell(p, s->width - 1, UI_HEADING,
		      s->f->own.known ? "its own" : "its own (not seen)");
	ui_page__end(p);
}

static void put_stores(struct ui_page *p, const struct model_group *g, bool show)
{
	const struct finding_store *active = &g->example.active, *own = &g->example.own;
	const struct sides s = {&g->example, min_t(unsigned int, (ui_page__cols(p) - 2) / 3, 34),
				show};

	ui_page__heading(p, show ? "What both stores hold"
				 : "What both stores hold (masked: see --show-values)");
	if (!active->known && !own->known) {
		ui_page__wrap(p, UI_DIM, 2, "unknown: neither could be read");
		return;
	}
	if (s.width < 6)
		return;
	put_heads(p, &s);
	for (uint32_t i = 0; active->known && i < min_t(uint32_t, active->n, FINDING_FIELDS); i++)
		put_field(p, &s, &active->field[i]);
	for (uint32_t i = 0; own->known && i < min_t(uint32_t, own->n, FINDING_FIELDS); i++)
		if (!finding_store__field(active, own->field[i].name))
			put_field(p, &s, &own->field[i]);
}

static void put_chain(struct ui_page *p, const struct model_group *g, bool resources)
{
	const struct flow_finding *f = &g->example;

	ui_page__heading(p, "Where the callback came from");
	if (!f->nchain) {
		ui_page__wrap(p, UI_DIM, 2,
			      resources
				      ? "unknown: it is JavaScript's own, or older than the attach"
				      : "unknown: that takes --level resources");
		return;
	}
	for (uint32_t i = 0; i < min_t(uint32_t, f->nchain, FINDING_CHAIN); i++) {
		const struct finding_link *l = &f->chain[i];
		struct sentence s = {0};
		char text[24];

		sentence__add(&s, "%s%s %lld", i ? "triggered by " : "",
			      l->resource[0] ? l->resource : "async id", (long long)l->async_id);
		if (l->init_ns && l->init_ns <= f->head_ns) {
			ui_text__ns(text, sizeof(text), f->head_ns - l->init_ns);
			sentence__add(&s, ", made %s before the write", text);
		}
		if (l->seq && l->method[0])
			sentence__add(&s, " for %s %s of connection %llu", l->method, l->path,
				      (ull)flow_conn__number(l->conn));
		if (!l->resource[0] && !l->init_ns)
			sentence__add(&s, " (JavaScript's own, or older than the attach)");
		ui_page__column(p, 2 + 2 * i);
		ui_page__wrap(p, UI_PLAIN, 2 + 2 * i, s.text);
	}
}

static void put_group(struct ui_page *p, const struct live_view *v, const struct model_group *g)
{
	struct sentence extent = {0}, story = {0}, sure = {0};

	put_title(p, g);
	finding_story__extent(&extent, g, v->m->start_ns);
	ui_page__wrap(p, UI_DIM, 2, extent.text);
	ui_page__heading(p, "What it is");
	ui_page__wrap(p, UI_PLAIN, 0, finding_text__about(g));
	put_next(p, g, v->m->has_resources);
	ui_page__heading(p, "One of them");
	finding_story__example(&story, g, v->m->has_resources);
	ui_page__wrap(p, UI_PLAIN, 0, story.text);
	put_both(p, g);
	if (g->kind == FINDING_FAN_OUT)
		return;
	put_stores(p, g, v->show_values);
	put_timeline(p, g);
	ui_page__heading(p, "How sure it is");
	finding_story__certainty(&sure, &g->example);
	ui_page__wrap(p, UI_PLAIN, 0, sure.text);
	put_chain(p, g, v->m->has_resources);
}

bool ui_page_finding(const struct live_view *v, uint64_t id, struct ui_page *p)
{
	const struct model *m = v->m;

	for (size_t i = 0; i < m->group_count + m->blocking.blocker_count; i++) {
		if (ui_finding__id(v, i) != id)
			continue;
		if (i < m->group_count)
			put_group(p, v, &m->groups[i]);
		else
			ui_page__blocker(p, v, &m->blocking.blocker[i - m->group_count]);
		return true;
	}
	return false;
}

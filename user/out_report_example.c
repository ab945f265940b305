// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The worked example of a group of findings. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "out_finding.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define INDENT 4

static void cell_value(const struct printer *p, struct text_table *t, const struct finding_field *f,
		       unsigned int digits)
{
	char text[FINDING_VALUE];

	text_table__cell(t, "%s",
			 f ? finding_text__value(text, f, digits, p->opts->show_values) : "-");
}

static void row(const struct printer *p, struct text_table *t, const struct model_group *g,
		const struct finding_field *f)
{
	const struct finding_field *active = finding_store__field(&g->example.active, f->name);
	const struct finding_field *own = finding_store__field(&g->example.own, f->name);
	unsigned int digits = finding_digits(active, own);
	char name[40];

	text_table__cell(t, "    %s",
			 f->name[0] ? text_safe(name, sizeof(name), f->name) : "(itself)");
	if (g->kind != FINDING_LOST)
		cell_value(p, t, active, digits);
	cell_value(p, t, own, digits);
}

static void rows(const struct printer *p, struct text_table *t, const struct model_group *g)
{
	const struct finding_store *active = &g->example.active, *own = &g->example.own;

	for (uint32_t i = 0; active->known && i < active->n && i < FINDING_FIELDS; i++)
		row(p, t, g, &active->field[i]);
	for (uint32_t i = 0; own->known && i < own->n && i < FINDING_FIELDS; i++)
		if (!finding_store__field(active, own->field[i].name))
			row(p, t, g, &own->field[i]);
}

static int print_stores(const struct printer *p, const struct model_group *g)
{
	const struct flow_finding *f = &g->example;
	bool own = f->own.known && f->own.n, active = f->active.known && f->active.n;
	char head[64];
	const char *heads[] = {"    FIELD", head, own ? "ITS OWN" : "ITS OWN (NOT SEEN)"};
	const char *lost[] = {"    FIELD", "ITS OWN"};
	struct text_table *t;
	int err;

	if (!own && (g->kind == FINDING_LOST || !active))
		return 0;
	finding_text__active(head, sizeof(head), f);
	for (char *c = head; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	err = g->kind == FINDING_LOST ? text_table__new(&t, "ll", lost)
				      : text_table__new(&t, "lll", heads);
	if (err)
		return err;
	rows(p, t, g);
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

int printer__example(const struct printer *p, const struct model_group *g)
{
	struct sentence story = {0}, times = {0}, certainty = {0};
	int err;

	finding_story__example(&story, g, p->m->has_resources);
	text_wrap(p->f, INDENT, INDENT, story.text);
	if (g->kind == FINDING_FAN_OUT)
		return 0;
	finding_story__timeline(&times, g);
	text_wrap(p->f, INDENT, INDENT, times.text);
	err = print_stores(p, g);
	finding_story__certainty(&certainty, &g->example);
	text_wrap(p->f, INDENT, INDENT, certainty.text);
	return err;
}

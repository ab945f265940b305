// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Results of checks, a line each, with what was measured and why it is unsure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "out_check.h"
#include "out_finding.h"
#include "out_text.h"
#include "util.h"

typedef unsigned long long ull;

char *out_check__cause(char *buf, size_t cap, const struct model_group *g)
{
	char method[32], route[160], other_method[32], other[160];

	text_safe(method, sizeof(method), g->method);
	text_safe(route, sizeof(route), g->route);
	text_safe(other_method, sizeof(other_method), g->other_method);
	text_safe(other, sizeof(other), g->other_route);
	if (g->kind == FINDING_LOST)
		snprintf(buf, cap, "%llu x lost: %s %s without the store that it had",
			 (ull)g->count, method, route);
	else if (strcmp(g->other_method, "?") == 0)
		snprintf(buf, cap, "%llu x foreign: %s %s under the store of an unknown request",
			 (ull)g->count, method, route);
	else
		snprintf(buf, cap, "%llu x foreign: %s %s under the store of %s %s", (ull)g->count,
			 method, route, other_method, other);
	return buf;
}

static const char *accent(const struct out_check *c, const char *code)
{
	return c->opts->color ? code : "";
}

static void print_head(struct out_file *f, const struct out_check *c)
{
	const struct check_report *r = c->report;
	char name[300];

	out_file__printf(
		f, "check %s: ", c->capture ? text_safe(name, sizeof(name), c->capture) : "live");
	if (r->failed || r->unsure)
		out_file__printf(f, "%s", accent(c, ORANGE));
	if (r->failed)
		out_file__printf(f, "%llu failed, ", (ull)r->failed);
	if (r->unsure)
		out_file__printf(f, "%llu unsure, ", (ull)r->unsure);
	if (r->failed || r->unsure)
		out_file__printf(f, "%s", accent(c, PLAIN));
	out_file__printf(f, "%llu held; %llu requests in %.1f s\n", (ull)r->held,
			 (ull)c->m->requests.total, model__duration(c->m));
	if (r->by_default)
		out_file__printf(f, "No limit was given: what is checked is --max-mismatches 0.\n");
}

static const char *word(enum check_is is)
{
	static const char *const words[] = {"ok", "FAILED", "unsure"};

	return words[is];
}

static void print_result(struct out_file *f, const struct out_check *c,
			 const struct check_result *r)
{
	char value[32] = "nothing", limit[96];

	if (r->known)
		out_check__value(value, sizeof(value), r->unit, r->measured);
	out_file__printf(f, "  %s%-6s%s  %-22s  %10s  %s\n",
			 accent(c, r->is == CHECK_HELD ? "" : ORANGE), word(r->is),
			 accent(c, r->is == CHECK_HELD ? "" : PLAIN), r->what, value,
			 out_check__limit(limit, sizeof(limit), r));
	for (size_t i = 0; i < r->nreasons; i++)
		out_file__printf(f, "          because: %s\n", r->reason[i]);
}

static void print_causes(struct out_file *f, const struct out_check *c)
{
	char text[512];
	size_t n = 0;

	for (size_t i = 0; i < c->m->group_count && n < CHECK_CAUSES; i++) {
		if (c->m->groups[i].kind == FINDING_FAN_OUT)
			continue;
		if (!n++)
			out_file__printf(f,
					 "\nMismatches (loopray report has an example of each)\n");
		text_wrap(f, 2, 4, out_check__cause(text, sizeof(text), &c->m->groups[i]));
	}
}

int out_check__text(struct out_file *f, const struct out_check *c)
{
	const struct check_report *r = c->report;

	print_head(f, c);
	out_file__printf(f, "\n");
	for (size_t i = 0; i < r->n; i++)
		print_result(f, c, &r->result[i]);
	if (r->responses)
		out_file__printf(
			f,
			"\nContext known at %llu of %llu responses (%.2f%% unknown, at most "
			"%g%%)\n",
			(ull)(r->responses - r->unknown), (ull)r->responses,
			100.0 * (double)r->unknown / (double)r->responses, 100 * r->max_unknown);
	for (size_t i = 0; i < r->nallowed; i++)
		out_file__printf(f, "%sAllowed by --allow-loss: %s\n", i ? "" : "\n",
				 r->allowed[i]);
	print_causes(f, c);
	return out_file__flush(f);
}

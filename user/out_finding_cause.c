// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a group of findings has in common, and how many there are. */
#include <string.h>

#include "out_finding.h"
#include "out_finding_story.h"
#include "out_text.h"

#define TEXT  32 /* of a duration */
#define ROUTE 64

typedef unsigned long long ull;

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void add_part(struct sentence *s, uint64_t n, const char *what)
{
	if (n)
		sentence__add(s, "%s%llu %s", s->len && s->text[s->len - 1] != '(' ? ", " : "",
			      (ull)n, what);
}

void finding_story__kind(struct sentence *s, const struct model_group *g)
{
	sentence__add(s, " \u00d7 %s",
		      g->kind == FINDING_FAN_OUT ? "fan-out" : finding_word__kind(g->kind));
	if (g->kind == FINDING_LOST)
		sentence__add(s, ", %s", finding_word__grade(g->kind, g->grade));
	if (g->kind != FINDING_FOREIGN || !(g->harm || g->stale || g->captured))
		return;
	sentence__add(s, " (");
	add_part(s, g->harm, "with harm");
	add_part(s, g->stale, "stale");
	add_part(s, g->captured, "of a captured store");
	sentence__add(s, ")");
}

void finding_story__cause(struct sentence *s, const struct model_group *g)
{
	char method[24], route[ROUTE];

	if (g->merged) {
		sentence__add(s, ": other causes, beyond those that are kept apart");
		return;
	}
	sentence__add(s, ": %s %s", text_safe(method, sizeof(method), g->method),
		      text_safe(route, sizeof(route), g->route));
	if (g->kind == FINDING_LOST) {
		sentence__add(s, " without its store of AsyncLocalStorage instance %u",
			      g->instance);
		return;
	}
	sentence__add(s, g->kind == FINDING_FOREIGN ? " under the store of " : " together with ");
	if (strcmp(g->other_route, "?") == 0)
		sentence__add(s, "an unknown request");
	else
		sentence__add(s, "%s %s", text_safe(method, sizeof(method), g->other_method),
			      text_safe(route, sizeof(route), g->other_route));
	if (g->resource[0])
		sentence__add(s, ", in callbacks of %s",
			      text_safe(route, sizeof(route), g->resource));
}

void finding_story__extent(struct sentence *s, const struct model_group *g, uint64_t start)
{
	char first[TEXT], last[TEXT];

	sentence__add(s, "%llu request%s, ", (ull)g->requests, plural(g->requests));
	if (g->count > 1)
		sentence__add(s, "between %s and ",
			      text_duration(first, sizeof(first),
					    g->first_ns > start ? g->first_ns - start : 0));
	else
		sentence__add(s, "at ");
	sentence__add(
		s, "%s of the observation",
		text_duration(last, sizeof(last), g->last_ns > start ? g->last_ns - start : 0));
	if (g->kind == FINDING_LOST && g->kept)
		sentence__add(s, "; %llu other response%s of this route had their stores",
			      (ull)g->kept, plural(g->kept));
	else if (g->kind == FINDING_LOST && g->grade == GRADE_ALWAYS)
		sentence__add(s, "; no response of this route had it");
}

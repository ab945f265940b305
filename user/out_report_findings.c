// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose context responses were written under: what was read, and what was found. */
#include <string.h>

#include "out_finding.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "util.h"

#define GROUPS_SHOWN 10

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void line(const struct printer *p, const char *what, uint64_t n, const char *about)
{
	out_file__printf(p->f, "  %-16s %8llu  %5.1f%%%s%s\n", what, (ull)n,
			 part_percent(n, p->m->context.heads), about[0] ? "  " : "", about);
}

static void print_context(const struct printer *p)
{
	const struct flow_context_counts *c = &p->m->context;

	printer__title(
		p, "Context (AsyncLocalStorage stores active when a response head was written)");
	out_file__printf(p->f, "  %-16s %8llu\n", "heads", (ull)c->heads);
	line(p, "read", c->read, "a store was active");
	line(p, "no store", c->none, "");
	if (c->unreadable)
		line(p, "unreadable", c->unreadable, "not judged");
	if (c->same_connection)
		line(p, "same connection", c->same_connection,
		     "store of its connection's earlier request: no mismatch");
	if (c->not_kept)
		out_file__printf(p->f,
				 "  %-16s %8llu  a bound was reached: more is unknown for it\n",
				 "not kept", (ull)c->not_kept);
	if (!p->m->findings.unknown)
		return;
	line(p, "unknown", p->m->findings.unknown, "whose store it was cannot be told:");
	for (unsigned int i = UNKNOWN_NOT + 1; i < UNKNOWN_REASONS; i++)
		if (c->unknown[i])
			out_file__printf(p->f, "  %16s %8llu  %s\n", "", (ull)c->unknown[i],
					 finding_text__unknown(i));
}

/* Where nothing was read: one line. */
static void print_unread(const struct printer *p)
{
	bool none = p->m->target_count != 0;

	for (size_t i = 0; i < p->m->target_count; i++)
		none &= strcmp(p->m->targets[i].context, "none") == 0;
	if (!p->m->requests.total)
		return;
	out_file__printf(p->f, "Context    %s\n",
			 none ? "nothing to check: AsyncLocalStorage is not in use"
			      : "not checked: no store was read at any response");
}

static void print_unchecked(const struct printer *p)
{
	const struct flow_context_counts *c = &p->m->context;

	if (p->m->findings.unknown)
		out_file__printf(p->f,
				 "  not checked: %llu of the %llu heads that were read (unknown, "
				 "above)\n",
				 (ull)p->m->findings.unknown, (ull)c->read);
	if (c->unreadable)
		out_file__printf(p->f,
				 "  not checked: %llu head%s whose stores could not be read\n",
				 (ull)c->unreadable, plural(c->unreadable));
}

/* "None" is only worth as much as what was read. */
static void print_all_well(const struct printer *p)
{
	const struct flow_context_counts *c = &p->m->context;
	uint64_t unknown = p->m->findings.unknown;
	uint64_t own = c->read > unknown ? c->read - unknown : 0;

	printer__title(p, "Findings");
	if (own)
		out_file__printf(p->f,
				 "  none: %s%llu response head%s written under %s own store\n",
				 unknown || c->unreadable ? "" : "all ", (ull)own,
				 own == 1 ? " was" : "s were", own == 1 ? "its" : "their");
	else if (c->read || c->unreadable)
		out_file__printf(p->f, "  none, but of no head could be told whose store it was\n");
	else
		out_file__printf(p->f, "  none: no store was active at any response head\n");
	print_unchecked(p);
}

static int print_group(const struct printer *p, const struct model_group *g)
{
	struct sentence s = {0}, extent = {0};
	const char *accent = g->kind == FINDING_FAN_OUT ? "" : printer__accent(p, ORANGE);

	out_file__printf(p->f, "\n");
	sentence__add(&s, "%s%llu%s", accent, (ull)g->count,
		      accent[0] ? printer__accent(p, PLAIN) : "");
	finding_story__kind(&s, g);
	finding_story__cause(&s, g);
	text_wrap(p->f, 2, 4, s.text);
	finding_story__extent(&extent, g, p->m->start_ns);
	text_wrap(p->f, 4, 4, extent.text);
	return printer__example(p, g);
}

static void print_title(const struct printer *p)
{
	const struct model_finding_counts *c = &p->m->findings;
	struct sentence s = {0};

	sentence__add(&s, "Findings (");
	if (c->mismatched)
		sentence__add(&s, "%llu request%s with a mismatch, the most harmful first",
			      (ull)c->mismatched, plural(c->mismatched));
	else
		sentence__add(&s, "no mismatch");
	sentence__add(&s, ")");
	printer__title(p, s.text);
}

int printer__findings(const struct printer *p)
{
	size_t shown = min_t(size_t, p->m->group_count, GROUPS_SHOWN);
	int err = 0;

	if (!p->m->context.heads && !p->m->group_count) {
		print_unread(p);
		return 0;
	}
	print_context(p);
	if (!shown) {
		print_all_well(p);
		return 0;
	}
	print_title(p);
	for (size_t i = 0; i < shown && !err; i++)
		err = print_group(p, &p->m->groups[i]);
	if (p->m->group_count > shown)
		out_file__printf(p->f, "\n  and %zu more causes (all of them: --json)\n",
				 p->m->group_count - shown);
	return err;
}

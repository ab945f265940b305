// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines on standard output and error: under which stores they were written, and whose they are. */
#include "out_report_parts.h"
#include "out_text.h"

static const char *const names[FLOW_STREAMS] = {"stdout", "stderr"};

/* The lines of both streams that are for nobody to tell: no store, and no request's callback. */
static uint64_t nobodys(const struct flow_line_counts *c)
{
	return c->seen - c->by_store - c->by_turn;
}

int printer__lines(const struct printer *p)
{
	static const char *const heads[] = {"STREAM",	  "LINES",	"STORE",
					    "NO STORE",	  "UNREADABLE", "OTHER THREAD",
					    "OF A STORE", "A CALLBACK", "NOBODY'S"};
	const struct flow_line_counts *lines = p->m->context.lines;
	struct text_table *t;
	int err;

	if (!lines[0].seen && !lines[1].seen)
		return 0;
	err = text_table__new(&t, "lrrrrrrrr", heads);
	if (err)
		return err;
	printer__title(p,
		       "Lines (the store active when each was written, and whose it is by that)");
	for (int i = 0; i < FLOW_STREAMS; i++) {
		const struct flow_line_counts *c = &lines[i];

		if (!c->seen)
			continue;
		text_table__cell(t, "%s", names[i]);
		text_table__cell(t, "%llu", (ull)c->seen);
		text_table__cell(t, "%llu", (ull)c->stores);
		text_table__cell(t, "%llu", (ull)c->none);
		text_table__cell(t, "%llu", (ull)c->unreadable);
		text_table__cell(t, "%llu", (ull)c->elsewhere);
		text_table__cell(t, "%llu", (ull)c->by_store);
		text_table__cell(t, "%llu", (ull)c->by_turn);
		text_table__cell(t, "%llu", (ull)nobodys(c));
	}
	err = text_table__print(t, p->f);
	text_table__free(t);
	return err;
}

void report_json__lines(struct json *j, const struct model *m)
{
	json__key_object(j, "lines");
	for (int i = 0; i < FLOW_STREAMS; i++) {
		const struct flow_line_counts *c = &m->context.lines[i];

		json__key_object(j, names[i]);
		json__key_u64(j, "seen", c->seen);
		json__key_u64(j, "store", c->stores);
		json__key_u64(j, "no_store", c->none);
		json__key_u64(j, "unreadable", c->unreadable);
		json__key_u64(j, "other_thread", c->elsewhere);
		json__key_u64(j, "by_store", c->by_store);
		json__key_u64(j, "by_callback", c->by_turn);
		json__key_u64(j, "nobodys", nobodys(c));
		json__object_end(j);
	}
	json__object_end(j);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "out_finding_time.h"
#include "util.h"

static int by_time(const void *a, const void *b)
{
	const struct finding_moment *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	return (int)x->who - (int)y->who;
}

size_t finding_moments(const struct model_group *g, struct finding_moment m[FINDING_MOMENTS])
{
	const struct flow_finding *f = &g->example;
	const struct finding_moment all[FINDING_MOMENTS] = {
		{g->on.req.start_ns, WHO_THIS, WHAT_ARRIVED},
		{g->on.req.recv_ns, WHO_THIS, WHAT_READ},
		{f->nchain ? f->chain[0].init_ns : 0, WHO_CALLBACK, WHAT_MADE},
		{f->head_ns, WHO_THIS, WHAT_HEAD},
		{g->on.req.end_ns, WHO_THIS, WHAT_ENDED},
		{f->other.start_ns, WHO_OTHER, WHAT_ARRIVED},
		{g->other_head_ns, WHO_OTHER, WHAT_HEAD},
		{g->other_end_ns, WHO_OTHER, WHAT_ENDED},
	};
	size_t n = 0;

	for (size_t i = 0; i < FINDING_MOMENTS; i++)
		if (all[i].ns)
			m[n++] = all[i];
	qsort(m, n, sizeof(m[0]), by_time);
	return n;
}

const char *finding_word__who(enum finding_who who)
{
	static const char *const words[] = {
		[WHO_THIS] = "this", [WHO_OTHER] = "other", [WHO_CALLBACK] = "callback"};

	return words[who];
}

const char *finding_word__what(enum finding_what what)
{
	static const char *const words[] = {
		[WHAT_ARRIVED] = "arrived", [WHAT_READ] = "read",   [WHAT_MADE] = "made",
		[WHAT_HEAD] = "head",	    [WHAT_ENDED] = "ended",
	};

	return words[what];
}

void finding_json__timeline(struct json *j, const struct model_group *g)
{
	struct finding_moment m[FINDING_MOMENTS] = {0};
	size_t n = finding_moments(g, m);

	json__key_array(j, "timeline");
	for (size_t i = 0; i < n; i++) {
		json__object_begin(j);
		json__key_double(j, "ms", ((double)m[i].ns - (double)g->example.head_ns) / 1e6, 3);
		json__key_str(j, "who", finding_word__who(m[i].who));
		json__key_str(j, "what", finding_word__what(m[i].what));
		json__key_u64(j, "ns", m[i].ns);
		json__object_end(j);
	}
	json__array_end(j);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stores that are Contexts of OpenTelemetry: one for each span, so that a request has many of
 * them, most made long after its headers were read.
 *
 * A span id names one span, and a span is one request's. So two Contexts with one span id are of
 * the same request, and so are those of a span and its child, if both spans are of this process:
 * one that came from elsewhere may be the parent of several requests, and BPF does not tell its
 * id as constant. A trace id says less: all requests of a trace have it, of which several may be
 * in this process at once. It binds a store only as an inbound id that came with one request, and
 * never identifies a store.
 *
 * A span that contradicts this (two requests are known to have it) ends it for the instance.
 */
#include <string.h>

#include "flow_mismatch_int.h"
#include "util.h"

static const char *const names[] = {
	[MM_SPAN_TRACE] = "traceId",
	[MM_SPAN_ID] = "spanId",
	[MM_SPAN_PARENT] = "parentSpanId",
};

enum mm_span mm_span__of(const struct fe_store_field *f)
{
	for (size_t i = MM_SPAN_TRACE; f->span && i < ARRAY_SIZE(names); i++)
		if (f->name.len == strlen(names[i]) &&
		    memcmp(f->name.s, names[i], f->name.len) == 0)
			return (enum mm_span)i;
	return MM_SPAN_NOT;
}

static bool has_own_span(const struct mm_store *st)
{
	for (uint32_t i = 0; i < st->n; i++)
		if (st->fields[i].span == MM_SPAN_ID)
			return st->fields[i].pub.constant;
	return false;
}

/* The spans of an instance are each one request's, as far as is known. */
static bool spans_tell(const struct mm_instance *in)
{
	for (uint32_t i = 0; i < in->nkeys; i++)
		if (strcmp(in->keys[i].name, names[MM_SPAN_ID]) == 0)
			return !in->keys[i].equal;
	return true;
}

struct mm_store *mm_span__kin(const struct flow_mismatch *m, const struct mm_instance *in,
			      const struct mm_store *st)
{
	struct mm_store *found = NULL;

	if (!has_own_span(st) || !spans_tell(in))
		return NULL;
	for (uint32_t i = 0; i < st->n; i++) {
		const struct mm_field *f = &st->fields[i];
		struct mm_store *kin;

		if ((f->span != MM_SPAN_ID && f->span != MM_SPAN_PARENT) || !f->pub.hash || f->cut)
			continue;
		kin = mm_store__with(m, st, names[MM_SPAN_ID], f->pub.hash);
		if (!kin || kin == st || !kin->conn || !kin->seq || kin->later_born ||
		    kin->thread != st->thread || kin->instance != st->instance ||
		    !has_own_span(kin))
			continue;
		if (found && (found->conn != kin->conn || found->seq != kin->seq))
			return NULL;
		found = kin;
	}
	return found;
}

bool mm_span__conflict(const struct mm_field *f, const struct mm_store *st,
		       const struct mm_store *other)
{
	bool bound = st->conn && other->conn;
	bool same = bound && st->conn == other->conn && st->seq == other->seq;

	switch (f->span) {
	case MM_SPAN_TRACE:
		return !same;
	case MM_SPAN_ID:
		return bound && !same && f->pub.constant;
	case MM_SPAN_PARENT:
		return false;
	default:
		return true;
	}
}

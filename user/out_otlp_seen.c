// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "out_otlp_seen.h"
#include "util.h"

#define WAYS 4
#define SETS (OTLP_SEEN / WAYS)

/* Sets of four, in which the oldest gives way. A key of 0 is an empty place: no span id is 0. */
struct keys {
	uint64_t key[SETS][WAYS];
	uint8_t next[SETS];
};

struct otlp_seen {
	struct keys told;
	struct otlp_trace_id trace[SETS][WAYS];
	uint8_t flags[SETS][WAYS];
	struct keys parents;
	uint64_t parent_ns[SETS][WAYS];
	struct keys adopted;
};

struct otlp_seen *otlp_seen__new(void)
{
	return calloc(1, sizeof(struct otlp_seen));
}

void otlp_seen__free(struct otlp_seen *s)
{
	free(s);
}

static uint32_t set_of(uint64_t key)
{
	return (uint32_t)(hash_u64(key) % SETS);
}

/* The way that has @key in its set, or -1. */
static int find(const struct keys *k, uint64_t key)
{
	uint32_t set = set_of(key);

	for (int i = 0; i < WAYS; i++)
		if (k->key[set][i] == key)
			return i;
	return -1;
}

static int put(struct keys *k, uint64_t key)
{
	uint32_t set = set_of(key);
	int way = k->next[set];

	k->next[set] = (uint8_t)((way + 1) % WAYS);
	k->key[set][way] = key;
	return way;
}

void otlp_seen__told(struct otlp_seen *s, const struct otlp_span_id *span,
		     const struct otlp_trace_id *trace, uint8_t flags)
{
	uint64_t key = otlp_span_id__word(span);
	int way = find(&s->told, key);

	if (way < 0)
		way = put(&s->told, key);
	s->trace[set_of(key)][way] = *trace;
	s->flags[set_of(key)][way] = flags;
}

bool otlp_seen__trace(const struct otlp_seen *s, const struct otlp_span_id *span,
		      struct otlp_trace_id *trace, uint8_t *flags)
{
	uint64_t key = otlp_span_id__word(span);
	int way = find(&s->told, key);

	if (way < 0)
		return false;
	*trace = s->trace[set_of(key)][way];
	if (flags)
		*flags = s->flags[set_of(key)][way];
	return true;
}

/* The first time counts: what has one parent may come more than once. */
void otlp_seen__parent(struct otlp_seen *s, const struct otlp_span_id *span, uint64_t ts)
{
	uint64_t key = otlp_span_id__word(span);

	if (find(&s->parents, key) < 0)
		s->parent_ns[set_of(key)][put(&s->parents, key)] = ts;
}

bool otlp_seen__handed_on(const struct otlp_seen *s, const struct otlp_span_id *span, uint64_t ts)
{
	uint64_t key = otlp_span_id__word(span);
	int way = find(&s->parents, key);

	return way >= 0 && s->parent_ns[set_of(key)][way] < ts;
}

bool otlp_seen__adopt(struct otlp_seen *s, const struct otlp_span_id *span)
{
	uint64_t key = otlp_span_id__word(span);

	if (find(&s->adopted, key) >= 0)
		return false;
	put(&s->adopted, key);
	return true;
}

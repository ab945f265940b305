// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Values of stores, found again in responses. Only what looks like a name of something is worth
 * it: words of TOKEN_MIN characters and more, of letters, digits and what ids are joined with.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_decode_int.h"
#include "flow_value.h"
#include "flow_words.h"
#include "util.h"

#define TOKEN_MIN 4
#define TOKEN_MAX LR_FIELD_TEXT /* no longer value is known */
#define CAP_MIN	  64
#define HALF_MAX  (SEEN_MAX / 2)

/* Home of a value: its hash is as random as it gets. */
static uint64_t *slot_of(const struct decode_seen_half *h, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (h->cap - 1);

	while (h->slots[i] && h->slots[i] != hash)
		i = (i + 1) & (h->cap - 1);
	return &h->slots[i];
}

static bool half_has(const struct decode_seen_half *h, uint64_t hash)
{
	return h->count && *slot_of(h, hash);
}

/* At most half full. False: no memory, or as large as it may be. */
static bool half_grow(struct decode_seen_half *h)
{
	struct decode_seen_half bigger = *h;

	bigger.cap = h->cap ? h->cap * 2 : CAP_MIN;
	if (bigger.cap > 2 * HALF_MAX)
		return false;
	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; i < h->cap; i++)
		if (h->slots[i])
			*slot_of(&bigger, h->slots[i]) = h->slots[i];
	free(h->slots);
	*h = bigger;
	return true;
}

/* The recent ones become the older ones, whose room they leave. */
static void turn_over(struct decode_seen *s)
{
	struct decode_seen_half old = s->older;

	s->older = s->recent;
	if (old.cap)
		memset(old.slots, 0, old.cap * sizeof(*old.slots));
	old.count = 0;
	old.lengths = 0;
	s->recent = old;
}

static void seen_put(struct decode_seen *s, uint64_t hash, uint32_t len)
{
	struct decode_seen_half *h = &s->recent;

	if (half_has(h, hash))
		return;
	if (h->count >= h->cap / 2 && !half_grow(h)) {
		if (!h->cap)
			return;
		turn_over(s);
		if (!h->cap && !half_grow(h))
			return;
	}
	*slot_of(h, hash) = hash;
	h->lengths |= 1ULL << len;
	h->count++;
}

/* One word from end to end? */
static bool is_token(const char *p, size_t n)
{
	if (n < TOKEN_MIN || n > TOKEN_MAX || flow_word_char[(uint8_t)p[0]] != 1 ||
	    flow_word_char[(uint8_t)p[n - 1]] != 1)
		return false;
	for (size_t i = 1; i + 1 < n; i++)
		if (!flow_word_char[(uint8_t)p[i]])
			return false;
	return true;
}

void decode_seen__add(struct decode_seen *s, const struct fe_store_field *f)
{
	bool number = f->kind != LR_VALUE_STRING;

	if (is_token(f->text.s, f->text.len) &&
	    (!number || f->text.len - (f->text.s[0] == '-') >= TOKEN_MIN))
		seen_put(s, f->hash, f->text.len);
}

void decode_seen__add_id(struct decode_seen *s, uint64_t hash, uint32_t len)
{
	if (len >= TOKEN_MIN && len <= TOKEN_MAX)
		seen_put(s, hash, len);
}

void decode_seen__free(struct decode_seen *s)
{
	free(s->recent.slots);
	free(s->older.slots);
	memset(s, 0, sizeof(*s));
}

struct found {
	uint64_t *ids;
	size_t len[FE_IDS_MAX];
	uint32_t n;
};

/* A long word is an id rather than a short one. */
static void found_add(struct found *f, uint64_t id, size_t len)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		if (f->ids[i] == id)
			return;
		if (f->len[i] < f->len[at])
			at = i;
	}
	if (f->n < FE_IDS_MAX)
		at = f->n++;
	else if (f->len[at] >= len)
		return;
	f->ids[at] = id;
	f->len[at] = len;
}

static void try_token(const struct decode_seen *s, uint64_t key, const char *p, size_t n,
		      struct found *f)
{
	uint64_t id;

	if (n > TOKEN_MAX || !((s->recent.lengths | s->older.lengths) >> n & 1))
		return;
	id = flow_value__hash(key, p, n);
	if (half_has(&s->recent, id) || half_has(&s->older, id))
		found_add(f, id, n);
}

uint32_t decode_seen__find(const struct decode_seen *s, uint64_t key, const char *p, size_t n,
			   uint64_t ids[FE_IDS_MAX])
{
	const char *end = p + n, *word, *trace;
	size_t len;
	struct found f = {.ids = ids};

	if (!s->recent.count && !s->older.count)
		return 0;
	while (flow_word__next(&p, end, &word, &len)) {
		try_token(s, key, word, len, &f);
		trace = flow_http__trace_id(word, len);
		if (trace)
			try_token(s, key, trace, 32, &f);
	}
	return f.n;
}

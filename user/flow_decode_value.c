// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Values of stores to fingerprints. A string's is that of its bytes and a whole number's that of
 * its digits as JavaScript prints them, so that either can be recognized in bytes of HTTP. All
 * else is hashed behind its kind, which no text begins with: control characters.
 */
#include <stdio.h>
#include <string.h>

#include "flow_decode_int.h"
#include "flow_value.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53: above it JavaScript prints rounded digits */

bool decode_value__valid(const struct lr_store_field *f)
{
	if (f->name_len > LR_FIELD_NAME || f->text_len > LR_FIELD_TEXT || f->kind > LR_VALUE_MAP)
		return false;
	switch (f->kind) {
	case LR_VALUE_BOOL:
		return f->bits <= 1;
	case LR_VALUE_SMI:
		return (int64_t)f->bits >= INT32_MIN && (int64_t)f->bits <= INT32_MAX;
	case LR_VALUE_STRING:
		return f->bits <= UINT32_MAX;
	default:
		return true;
	}
}

/* Prints a number that JavaScript prints as digits alone. Its length, 0: it is none. */
static size_t print_whole(char *text, const struct lr_store_field *f)
{
	double v;

	if (f->kind == LR_VALUE_SMI)
		return (size_t)snprintf(text, VALUE_TEXT, "%lld", (long long)(int64_t)f->bits);
	memcpy(&v, &f->bits, sizeof(v));
	if (!(v >= -WHOLE_MAX && v <= WHOLE_MAX) || v != (double)(int64_t)v)
		return 0;
	return (size_t)snprintf(text, VALUE_TEXT, "%lld", (long long)v);
}

/* The shortest form that reads back as the same number. */
static size_t print_double(char *text, uint64_t bits)
{
	double v, back = 0;
	int n = 0;

	memcpy(&v, &bits, sizeof(v));
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, VALUE_TEXT, "%.*g", digits, v);
		if (sscanf(text, "%lf", &back) == 1 && back == v)
			break;
	}
	return (size_t)n;
}

static uint64_t hash_kind(uint64_t key, uint8_t kind, uint64_t bits)
{
	uint8_t bytes[1 + sizeof(bits)] = {kind};

	memcpy(bytes + 1, &bits, sizeof(bits));
	return flow_value__hash(key, bytes, sizeof(bytes));
}

static bool fill_number(struct fe_store_field *to, const struct lr_store_field *f, uint64_t key,
			char *text)
{
	uint64_t bits = f->bits;
	size_t n = print_whole(text, f);
	bool whole = n > 0;
	double v;

	if (whole) {
		to->hash = flow_value__hash(key, text, n);
	} else {
		memcpy(&v, &bits, sizeof(v));
		if (v != v)
			bits = 0x7ff8ULL << 48; /* one of the many forms of NaN for all */
		to->hash = hash_kind(key, LR_VALUE_DOUBLE, bits);
		n = print_double(text, bits);
	}
	to->text = (struct flow_str){text, (uint32_t)n};
	return whole;
}

static bool fill_string(struct fe_store_field *to, const struct lr_store_field *f, uint64_t key)
{
	to->len = (uint32_t)f->bits;
	/* A character takes a byte or more. */
	to->cut = (f->flags & LR_FIELD_F_CUT) || f->text_len < f->bits;
	/* Nothing was read of it: no value, not that of an empty string. */
	if (f->text_len || !to->cut)
		to->hash = flow_value__hash(key, f->text, f->text_len);
	to->text = (struct flow_str){f->text, f->text_len};
	return !to->cut;
}

static void fill_word(struct fe_store_field *to, uint64_t key, uint64_t bits, const char *word)
{
	to->hash = hash_kind(key, to->kind, bits);
	to->text = (struct flow_str){word, (uint32_t)strlen(word)};
}

bool decode_value__fill(struct fe_store_field *to, const struct lr_store_field *f, uint64_t key,
			char *text)
{
	memset(to, 0, sizeof(*to));
	to->name = (struct flow_str){f->name, f->name_len};
	to->kind = f->kind;
	to->constant = f->flags & LR_FIELD_F_CONST;
	to->span = f->flags & LR_FIELD_F_SPAN;
	to->text = (struct flow_str){"", 0};
	switch (f->kind) {
	case LR_VALUE_UNDEFINED:
		fill_word(to, key, 0, "undefined");
		return false;
	case LR_VALUE_NULL:
		fill_word(to, key, 0, "null");
		return false;
	case LR_VALUE_BOOL:
		fill_word(to, key, f->bits, f->bits ? "true" : "false");
		return false;
	case LR_VALUE_SMI:
	case LR_VALUE_DOUBLE:
		return fill_number(to, f, key, text);
	case LR_VALUE_STRING:
		return fill_string(to, f, key);
	default:
		return false;
	}
}

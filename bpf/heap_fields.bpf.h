/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each field of an object holds, and the object as a record. */
#ifndef LOOPRAY_HEAP_FIELDS_BPF_H
#define LOOPRAY_HEAP_FIELDS_BPF_H

#include "heap_shape.bpf.h"
#include "heap_nested.bpf.h"

/*
 * The same number may lie in the heap or in the word itself, which nobody but V8 can tell:
 * whole numbers that a Smi can hold are told as such.
 */
static __always_inline bool heap_is_whole(__u64 bits, __u64 *number)
{
	__u64 magnitude = bits & ~DOUBLE_SIGN;
	__s64 v = double_to_u64(magnitude);

	if (v > 0x7fffffff || u64_to_double(v) != magnitude || bits == DOUBLE_SIGN)
		return false;
	*number = bits & DOUBLE_SIGN ? -v : v;
	return true;
}

/* The value of a field, of kind @kind, with its beginning in w->val. */
static __always_inline void heap_value(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, struct lr_store_field *f, __u64 v,
				       int kind)
{
	__u64 bits = 0;

	f->text_len = 0;
	if (kind == LR_VALUE_STRING) {
		if (heap_text(h, t, w, v)) {
			kind = LR_VALUE_OTHER;
		} else {
			bits = w->length;
			f->text_len = w->text_len;
			if (w->taken < w->length)
				f->flags |= LR_FIELD_F_CUT;
			for (__u32 i = 0; i < LR_FIELD_TEXT / 8; i++)
				*heap_word(&f->text[8UL * i]) = *heap_word(&w->text[8UL * i]);
		}
	} else if (kind == LR_VALUE_SMI) {
		bits = (__s64)v >> 32;
	} else if (kind == LR_VALUE_DOUBLE) {
		if (!heap_get___u64(&w->val, h->heap_number_value, &bits))
			kind = LR_VALUE_OTHER;
		else if (heap_is_whole(bits, &bits))
			kind = LR_VALUE_SMI;
	} else if (kind == LR_VALUE_BOOL) {
		heap_get___u64(&w->val, h->oddball_kind, &bits);
		bits = heap_smi(bits) == h->oddball_true;
	}
	f->kind = kind;
	f->bits = bits;
}

static __always_inline void heap_nameless(struct lr_store_field *f)
{
	for (__u32 i = 0; i < LR_FIELD_NAME / 8; i++)
		*heap_word(&f->name[8UL * i]) = 0;
	f->pad = 0;
	f->flags = 0;
	f->name_len = 0;
}

/* The name @key into @f, from the cache: what a string holds never changes. */
static __always_inline bool heap_known(const struct lr_name *name, const struct lr_task *t,
				       __u64 key, struct lr_store_field *f)
{
	if (name->key != key || name->epoch != t->epoch)
		return false;
	f->name_len = name->len;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		*heap_word(&f->name[8UL * k]) = name->words[k];
	return true;
}

/* The name @key into @f, and into the cache. 0, 1: it is no string, HEAP_FAULT. */
static __always_inline int heap_name(const struct lr_heap *h, struct lr_task *t,
				     struct heap_walk *w, __u64 key, struct lr_store_field *f)
{
	int kind = heap_kind(h, t, w, key);
	__u32 len;

	if (kind != LR_VALUE_STRING)
		return kind == HEAP_FAULT ? HEAP_FAULT : 1;
	if (heap_text(h, t, w, key))
		return HEAP_FAULT;
	len = w->text_len;
	f->name_len = len < LR_FIELD_NAME ? len : LR_FIELD_NAME;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		*heap_word(&f->name[8UL * k]) = *heap_word(&w->text[8UL * k]);
	return 0;
}

static __always_inline void heap_learn(struct lr_name *name, const struct lr_task *t, __u64 key,
				       const struct lr_store_field *f)
{
	name->key = key;
	name->epoch = t->epoch;
	name->len = f->name_len;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		name->words[k] = *heap_word(&f->name[8UL * k]);
}

/* Key @i of w->pair names the next free field of @rec. 0, 1: it is no name, HEAP_FAULT. */
__noinline int heap_key(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			struct lr_ev_store *rec, __u32 i)
{
	struct lr_store_field *f;
	struct lr_name *name;
	__u32 slot;
	__u64 key;
	int err;

	if (!h || !t || !w || !rec || i >= HEAP_PAIRS || rec->n >= LR_STORE_FIELDS)
		return HEAP_FAULT;
	f = &rec->field[rec->n];
	key = w->pair[i].key;
	slot = (key >> 3 ^ key >> 12) & (LR_NAMES - 1);
	name = &t->names[slot];
	if (heap_known(name, t, key, f))
		return 0;
	err = heap_name(h, t, w, key, f);
	if (!err)
		heap_learn(name, t, key, f);
	return err;
}

/* Value @i of w->pair is what the next free field of @rec holds. 0 or HEAP_FAULT. */
__noinline int heap_field(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			  struct lr_ev_store *rec, __u32 i)
{
	struct lr_store_field *f;
	__u64 v;
	int kind;

	if (!h || !t || !w || !rec || i >= HEAP_PAIRS || rec->n >= LR_STORE_FIELDS)
		return HEAP_FAULT;
	f = &rec->field[rec->n];
	f->pad = 0;
	f->flags = w->pair[i].flags;
	v = w->pair[i].value;
	kind = heap_kind(h, t, w, v);
	if (kind == HEAP_FAULT)
		return HEAP_FAULT;
	heap_value(h, t, w, f, v, kind);
	rec->n++;
	return 0;
}

/* Which fields the object in w->obj has, into w->pair. */
static __always_inline int heap_pairs(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, int kind, __u64 map)
{
	__u32 bits;

	heap_read(&w->map, map - 1);
	if (kind == LR_VALUE_MAP)
		return heap_map(h, w);
	if (!heap_get___u32(&w->map, h->map_bit_field3, &bits))
		return HEAP_FAULT;
	return bits & h->bit_field3_dictionary ? heap_dictionary(h, w) : heap_fast(h, t, w);
}

/*
 * Kind and fields of the store rec->value, whose kind has just been found, by its class if that is
 * known. 0 or HEAP_FAULT: then what the record has is not to be used.
 */
static __always_inline int heap_store(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, struct lr_ev_store *rec)
{
	const struct lr_shape *s;
	__u64 map;
	int err = 0;

	rec->n = 0;
	rec->flags = 0;
	if (rec->kind != LR_VALUE_OBJECT && rec->kind != LR_VALUE_MAP) {
		heap_nameless(&rec->field[0]);
		heap_value(h, t, w, &rec->field[0], rec->value, rec->kind);
		rec->n = 1;
		return 0;
	}
	w->obj = w->val;
	w->addr = rec->value - 1;
	w->npairs = 0;
	w->more = 0;
	if (!heap_get___u64(&w->obj, -1, &map) || !(map & 1))
		return HEAP_FAULT;
	s = shape_find(t, map, rec->h.ts);
	if (s ? shape_pairs(s, w, rec) : heap_pairs(h, t, w, rec->kind, map))
		return HEAP_FAULT;
	for (__u32 i = 0; i < HEAP_PAIRS && i < w->npairs && err != HEAP_FAULT; i++) {
		if (rec->n >= LR_STORE_FIELDS) {
			w->more = 1;
			break;
		}
		err = s ? 0 : heap_key(h, t, w, rec, i);
		if (!err)
			err = heap_field(h, t, w, rec, i);
		if (i || err)
			continue;
		err = heap_span(h, t, w, rec);
		if (err)
			break;
	}
	if (err == HEAP_FAULT)
		return HEAP_FAULT;
	/* It needs w->pair as it is. */
	if (!s)
		shape_learn(t, w, rec);
	if (heap_nested(h, t, w, rec))
		return HEAP_FAULT;
	if (w->more)
		rec->flags |= LR_STORE_F_MORE;
	return 0;
}

#endif

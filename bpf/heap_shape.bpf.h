/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Objects of one hidden class have the same fields at the same places. So the map, its
 * descriptors and the names they hold are read for the first store of a class, and for the
 * others only the object and what its fields point to.
 *
 * A class is known by its map's address for as long as nothing can move it: until the next
 * collection. V8 changes one in place when a field is assigned again for the first time (it is
 * constant no more): therefore it is forgotten after a while even without a collection.
 */
#ifndef LOOPRAY_HEAP_SHAPE_BPF_H
#define LOOPRAY_HEAP_SHAPE_BPF_H

#include "heap_pairs.bpf.h"

#define SHAPE_WORDS (HEAP_TABLE / HEAP_WORD) /* of an object: fields beyond are not remembered */
#define SHAPE_NS    100000000ULL

static __always_inline struct lr_shape *shape_slot(struct lr_task *t, __u64 map)
{
	return &t->shapes[(map >> 3 ^ map >> 7) & (LR_SHAPES - 1)];
}

/* The class with this map, or NULL. */
static __always_inline struct lr_shape *shape_find(struct lr_task *t, __u64 map, __u64 now)
{
	struct lr_shape *s = shape_slot(t, map);

	return s->map == map && s->epoch == t->epoch && now < s->until_ns ? s : NULL;
}

/* Where one field is, if it is in the object. */
static __always_inline bool shape_field(struct lr_shape_field *f, const struct heap_pair *pair,
					const struct lr_store_field *told)
{
	f->word = pair->word;
	f->flags = pair->flags;
	f->name_len = told->name_len;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		f->name[k] = *heap_word(&told->name[8UL * k]);
	return pair->word && pair->word < SHAPE_WORDS;
}

/* Remembers the class of the object just told as @rec: its fields are in w->pair. */
__noinline int shape_learn(struct lr_task *t, const struct heap_walk *w,
			   const struct lr_ev_store *rec)
{
	struct lr_shape *s;
	__u64 map;

	if (!t || !w || !rec)
		return 0;
	map = *heap_word(w->obj.b);
	s = shape_slot(t, map);
	s->map = 0;
	/*
	 * One whose keys are not all names, or whose fields are not all in the object, is not; nor
	 * is one for whose fields something else was told.
	 */
	if (rec->kind != LR_VALUE_OBJECT || rec->n != w->npairs ||
	    (rec->field[0].flags & LR_FIELD_F_SPAN))
		return 0;
	s->words = 0;
	for (__u32 i = 0; i < LR_STORE_FIELDS && i < rec->n; i++) {
		if (!shape_field(&s->field[i], &w->pair[i], &rec->field[i]))
			return 0;
		if (s->words <= s->field[i].word)
			s->words = s->field[i].word + 1;
	}
	s->n = rec->n;
	s->more = w->more;
	s->epoch = t->epoch;
	s->until_ns = rec->h.ts + SHAPE_NS;
	s->map = map;
	return 1;
}

/* The object that begins in w->obj into w->table, as far as its class has fields. */
static __always_inline int shape_object(const struct lr_shape *s, struct heap_walk *w)
{
	__u64 size = (__u64)s->words * HEAP_WORD;

	asm volatile("" : "+r"(size));
	if (size > HEAP_HEAD)
		return size > HEAP_TABLE || bpf_probe_read_user(w->table, size, (void *)w->addr)
			       ? HEAP_FAULT
			       : 0;
	for (__u32 k = 0; k < HEAP_HEAD / HEAP_WORD; k++)
		*heap_word(&w->table[k * HEAP_WORD]) = *heap_word(&w->obj.b[k * HEAP_WORD]);
	return size <= w->obj.n ? 0 : HEAP_FAULT;
}

/* Field @i of the class, with what the object in w->table has there, into w->pair and @rec. */
static __always_inline void shape_pair(const struct lr_shape_field *f, struct heap_walk *w,
				       struct lr_ev_store *rec, __u32 i)
{
	__u64 word = f->word;

	asm volatile("" : "+r"(word));
	if (word >= SHAPE_WORDS)
		word = 0;
	w->pair[i].value = *heap_word(&w->table[word * HEAP_WORD]);
	w->pair[i].flags = f->flags;
	rec->field[i].name_len = f->name_len;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		*heap_word(&rec->field[i].name[8UL * k]) = f->name[k];
}

/* As heap_pairs, of an object whose class is known: the names are in @rec already. */
__noinline int shape_pairs(const struct lr_shape *s, struct heap_walk *w, struct lr_ev_store *rec)
{
	if (!s || !w || !rec || shape_object(s, w))
		return HEAP_FAULT;
	for (__u32 i = 0; i < LR_STORE_FIELDS && i < s->n; i++)
		shape_pair(&s->field[i], w, rec, i);
	w->npairs = s->n;
	w->more = s->more;
	return 0;
}

#endif

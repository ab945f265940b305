/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where objects of a hidden class have their stores: found once, known again by what the class has.
 */
#ifndef LOOPRAY_HOOKS_CLASS_BPF_H
#define LOOPRAY_HOOKS_CLASS_BPF_H

#include "hooks_key.bpf.h"

/* In the object, by words from its start; or -1 - index in its property array. */
static __always_inline __s16 hooks_where(const struct lr_heap *h, const struct hooks_class *class,
					 __u32 details)
{
	__u32 index = (details & h->details_index_mask) >> (h->details_index_shift & 31);
	__u32 inobject = class->size - class->inobject;

	return index < inobject ? class->inobject + index : (__s16)(inobject - index - 1);
}

/* A callback: one descriptor of a hidden class. */
static long hooks_descriptor(__u32 i, struct hooks_scan *scan)
{
	const struct lr_heap *h = scan->h;
	struct hooks_state *s = scan->s;
	struct hooks_shape *shape = &s->shape[s->index & (HOOKS_SHAPES - 1)];
	enum hooks_key key;
	__u32 details;

	/* Key and details. */
	if (!hooks_read(s->words, 2 * HEAP_WORD, s->entries + (__u64)HOOKS_DESCRIPTOR * i) ||
	    !hooks_is_object(s->words[0]) ||
	    !hooks_read(&s->slot.hash, sizeof(s->slot.hash), s->words[0] + h->name_hash)) {
		s->status = LR_STORES_FAULT;
		return 1;
	}
	key = hooks_key(h, scan->t, s, s->words[0]);
	details = heap_smi(s->words[1]);
	/* Node.js makes no accessors of that name. */
	if (key && (details & (h->details_kind_mask | h->details_location_mask))) {
		s->status = LR_STORES_CHECK;
		return 1;
	}
	s->slot.key = s->words[0];
	s->slot.index = i;
	s->slot.where = hooks_where(h, &shape->class, details);
	hooks_note(shape, key, &s->slot);
	return 0;
}

static __always_inline bool hooks_read_class(const struct lr_heap *h, __u64 map,
					     struct hooks_class *c)
{
	return hooks_read(&c->size, 1, map + h->map_size) &&
	       hooks_read(&c->inobject, 1, map + h->map_inobject_start) &&
	       hooks_read(&c->type, sizeof(c->type), map + h->map_instance_type) &&
	       hooks_read(&c->bit_field3, sizeof(c->bit_field3), map + h->map_bit_field3) &&
	       hooks_read(&c->descriptors, sizeof(c->descriptors), map + h->map_descriptors);
}

static __always_inline bool hooks_same_key(const struct lr_heap *h, struct hooks_state *s,
					   const struct hooks_shape *shape,
					   const struct hooks_slot *slot)
{
	__u64 at = shape->class.descriptors + h->descriptors_header;

	return hooks_read(&s->slot.key, sizeof(s->slot.key),
			  at + (__u64)HOOKS_DESCRIPTOR * slot->index) &&
	       s->slot.key == slot->key &&
	       hooks_read(&s->slot.hash, sizeof(s->slot.hash), slot->key + h->name_hash) &&
	       s->slot.hash == slot->hash;
}

/* Whether the hidden class at the address of an earlier epoch's is that one. */
__noinline int hooks_class_again(const struct lr_heap *h, struct hooks_state *s, __u32 index)
{
	struct hooks_shape *shape;

	if (!h || !s)
		return 0;
	shape = &s->shape[index & (HOOKS_SHAPES - 1)];
	if (!hooks_read_class(h, shape->of, &s->now) ||
	    s->now.descriptors != shape->class.descriptors ||
	    s->now.bit_field3 != shape->class.bit_field3 || s->now.size != shape->class.size ||
	    s->now.inobject != shape->class.inobject || s->now.type != shape->class.type)
		return 0;
	for (__u32 i = 0; i < LR_STORES_MAX; i++) {
		if (i < shape->n && !hooks_same_key(h, s, shape, &shape->slot[i]))
			return 0;
	}
	return !(shape->public || shape->witness) ||
	       hooks_same_key(h, s, shape, &shape->slot[HOOKS_EXTRA]);
}

/*
 * Begins the shape of hidden class @map. 0 without an end: what has it has no properties.
 * Making it takes two steps because each has its own need of the stack.
 */
__noinline int hooks_class_begin(const struct lr_heap *h, struct hooks_state *s, __u64 map)
{
	struct hooks_shape *shape;

	if (!h || !s)
		return 0;
	s->index = hooks_index(map);
	shape = &s->shape[s->index & (HOOKS_SHAPES - 1)];
	__builtin_memset(shape, 0, sizeof(*shape));
	if (!hooks_read_class(h, map, &shape->class))
		return hooks_end(s, LR_STORES_FAULT);
	if (shape->class.type < h->type_js_object_min)
		return 0;
	if (shape->class.size < shape->class.inobject || !hooks_is_object(shape->class.descriptors))
		return hooks_end(s, LR_STORES_CHECK);
	s->entries = shape->class.descriptors + h->descriptors_header;
	return 1;
}

/* Searches it. */
__noinline int hooks_class_search(const struct lr_heap *h, struct lr_task *t, struct hooks_state *s)
{
	struct hooks_scan scan = {.h = h, .t = t, .s = s};
	__u32 bits, own;

	if (!h || !t || !s)
		return 0;
	bits = s->shape[s->index & (HOOKS_SHAPES - 1)].class.bit_field3;
	/* That of a dictionary says nothing of properties. */
	if (bits & h->bit_field3_dictionary)
		return 1;
	own = (bits & h->bit_field3_own_mask) >> (h->bit_field3_own_shift & 31);
	if (own > HOOKS_PROPERTIES)
		return hooks_end(s, LR_STORES_CHECK);
	bpf_loop(own, hooks_descriptor, &scan, 0);
	return !s->status;
}

/* Sees to it that the shape of @map is known. Where nothing counts epochs, they stay 0. */
static __always_inline int hooks_class(const struct lr_heap *h, struct lr_task *t,
				       struct hooks_state *s, __u64 map)
{
	struct hooks_shape *shape = &s->shape[hooks_index(map)];

	if (shape->of == map && !shape->dictionary) {
		if (shape->epoch == t->epoch && t->epoch)
			return 1;
		if (hooks_class_again(h, s, hooks_index(map))) {
			shape->epoch = t->epoch;
			return 1;
		}
	}
	if (!hooks_class_begin(h, s, map) || !hooks_class_search(h, t, s))
		return 0;
	shape->epoch = t->epoch;
	shape->of = map;
	return 1;
}

#endif

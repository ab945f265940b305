/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an object has its stores: by its hidden class, or by its dictionary of properties. */
#ifndef LOOPRAY_HOOKS_SHAPE_BPF_H
#define LOOPRAY_HOOKS_SHAPE_BPF_H

#include "hooks_class.bpf.h"

/* Dictionaries ---------------------------------------------------------------------------- */

/* A callback: one entry of a dictionary: key, value, details. */
static long hooks_entry(__u32 i, struct hooks_scan *scan)
{
	const struct lr_heap *h = scan->h;
	struct hooks_state *s = scan->s;
	__u64 word = h->dictionary_start + 3ULL * i;
	enum hooks_key key;

	if (!hooks_read(&s->slot.key, sizeof(s->slot.key), s->entries + HEAP_WORD * word)) {
		s->status = LR_STORES_FAULT;
		return 1;
	}
	if (s->slot.key == s->other)
		return 0;
	key = hooks_key(h, scan->t, s, s->slot.key);
	if (!key) {
		s->other = s->slot.key;
		return 0;
	}
	if (!hooks_read(&s->slot.hash, sizeof(s->slot.hash), s->slot.key + h->name_hash)) {
		s->status = LR_STORES_FAULT;
		return 1;
	}
	s->slot.where = (__u32)(h->fixed_array_data + 1) / HEAP_WORD + word + 1;
	hooks_note(&s->shape[s->index & (HOOKS_SHAPES - 1)], key, &s->slot);
	return 0;
}

/* Sees to it that the shape of the dictionary s->properties is known. */
__noinline int hooks_dictionary(const struct lr_heap *h, struct lr_task *t, struct hooks_state *s)
{
	struct hooks_scan scan = {.h = h, .t = t, .s = s};
	struct hooks_shape *shape;

	if (!h || !t || !s)
		return 0;
	s->entries = s->properties + h->fixed_array_data;
	/* Small integers: elements, deleted, capacity. */
	if (!hooks_is_object(s->properties) || !hooks_read(s->words, 3 * HEAP_WORD, s->entries))
		return hooks_end(s, LR_STORES_FAULT);
	if (!heap_is_smi(s->words[0] | s->words[1] | s->words[2]) ||
	    heap_smi(s->words[2]) > HOOKS_CAPACITY ||
	    (s->words[0] >> 32) + (s->words[1] >> 32) > s->words[2] >> 32)
		return hooks_end(s, LR_STORES_CHECK);
	s->index = hooks_index(s->properties);
	shape = &s->shape[s->index & (HOOKS_SHAPES - 1)];
	if (shape->of == s->properties && shape->dictionary && shape->epoch == t->epoch &&
	    t->epoch && shape->counts[0] == heap_smi(s->words[0]) &&
	    shape->counts[1] == heap_smi(s->words[1]) && shape->counts[2] == heap_smi(s->words[2]))
		return 1;
	__builtin_memset(shape, 0, sizeof(*shape));
	s->other = 0;
	bpf_loop(heap_smi(s->words[2]), hooks_entry, &scan, 0);
	if (s->status)
		return 0;
	for (__u32 i = 0; i < 3; i++)
		shape->counts[i] = heap_smi(s->words[i]);
	shape->epoch = t->epoch;
	shape->dictionary = 1;
	shape->of = s->properties;
	return 1;
}

/* Objects --------------------------------------------------------------------------------- */

static __always_inline void hooks_add(struct hooks_state *s, __u64 at, __u32 hash)
{
	__u32 n = s->n;

	if (n >= LR_STORES_MAX)
		return;
	s->at[n] = at;
	s->hash[n] = hash;
	s->n = n + 1;
}

static __always_inline __u64 hooks_address(const struct lr_heap *h, const struct hooks_state *s,
					   __u64 base, const struct hooks_slot *slot)
{
	if (slot->where >= 0)
		return base - 1 + (__u64)HEAP_WORD * slot->where;
	return s->properties + h->property_array_data + (__u64)HEAP_WORD * (-1 - slot->where);
}

/*
 * Finds the properties of interest of s->object. 0 without an end: it is no object that has
 * properties.
 */
__noinline int hooks_properties(const struct lr_heap *h, struct lr_task *t, struct hooks_state *s)
{
	const struct hooks_shape *shape;
	__u64 map, base;

	if (!h || !t || !s)
		return 0;
	if (!hooks_is_object(s->object) || !hooks_read(s->words, 2 * HEAP_WORD, s->object - 1) ||
	    !hooks_is_object(s->words[0]))
		return hooks_end(s, LR_STORES_FAULT);
	map = s->words[0];
	s->properties = s->words[1];
	if (!hooks_class(h, t, s, map))
		return 0;
	shape = &s->shape[hooks_index(map)];
	base = s->object;
	if (shape->class.bit_field3 & h->bit_field3_dictionary) {
		if (!hooks_dictionary(h, t, s))
			return 0;
		shape = &s->shape[hooks_index(s->properties)];
		base = s->properties;
	}
	s->n = 0;
	for (__u32 i = 0; i < LR_STORES_MAX; i++) {
		if (i < shape->n)
			hooks_add(s, hooks_address(h, s, base, &shape->slot[i]),
				  shape->slot[i].hash);
	}
	s->more = shape->more;
	s->public_at = shape->public ? hooks_address(h, s, base, &shape->slot[HOOKS_EXTRA]) : 0;
	return 1;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which fields an object has: key and value of each, from the descriptors of its map, from a
 * dictionary, or from the entries of a Map.
 */
#ifndef LOOPRAY_HEAP_PAIRS_BPF_H
#define LOOPRAY_HEAP_PAIRS_BPF_H

#include "heap_string.bpf.h"

struct heap_loop {
	const struct lr_heap *h;
	struct heap_walk *w;
	__u64 at; /* of the entries in w->table */
	__u32 n;
	__u32 kind_mask; /* of the details that end an entry, 0: something else ends it */
	__s32 err;
};

/* Symbols are no names to show; numbers as keys neither. */
static __always_inline void heap_pair(struct heap_walk *w, __u64 key, __u64 value, __u32 flags,
				      __u32 word)
{
	__u32 n = w->npairs;

	if (!(key & 1))
		return;
	if (n >= HEAP_PAIRS) {
		w->more = 1;
		return;
	}
	w->pair[n].key = key;
	w->pair[n].value = value;
	w->pair[n].flags = flags;
	w->pair[n].word = word;
	w->npairs = n + 1;
}

static __always_inline bool heap_table(const struct heap_walk *w, __u64 at, __u64 *v)
{
	if (at > HEAP_TABLE - HEAP_WORD)
		return false;
	*v = *heap_word(&w->table[at]);
	return true;
}

/* Value @k of the property array. */
static __always_inline int heap_out_of_object(const struct lr_heap *h, struct heap_walk *w, __u32 k,
					      __u64 *v)
{
	__u64 at = w->props + (__u32)h->property_array_data + HEAP_WORD * (__u64)k;

	if (k >= w->props_length)
		return HEAP_FAULT;
	return bpf_probe_read_user(v, sizeof(*v), (void *)at) ? HEAP_FAULT : 0;
}

static __always_inline int heap_in_object(struct heap_walk *w, __u32 word, __u64 *v)
{
	__u32 off = word * HEAP_WORD;

	if (heap_get___u64(&w->obj, (__s32)off - 1, v))
		return 0;
	return bpf_probe_read_user(v, sizeof(*v), (void *)(w->addr + off)) ? HEAP_FAULT : 0;
}

/* A callback: one property of the descriptors in w->table. */
static long heap_descriptor(__u32 i, struct heap_loop *l)
{
	const struct lr_heap *h = l->h;
	struct heap_walk *w = l->w;
	__u64 at = l->at + 3 * HEAP_WORD * (__u64)i, key, value, word;
	__u32 details, index, in_object;
	__u8 size, start;

	if (i >= l->n)
		return 1;
	l->err = HEAP_FAULT;
	if (!heap_table(w, at, &key) || !heap_table(w, at + HEAP_WORD, &word) ||
	    !heap_is_smi(word) || !heap_get___u8(&w->map, h->map_size, &size) ||
	    !heap_get___u8(&w->map, h->map_inobject_start, &start) || start > size)
		return 1;
	details = heap_smi(word);
	index = (details & h->details_index_mask) >> h->details_index_shift;
	in_object = size - start;
	l->err = 0;
	if (details & (h->details_kind_mask | h->details_location_mask))
		return 0;
	if (index < in_object)
		l->err = heap_in_object(w, start + index, &value);
	else
		l->err = heap_out_of_object(h, w, index - in_object, &value);
	if (l->err)
		return 1;
	heap_pair(w, key, value, details & h->details_const_mask ? LR_FIELD_F_CONST : 0,
		  index < in_object ? start + index : 0);
	return 0;
}

/* Length of the property array that @props may be; anything else holds no properties. */
static __always_inline int heap_props(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, __u64 props)
{
	__u64 head[2];
	int type;

	w->props_length = 0;
	if (!(props & 1))
		return 0; /* the identity hash */
	w->props = props;
	if (bpf_probe_read_user(head, sizeof(head), (void *)(props - 1)))
		return HEAP_FAULT;
	type = heap_type(h, t, head[0]);
	if (type < 0)
		return HEAP_FAULT;
	if (type == h->type_property_array && heap_is_smi(head[1]))
		w->props_length = heap_smi(head[1]) & 0x3ff;
	return 0;
}

/* Properties by the descriptors of the map. */
__noinline int heap_fast(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w)
{
	struct heap_loop l = {.h = h, .w = w};
	__u64 descriptors, props, map, size;
	__u32 bits, own;
	__u16 all;
	int type;

	if (!h || !t || !w)
		return HEAP_FAULT;
	if (!heap_get___u32(&w->map, h->map_bit_field3, &bits) ||
	    !heap_get___u64(&w->map, h->map_descriptors, &descriptors) ||
	    !heap_get___u64(&w->obj, h->object_properties, &props) || !(descriptors & 1))
		return HEAP_FAULT;
	own = (bits & h->bit_field3_own_mask) >> h->bit_field3_own_shift;
	if (!own)
		return 0;
	if (heap_props(h, t, w, props))
		return HEAP_FAULT;
	l.at = (__u32)(h->descriptors_header + 1);
	l.n = own < HEAP_DESCRIPTORS ? own : HEAP_DESCRIPTORS;
	w->more = own > HEAP_DESCRIPTORS;
	size = l.at + 3 * HEAP_WORD * (__u64)l.n;
	asm volatile("" : "+r"(size));
	if (size > HEAP_TABLE || bpf_probe_read_user(w->table, size, (void *)(descriptors - 1)))
		return HEAP_FAULT;
	map = *heap_word(w->table);
	all = *(__u16 *)&w->table[HEAP_WORD];
	type = heap_type(h, t, map);
	if (type < h->type_descriptor_array_min || type > h->type_descriptor_array_max || own > all)
		return HEAP_FAULT;
	bpf_loop(HEAP_DESCRIPTORS, heap_descriptor, &l, 0);
	return l.err;
}

/* A callback: one entry {key, value, something} of w->table. */
static long heap_entry(__u32 i, struct heap_loop *l)
{
	__u64 at = l->at + 3 * HEAP_WORD * (__u64)i, key, value, end;

	if (i >= l->n || !heap_table(l->w, at, &key) || !heap_table(l->w, at + HEAP_WORD, &value) ||
	    !heap_table(l->w, at + 2 * HEAP_WORD, &end))
		return 1;
	if (!(heap_smi(end) & l->kind_mask))
		heap_pair(l->w, key, value, 0, 0);
	return 0;
}

/* @n entries at @addr. */
static __always_inline int heap_entries(struct heap_loop *l, __u64 addr, __u32 n)
{
	__u64 size = 3 * HEAP_WORD * (__u64)n;

	asm volatile("" : "+r"(size));
	if (!size)
		return 0;
	if (size > HEAP_TABLE || bpf_probe_read_user(l->w->table, size, (void *)addr))
		return HEAP_FAULT;
	l->at = 0;
	l->n = n;
	bpf_loop(HEAP_ENTRIES, heap_entry, l, 0);
	return 0;
}

/* Fills w->n from the first words of a table. */
static __always_inline bool heap_counts_of(struct heap_walk *w, const __u64 *words)
{
	if (!heap_is_smi(words[0]) || !heap_is_smi(words[1]) || !heap_is_smi(words[2]) ||
	    !heap_is_smi(words[3]))
		return false;
	w->n.length = heap_smi(words[0]);
	w->n.a = heap_smi(words[1]);
	w->n.b = heap_smi(words[2]);
	w->n.c = heap_smi(words[3]);
	return true;
}

/* Fills w->n from the table at @table. */
static __always_inline bool heap_counts(const struct lr_heap *h, struct heap_walk *w, __u64 table)
{
	__u64 at = table + (__u32)h->fixed_array_data - HEAP_WORD;

	return table & 1 && !bpf_probe_read_user(w->table, 4 * HEAP_WORD, (void *)at) &&
	       heap_counts_of(w, (const __u64 *)w->table);
}

/*
 * Which part of an OrderedHashMap is in use: elements, of them deleted ones, buckets. False: it
 * is none.
 */
static __always_inline bool heap_ordered(const struct heap_counts *n)
{
	return n->length == 3 + 7 * n->c && n->a + n->b <= 2 * n->c;
}

/* The entries of a JSMap. */
__noinline int heap_map(const struct lr_heap *h, struct heap_walk *w)
{
	struct heap_loop l = {.h = h, .w = w};
	__u64 table = 0;
	__u32 used;

	if (!h || !w || !heap_get___u64(&w->obj, h->js_map_table, &table) ||
	    !heap_counts(h, w, table) || !heap_ordered(&w->n))
		return HEAP_FAULT;
	used = w->n.a + w->n.b;
	w->more = used > HEAP_ENTRIES;
	if (used > HEAP_ENTRIES)
		used = HEAP_ENTRIES;
	return heap_entries(&l, table + (__u32)h->fixed_array_data + HEAP_WORD * (3 + w->n.c),
			    used);
}

/* A callback: some entries of a dictionary, of which most may be empty. */
static long heap_batch(__u32 i, struct heap_loop *l)
{
	__u32 first = i * HEAP_BATCH, n;
	struct heap_loop inner = {.h = l->h, .w = l->w, .kind_mask = l->h->details_kind_mask};

	if (first >= l->n)
		return 1;
	n = l->n - first;
	l->err = heap_entries(&inner, l->at + 3 * HEAP_WORD * (__u64)first,
			      n < HEAP_BATCH ? n : HEAP_BATCH);
	return l->err != 0;
}

/* The properties of an object that has them in a dictionary. */
__noinline int heap_dictionary(const struct lr_heap *h, struct heap_walk *w)
{
	struct heap_loop l = {.h = h, .w = w};
	__u64 table = 0;

	if (!h || !w || !heap_get___u64(&w->obj, h->object_properties, &table) ||
	    !heap_counts(h, w, table) || w->n.length != h->dictionary_start + 3 * w->n.c ||
	    w->n.a > w->n.c)
		return HEAP_FAULT;
	w->more = w->n.c > HEAP_CAPACITY;
	l.n = w->n.c < HEAP_CAPACITY ? w->n.c : HEAP_CAPACITY;
	l.at = table + (__u32)h->fixed_array_data + HEAP_WORD * h->dictionary_start;
	bpf_loop(HEAP_CAPACITY / HEAP_BATCH, heap_batch, &l, 0);
	return l.err;
}

#endif

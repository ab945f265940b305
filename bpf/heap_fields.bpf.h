/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fields of an object: first which there are (key, value), from descriptors, a dictionary or
 * the entries of a Map; then what each holds.
 */
#ifndef LOOPRAY_HEAP_FIELDS_BPF_H
#define LOOPRAY_HEAP_FIELDS_BPF_H

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
static __always_inline void heap_pair(struct heap_walk *w, __u64 key, __u64 value, __u32 flags)
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
	w->npairs = n + 1;
}

static __always_inline bool heap_table(const struct heap_walk *w, __u64 at, __u64 *v)
{
	if (at > HEAP_TABLE - HEAP_WORD)
		return false;
	*v = *(const __u64 *)&w->table[at];
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
	heap_pair(w, key, value, details & h->details_const_mask ? LR_FIELD_F_CONST : 0);
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
	map = *(__u64 *)w->table;
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
		heap_pair(l->w, key, value, 0);
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

/* Fills w->n from the table at @table. */
static __always_inline bool heap_counts(const struct lr_heap *h, struct heap_walk *w, __u64 table)
{
	__u64 at = table + (__u32)h->fixed_array_data - HEAP_WORD;
	struct heap_counts *n = &w->n;

	if (!(table & 1) || bpf_probe_read_user(n, sizeof(*n), (void *)at) ||
	    !heap_is_smi(n->length) || !heap_is_smi(n->a) || !heap_is_smi(n->b) ||
	    !heap_is_smi(n->c))
		return false;
	n->length = heap_smi(n->length);
	n->a = heap_smi(n->a);
	n->b = heap_smi(n->b);
	n->c = heap_smi(n->c);
	return true;
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
				*(__u64 *)&f->text[8 * i] = *(__u64 *)&w->text[8 * i];
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

static __always_inline void heap_clear(struct lr_store_field *f)
{
	for (__u32 i = 0; i < LR_FIELD_NAME / 8; i++)
		*(__u64 *)&f->name[8 * i] = 0;
	for (__u32 i = 0; i < LR_FIELD_TEXT / 8; i++)
		*(__u64 *)&f->text[8 * i] = 0;
	f->pad = 0;
	f->flags = 0;
	f->name_len = 0;
}

/* Field @i of w->pair, into the next free field of @rec. 0, 1: it has no room, HEAP_FAULT. */
__noinline int heap_field(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			  struct lr_ev_store *rec, __u32 i)
{
	struct lr_store_field *f;
	__u32 at, len;
	__u64 value;
	int kind;

	if (!h || !t || !w || !rec || i >= HEAP_PAIRS)
		return HEAP_FAULT;
	value = w->pair[i].value;
	kind = heap_kind(h, t, w, w->pair[i].key);
	if (kind == HEAP_FAULT)
		return HEAP_FAULT;
	if (kind != LR_VALUE_STRING)
		return 0;
	at = rec->n;
	if (at >= LR_STORE_FIELDS) {
		rec->flags |= LR_STORE_F_MORE;
		return 1;
	}
	if (heap_text(h, t, w, w->pair[i].key))
		return HEAP_FAULT;
	f = &rec->field[at];
	heap_clear(f);
	len = w->text_len;
	f->name_len = len < LR_FIELD_NAME ? len : LR_FIELD_NAME;
	for (__u32 k = 0; k < LR_FIELD_NAME / 8; k++)
		*(__u64 *)&f->name[8 * k] = *(__u64 *)&w->text[8 * k];
	f->flags = w->pair[i].flags;
	kind = heap_kind(h, t, w, value);
	if (kind == HEAP_FAULT)
		return HEAP_FAULT;
	heap_value(h, t, w, f, value, kind);
	rec->n = at + 1;
	return 0;
}

/* Which fields the object in w->obj has, into w->pair. */
static __always_inline int heap_pairs(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, int kind)
{
	__u32 bits;

	if (kind == LR_VALUE_MAP)
		return heap_map(h, w);
	if (!heap_get___u32(&w->map, h->map_bit_field3, &bits))
		return HEAP_FAULT;
	return bits & h->bit_field3_dictionary ? heap_dictionary(h, w) : heap_fast(h, t, w);
}

/*
 * Kind and fields of the store rec->value, whose kind has just been found. 0 or HEAP_FAULT:
 * then what the record has is not to be used.
 */
static __always_inline int heap_store(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, struct lr_ev_store *rec)
{
	__u64 map;
	int err = 0;

	rec->n = 0;
	rec->flags = 0;
	if (rec->kind != LR_VALUE_OBJECT && rec->kind != LR_VALUE_MAP) {
		heap_clear(&rec->field[0]);
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
	heap_read(&w->map, map - 1);
	if (heap_pairs(h, t, w, rec->kind))
		return HEAP_FAULT;
	for (__u32 i = 0; i < HEAP_PAIRS && i < w->npairs && !err; i++)
		err = heap_field(h, t, w, rec, i);
	if (w->more)
		rec->flags |= LR_STORE_F_MORE;
	return err < 0 ? HEAP_FAULT : 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One property by its name: of an object, or the value that a Map has for a key. A path is some
 * of these, one inside of the other.
 *
 * What an object's hidden class says of where a property lies is kept, for each thread: within an
 * epoch a hidden class does not move, and of one that is not a dictionary no property moves. So is
 * the key that a Map had: the next Map's is the same symbol or the same string, most likely.
 */
#ifndef LOOPRAY_HEAP_PATH_BPF_H
#define LOOPRAY_HEAP_PATH_BPF_H

#include "heap_name.bpf.h"

#define PATH_BATCH   24 /* entries looked at at once: what fits in w->table */
#define PATH_BATCHES 6
#define PATH_ENTRIES (PATH_BATCH * PATH_BATCHES)
#define PATH_NOWHERE (-32768) /* the class has no such property */
#define PATH_SEARCH  1

enum path_searched {
	PATH_IN_MAP,
	PATH_IN_DICTIONARY,
	PATH_IN_CLASS,
};
#define PATH_ENTRY (3 * HEAP_WORD)

_Static_assert(PATH_BATCH *PATH_ENTRY <= HEAP_TABLE, "a batch does not fit");

/* What is worked on lies in the walk: where call frames share 512 bytes, little is left here. */
struct path_loop {
	const struct lr_heap *h;
	struct heap_walk *w;
};

/* A callback: is entry @i of w->table the one that is known? */
static long path_known(__u32 i, struct path_loop *l)
{
	struct heap_walk *w = l->w;
	__u64 key;

	if (i >= w->path.batch || !heap_table(w, PATH_ENTRY * (__u64)i, &key))
		return 1;
	if (key == w->path.key)
		w->path.found = i + 1;
	return w->path.found != 0;
}

/* A callback: the same by what the key says. */
static long path_named(__u32 i, struct path_loop *l)
{
	struct heap_walk *w = l->w;
	__u64 key;

	if (i >= w->path.batch || !heap_table(w, PATH_ENTRY * (__u64)i, &key))
		return 1;
	if (name_is(l->h, w, key)) {
		w->path.key = key;
		w->path.found = i + 1;
	}
	return w->path.found != 0;
}

/* The w->path.batch entries at @addr. 1: found, 0: not among them, or HEAP_FAULT. */
static __always_inline int path_batch(struct path_loop *l, __u64 addr)
{
	struct heap_walk *w = l->w;
	__u64 size = PATH_ENTRY * (__u64)w->path.batch, at;

	asm volatile("" : "+r"(size));
	if (!size)
		return 0;
	if (size > HEAP_TABLE || bpf_probe_read_user(w->table, size, (void *)addr))
		return HEAP_FAULT;
	if (w->path.key)
		bpf_loop(PATH_BATCH, path_known, l, 0);
	if (!w->path.found) {
		name_want(w);
		bpf_loop(PATH_BATCH, path_named, l, 0);
	}
	if (!w->path.found)
		return 0;
	at = PATH_ENTRY * (__u64)(w->path.found - 1);
	return heap_table(w, at + HEAP_WORD, &w->path.second) &&
			       heap_table(w, at + 2 * HEAP_WORD, &w->path.third)
		       ? 1
		       : HEAP_FAULT;
}

/*
 * Looks for the name among the w->path.n entries {key, something, something} at w->path.at.
 * 1: found, with its number and what is behind the key; 0: it is not there; HEAP_FAULT.
 */
__noinline int path_table(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w)
{
	struct path_loop l = {.h = h, .w = w};
	__u32 which, first;
	int err = 0;

	if (!h || !t || !w)
		return HEAP_FAULT;
	which = w->path.which & (LR_NAMES_WANTED - 1);
	w->path.key = t->epoch && t->wanted_epoch[which] == t->epoch ? t->wanted[which] : 0;
	w->path.found = 0;
	for (first = 0; first < PATH_ENTRIES && !err; first += PATH_BATCH) {
		if (first >= w->path.n)
			break;
		w->path.batch = w->path.n - first < PATH_BATCH ? w->path.n - first : PATH_BATCH;
		err = path_batch(&l, w->path.at + PATH_ENTRY * (__u64)first);
		w->path.index = first + w->path.found - 1;
	}
	if (err == 1) {
		which = w->path.which & (LR_NAMES_WANTED - 1);
		t->wanted[which] = w->path.key;
		t->wanted_epoch[which] = t->epoch;
	} else if (w->path.n > PATH_ENTRIES) {
		w->more = 1; /* not looked at whole */
	}
	return err;
}

/* The entries of the Map in w->val. */
static __always_inline int path_map(const struct lr_heap *h, struct heap_walk *w)
{
	__u64 table = 0;

	if (!heap_get___u64(&w->val, h->js_map_table, &table) || !heap_counts(h, w, table) ||
	    !heap_ordered(&w->n))
		return HEAP_FAULT;
	w->path.n = w->n.a + w->n.b;
	w->path.at = table + (__u32)h->fixed_array_data + HEAP_WORD * (3 + w->n.c);
	w->path.constant = 0;
	w->path.searched = PATH_IN_MAP;
	return PATH_SEARCH;
}

/* The dictionary that the object in w->val has its properties in. */
static __always_inline int path_dictionary(const struct lr_heap *h, struct heap_walk *w)
{
	__u64 table = 0;

	if (!heap_get___u64(&w->val, h->object_properties, &table) || !heap_counts(h, w, table) ||
	    w->n.length != h->dictionary_start + 3 * w->n.c || w->n.a > w->n.c)
		return HEAP_FAULT;
	w->path.n = w->n.c;
	w->path.at = table + (__u32)h->fixed_array_data + HEAP_WORD * h->dictionary_start;
	w->path.constant = 0;
	w->path.searched = PATH_IN_DICTIONARY;
	return PATH_SEARCH;
}

/* In words from the object's start; or -1 - index in its property array. */
static __always_inline __s16 path_where(const struct lr_heap *h, struct heap_walk *w, __u32 details)
{
	__u32 index = (details & h->details_index_mask) >> (h->details_index_shift & 31), in_object;
	__u8 size, start;

	if ((details & (h->details_kind_mask | h->details_location_mask)) ||
	    !heap_get___u8(&w->map, h->map_size, &size) ||
	    !heap_get___u8(&w->map, h->map_inobject_start, &start) || start > size)
		return PATH_NOWHERE;
	in_object = size - start;
	return index < in_object ? start + index : (__s16)(in_object - index - 1);
}

/* The descriptors of the hidden class in w->map. */
static __always_inline int path_class(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w)
{
	__u64 descriptors, head[2];
	__u32 bits, own;
	int type;

	if (!heap_get___u32(&w->map, h->map_bit_field3, &bits))
		return HEAP_FAULT;
	if (bits & h->bit_field3_dictionary)
		return path_dictionary(h, w);
	if (!heap_get___u64(&w->map, h->map_descriptors, &descriptors) || !(descriptors & 1) ||
	    bpf_probe_read_user(head, sizeof(head), (void *)(descriptors - 1)))
		return HEAP_FAULT;
	own = (bits & h->bit_field3_own_mask) >> (h->bit_field3_own_shift & 31);
	type = heap_type(h, t, head[0]);
	/* Behind the map: how many descriptors there are in all. */
	if (type < h->type_descriptor_array_min || type > h->type_descriptor_array_max ||
	    own > (__u16)head[1])
		return HEAP_FAULT;
	w->path.n = own;
	w->path.at = descriptors + h->descriptors_header;
	w->path.searched = PATH_IN_CLASS;
	return PATH_SEARCH;
}

/* Whether V8 knows the property to be assigned once: as of now, it may come to know better. */
static __always_inline __u32 path_is_constant(const struct lr_heap *h, const struct heap_walk *w,
					      const struct lr_place *place)
{
	__u64 descriptors, details;

	if (!heap_get___u64(&w->map, h->map_descriptors, &descriptors) ||
	    bpf_probe_read_user(&details, sizeof(details),
				(void *)(descriptors + h->descriptors_header +
					 PATH_ENTRY * (__u64)place->number + HEAP_WORD)))
		return 0;
	return (heap_smi(details) & h->details_const_mask) != 0;
}

/* The value at @place of the object in w->val. */
static __always_inline int path_take(const struct lr_heap *h, struct lr_task *t,
				     struct heap_walk *w, __s32 where)
{
	__u64 props, at = w->path.value - 1;
	__u64 off = (__u64)(__u32)where * HEAP_WORD;

	if (where == PATH_NOWHERE)
		return HEAP_NOT_FOUND;
	if (where >= 0) {
		/* The verifier is to see the bound of what is used. */
		asm volatile("" : "+r"(off));
		if (off <= HEAP_HEAD && off + HEAP_WORD <= w->val.n)
			w->path.value = *heap_word(&w->val.b[off]);
		else if (bpf_probe_read_user(&w->path.value, HEAP_WORD, (void *)(at + off)))
			return HEAP_FAULT;
		return 0;
	}
	if (!heap_get___u64(&w->val, h->object_properties, &props) || heap_props(h, t, w, props))
		return HEAP_FAULT;
	return heap_out_of_object(h, w, -1 - where, &w->path.value);
}

/* The place of the name in objects of this hidden class, known or not. */
static __always_inline struct lr_place *path_place(struct lr_task *t, __u64 map, __u32 which)
{
	__u64 slot = 2ULL * which + ((map >> 3 ^ map >> 5 ^ map >> 7) & 1);

	asm volatile("" : "+r"(slot)); /* kernel 6.1 loses the bound of what comes before */
	return &t->places[slot & (LR_PLACES - 1)];
}

/* The property at @place, of an object in w->val whose hidden class this is. */
static __always_inline int path_placed(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, const struct lr_place *place)
{
	if (w->path.constant && place->where != PATH_NOWHERE) {
		if (!w->map.n)
			heap_read(&w->map, place->map - 1);
		w->path.constant = path_is_constant(h, w, place);
	}
	return path_take(h, t, w, place->where);
}

/*
 * From the object or Map w->path.value to what it has under the name that is wanted. PATH_SEARCH:
 * path_table() is to be asked, and then path_end(); else 0, HEAP_NOT_FOUND, HEAP_FAULT. These
 * follow one another, since call frames must not lie too deep. w->obj stays as it is.
 */
__noinline int path_begin(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w)
{
	const struct lr_place *place;
	int kind = LR_VALUE_OBJECT;
	__u64 map = 0;

	if (!h || !t || !w)
		return HEAP_FAULT;
	if (w->path.in_val != w->path.value)
		kind = heap_kind(h, t, w, w->path.value);
	w->path.in_val = kind == LR_VALUE_OBJECT ? w->path.value : 0;
	if (kind == LR_VALUE_MAP)
		return path_map(h, w);
	if (kind != LR_VALUE_OBJECT)
		return kind == HEAP_FAULT ? HEAP_FAULT : HEAP_NOT_FOUND;
	if (!heap_get___u64(&w->val, -1, &map))
		return HEAP_FAULT;
	w->map.n = 0;
	place = path_place(t, map, w->path.which);
	if (place->map == map && place->which == w->path.which && place->epoch == t->epoch &&
	    t->epoch)
		return path_placed(h, t, w, place);
	heap_read(&w->map, map - 1);
	return path_class(h, t, w);
}

/* @found as path_table() says. 0, HEAP_NOT_FOUND, HEAP_FAULT. */
__noinline int path_end(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w, int found)
{
	struct lr_place *place;
	__u64 map = 0;

	if (!h || !t || !w || found < 0)
		return HEAP_FAULT;
	if (w->path.searched != PATH_IN_CLASS) {
		/* A getter is not run. */
		if (!found || (w->path.searched == PATH_IN_DICTIONARY &&
			       heap_smi(w->path.third) & h->details_kind_mask))
			return HEAP_NOT_FOUND;
		w->path.value = w->path.second;
		return 0;
	}
	if (!heap_get___u64(&w->val, -1, &map))
		return HEAP_FAULT;
	place = path_place(t, map, w->path.which);
	place->where = found ? path_where(h, w, heap_smi(w->path.second)) : PATH_NOWHERE;
	place->number = w->path.index;
	place->which = w->path.which;
	place->epoch = t->epoch;
	place->map = map;
	return path_placed(h, t, w, place);
}

/* All three. */
static __always_inline int path_step(const struct lr_heap *h, struct lr_task *t,
				     struct heap_walk *w)
{
	int err = path_begin(h, t, w);

	return err == PATH_SEARCH ? path_end(h, t, w, path_table(h, t, w)) : err;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where an object of async_hooks has what AsyncLocalStorage put there.
 *
 * A store is a property whose key is a symbol of the AsyncLocalStorage instance, described as
 * "kResourceStore". An object may stand in for a public one, which then has the stores: symbol
 * "resource_symbol". Symbols and their descriptions move when the heap is compacted, so they are
 * recognised by content; a symbol's hash never changes, and names the instance.
 *
 * To not search at every send, each thread keeps where such properties lie: per hidden class (V8:
 * Map), and for an object that is a dictionary, per dictionary. Within an epoch (no collection in
 * between) what is at the same address is the same, and neither a hidden class nor a dictionary
 * of the same counts puts an existing property elsewhere. In a later epoch, a hidden class counts
 * as known only if all that was noted of it is as it was, the keys included.
 */
#ifndef LOOPRAY_HOOKS_SHAPE_BPF_H
#define LOOPRAY_HOOKS_SHAPE_BPF_H

#include "heap.bpf.h"

#define HOOKS_SHAPES	 64  /* per thread */
#define HOOKS_PROPERTIES 128 /* of an object; one with more is not searched */
#define HOOKS_CAPACITY	 512 /* nor is a dictionary that is larger */
#define HOOKS_DESCRIPTOR (3 * HEAP_WORD)
#define HOOKS_EXTRA	 LR_STORES_MAX /* the slot behind those of stores */

/* Descriptions of the two symbols, as words: BPF compares no strings. */
#define HOOKS_TEXT(a, b, c, d, e, f, g, h)                                                       \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define HOOKS_STORE_LENGTH  14
#define HOOKS_STORE_1	    HOOKS_TEXT('k', 'R', 'e', 's', 'o', 'u', 'r', 'c')
#define HOOKS_STORE_2	    HOOKS_TEXT('e', 'S', 't', 'o', 'r', 'e', 0, 0)
#define HOOKS_PUBLIC_LENGTH 15
#define HOOKS_PUBLIC_1	    HOOKS_TEXT('r', 'e', 's', 'o', 'u', 'r', 'c', 'e')
#define HOOKS_PUBLIC_2	    HOOKS_TEXT('_', 's', 'y', 'm', 'b', 'o', 'l', 0)

enum hooks_key {
	HOOKS_KEY_OTHER,
	HOOKS_KEY_STORE,
	HOOKS_KEY_PUBLIC,
};

/* One property: where its value lies, and what was its key. */
struct hooks_slot {
	__u64 key;
	__u32 hash;
	__u16 index; /* among the descriptors */
	__s16 where; /* words from the object's (or dictionary's) start; < 0: hooks_where() */
};

/* What is noted of a hidden class to know it again. */
struct hooks_class {
	__u64 descriptors;
	__u32 bit_field3;
	__u8 size, inobject; /* in words */
	__u16 type;
};

struct hooks_shape {
	__u64 of; /* the hidden class or the dictionary, 0: nothing is known here */
	__u32 epoch;
	__u8 n;	      /* slots of stores */
	__u8 more;    /* there are more stores than slots */
	__u8 public;  /* slot[HOOKS_EXTRA] is the public object */
	__u8 witness; /* slot[HOOKS_EXTRA] is nothing of interest, only a key to know it by */
	__u32 dictionary;
	__u32 pad;
	union {
		struct hooks_class class;
		__u32 counts[3]; /* of a dictionary: elements, deleted, capacity */
	};
	struct hooks_slot slot[LR_STORES_MAX + 1];
};

/* A thread's walks: the current one, and what is kept between them. */
struct hooks_state {
	__u64 env;    /* of which the next two are addresses in the process */
	__u64 fields; /* async_hooks' counters */
	__u64 js;     /* handle of its JSArray of current resources */
	__u64 object; /* that is looked at, tagged */
	__u64 self;   /* the resource that stands for it */
	__u64 properties;
	__u64 public_at; /* address of the public object's pointer, 0: none */
	__u64 at[LR_STORES_MAX];
	__u32 hash[LR_STORES_MAX];
	__u32 n;
	__u32 more;
	__u32 top;    /* height of the stacks of resources */
	__s32 status; /* enum lr_store_status: why the walk ended */
	/* What would not find room on the stack. */
	struct hooks_slot slot; /* the property that is looked at */
	struct hooks_class now;
	__u64 entries; /* of what is searched: address of the first one, tag folded in */
	__u64 other;   /* a key of no interest: that of all free entries of a dictionary */
	__u64 words[4];
	__u64 text[2];
	__u32 index; /* of the shape that is made */
	__u32 pad;
	struct hooks_shape shape[HOOKS_SHAPES];
};

static __always_inline bool hooks_read(void *to, __u32 size, __u64 from)
{
	return bpf_probe_read_user(to, size, (void *)from) == 0;
}

/* A pointer to a heap object, as far as its bits tell. */
static __always_inline bool hooks_is_object(__u64 value)
{
	return (value & 3) == 1 && value >> 47 == 0 && value > HEAP_PAGE;
}

/* Ends the walk. Returns 0. */
static __always_inline int hooks_end(struct hooks_state *s, int status)
{
	s->status = status;
	return 0;
}

static __always_inline __u32 hooks_index(__u64 of)
{
	return (of >> 3 ^ of >> 9) & (HOOKS_SHAPES - 1);
}

/* Keys ------------------------------------------------------------------------------------ */

static __always_inline bool hooks_text_is(const struct lr_heap *h, struct hooks_state *s,
					  __u64 text, __u32 length, __u64 first, __u64 second)
{
	s->text[1] = 0;
	return hooks_read(s->text, length, text + h->string_chars) && s->text[0] == first &&
	       s->text[1] == second;
}

/* What @key is by its description. One that cannot be read is none of ours. */
static __always_inline enum hooks_key hooks_key(const struct lr_heap *h, struct lr_task *t,
						struct hooks_state *s, __u64 key)
{
	const __u32 form = h->str_encoding_mask | h->str_shape_mask;
	__u64 text;
	__u32 length;
	int type;

	if (!hooks_is_object(key) || !hooks_read(s->text, HEAP_WORD, key - 1) ||
	    heap_type(h, t, s->text[0]) != h->type_symbol ||
	    !hooks_read(s->text, HEAP_WORD, key + h->symbol_description))
		return HOOKS_KEY_OTHER;
	text = s->text[0];
	/* A string begins with its map, its hash and its length. */
	if (!hooks_is_object(text) || !hooks_read(s->text, sizeof(s->text), text - 1))
		return HOOKS_KEY_OTHER;
	length = s->text[1] >> 32; /* see derive() in target_layout_heap.c */
	if (length != HOOKS_STORE_LENGTH && length != HOOKS_PUBLIC_LENGTH)
		return HOOKS_KEY_OTHER;
	type = heap_type(h, t, s->text[0]);
	if (type < 0 || !heap_is_string(h, type) || (type & form) != (h->str_one_byte | h->str_seq))
		return HOOKS_KEY_OTHER;
	if (length == HOOKS_STORE_LENGTH &&
	    hooks_text_is(h, s, text, HOOKS_STORE_LENGTH, HOOKS_STORE_1, HOOKS_STORE_2))
		return HOOKS_KEY_STORE;
	if (length == HOOKS_PUBLIC_LENGTH &&
	    hooks_text_is(h, s, text, HOOKS_PUBLIC_LENGTH, HOOKS_PUBLIC_1, HOOKS_PUBLIC_2))
		return HOOKS_KEY_PUBLIC;
	return HOOKS_KEY_OTHER;
}

/* Notes property @slot of the shape that is made. */
static __always_inline void hooks_note(struct hooks_shape *shape, enum hooks_key key,
				       const struct hooks_slot *slot)
{
	if (key == HOOKS_KEY_PUBLIC) {
		shape->slot[HOOKS_EXTRA] = *slot;
		shape->public = 1;
		shape->witness = 0;
	} else if (key == HOOKS_KEY_OTHER) {
		if (shape->public)
			return;
		shape->slot[HOOKS_EXTRA] = *slot;
		shape->witness = 1;
	} else if (shape->n < LR_STORES_MAX) {
		shape->slot[shape->n & (LR_STORES_MAX - 1)] = *slot;
		shape->n++;
	} else {
		shape->more = 1;
	}
}

struct hooks_scan {
	const struct lr_heap *h;
	struct lr_task *t;
	struct hooks_state *s;
};

/* Hidden classes -------------------------------------------------------------------------- */

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

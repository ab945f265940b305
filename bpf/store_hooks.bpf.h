/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which stores are active where AsyncLocalStorage works over async_hooks.
 *
 * Such a store is a property of the resource that JavaScript runs in: its key is a symbol of
 * the AsyncLocalStorage instance, described as "kResourceStore". The resource is on top of one
 * of two stacks (JavaScript's own, or native code's), and may be the stand-in of a public one,
 * which then has the stores: symbol "resource_symbol".
 *
 * Symbols and their descriptions move when the heap is compacted, so they are recognised by
 * content. To not do so at every send, where the properties lie is kept per hidden class (V8:
 * Map). Within an epoch (no collection in between) a hidden class at the same address is the
 * same one, and never puts an existing property elsewhere. After that, it counts only if all
 * that is known of it is as it was, the keys included. A symbol's hash never changes: it names
 * the instance.
 */
#ifndef LOOPRAY_STORE_HOOKS_BPF_H
#define LOOPRAY_STORE_HOOKS_BPF_H

#include "runtime.bpf.h"

#define HOOKS_PROPERTIES  128 /* a fast object with more is not searched */
#define HOOKS_DICTIONARY  512 /* nor is a dictionary of greater capacity */
#define HOOKS_STACK_MAX	  4096
#define HOOKS_DEQUE_WORDS 64 /* elements in a node of a std::deque: 512 bytes */
#define HOOKS_SHAPES	  4096

/* async_hooks' fields[]: how many hooks are told of new resources. */
#define HOOKS_FIELD_INIT 0

/* Descriptions of the two symbols, as words: BPF compares no strings. */
#define HOOKS_WORD(a, b, c, d, e, f, g, h)                                                       \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define HOOKS_STORE_LENGTH  14
#define HOOKS_STORE_1	    HOOKS_WORD('k', 'R', 'e', 's', 'o', 'u', 'r', 'c')
#define HOOKS_STORE_2	    HOOKS_WORD('e', 'S', 't', 'o', 'r', 'e', 0, 0)
#define HOOKS_PUBLIC_LENGTH 15
#define HOOKS_PUBLIC_1	    HOOKS_WORD('r', 'e', 's', 'o', 'u', 'r', 'c', 'e')
#define HOOKS_PUBLIC_2	    HOOKS_WORD('_', 's', 'y', 'm', 'b', 'o', 'l', 0)

/* One property: where its value lies, and what was its key. */
struct hooks_slot {
	__u64 key;
	__u32 hash;
	__u16 index; /* among the descriptors */
	__s16 where; /* in the object, in words; negative: -1 - index in the property array */
};

struct hooks_map {
	__u64 descriptors;
	__u32 bit_field3;
	__u8 size, inobject; /* in words */
	__u16 type;
};

/* What a hidden class has of interest. */
struct hooks_shape {
	__u64 owner; /* start time of the thread whose epoch it is: never twice */
	__u32 epoch;
	__u8 n;	       /* slots used by stores */
	__u8 more;     /* there are more stores */
	__u8 publicly; /* slot[LR_STORES_MAX] is the public resource */
	__u8 witness;  /* no property of interest: slot[LR_STORES_MAX] is the last of all */
	struct hooks_map map;
	struct hooks_slot slot[LR_STORES_MAX + 1];
};

struct hooks_shape_key {
	__u64 map;
	__u32 tgid;
	__u32 pad;
};

/* Entries: made by the thread that meets the hidden class; the least recently used ones go. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HOOKS_SHAPES);
	__type(key, struct hooks_shape_key);
	__type(value, struct hooks_shape);
} lr_shapes SEC(".maps") LR_WEAK;

/* One walk; too big for the stack. Programs that walk are not preempted by others that do. */
struct hooks_walk {
	struct hooks_shape_key key;
	__u64 env;
	__u64 fields; /* addresses in the process */
	__u64 js_slot;
	__u64 owner;
	__u32 epoch;
	__u32 status;
	__u32 top; /* height of the stacks */
	__u32 pad;
	__u64 object; /* tagged; the current resource, then the public one */
	__u64 properties;
	/* What was found: addresses of values. */
	__u64 at[LR_STORES_MAX];
	__u32 hash[LR_STORES_MAX];
	__u32 n;
	__u32 more;
	__u64 public_at;
	struct hooks_shape shape;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hooks_walk);
} lr_hooks_scratch SEC(".maps") LR_WEAK;

static __always_inline bool hooks_read(void *to, __u32 size, __u64 from)
{
	return bpf_probe_read_user(to, size, (void *)from) == 0;
}

/* A pointer to a heap object, as far as its bits tell. */
static __always_inline bool hooks_is_object(__u64 value)
{
	return (value & 3) == 1 && value >> 47 == 0 && value > 4096;
}

/* Instance type of @object, negative if it cannot be read. */
static __always_inline int hooks_type(const struct lr_heap *h, __u64 object)
{
	__u64 map = 0;
	__u16 type = 0;

	if (!hooks_is_object(object) || !hooks_read(&map, sizeof(map), object - 1) ||
	    !hooks_is_object(map) || !hooks_read(&type, sizeof(type), map + h->map_instance_type))
		return -1;
	return type;
}

/* Current resource ----------------------------------------------------------------------- */

/* Takes the entry of JavaScript's stack, if there is one; a hole is no resource. */
static __always_inline bool hooks_js_top(const struct lr_heap *h, struct hooks_walk *w)
{
	__u64 array[4] = {}; /* a JSArray: map, properties, elements, length */

	if (h->object_elements != 15 || h->js_array_length != 23) {
		w->status = LR_STORES_OFF;
		return false;
	}
	if (!hooks_read(&w->object, sizeof(w->object), w->js_slot) || !hooks_is_object(w->object) ||
	    !hooks_read(array, sizeof(array), w->object - 1)) {
		w->status = LR_STORES_FAULT;
		return false;
	}
	if (!hooks_is_object(array[2]) || (__u32)array[3]) {
		w->status = LR_STORES_CHECK;
		return false;
	}
	if (w->top > array[3] >> 32)
		return false;
	if (!hooks_read(&w->object, sizeof(w->object),
			array[2] + h->fixed_array_data + 8ULL * (w->top - 1))) {
		w->status = LR_STORES_FAULT;
		return false;
	}
	return true;
}

/* Address of element @i of the native stack; 0: it has none. */
static __always_inline __u64 hooks_native_element(const struct lr_heap *h, struct hooks_walk *w,
						  __u32 i)
{
	__u64 it[4] = {}; /* a vector: begin, end; a deque: cur, first, last, node */
	__u64 at = w->env + h->env_native_resources, node = 0;

	if (!(h->resources_kind & LR_RESOURCES_DEQUE)) {
		if (!hooks_read(it, 16, at))
			w->status = LR_STORES_FAULT;
		at = it[0] + 8ULL * i;
		return at < it[1] ? at : 0;
	}
	if (!hooks_read(it, sizeof(it), at)) {
		w->status = LR_STORES_FAULT;
		return 0;
	}
	if (it[0] < it[1] || it[0] >= it[2]) {
		w->status = LR_STORES_CHECK;
		return 0;
	}
	i += (it[0] - it[1]) / 8;
	if (i < HOOKS_DEQUE_WORDS)
		return it[1] + 8ULL * i;
	if (!hooks_read(&node, sizeof(node), it[3] + i / HOOKS_DEQUE_WORDS * 8ULL)) {
		w->status = LR_STORES_FAULT;
		return 0;
	}
	return node + i % HOOKS_DEQUE_WORDS * 8ULL;
}

static __always_inline bool hooks_native_top(const struct lr_heap *h, struct hooks_walk *w)
{
	__u64 at = hooks_native_element(h, w, w->top - 1);

	if (w->status)
		return false;
	/* To the handle, and through it to the object. */
	if (at && hooks_read(&at, sizeof(at), at) &&
	    (!(h->resources_kind & LR_RESOURCES_POINTERS) || hooks_read(&at, sizeof(at), at)) &&
	    hooks_read(&w->object, sizeof(w->object), at))
		return true;
	w->status = at ? LR_STORES_FAULT : LR_STORES_CHECK;
	return false;
}

/* How high the stacks are. Returns whether there can be stores; if not, w->status says why. */
static __always_inline bool hooks_height(const struct lr_heap *h, struct hooks_walk *w)
{
	__u32 fields[LR_HOOKS_FIELDS] = {};

	if (!hooks_read(fields, sizeof(fields), w->fields)) {
		w->status = LR_STORES_FAULT;
		return false;
	}
	w->top = fields[h->field_stack & (LR_HOOKS_FIELDS - 1)];
	if (!w->top || w->top > HOOKS_STACK_MAX) {
		w->status = w->top ? LR_STORES_CHECK : LR_STORES_NO_JS;
		return false;
	}
	/*
	 * An AsyncLocalStorage in use has an init hook enabled; without one, all are disabled
	 * (also while exit() runs), whatever the resource still has.
	 */
	return fields[HOOKS_FIELD_INIT] != 0;
}

/* Hidden classes -------------------------------------------------------------------------- */

/* 1: the symbol of a store, 2: that of the public resource, 0: any other key. */
static __always_inline int hooks_key(const struct lr_heap *h, __u64 key)
{
	const __u16 form = h->str_encoding_mask | h->str_shape_mask;
	__u64 text = 0, name[2] = {};
	__u32 length = 0;
	int type;

	if (hooks_type(h, key) != h->type_symbol ||
	    !hooks_read(&text, sizeof(text), key + h->symbol_description))
		return 0;
	type = hooks_type(h, text);
	if (type < 0 || type >= h->type_string_max ||
	    (type & form) != (h->str_one_byte | h->str_seq) ||
	    !hooks_read(&length, sizeof(length), text + h->string_length))
		return 0;
	if (length == HOOKS_STORE_LENGTH)
		return hooks_read(name, HOOKS_STORE_LENGTH, text + h->string_chars) &&
		       name[0] == HOOKS_STORE_1 && name[1] == HOOKS_STORE_2;
	if (length == HOOKS_PUBLIC_LENGTH &&
	    hooks_read(name, HOOKS_PUBLIC_LENGTH, text + h->string_chars) &&
	    name[0] == HOOKS_PUBLIC_1 && name[1] == HOOKS_PUBLIC_2)
		return 2;
	return 0;
}

struct hooks_scan {
	const struct lr_heap *h;
	struct hooks_walk *w;
};

static __always_inline __s16 hooks_where(const struct lr_heap *h, const struct hooks_map *m,
					 __u64 details)
{
	__u32 index = (details >> 32 & h->details_index_mask) >> h->details_index_shift;
	__u32 inobject = m->size - m->inobject;

	return index < inobject ? m->inobject + index : (__s16)(inobject - index - 1);
}

/* Descriptor @i of the hidden class. */
static long hooks_descriptor(__u32 i, void *ctx)
{
	struct hooks_scan *s = ctx;
	const struct lr_heap *h = s->h;
	struct hooks_walk *w = s->w;
	struct hooks_shape *shape = &w->shape;
	__u64 entry[2] = {}; /* key, details */
	struct hooks_slot slot = {.index = i};
	int found;

	if (!hooks_read(entry, sizeof(entry),
			shape->map.descriptors + h->descriptors_header + 24ULL * i)) {
		w->status = LR_STORES_FAULT;
		return 1;
	}
	found = hooks_key(h, entry[0]);
	slot.key = entry[0];
	slot.where = hooks_where(h, &shape->map, entry[1]);
	hooks_read(&slot.hash, sizeof(slot.hash), entry[0] + h->name_hash);
	if (!found) {
		/* Something of the class must be known to know it again. */
		if (!shape->publicly) {
			shape->slot[LR_STORES_MAX] = slot;
			shape->witness = 1;
		}
		return 0;
	}
	if ((entry[1] >> 32) & (h->details_kind_mask | h->details_location_mask)) {
		w->status = LR_STORES_CHECK; /* an accessor: nothing that Node.js makes */
		return 1;
	}
	if (found == 2) {
		shape->slot[LR_STORES_MAX] = slot;
		shape->publicly = 1;
		shape->witness = 0;
	} else if (shape->n < LR_STORES_MAX) {
		shape->slot[shape->n & (LR_STORES_MAX - 1)] = slot;
		shape->n++;
	} else {
		shape->more = 1;
	}
	return 0;
}

static __always_inline bool hooks_read_map(const struct lr_heap *h, __u64 map, struct hooks_map *m)
{
	return hooks_read(&m->size, 1, map + h->map_size) &&
	       hooks_read(&m->inobject, 1, map + h->map_inobject_start) &&
	       hooks_read(&m->type, sizeof(m->type), map + h->map_instance_type) &&
	       hooks_read(&m->bit_field3, sizeof(m->bit_field3), map + h->map_bit_field3) &&
	       hooks_read(&m->descriptors, sizeof(m->descriptors), map + h->map_descriptors);
}

static __always_inline bool hooks_same_map(const struct hooks_map *a, const struct hooks_map *b)
{
	return a->descriptors == b->descriptors && a->bit_field3 == b->bit_field3 &&
	       a->size == b->size && a->inobject == b->inobject && a->type == b->type;
}

/* Whether the descriptors still have the key that they had. */
static __always_inline bool hooks_same_key(const struct lr_heap *h, const struct hooks_shape *shape,
					   const struct hooks_slot *slot)
{
	__u64 key = 0;
	__u32 hash = 0;

	return hooks_read(&key, sizeof(key),
			  shape->map.descriptors + h->descriptors_header + 24ULL * slot->index) &&
	       key == slot->key && hooks_read(&hash, sizeof(hash), key + h->name_hash) &&
	       hash == slot->hash;
}

static __always_inline bool hooks_same_keys(const struct lr_heap *h,
					    const struct hooks_shape *shape)
{
	for (__u32 i = 0; i < LR_STORES_MAX; i++) {
		if (i < shape->n && !hooks_same_key(h, shape, &shape->slot[i]))
			return false;
	}
	return (!shape->publicly && !shape->witness) ||
	       hooks_same_key(h, shape, &shape->slot[LR_STORES_MAX]);
}

/*
 * Whether the kept shape still is that of w->key.map. Where collections are not counted the
 * epoch stays 0, and is no evidence.
 */
__attribute__((noinline)) int hooks_shape_holds(const struct lr_heap *h, struct hooks_walk *w)
{
	struct hooks_map now = {};

	if (!h || !w)
		return 0;
	if (w->epoch && w->shape.epoch == w->epoch && w->shape.owner == w->owner)
		return 1;
	if (!hooks_read_map(h, w->key.map, &now) || !hooks_same_map(&now, &w->shape.map) ||
	    !hooks_same_keys(h, &w->shape))
		return 0;
	w->shape.epoch = w->epoch;
	w->shape.owner = w->owner;
	bpf_map_update_elem(&lr_shapes, &w->key, &w->shape, BPF_ANY);
	return 1;
}

static __always_inline __u32 hooks_own(const struct lr_heap *h, const struct hooks_map *m)
{
	return (m->bit_field3 & h->bit_field3_own_mask) >> (h->bit_field3_own_shift & 31);
}

/*
 * Makes w->shape from the hidden class itself. Without an error, 0 says that what has it is no
 * object with properties.
 */
__attribute__((noinline)) int hooks_shape_make(const struct lr_heap *h, struct hooks_walk *w)
{
	struct hooks_scan scan = {.h = h, .w = w};
	struct hooks_shape *shape;
	__u32 own;

	if (!h || !w)
		return 0;
	shape = &w->shape;
	__builtin_memset(shape, 0, sizeof(*shape));
	if (!hooks_read_map(h, w->key.map, &shape->map)) {
		w->status = LR_STORES_FAULT;
		return 0;
	}
	own = hooks_own(h, &shape->map);
	if (shape->map.type < h->type_js_object_min)
		return 0;
	if (shape->map.size < shape->map.inobject || own > HOOKS_PROPERTIES) {
		w->status = LR_STORES_CHECK;
		return 0;
	}
	/* A dictionary's class says nothing of its properties. */
	if (shape->map.bit_field3 & h->bit_field3_dictionary)
		return 1;
	if (!hooks_is_object(shape->map.descriptors)) {
		w->status = LR_STORES_CHECK;
		return 0;
	}
	bpf_loop(own, hooks_descriptor, &scan, 0);
	if (w->status)
		return 0;
	shape->epoch = w->epoch;
	shape->owner = w->owner;
	bpf_map_update_elem(&lr_shapes, &w->key, shape, BPF_ANY);
	return 1;
}

/* Properties ------------------------------------------------------------------------------ */

/* A hit among the properties: its value is at @at. */
static __always_inline void hooks_found(struct hooks_walk *w, __u64 at, __u32 hash)
{
	if (w->n < LR_STORES_MAX) {
		w->at[w->n & (LR_STORES_MAX - 1)] = at;
		w->hash[w->n & (LR_STORES_MAX - 1)] = hash;
		w->n++;
	} else {
		w->more = 1;
	}
}

/* Entry @i of the object's dictionary: key, value, details. */
static long hooks_dictionary_entry(__u32 i, void *ctx)
{
	struct hooks_scan *s = ctx;
	const struct lr_heap *h = s->h;
	struct hooks_walk *w = s->w;
	__u64 at = w->properties + h->fixed_array_data + 8ULL * (h->dictionary_start + 3 * i);
	__u64 key = 0;
	__u32 hash = 0;
	int found;

	if (!hooks_read(&key, sizeof(key), at)) {
		w->status = LR_STORES_FAULT;
		return 1;
	}
	found = hooks_key(h, key);
	if (found == 2)
		w->public_at = at + 8;
	else if (found && hooks_read(&hash, sizeof(hash), key + h->name_hash))
		hooks_found(w, at + 8, hash);
	return 0;
}

/* A hash table: how many elements, how many deleted, capacity; all small integers. */
static __always_inline void hooks_dictionary(const struct lr_heap *h, struct hooks_walk *w)
{
	struct hooks_scan scan = {.h = h, .w = w};
	__u64 head[3] = {};

	if (!hooks_is_object(w->properties) ||
	    !hooks_read(head, sizeof(head), w->properties + h->fixed_array_data)) {
		w->status = LR_STORES_FAULT;
		return;
	}
	if ((__u32)(head[0] | head[1] | head[2]) || head[2] >> 32 > HOOKS_DICTIONARY ||
	    (head[0] >> 32) + (head[1] >> 32) > head[2] >> 32) {
		w->status = LR_STORES_CHECK;
		return;
	}
	bpf_loop(head[2] >> 32, hooks_dictionary_entry, &scan, 0);
}

static __always_inline __u64 hooks_address(const struct lr_heap *h, const struct hooks_walk *w,
					   const struct hooks_slot *slot)
{
	if (slot->where >= 0)
		return w->object - 1 + 8ULL * slot->where;
	return w->properties + h->property_array_data + 8ULL * (-1 - slot->where);
}

/* Finds the properties of interest of w->object. 0 without an error: it is no object. */
__attribute__((noinline)) int hooks_properties(const struct lr_heap *h, struct hooks_walk *w)
{
	__u64 head[2] = {}; /* map, properties */
	const struct hooks_shape *kept;
	struct hooks_shape *shape;

	if (!h || !w)
		return 0;
	w->n = 0;
	w->public_at = 0;
	if (!hooks_is_object(w->object) || !hooks_read(head, sizeof(head), w->object - 1) ||
	    !hooks_is_object(head[0])) {
		w->status = LR_STORES_FAULT;
		return 0;
	}
	w->key.map = head[0];
	w->properties = head[1];
	shape = &w->shape;
	kept = bpf_map_lookup_elem(&lr_shapes, &w->key);
	if (kept)
		*shape = *kept;
	if ((!kept || !hooks_shape_holds(h, w)) && !hooks_shape_make(h, w))
		return 0;
	if (shape->map.bit_field3 & h->bit_field3_dictionary) {
		hooks_dictionary(h, w);
		return !w->status;
	}
	for (__u32 i = 0; i < LR_STORES_MAX; i++) {
		if (i < shape->n)
			hooks_found(w, hooks_address(h, w, &shape->slot[i]), shape->slot[i].hash);
	}
	w->more = shape->more;
	if (shape->publicly)
		w->public_at = hooks_address(h, w, &shape->slot[LR_STORES_MAX]);
	return 1;
}

/* Where the resource is a stand-in: goes on to the public one, if it is set. */
static __always_inline bool hooks_public(const struct lr_heap *h, struct hooks_walk *w)
{
	__u64 value = 0;
	int type;

	if (!w->public_at)
		return true;
	if (!hooks_read(&value, sizeof(value), w->public_at)) {
		w->status = LR_STORES_FAULT;
		return false;
	}
	type = hooks_type(h, value);
	if (type < 0)
		w->status = LR_STORES_FAULT;
	if (type < h->type_js_object_min)
		return !w->status;
	w->object = value;
	return hooks_properties(h, w);
}

static __always_inline int hooks_oddball(const struct lr_heap *h, __u64 value)
{
	__u64 kind = 0;

	if (!hooks_read(&kind, sizeof(kind), value + h->oddball_kind))
		return -1;
	kind >>= 32;
	if (kind == h->oddball_undefined)
		return LR_VALUE_UNDEFINED;
	if (kind == h->oddball_null)
		return LR_VALUE_NULL;
	return kind == h->oddball_true || kind == h->oddball_false ? LR_VALUE_BOOL : LR_VALUE_OTHER;
}

/* enum lr_value_kind, negative if it cannot be read. */
static __always_inline int hooks_kind(const struct lr_heap *h, __u64 value)
{
	int type;

	if (!(value & 1))
		return LR_VALUE_SMI;
	type = hooks_type(h, value);
	if (type < 0)
		return -1;
	if (type == h->type_oddball)
		return hooks_oddball(h, value);
	if (type == h->type_heap_number)
		return LR_VALUE_DOUBLE;
	if (type == h->type_js_map)
		return LR_VALUE_MAP;
	if (type >= h->type_js_object_min)
		return LR_VALUE_OBJECT;
	return type < h->type_string_max ? LR_VALUE_STRING : LR_VALUE_OTHER;
}

static __always_inline int hooks_refs(const struct lr_heap *h, const struct hooks_walk *w,
				      struct lr_ev_stores *rec)
{
	for (__u32 i = 0; i < LR_STORES_MAX; i++) {
		struct lr_store_ref *ref = &rec->ref[i];
		int kind;

		if (i >= w->n)
			break;
		ref->value = 0;
		if (!hooks_read(&ref->value, sizeof(ref->value), w->at[i]))
			return LR_STORES_FAULT;
		kind = hooks_kind(h, ref->value);
		if (kind < 0)
			return LR_STORES_FAULT;
		ref->instance = w->hash[i];
		ref->kind = kind;
		ref->flags = 0;
	}
	rec->n = w->n;
	if (w->more)
		rec->flags |= LR_STORES_F_MORE;
	return LR_STORES_OK;
}

__attribute__((noinline)) int hooks_stores(const struct lr_heap *h, struct hooks_walk *w,
					   struct lr_ev_stores *rec)
{
	bool found;

	if (!h || !w || !rec)
		return LR_STORES_OFF;
	if (!hooks_height(h, w))
		return w->status;
	found = hooks_js_top(h, w) && hooks_properties(h, w);
	if (!found && !w->status)
		found = hooks_native_top(h, w) && hooks_properties(h, w);
	if (!found && !w->status)
		w->status = LR_STORES_CHECK;
	if (!found || !hooks_public(h, w))
		return w->status;
	return hooks_refs(h, w, rec);
}

/* Neither buffer nor handle moves while the environment lives. */
static __always_inline bool hooks_cache_env(const struct lr_process_config *p, struct lr_task *t)
{
	if (!t->fields_addr)
		t->fields_addr = chain_walk(&p->layout.env_fields, t->env);
	if (!t->resources_slot)
		t->resources_slot = chain_walk(&p->heap.env_js_resources, t->env);
	return t->fields_addr && t->resources_slot;
}

/*
 * Fills ref[] and n of @rec with the stores that are active on the current thread, whose
 * environment is t->env. Returns an enum lr_store_status; n counts only with LR_STORES_OK.
 */
static __always_inline int store_hooks_refs(struct task_struct *task, struct lr_task *t,
					    const struct lr_process_config *p,
					    struct lr_ev_stores *rec)
{
	__u32 zero = 0;
	struct hooks_walk *w = bpf_map_lookup_elem(&lr_hooks_scratch, &zero);

	rec->n = 0;
	rec->flags |= LR_STORES_F_HOOKS;
	if (!w || !(p->heap.flags & LR_HEAP_HOOKS))
		return LR_STORES_OFF;
	if (!hooks_cache_env(p, t))
		return LR_STORES_NO_ENV;
	w->key.tgid = task->tgid;
	w->key.pad = 0;
	w->env = t->env;
	w->fields = t->fields_addr;
	w->js_slot = t->resources_slot;
	w->owner = task->start_time;
	w->epoch = t->epoch;
	w->status = LR_STORES_OK;
	w->more = 0;
	return hooks_stores(&p->heap, w, rec);
}

#endif

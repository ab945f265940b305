/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * V8's objects: what a value is, and what fields it has.
 *
 * Each larger step is a function of its own that the verifier looks at once (global), with what
 * it works on in a walk. The compiler must not inline them: together they have too many paths.
 *
 * An object is read by its first HEAP_HEAD bytes at once, which may be more than it has: at a page
 * behind which nothing is mapped, up to the page's end. What was not read is not looked at.
 *
 * Not in V8's constants for debuggers, and checked where used: OrderedHashMap is {elements,
 * deleted, buckets}, the buckets, then {key, value, chain} twice as many
 * (src/objects/ordered-hash-table.h); HashTable is {elements, deleted, capacity}, a prefix, then
 * {key, value, details} (hash-table.h); PropertyArray has its length in the lower 10 bits of a Smi
 * and the owner's identity hash above (property-array.h).
 */
#ifndef LOOPRAY_HEAP_BPF_H
#define LOOPRAY_HEAP_BPF_H

#include "runtime.bpf.h"

#define HEAP_WORD	 8UL
#define HEAP_HEAD	 64
#define HEAP_PAGE	 4096
#define HEAP_TABLE	 640 /* bytes read of a table at once */
#define HEAP_DESCRIPTORS 24  /* properties looked at */
#define HEAP_ENTRIES	 24  /* entries of a JSMap looked at */
#define HEAP_CAPACITY	 64  /* of a dictionary */
#define HEAP_BATCH	 16  /* entries of a dictionary read at once */
#define HEAP_PAIRS	 16
#define HEAP_PENDING	 32 /* right sides of concatenations not read yet */
#define HEAP_STEPS	 64 /* parts of a string looked at */
#define HEAP_NOT_FOUND	 (-2)
#define HEAP_FAULT	 (-1)

/* The beginning of an object; n bytes of it could be read. */
struct heap_block {
	__u64 n;
	__u8 b[HEAP_HEAD + HEAP_WORD];
};

struct heap_pair {
	__u64 key;
	__u64 value;
	__u32 flags; /* LR_FIELD_F_* */
	__u32 word;  /* of the object that holds the value, 0: it is not in the object */
};

/* Length and the first three elements of a hash table: Smis all, as numbers. */
struct heap_counts {
	__u64 length, a, b, c;
};

/* A property that is looked for by its name, see heap_path.bpf.h. */
struct heap_path {
	__u64 value;	     /* where the search is: what was found last */
	__u64 in_val;	     /* of what the beginning is in w->val; 0: not known */
	__u64 at;	     /* entries that are searched */
	__u64 second, third; /* behind the key of the entry that was found */
	__u64 key;	     /* of the name, as far as it is known; 0: not */
	__u32 n;
	__u32 index;
	__u32 batch;	/* entries in w->table */
	__u32 found;	/* number in that batch + 1 */
	__u32 searched; /* enum path_searched */
	__u32 which;	/* enum name_wanted */
	__u32 constant; /* V8 knows of all steps that they are assigned once; 0: not asked for */
	__u64 want[LR_PATH_NAME / 8];
	__u32 want_len;
	__u32 remote; /* the span is another process' */
	/* Of an OpenTelemetry span, 0: none. */
	__u64 trace_id, span_id, parent;
};

struct heap_walk {
	struct heap_block map; /* of the object whose fields are read */
	struct heap_block obj;
	struct heap_block val; /* of the value looked at last */
	struct heap_block part;
	__u64 addr; /* of the object, untagged */
	__u32 type; /* of the value looked at last */
	__u32 more;
	__u32 npairs;
	__u32 props_length;
	__u64 props;	      /* property array, untagged; 0: not read yet */
	struct heap_counts n; /* of the table read last */
	struct heap_pair pair[HEAP_PAIRS];
	__u64 entries; /* where they begin in a frame's table */
	struct heap_path path;
	__u8 table[HEAP_TABLE + HEAP_HEAD];
	/* A string: what is read of it, and what is still to be. */
	__u32 text_len;
	__u32 length;  /* characters of the whole string */
	__u32 taken;   /* characters in text */
	__u32 limit;   /* characters of the current part that count, ~0: all */
	__u32 off;     /* its first one that counts */
	__u32 pending; /* in stack */
	__u32 full;    /* no room in text */
	__u32 chars;   /* in raw */
	__u32 wide;    /* of two bytes each */
	__u32 high;    /* first half of a pair, 0 none */
	__u64 part_at;
	__u64 stack[HEAP_PENDING];
	__u8 raw[2 * LR_FIELD_TEXT] __attribute__((aligned(8)));
	__u8 text[LR_FIELD_TEXT + HEAP_WORD];
};

/*
 * The word at @at, which lies at a multiple of eight. Of an array of bytes the compiler knows no
 * such thing, and takes eight loads to read a word of one.
 */
static __always_inline __u64 *heap_word(const void *at)
{
	return (__u64 *)at;
}

static __always_inline void heap_read(struct heap_block *block, __u64 addr)
{
	__u64 n = HEAP_PAGE - (addr & (HEAP_PAGE - 1));

	block->n = HEAP_HEAD;
	if (!bpf_probe_read_user(block->b, HEAP_HEAD, (void *)addr))
		return;
	block->n = 0;
	if (n < HEAP_HEAD && !bpf_probe_read_user(block->b, n, (void *)addr))
		block->n = n;
}

/* A member of a block by its offset, tag folded in. False: it was not read. */
#define heap_get(type)                                                                         \
	static __always_inline bool heap_get_##type(const struct heap_block *block, __s32 off, \
						    type *v)                                   \
	{                                                                                      \
		__u64 at = (__u32)(off + 1);                                                   \
		const void *p = &block->b[at]; /* see heap_word() */                           \
                                                                                               \
		if (at > HEAP_HEAD || at + sizeof(type) > block->n)                            \
			return false;                                                          \
		*v = *(const type *)p;                                                         \
		return true;                                                                   \
	}
heap_get(__u8);
heap_get(__u16);
heap_get(__u32);
heap_get(__u64);

static __always_inline bool heap_is_smi(__u64 v)
{
	return !(v & 0xffffffff);
}

static __always_inline __u32 heap_smi(__u64 v)
{
	return v >> 32;
}

static __always_inline bool heap_is_string(const struct lr_heap *h, __u32 type)
{
	return type < h->type_string_max;
}

/* Maps of these types are the same for as long as the process lives, and never move. */
static __always_inline bool heap_type_fixed(const struct lr_heap *h, __u32 type)
{
	return type < h->type_string_max || type == h->type_symbol || type == h->type_oddball ||
	       type == h->type_heap_number || type == h->type_property_array ||
	       (type >= h->type_descriptor_array_min && type <= h->type_descriptor_array_max);
}

/* The instance type that @map says, or HEAP_FAULT. */
__noinline int heap_type(const struct lr_heap *h, struct lr_task *t, __u64 map)
{
	__u32 slot = (map >> 3 ^ map >> 8) & (LR_MAP_TYPES - 1);
	__u16 type;

	if (!h || !t || !(map & 1))
		return HEAP_FAULT;
	if (t->types[slot].map == map)
		return (__u16)t->types[slot].type;
	if (bpf_probe_read_user(&type, sizeof(type), (void *)(map + h->map_instance_type)))
		return HEAP_FAULT;
	if (heap_type_fixed(h, type)) {
		t->types[slot].map = map;
		t->types[slot].type = type;
	}
	return type;
}

/* The kind of an oddball in w->val. */
static __always_inline int heap_oddball(const struct lr_heap *h, struct heap_walk *w)
{
	__u64 kind;

	if (!heap_get___u64(&w->val, h->oddball_kind, &kind))
		return HEAP_FAULT;
	kind = heap_smi(kind);
	if (kind == h->oddball_undefined)
		return LR_VALUE_UNDEFINED;
	if (kind == h->oddball_null)
		return LR_VALUE_NULL;
	if (kind == h->oddball_true || kind == h->oddball_false)
		return LR_VALUE_BOOL;
	return LR_VALUE_OTHER;
}

/* What @v is: enum lr_value_kind, or HEAP_FAULT. Leaves its beginning in w->val. */
__noinline int heap_kind(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w, __u64 v)
{
	__u64 map = 0;
	int type;

	if (!h || !t || !w)
		return HEAP_FAULT;
	if (!(v & 1))
		return heap_is_smi(v) ? LR_VALUE_SMI : HEAP_FAULT;
	heap_read(&w->val, v - 1);
	if (!heap_get___u64(&w->val, -1, &map))
		return HEAP_FAULT;
	type = heap_type(h, t, map);
	if (type < 0)
		return HEAP_FAULT;
	w->type = type;
	if (heap_is_string(h, type))
		return LR_VALUE_STRING;
	if (type == h->type_heap_number)
		return LR_VALUE_DOUBLE;
	if (type == h->type_oddball)
		return heap_oddball(h, w);
	if (type == h->type_js_map)
		return LR_VALUE_MAP;
	return type >= h->type_js_object_min ? LR_VALUE_OBJECT : LR_VALUE_OTHER;
}

/*
 * The identity hash of an object, which lies where its properties would, or in what holds them.
 * 0: it has none, or it cannot be found.
 */
static __always_inline __u32 heap_hash_of(const struct lr_heap *h, struct lr_task *t,
					  struct heap_walk *w, __u64 obj)
{
	__u64 v = 0, length = 0;
	int type;

	if (bpf_probe_read_user(&v, sizeof(v), (void *)(obj + h->object_properties)))
		return 0;
	if (heap_is_smi(v))
		return heap_smi(v);
	if (!(v & 1))
		return 0;
	heap_read(&w->val, v - 1);
	if (!heap_get___u64(&w->val, -1, &v) || !heap_get___u64(&w->val, HEAP_WORD - 1, &length) ||
	    !heap_is_smi(length))
		return 0;
	type = heap_type(h, t, v);
	if (type < 0)
		return 0;
	if (type == h->type_property_array)
		return heap_smi(length) >> 10;
	/* A dictionary: map, length, elements, deleted, capacity, next enumeration index, hash. */
	if (!heap_get___u64(&w->val, 4 * HEAP_WORD - 1, &v) || !heap_is_smi(v) ||
	    heap_smi(length) != h->dictionary_start + 3 * heap_smi(v))
		return 0;
	return heap_get___u64(&w->val, 6 * HEAP_WORD - 1, &v) && heap_is_smi(v) ? heap_smi(v) : 0;
}

/* The identity hash of an AsyncLocalStorage instance: it keeps its address within an epoch. */
__noinline __u32 heap_hash(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			   __u64 obj)
{
	struct lr_instance *in;

	if (!h || !t || !w)
		return 0;
	in = &t->instances[(obj >> 3 ^ obj >> 7) & (LR_INSTANCES - 1)];
	if (in->key == obj && in->epoch == t->epoch)
		return in->hash;
	in->key = 0;
	in->hash = heap_hash_of(h, t, w, obj);
	in->epoch = t->epoch;
	if (in->hash)
		in->key = obj;
	return in->hash;
}

#endif

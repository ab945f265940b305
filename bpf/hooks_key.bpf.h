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
#ifndef LOOPRAY_HOOKS_KEY_BPF_H
#define LOOPRAY_HOOKS_KEY_BPF_H

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

#endif

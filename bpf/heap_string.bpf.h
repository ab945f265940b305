/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first bytes of a string, as UTF-8. Most are short, sequential and ASCII: those are in
 * what was read of them anyway. The others are put together from their parts: concatenations
 * (from the left, what is on the right waits on a stack), slices, strings that stand for
 * another, strings outside of the heap.
 */
#ifndef LOOPRAY_HEAP_STRING_BPF_H
#define LOOPRAY_HEAP_STRING_BPF_H

#include "heap.bpf.h"

#define HEAP_ALL       0xffffffffU
#define HEAP_NOT_ASCII 0x8080808080808080ULL

#define REPLACEMENT 0xfffd

/* The first @n bytes of a word, the others zero. */
static __always_inline __u64 heap_keep(__u64 word, __s32 n)
{
	if (n <= 0)
		return 0;
	return n >= 8 ? word : word & ((1ULL << (8 * n)) - 1);
}

/* Sequential, one byte, ASCII: copies it from w->val. False: it is not that. */
static __always_inline bool heap_text_short(const struct lr_heap *h, struct heap_walk *w)
{
	__u32 shape = h->str_shape_mask | h->str_encoding_mask, len = w->length;
	__u64 word, other = 0;

	if ((w->type & shape) != (h->str_seq | h->str_one_byte) || h->string_chars != 15)
		return false;
	if (len > LR_FIELD_TEXT)
		len = LR_FIELD_TEXT;
	if (w->val.n < 2 * HEAP_WORD + len)
		return false;
	for (__u32 i = 0; i < LR_FIELD_TEXT / 8; i++) {
		word = *heap_word(&w->val.b[2UL * HEAP_WORD + 8UL * i]);
		word = heap_keep(word, (__s32)len - 8 * (__s32)i);
		other |= word & HEAP_NOT_ASCII;
		*heap_word(&w->text[8UL * i]) = word;
	}
	w->text_len = len;
	w->taken = len;
	return !other;
}

static __always_inline void heap_byte(struct heap_walk *w, __u32 byte)
{
	__u32 at = w->text_len;

	if (at >= LR_FIELD_TEXT)
		return;
	w->text[at] = byte;
	w->text_len = at + 1;
}

/* Appends a character, whole or not at all. */
static __always_inline void heap_char(struct heap_walk *w, __u32 c)
{
	__u32 size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (w->text_len + size > LR_FIELD_TEXT) {
		w->full = 1;
		return;
	}
	if (size == 1) {
		heap_byte(w, c);
		return;
	}
	heap_byte(w, size == 2 ? 0xc0 | c >> 6 : size == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
	if (size == 4)
		heap_byte(w, 0x80 | (c >> 12 & 0x3f));
	if (size >= 3)
		heap_byte(w, 0x80 | (c >> 6 & 0x3f));
	heap_byte(w, 0x80 | (c & 0x3f));
}

/* What the callback is given lies on the stack, and must: only there the verifier knows it. */
struct heap_chars {
	struct heap_walk *w;
};

/* A callback: the verifier looks at it once. */
static long heap_convert(__u32 i, struct heap_chars *l)
{
	struct heap_walk *w = l->w;
	__u32 c;

	if (i >= w->chars || i >= LR_FIELD_TEXT || w->full)
		return 1;
	c = w->wide ? *(__u16 *)&w->raw[2UL * i] : w->raw[i];
	if (w->high) {
		if (c >= 0xdc00 && c < 0xe000) {
			heap_char(w, 0x10000 + ((w->high - 0xd800) << 10) + (c - 0xdc00));
			w->high = 0;
			w->taken += 2;
			return 0;
		}
		heap_char(w, REPLACEMENT);
		w->high = 0;
		w->taken++;
	}
	if (c >= 0xd800 && c < 0xdc00) {
		w->high = c;
		return 0;
	}
	heap_char(w, c >= 0xdc00 && c < 0xe000 ? REPLACEMENT : c);
	w->taken += !w->full;
	return 0;
}

/* Of the @length characters at @at: from w->off on, as many as count. */
static __always_inline int heap_take(struct heap_walk *w, __u64 at, __u32 length)
{
	struct heap_chars l = {.w = w};
	__u64 n;

	if (w->off > length)
		return HEAP_FAULT;
	n = length - w->off;
	if (n > w->limit)
		n = w->limit;
	if (n > LR_FIELD_TEXT)
		n = LR_FIELD_TEXT;
	w->chars = n;
	w->high = 0;
	at += w->wide ? 2ULL * w->off : w->off;
	if (w->wide)
		n *= 2;
	asm volatile("" : "+r"(n));
	if (!n)
		return 0;
	if (n > sizeof(w->raw) || bpf_probe_read_user(w->raw, n, (void *)at))
		return HEAP_FAULT;
	bpf_loop(LR_FIELD_TEXT, heap_convert, &l, 0);
	if (w->high && !w->full) { /* half a pair at the end of what was taken */
		heap_char(w, REPLACEMENT);
		w->taken++;
	}
	return 0;
}

static __always_inline int heap_cons(const struct lr_heap *h, struct heap_walk *w)
{
	__u64 first, second;

	if (w->off || w->limit != HEAP_ALL || !heap_get___u64(&w->part, h->cons_first, &first) ||
	    !heap_get___u64(&w->part, h->cons_first + HEAP_WORD, &second))
		return HEAP_FAULT;
	if (w->pending >= HEAP_PENDING)
		return HEAP_FAULT;
	w->stack[w->pending++ & (HEAP_PENDING - 1)] = second;
	w->part_at = first;
	return 0;
}

static __always_inline int heap_slice(const struct lr_heap *h, struct heap_walk *w, __u32 length)
{
	__u64 parent, off;

	if (!heap_get___u64(&w->part, h->sliced_parent, &parent) ||
	    !heap_get___u64(&w->part, h->sliced_offset, &off) || !heap_is_smi(off))
		return HEAP_FAULT;
	if (w->limit == HEAP_ALL)
		w->limit = length;
	w->off += heap_smi(off);
	w->part_at = parent;
	return 0;
}

/*
 * Where the characters of an external string are: where the string says, behind its resource;
 * one that has no room for that (its map says how long it is): where the resource does, behind
 * its virtual table. 0: unknown.
 */
static __noinline __u64 heap_external(const struct lr_heap *h, struct heap_walk *w, __u64 map)
{
	__u32 end = (__u32)(h->external_resource + 1) + 2 * HEAP_WORD;
	__u64 *words = (__u64 *)w->raw;

	if (bpf_probe_read_user(w->raw, 1, (void *)(map + h->map_size)))
		return 0;
	end = w->raw[0] * HEAP_WORD < end ? HEAP_WORD : 2 * HEAP_WORD;
	asm volatile("" : "+r"(end));
	if (end > 2 * HEAP_WORD ||
	    bpf_probe_read_user(words, end, (void *)(w->part_at + h->external_resource)))
		return 0;
	return end == HEAP_WORD ? read_u64(words[0] + HEAP_WORD) : words[1];
}

/* One part. 0: go on, 1: done, or HEAP_FAULT. */
__noinline int heap_part(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w)
{
	__u64 at;
	__u32 length;
	int type;

	if (!h || !t || !w)
		return HEAP_FAULT;
	if (!w->part_at) {
		if (!w->pending || w->full)
			return 1;
		w->part_at = w->stack[--w->pending & (HEAP_PENDING - 1)];
		w->off = 0;
		w->limit = HEAP_ALL;
	}
	heap_read(&w->part, w->part_at - 1);
	if (!heap_get___u64(&w->part, -1, &at) ||
	    !heap_get___u32(&w->part, h->string_length, &length))
		return HEAP_FAULT;
	type = heap_type(h, t, at);
	if (type < 0 || !heap_is_string(h, type))
		return HEAP_FAULT;
	w->wide = (type & h->str_encoding_mask) != h->str_one_byte;
	type &= h->str_shape_mask;
	if (type == h->str_cons)
		return heap_cons(h, w);
	if (type == h->str_sliced)
		return heap_slice(h, w, length);
	if (type == h->str_thin)
		return heap_get___u64(&w->part, h->thin_actual, &w->part_at) ? 0 : HEAP_FAULT;
	if (type == h->str_seq)
		at = w->part_at + h->string_chars;
	else
		at = type == h->str_external ? heap_external(h, w, at) : 0;
	w->part_at = 0;
	return at ? heap_take(w, at, length) : HEAP_FAULT;
}

/* The string @v, of which w->val and w->type tell, into w->text. 0 or HEAP_FAULT. */
__noinline int heap_text(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w, __u64 v)
{
	int err = 0;

	if (!h || !t || !w || !heap_get___u32(&w->val, h->string_length, &w->length))
		return HEAP_FAULT;
	if (heap_text_short(h, w))
		return 0;
	for (__u32 i = 0; i < LR_FIELD_TEXT / 8; i++)
		*heap_word(&w->text[8UL * i]) = 0;
	w->text_len = 0;
	w->taken = 0;
	w->off = 0;
	w->limit = HEAP_ALL;
	w->pending = 0;
	w->full = 0;
	w->part_at = v;
	for (__u32 i = 0; i < HEAP_STEPS && !err; i++)
		err = heap_part(h, t, w);
	return err == 1 ? 0 : HEAP_FAULT;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names that are looked for: those of the user's path (--context-key), and those by which
 * OpenTelemetry's objects are known. A name is that of a property, the string that is a Map's key,
 * or the description of a symbol that is either. They are ASCII, so in V8 they are sequential
 * strings of one byte each; one that is put together otherwise is not found.
 */
#ifndef LOOPRAY_HEAP_NAME_BPF_H
#define LOOPRAY_HEAP_NAME_BPF_H

#include "heap_pairs.bpf.h"

/* The user's path: set before load, n 0: there is none. */
const volatile struct lr_path lr_context_path LR_WEAK;

enum name_wanted {
	NAME_OTEL_SPAN = 0, /* key of the active span in a Context */
	NAME_OTEL_SPAN_CONTEXT,
	NAME_OTEL_PARENT,
	NAME_OTEL_TRACE_ID,
	NAME_OTEL_SPAN_ID,
	NAME_OTEL_IS_REMOTE,
	NAME_OTEL_COUNT,
	NAME_PATH = 8, /* first step of the user's path */
	NAME_COUNT = NAME_PATH + LR_PATH_STEPS,
};

_Static_assert(NAME_COUNT <= LR_NAMES_WANTED, "struct lr_task has too few keys");
_Static_assert((int)NAME_OTEL_COUNT <= (int)NAME_PATH, "names overlap");

/* createContextKey() in @opentelemetry/api, and members of its spans in all versions so far. */
static const struct lr_path_step name_otel[NAME_OTEL_COUNT] = {
	[NAME_OTEL_SPAN] = {.len = 30, .text = "OpenTelemetry Context Key SPAN"},
	[NAME_OTEL_SPAN_CONTEXT] = {.len = 12, .text = "_spanContext"},
	[NAME_OTEL_PARENT] = {.len = 17, .text = "parentSpanContext"},
	[NAME_OTEL_TRACE_ID] = {.len = 7, .text = "traceId"},
	[NAME_OTEL_SPAN_ID] = {.len = 6, .text = "spanId"},
	[NAME_OTEL_IS_REMOTE] = {.len = 8, .text = "isRemote"},
};

/* A copy: read-only memory may not be handed to a global function on all kernels. */
static __always_inline void name_copy(struct heap_walk *w, const volatile struct lr_path_step *from)
{
	w->path.want_len = from->len;
	for (__u32 i = 0; i < LR_PATH_NAME / 8; i++)
		w->path.want[i] = ((const volatile __u64 *)from->text)[i];
}

/* The text of w->path.which, to compare with. */
static __always_inline void name_want(struct heap_walk *w)
{
	__u32 which = w->path.which;

	if (which >= NAME_PATH && which < NAME_COUNT)
		name_copy(w, &lr_context_path.step[which - NAME_PATH]);
	else if (which < NAME_OTEL_COUNT)
		name_copy(w, &name_otel[which]);
}

/* The instance type of what begins in @block; 0xffff: not read. Inline: callbacks have no calls. */
static __always_inline __u32 name_type(const struct lr_heap *h, const struct heap_block *block)
{
	__u16 type = 0xffff;
	__u64 map;

	if (!heap_get___u64(block, -1, &map) || !(map & 1) ||
	    bpf_probe_read_user(&type, sizeof(type), (void *)(map + h->map_instance_type)))
		return 0xffff;
	return type;
}

/* Whether @key, a symbol or a string, is the name that is looked for. Uses w->part. */
static __always_inline bool name_is(const struct lr_heap *h, struct heap_walk *w, __u64 key)
{
	const __u32 form = h->str_shape_mask | h->str_encoding_mask;
	__u32 type, length, len = w->path.want_len;
	__u64 other = 0;

	if (!(key & 1) || len > LR_PATH_NAME || h->string_chars != 15)
		return false;
	heap_read(&w->part, key - 1);
	type = name_type(h, &w->part);
	if (type == h->type_symbol) {
		if (!heap_get___u64(&w->part, h->symbol_description, &key) || !(key & 1))
			return false;
		heap_read(&w->part, key - 1);
		type = name_type(h, &w->part);
	}
	if (!heap_is_string(h, type) || (type & form) != (h->str_seq | h->str_one_byte) ||
	    !heap_get___u32(&w->part, h->string_length, &length) || length != len ||
	    w->part.n < 2 * HEAP_WORD + len)
		return false;
	for (__u32 i = 0; i < LR_PATH_NAME / 8; i++)
		other |= w->path.want[i] ^
			 heap_keep(*heap_word(&w->part.b[2UL * HEAP_WORD + 8UL * i]),
				   (__s32)len - 8 * (__s32)i);
	return !other;
}

#endif

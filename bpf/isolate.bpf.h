/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the thread's isolate says at a send, with one read: V8 keeps its data close together. Where
 * it lies too far apart, or where the allocation top is not in the isolate, with several.
 */
#ifndef LOOPRAY_ISOLATE_BPF_H
#define LOOPRAY_ISOLATE_BPF_H

#include "turn.bpf.h"

#define ISOLATE_WINDOW 512

struct isolate_words {
	__u64 window[ISOLATE_WINDOW / 8];
	__u64 top;	/* LR_TOP_ADDR, 0 unknown */
	__u64 js_entry; /* 0: no JavaScript is on the stack; 1 where that is not known */
	__u64 cped;	/* the continuation-preserved slot */
};

static __always_inline bool isolate_word(const struct isolate_words *w, __u32 off, __u64 *v)
{
	if (off > ISOLATE_WINDOW - 8)
		return false;
	*v = *(const __u64 *)((const char *)w->window + off);
	return true;
}

/* All of it from one piece of the isolate. False: it is not in one, or was not read. */
static __always_inline bool isolate_near(const struct lr_heap *h, const struct lr_task *t,
					 struct isolate_words *w)
{
	__u32 area = (__u32)h->isolate_top.off[0] - 8, from = area;
	__u64 start = 0, top = 0;

	if (h->isolate_top.n != 1 || !(h->flags & LR_HEAP_TOP) || !h->isolate_js_entry)
		return false;
	if (h->isolate_js_entry < from)
		from = h->isolate_js_entry;
	if (h->isolate_cped < from)
		from = h->isolate_cped;
	if (bpf_probe_read_user(w->window, sizeof(w->window), (void *)(t->isolate + from)) ||
	    !isolate_word(w, area - from, &start) || !isolate_word(w, area - from + 8, &top) ||
	    !isolate_word(w, h->isolate_js_entry - from, &w->js_entry) ||
	    !isolate_word(w, h->isolate_cped - from, &w->cped))
		return false;
	w->top = turn_area(start, top);
	return true;
}

/* Fills @w. 0, or LR_STORES_FAULT: then only the top is to be used. */
__noinline int isolate_read(const struct lr_heap *h, struct lr_task *t, struct isolate_words *w)
{
	if (!h || !t || !w)
		return LR_STORES_FAULT;
	if (isolate_near(h, t, w))
		return 0;
	w->top = turn_top(h, t);
	w->js_entry = 1;
	if (h->isolate_js_entry && bpf_probe_read_user(&w->js_entry, sizeof(w->js_entry),
						       (void *)(t->isolate + h->isolate_js_entry)))
		return LR_STORES_FAULT;
	return bpf_probe_read_user(&w->cped, sizeof(w->cped),
				   (void *)(t->isolate + h->isolate_cped))
		       ? LR_STORES_FAULT
		       : 0;
}

#endif

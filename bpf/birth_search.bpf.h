/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The search of birth.bpf.h: objects with a store's map in what unanswered requests allocated. */
#ifndef LOOPRAY_BIRTH_SEARCH_BPF_H
#define LOOPRAY_BIRTH_SEARCH_BPF_H

#include "birth.bpf.h"

#define BIRTH_PAGE (1ULL << 18) /* V8's regular pages */
#define BIRTH_READ 512		/* bytes searched at once */
#define BIRTH_MAX  (64u << 10)	/* bytes searched of one callback */

struct birth_search {
	struct lr_births *b;
	__u64 at;
	__u64 end;
	__u32 epoch;
};

static __always_inline void birth_found(struct lr_births *b, __u64 value, __u32 instance)
{
	__u32 n = b->nfound;

	if (n >= LR_BIRTH_FOUND)
		return;
	b->found[n].value = value;
	b->found[n].instance = instance;
	b->found[n].flags = LR_STORE_F_BORN;
	b->nfound = n + 1;
}

/*
 * The words just read from @at on: nearly all of them hold nothing. Behind @end there may be what
 * an earlier collection has left. Looked at once (global).
 */
__noinline int birth_words(struct lr_births *b, __u64 at, __u64 end)
{
	__u64 first, second;

	if (!b)
		return 0;
	first = b->map[0];
	second = b->map[1];
	for (__u32 k = 0; k < BIRTH_READ / 8; k++) {
		__u64 w = b->words[k];

		if (w && (w == first || w == second) && at + 8UL * k < end)
			birth_found(b, at + 8UL * k + 1, b->instance[w != first]);
	}
	return 0;
}

/* A callback: one read. It may reach beyond the end. */
static long birth_read(__u32 i, struct birth_search *s)
{
	struct lr_births *b = s->b;
	__u64 at = s->at + (__u64)i * BIRTH_READ;

	if (at >= s->end || bpf_probe_read_user(b->words, BIRTH_READ, (void *)at))
		return 1;
	birth_words(b, at, s->end);
	return b->nfound >= LR_BIRTH_FOUND;
}

static __always_inline void birth_search(struct birth_search *s, __u64 begin, __u64 end)
{
	s->at = begin;
	s->end = end - begin > BIRTH_MAX ? begin + BIRTH_MAX : end;
	bpf_loop(BIRTH_MAX / BIRTH_READ, birth_read, s, 0);
}

/* A callback: what one unanswered request's callback allocated, on one page or two. */
static long birth_one(__u32 i, struct birth_search *s)
{
	struct lr_birth *slot = &s->b->slot[i & (LR_BIRTHS - 1)];
	__u64 begin = slot->begin, end = slot->end, page = end & ~(BIRTH_PAGE - 1);

	if (!slot->conn || slot->epoch != s->epoch || !begin || !end)
		return 0;
	if ((begin & ~(BIRTH_PAGE - 1)) != page) {
		birth_search(s, begin, (begin & ~(BIRTH_PAGE - 1)) + BIRTH_PAGE);
		begin = page;
	}
	if (end > begin)
		birth_search(s, begin, end);
	return 0;
}

/* Fills found[] of the thread's births: a collection begins. */
static __noinline void births_search(struct lr_births *b, __u32 epoch, __u64 top)
{
	struct birth_search s = {.b = b, .epoch = epoch};

	birth_close(b, top);
	b->nfound = 0;
	if (b->nmaps)
		bpf_loop(LR_BIRTHS, birth_one, &s, 0);
}

#endif

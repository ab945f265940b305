// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which callback made an object: by where it lies.
 *
 * V8 allocates young objects one behind the other, page by page. The allocation top is read when
 * a receive begins a callback and when the loop turns to something else, so two readings
 * enclose what the callback between them allocated. An interval that begins on one page and
 * ends on another covers the rest of the first and the beginning of the last; pages between
 * are nobody's. The top only moves up on a page; where it was seen to go back, nothing is
 * concluded on that page. All of it holds within an epoch: a collection moves objects.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_mismatch_int.h"

static uint64_t page_of(uint64_t addr)
{
	return addr >> MM_PAGE_BITS;
}

static struct mm_page *find_page(const struct mm_thread *t, uint32_t epoch, uint64_t page)
{
	uint64_t n = t->paged < MM_PAGES ? t->paged : MM_PAGES;

	for (uint64_t i = 1; i <= n; i++) {
		const struct mm_page *p = &t->pages[(t->paged - i) % MM_PAGES];

		if (p->page == page && p->epoch == epoch)
			return (struct mm_page *)p;
	}
	return NULL;
}

/* The page that intervals are added to: the newest. A page come back to is given up. */
static struct mm_page *current_page(struct mm_thread *t, uint64_t page)
{
	struct mm_page *p = t->paged ? &t->pages[(t->paged - 1) % MM_PAGES] : NULL;

	if (p && p->page == page && p->epoch == t->epoch)
		return p;
	p = find_page(t, t->epoch, page);
	if (p) {
		p->bad = true;
		return p;
	}
	p = &t->pages[t->paged++ % MM_PAGES];
	*p = (struct mm_page){.page = page, .epoch = t->epoch, .first = t->pushed};
	return p;
}

static void push(struct mm_thread *t, uint64_t begin, uint64_t end)
{
	struct mm_page *p = current_page(t, page_of(begin));
	const struct mm_interval *last = &t->ring[(t->pushed - 1) % MM_INTERVALS];

	if (end < begin || (p->count && begin < last->end))
		p->bad = true;
	if (p->bad || end == begin)
		return;
	t->ring[t->pushed++ % MM_INTERVALS] = (struct mm_interval){begin, end, t->conn, t->seq};
	p->count++;
}

static void close_interval(struct mm_thread *t, uint64_t top)
{
	if (!t->ring)
		t->ring = calloc(MM_INTERVALS, sizeof(*t->ring));
	if (!t->ring)
		return;
	if (page_of(t->begin) == page_of(top)) {
		push(t, t->begin, top);
		return;
	}
	push(t, t->begin, (page_of(t->begin) + 1) << MM_PAGE_BITS);
	push(t, page_of(top) << MM_PAGE_BITS, top);
}

void mm_thread__turn(struct mm_thread *t, uint32_t epoch, uint64_t top, uint64_t conn, uint64_t seq)
{
	if (t->begin && top && epoch == t->epoch)
		close_interval(t, top);
	if (!t->met) {
		t->met = true;
		t->first_epoch = epoch;
	}
	t->turns++;
	t->epoch = epoch;
	t->begin = top;
	t->conn = conn;
	t->seq = seq;
}

void mm_thread__collected(struct mm_thread *t, uint32_t epoch, uint64_t top)
{
	if (epoch == t->epoch)
		return;
	t->epoch = epoch;
	if (t->begin)
		t->begin = top;
}

void mm_thread__lost(struct mm_thread *t)
{
	t->begin = 0;
	t->conn = 0;
	t->seq = 0;
	t->turns++;
	t->lost_turn = t->turns;
}

static bool in_open(const struct mm_thread *t, uint64_t addr, uint64_t top)
{
	if (page_of(t->begin) == page_of(top))
		return addr >= t->begin && addr < top;
	return (page_of(addr) == page_of(t->begin) && addr >= t->begin) ||
	       (page_of(addr) == page_of(top) && addr < top);
}

static const struct mm_interval *search(const struct mm_thread *t, const struct mm_page *p,
					uint64_t addr)
{
	uint64_t kept = t->pushed > MM_INTERVALS ? t->pushed - MM_INTERVALS : 0;
	uint64_t lo = p->first > kept ? p->first : kept, hi = p->first + p->count;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		const struct mm_interval *in = &t->ring[mid % MM_INTERVALS];

		if (addr < in->begin)
			hi = mid;
		else if (addr >= in->end)
			lo = mid + 1;
		else
			return in;
	}
	return NULL;
}

enum mm_born mm_thread__born(const struct mm_thread *t, uint32_t epoch, uint64_t addr, uint64_t top,
			     uint64_t *conn, uint64_t *seq)
{
	const struct mm_page *p = find_page(t, epoch, page_of(addr));
	const struct mm_interval *in;

	if (p && p->bad)
		return MM_BORN_UNKNOWN;
	*conn = 0;
	*seq = 0;
	if (t->begin && epoch == t->epoch && top && in_open(t, addr, top)) {
		*conn = t->conn;
		*seq = t->seq;
	} else {
		in = p ? search(t, p, addr) : NULL;
		if (!in)
			return MM_BORN_UNKNOWN;
		*conn = in->conn;
		*seq = in->seq;
	}
	return *conn ? MM_BORN_REQUEST : MM_BORN_ELSEWHERE;
}

bool mm_thread__serves(const struct mm_thread *t, uint64_t conn)
{
	return t->begin && t->conn == conn;
}

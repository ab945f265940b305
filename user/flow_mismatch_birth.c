// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which callback made an object: by where it lies.
 *
 * V8 allocates young objects one behind the other, page by page. The allocation top is read when
 * a receive begins a callback and when the loop turns to something else, so two readings
 * enclose what the callback between them allocated. An interval that begins on one page and
 * ends on another covers the rest of the first, and of the last what V8 says it has handed out
 * in one run up to the top: below that a page may hold what a collection has moved there. Pages
 * between are nobody's. Where the run does not begin where pages begin, an object on the last page
 * may not be the first that its callback made, though none is known from before: of which request
 * it is stays open (its connection is known). The same goes for what follows a collection. The top
 * only moves up on a page; where it was seen to go back, nothing is concluded on that page. All of
 * it holds within an epoch: a collection moves objects.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
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

/* Where the run that ends at @top begins, on its page. */
static uint64_t run_of(uint64_t top)
{
	uint64_t addr = LR_TOP_ADDR(top), from = addr - LR_TOP_RUN(top);
	uint64_t page = page_of(addr) << MM_PAGE_BITS;

	return from > page && from <= addr ? from : addr;
}

static uint64_t offset_of_run(uint64_t top)
{
	uint64_t run = run_of(top);

	return run - (page_of(run) << MM_PAGE_BITS);
}

/*
 * Whether the run that ends at @top is all of its page so far. Where the first object of a page
 * lies differs between versions of V8: it is learned from where runs begin.
 */
static bool whole_page(const struct mm_thread *t, uint64_t top)
{
	return LR_TOP_RUN(top) != 0 && t->page_begin && offset_of_run(top) <= t->page_begin;
}

static void learn_page(struct mm_thread *t, uint64_t top)
{
	uint64_t offset = offset_of_run(top);

	if (LR_TOP_RUN(top) != 0 && offset && (!t->page_begin || offset < t->page_begin))
		t->page_begin = offset;
}

static void close_interval(struct mm_thread *t, uint64_t top)
{
	uint64_t addr = LR_TOP_ADDR(top);

	if (!t->ring)
		t->ring = calloc(MM_INTERVALS, sizeof(*t->ring));
	if (!t->ring)
		return;
	if (page_of(t->begin) == page_of(addr)) {
		push(t, t->collected && run_of(top) > t->begin ? run_of(top) : t->begin, addr);
		return;
	}
	if (!t->collected)
		push(t, t->begin, (page_of(t->begin) + 1) << MM_PAGE_BITS);
	if (!whole_page(t, top))
		t->seq = 0;
	push(t, run_of(top), addr);
}

void mm_thread__turn(struct mm_thread *t, uint32_t epoch, uint64_t top, uint64_t conn, uint64_t seq)
{
	/* No receive is open, so the top was not asked for: what nobody's callback makes goes on.
	 */
	if (!top && !conn && !t->open)
		return;
	if (t->begin && top && epoch == t->epoch)
		close_interval(t, top);
	learn_page(t, top);
	if (!t->met) {
		t->met = true;
		t->first_epoch = epoch;
	}
	t->turns++;
	t->epoch = epoch;
	t->begin = LR_TOP_ADDR(top);
	t->collected = false;
	t->open = conn != 0;
	t->conn = conn;
	t->seq = seq;
}

void mm_thread__collected(struct mm_thread *t, uint32_t epoch, uint64_t top)
{
	if (epoch == t->epoch)
		return;
	t->epoch = epoch;
	t->collected = true;
	t->seq = 0; /* what it made before is gone: what comes now is not its first */
	if (t->begin)
		t->begin = LR_TOP_ADDR(top);
}

void mm_thread__lost(struct mm_thread *t)
{
	t->begin = 0;
	t->open = false;
	t->conn = 0;
	t->seq = 0;
	t->turns++;
	t->lost_turn = t->turns;
}

/* In the open interval, as close_interval would have it. */
static bool in_open(const struct mm_thread *t, uint64_t addr, uint64_t top)
{
	uint64_t end = LR_TOP_ADDR(top), run = run_of(top);

	if (addr >= run && addr < end)
		return run > t->begin || page_of(run) != page_of(t->begin) || addr >= t->begin;
	if (t->collected || addr < t->begin)
		return false;
	return page_of(t->begin) == page_of(end) ? addr < end : page_of(addr) == page_of(t->begin);
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
		if (page_of(addr) == page_of(t->begin) || whole_page(t, top))
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
	return t->open && t->conn == conn;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which callback made an object of the old space: by where it lies, as flow_mismatch_birth.c has it
 * for young ones. V8 allocates there at once what mostly survives, the stores of a busy server for
 * example. There is no order of pages and no open interval: each piece is told when it is complete,
 * before anything that may be looked up in it. Scavenges do not move these objects, so pieces
 * outlive the epoch in which they were made; a collection of the old space may move some and reuse
 * the place of others, and ends all of them. What was left of an area when V8 went on to another
 * one may be given back and be used again by whomever: that piece says something only of objects
 * that are seen before the callback ends.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_mismatch_int.h"

#define SCAVENGE 0 /* fe_gc.kind */

void mm_tenured__add(struct mm_thread *t, const struct fe_tenured *e)
{
	struct mm_tenured *p;

	/* Whose callback it was is only known if the receive that began it was seen. */
	if (e->end <= e->begin || !t->open || t->lost_turn == t->turns)
		return;
	if (!t->tenured)
		t->tenured = calloc(MM_TENURED, sizeof(*t->tenured));
	if (!t->tenured)
		return;
	p = &t->tenured[t->ntenured++ % MM_TENURED];
	*p = (struct mm_tenured){.begin = e->begin,
				 .end = e->end,
				 .conn = t->conn,
				 .seq = e->area ? 0 : t->seq,
				 .epoch = e->epoch,
				 .turn = e->rest ? t->turns : 0};
}

void mm_tenured__collected(struct mm_thread *t, uint8_t kind)
{
	if (kind != SCAVENGE)
		t->ntenured = 0;
}

const struct mm_tenured *mm_tenured__find(const struct mm_thread *t, uint64_t addr)
{
	uint64_t n = t->ntenured < MM_TENURED ? t->ntenured : MM_TENURED;

	for (uint64_t i = 1; i <= n; i++) {
		const struct mm_tenured *p = &t->tenured[(t->ntenured - i) % MM_TENURED];

		if (addr >= p->begin && addr < p->end && (!p->turn || p->turn == t->turns))
			return p;
	}
	return NULL;
}

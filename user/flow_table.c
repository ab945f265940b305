// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_table.h"
#include "util.h"

#define TABLE_MIN_SLOTS	  16
#define POOL_BLOCK_BYTES  (32u << 10)
#define POOL_BLOCK_HEADER 16 /* keeps objects aligned as malloc does */

static uint32_t table__home(const struct flow_table *t, uint64_t a, uint64_t b)
{
	return (uint32_t)hash_u64(a + b * 0x9e3779b97f4a7c15ULL) & t->mask;
}

int flow_table__init(struct flow_table *t, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	if (max == 0 || max > (1u << 30))
		return -EINVAL;
	t->slots = calloc(TABLE_MIN_SLOTS, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	t->mask = TABLE_MIN_SLOTS - 1;
	t->max = max;
	return 0;
}

void flow_table__destroy(struct flow_table *t)
{
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

/* The slot that holds the key, or the free one where it would go. */
static struct flow_slot *table__find(const struct flow_table *t, uint64_t a, uint64_t b)
{
	uint32_t i = table__home(t, a, b);

	while (t->slots[i].value && (t->slots[i].a != a || t->slots[i].b != b))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

void *flow_table__get(const struct flow_table *t, uint64_t a, uint64_t b)
{
	return table__find(t, a, b)->value;
}

static int table__grow(struct flow_table *t)
{
	struct flow_table bigger = *t;

	bigger.mask = t->mask * 2 + 1;
	bigger.slots = calloc((size_t)bigger.mask + 1, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i <= t->mask; i++) {
		const struct flow_slot *s = &t->slots[i];

		if (s->value)
			*table__find(&bigger, s->a, s->b) = *s;
	}
	free(t->slots);
	*t = bigger;
	return 0;
}

int flow_table__put(struct flow_table *t, uint64_t a, uint64_t b, void *value)
{
	struct flow_slot *s;
	int err;

	if (t->count >= t->max)
		return -ENOSPC;
	/* At most three quarters full: probe sequences stay short and always end. */
	if ((uint64_t)(t->count + 1) * 4 > ((uint64_t)t->mask + 1) * 3) {
		err = table__grow(t);
		if (err)
			return err;
	}
	s = table__find(t, a, b);
	s->a = a;
	s->b = b;
	s->value = value;
	t->count++;
	return 0;
}

void *flow_table__take(struct flow_table *t, uint64_t a, uint64_t b)
{
	struct flow_slot *s = table__find(t, a, b);
	void *value = s->value;
	uint32_t hole, i;

	if (!value)
		return NULL;
	hole = (uint32_t)(s - t->slots);
	for (i = (hole + 1) & t->mask; t->slots[i].value; i = (i + 1) & t->mask) {
		uint32_t home = table__home(t, t->slots[i].a, t->slots[i].b);

		/* An entry may move back into the hole unless that is before its home. */
		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].value = NULL;
	t->count--;
	return value;
}

struct flow_slot *flow_table__next(const struct flow_table *t, uint32_t *pos)
{
	while (t->slots && *pos <= t->mask) {
		struct flow_slot *s = &t->slots[(*pos)++];

		if (s->value)
			return s;
	}
	return NULL;
}

void flow_pool__init(struct flow_pool *p, size_t size, uint32_t max)
{
	memset(p, 0, sizeof(*p));
	p->size = (size + 15) & ~(size_t)15;
	p->max = max;
}

void flow_pool__destroy(struct flow_pool *p)
{
	while (p->blocks) {
		void *next = *(void **)p->blocks;

		free(p->blocks);
		p->blocks = next;
	}
	memset(p, 0, sizeof(*p));
}

static void pool__add_block(struct flow_pool *p)
{
	uint32_t n = max_t(uint32_t, 1, (uint32_t)(POOL_BLOCK_BYTES / p->size));
	char *block;

	n = min_t(uint32_t, n, p->max - p->made);
	block = malloc(POOL_BLOCK_HEADER + n * p->size);
	if (!block)
		return;
	*(void **)block = p->blocks;
	p->blocks = block;
	for (uint32_t i = 0; i < n; i++) {
		void *object = block + POOL_BLOCK_HEADER + i * p->size;

		*(void **)object = p->free;
		p->free = object;
	}
	p->made += n;
}

void *flow_pool__alloc(struct flow_pool *p)
{
	void *object;

	if (!p->free && p->made < p->max)
		pool__add_block(p);
	object = p->free;
	if (!object)
		return NULL;
	p->free = *(void **)object;
	p->used++;
	return memset(object, 0, p->size);
}

void flow_pool__release(struct flow_pool *p, void *object)
{
	if (!object)
		return;
	*(void **)object = p->free;
	p->free = object;
	p->used--;
}

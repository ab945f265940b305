/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the correlator keeps its state in: a hash table from a pair of integers to a pointer,
 * and a pool of objects of one size. Both are bounded, grow by doubling (or by blocks) and
 * never allocate once they have reached their working size.
 */
#ifndef LOOPRAY_FLOW_TABLE_H
#define LOOPRAY_FLOW_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct flow_slot {
	uint64_t a;
	uint64_t b;
	void *value; /* NULL: the slot is free */
};

/* Open addressing, linear probing, deletion by shifting back (no tombstones). */
struct flow_table {
	struct flow_slot *slots;
	uint32_t mask; /* number of slots - 1 */
	uint32_t count;
	uint32_t max;
};

/* @max: entries at most. 0, -EINVAL or -ENOMEM. */
int flow_table__init(struct flow_table *t, uint32_t max);
void flow_table__destroy(struct flow_table *t); /* NULL-safe inside: a zeroed table is fine */

void *flow_table__get(const struct flow_table *t, uint64_t a, uint64_t b);
/* The key must not be in the table, @value not NULL. 0, -ENOSPC when full, -ENOMEM. */
int flow_table__put(struct flow_table *t, uint64_t a, uint64_t b, void *value);
/* Takes the entry out. Returns its value or NULL. */
void *flow_table__take(struct flow_table *t, uint64_t a, uint64_t b);

/*
 * Walks the slots: *pos starts at 0. Returns NULL at the end. Nothing may be put meanwhile;
 * the entry just returned may be taken if *pos is then stepped back by one.
 */
struct flow_slot *flow_table__next(const struct flow_table *t, uint32_t *pos);

struct flow_pool {
	void *free;   /* list through the first word of each free object */
	void *blocks; /* list through the first word of each block */
	size_t size;
	uint32_t used;
	uint32_t max;
	uint32_t made;
};

/* @max: objects at most. */
void flow_pool__init(struct flow_pool *p, size_t size, uint32_t max);
void flow_pool__destroy(struct flow_pool *p);
/* A zeroed object, NULL when @max are in use or memory is out. */
void *flow_pool__alloc(struct flow_pool *p);
void flow_pool__release(struct flow_pool *p, void *object);

#endif

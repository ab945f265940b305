/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Draining the ring buffer by a timer. A wake-up per record would cost the target twenty times
 * the record, so nothing ever wakes the reader; instead it comes back sooner the fuller it
 * found the ring.
 */
#ifndef LOOPRAY_FLOW_RING_H
#define LOOPRAY_FLOW_RING_H

#include <stddef.h>
#include <stdint.h>

struct flow_ring;

/* @record gets each record as the producer wrote it; a non-zero return ends the drain. */
int flow_ring__new(struct flow_ring **out, int map_fd, uint32_t ring_bytes,
		   int (*record)(void *ctx, const void *data, size_t len), void *ctx);
void flow_ring__free(struct flow_ring *r);

/* Hands out everything that is there. Returns 0, or what @record returned, or -errno. */
int flow_ring__drain(struct flow_ring *r);

/* When to drain next, nanoseconds from now. */
uint64_t flow_ring__delay_ns(const struct flow_ring *r);

/* Totals, and the largest share of the ring that one drain found filled (0..1). */
uint64_t flow_ring__records(const struct flow_ring *r);
double flow_ring__peak(const struct flow_ring *r);

#endif

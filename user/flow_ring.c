// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "flow_ring.h"

#define DELAY_MAX_NS	20000000ULL
#define DELAY_MIN_NS	1000000ULL
#define RECORD_OVERHEAD 8 /* the kernel's header of each record */

struct flow_ring {
	struct ring_buffer *rb;
	uint32_t bytes;
	int (*record)(void *ctx, const void *data, size_t len);
	void *ctx;
	int error;	  /* of record */
	uint64_t drained; /* bytes in the current drain */
	uint64_t delay_ns;
	uint64_t records;
	double peak;
};

static int on_record(void *ctx, void *data, size_t len)
{
	struct flow_ring *r = ctx;

	r->records++;
	r->drained += len + RECORD_OVERHEAD;
	r->error = r->record(r->ctx, data, len);
	return r->error;
}

int flow_ring__new(struct flow_ring **out, int map_fd, uint32_t ring_bytes,
		   int (*record)(void *ctx, const void *data, size_t len), void *ctx)
{
	struct flow_ring *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->bytes = ring_bytes;
	r->record = record;
	r->ctx = ctx;
	r->delay_ns = DELAY_MIN_NS;
	r->rb = ring_buffer__new(map_fd, on_record, r, NULL);
	if (!r->rb) {
		int err = -errno;

		free(r);
		return err;
	}
	*out = r;
	return 0;
}

void flow_ring__free(struct flow_ring *r)
{
	if (!r)
		return;
	ring_buffer__free(r->rb);
	free(r);
}

/* Aim at an eighth of the ring per drain: bursts eight times the recent rate still fit. */
static void adapt(struct flow_ring *r)
{
	double filled = (double)r->drained / r->bytes;

	if (filled > r->peak)
		r->peak = filled > 1 ? 1 : filled;
	if (filled > 1.0 / 8)
		r->delay_ns /= filled > 1.0 / 2 ? 8 : 2;
	else if (filled < 1.0 / 32)
		r->delay_ns += r->delay_ns / 2;
	if (r->delay_ns < DELAY_MIN_NS)
		r->delay_ns = DELAY_MIN_NS;
	if (r->delay_ns > DELAY_MAX_NS)
		r->delay_ns = DELAY_MAX_NS;
}

int flow_ring__drain(struct flow_ring *r)
{
	int n;

	r->drained = 0;
	r->error = 0;
	n = ring_buffer__consume(r->rb);
	adapt(r);
	if (r->error)
		return r->error;
	return n < 0 ? n : 0;
}

uint64_t flow_ring__delay_ns(const struct flow_ring *r)
{
	return r->delay_ns;
}

uint64_t flow_ring__records(const struct flow_ring *r)
{
	return r->records;
}

double flow_ring__peak(const struct flow_ring *r)
{
	return r->peak;
}

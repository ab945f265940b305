// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "out_gzip.h"
#include "util.h"

/*
 * What a cut-off file may lose at its end, before compression. Smaller members compress worse:
 * each begins without anything to refer to.
 */
#define MEMBER_BYTES (256u << 10)
/* Traces repeat themselves: higher levels take twice the time for some percent of the size. */
#define LEVEL 4

struct out_gzip {
	z_stream z;
	out_gzip_write_fn write;
	void *ctx;
	size_t taken; /* of the member that is open */
	uint64_t members;
	size_t cap;
	uint8_t *buf; /* a whole member has room */
};

int out_gzip__new(struct out_gzip **out, out_gzip_write_fn write, void *ctx)
{
	struct out_gzip *g = calloc(1, sizeof(*g));

	*out = NULL;
	if (!g)
		return -ENOMEM;
	/* 16: with gzip's header and trailer. */
	if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	g->cap = deflateBound(&g->z, MEMBER_BYTES);
	g->buf = malloc(g->cap);
	if (!g->buf) {
		out_gzip__free(g);
		return -ENOMEM;
	}
	g->z.next_out = g->buf;
	g->z.avail_out = (uInt)g->cap;
	g->write = write;
	g->ctx = ctx;
	*out = g;
	return 0;
}

void out_gzip__free(struct out_gzip *g)
{
	if (!g)
		return;
	deflateEnd(&g->z);
	free(g->buf);
	free(g);
}

/*
 * Handed on as one: a program that is killed leaves whole members, and that is what some readers
 * insist on.
 */
static int member_end(struct out_gzip *g)
{
	size_t len;

	if (deflate(&g->z, Z_FINISH) != Z_STREAM_END)
		return -EIO;
	len = g->cap - g->z.avail_out;
	if (deflateReset(&g->z) != Z_OK)
		return -EIO;
	g->z.next_out = g->buf;
	g->z.avail_out = (uInt)g->cap;
	g->taken = 0;
	g->members++;
	return g->write(g->ctx, g->buf, len);
}

int out_gzip__write(struct out_gzip *g, const void *data, size_t len)
{
	const uint8_t *from = data;
	int err = 0;

	while (len && !err) {
		size_t n = min_t(size_t, len, MEMBER_BYTES - g->taken);

		g->z.next_in = (uint8_t *)(uintptr_t)from; /* zlib does not write to it */
		g->z.avail_in = (uInt)n;
		if (deflate(&g->z, Z_NO_FLUSH) != Z_OK)
			return -EIO;
		g->taken += n;
		from += n;
		len -= n;
		if (g->taken == MEMBER_BYTES)
			err = member_end(g);
	}
	return err;
}

int out_gzip__finish(struct out_gzip *g)
{
	return g->taken || !g->members ? member_end(g) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Gzip of many members, as concatenated gzip files are: readers take them for one, and of a file
 * that was cut off every member that is whole can still be had.
 */
#ifndef LOOPRAY_OUT_GZIP_H
#define LOOPRAY_OUT_GZIP_H

#include <stddef.h>

struct out_gzip;

/* Takes @len compressed bytes. 0 or -errno. */
typedef int (*out_gzip_write_fn)(void *ctx, const void *data, size_t len);

/* 0 or -ENOMEM. */
int out_gzip__new(struct out_gzip **out, out_gzip_write_fn write, void *ctx);
void out_gzip__free(struct out_gzip *g);

/* 0, -ENOMEM or what the writer returned. A member ends about every 256 kB of @data. */
int out_gzip__write(struct out_gzip *g, const void *data, size_t len);
/* Ends the member that is open; the file is whole then. Without any data: one empty member. */
int out_gzip__finish(struct out_gzip *g);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes: paths with their variable segments replaced, so that requests of one kind share a
 * name. The number of different routes is bounded. The rules are at the head of flow_route.c.
 */
#ifndef LOOPRAY_FLOW_ROUTE_H
#define LOOPRAY_FLOW_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#define FLOW_ROUTE_MAX 256 /* bytes of a route, terminator included */

struct flow_routes;

/* @max: different routes kept; further paths get "(other)". 0: 1000. */
int flow_routes__new(struct flow_routes **out, uint32_t max);
void flow_routes__free(struct flow_routes *r);

/* The route of a path (not NUL terminated). Lives as long as @r. */
const char *flow_routes__of(struct flow_routes *r, const char *path, size_t len);

/* Paths answered with "(other)". */
uint64_t flow_routes__overflow(const struct flow_routes *r);

/* Writes the route of @path, always terminated, into @out of FLOW_ROUTE_MAX bytes. */
size_t flow_route__make(const char *path, size_t len, char *out);

#endif

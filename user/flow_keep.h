/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Request headers that are kept: the trace context always, others where the user named them. */
#ifndef LOOPRAY_FLOW_KEEP_H
#define LOOPRAY_FLOW_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

struct flow_keep_names {
	uint32_t n;
	char name[FE_HEADERS_MAX][FE_HEADER_NAME + 1]; /* lower case */
};

/* Adds a list "a,b". 0, -EINVAL (no field name, or too long), -E2BIG (too many). */
int flow_keep__add(struct flow_keep_names *names, const char *list);

#endif

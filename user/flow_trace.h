/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* W3C Trace Context (Recommendation, Level 1): the two headers, checked as it demands. */
#ifndef LOOPRAY_FLOW_TRACE_H
#define LOOPRAY_FLOW_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "flow_event.h"

/* A value of traceparent without blanks around it. False, and @t is cleared: it is not valid. */
bool flow_trace__parent(struct fe_trace *t, const char *p, size_t n);

/* Whether this is a list of vendors' entries as tracestate has: at most 32, each with a key once.
 */
bool flow_trace__state_valid(const char *p, size_t n);

#define FLOW_TRACE_ID_TEXT   33
#define FLOW_TRACE_SPAN_TEXT 17

/* Lower case hexadecimal. */
void flow_trace__text(const struct fe_trace *t, char id[FLOW_TRACE_ID_TEXT],
		      char span[FLOW_TRACE_SPAN_TEXT]);

#endif

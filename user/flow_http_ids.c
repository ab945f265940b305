// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Request headers whose value names the request: by it a store can be told to be the request's. */
#include <string.h>
#include <strings.h>

#include "flow_http_int.h"
#include "flow_trace.h"
#include "flow_value.h"
#include "util.h"

#define VALUE_MAX 128 /* a longer one is no id */

/* A leading '-' stands for any beginning. */
static const struct {
	const char *name;
	uint8_t len;
} names[] = {
	{"request-id", 10},	{"-request-id", 11}, /* x-request-id */
	{"correlation-id", 14}, {"x-correlation-id", 16},
	{"-trace-id", 9}, /* x-trace-id, x-amzn-trace-id */
	{"x-b3-traceid", 12},
};

static bool names_request(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool any = names[i].name[0] == '-';

		if ((any ? n > names[i].len : n == names[i].len) &&
		    strncasecmp(p + n - names[i].len, names[i].name, names[i].len) == 0)
			return true;
	}
	return false;
}

/* W3C Trace Context: 00-TRACE-PARENT-FLAGS. */
const char *flow_http__trace_id(const char *p, size_t n)
{
	struct fe_trace t;

	return flow_trace__parent(&t, p, n) ? p + 3 : NULL;
}

/* B3 in one header: TRACE-SPAN and perhaps more; or it says only whether to sample. */
static size_t b3_trace(const char *p, size_t n)
{
	const char *dash = memchr(p, '-', n);

	return dash && (dash - p == 32 || dash - p == 16) ? (size_t)(dash - p) : 0;
}

static void add(struct http_head *head, uint64_t id, size_t len)
{
	for (uint32_t i = 0; i < head->nids; i++)
		if (head->ids[i] == id)
			return;
	if (head->nids == FE_IDS_MAX)
		return;
	head->id_len[head->nids] = (uint8_t)len;
	head->ids[head->nids++] = id;
}

void http_ids__header(struct http_head *head, uint64_t key, const char *name, size_t name_len,
		      const char *value, size_t len)
{
	bool trace = name_len == 11 && strncasecmp(name, "traceparent", 11) == 0;
	bool b3 = name_len == 2 && strncasecmp(name, "b3", 2) == 0;

	if (!trace && !b3 && !names_request(name, name_len))
		return;
	http_head__trim(&value, &len);
	if (b3)
		len = b3_trace(value, len);
	if (trace) {
		value = flow_http__trace_id(value, len);
		len = value ? 32 : 0;
	}
	if (len && len <= VALUE_MAX)
		add(head, flow_value__hash(key, value, len), len);
}

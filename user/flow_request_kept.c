// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Headers of a request that are kept: one block of memory for those few requests that have any. */
#include <stdlib.h>
#include <string.h>

#include "flow_request_int.h"
#include "util.h"

struct rq_kept {
	struct flow_kept pub;
	char text[];
};

static size_t text_size(const struct fe_headers *h)
{
	size_t size = h->tracestate.len + 1;

	for (uint32_t i = 0; i < h->n; i++)
		size += h->header[i].name.len + h->header[i].value.len + 2;
	return size;
}

static const char *put(char **at, const struct flow_str *s)
{
	char *text = *at;

	if (s->len)
		memcpy(text, s->s, s->len);
	text[s->len] = '\0';
	*at += s->len + 1;
	return text;
}

/* Without memory they are not kept: nothing else depends on them. */
void rq_kept__take(struct rq *rq, const struct fe_headers *h)
{
	struct rq_kept *k;
	char *at;

	if (rq->kept)
		return;
	k = calloc(1, sizeof(*k) + text_size(h));
	if (!k)
		return;
	at = k->text;
	k->pub.trace = h->trace;
	k->pub.tracestate = h->tracestate.len ? put(&at, &h->tracestate) : NULL;
	k->pub.n = min_t(uint32_t, h->n, FE_HEADERS_MAX);
	for (uint32_t i = 0; i < k->pub.n; i++) {
		k->pub.header[i].name = put(&at, &h->header[i].name);
		k->pub.header[i].value = put(&at, &h->header[i].value);
	}
	rq->kept = k;
	rq->pub.kept = &k->pub;
}

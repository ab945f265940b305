// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Headers of a request that go further than the framer: traceparent and tracestate, and those that
 * the user named. Memory for them is there only while a head that has one is being read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow_http_int.h"
#include "flow_keep.h"
#include "flow_trace.h"
#include "util.h"

struct http_kept {
	struct fe_trace trace;
	bool parent; /* there was one, valid or not */
	bool state_bad;
	uint32_t state_len;
	char state[FE_TRACESTATE_MAX];
	uint32_t n;
	struct {
		const char *name;
		uint32_t len;
		char value[FE_HEADER_VALUE];
	} header[FE_HEADERS_MAX];
};

static bool token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int add_name(struct flow_keep_names *names, const char *p, size_t n)
{
	char *to;

	if (!n || n > FE_HEADER_NAME)
		return -EINVAL;
	for (uint32_t i = 0; i < names->n; i++)
		if (strlen(names->name[i]) == n && strncasecmp(names->name[i], p, n) == 0)
			return 0;
	if (names->n == FE_HEADERS_MAX)
		return -E2BIG;
	to = names->name[names->n];
	for (size_t i = 0; i < n; i++) {
		if (!token(p[i]))
			return -EINVAL;
		to[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] | 0x20) : p[i];
	}
	to[n] = '\0';
	names->n++;
	return 0;
}

int flow_keep__add(struct flow_keep_names *names, const char *list)
{
	for (;;) {
		size_t n = strcspn(list, ",");
		int err = add_name(names, list, n);

		if (err || !list[n])
			return err;
		list += n + 1;
	}
}

void http_keep__prepare(struct flow_http_shared *shared, const struct flow_keep_names *names)
{
	shared->keep = names && names->n ? names : NULL;
	shared->keep_letters = 1u << ('t' - 'a');
	for (uint32_t i = 0; shared->keep && i < names->n; i++) {
		char c = names->name[i][0];

		if (c < 'a' || c > 'z')
			shared->keep_any = true;
		else
			shared->keep_letters |= 1u << (c - 'a');
	}
}

static struct http_kept *kept(struct flow_http *h)
{
	if (h->kept)
		return h->kept;
	if (h->shared->held + sizeof(*h->kept) > h->shared->held_max)
		return NULL;
	h->kept = calloc(1, sizeof(*h->kept));
	if (h->kept)
		h->shared->held += sizeof(*h->kept);
	return h->kept;
}

void http_keep__reset(struct flow_http *h)
{
	if (!h->kept)
		return;
	h->shared->held -= sizeof(*h->kept);
	free(h->kept);
	h->kept = NULL;
}

/* Several of them are no valid one. */
static void keep_parent(struct http_kept *k, const char *p, size_t n)
{
	if (k->parent)
		memset(&k->trace, 0, sizeof(k->trace));
	else
		flow_trace__parent(&k->trace, p, n);
	k->parent = true;
}

/* It may come in several headers, which make one list. */
static void keep_state(struct http_kept *k, const char *p, size_t n)
{
	uint32_t comma = k->state_len ? 1 : 0;

	if (k->state_len + comma + n > sizeof(k->state)) {
		k->state_bad = true;
		return;
	}
	if (comma)
		k->state[k->state_len++] = ',';
	if (n)
		memcpy(k->state + k->state_len, p, n);
	k->state_len += (uint32_t)n;
}

static void keep_named(struct flow_http *h, const char *p, size_t name, const char *value,
		       size_t len)
{
	const struct flow_keep_names *names = h->shared->keep;
	struct http_kept *k;

	for (uint32_t i = 0; i < names->n; i++) {
		if (strlen(names->name[i]) != name || strncasecmp(names->name[i], p, name) != 0)
			continue;
		k = kept(h);
		for (uint32_t j = 0; k && j < k->n; j++)
			if (k->header[j].name == names->name[i])
				return; /* the first of several */
		if (!k || k->n == FE_HEADERS_MAX)
			return;
		k->header[k->n].name = names->name[i];
		k->header[k->n].len = (uint32_t)min_t(size_t, len, FE_HEADER_VALUE);
		memcpy(k->header[k->n].value, value, k->header[k->n].len);
		k->n++;
		return;
	}
}

void http_keep__header(struct flow_http *h, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n), *value;
	struct http_kept *k;
	size_t name, len;

	if (!colon)
		return;
	name = (size_t)(colon - p);
	value = colon + 1;
	len = n - name - 1;
	http_head__trim(&value, &len);
	if (name == 11 && strncasecmp(p, "traceparent", 11) == 0) {
		k = kept(h);
		if (k)
			keep_parent(k, value, len);
	} else if (name == 10 && strncasecmp(p, "tracestate", 10) == 0) {
		k = kept(h);
		if (k)
			keep_state(k, value, len);
	}
	if (h->shared->keep)
		keep_named(h, p, name, value, len);
}

int http_keep__emit(struct flow_http *h)
{
	struct flow_event ev = {.type = FE_HEADERS,
				.pid = h->op.pid,
				.tid = h->op.tid,
				.ts = h->op.ts,
				.headers = {.conn = h->op.conn, .tracestate = {"", 0}}};
	struct fe_header header[FE_HEADERS_MAX];
	struct http_kept *k = h->kept;
	int err = 0;

	if (!k)
		return 0;
	ev.headers.trace = k->trace;
	if (k->trace.known && !k->state_bad && flow_trace__state_valid(k->state, k->state_len))
		ev.headers.tracestate = (struct flow_str){k->state, k->state_len};
	ev.headers.n = k->n;
	ev.headers.header = header;
	for (uint32_t i = 0; i < k->n; i++) {
		header[i].name =
			(struct flow_str){k->header[i].name, (uint32_t)strlen(k->header[i].name)};
		header[i].value = (struct flow_str){k->header[i].value, k->header[i].len};
	}
	if (k->trace.known || k->n)
		err = h->shared->sink.event(h->shared->sink.ctx, &ev);
	http_keep__reset(h);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Works through the bytes of an operation by the state of their direction: collects lines,
 * counts bodies, and walks exactly over what was not captured where its length is known.
 */
#include <string.h>

#include "flow_http_int.h"
#include "util.h"

#define CLEAN_STEP 512 /* bytes of a head looked through at once */

/* Bytes that a line needs are not there: not captured, or no memory to keep them. */
static void line_missing(struct flow_http *h, struct http_dir *d)
{
	if (d->state == HS_START || d->state == HS_HEADERS)
		http_message__cut(h, d);
	else
		http_message__lost(h, d, d->state == HS_IDLE ? HS_LOST : HS_CHUNK_LOST);
}

static void take_line(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n,
		      uint32_t *used)
{
	const char *nl = memchr(p, '\n', n), *line = p;
	size_t len;
	bool crlf;

	*used = nl ? (uint32_t)(nl - p) + 1 : n;
	h->pos += *used;
	d->head_bytes += *used;
	if (d->head_bytes > FLOW_HTTP_HEAD_MAX) {
		http_message__bad(h, d);
		return;
	}
	len = *used;
	if (!nl || d->line.len) {
		if (!http_text__add(h, &d->line, p, *used)) {
			line_missing(h, d);
			return;
		}
		line = d->line.s;
		len = d->line.len;
	}
	if (!nl)
		return;
	len--;
	crlf = len && line[len - 1] == '\r';
	http_message__line(h, d, line, crlf ? len - 1 : len, crlf);
	if (d->line.len)
		http_text__clear(h, &d->line);
}

/*
 * The short way for what most bytes of heads are: header lines that are there whole and need
 * only be taken note of. Stops before anything else, for take_line to deal with.
 */
static uint32_t take_headers(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	enum http_strictness how = h->op.out ? HTTP_LOOSE : HTTP_STRICT;
	const char *at = p, *end = p + n, *clean_to = p, *nl;

	if (d->line.len || d->head_bytes + n > FLOW_HTTP_HEAD_MAX)
		return 0;
	while (at < end && *at != '\r' && *at != '\n') {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (!nl || nl == at || nl[-1] != '\r')
			break;
		if (how != HTTP_LOOSE && nl > clean_to) {
			clean_to = min_t(const char *, end, nl + CLEAN_STEP);
			how = http_head__clean(at, (size_t)(clean_to - at)) ? HTTP_CHECKED
									    : HTTP_STRICT;
		}
		if (http_head__header(&d->head, h->shared->value_key, at, (size_t)(nl - at) - 1,
				      how) &&
		    how != HTTP_LOOSE)
			break;
		if (how != HTTP_LOOSE && http_keep__may(h, at))
			http_keep__header(h, at, (size_t)(nl - at) - 1);
		at = nl + 1;
	}
	h->pos += (uint32_t)(at - p);
	d->head_bytes += (uint32_t)(at - p);
	return (uint32_t)(at - p);
}

/* @used bytes of a counted part are done: what comes after it? */
static void count_down(struct flow_http *h, struct http_dir *d, uint64_t used)
{
	h->pos += (uint32_t)used;
	d->remaining -= used;
	if (d->remaining)
		return;
	if (d->state == HS_BODY) {
		http_message__end(h, d);
	} else if (d->state == HS_CHUNK_DATA) {
		d->state = HS_CHUNK_CRLF;
		d->remaining = 2;
	} else {
		d->state = HS_CHUNK_SIZE;
		d->head_bytes = 0;
	}
}

static void take_crlf(struct flow_http *h, struct http_dir *d, char c)
{
	if (c != (d->remaining == 2 ? '\r' : '\n')) {
		http_message__bad(h, d);
		return;
	}
	count_down(h, d, 1);
}

static bool blank(char c)
{
	return c == '\r' || c == '\n';
}

void http_body__feed(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	uint32_t used;

	while (n) {
		switch (d->state) {
		case HS_IDLE: /* empty lines before a message are skipped, as llhttp does */
			used = blank(*p) ? 1 : 0;
			h->pos += used;
			if (used)
				break;
			memset(&d->head, 0, sizeof(d->head));
			d->head_bytes = 0;
			d->state = HS_START;
			break;
		case HS_HEADERS:
			used = take_headers(h, d, p, n);
			if (!used)
				take_line(h, d, p, n, &used);
			break;
		case HS_START:
		case HS_CHUNK_SIZE:
		case HS_TRAILERS:
			take_line(h, d, p, n, &used);
			break;
		case HS_BODY:
		case HS_CHUNK_DATA:
			used = (uint32_t)min_t(uint64_t, n, d->remaining);
			count_down(h, d, used);
			break;
		case HS_CHUNK_CRLF:
			used = 1;
			take_crlf(h, d, *p);
			break;
		default:
			used = n;
			h->pos += n;
		}
		p += used;
		n -= used;
	}
}

void http_body__skip(struct flow_http *h, struct http_dir *d, uint64_t n)
{
	uint64_t used;

	while (n) {
		used = 0;
		switch (d->state) {
		case HS_IDLE:
		case HS_START:
		case HS_HEADERS:
		case HS_CHUNK_SIZE:
		case HS_TRAILERS:
			line_missing(h, d);
			break;
		case HS_BODY:
		case HS_CHUNK_DATA:
		case HS_CHUNK_CRLF:
			used = min_t(uint64_t, n, d->remaining);
			count_down(h, d, used);
			break;
		default:
			used = n;
			h->pos += (uint32_t)n;
		}
		n -= used;
	}
}

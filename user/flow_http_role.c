// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The first bytes of an operation: whose connection is it, and is this a point from which a
 * direction that got out of step can go on?
 */
#include <string.h>

#include "flow_http_int.h"

/* The first line of @p, if it is there whole and ends in CRLF. */
static bool first_line(const char *p, uint32_t n, size_t *len)
{
	const char *nl = memchr(p, '\n', n);

	if (!nl || nl == p || nl[-1] != '\r')
		return false;
	*len = (size_t)(nl - p) - 1;
	return true;
}

static bool begins_request(const char *p, uint32_t n)
{
	struct http_head head = {0};
	struct http_target target;
	size_t len;

	for (; n && (*p == '\r' || *p == '\n'); p++)
		n--;
	return first_line(p, n, &len) && !http_head__request_line(&head, p, len, &target) &&
	       (head.version == 10 || head.version == 11);
}

static bool begins_response(const char *p, uint32_t n)
{
	struct http_head head = {0};
	size_t len;

	return first_line(p, n, &len) && !http_head__status_line(&head, p, len);
}

/* What the process says and hears as a client. Recognised, and not reported. */
static void client_operation(struct flow_http *h)
{
	h->role = HTTP_ROLE_CLIENT;
	h->dir[0].state = HS_OVER;
	h->dir[1].state = HS_OVER;
}

/* First bytes of a receive while the role is not known. */
static void find_role_in(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	if (d->state == HS_START)
		return; /* the request line began in the first receive */
	if (begins_response(p, n)) {
		client_operation(h);
	} else if (begins_request(p, n)) {
		/* Nobody knows what went before: after a bound bit, requests may be open. */
		d->pending |= h->op.first ? 0 : FE_F_RESYNC;
		d->state = HS_IDLE;
	} else if (h->op.first && n == h->op.total && !memchr(p, '\n', n) &&
		   http_head__may_be_request(p, n)) {
		d->state = HS_IDLE;
	} else {
		d->state = HS_WAIT;
	}
}

static void find_role_out(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	d->state = HS_WAIT;
	if (begins_request(p, n)) {
		client_operation(h);
	} else if (begins_response(p, n)) {
		h->role = HTTP_ROLE_SERVER;
		h->dir[0].state = HS_WAIT;
		d->state = HS_IDLE;
	}
}

/*
 * First bytes of a receive on a server's connection: is this where to get into step again?
 * Inside an upload whose end is not known, bytes that look like a request line are taken for
 * one only if the client can be that far: its request is answered, or it pipelines.
 */
static void resume_in(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	bool waits = d->state == HS_WAIT || d->state == HS_LOST || d->state == HS_CHUNK_LOST;
	bool ahead = h->kinds_count == 0 || h->pipelined;

	if ((!waits && !d->suspect) || d->state == HS_OVER)
		return;
	if (begins_request(p, n) && (d->state != HS_CHUNK_LOST || d->suspect || ahead)) {
		if (d->state == HS_LOST || (d->state != HS_IDLE && d->state != HS_WAIT &&
					    (h->kinds_count || h->pipelined)))
			d->pending |= FE_F_GAP;
		d->open = false;
		d->state = HS_IDLE;
		http_text__clear(h, &d->line);
	} else if (d->state == HS_IDLE || d->state == HS_START || d->state == HS_HEADERS) {
		http_message__lost(h, d, HS_LOST);
	}
}

static void resume_out(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	bool lost = d->state == HS_LOST || d->state == HS_CHUNK_LOST || d->state == HS_BODY_LOST;
	bool waiting = h->kinds_count > (d->open ? 1u : 0u);

	if (d->state == HS_IDLE || d->state == HS_OVER)
		return;
	if (((lost && waiting) || d->suspect) && begins_response(p, n))
		http_message__close_response(h, FE_F_GAP);
}

void http_role__first_bytes(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n)
{
	if (h->role == HTTP_ROLE_UNKNOWN) {
		if (h->op.out)
			find_role_out(h, d, p, n);
		else
			find_role_in(h, d, p, n);
	} else if (h->role == HTTP_ROLE_SERVER) {
		if (h->op.out)
			resume_out(h, d, p, n);
		else
			resume_in(h, d, p, n);
	}
}

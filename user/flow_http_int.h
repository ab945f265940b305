/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by flow_http*.c only: states, line parsers, the steps between messages. */
#ifndef LOOPRAY_FLOW_HTTP_INT_H
#define LOOPRAY_FLOW_HTTP_INT_H

#include "flow_http.h"

enum http_state {
	HS_IDLE,  /* between messages: the next byte begins one */
	HS_START, /* in the request or status line */
	HS_HEADERS,
	HS_BODY,       /* @remaining bytes of known length */
	HS_CHUNK_SIZE, /* in a chunk-size line */
	HS_CHUNK_DATA,
	HS_CHUNK_CRLF, /* the two bytes behind a chunk's data: @remaining of them */
	HS_TRAILERS,
	HS_BODY_EOF,   /* response body up to the connection's end */
	HS_CHUNK_LOST, /* in a chunked body whose chunk borders were not seen */
	HS_BODY_LOST,  /* in a body whose length was not seen */
	HS_WAIT,       /* nothing is open: waits for an operation that begins with a start line */
	HS_LOST,       /* the same, but a message may have been missed */
	HS_OVER,       /* nothing of meaning can follow (closed, bad, upgraded) */
};

#define HH_LENGTH     (1u << 0)
#define HH_CHUNKED    (1u << 1) /* the last transfer coding named so far is chunked */
#define HH_TE	      (1u << 2)
#define HH_CLOSE      (1u << 3)
#define HH_KEEP_ALIVE (1u << 4)
#define HH_UPGRADE    (1u << 5) /* an Upgrade header */
#define HH_CONN_UPG   (1u << 6) /* Connection: upgrade */

enum http_kind { HTTP_PLAIN, HTTP_HEAD, HTTP_CONNECT };

struct http_target {
	const char *s;
	uint32_t len;
};

/* flow_http_head.c: lines without their line end. 0 or -EBADMSG. */
int http_head__request_line(struct http_head *head, const char *p, size_t n,
			    struct http_target *target);
int http_head__status_line(struct http_head *head, const char *p, size_t n);
enum http_strictness {
	HTTP_LOOSE,   /* only pick out what matters: a head that the process wrote */
	HTTP_STRICT,  /* refuse what Node.js' parser refuses */
	HTTP_CHECKED, /* the same, http_head__clean has looked at the bytes already */
};
/* @n > 0; @key: of flow_value__hash */
int http_head__header(struct http_head *head, uint64_t key, const char *p, size_t n,
		      enum http_strictness how);
/* A method by its name: fills in method and method_name. False: none that HTTP/1 parsers know. */
bool http_head__method(struct http_head *head, const char *p, size_t n);
/* Takes the blanks off both ends. */
void http_head__trim(const char **p, size_t *n);
/*
 * True if these bytes of a head, several lines of it, hold no control character that a value
 * must not have. False says nothing.
 */
bool http_head__clean(const char *p, size_t n);
/* Could these bytes, the first of an operation, grow into a request line? */
bool http_head__may_be_request(const char *p, size_t n);
/* The part of a request target that is kept: no scheme, authority, query or fragment. */
struct http_target http_head__path(struct http_target target, bool *cut);

/* flow_http_ids.c */
/*
 * If the header field of this name names the request, its value's hash joins the head's ids.
 * To be asked only for names that http_ids__may_name lets pass.
 */
void http_ids__header(struct http_head *head, uint64_t key, const char *name, size_t name_len,
		      const char *value, size_t len);
/* Nearly every header is out after this: all but traceparent and b3 end in "id". */
static inline bool http_ids__may_name(const char *name, size_t n)
{
	char last = n ? name[n - 1] | 0x20 : 0;

	return last == 'd' ? n >= 10 : (last == 't' && n == 11) || (last == '3' && n == 2);
}

/* flow_http_keep.c */
/* A header line of a request that the framer has accepted. */
void http_keep__header(struct flow_http *h, const char *p, size_t n);
void http_keep__reset(struct flow_http *h);
/* Tells what was kept of the head that was just reported, and forgets it. */
int http_keep__emit(struct flow_http *h);
/* Nearly every header is out after this. */
static inline bool http_keep__may(const struct flow_http *h, const char *p)
{
	uint32_t letter = (uint32_t)((p[0] | 0x20) - 'a');

	return letter < 26 ? h->shared->keep_letters >> letter & 1 : h->shared->keep_any;
}

/* flow_http_body.c: works through bytes, or past bytes that were not captured. */
void http_body__feed(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n);
void http_body__skip(struct flow_http *h, struct http_dir *d, uint64_t n);

/* flow_http_message.c: what happens at the borders of messages. */
void http_message__line(struct flow_http *h, struct http_dir *d, const char *p, size_t n,
			bool crlf);
void http_message__end(struct flow_http *h, struct http_dir *d);
void http_message__bad(struct flow_http *h, struct http_dir *d);
/* The rest of a head was not captured: what is known of it stands, its body is unknown. */
void http_message__cut(struct flow_http *h, struct http_dir *d);
void http_message__lost(struct flow_http *h, struct http_dir *d, enum http_state state);
void http_message__close_response(struct flow_http *h, uint32_t flags);
void http_message__forget_requests(struct flow_http *h);

/* flow_http_role.c: looks at the first bytes of an operation in this direction. */
void http_role__first_bytes(struct flow_http *h, struct http_dir *d, const char *p, uint32_t n);

/* flow_http.c */
void http_emit(struct flow_http *h, uint32_t flags);
bool http_text__add(struct flow_http *h, struct http_text *t, const void *p, uint32_t n);
void http_text__clear(struct flow_http *h, struct http_text *t);

#endif

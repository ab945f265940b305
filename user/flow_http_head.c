// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Request lines, status lines and header fields, one line at a time.
 *
 * What is refused follows llhttp as Node.js 20 to 26 runs it by default (observed by sending
 * each form to them): every line of a head ends in CRLF, no folded lines, no blank before
 * the colon, control characters nowhere, Content-Length once, digits only and below 2^64,
 * never together with Transfer-Encoding, nothing behind "chunked". 18 lets a bare LF end the
 * request line and the head and takes blanks before a colon; such clients are rare, and
 * there the request is reported as bad although the server answers it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "flow_http_int.h"
#include "util.h"

struct method_name {
	const char *name;
	uint8_t len;
	uint8_t method;
};

#define METHOD(text, id)                   \
	{                                  \
		text, sizeof(text) - 1, id \
	}
/* The common ones first: the table is searched in order. */
static const struct method_name methods[] = {
	METHOD("GET", FM_GET),		 METHOD("POST", FM_POST),
	METHOD("PUT", FM_PUT),		 METHOD("DELETE", FM_DELETE),
	METHOD("HEAD", FM_HEAD),	 METHOD("OPTIONS", FM_OPTIONS),
	METHOD("PATCH", FM_PATCH),	 METHOD("CONNECT", FM_CONNECT),
	METHOD("TRACE", FM_TRACE),	 METHOD("ACL", FM_OTHER),
	METHOD("BIND", FM_OTHER),	 METHOD("CHECKOUT", FM_OTHER),
	METHOD("COPY", FM_OTHER),	 METHOD("LINK", FM_OTHER),
	METHOD("LOCK", FM_OTHER),	 METHOD("M-SEARCH", FM_OTHER),
	METHOD("MERGE", FM_OTHER),	 METHOD("MKACTIVITY", FM_OTHER),
	METHOD("MKCALENDAR", FM_OTHER),	 METHOD("MKCOL", FM_OTHER),
	METHOD("MOVE", FM_OTHER),	 METHOD("NOTIFY", FM_OTHER),
	METHOD("PROPFIND", FM_OTHER),	 METHOD("PROPPATCH", FM_OTHER),
	METHOD("PURGE", FM_OTHER),	 METHOD("QUERY", FM_OTHER),
	METHOD("REBIND", FM_OTHER),	 METHOD("REPORT", FM_OTHER),
	METHOD("SEARCH", FM_OTHER),	 METHOD("SOURCE", FM_OTHER),
	METHOD("SUBSCRIBE", FM_OTHER),	 METHOD("UNBIND", FM_OTHER),
	METHOD("UNLINK", FM_OTHER),	 METHOD("UNLOCK", FM_OTHER),
	METHOD("UNSUBSCRIBE", FM_OTHER),
};
#undef METHOD

#define METHOD_MAX 11 /* longest name */

static const struct method_name *find_method(const char *p, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].len == n && memcmp(methods[i].name, p, n) == 0)
			return &methods[i];
	return NULL;
}

bool http_head__method(struct http_head *head, const char *p, size_t n)
{
	const struct method_name *m = find_method(p, n);

	if (!m)
		return false;
	head->method = m->method;
	head->method_name = m->name;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/x.y" -> 10*x+y for the versions that Node.js accepts, else 0. */
static uint8_t parse_version(const char *p, size_t n)
{
	uint8_t v;

	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || !is_digit(p[5]) || p[6] != '.' ||
	    !is_digit(p[7]))
		return 0;
	v = (uint8_t)((p[5] - '0') * 10 + (p[7] - '0'));
	return v == 9 || v == 10 || v == 11 || v == 20 ? v : 0;
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

/* Nothing but visible ASCII? Sixteen bytes at a time. */
static bool all_visible(const char *p, size_t n)
{
	bytes16 v, bad = {0};
	words2 w;

	for (; n >= 16; p += 16, n -= 16) {
		memcpy(&v, p, 16);
		bad |= (bytes16)(v < 0x21) | (bytes16)(v > 0x7e);
	}
	w = (words2)bad;
	if (w[0] | w[1])
		return false;
	for (; n; p++, n--)
		if ((uint8_t)*p < 0x21 || (uint8_t)*p > 0x7e)
			return false;
	return true;
}

/* "/path", "*", "scheme://..."; for CONNECT anything. */
static bool target_valid(const char *p, size_t n, uint8_t method)
{
	const char *colon;

	if (n == 0 || !all_visible(p, n))
		return false;
	if (method == FM_CONNECT || p[0] == '/' || p[0] == '*')
		return true;
	colon = memchr(p, ':', n);
	return colon && colon > p && (size_t)(p + n - colon) > 3 && memcmp(colon, "://", 3) == 0;
}

int http_head__request_line(struct http_head *head, const char *p, size_t n,
			    struct http_target *target)
{
	const char *end = p + n, *space = memchr(p, ' ', n < METHOD_MAX + 1 ? n : METHOD_MAX + 1);
	const struct method_name *m = space ? find_method(p, (size_t)(space - p)) : NULL;
	const char *t;

	if (!m)
		return -EBADMSG;
	for (t = space; t < end && *t == ' '; t++)
		;
	space = memchr(t, ' ', (size_t)(end - t));
	target->s = t;
	target->len = (uint32_t)((space ? space : end) - t);
	if (!target_valid(t, target->len, m->method))
		return -EBADMSG;
	head->version = 9; /* no version at all */
	if (space) {
		while (space < end && *space == ' ')
			space++;
		head->version = parse_version(space, (size_t)(end - space));
	}
	head->method = m->method;
	head->method_name = m->name;
	return head->version ? 0 : -EBADMSG;
}

int http_head__status_line(struct http_head *head, const char *p, size_t n)
{
	if (n < 12 || p[8] != ' ' || !is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11]) ||
	    (n > 12 && p[12] != ' '))
		return -EBADMSG;
	head->version = parse_version(p, 8);
	head->status = (uint16_t)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	if ((head->version != 10 && head->version != 11) || head->status < 100)
		return -EBADMSG;
	return 0;
}

bool http_head__may_be_request(const char *p, size_t n)
{
	const char *space = memchr(p, ' ', n < METHOD_MAX + 1 ? n : METHOD_MAX + 1);

	if (space)
		return find_method(p, (size_t)(space - p)) != NULL;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (n <= methods[i].len && memcmp(methods[i].name, p, n) == 0)
			return true;
	return false;
}

struct http_target http_head__path(struct http_target target, bool *cut)
{
	const char *p = target.s, *end = p + target.len, *scheme, *query, *fragment;
	struct http_target path = target;

	if (target.len && p[0] != '/' && p[0] != '*') {
		scheme = memchr(p, ':', target.len);
		if (scheme && end - scheme > 3 && memcmp(scheme, "://", 3) == 0) {
			for (p = scheme + 3; p < end && *p != '/' && *p != '?' && *p != '#'; p++)
				;
			path.s = p;
			path.len = (uint32_t)(end - p);
		}
	}
	query = memchr(path.s, '?', path.len);
	fragment = memchr(path.s, '#', path.len);
	*cut = query;
	if (fragment && (!query || fragment < query))
		path.len = (uint32_t)(fragment - path.s);
	else if (query)
		path.len = (uint32_t)(query - path.s);
	if (path.len == 0)
		path = (struct http_target){"/", 1};
	return path;
}

/* RFC 9110 token characters, which a field name is made of. */
static const uint8_t token_char[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,	    ['&'] = 1,	       ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,	    ['^'] = 1,	       ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

/* No control characters other than tab. */
static bool value_valid(const char *p, size_t n)
{
	for (; n; p++, n--)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	return true;
}

bool http_head__clean(const char *p, size_t n)
{
	bytes16 v, after, bad = {0};
	words2 w;

	if (n < 17)
		return false;
	for (const char *end = p + n - 17;; p += 16) {
		p = p < end ? p : end; /* the last step may overlap the one before */
		memcpy(&v, p, 16);
		memcpy(&after, p + 1, 16);
		bad |= (bytes16)(v < 0x20) & (bytes16)(v != '\r') & (bytes16)(v != '\n') &
		       (bytes16)(v != '\t');
		bad |= (bytes16)(v == 0x7f) | ((bytes16)(v == '\r') & (bytes16)(after != '\n'));
		if (p == end)
			break;
	}
	w = (words2)bad;
	return !(w[0] | w[1]);
}

void http_head__trim(const char **p, size_t *n)
{
	while (*n && (**p == ' ' || **p == '\t')) {
		(*p)++;
		(*n)--;
	}
	while (*n && ((*p)[*n - 1] == ' ' || (*p)[*n - 1] == '\t'))
		(*n)--;
}

static int header_length(struct http_head *head, const char *p, size_t n, bool strict)
{
	uint64_t v = 0;

	if (n == 0 || (strict && (head->flags & (HH_LENGTH | HH_TE))))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(p[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return -EBADMSG;
	}
	head->flags |= HH_LENGTH;
	head->content_length = v;
	return 0;
}

/* Takes the next element of a comma-separated list. False at the end. */
static bool next_element(const char **p, size_t *n, const char **e, size_t *en)
{
	const char *comma;

	if (*n == 0)
		return false;
	comma = memchr(*p, ',', *n);
	*e = *p;
	*en = comma ? (size_t)(comma - *p) : *n;
	*p += *en + (comma ? 1 : 0);
	*n -= *en + (comma ? 1 : 0);
	http_head__trim(e, en);
	return true;
}

static bool is_word(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

static int header_coding(struct http_head *head, const char *p, size_t n, bool strict)
{
	const char *e;
	size_t en;

	if (strict && (head->flags & HH_LENGTH))
		return -EBADMSG;
	while (next_element(&p, &n, &e, &en)) {
		if (en == 0)
			continue;
		if (head->flags & HH_CHUNKED)
			return -EBADMSG; /* chunked must be the last and only once */
		head->flags |= HH_TE;
		if (is_word(e, en, "chunked"))
			head->flags |= HH_CHUNKED;
	}
	return 0;
}

static void header_connection(struct http_head *head, const char *p, size_t n)
{
	const char *e;
	size_t en;

	if (n == 10 && memcmp(p, "keep-alive", 10) == 0) { /* nearly always */
		head->flags |= HH_KEEP_ALIVE;
		return;
	}

	while (next_element(&p, &n, &e, &en)) {
		if (is_word(e, en, "close"))
			head->flags |= HH_CLOSE;
		else if (is_word(e, en, "keep-alive"))
			head->flags |= HH_KEEP_ALIVE;
		else if (is_word(e, en, "upgrade"))
			head->flags |= HH_CONN_UPG;
	}
}

/* The end of a field name: the first byte that cannot be in one. */
static size_t name_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && token_char[(uint8_t)p[i]])
		i++;
	return i;
}

/* @usual: as most programs write it; @n is its length. */
static bool is_name(const char *p, const char *usual, size_t n)
{
	return memcmp(p, usual, n) == 0 || strncasecmp(p, usual, n) == 0;
}

static int header_value(struct http_head *head, const char *p, size_t name, const char *value,
			size_t len, bool strict)
{
	if (len && *value == ' ') {
		value++;
		len--;
	}
	http_head__trim(&value, &len);
	switch (name) {
	case 7:
		if (is_name(p, "Upgrade", 7))
			head->flags |= HH_UPGRADE;
		return 0;
	case 10:
		if ((*p | 0x20) == 'c' && is_name(p, "Connection", 10))
			header_connection(head, value, len);
		return 0;
	case 14:
		if (is_name(p, "Content-Length", 14))
			return header_length(head, value, len, strict);
		return 0;
	case 17:
		if (is_name(p, "Transfer-Encoding", 17))
			return header_coding(head, value, len, strict);
		return 0;
	default:
		return 0;
	}
}

/* Header names that matter begin with one of these letters. */
static bool may_matter(char c)
{
	c |= 0x20;
	return c == 'c' || c == 't' || c == 'u';
}

int http_head__header(struct http_head *head, uint64_t key, const char *p, size_t n,
		      enum http_strictness how)
{
	bool matters = may_matter(*p);
	size_t name;

	if (how == HTTP_LOOSE && !matters)
		return 0;
	name = name_length(p, n);
	if (name == 0 || name == n || p[name] != ':')
		return -EBADMSG;
	if (how == HTTP_STRICT && !value_valid(p + name + 1, n - name - 1))
		return -EBADMSG;
	if (how != HTTP_LOOSE && http_ids__may_name(p, name))
		http_ids__header(head, key, p, name, p + name + 1, n - name - 1);
	if (!matters)
		return 0;
	return header_value(head, p, name, p + name + 1, n - name - 1, how != HTTP_LOOSE);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads the responses of one connection from its bytes, however they are cut.
 *
 * A head is taken only when all of it is there (the caller keeps the rest of its buffer), bodies
 * are counted and thrown away: by length, chunked, or until the end of the connection. Interim
 * responses (1xx) are skipped.
 */
#ifndef LOADGEN_RESPONSE_H
#define LOADGEN_RESPONSE_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESPONSE_ID_MAX 64

enum response_state {
	RS_HEAD,
	RS_LENGTH, /* `left` bytes of body */
	RS_UNTIL_CLOSE,
	RS_CHUNK_SIZE,
	RS_CHUNK_DATA, /* `left` bytes of chunk with the CR LF behind it */
	RS_TRAILERS,
};

enum response_result {
	RR_MORE, /* all input used that can be; more is needed */
	RR_DONE, /* one response is complete */
	RR_BAD,	 /* this is not HTTP/1.1 */
};

struct response {
	enum response_state state;
	uint64_t left;
	uint64_t bytes; /* of this response so far, interim ones included */
	int status;
	int context_ok; /* x-context-ok: 1 or 0, -1 without that header */
	bool close;	/* the server will close the connection behind this one */
	bool chunked;
	bool has_length;
	char id[RESPONSE_ID_MAX + 1]; /* x-request-id, if it is a plain word */
};

static inline void response__reset(struct response *rs)
{
	memset(rs, 0, offsetof(struct response, id) + 1);
	rs->context_ok = -1;
}

static inline bool response__name_is(const char *line, size_t len, const char *name)
{
	return len == strlen(name) && !strncasecmp(line, name, len);
}

static inline bool response__length(struct response *rs, const char *value)
{
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	rs->left = strtoull(value, &end, 10);
	rs->has_length = true;
	return rs->left < (1ULL << 50) && (*end == '\0' || *end == ' ');
}

static inline void response__id(struct response *rs, const char *value)
{
	size_t len = strlen(value);

	if (len > RESPONSE_ID_MAX || strpbrk(value, "\"\\\t"))
		return;
	memcpy(rs->id, value, len + 1);
}

/* One header line, NUL terminated; its letters pick the few that matter. */
static inline bool response__header(struct response *rs, const char *line)
{
	const char *colon = strchr(line, ':');
	const char *value;
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - line);
	value = colon + 1 + strspn(colon + 1, " \t");
	if (response__name_is(line, len, "content-length"))
		return response__length(rs, value);
	if (response__name_is(line, len, "transfer-encoding"))
		rs->chunked = strcasestr(value, "chunked") != NULL;
	else if (response__name_is(line, len, "connection"))
		rs->close = strcasestr(value, "close") != NULL;
	else if (response__name_is(line, len, "x-context-ok"))
		rs->context_ok = *value == '1';
	else if (response__name_is(line, len, "x-request-id"))
		response__id(rs, value);
	return true;
}

/* The lines of a head in buf[0..len), which ends in CR LF CR LF and is taken apart. */
static inline bool response__head(struct response *rs, char *buf, size_t len)
{
	char *end = buf + len - 2;
	char *line;

	if (len < 16 || memcmp(buf, "HTTP/1.", 7) || buf[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++)
		if (!isdigit((unsigned char)buf[i]))
			return false;
	rs->status = (buf[9] - '0') * 100 + (buf[10] - '0') * 10 + (buf[11] - '0');
	rs->close = buf[7] == '0';
	line = (char *)memchr(buf, '\n', len) + 1;
	while (line < end) {
		char *eol = memchr(line, '\r', (size_t)(end - line) + 1);

		if (!eol || eol[1] != '\n')
			return false;
		*eol = '\0';
		if (!response__header(rs, line))
			return false;
		line = eol + 2;
	}
	return true;
}

/* Chooses how the body ends. Returns RR_DONE if there is none. */
static inline enum response_result response__body(struct response *rs, bool is_head)
{
	if (rs->status < 200) {
		uint64_t bytes = rs->bytes;

		if (rs->status == 101)
			return RR_BAD;
		response__reset(rs);
		rs->bytes = bytes;
		return RR_MORE;
	}
	if (is_head || rs->status == 204 || rs->status == 304)
		return RR_DONE;
	if (rs->chunked) {
		rs->state = RS_CHUNK_SIZE;
		return RR_MORE;
	}
	rs->state = rs->has_length ? RS_LENGTH : RS_UNTIL_CLOSE;
	return rs->has_length && !rs->left ? RR_DONE : RR_MORE;
}

static inline enum response_result response__chunk_size(struct response *rs, const char *line)
{
	char *end;

	if (!isxdigit((unsigned char)*line))
		return RR_BAD;
	rs->left = strtoull(line, &end, 16);
	if (rs->left >= (1ULL << 50) || (*end != '\r' && *end != ';'))
		return RR_BAD;
	rs->state = rs->left ? RS_CHUNK_DATA : RS_TRAILERS;
	rs->left += 2; /* the CR LF behind the data */
	return RR_MORE;
}

/* One step by a whole line or head in buf[0..len); *used says how much of it is consumed. */
static inline enum response_result response__line(struct response *rs, char *buf, size_t len,
						  bool is_head, size_t *used)
{
	bool head = rs->state == RS_HEAD;
	char *end = memmem(buf, len, head ? "\r\n\r\n" : "\r\n", head ? 4 : 2);

	*used = 0;
	if (!end)
		return RR_MORE;
	*used = (size_t)(end - buf) + (head ? 4 : 2);
	rs->bytes += *used;
	if (rs->state == RS_TRAILERS)
		return *used == 2 ? RR_DONE : RR_MORE;
	if (rs->state == RS_CHUNK_SIZE)
		return response__chunk_size(rs, buf);
	if (!response__head(rs, buf, *used))
		return RR_BAD;
	return response__body(rs, is_head);
}

/*
 * Consumes from buf[0..len) until a response is complete or the input does not suffice; *used
 * says how much was consumed. @is_head: the request was HEAD. buf[len] must be writable.
 */
static inline enum response_result response__feed(struct response *rs, char *buf, size_t len,
						  bool is_head, size_t *used)
{
	enum response_result result = RR_MORE;
	size_t step;

	buf[len] = '\0';
	for (*used = 0; *used < len && result == RR_MORE; *used += step) {
		if (rs->state == RS_HEAD || rs->state == RS_CHUNK_SIZE ||
		    rs->state == RS_TRAILERS) {
			result = response__line(rs, buf + *used, len - *used, is_head, &step);
			if (!step)
				break;
			continue;
		}
		step = len - *used;
		if (rs->state != RS_UNTIL_CLOSE) {
			step = rs->left < step ? rs->left : step;
			rs->left -= step;
		}
		rs->bytes += step;
		if (rs->state == RS_CHUNK_DATA && !rs->left)
			rs->state = RS_CHUNK_SIZE;
		else if (rs->state == RS_LENGTH && !rs->left)
			result = RR_DONE;
	}
	return result;
}

#endif

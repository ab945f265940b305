/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streaming JSON writer: no tree, no allocation, output in pieces through a callback.
 *
 * The writer keeps track of commas and nesting, so that a caller cannot produce text which
 * a parser refuses: a misuse (a value without a key in an object, a wrong end, too deep)
 * sets -EINVAL, as a failed write sets its error, and from then on nothing is written.
 * The first error is kept; json__finish returns it.
 */
#ifndef LOOPRAY_JSON_H
#define LOOPRAY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 16

/* Takes @len bytes of output. 0 or -errno. */
typedef int (*json_write_fn)(void *ctx, const void *data, size_t len);

struct json {
	json_write_fn write;
	void *ctx;
	int err;
	uint8_t depth;
	bool after_key;
	bool is_object[JSON_MAX_DEPTH + 1]; /* [depth]; depth 0 is the text itself */
	bool has_items[JSON_MAX_DEPTH + 1];
	size_t len;
	char buf[4096];
};

void json__init(struct json *j, json_write_fn write, void *ctx);
/* Hands out what is buffered. Returns 0 if all went well and every object is closed. */
int json__finish(struct json *j);

/* Ends one text of a stream of them (JSON lines): all must be closed. */
void json__newline(struct json *j);

void json__object_begin(struct json *j);
void json__object_end(struct json *j);
void json__array_begin(struct json *j);
void json__array_end(struct json *j);
void json__key(struct json *j, const char *key);

/* Bytes that are not UTF-8 become U+FFFD, one for each maximal invalid part. */
void json__str_n(struct json *j, const char *s, size_t len);
void json__str(struct json *j, const char *s); /* NULL is written as null */
void json__u64(struct json *j, uint64_t v);
void json__i64(struct json *j, int64_t v);
void json__bool(struct json *j, bool v);
void json__null(struct json *j);
/* With @decimals (0..9) digits behind the point, whatever the locale. Not finite: null. */
void json__double(struct json *j, double v, unsigned int decimals);
/* A value, or in an array several with commas between, that is JSON text already. */
void json__raw(struct json *j, const char *text, size_t len);

/* A member of an object: key and value. */
void json__key_str(struct json *j, const char *key, const char *s);
void json__key_u64(struct json *j, const char *key, uint64_t v);
void json__key_i64(struct json *j, const char *key, int64_t v);
void json__key_bool(struct json *j, const char *key, bool v);
void json__key_double(struct json *j, const char *key, double v, unsigned int decimals);
void json__key_object(struct json *j, const char *key);
void json__key_array(struct json *j, const char *key);

#endif

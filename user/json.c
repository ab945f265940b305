// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

static void flush(struct json *j)
{
	if (!j->err && j->len)
		j->err = j->write(j->ctx, j->buf, j->len);
	j->len = 0;
}

static void put(struct json *j, const char *s, size_t len)
{
	if (j->err)
		return;
	while (len) {
		size_t room = sizeof(j->buf) - j->len;
		size_t n = len < room ? len : room;

		memcpy(j->buf + j->len, s, n);
		j->len += n;
		s += n;
		len -= n;
		if (j->len == sizeof(j->buf))
			flush(j);
	}
}

static void put_char(struct json *j, char c)
{
	put(j, &c, 1);
}

static void misuse(struct json *j)
{
	if (!j->err)
		j->err = -EINVAL;
}

/* What must stand before a value: nothing behind a key, else a comma between items. */
static void before_value(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->is_object[j->depth] || (j->depth == 0 && j->has_items[0]))
		misuse(j);
	else if (j->has_items[j->depth])
		put_char(j, ',');
	j->has_items[j->depth] = true;
}

void json__init(struct json *j, json_write_fn write, void *ctx)
{
	memset(j, 0, offsetof(struct json, buf));
	j->write = write;
	j->ctx = ctx;
}

int json__finish(struct json *j)
{
	if (j->depth || j->after_key)
		misuse(j);
	flush(j);
	return j->err;
}

void json__newline(struct json *j)
{
	if (j->depth || j->after_key) {
		misuse(j);
		return;
	}
	put_char(j, '\n');
	j->has_items[0] = false;
}

static void begin(struct json *j, char c, bool object)
{
	before_value(j);
	if (j->depth == JSON_MAX_DEPTH) {
		misuse(j);
		return;
	}
	put_char(j, c);
	j->depth++;
	j->is_object[j->depth] = object;
	j->has_items[j->depth] = false;
}

static void end(struct json *j, char c, bool object)
{
	if (j->depth == 0 || j->after_key || j->is_object[j->depth] != object) {
		misuse(j);
		return;
	}
	j->depth--;
	put_char(j, c);
}

void json__object_begin(struct json *j)
{
	begin(j, '{', true);
}

void json__object_end(struct json *j)
{
	end(j, '}', true);
}

void json__array_begin(struct json *j)
{
	begin(j, '[', false);
}

void json__array_end(struct json *j)
{
	end(j, ']', false);
}

static void put_control(struct json *j, unsigned char c)
{
	static const char shorts[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	char esc[8];

	for (size_t i = 0; i + 1 < sizeof(shorts); i += 2) {
		if (c != (unsigned char)shorts[i])
			continue;
		esc[0] = '\\';
		esc[1] = shorts[i + 1];
		put(j, esc, 2);
		return;
	}
	put(j, esc, (size_t)snprintf(esc, sizeof(esc), "\\u%04x", c));
}

static void put_string(struct json *j, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t start = 0, i = 0, n, bad;

	put_char(j, '"');
	while (i < len) {
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			i++;
			continue;
		}
		if (p[i] >= 0x80) {
			n = utf8__sequence(s + i, len - i, &bad);
			if (n && !utf8__is_c1(s + i, n)) {
				i += n;
				continue;
			}
			put(j, s + start, i - start);
			if (n)
				put_control(j, p[i + 1]);
			else
				put(j, "\xef\xbf\xbd", 3);
			i += n ? n : bad;
		} else {
			put(j, s + start, i - start);
			put_control(j, p[i]);
			i++;
		}
		start = i;
	}
	put(j, s + start, len - start);
	put_char(j, '"');
}

void json__key(struct json *j, const char *key)
{
	if (!j->is_object[j->depth] || j->after_key) {
		misuse(j);
		return;
	}
	if (j->has_items[j->depth])
		put_char(j, ',');
	j->has_items[j->depth] = true;
	put_string(j, key, strlen(key));
	put_char(j, ':');
	j->after_key = true;
}

void json__str_n(struct json *j, const char *s, size_t len)
{
	before_value(j);
	put_string(j, s, len);
}

void json__str(struct json *j, const char *s)
{
	if (s)
		json__str_n(j, s, strlen(s));
	else
		json__null(j);
}

/* Decimal digits by hand: number formatting is the hot path of the line formats. */
static void put_u64(struct json *j, uint64_t v)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(j, text + at, sizeof(text) - at);
}

void json__u64(struct json *j, uint64_t v)
{
	before_value(j);
	put_u64(j, v);
}

void json__i64(struct json *j, int64_t v)
{
	before_value(j);
	if (v < 0)
		put_char(j, '-');
	put_u64(j, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void json__raw(struct json *j, const char *text, size_t len)
{
	before_value(j);
	put(j, text, len);
}

void json__bool(struct json *j, bool v)
{
	before_value(j);
	put(j, v ? "true" : "false", v ? 4 : 5);
}

void json__null(struct json *j)
{
	before_value(j);
	put(j, "null", 4);
}

void json__double(struct json *j, double v, unsigned int decimals)
{
	static const uint64_t scales[] = {1,	  10,	   100,	     1000,	10000,
					  100000, 1000000, 10000000, 100000000, 1000000000};
	uint64_t scale = scales[decimals > 9 ? 9 : decimals];
	double scaled = round(fabs(v) * (double)scale);
	uint64_t whole;

	/* Above 2^63 no double has a fraction, and none of our quantities gets there. */
	if (!isfinite(v) || !isfinite(scaled) || scaled >= 9.2e18) {
		json__null(j);
		return;
	}
	before_value(j);
	whole = (uint64_t)scaled;
	if (v < 0 && whole)
		put_char(j, '-');
	put_u64(j, whole / scale);
	whole %= scale;
	if (scale == 1)
		return;
	put_char(j, '.');
	for (scale /= 10; scale; scale /= 10)
		put_char(j, (char)('0' + whole / scale % 10));
}

void json__key_str(struct json *j, const char *key, const char *s)
{
	json__key(j, key);
	json__str(j, s);
}

void json__key_u64(struct json *j, const char *key, uint64_t v)
{
	json__key(j, key);
	json__u64(j, v);
}

void json__key_i64(struct json *j, const char *key, int64_t v)
{
	json__key(j, key);
	json__i64(j, v);
}

void json__key_bool(struct json *j, const char *key, bool v)
{
	json__key(j, key);
	json__bool(j, v);
}

void json__key_double(struct json *j, const char *key, double v, unsigned int decimals)
{
	json__key(j, key);
	json__double(j, v, decimals);
}

void json__key_object(struct json *j, const char *key)
{
	json__key(j, key);
	json__object_begin(j);
}

void json__key_array(struct json *j, const char *key)
{
	json__key(j, key);
	json__array_begin(j);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_otlp_text.h"
#include "util.h"

int otlp_buf__write(void *buf, const void *data, size_t len)
{
	struct otlp_buf *b = buf;

	if (len > b->cap - b->len) {
		size_t cap = max_t(size_t, b->cap * 2, b->len + len);
		char *grown = realloc(b->data, cap);

		if (!grown)
			return -ENOMEM;
		b->data = grown;
		b->cap = cap;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void otlp_buf__free(struct otlp_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void otlp_json__u64(struct json *j, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	json__str(j, text);
}

void otlp_json__key_u64(struct json *j, const char *key, uint64_t v)
{
	json__key(j, key);
	otlp_json__u64(j, v);
}

static void put_hex(struct json *j, const char *key, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * OTLP_TRACE_ID];

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	json__key(j, key);
	json__str_n(j, text, 2 * n);
}

void otlp_json__key_trace(struct json *j, const char *key, const struct otlp_trace_id *id)
{
	put_hex(j, key, id->byte, sizeof(id->byte));
}

void otlp_json__key_span(struct json *j, const char *key, const struct otlp_span_id *id)
{
	put_hex(j, key, id->byte, sizeof(id->byte));
}

void otlp_json__scope(struct json *j, const char *version)
{
	json__key_object(j, "scope");
	json__key_str(j, "name", "loopray");
	if (version && version[0])
		json__key_str(j, "version", version);
	json__object_end(j);
}

void otlp_json__line_end(struct json *j)
{
	json__array_end(j);
	json__key_str(j, "schemaUrl", OTLP_SCHEMA_URL);
	json__object_end(j);
	json__array_end(j);
	json__key_str(j, "schemaUrl", OTLP_SCHEMA_URL);
	json__object_end(j);
	json__array_end(j);
	json__object_end(j);
	json__newline(j);
}

static void begin(struct json *j, const char *key)
{
	json__object_begin(j);
	json__key_str(j, "key", key);
	json__key_object(j, "value");
}

static void end(struct json *j)
{
	json__object_end(j);
	json__object_end(j);
}

void otlp_attr__str_n(struct json *j, const char *key, const char *s, size_t len)
{
	if (!s)
		return;
	begin(j, key);
	json__key(j, "stringValue");
	json__str_n(j, s, len);
	end(j);
}

void otlp_attr__str(struct json *j, const char *key, const char *s)
{
	otlp_attr__str_n(j, key, s, s ? strlen(s) : 0);
}

void otlp_attr__u64(struct json *j, const char *key, uint64_t v)
{
	begin(j, key);
	otlp_json__key_u64(j, "intValue", v);
	end(j);
}

void otlp_attr__i64(struct json *j, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	begin(j, key);
	json__key_str(j, "intValue", text);
	end(j);
}

void otlp_attr__bool(struct json *j, const char *key, bool v)
{
	begin(j, key);
	json__key_bool(j, "boolValue", v);
	end(j);
}

void otlp_attr__known(struct json *j, const char *key, uint64_t v)
{
	if (v)
		otlp_attr__u64(j, key, v);
}

void otlp_attr__array_begin(struct json *j, const char *key)
{
	begin(j, key);
	json__key_object(j, "arrayValue");
	json__key_array(j, "values");
}

void otlp_attr__array_str(struct json *j, const char *s)
{
	json__object_begin(j);
	json__key_str(j, "stringValue", s ? s : "");
	json__object_end(j);
}

void otlp_attr__array_u64(struct json *j, uint64_t v)
{
	json__object_begin(j);
	otlp_json__key_u64(j, "intValue", v);
	json__object_end(j);
}

void otlp_attr__array_end(struct json *j)
{
	json__array_end(j);
	json__object_end(j);
	end(j);
}

void otlp_attr__cut(struct json *j, const char *key, const char *s, size_t max,
		    struct otlp_cuts *cuts)
{
	otlp_attr__str(j, key, s);
	if (s && strlen(s) >= max && cuts->n < OTLP_CUTS)
		cuts->key[cuts->n++] = key;
}

void otlp_attr__cuts(struct json *j, const struct otlp_cuts *cuts)
{
	if (!cuts->n)
		return;
	otlp_attr__array_begin(j, "loopray.truncated");
	for (uint32_t i = 0; i < cuts->n; i++)
		otlp_attr__array_str(j, cuts->key[i]);
	otlp_attr__array_end(j);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What OTLP/JSON writes in ways of its own: attributes, 64-bit numbers as strings, ids in hex,
 * times. And the memory that text waits in until its line is complete.
 */
#ifndef LOOPRAY_OUT_OTLP_TEXT_H
#define LOOPRAY_OUT_OTLP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"
#include "out_otlp_id.h"

#define OTLP_SCHEMA_URL "https://opentelemetry.io/schemas/1.44.0"

/* A growing piece of memory. Zeroed: empty. */
struct otlp_buf {
	char *data;
	size_t len, cap;
};

/* A json_write_fn. 0 or -ENOMEM. */
int otlp_buf__write(void *buf, const void *data, size_t len);
void otlp_buf__free(struct otlp_buf *b);

/* One attribute, an element of an "attributes" array. A text that is NULL writes nothing. */
void otlp_attr__str(struct json *j, const char *key, const char *s);
void otlp_attr__str_n(struct json *j, const char *key, const char *s, size_t len);
void otlp_attr__u64(struct json *j, const char *key, uint64_t v);
void otlp_attr__i64(struct json *j, const char *key, int64_t v);
void otlp_attr__bool(struct json *j, const char *key, bool v);
/* Nothing if it is 0, which means that it is not known. */
void otlp_attr__known(struct json *j, const char *key, uint64_t v);

/* Attributes whose value is an array: begin, elements, end. */
void otlp_attr__array_begin(struct json *j, const char *key);
void otlp_attr__array_str(struct json *j, const char *s);
void otlp_attr__array_u64(struct json *j, uint64_t v);
void otlp_attr__array_end(struct json *j);

/* A member that is a 64-bit number, which OTLP/JSON has as a string. */
void otlp_json__key_u64(struct json *j, const char *key, uint64_t v);
void otlp_json__u64(struct json *j, uint64_t v);
void otlp_json__key_trace(struct json *j, const char *key, const struct otlp_trace_id *id);
void otlp_json__key_span(struct json *j, const char *key, const struct otlp_span_id *id);
/* "scope", with its value. @version: of the loopray that recorded, NULL unknown. */
void otlp_json__scope(struct json *j, const char *version);
/* Ends the array of the one scope, what is around it, and the line. */
void otlp_json__line_end(struct json *j);

/*
 * Texts that were cut on the way here, by the length that they were cut at: their attributes are
 * named by loopray.truncated. At most OTLP_CUTS.
 */
#define OTLP_CUTS 8

struct otlp_cuts {
	const char *key[OTLP_CUTS];
	uint32_t n;
};

/* An attribute that keeps at most @max bytes on its way: as long as that, it counts as cut. */
void otlp_attr__cut(struct json *j, const char *key, const char *s, size_t max,
		    struct otlp_cuts *cuts);
void otlp_attr__cuts(struct json *j, const struct otlp_cuts *cuts);

#endif

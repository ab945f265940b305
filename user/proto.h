/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Protocol buffers, written into a buffer of the caller's: no schema, no allocation. What does not
 * fit sets an error, as does an end without a beginning; from then on nothing is written.
 *
 * A nested message's length stands before it and is known behind it only: one byte is left free,
 * and a message of 128 bytes and more is moved. All lengths are of the shortest form.
 */
#ifndef LOOPRAY_PROTO_H
#define LOOPRAY_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define PROTO_MAX_DEPTH 8

struct proto {
	uint8_t *buf;
	size_t cap;
	size_t len;
	int err; /* 0, -EOVERFLOW or -EINVAL */
	unsigned int depth;
	size_t begin[PROTO_MAX_DEPTH]; /* of the messages that are open: behind the length's byte */
};

/* Empty, without an error. */
void proto__init(struct proto *p, void *buf, size_t cap);

/* uint32, uint64, bool, enum. */
void proto__u64(struct proto *p, uint32_t field, uint64_t v);
/* int32, int64 (not sint). */
void proto__i64(struct proto *p, uint32_t field, int64_t v);
void proto__fixed64(struct proto *p, uint32_t field, uint64_t v);
void proto__double(struct proto *p, uint32_t field, double v);
/* A string: bytes that are not UTF-8 become U+FFFD, one for each maximal invalid part. */
void proto__str(struct proto *p, uint32_t field, const char *s);

void proto__begin(struct proto *p, uint32_t field);
void proto__end(struct proto *p);

/* Bytes of @v as a varint at @to, of room for 10. */
size_t proto_varint(uint8_t *to, uint64_t v);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "proto.h"
#include "utf8.h"

/* Wire types. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2 };

#define VARINT_MAX 10

void proto__init(struct proto *p, void *buf, size_t cap)
{
	p->buf = buf;
	p->cap = cap;
	p->len = 0;
	p->err = 0;
	p->depth = 0;
}

size_t proto_varint(uint8_t *to, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		to[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	to[n++] = (uint8_t)v;
	return n;
}

static void put(struct proto *p, const void *data, size_t len)
{
	if (!p->err && len > p->cap - p->len)
		p->err = -EOVERFLOW;
	if (p->err)
		return;
	memcpy(p->buf + p->len, data, len);
	p->len += len;
}

static void put_varint(struct proto *p, uint64_t v)
{
	uint8_t bytes[VARINT_MAX] = {0};

	put(p, bytes, proto_varint(bytes, v));
}

static void put_tag(struct proto *p, uint32_t field, unsigned int type)
{
	put_varint(p, (uint64_t)field << 3 | type);
}

void proto__u64(struct proto *p, uint32_t field, uint64_t v)
{
	put_tag(p, field, VARINT);
	put_varint(p, v);
}

void proto__i64(struct proto *p, uint32_t field, int64_t v)
{
	proto__u64(p, field, (uint64_t)v);
}

void proto__fixed64(struct proto *p, uint32_t field, uint64_t v)
{
	put_tag(p, field, FIXED64);
	v = htole64(v);
	put(p, &v, sizeof(v));
}

void proto__double(struct proto *p, uint32_t field, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	proto__fixed64(p, field, bits);
}

void proto__begin(struct proto *p, uint32_t field)
{
	static const uint8_t length;

	put_tag(p, field, BYTES);
	put(p, &length, 1);
	if (p->depth == PROTO_MAX_DEPTH && !p->err)
		p->err = -EINVAL;
	if (!p->err)
		p->begin[p->depth++] = p->len;
}

void proto__end(struct proto *p)
{
	uint8_t bytes[VARINT_MAX];
	size_t begin, len, more;

	if (!p->depth && !p->err)
		p->err = -EINVAL;
	if (p->err)
		return;
	begin = p->begin[--p->depth];
	len = p->len - begin;
	more = proto_varint(bytes, len) - 1;
	if (more > p->cap - p->len) {
		p->err = -EOVERFLOW;
		return;
	}
	memmove(p->buf + begin + more, p->buf + begin, len);
	memcpy(p->buf + begin - 1, bytes, more + 1);
	p->len += more;
}

void proto__str(struct proto *p, uint32_t field, const char *s)
{
	size_t len = strlen(s), bad;

	proto__begin(p, field);
	while (len) {
		size_t n = (unsigned char)*s < 0x80 ? 1 : utf8__sequence(s, len, &bad);

		if (n)
			put(p, s, n);
		else
			put(p, "\xef\xbf\xbd", 3);
		n = n ? n : bad;
		s += n;
		len -= n;
	}
	proto__end(p);
}

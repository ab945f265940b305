// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Members of a capture and the fields of its header and trailer; see out_capture_codec.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "out_capture_codec.h"
#include "out_capture_parts.h"

static void put_le(uint8_t *to, uint64_t v, unsigned int bytes)
{
	v = htole64(v);
	memcpy(to, &v, bytes);
}

static uint64_t get_le(const uint8_t *from, unsigned int bytes)
{
	uint64_t v = 0;

	memcpy(&v, from, bytes);
	return le64toh(v);
}

void capture_member__pack(const struct capture_member *m, uint8_t head[CAPTURE_HEAD_SIZE])
{
	memcpy(head, "LRAY", 4);
	head[4] = m->kind;
	head[5] = m->version;
	put_le(head + 6, m->revision, 2);
	put_le(head + 8, m->index, 4);
	put_le(head + 12, m->records, 4);
	put_le(head + 16, m->base_ns, 8);
	for (size_t i = 0; i < FLOW_LOSS_KINDS; i++)
		put_le(head + 24 + 8 * i, m->loss[i], 8);
}

int capture_member__unpack(struct capture_member *m, const uint8_t head[CAPTURE_HEAD_SIZE])
{
	_Static_assert(24 + 8 * FLOW_LOSS_KINDS == CAPTURE_HEAD_SIZE, "member head");
	memset(m, 0, sizeof(*m));
	if (memcmp(head, "LRAY", 4) != 0)
		return -EBADMSG;
	m->kind = head[4];
	m->version = head[5];
	if (m->version == 0)
		return -EBADMSG;
	if (m->version != CAPTURE_VERSION)
		return -EPROTO;
	m->revision = (uint16_t)get_le(head + 6, 2);
	m->index = (uint32_t)get_le(head + 8, 4);
	m->records = (uint32_t)get_le(head + 12, 4);
	m->base_ns = get_le(head + 16, 8);
	for (size_t i = 0; i < FLOW_LOSS_KINDS; i++)
		m->loss[i] = get_le(head + 24 + 8 * i, 8);
	return 0;
}

size_t capture_varint__put(uint8_t *to, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		to[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	to[n++] = (uint8_t)v;
	return n;
}

size_t capture_varint__get(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t x = 0;

	for (unsigned int n = 0; n < 10 && p + n < end; n++) {
		x |= (uint64_t)(p[n] & 0x7f) << (7 * n);
		if (p[n] & 0x80)
			continue;
		if (n == 9 && p[n] > 1)
			return 0;
		*v = x;
		return n + 1;
	}
	return 0;
}

size_t capture_field__put_str(uint8_t *to, enum capture_tag tag, const char *s, size_t len)
{
	size_t n = capture_varint__put(to, tag);

	n += capture_varint__put(to + n, len);
	memcpy(to + n, s, len);
	return n + len;
}

size_t capture_field__put_u64(uint8_t *to, enum capture_tag tag, uint64_t v)
{
	uint8_t number[10] = {0};

	return capture_field__put_str(to, tag, (const char *)number,
				      capture_varint__put(number, v));
}

int capture_field__next(const uint8_t *body, size_t len, size_t *at, struct capture_field *field)
{
	const uint8_t *p = body + *at, *end = body + len;
	uint64_t size;
	size_t n;

	if (p == end)
		return 0;
	n = capture_varint__get(p, end, &field->tag);
	if (!n)
		return -EBADMSG;
	p += n;
	n = capture_varint__get(p, end, &size);
	if (!n || size > (size_t)(end - p) - n)
		return -EBADMSG;
	field->data = p + n;
	field->len = (size_t)size;
	field->number = 0;
	p = field->data + field->len;
	if (capture_varint__get(field->data, p, &field->number) != field->len)
		field->number = 0;
	*at = (size_t)(p - body);
	return 1;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fields of an event record, in both directions; see out_capture_parts.h. */
#include <endian.h>
#include <string.h>

#include "out_capture_parts.h"
#include "util.h"

void field_u64(struct capture_codec *c, uint64_t *v)
{
	size_t n;

	if (c->packing) {
		c->p += capture_varint__put(c->p, *v);
		return;
	}
	n = c->bad ? 0 : capture_varint__get(c->p, c->end, v);
	if (!n) {
		c->bad = true;
		*v = 0;
	}
	c->p += n;
}

void field_max(struct capture_codec *c, uint64_t *v, uint64_t max)
{
	field_u64(c, v);
	if (!c->packing && *v > max) {
		c->bad = true;
		*v = 0;
	}
}

void field_u32(struct capture_codec *c, uint32_t *v)
{
	uint64_t x = *v;

	field_max(c, &x, UINT32_MAX);
	*v = (uint32_t)x;
}

void field_u16(struct capture_codec *c, uint16_t *v)
{
	uint64_t x = *v;

	field_max(c, &x, UINT16_MAX);
	*v = (uint16_t)x;
}

void field_u8(struct capture_codec *c, uint8_t *v)
{
	uint64_t x = *v;

	field_max(c, &x, UINT8_MAX);
	*v = (uint8_t)x;
}

void field_bool(struct capture_codec *c, bool *v)
{
	uint64_t x = *v;

	field_max(c, &x, 1);
	*v = x != 0;
}

void field_delta(struct capture_codec *c, uint64_t *v, uint64_t base)
{
	uint64_t d = *v - base;
	uint64_t zigzag = (d << 1) ^ (0 - (d >> 63));

	field_u64(c, &zigzag);
	*v = base + ((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

void field_id(struct capture_codec *c, int64_t *v, int64_t base)
{
	uint64_t x = (uint64_t)*v;

	field_delta(c, &x, (uint64_t)base);
	*v = (int64_t)x;
}

void field_running(struct capture_codec *c, uint64_t *v, uint64_t *previous)
{
	field_delta(c, v, *previous);
	*previous = *v;
}

void field_running32(struct capture_codec *c, uint32_t *v, uint32_t *previous)
{
	uint64_t x = *v, before = *previous;

	field_delta(c, &x, before);
	if (x > UINT32_MAX) {
		c->bad = true;
		x = 0;
	}
	*v = *previous = (uint32_t)x;
}

void field_clock(struct capture_codec *c, struct fe_clock *clock)
{
	uint64_t has = clock->has;

	field_max(c, &has, FE_CLOCK_IDLE | FE_CLOCK_CPU);
	clock->has = (uint8_t)has;
	if (has & FE_CLOCK_IDLE)
		field_running(c, &clock->idle_ns, &c->cur->idle_ns);
	if (has & FE_CLOCK_CPU) {
		field_running(c, &clock->cpu_ns, &c->cur->cpu_ns);
		field_running(c, &clock->ran_ns, &c->cur->ran_ns);
		field_u32(c, &clock->cpu);
		field_running(c, &clock->delay_ns, &c->cur->delay_ns);
	}
}

void field_int(struct capture_codec *c, int32_t *v)
{
	int64_t x = *v;

	field_id(c, &x, 0);
	if (x < INT32_MIN || x > INT32_MAX) {
		c->bad = true;
		x = 0;
	}
	*v = (int32_t)x;
}

void field_hash(struct capture_codec *c, uint64_t *v)
{
	uint64_t le = htole64(*v);

	if (c->packing) {
		memcpy(c->p, &le, sizeof(le));
		c->p += sizeof(le);
		return;
	}
	if (c->bad || (size_t)(c->end - c->p) < sizeof(le)) {
		c->bad = true;
		*v = 0;
		return;
	}
	memcpy(&le, c->p, sizeof(le));
	*v = le64toh(le);
	c->p += sizeof(le);
}

void field_text(struct capture_codec *c, struct flow_str *s, uint32_t max)
{
	uint64_t len = s->len;

	field_max(c, &len, max);
	if (c->packing) {
		memcpy(c->p, s->s, s->len);
		c->p += s->len;
		return;
	}
	s->s = "";
	s->len = 0;
	if (c->bad || len > (size_t)(c->end - c->p)) {
		c->bad = true;
		return;
	}
	s->s = (const char *)c->p;
	s->len = (uint32_t)len;
	c->p += len;
}

void field_addr(struct capture_codec *c, uint8_t addr[16])
{
	uint8_t len = 16;

	while (c->packing && len && addr[len - 1] == 0)
		len--;
	field_u8(c, &len);
	if (len > 16 || (!c->packing && (c->bad || c->end - c->p < len))) {
		c->bad = true;
		return;
	}
	if (c->packing)
		memcpy(c->p, addr, len);
	else
		memcpy(addr, c->p, len);
	c->p += len;
}

static uint32_t string_lookup(struct capture_codec *c, const struct flow_str *s, uint64_t hash,
			      uint32_t *slot)
{
	uint32_t i = (uint32_t)hash & (INDEX_SLOTS - 1);

	while (c->index[i]) {
		const struct string_entry *e = &c->strings[c->index[i] - 1];

		if (e->hash == hash && e->len == s->len &&
		    memcmp(c->arena + e->at, s->s, s->len) == 0)
			break;
		i = (i + 1) & (INDEX_SLOTS - 1);
	}
	*slot = i;
	return c->index[i];
}

static void string_pack(struct capture_codec *c, const struct flow_str *s)
{
	uint64_t hash;
	uint32_t known, slot;

	if (s->len == 0) {
		*c->p++ = 0;
		return;
	}
	hash = hash_bytes(s->s, s->len);
	known = string_lookup(c, s, hash, &slot);
	if (known) {
		c->p += capture_varint__put(c->p, 1ULL + known);
		return;
	}
	c->strings[c->string_count++] =
		(struct string_entry){c->arena_len, s->len, hash, (uint16_t)slot};
	c->index[slot] = (uint16_t)c->string_count;
	memcpy(c->arena + c->arena_len, s->s, s->len);
	c->arena_len += s->len;
	*c->p++ = 1;
	c->p += capture_varint__put(c->p, s->len);
	memcpy(c->p, s->s, s->len);
	c->p += s->len;
}

static void string_unpack(struct capture_codec *c, struct flow_str *s)
{
	const struct string_entry *e;
	uint64_t ref, len;

	field_max(c, &ref, 1ULL + c->string_count);
	if (ref == 1) {
		field_max(c, &len, CAPTURE_STRING_MAX);
		if (c->bad || len > (size_t)(c->end - c->p) || c->string_count == CAPTURE_STRINGS) {
			c->bad = true;
			return;
		}
		c->strings[c->string_count++] = (struct string_entry){
			.at = (uint32_t)(c->p - c->body), .len = (uint32_t)len};
		c->p += len;
		ref = 1ULL + c->string_count;
	}
	if (c->bad || ref == 0)
		return;
	e = &c->strings[ref - 2];
	s->s = (const char *)c->body + e->at;
	s->len = e->len;
}

void field_str(struct capture_codec *c, struct flow_str *s)
{
	if (c->packing) {
		string_pack(c, s);
		return;
	}
	s->s = "";
	s->len = 0;
	string_unpack(c, s);
}

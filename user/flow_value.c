// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* SipHash-2-4: a keyed hash made for short strings; the key keeps values from being guessed. */
#include <string.h>

#include "flow_value.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(struct sip *s, unsigned int n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

uint64_t flow_value__hash(uint64_t key, const void *bytes, size_t len)
{
	const uint64_t second = ~key * 0x9e3779b97f4a7c15ULL;
	struct sip s = {
		.v0 = key ^ 0x736f6d6570736575ULL,
		.v1 = second ^ 0x646f72616e646f6dULL,
		.v2 = key ^ 0x6c7967656e657261ULL,
		.v3 = second ^ 0x7465646279746573ULL,
	};
	const char *p = bytes;
	uint64_t m, last = (uint64_t)len << 56;
	size_t rest = len % 8;

	for (size_t i = 0; i + 8 <= len; i += 8) {
		memcpy(&m, p + i, 8);
		word(&s, m);
	}
	m = 0;
	if (rest)
		memcpy(&m, p + len - rest, rest);
	word(&s, last | m);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	m = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	return m ? m : 1;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fingerprints of values: SipHash-2-4 as published, under a key made of one number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_value.h"
#include "util.h"

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* Written from the paper (Aumasson, Bernstein, 2012), byte by byte. */
static uint64_t reference(uint64_t k0, uint64_t k1, const uint8_t *p, size_t len)
{
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
			 k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
	size_t words = len / 8 + 1;

	for (size_t w = 0; w < words; w++) {
		uint64_t m = w + 1 == words ? (uint64_t)(len & 0xff) << 56 : 0;

		for (size_t i = 8 * w; i < len && i < 8 * w + 8; i++)
			m |= (uint64_t)p[i] << (8 * (i % 8));
		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void test_is_siphash(void **state)
{
	static const uint64_t keys[] = {0, 1, UINT64_MAX, 0x0706050403020100ULL};
	uint8_t bytes[130];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	/* The test vector of the paper's appendix: the reference itself is right. */
	assert_true(reference(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL, bytes, 15) ==
		    0xa129ca6149be45e5ULL);
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		uint64_t second = ~keys[k] * 0x9e3779b97f4a7c15ULL;

		for (size_t len = 0; len <= sizeof(bytes); len++)
			assert_true(flow_value__hash(keys[k], bytes, len) ==
				    reference(keys[k], second, bytes, len));
	}
}

/* Every bit of value and key counts, and so does the length. */
static void test_all_counts(void **state)
{
	uint8_t bytes[24] = "0b7e61f2-5d1c-4a8e-9c";
	const size_t size = 21;
	uint64_t was = flow_value__hash(7, bytes, size);

	(void)state;
	assert_true(was != 0);
	for (size_t bit = 0; bit < size * 8; bit++) {
		uint64_t now;

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		now = flow_value__hash(7, bytes, size);
		assert_true(now != was);
		/* Half of the bits change, more or less. */
		assert_in_range(__builtin_popcountll(now ^ was), 12, 52);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_true(flow_value__hash(7 ^ 1ULL << bit, bytes, size) != was);
	for (size_t len = 0; len < 24; len++)
		assert_true(len == size || flow_value__hash(7, bytes, len) != was);
	assert_true(flow_value__hash(7, bytes, size) == was);
}

/* Where a value lies in memory does not matter, and nothing behind it is read. */
static void test_any_place(void **state)
{
	static const char value[] = "a value of some length";
	uint64_t want = flow_value__hash(3, value, sizeof(value));

	(void)state;
	for (size_t at = 0; at < 9; at++) {
		char *copy = malloc(at + sizeof(value));

		assert_non_null(copy);
		memcpy(copy + at, value, sizeof(value));
		assert_true(flow_value__hash(3, copy + at, sizeof(value)) == want);
		free(copy);
	}
	assert_true(flow_value__hash(3, "", 0) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_siphash),
		cmocka_unit_test(test_all_counts),
		cmocka_unit_test(test_any_place),
	};

	return cmocka_run_group_tests_name("flow_value", tests, NULL, NULL);
}

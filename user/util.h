/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small helpers that every stage may use. No policy in here. */
#ifndef LOOPRAY_UTIL_H
#define LOOPRAY_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min_t(type, a, b)          \
	({                         \
		type _a = (a);     \
		type _b = (b);     \
		_a < _b ? _a : _b; \
	})
#define max_t(type, a, b)          \
	({                         \
		type _a = (a);     \
		type _b = (b);     \
		_a > _b ? _a : _b; \
	})

/* Exit statuses of the program: part of its interface (docs, man page). */
enum exit_status {
	EX_LR_OK = 0,
	EX_LR_RUNTIME = 1,	/* an operation failed */
	EX_LR_USAGE = 2,	/* the command line is wrong */
	EX_LR_NO_TARGET = 3,	/* no such process, or it is not Node.js */
	EX_LR_PRIVILEGES = 4,	/* the kernel refused for lack of a privilege */
	EX_LR_UNSUPPORTED = 5,	/* this Node.js or kernel cannot be observed */
	EX_LR_LOSS = 6,		/* data was lost and --fail-on-loss was given */
	EX_LR_CHECK_FAILED = 7, /* loopray check: an expectation did not hold */
	EX_LR_SIGNAL = 128,	/* and its number: interrupted before the result was there */
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. */
uint64_t now_mono_ns(void);
uint64_t now_wall_ns(void);

/*
 * Reads a whole (pseudo) file of at most @cap bytes. Returns its length, the buffer is
 * always NUL terminated; -EFBIG if it is longer, or another -errno.
 */
long read_file(const char *path, char *buf, size_t cap);

/*
 * Parses a duration such as "30s", "500ms", "2m", "1h" or a plain number of seconds.
 * Returns 0 and nanoseconds in *ns, -EINVAL if malformed, -ERANGE if over 10 years.
 */
int parse_duration(const char *text, uint64_t *ns);

/* 64-bit mix (splitmix64 finalizer) for hash tables keyed by integers. */
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* FNV-1a with a final mix, for byte strings. */
uint64_t hash_bytes(const void *data, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where characters begin and end in bytes that may not be UTF-8. */
#ifndef LOOPRAY_UTF8_H
#define LOOPRAY_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Length of the well-formed UTF-8 sequence at @s, or 0 with *bad set to the length of the
 * maximal part that cannot be one (Unicode 15, table 3-7: no overlong forms, no surrogates,
 * nothing over U+10FFFF). @len is at least 1. ASCII has no sequences: 0.
 */
size_t utf8__sequence(const char *s, size_t len, size_t *bad);

/* Whether the @n bytes at @s are a control character beyond ASCII (U+0080 to U+009F). */
static inline bool utf8__is_c1(const char *s, size_t n)
{
	return n == 2 && s[0] == '\xc2' && (unsigned char)s[1] < 0xa0;
}

/* Bytes at the end of a text that begin a character without ending it: 0 to 3. */
size_t utf8__unfinished(const char *s, size_t len);

#endif

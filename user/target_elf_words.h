/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A mangled C++ name that is being read, and its words: the parts that contain no other part.
 * Only target_elf_mangle.c and target_elf_words.c include this header.
 *
 * Readers advance p and print what they read to text; false means that the name goes on in a
 * way that cannot be read, or that text is full.
 */
#ifndef LOOPRAY_TARGET_ELF_WORDS_H
#define LOOPRAY_TARGET_ELF_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX  2048 /* longest demangled prefix that can be asked for */
#define SUBS_MAX  128
#define DEPTH_MAX 48 /* nesting of types and template arguments */

/* A piece of the text printed so far. */
struct span {
	uint16_t start;
	uint16_t len;
};

struct mangled {
	const char *p; /* next character of the mangled name */
	char text[TEXT_MAX];
	size_t len; /* bytes in text; once it is full, reading ends */
	struct span subs[SUBS_MAX];
	size_t nsubs;
	struct span last; /* text of the last identifier: what C1 and D1 repeat */
	bool is_template; /* the last component was I ... E */
	bool is_special;  /* the last name was C1, D1: it has no return type, even as template */
	int depth;
};

bool mangled__is_digit(char c);

/* Prints @n bytes, a string, or a copy of an earlier piece. */
bool mangled__put(struct mangled *r, const char *text, size_t n);
bool mangled__puts(struct mangled *r, const char *text);
bool mangled__put_span(struct mangled *r, struct span s);

/* What has been printed since @start; as the next candidate for substitution. */
struct span mangled__span_since(const struct mangled *r, size_t start);
bool mangled__add_substitution(struct mangled *r, size_t start);

bool mangled__identifier(struct mangled *r);
bool mangled__substitution(struct mangled *r);
bool mangled__builtin(struct mangled *r);

#endif

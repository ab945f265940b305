// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Words of mangled names: identifiers, substitutions, builtin types. */
#include <string.h>

#include "target_elf_parts.h"
#include "target_elf_words.h"
#include "util.h"

bool mangled__put(struct mangled *r, const char *text, size_t n)
{
	size_t fit = min_t(size_t, n, TEXT_MAX - r->len);

	memcpy(r->text + r->len, text, fit);
	r->len += fit;
	return fit == n;
}

bool mangled__puts(struct mangled *r, const char *text)
{
	return mangled__put(r, text, strlen(text));
}

bool mangled__put_span(struct mangled *r, struct span s)
{
	char copy[TEXT_MAX];

	memcpy(copy, r->text + s.start, s.len);
	return mangled__put(r, copy, s.len);
}

struct span mangled__span_since(const struct mangled *r, size_t start)
{
	return (struct span){.start = (uint16_t)start, .len = (uint16_t)(r->len - start)};
}

bool mangled__add_substitution(struct mangled *r, size_t start)
{
	if (r->nsubs == SUBS_MAX)
		return false;
	r->subs[r->nsubs++] = mangled__span_since(r, start);
	return true;
}

bool mangled__is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number; false if there is none or it is too large to be a length. */
static bool read_number(struct mangled *r, size_t *n)
{
	if (!mangled__is_digit(*r->p))
		return false;
	for (*n = 0; mangled__is_digit(*r->p); r->p++) {
		*n = *n * 10 + (size_t)(*r->p - '0');
		if (*n > ELF_NAME_MAX)
			return false;
	}
	return true;
}

/* <number><id>, with the internal-linkage mark before and ABI tags behind. */
bool mangled__identifier(struct mangled *r)
{
	static const char anonymous[] = "_GLOBAL__N";
	size_t n, start = r->len;
	bool ok;

	if (*r->p == 'L')
		r->p++;
	if (!read_number(r, &n) || n == 0 || strnlen(r->p, n) < n)
		return false;
	/* Rust's names look like nested names, with escapes of their own. */
	if (memchr(r->p, '$', n) || memchr(r->p, '.', n))
		return false;
	if (n >= sizeof(anonymous) - 1 && !memcmp(r->p, anonymous, sizeof(anonymous) - 1))
		ok = mangled__puts(r, "(anonymous namespace)");
	else
		ok = mangled__put(r, r->p, n);
	if (!ok)
		return false;
	r->p += n;
	r->last = mangled__span_since(r, start);
	while (*r->p == 'B') {
		r->p++;
		if (!read_number(r, &n) || strnlen(r->p, n) < n)
			return false;
		if (!mangled__puts(r, "[abi:") || !mangled__put(r, r->p, n) ||
		    !mangled__puts(r, "]"))
			return false;
		r->p += n;
	}
	return true;
}

/* The other abbreviations (Ss, Si, So, Sd) print in two ways, depending on the demangler. */
static const char *abbreviation(char c)
{
	return c == 'a' ? "std::allocator" : c == 'b' ? "std::basic_string" : NULL;
}

/* Sa, Sb; S_, S0_, S1_, ... SZ_, S10_: the sequence number is in base 36. */
bool mangled__substitution(struct mangled *r)
{
	const char *text = abbreviation(r->p[1]);
	size_t n = 0;

	r->p++;
	if (text) {
		r->p++;
		return mangled__puts(r, text);
	}
	if (*r->p != '_') {
		for (; *r->p != '_'; r->p++) {
			if (mangled__is_digit(*r->p))
				n = n * 36 + (size_t)(*r->p - '0');
			else if (*r->p >= 'A' && *r->p <= 'Z')
				n = n * 36 + (size_t)(*r->p - 'A') + 10;
			else
				return false;
			if (n >= SUBS_MAX)
				return false;
		}
		n++;
	}
	r->p++;
	return n < r->nsubs && mangled__put_span(r, r->subs[n]);
}

/* One letter, or D and a letter. */
bool mangled__builtin(struct mangled *r)
{
	static const char *const names[26] = {
		['a' - 'a'] = "signed char", ['b' - 'a'] = "bool",
		['c' - 'a'] = "char",	     ['d' - 'a'] = "double",
		['e' - 'a'] = "long double", ['f' - 'a'] = "float",
		['g' - 'a'] = "__float128",  ['h' - 'a'] = "unsigned char",
		['i' - 'a'] = "int",	     ['j' - 'a'] = "unsigned int",
		['l' - 'a'] = "long",	     ['m' - 'a'] = "unsigned long",
		['n' - 'a'] = "__int128",    ['o' - 'a'] = "unsigned __int128",
		['s' - 'a'] = "short",	     ['t' - 'a'] = "unsigned short",
		['v' - 'a'] = "void",	     ['w' - 'a'] = "wchar_t",
		['x' - 'a'] = "long long",   ['y' - 'a'] = "unsigned long long",
		['z' - 'a'] = "...",
	};
	static const char wide[][12] = {"nchar", "ichar32_t", "schar16_t", "uchar8_t"};
	char c = *r->p;

	if (c >= 'a' && c <= 'z' && names[c - 'a']) {
		r->p++;
		return mangled__puts(r, names[c - 'a']);
	}
	if (c != 'D')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (r->p[1] != wide[i][0])
			continue;
		r->p += 2;
		return mangled__puts(r, i == 0 ? "decltype(nullptr)" : wide[i] + 1);
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Does the demangled form of a symbol start with "node::AsyncWrap::AsyncReset("?
 *
 * A full C++ demangler answers that at the price of its generality: the one in the C++ runtime
 * allocates and recurses as the (hostile) name tells it to, and 250,000 names take half a
 * second. All that is asked here is about the beginning of the text: the nested name and the
 * first parameters. So this is a demangler for the part of the Itanium C++ ABI's grammar
 * (section 5.1) that prints strictly from left to right:
 *
 *   name       _Z [L] <number><id> | _Z N [rVK] [R|O] component+ E | _Z St component
 *   component  [L] <number><id> [B<tag>] | St | S_ S0_ ... | C1..C5 | D0..D5 | I argument+ E
 *   argument   type | J argument* E | L type <number> E
 *   type       builtin | [PRO rVK] type | component | N ... E | S_ S0_ ... (with I ... E),
 *              Sa Sb (std::allocator, std::basic_string)
 *   parameters type+ up to the end or a clone's suffix (".isra.0", ".part.1")
 *
 * The substitutions S_, S0_, ... are the pieces of text printed before, in the order in which
 * the ABI numbers them. Whatever else is met (function types, arrays, expressions, template
 * parameters, operators, lambdas) ends the reading, and what was printed until then is still
 * the beginning of the true text: if it covers the prefix, the answer is certain; if not, the
 * name does not match. Nothing is ever guessed.
 *
 * Never matched on purpose: entities inside functions (_ZZ, lambdas), thunks and tables (_ZT),
 * and template functions, whose text starts with their return type.
 *
 * The text is what c++filt prints, but "> >" and ">>" are taken as the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target_elf_parts.h"
#include "util.h"

#define TEXT_MAX  2048 /* longest demangled prefix that can be asked for */
#define SUBS_MAX  128
#define DEPTH_MAX 48 /* nesting of types and template arguments */
#define LONGEST_GLOBAL                                                            \
	127 /* bytes of a global identifier that can be searched by its beginning \
	     */

struct span {
	uint16_t start;
	uint16_t len;
};

struct reader {
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

static bool put(struct reader *r, const char *text, size_t n)
{
	size_t fit = min_t(size_t, n, TEXT_MAX - r->len);

	memcpy(r->text + r->len, text, fit);
	r->len += fit;
	return fit == n;
}

static bool puts_text(struct reader *r, const char *text)
{
	return put(r, text, strlen(text));
}

static bool put_span(struct reader *r, struct span s)
{
	char copy[TEXT_MAX];

	memcpy(copy, r->text + s.start, s.len);
	return put(r, copy, s.len);
}

static struct span span_since(const struct reader *r, size_t start)
{
	return (struct span){.start = (uint16_t)start, .len = (uint16_t)(r->len - start)};
}

static bool add_sub(struct reader *r, size_t start)
{
	if (r->nsubs == SUBS_MAX)
		return false;
	r->subs[r->nsubs++] = span_since(r, start);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A decimal number; false if there is none or it is too large to be a length. */
static bool read_number(struct reader *r, size_t *n)
{
	if (!is_digit(*r->p))
		return false;
	for (*n = 0; is_digit(*r->p); r->p++) {
		*n = *n * 10 + (size_t)(*r->p - '0');
		if (*n > ELF_NAME_MAX)
			return false;
	}
	return true;
}

/* <number><id>, with the internal-linkage mark before and ABI tags behind. */
static bool read_identifier(struct reader *r)
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
		ok = puts_text(r, "(anonymous namespace)");
	else
		ok = put(r, r->p, n);
	if (!ok)
		return false;
	r->p += n;
	r->last = span_since(r, start);
	while (*r->p == 'B') {
		r->p++;
		if (!read_number(r, &n) || strnlen(r->p, n) < n)
			return false;
		if (!puts_text(r, "[abi:") || !put(r, r->p, n) || !puts_text(r, "]"))
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
static bool read_substitution(struct reader *r)
{
	const char *text = abbreviation(r->p[1]);
	size_t n = 0;

	r->p++;
	if (text) {
		r->p++;
		return puts_text(r, text);
	}
	if (*r->p != '_') {
		for (; *r->p != '_'; r->p++) {
			if (is_digit(*r->p))
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
	return n < r->nsubs && put_span(r, r->subs[n]);
}

static bool read_type(struct reader *r);

/* A pack expansion may print as nothing: not even the comma before it is certain. */
static bool at_expansion(const struct reader *r)
{
	return r->p[0] == 'D' && r->p[1] == 'p';
}

/* L type value E: a boolean, an integer, or a value of an enumeration. */
static bool read_literal(struct reader *r)
{
	static const struct {
		char code;
		const char *suffix;
	} kinds[] = {{'i', ""}, {'j', "u"}, {'l', "l"}, {'m', "ul"}};
	const char *suffix = NULL;
	size_t n;

	r->p++;
	if (*r->p == 'b' && (r->p[1] == '0' || r->p[1] == '1') && r->p[2] == 'E') {
		r->p += 3;
		return puts_text(r, r->p[-2] == '1' ? "true" : "false");
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (*r->p == kinds[i].code)
			suffix = kinds[i].suffix;
	}
	if (suffix) {
		r->p++;
	} else {
		if (*r->p != 'N' && *r->p != 'S')
			return false;
		if (!puts_text(r, "(") || !read_type(r) || !puts_text(r, ")"))
			return false;
		suffix = "";
	}
	if (*r->p == 'n') {
		if (!puts_text(r, "-"))
			return false;
		r->p++;
	}
	n = strspn(r->p, "0123456789");
	if (n == 0 || r->p[n] != 'E' || !put(r, r->p, n) || !puts_text(r, suffix))
		return false;
	r->p += n + 1;
	return true;
}

/* Arguments up to E, a pack's among them: packs print as if their members stood here. */
static bool read_arguments(struct reader *r, bool *first)
{
	while (*r->p != 'E') {
		if (*r->p == 'J') {
			r->p++;
			if (++r->depth > DEPTH_MAX || !read_arguments(r, first))
				return false;
			r->depth--;
			continue;
		}
		if (at_expansion(r) || (!*first && !puts_text(r, ", ")))
			return false;
		*first = false;
		if (*r->p == 'L' ? !read_literal(r) : !read_type(r))
			return false;
	}
	r->p++;
	return true;
}

/* I argument+ E. The identifiers inside are not the ones that C1 and D1 repeat. */
static bool read_template(struct reader *r)
{
	struct span last = r->last;
	bool first = true;

	r->p++;
	if (!puts_text(r, "<") || !read_arguments(r, &first))
		return false;
	r->last = last;
	return puts_text(r, ">");
}

/* Constructor or destructor: repeats the name of its class. */
static bool read_special(struct reader *r)
{
	char kind = r->p[0], form = r->p[1];

	if (r->last.len == 0 || (kind == 'C' ? form < '1' || form > '5' : form < '0' || form > '5'))
		return false;
	if (kind == 'D' && !puts_text(r, "~"))
		return false;
	r->p += 2;
	return put_span(r, r->last);
}

/*
 * One component of a nested name. *candidate: whether the name up to here takes a number in
 * the list of substitutions (St and S_ themselves do not).
 */
static bool read_component(struct reader *r, bool first, bool *candidate)
{
	char c = *r->p;

	*candidate = true;
	if (c == 'I')
		return !first && read_template(r);
	if (!first && !puts_text(r, "::"))
		return false;
	if (c == 'C' || c == 'D')
		return read_special(r);
	if (c != 'S')
		return read_identifier(r);
	*candidate = false;
	r->last.len = 0;
	if (!first)
		return false;
	if (r->p[1] != 't')
		return read_substitution(r);
	r->p += 2;
	return puts_text(r, "std");
}

/*
 * N [qualifiers] component+ E. As a type, the whole name is a candidate for substitution; as
 * a function's name it is not.
 */
static bool read_nested(struct reader *r, bool is_type)
{
	size_t start = r->len;
	bool candidate, special = false;
	char c = '\0';

	for (r->p++; *r->p && strchr("rVKRO", *r->p); r->p++)
		;
	if (*r->p == 'E')
		return false;
	for (bool first = true; *r->p != 'E'; first = false) {
		c = *r->p;
		if (c != 'I')
			special = c == 'C' || c == 'D';
		if (!read_component(r, first, &candidate))
			return false;
		if (candidate && (*r->p != 'E' || is_type) && !add_sub(r, start))
			return false;
	}
	r->p++;
	r->is_template = c == 'I';
	r->is_special = special;
	return true;
}

/* A class name outside a nested name, or a substitution, either with template arguments. */
static bool read_class(struct reader *r)
{
	size_t start = r->len;

	if (r->p[0] == 'S' && r->p[1] != 't') {
		if (!read_substitution(r))
			return false;
		if (*r->p != 'I')
			return true;
		return read_template(r) && add_sub(r, start);
	}
	if (*r->p == 'S') {
		r->p += 2;
		if (!puts_text(r, "std::"))
			return false;
	}
	if (!read_identifier(r) || !add_sub(r, start))
		return false;
	return *r->p != 'I' || (read_template(r) && add_sub(r, start));
}

static bool read_builtin(struct reader *r)
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
		return puts_text(r, names[c - 'a']);
	}
	if (c != 'D')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (r->p[1] != wide[i][0])
			continue;
		r->p += 2;
		return puts_text(r, i == 0 ? "decltype(nullptr)" : wide[i] + 1);
	}
	return false;
}

/* Pointers, references and qualifiers stand before their type and print behind it. */
static bool read_compound(struct reader *r)
{
	static const struct {
		char code;
		const char *text;
	} marks[] = {{'P', "*"},      {'R', "&"},	  {'O', "&&"},
		     {'K', " const"}, {'V', " volatile"}, {'r', " __restrict"}};
	size_t start = r->len, mark = 0;
	char quals[4] = "";
	size_t nquals = 0;

	while (*r->p && strchr("rVK", *r->p) && nquals < 3)
		quals[nquals++] = *r->p++;
	if (nquals == 0)
		quals[nquals++] = *r->p++;
	if (!read_type(r))
		return false;
	while (nquals-- > 0) {
		for (mark = 0; marks[mark].code != quals[nquals]; mark++)
			;
		if (!puts_text(r, marks[mark].text))
			return false;
	}
	return add_sub(r, start);
}

static bool read_type(struct reader *r)
{
	bool ok;

	if (++r->depth > DEPTH_MAX || *r->p == '\0')
		return false;
	if (strchr("PROrVK", *r->p))
		ok = read_compound(r);
	else if (*r->p == 'N')
		ok = read_nested(r, true);
	else if (*r->p == 'S' || is_digit(*r->p))
		ok = read_class(r);
	else
		ok = read_builtin(r);
	r->depth--;
	return ok;
}

/* The name of a function, without its parameters. */
static bool read_name(struct reader *r)
{
	if (*r->p == 'N')
		return read_nested(r, false);
	if (r->p[0] == 'S' && r->p[1] == 't') {
		r->p += 2;
		if (!puts_text(r, "std::"))
			return false;
	}
	if (!read_identifier(r))
		return false;
	r->is_template = *r->p == 'I';
	r->is_special = false;
	return true;
}

static bool at_end(const char *p)
{
	return *p == '\0' || *p == '.';
}

static bool read_parameters(struct reader *r)
{
	if (at_end(r->p))
		return true; /* a variable */
	if (!puts_text(r, "("))
		return false;
	if (*r->p == 'v' && at_end(r->p + 1))
		return puts_text(r, ")");
	for (bool first = true; !at_end(r->p); first = false) {
		if (at_expansion(r) || (!first && !puts_text(r, ", ")))
			return false;
		if (!read_type(r))
			return false;
	}
	return puts_text(r, ")");
}

/* Whether @text, which has no blank between two '>', starts with @prefix, which may. */
static bool starts_with(const char *text, size_t len, const char *prefix)
{
	size_t at = 0;

	for (const char *p = prefix; *p; p++) {
		if (*p == ' ' && p[1] == '>' && p > prefix && p[-1] == '>')
			continue;
		if (at == len || text[at++] != *p)
			return false;
	}
	return true;
}

bool elf_mangle__matches(const char *mangled, const char *prefix)
{
	size_t len = strlen(prefix);
	struct reader r;

	if (strncmp(mangled, "_Z", 2) != 0)
		return strcspn(mangled, ".") >= len && !strncmp(mangled, prefix, len);
	if (len > TEXT_MAX)
		return false;
	r.p = mangled + 2;
	r.len = 0;
	r.nsubs = 0;
	r.last = (struct span){0};
	r.is_template = false;
	r.is_special = false;
	r.depth = 0;
	/* A name that was not read to its end may belong to a template function: not certain. */
	if (!read_name(&r) || (r.is_template && !r.is_special))
		return false;
	/* Parameters that were not read to their end leave a text that is still true. */
	read_parameters(&r);
	return starts_with(r.text, r.len, prefix);
}

bool elf_mangle__is_cold(const char *mangled)
{
	static const char cold[] = ".cold";

	for (const char *p = mangled; (p = strstr(p, cold)); p++) {
		if (at_end(p + sizeof(cold) - 1))
			return true;
	}
	return false;
}

/*
 * Splits off the first component of a demangled name. Returns its length, *complete says
 * whether it is known to end there (before "::", "(" or "<"), *next is what follows "::".
 */
static size_t split_component(const char *text, bool *complete, const char **next)
{
	static const char anonymous[] = "(anonymous namespace)";
	size_t n;

	n = strncmp(text, anonymous, sizeof(anonymous) - 1) ? strcspn(text, ":(<[ ~")
							    : sizeof(anonymous) - 1;
	*complete = text[n] == '(' || text[n] == '<' || !strncmp(text + n, "::", 2);
	*next = strncmp(text + n, "::", 2) ? NULL : text + n + 2;
	return n;
}

/* Appends the mangled form of one identifier to @out. */
static size_t mangle_component(char *out, size_t cap, const char *text, size_t n)
{
	if (n == 3 && !memcmp(text, "std", 3))
		return (size_t)snprintf(out, cap, "St");
	if (text[0] == '(')
		return (size_t)snprintf(out, cap, "12_GLOBAL__N_1");
	return (size_t)snprintf(out, cap, "%zu%.*s", n, (int)n, text);
}

/* Calls @fn for @path behind each beginning that a nested name can have. */
static int for_each_nested(const char *path, int (*fn)(const char *range, void *ctx), void *ctx)
{
	static const char *const quals[] = {"", "K", "V", "VK", "R", "O", "KR", "KO"};
	char range[512];
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(quals) && !err; i++) {
		int n = snprintf(range, sizeof(range), "_ZN%s%s", quals[i], path);

		err = n < (int)sizeof(range) ? fn(range, ctx) : 0;
	}
	return err;
}

/*
 * For a prefix such as "uv_run" or "node": a C name, or the beginning of the name of something
 * global, or of a namespace. The identifier's length stands before it: all are tried.
 */
static int for_each_global(const char *prefix, size_t len, bool complete,
			   int (*fn)(const char *range, void *ctx), void *ctx)
{
	static const char *const starts[] = {"_Z", "_ZL", "_ZN", "_ZNK"};
	size_t longest = complete ? len : LONGEST_GLOBAL;
	char range[2 * LONGEST_GLOBAL];
	int err = complete ? 0 : fn(prefix, ctx);

	for (size_t n = len; n <= longest && len <= LONGEST_GLOBAL && !err; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(starts) && !err; i++) {
			snprintf(range, sizeof(range), "%s%zu%.*s", starts[i], n, (int)len, prefix);
			err = fn(range, ctx);
		}
	}
	return err;
}

/*
 * The components that are complete in @prefix and have a name behind them are certain: they
 * stand at the start of the mangled name. The last one may be a constructor, carry an
 * internal-linkage mark, or go on, so it is left to elf_mangle__matches.
 */
int elf_mangle__for_each_range(const char *prefix, int (*fn)(const char *range, void *ctx),
			       void *ctx)
{
	char path[256] = "";
	const char *next;
	bool complete;
	size_t len = 0;
	size_t n = split_component(prefix, &complete, &next);
	int err = 0;

	if (!next && n > 0 && (complete || prefix[n] == '\0') && prefix[0] != '(')
		return for_each_global(prefix, n, complete, fn, ctx);
	if (!next)
		return fn(n == 0 ? "" : "_Z", ctx);
	for (const char *p = prefix; next && n > 0; n = split_component(p, &complete, &next)) {
		size_t add = mangle_component(path + len, sizeof(path) - len, p, n);

		if (len + add >= sizeof(path)) {
			path[len] = '\0';
			break;
		}
		len += add;
		p = next;
	}
	/* "std::move(" is _ZSt4move, "std::vector<...>::push_back" is _ZNSt6vector... */
	if (!strcmp(path, "St"))
		err = fn("_ZSt", ctx);
	return err ? err : for_each_nested(path, fn, ctx);
}

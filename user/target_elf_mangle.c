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
#include <string.h>

#include "target_elf_parts.h"
#include "target_elf_words.h"
#include "util.h"

static bool read_type(struct mangled *r);

/* A pack expansion may print as nothing: not even the comma before it is certain. */
static bool at_expansion(const struct mangled *r)
{
	return r->p[0] == 'D' && r->p[1] == 'p';
}

/* L type value E: a boolean, an integer, or a value of an enumeration. */
static bool read_literal(struct mangled *r)
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
		return mangled__puts(r, r->p[-2] == '1' ? "true" : "false");
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
		if (!mangled__puts(r, "(") || !read_type(r) || !mangled__puts(r, ")"))
			return false;
		suffix = "";
	}
	if (*r->p == 'n') {
		if (!mangled__puts(r, "-"))
			return false;
		r->p++;
	}
	n = strspn(r->p, "0123456789");
	if (n == 0 || r->p[n] != 'E' || !mangled__put(r, r->p, n) || !mangled__puts(r, suffix))
		return false;
	r->p += n + 1;
	return true;
}

/* Arguments up to E, a pack's among them: packs print as if their members stood here. */
static bool read_arguments(struct mangled *r, bool *first)
{
	while (*r->p != 'E') {
		if (*r->p == 'J') {
			r->p++;
			if (++r->depth > DEPTH_MAX || !read_arguments(r, first))
				return false;
			r->depth--;
			continue;
		}
		if (at_expansion(r) || (!*first && !mangled__puts(r, ", ")))
			return false;
		*first = false;
		if (*r->p == 'L' ? !read_literal(r) : !read_type(r))
			return false;
	}
	r->p++;
	return true;
}

/* I argument+ E. The identifiers inside are not the ones that C1 and D1 repeat. */
static bool read_template(struct mangled *r)
{
	struct span last = r->last;
	bool first = true;

	r->p++;
	if (!mangled__puts(r, "<") || !read_arguments(r, &first))
		return false;
	r->last = last;
	return mangled__puts(r, ">");
}

/* Constructor or destructor: repeats the name of its class. */
static bool read_special(struct mangled *r)
{
	char kind = r->p[0], form = r->p[1];

	if (r->last.len == 0 || (kind == 'C' ? form < '1' || form > '5' : form < '0' || form > '5'))
		return false;
	if (kind == 'D' && !mangled__puts(r, "~"))
		return false;
	r->p += 2;
	return mangled__put_span(r, r->last);
}

/*
 * One component of a nested name. *candidate: whether the name up to here takes a number in
 * the list of substitutions (St and S_ themselves do not).
 */
static bool read_component(struct mangled *r, bool first, bool *candidate)
{
	char c = *r->p;

	*candidate = true;
	if (c == 'I')
		return !first && read_template(r);
	if (!first && !mangled__puts(r, "::"))
		return false;
	if (c == 'C' || c == 'D')
		return read_special(r);
	if (c != 'S')
		return mangled__identifier(r);
	*candidate = false;
	r->last.len = 0;
	if (!first)
		return false;
	if (r->p[1] != 't')
		return mangled__substitution(r);
	r->p += 2;
	return mangled__puts(r, "std");
}

/*
 * N [qualifiers] component+ E. As a type, the whole name is a candidate for substitution; as
 * a function's name it is not.
 */
static bool read_nested(struct mangled *r, bool is_type)
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
		if (candidate && (*r->p != 'E' || is_type) && !mangled__add_substitution(r, start))
			return false;
	}
	r->p++;
	r->is_template = c == 'I';
	r->is_special = special;
	return true;
}

/* A class name outside a nested name, or a substitution, either with template arguments. */
static bool read_class(struct mangled *r)
{
	size_t start = r->len;

	if (r->p[0] == 'S' && r->p[1] != 't') {
		if (!mangled__substitution(r))
			return false;
		if (*r->p != 'I')
			return true;
		return read_template(r) && mangled__add_substitution(r, start);
	}
	if (*r->p == 'S') {
		r->p += 2;
		if (!mangled__puts(r, "std::"))
			return false;
	}
	if (!mangled__identifier(r) || !mangled__add_substitution(r, start))
		return false;
	return *r->p != 'I' || (read_template(r) && mangled__add_substitution(r, start));
}

/* Pointers, references and qualifiers stand before their type and print behind it. */
static bool read_compound(struct mangled *r)
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
		if (!mangled__puts(r, marks[mark].text))
			return false;
	}
	return mangled__add_substitution(r, start);
}

static bool read_type(struct mangled *r)
{
	bool ok;

	if (++r->depth > DEPTH_MAX || *r->p == '\0')
		return false;
	if (strchr("PROrVK", *r->p))
		ok = read_compound(r);
	else if (*r->p == 'N')
		ok = read_nested(r, true);
	else if (*r->p == 'S' || mangled__is_digit(*r->p))
		ok = read_class(r);
	else
		ok = mangled__builtin(r);
	r->depth--;
	return ok;
}

/* The name of a function, without its parameters. */
static bool read_name(struct mangled *r)
{
	if (*r->p == 'N')
		return read_nested(r, false);
	if (r->p[0] == 'S' && r->p[1] == 't') {
		r->p += 2;
		if (!mangled__puts(r, "std::"))
			return false;
	}
	if (!mangled__identifier(r))
		return false;
	r->is_template = *r->p == 'I';
	r->is_special = false;
	return true;
}

static bool at_end(const char *p)
{
	return *p == '\0' || *p == '.';
}

static bool read_parameters(struct mangled *r)
{
	if (at_end(r->p))
		return true; /* a variable */
	if (!mangled__puts(r, "("))
		return false;
	if (*r->p == 'v' && at_end(r->p + 1))
		return mangled__puts(r, ")");
	for (bool first = true; !at_end(r->p); first = false) {
		if (at_expansion(r) || (!first && !mangled__puts(r, ", ")))
			return false;
		if (!read_type(r))
			return false;
	}
	return mangled__puts(r, ")");
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
	struct mangled r;

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

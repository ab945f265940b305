// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the beginning of a demangled name to the places of a sorted symbol table where names
 * that demangle to it can stand: "node::AsyncWrap::AsyncReset(" is looked for among the names
 * that start with _ZN4node9AsyncWrap, _ZNK4node9AsyncWrap, ... and nowhere else.
 */
#include <stdio.h>
#include <string.h>

#include "target_elf_parts.h"
#include "util.h"

#define LONGEST_GLOBAL 127 /* bytes; longer global names are not found by a part of them */

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

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"

static const char *skip(const char *at)
{
	while (isspace((unsigned char)*at) || *at == ',')
		at++;
	return at;
}

static bool is_word(const char *at, const char *word)
{
	size_t len = strlen(word);

	return strncasecmp(at, word, len) == 0 && *skip(at + len) == '\0';
}

/* A number from 1 to @n at *at, which is moved behind it; 0: there is none. */
static size_t number(const char **at, size_t n)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**at))
		return 0;
	errno = 0;
	value = strtoul(*at, &end, 10);
	*at = end;
	return errno || value > n ? 0 : value;
}

/* "3" or "2-4". */
static bool range(const char **at, size_t n, bool *picked)
{
	size_t first = number(at, n), last = first;

	if (**at == '-') {
		(*at)++;
		last = number(at, n);
	}
	if (!first || last < first || (**at && *skip(*at) == **at))
		return false;
	for (size_t i = first; i <= last; i++)
		picked[i - 1] = true;
	return true;
}

enum choose_answer choose__read(const char *answer, size_t n, bool *picked)
{
	const char *at = skip(answer);

	if (!*at)
		return CHOOSE_DEFAULT;
	if (is_word(at, "q") || is_word(at, "quit"))
		return CHOOSE_LEAVE;
	if (is_word(at, "all") || is_word(at, "a"))
		return CHOOSE_ALL;
	for (; *at; at = skip(at)) {
		if (range(&at, n, picked))
			continue;
		memset(picked, 0, n * sizeof(*picked));
		return CHOOSE_BAD;
	}
	return CHOOSE_SOME;
}

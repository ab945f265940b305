// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "flow_words.h"

const uint8_t flow_word_char[256] = {
	['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1,
	['-'] = 1,	   ['.'] = 2,	      [':'] = 2,
};

bool flow_word__next(const char **p, const char *end, const char **word, size_t *len)
{
	const char *at = *p, *from;

	while (at < end && flow_word_char[(uint8_t)*at] != 1)
		at++;
	if (at == end)
		return false;
	for (from = at; at < end && flow_word_char[(uint8_t)*at];)
		at++;
	*p = at;
	while (at > from && flow_word_char[(uint8_t)at[-1]] != 1)
		at--;
	*word = from;
	*len = (size_t)(at - from);
	return true;
}

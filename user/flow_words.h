/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words of a text that may be ids: of letters, digits and what ids are joined with. */
#ifndef LOOPRAY_FLOW_WORDS_H
#define LOOPRAY_FLOW_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1: anywhere in a word; 2: inside only, what ends in one is punctuation of the text around. */
extern const uint8_t flow_word_char[256];

/* The next word behind *p, which moves on. False: there is none. It may be empty (dots alone). */
bool flow_word__next(const char **p, const char *end, const char **word, size_t *len);

#endif

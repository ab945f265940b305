/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The values that flags take: from text to a checked field of struct options. */
#ifndef LOOPRAY_OPTIONS_VALUE_H
#define LOOPRAY_OPTIONS_VALUE_H

#include "options.h"
#include "options_table.h"

#define VALUE_HINT 128

/*
 * Stores the value @arg (NULL for a flag that takes none) of flag @f in @o. Returns NULL, or
 * what would have been allowed, to end the sentence "give ..."; it may use @hint.
 * FLAG_FORMAT and FLAG_JSON are not handled here: they depend on the command.
 */
const char *options_value__set(struct options *o, const struct flag *f, const char *arg,
			       char hint[VALUE_HINT]);

#endif

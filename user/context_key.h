/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What --context-key names: a property of a store, or a path of them ("req.ids.trace"). */
#ifndef LOOPRAY_CONTEXT_KEY_H
#define LOOPRAY_CONTEXT_KEY_H

#include "config.h"

/*
 * Fills @path from @text. What is found there is told under path->label: the text itself, or as
 * many of its last names as have room. Returns NULL, or what is allowed instead.
 */
const char *context_key__parse(struct lr_path *path, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The manual page and the shell completion, made from the tables of options_table.h. */
#ifndef LOOPRAY_MAN_H
#define LOOPRAY_MAN_H

#include <stdio.h>

/* loopray(8) as roff. */
void man__page(FILE *out);

/* A completion script for bash: commands, the flags of each, and the words they allow. */
void man__completion(FILE *out);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static enum log_level current_level = LOG_NORMAL;

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_get_level(void)
{
	return current_level;
}

void log_write(enum log_level level, const char *module, int err, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (level > current_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* One call, so that lines of several threads or processes do not interleave. */
	if (strcmp(module, "loopray") == 0)
		fprintf(stderr, "loopray: %s%s%s\n", text, err ? ": " : "",
			err ? strerror(-err) : "");
	else
		fprintf(stderr, "loopray: %s: %s%s%s\n", module, text, err ? ": " : "",
			err ? strerror(-err) : "");
}

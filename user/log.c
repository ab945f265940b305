// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

static enum log_level current_level = LOG_NORMAL;
static void (*current_sink)(void *ctx, enum log_level level, const char *line);
static void *sink_ctx;

void log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level log_get_level(void)
{
	return current_level;
}

void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx)
{
	current_sink = sink;
	sink_ctx = ctx;
}

void log_write(enum log_level level, const char *module, int err, const char *fmt, ...)
{
	bool own = strcmp(module, "loopray") == 0;
	char text[1024], line[1200];
	va_list ap;

	if (level > current_level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "loopray: %s%s%s%s%s", own ? "" : module, own ? "" : ": ",
		 text, err ? ": " : "", err ? strerror(-err) : "");
	/* One call, so that lines of several threads or processes do not interleave. */
	if (current_sink)
		current_sink(sink_ctx, level, line);
	else
		fprintf(stderr, "%s\n", line);
}

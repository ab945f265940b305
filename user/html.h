/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streaming HTML writer. Markup comes from format strings alone: whatever an argument holds is
 * text, in an element or between the quotes of an attribute, so that nothing a capture holds can
 * become markup. The first error is kept.
 */
#ifndef LOOPRAY_HTML_H
#define LOOPRAY_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct html {
	int (*write)(void *ctx, const void *data, size_t len);
	void *ctx;
	int err;
};

/*
 * As printf, but what %s yields is escaped. Of printf's conversions it has %s %c %d %u %zu %llu
 * %f %g with flags, width and precision; another one is -EINVAL.
 */
void html__put(struct html *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Text: <, >, &, " and ' as references, bytes that are no UTF-8 and characters that control a
 * terminal or the direction of text as U+FFFD.
 */
void html__text(struct html *h, const char *s);

/* Text of our own that is markup, such as a style sheet. */
void html__markup(struct html *h, const char *s);

#endif

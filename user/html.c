// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "utf8.h"

#define SPEC   16
#define NUMBER 400 /* the widest double with %f */

static void put(struct html *h, const char *s, size_t len)
{
	if (!h->err && len)
		h->err = h->write(h->ctx, s, len);
}

void html__markup(struct html *h, const char *s)
{
	put(h, s, strlen(s));
}

static const char *reference(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return (unsigned char)c < 0x20 && c != '\n' ? "\ufffd"
		       : c == 0x7f			    ? "\ufffd"
							    : NULL;
	}
}

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: they turn text around. */
static bool turns_text(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n != 3 || u[0] != 0xe2)
		return false;
	return (u[1] == 0x80 &&
		((u[2] >= 0x8e && u[2] <= 0x8f) || (u[2] >= 0xaa && u[2] <= 0xae))) ||
	       (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

/* One character that is not ASCII, or what cannot be one. Returns its length. */
static size_t put_character(struct html *h, const char *s)
{
	size_t bad, n = utf8__sequence(s, strlen(s), &bad);
	bool shown = n && !utf8__is_c1(s, n) && !turns_text(s, n);

	n = n ? n : bad;
	if (shown)
		put(h, s, n);
	else
		html__markup(h, "\ufffd");
	return n;
}

void html__text(struct html *h, const char *s)
{
	while (*s && !h->err) {
		const char *ref = reference(*s);
		size_t plain = 0;

		if (ref) {
			html__markup(h, ref);
			s++;
		} else if ((unsigned char)*s >= 0x80) {
			s += put_character(h, s);
		} else {
			while (s[plain] && (unsigned char)s[plain] < 0x80 && !reference(s[plain]))
				plain++;
			put(h, s, plain);
			s += plain;
		}
	}
}

/* The conversion at @fmt, copied with its NUL. Returns its length, 0: it is none of ours. */
static size_t conversion(const char *fmt, char spec[SPEC])
{
	size_t n = 1 + strspn(fmt + 1, "-+ 0#123456789.lz");

	if (!fmt[n] || n + 2 > SPEC)
		return 0;
	memcpy(spec, fmt, n + 1);
	spec[n + 1] = '\0';
	return n + 1;
}

/* @spec is checked against the arguments where html__put is called. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void put_number(struct html *h, const char *spec, va_list *ap)
{
	char type = spec[strlen(spec) - 1], text[NUMBER];

	if (type == 'f' || type == 'g')
		snprintf(text, sizeof(text), spec, va_arg(*ap, double));
	else if (strstr(spec, "ll"))
		snprintf(text, sizeof(text), spec, va_arg(*ap, unsigned long long));
	else if (strchr(spec, 'z'))
		snprintf(text, sizeof(text), spec, va_arg(*ap, size_t));
	else if (strchr("ducx", type))
		snprintf(text, sizeof(text), spec, va_arg(*ap, unsigned int));
	else
		h->err = h->err ? h->err : -EINVAL;
	if (h->err)
		return;
	if (type == 'c')
		html__text(h, text);
	else
		html__markup(h, text);
}
#pragma GCC diagnostic pop

void html__put(struct html *h, const char *fmt, ...)
{
	char spec[SPEC];
	va_list ap;

	va_start(ap, fmt);
	while (*fmt && !h->err) {
		size_t n = strcspn(fmt, "%");

		put(h, fmt, n);
		fmt += n;
		if (!*fmt)
			break;
		if (fmt[1] == '%') {
			put(h, "%", 1);
			fmt += 2;
			continue;
		}
		n = conversion(fmt, spec);
		if (!n)
			h->err = -EINVAL;
		else if (strcmp(spec, "%s") == 0)
			html__text(h, va_arg(ap, const char *));
		else
			put_number(h, spec, &ap);
		fmt += n;
	}
	va_end(ap);
}

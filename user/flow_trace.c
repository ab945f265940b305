// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "flow_trace.h"

#define PARENT_LEN  55 /* of version 00: 2 + 32 + 16 + 2 digits and three dashes */
#define STATE_MAX   512
#define MEMBERS_MAX 32
#define KEY_MAX	    256
#define VALUE_MAX   256

/* Upper case is not valid. -1: no digit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(const char *p, uint8_t *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		int hi = digit(p[2 * i]), lo = digit(p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		to[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static bool take_parent(struct fe_trace *t, const char *p, size_t n)
{
	uint8_t version;

	if (n < PARENT_LEN || p[2] != '-' || p[35] != '-' || p[52] != '-')
		return false;
	if (!take_hex(p, &version, 1) || version == 0xff)
		return false;
	/* A later version may have more behind it, set off by a dash. */
	if (n > PARENT_LEN && (!version || p[PARENT_LEN] != '-'))
		return false;
	return take_hex(p + 3, t->trace_id, sizeof(t->trace_id)) &&
	       take_hex(p + 36, t->span_id, sizeof(t->span_id)) && take_hex(p + 53, &t->flags, 1) &&
	       !all_zero(t->trace_id, sizeof(t->trace_id)) &&
	       !all_zero(t->span_id, sizeof(t->span_id));
}

bool flow_trace__parent(struct fe_trace *t, const char *p, size_t n)
{
	memset(t, 0, sizeof(*t));
	t->known = take_parent(t, p, n);
	if (!t->known)
		memset(t, 0, sizeof(*t));
	return t->known;
}

static bool key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '*' || c == '/' || c == '@';
}

static bool member_valid(const char *p, size_t n)
{
	const char *eq = memchr(p, '=', n);
	size_t key = eq ? (size_t)(eq - p) : 0, value = eq ? n - key - 1 : 0;

	if (!key || key > KEY_MAX || !value || value > VALUE_MAX)
		return false;
	for (size_t i = 0; i < key; i++)
		if (!key_char(p[i]))
			return false;
	for (size_t i = key + 1; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '=')
			return false;
	return true;
}

bool flow_trace__state_valid(const char *p, size_t n)
{
	const char *end = p + n;
	size_t members = 0;

	if (!n || n > STATE_MAX)
		return false;
	while (p <= end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *last = comma ? comma : end, *from = p;

		while (from < last && (*from == ' ' || *from == '\t'))
			from++;
		while (last > from && (last[-1] == ' ' || last[-1] == '\t'))
			last--;
		if (last > from &&
		    (!member_valid(from, (size_t)(last - from)) || ++members > MEMBERS_MAX))
			return false;
		p = (comma ? comma : end) + 1;
	}
	return members > 0;
}

static void put_hex(char *to, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = digits[p[i] >> 4];
		to[2 * i + 1] = digits[p[i] & 15];
	}
	to[2 * n] = '\0';
}

void flow_trace__text(const struct fe_trace *t, char id[FLOW_TRACE_ID_TEXT],
		      char span[FLOW_TRACE_SPAN_TEXT])
{
	put_hex(id, t->trace_id, sizeof(t->trace_id));
	put_hex(span, t->span_id, sizeof(t->span_id));
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "ui_edit.h"

void ui_edit__begin(struct ui_edit *e, const char *text)
{
	snprintf(e->text, sizeof(e->text), "%s", text);
	e->at = strlen(e->text);
}

static bool within(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t before(const struct ui_edit *e, size_t at)
{
	while (at && within(e->text[--at]))
		;
	return at;
}

static size_t after(const struct ui_edit *e, size_t at)
{
	if (e->text[at])
		at++;
	while (within(e->text[at]))
		at++;
	return at;
}

static size_t word_before(const struct ui_edit *e, size_t at)
{
	while (at && e->text[at - 1] == ' ')
		at--;
	while (at && e->text[at - 1] != ' ')
		at--;
	return at;
}

static bool cut(struct ui_edit *e, size_t from, size_t to)
{
	memmove(e->text + from, e->text + to, strlen(e->text + to) + 1);
	e->at = from;
	return to > from;
}

static size_t encode(uint32_t ch, char *out)
{
	static const unsigned char mark[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; ch >>= 6)
		out[i] = (char)(0x80 | (ch & 0x3f));
	out[0] = (char)(mark[n] | ch);
	return n;
}

static bool insert(struct ui_edit *e, uint32_t ch)
{
	size_t len = strlen(e->text), n;
	char bytes[4];

	if (ch < 0x20 || ch == 0x7f || ch >= 0x110000)
		return false;
	n = encode(ch, bytes);
	if (len + n >= sizeof(e->text))
		return false;
	memmove(e->text + e->at + n, e->text + e->at, len - e->at + 1);
	memcpy(e->text + e->at, bytes, n);
	e->at += n;
	return true;
}

static bool move(struct ui_edit *e, size_t to)
{
	bool moved = to != e->at;

	e->at = to;
	return moved;
}

bool ui_edit__key(struct ui_edit *e, uint32_t key)
{
	size_t end = strlen(e->text);

	switch (key) {
	case UI_KEY_LEFT:
		return move(e, before(e, e->at));
	case UI_KEY_RIGHT:
		return move(e, after(e, e->at));
	case UI_KEY_HOME:
	case UI_CTRL('a'):
		return move(e, 0);
	case UI_KEY_END:
	case UI_CTRL('e'):
		return move(e, end);
	case UI_KEY_BACKSPACE:
	case 0x7f:
		return cut(e, before(e, e->at), e->at);
	case UI_KEY_DELETE:
	case UI_CTRL('d'):
		return cut(e, e->at, after(e, e->at));
	case UI_CTRL('u'):
		return cut(e, 0, e->at);
	case UI_CTRL('k'):
		return cut(e, e->at, end);
	case UI_CTRL('w'):
		return cut(e, word_before(e, e->at), e->at);
	default:
		return insert(e, key);
	}
}

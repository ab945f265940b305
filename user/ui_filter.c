// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What / takes. Words separated by blanks, all of which a row must match; "!" before one turns it
 * round. A word is KEY:VALUE, "finding", or else a part of the row's text, in whatever case.
 *
 * A word that is not valid is told by ui_filter__check and passed over by what matches: while
 * somebody types, the table stays.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ui_view_parts.h"
#include "util.h"

#define WORD 128

enum key { KEY_TEXT, KEY_STATUS, KEY_PID, KEY_METHOD, KEY_PATH, KEY_FINDING, KEY_SLOW };

static const struct {
	const char *name;
	enum key key;
	const char *wants;
} keys[] = {
	{"status", KEY_STATUS, "5xx, 404 or >=500"},
	{"pid", KEY_PID, "a process id"},
	{"method", KEY_METHOD, "a method such as GET"},
	{"path", KEY_PATH, "a path, or a pattern such as /users/*"},
	{"finding", KEY_FINDING, "foreign, stale, harm, lost, fan-out or blocked"},
	{"slow", KEY_SLOW, "a duration such as 100ms"},
};

struct word {
	enum key key;
	bool not ;
	char text[WORD];    /* the value, or the word */
	uint64_t low, high; /* status, pid, slow: both included */
};

/* The key of a word, its length in *@len; KEY_TEXT and *@unknown for one that looks like a key. */
static enum key key_of(const char *word, size_t *len, bool *unknown)
{
	size_t n = 0;

	*unknown = false;
	while (isalpha((unsigned char)word[n]))
		n++;
	*len = 0;
	if (!n || word[n] != ':')
		return KEY_TEXT;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].name) != n || strncasecmp(word, keys[i].name, n) != 0)
			continue;
		*len = n + 1;
		return keys[i].key;
	}
	*unknown = true;
	return KEY_TEXT;
}

/* Digits and nothing behind them. */
static bool number(const char *text, uint64_t max, uint64_t *n)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && !*end && *n <= max;
}

static bool status_value(struct word *w)
{
	const char *text = w->text;
	uint64_t n;

	w->high = 999;
	if (text[0] >= '1' && text[0] <= '5' && strcasecmp(text + 1, "xx") == 0) {
		w->low = (uint64_t)(text[0] - '0') * 100;
		w->high = w->low + 99;
		return true;
	}
	if (text[0] == '>' || text[0] == '<') {
		const bool equal = text[1] == '=', up = text[0] == '>';

		if (!number(text + 1 + equal, 999, &n) || n < 100)
			return false;
		w->low = up ? n + !equal : 1;
		w->high = up ? 999 : n - !equal;
		return true;
	}
	if (!number(text, 999, &n) || n < 100)
		return false;
	w->low = w->high = n;
	return true;
}

static bool finding_value(const char *text)
{
	static const char *const words[] = {"foreign", "stale",	  "harm",    "mixed", "lost",
					    "fan-out", "fan_out", "blocked", NULL};

	for (size_t i = 0; words[i]; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool value(struct word *w)
{
	switch (w->key) {
	case KEY_STATUS:
		return status_value(w);
	case KEY_PID:
		return number(w->text, UINT32_MAX, &w->low) && w->low;
	case KEY_SLOW:
		return w->text[0] && parse_duration(w->text, &w->low) == 0;
	case KEY_FINDING:
		return finding_value(w->text);
	default:
		return w->text[0] != 0;
	}
}

/* The next word behind *@at. False: there is none. *@why is set where it is not valid. */
static bool next(const char **at, struct word *w, const char **wants)
{
	char text[WORD];
	const char *from = *at + strspn(*at, " ");
	const size_t n = min_t(size_t, strcspn(from, " "), sizeof(text) - 1);
	size_t key;
	bool unknown;

	*at = from + n;
	*wants = NULL;
	if (!n)
		return false;
	memset(w, 0, sizeof(*w));
	memcpy(text, from, n);
	text[n] = 0;
	w->not = text[0] == '!' && n > 1;
	w->key = key_of(text + w->not, &key, &unknown);
	if (strcasecmp(text + w->not, "finding") == 0) {
		w->key = KEY_FINDING;
		return true;
	}
	snprintf(w->text, sizeof(w->text), "%s", text + w->not +key);
	if (unknown)
		*wants = "";
	else if (!value(w))
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (keys[i].key == w->key)
				*wants = keys[i].wants;
	return true;
}

bool ui_filter__check(const struct ui_filter *f, char *why, size_t len)
{
	const char *at = f->text, *wants;
	struct word w;

	while (next(&at, &w, &wants)) {
		if (!wants)
			continue;
		if (!wants[0])
			snprintf(why, len,
				 "%.*s: no such key; there are status, pid, method, path, finding "
				 "and slow",
				 (int)strcspn(w.text, ":"), w.text);
		else
			for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
				if (keys[i].key == w.key)
					snprintf(why, len, "%s: takes %s", keys[i].name, wants);
		return false;
	}
	return true;
}

/* A part of it, in whatever case of ASCII. */
static bool contains(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

static bool pattern(const char *text, const char *pattern)
{
	return text && fnmatch(pattern, text, 0) == 0;
}

static bool finds(const struct ui_row *row, const char *word)
{
	if (!row->finds || !row->finds[0])
		return false;
	if (!word[0])
		return true;
	for (size_t i = 0; row->finds[i]; i++)
		if (strcasecmp(row->finds[i], strcasecmp(word, "fan-out") ? word : "fan_out") == 0)
			return true;
	return false;
}

static bool texts(const struct ui_row *row, const char *word)
{
	if (!row->texts)
		return contains(row->path, word) || contains(row->route, word);
	for (size_t i = 0; row->texts[i]; i++)
		if (contains(row->texts[i], word))
			return true;
	return false;
}

static bool matches(const struct ui_row *row, const struct word *w)
{
	switch (w->key) {
	case KEY_STATUS:
		return row->status && row->status >= w->low && row->status <= w->high;
	case KEY_PID:
		return row->pid == w->low;
	case KEY_METHOD:
		return row->method && strcasecmp(row->method, w->text) == 0;
	case KEY_PATH:
		return pattern(row->path, w->text) || pattern(row->route, w->text);
	case KEY_FINDING:
		return finds(row, w->text);
	case KEY_SLOW:
		return row->latency_ns != UINT64_MAX && row->latency_ns > w->low;
	default:
		return texts(row, w->text);
	}
}

bool ui_filter__row(const struct ui_filter *f, const struct ui_row *row)
{
	const char *at = f->text, *wants;
	struct word w;

	while (next(&at, &w, &wants)) {
		/* Which processes are looked at says nothing of what is not one process's. */
		if (wants || (w.key == KEY_PID && !row->pid))
			continue;
		if (matches(row, &w) == w.not )
			return false;
	}
	return true;
}

bool ui_filter__words(const struct ui_filter *f, const char *const *texts_of)
{
	const struct ui_row row = {.latency_ns = UINT64_MAX, .texts = texts_of};

	return ui_filter__row(f, &row);
}

/* The words that finding: takes, of all findings of a request. */
static void find_words(const struct live_request *r, const char *words[], size_t cap)
{
	size_t n = 0;

	for (uint32_t i = 0; i < r->nfindings && n + 4 < cap; i++) {
		const struct flow_finding *f = &r->findings[i];

		words[n++] = f->kind == FINDING_FOREIGN ? "foreign"
			     : f->kind == FINDING_LOST	? "lost"
							: "fan_out";
		if (f->kind == FINDING_FOREIGN)
			words[n++] = f->grade == GRADE_HARM ? "harm" : "mixed";
		if (f->stale)
			words[n++] = "stale";
	}
	words[n] = NULL;
}

bool ui_filter__request(const struct ui_filter *f, const struct live_request *r)
{
	const char *words[32] = {NULL};
	const struct ui_row row = {.pid = r->on.req.pid,
				   .method = r->on.method,
				   .path = r->on.path,
				   .route = r->route,
				   .status = r->on.req.status,
				   .latency_ns = ui_request__latency(r),
				   .finds = words};

	find_words(r, words, ARRAY_SIZE(words));
	return ui_filter__row(f, &row);
}

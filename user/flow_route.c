// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray does not see the application's router, so a route is derived from the path. A
 * segment is variable (":id") if it is
 *
 *   - digits, also with . - , : _ between them: 42, 2024-01-31, 1.2.3, -7
 *   - hexadecimal with dashes, at least 8 digits long, with a decimal digit: UUIDs, hashes
 *   - an e-mail address (an @ or %40 in it)
 *   - opaque: 20 characters or more of [A-Za-z0-9_-.~=%] with a digit among them, or 16 or
 *     more that mix digits, upper and lower case; or longer than 64 whatever it is made of
 *
 * A file with a well-known static extension becomes "*.css": build tools put hashes into such
 * names, and there are hundreds of them. Everything else is kept as it is, because a wrong
 * merge hides more than a split does; what varies by plain words (/users/alice) is caught by
 * the bound on routes. Empty segments stay, so that "//" and a final slash remain visible.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flow_route.h"
#include "flow_table.h"
#include "util.h"

#define DEFAULT_MAX 1000
#define OPAQUE_LEN  64

struct route {
	struct route *next; /* another route with the same hash */
	char text[];
};

struct flow_routes {
	struct flow_table table; /* hash of the text -> struct route list */
	uint32_t count;
	uint32_t max;
	uint64_t overflow;
};

static const char *const static_extensions[] = {
	"js",	"mjs",	"css", "map", "png",   "jpg", "jpeg", "gif",  "svg", "ico", "webp",
	"avif", "woff", "ttf", "otf", "woff2", "eot", "mp4",  "webm", "mp3", "pdf", "wasm",
};

enum char_class {
	C_DIGIT = 1 << 0,
	C_UPPER = 1 << 1,
	C_LOWER = 1 << 2,
	C_HEX = 1 << 3,
	C_DASH = 1 << 4,
	C_NUMERIC = 1 << 5, /* digits and what stands between them in dates and versions */
	C_OPAQUE = 1 << 6,
	C_AT = 1 << 7, /* '@', and '%', which may begin an encoded one */
};

#define DIGIT (C_DIGIT | C_HEX | C_NUMERIC | C_OPAQUE)
static const uint8_t char_class[256] = {
	['0' ... '9'] = DIGIT,
	['A' ... 'F'] = C_UPPER | C_HEX | C_OPAQUE,
	['G' ... 'Z'] = C_UPPER | C_OPAQUE,
	['a' ... 'f'] = C_LOWER | C_HEX | C_OPAQUE,
	['g' ... 'z'] = C_LOWER | C_OPAQUE,
	['-'] = C_DASH | C_NUMERIC | C_OPAQUE,
	['.'] = C_NUMERIC | C_OPAQUE,
	['_'] = C_NUMERIC | C_OPAQUE,
	[','] = C_NUMERIC,
	[':'] = C_NUMERIC,
	['~'] = C_OPAQUE,
	['='] = C_OPAQUE,
	['%'] = C_OPAQUE | C_AT,
	['@'] = C_AT,
};

/* An '@', plain or percent-encoded. */
static bool has_at(const char *p, size_t n)
{
	return memchr(p, '@', n) || memmem(p, n, "%40", 3);
}

static bool is_variable(const char *p, size_t n)
{
	uint8_t any = 0, all = 0xff;
	size_t hex = 0;

	if (n > OPAQUE_LEN)
		return true;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = char_class[(uint8_t)p[i]];

		any |= c;
		/* A dash counts as hexadecimal for "all", a digit group's separator does not. */
		all &= c & C_DASH ? c | C_HEX : c;
		hex += (c & C_HEX) != 0;
	}
	if ((any & C_AT) && n > 2 && has_at(p, n))
		return true;
	if (!(any & C_DIGIT))
		return false;
	if ((all & C_NUMERIC) || ((all & C_HEX) && hex >= 8))
		return true;
	if (!(all & C_OPAQUE))
		return false;
	return n >= 20 || (n >= 16 && (any & C_UPPER) && (any & C_LOWER));
}

static const char *static_extension(const char *p, size_t n)
{
	const char *dot = memrchr(p, '.', n);
	size_t len = dot ? (size_t)(p + n - dot) - 1 : 0;

	if (len < 2 || dot == p)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(static_extensions); i++)
		if (strlen(static_extensions[i]) == len &&
		    strncasecmp(static_extensions[i], dot + 1, len) == 0)
			return static_extensions[i];
	return NULL;
}

/* Appends, leaving room for a final mark. False when the route is full. */
static bool append(char *out, size_t *pos, const char *s, size_t n)
{
	if (*pos + n + 3 > FLOW_ROUTE_MAX)
		return false;
	memcpy(out + *pos, s, n);
	*pos += n;
	return true;
}

static bool append_segment(char *out, size_t *pos, const char *p, size_t n, bool last)
{
	const char *ext = last ? static_extension(p, n) : NULL;

	if (ext)
		return append(out, pos, "*.", 2) && append(out, pos, ext, strlen(ext));
	if (is_variable(p, n))
		return append(out, pos, ":id", 3);
	return append(out, pos, p, n);
}

size_t flow_route__make(const char *path, size_t len, char *out)
{
	const char *end = path + len;
	size_t pos = 0;

	if (len && path[0] != '/') { /* "*" of OPTIONS, or the authority of CONNECT */
		append(out, &pos, path[0] == '*' ? "*" : ":authority", path[0] == '*' ? 1 : 10);
		out[pos] = '\0';
		return pos;
	}
	while (path < end) {
		const char *slash = memchr(path + 1, '/', (size_t)(end - path) - 1);
		const char *stop = slash ? slash : end;

		if (!append(out, &pos, "/", 1) ||
		    !append_segment(out, &pos, path + 1, (size_t)(stop - path) - 1, !slash)) {
			out[pos++] = '*';
			break;
		}
		path = stop;
	}
	if (pos == 0)
		out[pos++] = '/';
	out[pos] = '\0';
	return pos;
}

int flow_routes__new(struct flow_routes **out, uint32_t max)
{
	struct flow_routes *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->max = max ? max : DEFAULT_MAX;
	err = flow_table__init(&r->table, r->max);
	if (err) {
		free(r);
		return err;
	}
	*out = r;
	return 0;
}

void flow_routes__free(struct flow_routes *r)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (!r)
		return;
	while ((s = flow_table__next(&r->table, &pos))) {
		struct route *route = s->value, *next;

		for (; route; route = next) {
			next = route->next;
			free(route);
		}
	}
	flow_table__destroy(&r->table);
	free(r);
}

static const char *other(struct flow_routes *r)
{
	r->overflow++;
	return "(other)";
}

const char *flow_routes__of(struct flow_routes *r, const char *path, size_t len)
{
	char text[FLOW_ROUTE_MAX];
	size_t n = flow_route__make(path, len, text);
	uint64_t hash = hash_bytes(text, n);
	struct route *first = flow_table__get(&r->table, hash, 0), *route;

	for (route = first; route; route = route->next)
		if (strcmp(route->text, text) == 0)
			return route->text;
	if (r->count >= r->max)
		return other(r);
	route = malloc(sizeof(*route) + n + 1);
	if (!route)
		return other(r);
	memcpy(route->text, text, n + 1);
	route->next = NULL;
	if (first) {
		route->next = first->next;
		first->next = route;
	} else if (flow_table__put(&r->table, hash, 0, route)) {
		free(route);
		return other(r);
	}
	r->count++;
	return route->text;
}

uint64_t flow_routes__overflow(const struct flow_routes *r)
{
	return r->overflow;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "context_key.h"
#include "util.h"

static const char one_or_more[] = "the name of a store's property, such as requestId, or up to "
				  "5 of them, one inside of the other, such as req.ids.trace";

static bool is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

static const char *add_step(struct lr_path *path, const char *name, size_t len)
{
	struct lr_path_step *step;

	if (!len || path->n == LR_PATH_STEPS)
		return one_or_more;
	if (len > LR_PATH_NAME)
		return "names of at most 48 bytes each";
	step = &path->step[path->n++];
	memcpy(step->text, name, len);
	step->len = (uint32_t)len;
	return NULL;
}

/* Whole names from the end; of a single one that is longer, its beginning. */
static void set_label(struct lr_path *path, const char *text)
{
	const char *dot;
	size_t len;

	while (strlen(text) > LR_FIELD_NAME && (dot = strchr(text, '.')))
		text = dot + 1;
	len = strlen(text);
	path->label_len = (uint32_t)(len < LR_FIELD_NAME ? len : LR_FIELD_NAME);
	memcpy(path->label, text, path->label_len);
}

const char *context_key__parse(struct lr_path *path, const char *text)
{
	const char *wrong = NULL, *end;

	_Static_assert(LR_PATH_STEPS == 5 && LR_PATH_NAME == 48, "the messages say so");
	memset(path, 0, sizeof(*path));
	set_label(path, text);
	for (const char *at = text; !wrong; at = end + 1) {
		end = strchr(at, '.');
		if (!end)
			end = at + strlen(at);
		wrong = add_step(path, at, (size_t)(end - at));
		if (!*end)
			break;
	}
	/* A store's own properties are all told, and found by what they are called. */
	if (!wrong && !is_ascii(text, strlen(text))) {
		if (path->n > 1)
			wrong = "names of ASCII characters, where there are several";
		path->n = 0;
	}
	return wrong;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kern_features_parts.h"

int kern_text__caps(const char *status, uint64_t *caps)
{
	const char *line = strstr(status, "\nCapEff:");

	if (!line || sscanf(line, "\nCapEff: %" SCNx64, caps) != 1)
		return -EINVAL;
	return 0;
}

bool kern_text__initial_userns(const char *uid_map)
{
	unsigned int inside, outside, count;

	/* One line that maps every id onto itself: no other namespace can have been given that. */
	return sscanf(uid_map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

bool kern_text__chosen(const char *text, char *word, size_t len)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close || (size_t)(close - open) > len)
		return false;
	memcpy(word, open + 1, (size_t)(close - open - 1));
	word[close - open - 1] = '\0';
	return true;
}

bool kern_feature__found(struct kern_feature *f, bool has, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
	return has;
}

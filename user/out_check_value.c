// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Values of checks, for people. */
#include <stdio.h>

#include "out_check.h"
#include "out_text.h"

char *out_check__value(char *buf, size_t cap, enum check_unit unit, double value)
{
	switch (unit) {
	case CHECK_NS:
		text_duration(buf, cap, (uint64_t)value);
		break;
	case CHECK_SHARE:
		snprintf(buf, cap, "%.3g%%", value * 100);
		break;
	case CHECK_PER_S:
		snprintf(buf, cap, "%.1f/s", value);
		break;
	default:
		snprintf(buf, cap, "%.*f", value == (double)(uint64_t)value ? 0 : 1, value);
		break;
	}
	return buf;
}

char *out_check__limit(char *buf, size_t cap, const struct check_result *r)
{
	char limit[32], base[32];

	if (r->against && !r->known) {
		snprintf(buf, cap, "as in the baseline");
		return buf;
	}
	out_check__value(limit, sizeof(limit), r->unit, r->limit);
	if (r->against)
		snprintf(buf, cap, "at %s %s (baseline %s)", r->minimum ? "least" : "most", limit,
			 out_check__value(base, sizeof(base), r->unit, r->baseline));
	else
		snprintf(buf, cap, "at %s %s", r->minimum ? "least" : "most", limit);
	return buf;
}

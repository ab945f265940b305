// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray report: a model in one of the formats that are written at the end, or two compared. */
#include "cmd.h"
#include "options.h"

int cmd_report(const struct options *opts)
{
	return opts->capture_b ? cmd_compare(opts) : cmd_export(opts);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray top: the dashboard. */
#include <unistd.h>

#include "cmd.h"
#include "log.h"
#include "top.h"
#include "util.h"

int cmd_top(const struct options *opts)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		log_err("top needs a terminal; for a file or a pipe there are report, export and "
			"logs");
		return EX_LR_USAGE;
	}
	return top_live__run(opts);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray top: the dashboard, of live processes or of a capture; rows where there is no terminal.
 */
#include <unistd.h>

#include "cmd.h"
#include "log.h"
#include "options.h"
#include "top.h"
#include "util.h"

int cmd_top(const struct options *opts)
{
	if (opts->json || !isatty(STDOUT_FILENO))
		return top_rows__run(opts);
	if (!isatty(STDIN_FILENO)) {
		log_err("the dashboard reads its keys from standard input, which is no terminal");
		return EX_LR_USAGE;
	}
	return opts->capture ? top_capture__run(opts) : top_live__run(opts);
}

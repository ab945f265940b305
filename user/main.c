// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "choose.h"
#include "cmd.h"
#include "log.h"
#include "options.h"
#include "options_table.h"
#include "util.h"

static int (*const run[])(const struct options *) = {
	[COMMAND_PS] = cmd_ps,	       [COMMAND_RECORD] = cmd_record, [COMMAND_REPORT] = cmd_report,
	[COMMAND_EXPORT] = cmd_export, [COMMAND_DOCTOR] = cmd_doctor, [COMMAND_LOGS] = cmd_logs,
	[COMMAND_RUN] = cmd_run,       [COMMAND_TOP] = cmd_top,	      [COMMAND_CHECK] = cmd_check,
};

/* A program started with a standard descriptor closed would write diagnostics into its files. */
static int open_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return -errno;
	return 0;
}

/*
 * SIGPIPE is ignored, so that a closed stdout cannot kill a recording half way; who writes
 * sees EPIPE, and finish() below turns it into a silent status 1.
 */
static void ignore_sigpipe(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	if (!sigaction(SIGPIPE, &ignore, &before))
		child__set_sigpipe(&before);
}

static int redirect_stdout(const struct options *opts)
{
	const struct command *c = command__by_id(opts->command);

	if (!opts->output || !c->stdout_only)
		return 0;
	if (!freopen(opts->output, "we", stdout))
		return -errno;
	return 0;
}

/* Output that did not reach its file is a failure, whatever the command thinks. */
static int finish(int status)
{
	bool failed = ferror(stdout) != 0;
	int err = 0;

	if (fflush(stdout) != 0) {
		err = -errno;
		failed = true;
	}
	if (!failed)
		return status;
	if (err != -EPIPE && err)
		log_err_errno(err, "cannot write the output");
	else if (!err)
		log_info("standard output was closed before everything was written");
	return status ? status : EX_LR_RUNTIME;
}

int main(int argc, char **argv)
{
	int status = EX_LR_OK, err;
	struct options opts;

	if (open_standard_fds())
		return EX_LR_RUNTIME;
	ignore_sigpipe();
	switch (options__parse(&opts, argc, argv)) {
	case OPTIONS_DONE:
		return finish(EX_LR_OK);
	case OPTIONS_BAD:
		return EX_LR_USAGE;
	case OPTIONS_RUN:
		break;
	}
	log_set_level(opts.log_level);
	if (opts.choose)
		status = choose__targets(&opts);
	if (status)
		return status;
	err = redirect_stdout(&opts);
	if (err) {
		log_err_errno(err, "cannot write to %s", opts.output);
		return EX_LR_RUNTIME;
	}
	return finish(run[opts.command](&opts));
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray run: starts a program, and does with it what record, report or export do with a
 * process that runs already; the format says which.
 */
#include <errno.h>

#define LOG_MODULE "run"
#include "child.h"
#include "cmd.h"
#include "log.h"
#include "options.h"
#include "out.h"
#include "util.h"

/* What is to be read at once, and has no name unless it is given one; the rest is recorded. */
static bool is_read_at_once(enum output_format format)
{
	return format == FORMAT_TEXT || format == FORMAT_JSON || format == FORMAT_JSONL ||
	       format == FORMAT_HTML;
}

/*
 * The program's status is what matters to who ran it. Only where it succeeded is there room for
 * what loopray has to say.
 */
static int status_of(const struct child *child, int status)
{
	if (child__status(child))
		return child__status(child);
	return child__ran(child) ? status : status ? status : EX_LR_RUNTIME;
}

int cmd_run(const struct options *opts)
{
	struct options o = *opts;
	int err = child__start(&o.child, opts->program, opts->user), status;

	if (err) {
		log_err_errno(err, "cannot start %s", opts->program[0]);
		return EX_LR_RUNTIME;
	}
	/* Standard output is the program's own. */
	if (!o.output && is_read_at_once(o.format))
		o.output = OUT_STDERR;
	status = is_read_at_once(o.format) ? cmd_export(&o) : cmd_record(&o);
	if (child__ran(o.child))
		child__reap(o.child);
	status = status_of(o.child, status);
	child__free(o.child);
	return status;
}

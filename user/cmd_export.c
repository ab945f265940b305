// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray export: hands what a capture or live processes yield to an output format. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "interrupt.h"
#include "pipeline.h"
#include "log.h"
#include "options.h"
#include "out.h"
#include "source.h"
#include "util.h"

struct export
{
	const struct options *opts;
	struct source *src;
	struct out_file *file;
	const struct out_format *format;
	void *state;
	struct pipeline *pipeline;
};

static int open_output(struct export *e)
{
	struct pipeline_opts opts = {
		.blocking_ns = e->opts->blocking_ns,
		.context_key = e->opts->context_key ? e->opts->context_path.label : NULL,
	};
	int err = out_file__open(&e->file, e->opts->output);

	if (!err && e->opts->gzip)
		err = out_file__gzip(e->file);
	if (err)
		return err;
	err = e->format->open(&e->state, e->file, source__out_opts(e->src));
	if (err)
		return err;
	opts.format = e->format;
	opts.format_state = e->state;
	return pipeline__new(&e->pipeline, &opts);
}

/* Writes the end; the format's state is gone afterwards. */
static int close_output(struct export *e, uint64_t *lost)
{
	struct model_view view;
	struct model *m;
	int err = pipeline__finish(e->pipeline);

	view = source__view(e->src);
	if (!err)
		err = pipeline__model(e->pipeline, &view, &m);
	if (err)
		return err;
	*lost = m->loss.total;
	err = e->format->close(e->state, m);
	e->state = NULL;
	model__free(m);
	return err;
}

static int run(struct export *e)
{
	struct flow_sink sink = {.event = pipeline__event};
	uint64_t lost = 0;
	int err = open_output(e);
	int status;

	if (err) {
		log_err_errno(err, "cannot start");
		return EX_LR_RUNTIME;
	}
	sink.ctx = e->pipeline;
	status = source__run(e->src, &sink);
	if (status && (status > EX_LR_SIGNAL || !source__incomplete(e->src)))
		return status;
	err = close_output(e, &lost);
	if (!err && interrupt__signal())
		return EX_LR_SIGNAL + interrupt__signal();
	if (!err) {
		err = out_file__commit(e->file);
		e->file = NULL;
	}
	if (err)
		return interrupt__signal() ? EX_LR_SIGNAL + interrupt__signal() : EX_LR_RUNTIME;
	return source__loss_status(e->opts, status, lost);
}

static bool for_terminal(const struct export *e)
{
	const char *to = e->opts->output;
	int fd = to == OUT_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	if (to && to != OUT_STDERR && strcmp(to, "-") != 0)
		return true;
	return !(e->format->binary || e->opts->gzip) || !isatty(fd);
}

int cmd_export(const struct options *opts)
{
	struct export e = {.opts = opts};
	int status;

	e.format = out_format__find(options__format_name(opts->format));
	if (!e.format)
		return EX_LR_USAGE;
	if (!for_terminal(&e)) {
		log_err("%s is nothing for a terminal: give -o FILE, or a pipe",
			opts->gzip ? "compressed output" : e.format->about);
		return EX_LR_USAGE;
	}
	status = source__open(&e.src, opts);
	if (status)
		return status;
	status = run(&e);
	pipeline__free(e.pipeline);
	if (e.state)
		e.format->free(e.state);
	out_file__abandon(e.file);
	source__free(e.src);
	return status;
}

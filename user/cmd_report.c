// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray report: one model, from a capture or from live processes, printed once. */
#include <errno.h>

#include "cmd.h"
#include "pipeline.h"
#include "log.h"
#include "options.h"
#include "out_report.h"
#include "source.h"
#include "util.h"

static int print(const struct options *opts, struct source *src, const struct model *m)
{
	struct out_file *file;
	int err = out_file__open(&file, opts->output);

	if (err)
		return EX_LR_RUNTIME;
	if (opts->format == FORMAT_JSON)
		err = out_report__json(file, m, source__out_opts(src));
	else
		err = out_report__text(file, m, source__out_opts(src));
	if (err)
		out_file__abandon(file);
	else
		err = out_file__commit(file);
	return err ? EX_LR_RUNTIME : EX_LR_OK;
}

static int finish(const struct options *opts, struct source *src, struct pipeline *pipeline)
{
	struct model_view view;
	struct model *m = NULL;
	int status;

	pipeline__finish(pipeline);
	view = source__view(src);
	if (pipeline__model(pipeline, &view, &m)) {
		log_err_errno(-ENOMEM, "cannot make the report");
		return EX_LR_RUNTIME;
	}
	status = print(opts, src, m);
	status = source__loss_status(opts, status, m->loss.total);
	model__free(m);
	return status;
}

int cmd_report(const struct options *opts)
{
	struct pipeline_opts pipeline_opts = {
		.blocking_ns = opts->blocking_ns,
		.context_key = opts->context_key ? opts->context_path.label : NULL,
	};
	struct pipeline *pipeline = NULL;
	struct flow_sink sink = {.event = pipeline__event};
	struct source *src = NULL;
	int status, printed;

	if (opts->capture_b)
		return cmd_compare(opts);
	status = source__open(&src, opts);
	if (status)
		return status;
	if (pipeline__new(&pipeline, &pipeline_opts)) {
		log_err_errno(-ENOMEM, "cannot start");
		source__free(src);
		return EX_LR_RUNTIME;
	}
	sink.ctx = pipeline;
	status = source__run(src, &sink);
	/* A damaged capture is reported as far as it goes; a session that never ran is not. */
	if (!status || source__incomplete(src)) {
		printed = finish(opts, src, pipeline);
		status = status ? status : printed;
	}
	pipeline__free(pipeline);
	source__free(src);
	return status;
}

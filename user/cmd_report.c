// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray report: one model, from a capture or from live processes, written once by the format
 * that was asked for.
 */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "options.h"
#include "out.h"
#include "pipeline.h"
#include "source.h"
#include "util.h"

struct report {
	const struct options *opts;
	struct source *src;
	struct pipeline *pipeline;
	struct out_file *file;
	const struct out_format *format;
	void *state; /* of the format */
};

static int start(struct report *r)
{
	struct pipeline_opts opts = {
		.blocking_ns = r->opts->blocking_ns,
		.context_key = r->opts->context_key ? r->opts->context_path.label : NULL,
	};
	int err = out_file__open(&r->file, r->opts->output);

	if (err)
		return err;
	r->format = out_format__find(options__format_name(r->opts->format));
	err = r->format ? r->format->open(&r->state, r->file, source__out_opts(r->src)) : -EINVAL;
	if (err)
		return err;
	opts.format = r->format;
	opts.format_state = r->state;
	return pipeline__new(&r->pipeline, &opts);
}

/* Writes it; the format's state is gone afterwards. */
static int finish(struct report *r, uint64_t *lost)
{
	struct model_view view;
	struct model *m = NULL;
	int err = pipeline__finish(r->pipeline);

	view = source__view(r->src);
	if (!err)
		err = pipeline__model(r->pipeline, &view, &m);
	if (err) {
		log_err_errno(err, "cannot make the report");
		return err;
	}
	*lost = m->loss.total;
	err = r->format->close(r->state, m);
	r->state = NULL;
	model__free(m);
	if (!err) {
		err = out_file__commit(r->file);
		r->file = NULL;
	}
	return err;
}

static int run(struct report *r)
{
	struct flow_sink sink = {.event = pipeline__event};
	uint64_t lost = 0;
	int status, err = start(r);

	if (err) {
		log_err_errno(err, "cannot start the report");
		return EX_LR_RUNTIME;
	}
	sink.ctx = r->pipeline;
	status = source__run(r->src, &sink);
	/* A damaged capture is reported as far as it goes; a session that never ran is not. */
	if (status && !source__incomplete(r->src))
		return status;
	if (finish(r, &lost))
		return status ? status : EX_LR_RUNTIME;
	return source__loss_status(r->opts, status, lost);
}

int cmd_report(const struct options *opts)
{
	struct report r = {.opts = opts};
	int status;

	if (opts->capture_b)
		return cmd_compare(opts);
	status = source__open(&r.src, opts);
	if (status)
		return status;
	status = run(&r);
	pipeline__free(r.pipeline);
	if (r.state)
		r.format->free(r.state);
	out_file__abandon(r.file);
	source__free(r.src);
	return status;
}

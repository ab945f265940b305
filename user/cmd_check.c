// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray check: a capture, or live processes, against limits and against an earlier capture. */
#define LOG_MODULE "check"

#include <errno.h>

#include "check.h"
#include "cmd.h"
#include "log.h"
#include "options.h"
#include "out_check.h"
#include "pipeline.h"
#include "source.h"
#include "util.h"

/* One input with what it yields. */
struct input {
	struct source *src;
	struct pipeline *pipeline;
	struct model *m;
};

static void input_free(struct input *in)
{
	model__free(in->m);
	pipeline__free(in->pipeline);
	source__free(in->src);
}

static int make_model(struct input *in)
{
	struct model_view view;

	pipeline__finish(in->pipeline);
	view = source__view(in->src);
	if (pipeline__model(in->pipeline, &view, &in->m)) {
		log_err_errno(-ENOMEM, "cannot check");
		return EX_LR_RUNTIME;
	}
	return EX_LR_OK;
}

/* Reads all of it. A capture that is not whole is as good as it goes: the checks say so. */
static int input_read(struct input *in, const struct options *opts)
{
	struct pipeline_opts pipeline_opts = {
		.blocking_ns = opts->blocking_ns,
		.context_key = opts->context_key ? opts->context_path.label : NULL,
	};
	struct flow_sink sink = {.event = pipeline__event};
	int status = source__open(&in->src, opts);

	if (status)
		return status;
	if (pipeline__new(&in->pipeline, &pipeline_opts)) {
		log_err_errno(-ENOMEM, "cannot start");
		return EX_LR_RUNTIME;
	}
	sink.ctx = in->pipeline;
	status = source__run(in->src, &sink);
	if (status && !source__incomplete(in->src))
		return status;
	return make_model(in);
}

typedef int (*write_fn)(struct out_file *f, const struct out_check *c);

static int write_to(const char *path, write_fn write, const struct out_check *c)
{
	struct out_file *file;
	int err = out_file__open(&file, path);

	if (err)
		return err;
	err = write(file, c);
	if (err) {
		out_file__abandon(file);
		return err;
	}
	return out_file__commit(file);
}

static write_fn writer_of(enum output_format format)
{
	if (format == FORMAT_JSON)
		return out_check__json;
	return format == FORMAT_JUNIT ? out_check__junit : out_check__text;
}

/* The file first: whoever reads standard output may have gone. */
static int print(const struct options *opts, const struct out_check *c)
{
	int err = opts->junit ? write_to(opts->junit, out_check__junit, c) : 0;
	int other = write_to(opts->output, writer_of(opts->format), c);

	return err || other ? EX_LR_RUNTIME : EX_LR_OK;
}

static int check(const struct options *opts, struct input *in, struct input *base)
{
	struct check_opts check_opts = {.cli = opts, .base = base->m};
	static struct check_report report; /* 30 kB */
	struct out_check out = {
		.report = &report,
		.m = in->m,
		.opts = source__out_opts(in->src),
		.capture = opts->capture,
		.baseline = opts->baseline,
	};
	int status;

	check__run(&report, in->m, &check_opts);
	status = print(opts, &out);
	if (status)
		return status;
	status = check__status(&report);
	if (status == EX_LR_LOSS)
		log_warn("unsure is not held: --allow-loss and --max-unknown permit more");
	return source__loss_status(opts, status, in->m->loss.total);
}

int cmd_check(const struct options *opts)
{
	struct options old = *opts;
	struct input in = {0}, base = {0};
	int status = EX_LR_OK;

	old.capture = opts->baseline;
	/* What can be said at once before what takes its time. */
	if (opts->baseline)
		status = input_read(&base, &old);
	if (!status)
		status = input_read(&in, opts);
	if (!status)
		status = check(opts, &in, &base);
	input_free(&in);
	input_free(&base);
	return status;
}

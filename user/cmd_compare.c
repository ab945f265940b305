// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray report A B: two captures side by side. */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "options.h"
#include "out_compare.h"
#include "pipeline.h"
#include "source.h"
#include "util.h"

/* One capture and what it says; zeroed is empty. */
struct side {
	struct source *src;
	struct model *m;
};

static int model_of(const struct options *opts, struct side *s)
{
	struct pipeline_opts pipeline_opts = {
		.blocking_ns = opts->blocking_ns,
		.context_key = opts->context_key ? opts->context_path.label : NULL,
	};
	struct flow_sink sink = {.event = pipeline__event};
	struct pipeline *pipeline = NULL;
	struct model_view view;
	int status = EX_LR_OK, err = pipeline__new(&pipeline, &pipeline_opts);

	if (!err) {
		sink.ctx = pipeline;
		status = source__run(s->src, &sink);
	}
	/* A damaged capture is compared as far as it goes, with a warning. */
	if (!err && (!status || source__incomplete(s->src))) {
		pipeline__finish(pipeline);
		view = source__view(s->src);
		err = pipeline__model(pipeline, &view, &s->m);
	}
	pipeline__free(pipeline);
	if (err)
		log_err_errno(err, "cannot compare");
	return err ? EX_LR_RUNTIME : status;
}

static int print(const struct options *opts, const struct compare_side side[2])
{
	struct out_file *file;
	int err = out_file__open(&file, opts->output);

	if (err)
		return EX_LR_RUNTIME;
	err = opts->format == FORMAT_JSON ? out_compare__json(file, side)
					  : out_compare__text(file, side);
	if (err)
		out_file__abandon(file);
	else
		err = out_file__commit(file);
	return err ? EX_LR_RUNTIME : EX_LR_OK;
}

int cmd_compare(const struct options *opts)
{
	const char *const files[] = {opts->capture, opts->capture_b};
	struct side sides[2] = {0};
	struct compare_side compared[2];
	int status = EX_LR_OK, printed;

	for (int i = 0; i < 2; i++) {
		struct options one = *opts;
		int read;

		one.capture = files[i];
		read = source__open(&sides[i].src, &one);
		if (!read)
			read = model_of(&one, &sides[i]);
		status = status ? status : read;
		if (!sides[i].m)
			goto out;
		compared[i] =
			(struct compare_side){files[i], sides[i].m, source__out_opts(sides[i].src)};
	}
	printed = print(opts, compared);
	status = status ? status : printed;
	status = source__loss_status(opts, status, sides[0].m->loss.total + sides[1].m->loss.total);
out:
	for (int i = 0; i < 2; i++) {
		model__free(sides[i].m);
		source__free(sides[i].src);
	}
	return status;
}

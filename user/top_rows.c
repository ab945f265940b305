// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The dashboard without a terminal: rows or JSON lines on standard output, of live processes as
 * time goes by, of a capture as fast as it can be read.
 */
#define LOG_MODULE "top"
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "choose.h"
#include "live.h"
#include "log.h"
#include "out_top.h"
#include "pipeline.h"
#include "session.h"
#include "source.h"
#include "top.h"
#include "top_replay.h"
#include "util.h"

#define INTERVAL_NS 1000000000ULL

struct top_rows {
	struct out_file *file;
	struct out_top *out;
	struct live *live;
	struct pipeline *pipeline;
	struct session_result result;
	int error;
};

/* ---- live processes ---- */

static int show(struct top_rows *f, uint64_t now_ns, bool last)
{
	struct model_view from = {.start_ns = f->result.start_ns, .end_ns = now_ns};
	struct live_view *v;
	struct model *m;
	int err = pipeline__model(f->pipeline, &from, &m);

	if (!err)
		err = live__view(f->live, f->pipeline, m, now_ns, &v);
	if (err) {
		log_err_errno(err, "cannot show more");
		return err;
	}
	v->wall_ns = now_wall_ns() - (now_mono_ns() - now_ns);
	err = out_top__view(f->out, v, last);
	live_view__free(v);
	return err;
}

/* Whether the reader of a pipe has gone: then nothing needs to be written to find out. */
static bool reader_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

static int on_tick(void *ctx, uint64_t now_ns)
{
	struct top_rows *f = ctx;

	f->error = reader_gone() ? -EPIPE : show(f, now_ns, false);
	return f->error;
}

static int prepare_live(struct top_rows *f, const struct options *opts, uint64_t step_ns)
{
	struct live_opts live_opts = {.step_ns = step_ns};
	struct pipeline_opts pipeline_opts = {
		.format = &live_format,
		.blocking_ns = opts->blocking_ns,
		.context_key = opts->context_key ? opts->context_path.label : NULL,
	};
	int err = live__new(&f->live, &live_opts);

	pipeline_opts.format_state = f->live;
	if (!err)
		err = pipeline__new(&f->pipeline, &pipeline_opts);
	if (!err)
		live__follow(f->live, f->pipeline);
	return err;
}

static int run_live(struct top_rows *f, const struct options *opts, uint64_t step_ns)
{
	struct session_opts session = {
		.cli = opts,
		.sink = {.event = pipeline__event},
		.tick = on_tick,
		.tick_ctx = f,
		.tick_ns = step_ns,
	};
	int status = EX_LR_RUNTIME, err = prepare_live(f, opts, step_ns);

	if (err) {
		log_err_errno(err, "cannot start");
	} else {
		session.sink.ctx = f->pipeline;
		status = session__run(&session, &f->result);
		if (!status && !f->error && f->result.end_ns)
			f->error = show(f, f->result.end_ns, true);
		status = source__loss_status(opts, status, f->result.lost);
	}
	pipeline__free(f->pipeline);
	live__free(f->live);
	return status;
}

/* ---- a capture ---- */

static int show_replay(struct top_rows *f, struct top_replay *replay, bool last)
{
	struct live_view *v;
	int err = top_replay__view(replay, &v);

	if (err)
		return err;
	err = out_top__view(f->out, v, last);
	live_view__free(v);
	return err;
}

/* The collector keeps the last of the steps: it is asked well before it drops one. */
static int run_replay(struct top_rows *f, const struct options *opts, uint64_t step_ns)
{
	struct top_replay *replay;
	uint64_t ts, end;
	int err = top_replay__new(&replay, opts, step_ns);

	if (err)
		return EX_LR_RUNTIME;
	ts = replay__start(top_replay__clock(replay));
	end = replay__end(top_replay__clock(replay));
	while (!err && ts < end) {
		ts = end - ts > step_ns ? ts + step_ns : end;
		err = top_replay__feed(replay, ts, 0);
		if (!err)
			err = show_replay(f, replay, ts == end);
	}
	top_replay__free(replay);
	f->error = err;
	return EX_LR_OK;
}

static int run(struct top_rows *f, const struct options *opts)
{
	uint64_t step_ns = opts->interval_ns ? opts->interval_ns : INTERVAL_NS;
	struct out_top_opts out = {.json = opts->json};
	int status = EX_LR_RUNTIME, err = out_file__open(&f->file, NULL);

	if (!err)
		err = out_top__new(&f->out, f->file, &out);
	if (err)
		log_err_errno(err, "cannot start");
	else if (opts->capture)
		status = run_replay(f, opts, step_ns);
	else
		status = run_live(f, opts, step_ns);
	out_top__free(f->out);
	if (f->file && !f->error)
		f->error = out_file__commit(f->file);
	else
		out_file__abandon(f->file);
	return f->error && !status ? EX_LR_RUNTIME : status;
}

int top_rows__run(const struct options *opts)
{
	struct options chosen = *opts;
	struct top_rows f = {};
	int status = EX_LR_OK;

	if (!opts->capture && !opts->all && !opts->npids) {
		if (!choose__possible()) {
			log_err("nothing to look at: give -p PID, --all or --replay FILE");
			return EX_LR_USAGE;
		}
		status = choose__targets(&chosen);
	}
	return status ? status : run(&f, &chosen);
}

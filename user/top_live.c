// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Live processes as the dashboard's feed: a session, whose loop waits for keys too. */
#define LOG_MODULE "top"
#include <errno.h>

#include "live.h"
#include "log.h"
#include "session.h"
#include "source.h"
#include "top.h"
#include "util.h"

#define COVERAGE_NS 1000000000ULL /* of the view of loopray itself */

struct top_live {
	struct top *top;
	struct live *live;
	struct pipeline *pipeline;
	struct session *session;
	struct session_result result;
};

static int on_tick(void *ctx, uint64_t now_ns)
{
	(void)now_ns;
	return top__tick(((struct top_live *)ctx)->top);
}

static int on_readable(void *ctx)
{
	return top__input(((struct top_live *)ctx)->top);
}

static void on_running(void *ctx, struct session *session)
{
	struct top_live *f = ctx;

	f->session = session;
	top__ready(f->top);
}

static int run(void *feed, struct top *t)
{
	struct top_live *f = feed;
	struct session_opts session = {
		.cli = top__options(t),
		.sink = {.event = pipeline__event, .ctx = f->pipeline},
		.tick = on_tick,
		.tick_ctx = f,
		.tick_ns = top__interval_ns(t),
		.coverage_ns = COVERAGE_NS,
		.open = true,
		.running = on_running,
		.readable = on_readable,
		.fd = top__fd(t),
	};
	int status;

	f->top = t;
	status = session__run(&session, &f->result);
	f->session = NULL;
	return source__loss_status(top__options(t), status, f->result.lost);
}

static int view(void *feed, struct live_view **out)
{
	struct top_live *f = feed;
	uint64_t now = now_mono_ns();
	struct model_view from = {.start_ns = f->result.start_ns, .end_ns = now};
	struct model *m;
	int err = pipeline__model(f->pipeline, &from, &m);

	return err ? err : live__view(f->live, f->pipeline, m, now, out);
}

static int observe(void *feed, pid_t pid)
{
	struct top_live *f = feed;

	return session__observe(f->session, pid);
}

static const struct top_feed live_feed = {
	.run = run,
	.view = view,
	.observe = observe,
};

static int prepare(struct top_live *f, const struct options *opts)
{
	struct live_opts live_opts = {.show_values = opts->show_values};
	struct pipeline_opts pipeline_opts = {
		.format = &live_format,
		.blocking_ns = opts->blocking_ns,
		.context_key = opts->context_key ? opts->context_path.label : NULL,
	};
	int err = live__new(&f->live, &live_opts);

	if (err)
		return err;
	pipeline_opts.format_state = f->live;
	err = pipeline__new(&f->pipeline, &pipeline_opts);
	if (!err)
		live__follow(f->live, f->pipeline);
	return err;
}

int top_live__run(const struct options *opts)
{
	struct top_live f = {};
	int status = EX_LR_RUNTIME, err = prepare(&f, opts);

	if (err)
		log_err_errno(err, "cannot start");
	else
		status = top__run(opts, &live_feed, &f);
	pipeline__free(f.pipeline);
	live__free(f.live);
	return status;
}

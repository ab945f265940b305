// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Live processes as the dashboard's feed: a session, whose loop waits for keys too. */
#define LOG_MODULE "top"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "live.h"
#include "log.h"
#include "session.h"
#include "source.h"
#include "top.h"
#include "top_keep.h"
#include "util.h"

#define COVERAGE_NS 1000000000ULL /* of the view of loopray itself */

struct top_live {
	struct top *top;
	struct live *live;
	struct pipeline *pipeline;
	struct top_keep *keep;
	struct session *session;
	struct session_result result;
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct top_live *f = ctx;
	int err = pipeline__event(f->pipeline, ev);

	return err ? err : top_keep__event(f->keep, ev);
}

static int on_tick(void *ctx, uint64_t now_ns)
{
	struct top_live *f = ctx;

	top_keep__tick(f->keep, now_ns);
	return top__tick(f->top);
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
		.sink = {.event = on_event, .ctx = f},
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

/* Where it is, how large, and from when on. */
static void write_kept(void *feed, char *said, size_t len)
{
	struct top_live *f = feed;
	uint64_t mono = now_mono_ns(), wall = now_wall_ns();
	struct top_kept kept;
	char name[64], since[16] = "";
	time_t second;
	struct tm tm;
	int err;

	out_file__name_now(name, sizeof(name), "lray");
	err = top_keep__write(f->keep, name, &kept);
	if (err) {
		snprintf(said, len, "not written: %s",
			 err == -ENODATA ? "nothing was seen yet" : strerror(-err));
		return;
	}
	second = (time_t)((wall - (mono - kept.since_ns)) / 1000000000);
	localtime_r(&second, &tm);
	strftime(since, sizeof(since), "%H:%M:%S", &tm);
	snprintf(said, len, "wrote %s, %.1f MB, from %s on%s", name, (double)kept.file_bytes / 1e6,
		 since, kept.whole ? "" : "; what was before is no longer in memory");
}

static const struct top_feed live_feed = {
	.write = write_kept,
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

	if (!err)
		err = top_keep__new(&f->keep, TOP_KEEP_BYTES, "top");
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
	top_keep__free(f.keep);
	return status;
}

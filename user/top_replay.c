// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define LOG_MODULE "replay"
#include <errno.h>
#include <stdlib.h>

#include "live.h"
#include "log.h"
#include "pipeline.h"
#include "progress.h"
#include "top_replay.h"
#include "util.h"

#define LOOK_EVENTS 512 /* between two looks at the clock */

struct top_replay {
	const struct options *opts;
	struct replay *r;
	struct live_opts live_opts;
	struct live *live;
	struct pipeline *pipeline;
	uint64_t at_ns;	   /* of the capture: everything before it was fed */
	uint64_t until_ns; /* by the wall: the end of the slice, 0: none */
	uint32_t events;   /* since the last look at the clock */
	bool there;
};

static void release(struct top_replay *f)
{
	pipeline__free(f->pipeline);
	live__free(f->live);
	f->pipeline = NULL;
	f->live = NULL;
}

static int begin(struct top_replay *f)
{
	struct pipeline_opts opts = {
		.format = &live_format,
		.blocking_ns = f->opts->blocking_ns,
		.context_key = f->opts->context_key ? f->opts->context_path.label : NULL,
	};
	int err = live__new(&f->live, &f->live_opts);

	opts.format_state = f->live;
	if (!err)
		err = pipeline__new(&f->pipeline, &opts);
	if (!err)
		live__follow(f->live, f->pipeline);
	f->at_ns = replay__start(f->r);
	return err;
}

int top_replay__new(struct top_replay **out, const struct options *opts, uint64_t step_ns)
{
	struct top_replay *f = calloc(1, sizeof(*f));
	char why[512] = "out of memory";
	int err = f ? 0 : -ENOMEM;

	*out = NULL;
	if (!err) {
		f->opts = opts;
		f->live_opts = (struct live_opts){
			.step_ns = step_ns, .replay = true, .show_values = opts->show_values};
		err = replay__open(&f->r, opts->capture, progress__wanted(opts->log_level), why,
				   sizeof(why));
	}
	if (!err)
		err = begin(f);
	if (err) {
		log_err("%s: %s", opts->capture, why);
		top_replay__free(f);
		return err;
	}
	if (replay__info(f->r)->end != CAPTURE_COMPLETE)
		log_warn("%s: %s", opts->capture, replay__info(f->r)->status);
	*out = f;
	return 0;
}

void top_replay__free(struct top_replay *f)
{
	if (!f)
		return;
	release(f);
	replay__free(f->r);
	free(f);
}

struct replay *top_replay__clock(struct top_replay *f)
{
	return f->r;
}

bool top_replay__there(const struct top_replay *f)
{
	return f->there;
}

uint64_t top_replay__at(const struct top_replay *f)
{
	return f->at_ns;
}

/* -EAGAIN ends the slice, behind this event. */
static int on_event(void *ctx, const struct flow_event *ev)
{
	struct top_replay *f = ctx;
	int err = pipeline__event(f->pipeline, ev);

	f->at_ns = max_t(uint64_t, f->at_ns, ev->ts);
	if (err || !f->until_ns || ++f->events < LOOK_EVENTS)
		return err;
	f->events = 0;
	return now_mono_ns() >= f->until_ns ? -EAGAIN : 0;
}

int top_replay__feed(struct top_replay *f, uint64_t ts, uint64_t slice_ns)
{
	struct flow_sink sink = {.event = on_event, .ctx = f};
	int err;

	f->until_ns = slice_ns ? now_mono_ns() + slice_ns : 0;
	err = replay__feed(f->r, ts, &sink);
	if (err == 1) {
		release(f);
		err = replay__rewind(f->r);
		if (!err)
			err = begin(f);
		if (!err)
			err = replay__feed(f->r, ts, &sink);
	}
	f->there = !err;
	ts = min_t(uint64_t, ts, replay__end(f->r));
	if (!err)
		f->at_ns = max_t(uint64_t, f->at_ns, ts);
	return err == -EAGAIN ? 0 : err;
}

int top_replay__view(struct top_replay *f, struct live_view **out)
{
	const struct capture_info *info = replay__info(f->r);
	bool cut = info->end != CAPTURE_COMPLETE;
	struct model_view from = {
		.start_ns = replay__start(f->r),
		.end_ns = f->at_ns,
		.unwritten = info->unwritten == CAPTURE_UNKNOWN ? 0 : info->unwritten,
		.incomplete = cut ? info->status : NULL,
	};
	struct model *m;
	int err = pipeline__model(f->pipeline, &from, &m);

	if (!err)
		err = live__view(f->live, f->pipeline, m, f->at_ns, out);
	if (!err && info->wall_ns)
		(*out)->wall_ns = info->wall_ns + (f->at_ns - info->mono_ns);
	return err;
}

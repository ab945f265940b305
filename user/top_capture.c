// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A capture as the dashboard's feed: its time goes by the wall, faster or slower, or stands. */
#define LOG_MODULE "top"
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "log.h"
#include "top.h"
#include "top_replay.h"
#include "util.h"

#define SLICE_NS 200000000ULL /* of a long way: the longest that a key waits */
#define SECOND	 1000000000ULL

struct top_capture {
	struct top *top;
	struct top_replay *replay;
	uint64_t step_ns;
};

static int view(void *feed, struct live_view **out)
{
	struct top_capture *f = feed;
	uint64_t ts = replay__now(top_replay__clock(f->replay), now_mono_ns());
	int err = top_replay__feed(f->replay, ts, SLICE_NS);

	return err ? err : top_replay__view(f->replay, out);
}

/* The longest wait until the next look at the terminal and at the time. */
static int wait_ms(const struct top_capture *f, uint64_t shown_ns)
{
	uint64_t now = now_mono_ns(), due = shown_ns + top__interval_ns(f->top);

	if (!top_replay__there(f->replay))
		return 0;
	return now >= due ? 0 : (int)((due - now) / 1000000) + 1;
}

static int run(void *feed, struct top *t)
{
	struct top_capture *f = feed;
	struct pollfd p = {.fd = top__fd(t), .events = POLLIN};
	uint64_t shown_ns;

	f->top = t;
	replay__pause(top_replay__clock(f->replay), false, now_mono_ns());
	top__ready(t);
	for (int end = 0; !end;) {
		shown_ns = now_mono_ns();
		while (!end && wait_ms(f, shown_ns)) {
			int n = poll(&p, 1, wait_ms(f, shown_ns));

			if (n < 0 && errno != EINTR)
				return EX_LR_RUNTIME;
			/* A signal of the terminal is input, too. */
			end = n ? top__input(t) : 0;
		}
		if (!end && !top_replay__there(f->replay) && poll(&p, 1, 0) > 0)
			end = top__input(t);
		if (!end)
			end = top__tick(t);
	}
	return EX_LR_OK;
}

/* By @by_ns, which is below 0 for back. */
static void move(struct replay *r, int64_t by_ns, uint64_t wall_ns)
{
	uint64_t now = replay__now(r, wall_ns), past = now - replay__start(r);

	if (by_ns < 0 && past < (uint64_t)-by_ns)
		replay__seek(r, 0, wall_ns);
	else
		replay__seek(r, now + (uint64_t)by_ns, wall_ns);
}

static void step(struct top_capture *f, int64_t by_ns, uint64_t wall_ns)
{
	struct replay *r = top_replay__clock(f->replay);

	replay__pause(r, true, wall_ns);
	move(r, by_ns, wall_ns);
}

static void on_time(void *feed, enum ui_action action)
{
	struct top_capture *f = feed;
	struct replay *r = top_replay__clock(f->replay);
	uint64_t wall = now_mono_ns();

	switch (action) {
	case UI_PAUSE:
		replay__pause(r, !replay__paused(r), wall);
		break;
	case UI_STEP:
		step(f, (int64_t)f->step_ns, wall);
		break;
	case UI_STEP_BACK:
		step(f, -(int64_t)f->step_ns, wall);
		break;
	case UI_FASTER:
		replay__speed(r, replay__speed_of(r) * 2, wall);
		break;
	case UI_SLOWER:
		replay__speed(r, replay__speed_of(r) / 2, wall);
		break;
	case UI_BACK_10S:
		move(r, -10 * (int64_t)SECOND, wall);
		break;
	case UI_ON_10S:
		move(r, 10 * (int64_t)SECOND, wall);
		break;
	case UI_BACK_1MIN:
		move(r, -60 * (int64_t)SECOND, wall);
		break;
	case UI_ON_1MIN:
		move(r, 60 * (int64_t)SECOND, wall);
		break;
	default:
		break;
	}
}

static void status(void *feed, char *buf, size_t len)
{
	struct top_capture *f = feed;
	const struct replay *r = top_replay__clock(f->replay);
	uint64_t start = replay__start(r), now = replay__now(r, now_mono_ns());
	const char *state = "", *end = "";

	if (!top_replay__there(f->replay) && top_replay__at(f->replay) + SECOND < now) {
		snprintf(buf, len, "replay: reading %.1f of %.1f s",
			 (double)(top_replay__at(f->replay) - start) / 1e9,
			 (double)(now - start) / 1e9);
		return;
	}
	if (now == replay__end(r))
		state = ", end";
	else if (replay__paused(r))
		state = ", paused";
	if (replay__info(r)->end == CAPTURE_CUT_OFF)
		end = ", cut off";
	else if (replay__info(r)->end != CAPTURE_COMPLETE)
		end = ", damaged";
	snprintf(buf, len, "replay %.1f of %.1f s, x%.3g%s%s", (double)(now - start) / 1e9,
		 (double)(replay__end(r) - start) / 1e9, replay__speed_of(r), state, end);
}

static const struct top_feed capture_feed = {
	.replay = true,
	.run = run,
	.view = view,
	.time = on_time,
	.status = status,
};

int top_capture__run(const struct options *opts)
{
	struct top_capture f = {.step_ns = opts->interval_ns ? opts->interval_ns : SECOND};
	int status = EX_LR_RUNTIME;

	if (!top_replay__new(&f.replay, opts, SECOND))
		status = top__run(opts, &capture_feed, &f);
	top_replay__free(f.replay);
	return status;
}

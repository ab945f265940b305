// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "replay.h"
#include "util.h"

#define SPEED_MIN 0.1
#define SPEED_MAX 100.0

struct replay {
	int fd;
	off_t origin; /* where the capture begins in it */
	struct capture_reader *reader;
	struct capture_info info; /* as of the end of the file */
	uint64_t start_ns;
	uint64_t end_ns;
	/* The clock: it was at @at_ns when the wall clock was at @wall_ns. */
	uint64_t at_ns;
	uint64_t wall_ns;
	double speed;
	bool paused;
	/* What was fed, and the event behind it, which the reader holds. */
	uint64_t fed;
	uint64_t fed_ns;
	struct flow_event ev;
	bool held;
};

/* The file may grow, or get its name, while it is looked at: so it is opened once. */
static int open_file(struct replay *r, const char *path, char *err_text, size_t err_cap)
{
	bool in = strcmp(path, "-") == 0;

	r->fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		int err = -errno;

		snprintf(err_text, err_cap, "cannot be opened: %s", strerror(-err));
		return err;
	}
	r->origin = lseek(r->fd, 0, SEEK_CUR);
	if (r->origin >= 0)
		return 0;
	snprintf(err_text, err_cap, "%s, so that time could not go back: give a file",
		 in ? "standard input cannot be read twice" : "cannot be read twice");
	return -ESPIPE;
}

static int open_reader(struct replay *r, char *err_text, size_t err_cap)
{
	int fd = -1;

	capture_reader__free(r->reader);
	r->reader = NULL;
	r->held = false;
	if (lseek(r->fd, r->origin, SEEK_SET) >= 0)
		fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0) {
		int err = -errno;

		snprintf(err_text, err_cap, "cannot be read again: %s", strerror(-err));
		return err;
	}
	return capture_reader__open_fd(&r->reader, fd, err_text, err_cap);
}

/*
 * Damage is no error here: it is where the capture ends, and the info says so. A probe's name or a
 * route may be told late, so that times do not only grow.
 */
static int find_end(struct replay *r, bool show_progress, char *err_text, size_t err_cap)
{
	struct progress progress;
	struct flow_event ev;
	uint32_t events = 0;
	int n;

	progress__begin(&progress, now_mono_ns());
	while ((n = capture_reader__next(r->reader, &ev)) > 0) {
		if (show_progress && ++events % PROGRESS_EVENTS == 0)
			progress__reading(&progress, r->reader);
		if (!r->start_ns || (ev.ts && ev.ts < r->start_ns))
			r->start_ns = ev.ts;
		r->end_ns = max_t(uint64_t, r->end_ns, ev.ts);
	}
	progress__end(&progress);
	r->info = *capture_reader__info(r->reader);
	if (n < 0 && n != -EBADMSG) {
		snprintf(err_text, err_cap, "%s", r->info.status);
		return n;
	}
	if (!r->start_ns)
		r->start_ns = r->info.mono_ns;
	r->end_ns = max_t(uint64_t, r->end_ns, r->start_ns);
	r->end_ns = max_t(uint64_t, r->end_ns, r->info.end_mono_ns);
	return 0;
}

int replay__open(struct replay **out, const char *path, bool show_progress, char *err_text,
		 size_t err_cap)
{
	struct replay *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	if (!r) {
		snprintf(err_text, err_cap, "out of memory");
		return -ENOMEM;
	}
	r->speed = 1;
	r->paused = true;
	err = open_file(r, path, err_text, err_cap);
	if (!err)
		err = open_reader(r, err_text, err_cap);
	if (!err)
		err = find_end(r, show_progress, err_text, err_cap);
	if (!err)
		err = open_reader(r, err_text, err_cap);
	if (err) {
		replay__free(r);
		return err;
	}
	r->at_ns = r->start_ns;
	*out = r;
	return 0;
}

void replay__free(struct replay *r)
{
	if (!r)
		return;
	capture_reader__free(r->reader);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

const struct capture_info *replay__info(const struct replay *r)
{
	return &r->info;
}

uint64_t replay__start(const struct replay *r)
{
	return r->start_ns;
}

uint64_t replay__end(const struct replay *r)
{
	return r->end_ns;
}

/* ---- the clock ---- */

uint64_t replay__now(const struct replay *r, uint64_t wall_ns)
{
	double passed;

	if (r->paused || wall_ns <= r->wall_ns)
		return r->at_ns;
	passed = (double)(wall_ns - r->wall_ns) * r->speed;
	/* Compared before it is converted: a capture may claim to be centuries long. */
	if (passed >= (double)(r->end_ns - r->at_ns))
		return r->end_ns;
	return min_t(uint64_t, r->at_ns + (uint64_t)passed, r->end_ns);
}

/* From here on the clock goes from the moment it is at. */
static void anchor(struct replay *r, uint64_t wall_ns)
{
	r->at_ns = replay__now(r, wall_ns);
	r->wall_ns = wall_ns;
}

void replay__pause(struct replay *r, bool paused, uint64_t wall_ns)
{
	anchor(r, wall_ns);
	r->paused = paused;
}

bool replay__paused(const struct replay *r)
{
	return r->paused;
}

void replay__speed(struct replay *r, double speed, uint64_t wall_ns)
{
	anchor(r, wall_ns);
	if (speed > SPEED_MAX)
		speed = SPEED_MAX;
	r->speed = speed >= SPEED_MIN ? speed : SPEED_MIN;
}

double replay__speed_of(const struct replay *r)
{
	return r->speed;
}

void replay__seek(struct replay *r, uint64_t ts, uint64_t wall_ns)
{
	ts = max_t(uint64_t, ts, r->start_ns);
	r->at_ns = min_t(uint64_t, ts, r->end_ns);
	r->wall_ns = wall_ns;
}

/* ---- feeding ---- */

/* What was appended since the end was looked for is not part of it. */
static int hold_next(struct replay *r)
{
	int n;

	if (r->held)
		return 1;
	if (r->fed >= r->info.events)
		return 0;
	n = capture_reader__next(r->reader, &r->ev);
	r->held = n > 0;
	return n == -EBADMSG ? 0 : n;
}

int replay__feed(struct replay *r, uint64_t ts, const struct flow_sink *sink)
{
	bool all = ts >= r->end_ns;
	int n;

	if (ts < r->fed_ns)
		return 1;
	r->fed_ns = ts;
	while ((n = hold_next(r)) > 0 && (all || r->ev.ts < ts)) {
		r->held = false;
		r->fed++;
		n = sink->event(sink->ctx, &r->ev);
		if (n)
			return n;
	}
	return n < 0 ? n : 0;
}

int replay__rewind(struct replay *r)
{
	char why[256];

	r->fed = 0;
	r->fed_ns = 0;
	return open_reader(r, why, sizeof(why));
}

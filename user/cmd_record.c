// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loopray record: flow events into a capture file, with a line of progress on a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "log.h"
#include "options.h"
#include "out_capture.h"
#include "session.h"
#include "source.h"
#include "util.h"

#define TICK_NS 250000000ULL

struct record {
	const struct options *opts;
	struct out_capture_opts file;
	struct out_capture *capture;
	int error;     /* of making the capture: said once */
	bool progress; /* stderr is a terminal, and not -q */
	uint64_t started_ns;
	uint64_t shown_ns;
	uint64_t requests; /* heads seen */
	uint64_t lost;
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct record *r = ctx;

	/* Made with the first event, so that a session that cannot begin leaves no file. */
	if (!r->capture && !r->error)
		r->error = out_capture__create(&r->capture, &r->file);
	if (r->error)
		return r->error;
	if (ev->type == FE_IN && (ev->io.flags & FE_F_HEAD))
		r->requests++;
	else if (ev->type == FE_LOSS)
		r->lost += ev->loss.count;
	return out_capture__event(r->capture, ev);
}

static void show_progress(struct record *r, uint64_t now_ns)
{
	struct out_capture_stats stats;
	double seconds = (double)(now_ns - r->started_ns) / 1e9;

	out_capture__stats(r->capture, &stats);
	fprintf(stderr, "\r\033[Krecording %.0f s, %" PRIu64 " requests, %.1f MB, %" PRIu64 " lost",
		seconds, r->requests, (double)stats.file_bytes / 1e6, r->lost);
	fflush(stderr);
}

static int on_tick(void *ctx, uint64_t now_ns)
{
	struct record *r = ctx;
	uint64_t every = r->opts->interval_ns ? r->opts->interval_ns : 1000000000ULL;

	if (r->progress && r->capture && now_ns - r->shown_ns >= every) {
		show_progress(r, now_ns);
		r->shown_ns = now_ns;
	}
	return r->capture ? out_capture__flush(r->capture, now_ns) : 0;
}

static void default_name(char *name, size_t len)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(name, len, "loopray-%Y%m%d-%H%M%S.lray", &tm);
}

static void describe(const struct options *opts, char *text, size_t len)
{
	size_t at = (size_t)snprintf(text, len, "%s --level %s", opts->child ? "run" : "record",
				     options__level_name(opts->level));

	if (opts->all && at < len)
		at += (size_t)snprintf(text + at, len - at, " --all");
	if (opts->child && at < len)
		at += (size_t)snprintf(text + at, len - at, " -- %s", opts->program[0]);
	for (size_t i = 0; i < opts->npids && at < len; i++)
		at += (size_t)snprintf(text + at, len - at, " -p %d", opts->pids[i]);
}

static void say_result(const struct record *r, const char *path,
		       const struct session_result *result)
{
	if (r->progress)
		fputs("\r\033[K", stderr);
	if (log_get_level() < LOG_NORMAL)
		return;
	fprintf(stderr,
		"recorded %" PRIu64 " requests in %.1f s to %s, %s%" PRIu64 " records lost\n",
		r->requests, (double)(result->end_ns - result->start_ns) / 1e9,
		strcmp(path, "-") == 0 ? "standard output" : path,
		r->lost ? "" : "no loss: ", r->lost);
}

int cmd_record(const struct options *opts)
{
	struct record r = {.opts = opts};
	struct session_result result = {};
	struct session_opts session = {
		.cli = opts,
		.sink = {.event = on_event, .ctx = &r},
		.tick = on_tick,
		.tick_ctx = &r,
		.tick_ns = TICK_NS,
	};
	char name[64], command[512];
	int status, err = 0;

	describe(opts, command, sizeof(command));
	default_name(name, sizeof(name));
	r.file.command = command;
	r.file.path = opts->output ? opts->output : name;
	/* A program that was started has the terminal to itself. */
	r.progress = !opts->child && isatty(STDERR_FILENO) && opts->log_level == LOG_NORMAL;
	r.started_ns = now_mono_ns();
	status = session__run(&session, &result);
	if (r.capture) {
		out_capture__set_requests(r.capture, r.requests);
		err = out_capture__close(r.capture, result.start_ns != 0);
	}
	if (r.capture && result.start_ns && !err)
		say_result(&r, r.file.path, &result);
	if (err && !status)
		status = EX_LR_RUNTIME;
	return source__loss_status(opts, status, r.lost);
}

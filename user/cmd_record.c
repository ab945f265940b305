// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray record: flow events into a capture file, with a line of progress on a terminal; or
 * what they yield into another format at once, as export makes it of a capture.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_record_files.h"
#include "log.h"
#include "options.h"
#include "out.h"
#include "session.h"
#include "source.h"
#include "util.h"

#define TICK_NS 250000000ULL

struct record {
	const struct options *opts;
	struct record_files *files;
	bool progress; /* stderr is a terminal, and not -q */
	uint64_t started_ns;
	uint64_t shown_ns;
};

static void show_progress(const struct record *r, uint64_t now_ns)
{
	double seconds = (double)(now_ns - r->started_ns) / 1e9;
	struct record_files_stats stats;
	char number[32] = "";

	record_files__stats(r->files, &stats);
	if (stats.files > 1)
		snprintf(number, sizeof(number), ", file %" PRIu32, stats.files);
	fprintf(stderr,
		"\r\033[Krecording %.0f s, %" PRIu64 " requests, %.1f MB%s, %" PRIu64 " lost",
		seconds, stats.requests, (double)stats.bytes / 1e6, number, stats.lost);
	fflush(stderr);
}

static int on_tick(void *ctx, uint64_t now_ns)
{
	struct record *r = ctx;
	uint64_t every = r->opts->interval_ns ? r->opts->interval_ns : 1000000000ULL;

	if (r->progress && record_files__name(r->files) && now_ns - r->shown_ns >= every) {
		show_progress(r, now_ns);
		r->shown_ns = now_ns;
	}
	return record_files__tick(r->files, now_ns);
}

/* SIGUSR1 */
static void on_user_signal(void *ctx)
{
	struct record *r = ctx;

	if (r->opts->rotate)
		record_files__rotate(r->files);
	else
		log_warn("SIGUSR1 begins a new file with --rotate only");
}

static void default_name(const struct options *opts, char *name, size_t len)
{
	const struct out_format *format = out_format__find(options__format_name(opts->format));
	char extension[32];

	snprintf(extension, sizeof(extension), "%s%s",
		 format && format->extension ? format->extension : "lray", opts->gzip ? ".gz" : "");
	out_file__name_now(name, len, extension);
}

static int record_exported(const struct options *opts)
{
	struct options named = *opts;
	char name[64];
	int status;

	default_name(opts, name, sizeof(name));
	if (!opts->output)
		named.output = name;
	status = cmd_export(&named);
	if (!status && strcmp(named.output, "-") != 0 && log_get_level() >= LOG_NORMAL)
		fprintf(stderr, "recorded to %s\n", named.output);
	return status;
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

/* What was recorded, where to, and what a request took of the file. */
static void say_result(const struct record *r, const char *path, uint64_t ns,
		       const struct record_files_stats *stats)
{
	bool small = stats->bytes < 1000000;
	char size[64] = "", files[32] = "";

	if (r->progress)
		fputs("\r\033[K", stderr);
	if (log_get_level() < LOG_NORMAL)
		return;
	if (stats->requests)
		snprintf(size, sizeof(size), "%.0f bytes a request, ",
			 (double)stats->bytes / (double)stats->requests);
	if (stats->files > 1)
		snprintf(files, sizeof(files), "%" PRIu32 " files up to ", stats->files);
	fprintf(stderr,
		"recorded %" PRIu64 " requests in %.1f s to %s%s, %.*f %s, %s%s%" PRIu64
		" records lost\n",
		stats->requests, (double)ns / 1e9, files,
		strcmp(path, "-") == 0 ? "standard output" : path, small ? 0 : 1,
		(double)stats->bytes / (small ? 1e3 : 1e6), small ? "kB" : "MB", size,
		stats->lost ? "" : "no loss: ", stats->lost);
}

/* Signals to come are kept until the session reads them: the default would end the program. */
static void hold_user_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int finish(struct record *r, const struct session_result *result, int status)
{
	struct record_files_stats stats;
	const char *name = record_files__name(r->files);
	char path[4096] = "";
	int err;

	if (name)
		snprintf(path, sizeof(path), "%s", name);
	err = record_files__close(r->files, result->start_ns != 0, &stats);
	if (path[0] && result->start_ns && !err)
		say_result(r, path, result->end_ns - result->start_ns, &stats);
	if (err && !status)
		status = EX_LR_RUNTIME;
	return source__loss_status(r->opts, status, stats.lost);
}

int cmd_record(const struct options *opts)
{
	struct record r = {.opts = opts};
	struct record_files_opts files = {
		.rotate = opts->rotate,
		.rotate_bytes = opts->rotate_bytes,
		.rotate_ns = opts->rotate_ns,
		.keep = opts->keep,
	};
	struct session_result result = {};
	struct session_opts session = {
		.cli = opts,
		.sink = {.event = record_files__event},
		.tick = on_tick,
		.tick_ctx = &r,
		.tick_ns = TICK_NS,
	};
	char name[64], command[512];
	int status;

	if (opts->format != FORMAT_LRAY)
		return record_exported(opts);
	describe(opts, command, sizeof(command));
	default_name(opts, name, sizeof(name));
	files.command = command;
	files.path = opts->output ? opts->output : name;
	if (record_files__new(&r.files, &files)) {
		log_err("out of memory");
		return EX_LR_RUNTIME;
	}
	session.sink.ctx = r.files;
	/* A program that was started has the terminal to itself, and the signal. */
	r.progress = !opts->child && isatty(STDERR_FILENO) && opts->log_level == LOG_NORMAL;
	if (!opts->child) {
		hold_user_signal();
		session.user_signal = on_user_signal;
	}
	r.started_ns = now_mono_ns();
	status = session__run(&session, &result);
	return finish(&r, &result, status);
}

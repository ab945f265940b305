// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A file is ended on a thread of its own: making it durable may take the disk seconds, in which the
 * ring has to be read. There is one such thread at a time; the next file waits for it.
 */
#define LOG_MODULE "record"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd_record_files.h"
#include "flow_state.h"
#include "log.h"
#include "out_capture.h"
#include "util.h"

#define SUFFIX	   ".lray"
#define DIGITS	   4 /* at least */
#define NUMBER_MAX 99999999
#define LOOK_EVERY 1024		  /* events between two looks at the size */
#define RETRY_NS   10000000000ULL /* after a file that could not be begun */

/* A file that is being ended. */
struct closing {
	pthread_t thread;
	bool running;
	struct out_capture *capture;
	int err;
};

struct record_files {
	struct record_files_opts opts;
	struct flow_state *state; /* NULL without rotation */
	char *base;		  /* of the names: without number and suffix */
	const char *suffix;
	char *name; /* of the current file */
	struct out_capture *capture;
	struct closing closing;
	int err; /* the first */
	uint32_t number;
	uint32_t *kept; /* numbers of the files that are there, ascending */
	size_t nkept, kept_room;
	uint64_t since_ns; /* the current file was begun */
	uint64_t last_ns;  /* of the last event */
	uint64_t retry_ns;
	uint32_t events;   /* since the last look */
	uint64_t requests; /* of the current file */
	uint64_t ended_bytes;
	struct record_files_stats stats;
	bool due;
};

static int keep_number(struct record_files *f, uint32_t number)
{
	if (f->nkept == f->kept_room) {
		size_t room = f->kept_room ? 2 * f->kept_room : 64;
		uint32_t *more = realloc(f->kept, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->kept = more;
		f->kept_room = room;
	}
	f->kept[f->nkept++] = number;
	return 0;
}

/*
 * The number in a name such as BASE-0012.lray; 0: it is another one's. @whole: not of what a run
 * that died has left.
 */
static uint32_t number_of(const char *name, const char *base, const char *suffix, bool *whole)
{
	size_t n = strlen(base);
	unsigned long number;
	char *end;

	if (strncmp(name, base, n) != 0 || name[n] != '-')
		return 0;
	name += n + 1;
	if (strspn(name, "0123456789") < DIGITS)
		return 0;
	number = strtoul(name, &end, 10);
	n = strlen(suffix);
	if (strncmp(end, suffix, n) != 0 || number > NUMBER_MAX)
		return 0;
	*whole = end[n] == '\0';
	return *whole || strcmp(end + n, ".tmp") == 0 ? (uint32_t)number : 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Files of earlier runs: their numbers are not used again. */
static int find_files(struct record_files *f)
{
	const char *slash = strrchr(f->base, '/');
	char *folder = slash ? strndup(f->base, (size_t)(slash - f->base) + 1) : strdup(".");
	DIR *dir = folder ? opendir(folder) : NULL;
	const struct dirent *entry;
	int err = folder ? 0 : -ENOMEM;

	while (dir && !err && (entry = readdir(dir))) {
		bool whole = false;
		uint32_t number =
			number_of(entry->d_name, slash ? slash + 1 : f->base, f->suffix, &whole);

		f->number = number > f->number ? number : f->number;
		if (whole)
			err = keep_number(f, number);
	}
	if (dir)
		closedir(dir);
	free(folder);
	if (f->nkept > 1)
		qsort(f->kept, f->nkept, sizeof(*f->kept), by_number);
	return err;
}

static char *name_of(const struct record_files *f, uint32_t number)
{
	char *name = NULL;

	if (!f->opts.rotate)
		return strdup(f->opts.path);
	if (asprintf(&name, "%s-%0*" PRIu32 "%s", f->base, DIGITS, number, f->suffix) < 0)
		return NULL;
	return name;
}

/* FILE.lray is numbered in front of the suffix, any other name behind its end. */
static int split_name(struct record_files *f)
{
	size_t n = strlen(f->opts.path), s = strlen(SUFFIX);
	bool has = n > s && strcmp(f->opts.path + n - s, SUFFIX) == 0;

	f->suffix = has ? SUFFIX : "";
	f->base = strndup(f->opts.path, has ? n - s : n);
	return f->base ? 0 : -ENOMEM;
}

static void files_free(struct record_files *f)
{
	flow_state__free(f->state);
	free(f->base);
	free(f->name);
	free(f->kept);
	free(f);
}

int record_files__new(struct record_files **out, const struct record_files_opts *opts)
{
	struct record_files *f = calloc(1, sizeof(*f));
	int err = 0;

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->opts = *opts;
	if (opts->rotate) {
		err = flow_state__new(&f->state, NULL);
		if (!err)
			err = split_name(f);
		if (!err)
			err = find_files(f);
	}
	if (err) {
		files_free(f);
		return err;
	}
	*out = f;
	return 0;
}

static void fail(struct record_files *f, int err)
{
	if (!f->err)
		f->err = err;
}

static void *close_thread(void *arg)
{
	struct closing *c = arg;

	c->err = out_capture__close(c->capture, true);
	return NULL;
}

static void wait_closed(struct record_files *f)
{
	if (!f->closing.running)
		return;
	pthread_join(f->closing.thread, NULL);
	f->closing.running = false;
	if (f->closing.err)
		fail(f, f->closing.err);
}

/* Beyond the limit the oldest go; the current file counts. */
static void drop_old(struct record_files *f)
{
	size_t n = 0;

	if (!f->opts.keep)
		return;
	while (f->nkept - n > f->opts.keep) {
		char *name;

		/* One that is being ended does not have its name yet. */
		if (f->kept[n] + 1 == f->number)
			wait_closed(f);
		name = name_of(f, f->kept[n++]);
		if (name && unlink(name) && errno != ENOENT)
			log_warn_errno(-errno, "cannot delete %s", name);
		free(name);
	}
	f->nkept -= n;
	memmove(f->kept, f->kept + n, f->nkept * sizeof(*f->kept));
}

/* Begins the next file. What a reader of it has to know comes first. */
static int begin(struct record_files *f, struct out_capture **out, char **name)
{
	struct out_capture_opts opts = {.command = f->opts.command};
	struct flow_sink sink = {.event = out_capture__event};
	int err;

	*name = name_of(f, f->number + 1);
	if (!*name)
		return -ENOMEM;
	opts.path = *name;
	err = out_capture__create(out, &opts);
	if (err) {
		free(*name);
		return err;
	}
	f->number++;
	if (f->opts.rotate)
		err = keep_number(f, f->number);
	f->stats.files++;
	sink.ctx = *out;
	if (!err && f->state && f->stats.files > 1)
		err = flow_state__tell(f->state, f->last_ns, &sink);
	if (err) {
		out_capture__close(*out, false);
		free(*name);
	}
	return err;
}

static void end_current(struct record_files *f)
{
	struct out_capture_stats stats;
	int err;

	out_capture__set_requests(f->capture, f->requests);
	out_capture__flush(f->capture, UINT64_MAX);
	out_capture__stats(f->capture, &stats);
	f->ended_bytes += stats.file_bytes;
	f->closing.capture = f->capture;
	err = pthread_create(&f->closing.thread, NULL, close_thread, &f->closing);
	f->closing.running = !err;
	if (!err)
		return;
	err = out_capture__close(f->capture, true);
	if (err)
		fail(f, err);
}

static void rotate(struct record_files *f, uint64_t now_ns)
{
	struct out_capture *next;
	char *name;
	int err;

	if (!f->capture || now_ns < f->retry_ns)
		return;
	f->due = false;
	wait_closed(f);
	err = begin(f, &next, &name);
	if (err) {
		/* The recording is worth more than its division into files. */
		log_warn_errno(err, "cannot begin a new file, going on in %s", f->name);
		f->retry_ns = now_ns + RETRY_NS;
		f->due = true;
		return;
	}
	log_info("%s is full, going on in %s", f->name, name);
	end_current(f);
	free(f->name);
	f->name = name;
	f->capture = next;
	f->requests = 0;
	f->since_ns = now_ns;
	drop_old(f);
}

static bool is_full(struct record_files *f, uint64_t now_ns)
{
	struct out_capture_stats stats;

	if (f->due)
		return true;
	if (!f->capture || !f->opts.rotate)
		return false;
	if (f->opts.rotate_ns && now_ns >= f->since_ns + f->opts.rotate_ns)
		return true;
	if (!f->opts.rotate_bytes)
		return false;
	out_capture__stats(f->capture, &stats);
	return stats.file_bytes >= f->opts.rotate_bytes;
}

static void note(struct record_files *f, const struct flow_event *ev)
{
	f->last_ns = ev->ts > f->last_ns ? ev->ts : f->last_ns;
	if (ev->type == FE_IN && (ev->io.flags & FE_F_HEAD)) {
		f->requests++;
		f->stats.requests++;
	} else if (ev->type == FE_LOSS) {
		f->stats.lost += ev->loss.count;
	}
}

int record_files__event(void *files, const struct flow_event *ev)
{
	struct record_files *f = files;

	/* Made with the first event, so that a session that cannot begin leaves no file. */
	if (!f->capture) {
		if (f->err)
			return f->err;
		f->err = begin(f, &f->capture, &f->name);
		if (f->err) {
			f->capture = NULL;
			f->name = NULL;
			return f->err;
		}
		f->since_ns = now_mono_ns();
		drop_old(f);
	}
	if (f->state && ++f->events >= LOOK_EVERY) {
		uint64_t now_ns = now_mono_ns();

		f->events = 0;
		if (is_full(f, now_ns))
			rotate(f, now_ns);
	}
	note(f, ev);
	if (f->state)
		flow_state__event(f->state, ev);
	return out_capture__event(f->capture, ev);
}

int record_files__tick(struct record_files *f, uint64_t now_ns)
{
	if (!f->capture)
		return 0;
	if (is_full(f, now_ns))
		rotate(f, now_ns);
	return out_capture__flush(f->capture, now_ns);
}

void record_files__rotate(struct record_files *f)
{
	f->due = true;
	f->retry_ns = 0;
	rotate(f, now_mono_ns());
}

void record_files__stats(const struct record_files *f, struct record_files_stats *stats)
{
	struct out_capture_stats now;

	*stats = f->stats;
	stats->bytes = f->ended_bytes;
	if (!f->capture)
		return;
	out_capture__stats(f->capture, &now);
	stats->bytes += now.file_bytes;
}

const char *record_files__name(const struct record_files *f)
{
	return f->name;
}

static void say_lost(const struct record_files *f)
{
	struct flow_state_lost lost;

	if (!f->state)
		return;
	flow_state__lost(f->state, &lost);
	if (lost.requests || lost.connections || lost.facts)
		log_warn("too much to know at the beginning of a file: %" PRIu64
			 " requests in flight, %" PRIu64 " connections, %" PRIu64 " other facts",
			 lost.requests, lost.connections, lost.facts);
}

int record_files__close(struct record_files *f, bool clean, struct record_files_stats *stats)
{
	int err;

	if (!f)
		return 0;
	wait_closed(f);
	if (f->capture) {
		out_capture__set_requests(f->capture, f->requests);
		out_capture__flush(f->capture, UINT64_MAX);
	}
	if (stats)
		record_files__stats(f, stats);
	if (f->capture) {
		err = out_capture__close(f->capture, clean);
		if (err)
			fail(f, err);
	}
	say_lost(f);
	err = f->err;
	files_free(f);
	return err;
}

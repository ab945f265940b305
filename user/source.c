// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "interrupt.h"
#include "log.h"
#include "out_capture.h"
#include "progress.h"
#include "session.h"
#include "source.h"
#include "util.h"

#define DEFAULT_DURATION_NS 10000000000ULL

struct source {
	struct options cli;
	struct capture_reader *reader; /* NULL: live */
	struct out_opts out;
	struct session_result result;
	char host[256];
	/* While a capture is read: */
	const struct flow_sink *sink;
	struct progress progress;
	bool show_progress;
	uint32_t events;
};

static int open_capture(struct source *s)
{
	char why[512] = "";
	const struct capture_info *info;
	int err = capture_reader__open(&s->reader, s->cli.capture, why, sizeof(why));

	if (err) {
		log_err("%s: %s", s->cli.capture, why);
		return EX_LR_RUNTIME;
	}
	info = capture_reader__info(s->reader);
	s->out.mono_ns = info->mono_ns;
	s->out.wall_ns = info->wall_ns;
	s->out.host = info->host;
	s->out.version = info->loopray;
	return EX_LR_OK;
}

int source__open(struct source **out, const struct options *cli)
{
	struct source *s = calloc(1, sizeof(*s));
	int status = EX_LR_OK;

	if (!s)
		return EX_LR_RUNTIME;
	s->cli = *cli;
	s->out.color = cli->color;
	s->out.show_values = cli->show_values;
	s->out.verbose = cli->log_level >= LOG_VERBOSE;
	if (cli->capture) {
		status = open_capture(s);
	} else {
		if (!s->cli.duration_ns && !s->cli.child && s->cli.command != COMMAND_RECORD)
			s->cli.duration_ns = DEFAULT_DURATION_NS;
		s->out.mono_ns = now_mono_ns();
		s->out.wall_ns = now_wall_ns();
		s->out.version = LOOPRAY_VERSION;
		if (gethostname(s->host, sizeof(s->host) - 1) == 0)
			s->out.host = s->host;
	}
	if (status) {
		source__free(s);
		return status;
	}
	*out = s;
	return EX_LR_OK;
}

void source__free(struct source *s)
{
	if (!s)
		return;
	capture_reader__free(s->reader);
	free(s);
}

const struct out_opts *source__out_opts(const struct source *s)
{
	return &s->out;
}

/* Between the capture and who reads it. */
static int on_event(void *ctx, const struct flow_event *ev)
{
	struct source *s = ctx;

	if (interrupt__signal())
		return -EINTR;
	if (s->show_progress && ++s->events % PROGRESS_EVENTS == 0)
		progress__reading(&s->progress, s->reader);
	return s->sink->event(s->sink->ctx, ev);
}

static int read_capture(struct source *s, const struct flow_sink *sink)
{
	const struct flow_sink between = {.event = on_event, .ctx = s};
	int err;

	s->sink = sink;
	s->show_progress = progress__wanted(s->cli.log_level);
	progress__begin(&s->progress, now_mono_ns());
	interrupt__catch();
	err = capture_reader__run(s->reader, &between);
	progress__end(&s->progress);
	return err;
}

int source__run(struct source *s, const struct flow_sink *sink)
{
	struct session_opts opts = {.cli = &s->cli, .sink = *sink};
	int err;

	if (!s->reader)
		return session__run(&opts, &s->result);
	err = read_capture(s, sink);
	if (interrupt__signal())
		return EX_LR_SIGNAL + interrupt__signal();
	/* What could be read of a damaged capture is still worth showing; it says so itself. */
	if (err && err != -EBADMSG)
		return EX_LR_RUNTIME;
	if (source__incomplete(s))
		log_warn("%s: %s", s->cli.capture, source__incomplete(s));
	return err ? EX_LR_RUNTIME : EX_LR_OK;
}

struct model_view source__view(const struct source *s)
{
	const struct capture_info *info = s->reader ? capture_reader__info(s->reader) : NULL;
	struct model_view view = {
		.start_ns = info ? info->mono_ns : s->result.start_ns,
		.end_ns = info ? info->end_mono_ns : s->result.end_ns,
		.incomplete = source__incomplete(s),
	};

	if (info && info->unwritten != CAPTURE_UNKNOWN)
		view.unwritten = info->unwritten;
	return view;
}

const char *source__incomplete(const struct source *s)
{
	const struct capture_info *info = s->reader ? capture_reader__info(s->reader) : NULL;

	if (!info || info->end == CAPTURE_COMPLETE || info->end == CAPTURE_UNREAD)
		return NULL;
	return info->status;
}

int source__loss_status(const struct options *cli, int status, uint64_t lost)
{
	if (status || !cli->fail_on_loss || !lost)
		return status;
	log_err("%llu records were lost (--fail-on-loss)", (unsigned long long)lost);
	return EX_LR_LOSS;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * loopray logs: what the targets write to standard output and error, line by line as it comes, each
 * with its request. The lines go from the pipeline through flow_line_hold and flow_line_join.
 */
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LOG_MODULE "logs"
#include "cmd.h"
#include "events.h"
#include "flow_line.h"
#include "log.h"
#include "options.h"
#include "out_logs.h"
#include "pipeline.h"
#include "session.h"
#include "source.h"
#include "util.h"

#define TICK_NS 100000000ULL

struct logs {
	const struct options *opts;
	struct out_opts out;
	struct flow_line_hold *hold;
	struct flow_line_join *join;
	struct pipeline *pipeline;
	uint64_t value_key;
	uint64_t event_ns; /* the time of the last event, */
	bool moved;	   /* one came since the last tick, */
	uint32_t quiet;	   /* or none for so many ticks */
	uint64_t skipped;  /* writes beyond what is looked at */
	bool closed;	   /* nobody reads any more, or nothing can be written */
};

static bool names(const struct log_request *r, const struct options *o)
{
	if (o->request && r->seq != o->request)
		return false;
	return r->conn && (!o->path || fnmatch(o->path, r->path, 0) == 0);
}

static bool wanted(const struct log_write *w, const struct options *o)
{
	if (o->stream && (o->stream == STREAM_STDERR) != (w->op == LR_OP_STDERR))
		return false;
	if (o->mismatch && !w->mark)
		return false;
	if (!o->request && !o->path)
		return true;
	return names(&w->who, o) || names(&w->under, o) || names(&w->maybe, o);
}

static int on_joined(void *ctx, const struct log_line *line)
{
	struct logs *l = ctx;

	if (l->closed || !wanted(line->from, l->opts))
		return 0;
	if (l->opts->json)
		out_logs__json(stdout, &l->out, line);
	else
		out_logs__text(stdout, &l->out, line);
	l->closed = ferror(stdout);
	return 0;
}

static int on_write(void *ctx, const struct log_write *w, const char *text)
{
	return flow_line_join__write(((struct logs *)ctx)->join, w, text);
}

static bool proven(void *ctx, uint32_t pid, const struct flow_req_ref *request, uint32_t instance)
{
	return pipeline__has_stores(((struct logs *)ctx)->pipeline, pid, request, instance);
}

static bool named(void *ctx, uint32_t pid, uint64_t hash, struct line_request *out)
{
	return pipeline__named(((struct logs *)ctx)->pipeline, pid, hash, out);
}

static int on_line(void *state, const struct flow_line *line)
{
	return flow_line_hold__line(((struct logs *)state)->hold, line);
}

static int on_mark(void *state, const struct flow_line_mark *mark)
{
	flow_line_hold__mark(((struct logs *)state)->hold, mark);
	return 0;
}

static bool is_counter(const struct flow_event *ev, const char *name)
{
	return ev->counter.name.len == strlen(name) &&
	       memcmp(ev->counter.name.s, name, strlen(name)) == 0;
}

static int on_event(void *state, const struct flow_event *ev)
{
	struct logs *l = state;
	int err = 0;

	l->moved = true;
	l->event_ns = ev->ts > l->event_ns ? ev->ts : l->event_ns;
	if (ev->type == FE_COUNTER && is_counter(ev, "lines_skipped"))
		l->skipped = ev->counter.value;
	if (ev->type == FE_TARGET_END) {
		err = flow_line_hold__finish(l->hold);
		if (!err)
			err = flow_line_join__end(l->join, ev->pid);
	}
	return err ? err : flow_line_hold__event(l->hold, ev);
}

static const struct out_format logs_format = {
	.name = "logs",
	.event = on_event,
	.line = on_line,
	.mark = on_mark,
};

/* Whether the reader of a pipe has gone: then nothing needs to be written to find out. */
static bool reader_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

static void flush(struct logs *l)
{
	int err;

	if (l->closed || fflush(stdout) == 0)
		return;
	err = -errno;
	l->closed = true;
	if (err != -EPIPE)
		log_err_errno(err, "cannot write the lines");
}

/*
 * Waiting goes by the time of events, which may be late when this process gets no CPU. Only when
 * none has come in two ticks, between which the ring was read, there are none.
 */
static uint64_t time_of(struct logs *l, uint64_t now_ns)
{
	l->quiet = l->moved ? 0 : l->quiet + 1;
	l->moved = false;
	return l->quiet >= 2 ? now_ns : l->event_ns;
}

/* Non-zero ends the session. */
static int on_tick(void *ctx, uint64_t now_ns)
{
	struct logs *l = ctx;
	int err;

	now_ns = time_of(l, now_ns);
	err = flow_line_hold__tick(l->hold, now_ns);

	if (!err)
		err = flow_line_join__tick(l->join, now_ns);
	flush(l);
	if (!l->closed && reader_gone())
		l->closed = true;
	return err || l->closed;
}

static int prepare(struct logs *l)
{
	struct flow_line_hold_opts hold = {.write = on_write,
					   .proven = proven,
					   .named = named,
					   .ctx = l,
					   .value_key = l->value_key};
	struct flow_line_join_opts join = {
		.line = on_joined, .ctx = l, .limit = l->opts->line_limit};
	struct pipeline_opts pipeline = {
		.format = &logs_format,
		.format_state = l,
		.context_key = l->opts->context_key ? l->opts->context_path.label : NULL,
	};
	int err = flow_line_hold__new(&l->hold, &hold);

	if (!err)
		err = flow_line_join__new(&l->join, &join);
	if (!err)
		err = pipeline__new(&l->pipeline, &pipeline);
	l->out.mono_ns = now_mono_ns();
	l->out.wall_ns = now_wall_ns();
	l->out.color = l->opts->color;
	return err;
}

/* What was not seen is said, whatever was asked for. */
static void say_loss(const struct logs *l, uint64_t lost)
{
	if (lost)
		log_warn("%llu records were lost: lines may be missing, or have no request",
			 (unsigned long long)lost);
	if (l->skipped)
		log_warn("%llu writes are missing: a thread wrote more than is looked at",
			 (unsigned long long)l->skipped);
	if (flow_line_hold__late(l->hold))
		log_warn("%llu lines were shown before it was known that they are another "
			 "request's: their callbacks ran for long",
			 (unsigned long long)flow_line_hold__late(l->hold));
}

static int finish(struct logs *l)
{
	int err = pipeline__finish(l->pipeline);

	if (!err)
		err = flow_line_hold__finish(l->hold);
	if (!err)
		err = flow_line_join__end(l->join, 0);
	flush(l);
	return err;
}

int cmd_logs(const struct options *opts)
{
	struct logs l = {.opts = opts};
	struct session_result result = {};
	struct session_opts session = {
		.cli = opts,
		.sink = {.event = pipeline__event},
		.tick = on_tick,
		.tick_ctx = &l,
		.tick_ns = TICK_NS,
	};
	int status = EX_LR_RUNTIME, err;

	if (getrandom(&l.value_key, sizeof(l.value_key), 0) < 0) {
		log_err_errno(-errno, "cannot start");
		return status;
	}
	session.value_key = l.value_key |= 1;
	err = prepare(&l);

	if (err) {
		log_err_errno(err, "cannot start");
	} else {
		session.sink.ctx = l.pipeline;
		status = session__run(&session, &result);
		err = finish(&l);
		say_loss(&l, result.lost);
		if (!status && (err || l.closed))
			status = EX_LR_RUNTIME;
	}
	pipeline__free(l.pipeline);
	flow_line_join__free(l.join);
	flow_line_hold__free(l.hold);
	return source__loss_status(opts, status, result.lost + l.skipped);
}

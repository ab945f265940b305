// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOG_MODULE "session"
#include "child.h"
#include "events.h"
#include "kern_threads.h"
#include "log.h"
#include "session_impl.h"
#include "target_elf_shared.h"
#include "util.h"

#define SAMPLE_NS 1000000000ULL

int session__emit(struct session *s, const struct flow_event *ev)
{
	int err = s->opts->sink.event(s->opts->sink.ctx, ev);

	if (err && !s->stop) {
		log_err_errno(err, "cannot go on");
		s->status = EX_LR_RUNTIME;
		s->stop = true;
	}
	return err;
}

/* The decoder's sink: its errors end the session too. */
static int on_flow_event(void *ctx, const struct flow_event *ev)
{
	return session__emit(ctx, ev);
}

static void count_record(struct session *s, const void *data, size_t len)
{
	const struct lr_event *h = data;

	if (len >= sizeof(*h) && h->type < SESSION_TYPES)
		s->by_type[h->type]++;
}

static int on_record(void *ctx, const void *data, size_t len)
{
	struct session *s = ctx;

	count_record(s, data, len);
	if (s->opts->cli->follow)
		session__note_process(s, data, len);
	return flow_decode__record(s->decode, data, len);
}

static int add_timer(struct session *s, int *fd, uint64_t first_ns, uint64_t every_ns)
{
	struct itimerspec t = {
		.it_value = {(time_t)(first_ns / 1000000000), (long)(first_ns % 1000000000)},
		.it_interval = {(time_t)(every_ns / 1000000000), (long)(every_ns % 1000000000)},
	};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = fd};

	if (*fd < 0) {
		*fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (*fd < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, *fd, &e))
			return -errno;
	}
	return timerfd_settime(*fd, 0, &t, NULL) ? -errno : 0;
}

/* Signals are read, not delivered, so that an end always passes through the same steps. */
static int add_signals(struct session *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &s->signals};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (s->opts->cli->child)
		child__signals(&set);
	else if (s->opts->user_signal)
		sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->signals, &e))
		return -errno;
	return 0;
}

/* Told of at most once for each wakeup: the ring is hardly ever empty. */
static int add_ring(struct session *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = &s->ring_fd};

	s->ring_fd = kern__ring_fd(s->kern);
	if (!s->opts->cli->follow)
		return 0;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->ring_fd, &e) ? -errno : 0;
}

static int add_readable(struct session *s)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = (void *)&s->opts->fd};

	if (!s->opts->readable)
		return 0;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->opts->fd, &e) ? -errno : 0;
}

static int open_loop(struct session *s)
{
	int err;

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	err = add_signals(s);
	if (!err)
		err = add_ring(s);
	if (!err)
		err = add_readable(s);
	if (!err)
		err = add_timer(s, &s->ring_timer, 1000000, 0);
	if (!err)
		err = add_timer(s, &s->sample_timer, SAMPLE_NS, SAMPLE_NS);
	if (!err)
		err = add_timer(s, &s->pulse_timer, session__pulse_delay_ns(s), 0);
	if (!err && s->opts->tick)
		err = add_timer(s, &s->tick_timer, s->opts->tick_ns, s->opts->tick_ns);
	return err;
}

static int load(struct session *s)
{
	const struct options *cli = s->opts->cli;
	struct flow_decode_opts decode_opts = {
		.sink = {.event = on_flow_event, .ctx = s},
		.show_values = cli->show_values,
		.keep = &cli->headers,
	};
	struct kern_opts kern_opts = {
		.level = cli->level == LEVEL_RESOURCES ? LR_LEVEL_RESOURCES : LR_LEVEL_REQUESTS,
		.attach = (enum kern_attach)cli->attach_method,
		.bytes = (enum kern_bytes)cli->byte_source,
		.ring_bytes = cli->ring_bytes ? cli->ring_bytes : LR_RING_BYTES,
		.follow = cli->follow,
		.context_path = cli->context_key ? &cli->context_path : NULL,
	};
	int err;

	decode_opts.value_key = s->opts->value_key;
	if (!decode_opts.value_key &&
	    getrandom(&decode_opts.value_key, sizeof(decode_opts.value_key), 0) < 0)
		return -errno;
	if (s->ntargets == 1 && !cli->follow && !cli->all && !s->opts->open)
		kern_opts.single = s->targets[0]->proc->pid;
	kern_opts.lines = session__lines_wanted(s);
	err = kern__load(&s->kern, &kern_opts);
	if (!err)
		err = flow_decode__new(&s->decode, &decode_opts);
	if (!err)
		err = flow_ring__new(&s->ring, kern__ring_fd(s->kern), kern_opts.ring_bytes,
				     on_record, s);
	return err;
}

static int status_of(int err)
{
	if (err == -EPERM || err == -EACCES)
		return EX_LR_PRIVILEGES;
	if (err == -EOPNOTSUPP)
		return EX_LR_UNSUPPORTED;
	return EX_LR_RUNTIME;
}

/* Uprobes before tracepoints: the first request seen is seen with everything in place. */
static int attach(struct session *s)
{
	int err, status;

	for (size_t i = 0; i < s->ntargets; i++) {
		status = session__attach_target(s, s->targets[i]);
		if (status)
			return status;
	}
	err = kern__attach_bytes(s->kern);
	if (err)
		return status_of(err);
	s->result->start_ns = now_mono_ns();
	if (s->opts->cli->all)
		session__follow_all(s);
	session__sample(s);
	if (s->opts->cli->child) {
		session__prepare(s);
		return session__start_child(s);
	}
	log_info("attached to %zu process(es)", s->ntargets);
	return EX_LR_OK;
}

static void on_ring(struct session *s)
{
	uint64_t delay_ns;

	if (flow_ring__drain(s->ring))
		s->stop = true;
	session__look_for_again(s);
	session__look_at_pending(s);
	delay_ns = min_t(uint64_t, flow_ring__delay_ns(s->ring), session__pending_delay_ns(s));
	add_timer(s, &s->ring_timer, delay_ns, 0);
}

static void on_timer(struct session *s, int *fd)
{
	uint64_t expirations;

	if (read(*fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (fd == &s->ring_timer) {
		on_ring(s);
	} else if (fd == &s->sample_timer) {
		session__sample(s);
	} else if (fd == &s->pulse_timer) {
		session__pulse_all(s);
		add_timer(s, &s->pulse_timer, session__pulse_delay_ns(s), 0);
	} else if (fd == &s->end_timer) {
		s->stop = true;
	} else if (fd == &s->tick_timer && s->opts->tick(s->opts->tick_ctx, now_mono_ns())) {
		s->stop = true;
	}
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (s->opts->cli->child) {
		child__forward(s->opts->cli->child, &info);
	} else if (info.ssi_signo == SIGUSR1) {
		s->opts->user_signal(s->opts->tick_ctx);
	} else {
		log_info("signal %u: ending", info.ssi_signo);
		s->stop = true;
	}
}

static bool is_timer(const struct session *s, const void *ptr)
{
	return ptr == &s->ring_timer || ptr == &s->sample_timer || ptr == &s->pulse_timer ||
	       ptr == &s->end_timer || ptr == &s->tick_timer;
}

static void on_target_end(struct session *s, struct session_target *t)
{
	session__target_ended(s, t);
	on_ring(s); /* what comes in its place is looked for soon */
}

/* With --all others may come at any time. */
static bool goes_on(const struct session *s)
{
	const struct options *cli = s->opts->cli;

	if (s->stop)
		return false;
	return s->nalive || cli->child || cli->all || s->opts->open ||
	       (cli->follow && (s->npending || s->nagain));
}

static int run(struct session *s)
{
	const struct child *child = s->opts->cli->child;
	struct epoll_event events[16];

	if (s->opts->cli->duration_ns && add_timer(s, &s->end_timer, s->opts->cli->duration_ns, 0))
		return EX_LR_RUNTIME;
	if (s->opts->running)
		s->opts->running(s->opts->tick_ctx, s);
	while (goes_on(s)) {
		int n = epoll_wait(s->epoll, events, ARRAY_SIZE(events), -1);

		if (n < 0 && errno != EINTR)
			return EX_LR_RUNTIME;
		for (int i = 0; i < n; i++) {
			void *ptr = events[i].data.ptr;

			if (ptr == &s->signals)
				on_signal(s);
			else if (ptr == &s->ring_fd)
				on_ring(s);
			else if (child && ptr == child)
				session__child_ended(s);
			else if (ptr == &s->opts->fd)
				s->stop |= s->opts->readable(s->opts->tick_ctx) != 0;
			else if (is_timer(s, ptr))
				on_timer(s, ptr);
			else if (session__is_target(s, ptr))
				on_target_end(s, ptr);
		}
	}
	return s->status;
}

/* Last samples while the probes' targets are there, then out, then what is left in the ring. */
static void drain(struct session *s)
{
	flow_ring__drain(s->ring);
	session__sample(s);
	/* A program that was started is done; what remains takes a while. */
	s->result->end_ns = now_mono_ns();
	kern__detach(s->kern);
	if (!s->opts->cli->child)
		s->result->end_ns = now_mono_ns();
	flow_ring__drain(s->ring);
	flow_decode__flush(s->decode);
	session__tell_unseen(s);
	session__report_coverage(s);
}

static uint64_t total_loss(const struct session *s)
{
	uint64_t stats[LR_STAT_COUNT], sum = 0;

	if (kern__stats(s->kern, stats))
		return 0;
	for (int i = 0; i < LR_STAT_COUNT; i++)
		if (session_loss_kinds[i] != FLOW_LOSS_KINDS)
			sum += stats[i];
	return sum;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void cleanup(struct session *s)
{
	flow_ring__free(s->ring);
	flow_decode__free(s->decode);
	kern__free(s->kern);
	session__free_pending(s);
	session__free_targets(s);
	close_fd(s->ring_timer);
	close_fd(s->sample_timer);
	close_fd(s->pulse_timer);
	close_fd(s->end_timer);
	close_fd(s->tick_timer);
	close_fd(s->signals);
	close_fd(s->epoll);
}

int session__run(const struct session_opts *opts, struct session_result *result)
{
	struct session s = {
		.opts = opts,
		.result = result,
		.epoll = -1,
		.ring_timer = -1,
		.sample_timer = -1,
		.pulse_timer = -1,
		.end_timer = -1,
		.tick_timer = -1,
		.signals = -1,
	};
	int status, err;

	memset(result, 0, sizeof(*result));
	s.began_ticks = session__ticks();
	/* More processes of the same file will come. */
	target_elf__keep(opts->cli->follow);
	status = session__open_targets(&s);
	if (!status) {
		err = load(&s);
		if (!err)
			err = open_loop(&s);
		status = err ? status_of(err) : attach(&s);
	}
	if (!status) {
		status = run(&s);
		drain(&s);
		result->lost = total_loss(&s);
		if (!status)
			status = s.status;
	}
	cleanup(&s);
	target_elf__keep(false);
	kern_threads__free();
	return status;
}

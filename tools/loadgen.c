// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A small HTTP/1.1 load generator on one thread: keeps N connections busy with P requests in
 * flight each, measures every response, and can log each request so that tests may compare it
 * with what an observer of the server saw.
 *
 * A request starts when its bytes are handed to send() and ends when the last byte of its
 * response has been received. Connections are kept alive; one that ends is opened anew as long
 * as there is something left to send, and what was in flight on it counts as an error. At the
 * end of the time no new request is sent, and those in flight are waited for, so that client and
 * server agree on the number of requests.
 */
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loadgen/conn.h"

#define TICK_NS	     50000000ULL /* timeouts and reopening are looked at this often */
#define RATE_TICK_NS 200000ULL
#define MAX_EVENTS   256

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* Sends the paced requests that are due, over the connections in turn. */
static void load__pace(struct load *ld)
{
	uint32_t tried = 0;

	while (tried < ld->opt.connections && load__may_issue(ld, now_mono_ns())) {
		struct conn *c = &ld->conns[ld->cursor++ % ld->opt.connections];
		uint64_t now = now_mono_ns();

		tried++;
		if (c->state != CS_UP || c->in_flight == ld->opt.pipeline)
			continue;
		conn__append(ld, c, now);
		conn__flush(ld, c, now);
		tried = 0;
	}
}

static void load__tick(struct load *ld, uint64_t now)
{
	ld->next_tick_ns = now + TICK_NS;
	for (uint32_t i = 0; i < ld->opt.connections; i++) {
		struct conn *c = &ld->conns[i];

		if (c->in_flight && now - c->flights[c->first].start_ns > ld->opt.timeout_ns)
			conn__fail(ld, c, LE_TIMEOUT, now);
		if (c->state != CS_DOWN || !load__has_more(ld))
			continue;
		if (now >= c->reopen_ns)
			conn__open(ld, c);
		else
			ld->next_tick_ns = now + REOPEN_NS;
	}
}

/* Looks at the clock; returns false when nothing is left to do. */
static bool load__step(struct load *ld)
{
	uint64_t now = now_mono_ns();

	if (interrupted || (ld->stop_ns && now >= ld->stop_ns))
		ld->stopping = true;
	if (now >= ld->next_tick_ns)
		load__tick(ld, now);
	if (ld->opt.rate)
		load__pace(ld);
	return ld->in_flight || load__has_more(ld);
}

static void load__run(struct load *ld)
{
	struct epoll_event events[MAX_EVENTS];
	uint64_t wait_ns = ld->opt.rate ? RATE_TICK_NS : REOPEN_NS;
	const struct timespec wait = {.tv_nsec = (long)wait_ns};

	ld->result.started_ns = now_mono_ns();
	ld->result.ended_ns = ld->result.started_ns;
	if (ld->opt.duration_ns)
		ld->stop_ns = ld->result.started_ns + ld->opt.duration_ns;
	while (load__step(ld)) {
		int n = epoll_pwait2(ld->epoll_fd, events, MAX_EVENTS, &wait, NULL);

		for (int i = 0; i < n; i++)
			conn__event(ld, events[i].data.ptr, events[i].events);
	}
}

static int load__read_mix(struct load *ld)
{
	const bool local = !strncmp(ld->opt.target, "unix:", 5);
	struct mix_options how = {.host = local ? "localhost" : ld->opt.target,
				  .headers = ld->opt.headers,
				  .chunked = ld->opt.chunked};
	char *text = mix__text(ld->opt.mix);
	int line = 0;
	int err = text ? mix__parse(&ld->mix, text, &how, &line) : -ENOMEM;

	free(text);
	if (err == -EINVAL)
		options__die("the mix is no file, and its line %d is not METHOD PATH [BODY]", line);
	return err;
}

static int load__prepare(struct load *ld)
{
	int err = load__read_mix(ld);

	if (err)
		return err;
	tls__init(&ld->tls, &ld->opt);
	ld->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ld->conns = calloc(ld->opt.connections, sizeof(*ld->conns));
	if (ld->epoll_fd < 0 || !ld->conns)
		return -errno;
	for (uint32_t i = 0; i < ld->opt.connections; i++) {
		struct conn *c = &ld->conns[i];

		c->fd = -1;
		c->in = malloc(INPUT_CAP + 1);
		c->flights = calloc(ld->opt.pipeline, sizeof(*c->flights));
		if (!c->in || !c->flights)
			return -ENOMEM;
	}
	if (ld->opt.log_path) {
		ld->log = fopen(ld->opt.log_path, "w");
		if (!ld->log)
			return -errno;
	}
	return 0;
}

static int load__free(struct load *ld)
{
	for (uint32_t i = 0; ld->conns && i < ld->opt.connections; i++) {
		tls__close(ld->conns[i].ssl);
		free(ld->conns[i].in);
		free(ld->conns[i].out);
		free(ld->conns[i].flights);
	}
	free(ld->conns);
	tls__free(&ld->tls);
	mix__free(&ld->mix);
	if (ld->epoll_fd >= 0)
		close(ld->epoll_fd);
	return ld->log && fclose(ld->log) ? -errno : 0;
}

int main(int argc, char **argv)
{
	static struct load ld = {.epoll_fd = -1};
	const struct sigaction act = {.sa_handler = on_signal};
	int freed;
	int err;

	options__parse(&ld.opt, argc, argv);
	err = load__prepare(&ld);
	if (!err) {
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGTERM, &act, NULL);
		load__run(&ld);
		ld.result.handshakes = ld.tls.handshakes;
		ld.result.resumed = ld.tls.resumed;
		(ld.opt.json ? result__print_json : result__print)(&ld.result, &ld.opt);
	}
	freed = load__free(&ld);
	err = err ? err : freed;
	if (err)
		fprintf(stderr, "loadgen: %s\n", strerror(-err));
	return err || !ld.result.answered ? EX_LR_RUNTIME : EX_LR_OK;
}

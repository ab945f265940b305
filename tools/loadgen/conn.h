/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One connection of the load generator: opened without blocking, filled with up to `pipeline`
 * requests, read until their responses are complete, and closed or given up. Its events are
 * edge triggered, so that a request costs one epoll_wait, one recv and one send.
 */
#ifndef LOADGEN_CONN_H
#define LOADGEN_CONN_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mix.h"
#include "options.h"
#include "response.h"
#include "result.h"
#include "tls.h"

#define INPUT_CAP (32 * 1024) /* also the longest response head that is accepted */
#define REOPEN_NS 10000000ULL

struct flight {
	const struct mix_request *request;
	uint64_t start_ns;
	uint64_t seq;
	size_t bytes_out;
};

enum conn_state { CS_DOWN, CS_CONNECTING, CS_HANDSHAKE, CS_UP };

struct conn {
	int fd;
	SSL *ssl; /* NULL: not over TLS */
	enum conn_state state;
	uint64_t reopen_ns; /* CS_DOWN: not before */
	uint64_t number;    /* of all connections of this run, from 1 */
	uint64_t seq;	    /* requests sent on this connection */
	uint16_t port;	    /* local, 0 on a unix socket */
	uint32_t first;	    /* oldest entry of the ring of flights */
	uint32_t in_flight;
	struct flight *flights; /* ring of `pipeline` entries */
	struct response response;
	size_t in_len;
	char *in; /* INPUT_CAP + 1 bytes */
	size_t out_len;
	size_t out_sent;
	size_t out_cap;
	char *out;
};

struct load {
	struct options opt;
	struct mix mix;
	struct result result;
	struct tls tls;
	struct conn *conns;
	uint32_t cursor; /* where the next paced request is tried first */
	uint64_t issued; /* requests sent or given up */
	uint64_t in_flight;
	uint64_t stop_ns; /* no new request from here on, 0: no limit */
	uint64_t next_tick_ns;
	bool stopping;
	int epoll_fd;
	FILE *log;
};

/* One line of --log; @error is NULL for a response. */
static inline void load__log(struct load *ld, const struct conn *c, const struct flight *f,
			     uint64_t now, const char *error)
{
	const struct response *rs = &c->response;

	if (!ld->log)
		return;
	fprintf(ld->log,
		"{\"conn\":%lu,\"port\":%u,\"seq\":%lu,%s,\"status\":%d,\"start_ns\":%lu,"
		"\"end_ns\":%lu,\"bytes_in\":%lu,\"bytes_out\":%zu,",
		c->number, c->port, f->seq, f->request->json, error ? 0 : rs->status, f->start_ns,
		now, error ? 0 : rs->bytes, f->bytes_out);
	if (error)
		fprintf(ld->log, "\"error\":\"%s\"}\n", error);
	else
		fprintf(ld->log, "\"request_id\":\"%s\",\"context_ok\":%s}\n", rs->id,
			rs->context_ok < 0 ? "null"
			: rs->context_ok   ? "1"
					   : "0");
}

static inline struct flight *conn__take_flight(struct load *ld, struct conn *c)
{
	struct flight *f = &c->flights[c->first];

	c->first = (c->first + 1) % ld->opt.pipeline;
	c->in_flight--;
	ld->in_flight--;
	return f;
}

static inline void conn__close(struct conn *c, uint64_t reopen_ns)
{
	tls__close(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
	c->state = CS_DOWN;
	c->reopen_ns = reopen_ns;
}

/* Gives up a connection; each request in flight on it is an error of this kind. */
static inline void conn__fail(struct load *ld, struct conn *c, enum load_error kind, uint64_t now)
{
	while (c->in_flight) {
		ld->result.ended_ns = now;
		ld->result.errors[kind]++;
		load__log(ld, c, conn__take_flight(ld, c), now, load_error_name[kind]);
	}
	conn__close(c, now + REOPEN_NS);
}

static inline bool load__has_more(const struct load *ld)
{
	return !ld->stopping && (!ld->opt.requests || ld->issued < ld->opt.requests);
}

/* Is a request due now? */
static inline bool load__may_issue(const struct load *ld, uint64_t now)
{
	double due;

	if (!load__has_more(ld))
		return false;
	if (!ld->opt.rate)
		return true;
	due = (double)(now - ld->result.started_ns) / 1e9 * ld->opt.rate + 1;
	return (double)ld->issued < due;
}

/* Without any connection ever there is no server, and the run ends here. */
static inline void conn__no_connection(struct load *ld, struct conn *c, int err, uint64_t now)
{
	if (!ld->result.opened) {
		fprintf(stderr, "loadgen: cannot connect to %s: %s\n", ld->opt.target,
			strerror(err));
		exit(EX_LR_RUNTIME);
	}
	ld->result.errors[LE_CONNECT]++;
	ld->issued++;
	conn__fail(ld, c, LE_CONNECT, now);
}

/* Makes room for @len more bytes to send. Ends the process when there is no memory. */
static inline char *conn__reserve(struct conn *c, size_t len)
{
	if (c->out_len + len > c->out_cap) {
		c->out_cap = (c->out_len + len) * 2;
		c->out = realloc(c->out, c->out_cap);
		if (!c->out) {
			fprintf(stderr, "loadgen: %s\n", strerror(ENOMEM));
			exit(EX_LR_RUNTIME);
		}
	}
	return c->out + c->out_len;
}

static inline void conn__append(struct load *ld, struct conn *c, uint64_t now)
{
	const struct mix_request *rq = &ld->mix.requests[ld->issued % ld->mix.count];
	char *out = conn__reserve(c, rq->head_len + rq->body_len + 64);
	char *end = mempcpy(out, rq->head, rq->head_len);

	c->seq++;
	if (ld->opt.request_id)
		end += sprintf(end, "x-request-id: lg%d-%lu-%lu\r\n", (int)getpid(), c->number,
			       c->seq);
	end = mempcpy(end, rq->body, rq->body_len);
	c->out_len += (size_t)(end - out);
	c->flights[(c->first + c->in_flight) % ld->opt.pipeline] = (struct flight){
		.request = rq, .start_ns = now, .seq = c->seq, .bytes_out = (size_t)(end - out)};
	c->in_flight++;
	ld->in_flight++;
	ld->issued++;
	ld->result.sent++;
}

/* Sends what is waiting; what the socket does not take goes out at the next EPOLLOUT. */
static inline void conn__flush(struct load *ld, struct conn *c, uint64_t now)
{
	while (c->out_sent < c->out_len) {
		ssize_t n =
			tls__send(c->ssl, c->fd, c->out + c->out_sent, c->out_len - c->out_sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			conn__fail(ld, c, LE_RESET, now);
			return;
		}
		c->out_sent += (size_t)n;
		ld->result.bytes_out += (uint64_t)n;
	}
	c->out_len = c->out_sent = 0;
}

/* Puts as many requests in flight as may be. */
static inline void conn__fill(struct load *ld, struct conn *c)
{
	uint64_t now = now_mono_ns();

	while (c->in_flight < ld->opt.pipeline && load__may_issue(ld, now))
		conn__append(ld, c, now);
	conn__flush(ld, c, now);
}

static inline void conn__open(struct load *ld, struct conn *c)
{
	int one = 1;
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

	ev.data.ptr = c;
	c->seq = c->in_len = c->out_len = c->out_sent = c->first = 0;
	response__reset(&c->response);
	c->fd = socket(ld->opt.addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || epoll_ctl(ld->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev)) {
		fprintf(stderr, "loadgen: cannot open a connection: %s\n", strerror(errno));
		exit(EX_LR_RUNTIME);
	}
	if (ld->opt.addr.ss_family != AF_UNIX)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->state = CS_CONNECTING;
	if (!connect(c->fd, (struct sockaddr *)&ld->opt.addr, ld->opt.addr_len) ||
	    errno == EINPROGRESS)
		return;
	/* A unix socket whose backlog is full says so at once: no error, only later. */
	if (errno == EAGAIN)
		conn__close(c, now_mono_ns() + REOPEN_NS);
	else
		conn__no_connection(ld, c, errno, now_mono_ns());
}

/* On with the handshake. One that fails is a connection that failed. */
static inline void conn__shake(struct load *ld, struct conn *c)
{
	int err = tls__handshake(&ld->tls, c->ssl);

	if (err == -EAGAIN)
		return;
	if (err) {
		ld->result.errors[LE_CONNECT]++;
		ld->issued++;
		conn__fail(ld, c, LE_CONNECT, now_mono_ns());
		return;
	}
	c->state = CS_UP;
	if (!ld->opt.rate)
		conn__fill(ld, c);
}

static inline void conn__opened(struct load *ld, struct conn *c)
{
	struct sockaddr_storage local = {0};
	socklen_t len = sizeof(local);
	int err = 0;
	socklen_t err_len = sizeof(err);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
	if (err) {
		conn__no_connection(ld, c, err, now_mono_ns());
		return;
	}
	getsockname(c->fd, (struct sockaddr *)&local, &len);
	c->port = 0;
	if (local.ss_family == AF_INET)
		c->port = ntohs(((struct sockaddr_in *)&local)->sin_port);
	else if (local.ss_family == AF_INET6)
		c->port = ntohs(((struct sockaddr_in6 *)&local)->sin6_port);
	c->number = ++ld->result.opened;
	c->state = CS_UP;
	if (ld->tls.ctx) {
		c->ssl = tls__open(&ld->tls, c->fd);
		c->state = CS_HANDSHAKE;
		conn__shake(ld, c);
		return;
	}
	if (!ld->opt.rate)
		conn__fill(ld, c);
}

static inline void conn__answered(struct load *ld, struct conn *c, uint64_t now)
{
	struct result *r = &ld->result;
	const struct flight *f = conn__take_flight(ld, c);

	r->answered++;
	r->by_class[c->response.status / 100 % 6]++;
	if (c->response.context_ok >= 0)
		r->context[c->response.context_ok]++;
	histogram__add(&r->latency, now - f->start_ns);
	r->ended_ns = now;
	load__log(ld, c, f, now, NULL);
}

/* The server ends the connection; without requests in flight that is nobody's error. */
static inline void conn__closed(struct load *ld, struct conn *c, enum load_error kind, uint64_t now)
{
	conn__fail(ld, c, kind, now);
	if (load__has_more(ld))
		conn__open(ld, c);
}

/* Works through the input. Returns false if the connection is given up. */
static inline bool conn__parse(struct load *ld, struct conn *c, uint64_t now)
{
	enum response_result result = RR_MORE;
	size_t pos = 0;
	size_t used;

	while (pos < c->in_len && c->in_flight) {
		result = response__feed(&c->response, c->in + pos, c->in_len - pos,
					c->flights[c->first].request->is_head, &used);
		pos += used;
		if (result != RR_DONE)
			break;
		conn__answered(ld, c, now);
		if (c->response.close) {
			conn__closed(ld, c, LE_RESET, now);
			return false;
		}
		response__reset(&c->response);
	}
	c->in_len -= pos;
	memmove(c->in, c->in + pos, c->in_len);
	/* Bytes that nobody asked for, or a head without end, are no HTTP either. */
	if (c->in_len && !c->in_flight) {
		ld->result.errors[LE_PARSE]++;
		result = RR_BAD;
	}
	if (result == RR_BAD || c->in_len == INPUT_CAP) {
		conn__fail(ld, c, LE_PARSE, now);
		return false;
	}
	return true;
}

/* The end of the stream: of a body without a length, of an idle connection, or too early. */
static inline void conn__eof(struct load *ld, struct conn *c, uint64_t now)
{
	if (c->in_flight && c->response.state == RS_UNTIL_CLOSE)
		conn__answered(ld, c, now);
	conn__closed(ld, c, LE_RESET, now);
}

static inline void conn__read(struct load *ld, struct conn *c, uint32_t events)
{
	bool ending = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	size_t room;
	ssize_t n;

	/* Edge triggered: a short read means empty, unless the end was already announced. */
	do {
		uint64_t now;

		room = INPUT_CAP - c->in_len;
		n = tls__recv(c->ssl, c->fd, c->in + c->in_len, room);
		now = now_mono_ns();
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			conn__eof(ld, c, now);
			return;
		}
		ld->result.bytes_in += (uint64_t)n;
		c->in_len += (size_t)n;
		if (!conn__parse(ld, c, now))
			return;
	} while ((size_t)n == room || ending || c->ssl);
	if (!ld->opt.rate)
		conn__fill(ld, c);
	else
		conn__flush(ld, c, now_mono_ns());
}

static inline void conn__event(struct load *ld, struct conn *c, uint32_t events)
{
	if (c->state == CS_CONNECTING)
		conn__opened(ld, c);
	else if (c->state == CS_HANDSHAKE)
		conn__shake(ld, c);
	else if (c->state == CS_UP)
		conn__read(ld, c, events);
}

#endif

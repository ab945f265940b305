/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TLS under a connection of the load generator. Certificates are not checked: the servers under
 * test make their own. With `resume`, each connection offers the session that the server gave out
 * last.
 */
#ifndef LOADGEN_TLS_H
#define LOADGEN_TLS_H

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "options.h"

struct tls {
	SSL_CTX *ctx; /* NULL: plain connections */
	SSL_SESSION *last;
	bool resume;
	uint64_t handshakes;
	uint64_t resumed;
};

static inline int tls__keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(t->last);
	t->last = session;
	return 1; /* it is ours now */
}

static inline void __attribute__((noreturn)) tls__die(const char *what)
{
	fprintf(stderr, "loadgen: %s: %s\n", what, ERR_error_string(ERR_get_error(), NULL));
	exit(EX_LR_RUNTIME);
}

/* Ends the process if TLS cannot be set up. */
static inline void tls__init(struct tls *t, const struct options *opt)
{
	const int version = opt->tls == 12 ? TLS1_2_VERSION : opt->tls == 13 ? TLS1_3_VERSION : 0;

	if (!opt->tls)
		return;
	t->resume = opt->resume;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx || (version && (!SSL_CTX_set_min_proto_version(t->ctx, version) ||
				    !SSL_CTX_set_max_proto_version(t->ctx, version))))
		tls__die("TLS cannot be set up");
	SSL_CTX_set_mode(t->ctx,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (t->resume)
		SSL_CTX_sess_set_new_cb(t->ctx, tls__keep_session);
	signal(SIGPIPE, SIG_IGN); /* SSL_write has no MSG_NOSIGNAL */
}

static inline void tls__free(struct tls *t)
{
	SSL_SESSION_free(t->last);
	SSL_CTX_free(t->ctx);
}

static inline SSL *tls__open(struct tls *t, int fd)
{
	SSL *ssl = SSL_new(t->ctx);

	if (!ssl || !SSL_set_fd(ssl, fd))
		tls__die("no connection over TLS");
	if (t->resume && t->last)
		SSL_set_session(ssl, t->last);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* Without a goodbye; OpenSSL forbids to resume what ends so, unless it is told that it was said. */
static inline void tls__close(SSL *ssl)
{
	if (ssl)
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
}

/* As recv(2) and send(2) have it: -1 with EAGAIN, or with another error. */
static inline ssize_t tls__result(SSL *ssl, int n)
{
	int err = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);

	if (err == SSL_ERROR_NONE)
		return n;
	ERR_clear_error();
	if (err == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return -1;
}

/* 0 done, -EAGAIN, or the handshake failed. */
static inline int tls__handshake(struct tls *t, SSL *ssl)
{
	if (tls__result(ssl, SSL_do_handshake(ssl)) < 1)
		return errno == EAGAIN ? -EAGAIN : -EPROTO;
	t->handshakes++;
	t->resumed += SSL_session_reused(ssl) != 0;
	return 0;
}

static inline ssize_t tls__recv(SSL *ssl, int fd, void *to, size_t len)
{
	return ssl ? tls__result(ssl, SSL_read(ssl, to, (int)len))
		   : recv(fd, to, len, MSG_DONTWAIT);
}

static inline ssize_t tls__send(SSL *ssl, int fd, const void *from, size_t len)
{
	return ssl ? tls__result(ssl, SSL_write(ssl, from, (int)len))
		   : send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

#endif

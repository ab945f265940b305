// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HTTP framing: each case is a script of receives and sends and the events that must come of
 * it, written down as text. Scripts without gaps are run a second time with every receive
 * split at every byte: the messages must come out the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_http.h"
#include "util.h"

#define LOG_MAX 65536

struct run {
	struct flow_http_shared shared;
	struct flow_http http;
	uint64_t ts;
	bool first;
	char log[LOG_MAX]; /* one line an event */
	size_t len;
	uint64_t in_bytes, out_bytes;
};

static void put(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->len += (size_t)vsnprintf(r->log + r->len, LOG_MAX - r->len, fmt, ap);
	va_end(ap);
	assert_true(r->len < LOG_MAX);
}

static const struct {
	uint32_t flag;
	const char *name;
} flag_names[] = {
	{FE_F_INFO, "INFO"},	 {FE_F_UPGRADE, "UPGRADE"}, {FE_F_EOF, "EOF"},
	{FE_F_GAP, "GAP"},	 {FE_F_CHUNKED, "CHUNKED"}, {FE_F_CLOSE, "CLOSE"},
	{FE_F_BAD, "BAD"},	 {FE_F_MASKED, "MASKED"},   {FE_F_PART, "PART"},
	{FE_F_RESYNC, "RESYNC"}, {FE_F_LONG, "LONG"},	    {FE_F_LENGTH, "LENGTH"},
	{FE_F_END, "END"},
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;
	const struct fe_io *io = &ev->io;
	bool out = ev->type == FE_OUT;

	assert_int_equal(io->conn, 7);
	*(out ? &r->out_bytes : &r->in_bytes) += io->bytes;
	put(r, "%s", out ? "OUT" : "IN");
	if (io->flags & FE_F_HEAD) {
		if (out)
			put(r, " %u", io->status);
		else
			put(r, " %.*s %.*s", (int)io->method_name.len, io->method_name.s,
			    (int)io->path.len, io->path.s);
	}
	put(r, " +%u", io->bytes);
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (io->flags & flag_names[i].flag)
			put(r, " %s", flag_names[i].name);
	if (io->error)
		put(r, " error");
	put(r, "\n");
	return 0;
}

static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->shared.sink.event = on_event;
	r->shared.sink.ctx = r;
	r->shared.held_max = 1 << 20;
	flow_http__init(&r->http, &r->shared);
	r->first = true;
	return r;
}

static void run_free(struct run *r)
{
	flow_http__destroy(&r->http);
	assert_int_equal(r->shared.held, 0);
	free(r);
}

static struct flow_http_op op_of(struct run *r, bool out, size_t total)
{
	struct flow_http_op op = {
		.conn = 7,
		.ts = ++r->ts,
		.pid = 1,
		.tid = 1,
		.total = (uint32_t)total,
		.out = out,
		.first = r->first,
	};

	r->first = false;
	return op;
}

/* One operation of @total bytes of which @captured were captured. */
static void operate(struct run *r, bool out, const char *bytes, size_t total, size_t captured)
{
	struct flow_http_op op = op_of(r, out, total);

	if (out && captured < total) {
		size_t n = min_t(size_t, total, FLOW_HTTP_TAIL);

		op.has_tail = true;
		memcpy(op.tail + FLOW_HTTP_TAIL - n, bytes + total - n, n);
	}
	assert_int_equal(flow_http__begin(&r->http, &op), 0);
	assert_int_equal(flow_http__data(&r->http, bytes, (uint32_t)captured), 0);
	assert_int_equal(flow_http__end(&r->http), 0);
}

static void in(struct run *r, const char *bytes)
{
	operate(r, false, bytes, strlen(bytes), strlen(bytes));
}

static void out(struct run *r, const char *bytes)
{
	operate(r, true, bytes, strlen(bytes), strlen(bytes));
}

static void check(struct run *r, const char *expected)
{
	assert_string_equal(r->log, expected);
	run_free(r);
}

/* @in and @out whole, in one operation each; then what must have been reported. */
struct exchange {
	const char *name;
	const char *in;
	const char *out;
	const char *events;
};

#define CRLF "\r\n"
#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct exchange exchanges[] = {
	{"plain", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", OK,
	 "IN GET /a +28 END\nOUT 200 +40 LENGTH END\n"},
	{"query is cut", "GET /a?b=c#d HTTP/1.1\r\n\r\n", OK,
	 "IN GET /a +25 MASKED END\nOUT 200 +40 LENGTH END\n"},
	{"absolute form", "GET http://u:p@h:1/p?q HTTP/1.1\r\n\r\n", OK,
	 "IN GET /p +35 MASKED END\nOUT 200 +40 LENGTH END\n"},
	{"absolute form without path", "GET http://h?q HTTP/1.1\r\n\r\n", OK,
	 "IN GET / +27 MASKED END\nOUT 200 +40 LENGTH END\n"},
	{"asterisk", "OPTIONS * HTTP/1.1\r\n\r\n", OK,
	 "IN OPTIONS * +22 END\nOUT 200 +40 LENGTH END\n"},
	{"leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", OK,
	 "IN GET / +22 END\nOUT 200 +40 LENGTH END\n"},
	{"content-length", "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", OK,
	 "IN POST /p +44 LENGTH END\nOUT 200 +40 LENGTH END\n"},
	{"content-length 0", "POST /p HTTP/1.1\r\ncontent-length:0 \r\n\r\n", OK,
	 "IN POST /p +39 LENGTH END\nOUT 200 +40 LENGTH END\n"},
	{"chunked with extension and trailer",
	 "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n",
	 OK, "IN POST /p +71 CHUNKED END\nOUT 200 +40 LENGTH END\n"},
	{"gzip, chunked", "POST /p HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n0\r\n\r\n",
	 OK, "IN POST /p +59 CHUNKED END\nOUT 200 +40 LENGTH END\n"},
	{"chunked response", "GET / HTTP/1.1\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
	 "IN GET / +18 END\nOUT 200 +67 CHUNKED END\n"},
	{"HEAD", "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
	 "IN HEAD / +19 END\nOUT 200 +39 LENGTH END\n"},
	{"204", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
	 "IN GET / +18 END\nOUT 204 +27 END\n"},
	{"304 with length", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n",
	 "IN GET / +18 END\nOUT 304 +37 LENGTH END\n"},
	{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", OK,
	 "IN GET / +42 END\nOUT 200 +40 LENGTH END\n"},
	{"connection: close", "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", OK,
	 "IN GET / +40 CLOSE END\nOUT 200 +40 LENGTH END\n"},
	{"100-continue", "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	 "HTTP/1.1 100 Continue\r\n\r\n" OK,
	 "IN PUT / +60 LENGTH END\nOUT 100 +25 INFO\nOUT 200 +40 LENGTH END\n"},
	{"early hints", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK,
	 "IN GET / +18 END\nOUT 103 +37 INFO\nOUT 200 +40 LENGTH END\n"},
	{"pipelined", "GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n",
	 OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" OK,
	 "IN GET /1 +19 END\nIN HEAD /2 +20 END\nIN GET /3 +19 END\n"
	 "OUT 200 +40 LENGTH END\nOUT 200 +38 LENGTH END\nOUT 200 +40 LENGTH END\n"},
	{"rare method", "M-SEARCH / HTTP/1.1\r\n\r\n", OK,
	 "IN M-SEARCH / +23 END\nOUT 200 +40 LENGTH END\n"},
	{"websocket", "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n\x81\x02hi",
	 "IN GET / +59 END\nOUT 101 +57 UPGRADE END\n"},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nbytes",
	 "IN CONNECT h:443 +26 END\nOUT 200 +19 UPGRADE END\n"},
	{"upgrade not taken", "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", OK,
	 "IN GET / +53 END\nOUT 200 +40 LENGTH END\n"},
};

static void test_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		const struct exchange *e = &exchanges[i];
		struct run *r = run_new();

		in(r, e->in);
		out(r, e->out);
		if (strcmp(r->log, e->events) != 0)
			print_message("case: %s\n", e->name);
		check(r, e->events);
	}
}

static void test_split_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		const struct exchange *e = &exchanges[i];
		size_t len = strlen(e->in), out_len = strlen(e->out);

		if (*e->in == '\r') /* alone, an empty line does not tell a server's connection */
			continue;
		for (size_t at = 1; at < len; at++) {
			struct run *r = run_new();

			operate(r, false, e->in, at, at);
			operate(r, false, e->in + at, len - at, len - at);
			operate(r, true, e->out, out_len, out_len);
			if (r->in_bytes != len)
				print_message("case: %s, split at %zu:\n%s", e->name, at, r->log);
			assert_int_equal(r->in_bytes, len);
			assert_non_null(strstr(r->log, "OUT "));
			run_free(r);
		}
	}
}

static void test_bytewise(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exchanges); i++) {
		const struct exchange *e = &exchanges[i];
		struct run *r = run_new();

		if (*e->in == '\r') {
			run_free(r);
			continue;
		}
		for (size_t k = 0; e->in[k]; k++)
			operate(r, false, e->in + k, 1, 1);
		for (size_t k = 0; e->out[k]; k++)
			operate(r, true, e->out + k, 1, 1);
		assert_non_null(strstr(r->log, " END"));
		assert_int_equal(r->in_bytes, strlen(e->in));
		run_free(r);
	}
}

/* What Node.js answers with 400, mostly before any handler runs: one receive, one event each. */
static const struct {
	const char *name;
	const char *in;
	const char *events;
} bad[] = {
	{"bare LF in the head", "GET / HTTP/1.1\r\nHost: x\n\r\n", "IN GET / +24 BAD\n"},
	{"folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "IN GET / +26 BAD\n"},
	{"blank before the colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", "IN GET / +23 BAD\n"},
	{"no colon", "GET / HTTP/1.1\r\nAb\r\n\r\n", "IN GET / +20 BAD\n"},
	{"no name", "GET / HTTP/1.1\r\n: b\r\n\r\n", "IN GET / +21 BAD\n"},
	{"control character", "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", "IN GET / +23 BAD\n"},
	{"DEL", "GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", "IN GET / +23 BAD\n"},
	{"stray CR", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", "IN GET / +24 BAD\n"},
	{"length twice", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
	 "IN POST / +55 BAD\n"},
	{"length list", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", "IN POST / +39 BAD\n"},
	{"length with sign", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
	 "IN POST / +37 BAD\n"},
	{"length empty", "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", "IN POST / +35 BAD\n"},
	{"length 2^64", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
	 "IN POST / +55 BAD\n"},
	{"length and coding",
	 "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	 "IN POST / +64 BAD\n"},
	{"coding and length",
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
	 "IN POST / +64 BAD\n"},
	{"chunked not last", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
	 "IN POST / +51 BAD\n"},
	{"chunked twice", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
	 "IN POST / +54 BAD\n"},
	/* Here the handler has run already. */
	{"coding without chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
	 "IN POST / +44 BAD\n"},
	{"chunk size not a number", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
	 "IN POST / +50 CHUNKED BAD\n"},
	{"blank behind the chunk size",
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
	 "IN POST / +51 CHUNKED BAD\n"},
	{"chunk size over 64 bits",
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
	 "IN POST / +66 CHUNKED BAD\n"},
	{"chunk longer than its size",
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
	 "IN POST / +51 CHUNKED BAD\n"},
	{"bare LF behind a chunk size",
	 "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
	 "IN POST / +49 CHUNKED BAD\n"},
	{"second request is none", "GET / HTTP/1.1\r\n\r\nFOO / HTTP/1.1\r\n\r\n",
	 "IN GET / +18 END\nIN +16 BAD\n"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct run *r = run_new();

		in(r, bad[i].in);
		if (strcmp(r->log, bad[i].events) != 0)
			print_message("case: %s\n", bad[i].name);
		in(r, "GET / HTTP/1.1\r\n\r\n"); /* nothing counts after that */
		assert_int_equal(r->shared.bad, 1);
		check(r, bad[i].events);
	}
}

/* The 400 is the bad request's, and a request before it that waits is answered first. */
static void test_bad_answered(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\nAb\r\n\r\n");
	out(r, OK);
	out(r, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	in(r, "GET /3 HTTP/1.1\r\n\r\n");
	check(r, "IN GET /1 +19 END\nIN HEAD /2 +22 BAD\nOUT 200 +40 LENGTH END\n"
		 "OUT 400 +47 CLOSE END\n");
	/* Up to the end of the connection, as Node.js sends it. */
	r = run_new();
	in(r, "POST /1 HTTP/1.1\r\nContent-Length: many\r\n\r\n");
	out(r, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	flow_http__close(&r->http, false);
	check(r, "IN POST /1 +40 BAD\nOUT 400 +47 CLOSE\nOUT +0 END\n");
}

/* First lines that are no HTTP request: before a good one the connection is not HTTP at all. */
static void test_not_http(void **state)
{
	static const char *const lines[] = {
		"get / HTTP/1.1\r\n\r\n",
		"FOO / HTTP/1.1\r\n\r\n",
		"GET abc HTTP/1.1\r\n\r\n",
		"GET ?a HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.2\r\n\r\n",
		"GET / HTTP/1.1 \r\n\r\n",
		"GET /a b HTTP/1.1\r\n\r\n",
		"GET /\tb HTTP/1.1\r\n\r\n",
		"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n",
		"\x16\x03\x01\x02\r\n\r\n",
		"GET / HTTP/1.1\n\r\n",
		"GET\r\n\r\n",
		"\r\n\r\n",
		"GET / RTSP/1.0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct run *r = run_new();

		in(r, lines[i]);
		check(r, "");
	}
}

static void test_client(void **state)
{
	struct run *r = run_new();

	(void)state;
	out(r, "GET / HTTP/1.1\r\n\r\n");
	in(r, OK);
	out(r, "GET / HTTP/1.1\r\n\r\n");
	check(r, "");
	r = run_new();
	in(r, OK); /* attached in between */
	in(r, "GET / HTTP/1.1\r\n\r\n");
	check(r, "");
}

static void test_attached_late(void **state)
{
	struct run *r = run_new();

	(void)state;
	r->first = false;
	in(r, "rest of a body");
	out(r, OK);
	in(r, "GET /n HTTP/1.1\r\n\r\n");
	out(r, OK);
	check(r, "OUT 200 +40 GAP LENGTH\nIN GET /n +19 END\nOUT 200 +40 LENGTH END\n");
	r = run_new();
	r->first = false;
	out(r, "rest of a response");
	in(r, "GE"); /* not even the first line: no guess */
	in(r, "T /n HTTP/1.1\r\n\r\n");
	check(r, "");
}

static void test_split_head(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "POST /a?b HT");
	in(r, "TP/1.1\r\nContent-Len");
	in(r, "gth: 3\r\n\r\na");
	in(r, "bc");
	out(r, "HTTP/1.1 200 OK\r\nConte");
	out(r, "nt-Length: 2\r\n\r\nok");
	check(r, "IN +12 PART\nIN +19 PART\nIN POST /a +11 MASKED LENGTH\nIN +2 END\n"
		 "OUT +22 PART\nOUT 200 +18 LENGTH END\n");
}

/* A body of known length is walked over exactly, captured or not. */
static void test_body_not_captured(void **state)
{
	static const char head[] = "POST /u HTTP/1.1\r\nContent-Length: 100000\r\n\r\n";
	struct run *r = run_new();
	size_t n = sizeof(head) - 1;

	(void)state;
	operate(r, false, head, n + 40000, n);
	operate(r, false, "", 30000, 0);
	operate(r, false, "", 30000, 0);
	in(r, "GET /n HTTP/1.1\r\n\r\n");
	check(r, "IN POST /u +40044 LENGTH\nIN +30000\nIN +30000 END\nIN GET /n +19 END\n");
}

static void test_chunked_not_captured(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n";
	static char send[100000];
	struct run *r = run_new();
	size_t n = sizeof(head) - 1;

	(void)state;
	memcpy(send, head, n);
	/* One chunk and the last one: known by arithmetic. */
	memcpy(send + n + 0x10000, "\r\n0\r\n\r\n", 7);
	in(r, "GET / HTTP/1.1\r\n\r\n");
	operate(r, true, send, n + 0x10000 + 7, 200);
	/* Chunks whose borders are not seen: the last bytes tell. */
	in(r, "GET / HTTP/1.1\r\n\r\n");
	operate(r, true, send, 90000, 200);
	operate(r, true, send, 500, 100);
	memcpy(send + 493, "\r\n0\r\n\r\n", 7);
	operate(r, true, send, 500, 100);
	in(r, "GET / HTTP/1.1\r\n\r\n");
	check(r, "IN GET / +18 END\nOUT 200 +65597 CHUNKED END\nIN GET / +18 END\n"
		 "OUT 200 +90000 CHUNKED\nOUT +500\nOUT +500 END\nIN GET / +18 END\n");
}

/* An upload whose chunk borders were not seen has no known end, and nothing is guessed. */
static void test_upload_lost(void **state)
{
	static const char head[] = "POST /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n";
	struct run *r = run_new();

	(void)state;
	operate(r, false, head, sizeof(head) - 1 + 9000, sizeof(head) - 1);
	in(r, "GET /body HTTP/1.1\r\n\r\n"); /* before the answer: part of the upload */
	out(r, OK);
	in(r, "more");
	in(r, "GET /next HTTP/1.1\r\n\r\n");
	out(r, OK);
	check(r, "IN POST /u +9051 CHUNKED\nIN +22\nOUT 200 +40 LENGTH END\nIN +4\n"
		 "IN GET /next +22 END\nOUT 200 +40 LENGTH END\n");
}

/* The response's length lies behind what was captured: the next request tells its end. */
static void test_response_head_cut(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nX: 1\r\nConte";
	struct run *r = run_new();
	size_t n = sizeof(head) - 1;

	(void)state;
	in(r, "GET /1 HTTP/1.1\r\n\r\n");
	operate(r, true, head, n, n - 1);
	check(r, "IN GET /1 +19 END\nOUT +28 PART\n"); /* the tail closed the hole */
	r = run_new();
	in(r, "GET /1 HTTP/1.1\r\n\r\n");
	{
		struct flow_http_op op = op_of(r, true, 9000);

		flow_http__begin(&r->http, &op);
		flow_http__data(&r->http, head, (uint32_t)n);
		flow_http__end(&r->http);
	}
	operate(r, true, "x", 1, 1);
	in(r, "GET /2 HTTP/1.1\r\n\r\n");
	out(r, OK);
	check(r, "IN GET /1 +19 END\nOUT 200 +9000\nOUT +1\nOUT +0 END\n"
		 "IN GET /2 +19 END\nOUT 200 +40 LENGTH END\n");
}

/* Early hints longer than what is captured: the response is still to come. */
static void test_hints_cut(void **state)
{
	static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: a";
	struct run *r = run_new();
	struct flow_http_op op;

	(void)state;
	in(r, "GET / HTTP/1.1\r\n\r\n");
	op = op_of(r, true, 5000);
	flow_http__begin(&r->http, &op);
	flow_http__data(&r->http, hints, sizeof(hints) - 1);
	flow_http__end(&r->http);
	out(r, OK);
	check(r, "IN GET / +18 END\nOUT 103 +5000 INFO\nOUT 200 +40 LENGTH END\n");
}

static void test_until_close(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "GET / HTTP/1.0\r\n\r\n");
	out(r, "HTTP/1.1 200 OK\r\n\r\nsome");
	out(r, "thing");
	flow_http__close(&r->http, false);
	check(r, "IN GET / +18 CLOSE END\nOUT 200 +23 CLOSE\nOUT +5\nOUT +0 END\n");
	r = run_new();
	in(r, "GET / HTTP/1.0\r\n\r\n");
	out(r, "HTTP/1.1 200 OK\r\n\r\nsome");
	flow_http__close(&r->http, true); /* reset by the peer: no end */
	check(r, "IN GET / +18 CLOSE END\nOUT 200 +23 CLOSE\n");
}

static void test_lost_records(void **state)
{
	struct run *r = run_new();

	(void)state;
	/* The response and maybe more was lost: the next head settles it. */
	in(r, "GET /1 HTTP/1.1\r\n\r\n");
	flow_http__lost(&r->http);
	in(r, "GET /2 HTTP/1.1\r\n\r\n");
	out(r, OK);
	/* Nothing was open: nothing is marked. */
	flow_http__lost(&r->http);
	in(r, "GET /3 HTTP/1.1\r\n\r\n");
	out(r, OK);
	/* What follows a loss and is no head is not taken for one. */
	flow_http__lost(&r->http);
	in(r, "abc\r\n\r\n");
	in(r, "GET /4 HTTP/1.1\r\n\r\n");
	check(r, "IN GET /1 +19 END\nIN GET /2 +19 GAP RESYNC END\nOUT 200 +40 LENGTH END\n"
		 "IN GET /3 +19 END\nOUT 200 +40 LENGTH END\nIN GET /4 +19 GAP END\n");
}

static void test_lost_in_response(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "GET /1 HTTP/1.1\r\n\r\n");
	out(r, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
	flow_http__lost(&r->http);
	out(r, OK); /* of a request that was lost, too */
	in(r, "GET /3 HTTP/1.1\r\n\r\n");
	out(r, OK);
	check(r, "IN GET /1 +19 END\nOUT 200 +46 LENGTH\nOUT +0 GAP END\nOUT 200 +40 GAP LENGTH\n"
		 "IN GET /3 +19 END\nOUT 200 +40 LENGTH END\n");
}

/* A client that pipelines keeps its order: no request is declared lost for it. */
static void test_lost_pipelined(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
	flow_http__lost(&r->http);
	in(r, "GET /3 HTTP/1.1\r\n\r\n");
	out(r, OK OK OK);
	check(r, "IN GET /1 +19 END\nIN GET /2 +19 END\nIN GET /3 +19 END\n"
		 "OUT 200 +40 LENGTH END\nOUT 200 +40 LENGTH END\nOUT 200 +40 LENGTH END\n");
}

static void test_ends(void **state)
{
	struct run *r = run_new();
	struct flow_http_op op;

	(void)state;
	in(r, "GET / HTTP/1.1\r\n\r\n");
	op = op_of(r, false, 0);
	flow_http__eof(&r->http, &op);
	out(r, OK);
	op = op_of(r, true, 0);
	flow_http__failed(&r->http, &op, 32);
	check(r, "IN GET / +18 END\nIN +0 EOF\nOUT 200 +40 LENGTH END\nOUT +0 error\n");
}

static void test_upgraded_is_silent(void **state)
{
	struct run *r = run_new();

	(void)state;
	in(r, "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	out(r, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
	in(r, "GET / HTTP/1.1\r\n\r\n");
	out(r, OK);
	check(r, "IN GET / +59 END\nOUT 101 +36 UPGRADE END\n");
	/* Not taken (h2c): the next request is an ordinary one. */
	r = run_new();
	in(r, "GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
	out(r, OK);
	in(r, "GET /2 HTTP/1.1\r\n\r\n");
	check(r, "IN GET /1 +54 END\nOUT 200 +40 LENGTH END\nIN GET /2 +19 END\n");
}

static void test_head_limit(void **state)
{
	static char header[8192];
	struct run *r = run_new();

	(void)state;
	memset(header, 'a', sizeof(header));
	memcpy(header, "X: ", 3);
	memcpy(header + sizeof(header) - 2, "\r\n", 2);
	in(r, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 9; i++)
		operate(r, false, header, sizeof(header), sizeof(header));
	assert_int_equal(r->shared.bad, 1);
	assert_non_null(strstr(r->log, "IN GET / "));
	assert_non_null(strstr(r->log, "BAD\n"));
	run_free(r);
	/* One line that never ends. */
	r = run_new();
	in(r, "GET /");
	for (int i = 0; i < 9; i++)
		operate(r, false, header + 3, 8000, 8000);
	assert_null(strstr(r->log, "GET"));
	run_free(r);
}

/* What is held of unfinished heads is bounded over all connections. */
static void test_held_limit(void **state)
{
	struct run *r = run_new();

	(void)state;
	r->shared.held_max = 64;
	in(r, "GET / HTTP/1.1\r\nA: 0123456789012345678901234567890123456789");
	in(r, "0123456789012345678901234567890123456789\r\n\r\n");
	in(r, "GET /n HTTP/1.1\r\n\r\n");
	assert_true(r->shared.held <= 64);
	assert_int_equal(r->shared.gaps, 1);
	assert_non_null(strstr(r->log, "IN GET "));
	run_free(r);
}

static void test_long_path(void **state)
{
	static char head[8192];
	struct run *r = run_new();
	char expected[64];

	(void)state;
	memset(head, 'p', sizeof(head));
	memcpy(head, "GET /", 5);
	strcpy(head + 5000, " HTTP/1.1\r\n\r\n");
	in(r, head);
	snprintf(expected, sizeof(expected), "p +%zu LONG END\n", strlen(head));
	assert_non_null(strstr(r->log, expected));
	assert_int_equal(r->len, strlen("IN GET ") + FLOW_PATH_MAX + strlen(expected) - 1);
	run_free(r);
}

/* Thousands of requests in one receive, then their responses; far too many are given up. */
static void test_depth(void **state)
{
	struct run *r = run_new();

	(void)state;
	for (int i = 0; i < 100; i++) {
		in(r, "GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n");
		r->len = 0;
	}
	for (int i = 0; i < 100; i++) {
		out(r, OK "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
		assert_string_equal(r->log, "OUT 200 +40 LENGTH END\nOUT 200 +38 LENGTH END\n");
		r->len = 0;
	}
	for (int i = 0; i <= FLOW_HTTP_DEPTH; i++) {
		in(r, "GET / HTTP/1.1\r\n\r\n");
		r->len = 0;
	}
	assert_int_equal(r->shared.unanswered_full, 1);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_bytewise),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bad_answered),
		cmocka_unit_test(test_not_http),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_attached_late),
		cmocka_unit_test(test_split_head),
		cmocka_unit_test(test_body_not_captured),
		cmocka_unit_test(test_chunked_not_captured),
		cmocka_unit_test(test_upload_lost),
		cmocka_unit_test(test_response_head_cut),
		cmocka_unit_test(test_hints_cut),
		cmocka_unit_test(test_until_close),
		cmocka_unit_test(test_lost_records),
		cmocka_unit_test(test_lost_in_response),
		cmocka_unit_test(test_lost_pipelined),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_upgraded_is_silent),
		cmocka_unit_test(test_head_limit),
		cmocka_unit_test(test_held_limit),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

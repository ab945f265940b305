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
		if (strcmp(r->log, e->events))
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_bytewise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Request headers that name the request: which are taken, and what of their value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_http.h"
#include "flow_value.h"
#include "util.h"

#define KEY	0x1234567890abcdefULL
#define TRACE	"4bf92f3577b34da6a3ce929d0e0e4736"
#define UUID	"0b7e61f2-5d1c-4a8e-9c3b-7a1f2e3d4c5b"
#define MAX_LOG 64

struct run {
	struct flow_http_shared shared;
	struct flow_http http;
	struct fe_io heads[MAX_LOG]; /* events that have a head */
	size_t n;
	uint64_t ts;
	uint32_t asked; /* times that ids of a response were asked for */
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (ev->io.flags & FE_F_HEAD) {
		assert_true(r->n < MAX_LOG);
		r->heads[r->n++] = ev->io;
	} else {
		assert_int_equal(ev->io.nids, 0);
	}
	return 0;
}

static uint32_t on_response(void *ctx, uint64_t ids[FE_IDS_MAX])
{
	struct run *r = ctx;

	r->asked++;
	ids[0] = 77;
	return 1;
}

static void run_init(struct run *r)
{
	memset(r, 0, sizeof(*r));
	r->shared.sink.event = on_event;
	r->shared.sink.ctx = r;
	r->shared.held_max = 1 << 20;
	r->shared.value_key = KEY;
	r->shared.response_ids = on_response;
	flow_http__init(&r->http, &r->shared);
}

/* @seen bytes of the operation are captured. */
static void operate(struct run *r, bool out, const char *bytes, size_t seen, uint32_t total)
{
	struct flow_http_op op = {
		.conn = 1,
		.ts = ++r->ts,
		.pid = 1,
		.tid = 1,
		.total = total,
		.out = out,
		.first = r->ts == 1,
	};

	assert_int_equal(flow_http__begin(&r->http, &op), 0);
	assert_int_equal(flow_http__data(&r->http, bytes, (uint32_t)seen), 0);
	assert_int_equal(flow_http__end(&r->http), 0);
}

static void in(struct run *r, const char *bytes)
{
	operate(r, false, bytes, strlen(bytes), (uint32_t)strlen(bytes));
}

static void out(struct run *r, const char *bytes)
{
	operate(r, true, bytes, strlen(bytes), (uint32_t)strlen(bytes));
}

/* The ids of a request with these header lines. */
static struct fe_io ids_of(const char *headers)
{
	char head[4096];
	struct run r;

	run_init(&r);
	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
	in(&r, head);
	assert_int_equal(r.n, 1);
	flow_http__destroy(&r.http);
	return r.heads[0];
}

static void one_id(const char *headers, const char *value)
{
	struct fe_io io = ids_of(headers);

	if (io.nids != 1)
		fail_msg("%u ids in %s", io.nids, headers);
	assert_true(io.ids[0] == flow_value__hash(KEY, value, strlen(value)));
}

static void no_id(const char *headers)
{
	if (ids_of(headers).nids)
		fail_msg("an id in %s", headers);
}

static void test_names(void **state)
{
	(void)state;
	one_id("X-Request-Id: " UUID "\r\n", UUID);
	one_id("x-request-id:" UUID "\r\n", UUID);
	one_id("X-REQUEST-ID:  \t" UUID " \t \r\n", UUID);
	one_id("X-Correlation-ID: 17\r\n", "17");
	one_id("X-Trace-Id: a b\r\n", "a b");
	one_id("X-Amzn-Trace-Id: Root=1-67891233-abc\r\n", "Root=1-67891233-abc");
	one_id("Request-Id: |x.1.\r\n", "|x.1.");
	one_id("Correlation-Id: c\r\n", "c");
	one_id("Fly-Request-Id: f\r\n", "f");
	one_id("uber-trace-id: u:1\r\n", "u:1");
	one_id("TraceParent: 00-" TRACE "-00f067aa0ba902b7-01\r\n", TRACE);
	one_id("X-B3-TraceId: " TRACE "\r\nX-B3-SpanId: 00f067aa0ba902b7\r\n", TRACE);
	one_id("b3: " TRACE "-00f067aa0ba902b7-1-05e3ac9a4f6e3b90\r\n", TRACE);
	one_id("B3: 00f067aa0ba902b7-00f067aa0ba902b7\r\n", "00f067aa0ba902b7");
	no_id("b3: 0\r\n");
	no_id("b3: d-1\r\n");
	no_id("b3: \r\n");
	no_id("b3: " TRACE "\r\n");
	no_id("X-Request-Ids: 1\r\n");
	no_id("Request-Ident: 1\r\n");
	no_id("-trace-id: 1\r\n"); /* nothing before it */
	no_id("trace-id: 1\r\n");
	no_id("My-Correlation-Id: 1\r\n");
	no_id("User-Id: 1\r\nCookie: id=1\r\nIf-None-Match: 1\r\n");
	no_id("Tracestate: a=1\r\nTracepareNd: 1\r\n");
	no_id("X-Request-Id:\r\n");
	no_id("X-Request-Id:   \r\n");
}

static void test_traceparent(void **state)
{
	(void)state;
	one_id("traceparent:  01-" TRACE "-00f067aa0ba902b7-01-more \r\n", TRACE);
	no_id("traceparent: 00-" TRACE "-00f067aa0ba902b7-0\r\n");
	no_id("traceparent: 00-" TRACE "-00f067aa0ba902b7001\r\n");
	no_id("traceparent: 00 " TRACE "-00f067aa0ba902b7-01\r\n");
	no_id("traceparent: 00-" TRACE "x00f067aa0ba902b7-01\r\n");
	no_id("traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n");
	no_id("traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n");
	no_id("traceparent: " UUID "\r\n");
}

static void test_how_many(void **state)
{
	char headers[2048] = "", value[200];
	struct fe_io io;

	(void)state;
	for (int i = 0; i < 10; i++) {
		char line[64];

		snprintf(line, sizeof(line), "a%d-request-id: %d\r\n", i, i < 2 ? 0 : i);
		strncat(headers, line, sizeof(headers) - strlen(headers) - 1);
	}
	io = ids_of(headers);
	assert_int_equal(io.nids, FE_IDS_MAX);
	for (int i = 0; i < FE_IDS_MAX; i++) { /* one of the first two: they are the same */
		snprintf(value, sizeof(value), "%d", i ? i + 1 : 0);
		assert_true(io.ids[i] == flow_value__hash(KEY, value, strlen(value)));
	}
	/* The longest that is taken, and one more. */
	memset(value, 'v', sizeof(value));
	value[128] = '\0';
	snprintf(headers, sizeof(headers), "x-request-id: %s \r\n", value);
	one_id(headers, value);
	snprintf(headers, sizeof(headers), "x-request-id: %sv\r\n", value);
	no_id(headers);
}

/* A head in two receives, cut at every place. */
static void test_parts(void **state)
{
	static const char head[] =
		"GET / HTTP/1.1\r\nAccept: */*\r\nX-Request-Id: " UUID
		"\r\nFoo: bar\r\ntraceparent: 00-" TRACE "-00f067aa0ba902b7-01\r\n\r\n";
	uint64_t want[] = {flow_value__hash(KEY, UUID, strlen(UUID)),
			   flow_value__hash(KEY, TRACE, strlen(TRACE))};

	(void)state;
	for (size_t cut = 1; cut < strlen(head); cut++) {
		struct run r;

		run_init(&r);
		operate(&r, false, head, cut, (uint32_t)cut);
		in(&r, head + cut);
		assert_int_equal(r.n, 1);
		assert_int_equal(r.heads[0].nids, 2);
		assert_memory_equal(r.heads[0].ids, want, sizeof(want));
		/* The next request begins with none. */
		out(&r, "HTTP/1.1 204 No Content\r\n\r\n");
		in(&r, "GET / HTTP/1.1\r\n\r\n");
		assert_int_equal(r.heads[2].nids, 0);
		flow_http__destroy(&r.http);
	}
}

/* A head of which only the beginning was captured keeps what was in it. */
static void test_cut_head(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nX-Request-Id: 5\r\nX-Trace-Id: 6";
	struct run r;

	(void)state;
	run_init(&r);
	operate(&r, false, head, strlen(head), 9000);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.heads[0].nids, 1);
	assert_true(r.heads[0].ids[0] == flow_value__hash(KEY, "5", 1));
	flow_http__destroy(&r.http);
}

/* Several requests in one receive: each has its own. Lines that are refused give none. */
static void test_pipelined(void **state)
{
	struct run r;

	(void)state;
	run_init(&r);
	in(&r, "GET / HTTP/1.1\r\nX-Request-Id: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n"
	       "GET / HTTP/1.1\r\nX-Request-Id: 2\r\n\r\n");
	assert_int_equal(r.n, 3);
	assert_true(r.heads[0].nids == 1 && r.heads[1].nids == 0 && r.heads[2].nids == 1);
	assert_true(r.heads[2].ids[0] == flow_value__hash(KEY, "2", 1));
	flow_http__destroy(&r.http);
	run_init(&r);
	in(&r, "GET / HTTP/1.1\r\nX-Request-Id : 1\r\n\r\n");
	assert_int_equal(r.n, 1); /* it will be refused, which is a response too */
	assert_int_equal(r.heads[0].nids, 0);
	flow_http__destroy(&r.http);
}

/* Responses: asked for once a final head; their own headers count for nothing here. */
static void test_responses(void **state)
{
	struct run r;

	(void)state;
	run_init(&r);
	in(&r, "GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(r.asked, 0);
	out(&r, "HTTP/1.1 100 Continue\r\nX-Request-Id: 1\r\n\r\n");
	assert_int_equal(r.asked, 0);
	assert_int_equal(r.heads[1].nids, 0);
	out(&r, "HTTP/1.1 200 OK\r\nX-Request-Id: 1\r\nContent-Length: 4\r\n\r\nab");
	assert_int_equal(r.asked, 1);
	assert_true(r.heads[2].nids == 1 && r.heads[2].ids[0] == 77);
	out(&r, "cd");
	assert_int_equal(r.asked, 1);
	r.shared.response_ids = NULL;
	in(&r, "GET / HTTP/1.1\r\n\r\n");
	out(&r, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_int_equal(r.heads[4].nids, 0);
	flow_http__destroy(&r.http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_traceparent),
		cmocka_unit_test(test_how_many),  cmocka_unit_test(test_parts),
		cmocka_unit_test(test_cut_head),  cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_responses),
	};

	return cmocka_run_group_tests_name("flow_http_ids", tests, NULL, NULL);
}

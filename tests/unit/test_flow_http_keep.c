// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Headers that are kept: trace context, those that the user named, and nothing else. */
#include <errno.h>
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
#include "flow_keep.h"
#include "flow_trace.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

struct run {
	struct flow_http_shared shared;
	struct flow_http http;
	uint32_t heads;
	uint32_t told;
	struct fe_trace trace;
	char text[1024]; /* tracestate, then name=value of each */
};

static void append(char *to, size_t cap, const struct flow_str *s)
{
	size_t at = strlen(to);

	snprintf(to + at, cap - at, "%.*s", (int)s->len, s->s);
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	static const struct flow_str equals = {"=", 1}, end = {";", 1};
	struct run *r = ctx;

	if (ev->type == FE_IN && (ev->io.flags & FE_F_HEAD))
		r->heads++;
	if (ev->type != FE_HEADERS)
		return 0;
	assert_int_equal(r->told + 1, r->heads); /* behind its head */
	r->told++;
	r->trace = ev->headers.trace;
	r->text[0] = '\0';
	append(r->text, sizeof(r->text), &ev->headers.tracestate);
	append(r->text, sizeof(r->text), &end);
	for (uint32_t i = 0; i < ev->headers.n; i++) {
		append(r->text, sizeof(r->text), &ev->headers.header[i].name);
		append(r->text, sizeof(r->text), &equals);
		append(r->text, sizeof(r->text), &ev->headers.header[i].value);
		append(r->text, sizeof(r->text), &end);
	}
	return 0;
}

/* Feeds a request with these header lines in pieces of @step bytes; what is told stays in @r. */
static void request(struct run *r, const struct flow_keep_names *names, const char *lines,
		    size_t step)
{
	char bytes[2048];
	size_t n = (size_t)snprintf(bytes, sizeof(bytes), "GET /a HTTP/1.1\r\nHost: a\r\n%s\r\n",
				    lines);

	memset(r, 0, sizeof(*r));
	r->shared.sink.event = on_event;
	r->shared.sink.ctx = r;
	r->shared.held_max = 1 << 20;
	http_keep__prepare(&r->shared, names);
	flow_http__init(&r->http, &r->shared);
	for (size_t at = 0; at < n; at += step) {
		size_t len = at + step < n ? step : n - at;
		struct flow_http_op op = {.conn = 1,
					  .ts = at + 1,
					  .pid = 1,
					  .tid = 1,
					  .total = (uint32_t)len,
					  .first = at == 0};

		assert_int_equal(flow_http__begin(&r->http, &op), 0);
		assert_int_equal(flow_http__data(&r->http, bytes + at, (uint32_t)len), 0);
		assert_int_equal(flow_http__end(&r->http), 0);
	}
	assert_int_equal(r->heads, 1);
	flow_http__destroy(&r->http);
	assert_int_equal(r->shared.held, 0);
}

static void test_trace_context(void **state)
{
	struct run r;
	char id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	(void)state;
	for (size_t step = 1; step <= 512; step *= 8) {
		request(&r, NULL,
			"TraceParent:  " PARENT " \r\ntracestate: a=1\r\nTRACESTATE: b=2\r\n",
			step);
		assert_int_equal(r.told, 1);
		assert_true(r.trace.known);
		flow_trace__text(&r.trace, id, span);
		assert_string_equal(id, "0af7651916cd43dd8448eb211c80319c");
		assert_string_equal(span, "b7ad6b7169203331");
		assert_int_equal(r.trace.flags, 1);
		assert_string_equal(r.text, "a=1,b=2;");
	}
	/* Not valid: as if there were none. */
	request(&r, NULL, "traceparent: " PARENT "x\r\ntracestate: a=1\r\n", 512);
	assert_int_equal(r.told, 0);
	request(&r, NULL, "traceparent: " PARENT "\r\ntraceparent: " PARENT "\r\n", 512);
	assert_int_equal(r.told, 0);
	request(&r, NULL, "tracestate: a=1\r\n", 512);
	assert_int_equal(r.told, 0);
	request(&r, NULL, "traceparent: " PARENT "\r\ntracestate: A=1\r\n", 512);
	assert_int_equal(r.told, 1);
	assert_string_equal(r.text, ";");
}

static void test_named(void **state)
{
	struct flow_keep_names names = {0};
	struct run r;

	(void)state;
	assert_int_equal(flow_keep__add(&names, "X-Request-Id,X-Tenant"), 0);
	assert_int_equal(flow_keep__add(&names, "x-tenant"), 0);
	assert_int_equal(names.n, 2);
	for (size_t step = 1; step <= 512; step *= 8) {
		request(&r, &names,
			"x-request-ID: one\r\nX-Tenant:two \r\nX-Tenant: three\r\n"
			"X-Request: no\r\nCookie: no\r\n",
			step);
		assert_int_equal(r.told, 1);
		assert_string_equal(r.text, ";x-request-id=one;x-tenant=two;");
	}
	request(&r, NULL, "x-request-id: one\r\n", 512);
	assert_int_equal(r.told, 0);
}

static void test_names(void **state)
{
	struct flow_keep_names names = {0};
	char name[16];

	(void)state;
	assert_int_equal(flow_keep__add(&names, ""), -EINVAL);
	assert_int_equal(flow_keep__add(&names, "a,,b"), -EINVAL);
	assert_int_equal(flow_keep__add(&names, "a b"), -EINVAL);
	assert_int_equal(flow_keep__add(&names, "a:"), -EINVAL);
	memset(&names, 0, sizeof(names));
	for (int i = 0; i < FE_HEADERS_MAX; i++) {
		snprintf(name, sizeof(name), "x-%d", i);
		assert_int_equal(flow_keep__add(&names, name), 0);
	}
	assert_int_equal(flow_keep__add(&names, "one-more"), -E2BIG);
	assert_int_equal(flow_keep__add(&names, "X-1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace_context),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

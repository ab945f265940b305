// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The load generator's pure parts: tests compare loopray with what it says, so it must be right
 * about where a response ends and what a quantile is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../tools/loadgen/histogram.h"
#include "../../tools/loadgen/mix.h"
#include "../../tools/loadgen/response.h"

#define CAP 4096

struct feed {
	int done;
	int bad;
	uint64_t bytes;
	int last_status;
};

/* Feeds @text to a parser in pieces of @step bytes, as the load generator keeps its buffer. */
static struct feed feed(const char *text, size_t step, bool is_head)
{
	struct feed seen = {0};
	struct response rs;
	char buf[CAP + 1];
	size_t have = 0;
	size_t pos = 0;
	size_t used;

	response__reset(&rs);
	while (pos < strlen(text)) {
		size_t n = strlen(text) - pos < step ? strlen(text) - pos : step;

		memcpy(buf + have, text + pos, n);
		have += n;
		pos += n;
		for (size_t at = 0; have; have -= used, at += used) {
			enum response_result result =
				response__feed(&rs, buf, have, is_head, &used);

			memmove(buf, buf + used, have - used);
			seen.bad += result == RR_BAD;
			if (result != RR_DONE) {
				have -= used;
				break;
			}
			seen.done++;
			seen.bytes += rs.bytes;
			seen.last_status = rs.status;
			response__reset(&rs);
		}
		if (seen.bad)
			break;
	}
	return seen;
}

/* However it is cut, @text holds @done responses and all its bytes belong to them. */
static void expect_done(const char *text, int done, int last_status)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		struct feed seen = feed(text, step, false);

		assert_int_equal(seen.bad, 0);
		assert_int_equal(seen.done, done);
		assert_int_equal(seen.bytes, strlen(text));
		assert_int_equal(seen.last_status, last_status);
	}
}

static void test_bodies(void **state)
{
	(void)state;
	expect_done("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, 200);
	expect_done("HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", 1, 404);
	expect_done("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n"
		    "Content-Length: 9\r\n\r\n",
		    2, 304);
	expect_done("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5;ext=1\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\n",
		    1, 200);
}

static void test_pipelined_and_interim(void **state)
{
	(void)state;
	expect_done("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		    "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		    2, 500);
}

static void test_head_has_no_body(void **state)
{
	const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
	struct feed seen = feed(text, strlen(text), true);

	(void)state;
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.bytes, strlen(text));
}

static void test_until_close_is_never_done(void **state)
{
	struct feed seen = feed("HTTP/1.1 200 OK\r\n\r\nuntil the end", 7, false);

	(void)state;
	assert_int_equal(seen.done, 0);
	assert_int_equal(seen.bad, 0);
}

static void test_no_http(void **state)
{
	static const char *const texts[] = {
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"SSH-2.0-OpenSSH_9.2 and so on\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct feed seen = feed(texts[i], strlen(texts[i]), false);

		assert_int_equal(seen.done, 0);
		assert_int_equal(seen.bad, 1);
	}
}

static void test_headers_that_count(void **state)
{
	char text[CAP] = "HTTP/1.1 200 OK\r\nX-Request-Id: req-7\r\nx-context-ok: 0\r\n"
			 "Connection: close\r\nContent-Length: 0\r\n\r\n";
	struct response rs;
	size_t used;

	(void)state;
	response__reset(&rs);
	assert_int_equal(rs.context_ok, -1);
	assert_int_equal(response__feed(&rs, text, strlen(text), false, &used), RR_DONE);
	assert_string_equal(rs.id, "req-7");
	assert_int_equal(rs.context_ok, 0);
	assert_true(rs.close);
}

static void test_quantiles(void **state)
{
	static struct histogram h;

	(void)state;
	assert_true(histogram__quantile_ms(&h, 0.5) == 0);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram__add(&h, i * 1000000);
	assert_in_range((uint64_t)(histogram__quantile_ms(&h, 0.5) * 1000), 500000, 504000);
	assert_in_range((uint64_t)(histogram__quantile_ms(&h, 0.99) * 1000), 990000, 998000);
	assert_true(histogram__quantile_ms(&h, 1) == 1000.0);
	assert_int_equal(h.count, 1000);
}

/* Every value lies in its bucket, and buckets follow each other without a gap. */
static void test_buckets(void **state)
{
	(void)state;
	for (int bit = 0; bit < 63; bit++) {
		uint64_t edge = 1ULL << bit;

		for (uint64_t v = edge - 1; v <= edge + 1; v++) {
			uint32_t i = histogram__index(v);

			assert_true(v <= histogram__upper(i));
			assert_true(!i || v > histogram__upper(i - 1));
		}
	}
	assert_true(histogram__index(UINT64_MAX) <
		    sizeof(((struct histogram *)0)->bucket) / sizeof(uint64_t));
}

static void test_mix(void **state)
{
	const struct mix_options opt = {.host = "h:1", .headers = ""};
	char text[] = "# comment\n\n  GET /a?x=\"1\"\r\nPOST /b {\"a\": 1}\nHEAD /c\n";
	struct mix mix = {0};
	int line;

	(void)state;
	assert_int_equal(mix__parse(&mix, text, &opt, &line), 0);
	assert_int_equal(mix.count, 3);
	assert_string_equal(mix.requests[0].json, "\"method\":\"GET\",\"path\":\"/a?x=\\\"1\\\"\"");
	assert_string_equal(mix.requests[0].head, "GET /a?x=\"1\" HTTP/1.1\r\nHost: h:1\r\n");
	assert_string_equal(mix.requests[1].body, "\r\n{\"a\": 1}");
	assert_non_null(strstr(mix.requests[1].head, "Content-Length: 8\r\n"));
	assert_true(mix.requests[2].is_head);
	mix__free(&mix);
}

static void test_mix_chunked(void **state)
{
	const struct mix_options opt = {.host = "h", .headers = "", .chunked = true};
	char text[] = "POST /b abcde";
	struct mix mix = {0};
	int line;

	(void)state;
	assert_int_equal(mix__parse(&mix, text, &opt, &line), 0);
	assert_string_equal(mix.requests[0].body, "\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
	mix__free(&mix);
}

static void test_mix_refused(void **state)
{
	const struct mix_options opt = {.host = "h", .headers = ""};
	char texts[][32] = {"GET /\nnonsense", "GET", "get /", "GET path", "# nothing\n"};
	const int lines[] = {2, 1, 1, 1, 2};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct mix mix = {0};
		int line;

		assert_int_equal(mix__parse(&mix, texts[i], &opt, &line), -EINVAL);
		assert_int_equal(line, lines[i]);
		mix__free(&mix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_pipelined_and_interim),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_until_close_is_never_done),
		cmocka_unit_test(test_no_http),
		cmocka_unit_test(test_headers_that_count),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_mix_chunked),
		cmocka_unit_test(test_mix_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A real capture (payment.lray: the broken payment service, 161 requests) that is cut off anywhere,
 * or damaged, yields what its whole members say: the report is that of so many of the first
 * events, and so is what check makes of it. In two parts, its requests are over once.
 *
 * To make it anew, for another version of the format: tools/demo/payment.js --mode broken --pool 2,
 * recorded while loadgen -c 8 --rate 40 -d 4s --mix tools/demo/demo.mix loads it, until there are
 * mismatches; then the numbers in test_whole.
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "flow_state.h"
#include "out.h"
#include "out_capture.h"
#include "out_report.h"
#include "out_test.h"
#include "pipeline.h"
#include "util.h"

#define POINTS 150
#define ALL    UINT64_MAX

/* What one replay yields. */
struct replay {
	enum capture_end end;
	uint64_t events;
	uint64_t requests;
	uint64_t in_flight;
	uint64_t foreign;
	uint64_t incomplete;
	enum check_is check;
	char *json;
};

/* The first @left events go to @pipeline, the rest nowhere, or, behind what is known by then, to
 * @rest. */
struct cut {
	uint64_t left;
	uint64_t last_ns;
	struct pipeline *pipeline;
	struct pipeline *rest;
	struct flow_state *state;
};

static char *capture;
static size_t capture_len;

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct cut *c = ctx;
	struct flow_sink rest = {.event = pipeline__event, .ctx = c->rest};

	if (c->left) {
		c->last_ns = ev->ts > c->last_ns ? ev->ts : c->last_ns;
		if (c->state)
			flow_state__event(c->state, ev);
		if (--c->left == 0 && c->rest)
			assert_int_equal(flow_state__tell(c->state, ev->ts, &rest), 0);
		return pipeline__event(c->pipeline, ev);
	}
	return c->rest ? pipeline__event(c->rest, ev) : 0;
}

static char *report_of(const struct model *m)
{
	const struct out_opts opts = {.host = "here", .version = "1"};
	char path[] = "/tmp/loopray-cut-XXXXXX";
	int fd = mkstemp(path);
	struct out_file *f;
	size_t len;
	char *json;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(out_file__open(&f, path), 0);
	assert_int_equal(out_report__json(f, m, &opts), 0);
	assert_int_equal(out_file__commit(f), 0);
	json = test_read(path, &len);
	unlink(path);
	return json;
}

static enum check_is check_of(const struct model *m)
{
	struct options cli = {.max_unknown = 0.5,
			      .limits = 1u << LIMIT_MISMATCHES | 1u << LIMIT_REQUESTS};
	struct check_opts opts = {.cli = &cli};
	static struct check_report report;

	check__run(&report, m, &opts);
	return check__all(&report);
}

/* @m is that of the first @len bytes, of which the reader knows @info. */
static void take(struct replay *r, struct pipeline *p, const struct capture_info *info,
		 uint64_t end_ns, bool with_json)
{
	struct model_view view = {.start_ns = info->mono_ns, .end_ns = end_ns};
	struct model *m;

	assert_int_equal(pipeline__finish(p), 0);
	assert_int_equal(pipeline__model(p, &view, &m), 0);
	r->end = info->end;
	r->events = info->events;
	r->requests = m->requests.total;
	r->in_flight = m->in_flight;
	r->foreign = m->findings.foreign;
	r->incomplete = m->requests.incomplete[2];
	if (with_json)
		r->json = report_of(m);
	model__free(m);
	view.incomplete = info->end == CAPTURE_COMPLETE ? NULL : info->status;
	assert_int_equal(pipeline__model(p, &view, &m), 0);
	r->check = check_of(m);
	model__free(m);
}

static struct capture_reader *open_bytes(const char *bytes, size_t len, char text[256])
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct capture_reader *reader;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return capture_reader__open_fd(&reader, fd, text, 256) ? NULL : reader;
}

/* False: it does not even begin. */
static bool replay(struct replay *r, const char *bytes, size_t len, uint64_t limit)
{
	struct pipeline_opts opts = {.blocking_ns = 50000000};
	struct cut cut = {.left = limit};
	struct flow_sink sink = {.event = on_event, .ctx = &cut};
	char text[256] = "";
	struct capture_reader *reader = open_bytes(bytes, len, text);
	int err;

	memset(r, 0, sizeof(*r));
	if (!reader) {
		assert_true(text[0] != '\0');
		return false;
	}
	assert_int_equal(pipeline__new(&cut.pipeline, &opts), 0);
	err = capture_reader__run(reader, &sink);
	assert_true(err == 0 || err == -EBADMSG || err == -EPROTO);
	take(r, cut.pipeline, capture_reader__info(reader), cut.last_ns, true);
	pipeline__free(cut.pipeline);
	capture_reader__free(reader);
	return true;
}

static int setup(void **state)
{
	const char *top = getenv("LOOPRAY_TOP");
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/unit/payment.lray", top ? top : ".");
	capture = test_read(path, &capture_len);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(capture);
	return 0;
}

static void test_whole(void **state)
{
	struct replay r;

	(void)state;
	assert_true(replay(&r, capture, capture_len, ALL));
	assert_int_equal(r.end, CAPTURE_COMPLETE);
	assert_int_equal(r.requests, 161);
	assert_int_equal(r.foreign, 1);
	assert_int_equal(r.check, CHECK_FAILED);
	free(r.json);
}

static void test_cut_off(void **state)
{
	uint64_t seen = 0, known = 0;

	(void)state;
	for (size_t i = 1; i <= POINTS; i++) {
		size_t len = capture_len * i / (POINTS + 1);
		struct replay r, prefix;

		if (!replay(&r, capture, len, ALL)) {
			assert_true(len < 1024); /* in the header */
			continue;
		}
		assert_int_equal(r.end, CAPTURE_CUT_OFF);
		assert_true(r.events >= seen);
		known += r.events != seen;
		seen = r.events;
		assert_true(replay(&prefix, capture, capture_len, r.events));
		assert_string_equal(r.json, prefix.json);
		/* No mismatch in a part is no answer; one is. */
		assert_int_equal(r.check, r.foreign ? CHECK_FAILED : CHECK_UNSURE);
		free(r.json);
		free(prefix.json);
	}
	assert_true(known >= 4); /* members */
}

/* One byte is wrong: everything before its member, and nothing that is not true. */
static void test_damaged(void **state)
{
	char *copy = malloc(capture_len);

	(void)state;
	assert_non_null(copy);
	for (size_t i = 1; i <= POINTS; i++) {
		struct replay r, prefix;

		memcpy(copy, capture, capture_len);
		copy[capture_len * i / (POINTS + 1)] ^= (char)(1 << i % 8);
		if (!replay(&r, copy, capture_len, ALL))
			continue;
		assert_true(replay(&prefix, capture, capture_len, r.events));
		/* Bits of gzip's head that nobody reads may be wrong without harm. */
		if (r.end == CAPTURE_COMPLETE)
			assert_int_equal(r.requests, 161);
		else
			assert_int_equal(r.check, r.foreign ? CHECK_FAILED : CHECK_UNSURE);
		assert_string_equal(r.json, prefix.json);
		free(r.json);
		free(prefix.json);
	}
	free(copy);
}

/* Cut by flow_state as by rotation, at any event. */
static void test_in_two(void **state)
{
	struct pipeline_opts opts = {.blocking_ns = 50000000};
	struct replay whole;

	(void)state;
	assert_true(replay(&whole, capture, capture_len, ALL));
	for (uint64_t i = 1; i <= POINTS; i++) {
		struct cut cut = {.left = whole.events * i / (POINTS + 1)};
		struct flow_sink sink = {.event = on_event, .ctx = &cut};
		struct replay first = {0}, second = {0};
		char text[256];
		struct capture_reader *reader = open_bytes(capture, capture_len, text);

		assert_int_equal(pipeline__new(&cut.pipeline, &opts), 0);
		assert_int_equal(pipeline__new(&cut.rest, &opts), 0);
		assert_int_equal(flow_state__new(&cut.state, NULL), 0);
		assert_int_equal(capture_reader__run(reader, &sink), 0);
		take(&first, cut.pipeline, capture_reader__info(reader), cut.last_ns, false);
		take(&second, cut.rest, capture_reader__info(reader), cut.last_ns, false);
		assert_int_equal(first.requests + second.requests, whole.requests);
		assert_int_equal(first.in_flight, second.incomplete);
		/* Less may be known at a file's beginning, never more. */
		assert_true(first.foreign + second.foreign <= whole.foreign);
		pipeline__free(cut.pipeline);
		pipeline__free(cut.rest);
		flow_state__free(cut.state);
		capture_reader__free(reader);
	}
	free(whole.json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_in_two),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every allocation of the model and the outputs made to fail, one after the other: each must
 * come out as an error or be done without, and nothing may be left allocated.
 *
 * The allocator is replaced in this program. The sanitizers have one of their own, so there
 * is nothing to test under them.
 */
#include <errno.h>

#include "model.h"
#include "out_capture.h"
#include "out_report.h"
#include "out_test.h"
#include "util.h"

static long fail_at;
static struct test_dir dir;

#ifndef __SANITIZE_ADDRESS__
static bool armed;
static long count, live;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool fails(void)
{
	if (!armed || ++count != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *given(void *p)
{
	live += armed && p;
	return p;
}

void *malloc(size_t size)
{
	return fails() ? NULL : given(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : given(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, size) : given(__libc_realloc(p, size));
}

void free(void *p)
{
	live -= armed && p;
	__libc_free(p);
}

static int scenario_write(void)
{
	struct out_capture_opts opts = {.path = dir.file};
	struct flow_event ev = {.type = FE_LOSS, .pid = 1, .tid = 1, .ts = 9};
	struct out_capture *c;
	int err = out_capture__create(&c, &opts);

	if (err)
		return err;
	err = out_capture__event(c, &ev);
	if (out_capture__close(c, true))
		err = -EIO;
	return err;
}

static int ignore_event(void *ctx, const struct flow_event *ev)
{
	(void)ctx;
	(void)ev;
	return 0;
}

static int scenario_read(void)
{
	struct flow_sink sink = {ignore_event, NULL};
	struct capture_reader *r;
	char text[200];
	int err = capture_reader__open(&r, dir.file, text, sizeof(text));

	if (err)
		return err;
	err = capture_reader__run(r, &sink);
	capture_reader__free(r);
	return err;
}

/* More of everything than the first allocation of each table holds. */
static int fill(struct model_builder *b)
{
	struct flow_req req = {.method = "GET", .status = 200, .end_ns = 5, .end = REQ_COMPLETE};
	struct flow_event ev = {.ts = 1};
	char name[16];
	int err = 0;

	for (uint32_t i = 0; i < 20 && !err; i++) {
		snprintf(name, sizeof(name), "/r%u", i);
		req.path = req.route = name;
		model_builder__request(b, &req);
		ev.type = FE_TARGET;
		ev.pid = i;
		memset(&ev.target, 0, sizeof(ev.target));
		err = model_builder__event(b, &ev);
		ev.type = FE_LOOP;
		memset(&ev.loop, 0, sizeof(ev.loop));
		if (!err)
			err = model_builder__event(b, &ev);
	}
	return err;
}

static int build(struct model **m)
{
	struct flow_res_type type = {.name = "TCPWRAP", .init = 1};
	struct model_view view = {.types = &type, .type_count = 1};
	struct model_opts opts = {.max_routes = 10};
	struct model_builder *b;
	int err = model_builder__new(&b, &opts);

	if (!err)
		err = fill(b);
	if (!err)
		err = model_builder__snapshot(b, &view, m);
	model_builder__free(b);
	return err;
}

static int scenario_model(void)
{
	struct model *m = NULL;
	int err = build(&m);

	model__free(m);
	return err;
}

static int print(const char *name)
{
	const struct out_format *f = out_format__find(name);
	struct out_opts opts = {.verbose = true, .host = "h", .version = "v"};
	struct model *m = NULL;
	struct out_file *file = NULL;
	void *state = NULL;
	int err = build(&m);

	if (!err)
		err = out_file__open(&file, dir.file);
	if (!err)
		err = f->open(&state, file, &opts);
	if (!err)
		err = f->close(state, m);
	model__free(m);
	if (err) {
		out_file__abandon(file);
		return err;
	}
	return out_file__commit(file);
}

static int scenario_text(void)
{
	return print("text");
}

static int scenario_json(void)
{
	return print("json");
}

static int scenario_jsonl(void)
{
	return print("jsonl");
}

static void exhaust(int (*scenario)(void))
{
	bool failed_once = false;
	int err;

	assert_int_equal(scenario(), 0); /* what the C library allocates once and keeps */
	for (fail_at = 1; fail_at < 10000; fail_at++) {
		count = live = 0;
		armed = true;
		err = scenario();
		armed = false;
		if (err != 0 && err != -ENOMEM)
			fail_msg("allocation %ld: error %d", fail_at, err);
		if (live != 0)
			fail_msg("allocation %ld: %ld not freed", fail_at, live);
		failed_once |= err == -ENOMEM;
		if (count < fail_at)
			break; /* it needs no more than these */
	}
	assert_int_equal(err, 0);
	assert_true(failed_once);
}

static void test_all(void **state)
{
	static int (*const scenarios[])(void) = {scenario_write, scenario_read, scenario_model,
						 scenario_text,	 scenario_json, scenario_jsonl};

	(void)state;
	test_dir__make(&dir);
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
		exhaust(scenarios[i]);
	test_dir__remove(&dir);
}
#else
static void test_all(void **state)
{
	(void)state;
	(void)dir;
	(void)fail_at;
	print_message("the sanitizer's allocator cannot be replaced: skipped\n");
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	return cmocka_run_group_tests_name("out_memory", tests, NULL, NULL);
}

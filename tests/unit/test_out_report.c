// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "events.h"
#include "finding_test.h"
#include "model.h"
#include "out_report.h"
#include "out_test.h"
#include "out_text.h"
#include "util.h"

#define MS 1000000ULL

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static void feed(struct model_builder *b, struct flow_event ev)
{
	assert_int_equal(model_builder__event(b, &ev), 0);
}

static void feed_request(struct model_builder *b, const char *method, const char *path, uint64_t us,
			 uint16_t status)
{
	static uint64_t seq;
	uint64_t ns = us * 1000;
	struct flow_req r = {.pid = 4242,
			     .env = 0,
			     .seq = seq + 1,
			     .method = method,
			     .path = path,
			     .route = path,
			     .status = status,
			     .start_ns = 20000 * MS,
			     .end_ns = 20000 * MS + ns,
			     .breakdown = {true, ns / 10, ns / 5, ns / 5, ns / 2},
			     .waits = {true,
				       {[WAIT_QUEUE] = ns / 10,
					[WAIT_CPU] = ns / 5,
					[WAIT_LOOP] = ns / 5,
					[WAIT_CALL] = ns / 2}},
			     .end = REQ_COMPLETE};

	seq++;
	model_builder__request(b, &r);
}

static void feed_blocking(struct model_builder *b)
{
	struct flow_blocking x = {.pid = 4242,
				  .start_ns = 21000 * MS,
				  .duration_ns = 80 * MS,
				  .gc_ns = 5 * MS,
				  .by = TURN_REQUEST,
				  .conn = 7,
				  .seq = 3,
				  .method = "GET",
				  .route = "/reports/:id",
				  .path = "/reports/12",
				  .paid = 2,
				  .paid_ns = 90 * MS,
				  .npayers = 1,
				  .payer = {{9, 4, 60 * MS, "GET", "/health"}}};

	model_builder__blocking(b, &x);
	x.duration_ns = 120 * MS;
	model_builder__blocking(b, &x);
	x = (struct flow_blocking){.pid = 4242, .duration_ns = 60 * MS, .by = TURN_TIMERS};
	model_builder__blocking(b, &x);
}

static const struct flow_res_type types[] = {
	{"TCPWRAP", 20, 18, 0, 2, 40, 12},
	{"HTTPINCOMINGMESSAGE", 20, 20, 0, 0, 400, 20},
};

static const struct flow_leaks leaks = {
	.judged = LEAKS_JUDGED,
	.count = 2,
	.type = {{"FSEVENTWRAP", 10000 * MS, 40, 0, 0, 40, 31000 * MS},
		 {"ZLIB", 10000 * MS, 5, 3, 2, 0, 12500 * MS}},
};

/* Findings of three causes, as a service makes them that uses an old pool. */
static void feed_findings(struct model_builder *b)
{
	struct flow_finding f = test_foreign();
	struct flow_req r = test_request(&f, 1);

	model_builder__request(b, &r);
	f.grade = GRADE_MIXED;
	f.captured = true;
	f.id_in_response = false;
	f.head_ns += 2000 * MS;
	for (int i = 0; i < 4; i++)
		model_builder__request(b, &r);
	f = test_lost();
	r = test_request(&f, 1);
	r.path = r.route = "/upload";
	model_builder__request(b, &r);
	f = test_fan_out();
	r = test_request(&f, 1);
	r.method = "GET";
	r.path = r.route = "/events";
	model_builder__request(b, &r);
}

/* Everything a report can show, with the figures of a small service. */
/* Iterations of 30 ms each 100 ms, a third of each in microtasks; requests, timers, jobs. */
static void feed_health(struct model_builder *b)
{
	for (uint64_t i = 0; i < 20; i++) {
		const uint64_t from = (15000 + 100 * i) * MS;
		struct flow_event ev = {
			.type = FE_PULSE, .pid = 4242, .tid = 4242, .ts = from + 10 * MS};

		ev.pulse.idle_ns = (1000 + 70 * i) * MS;
		ev.pulse.time_ns = from;
		ev.pulse.iterations = 100 + i;
		ev.pulse.microtasks = 1000 + 50 * i;
		ev.pulse.flags = i % 3 ? 0 : FE_PULSE_DRAINING;
		feed(b, ev);
		ev.ts = from + 50 * MS;
		ev.pulse.entry_ns = from + 30 * MS;
		ev.pulse.iterations++;
		ev.pulse.flags = 0;
		feed(b, ev);
		feed(b, (struct flow_event){.type = FE_IN,
					    .pid = 4242,
					    .tid = 4242,
					    .ts = from,
					    .io = {.conn = 1000 + i,
						   .flags = FE_F_HEAD,
						   .arrival_ns = from - i * MS}});
		feed(b, (struct flow_event){.type = FE_TURN,
					    .pid = 4242,
					    .tid = 4242,
					    .ts = from,
					    .turn = {.kind = LR_TURN_TIMERS, .due_ns = from - MS}});
		feed(b, (struct flow_event){.type = FE_JOB,
					    .pid = 4242,
					    .tid = 4242,
					    .ts = from + 20 * MS,
					    .job = {.op = LR_JOB_DONE,
						    .kind = LR_JOB_FS,
						    .job = i,
						    .submit_ns = from,
						    .start_ns = from + i * MS,
						    .end_ns = from + 20 * MS}});
	}
	feed(b,
	     (struct flow_event){.type = FE_JOB,
				 .pid = 4242,
				 .tid = 4242,
				 .ts = 17000 * MS,
				 .job = {.op = LR_JOB_SUBMIT, .job = 77, .submit_ns = 17000 * MS}});
	/* A worker of an older runtime, of which nothing is known. */
	feed(b, (struct flow_event){.type = FE_PULSE,
				    .pid = 4242,
				    .tid = 4250,
				    .ts = 15000 * MS,
				    .pulse = {.env = 1,
					      .iterations_unknown = FLOW_COUNT_NOT_KEPT,
					      .microtasks_unknown = FLOW_COUNT_NOT_DECODED}});
	feed(b, (struct flow_event){.type = FE_LOOP, .pid = 4242, .ts = 15000 * MS, .loop.env = 1});
}

static struct model *full_model(void)
{
	struct model_view view = {
		.start_ns = 15000 * MS,
		.end_ns = 25000 * MS,
		.in_flight = 3,
		.types = types,
		.type_count = ARRAY_SIZE(types),
		.leaks = &leaks,
		.context = {.heads = 19,
			    .read = 17,
			    .none = 1,
			    .unreadable = 1,
			    .unknown = {[UNKNOWN_OLDER] = 2, [UNKNOWN_ELSEWHERE] = 1},
			    .same_connection = 1},
		.resources_not_kept = 2,
		.blocking_ns = 50 * MS};
	struct model_builder *b;
	struct model *m;

	assert_int_equal(model_builder__new(&b, NULL), 0);
	feed(b,
	     (struct flow_event){.type = FE_TARGET,
				 .pid = 4242,
				 .target = {77, str("22.21.1"), str("async_hooks"), str("static"),
					    str("/usr/bin/node"), str("resources")}});
	feed(b, (struct flow_event){.type = FE_THREAD, .pid = 4242, .tid = 4242});
	for (uint64_t i = 0; i < 3; i++)
		feed(b, (struct flow_event){
				.type = FE_LOOP,
				.pid = 4242,
				.ts = (15000 + 5000 * i) * MS,
				.loop = {0, (900 + 2000 * i) * MS, 10 + 500 * i, 2900 * i * MS}});
	for (uint64_t i = 0; i <= 50; i++)
		feed(b, (struct flow_event){.type = FE_TIMERS,
					    .pid = 4242,
					    .ts = (15000 + 200 * i) * MS,
					    .timers = {0, {0, 3}, {FLOW_COUNT_UNREADABLE, 0}}});
	feed(b, (struct flow_event){.type = FE_GC, .pid = 4242, .gc = {0, 2 * MS, 0}});
	feed(b, (struct flow_event){.type = FE_GC, .pid = 4242, .gc = {0, 0, 1}});
	feed_health(b);
	feed(b, (struct flow_event){.type = FE_PROBE,
				    .probe = {str("async_reset"), str("node+0x1234 +0 push"), true,
					      str(""), 40, 1}});
	feed(b, (struct flow_event){
			.type = FE_PROBE,
			.probe = {str("uv_run"), str(""), false, str("no such symbol"), 0, 0}});
	feed(b, (struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 5}});
	feed(b, (struct flow_event){.type = FE_COUNTER, .counter = {str("seen"), 9}});
	for (uint64_t i = 1; i <= 10; i++)
		feed_request(b, "GET", "/users/:id", 100 * i, i == 10 ? 500 : 200);
	feed_request(b, "POST", "/process-payment", 1234567, 201);
	feed_request(b, "GET", "/\x1b[31mred\xff", 50, 404);
	feed_findings(b);
	feed_blocking(b);
	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	model_builder__free(b);
	return m;
}

static struct model *empty_model(void)
{
	struct model_builder *b;
	struct model *m;

	assert_int_equal(model_builder__new(&b, NULL), 0);
	assert_int_equal(model_builder__snapshot(b, NULL, &m), 0);
	model_builder__free(b);
	return m;
}

static const struct out_opts opts = {.mono_ns = 10000 * MS,
				     .wall_ns = 1750000000ULL * 1000 * MS,
				     .host = "build-host",
				     .version = "0.1.0",
				     .verbose = true};

/* Writes the model in the named format; the caller removes the directory. */
static void print(struct test_dir *dir, const char *format, const struct model *m,
		  const struct out_opts *o)
{
	const struct out_format *f = out_format__find(format);
	struct out_file *file;
	void *state;

	assert_non_null(f);
	test_dir__make(dir);
	assert_int_equal(out_file__open(&file, dir->file), 0);
	assert_int_equal(f->open(&state, file, o), 0);
	assert_int_equal(f->close(state, m), 0);
	assert_false(test_exists(dir->file)); /* not before it is whole */
	assert_int_equal(out_file__commit(file), 0);
	assert_true(test_exists(dir->file));
}

static const char golden[] =
#include "out_report.golden"
	;

static void test_golden(void **state)
{
	struct model *m = full_model();
	struct test_dir dir = {0};
	size_t len;
	char *text;

	(void)state;
	print(&dir, "text", m, &opts);
	text = test_read(dir.file, &len);
	if (strcmp(text, golden) != 0)
		fprintf(stderr, "the report is now:\n%s<end>\n", text); /* cmocka's is cut */
	assert_string_equal(text, golden);
	free(text);
	test_dir__remove(&dir);
	model__free(m);
}

static void test_text_empty(void **state)
{
	struct out_opts plain = {0};
	struct model *m = empty_model();
	struct test_dir dir = {0};
	size_t len;
	char *text;

	(void)state;
	print(&dir, "text", m, &plain);
	text = test_read(dir.file, &len);
	assert_string_equal(text, "Observed   0.0 s\n"
				  "Requests   0 (0.0/s), 0 in flight at the end\n"
				  "Latency    no request was observed from begin to end\n"
				  "\nLosses\n  none lost\n");
	free(text);
	test_dir__remove(&dir);
	/* Without an event there is no moment at which it began. */
	print(&dir, "text", m, &opts);
	text = test_read(dir.file, &len);
	assert_non_null(strstr(text, "Observed   0.0 s on build-host\n"));
	free(text);
	test_dir__remove(&dir);
	model__free(m);
}

static void test_color(void **state)
{
	struct out_opts color = opts;
	struct model *m = full_model();
	struct test_dir dir = {0};
	size_t len;
	char *text;

	(void)state;
	color.color = true;
	unsetenv("NO_COLOR");
	print(&dir, "text", m, &color);
	text = test_read(dir.file, &len);
	assert_non_null(strstr(text, "\033[38;5;208mRoutes"));
	assert_null(strstr(text, "\033[31m")); /* that of the path is not let through */
	free(text);
	test_dir__remove(&dir);
	setenv("NO_COLOR", "1", 1);
	print(&dir, "text", m, &color);
	text = test_read(dir.file, &len);
	assert_null(strchr(text, '\033'));
	free(text);
	test_dir__remove(&dir);
	unsetenv("NO_COLOR");
	model__free(m);
}

/* The fields and values that other programs depend on, read by an independent parser. */
static void test_json(void **state)
{
	static const char *const holds[] = {
		"length == 1",
		".[0].schema == \"loopray.report/1\"",
		(".[0].targets == [{pid:4242,node:\"22.21.1\",context:\"async_hooks\","
		 "environments:2,linked:\"static\",exe:\"/usr/bin/node\",level:\"resources\","
		 "start_time:77,ended:false}]"),
		".[0].duration_s == 10",
		(".[0].requests | .total == 19 and .in_flight == 3 and .errors_5xx == 1 and .rps "
		 "== "
		 "1.9"),
		(".[0].requests.latency_ms | .max == 1234.567 and .measured == 19 and .p50 > 0.4 "
		 "and .p50 < 1 and .p95 <= .p99 and .p99 <= .max"),
		(".[0].context | .heads == 19 and .read == 17 and .none == 1 and .unreadable == 1 "
		 "and .same_connection == 1 and .unknown == {older:2,moved:0,elsewhere:1,shared:0,"
		 "loss:0,plain:0,entered:0} and .not_kept == 0 and .requests.foreign == 5 and "
		 ".requests.lost == 1 "
		 "and .requests.unread == 12"),
		(".[0].findings | .foreign == 5 and .stale == 5 and .lost_intermittent == 0 "
		 "and .lost_always == 1 and .fan_out == 1 and .leaked == 40 and .unknown == 3 "
		 "and .foreign_harm == 1 and .captured == 4 and .mismatched_requests == 6"),
		".[0].findings.groups | map(.kind) == [\"foreign\",\"lost\",\"fan_out\"]",
		".[0].findings.leaks | .judged and .types.ZLIB.uncollected == 2",
		".[0].resources.TCPWRAP | .init == 20 and .destroy == 18 and .alive == 2",
		".[0].loss == {ring:5,map:2,read:0,file:0,total:7}",
		".[0].routes | length == 5 and .[0].route == \"/users/:id\" and .[0].count == 10",
		".[0].breakdown.known == 19",
		(".[0].waits | .known == 12 and .unknown == 7 and .mean_ns.dns == 0 and "
		 ".mean_ns.call > .mean_ns.cpu"),
		(".[0].blocking | .threshold_ms == 50 and .count == 3 and .held_ns == 260000000 "
		 "and .paid == 4 and .by[0].route == \"/reports/:id\" and .by[0].count == 2 and "
		 ".by[1].by == \"timers\" and .by[1].route == null"),
		(".[0].blocking.worst | length == 3 and .[0].duration_ns == 120000000 and "
		 ".[0].cpu_ns == 115000000 and .[0].request.path == \"/reports/12\" and "
		 ".[0].paid.worst[0].path == \"/health\" and .[2].request == null"),
		".[0].loops[0] | .utilisation == 0.6 and .iterations_per_s == 100",
		(".[0].loops[0] | .lag_ms.count == 60 and .lag_ms.max == 19 and "
		 ".lag_by_source.request.count == 20 and .lag_by_source.timer.p50 == 1 and "
		 ".lag_by_source.response.p50 == null"),
		(".[0].loops[0].iteration_ms | .count == 20 and .single == 20 and .max == 30 and "
		 ".running == 0"),
		(".[0].loops[0] | .microtasks.count == 950 and .microtasks.share == 0.35 and "
		 ".microtasks.share_low < 0.2 and .microtasks.drain_ms > 200 and "
		 ".microtasks_unknown == null and .gc == {count:2,untimed:1,ms:2,max_ms:2}"),
		(".[0].loops[1] | .env == 1 and .iteration_ms == null and .microtasks == null and "
		 "(.iteration_unknown | test(\"libuv\")) and .lag_ms.count == 0 and .gc.ms == 0"),
		(".[0].thread_pool[0].queued_ms | .count == 20 and .mean == 9.5 and .max == 19 and "
		 ".p99 == 19 and .p50 > 8.9 and .p50 < 9.1"),
		(".[0].thread_pool | map(del(.queued_ms)) == [{pid:4242,jobs:20,untimed:0,open:1,"
		 "open_max:1,depth_max:1,depth_partial:false,depth_mean:0.019,by_kind:{other:{jobs:"
		 "0,work_ms:0,max_ms:"
		 "null},fs:{jobs:20,work_ms:210,max_ms:20},dns:{jobs:0,work_ms:0,max_ms:null},"
		 "crypto:{jobs:0,work_ms:0,max_ms:null},zlib:{jobs:0,work_ms:0,max_ms:null}}}]"),
		".[0].gc.scavenge.total_ms == 2 and .[0].gc.mark_compact.max_ms == null",
		".[0].probes[1] | .attached == false and .reason == \"no such symbol\"",
		".[0].counters.seen == 9",
		".[0].slowest[0].path == \"/process-payment\"",
		".[0].notes | length == 1",
		".[0].cut_short == null",
		".[0].wall_offset_ns == 1749999990000000000",
	};
	struct model *m = full_model();
	struct test_dir dir = {0};

	(void)state;
	print(&dir, "json", m, &opts);
	for (size_t i = 0; i < ARRAY_SIZE(holds); i++)
		if (!test_jq(dir.file, holds[i]))
			fail_msg("does not hold: %s", holds[i]);
	test_dir__remove(&dir);
	model__free(m);
}

/* A capture that was cut off says so in both reports. */
static void test_cut_short(void **state)
{
	struct model_view view = {.incomplete = "cut off after 5 events at 1.000 s"};
	struct out_opts plain = {0};
	struct model_builder *b;
	struct test_dir dir = {0};
	struct model *m;
	size_t len;
	char *text;

	(void)state;
	assert_int_equal(model_builder__new(&b, NULL), 0);
	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	print(&dir, "json", m, &plain);
	assert_true(test_jq(dir.file, ".[0] | .cut_short == \"cut off after 5 events at 1.000 s\" "
				      "and .notes == [\"the capture is \" + .cut_short]"));
	test_dir__remove(&dir);
	print(&dir, "text", m, &plain);
	text = test_read(dir.file, &len);
	assert_non_null(strstr(text, "  the capture is cut off after 5 events at 1.000 s\n"));
	free(text);
	test_dir__remove(&dir);
	model__free(m);
	model_builder__free(b);
}

static void test_json_empty(void **state)
{
	struct out_opts plain = {0};
	struct model *m = empty_model();
	struct test_dir dir = {0};

	(void)state;
	print(&dir, "json", m, &plain);
	assert_true(test_jq(dir.file, ".[0] | .requests.total == 0 and "
				      ".requests.latency_ms.p50 == null and .targets == [] and "
				      ".resources == {} and .loss.total == 0 and .host == null"));
	test_dir__remove(&dir);
	model__free(m);
}

static void test_duration(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "0.00 \u00b5s"},
		{850, "0.85 \u00b5s"},
		{9994, "9.99 \u00b5s"},
		{9996, "10.0 \u00b5s"},
		{99960, "100 \u00b5s"},
		{999499, "999 \u00b5s"},
		{999500, "1.00 ms"},
		{1234567, "1.23 ms"},
		{999499999, "999 ms"},
		{999500000, "1.00 s"},
		{3600ULL * 1000 * 1000 * 1000, "3600 s"},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(text_duration(text, sizeof(text), cases[i].ns), cases[i].text);
}

static void test_safe(void **state)
{
	char text[12];

	(void)state;
	assert_string_equal(text_safe(text, sizeof(text), ""), "");
	assert_string_equal(text_safe(text, sizeof(text), "12345678901"), "12345678901");
	assert_string_equal(text_safe(text, sizeof(text), "123456789012"), "12345678...");
	assert_string_equal(text_safe(text, sizeof(text), "a\x1b\xff"), "a\\x1b\\xff");
	assert_string_equal(text_safe(text, sizeof(text), "abcdef\x1bxyz"), "abcdef...");
}

/* An output that cannot be written: the error comes out of the last call, nothing appears. */
static void test_full(void **state)
{
	static const char *const formats[] = {"text", "json", "jsonl"};
	struct model *m = full_model();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct out_format *f = out_format__find(formats[i]);
		struct out_file *file;
		void *st;
		int err;

		assert_int_equal(out_file__open(&file, "/dev/full"), 0);
		assert_int_equal(f->open(&st, file, &opts), 0);
		err = f->close(st, m);
		assert_true(err == 0 || err == -ENOSPC);
		err = out_file__flush(file);
		assert_int_equal(err, -ENOSPC);
		assert_int_equal(out_file__commit(file), -ENOSPC);
	}
	model__free(m);
}

/* An existing file stays as it was until the new one is whole, and when that fails. */
static void test_replace(void **state)
{
	struct out_file *file;
	struct test_dir dir = {0};
	size_t len;
	char *text;

	(void)state;
	test_dir__make(&dir);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(out_file__open(&file, dir.file), 0);
		assert_int_equal(out_file__printf(file, "version %d\n", i), 0);
		if (i == 2)
			out_file__abandon(file);
		else
			assert_int_equal(out_file__commit(file), 0);
		text = test_read(dir.file, &len);
		assert_string_equal(text, i ? "version 1\n" : "version 0\n");
		free(text);
	}
	out_file__abandon(NULL);
	test_dir__remove(&dir); /* and no temporary file is left: the directory is empty */
}

/* A link stays a link: what it points to is replaced. */
static void test_link(void **state)
{
	struct test_dir dir = {0};
	struct out_file *file;
	struct stat st;
	char link[160];
	size_t len;
	char *text;

	(void)state;
	test_dir__make(&dir);
	snprintf(link, sizeof(link), "%s/link", dir.path);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(out_file__commit(file), 0);
	assert_int_equal(symlink("out", link), 0);
	assert_int_equal(out_file__open(&file, link), 0);
	assert_int_equal(out_file__printf(file, "new\n"), 0);
	assert_int_equal(out_file__commit(file), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	text = test_read(dir.file, &len);
	assert_string_equal(text, "new\n");
	free(text);
	unlink(link);
	test_dir__remove(&dir);
}

static void test_formats(void **state)
{
	(void)state;
	assert_null(out_format__find("nonsense"));
	for (size_t i = 0; out_format__at(i); i++)
		assert_ptr_equal(out_format__find(out_format__at(i)->name), out_format__at(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	   cmocka_unit_test(test_text_empty),
		cmocka_unit_test(test_color),	   cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_empty), cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_duration),   cmocka_unit_test(test_safe),
		cmocka_unit_test(test_full),	   cmocka_unit_test(test_replace),
		cmocka_unit_test(test_link),	   cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests_name("out_report", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rows and JSON lines of views, against what they must be. */
#include "model.h"
#include "out_test.h"
#include "out_top.h"
#include "util.h"

#define MS    1000000ULL
#define SEC   1000000000ULL
#define START (500 *SEC)
#define WALL  (1767323045 *SEC)/* 2026-01-02 03:04:05 UTC */

static struct live_step step(unsigned int n, uint64_t requests)
{
	struct live_step s = {
		.start_ns = START + n *SEC,
		.end_ns = START + (n + 1) *SEC,
		.requests = requests,
		.errors = n,
		.mismatched = n / 2,
		.in_flight = 7,
		.latency = {.count = requests,
			    .mean = 3 * MS,
			    .min = MS / 10,
			    .p50 = 2 * MS + 345678,
			    .p95 = 30 * MS,
			    .p99 = 450 * MS,
			    .max = 12000 * MS},
		.utilisation = 0.875,
		.lag_p99_ns = 4 * MS + 56789,
		.lag_max_ns = 9 * MS,
		.gc_count = 2,
		.gc_ns = 3 * MS + 200000,
	};

	return s;
}

struct fixture {
	struct test_dir dir;
	struct out_file *file;
	struct out_top *top;
	struct model m;
	struct live_step steps[60];
	struct live_view v;
};

static void view_upto(struct fixture *f, size_t nsteps)
{
	f->v.nsteps = nsteps;
	f->v.now_ns = f->steps[nsteps - 1].end_ns;
	f->v.wall_ns = WALL + f->v.now_ns - START;
}

static struct fixture *fixture__new(bool json, unsigned int rows)
{
	struct out_top_opts opts = {.json = json, .rows = rows};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	setenv("TZ", "UTC", 1);
	test_dir__make(&f->dir);
	assert_int_equal(out_file__open(&f->file, f->dir.file), 0);
	assert_int_equal(out_top__new(&f->top, f->file, &opts), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(f->steps); i++)
		f->steps[i] = step(i, 100ULL * i);
	f->v = (struct live_view){
		.start_ns = START,
		.step_ns = SEC,
		.m = &f->m,
		.steps = f->steps,
		.utilisation = -1,
		.agent = {.cpu = 0.0042, .rss_bytes = 41000000, .target_cpu = -1}};
	return f;
}

/* The text, which the caller frees; the fixture is gone. */
static char *fixture__end(struct fixture *f)
{
	size_t len;
	char *text;

	out_top__free(f->top);
	assert_int_equal(out_file__commit(f->file), 0);
	text = test_read(f->dir.file, &len);
	test_dir__remove(&f->dir);
	free(f);
	return text;
}

#define TITLES                                                                                     \
	"    TIME   REQ/S   5XX   P50ms   P95ms   P99ms FLIGHT UTIL%   LAGms   GCms  MISM  LOST  " \
	"CPU% "                                                                                    \
	"RSSMB\n"

static void test_rows(void **state)
{
	struct fixture *f = fixture__new(false, 3);
	char *text;

	(void)state;
	view_upto(f, 2);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	/* The same again is nothing new. */
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	/* Two at once, the second not over; nothing is known of the loop, or of the agent. */
	f->steps[3].end_ns -= SEC / 4;
	f->steps[2].utilisation = -1;
	f->steps[2].lag_p99_ns = 0;
	f->steps[2].lost = 12;
	f->v.agent.cpu = -1;
	f->v.agent.rss_bytes = 0;
	view_upto(f, 4);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	assert_int_equal(out_top__view(f->top, &f->v, true), 0);
	text = fixture__end(f);
	assert_string_equal(text, TITLES "03:04:06     0.0     0       -       -       -      7  "
					 "87.5    4.06   3.20     0     0   0.4    41\n"
					 "03:04:07   100.0     1    2.35   30.00   450.0      7  "
					 "87.5    4.06   3.20     0     0   0.4    41\n"
					 "03:04:08   200.0     2    2.35   30.00   450.0      7    "
					 " -       -   3.20     1    12     -     -\n" TITLES
					 "03:04:08   400.0     3    2.35   30.00   450.0      7  "
					 "87.5    4.06   3.20     1     0     -     -\n");
	assert_null(strchr(text, '\033'));
	free(text);
}

/* A request that is told of when its step was written counts in the next row. */
static void test_late(void **state)
{
	struct fixture *f = fixture__new(false, 0);
	char *text;

	(void)state;
	view_upto(f, 2);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	f->steps[0].requests += 3;
	f->steps[1].errors += 5;
	f->steps[1].requests += 4;
	view_upto(f, 3);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	f->steps[2].mismatched += 2;
	view_upto(f, 4);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	text = fixture__end(f);
	assert_string_equal(text, TITLES "03:04:06     0.0     0       -       -       -      7  "
					 "87.5    4.06   3.20     0     0   0.4    41\n"
					 "03:04:07   100.0     1    2.35   30.00   450.0      7  "
					 "87.5    4.06   3.20     0     0   0.4    41\n"
					 "03:04:08   207.0     7    2.35   30.00   450.0      7  "
					 "87.5    4.06   3.20     1     0   0.4    41\n"
					 "03:04:09   300.0     3    2.35   30.00   450.0      7  "
					 "87.5    4.06   3.20     3     0   0.4    41\n");
	free(text);
}

/* A stump in which nothing happened is no row. */
static void test_last_step(void **state)
{
	struct fixture *f = fixture__new(false, 0);
	char *text;

	(void)state;
	f->steps[1].end_ns = f->steps[1].start_ns + SEC / 10;
	f->steps[1].requests = 0;
	f->v.wall_ns = 0;
	f->v.nsteps = 2;
	assert_int_equal(out_top__view(f->top, &f->v, true), 0);
	text = fixture__end(f);
	assert_string_equal(text, TITLES "       -     0.0     0       -       -       -      7  "
					 "87.5    4.06   3.20     0     0   0.4    41\n");
	free(text);
}

static void test_json_step(void **state)
{
	struct fixture *f = fixture__new(true, 0);
	char *text;

	(void)state;
	f->steps[1].utilisation = -1;
	view_upto(f, 2);
	f->v.nsteps = 1;
	f->v.steps++;
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	f->v.steps--;
	text = fixture__end(f);
	assert_string_equal(
		text, "{\"schema\":\"loopray.top/1\",\"time_ns\":1767323047000000000,"
		      "\"start_ns\":501000000000,\"end_ns\":502000000000,\"requests\":100,"
		      "\"rps\":100.000,\"errors_5xx\":1,\"mismatched\":0,\"lost\":0,\"blocking\":0,"
		      "\"in_flight\":7,\"latency_ms\":{\"p50\":2.345678,\"p95\":30.000000,"
		      "\"p99\":450.000000,\"max\":12000.000000,\"min\":0.100000,\"mean\":3.000000,"
		      "\"measured\":100},\"utilisation\":null,\"lag_ms\":{\"p99\":4.056789,"
		      "\"max\":9.000000},\"gc\":{\"count\":2,\"total_ms\":3.200000},"
		      "\"window\":{\"seconds\":0.000,\"rps\":0.000,\"error_rate\":0.000000,"
		      "\"latency_ms\":{\"p50\":null,\"p95\":null,\"p99\":null,\"max\":null,"
		      "\"min\":null,\"mean\":null,\"measured\":0},\"utilisation\":null,"
		      "\"lag_p99_ms\":null},\"agent\":{\"cpu\":0.004200,\"rss_bytes\":41000000,"
		      "\"events_per_s\":0.000,\"target_cpu\":null},\"targets\":[],\"routes\":[],"
		      "\"findings\":[]}\n");
	free(text);
}

/* Ten routes, and findings once each: a group again only with what is new in it. */
static void test_json_lists(void **state)
{
	struct fixture *f = fixture__new(true, 0);
	static struct live_route routes[12];
	static struct model_group groups[2];
	struct live_target targets[] = {{4242, false, 1000, 12.5}, {4243, true, 7, 0}};
	char path[160];
	FILE *out;
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		snprintf(routes[i].method, sizeof(routes[i].method), "GET");
		snprintf(routes[i].route, sizeof(routes[i].route), "/r/%zu\"", i);
		routes[i].requests = 100 - i;
	}
	groups[0].kind = FINDING_FOREIGN;
	groups[0].count = 5;
	snprintf(groups[0].method, sizeof(groups[0].method), "GET");
	snprintf(groups[0].route, sizeof(groups[0].route), "/a");
	groups[1] = groups[0];
	groups[1].count = 1;
	snprintf(groups[1].other_route, sizeof(groups[1].other_route), "/b");
	f->v.routes = routes;
	f->v.nroutes = ARRAY_SIZE(routes);
	f->v.targets = targets;
	f->v.ntargets = ARRAY_SIZE(targets);
	f->m.groups = groups;
	f->m.group_count = 1;
	view_upto(f, 1);
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	groups[0].count = 8;
	f->m.group_count = 2;
	view_upto(f, 3); /* two lines: the findings are in the first */
	assert_int_equal(out_top__view(f->top, &f->v, false), 0);
	f->m.groups = NULL;
	text = fixture__end(f);
	snprintf(path, sizeof(path), "/tmp/loopray-top-%d.json", getpid());
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	assert_true(test_jq(path, "length == 3 and all(.[]; .schema == \"loopray.top/1\")"));
	assert_true(test_jq(path,
			    "all(.[]; (.routes|length) == 10) and "
			    ".[0].routes[9].route == \"/r/9\\\"\" and "
			    ".[0].targets == [{\"pid\":4242,\"ended\":false,\"requests\":1000,"
			    "\"rps\":12.5},{\"pid\":4243,\"ended\":true,\"requests\":7,"
			    "\"rps\":0}]"));
	assert_true(test_jq(path,
			    "[.[]|.findings|map([.kind,.route,.other_route,.count,.new])] == "
			    "[[[\"foreign\",\"/a\",null,5,5]],"
			    "[[\"foreign\",\"/a\",null,8,3],[\"foreign\",\"/a\",\"/b\",1,1]],[]]"));
	unlink(path);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	   cmocka_unit_test(test_late),
		cmocka_unit_test(test_last_step),  cmocka_unit_test(test_json_step),
		cmocka_unit_test(test_json_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

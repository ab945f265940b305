// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Checks of handmade models: what holds, what fails, and what is unsure because of what was not
 * seen: only where that could change the result.
 */
#include "check.h"
#include "out_check.h"
#include "out_test.h"
#include "util.h"

#define MS 1000000.0

/* A good model of @n requests in 10 s. */
struct world {
	struct model m;
	struct model_target target;
	struct model_route routes[2];
	struct model_group group;
	struct options cli;
	struct check_report report;
};

static void world_init(struct world *w, uint64_t n)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->target.context, sizeof(w->target.context), "acf");
	w->m.targets = &w->target;
	w->m.target_count = 1;
	w->m.end_ns = 10000000000ULL;
	w->m.requests.total = n;
	w->m.requests.by_class[2] = n;
	w->m.requests.latency = (struct model_latency){
		.count = n, .p50 = 10000000, .p95 = 20000000, .p99 = 30000000};
	w->m.by_context[CONTEXT_OWN] = n;
	w->routes[0] = (struct model_route){.method = "GET", .route = "/a"};
	w->routes[0].requests.total = n;
	w->routes[1] = (struct model_route){.method = "GET", .route = "/b"};
	w->m.routes = w->routes;
	w->m.route_count = 2;
	w->cli.max_unknown = w->cli.max_regress = 0.05;
}

static void expect_limit(struct world *w, enum check_limit limit, double value)
{
	w->cli.limits |= 1u << limit;
	w->cli.limit[limit] = value;
}

static void run_against(struct world *w, const struct world *base)
{
	struct check_opts opts = {.cli = &w->cli, .base = base ? &base->m : NULL};

	check__run(&w->report, &w->m, &opts);
	assert_int_equal(w->report.held + w->report.failed + w->report.unsure, w->report.n);
}

static void run(struct world *w)
{
	run_against(w, NULL);
}

static const struct check_result *result(const struct world *w, const char *id)
{
	for (size_t i = 0; i < w->report.n; i++)
		if (strcmp(w->report.result[i].id, id) == 0)
			return &w->report.result[i];
	print_error("no result %s\n", id);
	abort();
}

static void is(const struct world *w, const char *id, enum check_is want)
{
	const struct check_result *r = result(w, id);

	if (r->is != want)
		fail_msg("%s is %s, not %s: %s", id, check_is__name(r->is), check_is__name(want),
			 r->nreasons ? r->reason[0] : "");
	assert_int_equal(r->nreasons != 0, want == CHECK_UNSURE);
}

static void expect_all(struct world *w)
{
	expect_limit(w, LIMIT_MISMATCHES, 0);
	expect_limit(w, LIMIT_P50, 10 * MS);
	expect_limit(w, LIMIT_P95, 20 * MS);
	expect_limit(w, LIMIT_P99, 30 * MS);
	expect_limit(w, LIMIT_ERROR_RATE, 0);
	expect_limit(w, LIMIT_BLOCKED, 0);
	expect_limit(w, LIMIT_REQUESTS, 1000);
	expect_limit(w, LIMIT_RPS, 100);
}

static void test_held(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 1000);
	expect_all(&w);
	run(&w);
	assert_int_equal(w.report.held, LIMIT_COUNT);
	assert_int_equal(check__status(&w.report), EX_LR_OK);
	assert_false(w.report.by_default);
}

static void test_failed(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 999);
	expect_all(&w);
	w.m.findings.mismatched = 1;
	w.m.requests.by_class[5] = 1;
	w.m.blocking.count = 1;
	w.m.requests.latency.p50++;
	w.m.requests.latency.p95++;
	w.m.requests.latency.p99++;
	run(&w);
	assert_int_equal(w.report.failed, LIMIT_COUNT);
	assert_int_equal(check__status(&w.report), EX_LR_CHECK_FAILED);
}

static void test_default(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 10);
	run(&w);
	assert_true(w.report.by_default);
	assert_int_equal(w.report.n, 1);
	is(&w, "max-mismatches", CHECK_HELD);
}

/* Losses bear on what could be otherwise without them. */
static void test_losses(void **state)
{
	static struct world w;

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		world_init(&w, 1000);
		expect_all(&w);
		w.m.loss.ring = kind == 0;
		w.m.loss.map = kind == 1;
		w.m.loss.read = kind == 2;
		w.m.loss.file = kind == 3;
		run(&w);
		is(&w, "max-mismatches", CHECK_UNSURE);
		is(&w, "max-p99", CHECK_UNSURE);
		is(&w, "max-error-rate", CHECK_UNSURE);
		is(&w, "max-blocked", kind == 1 || kind == 2 ? CHECK_HELD : CHECK_UNSURE);
		/* More was there than was seen. */
		is(&w, "min-requests", CHECK_HELD);
		is(&w, "min-rps", CHECK_HELD);
		assert_int_equal(check__status(&w.report), EX_LR_LOSS);
		w.cli.allow_loss = true;
		run(&w);
		assert_int_equal(w.report.held, LIMIT_COUNT);
		assert_int_equal(w.report.nallowed, 1);
	}
	/* What is broken by what was seen stays broken; too few were perhaps enough. */
	w.cli.allow_loss = false;
	w.m.findings.mismatched = 3;
	w.cli.limit[LIMIT_REQUESTS] = 1001;
	run(&w);
	is(&w, "max-mismatches", CHECK_FAILED);
	is(&w, "min-requests", CHECK_UNSURE);
	assert_int_equal(check__status(&w.report), EX_LR_CHECK_FAILED);
}

/* Resources and jobs that there was no room for have nothing to do with it. */
static void test_other_losses(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 1000);
	expect_all(&w);
	w.m.loss.map = 7;
	w.m.resources_not_kept = 4;
	w.m.jobs.not_kept = 3;
	run(&w);
	assert_int_equal(w.report.held, LIMIT_COUNT);
}

static void test_cut_off(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 1000);
	expect_all(&w);
	snprintf(w.m.incomplete, sizeof(w.m.incomplete), "cut off after 5 events");
	run(&w);
	assert_int_equal(w.report.held, 2); /* the minimums */
	assert_int_equal(w.report.unsure, LIMIT_COUNT - 2);
	assert_string_equal(result(&w, "max-p99")->reason[0],
			    "the capture is not whole: cut off after 5 events");
}

static void test_unknown_context(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 1000);
	expect_all(&w);
	w.m.by_context[CONTEXT_OWN] = 950;
	w.m.by_context[CONTEXT_UNKNOWN] = 30;
	w.m.by_context[CONTEXT_UNREADABLE] = 20;
	run(&w);
	is(&w, "max-mismatches", CHECK_HELD);
	/* One more of which nothing was read at all. */
	w.m.by_context[CONTEXT_OWN] = 949;
	run(&w);
	assert_int_equal(w.report.unknown, 51);
	is(&w, "max-mismatches", CHECK_UNSURE);
	is(&w, "max-p99", CHECK_HELD);
	/* Losses are another thing. */
	w.cli.allow_loss = true;
	run(&w);
	is(&w, "max-mismatches", CHECK_UNSURE);
	w.cli.max_unknown = 0.1;
	run(&w);
	is(&w, "max-mismatches", CHECK_HELD);
	/* A process that uses no store has none to mix up. */
	memset(w.m.by_context, 0, sizeof(w.m.by_context));
	run(&w);
	is(&w, "max-mismatches", CHECK_UNSURE);
	snprintf(w.target.context, sizeof(w.target.context), "none");
	run(&w);
	is(&w, "max-mismatches", CHECK_HELD);
}

static void test_nothing_seen(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 0);
	expect_all(&w);
	run(&w);
	is(&w, "max-mismatches", CHECK_UNSURE);
	is(&w, "max-p99", CHECK_UNSURE);
	is(&w, "max-error-rate", CHECK_UNSURE);
	is(&w, "min-requests", CHECK_FAILED);
	assert_int_equal(check__status(&w.report), EX_LR_CHECK_FAILED);
}

static void test_incomplete_requests(void **state)
{
	static struct world w;

	(void)state;
	world_init(&w, 1000);
	expect_all(&w);
	w.m.requests.incomplete_any = 51;
	run(&w);
	is(&w, "max-p99", CHECK_UNSURE);
	is(&w, "max-error-rate", CHECK_HELD);
}

static void test_baseline(void **state)
{
	static struct world w, base;

	(void)state;
	world_init(&base, 2000);
	world_init(&w, 2000);
	w.m.requests.latency.p99 = (uint64_t)(30 * MS * 1.049);
	w.m.requests.total = 1901; /* and so fewer a second */
	run_against(&w, &base);
	assert_int_equal(w.report.held, w.report.n);
	assert_int_equal(w.report.n, 6);
	assert_false(w.report.by_default);
	w.m.requests.latency.p99 = (uint64_t)(30 * MS * 1.051);
	w.m.requests.total = 1899;
	w.m.requests.by_class[5] = 1; /* none had failed before */
	run_against(&w, &base);
	is(&w, "regress-p99", CHECK_FAILED);
	is(&w, "regress-rps", CHECK_FAILED);
	is(&w, "regress-error-rate", CHECK_FAILED);
	is(&w, "regress-p50", CHECK_HELD);
	/* As many mismatches as before, for as many requests, are no regression. */
	world_init(&w, 4000);
	base.m.findings.mismatched = 10;
	w.m.findings.mismatched = 21;
	run_against(&w, &base);
	is(&w, "regress-mismatches", CHECK_HELD);
	assert_true(result(&w, "regress-mismatches")->baseline == 20);
	w.m.findings.mismatched = 22;
	run_against(&w, &base);
	is(&w, "regress-mismatches", CHECK_FAILED);
}

static void test_not_comparable(void **state)
{
	static struct world w, base;

	(void)state;
	world_init(&base, 500);
	world_init(&w, 500);
	run_against(&w, &base);
	is(&w, "regress-p95", CHECK_HELD);
	is(&w, "regress-p99", CHECK_UNSURE); /* the five slowest */
	assert_int_equal(check__status(&w.report), EX_LR_LOSS);
	/* Another traffic. */
	w.routes[0].requests.total = 390;
	w.routes[1].requests.total = 110;
	run_against(&w, &base);
	is(&w, "regress-p50", CHECK_UNSURE);
	assert_non_null(strstr(result(&w, "regress-p50")->reason[0], "22% of the requests"));
	/* Too short; lost in the baseline. */
	world_init(&w, 500);
	w.m.end_ns = 900000000;
	run_against(&w, &base);
	is(&w, "regress-p50", CHECK_UNSURE);
	world_init(&w, 500);
	base.m.loss.ring = 1;
	run_against(&w, &base);
	is(&w, "regress-rps", CHECK_UNSURE);
	assert_string_equal(result(&w, "regress-rps")->reason[0], "baseline: 1 records were lost");
}

/* Names from outside stay text, in XML too. */
static void test_junit_escapes(void **state)
{
	static struct world w;
	const struct out_opts opts = {.host = "a<b>&\"c"};
	struct out_check c = {
		.report = &w.report, .m = &w.m, .opts = &opts, .capture = "x\001\xff<&.lray"};
	struct test_dir d;
	struct out_file *f;
	char command[256];
	size_t len;
	char *xml;

	(void)state;
	world_init(&w, 10);
	w.m.findings.mismatched = 1;
	w.group = (struct model_group){.kind = FINDING_FOREIGN, .count = 1};
	snprintf(w.group.route, sizeof(w.group.route), "/<a href=\"x\">\001");
	w.m.groups = &w.group;
	w.m.group_count = 1;
	run(&w);
	test_dir__make(&d);
	assert_int_equal(out_file__open(&f, d.file), 0);
	assert_int_equal(out_check__junit(f, &c), 0);
	assert_int_equal(out_file__commit(f), 0);
	xml = test_read(d.file, &len);
	assert_non_null(strstr(xml, "a&lt;b&gt;&amp;&quot;c"));
	assert_non_null(strstr(xml, "x??&lt;&amp;.lray"));
	assert_non_null(strstr(xml, "/&lt;a href=&quot;x&quot;&gt;"));
	free(xml);
	snprintf(command, sizeof(command), "! command -v xmllint >/dev/null || xmllint --noout %s",
		 d.file);
	assert_int_equal(system(command), 0);
	test_dir__remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_other_losses),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_unknown_context),
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_incomplete_requests),
		cmocka_unit_test(test_baseline),
		cmocka_unit_test(test_not_comparable),
		cmocka_unit_test(test_junit_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

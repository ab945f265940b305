// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two observations side by side: the table whole, the verdicts, the warnings, the JSON. */
#include "finding_test.h"
#include "model.h"
#include "out_compare_parts.h"
#include "out_test.h"
#include "util.h"

#define MS FINDING_MS

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static void feed(struct model_builder *b, struct flow_event ev)
{
	assert_int_equal(model_builder__event(b, &ev), 0);
}

static void requests(struct model_builder *b, const char *path, uint16_t status, int n, uint64_t us)
{
	static uint64_t seq = 1;

	for (int i = 1; i <= n; i++, seq++) {
		uint64_t ns = us * 1000 * (unsigned int)i / (unsigned int)n;
		struct flow_req r = {
			.pid = 7,
			.seq = seq,
			.conn = seq,
			.method = "GET",
			.path = path,
			.route = path,
			.status = status,
			.start_ns = 20000 * MS,
			.end_ns = 20000 * MS + ns,
			.breakdown = {true, 0, ns / 2, 0, ns - ns / 2},
			.waits = {true, {[WAIT_CPU] = ns / 2, [WAIT_CALL] = ns - ns / 2}},
			.end = REQ_COMPLETE};

		model_builder__request(b, &r);
	}
}

/* A service that answers payments under stores of others, or, @fixed, does not but is slower. */
static struct model *service(bool fixed, uint64_t seconds, const char *node)
{
	struct flow_finding f = test_foreign();
	struct flow_req r = test_request(&f, 1);
	struct model_view view = {.start_ns = 15000 * MS,
				  .end_ns = (15000 + 1000 * seconds) * MS,
				  .context = {.heads = 200, .read = 200},
				  .blocking_ns = 50 * MS};
	struct model_builder *b;
	struct model *m;

	assert_int_equal(model_builder__new(&b, NULL), 0);
	feed(b, (struct flow_event){.type = FE_TARGET,
				    .pid = 7,
				    .target = {77, str(node), str("acf"), str("static"),
					       str("/usr/bin/node"), str("requests")}});
	feed(b, (struct flow_event){.type = FE_THREAD, .pid = 7, .tid = 7});
	for (uint64_t i = 0; i < 3; i++)
		feed(b, (struct flow_event){.type = FE_LOOP,
					    .pid = 7,
					    .ts = (15000 + 5000 * i) * MS,
					    .loop = {0, (fixed ? 2000 : 4000) * i * MS,
						     10 + 500 * i, 900 * i * MS}});
	requests(b, "/users/:id", 200, 120, fixed ? 12000 : 10000);
	requests(b, "/reports", 500, fixed ? 10 : 20, 30000);
	requests(b, fixed ? "/new" : "/old", 200, 3, 2000);
	for (int i = 0; i < 40 && !fixed; i++)
		model_builder__request(b, &r);
	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	model_builder__free(b);
	return m;
}

static const struct out_opts opts = {
	.mono_ns = 10000 * MS, .wall_ns = 1750000000ULL * 1000 * MS, .host = "build-host"};

static char *print(const struct compare_side side[2],
		   int (*how)(struct out_file *, const struct compare_side[2]), const char *jq)
{
	struct test_dir dir = {0};
	struct out_file *file;
	size_t len;
	char *text;

	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(how(file, side), 0);
	assert_int_equal(out_file__commit(file), 0);
	text = test_read(dir.file, &len);
	if (jq && !test_jq(dir.file, jq))
		fail_msg("does not hold: %s", jq);
	test_dir__remove(&dir);
	return text;
}

static const char golden[] =
#include "out_compare.golden"
	;

static void test_golden(void **state)
{
	struct model *a = service(false, 10, "22.21.1"), *b = service(true, 10, "22.21.1");
	const struct compare_side side[2] = {{"before.lray", a, &opts},
					     {"after\x1b.lray", b, &opts}};
	char *text = print(side, out_compare__text, NULL);

	(void)state;
	if (strcmp(text, golden) != 0)
		fprintf(stderr, "the comparison is now:\n%s<end>\n", text);
	assert_string_equal(text, golden);
	free(text);
	model__free(a);
	model__free(b);
}

/* What makes a comparison unsure is said, in both forms. */
static void test_warnings(void **state)
{
	static const struct out_opts elsewhere = {.host = "other-host"};
	static const char *const says[] = {
		"A lost 9 records",
		"B is cut off after 5 events",
		"B has 0 requests observed",
		"A took 10.0 s, B 0.0 s",
		"different Node.js: 22.21.1 and unknown",
		"different levels, which cost the target differently: requests and unknown",
		"different numbers of processes: 1 and 0",
		"only A has read which stores were active",
		"on different machines: build-host and other-host",
	};
	struct model_view view = {.incomplete = "cut off after 5 events"};
	struct model *a = service(false, 10, "22.21.1"), *b;
	struct compare_side side[2] = {{"a", a, &opts}, {.file = "b", .opts = &elsewhere}};
	struct model_builder *none;
	char warnings[COMPARE_WARNINGS][COMPARE_WARNING];
	size_t n;
	char *text;

	(void)state;
	assert_int_equal(model_builder__new(&none, NULL), 0);
	assert_int_equal(model_builder__snapshot(none, &view, &b), 0);
	model_builder__free(none);
	a->loss.total = 9;
	side[1].m = b;
	n = compare_warnings(side, warnings);
	text = print(side, out_compare__json,
		     ".[0].warnings | length >= 9 and (.[0] | startswith(\"A lost 9\"))");
	for (size_t i = 0; i < ARRAY_SIZE(says); i++) {
		bool found = false;

		for (size_t k = 0; k < n; k++)
			found |= strstr(warnings[k], says[i]) != NULL;
		if (!found)
			fail_msg("not said: %s", says[i]);
		assert_non_null(strstr(text, says[i]));
	}
	free(text);
	model__free(a);
	model__free(b);
}

/* No warning without a reason, but of the mix of routes, that is another one. */
static void test_mix(void **state)
{
	struct model *a = service(false, 10, "24.0.0"), *b = service(true, 10, "24.0.0");
	const struct compare_side same[2] = {{"a", a, &opts}, {"b", a, &opts}};
	const struct compare_side side[2] = {{"a", a, &opts}, {"b", b, &opts}};
	char warnings[COMPARE_WARNINGS][COMPARE_WARNING];

	(void)state;
	assert_int_equal(compare_warnings(same, warnings), 0);
	assert_int_equal(compare_warnings(side, warnings), 1);
	assert_string_equal(warnings[0], "another mix of routes: GET /users/:id is 66% of A's "
					 "requests and 90% of B's; compare by route");
	model__free(a);
	model__free(b);
}

static void test_json(void **state)
{
	static const char *const holds[] = {
		".[0].schema == \"loopray.compare/1\" and .[0].warnings == []",
		".[0].a.file == \"a.lray\" and .[0].b.report.schema == \"loopray.report/1\"",
		(".[0] | .a.report.requests.total == .differences[\"requests.total\"].a and "
		 ".b.report.requests.rps == .differences[\"requests.rps\"].b and "
		 ".b.report.requests.latency_ms.p99 == .differences[\"requests.latency_ms.p99\"].b "
		 "and .b.report.findings.foreign == .differences[\"findings.foreign\"].b and "
		 ".a.report.loops[0].utilisation == .differences[\"loops.utilisation\"].a"),
		(".[0].differences[\"findings.mismatched_requests\"] == {unit:\"count\",a:40,b:40,"
		 "absolute:0,relative:0,b_is:\"same\"}"),
		(".[0].differences[\"findings.lost_always\"] | .relative == null and .b_is == "
		 "\"same\""),
		(".[0].differences[\"loops.lag_ms.p99\"] == {unit:\"ms\",a:null,b:null,absolute:"
		 "null,relative:null,b_is:\"unknown\"}"),
		".[0].differences[\"requests.total\"].b_is == null",
		(".[0].routes | map(.route) == [\"/users/:id\",\"/process-payment\",\"/reports\","
		 "\"/old\"] and .[0].count == {unit:\"count\",a:120,b:120,absolute:0,relative:0,"
		 "b_is:null}"),
	};
	struct model *a = service(false, 10, "22.21.1"), *b = service(false, 10, "22.21.1");
	const struct compare_side side[2] = {{"a.lray", a, &opts}, {"b.lray", b, &opts}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(holds); i++)
		free(print(side, out_compare__json, holds[i]));
	model__free(a);
	model__free(b);
}

static struct figure figure(enum figure_worse worse, double value, double among)
{
	return (struct figure){.worse = worse, .known = true, .value = value, .among = among};
}

static void test_verdicts(void **state)
{
	struct figure a = figure(WORSE_MORE, 100, 0), b = figure(WORSE_MORE, 105, 0);

	(void)state;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_SAME);
	b.value = 106;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_WORSE);
	b.value = 94;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_BETTER);
	a.worse = WORSE_LESS;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_WORSE);
	a.worse = WORSE_NEITHER;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_NONE);
	b.known = false;
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_UNKNOWN);
	/* One that is new is worse, however small; half as many failures of a tenth of the requests
	 * are worse too. */
	a = figure(WORSE_MORE, 0, 1000);
	b = figure(WORSE_MORE, 1, 1000);
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_WORSE);
	assert_int_equal(compare_figures__verdict(&b, &a), VERDICT_BETTER);
	a = figure(WORSE_MORE, 10, 1000);
	b = figure(WORSE_MORE, 5, 100);
	assert_int_equal(compare_figures__verdict(&a, &b), VERDICT_WORSE);
}

/* None of the fixed list is dropped, and no name is there twice. */
static void test_figures(void **state)
{
	struct model *m = service(false, 10, "22.21.1");
	struct figure f[FIGURES_MAX];
	size_t n = compare_figures(m, f);

	(void)state;
	assert_true(n > 40 && n < FIGURES_MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(f[i].key, f[k].key);
	model__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	 cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_mix),	 cmocka_unit_test(test_json),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

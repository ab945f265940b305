// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Metrics: buckets and their bounds, series that are kept apart and those beyond, read with jq. */
#include "events.h"
#include "model.h"
#include "out_otlp.h"
#include "out_otlp_series.h"
#include "out_test.h"
#include "util.h"

#define MS 1000000ULL

static const struct out_opts opts = {.mono_ns = 1000, .wall_ns = 5000, .host = "h"};

struct output {
	struct test_dir dir;
	struct out_file *file;
	void *state;
};

static void begin(struct output *o)
{
	test_dir__make(&o->dir);
	assert_int_equal(out_file__open(&o->file, o->dir.file), 0);
	assert_int_equal(out_otlp_metrics_format.open(&o->state, o->file, &opts), 0);
}

static void end(struct output *o, const struct model *m)
{
	assert_int_equal(out_otlp_metrics_format.close(o->state, m), 0);
	assert_int_equal(out_file__commit(o->file), 0);
}

#define METRICS "[.[].resourceMetrics[].scopeMetrics[].metrics[]] as $m | "
#define NAMED	"def named(n): [$m[] | select(.name == n)][0] | (.histogram // .sum // .gauge); "
#define ATTRS	"def attrs: map({key, value: (.value | to_entries[0].value)}) | from_entries; "

static void holds(const struct output *o, const char *filter)
{
	char whole[1600];

	assert_true(snprintf(whole, sizeof(whole), ATTRS METRICS NAMED "%s", filter) <
		    (int)sizeof(whole));
	if (!test_jq(o->dir.file, whole))
		fail_msg("does not hold: %s", filter);
}

static struct flow_req request(uint64_t ns)
{
	return (struct flow_req){.pid = 10,
				 .seq = 1,
				 .method = "GET",
				 .path = "/a",
				 .route = "/a",
				 .version = 11,
				 .status = 200,
				 .start_ns = 1000,
				 .end_ns = 1000 + ns,
				 .end = REQ_COMPLETE};
}

static void give(struct output *o, const struct flow_req *req)
{
	assert_int_equal(out_otlp_metrics_format.request(o->state, req), 0);
}

/* A bound belongs to the bucket below it. */
static void test_buckets(void **state)
{
	const uint64_t ns[] = {1, 5 * MS, 5 * MS + 1, 10000 * MS, 10000 * MS + 1};
	struct output o = {0};
	struct model m = {.start_ns = 1000, .end_ns = 2000};

	(void)state;
	begin(&o);
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		struct flow_req req = request(ns[i]);

		give(&o, &req);
	}
	end(&o, &m);
	holds(&o, "named(\"http.server.request.duration\") | .aggregationTemporality == 2 and "
		  "(.dataPoints | length == 1) and (.dataPoints[0] | .count == \"5\" and "
		  ".bucketCounts[0] == \"2\" and .bucketCounts[1] == \"1\" and "
		  ".bucketCounts[13] == \"1\" and .bucketCounts[14] == \"1\" and "
		  "(.bucketCounts | length == 15) and .explicitBounds[0] == 0.005 and "
		  "(.explicitBounds | length == 14) and .startTimeUnixNano == \"5000\" and "
		  ".timeUnixNano == \"6000\" and .min == 1e-9 and .max == 10.000000001)");
	test_dir__remove(&o.dir);
}

/* Apart by method, status and error; not counted where the end is not known. */
static void test_series(void **state)
{
	struct flow_req req = request(MS);
	struct model m = {.start_ns = 1, .end_ns = 2};
	struct output o = {0};

	(void)state;
	begin(&o);
	give(&o, &req);
	req.status = 500;
	give(&o, &req);
	give(&o, &req);
	req.end = REQ_LOST;
	give(&o, &req);
	req.end = REQ_COMPLETE;
	req.incomplete = REQ_INC_ATTACH;
	give(&o, &req);
	end(&o, &m);
	holds(&o, "named(\"http.server.request.duration\").dataPoints | length == 2 and "
		  "(.[1] | .count == \"2\" and (.attributes | attrs | "
		  ".[\"error.type\"] == \"500\" and .[\"http.route\"] == \"/a\" and "
		  ".[\"url.scheme\"] == \"http\"))");
	holds(&o, "named(\"loopray.request.unmeasured\") | .isMonotonic and "
		  "(.dataPoints | map(.asInt) == [\"1\", \"1\"])");
	test_dir__remove(&o.dir);
}

/* What comes beyond the bound is counted all the same. */
static void test_overflow(void **state)
{
	struct model m = {.start_ns = 1, .end_ns = 2};
	struct flow_req req = request(MS);
	struct output o = {0};
	char route[32];

	(void)state;
	begin(&o);
	req.route = route;
	for (int i = 0; i < OTLP_SERIES + 10; i++) {
		snprintf(route, sizeof(route), "/r%d", i);
		give(&o, &req);
	}
	end(&o, &m);
	holds(&o, "named(\"http.server.request.duration\").dataPoints | length == 4097 and "
		  "(map(.count | tonumber) | add == 4106) and (.[4096] | .count == \"10\" and "
		  "(.attributes | attrs == {\"otel.metric.overflow\": true}))");
	test_dir__remove(&o.dir);
}

/* The loop's figures and what was lost, from the model; collections from the events. */
static void test_model(void **state)
{
	struct model_loop loop = {.pid = 10, .wall_ns = 1000 * MS, .idle_ns = 250 * MS};
	struct model m = {
		.start_ns = 1, .end_ns = 2, .loops = &loop, .loop_count = 1, .loss = {.ring = 3}};
	struct flow_event gc = {
		.type = FE_GC, .pid = 10, .gc = {.duration_ns = 20 * MS, .kind = 1}};
	struct output o = {0};

	(void)state;
	loop.health.lag.count = 1;
	loop.health.lag.p90 = 2 * MS;
	begin(&o);
	assert_int_equal(out_otlp_metrics_format.event(o.state, &gc), 0);
	gc.gc.duration_ns = 0; /* only its beginning is known */
	assert_int_equal(out_otlp_metrics_format.event(o.state, &gc), 0);
	end(&o, &m);
	holds(&o, "named(\"nodejs.eventloop.utilization\").dataPoints[0].asDouble == 0.75 and "
		  "named(\"nodejs.eventloop.delay.p90\").dataPoints[0].asDouble == 0.002 and "
		  "(named(\"nodejs.eventloop.time\").dataPoints | map(.asDouble) == [0.75, 0.25])");
	holds(&o, "named(\"v8js.gc.duration\").dataPoints | length == 1 and (.[0] | "
		  ".bucketCounts == [\"0\",\"1\",\"0\",\"0\",\"0\"] and "
		  "(.attributes | attrs == {\"v8js.gc.type\": \"major\"}))");
	holds(&o, "named(\"loopray.records.lost\").dataPoints | map(.asInt) == "
		  "[\"3\",\"0\",\"0\",\"0\"]");
	test_dir__remove(&o.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_series),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_model),
	};

	unsetenv("OTEL_SERVICE_NAME");
	return cmocka_run_group_tests_name("out_otlp_metrics", tests, NULL, NULL);
}

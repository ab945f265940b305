// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "model.h"
#include "out_test.h"
#include "util.h"

#define MS 1000000ULL

static struct model_builder *b;

static int setup(void **state)
{
	struct model_opts opts = {.max_routes = 8};

	(void)state;
	return model_builder__new(&b, &opts);
}

static int teardown(void **state)
{
	(void)state;
	model_builder__free(b);
	return 0;
}

static struct model *snapshot(const struct model_view *view)
{
	struct model *m;

	assert_int_equal(model_builder__snapshot(b, view, &m), 0);
	return m;
}

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static void event(struct flow_event ev)
{
	assert_int_equal(model_builder__event(b, &ev), 0);
}

static struct flow_req request(const char *route, uint64_t ms, uint16_t status)
{
	static uint64_t seq;

	seq++;
	return (struct flow_req){.pid = 10,
				 .seq = seq,
				 .method = "GET",
				 .path = route,
				 .route = route,
				 .status = status,
				 .start_ns = 1000 * MS,
				 .end_ns = (1000 + ms) * MS,
				 .bytes_in = 10,
				 .bytes_out = 100,
				 .end = REQ_COMPLETE};
}

static void test_empty(void **state)
{
	struct model *m = snapshot(NULL);

	(void)state;
	assert_int_equal(m->requests.total, 0);
	assert_int_equal(m->requests.latency.count, 0);
	assert_int_equal(m->route_count, 0);
	assert_int_equal(m->loss.total, 0);
	assert_false(m->has_resources);
	assert_true(model__duration(m) == 0);
	model__free(m);
	model__free(NULL);
	model_builder__free(NULL);
}

static void test_totals(void **state)
{
	static const uint16_t statuses[] = {200, 204, 301, 404, 500, 503, 0, 999, 101};
	struct model_view view = {.start_ns = 5000 * MS, .end_ns = 7000 * MS, .in_flight = 2};
	struct model *m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		struct flow_req r = request("/a", 1 + i, statuses[i]);

		model_builder__request(b, &r);
	}
	m = snapshot(&view);
	assert_int_equal(m->requests.total, 9);
	assert_int_equal(m->requests.by_class[0], 2); /* none seen, and 999 */
	assert_int_equal(m->requests.by_class[1], 1);
	assert_int_equal(m->requests.by_class[2], 2);
	assert_int_equal(m->requests.by_class[3], 1);
	assert_int_equal(m->requests.by_class[4], 1);
	assert_int_equal(m->requests.by_class[5], 2);
	assert_int_equal(m->requests.bytes_in, 90);
	assert_int_equal(m->requests.bytes_out, 900);
	assert_int_equal(m->requests.latency.count, 9);
	assert_int_equal(m->requests.latency.min, 1 * MS);
	assert_int_equal(m->requests.latency.max, 9 * MS);
	assert_int_equal(m->requests.latency.mean, 5 * MS);
	assert_in_range(m->requests.latency.p50, 5 * MS * 98 / 100, 5 * MS * 102 / 100);
	assert_int_equal(m->in_flight, 2);
	assert_true(model__duration(m) == 2.0);
	model__free(m);
}

/* Only requests that were seen whole count for latency and breakdown. */
static void test_not_measured(void **state)
{
	struct flow_req whole = request("/", 2, 200), r;
	struct model *m;

	(void)state;
	whole.breakdown = (struct flow_breakdown){true, 1, 2, 3, 4};
	model_builder__request(b, &whole);
	r = request("/", 2, 200); /* breakdown unknown */
	model_builder__request(b, &r);
	r = request("/", 500, 200);
	r.incomplete = REQ_INC_ATTACH | REQ_INC_GAP;
	model_builder__request(b, &r);
	r = request("/", 500, 0);
	r.end = REQ_ABORTED_PEER;
	model_builder__request(b, &r);
	r = request("/", 500, 101);
	r.end = REQ_UPGRADED;
	model_builder__request(b, &r);
	r = request("/", 0, 0);
	r.end = REQ_LOST;
	r.end_ns = 0;
	r.incomplete = REQ_INC_LOSS;
	model_builder__request(b, &r);
	r.end = REQ_IN_FLIGHT;
	model_builder__request(b, &r);
	m = snapshot(NULL);
	assert_int_equal(m->requests.total, 6);
	assert_int_equal(m->in_flight, 1);
	assert_int_equal(m->requests.latency.count, 2);
	assert_int_equal(m->requests.latency.max, 2 * MS);
	assert_int_equal(m->requests.breakdown.known, 1);
	assert_int_equal(m->requests.breakdown.unknown, 1);
	assert_int_equal(m->requests.breakdown.wait, 4);
	assert_int_equal(m->requests.incomplete_any, 2);
	assert_int_equal(m->requests.incomplete[0], 1);
	assert_int_equal(m->requests.incomplete[1], 1);
	assert_int_equal(m->requests.incomplete[2], 1);
	assert_int_equal(m->requests.by_end[REQ_UPGRADED], 1);
	assert_int_equal(m->slowest_count, 2);
	assert_int_equal(m->routes[0].requests.total, 6);
	model__free(m);
}

static void test_routes(void **state)
{
	struct flow_req r;
	struct model *m;
	char route[16];

	(void)state;
	/* /r0 once, /r1 twice ... /r7 eight times, and then more routes than are kept. */
	for (int i = 0; i < 8; i++) {
		for (int k = 0; k <= i; k++) {
			snprintf(route, sizeof(route), "/r%d", i);
			r = request(route, 1, 200);
			model_builder__request(b, &r);
		}
	}
	for (int i = 0; i < 3; i++) {
		snprintf(route, sizeof(route), "/more%d", i);
		r = request(route, 1, 200);
		model_builder__request(b, &r);
	}
	r = request("/r7", 1, 200);
	r.method = "POST"; /* another method is another route */
	model_builder__request(b, &r);
	m = snapshot(NULL);
	assert_int_equal(m->route_count, 9);
	assert_string_equal(m->routes[0].route, "/r7");
	assert_int_equal(m->routes[0].requests.total, 8);
	assert_string_equal(m->routes[8].route, "/r0");
	assert_int_equal(m->routes_merged, 4);
	for (size_t i = 1; i < m->route_count; i++)
		assert_true(m->routes[i - 1].requests.total >= m->routes[i].requests.total);
	model__free(m);
}

static void test_slowest(void **state)
{
	uint64_t seed = 11;
	struct model *m;
	char long_path[400];
	struct flow_req r;

	(void)state;
	for (int i = 0; i < 200; i++) {
		r = request("/s", 1 + test_random(&seed) % 500, 200);
		model_builder__request(b, &r);
	}
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	r = request(long_path, 1000, 200);
	model_builder__request(b, &r);
	m = snapshot(NULL);
	assert_int_equal(m->slowest_count, MODEL_SLOWEST);
	assert_int_equal(m->slowest[0].req.end_ns - m->slowest[0].req.start_ns, 1000 * MS);
	assert_int_equal(strlen(m->slowest[0].path), sizeof(m->slowest[0].path) - 1);
	assert_string_equal(m->slowest[0].path + sizeof(m->slowest[0].path) - 4, "...");
	for (size_t i = 1; i < m->slowest_count; i++)
		assert_true(m->slowest[i - 1].req.end_ns >= m->slowest[i].req.end_ns);
	model__free(m);
}

static void target(uint32_t pid, uint64_t start_time, const char *level)
{
	event((struct flow_event){.type = FE_TARGET,
				  .pid = pid,
				  .ts = 1,
				  .target = {start_time, str("22.21.1"), str("async_hooks"),
					     str("static"), str("/usr/bin/node"), str(level)}});
}

static void test_targets(void **state)
{
	struct model *m;

	(void)state;
	target(10, 100, "requests");
	event((struct flow_event){.type = FE_THREAD, .pid = 10, .thread = {.env = 0}});
	event((struct flow_event){.type = FE_THREAD, .pid = 10, .thread = {.env = 1}});
	event((struct flow_event){.type = FE_THREAD, .pid = 10, .thread = {1, 0, true}});
	target(20, 100, "resources");
	target(10, 100, "requests"); /* said again: the same process */
	event((struct flow_event){.type = FE_TARGET_END, .pid = 10});
	target(10, 900, "requests"); /* the pid came again */
	m = snapshot(NULL);
	assert_int_equal(m->target_count, 3);
	assert_int_equal(m->targets[0].pid, 10);
	assert_string_equal(m->targets[0].version, "22.21.1");
	assert_true(m->targets[0].ended);
	assert_false(m->targets[2].ended);
	assert_int_equal(m->targets[1].environments, 0);
	assert_int_equal(m->targets[0].environments + m->targets[2].environments, 2);
	assert_true(m->has_resources);
	model__free(m);
}

static void loop(uint32_t env, uint64_t ts, uint64_t idle, uint64_t iterations, uint64_t cpu)
{
	event((struct flow_event){
		.type = FE_LOOP, .pid = 10, .ts = ts, .loop = {env, idle, iterations, cpu}});
}

static void test_loops(void **state)
{
	struct model *m;

	(void)state;
	/* Two seconds: idle 1.2 s of them; the second one was the busier. */
	loop(0, 1000 * MS, 500 * MS, 100, 50 * MS);
	loop(0, 2000 * MS, 1400 * MS, 150, 100 * MS);
	loop(0, 3000 * MS, 1700 * MS, 400, 700 * MS);
	loop(1, 1000 * MS, 0, 0, 0); /* one sample only */
	/* A worker that was replaced by another with the same number: counters fall. */
	loop(2, 1000 * MS, 900 * MS, 90, 0);
	loop(2, 2000 * MS, 10 * MS, 10, 0);
	loop(2, 3000 * MS, 510 * MS, 20, 0);
	m = snapshot(NULL);
	assert_int_equal(m->loop_count, 3);
	assert_float_equal(model_loop__utilisation(&m->loops[0]), 0.4, 1e-9);
	assert_float_equal(m->loops[0].peak, 0.7, 1e-9);
	assert_int_equal(m->loops[0].iterations, 300);
	assert_int_equal(m->loops[0].cpu_ns, 650 * MS);
	assert_true(model_loop__utilisation(&m->loops[1]) < 0);
	assert_float_equal(model_loop__utilisation(&m->loops[2]), 0.5, 1e-9);
	assert_int_equal(m->loops[2].iterations, 10);
	model__free(m);
}

static void test_gc_probes_counters(void **state)
{
	struct model *m;

	(void)state;
	event((struct flow_event){.type = FE_GC, .gc = {0, 3 * MS, 0}});
	event((struct flow_event){.type = FE_GC, .gc = {0, 5 * MS, 0}});
	event((struct flow_event){.type = FE_GC, .gc = {0, 0, 1}});
	event((struct flow_event){.type = FE_GC, .gc = {0, 1, 77}});
	for (uint64_t i = 1; i <= 2; i++) { /* the later one replaces */
		event((struct flow_event){
			.type = FE_PROBE,
			.probe = {str("async_reset"), str("node+0x10"), true, str(""), 10 * i, i}});
		event((struct flow_event){.type = FE_COUNTER, .counter = {str("seen"), 100 * i}});
	}
	m = snapshot(NULL);
	assert_int_equal(m->gc[MODEL_GC_SCAVENGE].count, 2);
	assert_int_equal(m->gc[MODEL_GC_SCAVENGE].total_ns, 8 * MS);
	assert_int_equal(m->gc[MODEL_GC_SCAVENGE].max_ns, 5 * MS);
	assert_int_equal(m->gc[MODEL_GC_MARK_COMPACT].untimed, 1);
	assert_int_equal(m->gc[MODEL_GC_OTHER].count, 1);
	assert_int_equal(m->probe_count, 1);
	assert_int_equal(m->probes[0].hits, 20);
	assert_int_equal(m->counter_count, 1);
	assert_int_equal(m->counters[0].value, 200);
	model__free(m);
}

static void test_loss(void **state)
{
	struct flow_res_type type = {.name = "TCPWRAP", .init = 5, .destroy = 3, .alive = 2};
	struct model_view view = {
		.types = &type, .type_count = 1, .resources_not_kept = 4, .unwritten = 5};
	struct model *m;

	(void)state;
	event((struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 7}});
	event((struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 1}});
	event((struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_MAP, 2}});
	event((struct flow_event){.type = FE_LOSS, .loss = {99, 3}}); /* of a later version */
	m = snapshot(&view);
	assert_int_equal(m->loss.ring, 8);
	assert_int_equal(m->loss.map, 2 + 4);
	assert_int_equal(m->loss.read, 3);
	assert_int_equal(m->loss.file, 5);
	assert_int_equal(m->loss.total, 22);
	assert_string_equal(m->types[0].name, "TCPWRAP");
	assert_int_equal(m->types[0].count.alive, 2);
	assert_true(m->has_resources);
	model__free(m);
}

/* However many there are, what is not kept is counted and nothing grows without bound. */
static void test_bounds(void **state)
{
	struct model *m;
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 1500; i++) {
		target(100 + i, 1, "requests");
		snprintf(name, sizeof(name), "counter%u", i);
		event((struct flow_event){.type = FE_COUNTER, .counter = {str(name), 1}});
	}
	m = snapshot(NULL);
	assert_int_equal(m->target_count, 1024);
	assert_int_equal(m->counter_count, 512);
	assert_int_equal(m->not_kept, 1500 - 1024 + 1500 - 512);
	model__free(m);
}

/* A snapshot does not change when the builder goes on. */
static void test_immutable(void **state)
{
	struct flow_req r = request("/", 3, 200);
	struct model *m;

	(void)state;
	model_builder__request(b, &r);
	m = snapshot(NULL);
	for (int i = 0; i < 100; i++)
		model_builder__request(b, &r);
	target(1, 1, "requests");
	assert_int_equal(m->requests.total, 1);
	assert_int_equal(m->routes[0].requests.total, 1);
	assert_int_equal(m->target_count, 0);
	model__free(m);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_empty),	 T(test_totals),  T(test_not_measured), T(test_routes),
		T(test_slowest), T(test_targets), T(test_loops),	T(test_gc_probes_counters),
		T(test_loss),	 T(test_bounds),  T(test_immutable),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The dashboard's figures from step to step, from handmade events. */
#include "live_test.h"
#include "fake_live.h"

static void bands_cover_all_durations(void **state)
{
	(void)state;
	assert_int_equal(live_band__from(0), 0);
	for (unsigned int i = 1; i < LIVE_BANDS; i++) {
		assert_true(live_band__from(i) > live_band__from(i - 1));
		assert_int_equal(live_band__of(live_band__from(i)), i);
		assert_int_equal(live_band__of(live_band__from(i) - 1), i - 1);
	}
	assert_int_equal(live_band__of(UINT64_MAX), LIVE_BANDS - 1);
}

static void the_fake_view_is_one(void **state)
{
	struct live_view *v = fake_live();

	(void)state;
	for (uint64_t n = 1; n <= 12; n++)
		assert_int_equal(live_view__request(v, n)->number, n);
	assert_null(live_view__request(v, 0));
	assert_null(live_view__request(v, 13));
	live_view__free(v);
	live_view__free(NULL);
}

static void nothing_yet_is_a_view(void **state)
{
	struct live_view *v = view(0);

	(void)state;
	assert_int_equal(v->nsteps + v->nrecent + v->nin_flight + v->nroutes + v->nloops, 0);
	assert_true(v->utilisation < 0);
	assert_true(v->agent.cpu < 0 && v->agent.target_cpu < 0);
	live_view__free(v);
}

static void idle_steps_are_there_as_zeros(void **state)
{
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	end(request("/a", BEGIN + 500 * MS, 5 * MS));
	end(request("/a", BEGIN + 5200 * MS, 5 * MS));
	v = view(BEGIN + 8500 * MS);
	assert_int_equal(v->nsteps, 9);
	for (size_t i = 0; i < v->nsteps; i++) {
		assert_int_equal(v->steps[i].start_ns, BEGIN + i *SEC);
		assert_int_equal(v->steps[i].requests, i == 0 || i == 5);
		assert_int_equal(v->steps[i].latency.count, i == 0 || i == 5);
		assert_true(v->steps[i].utilisation < 0);
	}
	assert_int_equal(v->steps[7].end_ns, BEGIN + 8 *SEC);
	assert_int_equal(v->steps[8].end_ns, BEGIN + 8500 * MS);
	assert_near(v->window_s, 8.5, 1e-9);
	assert_near(v->rps, 2 / 8.5, 1e-9);
	live_view__free(v);
}

static void only_the_last_steps_are_kept(void **state)
{
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	for (uint64_t i = 0; i < LIVE_STEPS + 50; i++)
		end(request("/a", BEGIN + i *SEC + MS, MS));
	v = view(BEGIN + (LIVE_STEPS + 49) *SEC + 2 * MS);
	assert_int_equal(v->nsteps, LIVE_STEPS);
	assert_int_equal(v->steps[LIVE_STEPS - 1].requests, 1);
	for (size_t i = 1; i < v->nsteps; i++) {
		assert_int_equal(v->steps[i].start_ns, v->steps[i - 1].start_ns + SEC);
		assert_int_equal(v->steps[i].requests, 1);
	}
	live_view__free(v);
	/* After a silence longer than all of that nothing is left. */
	v = view(BEGIN + 100ULL * LIVE_STEPS *SEC);
	assert_int_equal(v->nsteps, LIVE_STEPS);
	for (size_t i = 0; i < v->nsteps; i++) {
		assert_int_equal(v->steps[i].requests, 0);
		assert_int_equal(v->steps[i].latency.count, 0);
	}
	assert_int_equal(v->routes[0].requests, LIVE_STEPS + 50);
	for (size_t i = 0; i < LIVE_SPARK; i++)
		assert_int_equal(v->routes[0].spark[i], 0);
	assert_true(v->rps == 0 && v->latency.count == 0);
	live_view__free(v);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t exact(const uint64_t *sorted, size_t n, double q)
{
	size_t rank = (size_t)(q * (double)n);

	return sorted[rank < n ? rank : n - 1];
}

static void percentiles_of_the_window_are_right(void **state)
{
	static uint64_t ns[20000];
	uint64_t x = 12345, n = 0;
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	/* 30 steps; the window is the last ten of them. */
	for (uint64_t i = 0; i < 30000; i++) {
		uint64_t at = BEGIN + i * MS, took;

		x = hash_u64(x + i);
		took = 10000 + x % (1ULL << (10 + x % 18));
		if (at >= BEGIN + 20 *SEC)
			ns[n++] = took;
		end(request("/a", at, took));
	}
	v = view(BEGIN + 30 *SEC - 1);
	qsort(ns, n, sizeof(ns[0]), by_value);
	assert_int_equal(v->latency.count, n);
	assert_near((double)v->latency.p50, (double)exact(ns, n, 0.50), 0.02);
	assert_near((double)v->latency.p95, (double)exact(ns, n, 0.95), 0.02);
	assert_near((double)v->latency.p99, (double)exact(ns, n, 0.99), 0.02);
	assert_int_equal(v->latency.max, ns[n - 1]);
	assert_near((double)v->routes[0].latency.p50, (double)exact(ns, n, 0.50), 0.045);
	assert_near((double)v->routes[0].latency.p95, (double)exact(ns, n, 0.95), 0.045);
	assert_near((double)v->routes[0].latency.p99, (double)exact(ns, n, 0.99), 0.045);
	assert_int_equal(v->routes[0].latency.max, ns[n - 1]);
	assert_int_equal(v->routes[0].latency.min, ns[0]);
	assert_near(v->routes[0].rps, 1000, 0.001);
	assert_near(v->rps, 1000, 0.001);
	for (size_t i = 0; i < v->nsteps; i++) {
		uint64_t in_bands = 0;

		for (size_t b = 0; b < LIVE_BANDS; b++)
			in_bands += v->steps[i].band[b];
		assert_int_equal(in_bands, 1000);
		assert_int_equal(v->steps[i].latency.count, 1000);
		assert_true(v->steps[i].latency.p99 >= v->steps[i].latency.p50);
	}
	live_view__free(v);
}

static void small_histograms_are_off_by_a_32nd(void **state)
{
	(void)state;
	for (uint64_t ns = 1024; ns < 1ULL << 38; ns += ns / 7 + 1) {
		struct live_hist h = {0};

		live_hist__add(&h, 1);
		live_hist__add(&h, ns);
		live_hist__add(&h, UINT64_MAX / 2);
		assert_near((double)live_hist__quantile(&h, 0.5), (double)ns, 1.0 / 32);
	}
}

static void errors_mismatches_and_losses_are_of_their_step(void **state)
{
	const struct flow_finding foreign = {.kind = FINDING_FOREIGN};
	const struct flow_finding fan_out = {.kind = FINDING_FAN_OUT};
	struct flow_req req = request("/a", BEGIN + 2100 * MS, MS);
	const struct flow_blocking b = {.start_ns = BEGIN + SEC, .duration_ns = 1500 * MS};
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	event((struct flow_event){.type = FE_LOSS, .ts = BEGIN + SEC, .loss.count = 7});
	req.status = 503;
	req.findings = &foreign;
	req.nfindings = 1;
	end(req);
	req = request("/a", BEGIN + 2200 * MS, MS);
	req.findings = &fan_out;
	req.nfindings = 1;
	end(req);
	/* Not whole: an error that counts, a latency that does not. */
	req = request("/b", BEGIN + 2300 * MS, MS);
	req.end = REQ_ABORTED_PEER;
	req.status = 500;
	end(req);
	/* In flight to the end of its process: kept, and in no step. */
	req = request("/b", BEGIN + 2400 * MS, MS);
	req.end = REQ_IN_FLIGHT;
	req.end_ns = 0;
	end(req);
	assert_int_equal(live_format.blocking(live, &b), 0);
	v = view(BEGIN + 3 *SEC);
	assert_int_equal(v->steps[1].lost, 7);
	assert_int_equal(v->steps[2].blockings, 1);
	assert_int_equal(v->steps[2].requests, 3);
	assert_int_equal(v->steps[2].errors, 2);
	assert_int_equal(v->steps[2].mismatched, 1);
	assert_int_equal(v->steps[2].latency.count, 2);
	assert_near(v->error_rate, 2.0 / 3, 1e-9);
	assert_int_equal(v->nrecent, 4);
	assert_int_equal(v->nroutes, 2);
	assert_string_equal(v->routes[0].route, "/a");
	assert_int_equal(v->routes[0].mismatched, 1);
	assert_int_equal(v->routes[0].errors, 1);
	assert_int_equal(v->routes[1].requests, 1);
	live_view__free(v);
}

static void late_ends_count_where_they_belong(void **state)
{
	struct live_view *v;

	(void)state;
	tick(BEGIN);
	tick(BEGIN + 20 *SEC);
	end(request("/a", BEGIN + 15 *SEC, MS)); /* in the window */
	end(request("/a", BEGIN + 5 *SEC, MS));	 /* has left it */
	v = view(BEGIN + 20 *SEC);
	assert_int_equal(v->steps[15].requests, 1);
	assert_int_equal(v->steps[5].requests, 0);
	assert_int_equal(v->steps[20].requests, 1);
	live_view__free(v);
}

static void loop(uint32_t env, uint64_t ts, uint64_t idle)
{
	event((struct flow_event){
		.type = FE_LOOP, .ts = ts, .loop = {.env = env, .idle_ns = idle}});
}

static void utilisation_is_of_the_samples(void **state)
{
	struct live_view *v;

	(void)state;
	loop(0, BEGIN + 500 * MS, 5 *SEC); /* the idle time runs since the loop began */
	loop(1, BEGIN + 500 * MS, 0);
	loop(0, BEGIN + 1500 * MS, 5 *SEC + 750 * MS); /* a quarter busy */
	loop(1, BEGIN + 1500 * MS, 100 * MS);
	loop(0, BEGIN + 3500 * MS, 6 *SEC + 750 * MS); /* half */
	loop(0, BEGIN + 4500 * MS, 0);		       /* another loop: not known */
	v = view(BEGIN + 5 *SEC);
	/* The first step begins with the first sample. */
	assert_near(v->steps[0].utilisation, 0.9, 1e-6);
	assert_near(v->steps[1].utilisation, 0.5, 1e-6);
	assert_near(v->steps[2].utilisation, 0.5, 1e-6);
	assert_true(v->steps[3].utilisation < 0);
	assert_int_equal(v->nloops, 2);
	assert_near(v->loops[0].utilisation, 1.25 / 3, 1e-6);
	assert_near(v->loops[1].utilisation, 0.9, 1e-6);
	assert_near(v->utilisation, 0.9, 1e-6);
	assert_near((double)v->loops[0].spark[LIVE_SPARK - 5], 0.25, 1e-6);
	assert_near((double)v->loops[0].spark[LIVE_SPARK - 4], 0.5, 1e-6);
	assert_true(v->loops[0].spark[LIVE_SPARK - 1] < 0 && v->loops[0].spark[0] < 0);
	live_view__free(v);
}

static void lag_and_collections_are_of_their_loop(void **state)
{
	struct live_view *v;

	(void)state;
	event((struct flow_event){.type = FE_THREAD, .tid = 11, .ts = BEGIN, .thread.env = 0});
	event((struct flow_event){.type = FE_THREAD, .tid = 12, .ts = BEGIN, .thread.env = 1});
	for (uint64_t i = 1; i <= 100; i++)
		event((struct flow_event){.type = FE_IN,
					  .tid = 11,
					  .ts = BEGIN + i * MS,
					  .io = {.conn = i,
						 .flags = FE_F_HEAD,
						 .arrival_ns = BEGIN + i * MS - i * 10000}});
	event((struct flow_event){.type = FE_GC,
				  .tid = 12,
				  .ts = BEGIN + 200 * MS,
				  .gc = {.env = 1, .duration_ns = 3 * MS}});
	v = view(BEGIN + 12 *SEC);
	assert_near((double)v->steps[0].lag_p99_ns, 990000, 0.02);
	assert_int_equal(v->steps[0].lag_max_ns, MS);
	assert_int_equal(v->steps[0].gc_count, 1);
	assert_int_equal(v->steps[0].gc_ns, 3 * MS);
	assert_int_equal(v->loops[0].lag_p99_ns, 0); /* has left the window */
	live_view__free(v);
	event((struct flow_event){.type = FE_TURN,
				  .tid = 12,
				  .ts = BEGIN + 12 *SEC + 9 * MS,
				  .turn = {.kind = LR_TURN_TIMERS, .due_ns = BEGIN + 12 *SEC}});
	event((struct flow_event){.type = FE_TARGET_END, .ts = BEGIN + 12 *SEC + 10 * MS});
	v = view(BEGIN + 12 *SEC + 500 * MS);
	assert_near((double)v->loops[1].lag_p99_ns, 9 * MS, 0.032);
	assert_int_equal(v->loops[0].lag_p99_ns, 0);
	assert_near((double)v->lag_p99_ns, 9 * MS, 0.01);
	assert_true(v->loops[0].ended && v->loops[1].ended);
	live_view__free(v);
}

static struct flow_res_type fake_types[2];

static size_t give_types(void *ctx, struct flow_res_type *types, size_t cap)
{
	(void)ctx;
	assert_true(cap >= 2);
	memcpy(types, fake_types, sizeof(fake_types));
	return 2;
}

static void types_tell_how_many_were_alive(void **state)
{
	struct live_view *v;

	(void)state;
	live->source.types = give_types;
	fake_types[0] = (struct flow_res_type){.name = "Timeout"};
	fake_types[1] = (struct flow_res_type){.name = "TCPWRAP", .init = 5, .alive = 3};
	tick(BEGIN);
	for (uint64_t i = 0; i < 40; i++) {
		fake_types[0].init = fake_types[0].alive = 100 * i;
		tick(BEGIN + i *SEC + 500 * MS);
	}
	v = view(BEGIN + 40 *SEC - 1);
	assert_int_equal(v->ntypes, 2);
	assert_string_equal(v->types[0].name, "Timeout");
	assert_int_equal(v->types[0].alive, 3900);
	assert_int_equal(v->types[0].spark[LIVE_SPARK - 1], 3900);
	assert_int_equal(v->types[0].spark[LIVE_SPARK - 2], 3900);
	assert_int_equal(v->types[0].spark[LIVE_SPARK - 12], 2900);
	assert_int_equal(v->types[0].spark[LIVE_SPARK - 41], 0);
	assert_int_equal(v->types[0].trend, TREND_LINEAR);
	assert_int_equal(v->types[1].trend, TREND_STEADY);
	live_view__free(v);
}

static void routes_beyond_the_limit_have_none(void **state)
{
	struct live_view *v;
	char route[32];

	(void)state;
	tick(BEGIN);
	for (int i = 0; i < LIVE_ROUTES + 100; i++) {
		snprintf(route, sizeof(route), "/r%d", i);
		end(request(route, BEGIN + MS, MS));
	}
	end(request("/r7", BEGIN + MS, MS));
	v = view(BEGIN + 2 * MS);
	assert_int_equal(v->nroutes, LIVE_ROUTES);
	assert_string_equal(v->routes[0].route, "/r7");
	assert_int_equal(v->routes[0].requests, 2);
	assert_int_equal(v->steps[0].requests, LIVE_ROUTES + 101);
	live_view__free(v);
}

static void loops_that_ended_make_room(void **state)
{
	struct live_view *v;

	(void)state;
	for (uint32_t i = 0; i < 3ULL * LIVE_LOOPS; i++) {
		struct flow_event ev = {
			.type = FE_THREAD, .tid = 100 + i, .ts = BEGIN + i, .thread.env = i};

		event(ev);
		ev.thread.ended = i;
		event(ev);
	}
	v = view(BEGIN + SEC);
	assert_int_equal(v->nloops, LIVE_LOOPS);
	assert_int_equal(v->loops[0].env, 0);
	assert_false(v->loops[0].ended);
	live_view__free(v);
}

static void probe(const char *name, const char *site, uint64_t ts, uint64_t hits)
{
	event((struct flow_event){.type = FE_PROBE,
				  .ts = ts,
				  .probe = {.name = {name, (uint32_t)strlen(name)},
					    .site = {site, (uint32_t)strlen(site)},
					    .attached = true,
					    .hits = hits}});
}

static void the_agent_knows_what_it_costs(void **state)
{
	const struct live_opts opts = {0};
	uint64_t now = now_mono_ns();
	struct live_view *v;

	(void)state;
	live__free(live);
	assert_int_equal(live__new(&live, &opts), 0);
	tick(now);
	probe("gc_start", "node+0x10, 1 site(s)", now, 1000);
	probe("bytes_in", "tracepoint sock_recv_length", now + 1000, 0);
	v = view(now + SEC);
	assert_true(v->agent.target_cpu < 0); /* told of once */
	assert_true(v->agent.rss_bytes > 100000);
	assert_true(v->agent.cpu >= 0);
	live_view__free(v);
	probe("gc_start", "node+0x10, 1 site(s)", now + 5 *SEC, 3000);
	probe("bytes_in", "tracepoint sock_recv_length", now + 5 *SEC + 1000, 10000);
	v = view(now + 6 *SEC);
	/* 2,000 hits of 2.25 us and 10,000 of 1 us in five seconds */
	assert_near(v->agent.target_cpu, (2000 * 2.25 + 10000 * 1.0) / 5e6, 0.001);
	live_view__free(v);
}

static void targets_are_those_of_the_model(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	struct live_view *v;
	struct flow_event ev = {.type = FE_TARGET, .ts = BEGIN, .target.start_time = 5};

	(void)state;
	event(ev);
	end(request("/a", BEGIN + MS, MS));
	ev.target.start_time = 6; /* the pid came again */
	ev.ts = BEGIN + SEC;
	event(ev);
	event(ev);
	end(request("/a", BEGIN + SEC + MS, MS));
	end(request("/a", BEGIN + SEC + MS, MS));
	m->target_count = 2;
	m->targets = calloc(2, sizeof(*m->targets));
	m->targets[0] = (struct model_target){.pid = PID, .start_time = 5, .ended = true};
	m->targets[1] = (struct model_target){.pid = PID, .start_time = 6};
	assert_int_equal(live__snapshot(live, m, BEGIN + 2 *SEC, &v), 0);
	assert_int_equal(v->ntargets, 2);
	assert_int_equal(v->targets[0].requests, 1);
	assert_true(v->targets[0].ended);
	assert_int_equal(v->targets[1].requests, 2);
	assert_near(v->targets[1].rps, 1, 0.001);
	live_view__free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LIVE(f) cmocka_unit_test_setup_teardown(f, live_setup, live_teardown)
		cmocka_unit_test(bands_cover_all_durations),
		cmocka_unit_test(the_fake_view_is_one),
		cmocka_unit_test(small_histograms_are_off_by_a_32nd),
		LIVE(nothing_yet_is_a_view),
		LIVE(idle_steps_are_there_as_zeros),
		LIVE(only_the_last_steps_are_kept),
		LIVE(percentiles_of_the_window_are_right),
		LIVE(errors_mismatches_and_losses_are_of_their_step),
		LIVE(late_ends_count_where_they_belong),
		LIVE(utilisation_is_of_the_samples),
		LIVE(lag_and_collections_are_of_their_loop),
		LIVE(types_tell_how_many_were_alive),
		LIVE(routes_beyond_the_limit_have_none),
		LIVE(loops_that_ended_make_room),
		LIVE(the_agent_knows_what_it_costs),
		LIVE(targets_are_those_of_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

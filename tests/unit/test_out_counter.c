// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "events.h"
#include "out_counter.h"
#include "out_test.h"
#include "util.h"

#define MS     1000000ULL
#define ORIGIN (1000 * MS)
#define SEEN   32768

struct seen {
	enum out_counter counter;
	uint32_t env;
	uint64_t ts;
	double value;
};

static struct seen seen[SEEN];
static size_t count;

static void take(void *ctx, uint32_t pid, uint32_t env, enum out_counter counter, uint64_t ts,
		 double value)
{
	(void)ctx;
	assert_int_equal(pid, 7);
	assert_true(count < SEEN);
	seen[count++] = (struct seen){counter, env, ts, value};
}

static struct out_counters *make(void)
{
	const struct out_counters_opts opts = {.value = take, .origin_ns = ORIGIN};
	struct out_counters *c;

	count = 0;
	assert_int_equal(out_counters__new(&c, &opts), 0);
	return c;
}

/* The value of a counter at a moment: the last told that is not later. */
static double at(enum out_counter counter, uint64_t ts)
{
	double value = 0;
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		if (seen[i].counter != counter || seen[i].ts > ts)
			continue;
		assert_true(seen[i].ts >= last);
		last = seen[i].ts;
		value = seen[i].value;
	}
	return value;
}

struct life {
	uint64_t from, to;
};

/* At each moment @apart from the next it must be what counting gives. */
static void check_in_flight(const struct life *l, size_t n, uint64_t apart, uint64_t until)
{
	double value = 0;
	size_t k = 0;

	for (uint64_t ts = ORIGIN; ts <= until; ts += apart) {
		uint64_t want = 0;

		for (size_t i = 0; i < n; i++)
			want += l[i].from <= ts && ts < l[i].to;
		while (k < count && seen[k].ts <= ts)
			value = seen[k++].value;
		if (value != (double)want)
			fail_msg("%llu at %llu, not %f", (unsigned long long)want,
				 (unsigned long long)ts, value);
	}
}

/* In whatever order requests end, and as moments become rarer. */
static void test_in_flight(void **state)
{
	static struct life l[3000];
	static const uint64_t spans[] = {100 * MS, 8000 * MS, 60000 * MS};
	uint64_t random = 3;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(spans); s++) {
		struct out_counters *c = make();
		uint64_t apart = MS, last = 0;

		for (size_t i = 0; i < ARRAY_SIZE(l); i++) {
			uint64_t a = ORIGIN + test_random(&random) % spans[s];
			uint64_t b = a + test_random(&random) % (spans[s] / 20);
			struct flow_req req = {.pid = 7, .end = REQ_COMPLETE};

			a = i % 100 == 0 ? ORIGIN - 5 : a; /* had begun before */
			l[i] = (struct life){a, b};
			last = max_t(uint64_t, last, b);
			req.start_ns = a;
			req.end_ns = b;
			out_counters__request(c, &req);
		}
		out_counters__finish(c);
		while ((last - ORIGIN) > 8191 * apart)
			apart *= 2;
		check_in_flight(l, ARRAY_SIZE(l), apart, last + apart);
		assert_true(count > 50);
		out_counters__free(c);
	}
}

static void test_ends(void **state)
{
	struct flow_req req = {.pid = 7, .start_ns = ORIGIN + 5 * MS, .end = REQ_IN_FLIGHT};
	struct out_counters *c = make();

	(void)state;
	out_counters__request(c, &req);
	req.end = REQ_LOST;
	out_counters__request(c, &req);
	req.env = FLOW_ENV_UNKNOWN;
	req.end = REQ_COMPLETE;
	req.end_ns = ORIGIN + 9 * MS;
	out_counters__request(c, &req);
	out_counters__finish(c);
	assert_int_equal(count, 1);
	assert_int_equal(seen[0].ts, ORIGIN + 5 * MS);
	assert_true(seen[0].value == 1);
	out_counters__free(c);
}

static void event(struct out_counters *c, struct flow_event ev)
{
	ev.pid = 7;
	out_counters__event(c, &ev);
}

static void test_lag(void **state)
{
	struct out_counters *c = make();

	(void)state;
	event(c,
	      (struct flow_event){.type = FE_THREAD, .tid = 8, .ts = ORIGIN, .thread = {.env = 2}});
	for (uint64_t i = 0; i < 3; i++)
		event(c, (struct flow_event){.type = FE_TURN,
					     .tid = 8,
					     .ts = ORIGIN + i * MS,
					     .turn = {.kind = LR_TURN_TIMERS,
						      .due_ns = ORIGIN + i * MS - i % 2 * 700}});
	/* Of a thread that is no loop. */
	event(c, (struct flow_event){.type = FE_TURN,
				     .tid = 9,
				     .ts = ORIGIN + 4 * MS,
				     .turn = {.kind = LR_TURN_TIMERS, .due_ns = 5}});
	event(c,
	      (struct flow_event){.type = FE_TURN,
				  .tid = 8,
				  .ts = ORIGIN + 510 * MS,
				  .turn = {.kind = LR_TURN_TIMERS, .due_ns = ORIGIN + 500 * MS}});
	out_counters__finish(c);
	assert_int_equal(seen[0].env, 2);
	assert_true(at(COUNTER_LAG, ORIGIN) == 700);
	assert_true(at(COUNTER_LAG, ORIGIN + 60 * MS) == 0);
	assert_true(at(COUNTER_LAG, ORIGIN + 500 * MS) == 10e6);
	assert_int_equal(count, 3);
	out_counters__free(c);
}

static void sample(struct out_counters *c, uint64_t ts, uint64_t idle_ns)
{
	event(c, (struct flow_event){.type = FE_LOOP, .ts = ts, .loop = {.idle_ns = idle_ns}});
}

static void test_utilisation(void **state)
{
	struct out_counters *c = make();

	(void)state;
	sample(c, ORIGIN, 500 * MS);
	event(c, (struct flow_event){
			 .type = FE_GC, .ts = ORIGIN + 5 * MS, .gc = {.duration_ns = 50 * MS}});
	sample(c, ORIGIN + 1000 * MS, 750 * MS);
	sample(c, ORIGIN + 2000 * MS, 1750 * MS);
	sample(c, ORIGIN + 3000 * MS, 5 * MS); /* another loop */
	sample(c, ORIGIN + 4000 * MS, 505 * MS);
	out_counters__finish(c);
	assert_true(at(COUNTER_UTILISATION, ORIGIN) == 75);
	assert_true(at(COUNTER_GC, ORIGIN) == 5);
	assert_true(at(COUNTER_UTILISATION, ORIGIN + 1000 * MS) == 0);
	assert_true(at(COUNTER_GC, ORIGIN + 1000 * MS) == 0);
	assert_true(at(COUNTER_UTILISATION, ORIGIN + 3000 * MS) == 50);
	assert_int_equal(count, 6);
	out_counters__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_utilisation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

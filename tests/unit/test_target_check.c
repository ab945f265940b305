// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decoded layout against a process: this one, with a runtime's objects laid out as
 * fake_node.h says, right and then wrong in one place at a time. Needs no root: a process may
 * read itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_world.h"
#include "util.h"

#define HELD_MS 2 /* how long the metrics say that the loop has polled */

static void good_environment(void **state)
{
	static struct world w;
	struct target_env e;
	char why[256];

	(void)state;
	build(&w);
	if (check(&w, &e, why, sizeof(why)) != 1)
		fail_msg("%s", why);
	assert_int_equal(e.tid, gettid());
	assert_int_equal(e.isolate, addr(w.isolate));
	assert_int_equal(e.env, addr(w.env));
	assert_int_equal(e.loop, addr(w.loop));
	assert_memory_equal(e.uid, w.uid, sizeof(w.uid));
	assert_int_equal(e.loop_count, 42);
	assert_int_equal(e.loop_idle_ns, 1000);
	assert_int_equal(e.timers.unknown, TARGET_COUNTER_KNOWN);
	assert_int_equal(e.timers.value, 23);
	assert_int_equal(e.immediates.unknown, TARGET_COUNTER_KNOWN);
	assert_int_equal(e.immediates.value, 6);
}

/* Counters that are not what they should be are unknown; the rest is right all the same. */
static void odd_counters(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
	} cases[] = {
		{FAKE_BUFFER_ISOLATE, 0x1000},
		{FAKE_BUFFER_COUNT, 2},
		{FAKE_BUFFER_DATA, 0},
		{FAKE_BUFFER_DATA, 0x7fff00000000ULL},
	};
	static struct world w;
	struct target_env e;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		build(&w);
		put(w.env, FAKE_ENV_TIMEOUTS + cases[i].at, cases[i].value);
		assert_int_equal(check(&w, &e, why, sizeof(why)), 1);
		assert_int_equal(e.timers.unknown, TARGET_COUNTER_UNREADABLE);
		assert_int_equal(e.immediates.unknown, TARGET_COUNTER_KNOWN);
		build(&w);
		put(w.env, FAKE_ENV_IMMEDIATES + cases[i].at, cases[i].value);
		assert_int_equal(check(&w, &e, why, sizeof(why)), 1);
		assert_int_equal(e.timers.unknown, TARGET_COUNTER_KNOWN);
		assert_int_equal(e.immediates.unknown, TARGET_COUNTER_UNREADABLE);
	}
	build(&w);
	w.timeouts[0] = UINT32_MAX; /* -1 */
	w.immediates[2] = 2;
	assert_int_equal(check(&w, &e, why, sizeof(why)), 1);
	assert_int_equal(e.timers.unknown, TARGET_COUNTER_UNREADABLE);
	assert_int_equal(e.immediates.unknown, TARGET_COUNTER_UNREADABLE);
}

/* The current context is null while JavaScript runs, else it leads to the same environment. */
static void running_context(void **state)
{
	static struct world w;
	struct target_env e;
	char why[256];

	(void)state;
	build(&w);
	put(w.isolate, FAKE_CURRENT, tagged(w.running));
	assert_int_equal(check(&w, &e, why, sizeof(why)), 1);
}

static void poll_that_goes_on(void **state)
{
	static struct world w;
	struct target_env e;
	char why[256];

	(void)state;
	build(&w);
	put(w.internal, FAKE_LOOP_ENTRY, now_mono_ns() - HELD_MS * 1000000ULL);
	assert_int_equal(check(&w, &e, why, sizeof(why)), 1);
	assert_true(e.loop_idle_ns >= 1000 + HELD_MS * 1000000ULL);
}

static void no_isolate(void **state)
{
	struct target_env e;
	char why[256];

	(void)state;
	assert_int_equal(check(NULL, &e, why, sizeof(why)), 0);
	assert_string_equal(why, "no thread has an environment");
}

/* ---- one thing wrong at a time ---- */

static struct world bad;

static void bad_tag(void)
{
	put(bad.data, FAKE_SLOT_TAG + 1, addr(&bad));
}

static void bad_isolate(void)
{
	put(bad.env, FAKE_ENV_ISOLATE, addr(bad.scopes));
}

static void bad_fraction(void)
{
	bad.uid[0] = 1.5;
}

static void bad_negative(void)
{
	bad.uid[1] = -3;
}

static void bad_nan(void)
{
	bad.uid[2] = 0.0 / 0.0;
}

static void bad_counter(void)
{
	bad.uid[2] = 4;
}

static void bad_default(void)
{
	bad.uid[3] = -2;
}

static void bad_depth(void)
{
	bad.fields[FAKE_FIELD_STACK] = UINT32_MAX;
}

static void bad_timer(void)
{
	put(bad.env, FAKE_ENV_TIMER + FAKE_HANDLE_LOOP, addr(&bad));
}

static void bad_check(void)
{
	put(bad.env, FAKE_ENV_CHECK + FAKE_HANDLE_LOOP, addr(&bad));
}

static void bad_loop(void)
{
	put(bad.idata, FAKE_DATA_LOOP, addr(&bad));
}

static void bad_idle(void)
{
	put(bad.internal, FAKE_LOOP_IDLE, UINT64_MAX / 2);
}

static void bad_entry(void)
{
	put(bad.internal, FAKE_LOOP_ENTRY, UINT64_MAX / 2);
}

static void bad_pointer(void)
{
	bad.entered[0] = 0x10001;
}

static void bad_metrics(void)
{
	put(bad.loop, FAKE_LOOP_INTERNAL, 0x7fff00000000ULL);
}

static void bad_count(void)
{
	put(bad.scopes, FAKE_COUNT, UINT64_MAX);
}

static void bad_current(void)
{
	static uint64_t data[64], context[64];

	put(data, FAKE_SLOT_ENV + 1, addr(&bad));
	put(context, FAKE_EMBEDDER + 1, tagged(data));
	put(bad.map, 0x20, tagged(context));
	put(bad.isolate, FAKE_CURRENT, tagged(bad.running));
}

static void every_check_fails_by_name(void **state)
{
	static const struct {
		void (*spoil)(void);
		const char *why;
	} cases[] = {
		{bad_tag, "context tag: "},
		{bad_isolate, "environment's isolate: "},
		{bad_fraction, "async ids: 1.5"},
		{bad_negative, "async ids: 5, -3"},
		{bad_nan, "async ids: "},
		{bad_counter, "async id counter: 4 is below"},
		{bad_default, "default trigger id: -2"},
		{bad_depth, "callback scope depth: "},
		{bad_timer, "timer handle: "},
		{bad_check, "immediate handle: "},
		{bad_loop, "event loop: "},
		{bad_idle, "loop idle time: "},
		{bad_entry, "loop metrics: a poll that began in the future"},
		{bad_pointer, "environment: leads to memory that is not mapped"},
		{bad_metrics, "loop metrics: not mapped"},
		{bad_count, "entered contexts: "},
		{bad_current, "current context: "},
	};
	struct target_env e;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		build(&bad);
		cases[i].spoil();
		if (check(&bad, &e, why, sizeof(why)) != -EPROTO)
			fail_msg("case %zu passes: %s", i, why);
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("case %zu fails by \"%s\", not \"%s\"", i, why, cases[i].why);
	}
}

/* ---- other threads ---- */

struct worker {
	pthread_t thread;
	pthread_barrier_t ready, done;
	struct world *world;
	struct target_thread t;
};

static void *worker_main(void *arg)
{
	struct worker *wk = arg;
	struct world own;

	if (!wk->world) {
		build(&own);
		wk->world = &own;
	}
	fake_current = addr(wk->world->isolate);
	wk->t = self();
	pthread_barrier_wait(&wk->ready);
	pthread_barrier_wait(&wk->done);
	fake_current = 0;
	return NULL;
}

static void worker_start(struct worker *wk, struct world *world)
{
	wk->world = world;
	pthread_barrier_init(&wk->ready, NULL, 2);
	pthread_barrier_init(&wk->done, NULL, 2);
	assert_int_equal(pthread_create(&wk->thread, NULL, worker_main, wk), 0);
	pthread_barrier_wait(&wk->ready);
}

static void worker_stop(struct worker *wk)
{
	pthread_barrier_wait(&wk->done);
	pthread_join(wk->thread, NULL);
	pthread_barrier_destroy(&wk->ready);
	pthread_barrier_destroy(&wk->done);
}

/* Checks this thread with @main_world and a worker with @other. */
static int check_two(struct world *main_world, struct world *other, struct target_env *envs)
{
	struct target_thread threads[3];
	struct worker wk;
	char why[256];
	int ret;

	worker_start(&wk, other);
	threads[0] = self();
	threads[1] = (struct target_thread){.tid = 1}; /* one whose thread pointer is unknown */
	threads[2] = wk.t;
	fake_current = addr(main_world->isolate);
	fake_default_loop = main_world->loop;
	ret = target_layout__check(&fake_layout, getpid(), fake_bias, threads, 3, envs, 3, why,
				   sizeof(why));
	fake_current = 0;
	worker_stop(&wk);
	return ret;
}

static void worker_threads(void **state)
{
	static struct world w, other;
	struct target_env envs[3];

	(void)state;
	build(&w);
	build(&other);
	assert_int_equal(check_two(&w, &other, envs), 2);
	assert_int_equal(envs[0].env, addr(w.env));
	assert_int_equal(envs[1].env, addr(other.env));
	assert_int_not_equal(envs[0].tid, envs[1].tid);
}

/* A worker that is not there yet, or not any more, says nothing about the layout. */
static void half_built_worker(void **state)
{
	static struct world w, other;
	struct target_env envs[3];

	(void)state;
	build(&w);
	build(&other);
	put(other.scopes, FAKE_COUNT, 0);
	assert_int_equal(check_two(&w, &other, envs), 1);
	assert_int_equal(envs[0].env, addr(w.env));
	build(&other);
	put(other.env, FAKE_ENV_TIMER + FAKE_HANDLE_LOOP, 0x5a5a5a5a);
	assert_int_equal(check_two(&w, &other, envs), 1);
}

/* V8's helpers take the isolate of the thread that they help: it stays the main thread's. */
static void borrowed_from_main(void **state)
{
	static struct world w;
	struct target_thread threads[2];
	struct target_env envs[2];
	struct worker helper;
	int ret;

	(void)state;
	build(&w);
	assert_int_equal(check_two(&w, &w, envs), 1);
	assert_int_equal(envs[0].tid, gettid());

	worker_start(&helper, &w);
	threads[0] = helper.t;
	threads[1] = self();
	fake_current = addr(w.isolate);
	fake_default_loop = w.loop;
	ret = target_layout__check(&fake_layout, getpid(), fake_bias, threads, 2, envs, 2, NULL, 0);
	fake_current = 0;
	worker_stop(&helper);
	assert_int_equal(ret, 1);
	assert_int_equal(envs[0].tid, gettid());
	assert_int_equal(envs[0].fsbase, self().fsbase);
}

/* A worker thread has its loop on its stack: whoever else is seen with its isolate helps it. */
static void borrowed_from_worker(void **state)
{
	struct worker owner, first, last;
	struct target_thread threads[3];
	struct target_env envs[3];
	int ret;

	(void)state;
	worker_start(&owner, NULL);
	worker_start(&first, owner.world);
	worker_start(&last, owner.world);
	threads[0] = first.t;
	threads[1] = owner.t;
	threads[2] = last.t;
	ret = target_layout__check(&fake_layout, getpid(), fake_bias, threads, 3, envs, 3, NULL, 0);
	worker_stop(&first);
	worker_stop(&last);
	worker_stop(&owner);
	assert_int_equal(ret, 1);
	assert_int_equal(envs[0].tid, owner.t.tid);
	assert_int_equal(envs[0].fsbase, owner.t.fsbase);
}

/* Of a process that is being started: an odd reading is told at once, not after many tries. */
static void asked_once(void **state)
{
	static struct world w;
	struct target_thread t = self();
	struct target_env e;
	char why[256] = "";
	uint64_t begin = now_mono_ns();

	(void)state;
	build(&w);
	fake_default_loop = w.loop;
	fake_current = 0x7fff00000000; /* nothing is mapped there: another library's key, say */
	assert_int_equal(target_layout__check_once(&fake_layout, getpid(), fake_bias, &t, 1, &e, 1,
						   why, sizeof(why)),
			 -EPROTO);
	assert_non_null(strstr(why, "not mapped"));
	assert_in_range(now_mono_ns() - begin, 0, 200000000);
	fake_current = addr(w.isolate);
	assert_int_equal(target_layout__check_once(&fake_layout, getpid(), fake_bias, &t, 1, &e, 1,
						   why, sizeof(why)),
			 1);
	fake_current = 0;
	assert_int_equal(target_layout__check_once(&fake_layout, getpid(), fake_bias, &t, 1, &e, 1,
						   why, sizeof(why)),
			 0);
}

/* ---- thread keys ---- */

static uint32_t key_number;

/* Where this machine's C library keeps the value of a key, told by its own code. */
static void thread_key(void **state)
{
	struct target_layout l = fake_layout;
	int value;
	pthread_key_t key;
	uint64_t found;
	char why[256] = "";

	(void)state;
	assert_int_equal(pthread_key_create(&key, NULL), 0);
	assert_int_equal(pthread_setspecific(key, &value), 0);
	key_number = key;
	assert_false(target_layout__is_per_process(&l));
	l.p.tls = TARGET_TLS_KEY;
	assert_true(target_layout__is_per_process(&l));
	l.p.isolate_key = addr(&key_number) - fake_bias;
	if (target_layout__bind(&l, getpid(), fake_bias, why, sizeof(why)))
		fail_msg("%s", why);
	memcpy(&found, (char *)__builtin_thread_pointer() + l.lr.tls_isolate, sizeof(found));
	assert_int_equal(found, addr(&value));
	pthread_key_delete(key);

	key_number = 32;
	assert_int_equal(target_layout__bind(&l, getpid(), fake_bias, why, sizeof(why)), -ENOTSUP);
	assert_non_null(strstr(why, "thread key"));
	l.p.isolate_key = 0x10000 - fake_bias;
	assert_int_equal(target_layout__bind(&l, getpid(), fake_bias, why, sizeof(why)), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_environment),   cmocka_unit_test(odd_counters),
		cmocka_unit_test(running_context),    cmocka_unit_test(poll_that_goes_on),
		cmocka_unit_test(no_isolate),	      cmocka_unit_test(every_check_fails_by_name),
		cmocka_unit_test(worker_threads),     cmocka_unit_test(half_built_worker),
		cmocka_unit_test(borrowed_from_main), cmocka_unit_test(borrowed_from_worker),
		cmocka_unit_test(thread_key),	      cmocka_unit_test(asked_once),
	};

	return cmocka_run_group_tests(tests, fake_setup, NULL);
}

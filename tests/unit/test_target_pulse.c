// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pulse of a loop whose memory is the test's own: see fake_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fake_world.h"
#include "target_pulse.h"
#include "util.h"

static struct world w;
static struct target_env env;
static struct target_memory *memory;

static int setup(void **state)
{
	char why[256];

	(void)state;
	build(&w);
	return check(&w, &env, why, sizeof(why)) == 1 ? target_memory__open(&memory, getpid()) : -1;
}

static int teardown(void **state)
{
	(void)state;
	target_memory__free(memory);
	return 0;
}

/* Now and then the machine takes the CPU away in the middle of a read. */
static int pulse(struct target_pulse *p)
{
	int err = -EAGAIN;

	for (int i = 0; i < 100 && err == -EAGAIN; i++)
		err = target_pulse__read(memory, &fake_layout, &env, p);
	return err;
}

static void what_is_there(void **state)
{
	uint64_t now = now_mono_ns();
	struct target_pulse p;

	(void)state;
	assert_int_equal(env.microtasks_unknown, TARGET_COUNTER_KNOWN);
	assert_int_equal(pulse(&p), 0);
	assert_true(p.ts >= now && p.ts < now + 1000000000);
	assert_int_equal(p.idle_ns, 1000);
	assert_int_equal(p.entry_ns, 0);
	assert_int_equal(p.count, 42);
	assert_int_equal(p.time_ms, 77);
	assert_int_equal(p.microtasks, 1234);
	assert_false(p.draining);
	put(w.internal, FAKE_LOOP_ENTRY, now);
	put(w.queue, FAKE_QUEUE_RUNNING, 1);
	assert_int_equal(pulse(&p), 0);
	assert_int_equal(p.entry_ns, now);
	assert_true(p.draining);
}

static void no_queue(void **state)
{
	struct target_pulse p;
	char why[256];

	(void)state;
	put(w.isolate, FAKE_MICROTASKS, 0);
	assert_int_equal(check(&w, &env, why, sizeof(why)), 1);
	assert_int_equal(env.microtasks_unknown, TARGET_COUNTER_UNREADABLE);
	put(w.isolate, FAKE_MICROTASKS, addr(w.env)); /* something else */
	assert_int_equal(check(&w, &env, why, sizeof(why)), 1);
	assert_int_equal(env.microtasks_unknown, TARGET_COUNTER_UNREADABLE);
	assert_int_equal(pulse(&p), 0);
	assert_int_equal(p.count, 42);
	assert_int_equal(p.microtasks, 0);
}

/* What was a loop, or a queue, is another thing by now. */
static void gone(void **state)
{
	struct target_pulse p;

	(void)state;
	put(w.queue, 0, 0);
	assert_int_equal(pulse(&p), -EPROTO);
	put(w.queue, 0, addr(&fake_mt_vtable[2]));
	assert_int_equal(pulse(&p), 0);
	put(w.queue, FAKE_QUEUE_RUNNING, 2);
	assert_int_equal(pulse(&p), -EPROTO);
	put(w.queue, FAKE_QUEUE_RUNNING, 0);
	put(w.internal, FAKE_LOOP_ENTRY, UINT64_MAX);
	assert_int_equal(pulse(&p), -EPROTO);
	put(w.internal, FAKE_LOOP_ENTRY, 0);
	put(w.loop, FAKE_LOOP_INTERNAL, 0);
	assert_int_equal(pulse(&p), -EPROTO);
	env.loop_internal = 8;
	assert_int_equal(pulse(&p), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(no_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, fake_setup, NULL);
}

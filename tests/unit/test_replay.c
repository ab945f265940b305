// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A capture under a clock: what is fed when, and what time it is. */
#include <errno.h>

#include "out_capture.h"
#include "out_test.h"
#include "replay.h"
#include "util.h"

#define EVENTS 1000
#define STEP   10000000ULL /* between two events */
#define SECOND 1000000000ULL
#define LENGTH ((EVENTS - 1) * STEP)

/* What was handed out: the number of each event, in its counter and in its text. */
struct seen {
	size_t n;
	uint64_t value[2 * EVENTS];
	uint64_t ts[2 * EVENTS];
	size_t fail_at; /* 0: never */
};

static int take(void *ctx, const struct flow_event *ev)
{
	struct seen *s = ctx;
	char text[32];

	if (s->fail_at && s->n + 1 == s->fail_at)
		return -ECANCELED;
	assert_true(s->n < ARRAY_SIZE(s->value));
	assert_int_equal(ev->type, FE_COUNTER);
	snprintf(text, sizeof(text), "n%llu", (unsigned long long)ev->counter.value);
	assert_int_equal(ev->counter.name.len, strlen(text));
	assert_memory_equal(ev->counter.name.s, text, strlen(text));
	s->value[s->n] = ev->counter.value;
	s->ts[s->n++] = ev->ts;
	return 0;
}

/* The time of the first event. One in a hundred is told late, as by another thread. */
static uint64_t record(const struct test_dir *dir, bool clean)
{
	struct out_capture_opts opts = {.path = dir->file, .member_bytes = 700};
	uint64_t start;
	struct out_capture *c;

	assert_int_equal(out_capture__create(&c, &opts), 0);
	start = now_mono_ns();
	for (uint64_t i = 0; i < EVENTS; i++) {
		struct flow_event ev = {.type = FE_COUNTER, .pid = 1, .ts = start + i * STEP};
		char text[32];

		if (i % 100 == 50)
			ev.ts -= 3 * STEP / 2;
		snprintf(text, sizeof(text), "n%llu", (unsigned long long)i);
		ev.counter.name = (struct flow_str){text, (uint32_t)strlen(text)};
		ev.counter.value = i;
		assert_int_equal(out_capture__event(c, &ev), 0);
	}
	assert_int_equal(out_capture__close(c, clean), 0);
	return start;
}

static struct replay *open_replay(const char *path)
{
	char why[256] = "";
	struct replay *r;

	if (replay__open(&r, path, false, why, sizeof(why)))
		fail_msg("%s", why);
	return r;
}

struct fixture {
	struct test_dir dir;
	uint64_t start;
	struct replay *r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	test_dir__make(&f->dir);
	f->start = record(&f->dir, true);
	f->r = open_replay(f->dir.file);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	replay__free(f->r);
	test_dir__remove(&f->dir);
	free(f);
	return 0;
}

static void in_order(const struct seen *s, size_t from, size_t n)
{
	assert_int_equal(s->n, from + n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(s->value[from + i], i);
}

static void test_knows_its_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(replay__start(f->r), f->start);
	assert_int_equal(replay__end(f->r), f->start + LENGTH);
	assert_int_equal(replay__info(f->r)->end, CAPTURE_COMPLETE);
	assert_int_equal(replay__info(f->r)->events, EVENTS);
	assert_true(replay__paused(f->r));
	assert_int_equal(replay__now(f->r, 12345 * SECOND), f->start);
}

/* Whatever the steps: the same events in the same order as in one run, none before its time. */
static void test_steps_give_what_one_run_gives(void **state)
{
	static const uint64_t steps[] = {1, STEP - 1, STEP, 7 * STEP + 3, 500 * STEP, 2 * LENGTH};
	struct fixture *f = *state;
	struct seen s;
	struct flow_sink sink = {take, &s};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		uint64_t upto = f->start, end = f->start + (i ? LENGTH : 3000);
		size_t before = 0;

		s.n = s.fail_at = 0;
		while (upto < end) {
			upto += steps[i];
			assert_int_equal(replay__feed(f->r, upto, &sink), 0);
			for (; before < s.n; before++)
				assert_true(s.ts[before] < upto || upto >= f->start + LENGTH);
		}
		if (i) /* the smallest step only up to the second event */
			in_order(&s, 0, EVENTS);
		else
			in_order(&s, 0, 1);
		assert_int_equal(replay__rewind(f->r), 0);
	}
}

static void test_feed_stops_before_its_time(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};
	struct flow_sink sink = {take, &s};

	assert_int_equal(replay__feed(f->r, f->start, &sink), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(replay__feed(f->r, f->start + 10 * STEP, &sink), 0);
	in_order(&s, 0, 10);
	assert_int_equal(replay__feed(f->r, f->start + 10 * STEP, &sink), 0);
	in_order(&s, 0, 10);
	assert_int_equal(replay__feed(f->r, f->start + 10 * STEP + 1, &sink), 0);
	in_order(&s, 0, 11);
}

static void test_back_needs_a_rewind(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};
	struct flow_sink sink = {take, &s};

	assert_int_equal(replay__feed(f->r, f->start + 200 * STEP, &sink), 0);
	in_order(&s, 0, 200);
	assert_int_equal(replay__feed(f->r, f->start + 100 * STEP, &sink), 1);
	assert_int_equal(s.n, 200);
	/* Nothing has changed by the refusal. */
	assert_int_equal(replay__feed(f->r, f->start + 201 * STEP, &sink), 0);
	in_order(&s, 0, 201);
	assert_int_equal(replay__rewind(f->r), 0);
	assert_int_equal(replay__feed(f->r, f->start + 100 * STEP, &sink), 0);
	in_order(&s, 201, 100);
	/* After the end, too. */
	assert_int_equal(replay__feed(f->r, UINT64_MAX, &sink), 0);
	in_order(&s, 201, EVENTS);
	assert_int_equal(replay__rewind(f->r), 0);
	s.n = 0;
	assert_int_equal(replay__feed(f->r, replay__end(f->r), &sink), 0);
	in_order(&s, 0, EVENTS);
}

static void test_sink_that_fails(void **state)
{
	struct fixture *f = *state;
	struct seen s = {.fail_at = 5};
	struct flow_sink sink = {take, &s};

	assert_int_equal(replay__feed(f->r, UINT64_MAX, &sink), -ECANCELED);
	assert_int_equal(s.n, 4);
}

static void test_clock(void **state)
{
	struct fixture *f = *state;
	uint64_t wall = 5000 * SECOND;

	replay__pause(f->r, false, wall);
	assert_false(replay__paused(f->r));
	assert_int_equal(replay__now(f->r, wall), f->start);
	assert_int_equal(replay__now(f->r, wall + SECOND), f->start + SECOND);
	/* A wall clock that was read earlier is no reason to go back. */
	assert_int_equal(replay__now(f->r, wall - SECOND), f->start);

	/* At a change of speed, or a pause, the position stays. */
	replay__speed(f->r, 2, wall + SECOND);
	assert_int_equal(replay__now(f->r, wall + SECOND), f->start + SECOND);
	assert_int_equal(replay__now(f->r, wall + 2 * SECOND), f->start + 3 * SECOND);
	replay__speed(f->r, 0.5, wall + 2 * SECOND);
	assert_int_equal(replay__now(f->r, wall + 2 * SECOND), f->start + 3 * SECOND);
	assert_int_equal(replay__now(f->r, wall + 4 * SECOND), f->start + 4 * SECOND);
	replay__pause(f->r, true, wall + 4 * SECOND);
	assert_int_equal(replay__now(f->r, wall + 9 * SECOND), f->start + 4 * SECOND);
	replay__speed(f->r, 1, wall + 9 * SECOND);
	replay__pause(f->r, false, wall + 10 * SECOND);
	assert_int_equal(replay__now(f->r, wall + 11 * SECOND), f->start + 5 * SECOND);

	/* It stops at the end, and goes on from there. */
	assert_int_equal(replay__now(f->r, wall + 1000 * SECOND), f->start + LENGTH);
	assert_int_equal(replay__now(f->r, UINT64_MAX), f->start + LENGTH);
	replay__seek(f->r, f->start + SECOND, wall + 1000 * SECOND);
	assert_int_equal(replay__now(f->r, wall + 1001 * SECOND), f->start + 2 * SECOND);
}

static void test_limits_of_the_clock(void **state)
{
	struct fixture *f = *state;

	replay__speed(f->r, 1e9, 1);
	assert_true(replay__speed_of(f->r) == 100);
	replay__speed(f->r, 0, 1);
	assert_true(replay__speed_of(f->r) == 0.1);
	replay__speed(f->r, -1.0 / 0.0, 1);
	assert_true(replay__speed_of(f->r) == 0.1);
	replay__speed(f->r, 0.0 / 0.0, 1);
	assert_true(replay__speed_of(f->r) == 0.1);
	replay__seek(f->r, 0, 1);
	assert_int_equal(replay__now(f->r, 1), f->start);
	replay__seek(f->r, UINT64_MAX, 1);
	assert_int_equal(replay__now(f->r, 1), f->start + LENGTH);
}

/* Not closed: what is in whole members is there, and the end is said to be none. */
static void test_cut_off(void **state)
{
	struct test_dir dir = {0};
	struct seen s = {0};
	struct flow_sink sink = {take, &s};
	struct replay *r;
	char *data, tmp[160];
	size_t len;
	FILE *out;

	(void)state;
	test_dir__make(&dir);
	record(&dir, false);
	snprintf(tmp, sizeof(tmp), "%s.tmp", dir.file);
	data = test_read(tmp, &len);
	out = fopen(dir.file, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len / 2, out), len / 2);
	assert_int_equal(fclose(out), 0);
	r = open_replay(dir.file);
	assert_int_equal(replay__info(r)->end, CAPTURE_CUT_OFF);
	assert_non_null(strstr(replay__info(r)->status, "cut off after "));
	/* What is appended from now on is another replay's. */
	out = fopen(dir.file, "ae");
	assert_non_null(out);
	assert_int_equal(fwrite(data + len / 2, 1, len - len / 2, out), len - len / 2);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(replay__feed(r, UINT64_MAX, &sink), 0);
	assert_true(s.n > EVENTS / 4 && s.n < EVENTS * 3 / 4);
	assert_int_equal(s.n, replay__info(r)->events);
	in_order(&s, 0, s.n);
	replay__free(r);
	free(data);
	test_dir__remove(&dir);
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};
	struct flow_sink sink = {take, &s};
	struct replay *r;
	size_t len;
	char *data = test_read(f->dir.file, &len);
	FILE *out;

	data[len / 2] = (char)(data[len / 2] ^ 0x55);
	data[len / 2 + 1] = (char)(data[len / 2 + 1] ^ 0x55);
	out = fopen(f->dir.file, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	r = open_replay(f->dir.file);
	assert_int_equal(replay__info(r)->end, CAPTURE_DAMAGED);
	assert_non_null(strstr(replay__info(r)->status, "damaged at byte "));
	assert_int_equal(replay__feed(r, UINT64_MAX, &sink), 0);
	assert_int_equal(s.n, replay__info(r)->events);
	in_order(&s, 0, s.n);
	assert_true(s.n > 0 && s.n < EVENTS);
	replay__free(r);
	free(data);
}

static void test_refusals(void **state)
{
	char why[256] = "";
	struct fixture *f = *state;
	int fds[2], in = dup(STDIN_FILENO);
	struct replay *r = f->r;

	assert_true(in >= 0);
	assert_int_equal(replay__open(&r, "/does/not/exist", false, why, sizeof(why)), -ENOENT);
	assert_null(r);
	assert_non_null(strstr(why, "cannot be opened"));

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(replay__open(&r, "-", false, why, sizeof(why)), -ESPIPE);
	assert_non_null(strstr(why, "standard input cannot be read twice"));
	close(fds[0]);
	close(fds[1]);

	/* A file as standard input is as good as a file. */
	fds[0] = open(f->dir.file, O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	r = open_replay("-");
	assert_int_equal(replay__info(r)->events, EVENTS);
	replay__free(r);
	close(fds[0]);
	assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
	close(in);

	assert_int_equal(replay__open(&r, "/etc/passwd", false, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "not a loopray capture"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_knows_its_end),
		TEST(test_steps_give_what_one_run_gives),
		TEST(test_feed_stops_before_its_time),
		TEST(test_back_needs_a_rewind),
		TEST(test_sink_that_fails),
		TEST(test_clock),
		TEST(test_limits_of_the_clock),
		cmocka_unit_test(test_cut_off),
		TEST(test_damaged),
		TEST(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

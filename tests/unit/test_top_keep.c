// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a dashboard keeps: all of it, then the newer part of it, always as a capture of its own. */
#include <errno.h>

#include "out_capture.h"
#include "out_test.h"
#include "top_keep.h"
#include "util.h"

#define BOUND (12ull << 20)

struct seen {
	uint64_t first, last; /* values of the counters */
	uint64_t n;
	uint64_t targets;
	uint64_t next; /* what the next one must be, 0: any */
};

static int take(void *ctx, const struct flow_event *ev)
{
	struct seen *s = ctx;

	s->targets += ev->type == FE_TARGET;
	if (ev->type != FE_COUNTER)
		return 0;
	if (s->next)
		assert_int_equal(ev->counter.value, s->next);
	if (!s->n++)
		s->first = ev->counter.value;
	s->last = ev->counter.value;
	s->next = ev->counter.value + 1;
	return 0;
}

static struct seen read_back(const char *path)
{
	struct seen s = {};
	struct flow_sink sink = {take, &s};
	struct capture_reader *r;
	char why[256] = "";

	if (capture_reader__open(&r, path, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(capture_reader__run(r, &sink), 0);
	assert_int_equal(capture_reader__info(r)->end, CAPTURE_COMPLETE);
	assert_string_equal(capture_reader__info(r)->status, "complete");
	capture_reader__free(r);
	return s;
}

static void tell_target(struct top_keep *k, uint64_t ts)
{
	struct flow_event ev = {.type = FE_TARGET, .pid = 7, .ts = ts};

	ev.target.version = (struct flow_str){"22.21.1", 7};
	ev.target.context = ev.target.linked = ev.target.exe = ev.target.level =
		(struct flow_str){"", 0};
	assert_int_equal(top_keep__event(k, &ev), 0);
}

/* Some 60 bytes that nothing makes smaller, at such a rate that nothing tries. */
static void tell(struct top_keep *k, uint64_t value, uint64_t *ts, uint64_t *seed)
{
	struct flow_event ev = {.type = FE_COUNTER, .pid = 7, .ts = *ts += 1000};
	char text[64];

	for (size_t i = 0; i + 8 <= sizeof(text); i += 8) {
		uint64_t r = test_random(seed);

		memcpy(text + i, &r, 8);
	}
	ev.counter.name = (struct flow_str){text, sizeof(text)};
	ev.counter.value = value;
	assert_int_equal(top_keep__event(k, &ev), 0);
}

static void test_whole(void **state)
{
	struct top_keep *k;
	struct test_dir dir = {0};
	struct top_kept kept;
	struct seen s;
	struct stat st;
	uint64_t ts = now_mono_ns(), start = ts, seed = 5;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(top_keep__new(&k, BOUND, "top"), 0);
	assert_int_equal(top_keep__write(k, dir.file, &kept), -ENODATA);
	assert_false(test_exists(dir.file));
	tell_target(k, ts);
	for (uint64_t i = 1; i <= 1000; i++)
		tell(k, i, &ts, &seed);
	assert_int_equal(top_keep__write(k, dir.file, &kept), 0);
	assert_true(kept.whole && kept.since_ns == start && kept.last_ns == ts);
	assert_int_equal(kept.events, 1001);
	assert_int_equal(stat(dir.file, &st), 0);
	assert_int_equal(st.st_size, kept.file_bytes);
	s = read_back(dir.file);
	assert_true(s.first == 1 && s.last == 1000 && s.targets == 1);
	/* It goes on as if nothing had been written. */
	for (uint64_t i = 1001; i <= 2000; i++)
		tell(k, i, &ts, &seed);
	assert_int_equal(top_keep__write(k, dir.file, &kept), 0);
	s = read_back(dir.file);
	assert_true(s.first == 1 && s.last == 2000 && s.n == 2000);
	top_keep__free(k);
	test_dir__remove(&dir);
}

/* Three times what there is room for: never more, at least a third, without a hole. */
static void test_bound(void **state)
{
	struct top_keep *k;
	struct test_dir dir = {0};
	struct top_kept kept;
	struct seen s;
	uint64_t ts = now_mono_ns(), start = ts, seed = 6, most = 0, i;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(top_keep__new(&k, BOUND, "top"), 0);
	tell_target(k, ts);
	for (i = 1; i <= 3 * BOUND / 64; i++) {
		tell(k, i, &ts, &seed);
		if (i % 1000 == 0)
			top_keep__tick(k, ts);
		most = max_t(uint64_t, most, top_keep__bytes(k));
		if (i % 100000)
			continue;
		assert_int_equal(top_keep__write(k, dir.file, &kept), 0);
		s = read_back(dir.file);
		assert_int_equal(s.last, i);
		assert_int_equal(s.targets, 1);
		assert_true(kept.whole == (s.first == 1));
		assert_true(kept.whole == (kept.since_ns == start));
		assert_true(kept.file_bytes > min_t(uint64_t, i * 64, BOUND / 3));
	}
	assert_false(kept.whole);
	assert_true(most > BOUND * 9 / 10 && most < BOUND + (1u << 20));
	top_keep__free(k);
	test_dir__remove(&dir);
}

/* A place that cannot be written to is said, and costs nothing. */
static void test_not_writable(void **state)
{
	struct top_kept kept;
	struct top_keep *k;
	struct test_dir dir = {0};
	uint64_t ts = now_mono_ns(), seed = 7;
	struct seen s;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(top_keep__new(&k, 0, "top"), 0);
	tell(k, 1, &ts, &seed);
	assert_int_equal(top_keep__write(k, "/does/not/exist/x.lray", &kept), -ENOENT);
	tell(k, 2, &ts, &seed);
	assert_int_equal(top_keep__write(k, dir.file, &kept), 0);
	s = read_back(dir.file);
	assert_int_equal(s.n, 2);
	top_keep__free(k);
	test_dir__remove(&dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_not_writable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

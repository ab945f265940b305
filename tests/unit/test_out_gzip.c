// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <zlib.h>

#include "out.h"
#include "out_gzip.h"
#include "out_test.h"

#define MEMBER ((size_t)256 << 10)

struct sink {
	uint8_t *data;
	size_t len;
	size_t fail_at; /* 0: never */
};

static int take(void *ctx, const void *data, size_t len)
{
	struct sink *s = ctx;

	if (s->fail_at && s->len + len >= s->fail_at)
		return -ENOSPC;
	s->data = realloc(s->data, s->len + len + 1);
	assert_non_null(s->data);
	if (len)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	return 0;
}

/* Members that are whole; their content goes behind each other into @out. */
static size_t members(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *got)
{
	size_t at = 0, n = 0;

	*got = 0;
	while (at < len) {
		z_stream z = {.next_in = (uint8_t *)(uintptr_t)(data + at),
			      .avail_in = (uInt)(len - at),
			      .next_out = out + *got,
			      .avail_out = (uInt)(cap - *got)};
		int r;

		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		r = inflate(&z, Z_FINISH);
		if (r == Z_STREAM_END) {
			n++;
			at += z.total_in;
			*got += z.total_out;
		}
		inflateEnd(&z);
		if (r != Z_STREAM_END)
			break;
	}
	return n;
}

/* Half of it repeats, half does not. */
static uint8_t *content(size_t len)
{
	uint64_t random = 7;
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = i & 64 ? (uint8_t)test_random(&random) : (uint8_t)i;
	return data;
}

static void test_members(void **state)
{
	static const struct {
		size_t len, members;
	} cases[] = {{0, 1},	  {1, 1},	   {MEMBER - 1, 1},
		     {MEMBER, 1}, {MEMBER + 1, 2}, {3 * MEMBER, 3}};
	uint8_t *data = content(3 * MEMBER), *out = malloc(4 * MEMBER);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1000; piece <= 1000000; piece *= 1000) {
			struct sink s = {0};
			struct out_gzip *g;
			size_t got;

			assert_int_equal(out_gzip__new(&g, take, &s), 0);
			for (size_t at = 0; at < cases[i].len; at += piece) {
				size_t n = cases[i].len - at;

				assert_int_equal(
					out_gzip__write(g, data + at, n < piece ? n : piece), 0);
			}
			assert_int_equal(out_gzip__finish(g), 0);
			assert_int_equal(members(s.data, s.len, out, 4 * MEMBER, &got),
					 cases[i].members);
			assert_int_equal(got, cases[i].len);
			assert_memory_equal(out, data, got);
			out_gzip__free(g);
			free(s.data);
		}
	}
	free(data);
	free(out);
}

/* Wherever it is cut off, what whole members hold is there. */
static void test_cut_off(void **state)
{
	uint8_t *data = content(3 * MEMBER), *out = malloc(4 * MEMBER);
	struct sink s = {0};
	struct out_gzip *g;
	size_t got, last = 0, n;

	(void)state;
	assert_int_equal(out_gzip__new(&g, take, &s), 0);
	assert_int_equal(out_gzip__write(g, data, 3 * MEMBER), 0);
	for (size_t len = 0; len <= s.len; len += 9973) {
		n = members(s.data, len, out, 4 * MEMBER, &got);
		assert_true(got == n * MEMBER && got >= last);
		assert_memory_equal(out, data, got);
		last = got;
	}
	assert_true(last >= 2 * MEMBER);
	out_gzip__free(g);
	free(s.data);
	free(data);
	free(out);
}

static void test_write_fails(void **state)
{
	uint8_t *data = content(3 * MEMBER);
	struct sink s = {.fail_at = MEMBER};
	struct out_gzip *g;

	(void)state;
	assert_int_equal(out_gzip__new(&g, take, &s), 0);
	assert_int_equal(out_gzip__write(g, data, 3 * MEMBER), -ENOSPC);
	out_gzip__free(g);
	out_gzip__free(NULL);
	free(s.data);
	free(data);
}

/* A file: whole under its name, or not there at all. */
static void test_file(void **state)
{
	struct test_dir dir;
	struct out_file *f;
	uint8_t out[64];
	size_t len, got;
	char *data;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(out_file__open(&f, dir.file), 0);
	assert_int_equal(out_file__gzip(f), 0);
	assert_int_equal(out_file__printf(f, "hello %d\n", 1), 0);
	assert_int_equal(out_file__commit(f), 0);
	data = test_read(dir.file, &len);
	assert_int_equal(members((uint8_t *)data, len, out, sizeof(out), &got), 1);
	assert_int_equal(got, 8);
	assert_memory_equal(out, "hello 1\n", 8);
	free(data);
	unlink(dir.file);
	assert_int_equal(out_file__open(&f, dir.file), 0);
	assert_int_equal(out_file__gzip(f), 0);
	assert_int_equal(out_file__printf(f, "hello\n"), 0);
	out_file__abandon(f);
	assert_false(test_exists(dir.file));
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

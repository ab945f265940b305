// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Routes of paths, their bound, and the table and pool that the correlator stands on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_route.h"
#include "flow_table.h"
#include "util.h"

static const char *const routes[][2] = {
	{"/", "/"},
	{"", "/"},
	{"*", "*"},
	{"example.org:443", ":authority"},
	{"/users/42", "/users/:id"},
	{"/users/42/", "/users/:id/"},
	{"//a//b", "//a//b"},
	{"/users/alice/orders", "/users/alice/orders"},
	{"/v1/api2/x-y", "/v1/api2/x-y"},
	{"/d/2024-01-31/1.2.3", "/d/:id/:id"},
	{"/u/123e4567-e89b-12d3-a456-426614174000", "/u/:id"},
	{"/u/550E8400-E29B-41D4-A716-446655440000/x", "/u/:id/x"},
	{"/h/deadbeef", "/h/deadbeef"},
	{"/h/deadbee1", "/h/:id"},
	{"/h/dead1", "/h/dead1"},
	{"/facade/decade", "/facade/decade"},
	{"/o/507f1f77bcf86cd799439011", "/o/:id"},
	{"/t/V1StGXR8_Z5jdHi6B-myT", "/t/:id"},
	{"/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/:id"},
	{"/t/aGVsbG8gd29ybGQ5=", "/t/:id"},
	{"/t/internationalization-of-words", "/t/internationalization-of-words"},
	{"/m/a@b.c", "/m/:id"},
	{"/m/a%40b.c", "/m/:id"},
	{"/m/%41bc", "/m/%41bc"},
	{"/static/main.3f2a1b.js", "/static/*.js"},
	{"/img/logo.PNG", "/img/*.png"},
	{"/a.js/b", "/a.js/b"},
	{"/.js", "/.js"},
	{"/process-payment", "/process-payment"},
};

static void test_routes(void **state)
{
	char out[FLOW_ROUTE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t n = flow_route__make(routes[i][0], strlen(routes[i][0]), out);

		assert_string_equal(out, routes[i][1]);
		assert_int_equal(n, strlen(out));
	}
}

static void test_long_paths_end_in_a_star(void **state)
{
	static char path[5000];
	char out[FLOW_ROUTE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 8 ? 'a' : '/';
	assert_true(flow_route__make(path, sizeof(path), out) < FLOW_ROUTE_MAX);
	assert_int_equal(out[strlen(out) - 1], '*');
	memset(path + 1, 'z', 65);
	flow_route__make(path, 66, out); /* no name is that long */
	assert_string_equal(out, "/:id");
	for (size_t len = 0; len < 600; len++) /* every length around the limit */
		assert_true(flow_route__make(path, len, out) < FLOW_ROUTE_MAX);
}

static void test_interned_and_bounded(void **state)
{
	struct flow_routes *r;
	const char *a, *b;
	char path[32];

	(void)state;
	assert_int_equal(flow_routes__new(&r, 3), 0);
	a = flow_routes__of(r, "/x/1", 4);
	b = flow_routes__of(r, "/x/2", 4);
	assert_ptr_equal(a, b);
	assert_string_equal(a, "/x/:id");
	for (int i = 0; i < 26; i++) {
		snprintf(path, sizeof(path), "/%c", 'a' + i);
		b = flow_routes__of(r, path, 2);
		assert_string_equal(b, i < 2 ? path : "(other)");
	}
	assert_int_equal(flow_routes__overflow(r), 24);
	assert_ptr_equal(a, flow_routes__of(r, "/x/3", 4));
	flow_routes__free(r);
	flow_routes__free(NULL);
}

/* Against a plain array: put, get, take in random order, with many collisions. */
static void test_table(void **state)
{
	static int values[512];
	static bool there[512];
	struct flow_table t;
	uint64_t x = 1;

	(void)state;
	assert_int_equal(flow_table__init(&t, 0), -EINVAL);
	assert_int_equal(flow_table__init(&t, 300), 0);
	for (int step = 0; step < 200000; step++) {
		uint32_t k;
		int err;

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		k = (uint32_t)(x >> 33) % 512;
		assert_ptr_equal(flow_table__get(&t, k % 16, k), there[k] ? &values[k] : NULL);
		if (there[k]) {
			assert_ptr_equal(flow_table__take(&t, k % 16, k), &values[k]);
			there[k] = false;
			continue;
		}
		err = flow_table__put(&t, k % 16, k, &values[k]);
		assert_int_equal(err, t.count == 300 && err ? -ENOSPC : 0);
		there[k] = !err;
	}
	flow_table__destroy(&t);
}

static void test_table_walk(void **state)
{
	struct flow_table t;
	struct flow_slot *s;
	uint32_t pos = 0, seen = 0;
	int value;

	(void)state;
	assert_int_equal(flow_table__init(&t, 1000), 0);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(flow_table__put(&t, i, 0, &value), 0);
	while ((s = flow_table__next(&t, &pos))) {
		uint64_t key = s->a;

		seen++;
		if (key % 2)
			continue;
		flow_table__take(&t, key, 0);
		pos--;
	}
	assert_true(seen >= 1000);
	assert_int_equal(t.count, 500);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(flow_table__get(&t, i, 0) != NULL, i % 2);
	flow_table__destroy(&t);
}

static void test_pool(void **state)
{
	struct flow_pool p;
	uint64_t *objects[10];

	(void)state;
	flow_pool__init(&p, 40, 10);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++) {
			objects[i] = flow_pool__alloc(&p);
			assert_non_null(objects[i]);
			for (int w = 0; w < 5; w++)
				assert_int_equal(objects[i][w], 0);
			memset(objects[i], 0xff, 40);
		}
		assert_null(flow_pool__alloc(&p));
		assert_int_equal(p.used, 10);
		for (int i = 0; i < 10; i++)
			flow_pool__release(&p, objects[i]);
	}
	assert_int_equal(p.used, 0);
	flow_pool__release(&p, NULL);
	flow_pool__destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_long_paths_end_in_a_star),
		cmocka_unit_test(test_interned_and_bounded),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_walk),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

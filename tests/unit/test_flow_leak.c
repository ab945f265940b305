// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resources that outlive their request: each rule of flow_context_leak.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_context.h"
#include "flow_request.h"

#define PID    100
#define CONN   1
#define PARSER 1 /* provider numbers */
#define TCP    2
#define ZLIB   3
#define MS     1000000ULL
#define SEC    (1000 * MS)

struct run {
	struct flow_requests *requests;
	struct flow_context *context;
	struct flow_leaks leaks;
	uint64_t ts;
	int64_t id; /* last async id given */
};

static void on_done(void *ctx, const struct flow_req *req)
{
	(void)ctx;
	(void)req;
}

static void feed(struct run *run, struct flow_event ev)
{
	run->ts += MS;
	ev.pid = ev.tid = PID;
	ev.ts = run->ts;
	assert_int_equal(flow_requests__event(run->requests, &ev), 0);
	assert_int_equal(flow_context__event(run->context, &ev), 0);
}

static void provider(struct run *run, uint32_t number, const char *name)
{
	struct flow_event ev = {.type = FE_PROVIDER};

	ev.provider.number = number;
	ev.provider.name = (struct flow_str){name, (uint32_t)strlen(name)};
	feed(run, ev);
}

static int64_t create(struct run *run, uint32_t type, int64_t exec)
{
	struct flow_event ev = {.type = FE_INIT};

	ev.resource = (struct fe_resource){.provider = type,
					   .async_id = ++run->id,
					   .exec_id = exec,
					   .counter = run->id - 1,
					   .conn = CONN,
					   .flags = FE_RES_IDS | FE_RES_EXEC | FE_RES_TYPE};
	feed(run, ev);
	return run->id;
}

static void destroy(struct run *run, uint32_t type, int64_t id)
{
	struct flow_event ev = {.type = FE_DESTROY};

	ev.resource = (struct fe_resource){
		.provider = type, .async_id = id, .flags = FE_RES_IDS | FE_RES_TYPE};
	feed(run, ev);
}

static void callback(struct run *run, int64_t id)
{
	struct flow_event ev = {.type = FE_SCOPE};

	ev.scope.async_id = id;
	ev.scope.counter = run->id;
	feed(run, ev);
}

static void collect(struct run *run)
{
	feed(run, (struct flow_event){.type = FE_GC, .gc = {.kind = 1}});
}

static void wait(struct run *run, uint64_t seconds)
{
	for (uint64_t i = 0; i < seconds; i++) {
		run->ts += SEC;
		feed(run, (struct flow_event){.type = FE_TURN});
	}
}

#define FIRST_PARSER 10

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts opts = {
		.done = on_done, .ctx = run, .max_connections = 16, .max_in_flight = 16};
	struct flow_event conn = {.type = FE_CONN, .conn = {.conn = CONN, .seen_open = true}};

	assert_non_null(run);
	run->ts = 1000 *SEC;
	run->id = FIRST_PARSER - 1;
	assert_int_equal(flow_requests__new(&run->requests, &opts), 0);
	assert_int_equal(flow_context__new(&run->context, run->requests, 4096), 0);
	provider(run, PARSER, "HTTPINCOMINGMESSAGE");
	provider(run, TCP, "TCPWRAP");
	provider(run, ZLIB, "ZLIB");
	assert_int_equal(create(run, PARSER, 5), FIRST_PARSER);
	feed(run, conn);
	return run;
}

static void run_free(struct run *run)
{
	flow_context__free(run->context);
	flow_requests__free(run->requests);
	free(run);
}

static void head(struct run *run)
{
	struct flow_event ev = {.type = FE_IN};

	ev.io.conn = CONN;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.method = FM_GET;
	ev.io.path = (struct flow_str){"/", 1};
	feed(run, ev);
}

static void answer(struct run *run)
{
	struct flow_event ev = {.type = FE_OUT};

	ev.io.conn = CONN;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 1;
	ev.io.status = 200;
	feed(run, ev);
}

/* A request whose handler creates one resource. */
static int64_t request(struct run *run, uint32_t type)
{
	int64_t id;

	head(run);
	id = create(run, type, FIRST_PARSER);
	answer(run);
	return id;
}

static const struct flow_outlived *outlived(struct run *run, const char *name)
{
	flow_context__leaks(run->context, &run->leaks);
	for (uint32_t i = 0; i < run->leaks.count; i++)
		if (strcmp(run->leaks.type[i].name, name) == 0)
			return &run->leaks.type[i];
	return NULL;
}

/* One socket a second is left open. */
static void growth(void **state)
{
	struct run *run = run_new();
	const struct flow_outlived *o;

	(void)state;
	for (int i = 0; i < 60; i++) {
		request(run, TCP);
		wait(run, 1);
	}
	o = outlived(run, "TCPWRAP");
	assert_non_null(o);
	assert_int_equal(run->leaks.judged, LEAKS_JUDGED);
	assert_in_range(o->alive, 48, 50);
	assert_int_equal(o->leaked, o->alive);
	assert_int_equal(o->in_use, 0);
	assert_in_range(o->oldest_ns, 57 *SEC, 61 *SEC);
	assert_int_equal(o->after_ns, 10 *SEC);
	/* The figures outlive the end of the input, when everything is handed out. */
	flow_context__finish(run->context);
	assert_int_equal(outlived(run, "TCPWRAP")->leaked, o->leaked);
	run_free(run);
}

/* A pool: opened by the first requests, kept open, used by the others or by nobody. */
static void pool(void **state)
{
	struct run *run = run_new();
	const struct flow_outlived *o;
	int64_t used[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		used[i] = request(run, TCP);
	for (int i = 0; i < 8; i++)
		request(run, TCP);
	for (int i = 0; i < 60; i++) {
		head(run);
		callback(run, used[i % 8]);
		answer(run);
		wait(run, 1);
	}
	o = outlived(run, "TCPWRAP");
	assert_non_null(o);
	assert_int_equal(o->alive, 16);
	assert_int_equal(o->in_use, 8);
	assert_int_equal(o->uncollected, 0);
	assert_int_equal(o->leaked, 0);
	run_free(run);
}

/* Sockets that are replaced all the time: the young ones are too young. */
static void churn(void **state)
{
	struct run *run = run_new();
	int64_t id = 0;

	(void)state;
	for (int i = 0; i < 60; i++) {
		if (id)
			destroy(run, TCP, id);
		id = request(run, TCP);
		wait(run, 1);
	}
	assert_null(outlived(run, "TCPWRAP"));
	run_free(run);
}

/* What finishes a request's work right behind its response is no use by others. */
static void own_tail(void **state)
{
	struct run *run = run_new();
	const struct flow_outlived *o;

	(void)state;
	for (int i = 0; i < 60; i++) {
		int64_t id = request(run, TCP);

		callback(run, id);
		wait(run, 1);
	}
	o = outlived(run, "TCPWRAP");
	assert_non_null(o);
	assert_int_equal(o->in_use, 0);
	assert_true(o->leaked > 40);
	run_free(run);
}

/* An object that only a collection frees: two of them, as the first may have begun before. */
static void garbage(void **state)
{
	struct run *run = run_new();
	const struct flow_outlived *o;

	(void)state;
	for (int i = 0; i < 60; i++) {
		request(run, ZLIB);
		wait(run, 1);
	}
	o = outlived(run, "ZLIB");
	assert_non_null(o);
	assert_int_equal(o->uncollected, o->alive);
	assert_int_equal(o->leaked, 0);
	collect(run);
	assert_int_equal(outlived(run, "ZLIB")->leaked, 0);
	collect(run);
	o = outlived(run, "ZLIB");
	assert_int_equal(o->uncollected, 0);
	assert_int_equal(o->leaked, o->alive);
	run_free(run);
}

/* Some types live long: theirs are not old after ten seconds. */
static void long_lives(void **state)
{
	struct run *run = run_new();
	const struct flow_outlived *o;
	int64_t id[20];

	(void)state;
	for (int i = 0; i < 80; i++) {
		if (i >= 20)
			destroy(run, TCP, id[i % 20]);
		id[i % 20] = request(run, TCP);
		wait(run, 1);
	}
	assert_null(outlived(run, "TCPWRAP")); /* none is older than 20 s, most live as long */
	wait(run, 20);
	o = outlived(run, "TCPWRAP");
	assert_non_null(o);
	assert_in_range(o->after_ns, 20 *SEC, 40 *SEC);
	assert_true(o->alive < 20);
	run_free(run);
}

/* A response that goes on, however long: what it uses is its own. */
static void stream(void **state)
{
	struct run *run = run_new();

	(void)state;
	head(run);
	for (int i = 0; i < 60; i++) {
		create(run, TCP, FIRST_PARSER);
		wait(run, 1);
	}
	assert_null(outlived(run, "TCPWRAP"));
	answer(run);
	wait(run, 12);
	assert_int_equal(outlived(run, "TCPWRAP")->alive, 60);
	assert_int_equal(outlived(run, "TCPWRAP")->leaked, 0); /* all at one moment: no trend */
	run_free(run);
}

static void not_judged(void **state)
{
	struct run *run = run_new();

	(void)state;
	for (int i = 0; i < 18; i++) {
		request(run, TCP);
		wait(run, 1);
	}
	assert_non_null(outlived(run, "TCPWRAP"));
	assert_int_equal(run->leaks.judged, LEAKS_SHORT);
	assert_int_equal(run->leaks.type[0].leaked, 0);
	for (int i = 0; i < 40; i++) {
		request(run, TCP);
		wait(run, 1);
	}
	assert_true(outlived(run, "TCPWRAP")->leaked > 0);
	/* A record that was lost may have been that of a destroy. */
	feed(run, (struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 1}});
	assert_int_equal(outlived(run, "TCPWRAP")->leaked, 0);
	assert_int_equal(run->leaks.judged, LEAKS_LOSS);
	assert_true(run->leaks.type[0].alive > 40);
	run_free(run);
}

static void nothing(void **state)
{
	struct flow_context *c;
	struct flow_leaks l;

	(void)state;
	assert_int_equal(flow_context__new(&c, NULL, 16), 0);
	flow_context__leaks(c, &l);
	assert_int_equal(l.judged, LEAKS_NOT);
	assert_int_equal(l.count, 0);
	flow_context__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth),  cmocka_unit_test(pool),
		cmocka_unit_test(churn),   cmocka_unit_test(own_tail),
		cmocka_unit_test(garbage), cmocka_unit_test(long_lives),
		cmocka_unit_test(stream),  cmocka_unit_test(not_judged),
		cmocka_unit_test(nothing),
	};

	return cmocka_run_group_tests_name("flow_leak", tests, NULL, NULL);
}

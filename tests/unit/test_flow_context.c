// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Resources and the requests they were created for: each rule of flow_context.c with what it
 * concludes and with what it must not conclude.
 */
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

#define PID	100
#define PARSER	1 /* provider numbers of the handmade target */
#define TCP	2
#define FSREQ	3
#define MAX_OUT 64

struct run {
	struct flow_requests *requests;
	struct flow_context *context;
	struct flow_resource out[MAX_OUT];
	size_t n;
	struct flow_req done[MAX_OUT];
	size_t ndone;
	uint32_t env;
	uint64_t ts;
};

static void on_resource(void *ctx, const struct flow_resource *res)
{
	struct run *run = ctx;

	assert_true(run->n < MAX_OUT);
	run->out[run->n++] = *res;
}

static void on_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;

	assert_true(run->ndone < MAX_OUT);
	run->done[run->ndone++] = *q;
}

static void send_event(struct run *run, struct flow_event *ev)
{
	if (!ev->pid)
		ev->pid = PID;
	if (!ev->tid)
		ev->tid = ev->pid;
	if (!ev->ts)
		ev->ts = ++run->ts;
	assert_int_equal(flow_requests__event(run->requests, ev), 0);
	assert_int_equal(flow_context__event(run->context, ev), 0);
}

static void provider(struct run *run, uint32_t pid, uint32_t number, const char *name)
{
	struct flow_event ev = {.type = FE_PROVIDER, .pid = pid};

	ev.provider.number = number;
	ev.provider.name = (struct flow_str){name, (uint32_t)strlen(name)};
	send_event(run, &ev);
}

static struct run *run_new(uint32_t max_resources)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts opts = {
		.done = on_done,
		.ctx = run,
		.max_connections = 16,
		.max_in_flight = 16,
	};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->requests, &opts), 0);
	assert_int_equal(flow_context__new(&run->context, run->requests, max_resources), 0);
	flow_context__on_resource(run->context, on_resource, run);
	provider(run, PID, PARSER, "HTTPINCOMINGMESSAGE");
	provider(run, PID, TCP, "TCPWRAP");
	provider(run, PID, FSREQ, "FSREQCALLBACK");
	return run;
}

static void run_free(struct run *run)
{
	flow_context__free(run->context);
	flow_requests__free(run->requests);
	free(run);
}

static void init(struct run *run, uint32_t type, int64_t id, int64_t exec, int64_t counter,
		 uint64_t conn)
{
	struct flow_event ev = {.type = FE_INIT};

	ev.resource.env = run->env;
	ev.resource.provider = type;
	ev.resource.async_id = id;
	ev.resource.trigger_id = 1;
	ev.resource.exec_id = exec;
	ev.resource.counter = counter;
	ev.resource.conn = conn;
	ev.resource.flags = FE_RES_IDS | FE_RES_EXEC | FE_RES_TYPE;
	send_event(run, &ev);
}

static void destroy(struct run *run, uint32_t type, int64_t id)
{
	struct flow_event ev = {.type = FE_DESTROY};

	ev.resource.env = run->env;
	ev.resource.provider = type;
	ev.resource.async_id = id;
	ev.resource.flags = FE_RES_IDS | FE_RES_TYPE;
	send_event(run, &ev);
}

static void scope(struct run *run, int64_t id, int64_t counter, uint64_t conn)
{
	struct flow_event ev = {.type = FE_SCOPE};

	ev.scope.env = run->env;
	ev.scope.async_id = id;
	ev.scope.counter = counter;
	ev.scope.conn = conn;
	send_event(run, &ev);
}

static void head(struct run *run, uint64_t conn)
{
	struct flow_event open = {.type = FE_CONN, .ts = 1};
	struct flow_event ev = {.type = FE_IN};

	open.conn.conn = conn;
	open.conn.seen_open = true;
	send_event(run, &open);
	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.method = FM_GET;
	ev.io.path = (struct flow_str){"/", 1};
	send_event(run, &ev);
}

static void answer(struct run *run, uint64_t conn)
{
	struct flow_event ev = {.type = FE_OUT};

	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.bytes = 1;
	ev.io.status = 200;
	send_event(run, &ev);
}

static uint64_t request_of(struct run *run, int64_t id)
{
	flow_context__finish(run->context);
	for (size_t i = 0; i < run->n; i++)
		if (run->out[i].async_id == id)
			return run->out[i].request_seq;
	fail_msg("resource %lld was not handed out", (long long)id);
	return 0;
}

/* A connection's parser, created when the connection was accepted, for no request. */
static void parser(struct run *run, int64_t id)
{
	init(run, TCP, id - 1, 5, id - 2, 0);
	init(run, PARSER, id, 5, id - 1, 0);
}

static void test_handler(void **state)
{
	struct run *run = run_new(64);

	(void)state;
	parser(run, 10);
	head(run, 1);
	init(run, FSREQ, 20, 10, 19, 1); /* in the handler */
	scope(run, 10, 20, 1);
	init(run, FSREQ, 30, 20, 29, 0); /* in its callback */
	destroy(run, FSREQ, 20);
	answer(run, 1);
	assert_int_equal(run->done[0].resources_created, 2);
	assert_int_equal(run->done[0].resources_alive, 1);
	assert_int_equal(run->out[0].async_id, 20);
	assert_int_equal(run->out[0].request_seq, 1);
	assert_int_equal(run->out[0].conn, 1);
	assert_int_equal(run->out[0].exec_id, 10);
	assert_string_equal(run->out[0].type, "FSREQCALLBACK");
	assert_true(run->out[0].destroy_ns > run->out[0].init_ns);
	assert_int_equal(request_of(run, 30), 1);
	assert_int_equal(request_of(run, 9), 0);
	assert_int_equal(request_of(run, 10), 0);
	run_free(run);
}

/* One parser id, many requests: the id means the newest. */
static void test_keep_alive(void **state)
{
	struct run *run = run_new(64);

	(void)state;
	parser(run, 10);
	for (int64_t i = 1; i <= 3; i++) {
		head(run, 1);
		init(run, FSREQ, 20 * i, 10, 20 * i - 1, 1);
		scope(run, 10, 20 * i, 1);
		answer(run, 1);
	}
	init(run, FSREQ, 99, 10, 98, 1); /* behind the response, still of the last one */
	assert_int_equal(request_of(run, 20), 1);
	assert_int_equal(request_of(run, 40), 2);
	assert_int_equal(request_of(run, 60), 3);
	assert_int_equal(request_of(run, 99), 3);
	run_free(run);
}

static void test_parser_unclear(void **state)
{
	struct run *run = run_new(64);

	(void)state;
	parser(run, 10);
	init(run, FSREQ, 15, 10, 14, 0); /* its connection is not known yet */
	head(run, 1);
	head(run, 2);
	init(run, FSREQ, 20, 10, 19, 1);
	init(run, FSREQ, 21, 10, 20, 2); /* the same parser with another connection */
	init(run, FSREQ, 22, 10, 21, 1);
	assert_int_equal(request_of(run, 15), 0);
	assert_int_equal(request_of(run, 20), 1);
	assert_int_equal(request_of(run, 21), 0);
	assert_int_equal(request_of(run, 22), 0);
	run_free(run);
}

static void test_pipelined_is_unknown(void **state)
{
	struct run *run = run_new(64);
	uint64_t ts;

	(void)state;
	parser(run, 10);
	head(run, 1);
	ts = run->ts--; /* the second head has the same time */
	head(run, 1);
	assert_int_equal(run->ts, ts);
	init(run, FSREQ, 20, 10, 19, 1);
	assert_int_equal(request_of(run, 20), 0);
	run_free(run);
}

/* Ids allocated by JavaScript between two readings with the same execution id. */
static void test_intervals(void **state)
{
	struct run *run = run_new(64);

	(void)state;
	parser(run, 10);
	head(run, 1);
	init(run, FSREQ, 20, 10, 19, 1);
	scope(run, 10, 25, 1);		 /* 21..25 were allocated by the handler */
	init(run, FSREQ, 40, 23, 39, 0); /* by the timer 23 */
	init(run, FSREQ, 50, 23, 49, 0); /* 40..49 are the timer's */
	init(run, FSREQ, 60, 45, 59, 0);
	init(run, FSREQ, 70, 30, 69, 0); /* 26..39: somebody's */
	scope(run, 10, 80, 1);
	init(run, FSREQ, 90, 10, 89, 1); /* the scope ended in between: 81..89 unknown */
	init(run, FSREQ, 91, 85, 90, 0);
	init(run, FSREQ, 92, 0, 91, 1); /* execution id 0 says nothing */
	init(run, FSREQ, 93, 26, 92, 0);
	assert_int_equal(request_of(run, 40), 1);
	assert_int_equal(request_of(run, 50), 1);
	assert_int_equal(request_of(run, 60), 1);
	assert_int_equal(request_of(run, 70), 0);
	assert_int_equal(request_of(run, 90), 1);
	assert_int_equal(request_of(run, 91), 0);
	assert_int_equal(request_of(run, 92), 0);
	assert_int_equal(request_of(run, 93), 0);
	run_free(run);
}

/* Environments and processes number their ids alike: nothing may leak from one to another. */
static void test_environments(void **state)
{
	struct run *run = run_new(64);
	struct flow_event ev = {.type = FE_THREAD, .tid = PID + 1};

	(void)state;
	parser(run, 10);
	head(run, 1);
	init(run, FSREQ, 20, 10, 19, 1);
	scope(run, 10, 25, 1);
	run->env = 1;
	init(run, FSREQ, 20, 10, 19, 0);
	init(run, FSREQ, 30, 22, 29, 0);
	assert_int_equal(run->n, 0);
	ev.thread.env = 1;
	ev.thread.ended = true;
	send_event(run, &ev);
	assert_int_equal(run->n, 2);
	assert_int_equal(run->out[0].env, 1);
	assert_int_equal(run->out[0].request_seq, 0);
	assert_int_equal(run->out[1].request_seq, 0);
	assert_int_equal(run->out[0].destroy_ns, 0);
	assert_int_equal(request_of(run, 20), 0); /* the first one handed out */
	assert_int_equal(run->n, 5);
	run_free(run);
}

static const struct flow_res_type *find(const struct flow_res_type *t, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(t[i].name, name) == 0)
			return &t[i];
	fail_msg("no type %s", name);
	return NULL;
}

static void test_types(void **state)
{
	struct run *run = run_new(64);
	struct flow_event end = {.type = FE_TARGET_END};
	struct flow_res_type t[8];
	const struct flow_res_type *x;
	size_t n;

	(void)state;
	provider(run, 200, 9, "TCPWRAP"); /* another target, another number */
	for (int i = 10; i < 13; i++)
		init(run, TCP, i, 0, i, 0);
	init(run, 77, 20, 0, 20, 0); /* a number without a name */
	scope(run, 11, 30, 0);
	scope(run, 11, 30, 0);
	scope(run, 555, 30, 0); /* of a resource older than the attach */
	scope(run, 0, 30, 0);
	destroy(run, TCP, 10);
	destroy(run, TCP, 999); /* the same */
	n = flow_context__types(run->context, t, 8);
	assert_int_equal(n, 2);
	assert_string_equal(t[0].name, "TCPWRAP");
	assert_int_equal(t[0].init, 3);
	assert_int_equal(t[0].destroy, 2);
	assert_int_equal(t[0].destroy_unseen, 1);
	assert_int_equal(t[0].alive, 2);
	assert_int_equal(t[0].before, 2);
	x = find(t, n, "(unknown)");
	assert_int_equal(x->init, 1);
	assert_int_equal(x->before, 1);
	assert_int_equal(flow_context__types(run->context, t, 1), 2);
	/* What the process left behind stays counted as alive. */
	send_event(run, &end);
	flow_context__types(run->context, t, 8);
	assert_int_equal(t[0].alive, 2);
	assert_int_equal(run->n, 4);
	init(run, TCP, 10, 0, 30, 0); /* its names are forgotten, too */
	n = flow_context__types(run->context, t, 8);
	assert_int_equal(find(t, n, "(unknown)")->init, 2);
	run_free(run);
}

static void test_bounds(void **state)
{
	struct run *run = run_new(2);
	struct flow_event ev = {.type = FE_INIT};
	struct flow_res_type t[8];

	(void)state;
	for (int i = 10; i < 15; i++)
		init(run, TCP, i, 0, i, 0);
	assert_int_equal(flow_context__overflow(run->context), 3);
	flow_context__types(run->context, t, 8);
	assert_int_equal(t[0].init, 5);
	assert_int_equal(t[0].alive, 2);
	for (int i = 10; i < 15; i++)
		destroy(run, TCP, i);
	flow_context__types(run->context, t, 8);
	assert_int_equal(t[0].alive, 0);
	assert_int_equal(t[0].destroy, 5);
	assert_int_equal(t[0].destroy_unseen, 3);
	/* An id that could not be read. */
	ev.resource.async_id = -1;
	send_event(run, &ev);
	assert_int_equal(flow_context__overflow(run->context), 4);
	/* The same id again: the destroy between was not seen. */
	init(run, TCP, 50, 0, 50, 0);
	init(run, TCP, 50, 0, 50, 0);
	assert_int_equal(run->n, 3);
	assert_int_equal(run->out[2].destroy_ns, 0);
	flow_context__types(run->context, t, 8);
	assert_int_equal(t[0].alive, 1);
	run_free(run);
}

/* More intervals than are kept: the oldest become unknown, nothing else. */
static void test_interval_ring(void **state)
{
	struct run *run = run_new(16384);
	int64_t id = 100;

	(void)state;
	parser(run, 10);
	for (int i = 0; i < 5000; i++) {
		head(run, 1);
		init(run, FSREQ, id, 10, id - 1, 1);
		id += 10;
		scope(run, 10, id - 5, 1);
		answer(run, 1);
		run->ndone = 0;
		destroy(run, FSREQ, id - 10);
		run->n = 0;
	}
	init(run, FSREQ, id, 103, id - 1, 0);	 /* allocated by the very first request */
	init(run, FSREQ, id + 1, id - 8, id, 0); /* by the last */
	assert_int_equal(request_of(run, id), 0);
	assert_int_equal(request_of(run, id + 1), 5000);
	run_free(run);
	flow_context__free(NULL);
}

/* From a callback back to where it came from. */
static void test_chain(void **state)
{
	struct run *run = run_new(64);
	struct flow_link l[4];
	uint64_t seq;

	(void)state;
	parser(run, 5);
	head(run, 1);
	init(run, TCP, 10, 5, 9, 1); /* in the parser's callback; its trigger is 1 */
	assert_int_equal(flow_requests__in_flight(run->requests), 1);
	seq = 1;
	init(run, FSREQ, 12, 11, 11, 0);
	assert_int_equal(flow_context__chain(run->context, PID, 0, 10, 7, l, 4), 2);
	assert_int_equal(l[0].async_id, 10);
	assert_string_equal(l[0].type, "TCPWRAP");
	assert_int_equal(l[0].trigger_id, 1);
	assert_int_equal(l[0].exec_id, 5);
	assert_int_equal(l[0].request_seq, seq);
	assert_int_equal(l[0].conn, 1);
	assert_true(l[0].init_ns > 0);
	assert_int_equal(l[1].async_id, 1);
	assert_null(l[1].type);
	assert_int_equal(l[1].trigger_id, -1);
	/* What JavaScript made: only the caller knows its trigger. */
	assert_int_equal(flow_context__chain(run->context, PID, 0, 200, 10, l, 4), 3);
	assert_null(l[0].type);
	assert_int_equal(l[0].trigger_id, 10);
	assert_string_equal(l[1].type, "TCPWRAP");
	assert_int_equal(flow_context__chain(run->context, PID, 0, 200, 10, l, 1), 1);
	assert_int_equal(flow_context__chain(run->context, PID, 0, 200, -1, l, 4), 1);
	/* Nothing is triggered by what is younger, and 0 is nothing. */
	assert_int_equal(flow_context__chain(run->context, PID, 0, 10, 300, l, 4), 2);
	assert_int_equal(flow_context__chain(run->context, PID, 0, 8, 300, l, 4), 1);
	assert_int_equal(flow_context__chain(run->context, PID, 0, 0, 5, l, 4), 0);
	assert_int_equal(flow_context__chain(run->context, PID, 3, 10, -1, l, 4), 1);
	assert_null(l[0].type);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_handler),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_parser_unclear),
		cmocka_unit_test(test_pipelined_is_unknown),
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_environments),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_interval_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Outgoing calls from handmade events: what is one, when it ends, whose it is, and with which
 * request it is handed out. Without stores: a call is known by the turn of the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "events.h"
#include "flow_call.h"
#include "flow_trace.h"

#define PID  100
#define MAX  64
#define K    50 /* connection to a peer */
#define SRV  1	/* connection of a client */
#define HTTP 8080

struct run {
	struct flow_requests *requests;
	struct flow_mismatch *mismatch;
	struct flow_loops *loops;
	struct flow_calls *calls;
	struct flow_call alone[MAX]; /* handed out by themselves */
	struct flow_call with[MAX];  /* with their request */
	size_t nalone, nwith, nreq;
	uint32_t open; /* of the last request */
	uint64_t now;
};

static void over(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;
	struct flow_req copy = *q;

	run->nreq++;
	flow_calls__request(run->calls, &copy);
	for (uint32_t i = 0; i < copy.ncalls; i++)
		run->with[run->nwith++] = *copy.calls[i];
	run->open = copy.calls_open;
	flow_calls__release(run->calls);
}

static void req_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;

	flow_mismatch__request(run->mismatch, q);
}

static void on_call(void *ctx, const struct flow_call *call)
{
	struct run *run = ctx;

	assert_true(run->nalone < MAX);
	run->alone[run->nalone++] = *call;
}

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts req = {
		.done = req_done, .ctx = run, .max_connections = 100, .max_in_flight = 100};
	struct flow_mismatch_opts mm = {.done = over, .ctx = run};
	struct flow_calls_opts opts = {.done = on_call, .ctx = run};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->requests, &req), 0);
	mm.requests = run->requests;
	assert_int_equal(flow_mismatch__new(&run->mismatch, &mm), 0);
	opts.requests = run->requests;
	opts.mismatch = run->mismatch;
	assert_int_equal(flow_loops__new(&run->loops, run->requests), 0);
	opts.loops = run->loops;
	assert_int_equal(flow_calls__new(&run->calls, &opts), 0);
	run->now = 1000;
	return run;
}

static void run_free(struct run *run)
{
	flow_calls__free(run->calls);
	flow_loops__free(run->loops);
	flow_mismatch__free(run->mismatch);
	flow_requests__free(run->requests);
	free(run);
}

static void feed(struct run *run, struct flow_event *ev)
{
	ev->pid = PID;
	ev->tid = PID;
	if (!ev->ts)
		ev->ts = run->now++;
	if (ev->type == FE_OUT)
		assert_int_equal(flow_mismatch__event(run->mismatch, ev), 0);
	assert_int_equal(flow_requests__event(run->requests, ev), 0);
	if (ev->type != FE_OUT)
		assert_int_equal(flow_mismatch__event(run->mismatch, ev), 0);
	flow_loops__event(run->loops, ev);
	assert_int_equal(flow_calls__event(run->calls, ev), 0);
}

static void request(struct run *run, uint64_t conn)
{
	struct flow_event facts = {.type = FE_CONN, .conn = {.conn = conn, .seen_open = true}};
	struct flow_event in = {.type = FE_IN};

	feed(run, &facts);
	in.io.conn = conn;
	in.io.flags = FE_F_HEAD | FE_F_END;
	in.io.bytes = 10;
	in.io.method_name = (struct flow_str){"GET", 3};
	in.io.path = (struct flow_str){"/a", 2};
	feed(run, &in);
}

static void respond(struct run *run, uint64_t conn)
{
	struct flow_event out = {.type = FE_OUT};

	out.io.conn = conn;
	out.io.flags = FE_F_HEAD | FE_F_END;
	out.io.status = 200;
	out.io.bytes = 10;
	feed(run, &out);
}

static void peer(struct run *run, uint64_t conn, uint16_t port)
{
	struct flow_event ev = {.type = FE_PEER};

	ev.peer.conn = conn;
	ev.peer.family = LR_AF_INET;
	ev.peer.peer_port = port;
	feed(run, &ev);
}

static struct flow_event op(uint64_t conn, uint8_t what, uint32_t bytes, uint64_t work,
			    uint16_t flags)
{
	struct flow_event ev = {.type = FE_CLIENT};

	ev.client.conn = conn;
	ev.client.op = what;
	ev.client.bytes = bytes;
	ev.client.work = work;
	ev.client.flags = flags;
	ev.client.method = (struct flow_str){"GET", 3};
	ev.client.path = (struct flow_str){"/up", 3};
	return ev;
}

static void out(struct run *run, uint64_t conn, uint64_t work, uint16_t flags)
{
	struct flow_event ev = op(conn, LR_CLIENT_SEND, 20, work, flags);

	feed(run, &ev);
}

static void in(struct run *run, uint64_t conn, uint32_t bytes, uint16_t flags)
{
	struct flow_event ev = op(conn, LR_CLIENT_RECEIVE, bytes, 0, flags);

	feed(run, &ev);
}

/* A response head with a body of @length. */
static void status(struct run *run, uint64_t conn, uint16_t code, uint32_t bytes, uint64_t length)
{
	struct flow_event ev = op(conn, LR_CLIENT_RECEIVE, bytes, 0, FE_CL_HEAD | FE_CL_LENGTH);

	ev.client.status = code;
	ev.client.head_bytes = 40;
	ev.client.content_length = length;
	feed(run, &ev);
}

static void test_http(void **state)
{
	struct run *run = run_new();
	const struct flow_call *c = &run->with[0];

	(void)state;
	request(run, SRV);
	peer(run, K, HTTP);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 200, 50, 30); /* 10 of the body's 30 bytes */
	in(run, K, 19, 0);
	assert_int_equal(run->nalone + run->nwith, 0);
	in(run, K, 1, 0);
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_int_equal(run->nalone, 0);
	assert_int_equal(c->kind, CALL_HTTP);
	assert_int_equal(c->status, 200);
	assert_string_equal(c->path, "/up");
	assert_int_equal(c->by, CALL_BY_LOOP);
	assert_int_equal(c->outcome, CALL_OK);
	assert_int_equal(c->first_byte_ns - c->start_ns, 1);
	assert_int_equal(c->end_ns - c->start_ns, 3);
	assert_int_equal(c->bytes_in, 70);
	assert_true(c->reused);
	run_free(run);
}

static void test_chunked_and_informational(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = op(K, LR_CLIENT_RECEIVE, 60, 0, FE_CL_HEAD | FE_CL_CHUNKED);

	(void)state;
	request(run, SRV);
	peer(run, K, HTTP);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 100, 25, 0);
	ev.client.status = 200;
	ev.client.head_bytes = 40;
	feed(run, &ev);
	in(run, K, 100, 0);
	in(run, K, 5, FE_CL_LAST);
	out(run, K, 0, FE_CL_HEAD); /* the next one is nobody's */
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_int_equal(run->with[0].status, 200);
	assert_int_equal(run->with[0].end_ns - run->with[0].start_ns, 4);
	status(run, K, 503, 40, 0);
	assert_int_equal(run->nalone, 1);
	assert_int_equal(run->alone[0].by, CALL_BY_NOTHING);
	assert_int_equal(run->alone[0].unknown, CALL_UNKNOWN_TURN);
	assert_true(flow_call__failed(&run->alone[0]));
	run_free(run);
}

static void test_database(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, SRV);
	peer(run, K, 5432);
	out(run, K, SRV, 0);
	out(run, K, SRV, 0);
	in(run, K, 100, 0);
	in(run, K, 100, 0); /* the rest of the answer */
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_int_equal(run->with[0].kind, CALL_POSTGRESQL);
	assert_int_equal(run->with[0].sends, 2);
	assert_int_equal(run->with[0].round_trips, 1);
	assert_int_equal(run->with[0].bytes_in, 200);
	assert_int_equal(run->with[0].end_ns - run->with[0].start_ns, 3);
	run_free(run);
}

/* Commands of two requests on one connection: an answer is of both, so neither is exact. */
static void test_overlap(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, SRV);
	request(run, 2);
	peer(run, K, 6379);
	out(run, K, SRV, 0);
	out(run, K, 2, 0);
	in(run, K, 50, 0);
	respond(run, SRV);
	respond(run, 2);
	assert_int_equal(run->nwith, 2);
	assert_true(run->with[0].approximate && run->with[1].approximate);
	assert_int_equal(run->with[0].request.conn, SRV);
	assert_int_equal(run->with[1].request.conn, 2);
	run_free(run);
}

static void test_late_and_outlived(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, SRV);
	peer(run, K, HTTP);
	peer(run, K + 1, HTTP);
	out(run, K, SRV, FE_CL_HEAD);
	respond(run, SRV);
	assert_int_equal(run->open, 1);
	assert_int_equal(run->nwith, 0);
	out(run, K + 1, SRV, FE_CL_HEAD);
	status(run, K, 200, 40, 0);
	status(run, K + 1, 200, 40, 0);
	assert_int_equal(run->nalone, 2);
	assert_true(run->alone[0].outlived && !run->alone[0].late);
	assert_true(run->alone[1].late && !run->alone[1].outlived);
	assert_int_equal(run->alone[1].request.conn, SRV);
	run_free(run);
}

static void test_connect(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = op(K, LR_CLIENT_CONNECT, 0, SRV, 0);
	uint64_t begin;

	(void)state;
	request(run, SRV);
	peer(run, K, HTTP);
	begin = run->now;
	ev.client.connect_ns = begin;
	feed(run, &ev);
	run->now = begin + 100;
	/* The callback of the connection is a turn of its own. */
	ev = op(K, LR_CLIENT_SEND, 20, 0, FE_CL_HEAD | FE_CL_FIRST);
	ev.client.connect_ns = begin;
	ev.client.connected_ns = begin + 30;
	feed(run, &ev);
	status(run, K, 200, 40, 0);
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_false(run->with[0].reused);
	assert_int_equal(run->with[0].connect_ns, 30);
	assert_int_equal(run->with[0].start_ns, begin);
	assert_int_equal(run->with[0].sent_ns, begin + 100);
	assert_int_equal(run->with[0].by, CALL_BY_LOOP);
	run_free(run);
}

struct seen {
	struct flow_call call[4];
	size_t n;
};

static void see(void *ctx, const struct flow_call *call)
{
	struct seen *s = ctx;

	assert_true(s->n < 4);
	s->call[s->n++] = *call;
}

static struct seen in_progress(const struct run *run)
{
	struct seen s = {.n = 0};

	flow_calls__each_in_progress(run->calls, see, &s);
	return s;
}

/* What a request that hangs hangs on. */
static void test_in_progress(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = op(K + 1, LR_CLIENT_CONNECT, 0, SRV, 0);
	struct seen s;

	(void)state;
	request(run, SRV);
	assert_int_equal(in_progress(run).n, 0);
	peer(run, K, HTTP);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 200, 70, 30);
	out(run, K, SRV, FE_CL_HEAD);
	s = in_progress(run);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.call[0].outcome, CALL_OK);
	assert_true(s.call[0].end_ns > 0);
	assert_int_equal(s.call[1].outcome, CALL_OPEN);
	assert_int_equal(s.call[1].end_ns, 0);
	assert_int_equal(s.call[1].request.conn, SRV);
	/* A connection that is not established. */
	peer(run, K + 1, 5432);
	feed(run, &ev);
	s = in_progress(run);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.call[2].kind, CALL_POSTGRESQL);
	assert_int_equal(s.call[2].by, CALL_BY_LOOP);
	assert_int_equal(s.call[2].start_ns, ev.ts);
	assert_int_equal(s.call[2].sent_ns + s.call[2].end_ns, 0);
	/* It is a call as any other once something is sent on it. */
	ev = op(K + 1, LR_CLIENT_SEND, 20, 0, FE_CL_FIRST);
	ev.client.connected_ns = ev.ts = run->now++;
	feed(run, &ev);
	s = in_progress(run);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.call[2].bytes_out, 20);
	assert_int_equal(s.call[2].end_ns, 0);
	/* Nothing says whether that is all of the answer: it is not what is waited for. */
	in(run, K + 1, 100, 0);
	s = in_progress(run);
	assert_int_equal(s.call[2].outcome, CALL_OK);
	assert_int_equal(s.call[2].end_ns, run->now - 1);
	/* Told of once more, as they are handed out, and then no more. */
	respond(run, SRV);
	assert_int_equal(in_progress(run).n, 0);
	assert_int_equal(run->nwith, 2);
	assert_int_equal(run->open, 1);
	run_free(run);
}

static void test_refused(void **state)
{
	struct run *run = run_new();
	struct flow_event ev = op(K, LR_CLIENT_CONNECT, 0, SRV, 0);

	(void)state;
	request(run, SRV);
	peer(run, K, HTTP);
	feed(run, &ev);
	ev = op(K, LR_CLIENT_CLOSE, 0, 0, FE_CL_BY_PEER);
	ev.client.error = 111;
	feed(run, &ev);
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_int_equal(run->with[0].outcome, CALL_ERROR);
	assert_int_equal(run->with[0].error, 111);
	assert_int_equal(run->with[0].sends, 0);
	run_free(run);
}

static void ends(uint8_t what, uint16_t flags, int error, uint8_t outcome)
{
	struct run *run = run_new();
	struct flow_event ev = op(K, what, 0, 0, flags);

	request(run, SRV);
	peer(run, K, HTTP);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 200, 40, 100); /* its body never comes */
	ev.client.error = error;
	feed(run, &ev);
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_int_equal(run->with[0].outcome, outcome);
	run_free(run);
}

static void test_ends(void **state)
{
	(void)state;
	ends(LR_CLIENT_RECEIVE, 0, 0, CALL_CLOSED);
	ends(LR_CLIENT_RECEIVE, 0, 104, CALL_ERROR);
	ends(LR_CLIENT_SEND, 0, 32, CALL_ERROR);
	ends(LR_CLIENT_CLOSE, FE_CL_BY_PEER, 0, CALL_CLOSED);
	ends(LR_CLIENT_CLOSE, 0, 0, CALL_ABORTED);
	ends(LR_CLIENT_CLOSE, FE_CL_HALF, 0, CALL_ABORTED);
}

static void test_setup(void **state)
{
	struct run *run = run_new();

	(void)state;
	request(run, SRV);
	peer(run, K, 5432);
	out(run, K, SRV, FE_CL_SETUP);
	in(run, K, 100, 0);
	out(run, K, 0, 0); /* the query is not known to be the same request's */
	in(run, K, 100, 0);
	respond(run, SRV);
	assert_int_equal(run->nwith, 1);
	assert_true(run->with[0].setup);
	out(run, K, 0, 0);
	assert_int_equal(run->nalone, 1);
	assert_false(run->alone[0].setup);
	run_free(run);
}

/* Unknown, with the reason: several heads at once, a thread that slept, a loss, a missing probe. */
static void test_unknown(void **state)
{
	struct run *run = run_new();
	struct flow_event loss = {.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 1}};
	struct flow_event probe = {.type = FE_PROBE};
	static const uint8_t why[] = {CALL_UNKNOWN_SLEPT, CALL_UNKNOWN_TURN, CALL_UNKNOWN_LOSS,
				      CALL_UNKNOWN_PROBES};

	(void)state;
	peer(run, K, HTTP);
	request(run, SRV);
	out(run, K, 0, FE_CL_HEAD | FE_CL_SLEPT);
	status(run, K, 200, 40, 0);
	out(run, K, 0, FE_CL_HEAD);
	status(run, K, 200, 40, 0);
	feed(run, &loss);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 200, 40, 0);
	probe.probe.name = (struct flow_str){"loop_async", 10};
	feed(run, &probe);
	out(run, K, SRV, FE_CL_HEAD);
	status(run, K, 200, 40, 0);
	assert_int_equal(run->nalone, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(run->alone[i].unknown, why[i]);
	run_free(run);
}

static void test_finish(void **state)
{
	struct run *run = run_new();

	(void)state;
	peer(run, K, HTTP);
	request(run, SRV);
	out(run, K, SRV, FE_CL_HEAD);
	flow_requests__finish(run->requests, run->now);
	flow_calls__finish(run->calls);
	assert_int_equal(run->nalone, 1);
	assert_int_equal(run->alone[0].outcome, CALL_OPEN);
	assert_int_equal(run->alone[0].end_ns, 0);
	run_free(run);
}

static bool parent(const char *s)
{
	struct fe_trace t;

	return flow_trace__parent(&t, s, strlen(s));
}

static void test_trace(void **state)
{
	(void)state;
	assert_true(parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
	assert_true(parent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
	assert_false(parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
	assert_false(parent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more"));
	assert_false(parent("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
	assert_false(parent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
	assert_false(parent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
	assert_false(parent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
	assert_false(parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"));
	assert_true(flow_trace__state_valid("a=1,b@c=x y , d=2", 17));
	assert_false(flow_trace__state_valid("A=1", 3));
	assert_false(flow_trace__state_valid("a", 1));
	assert_false(flow_trace__state_valid("a=b=c", 5));
	assert_false(flow_trace__state_valid(",,", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_chunked_and_informational),
		cmocka_unit_test(test_database),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_late_and_outlived),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_in_progress),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

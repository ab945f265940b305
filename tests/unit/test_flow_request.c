// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests from handmade flow events: what ends them, what marks them, and the breakdown to
 * the nanosecond. Times are small numbers on purpose: each case can be followed by hand.
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

#include "flow_request.h"

#define PID	 100
#define MAX_DONE 64

struct copy {
	struct flow_req q;
	char path[64];
	char route[64];
};

struct run {
	struct flow_requests *r;
	struct copy done[MAX_DONE];
	size_t n;
	uint32_t tid;
	uint64_t met; /* connections told about, a bit each */
	bool older;   /* connections are older than the attach */
};

static void on_done(void *ctx, const struct flow_req *q)
{
	struct run *run = ctx;
	struct copy *c = &run->done[run->n++];

	assert_true(run->n < MAX_DONE);
	c->q = *q;
	snprintf(c->path, sizeof(c->path), "%s", q->path);
	snprintf(c->route, sizeof(c->route), "%s", q->route);
	if (q->breakdown.known)
		assert_int_equal(q->breakdown.queue + q->breakdown.cpu + q->breakdown.loop_busy +
					 q->breakdown.wait,
				 q->end_ns - q->start_ns);
}

static struct run *run_new(uint32_t connections, uint32_t in_flight)
{
	struct run *run = calloc(1, sizeof(*run));
	struct flow_requests_opts opts = {
		.done = on_done,
		.ctx = run,
		.max_connections = connections,
		.max_in_flight = in_flight,
	};

	assert_non_null(run);
	assert_int_equal(flow_requests__new(&run->r, &opts), 0);
	run->tid = PID;
	return run;
}

static void run_free(struct run *run)
{
	flow_requests__free(run->r);
	free(run);
}

static void send_event(struct run *run, struct flow_event *ev)
{
	ev->pid = PID;
	if (!ev->tid)
		ev->tid = run->tid;
	assert_int_equal(flow_requests__event(run->r, ev), 0);
}

/* Tells about a connection once, as its first operation does. */
static void meet(struct run *run, uint64_t conn)
{
	struct flow_event ev = {.type = FE_CONN};

	if (run->met & 1ull << (conn & 63))
		return;
	run->met |= 1ull << (conn & 63);
	ev.conn.conn = conn;
	ev.conn.seen_open = !run->older;
	send_event(run, &ev);
}

/* idle < 0: not known */
static void in_at(struct run *run, uint64_t conn, uint64_t ts, uint64_t arrival, int64_t idle,
		  uint32_t flags, const char *path)
{
	struct flow_event ev = {.type = FE_IN, .ts = ts};

	meet(run, conn);
	ev.io.conn = conn;
	ev.io.arrival_ns = arrival;
	ev.io.flags = flags | (path ? FE_F_HEAD : 0);
	ev.io.clock.has = idle < 0 ? 0 : FE_CLOCK_IDLE;
	ev.io.clock.idle_ns = idle < 0 ? 0 : (uint64_t)idle;
	ev.io.bytes = 10;
	if (path) {
		ev.io.method = FM_GET;
		ev.io.version = 11;
		ev.io.method_name = (struct flow_str){"GET", 3};
		ev.io.path = (struct flow_str){path, (uint32_t)strlen(path)};
	}
	send_event(run, &ev);
}

static void out_at(struct run *run, uint64_t conn, uint64_t ts, int64_t idle, uint32_t flags,
		   uint16_t status)
{
	struct flow_event ev = {.type = FE_OUT, .ts = ts};

	meet(run, conn);
	ev.io.conn = conn;
	ev.io.flags = flags | (status ? FE_F_HEAD : 0);
	ev.io.clock.has = idle < 0 ? 0 : FE_CLOCK_IDLE;
	ev.io.clock.idle_ns = idle < 0 ? 0 : (uint64_t)idle;
	ev.io.bytes = 20;
	ev.io.status = status;
	send_event(run, &ev);
}

static void request(struct run *run, uint64_t conn, uint64_t ts, int64_t idle)
{
	in_at(run, conn, ts, 0, idle, FE_F_END, "/");
}

static void response(struct run *run, uint64_t conn, uint64_t ts, int64_t idle)
{
	out_at(run, conn, ts, idle, FE_F_END, 200);
}

static void scope_at(struct run *run, uint64_t ts)
{
	struct flow_event ev = {.type = FE_SCOPE, .ts = ts};

	send_event(run, &ev);
}

static void close_at(struct run *run, uint64_t conn, uint64_t ts, bool by_peer)
{
	struct flow_event ev = {.type = FE_CLOSE, .ts = ts};

	ev.close.conn = conn;
	ev.close.by_peer = by_peer;
	send_event(run, &ev);
}

static void loss_at(struct run *run, uint32_t tid, enum flow_loss_kind kind)
{
	struct flow_event ev = {.type = FE_LOSS, .pid = PID, .tid = tid};

	ev.loss.kind = (uint8_t)kind;
	ev.loss.count = 1;
	assert_int_equal(flow_requests__event(run->r, &ev), 0);
}

static void check_breakdown(const struct copy *c, uint64_t queue, uint64_t cpu, uint64_t loop_busy,
			    uint64_t wait)
{
	assert_true(c->q.breakdown.known);
	assert_int_equal(c->q.breakdown.queue, queue);
	assert_int_equal(c->q.breakdown.cpu, cpu);
	assert_int_equal(c->q.breakdown.loop_busy, loop_busy);
	assert_int_equal(c->q.breakdown.wait, wait);
}

static void test_fields(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_event ev = {.type = FE_CONN};
	struct flow_req *q = &run->done[0].q;

	(void)state;
	ev.conn.conn = 5;
	ev.conn.seen_open = true;
	ev.conn.family = 1;
	ev.conn.local_port = 80;
	ev.conn.peer_port = 4242;
	ev.conn.peer_addr[0] = 127;
	send_event(run, &ev);
	in_at(run, 5, 1000, 900, 0, 0, "/users/7");
	in_at(run, 5, 1100, 0, 0, FE_F_END, NULL);
	assert_int_equal(flow_requests__in_flight(run->r), 1);
	assert_string_equal(flow_requests__current(run->r, 5)->path, "/users/7");
	out_at(run, 5, 1150, 0, FE_F_INFO, 100);
	out_at(run, 5, 1200, 0, 0, 201);
	out_at(run, 5, 1300, 0, FE_F_END, 0);
	assert_int_equal(run->n, 1);
	assert_int_equal(q->pid, PID);
	assert_int_equal(q->tid, PID);
	assert_int_equal(q->env, 0);
	assert_int_equal(q->seq, 1);
	assert_int_equal(q->conn, 5);
	assert_int_equal(q->conn_seq, 1);
	assert_int_equal(q->local_port, 80);
	assert_int_equal(q->peer_port, 4242);
	assert_int_equal(q->peer_addr[0], 127);
	assert_string_equal(q->method, "GET");
	assert_string_equal(run->done[0].path, "/users/7");
	assert_string_equal(run->done[0].route, "/users/:id");
	assert_int_equal(q->version, 11);
	assert_int_equal(q->status, 201);
	assert_int_equal(q->start_ns, 900);
	assert_int_equal(q->recv_ns, 1000);
	assert_int_equal(q->first_byte_ns, 1200);
	assert_int_equal(q->end_ns, 1300);
	assert_int_equal(q->bytes_in, 20);
	assert_int_equal(q->bytes_out, 60);
	assert_int_equal(q->end, REQ_COMPLETE);
	assert_int_equal(q->incomplete, 0);
	request(run, 5, 2000, 0);
	response(run, 5, 2100, 0);
	assert_int_equal(run->done[1].q.seq, 2);
	assert_int_equal(run->done[1].q.conn_seq, 2);
	assert_null(flow_requests__current(run->r, 5));
	run_free(run);
}

/* One request alone: read 100 after arrival, works 50, loop idle 300, works 50 and answers. */
static void test_breakdown_alone(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 900, 5000, FE_F_END, "/");
	response(run, 1, 1400, 5300);
	check_breakdown(&run->done[0], 100, 100, 0, 300);
	run_free(run);
}

/*
 * A is read at 1000, B at 1050 (A's handler ran 50), B answers at 1090 without a pause (40
 * for B: it owns the point), idle to 1190, A answers at 1200.
 */
static void test_breakdown_two(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 1000, 0, FE_F_END, "/a");
	in_at(run, 2, 1050, 1010, 0, FE_F_END, "/b");
	response(run, 2, 1090, 0);
	response(run, 1, 1200, 100);
	/* B: queue 40 (arrived 1010), cpu 40. A: 50 + the 10 before its send; 40 for others. */
	check_breakdown(&run->done[0], 40, 40, 0, 0);
	check_breakdown(&run->done[1], 0, 60, 40, 100);
	run_free(run);
}

/* A's handler and B's answer share an interval that nothing divides: half each. */
static void test_breakdown_shared(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	request(run, 2, 1000, 0);
	request(run, 1, 1100, 0);   /* 100 for 2 */
	response(run, 2, 1200, 20); /* 80 busy: 40 each */
	response(run, 1, 1300, 20); /* 100 more for 1 */
	check_breakdown(&run->done[0], 0, 140, 40, 20);
	check_breakdown(&run->done[1], 0, 140, 40, 20);
	run_free(run);
}

/* The same with scope ends: each has exactly its own part, the time between is nobody's. */
static void test_breakdown_scopes(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	request(run, 2, 1000, 0);
	scope_at(run, 1030);	  /* 30 for 2 */
	request(run, 1, 1100, 0); /* 70 for nobody */
	scope_at(run, 1110);	  /* 10 for 1 */
	scope_at(run, 1180);
	response(run, 2, 1200, 20); /* 20 after the last scope end: for 2 */
	response(run, 1, 1300, 20); /* 2 is done and owns nothing: 100 for 1 */
	check_breakdown(&run->done[0], 0, 50, 130, 20);
	check_breakdown(&run->done[1], 0, 110, 70, 20);
	run_free(run);
}

static void test_breakdown_unknown(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 900, -1, FE_F_END, "/"); /* no idle time at the head */
	response(run, 1, 1100, 10);
	in_at(run, 1, 2000, 1900, 10, FE_F_END, "/"); /* none at the end */
	response(run, 1, 2100, -1);
	request(run, 1, 3000, 50); /* runs backwards */
	response(run, 1, 3100, 40);
	request(run, 1, 4000, 100); /* another thread answers */
	run->tid = PID + 1;
	response(run, 1, 4100, 110);
	for (size_t i = 0; i < 4; i++) {
		assert_false(run->done[i].q.breakdown.known);
		assert_int_equal(run->done[i].q.end, REQ_COMPLETE);
	}
	assert_int_equal(run->done[0].q.breakdown.queue, 100);
	run->tid = PID;
	request(run, 1, 5000, 200); /* and it finds its feet again */
	response(run, 1, 5100, 230);
	check_breakdown(&run->done[4], 0, 70, 0, 30);
	run_free(run);
}

/* A clock that says more idle time than time has passed is held to what has passed. */
static void test_breakdown_clamped(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 1001, 0, FE_F_END, "/"); /* arrives after it was read: not known */
	response(run, 1, 1100, 5000);
	check_breakdown(&run->done[0], 0, 0, 0, 100);
	assert_int_equal(run->done[0].q.start_ns, 1000);
	run_free(run);
}

/* A head in parts begins with the first; the wait for the rest is wait, not queue. */
static void test_head_in_parts(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 950, 0, FE_F_PART, NULL);
	in_at(run, 1, 1500, 1490, 500, FE_F_PART, NULL);
	in_at(run, 1, 2000, 1990, 1000, FE_F_END, "/");
	response(run, 1, 2100, 1000);
	assert_int_equal(run->done[0].q.start_ns, 950);
	assert_int_equal(run->done[0].q.recv_ns, 2000);
	assert_int_equal(run->done[0].q.bytes_in, 30);
	check_breakdown(&run->done[0], 50, 100, 0, 1000);
	/* The next one starts fresh. */
	in_at(run, 1, 3000, 2990, 1000, FE_F_END, "/");
	response(run, 1, 3001, 1000);
	check_breakdown(&run->done[1], 10, 1, 0, 0);
	run_free(run);
}

static void test_pipelined(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_req_ref ref;

	(void)state;
	in_at(run, 1, 1000, 900, 0, FE_F_END, "/1");
	assert_true(flow_requests__latest(run->r, 1, &ref));
	assert_int_equal(ref.seq, 1);
	in_at(run, 1, 1000, 900, 0, FE_F_END, "/2");
	assert_null(flow_requests__current(run->r, 1));
	assert_false(flow_requests__latest(run->r, 1, &ref)); /* two heads in one receive */
	response(run, 1, 1100, 0);
	response(run, 1, 1200, 0);
	assert_string_equal(run->done[0].path, "/1");
	assert_string_equal(run->done[1].path, "/2");
	assert_int_equal(run->done[1].q.breakdown.queue, 100);
	assert_int_equal(run->done[1].q.end_ns, 1200);
	run_free(run);
}

/*
 * On a connection that is older than the attach, the first request is handed out when it is
 * clear that its client does not pipeline; if it does, any response may be another's.
 */
static void test_older_connection(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	run->older = true;
	request(run, 1, 1000, 0);
	response(run, 1, 1100, 0);
	assert_int_equal(run->n, 0);
	in_at(run, 1, 1200, 1150, 0, FE_F_END, "/2"); /* it came after the response */
	assert_int_equal(run->n, 1);
	response(run, 1, 1300, 0);
	assert_int_equal(run->n, 2);
	in_at(run, 1, 1400, 1290, 0, FE_F_END, "/3"); /* before that send had returned */
	response(run, 1, 1500, 0);
	assert_int_equal(run->n, 3);
	for (size_t i = 0; i < run->n; i++)
		assert_int_equal(run->done[i].q.incomplete, 0);
	run_free(run);
}

static void test_older_connection_pipelines(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	run->older = true;
	request(run, 1, 1000, 0);
	in_at(run, 3, 1070, 0, 0, FE_F_PART, NULL);
	response(run, 1, 1100, 0);
	in_at(run, 1, 1200, 1050, 0, FE_F_END, "/2"); /* it waited behind the one before */
	response(run, 1, 1300, 0);
	request(run, 1, 1400, 0);
	response(run, 1, 1500, 0);
	assert_int_equal(run->n, 3);
	for (size_t i = 0; i < run->n; i++)
		assert_int_equal(run->done[i].q.incomplete, REQ_INC_ATTACH);
	request(run, 2, 1600, 0);
	response(run, 2, 1700, 0);
	assert_int_equal(run->n, 3); /* held until the connection ends */
	close_at(run, 2, 1800, true);
	assert_int_equal(run->n, 4);
	assert_int_equal(run->done[3].q.incomplete, 0);
	run_free(run);
}

static void test_peer_goes_away(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_event ev = {.type = FE_IN, .ts = 4050};

	(void)state;
	/* In the middle of an upload: an abort at once. */
	in_at(run, 1, 1000, 0, 0, 0, "/upload");
	in_at(run, 1, 1100, 0, 50, FE_F_EOF, NULL);
	assert_int_equal(run->done[0].q.end, REQ_ABORTED_PEER);
	assert_int_equal(run->done[0].q.end_ns, 1100);
	check_breakdown(&run->done[0], 0, 50, 0, 50);
	/* Half-closed after a whole request, still answered: complete. */
	request(run, 2, 2000, 50);
	in_at(run, 2, 2100, 0, 50, FE_F_EOF, NULL);
	response(run, 2, 2200, 50);
	assert_int_equal(run->done[1].q.end, REQ_COMPLETE);
	close_at(run, 2, 2300, false);
	/* The same, never answered: the peer went away when its stream ended. */
	request(run, 3, 3000, 50);
	in_at(run, 3, 3100, 0, 70, FE_F_EOF, NULL);
	close_at(run, 3, 3500, false);
	assert_int_equal(run->done[2].q.end, REQ_ABORTED_PEER);
	assert_int_equal(run->done[2].q.end_ns, 3100);
	/* Reset, seen by a receive, by a send, and by the state of the socket. */
	request(run, 4, 4000, 70);
	ev.io.conn = 4;
	ev.io.error = 104;
	send_event(run, &ev);
	assert_int_equal(run->done[3].q.end, REQ_ABORTED_PEER);
	request(run, 5, 5000, 70);
	ev.type = FE_OUT;
	ev.io.conn = 5;
	ev.ts = 5100;
	send_event(run, &ev);
	assert_int_equal(run->done[4].q.end, REQ_ABORTED_PEER);
	assert_int_equal(run->done[4].q.end_ns, 5100);
	request(run, 6, 6000, 70);
	close_at(run, 6, 6100, true);
	assert_int_equal(run->done[5].q.end, REQ_ABORTED_PEER);
	assert_int_equal(run->done[5].q.end_ns, 6100);
	assert_false(run->done[5].q.breakdown.known);
	assert_int_equal(run->n, 6);
	assert_int_equal(flow_requests__in_flight(run->r), 0);
	run_free(run);
}

static void test_other_ends(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_event ev = {.type = FE_TARGET_END};

	(void)state;
	request(run, 1, 1000, 0);
	out_at(run, 1, 1100, 0, 0, 200);
	close_at(run, 1, 1200, false);
	assert_int_equal(run->done[0].q.end, REQ_ABORTED_SERVER);
	request(run, 2, 1000, 0);
	out_at(run, 2, 1100, 0, FE_F_END | FE_F_UPGRADE, 101);
	assert_int_equal(run->done[1].q.end, REQ_UPGRADED);
	assert_int_equal(run->done[1].q.status, 101);
	request(run, 3, 1000, 0);
	send_event(run, &ev);
	assert_int_equal(run->done[2].q.end, REQ_IN_FLIGHT);
	assert_int_equal(run->done[2].q.end_ns, 0);
	request(run, 4, 5000, 0); /* a new process with that pid counts from 1 */
	flow_requests__finish(run->r, 9000);
	assert_int_equal(run->done[3].q.end, REQ_IN_FLIGHT);
	assert_int_equal(run->done[3].q.seq, 1);
	assert_int_equal(run->n, 4);
	run_free(run);
}

/* The end of a response that only a later event told. */
static void test_end_told_late(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_event ev = {.type = FE_OUT, .ts = 1100};

	(void)state;
	request(run, 1, 1000, 0);
	out_at(run, 1, 1100, 30, 0, 200);
	request(run, 2, 1500, 30);
	ev.io.conn = 1;
	ev.io.flags = FE_F_END | FE_F_GAP;
	ev.io.clock = (struct fe_clock){.has = FE_CLOCK_IDLE, .idle_ns = 30};
	send_event(run, &ev);
	assert_int_equal(run->done[0].q.end, REQ_COMPLETE);
	assert_int_equal(run->done[0].q.end_ns, 1100);
	assert_int_equal(run->done[0].q.incomplete, REQ_INC_GAP);
	check_breakdown(&run->done[0], 0, 70, 0, 30);
	run_free(run);
}

/* Over TLS: @bytes of records go to the socket. */
static void sent_at(struct run *run, uint64_t conn, uint64_t ts, int64_t idle, uint32_t bytes)
{
	struct flow_event ev = {.type = FE_OUT, .ts = ts};

	ev.io.conn = conn;
	ev.io.flags = FE_F_SENT | FE_F_TLS;
	ev.io.clock = (struct fe_clock){.has = FE_CLOCK_IDLE, .idle_ns = (uint64_t)idle};
	ev.io.bytes = bytes;
	send_event(run, &ev);
}

/* A response over TLS ends when as many bytes as it has have gone to the socket. */
static void test_tls_sent(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 900, 0, FE_F_END | FE_F_TLS, "/");
	sent_at(run, 1, 1010, 0, 500); /* what was said before, of no request */
	out_at(run, 1, 1100, 0, FE_F_END | FE_F_TLS, 200);
	assert_int_equal(run->n, 0);
	sent_at(run, 1, 1110, 0, 15); /* of 20 */
	assert_int_equal(run->n, 0);
	assert_null(flow_requests__answering(run->r, 1)); /* it is answered, as far as it goes */
	assert_null(flow_requests__newest(run->r, 1));
	assert_null(flow_requests__current(run->r, 1));
	sent_at(run, 1, 1400, 250, 30);
	assert_int_equal(run->n, 1);
	assert_true(run->done[0].q.tls);
	assert_int_equal(run->done[0].q.end, REQ_COMPLETE);
	assert_int_equal(run->done[0].q.bytes_out, 20);
	assert_int_equal(run->done[0].q.first_byte_ns, 1100);
	assert_int_equal(run->done[0].q.end_ns, 1400);
	check_breakdown(&run->done[0], 100, 150, 0, 250);
	sent_at(run, 1, 1500, 250, 30);
	assert_int_equal(run->n, 1);
	run_free(run);
}

/* Where nothing tells of that, it has ended with what was written last, as soon as more comes. */
static void test_tls_not_told(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 0, 0, FE_F_END | FE_F_TLS, "/a");
	out_at(run, 1, 1100, 0, FE_F_END | FE_F_TLS, 200);
	in_at(run, 1, 1300, 0, 0, FE_F_END | FE_F_TLS, "/b");
	assert_int_equal(run->n, 1);
	assert_int_equal(run->done[0].q.end_ns, 1100);
	/* The next one begins anew: it is not charged for bytes of the first. */
	out_at(run, 1, 1400, 0, FE_F_END | FE_F_TLS, 201);
	sent_at(run, 1, 1410, 0, 25);
	assert_int_equal(run->n, 2);
	assert_int_equal(run->done[1].q.end_ns, 1410);
	in_at(run, 1, 1500, 0, 0, FE_F_END | FE_F_TLS, "/c");
	out_at(run, 1, 1600, 0, FE_F_END | FE_F_TLS, 200);
	close_at(run, 1, 1700, false);
	assert_int_equal(run->n, 3);
	assert_int_equal(run->done[2].q.end, REQ_COMPLETE);
	assert_int_equal(run->done[2].q.end_ns, 1600);
	in_at(run, 2, 1800, 0, 0, FE_F_END | FE_F_TLS, "/d");
	out_at(run, 2, 1900, 0, FE_F_END | FE_F_TLS, 200);
	flow_requests__finish(run->r, 2000);
	assert_int_equal(run->n, 4);
	assert_int_equal(run->done[3].q.end, REQ_COMPLETE);
	run_free(run);
}

/* Pipelined: the second is answered while the first is being sent. */
static void test_tls_pipelined(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 0, 0, FE_F_END | FE_F_TLS, "/a");
	in_at(run, 1, 1000, 0, 0, FE_F_END | FE_F_TLS, "/b");
	out_at(run, 1, 1100, 0, FE_F_END | FE_F_TLS, 200);
	assert_string_equal(flow_requests__answering(run->r, 1)->path, "/b");
	assert_string_equal(flow_requests__current(run->r, 1)->path, "/b");
	out_at(run, 1, 1200, 0, FE_F_END | FE_F_TLS, 201);
	sent_at(run, 1, 1210, 0, 90);
	assert_int_equal(run->n, 2);
	assert_int_equal(run->done[0].q.status, 200);
	assert_int_equal(run->done[0].q.end_ns, 1100);
	assert_int_equal(run->done[1].q.status, 201);
	assert_int_equal(run->done[1].q.end_ns, 1210);
	run_free(run);
}

/* Room for one connection: the one that must go was answered. */
static void test_tls_evicted(void **state)
{
	struct run *run = run_new(1, 8);

	(void)state;
	in_at(run, 1, 1000, 0, 0, FE_F_END | FE_F_TLS, "/a");
	out_at(run, 1, 1100, 0, FE_F_END | FE_F_TLS, 200);
	in_at(run, 2, 1200, 0, 0, FE_F_END | FE_F_TLS, "/b");
	assert_int_equal(run->n, 1);
	assert_int_equal(run->done[0].q.end, REQ_COMPLETE);
	run_free(run);
}

static void test_losses(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	request(run, 1, 1000, 0);
	loss_at(run, PID, FLOW_LOSS_RING);
	response(run, 1, 1100, 0);
	assert_int_equal(run->done[0].q.incomplete, REQ_INC_LOSS);
	request(run, 1, 2000, 0);
	loss_at(run, PID + 7, FLOW_LOSS_RING); /* of somebody else */
	loss_at(run, PID, FLOW_LOSS_READ);     /* no record is missing */
	response(run, 1, 2100, 0);
	assert_int_equal(run->done[1].q.incomplete, 0);
	request(run, 1, 3000, 0);
	loss_at(run, 0, FLOW_LOSS_RING); /* of nobody knows whom */
	response(run, 1, 3100, 0);
	assert_int_equal(run->done[2].q.incomplete, REQ_INC_LOSS);
	/* The framer found that an earlier response was lost. */
	request(run, 1, 4000, 0);
	in_at(run, 1, 5000, 0, 0, FE_F_END | FE_F_GAP | FE_F_RESYNC, "/n");
	assert_int_equal(run->done[3].q.end, REQ_LOST);
	assert_int_equal(run->done[3].q.end_ns, 0);
	response(run, 1, 5100, 0);
	assert_string_equal(run->done[4].path, "/n");
	assert_int_equal(run->done[4].q.end, REQ_COMPLETE);
	run_free(run);
}

/* After a loss a pipelined connection may be off by one for ever: all its requests say so. */
static void test_loss_on_pipelined(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	request(run, 1, 1000, 0);
	request(run, 1, 1000, 0);
	loss_at(run, PID, FLOW_LOSS_RING);
	response(run, 1, 1100, 0);
	response(run, 1, 1200, 0);
	request(run, 1, 2000, 0);
	response(run, 1, 2100, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(run->done[i].q.incomplete, REQ_INC_LOSS);
	run_free(run);
}

/* A response without a request, bytes without anything: nothing comes of it. */
static void test_nothing_invented(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	out_at(run, 1, 1000, 0, FE_F_GAP, 200);
	out_at(run, 1, 1100, 0, FE_F_END, 0);
	in_at(run, 1, 1200, 0, 0, FE_F_EOF, NULL);
	in_at(run, 1, 1200, 0, 0, FE_F_BAD, NULL);
	close_at(run, 1, 1300, false);
	close_at(run, 9, 1300, false);
	assert_int_equal(run->n, 0);
	run_free(run);
}

/* The framer started afresh with a request open: what is sent is not its answer for sure. */
static void test_unpaired(void **state)
{
	struct run *run = run_new(8, 8);

	(void)state;
	in_at(run, 1, 1000, 0, 0, FE_F_END, "/old");
	out_at(run, 1, 1100, 0, FE_F_GAP, 200);
	out_at(run, 1, 1200, 0, FE_F_END, 0);
	assert_int_equal(run->n, 0);
	in_at(run, 1, 1300, 0, 0, FE_F_END | FE_F_RESYNC, "/new");
	response(run, 1, 1400, 0);
	assert_int_equal(run->n, 2);
	assert_int_equal(run->done[0].q.end, REQ_LOST);
	assert_int_equal(run->done[0].q.bytes_out, 0);
	assert_int_equal(run->done[1].q.end, REQ_COMPLETE);
	assert_int_equal(run->done[1].q.incomplete, 0);
	run_free(run);
}

static void test_workers(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_event ev = {.type = FE_THREAD};

	(void)state;
	run->tid = PID + 1;
	ev.thread.env = 3;
	send_event(run, &ev);
	request(run, 1, 1000, 0);
	ev.thread.ended = true; /* the worker is terminated, its sockets close after it */
	send_event(run, &ev);
	close_at(run, 1, 1100, false);
	assert_int_equal(run->done[0].q.env, 3);
	assert_int_equal(run->done[0].q.end, REQ_ABORTED_SERVER);
	request(run, 2, 2000, 0); /* a thread that nothing was said about */
	response(run, 2, 2100, 0);
	assert_int_equal(run->done[1].q.env, FLOW_ENV_UNKNOWN);
	run_free(run);
}

static void test_bounds(void **state)
{
	struct run *run = run_new(2, 3);
	struct flow_requests_overflow over;

	(void)state;
	request(run, 1, 1000, 0);
	request(run, 2, 1100, 0);
	response(run, 2, 1200, 0);
	request(run, 3, 1300, 0); /* 2 goes: it is idle, though 1 is older */
	flow_requests__overflow(run->r, &over);
	assert_int_equal(over.idle_connections, 1);
	assert_int_equal(over.connections, 0);
	request(run, 4, 1400, 0); /* now 1 must go */
	flow_requests__overflow(run->r, &over);
	assert_int_equal(over.connections, 1);
	assert_int_equal(run->done[1].q.end, REQ_LOST);
	assert_int_equal(run->done[1].q.conn, 1);
	assert_true(run->done[1].q.incomplete & REQ_INC_LOSS);
	/* More in flight than there is room for: the others are answered all the same. */
	request(run, 4, 1500, 0);
	request(run, 4, 1600, 0);
	request(run, 4, 1700, 0);
	flow_requests__overflow(run->r, &over);
	assert_int_equal(over.requests, 2);
	run->n = 0;
	for (int i = 0; i < 4; i++)
		response(run, 4, 1800, 0);
	assert_int_equal(run->n, 2);
	request(run, 4, 1900, 0);
	response(run, 4, 2000, 0);
	assert_int_equal(run->n, 3);
	assert_int_equal(run->done[2].q.conn_seq, 5);
	run_free(run);
}

static void test_resources(void **state)
{
	struct run *run = run_new(8, 8);
	struct flow_req_ref ref;

	(void)state;
	assert_false(flow_requests__latest(run->r, 1, &ref));
	request(run, 1, 1000, 0);
	assert_true(flow_requests__latest(run->r, 1, &ref));
	flow_requests__count_resource(run->r, &ref, 1, 1);
	flow_requests__count_resource(run->r, &ref, 1, 1);
	flow_requests__count_resource(run->r, &ref, 0, -1);
	response(run, 1, 1100, 0);
	assert_int_equal(run->done[0].q.resources_created, 2);
	assert_int_equal(run->done[0].q.resources_alive, 1);
	flow_requests__count_resource(run->r, &ref, 1, 1); /* over: nothing to add to */
	assert_true(flow_requests__latest(run->r, 1, &ref));
	request(run, 1, 2000, 0);
	response(run, 1, 2100, 0);
	assert_int_equal(run->done[1].q.resources_created, 0);
	run_free(run);
}

/* Paths of every length, the longest ones on the heap, some still in flight at the end. */
static void test_long_paths(void **state)
{
	struct run *run = run_new(8, 8);
	static char path[4096];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	in_at(run, 1, 1000, 0, 0, FE_F_END, path);
	assert_int_equal(strlen(flow_requests__current(run->r, 1)->path), FLOW_PATH_MAX);
	response(run, 1, 1100, 0);
	in_at(run, 1, 1200, 0, 0, FE_F_END, path);
	run_free(run);
	flow_requests__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_breakdown_alone),
		cmocka_unit_test(test_breakdown_two),
		cmocka_unit_test(test_breakdown_shared),
		cmocka_unit_test(test_breakdown_scopes),
		cmocka_unit_test(test_breakdown_unknown),
		cmocka_unit_test(test_breakdown_clamped),
		cmocka_unit_test(test_head_in_parts),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_older_connection),
		cmocka_unit_test(test_older_connection_pipelines),
		cmocka_unit_test(test_peer_goes_away),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_end_told_late),
		cmocka_unit_test(test_tls_sent),
		cmocka_unit_test(test_tls_not_told),
		cmocka_unit_test(test_tls_pipelined),
		cmocka_unit_test(test_tls_evicted),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_loss_on_pipelined),
		cmocka_unit_test(test_nothing_invented),
		cmocka_unit_test(test_unpaired),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

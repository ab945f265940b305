// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Streams of HTTP/2: from wire records to flow events, and what requests become of them.
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

#include "flow_decode.h"
#include "flow_request.h"
#include "flow_value.h"

#define PID 100
#define KEY 7

struct run {
	struct flow_decode *d;
	struct flow_requests *requests;
	char log[8192];	 /* of events */
	char done[8192]; /* of requests */
	size_t len, done_len;
	uint64_t ids[FE_IDS_MAX];
	uint32_t nids;
	uint32_t seq;
	uint64_t ts;
};

static void add(char *log, size_t *len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*len += (size_t)vsnprintf(log + *len, 8192 - *len, fmt, ap);
	va_end(ap);
	assert_true(*len < 8192);
}

static void put_io(struct run *r, const struct flow_event *ev)
{
	const struct fe_io *io = &ev->io;

	add(r->log, &r->len, "%s %llu.%u +%u", ev->type == FE_IN ? "in" : "out",
	    (unsigned long long)flow_conn__number(io->conn), flow_conn__stream(io->conn),
	    io->bytes);
	if (io->flags & FE_F_HEAD && ev->type == FE_IN)
		add(r->log, &r->len, " %.*s %.*s%s%s", (int)io->method_name.len, io->method_name.s,
		    (int)io->path.len, io->path.s, io->flags & FE_F_MASKED ? " masked" : "",
		    io->flags & FE_F_LONG ? " long" : "");
	else if (io->flags & FE_F_HEAD)
		add(r->log, &r->len, " %u", io->status);
	add(r->log, &r->len, "%s\n", io->flags & FE_F_END ? " end" : "");
	if (ev->type == FE_IN && io->flags & FE_F_HEAD) {
		r->nids = io->nids;
		memcpy(r->ids, io->ids, sizeof(r->ids));
	}
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (ev->type == FE_IN || ev->type == FE_OUT)
		put_io(r, ev);
	else if (ev->type == FE_CONN)
		add(r->log, &r->len, "conn %llu.%u port %u\n",
		    (unsigned long long)flow_conn__number(ev->conn.conn),
		    flow_conn__stream(ev->conn.conn), ev->conn.peer_port);
	else if (ev->type == FE_CLOSE)
		add(r->log, &r->len, "close %llu.%u%s\n",
		    (unsigned long long)flow_conn__number(ev->close.conn),
		    flow_conn__stream(ev->close.conn), ev->close.by_peer ? " by peer" : "");
	return flow_requests__event(r->requests, ev);
}

static void on_done(void *ctx, const struct flow_req *q)
{
	static const char *const ends[] = {"flight", "complete", "peer", "server", "up", "lost"};
	struct run *r = ctx;

	add(r->done, &r->done_len, "%u %s %s %u in %llu out %llu first %llu end %llu %s\n",
	    q->conn_seq, q->method, q->path, q->status, (unsigned long long)q->bytes_in,
	    (unsigned long long)q->bytes_out, (unsigned long long)q->first_byte_ns,
	    (unsigned long long)q->end_ns, ends[q->end]);
}

static void give(struct run *r, void *rec, uint16_t type, size_t size)
{
	struct lr_event h = {.ts = r->ts += 10,
			     .pid = PID,
			     .tid = PID,
			     .seq = ++r->seq,
			     .type = type,
			     .size = (uint16_t)size};

	memcpy(rec, &h, sizeof(h));
	assert_int_equal(flow_decode__record(r->d, rec, size), 0);
}

static void conn(struct run *r, uint64_t id, uint16_t family)
{
	struct lr_ev_conn rec = {.conn = id, .family = family, .peer_port = 4242};

	give(r, &rec, LR_EV_CONN, sizeof(rec));
}

static struct lr_ev_h2_head head_of(uint32_t stream, const char *method, const char *path)
{
	struct lr_ev_h2_head h = {.conn = 1, .stream = stream};

	h.method_len = (uint16_t)strlen(method);
	memcpy(h.method, method, h.method_len);
	h.path_len = (uint32_t)strlen(path);
	memcpy(h.path, path, h.path_len < LR_H2_PATH ? h.path_len : LR_H2_PATH);
	return h;
}

static size_t size_of(const struct lr_ev_h2_head *h)
{
	return offsetof(struct lr_ev_h2_head, path) +
	       (h->path_len < LR_H2_PATH ? h->path_len : LR_H2_PATH);
}

static void head(struct run *r, uint32_t stream, const char *method, const char *path, bool end)
{
	struct lr_ev_h2_head h = head_of(stream, method, path);

	h.flags = end ? LR_H2_F_END : 0;
	give(r, &h, LR_EV_H2_HEAD, size_of(&h));
}

static void told(struct run *r, uint16_t op, uint32_t stream, uint32_t bytes, uint32_t code,
		 bool end)
{
	struct lr_ev_h2 rec = {.conn = 1,
			       .stream = stream,
			       .op = op,
			       .bytes = bytes,
			       .code = code,
			       .flags = end ? LR_H2_F_END : 0};

	give(r, &rec, LR_EV_H2, sizeof(rec));
}

static struct run *run_new(void)
{
	struct run *r = calloc(1, sizeof(*r));
	struct flow_requests_opts req_opts = {
		.done = on_done, .ctx = r, .max_connections = 64, .max_in_flight = 64};
	struct flow_decode_opts opts = {.sink = {.event = on_event, .ctx = r}, .value_key = KEY};

	assert_non_null(r);
	assert_int_equal(flow_requests__new(&r->requests, &req_opts), 0);
	assert_int_equal(flow_decode__new(&r->d, &opts), 0);
	conn(r, 1, LR_AF_INET);
	return r;
}

static void run_free(struct run *r)
{
	flow_decode__free(r->d);
	flow_requests__free(r->requests);
	free(r);
}

static void check(struct run *r, const char *events, const char *requests)
{
	if (events)
		assert_string_equal(r->log, events);
	assert_string_equal(r->done, requests);
	r->len = r->done_len = 0;
	r->log[0] = r->done[0] = '\0';
}

/* Two streams at once: what is framed goes out with the next send, which is the time of both. */
static void test_streams(void **state)
{
	struct run *r = run_new();

	(void)state;
	head(r, 1, "POST", "/a?secret=1", false); /* 20 */
	head(r, 3, "GET", "/b", true);
	told(r, LR_H2_DATA_IN, 1, 500, 0, false);
	told(r, LR_H2_DATA_IN, 1, 0, 0, true);
	told(r, LR_H2_SUBMIT, 3, 0, 200, false); /* 60 */
	told(r, LR_H2_SUBMIT, 1, 0, 201, false);
	told(r, LR_H2_SENT, 0, 60, 0, false); /* 80: the heads */
	told(r, LR_H2_DATA_OUT, 3, 14, 0, true);
	told(r, LR_H2_CLOSE, 3, 0, 0, false);
	told(r, LR_H2_DATA_OUT, 1, 100, 0, false);
	told(r, LR_H2_SENT, 0, 150, 0, false); /* 120 */
	told(r, LR_H2_DATA_OUT, 1, 11, 0, true);
	told(r, LR_H2_SENT, 0, 20, 0, false); /* 140 */
	told(r, LR_H2_CLOSE, 1, 0, 0, false);
	check(r,
	      "conn 1.1 port 4242\nin 1.1 +0 POST /a masked\n"
	      "conn 1.3 port 4242\nin 1.3 +0 GET /b end\n"
	      "in 1.1 +500\nin 1.1 +0 end\nout 1.3 +0 200\nout 1.1 +0 201\n"
	      "out 1.3 +0\nout 1.1 +0\n"
	      "out 1.3 +14 end\nclose 1.3\nout 1.1 +100\nout 1.1 +11 end\nclose 1.1\n",
	      "2 GET /b 200 in 0 out 14 first 80 end 120 complete\n"
	      "1 POST /a 201 in 500 out 111 first 80 end 140 complete\n");
	run_free(r);
}

/* Ends without bytes: with the head, by an empty frame, by a reset that is no error. */
static void test_ends(void **state)
{
	struct run *r = run_new();

	(void)state;
	head(r, 1, "HEAD", "/a", true);
	told(r, LR_H2_SUBMIT, 1, 0, 204, true);
	told(r, LR_H2_CLOSE, 1, 0, 0, false);
	told(r, LR_H2_SENT, 0, 30, 0, false); /* 50 */
	check(r,
	      "conn 1.1 port 4242\nin 1.1 +0 HEAD /a end\nout 1.1 +0 204\nout 1.1 +0\n"
	      "out 1.1 +0 end\nclose 1.1\n",
	      "1 HEAD /a 204 in 0 out 0 first 50 end 50 complete\n");
	head(r, 3, "GET", "/b", true); /* 60 */
	told(r, LR_H2_SUBMIT, 3, 0, 200, false);
	told(r, LR_H2_DATA_OUT, 3, 9, 0, false);
	told(r, LR_H2_SENT, 0, 30, 0, false); /* 90 */
	told(r, LR_H2_CLOSE, 3, 0, 0, false); /* 100 */
	told(r, LR_H2_SENT, 0, 9, 0, false);
	head(r, 5, "GET", "/c", false); /* 120 */
	told(r, LR_H2_SUBMIT, 5, 0, 413, false);
	told(r, LR_H2_CLOSE, 5, 0, 0, false);
	told(r, LR_H2_SENT, 0, 9, 0, false); /* 150 */
	check(r, NULL,
	      "2 GET /b 200 in 0 out 9 first 90 end 100 complete\n"
	      "3 GET /c 413 in 0 out 0 first 150 end 150 complete\n");
	run_free(r);
}

static void test_resets(void **state)
{
	struct run *r = run_new();
	struct lr_ev_close close = {.conn = 1, .old_state = 1, .new_state = 7};

	(void)state;
	head(r, 1, "GET", "/client", true); /* 20 */
	told(r, LR_H2_RESET_IN, 1, 0, 8, false);
	told(r, LR_H2_CLOSE, 1, 0, 8, false); /* 40 */
	head(r, 3, "GET", "/server", true);
	told(r, LR_H2_CLOSE, 3, 0, 2, false); /* 60 */
	head(r, 5, "GET", "/refused", true);
	told(r, LR_H2_CLOSE, 5, 0, 0, false); /* 80: no head, so not answered */
	head(r, 7, "GET", "/cut", true);
	told(r, LR_H2_SUBMIT, 7, 0, 200, false);
	told(r, LR_H2_DATA_OUT, 7, 50, 0, false);
	told(r, LR_H2_SENT, 0, 70, 0, false); /* 120 */
	told(r, LR_H2_CLOSE, 7, 0, 2, false); /* 130 */
	head(r, 9, "GET", "/quietly", true);
	told(r, LR_H2_SUBMIT, 9, 0, 200, false);
	told(r, LR_H2_SENT, 0, 70, 0, false); /* 160 */
	told(r, LR_H2_RESET_IN, 9, 0, 0, false);
	told(r, LR_H2_CLOSE, 9, 0, 0, false); /* 180: the client wants no more */
	head(r, 11, "GET", "/left", true);
	give(r, &close, LR_EV_CLOSE, sizeof(close)); /* 200 */
	check(r, NULL,
	      "1 GET /client 0 in 0 out 0 first 0 end 40 peer\n"
	      "2 GET /server 0 in 0 out 0 first 0 end 60 server\n"
	      "3 GET /refused 0 in 0 out 0 first 0 end 80 server\n"
	      "4 GET /cut 200 in 0 out 50 first 120 end 130 server\n"
	      "5 GET /quietly 200 in 0 out 0 first 160 end 180 peer\n"
	      "6 GET /left 0 in 0 out 0 first 0 end 200 peer\n");
	run_free(r);
}

/* A unix socket tells its end by the end of what comes in; others may still be answered. */
static void test_end_of_input(void **state)
{
	struct run *r = run_new();
	struct lr_ev_close close = {.conn = 1, .old_state = 1, .new_state = 4};
	struct lr_ev_h2_head h = head_of(1, "GET", "/unix");
	struct lr_ev_h2 eof = {.conn = 2, .op = LR_H2_EOF};

	(void)state;
	head(r, 1, "GET", "/tcp", true);
	told(r, LR_H2_EOF, 0, 0, 0, false);
	check(r, NULL, "");
	give(r, &close, LR_EV_CLOSE, sizeof(close));
	check(r, NULL, "1 GET /tcp 0 in 0 out 0 first 0 end 40 peer\n");
	conn(r, 2, LR_AF_UNIX);
	h.conn = 2;
	give(r, &h, LR_EV_H2_HEAD, size_of(&h));
	give(r, &eof, LR_EV_H2, sizeof(eof));
	check(r, NULL, "1 GET /unix 0 in 0 out 0 first 0 end 70 peer\n");
	run_free(r);
}

/* What began before the attach is not invented. */
static void test_old_streams(void **state)
{
	struct run *r = run_new();

	(void)state;
	told(r, LR_H2_DATA_IN, 1, 10, 0, true);
	told(r, LR_H2_SUBMIT, 1, 0, 200, false);
	told(r, LR_H2_DATA_OUT, 1, 10, 0, true);
	told(r, LR_H2_SENT, 0, 10, 0, false);
	told(r, LR_H2_CLOSE, 1, 0, 0, false);
	check(r, "", "");
	run_free(r);
}

static void test_heads(void **state)
{
	struct run *r = run_new();
	struct lr_ev_h2_head h = head_of(1, "BREW", "https://host/pot?x#y");
	char path[3000];

	(void)state;
	h.nids = 2;
	h.id[0] = (struct lr_h2_id){
		.name_len = 12, .value_len = 6, .name = "x-request-id", .value = "abc123"};
	h.id[1] = (struct lr_h2_id){
		.name_len = 10, .value_len = 6, .name = "session-id", .value = "secret"};
	give(r, &h, LR_EV_H2_HEAD, size_of(&h));
	check(r, "conn 1.1 port 4242\nin 1.1 +0 BREW /pot masked\n", "");
	/* Only a name on the list, and nothing but a fingerprint of its value. */
	assert_int_equal(r->nids, 1);
	assert_true(r->ids[0] == flow_value__hash(KEY, "abc123", 6));
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	head(r, 3, "GET", path, true);
	assert_non_null(strstr(r->log, "ppp long end\n"));
	run_free(r);
}

static void test_malformed(void **state)
{
	struct run *r = run_new();
	struct lr_ev_h2_head good = head_of(1, "GET", "/a"), h;
	struct flow_decode_stats stats;
	uint64_t n = 0;

	(void)state;
#define BAD_HEAD(change)                                    \
	do {                                                \
		h = good;                                   \
		change;                                     \
		give(r, &h, LR_EV_H2_HEAD, size_of(&good)); \
		n++;                                        \
	} while (0)
	BAD_HEAD(h.conn = 0);
	BAD_HEAD(h.conn = 1ULL << 32);
	BAD_HEAD(h.stream = 0);
	BAD_HEAD(h.stream = 1U << 31);
	BAD_HEAD(h.method_len = 0);
	BAD_HEAD(h.method_len = LR_H2_METHOD + 1);
	BAD_HEAD(h.nids = LR_H2_IDS + 1);
	BAD_HEAD(h.path_len = 3);
	BAD_HEAD(h.path_len = 1U << 30);
	BAD_HEAD((h.nids = 1, h.id[0].name_len = LR_H2_ID_NAME + 1));
	BAD_HEAD((h.nids = 1, h.id[0].value_len = LR_H2_ID_VALUE + 1));
#undef BAD_HEAD
	told(r, 0, 1, 0, 0, false);
	told(r, LR_H2_EOF + 1, 1, 0, 0, false);
	told(r, LR_H2_DATA_IN, 0, 0, 0, false);
	told(r, LR_H2_CLOSE, 1U << 31, 0, 0, false);
	n += 4;
	check(r, "", "");
	/* A stream that begins twice. */
	head(r, 1, "GET", "/a", true);
	head(r, 1, "GET", "/b", true);
	n++;
	check(r, "conn 1.1 port 4242\nin 1.1 +0 GET /a end\n", "");
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.malformed, n);
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),	    cmocka_unit_test(test_ends),
		cmocka_unit_test(test_resets),	    cmocka_unit_test(test_end_of_input),
		cmocka_unit_test(test_old_streams), cmocka_unit_test(test_heads),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests_name("flow_decode_h2", tests, NULL, NULL);
}

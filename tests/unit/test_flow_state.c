// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A stream cut in two at any event: every request is over in one of the two, with the same facts
 * as in the whole; what else is told again, what is forgotten, and what is counted as lost.
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
#include "flow_request.h"
#include "flow_state.h"
#include "out_test.h"
#include "util.h"

#define PID	   100
#define CONNS	   6
#define EVENTS_MAX 1024
#define DONE_MAX   512

/* A stream of events with room for their strings. */
struct stream {
	struct flow_event ev[EVENTS_MAX];
	char path[EVENTS_MAX][24];
	size_t n;
	uint64_t ts;
};

static struct flow_event *add(struct stream *s, enum flow_event_type type)
{
	struct flow_event *ev = &s->ev[s->n++];

	assert_true(s->n < EVENTS_MAX);
	memset(ev, 0, sizeof(*ev));
	s->ts += 10;
	*ev = (struct flow_event){.type = type, .pid = PID, .tid = PID, .ts = s->ts};
	return ev;
}

static struct fe_io *io(struct stream *s, bool out, uint64_t conn, uint32_t bytes, uint32_t flags)
{
	struct flow_event *ev = add(s, out ? FE_OUT : FE_IN);

	ev->io.conn = conn;
	ev->io.bytes = bytes;
	ev->io.flags = flags;
	ev->io.arrival_ns = out ? 0 : ev->ts - 5;
	ev->io.clock.has = FE_CLOCK_IDLE;
	ev->io.clock.idle_ns = ev->ts / 2;
	ev->io.version = 11;
	return &ev->io;
}

static void head_in(struct stream *s, uint64_t conn, uint32_t number, uint32_t flags)
{
	struct fe_io *in = io(s, false, conn, 50, flags | FE_F_HEAD);
	char *path = s->path[s->n - 1];

	snprintf(path, sizeof(s->path[0]), "/r%u", number);
	in->method = FM_GET;
	in->method_name = (struct flow_str){"GET", 3};
	in->path = (struct flow_str){path, (uint32_t)strlen(path)};
}

static void head_out(struct stream *s, uint64_t conn, uint16_t status, uint32_t flags)
{
	io(s, true, conn, 70, flags | FE_F_HEAD)->status = status;
}

/* What one connection of the random traffic is at. */
struct traffic {
	uint64_t conn;
	bool open;
	bool tls;
	bool body;	  /* the last request is not whole */
	bool part;	  /* of a head was read */
	bool head_sent;	  /* of the response to the first */
	uint32_t waiting; /* requests without a whole response */
};

static void open_conn(struct stream *s, struct traffic *t, uint64_t conn, bool tls)
{
	struct flow_event *ev = add(s, FE_CONN);

	*t = (struct traffic){.conn = conn, .open = true, .tls = tls};
	ev->conn.conn = conn;
	ev->conn.family = 2;
	ev->conn.peer_port = (uint16_t)(1000 + conn);
	ev->conn.seen_open = true;
}

static void step_in(struct stream *s, struct traffic *t, uint64_t r, uint32_t *number)
{
	uint32_t tls = t->tls ? FE_F_TLS : 0;

	if (t->body) {
		t->body = r % 3 == 0;
		io(s, false, t->conn, 30, tls | (t->body ? 0 : FE_F_END));
	} else if (r % 5 == 0) {
		t->part = true;
		io(s, false, t->conn, 20, tls | FE_F_PART);
	} else {
		t->part = false;
		t->body = r % 7 == 0;
		t->waiting++;
		head_in(s, t->conn, (*number)++, tls | (t->body ? 0 : FE_F_END));
	}
}

static void step_out(struct stream *s, struct traffic *t, uint64_t r)
{
	uint32_t tls = t->tls ? FE_F_TLS : 0, end = r % 2 ? FE_F_END : 0;

	if (!t->head_sent && r % 11 == 0) {
		head_out(s, t->conn, 103, tls | FE_F_INFO);
		return;
	}
	if (!t->head_sent)
		head_out(s, t->conn, (uint16_t)(200 + r % 300), tls | end);
	else if (r % 4 == 1)
		io(s, true, t->conn, 0, tls | FE_F_END); /* told late */
	else
		io(s, true, t->conn, 90, tls | end);
	t->head_sent = !end && !(r % 4 == 1 && t->head_sent);
	if (!t->head_sent)
		t->waiting--;
	if (t->tls && r % 3)
		io(s, true, t->conn, 100, FE_F_TLS | FE_F_SENT);
}

static void step_end(struct stream *s, struct traffic *t, uint64_t r)
{
	struct flow_event *ev;

	if (r % 3 == 0) {
		io(s, false, t->conn, 0, FE_F_EOF);
		if (t->body)
			t->waiting--;
		t->body = false;
		return;
	}
	if (r % 3 == 1)
		io(s, true, t->conn, 0, 0)->error = 32;
	ev = add(s, FE_CLOSE);
	ev->close.conn = t->conn;
	t->open = false;
}

static void make_traffic(struct stream *s, uint64_t seed, size_t n)
{
	struct traffic t[CONNS] = {0};
	uint64_t conn = 1;
	uint32_t number = 0;

	memset(s, 0, sizeof(*s));
	s->ts = 1000;
	while (s->n < n) {
		uint64_t r = test_random(&seed), what = test_random(&seed) % 20;
		struct traffic *at = &t[r % CONNS];

		r = test_random(&seed) % 10000;
		if (!at->open)
			open_conn(s, at, conn++, r % 3 == 0);
		else if (what == 0)
			step_end(s, at, r);
		else if (what < 9 || (!at->waiting && what < 15))
			step_in(s, at, r, &number);
		else if (at->waiting && !(at->body && at->waiting == 1))
			step_out(s, at, r);
	}
}

/* Requests that are over, or in flight at the end. */
struct done {
	struct flow_req q[DONE_MAX];
	char path[DONE_MAX][24];
	size_t n;
};

static void on_done(void *ctx, const struct flow_req *q)
{
	struct done *d = ctx;

	assert_true(d->n < DONE_MAX);
	d->q[d->n] = *q;
	snprintf(d->path[d->n++], sizeof(d->path[0]), "%s", q->path);
}

static struct flow_requests *requests_new(struct done *d)
{
	struct flow_requests_opts opts = {
		.done = on_done, .ctx = d, .max_connections = 64, .max_in_flight = 512};
	struct flow_requests *r;

	d->n = 0;
	assert_int_equal(flow_requests__new(&r, &opts), 0);
	return r;
}

static int to_requests(void *ctx, const struct flow_event *ev)
{
	return flow_requests__event(ctx, ev);
}

static void feed(struct flow_requests *r, const struct stream *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(flow_requests__event(r, &s->ev[i]), 0);
}

static void finish(struct flow_requests *r, uint64_t ts)
{
	flow_requests__finish(r, ts);
	flow_requests__free(r);
}

static const struct flow_req *find(const struct done *d, const char *path, bool over)
{
	const struct flow_req *found = NULL;

	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->path[i], path) != 0)
			continue;
		if (over && d->q[i].end == REQ_IN_FLIGHT)
			continue;
		assert_null(found);
		found = &d->q[i];
	}
	return found;
}

static void same(const struct flow_req *a, const struct flow_req *b, bool cut)
{
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->start_ns, b->start_ns);
	assert_int_equal(a->recv_ns, b->recv_ns);
	assert_int_equal(a->first_byte_ns, b->first_byte_ns);
	assert_int_equal(a->bytes_in, b->bytes_in);
	assert_int_equal(a->bytes_out, b->bytes_out);
	assert_int_equal(a->peer_port, b->peer_port);
	/* Over TLS the end is when it has gone to the socket, perhaps behind the cut. */
	if (!a->tls)
		assert_int_equal(a->end_ns, b->end_ns);
	assert_int_equal(a->before, cut);
	if (cut)
		assert_int_equal(a->incomplete, b->incomplete | REQ_INC_ATTACH);
	else
		assert_int_equal(a->incomplete, b->incomplete);
}

/* Cuts @s before event @at and compares the requests of both parts with @whole. */
static void check_cut(const struct stream *s, size_t at, const struct done *whole)
{
	static struct done first, second;
	struct flow_requests *a = requests_new(&first), *b = requests_new(&second);
	struct flow_sink sink = {.event = to_requests, .ctx = b};
	struct flow_state *st;

	assert_int_equal(flow_state__new(&st, NULL), 0);
	feed(a, s, 0, at);
	for (size_t i = 0; i < at; i++) {
		struct flow_event copy = s->ev[i];
		char path[24] = "";

		/* Strings are good during the call only. */
		if (copy.type == FE_IN && copy.io.path.len) {
			memcpy(path, copy.io.path.s, copy.io.path.len);
			copy.io.path.s = path;
		}
		assert_int_equal(flow_state__event(st, &copy), 0);
		memset(path, 'x', sizeof(path));
	}
	assert_int_equal(flow_state__tell(st, s->ev[at].ts, &sink), 0);
	flow_state__free(st);
	feed(b, s, at, s->n);
	finish(a, s->ts);
	finish(b, s->ts);
	for (size_t i = 0; i < whole->n; i++) {
		const struct flow_req *w = &whole->q[i];
		const struct flow_req *x = find(&first, whole->path[i], true);
		const struct flow_req *y = find(&second, whole->path[i], false);

		if (x) {
			same(x, w, false);
			assert_null(y);
			continue;
		}
		assert_non_null(y);
		same(y, w, find(&first, whole->path[i], false) != NULL);
	}
	/* And nothing that was not there. */
	for (size_t i = 0; i < second.n; i++)
		assert_non_null(find(whole, second.path[i], false));
}

static void test_cut_anywhere(void **state)
{
	static struct stream s;
	static struct done whole;
	size_t ends[REQ_LOST + 1] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct flow_requests *r = requests_new(&whole);

		make_traffic(&s, seed * 7919, 250);
		feed(r, &s, 0, s.n);
		finish(r, s.ts);
		for (size_t i = 0; i < whole.n; i++)
			ends[whole.q[i].end]++;
		for (size_t at = 1; at < s.n; at++)
			check_cut(&s, at, &whole);
	}
	/* The traffic has all of it. */
	assert_true(ends[REQ_COMPLETE] > 200 && ends[REQ_IN_FLIGHT] > 10);
	assert_true(ends[REQ_ABORTED_PEER] > 10 && ends[REQ_ABORTED_SERVER] > 3);
}

/* Events that were told, with copies of what their strings say. */
struct told {
	struct flow_event ev[256];
	char text[256][64];
	size_t n;
};

static int on_told(void *ctx, const struct flow_event *ev)
{
	struct told *t = ctx;
	char *text = t->text[t->n];
	const struct flow_str *s = NULL;

	assert_true(t->n < ARRAY_SIZE(t->ev));
	if (ev->type == FE_TARGET)
		s = &ev->target.version;
	else if (ev->type == FE_PROVIDER)
		s = &ev->provider.name;
	else if (ev->type == FE_SERVICE)
		s = &ev->service.script;
	else if (ev->type == FE_PROBE)
		s = &ev->probe.reason;
	else if (ev->type == FE_STORE)
		s = &ev->store.fields[0].name;
	else if (ev->type == FE_HEADERS)
		s = &ev->headers.header[0].value;
	if (s)
		snprintf(text, sizeof(t->text[0]), "%.*s", (int)s->len, s->s);
	t->ev[t->n++] = *ev;
	return 0;
}

static void tell(struct flow_state *st, struct told *t)
{
	struct flow_sink sink = {.event = on_told, .ctx = t};

	memset(t, 0, sizeof(*t));
	assert_int_equal(flow_state__tell(st, 777, &sink), 0);
}

static size_t count(const struct told *t, enum flow_event_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->ev[i].type == type;
	return n;
}

static const char *text_of(const struct told *t, enum flow_event_type type)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->ev[i].type == type)
			return t->text[i];
	return "none";
}

static void give(struct flow_state *st, struct flow_event ev)
{
	ev.ts = ev.ts ? ev.ts : 5;
	assert_int_equal(flow_state__event(st, &ev), 0);
}

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static void give_probe(struct flow_state *st, const char *name, const char *reason)
{
	struct flow_event ev = {.type = FE_PROBE};

	ev.probe.name = str(name);
	ev.probe.site = str("site");
	ev.probe.reason = str(reason);
	give(st, ev);
}

static void give_thread(struct flow_state *st, uint32_t pid, uint32_t tid, bool ended)
{
	struct flow_event ev = {.type = FE_THREAD, .pid = pid, .tid = tid};

	ev.thread.env = tid - pid;
	ev.thread.ended = ended;
	give(st, ev);
}

static void give_target(struct flow_state *st, uint32_t pid, const char *version)
{
	struct flow_event ev = {.type = FE_TARGET, .pid = pid, .tid = pid};
	char text[32];

	snprintf(text, sizeof(text), "%s", version);
	ev.target.version = str(text);
	give(st, ev);
	memset(text, 'x', sizeof(text));
}

static void test_facts(void **state)
{
	struct flow_event provider = {.type = FE_PROVIDER, .pid = 7};
	struct flow_event service = {.type = FE_SERVICE, .pid = 7};
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, NULL), 0);
	give_target(st, 7, "22.0.0");
	give_target(st, 8, "24.0.0");
	give_target(st, 7, "22.0.1"); /* told again, knowing more: in its place */
	provider.provider.number = 3;
	provider.provider.name = str("TCPWRAP");
	give(st, provider);
	service.service.name = str("payments");
	service.service.script = str("/app.js");
	give(st, service);
	give_thread(st, 7, 7, false);
	give_thread(st, 7, 9, false);
	give_probe(st, "a", "first");
	give_probe(st, "a", "second");
	tell(st, &t);
	assert_int_equal(t.n, 7);
	assert_int_equal(t.ev[0].type, FE_TARGET);
	assert_int_equal(t.ev[0].pid, 7);
	assert_int_equal(t.ev[0].ts, 777);
	assert_string_equal(t.text[0], "22.0.1");
	assert_string_equal(text_of(&t, FE_PROVIDER), "TCPWRAP");
	assert_string_equal(text_of(&t, FE_SERVICE), "/app.js");
	assert_string_equal(text_of(&t, FE_PROBE), "second");
	give_thread(st, 7, 9, true);
	tell(st, &t);
	assert_int_equal(count(&t, FE_THREAD), 1);
	give(st, (struct flow_event){.type = FE_TARGET_END, .pid = 7});
	tell(st, &t);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.text[0], "24.0.0");
	assert_int_equal(t.ev[1].type, FE_PROBE);
	flow_state__free(st);
}

static void give_store(struct flow_state *st, uint64_t value, uint32_t epoch)
{
	struct fe_store_field field = {.name = str("requestId"), .hash = value};
	struct flow_event ev = {.type = FE_STORE, .pid = PID, .tid = PID};

	ev.store = (struct fe_store){
		.value = value, .epoch = epoch, .born = true, .n = 1, .fields = &field};
	give(st, ev);
	memset(&field, 0, sizeof(field));
}

static void test_stores(void **state)
{
	struct flow_state_opts opts = {.max_stores = 4};
	struct flow_event gc = {.type = FE_GC, .pid = PID, .tid = PID};
	struct flow_state_lost lost;
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, &opts), 0);
	give_store(st, 0x10, 1);
	give_store(st, 0x20, 1);
	give_store(st, 0x20, 1);
	tell(st, &t);
	assert_int_equal(count(&t, FE_STORE), 2);
	assert_string_equal(t.text[0], "requestId");
	/* Where it was made is nothing that the reader has seen. */
	assert_false(t.ev[0].store.born);
	gc.gc.epoch = 2;
	give(st, gc);
	tell(st, &t);
	assert_int_equal(count(&t, FE_STORE), 0);
	for (uint64_t v = 1; v <= 6; v++)
		give_store(st, v << 4, 2);
	flow_state__lost(st, &lost);
	assert_int_equal(lost.stores, 2);
	tell(st, &t);
	assert_int_equal(count(&t, FE_STORE), 4);
	assert_int_equal(t.ev[0].store.value, 0x30);
	give(st, (struct flow_event){.type = FE_TARGET_END, .pid = PID});
	tell(st, &t);
	assert_int_equal(t.n, 0);
	flow_state__free(st);
}

/* Stores that were read at an operation which has not been told yet come last. */
static void test_half_told(void **state)
{
	struct flow_event stores = {.type = FE_STORES, .pid = PID, .tid = PID, .ts = 50};
	struct flow_event out = {.type = FE_OUT, .pid = PID, .tid = PID, .ts = 50};
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, NULL), 0);
	give_target(st, PID, "24.0.0");
	stores.stores.conn = 9;
	give(st, stores);
	tell(st, &t);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.ev[1].type, FE_STORES);
	assert_int_equal(t.ev[1].ts, 50);
	assert_int_equal(t.ev[1].stores.conn, 9);
	give(st, out);
	tell(st, &t);
	assert_int_equal(count(&t, FE_STORES), 0);
	flow_state__free(st);
}

static void give_head(struct flow_state *st, uint64_t conn, uint64_t ts)
{
	struct flow_event ev = {.type = FE_IN, .pid = PID, .tid = PID, .ts = ts};

	ev.io.conn = conn;
	ev.io.flags = FE_F_HEAD | FE_F_END;
	ev.io.path = str("/a");
	ev.io.method_name = str("GET");
	give(st, ev);
}

/* What there is no room for is counted, and told as lost, once. */
static void test_bounds(void **state)
{
	struct flow_state_opts opts = {.max_connections = 10, .max_requests = 4};
	struct flow_state_lost lost;
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, &opts), 0);
	for (uint64_t conn = 1; conn <= 6; conn++)
		give_head(st, conn, 100 + conn);
	flow_state__lost(st, &lost);
	assert_int_equal(lost.requests, 2);
	tell(st, &t);
	assert_int_equal(count(&t, FE_IN), 4);
	assert_int_equal(count(&t, FE_LOSS), 1);
	tell(st, &t);
	assert_int_equal(count(&t, FE_LOSS), 0);
	/* Connections without requests go first. */
	for (uint64_t conn = 7; conn <= 20; conn++) {
		struct flow_event ev = {.type = FE_CONN, .pid = PID};

		ev.conn.conn = conn;
		give(st, ev);
	}
	tell(st, &t);
	assert_int_equal(count(&t, FE_IN), 4);
	flow_state__lost(st, &lost);
	assert_int_equal(lost.requests, 2);
	assert_true(lost.connections > 0);
	flow_state__free(st);
}

static void test_headers(void **state)
{
	struct fe_header header = {.name = str("x-request-id"), .value = str("abc")};
	struct flow_event ev = {.type = FE_HEADERS, .pid = PID, .tid = PID, .ts = 30};
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, NULL), 0);
	give_head(st, 3, 30);
	ev.headers.conn = 3;
	ev.headers.n = 1;
	ev.headers.header = &header;
	give(st, ev);
	header.value = str("zzz");
	tell(st, &t);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.ev[0].io.flags, FE_F_HEAD | FE_F_END | FE_F_BEFORE);
	assert_int_equal(t.ev[1].type, FE_HEADERS);
	assert_int_equal(t.ev[1].ts, 30);
	assert_string_equal(text_of(&t, FE_HEADERS), "abc");
	flow_state__free(st);
}

static void test_peers(void **state)
{
	struct flow_event peer = {.type = FE_PEER, .pid = PID, .tid = PID};
	struct flow_event end = {.type = FE_CLIENT, .pid = PID, .tid = PID};
	struct flow_state *st;
	struct told t;

	(void)state;
	assert_int_equal(flow_state__new(&st, NULL), 0);
	for (uint64_t conn = 1; conn <= 3; conn++) {
		peer.peer.conn = conn;
		peer.peer.peer_port = (uint16_t)(5000 + conn);
		give(st, peer);
	}
	end.client.conn = 2;
	end.client.op = LR_CLIENT_CLOSE;
	end.client.flags = FE_CL_HALF; /* receives may follow */
	give(st, end);
	tell(st, &t);
	assert_int_equal(count(&t, FE_PEER), 3);
	end.client.flags = 0;
	give(st, end);
	tell(st, &t);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.ev[0].peer.peer_port, 5001);
	assert_int_equal(t.ev[1].peer.peer_port, 5003);
	flow_state__free(st);
}

/* A sink that fails is heard of, wherever it fails. */
static int fail_at(void *ctx, const struct flow_event *ev)
{
	int *left = ctx;

	(void)ev;
	return (*left)-- ? 0 : -28;
}

static void test_failing_sink(void **state)
{
	struct flow_event peer = {.type = FE_PEER, .pid = PID, .tid = PID};
	struct flow_state *st;
	int all = 0;

	(void)state;
	assert_int_equal(flow_state__new(&st, NULL), 0);
	give_target(st, PID, "24.0.0");
	give_head(st, 3, 30);
	give_store(st, 0x10, 1);
	give(st, peer);
	for (int n = 0;; n++) {
		int left = n;
		struct flow_sink sink = {.event = fail_at, .ctx = &left};
		int err = flow_state__tell(st, 1, &sink);

		if (!err)
			break;
		assert_int_equal(err, -28);
		all++;
	}
	assert_int_equal(all, 4);
	flow_state__free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_stores),	     cmocka_unit_test(test_half_told),
		cmocka_unit_test(test_bounds),	     cmocka_unit_test(test_headers),
		cmocka_unit_test(test_peers),	     cmocka_unit_test(test_failing_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

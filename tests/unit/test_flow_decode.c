// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Wire records to flow events: numbering of environments, losses, continuations, closes, and
 * every way in which a record can be malformed.
 */
#include <math.h>
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
#include "util.h"

#define PID 100
#define GET "GET /a HTTP/1.1\r\n\r\n"
#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct run {
	struct flow_decode *d;
	char log[32768]; /* one word or two an event */
	size_t len;
	uint32_t seq[8]; /* by tid - PID */
	uint64_t ts;
	uint64_t seen; /* connections below 64 that had an operation */
	int fail_at;   /* the sink fails at this event, counting down */
};

static void put(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	r->len += (size_t)vsnprintf(r->log + r->len, sizeof(r->log) - r->len, fmt, ap);
	va_end(ap);
	assert_true(r->len < sizeof(r->log));
}

static void put_resource(struct run *r, const struct flow_event *ev)
{
	const struct fe_resource *f = &ev->resource;

	put(r, "%s env %u id %lld trigger %lld exec %lld counter %lld flags %u\n",
	    ev->type == FE_INIT ? "init" : "destroy", f->env, (long long)f->async_id,
	    (long long)f->trigger_id, (long long)f->exec_id, (long long)f->counter, f->flags);
}

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (r->fail_at && --r->fail_at == 0)
		return -28;
	switch (ev->type) {
	case FE_THREAD:
		put(r, "thread %u env %u%s%s\n", ev->tid, ev->thread.env,
		    ev->thread.env_addr ? " at" : "", ev->thread.ended ? " ended" : "");
		break;
	case FE_CONN:
		put(r, "conn %llu port %u\n", (unsigned long long)ev->conn.conn,
		    ev->conn.peer_port);
		break;
	case FE_IN:
	case FE_OUT:
		put(r, "%s %llu +%u%s%s%s%s%s%s%s\n", ev->type == FE_IN ? "in" : "out",
		    (unsigned long long)ev->io.conn, ev->io.bytes,
		    ev->io.flags & FE_F_HEAD ? " head" : "", ev->io.flags & FE_F_END ? " end" : "",
		    ev->io.flags & FE_F_EOF ? " eof" : "",
		    ev->io.flags & FE_F_RESYNC ? " resync" : "", ev->io.error ? " error" : "",
		    ev->io.flags & FE_F_TLS ? " tls" : "", ev->io.flags & FE_F_SENT ? " sent" : "");
		break;
	case FE_CLOSE:
		put(r, "close %llu%s\n", (unsigned long long)ev->close.conn,
		    ev->close.by_peer ? " by peer" : "");
		break;
	case FE_INIT:
	case FE_DESTROY:
		put_resource(r, ev);
		break;
	case FE_SCOPE:
		put(r, "scope %lld counter %lld\n", (long long)ev->scope.async_id,
		    (long long)ev->scope.counter);
		break;
	case FE_GC:
		put(r, "gc kind %u for %llu\n", ev->gc.kind,
		    (unsigned long long)ev->gc.duration_ns);
		break;
	case FE_LOSS:
		put(r, "loss kind %u of %u: %llu\n", ev->loss.kind, ev->tid,
		    (unsigned long long)ev->loss.count);
		break;
	case FE_TARGET_END:
		put(r, "target end %u\n", ev->pid);
		break;
	default:
		fail();
	}
	return 0;
}

static struct run *run_with(uint32_t connections, uint32_t threads)
{
	struct run *r = calloc(1, sizeof(*r));
	struct flow_decode_opts opts = {
		.sink = {.event = on_event, .ctx = r},
		.max_connections = connections,
		.max_threads = threads,
	};

	assert_non_null(r);
	assert_int_equal(flow_decode__new(&r->d, &opts), 0);
	r->ts = 1000;
	return r;
}

static struct run *run_new(void)
{
	return run_with(0, 0);
}

static void run_free(struct run *r)
{
	flow_decode__free(r->d);
	free(r);
}

static void check(struct run *r, const char *expected)
{
	assert_string_equal(r->log, expected);
	r->len = 0;
	r->log[0] = '\0';
}

static uint64_t malformed(struct run *r)
{
	struct flow_decode_stats stats;

	flow_decode__stats(r->d, &stats);
	return stats.malformed;
}

static void header(struct run *r, struct lr_event *h, uint16_t type, size_t size, uint32_t tid)
{
	h->ts = ++r->ts;
	h->pid = PID;
	h->tid = tid;
	h->seq = ++r->seq[tid - PID];
	h->type = type;
	h->size = (uint16_t)size;
}

static int record(struct run *r, const void *rec, size_t len)
{
	/* At the very end of an allocation: a sanitizer sees every byte too far. */
	void *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, rec, len);
	err = flow_decode__record(r->d, copy, len);
	free(copy);
	return err;
}

static void thread(struct run *r, uint32_t tid, uint64_t start_ns)
{
	struct lr_ev_thread ev = {.start_ns = start_ns};

	header(r, &ev.h, LR_EV_THREAD, sizeof(ev), tid);
	assert_int_equal(record(r, &ev, sizeof(ev)), 0);
}

static void conn_of(struct run *r, uint64_t conn, uint16_t family, uint32_t tid)
{
	struct lr_ev_conn ev = {.conn = conn, .family = family, .peer_port = 4242};

	header(r, &ev.h, LR_EV_CONN, sizeof(ev), tid);
	assert_int_equal(record(r, &ev, sizeof(ev)), 0);
}

/* Part of a receive or send: @ret is that of the whole operation. */
static int data_part(struct run *r, uint16_t type, uint64_t conn, const char *bytes, size_t len,
		     int32_t ret, uint32_t offset, uint32_t tid)
{
	char buf[sizeof(struct lr_ev_data) + LR_DATA_MAX];
	struct lr_ev_data ev = {.conn = conn, .ret = ret, .offset = offset};

	assert_true(len <= LR_DATA_MAX);
	header(r, &ev.h, type, sizeof(ev) + len, tid);
	if (conn >= 64 || !(r->seen & 1ULL << conn))
		ev.flags |= LR_DATA_F_FIRST;
	if (conn < 64)
		r->seen |= 1ULL << conn;
	if (offset)
		ev.h.ts = --r->ts;
	ev.captured = (uint32_t)len;
	memcpy(buf, &ev, sizeof(ev));
	memcpy(buf + sizeof(ev), bytes, len);
	return record(r, buf, sizeof(ev) + len);
}

static void in_on(struct run *r, uint64_t conn, const char *bytes, uint32_t tid)
{
	assert_int_equal(
		data_part(r, LR_EV_IN, conn, bytes, strlen(bytes), (int32_t)strlen(bytes), 0, tid),
		0);
}

static void out_on(struct run *r, uint64_t conn, const char *bytes, uint32_t tid)
{
	assert_int_equal(
		data_part(r, LR_EV_OUT, conn, bytes, strlen(bytes), (int32_t)strlen(bytes), 0, tid),
		0);
}

static void close_of(struct run *r, uint64_t conn, uint32_t state)
{
	struct lr_ev_close ev = {.conn = conn, .old_state = 1, .new_state = state};

	header(r, &ev.h, LR_EV_CLOSE, sizeof(ev), PID);
	ev.h.seq = 0;
	ev.h.tid = 0;
	r->seq[0]--;
	assert_int_equal(record(r, &ev, sizeof(ev)), 0);
}

static void test_request(void **state)
{
	struct run *r = run_new();

	(void)state;
	thread(r, PID, 1);
	conn_of(r, 1, LR_AF_INET, PID);
	conn_of(r, 2, LR_AF_INET, PID); /* never speaks HTTP: never mentioned */
	in_on(r, 1, GET, PID);
	in_on(r, 2, "\x01\x02\x03", PID);
	out_on(r, 1, OK, PID);
	data_part(r, LR_EV_IN, 1, "", 0, 0, 0, PID);
	close_of(r, 1, 8); /* CLOSE_WAIT: the peer ended its side, which is no close */
	close_of(r, 1, 9);
	close_of(r, 1, 7);
	close_of(r, 2, 7);
	close_of(r, 99, 7);
	in_on(r, 1, GET, PID); /* too late */
	check(r, "thread 100 env 0\nconn 1 port 4242\nin 1 +19 head end\nout 1 +40 head end\n"
		 "in 1 +0 eof\nclose 1\n");
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

/* Of a connection over TLS: bytes inside of it, and when records of it go to the socket. */
static void tls_on(struct run *r, uint16_t type, uint64_t conn, const char *bytes, uint32_t flags)
{
	char buf[sizeof(struct lr_ev_data) + LR_DATA_MAX];
	size_t len = flags & LR_DATA_F_SENT ? 0 : strlen(bytes);
	struct lr_ev_data ev = {.conn = conn, .ret = (int32_t)strlen(bytes)};

	header(r, &ev.h, type, sizeof(ev) + len, PID);
	ev.flags = flags | LR_DATA_F_TLS;
	ev.captured = (uint32_t)len;
	memcpy(buf, &ev, sizeof(ev));
	memcpy(buf + sizeof(ev), bytes, len);
	assert_int_equal(record(r, buf, sizeof(ev) + len), 0);
}

static void test_tls(void **state)
{
	struct run *r = run_new();

	(void)state;
	thread(r, PID, 1);
	tls_on(r, LR_EV_OUT, 1, "four", LR_DATA_F_SENT); /* not met yet */
	conn_of(r, 1, LR_AF_INET, PID);
	tls_on(r, LR_EV_OUT, 1, "four", LR_DATA_F_SENT); /* no server as far as is known */
	tls_on(r, LR_EV_IN, 1, GET, LR_DATA_F_FIRST);
	tls_on(r, LR_EV_OUT, 1, OK, 0);
	tls_on(r, LR_EV_OUT, 1, "fifteen bytes..", LR_DATA_F_SENT);
	check(r, "thread 100 env 0\nconn 1 port 4242\nin 1 +19 head end tls\n"
		 "out 1 +40 head end tls\nout 1 +15 tls sent\n");
	assert_int_equal(malformed(r), 0);
	run_free(r);
}

static void test_reset_and_unix(void **state)
{
	struct run *r = run_new();

	(void)state;
	in_on(r, 1, GET, PID);
	close_of(r, 1, 7);
	conn_of(r, 2, LR_AF_UNIX, PID);
	in_on(r, 2, GET, PID);
	data_part(r, LR_EV_IN, 2, "", 0, 0, 0, PID); /* no state of it will be told */
	in_on(r, 3, GET, PID);
	data_part(r, LR_EV_IN, 3, "", 0, -104, 0, PID);
	data_part(r, LR_EV_IN, 3, "", 0, -11, 0, PID); /* EAGAIN is nothing */
	check(r, "thread 100 env 0\nconn 1 port 0\nin 1 +19 head end\nclose 1 by peer\n"
		 "conn 2 port 4242\nin 2 +19 head end\nin 2 +0 eof\nclose 2 by peer\n"
		 "conn 3 port 0\nin 3 +19 head end\nin 3 +0 error\n");
	run_free(r);
}

static void test_environments(void **state)
{
	struct run *r = run_new();
	struct lr_ev_scope ev = {.env = 0x7000, .flags = LR_RES_F_IDS};
	struct lr_ev_process exited = {.op = LR_PROC_EXIT};
	struct lr_ev_thread known = {.start_ns = 0};

	(void)state;
	thread(r, PID + 2, 5); /* says nothing yet */
	thread(r, PID + 3, 6);
	in_on(r, 1, GET, PID + 3);
	in_on(r, 2, GET, PID + 2);
	in_on(r, 3, GET, PID);
	assert_int_equal(flow_decode__env_of(r->d, PID), 0);
	assert_int_equal(flow_decode__env_of(r->d, PID + 2), 2);
	assert_int_equal(flow_decode__env_of(r->d, PID + 3), 1);
	assert_int_equal(flow_decode__env_of(r->d, PID + 4), -1);
	r->len = 0;
	header(r, &ev.h, LR_EV_SCOPE, sizeof(ev), PID + 3);
	record(r, &ev, sizeof(ev));
	header(r, &exited.h, LR_EV_PROCESS, sizeof(exited), PID + 3);
	record(r, &exited, sizeof(exited));
	r->seq[3] = 0; /* a new thread with the same number */
	thread(r, PID + 3, 7);
	in_on(r, 4, GET, PID + 3);
	/* The session knows of a thread that has an environment before it made any record. */
	known.h = (struct lr_event){
		.pid = PID, .tid = PID + 4, .type = LR_EV_THREAD, .size = sizeof(known)};
	record(r, &known, sizeof(known));
	assert_int_equal(flow_decode__env_of(r->d, PID + 4), 4);
	flow_decode__end_target(r->d, PID, 5000);
	assert_int_equal(flow_decode__env_of(r->d, PID), -1);
	in_on(r, 5, GET, PID + 5); /* counts from 1 again */
	check(r, "thread 103 env 1 at\nscope 0 counter 0\nthread 103 env 1 at ended\n"
		 "thread 103 env 3\nconn 4 port 0\nin 4 +19 head end\nthread 104 env 4\n"
		 "target end 100\nthread 105 env 1\nconn 5 port 0\nin 5 +19 head end\n");
	run_free(r);
}

/* A thread that ended unseen, and another with its number. */
static void test_thread_reused(void **state)
{
	struct run *r = run_new();

	(void)state;
	thread(r, PID + 1, 5);
	for (int i = 0; i < 5; i++)
		in_on(r, 1, GET, PID + 1);
	r->len = 0;
	r->seq[1] = 0;
	in_on(r, 1, GET, PID + 1); /* its first record was lost, its count says it */
	check(r, "thread 101 env 1 ended\nthread 101 env 2\nin 1 +19 head end\n");
	r->seq[1] = 200;
	thread(r, PID + 1, 6); /* the count fits, but this is always the first record */
	in_on(r, 1, GET, PID + 1);
	check(r, "thread 101 env 2 ended\nloss kind 0 of 101: 200\nthread 101 env 3\n"
		 "in 1 +19 head end\n");
	run_free(r);
}

static void test_holes(void **state)
{
	struct run *r = run_new();
	struct flow_decode_stats stats;

	(void)state;
	in_on(r, 1, GET, PID);
	in_on(r, 2, GET, PID + 1);
	r->len = 0;
	r->seq[0] += 3;
	out_on(r, 1, OK, PID);
	in_on(r, 1, GET, PID); /* in step again: an answer was seen */
	r->seq[0] += 1;
	in_on(r, 1, GET, PID);	   /* its answer was lost */
	in_on(r, 2, GET, PID + 1); /* another thread: untouched, so it pipelines */
	check(r, "loss kind 0 of 100: 3\nout 1 +40 head end\nin 1 +19 head end\n"
		 "loss kind 0 of 100: 1\nin 1 +19 head end resync\nin 2 +19 head end\n");
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.lost, 4);
	/* The first record of all may be missing, too. */
	r->seq[2] = 7;
	in_on(r, 3, GET, PID + 2);
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.lost, 11);
	/* The count wraps. */
	r->seq[2] = UINT32_MAX - 1;
	in_on(r, 3, GET, PID + 2);
	run_free(r);
}

/* A receive of many requests comes in parts; its end shows when another record comes. */
static void test_parts(void **state)
{
	static char many[8192];
	struct run *r = run_new();
	size_t n = strlen(GET);

	(void)state;
	for (size_t i = 0; i + n <= sizeof(many); i += n)
		memcpy(many + i, GET, n);
	data_part(r, LR_EV_IN, 1, many, 4096, 6080, 0, PID);
	data_part(r, LR_EV_IN, 1, many + 4096, 1984, 6080, 4096, PID);
	assert_int_equal(r->len, strlen("thread 100 env 0\nconn 1 port 0\n") +
					 320 * strlen("in 1 +19 head end\n"));
	r->len = 0;
	/* Parts that never come: their bytes are not seen, which is known at the next record. */
	data_part(r, LR_EV_IN, 2, many, 4096, 6080, 0, PID + 1);
	in_on(r, 3, GET, PID); /* another thread says nothing about it */
	r->len = 0;
	r->log[0] = '\0';
	in_on(r, 4, GET, PID + 1);
	/* The head that was cut lies in the missing part. */
	check(r, "conn 4 port 0\nin 4 +19 head end\n");
	data_part(r, LR_EV_IN, 5, "POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n", 41, 9041, 0,
		  PID);
	check(r, "conn 5 port 0\nin 5 +9041 head end\n");
	/* A part of nothing, and one that does not follow. */
	data_part(r, LR_EV_IN, 6, many, 100, 6080, 4096, PID);
	assert_int_equal(malformed(r), 1);
	data_part(r, LR_EV_IN, 6, many, 4096, 20000, 0, PID);
	data_part(r, LR_EV_IN, 6, many, 4096, 20000, 8192, PID);
	assert_int_equal(malformed(r), 2);
	r->len = 0;
	data_part(r, LR_EV_IN, 7, many, 4096, 6080, 0, PID);
	assert_int_equal(flow_decode__flush(r->d), 0);
	run_free(r);
}

static uint64_t bits(double v)
{
	uint64_t b;

	memcpy(&b, &v, sizeof(b));
	return b;
}

static struct lr_ev_resource resource(struct run *r, uint16_t type, uint32_t flags)
{
	struct lr_ev_resource ev = {
		.env = 0x7000,
		.async_id = bits(12),
		.trigger_id = bits(3),
		.exec_id = bits(7),
		.counter = bits(11),
		.provider = 4,
		.flags = flags,
	};

	header(r, &ev.h, type, sizeof(ev), PID);
	return ev;
}

static void test_resources(void **state)
{
	struct run *r = run_new();
	struct lr_ev_resource ev =
		resource(r, LR_EV_INIT, LR_RES_F_IDS | LR_RES_F_EXEC | LR_RES_F_PROVIDER);

	(void)state;
	record(r, &ev, sizeof(ev));
	check(r, "thread 100 env 0\nthread 100 env 0 at\n"
		 "init env 0 id 12 trigger 3 exec 7 counter 11 flags 7\n");
	ev = resource(r, LR_EV_INIT, 0);
	record(r, &ev, sizeof(ev));
	check(r, "init env 0 id -1 trigger -1 exec -1 counter -1 flags 0\n");
	ev = resource(r, LR_EV_DESTROY, 0); /* a destroy always knows its id */
	record(r, &ev, sizeof(ev));
	check(r, "destroy env 0 id 12 trigger -1 exec -1 counter -1 flags 1\n");
	run_free(r);
}

/* Numbers that an id cannot be: a read gone wrong, told as such, and the field is unknown. */
static void test_bad_numbers(void **state)
{
	const uint64_t wrong[] = {
		bits(-1),
		bits(1.5),
		bits(NAN),
		bits(INFINITY),
		bits(1e300),
		bits(-0.5),
		bits(9007199254740994.0),
		1, /* the least denormal */
	};
	struct run *r = run_new();
	struct flow_decode_stats stats;
	struct lr_ev_scope scope = {.async_id = bits(0.25), .flags = 3};

	(void)state;
	in_on(r, 1, GET, PID);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct lr_ev_resource ev = resource(r, LR_EV_INIT, LR_RES_F_IDS | LR_RES_F_EXEC);

		r->len = 0;
		ev.env = 0;
		ev.async_id = wrong[i];
		record(r, &ev, sizeof(ev));
		check(r, "loss kind 2 of 100: 1\n"
			 "init env 0 id -1 trigger -1 exec 7 counter 11 flags 2\n");
		ev = resource(r, LR_EV_INIT, LR_RES_F_IDS | LR_RES_F_EXEC);
		ev.env = 0;
		ev.exec_id = wrong[i];
		record(r, &ev, sizeof(ev));
		check(r, "loss kind 2 of 100: 1\n"
			 "init env 0 id 12 trigger 3 exec -1 counter -1 flags 1\n");
	}
	header(r, &scope.h, LR_EV_SCOPE, sizeof(scope), PID);
	record(r, &scope, sizeof(scope));
	check(r, "loss kind 2 of 100: 1\nscope -1 counter -1\n");
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.bad_numbers, 2 * ARRAY_SIZE(wrong) + 1);
	run_free(r);
}

static void gc(struct run *r, uint32_t phase, uint32_t space)
{
	struct lr_ev_gc ev = {.phase = phase, .space = space};

	header(r, &ev.h, LR_EV_GC, sizeof(ev), PID);
	record(r, &ev, sizeof(ev));
}

static void test_gc(void **state)
{
	struct run *r = run_new();

	(void)state;
	gc(r, 0, 0);
	gc(r, 1, 0);
	gc(r, 0, 0);
	gc(r, 1, 1);
	gc(r, 1, 1); /* an end alone */
	gc(r, 0, 0);
	gc(r, 0, 0); /* ends are not seen */
	gc(r, 1, 9);
	check(r, "thread 100 env 0\ngc kind 0 for 1\ngc kind 1 for 1\ngc kind 1 for 0\n"
		 "gc kind 255 for 0\ngc kind 255 for 1\n");
	run_free(r);
}

static void test_malformed(void **state)
{
	struct run *r = run_new();
	struct lr_ev_data data = {.conn = 1};
	struct flow_decode_stats stats;
	char buf[256] = {0};
	uint64_t n = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(struct lr_event); len++, n++)
		assert_int_equal(record(r, buf, len), 0);
	/* Every type, cut short by one byte: by its size field, and by what was handed in. */
	for (uint16_t type = 0; type < 20; type++) {
		static const size_t sizes[] = {0,  40, 80, 96, 96, 40, 88, 88, 72,
					       64, 48, 40, 80, 56, 40, 48, 88};
		size_t size = type < ARRAY_SIZE(sizes) && type ? sizes[type] : 60;
		struct lr_event h = {.pid = PID, .tid = PID, .seq = 1, .type = type};

		for (int k = 0; k < 2; k++, n++) {
			h.size = (uint16_t)(size - (k ? 0 : 1));
			memcpy(buf, &h, sizeof(h));
			assert_int_equal(record(r, buf, size - 1), 0);
		}
	}
	/* Data that claims more than it is. */
	for (int k = 0; k < 6; k++, n++) {
		header(r, &data.h, LR_EV_IN, sizeof(data) + 10, PID);
		data.ret = k == 0 ? 5 : k == 1 ? 0 : k == 2 ? -5 : 100;
		data.captured = k == 3 ? 11 : k == 4 ? 0xfffffff0 : 10;
		data.offset = k == 5 ? 95 : 0;
		memcpy(buf, &data, sizeof(data));
		assert_int_equal(record(r, buf, sizeof(data) + 10), 0);
	}
	assert_int_equal(malformed(r), n);
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.unknown_type, 1); /* type 0 */
	assert_int_equal(r->len, 0);
	run_free(r);
}

static void test_bounds(void **state)
{
	struct run *r = run_with(2, 2);
	struct flow_decode_stats stats;

	(void)state;
	in_on(r, 1, GET, PID);
	in_on(r, 2, GET, PID);
	out_on(r, 2, OK, PID);
	out_on(r, 1, OK, PID);
	in_on(r, 3, GET, PID); /* 2 was used longest ago; nothing of it is open */
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.connections_full, 0);
	in_on(r, 1, GET, PID);
	r->len = 0;
	in_on(r, 4, GET, PID); /* 3 still waits for its answer */
	check(r, "loss kind 1 of 0: 1\nconn 4 port 0\nin 4 +19 head end\n");
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.connections_full, 1);
	in_on(r, 3, GET, PID); /* again, by a framer that knows nothing of the request before */
	assert_non_null(strstr(r->log, "in 3 +19 head end resync\n"));
	in_on(r, 1, GET, PID + 1);
	r->len = 0;
	in_on(r, 1, GET, PID + 2);
	check(r, "loss kind 1 of 100: 1\nthread 102 env 2\nin 1 +19 head end\n");
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.threads_full, 1);
	in_on(r, 1, GET, PID); /* back again: its high number is no loss */
	flow_decode__stats(r->d, &stats);
	assert_int_equal(stats.lost, 0);
	/* Two threads in the middle of a receive on one connection that is then dropped. */
	for (int i = 0; i < 3; i++) {
		static char body[4096] = "GET /";

		data_part(r, LR_EV_IN, 50, body, 4096, 9000, 0, PID + 1);
		data_part(r, LR_EV_IN, 50, body, 4096, 9000, 0, PID);
		in_on(r, 51 + 2 * (uint64_t)i, GET, PID + 2);
		in_on(r, 52 + 2 * (uint64_t)i, GET, PID + 2);
		in_on(r, 50, GET, PID);
		in_on(r, 50, GET, PID + 1);
	}
	run_free(r);
}

static void test_sink_errors_come_back(void **state)
{
	(void)state;
	for (int k = 1; k <= 3; k++) {
		struct run *r = run_new();
		int err = 0;

		r->fail_at = k;
		err = data_part(r, LR_EV_IN, 1, GET, strlen(GET), (int32_t)strlen(GET), 0, PID);
		assert_int_equal(err, -28);
		run_free(r);
	}
	flow_decode__free(NULL);
}

/* Connections that were closed are kept a while, but not for ever. */
static void test_many_closed(void **state)
{
	struct run *r = run_with(3000, 0);

	(void)state;
	for (uint64_t c = 1; c < 20000; c++) {
		in_on(r, c, GET, PID);
		out_on(r, c, OK, PID);
		close_of(r, c, 4);
		r->len = 0;
	}
	run_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_reset_and_unix),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_environments),
		cmocka_unit_test(test_thread_reused),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_gc),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_sink_errors_come_back),
		cmocka_unit_test(test_many_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

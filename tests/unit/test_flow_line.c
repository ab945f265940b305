// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From writes to lines: what is put together, what is cut, what waits and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_line.h"
#include "flow_value.h"
#include "util.h"

#define LINES_MAX 64
#define LIMIT	  16
#define PID	  7
#define SECOND	  1000000000ULL

struct got {
	struct log_write from;
	char text[256];
	size_t len;
	uint64_t cut;
	bool partial, continued;
};

struct run {
	struct flow_line_join *join;
	struct flow_line_hold *hold;
	struct got got[LINES_MAX];
	size_t n;
	uint64_t ts;
	bool has_stores;
};

static int on_line(void *ctx, const struct log_line *line)
{
	struct run *run = ctx;
	struct got *g = &run->got[run->n++];

	assert_true(run->n <= LINES_MAX && line->len < sizeof(g->text));
	g->from = *line->from;
	memcpy(g->text, line->text, line->len);
	g->text[line->len] = '\0';
	g->len = line->len;
	g->cut = line->cut;
	g->partial = line->partial;
	g->continued = line->continued;
	return 0;
}

static void begin(struct run *run, size_t limit)
{
	struct flow_line_join_opts opts = {.line = on_line, .ctx = run, .limit = limit};

	memset(run, 0, sizeof(*run));
	assert_int_equal(flow_line_join__new(&run->join, &opts), 0);
}

static void finish(struct run *run)
{
	flow_line_join__free(run->join);
	flow_line_hold__free(run->hold);
}

/* @seq wrote @len bytes, of which @captured are there. */
static void put_n(struct run *run, uint8_t op, uint64_t seq, const char *text, size_t len,
		  size_t captured)
{
	struct log_write w = {
		.pid = PID,
		.op = op,
		.ts = run->ts += 1000,
		.bytes = (uint32_t)len,
		.captured = (uint32_t)captured,
		.by = seq ? LINE_BY_STORE : LINE_UNKNOWN,
		.who = {.conn = seq, .seq = seq},
	};

	assert_int_equal(flow_line_join__write(run->join, &w, text), 0);
}

static void put(struct run *run, uint64_t seq, const char *text)
{
	put_n(run, LR_OP_STDOUT, seq, text, strlen(text), strlen(text));
}

static void is(struct run *run, size_t i, uint64_t seq, const char *text)
{
	assert_true(i < run->n);
	assert_string_equal(run->got[i].text, text);
	assert_int_equal(run->got[i].len, strlen(text));
	assert_int_equal(run->got[i].from.who.seq, seq);
}

static void test_split_and_joined(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "one\ntwo\n\nfour\n");
	assert_int_equal(run.n, 4);
	is(&run, 0, 1, "one");
	is(&run, 1, 1, "two");
	is(&run, 2, 1, "");
	is(&run, 3, 1, "four");
	put(&run, 2, "in ");
	put(&run, 2, "three ");
	assert_int_equal(run.n, 4);
	put(&run, 2, "parts\nand");
	is(&run, 4, 2, "in three parts");
	assert_int_equal(run.got[4].from.ts, 2000); /* of its beginning */
	put(&run, 2, "\n");
	is(&run, 5, 2, "and");
	assert_int_equal(run.n, 6);
	finish(&run);
}

/* A part of another request makes it nobody's; what follows is someone's again. */
static void test_several(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "mine, ");
	put(&run, 2, "yours\nyours alone\n");
	is(&run, 0, 0, "mine, yours");
	assert_int_equal(run.got[0].from.by, LINE_UNKNOWN);
	assert_int_equal(run.got[0].from.why, LINE_WHY_SEVERAL);
	is(&run, 1, 2, "yours alone");
	finish(&run);
}

static void test_streams(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "out ");
	put_n(&run, LR_OP_STDERR, 2, "err ", 4, 4);
	put(&run, 1, "put\n");
	put_n(&run, LR_OP_STDERR, 2, "or\n", 3, 3);
	is(&run, 0, 1, "out put");
	is(&run, 1, 2, "err or");
	assert_int_equal(run.got[1].from.op, LR_OP_STDERR);
	finish(&run);
}

static void test_crlf(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "dos\r\nin two\r");
	put(&run, 1, "\nin\rside\r\n");
	is(&run, 0, 1, "dos");
	is(&run, 1, 1, "in two");
	is(&run, 2, 1, "in\rside");
	finish(&run);
}

/* A character cut by two writes is whole; zeros and wild bytes stay as they are. */
static void test_utf8_and_binary(void **state)
{
	static const char wild[] = "a\0b\xff\xfe\n";
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "caf\xc3");
	put(&run, 1, "\xa9 \xf0\x9f");
	put(&run, 1, "\x98\x80\n");
	is(&run, 0, 1, "caf\u00e9 \U0001f600");
	put_n(&run, LR_OP_STDOUT, 1, wild, 6, 6);
	assert_int_equal(run.got[1].len, 5);
	assert_memory_equal(run.got[1].text, wild, 5);
	finish(&run);
}

static void test_long(void **state)
{
	struct run run;

	(void)state;
	begin(&run, LIMIT);
	put(&run, 1, "0123456789abcdef\n");
	is(&run, 0, 1, "0123456789abcdef");
	assert_int_equal(run.got[0].cut, 0);
	put(&run, 1, "0123456789abcdefgh");
	put(&run, 1, "ijk\nnext\n");
	is(&run, 1, 1, "0123456789abcdef");
	assert_int_equal(run.got[1].cut, 5);
	is(&run, 2, 1, "next");
	/* The cut does not go through a character. */
	put(&run, 1, "0123456789abcde\u00e9f\n");
	is(&run, 3, 1, "0123456789abcde");
	assert_int_equal(run.got[3].cut, 3);
	finish(&run);
}

/* What was written beyond the captured bytes is told as cut, and ends the line. */
static void test_captured_in_part(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put_n(&run, LR_OP_STDOUT, 1, "first\nsecond \xc3\xa9\xc3", 5000, 16);
	is(&run, 0, 1, "first");
	is(&run, 1, 1, "second \u00e9");
	assert_int_equal(run.got[1].cut, 5000 - 16 + 1);
	assert_false(run.got[1].partial);
	put_n(&run, LR_OP_STDOUT, 1, "", 9, 0); /* a fault */
	is(&run, 2, 1, "");
	assert_int_equal(run.got[2].cut, 9);
	put(&run, 2, "whole\n");
	is(&run, 3, 2, "whole");
	assert_int_equal(run.n, 4);
	finish(&run);
}

static void test_partial(void **state)
{
	struct run run;

	(void)state;
	begin(&run, 100);
	put(&run, 1, "name? ");
	assert_int_equal(flow_line_join__tick(run.join, run.ts + SECOND / 10), 0);
	assert_int_equal(run.n, 0);
	assert_int_equal(flow_line_join__tick(run.join, run.ts + SECOND), 0);
	is(&run, 0, 1, "name? ");
	assert_true(run.got[0].partial);
	put(&run, 1, "yes\n");
	is(&run, 1, 1, "yes");
	assert_true(run.got[1].continued && !run.got[1].partial);
	put(&run, 1, "again? ");
	flow_line_join__tick(run.join, run.ts + SECOND);
	put(&run, 1, "\nlast");
	assert_int_equal(run.n, 3); /* the newline alone is no line */
	assert_int_equal(flow_line_join__end(run.join, PID), 0);
	is(&run, 3, 1, "last");
	assert_true(run.got[3].partial && !run.got[3].continued);
	finish(&run);
}

static int on_write(void *ctx, const struct log_write *w, const char *text)
{
	return flow_line_join__write(((struct run *)ctx)->join, w, text);
}

static bool proven(void *ctx, uint32_t pid, const struct flow_req_ref *request, uint32_t instance)
{
	assert_int_equal(pid, PID);
	assert_int_equal(request->conn, 3);
	assert_int_equal(instance, 77);
	return ((struct run *)ctx)->has_stores;
}

#define KEY 99

/* The words reqA and reqB name requests 1 and 2, once they are known. */
static bool named(void *ctx, uint32_t pid, uint64_t hash, struct line_request *out)
{
	assert_int_equal(pid, PID);
	for (uint64_t i = 0; ((struct run *)ctx)->has_stores && i < 2; i++) {
		if (hash != flow_value__hash(KEY, i ? "reqB" : "reqA", 4))
			continue;
		*out = (struct line_request){.conn = i + 1, .seq = i + 1};
		return true;
	}
	return false;
}

static void begin_hold(struct run *run)
{
	struct flow_line_hold_opts opts = {
		.write = on_write,
		.proven = proven,
		.named = named,
		.ctx = run,
		.value_key = KEY,
	};

	begin(run, 100);
	assert_int_equal(flow_line_hold__new(&run->hold, &opts), 0);
	run->ts = SECOND;
}

static struct flow_line line_of(struct run *run, uint32_t tid, uint64_t seq, const char *text)
{
	return (struct flow_line){
		.pid = PID,
		.tid = tid,
		.ts = run->ts += 1000,
		.op = LR_OP_STDOUT,
		.bytes = (uint32_t)strlen(text),
		.text = {text, (uint32_t)strlen(text)},
		.by = seq ? LINE_BY_STORE : LINE_UNKNOWN,
		.why = seq ? LINE_WHY_NOT : LINE_WHY_NO_STORE,
		.stores = seq ? LINE_STORES : LINE_NONE,
		.conn = seq,
		.seq = seq,
	};
}

static void hold(struct run *run, uint32_t tid, uint64_t seq, const char *text)
{
	struct flow_line line = line_of(run, tid, seq, text);

	assert_int_equal(flow_line_hold__line(run->hold, &line), 0);
}

static void turn(struct run *run, uint32_t tid)
{
	struct flow_event ev = {.type = FE_TURN, .pid = PID, .tid = tid, .ts = run->ts += 1000};

	assert_int_equal(flow_line_hold__event(run->hold, &ev), 0);
}

/* A write waits for the end of its callback; those behind it wait with it. */
static void test_hold(void **state)
{
	struct run run;

	(void)state;
	begin_hold(&run);
	hold(&run, 1, 0, "at once\n");
	assert_int_equal(run.n, 1);
	hold(&run, 1, 5, "held\n");
	hold(&run, 2, 6, "behind\n");
	hold(&run, 2, 0, "behind too\n");
	turn(&run, 2);
	turn(&run, 2);
	assert_int_equal(run.n, 1);
	turn(&run, 1);
	assert_int_equal(run.n, 1); /* the rules may mark it by this very event */
	turn(&run, 3);
	assert_int_equal(run.n, 4);
	is(&run, 1, 5, "held");
	is(&run, 3, 0, "behind too");
	hold(&run, 1, 5, "by the clock\n");
	assert_int_equal(flow_line_hold__tick(run.hold, run.ts + SECOND / 10), 0);
	assert_int_equal(run.n, 4);
	assert_int_equal(flow_line_hold__tick(run.hold, run.ts + SECOND), 0);
	is(&run, 4, 5, "by the clock");
	hold(&run, 1, 5, "at the end\n");
	assert_int_equal(flow_line_hold__finish(run.hold), 0);
	is(&run, 5, 5, "at the end");
	finish(&run);
}

static void test_marks(void **state)
{
	struct flow_line_mark mark = {.pid = PID,
				      .tid = 1,
				      .sure = true,
				      .by = {9, 9, "GET", "/b"},
				      .under = {5, 5, "GET", "/a"}};
	struct run run;

	(void)state;
	begin_hold(&run);
	hold(&run, 1, 5, "sure\n");
	mark.ts = run.ts;
	flow_line_hold__mark(run.hold, &mark);
	hold(&run, 1, 5, "perhaps\n");
	mark.ts = run.ts;
	mark.sure = false;
	flow_line_hold__mark(run.hold, &mark);
	hold(&run, 1, 5, "not\n");
	flow_line_hold__finish(run.hold);
	is(&run, 0, 9, "sure");
	assert_int_equal(run.got[0].from.mark, LOG_MARK_FOREIGN);
	assert_int_equal(run.got[0].from.under.seq, 5);
	assert_string_equal(run.got[0].from.who.path, "/b");
	is(&run, 1, 0, "perhaps");
	assert_int_equal(run.got[1].from.mark, LOG_MARK_SUSPECT);
	assert_int_equal(run.got[1].from.why, LINE_WHY_TWO_POSSIBLE);
	assert_int_equal(run.got[1].from.maybe.seq, 9);
	is(&run, 2, 5, "not");
	assert_int_equal(run.got[2].from.mark, LOG_MARK_NOT);
	assert_int_equal(flow_line_hold__late(run.hold), 0);
	flow_line_hold__mark(run.hold, &mark);
	assert_int_equal(flow_line_hold__late(run.hold), 1);
	finish(&run);
}

/* Responses of others were sent under its store: whose the line is, is not known any more. */
static void test_served(void **state)
{
	struct flow_line line;
	struct run run;

	(void)state;
	begin_hold(&run);
	line = line_of(&run, 1, 5, "text\n");
	line.served = true;
	flow_line_hold__line(run.hold, &line);
	flow_line_hold__finish(run.hold);
	is(&run, 0, 0, "text");
	assert_int_equal(run.got[0].from.mark, LOG_MARK_SUSPECT);
	assert_int_equal(run.got[0].from.under.seq, 5);
	finish(&run);
}

static void unproven(struct run *run, const char *text)
{
	struct flow_line line = line_of(run, 1, 0, text);

	line.stores = LINE_STORES;
	line.why = LINE_WHY_UNPROVEN;
	line.perhaps = (struct line_request){3, 4, "GET", "/x"};
	line.perhaps_of = 77;
	flow_line_hold__line(run->hold, &line);
}

/* Proven in time it is the request's; else nothing is said of it. */
static void test_proof(void **state)
{
	struct run run;

	(void)state;
	begin_hold(&run);
	unproven(&run, "late\n");
	turn(&run, 1);
	turn(&run, 1);
	flow_line_hold__tick(run.hold, run.ts + SECOND / 2);
	assert_int_equal(run.n, 0);
	flow_line_hold__tick(run.hold, run.ts + 2 * SECOND);
	is(&run, 0, 0, "late");
	assert_int_equal(run.got[0].from.why, LINE_WHY_UNPROVEN);
	assert_int_equal(run.got[0].from.maybe.conn, 0);
	unproven(&run, "in time\n");
	turn(&run, 1);
	run.has_stores = true;
	turn(&run, 1);
	is(&run, 1, 4, "in time");
	assert_int_equal(run.got[1].from.by, LINE_BY_STORE);
	assert_string_equal(run.got[1].from.who.path, "/x");
	finish(&run);
}

/* Lines of JSON that were buffered are of whom they name, each; a stack is of one. */
static void test_batch(void **state)
{
	struct run run;

	(void)state;
	begin_hold(&run);
	run.has_stores = true;
	hold(&run, 1, 7,
	     "{\"id\":\"reqB\"}\n{\"id\":\"reqA\"}\n{\"reqA\":\"reqB\"}\n{\"a\":2}\n{\"cut");
	flow_line_hold__finish(run.hold);
	flow_line_join__end(run.join, 0);
	is(&run, 0, 2, "{\"id\":\"reqB\"}");
	assert_int_equal(run.got[0].from.by, LINE_BY_ID);
	is(&run, 1, 1, "{\"id\":\"reqA\"}");
	is(&run, 2, 0, "{\"reqA\":\"reqB\"}");
	assert_int_equal(run.got[2].from.why, LINE_WHY_BATCH);
	is(&run, 3, 0, "{\"a\":2}");
	is(&run, 4, 0, "{\"cut");
	hold(&run, 1, 7, "{\"id\":\"reqB\"}\n");
	hold(&run, 1, 7, "Error: no reqA\n    at f (x.js:1)\n  code: {}\n{\n  a: 1\n}\n");
	flow_line_hold__finish(run.hold);
	for (size_t i = 5; i < run.n; i++)
		assert_int_equal(run.got[i].from.who.seq, 7);
	assert_int_equal(run.n, 12);
	finish(&run);
}

/* A thread of the pool wrote it: it waits until its ids are known, but not for ever. */
static void test_ids(void **state)
{
	struct flow_line line;
	struct run run;

	(void)state;
	begin_hold(&run);
	line = line_of(&run, 1, 0, "of reqA.\nof nobody\n");
	line.why = LINE_WHY_NOT_READ;
	line.stores = LINE_ELSEWHERE;
	flow_line_hold__line(run.hold, &line);
	flow_line_hold__tick(run.hold, run.ts + SECOND / 2);
	assert_int_equal(run.n, 0);
	run.has_stores = true;
	flow_line_hold__tick(run.hold, run.ts + SECOND * 3 / 4);
	assert_int_equal(run.n, 1);
	is(&run, 0, 1, "of reqA.");
	flow_line_hold__tick(run.hold, run.ts + 2 * SECOND);
	is(&run, 1, 0, "of nobody");
	assert_int_equal(run.got[1].from.why, LINE_WHY_NOT_READ);
	finish(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_and_joined),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_crlf),
		cmocka_unit_test(test_utf8_and_binary),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_captured_in_part),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Clocks of a thread, turns of the loop and the arrival of what peers sent: from the records to
 * flow events, and what of them is not believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow_decode.h"

#define PID  100
#define CONN 7
#define NOW  1000000000ULL

static const struct lr_clock clocks = {
	.idle_ns = 500, .ran_ns = 7000, .since_ns = NOW - 300, .delay_ns = 90, .cpu = 3};

struct run {
	struct flow_decode *d;
	struct flow_event last;
	uint32_t seq;
};

static int on_event(void *ctx, const struct flow_event *ev)
{
	struct run *r = ctx;

	if (ev->type == FE_TURN || ev->type == FE_CLIENT)
		r->last = *ev;
	return 0;
}

static void begin(struct run *r)
{
	struct flow_decode_opts opts = {.sink = {.event = on_event, .ctx = r}};

	*r = (struct run){0};
	assert_int_equal(flow_decode__new(&r->d, &opts), 0);
}

static const struct flow_event *record(struct run *r, void *rec, uint16_t type, size_t size)
{
	struct lr_event h = {NOW, PID, PID, ++r->seq, type, (uint16_t)size};

	memcpy(rec, &h, sizeof(h));
	memset(&r->last, 0, sizeof(r->last));
	assert_int_equal(flow_decode__record(r->d, rec, size), 0);
	return &r->last;
}

static const struct flow_event *turn(struct run *r, struct lr_ev_turn t)
{
	const struct flow_event *ev = record(r, &t, LR_EV_TURN, sizeof(t));

	assert_int_equal(ev->type, FE_TURN);
	return ev;
}

static const struct flow_event *client(struct run *r, struct lr_ev_client c)
{
	const struct flow_event *ev = record(r, &c, LR_EV_CLIENT, sizeof(c));

	assert_int_equal(ev->type, FE_CLIENT);
	return ev;
}

static void assert_clock(const struct fe_clock *c, bool idle)
{
	assert_int_equal(c->has, FE_CLOCK_CPU | (idle ? FE_CLOCK_IDLE : 0));
	assert_int_equal(c->cpu_ns, 7300); /* and what has passed since */
	assert_int_equal(c->ran_ns, 7000);
	assert_int_equal(c->delay_ns, 90);
	assert_int_equal(c->cpu, 3);
	assert_int_equal(c->idle_ns, idle ? 500 : 0);
}

static void turns(void **state)
{
	struct lr_ev_turn t = {.clock = clocks, .epoch = 2, .flags = LR_TURN_F_IDLE};
	const struct flow_event *ev;
	struct run r;

	(void)state;
	begin(&r);
	for (unsigned int kind = 0; kind < LR_TURN_KINDS; kind++) {
		t.kind = (__u16)kind;
		ev = turn(&r, t);
		assert_int_equal(ev->turn.kind, kind);
		assert_int_equal(ev->turn.due_ns, 0);
		assert_clock(&ev->turn.clock, true);
	}
	t.kind = LR_TURN_KINDS; /* of a later version */
	assert_int_equal(turn(&r, t)->turn.kind, LR_TURN_OTHER);
	t.flags = 0;
	assert_clock(&turn(&r, t)->turn.clock, false);
	t.due_ns = NOW;
	assert_true(turn(&r, t)->turn.due_ns == NOW);
	t.due_ns = NOW + 1; /* cannot be */
	assert_int_equal(turn(&r, t)->turn.due_ns, 0);
	flow_decode__free(r.d);
}

static void peers(void **state)
{
	struct lr_ev_client c = {.conn = CONN,
				 .connect_ns = 1,
				 .connected_ns = 2,
				 .op = LR_CLIENT_RECEIVE,
				 .arrival_ns = NOW - 5,
				 .clock = clocks,
				 .ret = 10,
				 .flags = LR_CLIENT_F_CLOCK | LR_CLIENT_F_IDLE};
	struct run r;

	(void)state;
	begin(&r);
	assert_clock(&client(&r, c)->client.clock, true);
	assert_true(client(&r, c)->client.arrival_ns == NOW - 5);
	c.arrival_ns = NOW + 1;
	assert_int_equal(client(&r, c)->client.arrival_ns, 0);
	c.arrival_ns = NOW - 5;
	c.op = LR_CLIENT_SEND;
	assert_int_equal(client(&r, c)->client.arrival_ns, 0);
	c.flags = LR_CLIENT_F_CLOCK;
	assert_clock(&client(&r, c)->client.clock, false);
	/* Not an operation of the thread: its end comes from anywhere. */
	c.op = LR_CLIENT_CLOSE;
	c.flags = 0;
	assert_int_equal(client(&r, c)->client.clock.has, 0);
	flow_decode__free(r.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns),
		cmocka_unit_test(peers),
	};

	return cmocka_run_group_tests_name("flow_decode_clock", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of the dashboard's collector share: it, and what a pipeline would hand to it. */
#ifndef LOOPRAY_LIVE_TEST_H
#define LOOPRAY_LIVE_TEST_H

#include "events.h"
#include "live.h"
#include "model_live_int.h"
#include "out_test.h"
#include "util.h"

#define MS    1000000ULL
#define SEC   1000000000ULL
#define BEGIN (1000 *SEC)/* of step 0 */
#define PID   10

static struct live *live;

static inline int live_setup(void **state)
{
	const struct live_opts opts = {.replay = true};

	(void)state;
	return live__new(&live, &opts);
}

static inline int live_teardown(void **state)
{
	(void)state;
	live__free(live);
	return 0;
}

static inline void event(struct flow_event ev)
{
	if (!ev.pid)
		ev.pid = PID;
	assert_int_equal(live_format.event(live, &ev), 0);
}

/* Something that only has a time. */
static inline void tick(uint64_t ts)
{
	event((struct flow_event){.type = FE_COUNTER, .ts = ts});
}

/* Measured: it took @ns and ended at @end. */
static inline struct flow_req request(const char *route, uint64_t end, uint64_t ns)
{
	static uint64_t seq;

	seq++;
	return (struct flow_req){.pid = PID,
				 .seq = seq,
				 .conn = 1 + seq % 50,
				 .method = "GET",
				 .path = route,
				 .route = route,
				 .status = 200,
				 .start_ns = end - ns,
				 .end_ns = end,
				 .end = REQ_COMPLETE};
}

static inline void end(struct flow_req req)
{
	assert_int_equal(live_format.request(live, &req), 0);
}

/* Without a pipeline, and without a model. */
static inline struct live_view *view(uint64_t now)
{
	struct live_view *v;

	assert_int_equal(live__snapshot(live, NULL, now, &v), 0);
	return v;
}

static inline void assert_near(double got, double want, double part)
{
	if (got < want * (1 - part) || got > want * (1 + part))
		fail_msg("%g is not within %g of %g", got, part, want);
}

#endif

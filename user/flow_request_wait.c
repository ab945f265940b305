// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a request waited for. */
#include "flow_request_int.h"

const char *flow_wait__name(enum flow_wait kind)
{
	static const char *const names[WAIT_KINDS] = {
		[WAIT_QUEUE] = "queue",
		[WAIT_CPU] = "cpu",
		[WAIT_LOOP] = "loop",
		[WAIT_GC] = "gc",
		[WAIT_SCHED] = "sched",
		[WAIT_BLOCKED] = "blocked",
		[WAIT_DNS] = "dns",
		[WAIT_CONNECT] = "connect",
		[WAIT_CALL] = "call",
		[WAIT_SOCKET] = "socket",
		[WAIT_FS] = "fs",
		[WAIT_CRYPTO] = "crypto",
		[WAIT_ZLIB] = "zlib",
		[WAIT_POOL] = "pool",
		[WAIT_POOL_QUEUE] = "pool_queue",
		[WAIT_TIMER] = "timer",
		[WAIT_CLIENT] = "client",
		[WAIT_OTHER] = "other",
	};

	return names[kind];
}

void flow_requests__turn(struct flow_requests *r, const struct flow_event *ev,
			 const struct fe_clock *clock, enum lr_turn_kind kind, uint64_t due_ns,
			 const struct flow_req_ref *ref)
{
	(void)r;
	(void)ev;
	(void)clock;
	(void)kind;
	(void)due_ns;
	(void)ref;
}

void flow_requests__worked(struct flow_requests *r, const struct flow_event *ev,
			   const struct fe_clock *clock, const struct flow_req_ref *ref)
{
	(void)r;
	(void)ev;
	(void)clock;
	(void)ref;
}

void flow_requests__waited(struct flow_requests *r, const struct flow_req_ref *ref,
			   enum flow_wait kind, uint64_t from, uint64_t until)
{
	(void)r;
	(void)ref;
	(void)kind;
	(void)from;
	(void)until;
}

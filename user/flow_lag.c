// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_lag.h"
#include "util.h"

const char *flow_lag__name(enum flow_lag_source source)
{
	static const char *const names[FLOW_LAG_SOURCES] = {
		[FLOW_LAG_REQUEST] = "request",
		[FLOW_LAG_RESPONSE] = "response",
		[FLOW_LAG_JOB] = "job",
		[FLOW_LAG_TIMER] = "timer",
	};

	return source < FLOW_LAG_SOURCES ? names[source] : NULL;
}

int flow_lag__add(struct flow_lag *lag, enum flow_lag_source source, uint64_t ready_ns, uint64_t ts)
{
	struct flow_hist **h = &lag->by[source];

	if (!ready_ns || ready_ns > ts)
		return 0;
	if (!*h)
		*h = calloc(1, sizeof(**h));
	if (!*h)
		return -ENOMEM;
	flow_hist__add(*h, ts - ready_ns);
	return 0;
}

/*
 * Only heads of requests: more of a body may be left in the socket because the application is not
 * ready for it, which is not the loop's doing.
 */
static uint64_t request_ready(struct flow_lag *lag, const struct flow_event *ev)
{
	uint64_t conn = flow_conn__number(ev->io.conn);

	if (!(ev->io.flags & (FE_F_HEAD | FE_F_PART)) || (lag->conn == conn && lag->ts == ev->ts))
		return 0;
	lag->conn = conn;
	lag->ts = ev->ts;
	return ev->io.arrival_ns;
}

/* Of an answer, only its beginning, for the same reason. */
static uint64_t response_ready(struct flow_lag *lag, const struct flow_event *ev)
{
	uint64_t *asked = &lag->asked[hash_u64(ev->client.conn) & (FLOW_LAG_CALLS - 1)];
	bool first = *asked == ev->client.conn;

	if (ev->client.op == LR_CLIENT_SEND)
		*asked = ev->client.conn;
	if (ev->client.op != LR_CLIENT_RECEIVE || !first)
		return 0;
	*asked = 0;
	if (ev->client.error || !ev->client.bytes)
		return 0;
	return ev->client.arrival_ns;
}

/* Since when what it tells of was ready, 0: of nothing, or that is not known. */
static uint64_t ready(struct flow_lag *lag, const struct flow_event *ev,
		      enum flow_lag_source *source)
{
	if (ev->type == FE_IN) {
		*source = FLOW_LAG_REQUEST;
		return request_ready(lag, ev);
	}
	if (ev->type == FE_CLIENT) {
		*source = FLOW_LAG_RESPONSE;
		return response_ready(lag, ev);
	}
	if (ev->type == FE_JOB && ev->job.op == LR_JOB_DONE) {
		*source = FLOW_LAG_JOB;
		return ev->job.end_ns;
	}
	*source = FLOW_LAG_TIMER;
	return ev->type == FE_TURN && ev->turn.kind == LR_TURN_TIMERS ? ev->turn.due_ns : 0;
}

bool flow_lag__of(struct flow_lag *lag, const struct flow_event *ev, enum flow_lag_source *source,
		  uint64_t *ns)
{
	uint64_t since = ready(lag, ev, source);

	if (!since || since > ev->ts)
		return false;
	*ns = ev->ts - since;
	return true;
}

int flow_lag__event(struct flow_lag *lag, const struct flow_event *ev)
{
	enum flow_lag_source source;
	uint64_t ns;

	if (!flow_lag__of(lag, ev, &source, &ns))
		return 0;
	return flow_lag__add(lag, source, ev->ts - ns, ev->ts);
}

void flow_lag__all(const struct flow_lag *lag, struct flow_hist *all)
{
	memset(all, 0, sizeof(*all));
	for (int i = 0; i < FLOW_LAG_SOURCES; i++)
		if (lag->by[i])
			flow_hist__merge(all, lag->by[i]);
}

void flow_lag__destroy(struct flow_lag *lag)
{
	for (int i = 0; i < FLOW_LAG_SOURCES; i++)
		free(lag->by[i]);
	memset(lag, 0, sizeof(*lag));
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A live session: finds the targets, gets into the kernel, and hands flow events to a sink
 * until the time is up, a signal asks for the end, or the last target is gone.
 *
 * States: SETUP (targets examined, programs loaded) -> RUNNING -> DRAINING (probes removed,
 * what is left in the ring read) -> DONE.
 */
#ifndef LOOPRAY_SESSION_H
#define LOOPRAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "flow_event.h"
#include "options.h"

struct session;

struct session_opts {
	const struct options *cli;
	struct flow_sink sink;
	uint64_t value_key; /* of fingerprints, see flow_value__hash; 0: a random one */
	/* Called about every @tick_ns while running (0: never). Non-zero ends the session. */
	int (*tick)(void *ctx, uint64_t now_ns);
	void *tick_ctx; /* of all callbacks */
	uint64_t tick_ns;
	/* Processes come (session__observe) and go: it goes on when the last one has ended. */
	bool open;
	/* Called once, when it runs: @session is valid until session__run returns. */
	void (*running)(void *ctx, struct session *session);
	/* Called when @fd is readable; non-zero ends the session. NULL: there is no @fd. */
	int (*readable)(void *ctx);
	int fd;
	/*
	 * Hits of probes are told of about so often while running, too (0: at the end only): for a
	 * sink that keeps the last of them, not for one that writes all down.
	 */
	uint64_t coverage_ns;
	/* Called for each SIGUSR1, with tick_ctx. NULL: it is not asked for. */
	void (*user_signal)(void *ctx);
};

struct session_result {
	uint64_t start_ns; /* probes in place */
	uint64_t end_ns;   /* probes removed */
	uint64_t lost;	   /* records and state lost, all kinds */
};

/* Returns an exit status; what went wrong has been said. */
int session__run(const struct session_opts *opts, struct session_result *result);

/*
 * Observes one more process from now on; the session must be open. Takes some time if its binary
 * was not met before. Returns an exit status; what went wrong has been said.
 */
int session__observe(struct session *s, pid_t pid);

#endif

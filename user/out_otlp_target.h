/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The processes of an OTLP export: each is a resource, and has what waits to be written for it. */
#ifndef LOOPRAY_OUT_OTLP_TARGET_H
#define LOOPRAY_OUT_OTLP_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"
#include "out_otlp_text.h"

/* Beyond so many, those that have ended make room: they hold nothing but what they are called. */
#define OTLP_TARGETS 1024

struct otlp_target {
	uint32_t pid;
	bool ended;
	uint64_t start_time; /* clock ticks since boot; 0: nothing was told of this process */
	struct otlp_mix mix; /* of the process */
	char version[32];    /* of Node.js */
	char exe[256];
	char context[16];
	char name[128]; /* of the service; empty: not known */
	char release[64];
	struct otlp_buf spans; /* with commas between */
	uint32_t count;
};

struct otlp_targets {
	uint64_t mono_ns, wall_ns;
	char host[256];
	char version[32];  /* of loopray */
	char service[256]; /* OTEL_SERVICE_NAME; empty: each by its program */
	struct otlp_mix mix;
	struct otlp_target **list;
	size_t count, cap;
	/* A target makes room for another; NULL: they are kept for ever. 0 or -errno. */
	int (*leaving)(void *ctx, struct otlp_target *t);
	void *ctx;
};

void otlp_targets__init(struct otlp_targets *t, const struct out_opts *opts);
void otlp_targets__destroy(struct otlp_targets *t);

/* FE_TARGET, FE_TARGET_END and FE_SERVICE; others are ignored. 0 or -errno. */
int otlp_targets__event(struct otlp_targets *t, const struct flow_event *ev);
/* The process that has this pid now; one of which nothing was told is made up. NULL: no memory. */
struct otlp_target *otlp_targets__of(struct otlp_targets *t, uint32_t pid);

/* CLOCK_MONOTONIC to CLOCK_REALTIME, nanoseconds. */
uint64_t otlp_targets__wall(const struct otlp_targets *t, uint64_t mono_ns);
/* "resource", with its value. @target NULL: loopray itself. */
void otlp_targets__resource(const struct otlp_targets *t, const struct otlp_target *target,
			    struct json *j);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a dashboard has seen, kept so that it can be written to a capture when somebody asks for
 * it: in memory, never on disk, and bounded. Beyond the bound the oldest part goes; what remains is
 * a capture of its own that begins with what a reader has to know (flow_state).
 */
#ifndef LOOPRAY_TOP_KEEP_H
#define LOOPRAY_TOP_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

#define TOP_KEEP_BYTES (256ull << 20)

struct top_keep;

/* @bytes: of memory for events, all in all. @command: for the header. 0 or -errno. */
int top_keep__new(struct top_keep **out, uint64_t bytes, const char *command);
void top_keep__free(struct top_keep *k);

/* A flow_sink. Returns 0: what cannot be kept is said when it is asked for. */
int top_keep__event(void *keep, const struct flow_event *ev);
/* To be called every second or so: keeps to the bound. */
void top_keep__tick(struct top_keep *k, uint64_t now_ns);

struct top_kept {
	uint64_t since_ns;   /* the first event */
	uint64_t last_ns;    /* the last one */
	bool whole;	     /* nothing was dropped */
	uint64_t file_bytes; /* of the file */
	uint64_t events;
};

/* Writes it to @path, and says in @kept what it is. 0 or -errno, after it was logged. */
int top_keep__write(struct top_keep *k, const char *path, struct top_kept *kept);
/* What is in memory now, bytes. */
uint64_t top_keep__bytes(const struct top_keep *k);

#endif

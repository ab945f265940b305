/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A controllable victim: a process with functions that carry the runtime's symbol names and
 * objects of a layout that the test chose itself, so that a test can trigger exactly N of
 * anything. The child runs the same binary as the test; one command byte at a time over a
 * socket pair, answered when it is done.
 */
#ifndef LOOPRAY_TEST_VICTIM_H
#define LOOPRAY_TEST_VICTIM_H

#include <stdint.h>
#include <sys/types.h>

#include "config.h"

enum victim_command {
	VICTIM_CREATE,	     /* count: resources created and kept */
	VICTIM_DESTROY,	     /* count: resources destroyed, newest first */
	VICTIM_SCOPE,	     /* count: callback scopes ended, under ids 100, 101, ... */
	VICTIM_HTTP_TCP,     /* count: requests answered on one keep-alive TCP connection */
	VICTIM_HTTP_UNIX,    /* the same on a unix socket */
	VICTIM_PIPE,	     /* count: bytes through a pipe: no socket */
	VICTIM_LONG,	     /* one request head and body of count bytes in one receive */
	VICTIM_ODD_PROVIDER, /* count: resources with an impossible provider number */
	VICTIM_GC,	     /* count: garbage collections */
	VICTIM_TIMERS,	     /* count: the loop runs timers */
	VICTIM_IMMEDIATES,   /* count: the loop runs immediates */
	VICTIM_ASYNC,	     /* count: work of other threads is done */
	VICTIM_SERVE,	     /* count: requests answered, with nothing received in return */
	VICTIM_SLOT,	     /* the frame becomes number count of victim_slots */
	VICTIM_TENURE,	     /* each VICTIM_SERVE allocates count bytes in the old space */
	VICTIM_IDLE,	     /* no JavaScript is on the stack from now on */
	VICTIM_DUE,	     /* the loop runs timers, the first of which was due count ms ago */
	VICTIM_WORK,	     /* one request over TCP, which takes work count (enum victim_work) */
	VICTIM_QUIT,
};

/* What lies between two turns in VICTIM_WORK. */
enum victim_work {
	VICTIM_WORK_SPIN,    /* uses its CPU */
	VICTIM_WORK_SLEEP,   /* the loop waits, which it counts */
	VICTIM_WORK_MIGRATE, /* moves from one CPU to the next, again and again, and uses each */
	VICTIM_WORK_COMPETE, /* uses a CPU that another process wants as well */
	VICTIM_WORK_CHILD,   /* waits for a child that uses a CPU */
	VICTIM_WORKS
};

#define VICTIM_FUTURE	0xffffffffu /* VICTIM_DUE: in an hour */
#define VICTIM_WORK_MS	60
#define VICTIM_WAITS_MS 40 /* what was answered stays in the socket */

/* What the kernel itself said of the work: its own counts, not loopray's. */
struct victim_measure {
	uint64_t wall_ns, cpu_ns, delay_ns;
	uint64_t idle_ns; /* of that, what the loop has counted */
};

#define VICTIM_PROVIDER	   7
#define VICTIM_PROVIDERS   9
#define VICTIM_FIRST_SCOPE 100
#define VICTIM_SLOTS	   16
#define VICTIM_TOP	   0x1000 /* and what each request adds to it */
#define VICTIM_ALLOCATES   0x40
/* The old space's area: its size, and by how much the next one lies below. */
#define VICTIM_OLD	0x7f0000000000ULL
#define VICTIM_OLD_AREA 0x100
#define VICTIM_OLD_NEXT 0x10000

struct victim {
	pid_t pid;
	int fd;
};

void victim__start(struct victim *v);
void victim__do(struct victim *v, enum victim_command command, uint32_t count);
/* Runs a command in this process, which is no target. */
void victim__do_here(enum victim_command command, uint32_t count);
void victim__stop(struct victim *v);

/* Of the last VICTIM_WORK. */
struct victim_measure victim__measure(void);

/* The layout of the victim's objects, for its own thread-local storage. */
void victim__layout(struct lr_layout *layout);

#endif

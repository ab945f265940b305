/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Limits that both sides know. Knobs that are set before load are in bpf/maps.bpf.h. */
#ifndef LOOPRAY_CONFIG_H
#define LOOPRAY_CONFIG_H

#include "events.h"
#include "layout.h"

#define LR_MAX_PROCESSES   256	  /* observed at once */
#define LR_MAX_FOLLOWED	   4096	  /* descendants of targets that are alive at once */
#define LR_MAX_RESOURCES   262144 /* live async resources kept in the kernel */
#define LR_MAX_CONNECTIONS 65536  /* followed by the system call path (no socket storage there) */
#define LR_MAX_H2_SESSIONS 16384  /* HTTP/2 connections followed at once */
#define LR_MAX_JOBS	   65536  /* in the thread pool at once */
#define LR_RING_BYTES	   (8u << 20) /* default, --ring-size */

#define LR_LEVEL_REQUESTS  0
#define LR_LEVEL_RESOURCES 1

/* How AsyncLocalStorage works in a process; NONE: nothing to read, cheaply. */
#define LR_MECHANISM_NONE  0
#define LR_MECHANISM_HOOKS 1
#define LR_MECHANISM_ACF   2
#define LR_MECHANISM_OFF   3 /* not known, or its layout is not: heads are counted as unreadable */

/*
 * Where a store has what identifies its request: names of properties, one inside of the other.
 * ASCII, zeros behind it. What is found is told under the label.
 */
#define LR_PATH_STEPS 5
#define LR_PATH_NAME  48

struct lr_path_step {
	__u32 len;
	__u32 pad;
	char text[LR_PATH_NAME] __attribute__((aligned(8)));
};

struct lr_path {
	__u32 n; /* steps, 0: none */
	__u32 label_len;
	char label[LR_FIELD_NAME + 8] __attribute__((aligned(8))); /* ends in zeros */
	struct lr_path_step step[LR_PATH_STEPS];
};

/* Value of the process map: what BPF needs to know about an observed process. */
struct lr_process_config {
	struct lr_layout layout;
	struct lr_heap heap;
	__u32 level;	 /* LR_LEVEL_* */
	__u32 mechanism; /* LR_MECHANISM_*: as detected, told again when it changes */
	struct lr_tls tls;
	__u32 http2;	/* 1: its HTTP/2 is followed, all probes for that are there */
	__u32 starting; /* 1: its runtime is being set up, and not to be looked for yet */
	struct lr_jobs jobs;
};

#endif

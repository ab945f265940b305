/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where libuv hands jobs to its thread pool, where a thread of the pool takes one and is done with
 * it, and where the loop calls back: decoded from the code of libuv, which is part of the runtime
 * or a library of its own.
 */
#ifndef LOOPRAY_TARGET_JOBS_H
#define LOOPRAY_TARGET_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"
#include "target_elf.h"

#define TARGET_JOBS_SITES 8

enum target_jobs_part {
	TARGET_JOBS_SUBMIT, /* uv__work_submit: fs, dns, random */
	TARGET_JOBS_QUEUE,  /* uv_queue_work, which has its own copy of that */
	TARGET_JOBS_START,  /* in `worker`, before it calls the job's function */
	TARGET_JOBS_END,    /* in `worker`, where it wakes the loop */
	TARGET_JOBS_DONE,   /* the functions that the loop calls for a finished job */
	TARGET_JOBS_OVER,   /* in uv__work_done, behind such a call */
	TARGET_JOBS_ASYNC,  /* uv__async_io: the loop was woken; jobs can do without */
	TARGET_JOBS_PARTS
};

struct target_jobs_site {
	uint64_t function;
	uint64_t at; /* instruction */
	bool emulated;
};

struct target_jobs {
	struct {
		struct target_jobs_site site[TARGET_JOBS_SITES];
		size_t n; /* 0: not found */
	} part[TARGET_JOBS_PARTS];
	struct lr_jobs lr;
};

/* What can be found in @elf, with lr.type left alone. 0, or -ENOMEM. */
int target_jobs__decode(struct target_jobs *jobs, const struct target_elf *elf);

/* Whether all of a job's life can be seen: every kind of DONE too. */
bool target_jobs__complete(const struct target_jobs *jobs);

/*
 * Where node::ThreadPoolWork keeps the name of its kind ("crypto", "zlib"), from the struct
 * uv__work that libuv knows it by. 0: this version names none, or the place is not known.
 */
uint32_t target_jobs__type(const struct target_elf *elf);

/*
 * The file of libuv that process @pid has mapped as a library: how it can be opened (PATH_MAX + 64
 * bytes at @image), and its device and inode. 0, -ENOENT if it has none, or an error of reading.
 */
int target_jobs__library(pid_t pid, char *image, size_t len, uint64_t *dev, uint64_t *inode);

#endif

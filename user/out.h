/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Output: a file that appears under its name only when it is whole, and one table of
 * operations per format.
 *
 * An out_file for a regular file is written as NAME.tmp beside it and renamed by
 * out_file__commit; standard output ("-"), pipes and devices are written directly. A write
 * error is logged once, in words, and sticks: later writes return it without trying. The
 * program must ignore SIGPIPE, so that a closed pipe is an error like any other.
 */
#ifndef LOOPRAY_OUT_H
#define LOOPRAY_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_call.h"
#include "flow_context.h"
#include "flow_event.h"
#include "flow_job.h"
#include "flow_mismatch.h"
#include "flow_request.h"

struct model;

struct out_file;

/* The path that means standard error, by identity: no file has it as its name. */
extern const char OUT_STDERR[];

/*
 * @path "-" or NULL is standard output. A NAME.tmp that an earlier run left behind is
 * replaced, with a warning; one that a running loopray writes is -EBUSY.
 */
int out_file__open(struct out_file **out, const char *path);
/*
 * The same for a descriptor that is open, which is then the file's, also on failure; @name is for
 * messages. It has no other name: it is whole at any time. @fd below 0: errno says why.
 */
int out_file__open_fd(struct out_file **out, int fd, const char *name);
/* What is written from now on is compressed: see out_gzip.h. To be called before any is. */
int out_file__gzip(struct out_file *f);
/* Buffered; 0 or -errno: -EINTR if the work was interrupted (interrupt.h). */
int out_file__write(void *file, const void *data, size_t len);
int out_file__printf(struct out_file *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int out_file__flush(struct out_file *f);
/* Makes all of it durable under the final name, and frees @f whatever happens. */
int out_file__commit(struct out_file *f);
/* Frees @f without giving it the final name. NULL-safe. */
void out_file__abandon(struct out_file *f);
/* From now on NAME.tmp outlives a failure: for formats that can be recovered from a part. */
void out_file__keep_partial(struct out_file *f);
/* A name for what is made now: "loopray-20261126-112005.EXTENSION", in local time. */
void out_file__name_now(char *buf, size_t cap, const char *extension);
/* Bytes that reached the file, compressed if it is; those still buffered are not counted. */
uint64_t out_file__written(const struct out_file *f);

/* What a format needs to know beside the stream itself. */
struct out_opts {
	uint64_t mono_ns;    /* clock pair: the same moment on CLOCK_MONOTONIC... */
	uint64_t wall_ns;    /* ...and on CLOCK_REALTIME */
	const char *host;    /* where it was recorded; NULL unknown */
	const char *version; /* of the loopray that recorded; NULL unknown */
	bool color;
	bool show_values; /* of stores, where the recording kept them */
	bool verbose;	  /* probe coverage and the like */
};

/*
 * One output format. @open writes nothing that depends on targets, which are not known yet;
 * @event, @request, @resource, @line, @mark, @call, @job and @blocking may be NULL where a format
 * does not need them;
 * @close writes the end from the final model and frees the state, also when it fails; @free frees
 * it without writing. All return 0 or -errno.
 */
struct out_format {
	const char *name;      /* for --format */
	const char *about;     /* one line of help */
	const char *extension; /* of default file names; NULL: none is made */
	bool binary;	       /* nothing for a terminal */
	int (*open)(void **state, struct out_file *file, const struct out_opts *opts);
	int (*event)(void *state, const struct flow_event *ev);
	int (*request)(void *state, const struct flow_req *req);
	int (*resource)(void *state, const struct flow_resource *res);
	int (*line)(void *state, const struct flow_line *line);
	/* A line told before was written under another request's store. */
	int (*mark)(void *state, const struct flow_line_mark *mark);
	/* A call that no request was handed out with: late, outlived or nobody's. */
	int (*call)(void *state, const struct flow_call *call);
	/* A job of the thread pool is done. */
	int (*job)(void *state, const struct flow_job *job);
	/* Something held a loop for too long. */
	int (*blocking)(void *state, const struct flow_blocking *b);
	int (*close)(void *state, const struct model *m);
	void (*free)(void *state);
};

/* The format of that name, or NULL. */
const struct out_format *out_format__find(const char *name);
/* The formats in the order that help shows them; NULL behind the last. */
const struct out_format *out_format__at(size_t index);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The command line, parsed and checked: what a command may rely on without looking again.
 * Which flags and commands there are is said once, in options_table.c.
 */
#ifndef LOOPRAY_OPTIONS_H
#define LOOPRAY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "config.h"
#include "flow_keep.h"
#include "log.h"

#define OPTIONS_PIDS_MAX 256
#define OPTIONS_RING_MIN (64u << 10)
#define OPTIONS_RING_MAX (1u << 30)
#define LINE_LIMIT_MIN	 80
#define LINE_LIMIT_MAX	 65536

enum command_id {
	COMMAND_NONE,
	COMMAND_PS,
	COMMAND_RECORD,
	COMMAND_REPORT,
	COMMAND_EXPORT,
	COMMAND_DOCTOR,
	COMMAND_LOGS,
	COMMAND_RUN,
	COMMAND_TOP,
	COMMAND_CHECK,
};

/* What check can expect; check_rules.c says what each is. */
enum check_limit {
	LIMIT_MISMATCHES,
	LIMIT_P50, /* ns, as the next two */
	LIMIT_P95,
	LIMIT_P99,
	LIMIT_ERROR_RATE, /* 0..1 */
	LIMIT_BLOCKED,
	LIMIT_REQUESTS,
	LIMIT_RPS,
	LIMIT_COUNT
};

enum line_stream {
	STREAM_BOTH,
	STREAM_STDOUT,
	STREAM_STDERR,
};

enum output_format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_LRAY,  /* loopray's own capture file */
	FORMAT_JSONL, /* one JSON object a line */
	FORMAT_OTLP,  /* OTLP/JSON lines, one signal each */
	FORMAT_OTLP_METRICS,
	FORMAT_HTML,  /* one page that refers to nothing outside of it */
	FORMAT_JUNIT, /* JUnit's XML */
	FORMAT_PERFETTO,
	FORMAT_CHROME,
	FORMAT_CSV,
	FORMAT_COUNT
};

enum observe_level {
	LEVEL_REQUESTS,
	LEVEL_RESOURCES,
};

enum attach_method {
	ATTACH_AUTO,  /* uprobe_multi where the kernel has it, else perf */
	ATTACH_MULTI, /* one uprobe_multi link */
	ATTACH_PERF,  /* one perf event for each probe */
};

enum byte_source {
	BYTES_AUTO,	  /* socket tracepoints where the kernel has them, else syscall */
	BYTES_TRACEPOINT, /* raw tracepoints sock_send_length and sock_recv_length */
	BYTES_SYSCALL,	  /* tracepoints of the reading and writing system calls */
};

struct child;

/* Strings point into argv. */
struct options {
	enum command_id command;
	pid_t pids[OPTIONS_PIDS_MAX]; /* each once, in the order given */
	size_t npids;
	bool all;		   /* every Node.js process; never together with pids */
	bool choose;		   /* none of them: there is somebody to ask, see choose.h */
	bool follow;		   /* also processes that the targets start */
	const char *capture;	   /* positional FILE, NULL: observe live */
	const char *capture_b;	   /* report: the second FILE, which is compared with the first */
	char **program;		   /* run: PROGRAM and its arguments, NULL behind the last */
	const char *user;	   /* run: who it runs as, NULL: whoever runs loopray */
	struct child *child;	   /* run: the program, held before its exec; set by cmd_run */
	const char *output;	   /* -o, NULL: stdout, or the command's default name */
	enum output_format format; /* one of those that the command has */
	bool json;		   /* format is FORMAT_JSON */
	bool gzip;		   /* compress what is exported */
	uint64_t duration_ns;	   /* 0: until interrupted */
	uint64_t interval_ns;	   /* 0: not given */
	uint64_t blocking_ns;	   /* a loop held for longer is told of */
	bool rotate;		   /* record into numbered files */
	uint64_t rotate_bytes;	   /* a new one at this size, 0: at any */
	uint64_t rotate_ns;	   /* a new one after this time, 0: at any */
	uint32_t keep;		   /* this many files, 0: all */
	enum observe_level level;
	enum attach_method attach_method;
	enum byte_source byte_source;
	uint32_t ring_bytes; /* power of two; 0: the default */
	bool fail_on_loss;
	bool context;		     /* read the active stores: all but --no-context */
	bool lines;		     /* also at writes to stdout and stderr: all but --no-lines */
	bool show_values;	     /* what stores hold, as text instead of fingerprints */
	const char *context_key;     /* where a store has what names its request, NULL: anywhere */
	struct lr_path context_path; /* the same, taken apart */
	struct flow_keep_names headers; /* of requests, that are kept */
	bool forever;			/* until interrupted: no default duration */
	bool every_line;		/* see lines also where no request can be known for them */
	bool mismatch;			/* only lines that are marked */
	enum line_stream stream;
	uint64_t request;    /* only lines of this one, 0: all */
	const char *path;    /* only lines of requests whose path matches, NULL: all */
	uint32_t line_limit; /* bytes of a line that are shown */
	bool ascii;	     /* nothing but ASCII on the screen */
	uint32_t limits;     /* bits of enum check_limit: those that were given */
	double limit[LIMIT_COUNT];
	double max_unknown;   /* share of what may be unknown, 0..1 */
	double max_regress;   /* as a share of the baseline's */
	bool regress_given;   /* the last one was */
	bool allow_loss;      /* judge by what is there */
	const char *baseline; /* a capture to compare with, or NULL */
	const char *junit;    /* also write JUnit's XML there, or NULL */
	bool color;	      /* the output is a terminal that may be coloured */
	enum log_level log_level;
};

enum options_next {
	OPTIONS_RUN,  /* run opts->command */
	OPTIONS_DONE, /* help or version was printed: exit 0 */
	OPTIONS_BAD,  /* the error was printed: exit EX_LR_USAGE */
};

/* Parses the whole command line. Never exits. */
enum options_next options__parse(struct options *opts, int argc, char **argv);

const char *options__format_name(enum output_format format);
const char *options__level_name(enum observe_level level);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The capture file (.lray): the stream of flow events, recorded once and replayed without
 * privileges. The format is described at the head of out_capture_codec.h.
 */
#ifndef LOOPRAY_OUT_CAPTURE_H
#define LOOPRAY_OUT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

#define CAPTURE_UNKNOWN UINT64_MAX

/* Writing */

struct out_capture;
struct out_file;

struct out_capture_opts {
	const char *path;      /* "-" is standard output */
	struct out_file *file; /* where to, instead of @path; the capture's, also on failure */
	const char *command;   /* what was recorded and how, for the header; NULL none */
	uint32_t member_bytes; /* raw size at which a member ends; 0: 256 kB */
	uint64_t member_ns;    /* time after which it ends; 0: 1 s */
};

struct out_capture_stats {
	uint64_t events;    /* written, or waiting in the member that is open */
	uint64_t unwritten; /* not written: after an error, or too large for the format */
	uint64_t members;
	uint64_t raw_bytes;		/* before compression */
	uint64_t file_bytes;		/* handed to the system */
	uint64_t loss[FLOW_LOSS_KINDS]; /* sum of the FE_LOSS events that passed */
};

/* Opens the output and writes the header. Errors are logged. */
int out_capture__create(struct out_capture **out, const struct out_capture_opts *opts);
/*
 * A flow_sink. An output that fails is reported once: that call returns -errno, later ones
 * return 0 and count the event as unwritten, and so does __close at the end.
 */
int out_capture__event(void *capture, const struct flow_event *ev);
/* To be called by a timer: ends a member that is old enough. UINT64_MAX: whatever its age. */
int out_capture__flush(struct out_capture *c, uint64_t now_ns);
/* Number of requests in the capture, for its totals. */
void out_capture__set_requests(struct out_capture *c, uint64_t requests);
void out_capture__stats(const struct out_capture *c, struct out_capture_stats *stats);
/*
 * Writes what it has so far to @path as a whole capture, and goes on. @fd: where its own file can
 * be read, from its beginning; *bytes is what the copy has. 0 or -errno, which is no error of @c.
 */
int out_capture__save(struct out_capture *c, int fd, const char *path, uint64_t *bytes);
/*
 * Frees @c. @clean writes the totals that mark the file complete and gives it its name;
 * otherwise, or after an error, FILE.tmp stays and can be read up to its last whole member.
 */
int out_capture__close(struct out_capture *c, bool clean);

/* Reading */

struct capture_reader;

enum capture_end {
	CAPTURE_UNREAD, /* not run yet */
	CAPTURE_COMPLETE,
	CAPTURE_CUT_OFF, /* ends without its totals: still being written, or the recorder died */
	CAPTURE_DAMAGED,
	CAPTURE_STOPPED, /* the consumer returned an error */
};

struct capture_info {
	uint32_t version; /* of the format */
	uint32_t revision;
	char loopray[32]; /* version of the program that recorded */
	char host[256];
	char kernel[256];
	char command[512];
	uint64_t mono_ns; /* one moment at the start on three clocks, and... */
	uint64_t wall_ns;
	uint64_t boot_ns;
	uint64_t end_mono_ns; /* ...at the end; 0 unless complete */
	uint64_t end_wall_ns;
	uint32_t clock_ticks; /* a second, the unit of fe_target.start_time */

	enum capture_end end;
	char status[256]; /* in words: "complete", "cut off after 17 events at 2.500 s" */
	uint64_t events;  /* handed out */
	uint64_t skipped; /* of types this version does not know */
	uint64_t members;
	uint64_t last_ns;		/* time of the last event handed out, 0 none */
	uint64_t loss[FLOW_LOSS_KINDS]; /* up to the last whole member */
	uint64_t recorded;		/* events, as the recorder counted them; CAPTURE_UNKNOWN */
	uint64_t unwritten;		/* events the recorder could not write; CAPTURE_UNKNOWN */
	uint64_t requests; /* CAPTURE_UNKNOWN unless it is complete and they were counted */
};

/*
 * Opens a capture ("-" is standard input) and reads its header. On failure *err_text, of
 * @err_cap bytes, says why in a line; -errno: -EBADMSG not a capture or damaged, -EPROTO
 * written in another version of the format.
 */
int capture_reader__open(struct capture_reader **out, const char *path, char *err_text,
			 size_t err_cap);
/* The same on an open descriptor, which the reader then owns, also on failure. */
int capture_reader__open_fd(struct capture_reader **out, int fd, char *err_text, size_t err_cap);
/*
 * Hands every event to @sink, once. Returns 0 for a complete capture and for a cut-off one
 * (info->end tells), -EBADMSG for a damaged one after everything before the damage, or what
 * the sink returned.
 */
int capture_reader__run(struct capture_reader *r, const struct flow_sink *sink);
/*
 * The same one by one: 1 and the next event, whose text is good until the next call; 0 at the end,
 * which the info describes; -EBADMSG or -ENOMEM. After its end it keeps to what it said.
 */
int capture_reader__next(struct capture_reader *r, struct flow_event *ev);
/* Clocks and origin are valid from the start, the rest after the end. */
const struct capture_info *capture_reader__info(const struct capture_reader *r);
/* Bytes of the file that were taken so far, and its size; 0 where it has none, as a pipe. */
void capture_reader__position(const struct capture_reader *r, uint64_t *taken, uint64_t *size);
void capture_reader__free(struct capture_reader *r);

#endif

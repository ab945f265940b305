/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From writes to lines: a write waits until it is known whether it was made under another
 * request's store (flow_line_hold.c), then its bytes become lines (flow_line_join.c). Live only:
 * captures have no text.
 */
#ifndef LOOPRAY_FLOW_LINE_H
#define LOOPRAY_FLOW_LINE_H

#include "flow_mismatch.h"

enum log_mark {
	LOG_MARK_NOT,
	LOG_MARK_SUSPECT, /* perhaps it was written under another request's store */
	LOG_MARK_FOREIGN, /* it was: by who, under whose */
};

/* A request, kept: empty strings where they are not known. */
struct log_request {
	uint64_t conn; /* 0: not known */
	uint64_t seq;
	char method[16];
	char path[128]; /* cut */
};

/* All that is known of a write but its bytes. */
struct log_write {
	uint32_t pid;
	uint32_t tid;
	uint32_t env;
	uint64_t ts;
	uint8_t op;	   /* LR_OP_STDOUT or LR_OP_STDERR */
	uint32_t bytes;	   /* written ... */
	uint32_t captured; /* ... and here */
	enum log_mark mark;
	enum line_by by;   /* with LOG_MARK_FOREIGN the response tells who */
	enum line_why why; /* where by is LINE_UNKNOWN */
	uint8_t store_why; /* enum context_unknown */
	struct log_request who;
	struct log_request under; /* with a mark: whose store it was, if known ... */
	/* With LOG_MARK_SUSPECT who else may have written; held: whose it is if proven in time. */
	struct log_request maybe;
};

/* flow_line_hold.c: holds writes back, in their order */
struct flow_line_hold;

struct flow_line_hold_opts {
	/* @text: w->captured bytes. Returns 0 or -errno, which sticks. */
	int (*write)(void *ctx, const struct log_write *w, const char *text);
	/* flow_mismatch__has_stores */
	bool (*proven)(void *ctx, uint32_t pid, const struct flow_req_ref *request,
		       uint32_t instance);
	/* flow_mismatch__named */
	bool (*named)(void *ctx, uint32_t pid, uint64_t hash, struct line_request *out);
	uint64_t value_key; /* of the fingerprints */
	void *ctx;
};

int flow_line_hold__new(struct flow_line_hold **out, const struct flow_line_hold_opts *opts);
void flow_line_hold__free(struct flow_line_hold *h);

/* All return 0, -ENOMEM or what @write returned. */
int flow_line_hold__line(struct flow_line_hold *h, const struct flow_line *line);
/* Every event, before the rules see it. */
int flow_line_hold__event(struct flow_line_hold *h, const struct flow_event *ev);
/* Now and then: what has waited long enough goes. */
int flow_line_hold__tick(struct flow_line_hold *h, uint64_t now_ns);
/* The input has ended. */
int flow_line_hold__finish(struct flow_line_hold *h);

void flow_line_hold__mark(struct flow_line_hold *h, const struct flow_line_mark *mark);

/* Marks that came when their line had gone. */
uint64_t flow_line_hold__late(const struct flow_line_hold *h);

/* flow_line_join.c: bytes of one stream into lines */
struct log_line {
	const struct log_write *from; /* the write that began it, with what its parts agree on */
	const char *text;	      /* without its end; may be cut, may be anything */
	size_t len;
	uint64_t cut;	/* bytes of the line that were not kept or not captured, at the least */
	bool partial;	/* its end was not written (so far) */
	bool continued; /* what came before it was handed out as partial */
};

struct flow_line_join;

struct flow_line_join_opts {
	/* Valid during the call only. Returns 0 or -errno. */
	int (*line)(void *ctx, const struct log_line *line);
	void *ctx;
	size_t limit; /* bytes of a line */
};

int flow_line_join__new(struct flow_line_join **out, const struct flow_line_join_opts *opts);
void flow_line_join__free(struct flow_line_join *j);

/* All return 0, -ENOMEM or what @line returned. */
int flow_line_join__write(struct flow_line_join *j, const struct log_write *w, const char *text);
/* Lines whose end has not come for long are handed out. */
int flow_line_join__tick(struct flow_line_join *j, uint64_t now_ns);
/* The process has ended, 0: all have. */
int flow_line_join__end(struct flow_line_join *j, uint32_t pid);

#endif

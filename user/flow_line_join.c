// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lines of each stream of each process, from the bytes of its writes in their order: several writes
 * make one line (process.stdout.write in parts), one write many lines (a stack trace). Any thread
 * may write to a stream, so it is the stream that is put together.
 *
 * What is known of a write holds for all its lines; one that different requests wrote parts of is
 * nobody's.
 *
 * Of a longer write than is captured the end is not known: the line it ends in is cut there, and
 * what comes next begins a new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_line.h"
#include "flow_table.h"
#include "utf8.h"

#define PARTIAL_NS 500000000ULL /* a line whose end has not come */
#define STREAMS	   4096

struct stream {
	struct log_write from;
	bool begun;
	bool continued;
	uint64_t last_ns;
	uint64_t cut;
	size_t len;
	char text[];
};

struct flow_line_join {
	struct flow_line_join_opts opts;
	struct flow_table streams; /* pid, op */
	uint32_t begun;		   /* streams with a line whose end has not come */
};

int flow_line_join__new(struct flow_line_join **out, const struct flow_line_join_opts *opts)
{
	struct flow_line_join *j = calloc(1, sizeof(*j));
	int err;

	*out = NULL;
	if (!j)
		return -ENOMEM;
	j->opts = *opts;
	err = flow_table__init(&j->streams, STREAMS);
	if (err) {
		free(j);
		return err;
	}
	*out = j;
	return 0;
}

void flow_line_join__free(struct flow_line_join *j)
{
	struct flow_slot *s;
	uint32_t pos = 0;

	if (!j)
		return;
	while ((s = flow_table__next(&j->streams, &pos)))
		free(s->value);
	flow_table__destroy(&j->streams);
	free(j);
}

static struct stream *stream_of(struct flow_line_join *j, const struct log_write *w)
{
	struct stream *s = flow_table__get(&j->streams, w->pid, w->op);

	if (s)
		return s;
	s = malloc(sizeof(*s) + j->opts.limit);
	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	if (flow_table__put(&j->streams, w->pid, w->op, s)) {
		free(s);
		return NULL;
	}
	return s;
}

static int emit(struct flow_line_join *j, struct stream *s, bool partial)
{
	struct log_line line = {.from = &s->from, .partial = partial, .continued = s->continued};
	bool nothing = s->continued && !s->len && !s->cut; /* all of it has been handed out */
	int err = 0;

	/* A character that the cut goes through is cut as a whole. */
	if (s->cut) {
		size_t n = utf8__unfinished(s->text, s->len);

		s->len -= n;
		s->cut += n;
	} else if (!partial && s->len && s->text[s->len - 1] == '\r') {
		s->len--;
	}
	line.text = s->text;
	line.len = s->len;
	line.cut = s->cut;
	if (!nothing)
		err = j->opts.line(j->opts.ctx, &line);
	j->begun -= s->begun;
	s->begun = false;
	s->continued = partial;
	s->len = 0;
	s->cut = 0;
	return err;
}

static bool same_request(const struct log_request *a, const struct log_request *b)
{
	return a->conn == b->conn && a->seq == b->seq;
}

static void agree(struct log_write *a, const struct log_write *b)
{
	if (a->by == b->by && a->mark == b->mark && same_request(&a->who, &b->who) &&
	    same_request(&a->under, &b->under))
		return;
	a->mark = a->mark || b->mark ? LOG_MARK_SUSPECT : LOG_MARK_NOT;
	a->by = LINE_UNKNOWN;
	a->why = LINE_WHY_SEVERAL;
	memset(&a->who, 0, sizeof(a->who));
	memset(&a->under, 0, sizeof(a->under));
	memset(&a->maybe, 0, sizeof(a->maybe));
}

static void add(struct flow_line_join *j, struct stream *s, const struct log_write *w,
		const char *text, size_t len)
{
	size_t room = j->opts.limit - s->len;
	size_t n = s->cut ? 0 : len < room ? len : room;

	if (s->begun)
		agree(&s->from, w);
	else
		s->from = *w;
	j->begun += !s->begun;
	s->begun = true;
	s->last_ns = w->ts;
	if (n)
		memcpy(s->text + s->len, text, n);
	s->len += n;
	s->cut += len - n;
}

int flow_line_join__write(struct flow_line_join *j, const struct log_write *w, const char *text)
{
	struct stream *s = stream_of(j, w);
	size_t len = w->captured;
	int err = 0;

	if (!s)
		return -ENOMEM;
	while (len && !err) {
		const char *stop = memchr(text, '\n', len);
		size_t n = stop ? (size_t)(stop - text) : len;

		add(j, s, w, text, n);
		if (stop)
			err = emit(j, s, false);
		text += stop ? n + 1 : n;
		len -= stop ? n + 1 : n;
	}
	if (err || w->bytes <= w->captured)
		return err;
	add(j, s, w, NULL, 0);
	s->cut += w->bytes - w->captured;
	return emit(j, s, false);
}

int flow_line_join__tick(struct flow_line_join *j, uint64_t now_ns)
{
	struct flow_slot *slot;
	uint32_t pos = 0;
	int err = 0;

	while (j->begun && !err && (slot = flow_table__next(&j->streams, &pos))) {
		struct stream *s = slot->value;

		if (s->begun && now_ns > s->last_ns && now_ns - s->last_ns > PARTIAL_NS)
			err = emit(j, s, true);
	}
	return err;
}

int flow_line_join__end(struct flow_line_join *j, uint32_t pid)
{
	struct flow_slot *slot;
	uint32_t pos = 0;
	int err = 0;

	while (!err && (slot = flow_table__next(&j->streams, &pos))) {
		struct stream *s = slot->value;

		if (pid && slot->a != pid)
			continue;
		if (s->begun)
			err = emit(j, s, true);
		flow_table__take(&j->streams, slot->a, slot->b);
		free(s);
		pos--;
	}
	return err;
}

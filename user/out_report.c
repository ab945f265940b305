// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the text and the JSON report share. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_report.h"
#include "out_report_parts.h"

struct note_list {
	char (*text)[REPORT_NOTE];
	size_t count;
};

/* @n: how many the sentence is about; none, no sentence. The format has one %llu. */
static void note(struct note_list *l, uint64_t n, const char *fmt)
	__attribute__((format(printf, 3, 0)));

static void note(struct note_list *l, uint64_t n, const char *fmt)
{
	if (n == 0 || l->count == REPORT_NOTES)
		return;
	snprintf(l->text[l->count++], REPORT_NOTE, fmt, (unsigned long long)n);
}

static void request_notes(struct note_list *l, const struct model_requests *r)
{
	note(l, r->incomplete[2],
	     "requests that had begun before the attach: %llu (not in the latency figures)");
	note(l, r->incomplete[0],
	     "requests incomplete because records were lost: %llu (not in the latency figures)");
	note(l, r->incomplete[1],
	     "requests of which bytes were not seen: %llu (not in the latency figures)");
	note(l, r->by_end[REQ_LOST], "requests whose end was lost: %llu");
	note(l, r->by_end[REQ_UPGRADED],
	     "requests that left HTTP by an upgrade: %llu (not in the latency figures)");
	note(l, r->by_end[REQ_ABORTED_PEER],
	     "requests aborted by the client: %llu (not in the latency figures)");
	note(l, r->by_end[REQ_ABORTED_SERVER],
	     "requests aborted by the server: %llu (not in the latency figures)");
	note(l, r->breakdown.unknown,
	     "requests without breakdown, as the loop's idle time could not be read: %llu");
}

static uint64_t counter(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->counter_count; i++)
		if (strcmp(m->counters[i].name, name) == 0)
			return m->counters[i].value;
	return 0;
}

/* What went on beside the figures, so that nobody takes them for the whole. */
static void unseen_notes(struct note_list *l, const struct model *m)
{
	note(l, counter(m, "tls_connections"),
	     "TLS connections whose requests are not followed: %llu");
	note(l, counter(m, "http2_connections"),
	     "HTTP/2 connections whose requests are not followed: %llu");
	note(l, counter(m, "lines_skipped"),
	     "writes to stdout and stderr that were not looked at, beyond 20,000/s of a thread: "
	     "%llu");
}

size_t report_notes(const struct model *m, char notes[REPORT_NOTES][REPORT_NOTE])
{
	struct note_list l = {.text = notes};

	if (m->incomplete[0])
		snprintf(l.text[l.count++], REPORT_NOTE, "the capture is %.*s", REPORT_NOTE - 20,
			 m->incomplete);
	request_notes(&l, &m->requests);
	unseen_notes(&l, m);
	note(&l, m->resources_not_kept,
	     "resources not followed, as more were alive than are kept: %llu (part of map losses)");
	note(&l, m->routes_merged, "requests counted as (other routes), beyond the limit: %llu");
	note(&l, m->not_kept, "targets, loops, probes or counters beyond the limits: %llu");
	return l.count;
}

int report_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct report_state *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -ENOMEM;
	s->file = file;
	s->opts = *opts;
	if (opts->host) {
		snprintf(s->host, sizeof(s->host), "%s", opts->host);
		s->opts.host = s->host;
	}
	if (opts->version) {
		snprintf(s->version, sizeof(s->version), "%s", opts->version);
		s->opts.version = s->version;
	}
	return 0;
}

void report_free(void *state)
{
	free(state);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is not known is an empty field. A text is quoted where it has to be, or where it is empty
 * but known. Bytes that are not UTF-8 become U+FFFD, as in JSON: readers refuse the whole file
 * otherwise.
 *
 * Each column is one entry of a table: its name and what writes it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events.h"
#include "flow_trace.h"
#include "out_call.h"
#include "out_csv.h"
#include "out_finding.h"
#include "out_request.h"
#include "utf8.h"
#include "util.h"

struct csv {
	struct out_file *file;
	struct out_opts opts;
	int err;
};

static void put(struct csv *c, const char *s, size_t len)
{
	if (!c->err && len)
		c->err = out_file__write(c->file, s, len);
}

static void put_u64(struct csv *c, uint64_t v)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put(c, text + at, sizeof(text) - at);
}

static void put_known(struct csv *c, bool known, uint64_t v)
{
	if (known)
		put_u64(c, v);
}

/* A byte order mark or a blank at the begin is kept too: nothing is stripped inside of quotes. */
static bool needs_quotes(const char *s, size_t len)
{
	return !len || strpbrk(s, ",\"\r\n") || s[0] == ' ' || s[len - 1] == ' ' ||
	       (unsigned char)s[0] >= 0x80;
}

static void put_str(struct csv *c, const char *s)
{
	size_t len = s ? strlen(s) : 0, bad;
	bool quotes = s && needs_quotes(s, len);

	if (quotes)
		put(c, "\"", 1);
	while (len) {
		size_t n = (unsigned char)*s < 0x80 ? 1 : utf8__sequence(s, len, &bad);

		if (!n)
			put(c, "\xef\xbf\xbd", 3);
		else
			put(c, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : n);
		n = n ? n : bad;
		s += n;
		len -= n;
	}
	if (quotes)
		put(c, "\"", 1);
}

/* Microseconds in UTC, as ISO 8601 has it. */
static void put_time(struct csv *c, uint64_t mono_ns)
{
	uint64_t wall_ns = c->opts.wall_ns - c->opts.mono_ns + mono_ns;
	time_t s = (time_t)(wall_ns / 1000000000);
	char text[64], whole[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06" PRIu64 "Z", whole, wall_ns / 1000 % 1000000);
	put_str(c, text);
}

static void put_addr(struct csv *c, const struct flow_req *r)
{
	char text[PEER_TEXT];

	put_str(c, call_peer__addr(r->family, r->peer_addr, text));
}

static void put_why(struct csv *c, const struct flow_req *r)
{
	char text[32] = "";
	size_t at = 0;

	for (unsigned int i = 0; i < REQUEST_WHY_KINDS; i++)
		if (r->incomplete & (1u << i))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? ";" : "",
					       request_word__why(i));
	put_str(c, at ? text : NULL);
}

static uint64_t findings(const struct flow_req *r, enum finding_kind kind)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < r->nfindings; i++)
		n += r->findings[i].kind == kind;
	return n;
}

static void put_trace(struct csv *c, const struct flow_req *r, bool span)
{
	char id[FLOW_TRACE_ID_TEXT], parent[FLOW_TRACE_SPAN_TEXT];

	if (!r->kept || !r->kept->trace.known)
		return;
	flow_trace__text(&r->kept->trace, id, parent);
	put_str(c, span ? parent : id);
}

#define NUMBER(column, expression)                                  \
	static void column(struct csv *c, const struct flow_req *r) \
	{                                                           \
		put_u64(c, expression);                             \
	}
#define KNOWN(column, known, expression)                            \
	static void column(struct csv *c, const struct flow_req *r) \
	{                                                           \
		put_known(c, known, expression);                    \
	}
#define TEXT(column, expression)                                    \
	static void column(struct csv *c, const struct flow_req *r) \
	{                                                           \
		put_str(c, expression);                             \
	}
#define OTHER(column, statement)                                    \
	static void column(struct csv *c, const struct flow_req *r) \
	{                                                           \
		statement;                                          \
	}

OTHER(col_start_time, put_time(c, r->start_ns))
NUMBER(col_pid, r->pid)
KNOWN(col_env, r->env != FLOW_ENV_UNKNOWN, r->env)
NUMBER(col_seq, r->seq)
NUMBER(col_conn, flow_conn__number(r->conn))
NUMBER(col_conn_seq, r->conn_seq)
KNOWN(col_stream, flow_conn__stream(r->conn), flow_conn__stream(r->conn))
OTHER(col_peer_addr, put_addr(c, r))
NUMBER(col_peer_port, r->peer_port)
NUMBER(col_local_port, r->local_port)
TEXT(col_scheme, r->tls ? "https" : "http")
TEXT(col_protocol, request_word__protocol(r->version))
TEXT(col_method, r->method)
TEXT(col_path, r->path)
TEXT(col_route, r->route)
KNOWN(col_status, r->status, r->status)
NUMBER(col_start_ns, r->start_ns)
NUMBER(col_recv_ns, r->recv_ns)
KNOWN(col_first_byte_ns, r->first_byte_ns, r->first_byte_ns)
KNOWN(col_end_ns, r->end_ns, r->end_ns)
KNOWN(col_duration_ns, r->end_ns, request__duration_ns(r))
NUMBER(col_bytes_in, r->bytes_in)
NUMBER(col_bytes_out, r->bytes_out)
TEXT(col_outcome, request_word__outcome(r->end))
TEXT(col_incomplete, request__is_whole(r) ? "false" : "true")
OTHER(col_incomplete_because, put_why(c, r))
KNOWN(col_queue, r->breakdown.known, r->breakdown.queue)
KNOWN(col_cpu, r->breakdown.known, r->breakdown.cpu)
KNOWN(col_loop_busy, r->breakdown.known, r->breakdown.loop_busy)
KNOWN(col_wait, r->breakdown.known, r->breakdown.wait)
TEXT(col_context, finding_word__context(r->context))
TEXT(col_context_unknown, finding_word__unknown(r->unknown))
NUMBER(col_foreign, findings(r, FINDING_FOREIGN))
NUMBER(col_lost, findings(r, FINDING_LOST))
NUMBER(col_fan_out, findings(r, FINDING_FAN_OUT))
NUMBER(col_calls, r->ncalls)
NUMBER(col_calls_open, r->calls_open)
NUMBER(col_resources_created, r->resources_created)
NUMBER(col_resources_alive, r->resources_alive)
OTHER(col_trace_id, put_trace(c, r, false))
OTHER(col_parent_span_id, put_trace(c, r, true))

static const struct {
	const char *name;
	void (*put)(struct csv *c, const struct flow_req *r);
} columns[] = {
	{"start_time", col_start_time},
	{"pid", col_pid},
	{"env", col_env},
	{"seq", col_seq},
	{"conn", col_conn},
	{"conn_seq", col_conn_seq},
	{"stream", col_stream},
	{"peer_addr", col_peer_addr},
	{"peer_port", col_peer_port},
	{"local_port", col_local_port},
	{"scheme", col_scheme},
	{"protocol", col_protocol},
	{"method", col_method},
	{"path", col_path},
	{"route", col_route},
	{"status", col_status},
	{"start_ns", col_start_ns},
	{"recv_ns", col_recv_ns},
	{"first_byte_ns", col_first_byte_ns},
	{"end_ns", col_end_ns},
	{"duration_ns", col_duration_ns},
	{"bytes_in", col_bytes_in},
	{"bytes_out", col_bytes_out},
	{"outcome", col_outcome},
	{"incomplete", col_incomplete},
	{"incomplete_because", col_incomplete_because},
	{"queue_ns", col_queue},
	{"cpu_ns", col_cpu},
	{"loop_busy_ns", col_loop_busy},
	{"wait_ns", col_wait},
	{"context", col_context},
	{"context_unknown", col_context_unknown},
	{"foreign", col_foreign},
	{"lost", col_lost},
	{"fan_out", col_fan_out},
	{"calls", col_calls},
	{"calls_open", col_calls_open},
	{"resources_created", col_resources_created},
	{"resources_alive", col_resources_alive},
	{"trace_id", col_trace_id},
	{"parent_span_id", col_parent_span_id},
};

/* The kinds of what was waited for stand behind the columns of the table, one each. */
static void header(struct csv *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		put(c, ",", i != 0);
		put_str(c, columns[i].name);
	}
	for (int i = 0; i < WAIT_KINDS; i++) {
		const char *kind = flow_wait__name((enum flow_wait)i);

		put(c, ",waits_", 7);
		put(c, kind, strlen(kind));
		put(c, "_ns", 3);
	}
	put(c, "\r\n", 2);
}

static int csv_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct csv *c = calloc(1, sizeof(*c));

	*state = c;
	if (!c)
		return -ENOMEM;
	c->file = file;
	c->opts = *opts;
	header(c);
	return c->err;
}

static int csv_request(void *state, const struct flow_req *req)
{
	struct csv *c = state;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		put(c, ",", i != 0);
		columns[i].put(c, req);
	}
	for (int i = 0; i < WAIT_KINDS; i++) {
		put(c, ",", 1);
		put_known(c, req->waits.known, req->waits.ns[i]);
	}
	put(c, "\r\n", 2);
	return c->err;
}

static void csv_free(void *state)
{
	free(state);
}

static int csv_close(void *state, const struct model *m)
{
	struct csv *c = state;
	int err = c->err;

	(void)m;
	csv_free(c);
	return err;
}

const struct out_format out_csv_format = {
	.name = "csv",
	.about = "comma-separated values, one request a line",
	.extension = "csv",
	.open = csv_open,
	.request = csv_request,
	.close = csv_close,
	.free = csv_free,
};

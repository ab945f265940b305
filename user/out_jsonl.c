// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The header line names the targets known when the first other line is due; a target that
 * comes later has a line of its own, "type":"target".
 *
 * A request that was in flight when the observation ended is written too, so that none is
 * missing that was seen: "outcome":"in_flight", end_ns and duration_ns 0, "incomplete":true. An
 * average over durations must therefore select "outcome":"complete" and "incomplete":false.
 * The breakdown's parts are null where it is not known.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "events.h"
#include "json.h"
#include "model.h"
#include "out_call.h"
#include "out_job.h"
#include "out_finding.h"
#include "out_leak.h"
#include "out_jsonl.h"
#include "out_request.h"
#include "out_wait.h"
#include "util.h"

#define EARLY_TARGETS 64

struct jsonl {
	struct out_opts opts;
	char host[256];
	char version[32];
	bool headed;
	uint64_t requests;
	uint64_t resources;
	size_t early_count;
	struct model_target early[EARLY_TARGETS]; /* announced before the header was due */
	struct json j;
};

static int jsonl_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct jsonl *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -ENOMEM;
	s->opts = *opts;
	snprintf(s->host, sizeof(s->host), "%s", opts->host ? opts->host : "");
	snprintf(s->version, sizeof(s->version), "%s", opts->version ? opts->version : "");
	json__init(&s->j, out_file__write, file);
	return 0;
}

static void put_target(struct json *j, const struct model_target *t)
{
	json__key_u64(j, "pid", t->pid);
	json__key_u64(j, "start_time", t->start_time);
	json__key_str(j, "node", t->version[0] ? t->version : NULL);
	json__key_str(j, "context", t->context[0] ? t->context : "unknown");
	json__key_str(j, "linked", t->linked[0] ? t->linked : NULL);
	json__key_str(j, "level", t->level[0] ? t->level : NULL);
	json__key_str(j, "exe", t->exe[0] ? t->exe : NULL);
}

static void header(struct jsonl *s)
{
	struct json *j = &s->j;

	if (s->headed)
		return;
	s->headed = true;
	json__object_begin(j);
	json__key_str(j, "type", "header");
	json__key_str(j, "schema", "loopray.jsonl/1");
	json__key_str(j, "version", s->version[0] ? s->version : NULL);
	json__key_str(j, "host", s->host[0] ? s->host : NULL);
	json__key_u64(j, "mono_ns", s->opts.mono_ns);
	json__key_u64(j, "wall_ns", s->opts.wall_ns);
	json__key_i64(j, "wall_offset_ns", (int64_t)(s->opts.wall_ns - s->opts.mono_ns));
	json__key_array(j, "targets");
	for (size_t i = 0; i < s->early_count; i++) {
		json__object_begin(j);
		put_target(j, &s->early[i]);
		json__object_end(j);
	}
	json__array_end(j);
	json__object_end(j);
	json__newline(j);
}

static void copy_str(char *to, size_t cap, const struct flow_str *s)
{
	size_t len = min_t(size_t, s->len, cap - 1);

	if (len)
		memcpy(to, s->s, len);
	to[len] = '\0';
}

/* One that is told of again, as more is known of it, takes its own place. */
static bool keep_early(struct jsonl *s, const struct model_target *t)
{
	size_t i = 0;

	while (i < s->early_count &&
	       (s->early[i].pid != t->pid || s->early[i].start_time != t->start_time))
		i++;
	if (s->headed || i == EARLY_TARGETS)
		return false;
	s->early[i] = *t;
	s->early_count += i == s->early_count;
	return true;
}

static int jsonl_event(void *state, const struct flow_event *ev)
{
	struct jsonl *s = state;
	struct model_target t = {.pid = ev->pid};

	if (ev->type != FE_TARGET)
		return s->j.err;
	t.start_time = ev->target.start_time;
	copy_str(t.version, sizeof(t.version), &ev->target.version);
	copy_str(t.context, sizeof(t.context), &ev->target.context);
	copy_str(t.linked, sizeof(t.linked), &ev->target.linked);
	copy_str(t.level, sizeof(t.level), &ev->target.level);
	copy_str(t.exe, sizeof(t.exe), &ev->target.exe);
	if (keep_early(s, &t))
		return 0;
	header(s);
	json__object_begin(&s->j);
	json__key_str(&s->j, "type", "target");
	put_target(&s->j, &t);
	json__object_end(&s->j);
	json__newline(&s->j);
	return s->j.err;
}

static void put_peer(struct json *j, const struct flow_req *req)
{
	char text[INET6_ADDRSTRLEN];
	const char *addr = NULL;

	if (req->family == LR_AF_INET)
		addr = inet_ntop(AF_INET, req->peer_addr, text, sizeof(text));
	else if (req->family == LR_AF_INET6)
		addr = inet_ntop(AF_INET6, req->peer_addr, text, sizeof(text));
	json__key_u64(j, "peer_port", req->peer_port);
	json__key_str(j, "peer_addr", addr);
	json__key_u64(j, "local_port", req->local_port);
}

static void put_part(struct json *j, const char *key, bool known, uint64_t ns)
{
	json__key(j, key);
	if (known)
		json__u64(j, ns);
	else
		json__null(j);
}

/* Null outside of HTTP/2. */
static void put_stream(struct json *j, uint64_t conn)
{
	put_part(j, "stream", flow_conn__stream(conn) != 0, flow_conn__stream(conn));
}

static void put_times(struct json *j, const struct flow_req *req)
{
	const struct flow_breakdown *b = &req->breakdown;

	json__key_u64(j, "start_ns", req->start_ns);
	json__key_u64(j, "recv_ns", req->recv_ns);
	json__key_u64(j, "first_byte_ns", req->first_byte_ns);
	json__key_u64(j, "end_ns", req->end_ns);
	json__key_u64(j, "duration_ns", request__duration_ns(req));
	json__key_u64(j, "bytes_in", req->bytes_in);
	json__key_u64(j, "bytes_out", req->bytes_out);
	json__key_object(j, "breakdown_ns");
	put_part(j, "queue", b->known, b->queue);
	put_part(j, "cpu", b->known, b->cpu);
	put_part(j, "loop_busy", b->known, b->loop_busy);
	put_part(j, "wait", b->known, b->wait);
	json__object_end(j);
}

static void put_end(struct json *j, const struct flow_req *req)
{
	json__key_bool(j, "incomplete", !request__is_whole(req));
	json__key_array(j, "incomplete_because");
	for (unsigned int i = 0; i < REQUEST_WHY_KINDS; i++)
		if (req->incomplete & (1u << i))
			json__str(j, request_word__why(i));
	json__array_end(j);
	/* Not "end": that is a keyword of jq 1.6, which Debian 12 has. */
	json__key_str(j, "outcome", request_word__outcome(req->end));
}

/* The grade of a loss is null where it depends on requests that are still to come. */
static void put_findings(struct json *j, const struct flow_req *req, bool show)
{
	json__key_str(j, "context", finding_word__context(req->context));
	json__key_str(j, "context_unknown", finding_word__unknown(req->unknown));
	json__key_array(j, "findings");
	for (uint32_t i = 0; i < req->nfindings; i++) {
		json__object_begin(j);
		finding_json__members(j, &req->findings[i], show);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_calls(struct json *j, const struct flow_req *req)
{
	json__key_array(j, "calls");
	for (uint32_t i = 0; i < req->ncalls; i++) {
		json__object_begin(j);
		call_json__members(j, req->calls[i]);
		json__object_end(j);
	}
	json__array_end(j);
	json__key_u64(j, "calls_open", req->calls_open);
	json__key_u64(j, "calls_not_kept", req->calls_not_kept);
}

static int jsonl_request(void *state, const struct flow_req *req)
{
	struct jsonl *s = state;
	struct json *j = &s->j;

	header(s);
	json__object_begin(j);
	json__key_str(j, "type", "request");
	json__key_u64(j, "pid", req->pid);
	json__key_u64(j, "env", req->env);
	json__key_u64(j, "seq", req->seq);
	json__key_u64(j, "conn", flow_conn__number(req->conn));
	json__key_u64(j, "conn_seq", req->conn_seq);
	put_stream(j, req->conn);
	put_peer(j, req);
	json__key_str(j, "scheme", req->tls ? "https" : "http");
	json__key_str(j, "method", req->method);
	json__key_str(j, "path", req->path);
	json__key_str(j, "route", req->route);
	json__key_u64(j, "http", req->version);
	json__key_str(j, "protocol", request_word__protocol(req->version));
	json__key_u64(j, "status", req->status);
	put_times(j, req);
	wait_json__members(j, req);
	json__key_u64(j, "resources_created", req->resources_created);
	json__key_u64(j, "resources_alive", req->resources_alive);
	put_findings(j, req, s->opts.show_values);
	put_calls(j, req);
	kept_json__members(j, req->kept);
	put_end(j, req);
	json__object_end(j);
	json__newline(j);
	s->requests++;
	return j->err;
}

/* An id that is not known is null: -1 is no async id. */
static void put_id(struct json *j, const char *key, int64_t id)
{
	json__key(j, key);
	if (id < 0)
		json__null(j);
	else
		json__i64(j, id);
}

static int jsonl_resource(void *state, const struct flow_resource *res)
{
	struct jsonl *s = state;
	struct json *j = &s->j;

	header(s);
	json__object_begin(j);
	json__key_str(j, "type", "resource");
	json__key_u64(j, "pid", res->pid);
	json__key_u64(j, "env", res->env);
	put_id(j, "async_id", res->async_id);
	put_id(j, "trigger_id", res->trigger_id);
	put_id(j, "exec_id", res->exec_id);
	json__key_str(j, "resource", res->type);
	json__key_u64(j, "init_ns", res->init_ns);
	json__key_u64(j, "destroy_ns", res->destroy_ns);
	json__key_u64(j, "callbacks", res->callbacks);
	put_part(j, "request_seq", res->request_seq != 0, res->request_seq);
	put_part(j, "conn", res->conn != 0, flow_conn__number(res->conn));
	put_stream(j, res->conn);
	json__object_end(j);
	json__newline(j);
	s->resources++;
	return j->err;
}

static void begin_line(struct json *j, const char *type)
{
	json__object_begin(j);
	json__key_str(j, "type", type);
}

static void end_line(struct json *j)
{
	json__object_end(j);
	json__newline(j);
}

/* What is left behind is known at the end only. */
static void leaks(struct jsonl *s, const struct model *m)
{
	struct json *j = &s->j;

	for (uint32_t i = 0; i < m->leaks.count; i++) {
		begin_line(j, "left_resource");
		json__key_str(j, "resource", m->leaks.type[i].name);
		leak_json__resource(j, &m->leaks.type[i]);
		json__key_bool(j, "judged", m->leaks.judged == LEAKS_JUDGED);
		end_line(j);
	}
	for (size_t i = 0; i < m->left_count; i++) {
		begin_line(j, "left_store");
		leak_json__stores(j, &m->left[i]);
		end_line(j);
	}
	for (size_t i = 0; i < m->waiting_count; i++) {
		begin_line(j, "environment");
		leak_json__waiting(j, &m->waiting[i]);
		end_line(j);
	}
}

static void put_line_stores(struct json *j, const struct flow_line *line, bool show)
{
	json__key_array(j, "stores");
	for (uint32_t i = 0; i < line->n; i++) {
		json__object_begin(j);
		json__key_u64(j, "instance", line->store[i].instance);
		json__key(j, "store");
		finding_json__store(j, &line->store[i].store, show);
		json__object_end(j);
	}
	json__array_end(j);
}

/* Without its text, which no capture has. */
static int jsonl_line(void *state, const struct flow_line *line)
{
	static const char *const by[] = {NULL, "store", "callback", "id"};
	static const char *const stores[] = {"read", "none", "unreadable", "other_thread"};
	struct jsonl *s = state;
	struct json *j = &s->j;

	header(s);
	json__object_begin(j);
	json__key_str(j, "type", "line");
	json__key_u64(j, "pid", line->pid);
	json__key_u64(j, "tid", line->tid);
	json__key_u64(j, "env", line->env);
	json__key_u64(j, "ts_ns", line->ts);
	json__key_str(j, "stream", line->op == LR_OP_STDERR ? "stderr" : "stdout");
	json__key_u64(j, "bytes", line->bytes);
	json__key_u64(j, "captured", line->captured);
	json__key_str(j, "request_by", by[line->by]);
	put_part(j, "request_seq", line->seq != 0, line->seq);
	put_part(j, "conn", line->conn != 0, line->conn);
	json__key_str(j, "context", stores[line->stores]);
	put_line_stores(j, line, s->opts.show_values);
	json__object_end(j);
	json__newline(j);
	return j->err;
}

/* Issued after the response, not over when it was sent, or of a request that is not known. */
static int jsonl_call(void *state, const struct flow_call *call)
{
	struct jsonl *s = state;
	struct json *j = &s->j;
	bool known = call->by != CALL_BY_NOTHING;

	header(s);
	json__object_begin(j);
	json__key_str(j, "type", "call");
	json__key_u64(j, "pid", call->pid);
	put_part(j, "env", known, call->request.env);
	put_part(j, "request_seq", known, call->request.seq);
	put_part(j, "request_conn", known, call->request.conn);
	json__key_bool(j, "after_response", call->late);
	json__key_bool(j, "outlived", call->outlived);
	call_json__members(j, call);
	json__object_end(j);
	json__newline(j);
	return j->err;
}

static int jsonl_job(void *state, const struct flow_job *job)
{
	struct jsonl *s = state;

	header(s);
	begin_line(&s->j, "job");
	job_json__members(&s->j, job);
	end_line(&s->j);
	return s->j.err;
}

static int jsonl_blocking(void *state, const struct flow_blocking *b)
{
	struct jsonl *s = state;

	header(s);
	begin_line(&s->j, "blocking");
	blocking_json__members(&s->j, b);
	end_line(&s->j);
	return s->j.err;
}

static void summary(struct jsonl *s, const struct model *m)
{
	struct json *j = &s->j;

	json__object_begin(j);
	json__key_str(j, "type", "summary");
	json__key_u64(j, "requests", s->requests);
	json__key_u64(j, "in_flight", m->in_flight);
	json__key_u64(j, "resources", s->resources);
	json__key_u64(j, "calls", m->calls.total);
	json__key_u64(j, "start_ns", m->start_ns);
	json__key_u64(j, "end_ns", m->end_ns);
	json__key_str(j, "cut_short", m->incomplete[0] ? m->incomplete : NULL);
	json__key_object(j, "loss");
	json__key_u64(j, "ring", m->loss.ring);
	json__key_u64(j, "map", m->loss.map);
	json__key_u64(j, "read", m->loss.read);
	json__key_u64(j, "file", m->loss.file);
	json__key_u64(j, "total", m->loss.total);
	json__object_end(j);
	json__object_end(j);
	json__newline(j);
}

static void jsonl_free(void *state)
{
	free(state);
}

static int jsonl_close(void *state, const struct model *m)
{
	struct jsonl *s = state;
	int err;

	header(s);
	leaks(s, m);
	summary(s, m);
	err = json__finish(&s->j);
	jsonl_free(s);
	return err;
}

const struct out_format out_jsonl_format = {
	.name = "jsonl",
	.about = "flat JSON lines, one request a line",
	.extension = "jsonl",
	.open = jsonl_open,
	.event = jsonl_event,
	.request = jsonl_request,
	.resource = jsonl_resource,
	.line = jsonl_line,
	.call = jsonl_call,
	.job = jsonl_job,
	.blocking = jsonl_blocking,
	.close = jsonl_close,
	.free = jsonl_free,
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Requests, calls, jobs and resources overlap, so they are asynchronous events: a begin and an end
 * (b, e) with an id, those with one id nested in each other. Complete events (X) are only
 * collections, which cannot overlap on their thread: readers drop those that do. Times are
 * microseconds, with nanoseconds behind the point.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "model.h"
#include "out_call.h"
#include "out_chrome.h"
#include "out_counter.h"
#include "out_finding.h"
#include "out_job.h"
#include "out_request.h"
#include "out_wait.h"
#include "util.h"

#define ID_TEXT 48

struct chrome {
	struct json j;
	struct out_opts opts;
	char host[256];
	char version[32];
	struct out_counters *counters;
	uint64_t serial; /* of ids that nothing names */
	uint64_t requests;
};

/* The time of an event, @key "ts", or its length, "dur". */
static void put_time(struct json *j, const char *key, uint64_t ns)
{
	json__key_double(j, key, (double)ns / 1000, 3);
}

static void event_begin(struct chrome *s, const char *type, uint32_t pid, uint64_t tid,
			const char *name)
{
	struct json *j = &s->j;

	json__object_begin(j);
	json__key_str(j, "ph", type);
	json__key_u64(j, "pid", pid);
	json__key_u64(j, "tid", tid);
	json__key_str(j, "name", name);
}

/* One of those that an id holds together, in process @pid. */
static void async_begin(struct chrome *s, const char *type, uint32_t pid, const char *id,
			const char *category, const char *name, uint64_t ts)
{
	struct json *j = &s->j;

	/* It is on no thread; viewers want one, and take the first. */
	event_begin(s, type, pid, pid, name);
	json__key_str(j, "cat", category);
	json__key_object(j, "id2");
	json__key_str(j, "local", id);
	json__object_end(j);
	put_time(j, "ts", ts);
}

static void async(struct chrome *s, const char *type, uint32_t pid, const char *id,
		  const char *category, const char *name, uint64_t ts)
{
	async_begin(s, type, pid, id, category, name, ts);
	json__object_end(&s->j);
}

static void named(struct chrome *s, const char *what, uint32_t pid, uint32_t tid, const char *name)
{
	event_begin(s, "M", pid, tid, what);
	json__key_object(&s->j, "args");
	json__key_str(&s->j, "name", name);
	json__object_end(&s->j);
	json__object_end(&s->j);
}

static void env_name(uint32_t env, char name[32])
{
	if (env)
		snprintf(name, 32, "worker %" PRIu32, env);
	else
		snprintf(name, 32, "main");
}

static void on_value(void *ctx, uint32_t pid, uint32_t env, enum out_counter counter, uint64_t ts,
		     double value)
{
	struct chrome *s = ctx;
	char name[64], thread[32];

	env_name(env, thread);
	snprintf(name, sizeof(name), "%s, %s", out_counter__name(counter), thread);
	event_begin(s, "C", pid, 0, name);
	put_time(&s->j, "ts", ts);
	json__key_object(&s->j, "args");
	json__key_double(&s->j, "value", value,
			 counter == COUNTER_UTILISATION || counter == COUNTER_GC ? 3 : 0);
	json__object_end(&s->j);
	json__object_end(&s->j);
}

static void chrome_free(void *state)
{
	struct chrome *s = state;

	if (!s)
		return;
	out_counters__free(s->counters);
	free(s);
}

static int chrome_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct chrome *s = calloc(1, sizeof(*s));
	struct out_counters_opts counters = {
		.value = on_value, .ctx = s, .origin_ns = opts->mono_ns};

	*state = s;
	if (!s || out_counters__new(&s->counters, &counters))
		return -ENOMEM;
	s->opts = *opts;
	snprintf(s->host, sizeof(s->host), "%s", opts->host ? opts->host : "");
	snprintf(s->version, sizeof(s->version), "%s", opts->version ? opts->version : "");
	json__init(&s->j, out_file__write, file);
	json__object_begin(&s->j);
	json__key_str(&s->j, "displayTimeUnit", "ns");
	json__key_array(&s->j, "traceEvents");
	return s->j.err;
}

static void on_target(struct chrome *s, uint32_t pid, const struct fe_target *t)
{
	char name[64];

	snprintf(name, sizeof(name), "node %.*s", (int)min_t(uint32_t, t->version.len, 31),
		 t->version.len ? t->version.s : "");
	named(s, "process_name", pid, pid, name);
}

static void on_gc(struct chrome *s, const struct flow_event *ev)
{
	static const char *const kinds[] = {"scavenge", "mark-compact"};
	const struct fe_gc *gc = &ev->gc;
	const char *kind = gc->kind < ARRAY_SIZE(kinds) ? kinds[gc->kind] : "collection";

	if (!ev->tid || !gc->duration_ns || gc->duration_ns >= ev->ts)
		return;
	event_begin(s, "X", ev->pid, ev->tid, kind);
	json__key_str(&s->j, "cat", "gc");
	put_time(&s->j, "ts", ev->ts - gc->duration_ns);
	put_time(&s->j, "dur", gc->duration_ns);
	json__object_end(&s->j);
}

static int chrome_event(void *state, const struct flow_event *ev)
{
	struct chrome *s = state;
	char name[32];

	if (ev->type == FE_TARGET) {
		on_target(s, ev->pid, &ev->target);
	} else if (ev->type == FE_THREAD && ev->tid && !ev->thread.ended) {
		env_name(ev->thread.env, name);
		named(s, "thread_name", ev->pid, ev->tid, name);
	} else if (ev->type == FE_GC) {
		on_gc(s, ev);
	}
	out_counters__event(s->counters, ev);
	return s->j.err;
}

static void request_args(struct chrome *s, const struct flow_req *req)
{
	struct json *j = &s->j;
	char text[PEER_TEXT];

	json__key_object(j, "args");
	json__key_u64(j, "seq", req->seq);
	json__key_u64(j, "env", req->env);
	json__key_u64(j, "conn", flow_conn__number(req->conn));
	json__key_u64(j, "conn_seq", req->conn_seq);
	json__key_str(j, "peer_addr", call_peer__addr(req->family, req->peer_addr, text));
	json__key_u64(j, "peer_port", req->peer_port);
	json__key_str(j, "scheme", req->tls ? "https" : "http");
	json__key_str(j, "protocol", request_word__protocol(req->version));
	json__key_str(j, "path", req->path);
	json__key_u64(j, "status", req->status);
	json__key_str(j, "outcome", request_word__outcome(req->end));
	json__key_bool(j, "incomplete", !request__is_whole(req));
	json__key_u64(j, "bytes_in", req->bytes_in);
	json__key_u64(j, "bytes_out", req->bytes_out);
	wait_json__members(j, req);
	json__key_str(j, "context", finding_word__context(req->context));
	json__key_u64(j, "resources_created", req->resources_created);
	json__object_end(j);
}

static void put_findings(struct chrome *s, const struct flow_req *req, const char *id)
{
	char name[64];

	for (uint32_t i = 0; i < req->nfindings; i++) {
		const struct flow_finding *f = &req->findings[i];

		snprintf(name, sizeof(name), "%s context", finding_word__kind(f->kind));
		async_begin(s, "n", req->pid, id, "request", name, f->head_ns);
		json__key_object(&s->j, "args");
		finding_json__members(&s->j, f, s->opts.show_values);
		json__object_end(&s->j);
		json__object_end(&s->j);
	}
}

/* @to 0: it has not ended. */
static void part(struct chrome *s, const struct flow_req *req, const char *id, const char *name,
		 uint64_t from, uint64_t to)
{
	if (to && to <= from)
		return;
	async(s, "b", req->pid, id, "request", name, from);
	if (to)
		async(s, "e", req->pid, id, "request", name, to);
}

/* In order of time, as readers take events of one moment in the order of the file. */
static void parts(struct chrome *s, const struct flow_req *req, const char *id)
{
	uint64_t recv = max_t(uint64_t, req->recv_ns, req->start_ns);
	uint64_t first = req->first_byte_ns;

	part(s, req, id, "queue", req->start_ns, recv);
	if (!first || first < recv || (req->end_ns && first > req->end_ns)) {
		part(s, req, id, "handling", recv, req->end_ns);
		return;
	}
	part(s, req, id, "handling", recv, first);
	part(s, req, id, "sending", first, req->end_ns);
}

/* Calls and the like of a request: an id each, with the request's number among the arguments. */
static void put_call(struct chrome *s, const struct flow_call *c)
{
	char id[ID_TEXT];
	const char *kind = call_kind__name(c->kind);
	struct json *j = &s->j;

	snprintf(id, sizeof(id), "call-%" PRIu64, ++s->serial);
	async_begin(s, "b", c->pid, id, "call", kind, c->start_ns);
	json__key_object(j, "args");
	json__key(j, "request_seq");
	if (c->request.seq)
		json__u64(j, c->request.seq);
	else
		json__null(j);
	call_json__members(j, c);
	json__object_end(j);
	json__object_end(j);
	if (c->end_ns)
		async(s, "e", c->pid, id, "call", kind, max_t(uint64_t, c->end_ns, c->start_ns));
}

static int chrome_request(void *state, const struct flow_req *req)
{
	struct chrome *s = state;
	char id[ID_TEXT], name[512];

	snprintf(id, sizeof(id), "request-%" PRIu32 "-%" PRIu64, req->env, req->seq);
	snprintf(name, sizeof(name), "%s %s", req->method, req->route ? req->route : req->path);
	async_begin(s, "b", req->pid, id, "request", name, req->start_ns);
	request_args(s, req);
	json__object_end(&s->j);
	parts(s, req, id);
	put_findings(s, req, id);
	if (req->end_ns)
		async(s, "e", req->pid, id, "request", name,
		      max_t(uint64_t, req->end_ns, req->start_ns));
	for (uint32_t i = 0; i < req->ncalls; i++)
		put_call(s, req->calls[i]);
	out_counters__request(s->counters, req);
	s->requests++;
	return s->j.err;
}

static int chrome_call(void *state, const struct flow_call *call)
{
	struct chrome *s = state;

	put_call(s, call);
	return s->j.err;
}

static int chrome_job(void *state, const struct flow_job *job)
{
	struct chrome *s = state;
	uint64_t begin = job->submit_ns ? job->submit_ns : job->start_ns;
	const char *kind = flow_job__kind(job->kind);
	char id[ID_TEXT];

	if (!begin || job->callback_ns < begin)
		return s->j.err;
	snprintf(id, sizeof(id), "job-%" PRIu64, ++s->serial);
	async_begin(s, "b", job->pid, id, "job", kind, begin);
	json__key_object(&s->j, "args");
	job_json__members(&s->j, job);
	json__object_end(&s->j);
	json__object_end(&s->j);
	async(s, "e", job->pid, id, "job", kind, job->callback_ns);
	return s->j.err;
}

static int chrome_resource(void *state, const struct flow_resource *r)
{
	struct chrome *s = state;
	char id[ID_TEXT];
	struct json *j = &s->j;

	if (!r->init_ns)
		return j->err;
	snprintf(id, sizeof(id), "resource-%" PRIu64, ++s->serial);
	async_begin(s, "b", r->pid, id, "resource", r->type, r->init_ns);
	json__key_object(j, "args");
	json__key_i64(j, "async_id", r->async_id);
	json__key_i64(j, "trigger_id", r->trigger_id);
	json__key_u64(j, "env", r->env);
	json__key_u64(j, "callbacks", r->callbacks);
	json__key(j, "request_seq");
	if (r->request_seq)
		json__u64(j, r->request_seq);
	else
		json__null(j);
	json__object_end(j);
	json__object_end(j);
	if (r->destroy_ns)
		async(s, "e", r->pid, id, "resource", r->type,
		      max_t(uint64_t, r->destroy_ns, r->init_ns));
	return j->err;
}

static int chrome_blocking(void *state, const struct flow_blocking *b)
{
	struct chrome *s = state;
	const char *name = blocking_text(b);
	char id[ID_TEXT];

	snprintf(id, sizeof(id), "blocking-%" PRIu64, ++s->serial);
	async_begin(s, "b", b->pid, id, "blocking", name, b->start_ns);
	json__key_object(&s->j, "args");
	blocking_json__members(&s->j, b);
	json__object_end(&s->j);
	json__object_end(&s->j);
	async(s, "e", b->pid, id, "blocking", name, b->start_ns + b->duration_ns);
	return s->j.err;
}

static int chrome_close(void *state, const struct model *m)
{
	struct chrome *s = state;
	struct json *j = &s->j;
	int err;

	out_counters__finish(s->counters);
	json__array_end(j);
	json__key_object(j, "otherData");
	json__key_str(j, "loopray", s->version[0] ? s->version : NULL);
	json__key_str(j, "host", s->host[0] ? s->host : NULL);
	json__key_i64(j, "wall_offset_ns", (int64_t)(s->opts.wall_ns - s->opts.mono_ns));
	json__key_u64(j, "requests", s->requests);
	json__key_u64(j, "lost", m->loss.total);
	json__key_str(j, "cut_short", m->incomplete[0] ? m->incomplete : NULL);
	json__object_end(j);
	json__object_end(j);
	json__newline(j);
	err = json__finish(j);
	chrome_free(s);
	return err;
}

const struct out_format out_chrome_format = {
	.name = "chrome",
	.about = "Chrome's trace format (JSON)",
	.extension = "json",
	.open = chrome_open,
	.event = chrome_event,
	.request = chrome_request,
	.resource = chrome_resource,
	.call = chrome_call,
	.job = chrome_job,
	.blocking = chrome_blocking,
	.close = chrome_close,
	.free = chrome_free,
};

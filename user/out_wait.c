// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "out_wait.h"

const char *wait_text(enum flow_wait kind)
{
	static const char *const texts[WAIT_KINDS] = {
		[WAIT_QUEUE] = "queued before it was read",
		[WAIT_CPU] = "on CPU for it",
		[WAIT_LOOP] = "loop busy with others",
		[WAIT_GC] = "garbage collection",
		[WAIT_SCHED] = "no CPU for the thread",
		[WAIT_BLOCKED] = "blocking inside of its callbacks",
		[WAIT_DNS] = "looking up names",
		[WAIT_CONNECT] = "connecting",
		[WAIT_CALL] = "outgoing calls",
		[WAIT_SOCKET] = "queued for a pooled connection",
		[WAIT_FS] = "file operations",
		[WAIT_CRYPTO] = "crypto in the thread pool",
		[WAIT_ZLIB] = "zlib in the thread pool",
		[WAIT_POOL] = "other jobs of the thread pool",
		[WAIT_POOL_QUEUE] = "queued for the thread pool",
		[WAIT_TIMER] = "timers",
		[WAIT_CLIENT] = "the rest of it from its client",
		[WAIT_OTHER] = "nothing that is known",
	};

	return texts[kind];
}

const char *wait_about(enum flow_wait kind)
{
	static const char *const texts[WAIT_KINDS] = {
		[WAIT_QUEUE] = "in the accept queue or the socket, behind other callbacks",
		[WAIT_CPU] = "its own callbacks ran",
		[WAIT_LOOP] = "it was ready, and the loop worked for others",
		[WAIT_GC] = "in its callbacks, or while it was ready",
		[WAIT_SCHED] = "other threads had the CPUs",
		[WAIT_BLOCKED] = "a synchronous call, a lock or a page stopped the thread",
		[WAIT_DNS] = "getaddrinfo and getnameinfo, in the thread pool",
		[WAIT_CONNECT] = "a connection to another service was being established",
		[WAIT_CALL] = "from the send until bytes of the answer were in the socket",
		[WAIT_SOCKET] = "the pooled connection served another request",
		[WAIT_FS] = "a thread of the pool worked at a file",
		[WAIT_CRYPTO] = "a thread of the pool worked at a key or a hash",
		[WAIT_ZLIB] = "a thread of the pool compressed or decompressed",
		[WAIT_POOL] = "a thread of the pool worked at something else",
		[WAIT_POOL_QUEUE] = "all threads of the pool were busy",
		[WAIT_TIMER] = "a timer of JavaScript was not due yet",
		[WAIT_CLIENT] = "the client had not sent the whole body",
		[WAIT_OTHER] = "another request, an event, or something unseen",
	};

	return texts[kind];
}

const char *blocking_text(const struct flow_blocking *b)
{
	static char text[FLOW_LABEL_PATH + 32];
	static const char *const by[TURN_KINDS] = {
		[TURN_UNKNOWN] = "(unknown)",	     [TURN_REQUEST] = "(a request, not known)",
		[TURN_TIMERS] = "(timers)",	     [TURN_IMMEDIATES] = "(immediates)",
		[TURN_ASYNC] = "(another thread's)",
	};

	if (!b->seq || !b->method)
		return by[b->by];
	snprintf(text, sizeof(text), "%s %s", b->method, b->path);
	return text;
}

void wait_json__members(struct json *j, const struct flow_req *req)
{
	json__key(j, "waits_ns");
	if (req->waits.known) {
		json__object_begin(j);
		for (int i = 0; i < WAIT_KINDS; i++)
			json__key_u64(j, flow_wait__name((enum flow_wait)i), req->waits.ns[i]);
		json__object_end(j);
	} else {
		json__null(j);
	}
	json__key_array(j, "blockers");
	for (int i = 0; i < FLOW_BLOCKERS && req->blocker[i].ns; i++) {
		json__object_begin(j);
		json__key_u64(j, "seq", req->blocker[i].seq);
		json__key_u64(j, "conn", flow_conn__number(req->blocker[i].conn));
		json__key_u64(j, "ns", req->blocker[i].ns);
		json__object_end(j);
	}
	json__array_end(j);
}

static void put_by(struct json *j, const struct flow_blocking *b)
{
	json__key(j, "request");
	if (!b->seq) {
		json__null(j);
		return;
	}
	json__object_begin(j);
	json__key_u64(j, "seq", b->seq);
	json__key_u64(j, "conn", flow_conn__number(b->conn));
	json__key_str(j, "method", b->method);
	json__key_str(j, "path", b->method ? b->path : NULL);
	json__object_end(j);
}

void blocking_json__members(struct json *j, const struct flow_blocking *b)
{
	uint64_t off = b->gc_ns + b->sched_ns + b->blocked_ns;

	json__key_u64(j, "pid", b->pid);
	json__key_u64(j, "env", b->env);
	json__key_u64(j, "start_ns", b->start_ns);
	json__key_u64(j, "duration_ns", b->duration_ns);
	json__key_u64(j, "cpu_ns", b->duration_ns > off ? b->duration_ns - off : 0);
	json__key_u64(j, "gc_ns", b->gc_ns);
	json__key_u64(j, "sched_ns", b->sched_ns);
	json__key_u64(j, "blocked_ns", b->blocked_ns);
	json__key_str(j, "by", b->seq ? "request" : flow_turn__name((enum flow_turn)b->by));
	put_by(j, b);
	json__key_object(j, "paid");
	json__key_u64(j, "count", b->paid);
	json__key_u64(j, "ns", b->paid_ns);
	json__key_array(j, "worst");
	for (uint32_t i = 0; i < b->npayers; i++) {
		json__object_begin(j);
		json__key_u64(j, "seq", b->payer[i].seq);
		json__key_u64(j, "conn", flow_conn__number(b->payer[i].conn));
		json__key_u64(j, "ns", b->payer[i].ns);
		json__key_str(j, "method", b->payer[i].method);
		json__key_str(j, "path", b->payer[i].path);
		json__object_end(j);
	}
	json__array_end(j);
	json__object_end(j);
}

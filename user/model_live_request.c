// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A request with all that is kept of it, in one block of memory. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "flow_trace.h"
#include "model_builder.h"
#include "model_live_int.h"
#include "util.h"

#define ROOM 4 /* for what comes late, once something did */

struct live_request *live_request__new(const struct live_counts *room)
{
	size_t size = sizeof(struct live_request) + room->calls * sizeof(struct flow_call) +
		      room->jobs * sizeof(struct flow_job) +
		      room->resources * sizeof(struct live_resource) +
		      room->findings * sizeof(struct flow_finding) +
		      room->headers * sizeof(struct live_header);
	struct live_request *r = malloc(size);

	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->refs = 1;
	r->bytes = (uint32_t)size;
	/* In the order of their alignment: all but headers have words of eight bytes. */
	r->calls = (struct flow_call *)(r + 1);
	r->jobs = (struct flow_job *)(r->calls + room->calls);
	r->resources = (struct live_resource *)(r->jobs + room->jobs);
	r->findings = (struct flow_finding *)(r->resources + room->resources);
	r->header = (struct live_header *)(r->findings + room->findings);
	r->room_calls = (uint16_t)room->calls;
	r->room_jobs = (uint16_t)room->jobs;
	r->room_resources = (uint16_t)room->resources;
	return r;
}

void live_request__put(struct live_request *r)
{
	if (r && --r->refs == 0)
		free(r);
}

static void copy_headers(struct live_request *to, const struct flow_kept *kept, uint32_t n)
{
	char id[FLOW_TRACE_ID_TEXT], span[FLOW_TRACE_SPAN_TEXT];

	for (uint32_t i = 0; i < n; i++) {
		struct live_header *h = &to->header[to->nheaders++];

		live_text(h->name, sizeof(h->name), kept->header[i].name);
		live_text(h->value, sizeof(h->value), kept->header[i].value);
	}
	if (!kept->trace.known)
		return;
	flow_trace__text(&kept->trace, id, span);
	snprintf(to->traceparent, sizeof(to->traceparent), "00-%s-%s-%02x", id, span,
		 kept->trace.flags);
}

/* Into arrays that are short and nearly sorted. */
static void insert_job(struct live_request *r, const struct flow_job *job)
{
	uint32_t i = r->njobs++;

	for (; i && r->jobs[i - 1].submit_ns > job->submit_ns; i--)
		r->jobs[i] = r->jobs[i - 1];
	r->jobs[i] = *job;
}

static void insert_resource(struct live_request *r, const struct live_resource *res)
{
	uint32_t i = r->nresources++;

	for (; i && r->resources[i - 1].init_ns > res->init_ns; i--)
		r->resources[i] = r->resources[i - 1];
	r->resources[i] = *res;
}

static void insert_call(struct live_request *r, const struct flow_call *call)
{
	uint32_t i = r->ncalls++;

	for (; i && r->calls[i - 1].start_ns > call->start_ns; i--)
		r->calls[i] = r->calls[i - 1];
	r->calls[i] = *call;
}

static void insert(struct live_request *r, const struct live_item *item)
{
	if (item->kind == LIVE_JOB)
		insert_job(r, &item->job);
	else if (item->kind == LIVE_RESOURCE)
		insert_resource(r, &item->resource);
	else
		insert_call(r, item->call);
}

struct live_request *live_request__of(const struct flow_req *req, const struct live_held *held)
{
	uint32_t headers = req->kept ? min_t(uint32_t, req->kept->n, FE_HEADERS_MAX) : 0;
	struct live_counts room = {
		.calls = min_t(uint32_t, req->ncalls, LIVE_OF_REQUEST),
		.findings = min_t(uint32_t, req->nfindings, LIVE_FINDINGS),
		.headers = headers,
	};
	uint32_t calls = room.calls;
	struct live_request *r;

	if (held) {
		room.jobs = held->n[LIVE_JOB];
		room.resources = held->n[LIVE_RESOURCE];
		room.calls = min_t(uint32_t, calls + held->n[LIVE_CALL], LIVE_OF_REQUEST);
	}
	r = live_request__new(&room);
	if (!r)
		return NULL;
	model_request__copy(&r->on, req);
	live_text(r->route, sizeof(r->route), req->route ? req->route : r->on.path);
	r->not_kept = req->ncalls - calls + req->nfindings - room.findings + req->calls_not_kept;
	for (uint32_t i = 0; i < calls; i++)
		insert_call(r, req->calls[i]);
	if (room.findings)
		memcpy(r->findings, req->findings, room.findings * sizeof(*r->findings));
	r->nfindings = room.findings;
	if (req->kept)
		copy_headers(r, req->kept, headers);
	if (!held)
		return r;
	r->not_kept += held->not_kept;
	for (const struct live_item *i = held->items; i; i = i->next) {
		if (i->kind == LIVE_CALL && r->ncalls == room.calls)
			r->not_kept++;
		else
			insert(r, i);
	}
	return r;
}

/* Everything but the arrays is copied as it is. */
static struct live_request *copy(const struct live_request *r, const struct live_counts *room)
{
	struct live_request *to = live_request__new(room), made;

	if (!to)
		return NULL;
	made = *to;
	*to = *r;
	to->refs = 1;
	to->bytes = made.bytes;
	to->room_calls = made.room_calls;
	to->room_jobs = made.room_jobs;
	to->room_resources = made.room_resources;
	to->calls = memcpy(made.calls, r->calls, r->ncalls * sizeof(*r->calls));
	to->jobs = memcpy(made.jobs, r->jobs, r->njobs * sizeof(*r->jobs));
	to->resources = memcpy(made.resources, r->resources, r->nresources * sizeof(*r->resources));
	to->findings = memcpy(made.findings, r->findings, r->nfindings * sizeof(*r->findings));
	to->header = memcpy(made.header, r->header, r->nheaders * sizeof(*r->header));
	return to;
}

/* Room for one more of a kind, if there is none: more each time, so that many late ones are cheap.
 */
static uint32_t more(uint32_t n, uint32_t room, bool one)
{
	if (!one || n < room)
		return room;
	return min_t(uint32_t, n + ROOM + n / 2, LIVE_OF_REQUEST);
}

static bool full(const struct live_request *r, const struct live_item *item)
{
	uint32_t n = item->kind == LIVE_JOB	   ? r->njobs
		     : item->kind == LIVE_RESOURCE ? r->nresources
						   : r->ncalls;

	return n >= LIVE_OF_REQUEST;
}

struct live_request *live_request__add(struct live_request *r, const struct live_item *item)
{
	bool none = full(r, item);
	struct live_counts room = {
		.calls = more(r->ncalls, r->room_calls, !none && item->kind == LIVE_CALL),
		.jobs = more(r->njobs, r->room_jobs, !none && item->kind == LIVE_JOB),
		.resources = more(r->nresources, r->room_resources,
				  !none && item->kind == LIVE_RESOURCE),
		.findings = r->nfindings,
		.headers = r->nheaders,
	};
	struct live_request *to = r;

	if (r->refs > 1 || room.calls != r->room_calls || room.jobs != r->room_jobs ||
	    room.resources != r->room_resources)
		to = copy(r, &room);
	if (!to)
		return NULL;
	if (to != r)
		live_request__put(r);
	if (none)
		to->not_kept++;
	else
		insert(to, item);
	return to;
}

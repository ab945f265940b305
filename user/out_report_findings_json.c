// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The members "context" and "findings" of the report for programs. */
#include "out_finding.h"
#include "out_finding_time.h"
#include "out_leak.h"
#include "out_report_parts.h"

static void put_context(struct json *j, const struct model *m)
{
	const struct flow_context_counts *c = &m->context;

	json__key_object(j, "context");
	json__key_u64(j, "heads", c->heads);
	json__key_u64(j, "read", c->read);
	json__key_u64(j, "none", c->none);
	json__key_u64(j, "unreadable", c->unreadable);
	finding_json__unknown(j, "unknown", c->unknown);
	json__key_u64(j, "same_connection", c->same_connection);
	json__key_u64(j, "not_kept", c->not_kept);
	json__key_object(j, "requests");
	for (unsigned int i = 0; i < MODEL_CONTEXT; i++)
		json__key_u64(j, finding_word__context(i), m->by_context[i]);
	json__object_end(j);
	json__object_end(j);
}

static void put_request(struct json *j, const struct model_request *r)
{
	json__key_object(j, "request");
	json__key_u64(j, "pid", r->req.pid);
	json__key_u64(j, "env", r->req.env);
	json__key_u64(j, "seq", r->req.seq);
	json__key_u64(j, "conn", flow_conn__number(r->req.conn));
	json__key_u64(j, "stream", flow_conn__stream(r->req.conn));
	json__key_u64(j, "peer_port", r->req.peer_port);
	json__key_str(j, "scheme", r->req.tls ? "https" : "http");
	json__key_str(j, "method", r->method);
	json__key_str(j, "path", r->path);
	json__key_u64(j, "status", r->req.status);
	json__key_u64(j, "start_ns", r->req.start_ns);
	json__key_u64(j, "first_byte_ns", r->req.first_byte_ns);
	json__key_u64(j, "end_ns", r->req.end_ns);
	json__object_end(j);
}

static void put_group(struct json *j, const struct model_group *g, bool show)
{
	json__object_begin(j);
	json__key_str(j, "kind", finding_word__kind(g->kind));
	json__key_str(j, "grade", finding_word__grade(g->kind, g->grade));
	json__key_bool(j, "merged", g->merged);
	json__key_u64(j, "count", g->count);
	json__key_u64(j, "harm", g->harm);
	json__key_u64(j, "stale", g->stale);
	json__key_u64(j, "captured", g->captured);
	json__key_u64(j, "requests", g->requests);
	json__key_str(j, "method", g->method);
	json__key_str(j, "route", g->route);
	json__key_str(j, "other_method", g->other_method[0] ? g->other_method : NULL);
	json__key_str(j, "other_route", g->other_route[0] ? g->other_route : NULL);
	json__key_str(j, "resource", g->resource[0] ? g->resource : NULL);
	json__key(j, "instance");
	if (g->instance)
		json__u64(j, g->instance);
	else
		json__null(j);
	json__key_u64(j, "kept", g->kept);
	json__key_u64(j, "first_ns", g->first_ns);
	json__key_u64(j, "last_ns", g->last_ns);
	json__key_object(j, "example");
	put_request(j, &g->on);
	finding_json__members(j, &g->example, show);
	finding_json__timeline(j, g);
	json__object_end(j);
	json__object_end(j);
}

static void put_leaks(struct json *j, const struct model *m)
{
	const struct flow_leaks *l = &m->leaks;
	static const char *const why[] = {
		[LEAKS_NOT] = "no_resources",
		[LEAKS_JUDGED] = NULL,
		[LEAKS_SHORT] = "short",
		[LEAKS_LOSS] = "loss",
	};

	json__key_object(j, "leaks");
	json__key_bool(j, "judged", l->judged == LEAKS_JUDGED);
	json__key_str(j, "not_judged_because", why[l->judged]);
	json__key_object(j, "types");
	for (uint32_t i = 0; i < l->count; i++) {
		const struct flow_outlived *t = &l->type[i];

		json__key_object(j, t->name);
		leak_json__resource(j, t);
		json__object_end(j);
	}
	json__object_end(j);
	json__key_array(j, "stores");
	for (size_t i = 0; i < m->left_count; i++) {
		json__object_begin(j);
		leak_json__stores(j, &m->left[i]);
		json__object_end(j);
	}
	json__array_end(j);
	json__key_array(j, "environments");
	for (size_t i = 0; i < m->waiting_count; i++) {
		json__object_begin(j);
		leak_json__waiting(j, &m->waiting[i]);
		json__object_end(j);
	}
	json__array_end(j);
	json__object_end(j);
}

static void put_findings(struct json *j, const struct model *m, bool show)
{
	const struct model_finding_counts *c = &m->findings;

	json__key_object(j, "findings");
	json__key_u64(j, "foreign", c->foreign);
	json__key_u64(j, "stale", c->stale);
	json__key_u64(j, "lost_intermittent", c->lost_intermittent);
	json__key_u64(j, "lost_always", c->lost_always);
	json__key_u64(j, "fan_out", c->fan_out);
	json__key_u64(j, "leaked", c->leaked);
	json__key_u64(j, "unknown", c->unknown);
	json__key_u64(j, "foreign_harm", c->foreign_harm);
	json__key_u64(j, "captured", c->captured);
	json__key_u64(j, "mismatched_requests", c->mismatched);
	json__key_array(j, "groups");
	for (size_t i = 0; i < m->group_count; i++)
		put_group(j, &m->groups[i], show);
	json__array_end(j);
	put_leaks(j, m);
	json__object_end(j);
}

void report_json__findings(struct json *j, const struct model *m, bool show)
{
	put_context(j, m);
	put_findings(j, m, show);
}

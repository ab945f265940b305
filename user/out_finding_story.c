// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A group of findings, in the words of the person who would explain it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "out_finding.h"
#include "out_finding_story.h"
#include "out_finding_time.h"
#include "out_text.h"
#include "util.h"

#define CONN 48 /* "conn N stream N" */
#define TEXT 32 /* of a duration */
#define PATH 96

typedef unsigned long long ull;

void sentence__add(struct sentence *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (s->len >= sizeof(s->text) - 1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(s->text + s->len, sizeof(s->text) - s->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->len += (size_t)n;
}

/* "conn 12", of HTTP/2 "conn 12 stream 7" */
static const char *conn_text(char *buf, size_t cap, uint64_t conn)
{
	int n = snprintf(buf, cap, "conn %llu", (ull)flow_conn__number(conn));

	if (flow_conn__stream(conn) && n > 0 && (size_t)n < cap)
		snprintf(buf + n, cap - (size_t)n, " stream %u", flow_conn__stream(conn));
	return buf;
}

/* "POST /process-payment (conn 12, port 51234, 200, 14.2 ms)" */
static void add_request(struct sentence *s, const struct model_request *r)
{
	char method[24], path[PATH], took[TEXT], conn[CONN];

	sentence__add(s, "%s %s (%s", text_safe(method, sizeof(method), r->method),
		      text_safe(path, sizeof(path), r->path),
		      conn_text(conn, sizeof(conn), r->req.conn));
	if (r->req.tls)
		sentence__add(s, ", TLS");
	if (r->req.peer_port)
		sentence__add(s, ", port %u", r->req.peer_port);
	if (r->req.status)
		sentence__add(s, ", %u", r->req.status);
	if (r->req.end_ns > r->req.start_ns)
		sentence__add(s, ", %s",
			      text_duration(took, sizeof(took), r->req.end_ns - r->req.start_ns));
	sentence__add(s, ")");
}

/* "POST /process-payment of conn 9 (port 51230)" */
static void add_other(struct sentence *s, const struct finding_request *o)
{
	char method[24], path[PATH], conn[CONN];

	if (!o->conn) {
		sentence__add(s, "a request that is not known");
		return;
	}
	if (o->seq && o->method[0])
		sentence__add(s, "%s %s", text_safe(method, sizeof(method), o->method),
			      text_safe(path, sizeof(path), o->path));
	else
		sentence__add(s, "one of the requests");
	sentence__add(s, " of %s", conn_text(conn, sizeof(conn), o->conn));
	if (o->peer_port)
		sentence__add(s, " (port %u)", o->peer_port);
}

static void add_other_end(struct sentence *s, const struct flow_finding *f)
{
	uint64_t end = f->other.end_ns;
	char text[TEXT];

	if (end && end <= f->head_ns)
		sentence__add(s, ", which had been answered %s before",
			      text_duration(text, sizeof(text), f->head_ns - end));
	else if (f->stale)
		sentence__add(s, ", which had been answered before");
	else if (end)
		sentence__add(s, ", which was answered %s later",
			      text_duration(text, sizeof(text), end - f->head_ns));
	else if (f->other.seq)
		sentence__add(s, ", which had not been answered yet");
}

/* "; its requestId appears in this response's head and in a line that this request logged" */
static void add_signs(struct sentence *s, const struct flow_finding *f)
{
	const struct {
		bool there;
		const char *field;
		const char *where;
	} signs[] = {
		{f->id_in_response, f->id_field, "this response's head"},
		{f->id_in_line, f->line_field, "a line that this request logged"},
		{f->id_in_call, f->call_field, "what this request sent to another service"},
	};
	const char *before = NULL;
	char field[64];

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (!signs[i].there)
			continue;
		if (before && strcmp(before, signs[i].field) == 0)
			sentence__add(s, " and in %s", signs[i].where);
		else
			sentence__add(s, "; its %s appears in %s",
				      signs[i].field[0]
					      ? text_safe(field, sizeof(field), signs[i].field)
					      : "id",
				      signs[i].where);
		before = signs[i].field;
	}
}

static void add_foreign(struct sentence *s, const struct flow_finding *f)
{
	sentence__add(s, " was answered under the store of ");
	add_other(s, &f->other);
	add_other_end(s, f);
	add_signs(s, f);
	sentence__add(s, ".");
	if (f->own_seen)
		sentence__add(s, " Its own store had been active before.");
	if (f->captured)
		sentence__add(s,
			      " This store has been active at %u responses of other requests so "
			      "far: something has kept it.",
			      f->served);
}

static void add_lost(struct sentence *s, const struct flow_finding *f)
{
	sentence__add(s,
		      " had entered a store of AsyncLocalStorage instance %u, but none was active "
		      "when its response was written.",
		      f->instance);
}

static void add_fan_out(struct sentence *s, const struct flow_finding *f)
{
	sentence__add(s, " was answered by the same execution that answered ");
	add_other(s, &f->other);
	sentence__add(s, ". Publish-subscribe and long polling do that by design.");
}

static void add_callback(struct sentence *s, const struct flow_finding *f, bool resources)
{
	char type[64];

	if (f->exec_id < 0) {
		sentence__add(s, " In which callback the write ran is not known.");
		return;
	}
	if (f->exec_id == 0) {
		sentence__add(s, " The write ran under async id 0, which names no resource.");
		return;
	}
	if (f->resource[0])
		sentence__add(s, " The write ran in a callback of %s (async id %lld",
			      text_safe(type, sizeof(type), f->resource), (long long)f->exec_id);
	else
		sentence__add(s, " The write ran under async id %lld (%s", (long long)f->exec_id,
			      resources ? "JavaScript's own, or older than the attach"
					: "its type takes --level resources");
	if (f->trigger_id >= 0)
		sentence__add(s, ", trigger %lld", (long long)f->trigger_id);
	sentence__add(s, ").");
}

/* "made 3.2 ms before for GET /a of conn 7 (under async id 70)" */
static void add_made(struct sentence *s, const struct flow_finding *f, const struct finding_link *l)
{
	char text[TEXT], method[24], path[PATH], conn[CONN];

	sentence__add(s, "made");
	if (l->init_ns && l->init_ns <= f->head_ns)
		sentence__add(s, " %s before",
			      text_duration(text, sizeof(text), f->head_ns - l->init_ns));
	if (l->seq && l->method[0])
		sentence__add(s, " for %s %s of %s", text_safe(method, sizeof(method), l->method),
			      text_safe(path, sizeof(path), l->path),
			      conn_text(conn, sizeof(conn), l->conn));
	else if (l->seq)
		sentence__add(s, " for a request of %s", conn_text(conn, sizeof(conn), l->conn));
	if (l->exec_id > 0)
		sentence__add(s, " under async id %lld", (long long)l->exec_id);
}

static void add_link(struct sentence *s, const struct flow_finding *f, const struct finding_link *l)
{
	char type[40];

	if (l->resource[0])
		sentence__add(s, "%s (%lld)", text_safe(type, sizeof(type), l->resource),
			      (long long)l->async_id);
	else
		sentence__add(s, "async id %lld", (long long)l->async_id);
	if (!l->init_ns && !l->seq)
		return;
	sentence__add(s, ", ");
	add_made(s, f, l);
}

/*
 * Where the callback came from, as far as it is known (level resources): what it is itself has been
 * said, so only when and for whom it was made, then what triggered it.
 */
static void add_chain(struct sentence *s, const struct flow_finding *f, bool resources)
{
	uint32_t n = min_t(uint32_t, f->nchain, FINDING_CHAIN), known = 0;

	for (uint32_t i = 0; i < n; i++)
		if (f->chain[i].init_ns || f->chain[i].seq || (i && f->chain[i].resource[0]))
			known = i + 1;
	if (!resources || !known)
		return;
	sentence__add(s, " It was ");
	if (f->chain[0].init_ns || f->chain[0].seq)
		add_made(s, f, &f->chain[0]);
	for (uint32_t i = 1; i < known; i++) {
		sentence__add(s, "%striggered by ",
			      i > 1 || f->chain[0].init_ns || f->chain[0].seq ? "; " : "");
		add_link(s, f, &f->chain[i]);
	}
	sentence__add(s, known < n || f->chain[n - 1].trigger_id < 0
				 ? "; what triggered that is not known."
				 : ".");
}

void finding_story__what(struct sentence *s, const struct flow_finding *f)
{
	if (f->kind == FINDING_FOREIGN)
		add_foreign(s, f);
	else if (f->kind == FINDING_LOST)
		add_lost(s, f);
	else
		add_fan_out(s, f);
}

void finding_story__example(struct sentence *s, const struct model_group *g, bool resources)
{
	sentence__add(s, "For example, ");
	add_request(s, &g->on);
	finding_story__what(s, &g->example);
	add_callback(s, &g->example, resources);
	add_chain(s, &g->example, resources);
}

void finding_story__timeline(struct sentence *s, const struct model_group *g)
{
	struct finding_moment m[FINDING_MOMENTS] = {0};
	size_t n = finding_moments(g, m);

	sentence__add(s, "Time line (ms from the write):");
	for (size_t i = 0; i < n; i++)
		sentence__add(s, "%s %s %s %+.1f", i ? "," : "", finding_word__who(m[i].who),
			      finding_word__what(m[i].what),
			      ((double)m[i].ns - (double)g->example.head_ns) / 1e6);
	sentence__add(s, ".");
}

/* Why the request cannot have entered the store itself. */
static const char *proof_text(enum finding_proof proof)
{
	static const char *const texts[] = {
		[PROOF_OLDER] = "the callback that wrote is older than this request",
		[PROOF_CARRIER] = "what carries the store here is older than this request, or was "
				  "made for another one",
		[PROOF_OWN_SEEN] = "this request's own store had been active before",
		[PROOF_INBOUND] = "it holds an id that came with the other request",
		[PROOF_ROUTE] = "requests of this route make their own, and none was seen to share "
				"one",
	};

	return (size_t)proof < ARRAY_SIZE(texts) ? texts[proof] : NULL;
}

static const char *binding_text(enum finding_binding binding)
{
	static const char *const texts[] = {
		[BINDING_BIRTH] = "was made in the callback that read",
		[BINDING_INBOUND] = "holds an id that came with",
		[BINDING_NONE] = "is not",
		[BINDING_SPAN] = "holds a span of",
	};

	return texts[(size_t)binding < ARRAY_SIZE(texts) ? binding : BINDING_NONE];
}

void finding_story__certainty(struct sentence *s, const struct flow_finding *f)
{
	char whose[CONN + 2] = "this", conn[CONN];

	if (f->kind != FINDING_LOST)
		snprintf(whose, sizeof(whose), "%s's",
			 conn_text(conn, sizeof(conn), f->other.conn));
	if (f->binding == BINDING_NONE) {
		sentence__add(s, "The store was active before this request came, so it is another "
				 "one's");
	} else {
		sentence__add(s, "The store %s ", binding_text(f->binding));
		sentence__add(s, "%s request", whose);
	}
	if (f->binding == BINDING_NONE || f->kind == FINDING_LOST)
		; /* nothing was followed */
	else if (f->identity == IDENTITY_ADDRESS)
		sentence__add(s, " and is still the same object in memory (GC epoch %u)", f->epoch);
	else
		sentence__add(s, " and was recognized after a collection by its constant fields");
	if (f->kind == FINDING_FOREIGN && proof_text(f->proof))
		sentence__add(s, ". That this request did not enter it itself: %s",
			      proof_text(f->proof));
	sentence__add(s, ". Confidence: %s.", finding_word__confidence(f));
}

void finding_text__active(char *buf, size_t cap, const struct flow_finding *f)
{
	char conn[CONN];

	if (f->other.conn)
		snprintf(buf, cap, "active (of %s)", conn_text(conn, sizeof(conn), f->other.conn));
	else
		snprintf(buf, cap, "active");
}

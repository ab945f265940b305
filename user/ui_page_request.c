// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page of a request: what it was, when what happened, what it waited for, what it did. */
#include <stdio.h>
#include <string.h>

#include "out_call.h"
#include "out_finding.h"
#include "out_finding_story.h"
#include "out_wait.h"
#include "ui_view_parts.h"
#include "util.h"

/* How it ended, in words; the style says how bad that is. */
static const char *outcome(const struct live_request *r, enum ui_style *style)
{
	const uint16_t status = r->on.req.status;

	*style = UI_BAD;
	switch (r->on.req.end) {
	case REQ_IN_FLIGHT:
		*style = UI_GOOD;
		return "in flight";
	case REQ_ABORTED_PEER:
		return "aborted: the client went away before the response was complete";
	case REQ_ABORTED_SERVER:
		return "aborted: the process closed the connection before the response was "
		       "complete";
	case REQ_UPGRADED:
		*style = UI_GOOD;
		return "the connection left HTTP";
	case REQ_LOST:
		return "its end was not seen: records were lost";
	default:
		*style = status >= 500 ? UI_WORSE : status >= 400 ? UI_BAD : UI_GOOD;
		return "complete";
	}
}

static void put_outcome(struct ui_page *p, const struct live_request *r)
{
	enum ui_style style;
	const char *how = outcome(r, &style);
	const uint64_t latency = ui_request__latency(r);
	char took[24], text[160];
	const bool bad = style == UI_BAD || style == UI_WORSE;

	ui_text__ns(took, sizeof(took), latency);
	if (r->on.req.status)
		snprintf(text, sizeof(text), "%u, %s%s", r->on.req.status,
			 ui_request__in_flight(r) ? "in flight for "
			 : latency == UINT64_MAX  ? "latency not known"
						  : "",
			 latency == UINT64_MAX ? "" : took);
	else
		snprintf(text, sizeof(text), "no status, %s%s",
			 ui_request__in_flight(r) ? "in flight for " : "",
			 latency == UINT64_MAX ? "latency not known" : took);
	ui_page__sure(p, 0, style,
		      bad			 ? SIGN_BAD
		      : ui_request__in_flight(r) ? SIGN_RIGHT
						 : SIGN_GOOD,
		      text);
	if (r->on.req.end != REQ_COMPLETE && !ui_request__in_flight(r))
		ui_page__sure(p, 0, style, bad ? SIGN_BAD : SIGN_GOOD, how);
}

static void put_incomplete(struct ui_page *p, const struct live_request *r)
{
	static const struct {
		uint32_t bit;
		const char *text;
	} reasons[] = {
		{REQ_INC_LOSS, "incomplete: records of its thread or connection were lost"},
		{REQ_INC_GAP, "incomplete: bytes of it were not seen"},
		{REQ_INC_ATTACH, "incomplete: it had begun before loopray attached"},
	};
	char text[96];

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (r->on.req.incomplete & reasons[i].bit)
			ui_page__sure(p, 0, UI_BAD, SIGN_UNSURE, reasons[i].text);
	if (!r->not_kept)
		return;
	snprintf(text, sizeof(text), "%u more calls, jobs or resources of it were not kept",
		 r->not_kept);
	ui_page__sure(p, 0, UI_BAD, SIGN_UNSURE, text);
}

static void put_client(struct ui_page *p, const struct flow_req *q)
{
	char addr[PEER_TEXT];
	const char *peer = call_peer__addr(q->family, q->peer_addr, addr);
	struct sentence s = {0};

	sentence__add(&s, "%s", peer ? peer : "address not known");
	if (q->peer_port)
		sentence__add(&s, " port %u", q->peer_port);
	sentence__add(&s, ", connection %llu", (ull)flow_conn__number(q->conn));
	if (flow_conn__stream(q->conn))
		sentence__add(&s, ", stream %u", flow_conn__stream(q->conn));
	else if (q->conn_seq)
		sentence__add(&s, ", its request %u", q->conn_seq);
	sentence__add(&s, ", %s%s",
		      q->version == FLOW_VERSION_H2 ? "HTTP/2"
		      : q->version == 10	    ? "HTTP/1.0"
						    : "HTTP/1.1",
		      q->tls ? " over TLS" : "");
	ui_page__fact(p, "client", s.text);
}

static void put_context(struct ui_page *p, const struct flow_req *q)
{
	static const char *const texts[MODEL_CONTEXT] = {
		[CONTEXT_UNREAD] = "not checked: no response head, or no store in use",
		[CONTEXT_OWN] = "its own",
		[CONTEXT_NONE] = "no store was active, and none is known to be lost",
		[CONTEXT_FOREIGN] = "another request's",
		[CONTEXT_LOST] = "lost: it had entered a store",
		[CONTEXT_UNKNOWN] = "unknown whose store was active",
		[CONTEXT_UNREADABLE] = "unknown: the read failed",
	};
	const char *why = q->context == CONTEXT_UNKNOWN ? finding_text__unknown(q->unknown) : NULL;
	const bool bad = q->context == CONTEXT_FOREIGN || q->context == CONTEXT_LOST;
	char text[192];

	snprintf(text, sizeof(text), "%s%s%s%s%s",
		 bad ? ui_sign__text(SIGN_BAD, ui_page__ascii(p)) : "", bad ? " " : "",
		 texts[q->context < MODEL_CONTEXT ? q->context : CONTEXT_UNREAD], why ? ": " : "",
		 why ? why : "");
	ui_page__fact_in(p, bad ? UI_BAD : UI_PLAIN, "context", text);
}

static void put_facts(struct ui_page *p, const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;
	char text[192], in[16], out[16];

	if (strcmp(r->route, r->on.path) != 0)
		ui_page__fact(p, "route", r->route);
	snprintf(text, sizeof(text), "%u, thread %u, environment %u, request %llu of it", q->pid,
		 q->tid, q->env, (ull)q->seq);
	if (q->env == FLOW_ENV_UNKNOWN)
		snprintf(text, sizeof(text), "%u, thread %u", q->pid, q->tid);
	ui_page__fact(p, "process", text);
	put_client(p, q);
	ui_text__bytes(in, sizeof(in), q->bytes_in);
	ui_text__bytes(out, sizeof(out), q->bytes_out);
	snprintf(text, sizeof(text), "%s received, %s sent", in, out);
	ui_page__fact(p, "bytes", text);
	put_context(p, q);
	if (r->traceparent[0])
		ui_page__fact(p, "traceparent", r->traceparent);
	for (uint32_t i = 0; i < min_t(uint32_t, r->nheaders, FE_HEADERS_MAX); i++) {
		snprintf(text, sizeof(text), "%s: %s", r->header[i].name, r->header[i].value);
		ui_page__fact(p, i ? "" : "headers", text);
	}
}

static void put_moment(struct ui_page *p, const struct ui_scale *s, const char *what, uint64_t ns,
		       uint64_t start, const char *unknown)
{
	char text[24];

	ui_page__label(p, s, UI_DIM, what);
	if (!ns) {
		ui_page__column(p, s->col);
		ui_page__put(p, UI_DIM, unknown);
		ui_page__end(p);
		return;
	}
	ui_page__moment(p, s, UI_STRONG, ns);
	ui_text__ns(text, sizeof(text), ui_since(ns, start));
	ui_page__right(p, UI_PLAIN, s->col + s->width + 9, text);
	ui_page__end(p);
}

/* Until when: its end, or what is known of it so far. */
static uint64_t end_of(const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;
	uint64_t end;

	if (ui_request__in_flight(r))
		return q->start_ns + r->age_ns;
	end = max_t(uint64_t, q->end_ns, q->start_ns);
	end = max_t(uint64_t, end, q->recv_ns);
	return max_t(uint64_t, end, q->first_byte_ns);
}

static void put_timeline(struct ui_page *p, const struct live_request *r, const struct ui_scale *s)
{
	const struct flow_req *q = &r->on.req;
	const uint64_t end = end_of(r), head = q->recv_ns ? q->recv_ns : q->start_ns;
	const uint64_t first = q->first_byte_ns ? q->first_byte_ns : end;
	const struct ui_span spans[] = {
		{q->start_ns, head, SIGN_SHADE_1, UI_DIM},
		{head, first, SIGN_HBAR_8, UI_GOOD},
		{first, end, SIGN_SHADE_1 + 1, UI_GOOD},
	};
	const bool flies = ui_request__in_flight(r);
	struct ui_span kept[3];
	size_t n = 0;
	char text[24];

	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (spans[i].to_ns > spans[i].from_ns)
			kept[n++] = spans[i];
	ui_page__heading(p, "Time line");
	ui_page__label(p, s, UI_PLAIN, s->col > 20 ? "queued, worked, sent" : "request");
	ui_page__bar(p, s, kept, n);
	ui_text__ns(text, sizeof(text), ui_since(end, q->start_ns));
	ui_page__right(p, UI_STRONG, s->col + s->width + 9, text);
	ui_page__end(p);
	put_moment(p, s, "arrived", q->start_ns, q->start_ns, "");
	put_moment(p, s, "head read", q->recv_ns, q->start_ns, "not seen");
	put_moment(p, s, "first byte", q->first_byte_ns, q->start_ns,
		   flies ? "not yet" : "none seen");
	put_moment(p, s, q->end == REQ_COMPLETE ? "last byte" : "end", flies ? 0 : q->end_ns,
		   q->start_ns, flies ? "not yet" : "not seen");
}

static void put_waits(struct ui_page *p, const struct live_request *r, const struct ui_scale *s)
{
	const struct flow_waits *w = &r->on.req.waits;
	uint64_t sum = 0;

	ui_page__heading(p, "What it waited for");
	if (!w->known) {
		ui_page__wrap(
			p, UI_DIM, 2,
			ui_request__in_flight(r)
				? "how it divides is known when it is over; below is what is open"
				: "unknown: the loop's idle time could not be read, records "
				  "were lost, or another thread answered");
		return;
	}
	for (int i = 0; i < WAIT_KINDS; i++)
		sum += w->ns[i];
	ui_page__waits(p, w->ns, sum, s);
}

static void put_blockers(struct ui_page *p, const struct live_view *v, const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;

	if (!q->blocker[0].ns)
		return;
	ui_page__heading(p, "Whose callbacks held the loop while it was ready");
	for (int i = 0; i < FLOW_BLOCKERS && q->blocker[i].ns; i++) {
		const struct flow_blocker *b = &q->blocker[i];
		const struct live_request *who = ui_request__named(v, q, b->conn, b->seq);
		char text[24];

		ui_text__ns(text, sizeof(text), b->ns);
		ui_page__right(p, UI_PLAIN, 10, text);
		ui_page__column(p, 12);
		if (who)
			ui_page__printf(p, UI_PLAIN, "%s %s  ", who->on.method, who->on.path);
		ui_page__printf(p, UI_DIM, "request %llu, connection %llu", (ull)b->seq,
				(ull)flow_conn__number(b->conn));
		ui_page__end(p);
	}
}

static void put_findings(struct ui_page *p, const struct live_request *r)
{
	if (!r->nfindings)
		return;
	ui_page__heading(p, "Findings");
	for (uint32_t i = 0; i < r->nfindings; i++) {
		const struct flow_finding *f = &r->findings[i];
		const bool design = f->kind == FINDING_FAN_OUT;
		const char *grade = finding_word__grade(f->kind, f->grade);
		struct sentence s = {0}, sure = {0};
		char text[64];

		snprintf(text, sizeof(text), "%s%s%s",
			 design ? "fan-out, by design" : finding_word__kind(f->kind),
			 grade && !design ? ", " : "", grade && !design ? grade : "");
		ui_page__sure(p, 0, design ? UI_DIM : UI_BAD, design ? SIGN_DOT : SIGN_BAD, text);
		sentence__add(&s, "It");
		finding_story__what(&s, f);
		ui_page__wrap(p, UI_PLAIN, 2, s.text);
		if (design)
			continue;
		finding_story__certainty(&sure, f);
		ui_page__wrap(p, UI_DIM, 2, sure.text);
	}
}

/* The scale goes on behind the end for what came late, by at most half. */
static void make_scale(const struct ui_page *p, const struct live_request *r, struct ui_scale *s)
{
	const struct flow_req *q = &r->on.req;
	const uint64_t end = end_of(r), length = ui_since(end, q->start_ns);
	uint64_t to = end;

	for (uint32_t i = 0; i < r->ncalls; i++)
		to = max_t(uint64_t, to, r->calls[i].end_ns);
	for (uint32_t i = 0; i < r->njobs; i++)
		to = max_t(uint64_t, to, r->jobs[i].end_ns);
	ui_page__scale(p, s, q->start_ns, min_t(uint64_t, to, end + length / 2));
	s->end_ns = end;
}

bool ui_page_request(const struct live_view *v, uint64_t id, struct ui_page *p)
{
	const struct live_request *r = ui_request__find(v, id);
	struct ui_scale s = {0};
	char title[320];

	if (!r)
		return false;
	snprintf(title, sizeof(title), "%s %s", r->on.method, r->on.path);
	ui_page__wrap(p, UI_TITLE, 0, title);
	put_outcome(p, r);
	put_incomplete(p, r);
	ui_page__end(p);
	put_facts(p, r);
	make_scale(p, r, &s);
	put_findings(p, r);
	put_timeline(p, r, &s);
	put_waits(p, r, &s);
	put_blockers(p, v, r);
	ui_page__waterfall(p, v, r, &s);
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a request did, as bars below its time line: outgoing calls, jobs, async resources. */
#include <stdio.h>
#include <string.h>

#include "out_call.h"
#include "out_finding_story.h"
#include "ui_view_parts.h"
#include "util.h"

/* How long it took, or takes so far, behind its bar. */
static void put_end(struct ui_page *p, const struct ui_scale *s, uint64_t from, uint64_t to,
		    uint64_t now, bool over)
{
	char text[24];

	ui_text__ns(text, sizeof(text), ui_since(to ? to : now, from));
	ui_page__right(p, to ? UI_STRONG : UI_DIM, s->col + s->width + 9,
		       to || !over ? text : "open");
	ui_page__end(p);
}

static void peer_text(const struct flow_call *c, char *buf, size_t len)
{
	char addr[PEER_TEXT];
	const char *a = call_peer__addr(c->family, c->peer_addr, addr);

	snprintf(buf, len, a && strchr(a, ':') ? "[%s]:%u" : "%s:%u", a ? a : "?", c->peer_port);
}

/* "GET /x", "redis", or the peer where the protocol is not known. */
static void call_name(const struct flow_call *c, char *buf, size_t len)
{
	if (c->kind == CALL_HTTP && c->method[0])
		snprintf(buf, len, "%s %s", c->method, c->path);
	else if (c->kind == CALL_OTHER)
		peer_text(c, buf, len);
	else
		snprintf(buf, len, "%s", call_kind__name(c->kind));
}

/* "10.0.0.5:8080, 200, 200 B out, 4.10 kB in, connected in 500 us, known by the store" */
static void call_details(const struct flow_call *c, struct sentence *s)
{
	char out[16], in[16], connect[24], peer[PEER_TEXT + 16];
	const char *error = c->error ? strerrordesc_np(c->error) : NULL;

	ui_text__bytes(out, sizeof(out), c->bytes_out);
	ui_text__bytes(in, sizeof(in), c->bytes_in);
	ui_text__ns(connect, sizeof(connect), c->connect_ns);
	peer_text(c, peer, sizeof(peer));
	if (c->kind != CALL_OTHER)
		sentence__add(s, "%s, ", peer);
	if (c->status)
		sentence__add(s, "%u, ", c->status);
	if (c->outcome != CALL_OK || !c->status)
		sentence__add(s, "%s, ", call_outcome__name(c->outcome));
	if (c->error)
		sentence__add(s, "%s, ", error ? error : "unknown error");
	if (c->outcome == CALL_OPEN && !c->sent_ns)
		sentence__add(s, "nothing sent yet: not connected, or not used so far");
	else
		sentence__add(s, "%s out, %s in", out, in);
	if (c->connect_ns)
		sentence__add(s, ", connected in %s", connect);
	else if (!c->reused)
		sentence__add(s, ", new connection");
	if (c->round_trips > 1)
		sentence__add(s, ", %u round trips", c->round_trips);
	if (c->setup)
		sentence__add(s, ", log-in only");
	if (c->approximate)
		sentence__add(s, ", end not exact: calls overlapped");
	sentence__add(s, ", known by the %s", c->by == CALL_BY_STORE ? "store" : "loop");
}

static bool late(const struct ui_scale *s, uint64_t ns, bool over)
{
	return over && ns > s->end_ns;
}

static void put_call(struct ui_page *p, const struct ui_scale *s, const struct flow_call *c,
		     uint64_t now, bool over)
{
	const bool bad = flow_call__failed(c);
	const uint64_t end = c->end_ns ? c->end_ns : now;
	const uint64_t begun = max_t(uint64_t, c->sent_ns, c->start_ns);
	const uint64_t sent = min_t(uint64_t, begun, end);
	const struct ui_span spans[] = {
		{c->start_ns, sent, SIGN_SHADE_1, bad ? UI_BAD : UI_DIM},
		{sent, end, SIGN_HBAR_8, bad ? UI_BAD : UI_GOOD},
	};
	const size_t skip = sent > c->start_ns && sent < end ? 0 : 1;
	struct sentence details = {0};
	char name[400];

	call_name(c, name, sizeof(name));
	ui_page__label(p, s, UI_PLAIN, name);
	ui_page__bar(p, s, spans + skip, ARRAY_SIZE(spans) - skip);
	put_end(p, s, c->start_ns, c->end_ns, now, over);
	if (late(s, c->start_ns, over) || c->late)
		ui_page__sure(p, 4, UI_BAD, SIGN_UNSURE, "late: issued after the response");
	else if (late(s, c->end_ns, over) || c->outlived)
		ui_page__sure(p, 4, UI_BAD, SIGN_UNSURE, "late: ended after the response");
	if (bad) {
		ui_page__column(p, 4);
		ui_page__sign(p, UI_BAD, SIGN_BAD);
		ui_page__column(p, 6);
	}
	/* Where it was cut. */
	if (ui_text__width(name) + 3 > s->col)
		sentence__add(&details, "%s, ", name);
	call_details(c, &details);
	ui_page__wrap(p, bad ? UI_BAD : UI_DIM, bad ? 6 : 4, details.text);
}

static void put_job(struct ui_page *p, const struct ui_scale *s, const struct flow_job *j,
		    uint64_t now, bool over)
{
	const uint64_t end = j->end_ns ? j->end_ns : now;
	const uint64_t start = j->start_ns ? j->start_ns : end;
	const struct ui_span spans[] = {
		{j->submit_ns, start, SIGN_SHADE_1, UI_DIM},
		{start, end, SIGN_HBAR_8, UI_GOOD},
	};
	const size_t from = start > j->submit_ns ? 0 : 1, to = end > start ? 2 : 1;
	struct sentence details = {0};
	char queued[24], behind[24];

	ui_page__label(p, s, UI_PLAIN, flow_job__kind(j->kind));
	ui_page__bar(p, s, spans + from, to > from ? to - from : 1);
	put_end(p, s, j->submit_ns, j->end_ns, now, over);
	if (late(s, j->end_ns, over))
		ui_page__sure(p, 4, UI_BAD, SIGN_UNSURE,
			      late(s, j->submit_ns, over) ? "late: begun after the response"
							  : "late: done after the response");
	ui_text__ns(queued, sizeof(queued), ui_since(j->start_ns, j->submit_ns));
	ui_text__ns(behind, sizeof(behind), ui_since(j->callback_ns, j->end_ns));
	if (j->start_ns > j->submit_ns)
		sentence__add(&details, "waited %s for a thread", queued);
	else if (j->start_ns)
		sentence__add(&details, "taken at once");
	else if (!j->callback_ns)
		sentence__add(&details, "not done; when a thread took it is told with that");
	else
		sentence__add(&details, "no thread of the pool was seen to take it");
	if (j->end_ns && j->callback_ns)
		sentence__add(&details, ", callback %s later", behind);
	sentence__add(&details, ", known by the %s", j->by == CALL_BY_STORE ? "store" : "loop");
	ui_page__wrap(p, UI_DIM, 4, details.text);
}

static void put_resource(struct ui_page *p, const struct ui_scale *s, const struct live_resource *x)
{
	const struct ui_span span = {x->init_ns, x->destroy_ns ? x->destroy_ns : s->to_ns,
				     SIGN_SHADE_1 + 1, UI_GOOD};
	char text[96];

	if (x->trigger_id >= 0)
		snprintf(text, sizeof(text), "%s %lld < %lld", x->type, (long long)x->async_id,
			 (long long)x->trigger_id);
	else
		snprintf(text, sizeof(text), "%s %lld", x->type, (long long)x->async_id);
	ui_page__label(p, s, UI_PLAIN, text);
	ui_page__bar(p, s, &span, 1);
	if (x->destroy_ns)
		ui_text__ns(text, sizeof(text), ui_since(x->destroy_ns, x->init_ns));
	ui_page__right(p, x->destroy_ns ? UI_PLAIN : UI_DIM, s->col + s->width + 9,
		       x->destroy_ns ? text : "alive");
	ui_page__end(p);
}

void ui_page__waterfall(struct ui_page *p, const struct live_view *v, const struct live_request *r,
			const struct ui_scale *s)
{
	const bool over = !ui_request__in_flight(r);
	char title[96];

	snprintf(title, sizeof(title), r->ncalls ? "Outgoing calls: %u" : "Outgoing calls: none",
		 r->ncalls);
	ui_page__heading(p, title);
	for (uint32_t i = 0; i < r->ncalls; i++)
		put_call(p, s, &r->calls[i], v->now_ns, over);
	if (r->on.req.calls_open) {
		snprintf(title, sizeof(title), "%u more had no answer when it ended",
			 r->on.req.calls_open);
		ui_page__sure(p, 2, UI_BAD, SIGN_UNSURE, title);
	}
	if (r->njobs) {
		snprintf(title, sizeof(title), "Jobs of the thread pool: %u", r->njobs);
		ui_page__heading(p, title);
		for (uint32_t i = 0; i < r->njobs; i++)
			put_job(p, s, &r->jobs[i], v->now_ns, over);
	}
	if (!r->nresources)
		return;
	snprintf(title, sizeof(title), "Async resources: %u kept of %u (id < trigger)",
		 r->nresources, max_t(uint32_t, r->nresources, r->on.req.resources_created));
	ui_page__heading(p, title);
	for (uint32_t i = 0; i < r->nresources; i++)
		put_resource(p, s, &r->resources[i]);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where the time of requests went: all of them, by route, the slowest one by one, their calls. */
#include <stdio.h>

#include "out_call.h"
#include "out_html_parts.h"
#include "out_report_parts.h"
#include "out_text.h"
#include "out_wait.h"
#include "util.h"

#define NAMED	     0.08 /* parts of a bar from this on have their name in them */
#define NAMED_NARROW 0.25 /* the same on a phone */
#define TEXT	     160

static uint64_t waits_sum(const uint64_t ns[WAIT_KINDS])
{
	uint64_t all = 0;

	for (int i = 0; i < WAIT_KINDS; i++)
		all += ns[i];
	return all;
}

void page_bar__waits(struct html_page *p, const struct flow_waits *w)
{
	uint64_t all = waits_sum(w->ns);
	char text[32];

	if (!w->known || !all) {
		html__put(&p->h,
			  "<div class=\"bar-unknown\">what it waited for is not known</div>\n");
		return;
	}
	html__put(&p->h, "<div class=\"stack\" aria-hidden=\"true\">");
	for (int i = 0; i < WAIT_KINDS; i++) {
		const char *name = flow_wait__name((enum flow_wait)i);
		double part = (double)w->ns[i] / (double)all;

		if (part < 0.002)
			continue;
		html__put(&p->h, "<i class=\"w-%s%s\" style=\"flex-grow:%.4f\" title=\"%s: %s\">",
			  name, part > NAMED_NARROW ? " wide" : "", part,
			  wait_text((enum flow_wait)i),
			  text_duration(text, sizeof(text), w->ns[i]));
		if (part > NAMED)
			html__put(&p->h, "<span>%s</span>", name);
		html__put(&p->h, "</i>");
	}
	html__put(&p->h, "</div>\n");
}

static void put_wait_row(struct html_page *p, enum flow_wait kind, const struct model_waits *w,
			 uint64_t all)
{
	double part = (double)w->ns[kind] / (double)all;

	html__put(&p->h,
		  "<tr data-wait=\"%s\"><th scope=\"row\"><i class=\"swatch w-%s\"></i>%s "
		  "<code>%s</code>"
		  "</th>",
		  flow_wait__name(kind), flow_wait__name(kind), wait_text(kind),
		  flow_wait__name(kind));
	page_cell__ns(p, true, w->ns[kind] / w->known);
	html__put(&p->h,
		  "<td class=\"share\" data-v=\"%.6f\"><span>%.1f%%</span><i class=\"w-%s\" "
		  "style=\"width:calc(%.4f * (100%% - 4.5em))\"></i></td>",
		  part, 100 * part, flow_wait__name(kind), part);
	page_row__end(p);
}

void page__waits(struct html_page *p)
{
	static const char *const titles[] = {"What for", "#Mean", "Share"};
	const struct model_waits *w = &p->m->requests.waits;
	uint64_t all = waits_sum(w->ns);
	bool shown[WAIT_KINDS] = {false};

	page_section__begin(
		p, "waits", "Where the time of a request went",
		"The latency of every request in parts that add up to it; here the mean "
		"of all whose parts are known. Orange: the process's own doing. Blue: "
		"waiting for something else.");
	if (!w->known || !all) {
		html__put(&p->h, "<p>Not known for any request.</p>\n");
		page_section__end(p);
		return;
	}
	page_table__begin(p, "Mean parts of the latency", titles, ARRAY_SIZE(titles));
	for (int k = 0; k < WAIT_KINDS; k++) {
		int most = -1;

		for (int i = 0; i < WAIT_KINDS; i++)
			if (!shown[i] && w->ns[i] && (most < 0 || w->ns[i] > w->ns[most]))
				most = i;
		if (most < 0)
			break;
		shown[most] = true;
		put_wait_row(p, (enum flow_wait)most, w, all);
	}
	page_table__end(p);
	page_section__end(p);
}

static void put_route(struct html_page *p, const struct model_route *r)
{
	const struct model_requests *q = &r->requests;
	const struct model_breakdown *b = &q->breakdown;
	const uint64_t parts[] = {b->queue, b->cpu, b->loop_busy, b->wait};

	html__put(&p->h, "<tr data-route=\"%s %s\"><th scope=\"row\"><b>%s</b> %s</th>", r->method,
		  r->route, r->method, r->route);
	page_cell__count(p, q->total);
	page_cell__number(p, true, model_rate(p->m, q->total), 1, "");
	page_cells__latency(p, &q->latency);
	page_cell__number(p, q->total, part_percent(q->by_class[5], q->total), 1, "%");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		page_cell__ns(p, b->known, b->known ? parts[i] / b->known : 0);
	page_row__end(p);
}

void page__routes(struct html_page *p)
{
	static const char *const titles[] = {"Route",  "#Count",  "#Req/s", "#p50",
					     "#p95",   "#p99",	  "#Max",   "#5xx",
					     "#Queue", "#On CPU", "#Busy",  "#Wait"};

	if (!p->m->route_count)
		return;
	page_section__begin(
		p, "routes", "Routes",
		"Queue, on CPU, busy (the loop worked for others) and wait (the loop was "
		"idle) are means per request.");
	page_table__begin(p, "Requests by route", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->route_count; i++)
		put_route(p, &p->m->routes[i]);
	page_table__end(p);
	page_section__end(p);
}

/* A call of the request on the request's own time, as far as it is inside of it. */
static void put_call(struct html_page *p, const struct flow_req *r, const struct flow_call *c)
{
	double length = (double)max_t(uint64_t, r->end_ns - r->start_ns, 1), from, to;
	uint64_t end = c->end_ns ? c->end_ns : r->end_ns;
	char addr[PEER_TEXT], took[32];
	const char *peer = call_peer__addr(c->family, c->peer_addr, addr);

	from = c->start_ns > r->start_ns ? (double)(c->start_ns - r->start_ns) / length : 0;
	to = end > r->start_ns ? (double)(end - r->start_ns) / length : 0;
	from = from > 1 ? 1 : from;
	to = to > 1 ? 1 : to < from ? from : to;
	html__put(
		&p->h,
		"<div class=\"call\"><span class=\"call-name\">%s %s%s%s:%u, %s</span>"
		"<span class=\"call-line\"><i class=\"w-call\" style=\"left:%.2f%%;width:%.2f%%\">"
		"</i></span></div>\n",
		call_kind__name(c->kind), c->method[0] ? c->method : "", c->method[0] ? " " : "",
		c->path[0] ? c->path
		: peer	   ? peer
			   : "?",
		c->peer_port,
		text_duration(took, sizeof(took), end > c->start_ns ? end - c->start_ns : 0),
		100 * from, 100 * (to - from));
}

/* The parts in words, the longest first: what the bar shows. */
static void put_parts(struct html_page *p, const struct flow_req *r)
{
	bool shown[WAIT_KINDS] = {false};
	uint64_t all = waits_sum(r->waits.ns);
	char text[32];

	if (!r->waits.known || !all)
		return;
	html__put(&p->h, "<p class=\"parts\">");
	for (int k = 0; k < WAIT_KINDS; k++) {
		int most = -1;

		for (int i = 0; i < WAIT_KINDS; i++)
			if (!shown[i] && r->waits.ns[i] > all / 100 &&
			    (most < 0 || r->waits.ns[i] > r->waits.ns[most]))
				most = i;
		if (most < 0)
			break;
		shown[most] = true;
		html__put(&p->h, "%s%s %s (%.0f%%)", k ? ", " : "", wait_text((enum flow_wait)most),
			  text_duration(text, sizeof(text), r->waits.ns[most]),
			  part_percent(r->waits.ns[most], all));
	}
	html__put(&p->h, "</p>\n");
}

static const struct html_slow *slow_of(const struct html_page *p, const struct flow_req *r)
{
	for (size_t i = 0; i < p->slow_count; i++) {
		const struct flow_req *s = &p->slow[i]->on.req;

		if (s->pid == r->pid && s->env == r->env && s->seq == r->seq && s->conn == r->conn)
			return p->slow[i];
	}
	return NULL;
}

static void put_slow(struct html_page *p, const struct model_request *on)
{
	const struct flow_req *r = &on->req;
	const struct html_slow *s = slow_of(p, r);
	uint64_t since = r->start_ns > p->m->start_ns ? r->start_ns - p->m->start_ns : 0;
	char took[32], at[32];

	html__put(
		&p->h,
		"<li class=\"slow\" data-seq=\"%llu\" data-ms=\"%.6f\">\n<h3><span class=\"num\">%s"
		"</span> %s %s <small>%u, connection %llu, request %llu, after %s</small></h3>\n",
		(ull)r->seq, (double)(r->end_ns - r->start_ns) / 1e6,
		text_duration(took, sizeof(took), r->end_ns - r->start_ns), on->method, on->path,
		r->status, (ull)flow_conn__number(r->conn), (ull)r->seq,
		text_duration(at, sizeof(at), since));
	page_bar__waits(p, &r->waits);
	put_parts(p, r);
	for (uint32_t i = 0; s && i < s->calls; i++)
		put_call(p, r, &s->call[i]);
	if (s && s->more)
		html__put(&p->h, "<p class=\"parts\">and %u more calls</p>\n", s->more);
	html__put(&p->h, "</li>\n");
}

void page__slowest(struct html_page *p)
{
	if (!p->m->slowest_count)
		return;
	page_section__begin(p, "slowest", "Slowest requests",
			    "The upper bar is what each waited for, in sum; below it its outgoing "
			    "calls, when they were on the way.");
	html__put(&p->h, "<ol class=\"slowest\">\n");
	for (size_t i = 0; i < p->m->slowest_count; i++)
		put_slow(p, &p->m->slowest[i]);
	html__put(&p->h, "</ol>\n");
	page_section__end(p);
}

static void put_peer(struct html_page *p, const struct model_peer *c)
{
	char name[TEXT];

	page_row__begin(p);
	call_text__peer(c, name, sizeof(name));
	html__put(&p->h, "<th scope=\"row\">%s %s</th>", call_kind__name(c->kind), name);
	page_cell__count(p, c->calls);
	page_cell__count(p, c->failed);
	page_cell__ns(p, c->latency.count, c->latency.p50);
	page_cell__ns(p, c->latency.count, c->latency.p95);
	page_cell__ns(p, c->latency.count, c->latency.p99);
	page_cell__ns(p, c->first_byte.count, c->first_byte.p50);
	page_cell__count(p, c->new_connections);
	page_cell__count(p, c->late);
	page_cell__count(p, c->by[CALL_BY_NOTHING]);
	page_cell__number(p, p->m->calls.request_ns,
			  part_percent(c->waited_ns, p->m->calls.request_ns), 1, "%");
	page_row__end(p);
}

void page__calls(struct html_page *p)
{
	static const char *const titles[] = {
		"Peer",	 "#Calls",	"#Failed",	    "#p50",  "#p95",
		"#p99",	 "#First byte", "#New connections", "#Late", "#Of no known request",
		"#Share"};

	if (!p->m->calls.peer_count)
		return;
	page_section__begin(
		p, "calls", "Outgoing calls",
		"Late: issued after the response. Share: of the latency of all requests, "
		"in which one was waited for.");
	page_table__begin(p, "Calls by peer", titles, ARRAY_SIZE(titles));
	for (size_t i = 0; i < p->m->calls.peer_count; i++)
		put_peer(p, &p->m->calls.peers[i]);
	page_table__end(p);
	page_section__end(p);
}

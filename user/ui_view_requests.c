// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests: those in flight, and the last ones that ended. */
#include <stdio.h>
#include <string.h>

#include "ui_view_parts.h"
#include "util.h"

enum column { MARK, NUMBER, PID, METHOD, PATH, STATUS, LATENCY, WAITED, CALLS, ENDED };

static const struct ui_column columns[] = {
	[MARK] = {.title = "",
		  .width = 2,
		  .number = true,
		  .descending = true,
		  .about =
			  "A dot: in flight. A cross: answered under another request's context, "
			  "or without its own. A wave: incomplete, or whose context is not known."},
	[NUMBER] = {.title = "NO",
		    .width = 7,
		    .min_cols = 110,
		    .right = true,
		    .number = true,
		    .descending = true,
		    .about = "Its number in the order of their ends."},
	[PID] = {.title = "PID",
		 .width = 7,
		 .min_cols = 96,
		 .right = true,
		 .number = true,
		 .about = "The process that answers it."},
	[METHOD] = {.title = "METHOD", .width = 7, .min_cols = 60, .about = "Its method."},
	[PATH] = {.title = "PATH", .about = "Its path, without the query."},
	[STATUS] =
		{.title = "STATUS",
		 .width = 7,
		 .number = true,
		 .descending = true,
		 .about = "The status of its response; open: none yet. abort: the client went away "
			  "before the end, closed: the process did, lost: the end was not seen."},
	[LATENCY] = {.title = "LATENCY",
		     .width = 8,
		     .right = true,
		     .number = true,
		     .descending = true,
		     .about = "From its arrival in the socket to the last byte of its response; in "
			      "flight: so far."},
	[WAITED] = {.title = " MOST OF IT",
		    .width = 17,
		    .min_cols = 76,
		    .about = "What most of the latency was spent on, and which share of it; in "
			     "flight: the call or job that it waits on. See its page (Enter) or "
			     "docs/waits.md."},
	[CALLS] = {.title = "CALLS",
		   .width = 6,
		   .min_cols = 90,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "Outgoing calls that it made; with a mark if one of them failed."},
	[ENDED] = {.title = "ENDED",
		   .width = 7,
		   .min_cols = 50,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "How long ago it ended. Those in flight have "
			    "not, and come first."},
};

static const struct live_request *at(const struct live_view *v, size_t row)
{
	return row < v->nin_flight ? v->in_flight[row] : v->recent[row - v->nin_flight];
}

static size_t count(const struct live_view *v)
{
	return v->nin_flight + v->nrecent;
}

/* pid has 22 bits; an environment's number in a process, and a request's in that, wrap around. */
uint64_t ui_request__id(const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;

	if (!q->seq)
		return r->number;
	return (uint64_t)q->pid << 42 | (uint64_t)(q->env & 0x3ff) << 32 | (uint32_t)q->seq;
}

static uint64_t id(const struct live_view *v, size_t row)
{
	return ui_request__id(at(v, row));
}

const struct live_request *ui_request__find(const struct live_view *v, uint64_t wanted)
{
	for (size_t i = 0; i < count(v); i++)
		if (id(v, i) == wanted)
			return at(v, i);
	return NULL;
}

const struct live_request *ui_request__named(const struct live_view *v, const struct flow_req *near,
					     uint64_t conn, uint64_t seq)
{
	for (size_t i = 0; i < count(v) && seq; i++) {
		const struct flow_req *q = &at(v, i)->on.req;

		if (q->pid == near->pid && q->env == near->env && q->conn == conn && q->seq == seq)
			return at(v, i);
	}
	return NULL;
}

bool ui_request__in_flight(const struct live_request *r)
{
	return r->on.req.end == REQ_IN_FLIGHT;
}

uint64_t ui_request__latency(const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;

	if (ui_request__in_flight(r))
		return r->age_ns;
	return q->end_ns ? ui_since(q->end_ns, q->start_ns) : UINT64_MAX;
}

void ui_request__status(const struct live_request *r, struct ui_value *out)
{
	static const char *const ends[] = {
		[REQ_IN_FLIGHT] = "open",	 [REQ_COMPLETE] = "-", [REQ_ABORTED_PEER] = "abort",
		[REQ_ABORTED_SERVER] = "closed", [REQ_UPGRADED] = "-", [REQ_LOST] = "lost",
	};
	const uint16_t status = r->on.req.status;
	const unsigned int end = min_t(unsigned int, r->on.req.end, REQ_LOST);

	out->number = status;
	out->style = UI_PLAIN;
	if (end == REQ_ABORTED_PEER || end == REQ_ABORTED_SERVER || end == REQ_LOST || !status)
		snprintf(out->text, sizeof(out->text), "%s", ends[end]);
	else
		snprintf(out->text, sizeof(out->text), "%u", status);
	if (end == REQ_ABORTED_PEER || end == REQ_ABORTED_SERVER || end == REQ_LOST)
		out->style = UI_BAD;
	else if (status >= 500)
		out->style = UI_WORSE;
	else if (status >= 400)
		out->style = UI_BAD;
	else if (!status)
		out->style = UI_DIM;
}

static bool unsure(const struct live_request *r)
{
	const struct flow_req *q = &r->on.req;

	return q->incomplete || q->end == REQ_LOST || q->context == CONTEXT_UNKNOWN ||
	       q->context == CONTEXT_UNREADABLE;
}

static bool mismatched(const struct live_request *r)
{
	for (uint32_t i = 0; i < r->nfindings; i++)
		if (r->findings[i].kind != FINDING_FAN_OUT)
			return true;
	return false;
}

static void mark(const struct live_request *r, bool ascii, struct ui_value *out)
{
	const bool bad = mismatched(r), flies = ui_request__in_flight(r);
	enum ui_sign second = bad ? SIGN_BAD : SIGN_UNSURE;

	out->style = bad ? UI_WORSE : flies ? UI_GOOD : UI_DIM;
	out->number = 4 * bad + 2 * flies + unsure(r);
	snprintf(out->text, sizeof(out->text), "%s%s", flies ? ui_sign__text(SIGN_DOT, ascii) : "",
		 bad || unsure(r) ? ui_sign__text(second, ascii) : "");
}

/* What has not ended: "on redis", "on port 9000 +1", "on fs". */
static void waits_on(const struct live_request *r, struct ui_value *out)
{
	const struct flow_call *call = NULL;
	const struct flow_job *job = NULL;
	unsigned int n = 0;
	char more[16] = "";

	for (uint32_t i = 0; i < r->ncalls; i++)
		if (!r->calls[i].end_ns && !n++)
			call = &r->calls[i];
	for (uint32_t i = 0; i < r->njobs; i++)
		if (!r->jobs[i].callback_ns && !n++)
			job = &r->jobs[i];
	if (!n) {
		ui_value__unknown(out);
		return;
	}
	if (n > 1)
		snprintf(more, sizeof(more), " +%u", n - 1);
	out->style = UI_PLAIN;
	if (call && call->kind == CALL_OTHER)
		snprintf(out->text, sizeof(out->text), " on port %u%s", call->peer_port, more);
	else
		snprintf(out->text, sizeof(out->text), " on %s%s",
			 call ? call_kind__name(call->kind) : flow_job__kind(job->kind), more);
}

static void waited(const struct live_request *r, struct ui_value *out)
{
	const struct flow_waits *w = &r->on.req.waits;
	enum flow_wait most = WAIT_QUEUE;
	uint64_t sum = 0;

	if (ui_request__in_flight(r)) {
		waits_on(r, out);
		return;
	}
	for (int i = 0; i < WAIT_KINDS; i++) {
		sum += w->ns[i];
		if (w->ns[i] > w->ns[most])
			most = (enum flow_wait)i;
	}
	if (!w->known || !sum) {
		ui_value__unknown(out);
		return;
	}
	out->style = UI_PLAIN;
	snprintf(out->text, sizeof(out->text), " %s %.0f%%", flow_wait__name(most),
		 100.0 * (double)w->ns[most] / (double)sum);
}

static void calls(const struct live_request *r, bool ascii, struct ui_value *out)
{
	bool failed = false;

	for (uint32_t i = 0; i < r->ncalls; i++)
		failed |= flow_call__failed(&r->calls[i]);
	ui_value__count(out, r->ncalls);
	if (!failed)
		return;
	out->style = UI_BAD;
	snprintf(out->text, sizeof(out->text), "%s %u", ui_sign__text(SIGN_BAD, ascii), r->ncalls);
}

static void ended(const struct live_view *v, const struct live_request *r, struct ui_value *out)
{
	if (ui_request__in_flight(r)) {
		ui_value__unknown(out);
		out->number = 1e18 + (double)r->age_ns;
	} else if (!r->on.req.end_ns) {
		ui_value__unknown(out);
		/* Lost: not long after what was seen of it, so that it is not at the very end. */
		out->number = (double)ui_since(r->on.req.start_ns, v->start_ns);
	} else {
		out->style = UI_DIM;
		out->number = (double)ui_since(r->on.req.end_ns, v->start_ns);
		ui_text__ago(out->text, sizeof(out->text), v->now_ns, r->on.req.end_ns);
	}
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	const struct live_request *r = at(v, row);

	switch (column) {
	case MARK:
		mark(r, ascii, out);
		break;
	case NUMBER:
		ui_value__unknown(out);
		out->number = (double)(r->number ? r->number : UINT64_MAX);
		if (r->number)
			snprintf(out->text, sizeof(out->text), "%llu", (ull)r->number);
		break;
	case PID:
		out->number = r->on.req.pid;
		snprintf(out->text, sizeof(out->text), "%u", r->on.req.pid);
		break;
	case METHOD:
		ui_value__text(out, r->on.method);
		break;
	case PATH:
		ui_value__text(out, r->on.path);
		break;
	case STATUS:
		ui_request__status(r, out);
		break;
	case LATENCY:
		ui_value__ns(out, ui_request__latency(r));
		out->style = UI_STRONG;
		break;
	case WAITED:
		waited(r, out);
		break;
	case CALLS:
		calls(r, ascii, out);
		break;
	default:
		ended(v, r, out);
	}
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	return ui_filter__request(f, at(v, row));
}

/* How many of all are in the table. */
static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	const unsigned int cols = ui_grid__cols(g);
	char ended[16], kept[16], flying[16];
	unsigned int used;

	if (!rows || !v->recent_gone)
		return 0;
	ui_text__count(flying, sizeof(flying), v->m->in_flight);
	ui_text__count(kept, sizeof(kept), v->nrecent);
	ui_text__count(ended, sizeof(ended), v->nrecent + v->recent_gone);
	used = ui_grid__printf(g, row, 0, cols, UI_DIM,
			       "%s in flight, the last %s of %s that ended", flying, kept, ended);
	if (v->m->in_flight > v->nin_flight)
		ui_grid__printf(g, row, used, cols - used, UI_DIM,
				"; the oldest %zu in flight are shown", v->nin_flight);
	return 1;
}

const struct ui_view ui_view_requests = {
	.name = "requests",
	.about = "What is in flight, the oldest first, and the last requests that ended; Enter "
		 "opens "
		 "one: its time line, what it waited for, its calls, jobs and findings.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = ENDED,
	.empty = "no request yet",
	.count = count,
	.id = id,
	.cell = cell,
	.matches = matches,
	.banner = banner,
	.page = ui_page_request,
};

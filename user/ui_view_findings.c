// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings by cause, and what held the loop. */
#include <stdio.h>
#include <string.h>

#include "out_finding.h"
#include "ui_view_parts.h"
#include "util.h"

enum column { MARK, KIND, GRADE, COUNT, ROUTES, CALLBACK, LAST };

static const struct ui_column columns[] = {
	[MARK] = {.title = "",
		  .width = 2,
		  .number = true,
		  .descending = true,
		  .about = "A cross: a mismatch. A triangle: something held the loop. A dot: by "
			   "design. The order is the most harmful first."},
	[KIND] = {.title = "KIND",
		  .width = 7,
		  .about = "foreign: answered under another request's store. lost: without the "
			   "store it "
			   "had entered. fan-out: one execution answered several, by design. "
			   "blocked: a "
			   "callback held the loop."},
	[GRADE] = {.title = "GRADE",
		   .width = 12,
		   .min_cols = 60,
		   .about = "harm: a second sign shows that it matters. mixed: there is none. "
			    "intermittent, always: how often the route loses it. Of what held the "
			    "loop: "
			    "the longest time."},
	[COUNT] = {.title = "COUNT",
		   .width = 6,
		   .right = true,
		   .number = true,
		   .descending = true,
		   .about = "How often."},
	[ROUTES] = {.title = "ROUTE",
		    .about = "The route that was answered, and whose store was active; of what "
			     "held the "
			     "loop: whose callback it was, and who was kept waiting."},
	[CALLBACK] =
		{.title = "IN CALLBACKS OF",
		 .width = 20,
		 .min_cols = 110,
		 .about = "The type of the resource in whose callback the response was written: "
			  "takes --level resources."},
	[LAST] = {.title = "LAST",
		  .width = 7,
		  .min_cols = 50,
		  .right = true,
		  .number = true,
		  .descending = true,
		  .about = "How long ago it was last seen."},
};

static size_t count(const struct live_view *v)
{
	return v->m->group_count + v->m->blocking.blocker_count;
}

static uint64_t mix(uint64_t h, const char *text)
{
	return hash_u64(h ^ hash_bytes(text, strlen(text)));
}

static uint64_t group_id(const struct model_group *g)
{
	uint64_t h = hash_u64(1 + g->kind + 8 * (uint64_t)g->merged + 16 * (uint64_t)g->instance);

	h = mix(mix(h, g->method), g->route);
	h = mix(mix(h, g->other_method), g->other_route);
	return mix(h, g->resource);
}

static uint64_t blocker_id(const struct model_blocker *b)
{
	return mix(mix(hash_u64(0x100 + (uint64_t)b->by), b->method), b->route);
}

uint64_t ui_finding__id(const struct live_view *v, size_t row)
{
	if (row < v->m->group_count)
		return group_id(&v->m->groups[row]);
	return blocker_id(&v->m->blocking.blocker[row - v->m->group_count]);
}

/* Both "GET /a", or what there is instead. */
static void routes(const struct model_group *g, bool ascii, struct ui_value *out)
{
	const char *arrow = ascii ? "<-" : "\u2190";

	if (g->merged)
		snprintf(out->text, sizeof(out->text), "other causes, not kept apart");
	else if (g->kind == FINDING_LOST)
		snprintf(out->text, sizeof(out->text), "%s %s without its store (instance %u)",
			 g->method, g->route, g->instance);
	else if (strcmp(g->other_route, "?") == 0)
		snprintf(out->text, sizeof(out->text), "%s %s %s an unknown request", g->method,
			 g->route, arrow);
	else
		snprintf(out->text, sizeof(out->text), "%s %s %s %s %s", g->method, g->route, arrow,
			 g->other_method, g->other_route);
}

static void group_cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		       struct ui_value *out)
{
	const struct model_group *g = &v->m->groups[row];
	const bool design = g->kind == FINDING_FAN_OUT;
	const char *grade = finding_word__grade(g->kind, g->grade);

	switch (column) {
	case MARK:
		ui_value__sign(out,
			       design	 ? UI_DIM
			       : g->harm ? UI_WORSE
					 : UI_BAD,
			       design ? SIGN_DOT : SIGN_BAD, ascii);
		break;
	case KIND:
		ui_value__text(out, design ? "fan-out" : finding_word__kind(g->kind));
		out->style = design ? UI_DIM : UI_BAD;
		break;
	case GRADE:
		if (design)
			ui_value__text(out, "by design");
		else if (g->kind == FINDING_FOREIGN && g->stale)
			snprintf(out->text, sizeof(out->text), "%s, stale", grade);
		else if (grade)
			ui_value__text(out, grade);
		else
			ui_value__unknown(out);
		break;
	case COUNT:
		ui_value__count(out, g->count);
		out->style = UI_STRONG;
		break;
	case ROUTES:
		routes(g, ascii, out);
		break;
	case CALLBACK:
		if (g->resource[0])
			ui_value__text(out, g->resource);
		else
			ui_value__unknown(out);
		break;
	default:
		out->number = (double)g->last_ns;
		out->style = UI_DIM;
		ui_text__ago(out->text, sizeof(out->text), v->now_ns, g->last_ns);
	}
}

static const char *blocker_name(const struct model_blocker *b, char *buf, size_t len)
{
	static const char *const by[TURN_KINDS] = {
		[TURN_UNKNOWN] = "something unknown",
		[TURN_REQUEST] = "a request, not known",
		[TURN_TIMERS] = "timers",
		[TURN_IMMEDIATES] = "immediates",
		[TURN_ASYNC] = "another thread's wake-up",
	};

	if (!b->route[0])
		return by[b->by < TURN_KINDS ? b->by : TURN_UNKNOWN];
	snprintf(buf, len, "%s %s", b->method, b->route);
	return buf;
}

static void blocker_cell(const struct model_blocker *b, size_t column, bool ascii,
			 struct ui_value *out)
{
	char name[160], text[24];

	switch (column) {
	case MARK:
		ui_value__sign(out, UI_BAD, SIGN_UP, ascii);
		break;
	case KIND:
		ui_value__text(out, "blocked");
		out->style = UI_BAD;
		break;
	case GRADE:
		ui_text__ns(text, sizeof(text), b->max_ns);
		snprintf(out->text, sizeof(out->text), "max %s", text);
		break;
	case COUNT:
		ui_value__count(out, b->count);
		out->style = UI_STRONG;
		break;
	case ROUTES:
		ui_text__ns(text, sizeof(text), b->paid_ns);
		snprintf(out->text, sizeof(out->text),
			 b->paid ? "%s, kept %llu request%s waiting %s" : "%s",
			 blocker_name(b, name, sizeof(name)), (ull)b->paid, ui_text__s(b->paid),
			 text);
		break;
	default:
		ui_value__unknown(out);
	}
}

/* The model's order, but what is by design comes last. */
static double rank(const struct live_view *v, size_t row)
{
	const size_t groups = v->m->group_count;
	const bool design = row < groups && v->m->groups[row].kind == FINDING_FAN_OUT;

	return (double)(count(v) - row) + (design ? 0 : 1e6);
}

static void cell(const struct live_view *v, size_t row, size_t column, bool ascii,
		 struct ui_value *out)
{
	if (row < v->m->group_count)
		group_cell(v, row, column, ascii, out);
	else
		blocker_cell(&v->m->blocking.blocker[row - v->m->group_count], column, ascii, out);
	if (column == MARK)
		out->number = rank(v, row);
}

static bool matches(const struct live_view *v, size_t row, const struct ui_filter *f)
{
	const char *finds[4] = {"blocked", NULL};
	const char *texts[4] = {NULL};
	struct ui_row of = {.latency_ns = UINT64_MAX, .finds = finds, .texts = texts};
	struct ui_value text = {0};

	cell(v, row, ROUTES, true, &text);
	texts[0] = text.text;
	if (row < v->m->group_count) {
		const struct model_group *g = &v->m->groups[row];
		size_t n = 0;

		of.method = g->method;
		of.route = g->route;
		of.path = g->other_route; /* path: finds both */
		finds[n++] = finding_word__kind(g->kind);
		if (g->kind == FINDING_FOREIGN)
			finds[n++] = g->harm ? "harm" : "mixed";
		if (g->stale)
			finds[n++] = "stale";
		texts[1] = g->resource;
	} else {
		const struct model_blocker *b = &v->m->blocking.blocker[row - v->m->group_count];

		of.method = b->method;
		of.route = b->route;
		of.latency_ns = b->max_ns;
	}
	return ui_filter__row(f, &of);
}

/* What "none" is worth: how many responses could be checked. */
static unsigned int banner(const struct live_view *v, struct ui_grid *g, unsigned int row,
			   unsigned int rows)
{
	const struct model *m = v->m;
	const uint64_t bad = m->findings.mismatched, own = m->findings.unknown;
	const unsigned int cols = ui_grid__cols(g);
	char heads[16], read[16], unknown[16], text[96] = "none";
	unsigned int used;

	if (!rows)
		return 0;
	if (!m->context.heads) {
		ui_grid__put(g, row, 0, cols, UI_DIM,
			     "no response was checked: no AsyncLocalStorage store was in use");
		return 1;
	}
	ui_text__count(heads, sizeof(heads), m->context.heads);
	ui_text__count(read, sizeof(read), ui_since(m->context.read, own));
	ui_text__count(unknown, sizeof(unknown), own + m->context.unreadable);
	if (bad)
		snprintf(text, sizeof(text), "%llu request%s", (ull)bad, ui_text__s(bad));
	ui_grid__sign(g, row, 0, bad ? UI_BAD : UI_GOOD, bad ? SIGN_BAD : SIGN_GOOD);
	used = 2 +
	       ui_grid__printf(g, row, 2, cols - 2, bad ? UI_BAD : UI_GOOD, "%s mixed up", text);
	used += ui_grid__printf(g, row, used, cols - used, UI_PLAIN, "; %s of %s responses checked",
				read, heads);
	if (own + m->context.unreadable)
		ui_grid__printf(g, row, used, cols - used, UI_DIM, ", %s unknown", unknown);
	return 1;
}

const struct ui_view ui_view_findings = {
	.name = "findings",
	.about = "Responses written under the wrong AsyncLocalStorage context, by cause, and what "
		 "held "
		 "the loop for too long; Enter explains one and says what to do.",
	.columns = columns,
	.ncolumns = ARRAY_SIZE(columns),
	.sorted = MARK,
	.empty = "no finding so far",
	.count = count,
	.id = ui_finding__id,
	.cell = cell,
	.matches = matches,
	.banner = banner,
	.page = ui_page_finding,
};

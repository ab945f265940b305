// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page as an output format: what is gathered while events come, and the order of its parts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out_html.h"
#include "out_html_parts.h"
#include "out_report_parts.h"
#include "util.h"

struct html_state {
	struct report_state *report;
	bool begun; /* the heat map: at the first event */
	struct model_heat heat;
	struct html_slow *slow[MODEL_SLOWEST]; /* slowest first */
	size_t slow_count;
};

static void html_free(void *state)
{
	struct html_state *s = state;

	if (!s)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(s->slow); i++)
		free(s->slow[i]);
	report_free(s->report);
	free(s);
}

static int html_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct html_state *s = calloc(1, sizeof(*s));
	void *report = NULL;
	int err = s ? report_open(&report, file, opts) : -ENOMEM;

	*state = s;
	if (err) {
		free(s);
		*state = NULL;
		return err;
	}
	s->report = report;
	model_heat__init(&s->heat, opts->mono_ns);
	return 0;
}

/* Live, attaching comes first and takes its time: the map begins where something was seen. */
static int html_event(void *state, const struct flow_event *ev)
{
	struct html_state *s = state;

	if (!s->begun && ev->ts >= s->report->opts.mono_ns) {
		model_heat__init(&s->heat, ev->ts);
		s->begun = true;
	}
	return 0;
}

static uint64_t duration(const struct flow_req *req)
{
	return req->end_ns - req->start_ns;
}

static void slow_set(struct html_slow *s, const struct flow_req *req)
{
	memset(&s->on, 0, sizeof(s->on));
	model_request__copy(&s->on, req);
	s->calls = min_t(uint32_t, req->ncalls, HTML_CALLS);
	s->more = req->ncalls - s->calls + req->calls_not_kept;
	for (uint32_t i = 0; i < s->calls; i++)
		s->call[i] = *req->calls[i];
}

/* By the same rule as the model's slowest, so that they are the same ones. */
static int slow_add(struct html_state *s, const struct flow_req *req)
{
	size_t at = s->slow_count;
	struct html_slow *slow;

	if (at == MODEL_SLOWEST && duration(req) <= duration(&s->slow[at - 1]->on.req))
		return 0;
	if (at == MODEL_SLOWEST) {
		slow = s->slow[--at];
	} else {
		slow = calloc(1, sizeof(*slow));
		if (!slow)
			return -ENOMEM;
		s->slow_count++;
	}
	for (; at > 0 && duration(&s->slow[at - 1]->on.req) < duration(req); at--)
		s->slow[at] = s->slow[at - 1];
	s->slow[at] = slow;
	slow_set(slow, req);
	return 0;
}

static int html_request(void *state, const struct flow_req *req)
{
	struct html_state *s = state;

	model_heat__add(&s->heat, req);
	return model_request__measured(req) ? slow_add(s, req) : 0;
}

static const char style[] =
#include "out_html.css.inc"
	;
static const char script[] =
#include "out_html.js.inc"
	;

static void page_begin(struct html_page *p)
{
	/* The policy is a second lock: even markup that got in could load and send nothing. */
	html__markup(&p->h,
		     "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		     "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		     "<meta name=\"color-scheme\" content=\"light dark\">\n"
		     "<link rel=\"icon\" href=\"data:,\">\n");
	html__put(&p->h, "<title>loopray report%s%s</title>\n<style>\n", p->opts->host ? ", " : "",
		  p->opts->host ? p->opts->host : "");
	html__markup(&p->h, style);
	html__markup(&p->h,
		     "</style>\n</head>\n<body>\n"
		     "<svg class=\"defs\" aria-hidden=\"true\"><pattern id=\"hatch\" width=\"6\" "
		     "height=\"6\" patternUnits=\"userSpaceOnUse\"><rect class=\"hatch-a\" "
		     "width=\"6\" height=\"6\"/><path class=\"hatch-b\" d=\"M-2 8L8-2M-2 2L2-2M4 "
		     "8L8 4\"/>"
		     "</pattern></svg>\n");
}

static void page_end(struct html_page *p)
{
	html__put(&p->h, "<footer>Made by loopray %s of what was recorded by %s.</footer>\n",
		  LOOPRAY_VERSION, p->opts->version ? p->opts->version : "an unknown version");
	html__markup(&p->h, "</main>\n<script>\n");
	html__markup(&p->h, script);
	html__markup(&p->h, "</script>\n</body>\n</html>\n");
}

static void page_print(struct html_page *p)
{
	static void (*const parts[])(struct html_page *) = {
		page__head,  page__tiles,     page__findings, page__latency, page__heat,
		page__waits, page__routes,    page__slowest,  page__calls,   page__blocking,
		page__loops, page__resources, page__trust,    page__reading,
	};

	page_begin(p);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i](p);
	page_end(p);
}

static int html_close(void *state, const struct model *m)
{
	struct html_state *s = state;
	struct html_page p = {
		.h = {.write = out_file__write, .ctx = s->report->file},
		.m = m,
		.opts = &s->report->opts,
		.heat = &s->heat,
		.slow = s->slow,
		.slow_count = s->slow_count,
	};
	int err;

	page_print(&p);
	err = p.h.err ? p.h.err : out_file__flush(s->report->file);
	html_free(s);
	return err;
}

const struct out_format out_html_format = {
	.name = "html",
	.about = "report as one page",
	.open = html_open,
	.event = html_event,
	.request = html_request,
	.close = html_close,
	.free = html_free,
};

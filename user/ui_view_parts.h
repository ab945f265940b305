/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of the views: shared by ui_view_*.c, ui_page_*.c and ui_filter.c only. */
#ifndef LOOPRAY_UI_VIEW_PARTS_H
#define LOOPRAY_UI_VIEW_PARTS_H

#include "ui_view.h"

typedef unsigned long long ull;

/* What a cell holds. Unknown is "-", and sorts below everything that is known. */
void ui_value__unknown(struct ui_value *v);
void ui_value__text(struct ui_value *v, const char *text);
void ui_value__ns(struct ui_value *v, uint64_t ns);
void ui_value__count(struct ui_value *v, uint64_t n);
void ui_value__rate(struct ui_value *v, double per_s);
void ui_value__percent(struct ui_value *v, double share);
void ui_value__sign(struct ui_value *v, enum ui_style style, enum ui_sign sign, bool ascii);

/* The last values of a series of LIVE_SPARK, as many as a column of @width takes. */
void ui_value__spark(struct ui_value *v, const uint32_t *values, unsigned int width, bool ascii);
/* Shares of 1; what is below 0 is not known and left blank. */
void ui_value__spark_share(struct ui_value *v, const float *values, unsigned int width, bool ascii);

/* "<1s", "2s", "3m 05s": the time from @ns to @now. */
void ui_text__ago(char *buf, size_t len, uint64_t now, uint64_t ns);
/* "12 requests": @n of what @one names; "s" makes it many. */
const char *ui_text__s(uint64_t n);

/* Later minus earlier, 0 if they are the other way round. */
static inline uint64_t ui_since(uint64_t later, uint64_t earlier)
{
	return later > earlier ? later - earlier : 0;
}

/* What a row has that a filter asks for; what it has not, no word matches. */
struct ui_row {
	uint32_t pid;	    /* 0: of no single process, pid: does not ask it */
	const char *method; /* NULL: none; also in the next two */
	const char *path;
	const char *route;
	uint16_t status;	  /* 0: none */
	uint64_t latency_ns;	  /* UINT64_MAX: none */
	const char *const *finds; /* words of its findings, NULL-terminated; NULL: none */
	const char *const *texts; /* NULL-terminated; NULL: path and route */
};
bool ui_filter__row(const struct ui_filter *f, const struct ui_row *row);

/* Names a request in a view, before and after its end. */
uint64_t ui_request__id(const struct live_request *r);
const struct live_request *ui_request__find(const struct live_view *v, uint64_t id);
/* One of the view by connection and number in its environment, NULL if it is not kept. */
const struct live_request *ui_request__named(const struct live_view *v, const struct flow_req *near,
					     uint64_t conn, uint64_t seq);
bool ui_request__in_flight(const struct live_request *r);
/* From its arrival to its end, or until now. */
uint64_t ui_request__latency(const struct live_request *r);
/* "open", "200", "abort", "closed", "lost"; "-": none seen. */
void ui_request__status(const struct live_request *r, struct ui_value *out);

/* A title within a page, with an empty line above it. */
void ui_page__heading(struct ui_page *p, const char *text);
/* "  name      text": the text begins at a column that all of a page share. */
void ui_page__fact(struct ui_page *p, const char *name, const char *text);
void ui_page__fact_in(struct ui_page *p, enum ui_style style, const char *name, const char *text);

/* @text so that it ends before column @end. */
void ui_page__right(struct ui_page *p, enum ui_style style, unsigned int end, const char *text);
/* A paragraph behind a sign, from column @indent on. */
void ui_page__sure(struct ui_page *p, unsigned int indent, enum ui_style style, enum ui_sign sign,
		   const char *text);
/* A row of figures, each below the other's: titles in UI_HEADING. */
void ui_page__figures(struct ui_page *p, enum ui_style style, const char *label,
		      const char *const *texts, size_t n);
/* The same of what @l has: p50, p95, p99, max. */
void ui_page__latency(struct ui_page *p, const char *label, const struct model_latency *l);
void ui_page__latency_titles(struct ui_page *p);

/* A scale of time that the bars of a page share. */
struct ui_scale {
	uint64_t from_ns;
	uint64_t to_ns;	  /* later than from_ns */
	uint64_t end_ns;  /* of the request, 0: not marked */
	unsigned int col; /* where bars begin */
	unsigned int width;
};

/* One part of a bar. */
struct ui_span {
	uint64_t from_ns;
	uint64_t to_ns;
	enum ui_sign sign; /* what fills it: SIGN_HBAR_8 ends at an eighth of a column */
	enum ui_style style;
};

/* One whose bars fit the page between labels and figures. */
void ui_page__scale(const struct ui_page *p, struct ui_scale *s, uint64_t from_ns, uint64_t to_ns);
/* What stands left of a bar. */
void ui_page__label(struct ui_page *p, const struct ui_scale *s, enum ui_style style,
		    const char *text);
/* A bar of spans in order of time, on the page's open line. Each that lasted is seen. */
void ui_page__bar(struct ui_page *p, const struct ui_scale *s, const struct ui_span *spans,
		  size_t n);
/* A moment on the scale. */
void ui_page__moment(struct ui_page *p, const struct ui_scale *s, enum ui_style style, uint64_t ns);

bool ui_page_request(const struct live_view *v, uint64_t id, struct ui_page *p);
bool ui_page_finding(const struct live_view *v, uint64_t id, struct ui_page *p);
bool ui_page_route(const struct live_view *v, uint64_t id, struct ui_page *p);
bool ui_page_loop(const struct live_view *v, uint64_t id, struct ui_page *p);
bool ui_page_probe(const struct live_view *v, uint64_t id, struct ui_page *p);
/* What a request did, in ui_page_waterfall.c: calls, jobs and resources as bars. */
void ui_page__waterfall(struct ui_page *p, const struct live_view *v, const struct live_request *r,
			const struct ui_scale *s);
/* The page of one blocker, in ui_page_blocked.c. */
void ui_page__blocker(struct ui_page *p, const struct live_view *v, const struct model_blocker *b);
/* The longest holds that are kept, with who waited; @only: of this loop, NULL: of all. */
void ui_page__held(struct ui_page *p, const struct live_view *v, const struct live_loop *only);
/* What requests waited for, @total_ns in all, as a bar of letters and a list. */
void ui_page__waits(struct ui_page *p, const uint64_t ns[WAIT_KINDS], uint64_t total_ns,
		    const struct ui_scale *s);

uint64_t ui_finding__id(const struct live_view *v, size_t row);
uint64_t ui_route__id(const struct live_view *v, size_t row);
uint64_t ui_loop__id(const struct live_view *v, size_t row);
uint64_t ui_probe__id(const struct live_view *v, size_t row);

extern const struct ui_view ui_view_requests, ui_view_routes, ui_view_findings, ui_view_resources,
	ui_view_loop, ui_view_agent;

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Judges each limit; see check.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "check_parts.h"
#include "check_rules.h"
#include "util.h"

const char *check_is__name(enum check_is is)
{
	static const char *const names[] = {"held", "failed", "unsure"};

	return names[is];
}

void check__reason(struct check_result *r, const char *fmt, ...)
{
	va_list ap;

	if (r->nreasons == CHECK_REASONS)
		return;
	va_start(ap, fmt);
	vsnprintf(r->reason[r->nreasons++], sizeof(r->reason[0]), fmt, ap);
	va_end(ap);
}

/*
 * Responses whose context could be known: none of a process that uses no store. Heads of requests
 * that were in flight at the end are told too.
 */
static void count_responses(struct check_report *report, const struct model *m)
{
	uint64_t known = m->by_context[CONTEXT_OWN] + m->by_context[CONTEXT_NONE] +
			 m->by_context[CONTEXT_FOREIGN] + m->by_context[CONTEXT_LOST];
	uint64_t unknown = m->by_context[CONTEXT_UNKNOWN] + m->by_context[CONTEXT_UNREADABLE];
	uint64_t answered = m->requests.total - m->requests.by_class[0];
	bool any = m->target_count == 0;

	for (size_t i = 0; i < m->target_count; i++)
		any |= strcmp(m->targets[i].context, "none") != 0;
	if (answered > known + unknown && any)
		unknown = answered - known;
	report->responses = known + unknown;
	report->unknown = unknown;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

/* Losses of what does not bear on requests are no losses here. */
static uint64_t map_loss(const struct model *m)
{
	uint64_t others = m->resources_not_kept + m->jobs.not_kept;

	return m->loss.map > others ? m->loss.map - others : 0;
}

static const char *whose(const struct check_report *report, const struct model *m)
{
	return report->of == m ? "" : "baseline: ";
}

/* What speaks against a result that is affected by @bits. */
static void doubt(struct check_report *report, struct check_result *r, const struct model *m,
		  unsigned int bits)
{
	const char *of = whose(report, m);
	uint64_t records = m->loss.ring + m->loss.file;

	if ((bits & UNSURE_CUT) && m->incomplete[0])
		check__reason(r, "%sthe capture is not whole: %s", of, m->incomplete);
	if ((bits & UNSURE_RECORDS) && records)
		check__reason(r, "%s%llu records were lost", of, (unsigned long long)records);
	if ((bits & UNSURE_MAP) && map_loss(m))
		check__reason(r, "%s%llu connections or threads were not followed", of,
			      (unsigned long long)map_loss(m));
	if ((bits & UNSURE_READ) && m->loss.read)
		check__reason(r, "%s%llu reads failed", of, (unsigned long long)m->loss.read);
}

/* What is unknown of requests that were seen: not a matter of losses. */
static void doubt_seen(const struct check_report *report, struct check_result *r,
		       const struct model *m, unsigned int bits)
{
	const struct model_requests *q = &m->requests;
	double max = report->max_unknown * 100;

	if ((bits & UNSURE_CONTEXT) &&
	    share(report->unknown, report->responses) > report->max_unknown)
		check__reason(r, "context unknown at %.1f%% of %llu responses (at most %g%%)",
			      share(report->unknown, report->responses) * 100,
			      (unsigned long long)report->responses, max);
	if ((bits & UNSURE_CONTEXT) && !report->responses && q->total == 0)
		check__reason(r, "no response was seen");
	if ((bits & UNSURE_PARTIAL) && share(q->incomplete_any, q->total) > report->max_unknown)
		check__reason(r, "%.1f%% of the requests are incomplete (at most %g%%)",
			      share(q->incomplete_any, q->total) * 100, max);
}

/* Losses that the user allows are told of all the same. */
static void allow(struct check_report *report, struct check_result *r)
{
	for (size_t i = 0; i < r->nreasons; i++) {
		bool told = false;

		for (size_t k = 0; k < report->nallowed; k++)
			told |= strcmp(report->allowed[k], r->reason[i]) == 0;
		if (!told && report->nallowed < CHECK_REASONS)
			memcpy(report->allowed[report->nallowed++], r->reason[i],
			       sizeof(r->reason[i]));
	}
	r->nreasons = 0;
}

void check__settle(struct check_report *report, struct check_result *r, const struct model *m,
		   const struct model *base, unsigned int bits)
{
	bool broken;

	doubt(report, r, m, bits);
	if (base)
		doubt(report, r, base, bits);
	if (report->allow_loss)
		allow(report, r);
	doubt_seen(report, r, m, bits);
	broken = r->known && (r->minimum ? r->measured < r->limit : r->measured > r->limit);
	/* More was there than was seen: that can break a limit, or keep a minimum. */
	if (broken && !r->minimum)
		r->nreasons = 0;
	else if (!broken && r->minimum && !base)
		r->nreasons = 0;
	r->is = r->nreasons || !r->known ? CHECK_UNSURE : broken ? CHECK_FAILED : CHECK_HELD;
}

struct check_result *check__new(struct check_report *report, const struct check_rule *rule)
{
	struct check_result *r = &report->result[report->n++];

	*r = (struct check_result){
		.id = rule->id, .what = rule->what, .unit = rule->unit, .minimum = rule->minimum};
	return r;
}

static void check_limit(struct check_report *report, const struct model *m,
			const struct check_rule *rule, double limit)
{
	struct check_result *r = check__new(report, rule);

	r->limit = limit;
	r->measured = rule->measure(m);
	r->known = isfinite(r->measured);
	check__settle(report, r, m, NULL, rule->unsure);
	if (!r->known)
		check__reason(r, "%s", rule->nothing);
}

static void count(struct check_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		report->held += report->result[i].is == CHECK_HELD;
		report->failed += report->result[i].is == CHECK_FAILED;
		report->unsure += report->result[i].is == CHECK_UNSURE;
	}
}

void check__run(struct check_report *report, const struct model *m, const struct check_opts *opts)
{
	const struct options *cli = opts->cli;
	uint32_t given = cli->limits;

	memset(report, 0, sizeof(*report));
	report->of = m;
	report->allow_loss = cli->allow_loss;
	report->max_unknown = cli->max_unknown;
	report->max_regress = cli->max_regress;
	report->by_default = !given && !opts->base;
	if (report->by_default)
		given = 1u << LIMIT_MISMATCHES;
	count_responses(report, m);
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (given & (1u << i))
			check_limit(report, m, &check_rules[i], cli->limit[i]);
	if (opts->base)
		check_baseline__run(report, m, opts->base);
	count(report);
}

enum check_is check__all(const struct check_report *report)
{
	if (report->failed)
		return CHECK_FAILED;
	return report->unsure ? CHECK_UNSURE : CHECK_HELD;
}

int check__status(const struct check_report *report)
{
	static const int status[] = {
		[CHECK_HELD] = EX_LR_OK,
		[CHECK_FAILED] = EX_LR_CHECK_FAILED,
		[CHECK_UNSURE] = EX_LR_LOSS,
	};

	return status[check__all(report)];
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What can be expected, where it is read, and by what it becomes uncertain. */
#include <math.h>

#include "check_rules.h"

static double mismatches(const struct model *m)
{
	return (double)m->findings.mismatched;
}

static double latency(const struct model *m, uint64_t ns)
{
	return m->requests.latency.count ? (double)ns : NAN;
}

static double p50(const struct model *m)
{
	return latency(m, m->requests.latency.p50);
}

static double p95(const struct model *m)
{
	return latency(m, m->requests.latency.p95);
}

static double p99(const struct model *m)
{
	return latency(m, m->requests.latency.p99);
}

static double error_rate(const struct model *m)
{
	const struct model_requests *r = &m->requests;

	return r->total ? (double)r->by_class[5] / (double)r->total : NAN;
}

static double blocked(const struct model *m)
{
	return (double)m->blocking.count;
}

static double requests(const struct model *m)
{
	return (double)m->requests.total;
}

static double rate(const struct model *m)
{
	double seconds = model__duration(m);

	return seconds > 0 ? (double)m->requests.total / seconds : NAN;
}

#define OF_LATENCY (UNSURE_LOST | UNSURE_PARTIAL)

const struct check_rule check_rules[LIMIT_COUNT] = {
	[LIMIT_MISMATCHES] = {"max-mismatches", "regress-mismatches", "mismatches", CHECK_COUNT,
			      false, UNSURE_LOST | UNSURE_CONTEXT, 100, mismatches, ""},
	[LIMIT_P50] = {"max-p50", "regress-p50", "p50 latency", CHECK_NS, false, OF_LATENCY, 100,
		       p50, "no request was seen from begin to end"},
	[LIMIT_P95] = {"max-p95", "regress-p95", "p95 latency", CHECK_NS, false, OF_LATENCY, 200,
		       p95, "no request was seen from begin to end"},
	[LIMIT_P99] = {"max-p99", "regress-p99", "p99 latency", CHECK_NS, false, OF_LATENCY, 1000,
		       p99, "no request was seen from begin to end"},
	[LIMIT_ERROR_RATE] = {"max-error-rate", "regress-error-rate", "errors (5xx)", CHECK_SHARE,
			      false, UNSURE_LOST, 100, error_rate, "no request was seen to end"},
	[LIMIT_BLOCKED] = {"max-blocked", NULL, "loop held for too long", CHECK_COUNT, false,
			   UNSURE_CUT | UNSURE_RECORDS, 0, blocked, ""},
	[LIMIT_REQUESTS] = {"min-requests", NULL, "requests", CHECK_COUNT, true, UNSURE_LOST, 0,
			    requests, ""},
	[LIMIT_RPS] = {"min-rps", "regress-rps", "throughput", CHECK_PER_S, true, UNSURE_LOST, 100,
		       rate, "it took no time"},
};

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run counts, and how it is printed: for people, or as one JSON object. */
#ifndef LOADGEN_RESULT_H
#define LOADGEN_RESULT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include "histogram.h"
#include "options.h"

enum load_error { LE_CONNECT, LE_RESET, LE_TIMEOUT, LE_PARSE, LE_COUNT };

static const char *const load_error_name[LE_COUNT] = {"connect", "reset", "timeout", "parse"};

struct result {
	uint64_t started_ns;
	uint64_t ended_ns;
	uint64_t sent;
	uint64_t answered;
	uint64_t by_class[6];	   /* by the first digit of the status, 0 unused */
	uint64_t errors[LE_COUNT]; /* requests that got no response, or could not be sent */
	uint64_t context[2];	   /* responses with x-context-ok: 0 and 1 */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t opened;     /* connections */
	uint64_t handshakes; /* of TLS, done */
	uint64_t resumed;    /* of these: an earlier session went on */
	struct histogram latency;
};

static inline double result__seconds(const struct result *r)
{
	return r->ended_ns > r->started_ns ? (double)(r->ended_ns - r->started_ns) / 1e9 : 0;
}

static inline double result__rps(const struct result *r)
{
	double s = result__seconds(r);

	return s > 0 ? (double)r->answered / s : 0;
}

static inline uint64_t result__errors(const struct result *r)
{
	uint64_t sum = 0;

	for (int i = 0; i < LE_COUNT; i++)
		sum += r->errors[i];
	return sum;
}

/* CPU time of this process so far, as a share of the run. */
static inline double result__cpu_share(const struct result *r)
{
	struct rusage use;
	double s = result__seconds(r);

	if (getrusage(RUSAGE_SELF, &use) || s <= 0)
		return 0;
	return ((double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6) /
	       s;
}

static inline void result__print(const struct result *r, const struct options *opt)
{
	const struct histogram *h = &r->latency;

	printf("%s  %u connections, pipeline %u, %.2f s\n", opt->target, opt->connections,
	       opt->pipeline, result__seconds(r));
	printf("requests  %lu sent, %lu answered, %.1f/s\n", r->sent, r->answered, result__rps(r));
	printf("status    2xx %lu  3xx %lu  4xx %lu  5xx %lu  (non-2xx %lu)\n", r->by_class[2],
	       r->by_class[3], r->by_class[4], r->by_class[5], r->answered - r->by_class[2]);
	printf("errors    connect %lu  reset %lu  timeout %lu  parse %lu\n", r->errors[LE_CONNECT],
	       r->errors[LE_RESET], r->errors[LE_TIMEOUT], r->errors[LE_PARSE]);
	printf("latency   p50 %.3f  p90 %.3f  p95 %.3f  p99 %.3f  max %.3f ms\n",
	       histogram__quantile_ms(h, 0.5), histogram__quantile_ms(h, 0.9),
	       histogram__quantile_ms(h, 0.95), histogram__quantile_ms(h, 0.99),
	       (double)h->max_ns / 1e6);
	if (r->context[0] || r->context[1])
		printf("context   %lu right, %lu wrong (by x-context-ok)\n", r->context[1],
		       r->context[0]);
	if (r->handshakes)
		printf("tls       %lu handshakes, %lu resumed\n", r->handshakes, r->resumed);
	printf("cpu       %.0f%% of one core\n", 100 * result__cpu_share(r));
}

static inline void result__print_json(const struct result *r, const struct options *opt)
{
	const struct histogram *h = &r->latency;

	printf("{\"schema\":\"loopray.loadgen/1\",\"connections\":%u,\"pipeline\":%u,"
	       "\"opened\":%lu,\"duration_s\":%.6f,",
	       opt->connections, opt->pipeline, r->opened, result__seconds(r));
	printf("\"requests\":{\"sent\":%lu,\"answered\":%lu,\"rps\":%.3f},", r->sent, r->answered,
	       result__rps(r));
	printf("\"status\":{\"2xx\":%lu,\"3xx\":%lu,\"4xx\":%lu,\"5xx\":%lu,\"non_2xx\":%lu},",
	       r->by_class[2], r->by_class[3], r->by_class[4], r->by_class[5],
	       r->answered - r->by_class[2]);
	printf("\"errors\":{\"connect\":%lu,\"reset\":%lu,\"timeout\":%lu,\"parse\":%lu,"
	       "\"total\":%lu},",
	       r->errors[LE_CONNECT], r->errors[LE_RESET], r->errors[LE_TIMEOUT],
	       r->errors[LE_PARSE], result__errors(r));
	printf("\"latency_ms\":{\"mean\":%.6f,\"p50\":%.6f,\"p90\":%.6f,\"p95\":%.6f,"
	       "\"p99\":%.6f,\"max\":%.6f},",
	       h->count ? (double)h->sum_ns / (double)h->count / 1e6 : 0,
	       histogram__quantile_ms(h, 0.5), histogram__quantile_ms(h, 0.9),
	       histogram__quantile_ms(h, 0.95), histogram__quantile_ms(h, 0.99),
	       (double)h->max_ns / 1e6);
	printf("\"tls\":{\"handshakes\":%lu,\"resumed\":%lu},", r->handshakes, r->resumed);
	printf("\"bytes\":{\"in\":%lu,\"out\":%lu},\"context\":{\"right\":%lu,\"wrong\":%lu},"
	       "\"cpu_share\":%.4f}\n",
	       r->bytes_in, r->bytes_out, r->context[1], r->context[0], result__cpu_share(r));
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Durations of one kind and one set of attributes each, counted into the buckets of the
 * conventions. At most OTLP_SERIES sets of attributes are kept apart; what comes beyond is counted
 * in one set of each metric and process, marked otel.metric.overflow as the specification has it.
 */
#ifndef LOOPRAY_OUT_OTLP_SERIES_H
#define LOOPRAY_OUT_OTLP_SERIES_H

#include <stdint.h>

#include "flow_table.h"
#include "out_otlp_target.h"
#include "out_otlp_text.h"

#define OTLP_SERIES	 4096
#define OTLP_BUCKETS_MAX 15

enum otlp_metric_id {
	OTLP_SERVER_DURATION,
	OTLP_CLIENT_DURATION,
	OTLP_DB_DURATION,
	OTLP_GC_DURATION,
	OTLP_UNMEASURED, /* a count, without durations */
	OTLP_METRICS
};

struct otlp_series {
	const struct otlp_target *target;
	enum otlp_metric_id metric;
	char *attributes; /* JSON, elements of an array */
	uint64_t count;
	uint64_t sum_ns, min_ns, max_ns;
	uint64_t bucket[OTLP_BUCKETS_MAX];
	struct otlp_series *next;
};

/* Zeroed but for what otlp_series_set__init sets. */
struct otlp_series_set {
	struct flow_table table;
	struct otlp_series *first, **end; /* in order of appearance */
	uint32_t count;
	struct otlp_buf text; /* the attributes that are looked up next */
	struct json j;	      /* writes them */
};

int otlp_series_set__init(struct otlp_series_set *s);
void otlp_series_set__destroy(struct otlp_series_set *s);

/* Where to write the attributes (otlp_attr__*) of what is added next. */
struct json *otlp_series_set__attributes(struct otlp_series_set *s);
/* Adds @ns to the series of the attributes just written. 0 or -ENOMEM. */
int otlp_series_set__add(struct otlp_series_set *s, const struct otlp_target *target,
			 enum otlp_metric_id metric, uint64_t ns);

/*
 * The series of one metric and process as an element of "metrics"; nothing if there is none. Times:
 * CLOCK_REALTIME of the observation's ends.
 */
void otlp_series_set__write(const struct otlp_series_set *s, const struct otlp_target *target,
			    enum otlp_metric_id metric, struct json *j, uint64_t start_ns,
			    uint64_t end_ns);

/* Temporality of the protocol: since the beginning. */
#define OTLP_CUMULATIVE 2

/* The members that each data point begins with, its attributes aside. */
void otlp_point__times(struct json *j, uint64_t start_ns, uint64_t end_ns);

#endif

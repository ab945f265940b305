// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out_otlp_series.h"
#include "util.h"

/* Bounds are upper ones, and belong to their bucket. */
static const struct metric {
	const char *name, *about, *unit;
	uint32_t bounds;
	double bound[OTLP_BUCKETS_MAX - 1]; /* seconds */
} metrics[OTLP_METRICS] = {
	[OTLP_SERVER_DURATION] = {"http.server.request.duration",
				  "Duration of HTTP server requests.",
				  "s",
				  14,
				  {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
				   7.5, 10}},
	[OTLP_CLIENT_DURATION] = {"http.client.request.duration",
				  "Duration of HTTP client requests.",
				  "s",
				  14,
				  {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
				   7.5, 10}},
	[OTLP_DB_DURATION] = {"db.client.operation.duration",
			      "Duration of database client operations.",
			      "s",
			      9,
			      {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}},
	[OTLP_GC_DURATION] =
		{"v8js.gc.duration", "Garbage collection duration.", "s", 4, {0.01, 0.1, 1, 10}},
	[OTLP_UNMEASURED] = {"loopray.request.unmeasured",
			     "Requests whose duration is not known, and is in no histogram.",
			     "{request}",
			     0,
			     {0}},
};

int otlp_series_set__init(struct otlp_series_set *s)
{
	memset(s, 0, sizeof(*s));
	s->end = &s->first;
	/* Those of overflow come on top. */
	return flow_table__init(&s->table, 16 * OTLP_SERIES);
}

void otlp_series_set__destroy(struct otlp_series_set *s)
{
	while (s->first) {
		struct otlp_series *next = s->first->next;

		free(s->first->attributes);
		free(s->first);
		s->first = next;
	}
	otlp_buf__free(&s->text);
	flow_table__destroy(&s->table);
}

struct json *otlp_series_set__attributes(struct otlp_series_set *s)
{
	s->text.len = 0;
	json__init(&s->j, otlp_buf__write, &s->text);
	json__array_begin(&s->j);
	return &s->j;
}

/* Ends the text of the attributes: without the brackets, terminated. */
static int end_text(struct otlp_series_set *s)
{
	int err;

	json__array_end(&s->j);
	err = json__finish(&s->j);
	if (err)
		return err;
	s->text.data[s->text.len - 1] = '\0';
	return 0;
}

static struct otlp_series *series_new(struct otlp_series_set *s, const struct otlp_target *target,
				      enum otlp_metric_id metric, uint64_t a, uint64_t b)
{
	struct otlp_series *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->target = target;
	n->metric = metric;
	n->attributes = strdup(s->text.data + 1);
	if (!n->attributes || flow_table__put(&s->table, a, b, n)) {
		free(n->attributes);
		free(n);
		return NULL;
	}
	*s->end = n;
	s->end = &n->next;
	s->count++;
	return n;
}

/* The series of the text; NULL: there is none, and it is the caller's to make it. */
static struct otlp_series *series_of(struct otlp_series_set *s, uint64_t a, uint64_t b)
{
	return flow_table__get(&s->table, a, b);
}

static struct otlp_series *find(struct otlp_series_set *s, const struct otlp_target *target,
				enum otlp_metric_id metric)
{
	uint64_t b = target->mix.a + metric;
	uint64_t a = hash_bytes(s->text.data, s->text.len);
	struct otlp_series *found = series_of(s, a, b);
	struct json *j;

	if (found && strcmp(found->attributes, s->text.data + 1) == 0)
		return found;
	if (!found && s->count < OTLP_SERIES)
		return series_new(s, target, metric, a, b);
	j = otlp_series_set__attributes(s);
	otlp_attr__bool(j, "otel.metric.overflow", true);
	if (end_text(s))
		return NULL;
	found = series_of(s, 0, b);
	return found ? found : series_new(s, target, metric, 0, b);
}

static void count(struct otlp_series *n, const struct metric *m, uint64_t ns)
{
	uint32_t i = 0;

	while (i < m->bounds && (double)ns > m->bound[i] * 1e9)
		i++;
	n->bucket[i]++;
	n->min_ns = n->count && n->min_ns < ns ? n->min_ns : ns;
	n->max_ns = n->max_ns > ns ? n->max_ns : ns;
	n->sum_ns += ns;
	n->count++;
}

int otlp_series_set__add(struct otlp_series_set *s, const struct otlp_target *target,
			 enum otlp_metric_id metric, uint64_t ns)
{
	struct otlp_series *n;
	int err = end_text(s);

	if (err)
		return err;
	n = find(s, target, metric);
	if (!n)
		return -ENOMEM;
	count(n, &metrics[metric], ns);
	return 0;
}

void otlp_point__times(struct json *j, uint64_t start_ns, uint64_t end_ns)
{
	otlp_json__key_u64(j, "startTimeUnixNano", start_ns);
	otlp_json__key_u64(j, "timeUnixNano", end_ns);
}

static void put_histogram(struct json *j, const struct metric *m, const struct otlp_series *n)
{
	otlp_json__key_u64(j, "count", n->count);
	json__key_double(j, "sum", (double)n->sum_ns / 1e9, 9);
	json__key_double(j, "min", (double)n->min_ns / 1e9, 9);
	json__key_double(j, "max", (double)n->max_ns / 1e9, 9);
	json__key_array(j, "bucketCounts");
	for (uint32_t i = 0; i <= m->bounds; i++)
		otlp_json__u64(j, n->bucket[i]);
	json__array_end(j);
	json__key_array(j, "explicitBounds");
	for (uint32_t i = 0; i < m->bounds; i++)
		json__double(j, m->bound[i], 3);
	json__array_end(j);
}

static void put_point(struct json *j, const struct metric *m, const struct otlp_series *n,
		      uint64_t start_ns, uint64_t end_ns)
{
	json__object_begin(j);
	json__key_array(j, "attributes");
	if (n->attributes[0])
		json__raw(j, n->attributes, strlen(n->attributes));
	json__array_end(j);
	otlp_point__times(j, start_ns, end_ns);
	if (m->bounds)
		put_histogram(j, m, n);
	else
		otlp_json__key_u64(j, "asInt", n->count);
	json__object_end(j);
}

static bool is_of(const struct otlp_series *n, const struct otlp_target *target,
		  enum otlp_metric_id metric)
{
	return n->metric == metric && n->target == target;
}

void otlp_series_set__write(const struct otlp_series_set *s, const struct otlp_target *target,
			    enum otlp_metric_id metric, struct json *j, uint64_t start_ns,
			    uint64_t end_ns)
{
	const struct metric *m = &metrics[metric];
	const struct otlp_series *n = s->first;

	while (n && !is_of(n, target, metric))
		n = n->next;
	if (!n)
		return;
	json__object_begin(j);
	json__key_str(j, "name", m->name);
	json__key_str(j, "description", m->about);
	json__key_str(j, "unit", m->unit);
	json__key_object(j, m->bounds ? "histogram" : "sum");
	json__key_array(j, "dataPoints");
	for (; n; n = n->next)
		if (is_of(n, target, metric))
			put_point(j, m, n, start_ns, end_ns);
	json__array_end(j);
	json__key_i64(j, "aggregationTemporality", OTLP_CUMULATIVE);
	if (!m->bounds)
		json__key_bool(j, "isMonotonic", true);
	json__object_end(j);
	json__object_end(j);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * OTLP/JSON lines, metrics: a MetricsData object a line, of one process each, and one of loopray
 * itself that says what was lost. All are sums over the whole observation, written at its end.
 *
 * Histograms count what has an end that was seen, and all of whose records are there, as the
 * report's percentiles do; how many requests are left out is told too. The event loop's figures are
 * the model's: its delay is how long something was ready before the loop got to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "model.h"
#include "out_otlp.h"
#include "out_otlp_series.h"
#include "out_otlp_span.h"
#include "util.h"

struct metrics {
	struct json j;
	struct otlp_targets targets;
	struct otlp_series_set series;
};

static void metrics_free(void *state)
{
	struct metrics *s = state;

	if (!s)
		return;
	otlp_series_set__destroy(&s->series);
	otlp_targets__destroy(&s->targets);
	free(s);
}

static int metrics_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct metrics *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -ENOMEM;
	json__init(&s->j, out_file__write, file);
	otlp_targets__init(&s->targets, opts);
	if (otlp_series_set__init(&s->series)) {
		metrics_free(s);
		*state = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Durations ------------------------------------------------------------------------------- */

static int add_gc(struct metrics *s, const struct flow_event *ev)
{
	static const char *const types[] = {"minor", "major"};
	struct otlp_target *t = otlp_targets__of(&s->targets, ev->pid);
	struct json *j;

	if (!t)
		return -ENOMEM;
	if (!ev->gc.duration_ns)
		return 0;
	j = otlp_series_set__attributes(&s->series);
	otlp_attr__str(j, "v8js.gc.type",
		       ev->gc.kind < ARRAY_SIZE(types) ? types[ev->gc.kind] : "unknown");
	return otlp_series_set__add(&s->series, t, OTLP_GC_DURATION, ev->gc.duration_ns);
}

static int metrics_event(void *state, const struct flow_event *ev)
{
	struct metrics *s = state;

	return ev->type == FE_GC ? add_gc(s, ev) : otlp_targets__event(&s->targets, ev);
}

static int add_unmeasured(struct metrics *s, const struct otlp_target *t,
			  const struct flow_req *req)
{
	const char *why = req->end == REQ_IN_FLIGHT ? "in_flight"
			  : req->end == REQ_LOST    ? "lost"
						    : "incomplete";
	struct json *j = otlp_series_set__attributes(&s->series);

	otlp_attr__str(j, "loopray.request.unmeasured_because", why);
	return otlp_series_set__add(&s->series, t, OTLP_UNMEASURED, 0);
}

static uint64_t between(uint64_t start_ns, uint64_t end_ns)
{
	return end_ns > start_ns ? end_ns - start_ns : 0;
}

static int add_call(struct metrics *s, const struct otlp_target *t, const struct flow_call *call)
{
	bool http = call->kind == CALL_HTTP && call->method[0];
	const char *db = otlp_db_system(call->kind);
	char text[48], buf[16];
	struct json *j;

	if (!(http || db) || !call->end_ns || call->setup || call->outcome == CALL_OPEN ||
	    call->outcome == CALL_LOST)
		return 0;
	j = otlp_series_set__attributes(&s->series);
	if (http)
		otlp_attr__str(j, "http.request.method", otlp_method(call->method));
	otlp_attr__str(j, "db.system.name", db);
	otlp_attr__str(j, "server.address", otlp_address(call->family, call->peer_addr, text));
	otlp_attr__known(j, "server.port", call->peer_port);
	if (http)
		otlp_attr__known(j, "http.response.status_code", call->status);
	otlp_attr__str(j, "error.type", otlp_error_type__call(call, buf));
	return otlp_series_set__add(&s->series, t, http ? OTLP_CLIENT_DURATION : OTLP_DB_DURATION,
				    between(call->start_ns, call->end_ns));
}

static int add_request(struct metrics *s, const struct otlp_target *t, const struct flow_req *req)
{
	struct json *j;
	char buf[16];

	if (req->end == REQ_IN_FLIGHT || req->end == REQ_LOST || req->incomplete)
		return add_unmeasured(s, t, req);
	j = otlp_series_set__attributes(&s->series);
	otlp_attr__str(j, "http.request.method", otlp_method(req->method));
	otlp_attr__str(j, "url.scheme", req->tls ? "https" : "http");
	otlp_attr__str(j, "http.route", otlp_route(req->route));
	otlp_attr__known(j, "http.response.status_code", req->status);
	otlp_attr__str(j, "network.protocol.version", otlp_protocol_version(req->version));
	otlp_attr__str(j, "error.type", otlp_error_type__request(req, buf));
	return otlp_series_set__add(&s->series, t, OTLP_SERVER_DURATION,
				    between(req->start_ns, req->end_ns));
}

static int metrics_request(void *state, const struct flow_req *req)
{
	struct metrics *s = state;
	struct otlp_target *t = otlp_targets__of(&s->targets, req->pid);
	int err = t ? add_request(s, t, req) : -ENOMEM;

	for (uint32_t i = 0; !err && i < req->ncalls; i++)
		err = add_call(s, t, req->calls[i]);
	return err;
}

static int metrics_call(void *state, const struct flow_call *call)
{
	struct metrics *s = state;
	struct otlp_target *t = otlp_targets__of(&s->targets, call->pid);

	return t ? add_call(s, t, call) : -ENOMEM;
}

/* Event loops ------------------------------------------------------------------------------ */

/* Where points are written, and of when. */
struct points {
	struct json *j;
	const struct model *m;
	uint32_t pid;
	uint64_t start_ns, end_ns; /* CLOCK_REALTIME */
};

/* A figure of a loop in seconds or 1; false: it is not known. */
typedef bool (*figure_fn)(const struct model_loop *l, double *value);

static bool utilisation(const struct model_loop *l, double *value)
{
	*value = model_loop__utilisation(l);
	return *value >= 0;
}

static bool of_lag(const struct model_loop *l, uint64_t ns, double *value)
{
	*value = (double)ns / 1e9;
	return l->health.lag.count > 0;
}

#define LAG(name)                                                         \
	static bool lag_##name(const struct model_loop *l, double *value) \
	{                                                                 \
		return of_lag(l, l->health.lag.name, value);              \
	}

LAG(min)
LAG(max)
LAG(mean)
LAG(p50)
LAG(p90)
LAG(p99)

static const struct {
	const char *name, *about, *unit;
	figure_fn of;
} gauges[] = {
	{"nodejs.eventloop.delay.min", "Event loop minimum delay.", "s", lag_min},
	{"nodejs.eventloop.delay.max", "Event loop maximum delay.", "s", lag_max},
	{"nodejs.eventloop.delay.mean", "Event loop mean delay.", "s", lag_mean},
	{"nodejs.eventloop.delay.p50", "Event loop 50 percentile delay.", "s", lag_p50},
	{"nodejs.eventloop.delay.p90", "Event loop 90 percentile delay.", "s", lag_p90},
	{"nodejs.eventloop.delay.p99", "Event loop 99 percentile delay.", "s", lag_p99},
	{"nodejs.eventloop.utilization", "Event loop utilization.", "1", utilisation},
};

static bool is_known(const struct points *p, figure_fn of)
{
	double v;

	for (size_t i = 0; i < p->m->loop_count; i++)
		if (p->m->loops[i].pid == p->pid && of(&p->m->loops[i], &v))
			return true;
	return false;
}

static void metric_begin(struct json *j, const char *name, const char *about, const char *unit,
			 const char *kind)
{
	json__object_begin(j);
	json__key_str(j, "name", name);
	json__key_str(j, "description", about);
	json__key_str(j, "unit", unit);
	json__key_object(j, kind);
	json__key_array(j, "dataPoints");
}

/* @state: of the loop, or NULL. */
static void put_double(const struct points *p, uint32_t env, const char *state, double v)
{
	struct json *j = p->j;

	json__object_begin(j);
	json__key_array(j, "attributes");
	otlp_attr__u64(j, "loopray.env", env);
	otlp_attr__str(j, "nodejs.eventloop.state", state);
	json__array_end(j);
	otlp_point__times(j, p->start_ns, p->end_ns);
	json__key_double(j, "asDouble", v, 9);
	json__object_end(j);
}

static void put_gauges(const struct points *p)
{
	double v;

	for (size_t g = 0; g < ARRAY_SIZE(gauges); g++) {
		if (!is_known(p, gauges[g].of))
			continue;
		metric_begin(p->j, gauges[g].name, gauges[g].about, gauges[g].unit, "gauge");
		for (size_t i = 0; i < p->m->loop_count; i++)
			if (p->m->loops[i].pid == p->pid && gauges[g].of(&p->m->loops[i], &v))
				put_double(p, p->m->loops[i].env, NULL, v);
		json__array_end(p->j);
		json__object_end(p->j);
		json__object_end(p->j);
	}
}

static void sum_end(struct json *j)
{
	json__array_end(j);
	json__key_i64(j, "aggregationTemporality", OTLP_CUMULATIVE);
	json__key_bool(j, "isMonotonic", true);
	json__object_end(j);
	json__object_end(j);
}

static void put_loop_time(const struct points *p)
{
	if (!is_known(p, utilisation))
		return;
	metric_begin(p->j, "nodejs.eventloop.time",
		     "Cumulative duration of time the event loop has been in each state.", "s",
		     "sum");
	for (size_t i = 0; i < p->m->loop_count; i++) {
		const struct model_loop *l = &p->m->loops[i];

		if (l->pid != p->pid || !l->wall_ns)
			continue;
		put_double(p, l->env, "active", (double)between(l->idle_ns, l->wall_ns) / 1e9);
		put_double(p, l->env, "idle", (double)l->idle_ns / 1e9);
	}
	sum_end(p->j);
}

/* Lines ------------------------------------------------------------------------------------ */

static void line_begin(struct metrics *s, const struct otlp_target *t)
{
	struct json *j = &s->j;

	json__object_begin(j);
	json__key_array(j, "resourceMetrics");
	json__object_begin(j);
	otlp_targets__resource(&s->targets, t, j);
	json__key_array(j, "scopeMetrics");
	json__object_begin(j);
	otlp_json__scope(j, s->targets.version);
	json__key_array(j, "metrics");
}

static void put_target(struct metrics *s, const struct otlp_target *t, struct points *p)
{
	line_begin(s, t);
	for (int i = 0; i < OTLP_METRICS; i++)
		otlp_series_set__write(&s->series, t, (enum otlp_metric_id)i, p->j, p->start_ns,
				       p->end_ns);
	p->pid = t->pid;
	/* Loops are told apart by pid alone: they are the last one's that had it. */
	if (otlp_targets__of(&s->targets, t->pid) == t) {
		put_gauges(p);
		put_loop_time(p);
	}
	otlp_json__line_end(p->j);
}

static void put_loss(struct metrics *s, const struct points *p)
{
	const struct model_loss *l = &p->m->loss;
	const struct {
		const char *kind;
		uint64_t count;
	} of[] = {{"ring", l->ring}, {"map", l->map}, {"read", l->read}, {"file", l->file}};

	line_begin(s, NULL);
	metric_begin(p->j, "loopray.records.lost", "Records and state that were lost.", "{record}",
		     "sum");
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		json__object_begin(p->j);
		json__key_array(p->j, "attributes");
		otlp_attr__str(p->j, "loopray.loss.kind", of[i].kind);
		json__array_end(p->j);
		otlp_point__times(p->j, p->start_ns, p->end_ns);
		otlp_json__key_u64(p->j, "asInt", of[i].count);
		json__object_end(p->j);
	}
	sum_end(p->j);
	otlp_json__line_end(p->j);
}

static int metrics_close(void *state, const struct model *m)
{
	struct metrics *s = state;
	struct points p = {.j = &s->j,
			   .m = m,
			   .start_ns = otlp_targets__wall(&s->targets, m->start_ns),
			   .end_ns = otlp_targets__wall(&s->targets, m->end_ns)};
	int err;

	for (size_t i = 0; i < s->targets.count; i++)
		put_target(s, s->targets.list[i], &p);
	put_loss(s, &p);
	err = json__finish(&s->j);
	metrics_free(s);
	return err;
}

const struct out_format out_otlp_metrics_format = {
	.name = "otlp-metrics",
	.about = "OpenTelemetry metrics, as OTLP/JSON lines",
	.extension = "metrics.jsonl",
	.open = metrics_open,
	.event = metrics_event,
	.request = metrics_request,
	.call = metrics_call,
	.close = metrics_close,
	.free = metrics_free,
};

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Spans: their ids, where they stand, what the conventions ask for; read with jq. */
#include <errno.h>

#include "events.h"
#include "finding_test.h"
#include "model.h"
#include "out_otlp.h"
#include "out_otlp_id.h"
#include "out_test.h"
#include "util.h"

#define SECOND 1000000000ULL

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static const struct out_opts opts = {
	.mono_ns = 1000, .wall_ns = 1700000000 * SECOND, .host = "h", .version = "0.1.0"};

struct output {
	struct test_dir dir;
	struct out_file *file;
	void *state;
};

static void begin_with(struct output *o, const struct out_opts *with)
{
	test_dir__make(&o->dir);
	assert_int_equal(out_file__open(&o->file, o->dir.file), 0);
	assert_int_equal(out_otlp_format.open(&o->state, o->file, with), 0);
}

static void begin(struct output *o)
{
	begin_with(o, &opts);
}

static void end(struct output *o)
{
	struct model m = {.start_ns = 1, .end_ns = 2};

	assert_int_equal(out_otlp_format.close(o->state, &m), 0);
	assert_int_equal(out_file__commit(o->file), 0);
}

#define SPANS "[.[].resourceSpans[].scopeSpans[].spans[]] as $s | "
/* Attributes of a span as an object. */
#define ATTRS "def attrs: map({key, value: (.value | to_entries[0].value)}) | from_entries; "

static void holds(const struct output *o, const char *filter)
{
	char whole[1600];

	assert_true(snprintf(whole, sizeof(whole), ATTRS SPANS "%s", filter) < (int)sizeof(whole));
	if (!test_jq(o->dir.file, whole))
		fail_msg("does not hold: %s", filter);
}

static void target(struct output *o, uint32_t pid)
{
	struct flow_event ev = {.type = FE_TARGET,
				.pid = pid,
				.target = {700, str("24.11.1"), str("acf"), str("static"),
					   str("/opt/n\"ode"), str("requests")}};

	assert_int_equal(out_otlp_format.event(o->state, &ev), 0);
}

static struct flow_req request(uint64_t seq)
{
	return (struct flow_req){.pid = 10,
				 .seq = seq,
				 .conn = 3,
				 .conn_seq = 1,
				 .family = LR_AF_INET,
				 .peer_port = 51234,
				 .local_port = 3000,
				 .peer_addr = {127, 0, 0, 1},
				 .method = "GET",
				 .path = "/users/7",
				 .route = "/users/:id",
				 .version = 11,
				 .status = 200,
				 .start_ns = 2000,
				 .recv_ns = 2010,
				 .first_byte_ns = 2080,
				 .end_ns = 2100,
				 .end = REQ_COMPLETE};
}

static void give(struct output *o, const struct flow_req *req)
{
	assert_int_equal(out_otlp_format.request(o->state, req), 0);
}

static struct flow_call call(uint64_t seq)
{
	return (struct flow_call){.pid = 10,
				  .conn = 9,
				  .family = LR_AF_INET,
				  .peer_port = 80,
				  .local_port = 40000,
				  .peer_addr = {10, 0, 0, 1},
				  .kind = CALL_HTTP,
				  .outcome = CALL_OK,
				  .by = seq ? CALL_BY_STORE : CALL_BY_NOTHING,
				  .request = {10, 0, seq, 3},
				  .version = 11,
				  .status = 200,
				  .method = "GET",
				  .path = "/up",
				  .start_ns = 2020,
				  .sent_ns = 2030,
				  .first_byte_ns = 2040,
				  .end_ns = 2050};
}

static struct fe_trace trace(uint8_t id, uint8_t span)
{
	struct fe_trace t = {.known = true, .flags = 1};

	memset(t.trace_id, id, sizeof(t.trace_id));
	memset(t.span_id, span, sizeof(t.span_id));
	return t;
}

/* A request came in with this, at this time. */
static void came(struct output *o, struct fe_trace t, uint64_t ts)
{
	struct flow_event ev = {
		.type = FE_HEADERS, .pid = 10, .ts = ts, .headers = {.conn = 3, .trace = t}};

	assert_int_equal(out_otlp_format.event(o->state, &ev), 0);
}

static void test_ids(void **state)
{
	struct otlp_mix process = otlp_mix__word(otlp_mix__recording(&opts), 10);
	struct otlp_mix again = otlp_mix__word(otlp_mix__recording(&opts), 10);
	struct out_opts other = opts;
	struct otlp_span_id last = {0};

	(void)state;
	assert_true(process.a == again.a && process.b == again.b);
	for (uint64_t seq = 1; seq < 1000; seq++) {
		struct otlp_mix m = otlp_mix__request(process, 0, 3, seq);
		struct otlp_span_id id = otlp_mix__span(m);

		assert_int_not_equal(otlp_span_id__word(&id), 0);
		assert_int_not_equal(otlp_span_id__word(&id), otlp_span_id__word(&last));
		last = id;
	}
	other.mono_ns++; /* another recording */
	again = otlp_mix__word(otlp_mix__recording(&other), 10);
	assert_true(process.a != again.a && process.b != again.b);
	/* An id of zeros is none. */
	last = otlp_mix__span((struct otlp_mix){0, 0});
	assert_int_not_equal(otlp_span_id__word(&last), 0);
}

/* The same on every machine, or exports of one capture would differ. */
static void test_ids_fixed(void **state)
{
	struct otlp_mix m = otlp_mix__request(
		otlp_mix__word(otlp_mix__word(otlp_mix__recording(&opts), 10), 700), 0, 3, 1);
	struct otlp_span_id id = otlp_mix__span(m);
	struct flow_req req = request(1);
	struct output o = {0};
	char filter[128];

	(void)state;
	begin(&o);
	target(&o, 10);
	give(&o, &req);
	end(&o);
	snprintf(filter, sizeof(filter), "$s[0].spanId == \"%016llx\"",
		 (unsigned long long)otlp_span_id__word(&id));
	holds(&o, filter);
	holds(&o, "$s[0].traceId | test(\"^[0-9a-f]{32}$\")");
	test_dir__remove(&o.dir);
}

static void test_server(void **state)
{
	struct flow_req req = request(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	target(&o, 10);
	req.waits.known = true;
	req.waits.ns[WAIT_CPU] = 100;
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0] | .kind == 2 and .name == \"GET /users/:id\" and .status == {} and "
		  ".startTimeUnixNano == \"1700000000000001000\" and .flags == 257 and "
		  ".endTimeUnixNano == \"1700000000000001100\" and (has(\"parentSpanId\") | not)");
	holds(&o, "$s[0].attributes | attrs | .[\"http.request.method\"] == \"GET\" and "
		  ".[\"url.path\"] == \"/users/7\" and .[\"http.route\"] == \"/users/:id\" and "
		  ".[\"http.response.status_code\"] == \"200\" and .[\"url.scheme\"] == \"http\" "
		  "and .[\"loopray.wait.cpu_ns\"] == \"100\" and (has(\"error.type\") | not) and "
		  "(has(\"loopray.wait.gc_ns\") | not)");
	holds(&o, ".[0].resourceSpans[0] | (.schemaUrl | test(\"/1.44.0$\")) and "
		  "(.resource.attributes | attrs | .[\"service.name\"] == "
		  "\"unknown_service:n\\\"ode\" and .[\"process.pid\"] == \"10\" and "
		  ".[\"process.runtime.version\"] == \"24.11.1\" and "
		  ".[\"process.creation.time\"] == \"2023-11-14T22:13:26.999Z\")");
	test_dir__remove(&o.dir);
}

/* 4xx of a server is no error, 5xx is; a method of nobody's; what has no end. */
static void test_status(void **state)
{
	struct flow_req req = request(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	req.status = 404;
	give(&o, &req);
	req.status = 503;
	req.method = "BREW";
	req.route = "(other)";
	give(&o, &req);
	req.status = 0;
	req.end = REQ_ABORTED_SERVER;
	give(&o, &req);
	req.end = REQ_ABORTED_PEER;
	give(&o, &req);
	req.end = REQ_LOST;
	req.end_ns = 0;
	req.incomplete = REQ_INC_LOSS;
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0].status == {} and ($s[0].attributes | attrs | has(\"error.type\") | not)");
	holds(&o, "$s[1] | .status.code == 2 and .name == \"HTTP\" and (.attributes | attrs | "
		  ".[\"error.type\"] == \"503\" and .[\"http.request.method\"] == \"_OTHER\" and "
		  ".[\"http.request.method_original\"] == \"BREW\" and "
		  "(has(\"http.route\") | not))");
	holds(&o, "$s[2] | .status.code == 2 and (.attributes | attrs | .[\"error.type\"] == "
		  "\"aborted_by_server\" and (has(\"http.response.status_code\") | not))");
	holds(&o, "$s[3] | .status == {} and (.attributes | attrs | "
		  ".[\"loopray.request.outcome\"] == \"aborted_by_client\")");
	holds(&o, "$s[4] | .endTimeUnixNano == \"1700000000000001080\" and (.attributes | attrs | "
		  ".[\"loopray.request.incomplete\"] == true and "
		  ".[\"loopray.request.incomplete_because\"].values[0].stringValue == \"loss\")");
	test_dir__remove(&o.dir);
}

/* What has not ended is seen until the last event. */
static void test_in_flight(void **state)
{
	struct flow_event ev = {.type = FE_TURN, .pid = 10, .ts = 9000};
	struct flow_req req = request(1);
	struct flow_call open = call(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	assert_int_equal(out_otlp_format.event(o.state, &ev), 0);
	req.end = REQ_IN_FLIGHT;
	req.end_ns = 0;
	give(&o, &req);
	open.outcome = CALL_OPEN;
	open.end_ns = 0;
	assert_int_equal(out_otlp_format.call(o.state, &open), 0);
	end(&o);
	holds(&o, "($s | map(.endTimeUnixNano) | unique) == [\"1700000000000008000\"] and "
		  "($s[0].attributes | attrs | .[\"loopray.request.outcome\"] == \"in_flight\" "
		  "and .[\"loopray.request.incomplete\"] == true)");
	test_dir__remove(&o.dir);
}

/* Any bytes, and texts that were cut on their way. */
static void test_texts(void **state)
{
	char path[FLOW_PATH_MAX + 1], up[CALL_PATH_MAX];
	struct flow_req req = request(1);
	struct flow_call c = call(1);
	const struct flow_call *calls[] = {&c};
	struct flow_kept kept = {.n = 2,
				 .header = {{"host", "[::1]:80"}, {"user-agent", "a\xff\"\n"}}};
	struct output o = {0};

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[FLOW_PATH_MAX] = '\0';
	memset(up, 'y', sizeof(up) - 1);
	up[0] = '/';
	up[sizeof(up) - 1] = '\0';
	memcpy(c.path, up, sizeof(up));
	req.path = path;
	req.kept = &kept;
	req.calls = calls;
	req.ncalls = 1;
	begin(&o);
	give(&o, &req);
	req.path = "/\x01\xfe\"\\";
	req.ncalls = 0;
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0].attributes | attrs | .[\"loopray.truncated\"].values[0].stringValue == "
		  "\"url.path\" and .[\"server.address\"] == \"::1\" and "
		  ".[\"user_agent.original\"] == \"a\\ufffd\\\"\\n\"");
	holds(&o, "$s[1].attributes | attrs | .[\"loopray.truncated\"].values[0].stringValue == "
		  "\"url.full\"");
	holds(&o, "$s[2].attributes | attrs | .[\"url.path\"] == \"/\\u0001\\ufffd\\\"\\\\\" and "
		  "(has(\"loopray.truncated\") | not)");
	test_dir__remove(&o.dir);
}

/* A trace that comes in goes on; one that is begun inside is joined; the call keeps its id. */
static void test_traces(void **state)
{
	struct flow_req req = request(1);
	struct flow_kept kept = {.trace = trace(0xaa, 0x11), .tracestate = "v=1"};
	struct flow_call c = call(1), handed_on = call(1), twice = call(1);
	const struct flow_call *calls[] = {&c, &handed_on, &twice};
	struct output o = {0};

	(void)state;
	begin(&o);
	came(&o, kept.trace, 2010);
	c.trace = trace(0xaa, 0x22);
	handed_on.trace = trace(0xaa, 0x11); /* the id of its parent's */
	handed_on.start_ns++;
	twice.trace = c.trace;
	twice.start_ns += 2;
	req.kept = &kept;
	req.calls = calls;
	req.ncalls = 3;
	give(&o, &req);
	req = request(2);
	c.trace = trace(0xbb, 0x33);
	req.calls = calls;
	req.ncalls = 1;
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0] | .traceId == \"aa\" * 16 and .parentSpanId == \"11\" * 8 and "
		  ".traceState == \"v=1\" and .flags == 769");
	holds(&o, "$s[1] | .spanId == \"22\" * 8 and .traceId == \"aa\" * 16 and "
		  ".parentSpanId == $s[0].spanId and .kind == 3 and .flags == 257");
	holds(&o, "$s[2].spanId != \"11\" * 8 and $s[3].spanId != \"22\" * 8 and "
		  "([$s[].spanId] | unique | length == 6)");
	holds(&o, "$s[4].traceId == \"bb\" * 16 and $s[5].spanId == \"33\" * 8 and "
		  "$s[5].parentSpanId == $s[4].spanId and ($s[4] | has(\"parentSpanId\") | not)");
	test_dir__remove(&o.dir);
}

/*
 * The other side of a call may be observed too: what comes in there after the call was sent is the
 * call's own id, not one that was handed on.
 */
static void test_both_sides(void **state)
{
	struct flow_req req = request(1), theirs = request(1);
	struct flow_kept kept = {.trace = trace(0xaa, 0x22)};
	struct flow_call c = call(1);
	const struct flow_call *calls[] = {&c};
	struct output o = {0};

	(void)state;
	begin(&o);
	came(&o, kept.trace, c.sent_ns + 5);
	theirs.pid = 11;
	theirs.kept = &kept;
	give(&o, &theirs);
	c.trace = kept.trace;
	req.calls = calls;
	req.ncalls = 1;
	give(&o, &req);
	end(&o);
	holds(&o,
	      "($s | map(select(.kind == 3))[0]) as $c | ($s | map(select(.kind == 2))) as $r | "
	      "$c.spanId == \"22\" * 8 and ($r | map(.traceId) | unique == [$c.traceId]) and "
	      "($r | map(.parentSpanId) | index($c.spanId) != null) and "
	      "($r | map(.spanId) | index($c.parentSpanId) != null)");
	test_dir__remove(&o.dir);
}

/* A context of another's proves nothing about its trace: a link instead of a parent. */
static void test_trace_of_another(void **state)
{
	struct flow_req req = request(1);
	struct flow_call c = call(1);
	const struct flow_call *calls[] = {&c};
	struct output o = {0};

	(void)state;
	begin(&o);
	req.context = CONTEXT_FOREIGN;
	c.trace = trace(0xbb, 0x33);
	req.calls = calls;
	req.ncalls = 1;
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0].traceId != $s[1].traceId and $s[1].traceId == \"bb\" * 16 and "
		  "($s[1] | has(\"parentSpanId\") | not) and "
		  "$s[1].links[0].spanId == $s[0].spanId and "
		  "$s[1].links[0].traceId == $s[0].traceId");
	test_dir__remove(&o.dir);
}

/* Calls that come after their request, of one that is unknown, that failed, and of databases. */
static void test_calls(void **state)
{
	struct flow_req req = request(1);
	struct flow_call late = call(1), nobody = call(0), refused = call(1), db = call(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	give(&o, &req);
	late.late = true;
	late.status = 404;
	assert_int_equal(out_otlp_format.call(o.state, &late), 0);
	nobody.unknown = CALL_UNKNOWN_TURN;
	nobody.start_ns++;
	assert_int_equal(out_otlp_format.call(o.state, &nobody), 0);
	refused.kind = CALL_OTHER;
	refused.outcome = CALL_ERROR;
	refused.error = ECONNREFUSED;
	refused.start_ns += 2;
	assert_int_equal(out_otlp_format.call(o.state, &refused), 0);
	db.kind = CALL_POSTGRESQL;
	db.family = LR_AF_INET6;
	db.start_ns += 3;
	assert_int_equal(out_otlp_format.call(o.state, &db), 0);
	end(&o);
	holds(&o, "$s[1] | .parentSpanId == $s[0].spanId and .traceId == $s[0].traceId and "
		  ".name == \"GET\" and .status.code == 2 and (.attributes | attrs | "
		  ".[\"error.type\"] == \"404\" and .[\"loopray.call.after_response\"] == true and "
		  ".[\"url.full\"] == \"http://10.0.0.1:80/up\")");
	holds(&o, "$s[2] | (has(\"parentSpanId\") | not) and .traceId != $s[0].traceId and "
		  "(.attributes | attrs | .[\"loopray.call.unknown_reason\"] == \"turn\")");
	holds(&o,
	      "$s[3] | .name == \"10.0.0.1:80\" and (.attributes | attrs | "
	      ".[\"error.type\"] == \"ECONNREFUSED\" and (has(\"http.request.method\") | not))");
	holds(&o, "$s[4] | .name == \"[a00:1::]:80\" and (.attributes | attrs | "
		  ".[\"db.system.name\"] == \"postgresql\" and .[\"server.port\"] == \"80\" and "
		  "(has(\"url.full\") | not))");
	test_dir__remove(&o.dir);
}

static struct flow_finding foreign(uint64_t conn, uint64_t seq)
{
	return (struct flow_finding){.kind = FINDING_FOREIGN,
				     .grade = GRADE_HARM,
				     .instance = 1,
				     .head_ns = 2080,
				     .other = {.seq = seq, .conn = conn, .path = "/other"},
				     .exec_id = -1,
				     .trigger_id = -1};
}

/* A link waits for its request, whose trace is known when that is over. */
static void test_links(void **state)
{
	struct flow_req req = request(1), other = request(2);
	struct flow_finding f[] = {foreign(4, 2), foreign(5, 77), foreign(4, 0)};
	struct flow_kept kept = {.trace = trace(0xcc, 0x44)};
	struct output o = {0};

	(void)state;
	begin(&o);
	req.findings = f;
	req.nfindings = 3;
	give(&o, &req);
	other.conn = 4;
	other.kept = &kept;
	give(&o, &other);
	end(&o);
	/* The first was held back behind what it waits for. */
	holds(&o,
	      "($s | map(select(.events | length == 3)))[0] as $f | ($f.links | length == 1) and "
	      "$f.links[0].traceId == \"cc\" * 16 and $f.droppedLinksCount == 1 and "
	      "($s | map(.spanId) | index($f.links[0].spanId) != null)");
	holds(&o, "($s | map(select(.events | length == 3)))[0].events[0] | "
		  ".name == \"loopray.context.foreign\" and .timeUnixNano == "
		  "\"1700000000000001080\" and (.attributes | attrs | "
		  ".[\"loopray.finding.grade\"] == \"harm\" and "
		  ".[\"loopray.finding.other.seq\"] == \"2\" and "
		  ".[\"loopray.finding.other.path\"] == \"/other\")");
	test_dir__remove(&o.dir);
}

/* What stores hold: fingerprints, and text only if it is asked for. */
static void stores(bool show)
{
	struct flow_finding f[] = {test_foreign(), test_lost(), test_fan_out()};
	struct out_opts with = opts;
	struct flow_req req = request(1);
	struct output o = {0};

	with.show_values = show;
	req.findings = f;
	req.nfindings = 3;
	begin_with(&o, &with);
	give(&o, &req);
	end(&o);
	holds(&o, "$s[0].events | map(.name) == [\"loopray.context.foreign\", "
		  "\"loopray.context.lost\", \"loopray.context.fan_out\"]");
	holds(&o, "$s[0].events[0].attributes | attrs | map_values(.values? // .) | "
		  "(.[\"loopray.finding.active.fields\"] | map(.stringValue)) == "
		  "[\"requestId\", \"userId\", \"amount\", \"span\"] and "
		  "(.[\"loopray.finding.own.hashes\"] | map(.stringValue) | .[0] == "
		  "\"77c0000000000004\" and .[3] == \"\") and "
		  "(.[\"loopray.finding.signs\"] | length == 2)");
	holds(&o, show ? "[$s[0].events[].attributes[].value.arrayValue.values[]?.stringValue] | "
			 "index(\"req-9\") != null and index(\"req-17\") != null"
		       : "$s | tostring | test(\"req-|u-4\") | not");
	test_dir__remove(&o.dir);
}

static void test_stores(void **state)
{
	(void)state;
	stores(false);
	stores(true);
}

/* So many wait, and no more: the oldest goes without its link, and says so. */
static void test_links_bound(void **state)
{
	struct output o = {0};

	(void)state;
	begin(&o);
	for (uint64_t seq = 1; seq <= 1500; seq++) {
		struct flow_finding f = foreign(4, 9999);
		struct flow_req req = request(seq);

		req.findings = &f;
		req.nfindings = 1;
		give(&o, &req);
	}
	{
		struct flow_req other = request(9999);

		other.conn = 4;
		give(&o, &other);
	}
	end(&o);
	holds(&o, "($s | length == 1501) and ($s | map(select(.droppedLinksCount == 1)) | "
		  "length == 476) and ($s | map(.links | length) | add == 1024) and "
		  "([.[].resourceSpans[].scopeSpans[].spans | length] | max <= 256)");
	test_dir__remove(&o.dir);
}

/* What a process is called by those who run it. */
static void test_service(void **state)
{
	struct flow_event ev = {.type = FE_SERVICE,
				.pid = 10,
				.service = {str("@a/shop"), str("1.2"), str("/app/index.js")}};
	struct flow_req req = request(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	target(&o, 10);
	assert_int_equal(out_otlp_format.event(o.state, &ev), 0);
	target(&o, 10); /* told again: more is known */
	give(&o, &req);
	end(&o);
	holds(&o, ".[0].resourceSpans[0].resource.attributes | attrs | "
		  ".[\"service.name\"] == \"@a/shop\" and .[\"service.version\"] == \"1.2\"");
	test_dir__remove(&o.dir);
}

/* Of each process a resource; a pid that comes again is another one. */
static void test_targets(void **state)
{
	struct flow_event over = {.type = FE_TARGET_END, .pid = 10};
	struct flow_req req = request(1);
	struct output o = {0};

	(void)state;
	begin(&o);
	for (uint32_t i = 0; i < 1100; i++) { /* more than are kept */
		struct flow_event ev = {.type = FE_TARGET, .pid = 10, .target = {.start_time = i}};

		assert_int_equal(out_otlp_format.event(o.state, &ev), 0);
		give(&o, &req);
		assert_int_equal(out_otlp_format.event(o.state, &over), 0);
	}
	end(&o);
	holds(&o, "length == 1100 and ([$s[].spanId] | unique | length == 1100)");
	test_dir__remove(&o.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_fixed),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_trace_of_another),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_links_bound),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_both_sides),
		cmocka_unit_test(test_stores),
	};

	unsetenv("OTEL_SERVICE_NAME");
	return cmocka_run_group_tests_name("out_otlp", tests, NULL, NULL);
}

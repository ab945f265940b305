// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "events.h"
#include "finding_test.h"
#include "model.h"
#include "out_jsonl.h"
#include "out_test.h"
#include "util.h"

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

static const struct out_opts opts = {
	.mono_ns = 1000, .wall_ns = 5000, .host = "h", .version = "0.1.0"};

struct output {
	struct test_dir dir;
	struct out_file *file;
	void *state;
};

static void begin_with(struct output *o, const struct out_opts *with)
{
	test_dir__make(&o->dir);
	assert_int_equal(out_file__open(&o->file, o->dir.file), 0);
	assert_int_equal(out_jsonl_format.open(&o->state, o->file, with), 0);
}

static void begin(struct output *o)
{
	begin_with(o, &opts);
}

static void end(struct output *o, uint64_t lost)
{
	struct flow_event loss = {.type = FE_LOSS, .loss = {FLOW_LOSS_READ, lost}};
	struct model_view view = {.start_ns = 1, .end_ns = 2};
	struct model_builder *b;
	struct model *m;

	assert_int_equal(model_builder__new(&b, NULL), 0);
	assert_int_equal(model_builder__event(b, &loss), 0);
	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	assert_int_equal(out_jsonl_format.close(o->state, m), 0);
	assert_int_equal(out_file__commit(o->file), 0);
	model__free(m);
	model_builder__free(b);
}

static void target(struct output *o, uint32_t pid)
{
	struct flow_event ev = {.type = FE_TARGET,
				.pid = pid,
				.target = {7, str("24.11.1"), str("acf"), str("static"),
					   str("/n\"ode"), str("requests")}};

	assert_int_equal(out_jsonl_format.event(o->state, &ev), 0);
}

static struct flow_req payment(void)
{
	return (struct flow_req){.pid = 10,
				 .env = 1,
				 .seq = 17,
				 .conn = 3,
				 .conn_seq = 2,
				 .family = LR_AF_INET,
				 .peer_port = 51234,
				 .local_port = 3000,
				 .peer_addr = {127, 0, 0, 1},
				 .method = "POST",
				 .path = "/process-payment",
				 .route = "/process-payment",
				 .version = 11,
				 .status = 200,
				 .start_ns = 100,
				 .recv_ns = 110,
				 .first_byte_ns = 180,
				 .end_ns = 200,
				 .bytes_in = 11,
				 .bytes_out = 22,
				 .breakdown = {true, 10, 20, 30, 40},
				 .end = REQ_COMPLETE};
}

static void give(struct output *o, const struct flow_req *req)
{
	assert_int_equal(out_jsonl_format.request(o->state, req), 0);
}

static void holds(const struct output *o, const char *filter)
{
	if (!test_jq(o->dir.file, filter))
		fail_msg("does not hold: %s", filter);
}

static void test_lines(void **state)
{
	struct flow_req req = payment();
	struct output o = {0};

	(void)state;
	begin(&o);
	target(&o, 10);
	target(&o, 11);
	give(&o, &req);
	target(&o, 12); /* comes late */
	end(&o, 4);
	holds(&o, "map(.type) == [\"header\",\"request\",\"target\",\"summary\"]");
	holds(&o, ".[0] | .schema == \"loopray.jsonl/1\" and .wall_offset_ns == 4000 and "
		  ".version == \"0.1.0\" and .host == \"h\" and (.targets | map(.pid)) == [10,11] "
		  "and .targets[0].exe == \"/n\\\"ode\" and .targets[0].node == \"24.11.1\"");
	holds(&o,
	      ".[1] | .pid == 10 and .env == 1 and .seq == 17 and .conn == 3 and "
	      ".peer_port == 51234 and .method == \"POST\" and .path == \"/process-payment\" "
	      "and .status == 200 and .start_ns == 100 and .first_byte_ns == 180 and "
	      ".end_ns == 200 and .duration_ns == 100 and .bytes_in == 11 and .bytes_out == 22");
	holds(&o, ".[1] | .breakdown_ns == {queue:10,cpu:20,loop_busy:30,wait:40} and "
		  ".findings == [] and .incomplete == false and .outcome == \"complete\" and "
		  ".peer_addr == \"127.0.0.1\" and .route == \"/process-payment\"");
	holds(&o, ".[2].pid == 12");
	holds(&o, ".[3] | .requests == 1 and .resources == 0 and .loss.read == 4 and "
		  ".loss.total == 4 and .end_ns == 2");
	test_dir__remove(&o.dir);
}

/* What is left behind comes at the end, a line each. */
static void test_left(void **state)
{
	struct flow_leaks l = {.judged = LEAKS_JUDGED,
			       .count = 1,
			       .type = {{"TCPWRAP", 10000000000, 9, 1, 0, 8, 30000000000}}};
	const struct flow_left left = {2, 40, 90, 12500000000, TREND_LINEAR, 1.5};
	struct model_view view = {.leaks = &l, .left = &left, .left_count = 1};
	struct flow_event ev = {.type = FE_TIMERS, .pid = 10, .ts = 1};
	struct output o = {0};
	struct model_builder *b;
	struct model *m;

	(void)state;
	begin(&o);
	ev.timers.timers.unknown = FLOW_COUNT_NOT_KEPT;
	ev.timers.immediates.value = 3;
	assert_int_equal(model_builder__new(&b, NULL), 0);
	assert_int_equal(model_builder__event(b, &ev), 0);
	ev.ts = 30000000001;
	ev.timers.immediates.value = 2;
	assert_int_equal(model_builder__event(b, &ev), 0);
	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	assert_int_equal(out_jsonl_format.close(o.state, m), 0);
	assert_int_equal(out_file__commit(o.file), 0);
	holds(&o, "map(.type) == [\"header\",\"left_resource\",\"left_store\","
		  "\"environment\",\"summary\"]");
	holds(&o, ".[1] == {type:\"left_resource\",resource:\"TCPWRAP\",alive_after:9,after_s:10,"
		  "in_use:1,uncollected:0,leaked:8,oldest_s:30,judged:true}");
	holds(&o, ".[2] == {type:\"left_store\",instance:2,stores:40,operations:90,oldest_s:12.5,"
		  "trend:\"linear\",per_s:1.5,suspected:true}");
	/* Two samples say nothing of what was between. */
	holds(&o, ".[3] == {type:\"environment\",pid:10,env:0,timers:null,"
		  "timers_unknown:\"not_kept\",immediates:{now:2,min:2,max:3,trend:null,per_s:0,"
		  "suspected:false},immediates_unknown:null}");
	model__free(m);
	model_builder__free(b);
	test_dir__remove(&o.dir);
}

static void test_unusual_requests(void **state)
{
	struct flow_req req = payment();
	struct output o = {0};

	(void)state;
	begin(&o);
	req.end = REQ_IN_FLIGHT;
	req.end_ns = 0;
	req.breakdown.known = false;
	req.family = LR_AF_UNIX;
	give(&o, &req);
	req = payment();
	req.incomplete = REQ_INC_ATTACH | REQ_INC_LOSS;
	req.path = "/\xff\"\n";
	req.family = LR_AF_INET6;
	memset(req.peer_addr, 0, sizeof(req.peer_addr));
	req.peer_addr[15] = 1;
	give(&o, &req);
	req = payment();
	req.end = REQ_ABORTED_PEER;
	req.status = 0;
	give(&o, &req);
	end(&o, 0);
	holds(&o, ".[1] | .outcome == \"in_flight\" and .incomplete and .end_ns == 0 and "
		  ".duration_ns == 0 and .breakdown_ns.cpu == null and .peer_addr == null");
	holds(&o, ".[2] | .incomplete and .incomplete_because == [\"loss\",\"attach\"] and "
		  ".peer_addr == \"::1\" and .path == \"/\\ufffd\\\"\\n\"");
	holds(&o, ".[3] | .outcome == \"aborted_by_client\" and .incomplete == false");
	holds(&o, ".[4].requests == 3");
	test_dir__remove(&o.dir);
}

static void test_findings(void **state)
{
	struct flow_finding f[2] = {test_foreign(), test_lost()};
	struct flow_req req = test_request(f, 2);
	struct output o = {0};

	(void)state;
	begin(&o);
	give(&o, &req);
	f[0] = test_fan_out();
	req = test_request(f, 1);
	give(&o, &req);
	req.context = CONTEXT_OWN;
	req.unknown = UNKNOWN_NOT;
	req.nfindings = 0;
	give(&o, &req);
	end(&o, 0);
	holds(&o, ".[1] | .context == \"foreign\" and .context_unknown == null and "
		  "(.findings | map(.kind)) == [\"foreign\",\"lost\"]");
	holds(&o, ".[1].findings[0] | .grade == \"harm\" and .stale and .captured == false and "
		  ".instance == 1 and .identity == \"address\" and .binding == \"birth\" and "
		  ".id_in_response and .id_field == \"requestId\" and .exec_id == 812 and "
		  ".trigger_id == 77 and .resource == \"TCPWRAP\" and .head_ns == 20038000000 and "
		  ".epoch == 3 and .served == 5 and .own_seen");
	holds(&o,
	      ".[1].findings[0].other == {seq:9,conn:9,stream:null,peer_port:51230,method:\"POST\","
	      "path:\"/process-payment\",route:\"/process-payment\",start_ns:19990000000,"
	      "head_ns:19999000000,end_ns:20000000000}");
	holds(&o, ".[1].findings[0].active.fields | length == 4 and .[0] == {name:\"requestId\","
		  "kind:\"string\",hash:\"a3f1000000000001\",constant:true} and "
		  ".[3].hash == null and .[3].kind == \"object\"");
	/* How a loss is graded depends on what is still to come; what is not known is null. */
	holds(&o, ".[1].findings[1] | .grade == null and .other == null and .active == null and "
		  ".own.fields[0].hash == \"0123456789abcdef\" and .exec_id == 0 and "
		  ".trigger_id == null and .resource == null");
	holds(&o, ".[2] | .context == \"unknown\" and .context_unknown == \"shared\" and "
		  ".findings[0].kind == \"fan_out\" and .findings[0].other.peer_port == null and "
		  ".findings[0].other.end_ns == null and .findings[0].own == null");
	holds(&o, ".[3] | .context == \"own\" and .findings == []");
	test_dir__remove(&o.dir);
}

static void test_values(void **state)
{
	struct flow_finding f = test_foreign();
	struct flow_req req = test_request(&f, 1);
	struct out_opts shown = opts;
	struct output o = {0};
	size_t len;
	char *text;

	(void)state;
	begin(&o);
	give(&o, &req);
	end(&o, 0);
	text = test_read(o.dir.file, &len);
	assert_null(strstr(text, "req-9"));
	assert_null(strstr(text, "\"value\""));
	free(text);
	test_dir__remove(&o.dir);
	shown.show_values = true;
	begin_with(&o, &shown);
	give(&o, &req);
	end(&o, 0);
	holds(&o, ".[1].findings[0] | .active.fields[0].value == \"req-9\" and "
		  ".own.fields[0].value == \"req-17\"");
	test_dir__remove(&o.dir);
}

static void test_resources(void **state)
{
	struct flow_resource res = {10, 0, 55, 50, -1, "TCPWRAP", 1000, 2000, 3, 17, 4};
	struct output o = {0};

	(void)state;
	begin(&o);
	assert_int_equal(out_jsonl_format.resource(o.state, &res), 0);
	res.request_seq = 0;
	res.destroy_ns = 0;
	assert_int_equal(out_jsonl_format.resource(o.state, &res), 0);
	end(&o, 0);
	holds(&o, ".[1] | .type == \"resource\" and .async_id == 55 and .trigger_id == 50 and "
		  ".exec_id == null and .resource == \"TCPWRAP\" and .init_ns == 1000 and "
		  ".destroy_ns == 2000 and .callbacks == 3 and .request_seq == 17 and .conn == 4");
	holds(&o, ".[2] | .request_seq == null and .destroy_ns == 0");
	holds(&o, ".[3].resources == 2");
	test_dir__remove(&o.dir);
}

static void test_log_lines(void **state)
{
	struct line_store store = {.instance = 2, .store = test_foreign().active};
	struct flow_line line = {.pid = 10,
				 .tid = 11,
				 .env = 1,
				 .ts = 5000,
				 .op = LR_OP_STDERR,
				 .bytes = 90,
				 .captured = 80,
				 .text = {"secret", 6},
				 .by = LINE_BY_STORE,
				 .conn = 4,
				 .seq = 17,
				 .n = 1,
				 .store = &store};
	struct output o = {0};
	size_t len;
	char *text;

	(void)state;
	begin(&o);
	assert_int_equal(out_jsonl_format.line(o.state, &line), 0);
	line = (struct flow_line){.op = LR_OP_STDOUT, .stores = LINE_ELSEWHERE};
	assert_int_equal(out_jsonl_format.line(o.state, &line), 0);
	end(&o, 0);
	holds(&o, ".[1] | .type == \"line\" and .pid == 10 and .tid == 11 and .env == 1 and "
		  ".ts_ns == 5000 and .stream == \"stderr\" and .bytes == 90 and .captured == 80 "
		  "and .request_by == \"store\" and .request_seq == 17 and .conn == 4 and "
		  ".context == \"read\" and .stores[0].instance == 2 and "
		  ".stores[0].store.fields[0].name == \"requestId\"");
	holds(&o, ".[2] | .stream == \"stdout\" and .request_by == null and .request_seq == null "
		  "and .conn == null and .context == \"other_thread\" and .stores == []");
	text = test_read(o.dir.file, &len);
	assert_null(strstr(text, "secret"));
	assert_null(strstr(text, "\"value\""));
	free(text);
	test_dir__remove(&o.dir);
}

/* Nothing observed: header and summary, so that a reader can tell it from a cut-off file. */
static void test_nothing(void **state)
{
	struct output o = {0};

	(void)state;
	begin(&o);
	end(&o, 0);
	holds(&o, "map(.type) == [\"header\",\"summary\"]");
	test_dir__remove(&o.dir);
}

static void test_error(void **state)
{
	struct flow_req req = payment();
	struct out_file *file;
	void *s;
	int err = 0;

	(void)state;
	assert_int_equal(out_file__open(&file, "/dev/full"), 0);
	assert_int_equal(out_jsonl_format.open(&s, file, &opts), 0);
	for (int i = 0; i < 2000 && !err; i++)
		err = out_jsonl_format.request(s, &req);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(out_jsonl_format.request(s, &req), -ENOSPC);
	out_jsonl_format.free(s);
	out_file__abandon(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_left),
		cmocka_unit_test(test_log_lines), cmocka_unit_test(test_unusual_requests),
		cmocka_unit_test(test_findings),  cmocka_unit_test(test_values),
		cmocka_unit_test(test_resources), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests_name("out_jsonl", tests, NULL, NULL);
}

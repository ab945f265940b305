// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "events.h"
#include "flow_mismatch.h"
#include "out_csv.h"
#include "out_test.h"
#include "util.h"

static const struct out_opts opts = {.mono_ns = 1000, .wall_ns = 1700000000123456789};

static struct flow_req request(void)
{
	return (struct flow_req){.pid = 10,
				 .seq = 17,
				 .conn = 3,
				 .conn_seq = 2,
				 .family = LR_AF_INET,
				 .peer_port = 51234,
				 .local_port = 3000,
				 .peer_addr = {127, 0, 0, 1},
				 .method = "GET",
				 .path = "/a",
				 .route = "/a",
				 .version = 11,
				 .status = 200,
				 .start_ns = 1000,
				 .recv_ns = 1010,
				 .first_byte_ns = 1080,
				 .end_ns = 1100,
				 .bytes_in = 11,
				 .bytes_out = 22,
				 .breakdown = {true, 10, 20, 30, 40},
				 .end = REQ_COMPLETE};
}

/* What is written for @req: the second line, or what follows it if that is in quotes. */
static char *line(const struct flow_req *req)
{
	struct test_dir dir;
	struct out_file *file;
	void *state;
	size_t len;
	char *text, *second;

	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(out_csv_format.open(&state, file, &opts), 0);
	assert_int_equal(out_csv_format.request(state, req), 0);
	assert_int_equal(out_csv_format.close(state, NULL), 0);
	assert_int_equal(out_file__commit(file), 0);
	text = test_read(dir.file, &len);
	second = strstr(text, "\r\n");
	assert_non_null(second);
	second = strdup(second + 2);
	assert_string_equal(second + strlen(second) - 2, "\r\n");
	free(text);
	test_dir__remove(&dir);
	return second;
}

static void has(const struct flow_req *req, const char *part)
{
	char *text = line(req);

	if (!strstr(text, part))
		fail_msg("%s is not in %s", part, text);
	free(text);
}

static void test_known(void **state)
{
	struct flow_req req = request();
	char *text = line(&req);

	(void)state;
	assert_ptr_equal(strstr(text, "2023-11-14T22:13:20.123456Z,10,0,17,3,2,,127.0.0.1,51234,"
				      "3000,http,http/1.1,GET,/a,/a,200,1000,1010,1080,1100,100,"
				      "11,22,complete,false,,10,20,30,40,unread,,0,0,0,0,0,0,0,"),
			 text);
	free(text);
}

/* What is not known is empty, not 0. */
static void test_unknown(void **state)
{
	struct flow_req req = request();

	(void)state;
	req.env = FLOW_ENV_UNKNOWN;
	req.status = 0;
	req.first_byte_ns = 0;
	req.end_ns = 0;
	req.end = REQ_IN_FLIGHT;
	req.family = LR_AF_UNIX;
	req.incomplete = REQ_INC_LOSS | REQ_INC_ATTACH;
	req.breakdown.known = false;
	has(&req, "Z,10,,17,3,2,,,51234,");
	has(&req, "/a,/a,,1000,1010,,,,11,22,in_flight,true,loss;attach,,,,,unread,");
}

/* A text that a reader could take for more than one field, or trim. */
static void test_quoting(void **state)
{
	static const struct {
		const char *path, *field;
	} cases[] = {
		{"/a,b", ",\"/a,b\",/a,"},
		{"/say\"so\"", ",\"/say\"\"so\"\"\",/a,"},
		{"/line\nand\r\nmore", ",\"/line\nand\r\nmore\",/a,"},
		{"/\xe2\x82\xac", ",/\xe2\x82\xac,/a,"},
		{"/\xff\xe2\x82,", ",\"/\xef\xbf\xbd\xef\xbf\xbd,\",/a,"},
		{"\xef\xbb\xbf/", ",\"\xef\xbb\xbf/\",/a,"},
		{" /", ",\" /\",/a,"},
		{"/ ", ",\"/ \",/a,"},
		{"", ",\"\",/a,"},
		{"=1+1", ",=1+1,/a,"},
	};
	struct flow_req req = request();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		req.path = cases[i].path;
		has(&req, cases[i].field);
	}
}

static void test_findings(void **state)
{
	static const struct flow_finding found[] = {
		{.kind = FINDING_FOREIGN}, {.kind = FINDING_FOREIGN}, {.kind = FINDING_LOST}};
	struct flow_req req = request();

	(void)state;
	req.findings = found;
	req.nfindings = ARRAY_SIZE(found);
	req.context = CONTEXT_FOREIGN;
	has(&req, ",foreign,,2,1,0,");
}

/* As many fields in each line. */
static void test_columns(void **state)
{
	struct flow_req req = request();
	struct test_dir dir;
	struct out_file *file;
	size_t len, commas[2] = {0}, at = 0;
	char *text;
	void *s;

	(void)state;
	req.waits.known = true;
	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(out_csv_format.open(&s, file, &opts), 0);
	assert_int_equal(out_csv_format.request(s, &req), 0);
	assert_int_equal(out_csv_format.close(s, NULL), 0);
	assert_int_equal(out_file__commit(file), 0);
	text = test_read(dir.file, &len);
	for (size_t i = 0; i < len; i++) {
		at += text[i] == '\n';
		if (text[i] == ',')
			commas[at]++;
	}
	assert_int_equal(commas[0], commas[1]);
	assert_int_equal(commas[0], 40 + WAIT_KINDS);
	assert_non_null(strstr(text, "parent_span_id,waits_queue_ns,waits_cpu_ns,"));
	assert_non_null(strstr(text, ",waits_other_ns\r\n"));
	free(text);
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),	cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_quoting), cmocka_unit_test(test_findings),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page: nothing a capture holds becomes markup, nothing is referred to, every tag is closed. */
#include <ctype.h>
#include <errno.h>

#include "finding_test.h"
#include "model.h"
#include "out_html.h"
#include "out_test.h"
#include "util.h"

#define MS FINDING_MS
#define HOSTILE                                                              \
	"</script><script>alert(1)</script><img src=x onerror=alert(1)>\"' " \
	"style='x:url(//e)\x01\xff"

static const struct flow_res_type types[] = {{"<b>TYPE\"", 20, 18, 0, 2, 40, 12}};
static const struct flow_leaks leaks = {
	.judged = LEAKS_JUDGED,
	.count = 1,
	.type = {{"<b>LEFT'", 10000 * MS, 40, 0, 0, 40, 31000 * MS}}};
static const struct out_opts opts = {.mono_ns = 15000 * MS,
				     .wall_ns = 1750000000ULL * 1000 * MS,
				     .host = HOSTILE,
				     .version = HOSTILE,
				     .show_values = true};

static struct flow_str str(const char *s)
{
	return (struct flow_str){s, (uint32_t)strlen(s)};
}

struct fed {
	struct model_builder *b;
	void *state; /* of the format */
};

static void event(struct fed *f, struct flow_event ev)
{
	assert_int_equal(model_builder__event(f->b, &ev), 0);
}

static void request(struct fed *f, const struct flow_req *r)
{
	model_builder__request(f->b, r);
	assert_int_equal(out_html_format.request(f->state, r), 0);
}

/* Everything of a capture that is text, hostile. */
static void feed(struct fed *f)
{
	static struct flow_call call = {.kind = CALL_HTTP,
					.method = "\"<b>",
					.path = HOSTILE,
					.start_ns = 20026 * MS,
					.end_ns = 20030 * MS};
	static const struct flow_call *const calls[] = {&call, &call};
	struct flow_finding found = test_foreign();
	struct flow_req r = test_request(&found, 1);
	struct flow_blocking held = {.pid = 7,
				     .duration_ns = 80 * MS,
				     .by = TURN_REQUEST,
				     .seq = 3,
				     .method = "<GET>",
				     .route = HOSTILE,
				     .path = "/<i>"};

	event(f, (struct flow_event){.type = FE_TARGET,
				     .pid = 7,
				     .target = {77, str("<b>22"), str("<u>acf"), str("\"<static"),
						str(HOSTILE), str("<level>")}});
	event(f, (struct flow_event){.type = FE_THREAD, .pid = 7, .tid = 7});
	for (uint64_t i = 0; i < 3; i++)
		event(f,
		      (struct flow_event){.type = FE_LOOP,
					  .pid = 7,
					  .ts = (15000 + 5000 * i) * MS,
					  .loop = {0, 2000 * i * MS, 10 + 500 * i, 900 * i * MS}});
	event(f, (struct flow_event){.type = FE_PROBE,
				     .probe = {str(HOSTILE), str(HOSTILE), true, str(""), 1, 0}});
	event(f, (struct flow_event){.type = FE_PROBE,
				     .probe = {str("<p>"), str(""), false, str(HOSTILE), 0, 0}});
	event(f, (struct flow_event){.type = FE_COUNTER, .counter = {str(HOSTILE), 9}});
	event(f, (struct flow_event){.type = FE_LOSS, .loss = {FLOW_LOSS_RING, 5}});
	event(f, (struct flow_event){.type = FE_TIMERS, .pid = 7, .ts = 15000 * MS});
	event(f, (struct flow_event){.type = FE_GC, .pid = 7, .gc = {0, 2 * MS, 0}});
	snprintf(found.resource, sizeof(found.resource), "<script>TCP");
	snprintf(found.active.field[0].name, FINDING_NAME, "<script>\"");
	snprintf(found.active.field[0].text, FINDING_TEXT, "'\"<script>");
	snprintf(found.other.path, sizeof(found.other.path), "%s", HOSTILE);
	r.method = "<svg/onload=x>";
	r.path = r.route = "/" HOSTILE;
	r.calls = calls;
	r.ncalls = 2;
	r.waits = (struct flow_waits){true, {[WAIT_CPU] = MS, [WAIT_CALL] = 13 * MS + MS / 5}};
	for (int i = 0; i < 3; i++)
		request(f, &r);
	found = test_lost();
	request(f, &r);
	found = test_fan_out();
	request(f, &r);
	model_builder__blocking(f->b, &held);
}

/* The caller frees. */
static char *page(void (*feeder)(struct fed *), const struct out_opts *o)
{
	struct model_view view = {.start_ns = 15000 * MS,
				  .end_ns = 25000 * MS,
				  .types = types,
				  .type_count = feeder ? ARRAY_SIZE(types) : 0,
				  .leaks = feeder ? &leaks : NULL,
				  .context = {.heads = 19, .read = feeder ? 17 : 0},
				  .blocking_ns = 50 * MS,
				  .incomplete = feeder ? HOSTILE : NULL};
	struct test_dir dir = {0};
	struct out_file *file;
	struct fed f = {0};
	struct model *m;
	size_t len;
	char *text;

	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(out_html_format.open(&f.state, file, o), 0);
	assert_int_equal(model_builder__new(&f.b, NULL), 0);
	if (feeder)
		feeder(&f);
	assert_int_equal(model_builder__snapshot(f.b, &view, &m), 0);
	assert_int_equal(out_html_format.close(f.state, m), 0);
	assert_int_equal(out_file__commit(file), 0);
	text = test_read(dir.file, &len);
	assert_int_equal(len, strlen(text));
	model__free(m);
	model_builder__free(f.b);
	test_dir__remove(&dir);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void remove_between(char *text, const char *from, const char *to)
{
	char *a = strstr(text, from), *b = a ? strstr(a, to) : NULL;

	if (!b)
		fail_msg("%s is missing", from);
	else
		memmove(a + strlen(from), b, strlen(b) + 1);
}

/* Elements that have no end. */
static bool is_void(const char *name)
{
	static const char *const names[] = {"meta", "link", "rect", "path", "!DOCTYPE"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Its attributes are name="value" each, none of them runs or loads anything. */
static void check_attributes(const char *at, const char *end)
{
	while (at < end) {
		const char *name = at, *value, *close;

		while (at < end && (isalnum((unsigned char)*at) || *at == '-'))
			at++;
		if (at == name) { /* a blank, or the end of an element that is empty */
			assert_true(strchr(" /\nhtml", *at) != NULL);
			at++;
			continue;
		}
		assert_false(strncasecmp(name, "on", 2) == 0);
		assert_false(strncmp(name, "src", 3) == 0);
		if (at == end || *at != '=') /* open, html */
			continue;
		assert_int_equal(at[1], '"');
		value = at + 2;
		close = memchr(value, '"', (size_t)(end - value));
		assert_non_null(close);
		if (strncmp(name, "href=", 5) == 0)
			assert_true(*value == '#' || strncmp(value, "data:,\"", 7) == 0);
		at = close + 1;
	}
}

#define DEEPEST 32

/* Tags are properly nested, as a parser of XML would want them. Style and script are taken out. */
static void check_markup(const char *text)
{
	char stack[DEEPEST][16];
	int depth = 0;

	for (const char *at = strchr(text, '<'); at; at = strchr(at + 1, '<')) {
		bool closes = at[1] == '/';
		const char *name = at + 1 + closes, *end = strchr(at, '>');
		char tag[16] = "";
		size_t n = strcspn(name, " >/\n");

		assert_non_null(end);
		assert_true(n > 0 && n < sizeof(tag));
		memcpy(tag, name, n);
		if (closes) {
			assert_true(depth > 0);
			assert_string_equal(stack[--depth], tag);
			continue;
		}
		check_attributes(name + n, end);
		if (is_void(tag))
			continue;
		assert_true(depth < DEEPEST);
		memcpy(stack[depth++], tag, sizeof(tag));
	}
	assert_int_equal(depth, 0);
}

static void check_page(char *text)
{
	assert_int_equal(count(text, "<script"), 1);
	assert_int_equal(count(text, "<style"), 1);
	assert_int_equal(count(text, "url("), count(text, "url(#hatch)"));
	assert_int_equal(count(text, "@import"), 0);
	remove_between(text, "<style>", "</style>");
	remove_between(text, "<script>", "</script>");
	assert_int_equal(count(text, "<img"), 0);
	check_markup(text);
	for (const char *p = text; *p; p++)
		assert_true((unsigned char)*p >= 0x20 || *p == '\n');
}

/* Without "url(" of its own: that is looked for in the whole page. */
static void test_hostile(void **state)
{
	char *text, *url;

	(void)state;
	text = page(feed, &opts);
	/* As text it may be there, and is: what was seen is shown. */
	assert_true(count(text, "&lt;script&gt;alert(1)&lt;/script&gt;") > 10);
	while ((url = strstr(text, "url(//e)")))
		memcpy(url, "ur_", 3);
	check_page(text);
	free(text);
}

static void test_empty(void **state)
{
	static const struct out_opts plain;
	char *text = page(NULL, &plain);

	(void)state;
	assert_non_null(strstr(text, "No request was observed from begin to end."));
	assert_non_null(strstr(text, "Contexts: not checked"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	check_page(text);
	free(text);
}

/* More slow requests than are shown, fast ones among them. */
static void feed_many(struct fed *f)
{
	for (uint64_t i = 1; i <= 200; i++) {
		struct flow_req r = {.pid = 7,
				     .seq = i,
				     .conn = i,
				     .method = "GET",
				     .path = "/",
				     .route = "/",
				     .status = 200,
				     .start_ns = 20000 * MS,
				     .end_ns = 20000 * MS + (i * 37 % 200) * MS,
				     .end = REQ_COMPLETE};

		request(f, &r);
	}
}

static void test_slowest(void **state)
{
	char *text = page(feed_many, &opts);

	(void)state;
	assert_int_equal(count(text, "<li class=\"slow\""), MODEL_SLOWEST);
	assert_non_null(strstr(text, "data-ms=\"199.000000\""));
	assert_non_null(strstr(text, "data-ms=\"184.000000\""));
	assert_null(strstr(text, "data-ms=\"183.000000\""));
	assert_non_null(strstr(text, "what it waited for is not known"));
	free(text);
}

static void test_abandoned(void **state)
{
	struct test_dir dir = {0};
	struct out_file *file;
	void *format;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	assert_int_equal(out_html_format.open(&format, file, &opts), 0);
	out_html_format.free(format);
	out_html_format.free(NULL);
	out_file__abandon(file);
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_slowest),
		cmocka_unit_test(test_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

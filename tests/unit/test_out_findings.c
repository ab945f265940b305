// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How findings are told: the words, the masks, and the forms for programs. */
#include "finding_test.h"
#include "model.h"
#include "out_finding.h"
#include "out_report.h"
#include "out_test.h"
#include "out_text.h"
#include "util.h"

#define MS FINDING_MS

static const struct out_opts masked = {.version = "0.1.0"};
static const struct out_opts shown = {.version = "0.1.0", .show_values = true};

struct report {
	struct model_builder *b;
	struct model_view view;
	char *text;
};

static void begin(struct report *r)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(model_builder__new(&r->b, NULL), 0);
	r->view.start_ns = 15000 * MS;
	r->view.end_ns = 25000 * MS;
	r->view.context = (struct flow_context_counts){.heads = 10, .read = 10};
}

static void add(struct report *r, const struct flow_finding *f)
{
	struct flow_req req = test_request(f, 1);

	model_builder__request(r->b, &req);
}

static void write_to(struct report *r, const char *format, const struct out_opts *o,
		     struct test_dir *dir)
{
	const struct out_format *f = out_format__find(format);
	struct out_file *file;
	struct model *m;
	void *state;

	test_dir__make(dir);
	assert_int_equal(model_builder__snapshot(r->b, &r->view, &m), 0);
	assert_int_equal(out_file__open(&file, dir->file), 0);
	assert_int_equal(f->open(&state, file, o), 0);
	assert_int_equal(f->close(state, m), 0);
	assert_int_equal(out_file__commit(file), 0);
	model__free(m);
}

/* The text report with every run of blanks as one, so that wrapping does not matter. */
static void tell(struct report *r, const struct out_opts *o)
{
	struct test_dir dir = {0};
	size_t len, to = 0;

	free(r->text);
	write_to(r, "text", o, &dir);
	r->text = test_read(dir.file, &len);
	for (size_t i = 0; i < len; i++) {
		char c = r->text[i] == '\n' ? ' ' : r->text[i];

		if (c != ' ' || (to && r->text[to - 1] != ' '))
			r->text[to++] = c;
	}
	r->text[to] = '\0';
	test_dir__remove(&dir);
}

static void end(struct report *r)
{
	free(r->text);
	model_builder__free(r->b);
}

static void says(const struct report *r, const char *what)
{
	if (!strstr(r->text, what))
		fail_msg("not said: %s\nin: %s", what, r->text);
}

static void says_not(const struct report *r, const char *what)
{
	if (strstr(r->text, what))
		fail_msg("said: %s\nin: %s", what, r->text);
}

static void stale_with_harm(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "Findings (1 request with a mismatch, the most harmful first)");
	says(&r,
	     "1 \u00d7 foreign (1 with harm, 1 stale): POST /process-payment under the store of "
	     "POST /process-payment, in callbacks of TCPWRAP");
	says(&r, "1 request, at 5.04 s of the observation");
	says(&r,
	     "For example, POST /process-payment (conn 12, port 51234, 200, 14.2 ms) was answered "
	     "under the store of POST /process-payment of conn 9 (port 51230), which had been "
	     "answered 38.0 ms before; its requestId appears in this response's head. Its own "
	     "store had been active before. The write ran in a callback of TCPWRAP (async id "
	     "812, trigger 77).");
	/* What is not told: without resources there is no chain. */
	says_not(&r, "triggered by");
	says(&r, "The store was made in the callback that read conn 9's request and is still the "
		 "same object in memory (GC epoch 3). Confidence: high.");
	end(&r);
}

static void values(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "FIELD ACTIVE (OF CONN 9) ITS OWN requestId \u2039string a3f1\u2026\u203a "
		 "\u2039string 77c0\u2026\u203a userId \u2039string 1b2c\u2026\u203a "
		 "\u2039string 1b2c\u2026\u203a");
	/* As many digits as tell them apart; what has no fingerprint; what has no value. */
	says(&r, "amount \u2039number 55aa0\u2026\u203a \u2039number 55aa1\u2026\u203a "
		 "span \u2039object\u203a - error - null");
	says_not(&r, "req-9");
	says_not(&r, "u-4");
	tell(&r, &shown);
	says(&r, "requestId \"req-9\" \"req-17\" userId \"u-4\" \"u-4\" amount 120 95 "
		 "span \u2039object\u203a - error - null");
	/* Values that a recording did not keep stay masked. */
	end(&r);
	begin(&r);
	memset(f.active.field[1].text, 0, sizeof(f.active.field[1].text));
	f.active.field[1].kind = LR_VALUE_DOUBLE;
	f.active.field[0].name[0] = '\0';
	add(&r, &f);
	tell(&r, &shown);
	says(&r, "(itself) \"req-9\"");
	says(&r, "userId \u2039number 1b2c\u2026\u203a \"u-4\"");
	end(&r);
}

static void other_ends(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	f.grade = GRADE_MIXED;
	f.stale = f.id_in_response = f.own_seen = false;
	f.other.end_ns = 0;
	f.identity = IDENTITY_CONTENT;
	f.binding = BINDING_INBOUND;
	f.exec_id = 900;
	f.trigger_id = -1;
	f.resource[0] = '\0';
	f.own.known = false;
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "1 \u00d7 foreign: POST /process-payment under the store of POST /process-payment "
		 "1 request");
	says(&r,
	     "of conn 9 (port 51230), which had not been answered yet. The write ran under async "
	     "id 900 (its type takes --level resources).");
	says(&r, "ITS OWN (NOT SEEN)");
	says(&r, "The store holds an id that came with conn 9's request and was recognized after a "
		 "collection by its constant fields. Confidence: fair.");
	says_not(&r, "appears in this response");
	end(&r);

	begin(&r);
	f.other.end_ns = f.head_ns + 3 * MS;
	f.binding = BINDING_BIRTH;
	f.active.known = false;
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "which was answered 3.00 ms later.");
	says(&r, "Confidence: good.");
	says_not(&r, "FIELD");
	end(&r);

	begin(&r);
	memset(&f.other, 0, sizeof(f.other));
	f.other.conn = 9;
	f.stale = f.captured = true;
	f.served = 240;
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "under the store of an unknown request");
	says(&r,
	     "under the store of one of the requests of conn 9, which had been answered before.");
	says(&r,
	     "This store has been active at 240 responses of other requests so far: something has "
	     "kept it.");
	end(&r);
}

/* At level resources a type that is missing has another reason. */
static void resource_not_seen(void **state)
{
	struct flow_event target = {.type = FE_TARGET, .pid = 4242};
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	f.resource[0] = '\0';
	add(&r, &f);
	target.target.level = (struct flow_str){"resources", 9};
	assert_int_equal(model_builder__event(r.b, &target), 0);
	tell(&r, &masked);
	says(&r, "It was made 46.0 ms before for POST /process-payment of conn 9 "
		 "under async id 70; triggered by async id 77, made for a request of conn 3; "
		 "what triggered that is not known.");
	says(&r, "Time line (ms from the write): other arrived -48.0, callback made -46.0, other "
		 "head -39.0, other ended -38.0, this arrived");
	says(&r, "The write ran under async id 812 (JavaScript's own, or older than "
		 "the attach, trigger 77).");
	end(&r);
}

static void lost(void **state)
{
	struct flow_finding f = test_lost();
	struct flow_req own;
	struct report r;

	(void)state;
	begin(&r);
	add(&r, &f);
	tell(&r, &masked);
	says(&r,
	     "1 \u00d7 lost, always: POST /process-payment without its store of AsyncLocalStorage "
	     "instance 1");
	says(&r, "no response of this route had it");
	says(&r,
	     "had entered a store of AsyncLocalStorage instance 1, but none was active when its "
	     "response was written. The write ran under async id 0, which names no resource.");
	says(&r, "FIELD ITS OWN requestId \u2039string 0123\u2026\u203a The store was made in the "
		 "callback that read this request. Confidence: high.");
	own = test_request(&f, 0);
	own.context = CONTEXT_OWN;
	model_builder__request(r.b, &own);
	model_builder__request(r.b, &own);
	tell(&r, &masked);
	says(&r, "1 \u00d7 lost, intermittent: POST");
	says(&r, "2 other responses of this route had their stores");
	end(&r);
}

static void fan_out_alone(void **state)
{
	struct flow_finding f = test_fan_out();
	struct report r;

	(void)state;
	begin(&r);
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "Findings (no mismatch)");
	says(&r, "1 \u00d7 fan-out: POST /process-payment together with GET /events");
	says(&r,
	     "was answered by the same execution that answered GET /events of conn 31. "
	     "Publish-subscribe and long polling do that by design. In which callback the write "
	     "ran is not known.");
	says_not(&r, "Confidence");
	end(&r);
}

static void none_found(void **state)
{
	struct flow_finding f = test_lost();
	struct flow_event target = {.type = FE_TARGET, .pid = 1};
	struct flow_req req = test_request(&f, 0);
	struct report r;

	(void)state;
	begin(&r);
	model_builder__request(r.b, &req);
	tell(&r, &masked);
	says(&r, "heads 10 read 10 100.0% a store was active no store 0 0.0%");
	says(&r, "Findings none: all 10 response heads were written under their own store");
	says_not(&r, "unreadable");
	says_not(&r, "unknown");
	r.view.context.unknown[UNKNOWN_MOVED] = 9;
	tell(&r, &masked);
	says(&r,
	     "unknown 9 90.0% whose store it was cannot be told: 9 moved by a garbage collection");
	says(&r,
	     "none: 1 response head was written under its own store not checked: 9 of the 10 heads "
	     "that were read");
	r.view.context.unknown[UNKNOWN_MOVED] = 10;
	tell(&r, &masked);
	says(&r, "Findings none, but of no head could be told whose store it was");
	r.view.context.unreadable = 4;
	tell(&r, &masked);
	says(&r,
	     "not checked: 10 of the 10 heads that were read (unknown, above) not checked: 4 heads "
	     "whose stores could not be read");
	r.view.context = (struct flow_context_counts){.heads = 4, .unreadable = 4};
	tell(&r, &masked);
	says(&r, "Findings none, but of no head could be told whose store it was not checked: 4");
	r.view.context = (struct flow_context_counts){.heads = 5, .read = 4, .unreadable = 1};
	tell(&r, &masked);
	says(&r,
	     "none: 4 response heads were written under their own store not checked: 1 head whose");
	r.view.context = (struct flow_context_counts){.heads = 3, .none = 3};
	tell(&r, &masked);
	says(&r, "Findings none: no store was active at any response head");

	/* Nothing uses it, or nothing was read: one line, and no section. */
	memset(&r.view.context, 0, sizeof(r.view.context));
	tell(&r, &masked);
	says(&r, "Context not checked: no store was read at any response");
	target.target.context = (struct flow_str){"none", 4};
	assert_int_equal(model_builder__event(r.b, &target), 0);
	tell(&r, &masked);
	says(&r, "Context nothing to check: AsyncLocalStorage is not in use");
	says_not(&r, "Findings");
	end(&r);
}

static void json_holds(struct report *r, const struct out_opts *o, const char *filter)
{
	struct test_dir dir = {0};

	write_to(r, "json", o, &dir);
	if (!test_jq(dir.file, filter))
		fail_msg("does not hold: %s", filter);
	test_dir__remove(&dir);
}

/* What else holds an id of the other's store: one sentence, in which each field is named once. */
static void signs_of_harm(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	f.id_in_line = true;
	strcpy(f.line_field, "requestId");
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "; its requestId appears in this response's head and in a line that this request "
		 "logged. Its own store had been active before.");
	json_holds(&r, &masked,
		   ".[0].findings.groups[0].example | .id_in_log_line and .log_line_field == "
		   "\"requestId\" and .id_in_outgoing_call == false and .outgoing_call_field == "
		   "null and .signs == [\"own_seen\",\"response\",\"log_line\"]");
	end(&r);

	begin(&r);
	f.id_in_response = false;
	f.id_in_call = true;
	strcpy(f.call_field, "traceId");
	add(&r, &f);
	tell(&r, &masked);
	says(&r, "before; its requestId appears in a line that this request logged; its traceId "
		 "appears in what this request sent to another service.");
	end(&r);
}

static void lines(void **state)
{
	struct report r;

	(void)state;
	begin(&r);
	tell(&r, &masked);
	says_not(&r, "Lines");
	r.view.context.lines[1] = (struct flow_line_counts){.seen = 20,
							    .stores = 12,
							    .none = 5,
							    .unreadable = 2,
							    .elsewhere = 1,
							    .by_store = 9,
							    .by_turn = 4};
	tell(&r, &masked);
	says(&r, "Lines (the store active when each was written, and whose it is by that)");
	says(&r, "stderr 20 12 5 2 1 9 4 7");
	says_not(&r, "stdout");
	json_holds(&r, &masked,
		   ".[0].lines | .stdout.seen == 0 and .stderr == {seen:20,store:12,no_store:5,"
		   "unreadable:2,other_thread:1,by_store:9,by_callback:4,nobodys:7}");
	end(&r);
}

/* Many causes: the worst ten are told, the others are counted; no text breaks out. */
static void many_causes(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;
	char route[300];

	(void)state;
	begin(&r);
	for (int i = 0; i < 12; i++) {
		struct flow_req req = test_request(&f, 1);

		snprintf(route, sizeof(route), "/%d\x1b[31m/%0250d", i, i);
		req.path = req.route = route;
		model_builder__request(r.b, &req);
	}
	tell(&r, &masked);
	says(&r, "and 2 more causes (all of them: --json)");
	says_not(&r, "\x1b");
	end(&r);
}

static void color_is_not_the_only_sign(void **state)
{
	struct out_opts color = {.color = true};
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	unsetenv("NO_COLOR");
	begin(&r);
	add(&r, &f);
	tell(&r, &color);
	says(&r, "\x1b[38;5;208m1\x1b[0m \u00d7 foreign (1 with harm");
	end(&r);
}

static void leaks(void **state)
{
	struct flow_leaks l = {.judged = LEAKS_JUDGED,
			       .count = 1,
			       .type = {{"TCPWRAP", 10000 * MS, 9, 1, 0, 8, 30000 * MS}}};
	struct report r;

	(void)state;
	begin(&r);
	r.view.leaks = &l;
	tell(&r, &masked);
	says(&r, "TCPWRAP 9 1 0 8 30.0 s 8 leaked: left behind all along");
	l.type[0].leaked = 0;
	tell(&r, &masked);
	says(&r, "none leaked: they are in use");
	l.judged = LEAKS_SHORT;
	tell(&r, &masked);
	says(&r, "whether they are leaked can be told from 20 s on");
	l.judged = LEAKS_LOSS;
	tell(&r, &masked);
	says(&r, "whether they are leaked cannot be told: records were lost");
	l.count = 0;
	tell(&r, &masked);
	says_not(&r, "Alive long after");
	end(&r);
}

static void json(void **state)
{
	struct flow_finding f = test_foreign();
	struct report r;

	(void)state;
	begin(&r);
	add(&r, &f);
	f = test_lost();
	add(&r, &f);
	json_holds(
		&r, &masked,
		".[0].findings.groups[0].example | .chain[0].resource == \"TCPWRAP\" and "
		".chain[0].path == \"/process-payment\" and (.chain | length) == 3 and "
		".chain[1] == {async_id:77,trigger_id:70,exec_id:null,resource:null,init_ns:null,"
		"request_seq:4,conn:3,stream:null,method:null,path:null}");
	json_holds(&r, &masked,
		   ".[0].findings.groups[0].example.timeline | map(select(.who == \"other\")) == "
		   "[{ms:-48,who:\"other\",what:\"arrived\",ns:19990000000},"
		   "{ms:-39,who:\"other\",what:\"head\",ns:19999000000},"
		   "{ms:-38,who:\"other\",what:\"ended\",ns:20000000000}]");
	json_holds(&r, &masked,
		   ".[0].findings.groups[0] | .kind == \"foreign\" and .grade == \"harm\" and "
		   ".count == 1 and .harm == 1 and .stale == 1 and .captured == 0 and "
		   ".requests == 1 and .method == \"POST\" and .route == \"/process-payment\" and "
		   ".other_route == \"/process-payment\" and .resource == \"TCPWRAP\" and "
		   ".instance == null and .merged == false and .first_ns == 20038000000");
	json_holds(
		&r, &masked,
		".[0].findings.groups[0].example | .request.seq == 17 and .request.conn == 12 "
		"and .request.path == \"/process-payment\" and .other.seq == 9 and .stale and "
		".identity == \"address\" and .binding == \"birth\" and .confidence == \"high\"");
	json_holds(&r, &masked,
		   ".[0].findings.groups[0].example.active.fields[0] == {name:\"requestId\","
		   "kind:\"string\",hash:\"a3f1000000000001\",constant:true}");
	json_holds(&r, &shown, ".[0].findings.groups[0].example.own.fields[0].value == \"req-17\"");
	json_holds(&r, &masked,
		   ".[0].findings.groups[1] | .kind == \"lost\" and .grade == \"always\" and "
		   ".instance == 1 and .other_route == null and .kept == 0 and "
		   ".example.other == null and .example.active == null and "
		   ".example.exec_id == 0 and .example.trigger_id == null");
	json_holds(&r, &masked,
		   ".[0].findings.leaks == {judged:false,not_judged_because:\"no_resources\","
		   "types:{},stores:[],environments:[]}");
	end(&r);
}

/* Every value of an enumeration has its word, and what is out of range does no harm. */
static void words(void **state)
{
	struct flow_finding f = test_foreign();

	(void)state;
	assert_string_equal(finding_word__kind(FINDING_FAN_OUT), "fan_out");
	assert_null(finding_word__kind(FINDING_KINDS));
	assert_null(finding_word__grade(FINDING_FAN_OUT, GRADE_MIXED));
	assert_null(finding_word__grade(FINDING_LOST, GRADE_MIXED));
	assert_string_equal(finding_word__grade(FINDING_LOST, GRADE_ALWAYS), "always");
	assert_string_equal(finding_word__context(CONTEXT_UNREADABLE), "unreadable");
	assert_string_equal(finding_word__context(200), "unread");
	assert_null(finding_word__unknown(UNKNOWN_NOT));
	assert_null(finding_word__unknown(200));
	for (unsigned int i = UNKNOWN_NOT + 1; i < UNKNOWN_REASONS; i++) {
		assert_non_null(finding_word__unknown(i));
		assert_non_null(finding_text__unknown(i));
	}
	assert_int_equal(finding_digits(NULL, &f.own.field[0]), 4);
	assert_int_equal(finding_digits(&f.own.field[1], &f.active.field[1]), 4);
	assert_int_equal(finding_digits(&f.own.field[2], &f.active.field[2]), 5);
	assert_null(finding_store__field(&f.own, "none"));
}

static char *wrapped(size_t first, size_t rest, const char *what)
{
	struct test_dir dir = {0};
	struct out_file *file;
	size_t len;
	char *text;

	test_dir__make(&dir);
	assert_int_equal(out_file__open(&file, dir.file), 0);
	text_wrap(file, first, rest, what);
	assert_int_equal(out_file__commit(file), 0);
	text = test_read(dir.file, &len);
	test_dir__remove(&dir);
	return text;
}

static void wrap(void **state)
{
	char *text = wrapped(2, 4, "a  b"), word[TEXT_WIDTH + 50];

	(void)state;
	assert_string_equal(text, "  a b\n");
	free(text);
	text = wrapped(2, 4, "");
	assert_string_equal(text, "\n");
	free(text);
	/* 1 + 2 + 1 + 96 columns are 100 however many bytes they take: the tail does not fit. */
	memset(word, 'w', sizeof(word));
	snprintf(word, sizeof(word), "\u203a\033[1m\u203a\033[0m %.*s tail", TEXT_WIDTH - 4,
		 (char[TEXT_WIDTH]){[0 ... TEXT_WIDTH - 1] = 'w'});
	text = wrapped(1, 4, word);
	assert_non_null(strstr(text, " \u203a\033[1m\u203a\033[0m w"));
	assert_non_null(strstr(text, "w\n    tail\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stale_with_harm),
		cmocka_unit_test(values),
		cmocka_unit_test(other_ends),
		cmocka_unit_test(resource_not_seen),
		cmocka_unit_test(lost),
		cmocka_unit_test(fan_out_alone),
		cmocka_unit_test(none_found),
		cmocka_unit_test(many_causes),
		cmocka_unit_test(signs_of_harm),
		cmocka_unit_test(lines),
		cmocka_unit_test(color_is_not_the_only_sign),
		cmocka_unit_test(leaks),
		cmocka_unit_test(json),
		cmocka_unit_test(words),
		cmocka_unit_test(wrap),
	};

	return cmocka_run_group_tests_name("out_findings", tests, NULL, NULL);
}

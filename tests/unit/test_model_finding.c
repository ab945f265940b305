// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings in the model: counted, grouped by cause, bounded, and the worst shown. */
#include <errno.h>

#include "finding_test.h"
#include "model.h"
#include "out_test.h"
#include "util.h"

#define MS FINDING_MS

static struct model_builder *b;
static struct model_view view;

static int setup(void **state)
{
	struct model_opts opts = {.max_routes = 8};

	(void)state;
	memset(&view, 0, sizeof(view));
	return model_builder__new(&b, &opts);
}

static int teardown(void **state)
{
	(void)state;
	model_builder__free(b);
	return 0;
}

static struct model *snapshot(void)
{
	struct model *m;

	assert_int_equal(model_builder__snapshot(b, &view, &m), 0);
	return m;
}

static void give(const char *route, const struct flow_finding *f, uint32_t n)
{
	struct flow_req r = test_request(f, n);

	r.path = r.route = route;
	model_builder__request(b, &r);
}

static void counts(void **state)
{
	struct flow_finding f[3] = {test_foreign(), test_foreign(), test_fan_out()};
	struct flow_leaks leaks = {.count = 2};
	struct model *m;

	(void)state;
	f[1].grade = GRADE_MIXED;
	f[1].stale = false;
	f[1].captured = true;
	leaks.type[0].leaked = 7;
	leaks.type[1].leaked = 2;
	view.leaks = &leaks;
	view.context = (struct flow_context_counts){.heads = 9, .read = 8, .unknown = {0, 1, 2, 3}};
	give("/a", f, 3); /* of two instances, and a fan-out beside them */
	give("/a", &f[2], 1);
	give("/a", f, 0);
	m = snapshot();
	assert_int_equal(m->findings.foreign, 2);
	assert_int_equal(m->findings.foreign_harm, 1);
	assert_int_equal(m->findings.stale, 1);
	assert_int_equal(m->findings.captured, 1);
	assert_int_equal(m->findings.fan_out, 2);
	assert_int_equal(m->findings.lost_always + m->findings.lost_intermittent, 0);
	assert_int_equal(m->findings.leaked, 9);
	assert_int_equal(m->findings.unknown, 6);
	assert_int_equal(m->findings.mismatched, 1); /* a fan-out alone is none */
	assert_int_equal(m->context.heads, 9);
	assert_int_equal(m->by_context[CONTEXT_FOREIGN], 2);
	assert_int_equal(m->by_context[CONTEXT_UNKNOWN], 1);
	model__free(m);
}

/* Each part of the cause makes a group of its own, and nothing else does. */
static void causes(void **state)
{
	struct flow_finding f = test_foreign();
	struct model *m;

	(void)state;
	give("/a", &f, 1);
	f.other.conn = 77;
	f.instance = 2;
	f.head_ns += 5 * MS;
	f.grade = GRADE_MIXED;
	give("/a", &f, 1); /* the same cause */
	give("/b", &f, 1); /* another route... */
	strcpy(f.other.route, "/c");
	give("/a", &f, 1); /* ...another route of the other... */
	strcpy(f.other.method, "PUT");
	give("/a", &f, 1);
	strcpy(f.resource, "PIPEWRAP");
	give("/a", &f, 1); /* ...another resource... */
	f.kind = FINDING_FAN_OUT;
	give("/a", &f, 1); /* ...or another kind */
	m = snapshot();
	assert_int_equal(m->group_count, 6);
	assert_int_equal(m->groups[0].count, 2);
	assert_int_equal(m->groups[0].requests, 2);
	assert_int_equal(m->groups[0].harm, 1);
	assert_int_equal(m->groups[0].grade, GRADE_HARM);
	assert_int_equal(m->groups[0].first_ns, 20038 * MS);
	assert_int_equal(m->groups[0].last_ns, 20043 * MS);
	assert_int_equal(m->groups[5].kind, FINDING_FAN_OUT);
	model__free(m);
}

static void requests_are_counted_once(void **state)
{
	struct flow_finding f[2] = {test_foreign(), test_foreign()};
	struct model *m;

	(void)state;
	give("/a", f, 2);
	give("/a", f, 2);
	m = snapshot();
	assert_int_equal(m->group_count, 1);
	assert_int_equal(m->groups[0].count, 4);
	assert_int_equal(m->groups[0].requests, 2);
	assert_int_equal(m->findings.mismatched, 2);
	model__free(m);
}

/* The example is a copy, and the one that shows most: harm before anything else. */
static void example(void **state)
{
	struct flow_finding *f = malloc(sizeof(*f));
	struct flow_req r;
	struct model *m;
	char path[] = "/payment/1";

	(void)state;
	assert_non_null(f);
	*f = test_foreign();
	f->grade = GRADE_MIXED;
	f->id_in_response = false;
	f->epoch = 1;
	give("/a", f, 1);
	f->grade = GRADE_HARM; /* with little else */
	f->active.known = f->own.known = false;
	f->other.seq = 0;
	f->resource[0] = 'T';
	f->epoch = 2;
	r = test_request(f, 1);
	r.path = path;
	r.route = "/a";
	model_builder__request(b, &r);
	f->grade = GRADE_MIXED;
	f->id_in_response = true;
	f->active.known = true;
	f->epoch = 4;
	give("/a", f, 1);
	memset(f, 0xff, sizeof(*f));
	free(f);
	memset(path, 'x', sizeof(path) - 1);
	m = snapshot();
	assert_int_equal(m->group_count, 1);
	assert_int_equal(m->groups[0].count, 3);
	assert_int_equal(m->groups[0].example.epoch, 2);
	assert_string_equal(m->groups[0].on.path, "/payment/1");
	assert_int_equal(m->groups[0].on.req.conn, 12);
	assert_null(m->groups[0].on.req.findings);
	assert_null(m->groups[0].on.req.path);
	model__free(m);
}

/* The other request goes on for longer than the one that was answered under its store. */
static void other_ends_later(void **state)
{
	struct flow_finding f = test_foreign();
	struct flow_req other = test_request(&f, 0);
	struct model *m;

	(void)state;
	f.stale = false;
	f.other.end_ns = f.other.head_ns = 0;
	give("/a", &f, 1);
	other.seq = f.other.seq;
	other.conn = f.other.conn + 1; /* not this one */
	other.first_byte_ns = 20041 * MS;
	other.end_ns = 20042 * MS;
	model_builder__request(b, &other);
	m = snapshot();
	assert_int_equal(m->groups[0].other_end_ns, 0);
	model__free(m);
	other.conn = f.other.conn;
	model_builder__request(b, &other);
	m = snapshot();
	assert_int_equal(m->groups[0].other_head_ns, 20041 * MS);
	assert_int_equal(m->groups[0].other_end_ns, 20042 * MS);
	assert_int_equal(m->groups[0].example.other.end_ns, 0); /* at the write it had not */
	model__free(m);
}

static void more_evidence_wins(void **state)
{
	struct flow_finding f = test_foreign();
	struct model *m;

	(void)state;
	f.own.known = false;
	f.epoch = 1;
	give("/a", &f, 1);
	f.own.known = true;
	f.epoch = 2;
	give("/a", &f, 1);
	f.epoch = 3; /* no more than the one before: that one stays */
	give("/a", &f, 1);
	m = snapshot();
	assert_int_equal(m->groups[0].example.epoch, 2);
	model__free(m);
}

static void own(const char *route)
{
	struct flow_finding none = test_lost();
	struct flow_req r = test_request(&none, 0);

	r.path = r.route = route;
	r.context = CONTEXT_OWN;
	model_builder__request(b, &r);
}

/* Always or intermittent is a matter of the route and of all that is known at the end. */
static void lost(void **state)
{
	struct flow_finding f = test_lost();
	struct model *m;

	(void)state;
	own("/sometimes");
	give("/sometimes", &f, 1);
	strcpy(f.resource, "TCPWRAP"); /* one group all the same */
	give("/sometimes", &f, 1);
	give("/always", &f, 1);
	own("/other");
	f.grade = GRADE_INTERMITTENT; /* the rules know of this instance */
	give("/known", &f, 1);
	m = snapshot();
	assert_int_equal(m->group_count, 3);
	assert_int_equal(m->findings.lost_intermittent, 3);
	assert_int_equal(m->findings.lost_always, 1);
	assert_string_equal(m->groups[0].route, "/sometimes");
	assert_int_equal(m->groups[0].grade, GRADE_INTERMITTENT);
	assert_int_equal(m->groups[0].example.grade, GRADE_INTERMITTENT);
	assert_int_equal(m->groups[0].kept, 1);
	assert_string_equal(m->groups[1].route, "/known");
	assert_string_equal(m->groups[2].route, "/always");
	assert_int_equal(m->groups[2].grade, GRADE_ALWAYS);
	model__free(m);
	/* A snapshot does not settle it: later ones may know better. */
	own("/always");
	m = snapshot();
	assert_int_equal(m->findings.lost_always, 0);
	assert_int_equal(m->findings.lost_intermittent, 4);
	model__free(m);
}

/* A route that is counted with others beyond the limit learns nothing from them. */
static void lost_beyond_the_routes(void **state)
{
	struct flow_finding f = test_lost();
	char route[16];
	struct model *m;

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(route, sizeof(route), "/r%d", i);
		own(route);
	}
	own("/beyond");
	give("/too", &f, 1);
	m = snapshot();
	assert_int_equal(m->groups[0].kept, 0);
	assert_int_equal(m->findings.lost_always, 1);
	model__free(m);
}

static void in_flight(void **state)
{
	struct flow_finding f = test_lost();
	struct flow_req r = test_request(&f, 1);
	struct model *m;

	(void)state;
	r.route = r.path = "/stream";
	r.end = REQ_IN_FLIGHT;
	r.end_ns = 0;
	model_builder__request(b, &r);
	m = snapshot();
	assert_int_equal(m->requests.total, 0);
	assert_int_equal(m->route_count, 0);
	assert_int_equal(m->findings.lost_always, 1);
	model__free(m);
	/* The route is learned of when one of its requests ends. */
	own("/stream");
	give("/stream", &f, 1);
	m = snapshot();
	assert_int_equal(m->group_count, 1);
	assert_int_equal(m->findings.lost_intermittent, 2);
	model__free(m);
}

static void order(void **state)
{
	static const enum finding_kind kinds[] = {FINDING_FOREIGN, FINDING_FOREIGN, FINDING_LOST,
						  FINDING_LOST, FINDING_FAN_OUT};
	struct flow_finding f;
	struct model *m;

	(void)state;
	for (int i = 0; i < 9; i++) {
		f = test_fan_out();
		give("/e", &f, 1);
	}
	f = test_lost();
	for (int i = 0; i < 5; i++)
		give("/always", &f, 1);
	own("/some");
	give("/some", &f, 1);
	f = test_foreign();
	f.grade = GRADE_MIXED;
	give("/mixed", &f, 1);
	give("/mixed", &f, 1);
	f.grade = GRADE_HARM;
	give("/harm", &f, 1);
	m = snapshot();
	assert_int_equal(m->group_count, ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_int_equal(m->groups[i].kind, kinds[i]);
	assert_string_equal(m->groups[0].route, "/harm");
	assert_string_equal(m->groups[2].route, "/some");
	model__free(m);
}

static void bounds(void **state)
{
	struct flow_finding f = test_foreign();
	uint64_t sum = 0, merged = 0;
	char route[16];
	struct model *m;

	(void)state;
	f.grade = GRADE_MIXED;
	for (int i = 0; i < MODEL_GROUPS + 20; i++) {
		snprintf(route, sizeof(route), "/%d", i);
		give(route, &f, 1);
	}
	f.grade = GRADE_HARM;
	f.epoch = 99;
	give("/late", &f, 1);
	f = test_lost();
	give("/late", &f, 1);
	m = snapshot();
	assert_int_equal(m->group_count, MODEL_GROUPS + 2);
	for (size_t i = 0; i < m->group_count; i++) {
		sum += m->groups[i].count;
		merged += m->groups[i].merged ? m->groups[i].count : 0;
	}
	assert_int_equal(sum, MODEL_GROUPS + 22);
	assert_int_equal(merged, 22);
	/* Harm is on top even where it came too late for a group of its own. */
	assert_string_equal(m->groups[0].route, "(other causes)");
	assert_int_equal(m->groups[0].example.epoch, 99);
	assert_int_equal(m->findings.foreign, MODEL_GROUPS + 21);
	assert_int_equal(m->findings.lost_always, 1);
	model__free(m);
}

/* What the rules should never hand out must not harm either. */
static void odd_input(void **state)
{
	struct flow_finding f = test_foreign();
	struct flow_req r = test_request(&f, 1);
	struct model *m;

	(void)state;
	r.method = NULL;
	r.route = NULL;
	r.context = 200;
	memset(f.resource, 'r', sizeof(f.resource));
	memset(f.other.route, 'o', sizeof(f.other.route));
	f.other.method[0] = '\0';
	f.kind = FINDING_KINDS;
	model_builder__request(b, &r);
	m = snapshot();
	assert_int_equal(m->findings.foreign, 1);
	assert_string_equal(m->groups[0].method, "?");
	assert_string_equal(m->groups[0].route, "/process-payment");
	assert_string_equal(m->groups[0].other_method, "?");
	assert_int_equal(strlen(m->groups[0].resource), sizeof(m->groups[0].resource) - 1);
	assert_int_equal(m->by_context[CONTEXT_UNREAD], 1);
	model__free(m);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(counts),
		T(causes),
		T(requests_are_counted_once),
		T(example),
		T(more_evidence_wins),
		T(other_ends_later),
		T(lost),
		T(lost_beyond_the_routes),
		T(in_flight),
		T(order),
		T(bounds),
		T(odd_input),
	};

	return cmocka_run_group_tests_name("model_finding", tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing that a process can send, and nothing that is missing, breaks the dashboard's frame. */
#include "ui_test.h"

/* Draws all there is, at every width that a terminal may have. */
static void draw_all(const struct live_view *v)
{
	static const unsigned int widths[] = {1, 5, 20, 40, 79, 100, 132, 250};

	for (size_t i = 0; ui_views[i]; i++)
		for (size_t k = 0; k < 2 * ARRAY_SIZE(widths); k++) {
			struct size size = {widths[k / 2], 24};
			const size_t n = min_t(size_t, ui_views[i]->count(v), 12);

			free(draw_view(ui_views[i], v, size, k % 2));
			for (size_t row = 0; ui_views[i]->page && row < n; row++)
				free(draw_page(ui_views[i], v, row, size.cols, k % 2));
		}
}

static const char hostile[] =
	"/\x1b[31m\x07\r\n\t\xff\xc3\x28\xe4\xb8\xad\xe6\x96\x87"
	"e\xcc\x81\xe2\x80\x8b\xf0\x9f\x98\x80/"
	"%s%n%d/a-segment-that-does-not-end-a-segment-that-does-not-end-a-segment-"
	"that-does-not-end-a-segment-that-does-not-end";

static void spoil(char *text, size_t len)
{
	snprintf(text, len, "%.*s", (int)len - 1, hostile);
}

static void spoil_request(struct live_request *r)
{
	spoil(r->on.path, sizeof(r->on.path));
	snprintf(r->on.method, sizeof(r->on.method), "\x1b]0;M\x07\xff");
	spoil(r->route, sizeof(r->route));
	for (uint32_t i = 0; i < r->ncalls; i++)
		spoil(r->calls[i].path, sizeof(r->calls[i].path));
	for (uint32_t i = 0; i < r->nresources; i++)
		memset(r->resources[i].type, 0xe2, sizeof(r->resources[i].type) - 1);
	for (uint32_t i = 0; i < r->nheaders; i++)
		spoil(r->header[i].value, sizeof(r->header[i].value));
}

static void test_hostile(void **state)
{
	struct live_view *v = full();
	struct model *m = v->m;

	(void)state;
	for (size_t i = 0; i < v->nrecent; i++)
		spoil_request(v->recent[i]);
	for (size_t i = 0; i < v->nin_flight; i++)
		spoil_request(v->in_flight[i]);
	for (size_t i = 0; i < v->nroutes; i++) {
		spoil(v->routes[i].route, sizeof(v->routes[i].route));
		v->routes[i].route[0] = (char)(0x61 + i);
	}
	for (size_t i = 0; i < v->ntypes; i++)
		memset(v->types[i].name, 0x80 + (int)i, sizeof(v->types[i].name) - 1);
	for (size_t i = 0; i < m->group_count; i++) {
		spoil(m->groups[i].route, sizeof(m->groups[i].route));
		spoil(m->groups[i].other_route, sizeof(m->groups[i].other_route));
		spoil(m->groups[i].resource, sizeof(m->groups[i].resource));
		spoil(m->groups[i].on.path, sizeof(m->groups[i].on.path));
		spoil(m->groups[i].example.active.field[0].name, FINDING_NAME);
	}
	spoil(m->blocking.blocker[0].route, FLOW_LABEL_PATH);
	spoil(m->blocking.worst[0].path, FLOW_LABEL_PATH);
	spoil(m->probes[2].reason, sizeof(m->probes[2].reason));
	spoil(m->targets[0].exe, sizeof(m->targets[0].exe));
	draw_all(v);
	live_view__free(v);
}

/* Nothing was observed, or nothing is known of what was. */
static void test_empty(void **state)
{
	struct live_view v = {.m = fake_alloc(1, sizeof(struct model))};
	char *text;

	(void)state;
	draw_all(&v);
	text = draw_view(&ui_view_resources, &v, (struct size){80, 24}, true);
	assert_non_null(strstr(text, "--level resources"));
	free(text);
	text = draw_view(&ui_view_findings, &v, (struct size){80, 24}, true);
	assert_non_null(strstr(text, "no response was checked"));
	free(text);
	free(v.m);
}

static void zero_request(struct live_request *r)
{
	struct flow_req *q = &r->on.req;

	memset(&q->waits, 0, sizeof(q->waits));
	q->waits.known = true;
	q->recv_ns = q->first_byte_ns = q->end_ns = q->start_ns;
	r->age_ns = 0;
	for (uint32_t i = 0; i < r->ncalls; i++)
		r->calls[i].sent_ns = r->calls[i].first_byte_ns = r->calls[i].end_ns =
			r->calls[i].start_ns;
	for (uint32_t i = 0; i < r->njobs; i++)
		r->jobs[i].start_ns = r->jobs[i].end_ns = r->jobs[i].callback_ns =
			r->jobs[i].submit_ns;
	for (uint32_t i = 0; i < r->nresources; i++)
		r->resources[i].destroy_ns = r->resources[i].init_ns;
}

/* What took no time, what never ended, and what times cannot be. */
static void test_times(void **state)
{
	struct live_view *v = full();
	struct live_request *r = v->recent[0];

	(void)state;
	for (size_t i = 0; i < v->nrecent; i++)
		zero_request(v->recent[i]);
	draw_all(v);
	for (uint32_t i = 0; i < r->ncalls; i++)
		r->calls[i].sent_ns = r->calls[i].first_byte_ns = r->calls[i].end_ns = 0;
	r->jobs[0].start_ns = r->jobs[0].end_ns = 0;
	r->resources[0].destroy_ns = 0;
	draw_all(v);
	r->on.req.end_ns = 1;
	r->calls[0].end_ns = UINT64_MAX;
	r->calls[1].start_ns = 0;
	r->jobs[0].submit_ns = UINT64_MAX;
	v->now_ns = 0;
	draw_all(v);
	live_view__free(v);
}

/* As many requests as a view may have. */
static void test_many(void **state)
{
	struct live_view *v = full();
	struct live_request *r = v->recent[0], **all;

	(void)state;
	all = realloc(v->recent, LIVE_RECENT * sizeof(*all));
	assert_non_null(all);
	v->recent = all;
	while (v->nrecent < LIVE_RECENT) {
		struct live_request *copy = fake_alloc(1, sizeof(*copy));

		*copy = *r;
		copy->refs = 1;
		copy->number = v->nrecent + 1;
		copy->on.req.seq = 1000 + v->nrecent;
		/* What the first one owns stays its own. */
		copy->ncalls = copy->njobs = copy->nresources = copy->nfindings = copy->nheaders =
			0;
		v->recent[v->nrecent++] = copy;
	}
	draw_all(v);
	live_view__free(v);
}

/* A row's page opens by the row's name, and does not once it is gone. */
static void test_names(void **state)
{
	struct live_view *v = full();
	struct ui_page *p;

	(void)state;
	for (size_t i = 0; ui_views[i]; i++) {
		const struct ui_view *view = ui_views[i];

		for (size_t a = 0; a < view->count(v); a++)
			for (size_t b = 0; b < a; b++)
				assert_true(view->id(v, a) != view->id(v, b));
		if (!view->page)
			continue;
		assert_int_equal(ui_page__new(&p, 80, true), 0);
		assert_false(view->page(v, 0x1234567890abcdefULL, p));
		assert_int_equal(ui_page__lines(p), 0);
		ui_page__free(p);
	}
	live_view__free(v);
}

/* A request keeps its name when it ends. */
static void test_name_stays(void **state)
{
	struct live_view *v = full();
	struct live_request r = *v->in_flight[0];

	(void)state;
	r.number = 13;
	r.on.req.end = REQ_COMPLETE;
	assert_true(ui_request__id(&r) == ui_request__id(v->in_flight[0]));
	assert_ptr_equal(ui_request__find(v, ui_request__id(&r)), v->in_flight[0]);
	live_view__free(v);
}

/* What is wrong has a sign, besides its colour. */
static void test_signs(void **state)
{
	struct live_view *v = full();

	(void)state;
	for (size_t i = 0; ui_views[i]; i++)
		for (size_t row = 0; row < ui_views[i]->count(v); row++)
			for (size_t k = 0; k < ui_views[i]->ncolumns; k++) {
				struct ui_value value = {0};

				ui_views[i]->cell(v, row, k, true, &value);
				assert_true(value.style < UI_STYLES);
				/* A word says it, or a mark. */
				if (value.style == UI_BAD || value.style == UI_WORSE)
					assert_true(value.text[0] != 0);
				assert_non_null(ui_views[i]->columns[k].about);
			}
	live_view__free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_name_stays),
		cmocka_unit_test(test_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The views and pages of the dashboard over one fixed view, as screens: tests/unit/ui/NAME.txt.
 * UI_GOLDEN=write writes them anew, to be looked at before they are committed.
 */
#include <errno.h>

#include "events.h"
#include "fake_live.h"
#include "finding_test.h"
#include "out_test.h"
#include "ui_table.h"
#include "ui_view_parts.h"
#include "util.h"

#define DIR "tests/unit/ui"

static const struct size {
	unsigned int cols, rows;
} sizes[] = {{40, 10}, {80, 24}, {120, 40}};

/* Below the same fixed view, what it has none of. */
static void add_blocking(struct model *m)
{
	struct model_blocking *b = &m->blocking;

	b->threshold_ns = 50 * FAKE_MS;
	b->count = 3;
	b->blocker_count = 2;
	b->blocker[0] = (struct model_blocker){.by = TURN_REQUEST,
					       .method = "GET",
					       .route = "/reports/:id",
					       .count = 2,
					       .held_ns = 200 * FAKE_MS,
					       .max_ns = 120 * FAKE_MS,
					       .paid = 4,
					       .paid_ns = 310 * FAKE_MS};
	b->blocker[1] = (struct model_blocker){
		.by = TURN_TIMERS, .count = 1, .held_ns = 60 * FAKE_MS, .max_ns = 60 * FAKE_MS};
	b->worst_count = 1;
	b->worst[0] = (struct flow_blocking){.pid = FAKE_PID,
					     .start_ns = FAKE_START + 40 * FAKE_S,
					     .duration_ns = 120 * FAKE_MS,
					     .gc_ns = 5 * FAKE_MS,
					     .blocked_ns = 20 * FAKE_MS,
					     .by = TURN_REQUEST,
					     .conn = 7,
					     .seq = 90,
					     .method = "GET",
					     .path = "/reports/12",
					     .paid = 4,
					     .paid_ns = 310 * FAKE_MS,
					     .npayers = 1,
					     .payer = {{9, 4, 60 * FAKE_MS, "GET", "/health"}}};
}

static void add_groups(struct live_view *v)
{
	struct model *m = v->m;
	struct flow_finding lost = test_lost(), shared = test_fan_out();
	struct model_group *g = realloc(m->groups, 3 * sizeof(*g));

	assert_non_null(g);
	m->groups = g;
	g[1] = (struct model_group){.kind = FINDING_LOST,
				    .grade = GRADE_INTERMITTENT,
				    .method = "POST",
				    .route = "/upload",
				    .instance = 1,
				    .count = 4,
				    .requests = 4,
				    .kept = 230,
				    .first_ns = FAKE_NOW - 40 * FAKE_S,
				    .last_ns = FAKE_NOW - 12 * FAKE_S,
				    .on = v->recent[2]->on,
				    .example = lost};
	g[1].example.head_ns = g[1].on.req.first_byte_ns;
	snprintf(g[1].on.method, sizeof(g[1].on.method), "POST");
	snprintf(g[1].on.path, sizeof(g[1].on.path), "/upload");
	g[2] = (struct model_group){.kind = FINDING_FAN_OUT,
				    .method = "GET",
				    .route = "/events",
				    .other_method = "GET",
				    .other_route = "/events",
				    .count = 17,
				    .requests = 17,
				    .first_ns = FAKE_NOW - 50 * FAKE_S,
				    .last_ns = FAKE_NOW - 2 * FAKE_S,
				    .on = v->recent[3]->on,
				    .example = shared};
	snprintf(g[2].on.path, sizeof(g[2].on.path), "/events");
	m->group_count = 3;
	/* The other request's requestId is not this one's. */
	g[0].example.active.field[0].hash ^= 0xfULL << 60;
	m->context = (struct flow_context_counts){.heads = 998, .read = 990, .none = 7};
	m->context.unreadable = 1;
	m->context.unknown[UNKNOWN_OLDER] = 12;
	m->findings.unknown = 12;
	m->findings.mismatched = 5;
}

static void add_probes(struct model *m)
{
	free(m->probes);
	m->probe_count = 3;
	m->probes = fake_alloc(3, sizeof(*m->probes));
	m->probes[0] = (struct model_probe){.name = "async_reset",
					    .site = "node+0x1234 +4 jcc",
					    .attached = true,
					    .hits = 1234567};
	m->probes[1] = (struct model_probe){.name = "uv_run",
					    .site = "node+0x99 +0 push",
					    .attached = true,
					    .hits = 40,
					    .misses = 2};
	m->probes[2] = (struct model_probe){
		.name = "als_enter",
		.reason = "the binary has no symbol of that name, and none was found in its code"};
}

static void add_waits(struct live_view *v)
{
	struct fake_request *f = (struct fake_request *)v->recent[0];
	struct flow_req *q = &f->r.on.req;
	struct flow_call *late;

	memset(q->waits.ns, 0, sizeof(q->waits.ns));
	q->waits.ns[WAIT_QUEUE] = 3 * FAKE_MS;
	q->waits.ns[WAIT_CPU] = 4 * FAKE_MS;
	q->waits.ns[WAIT_CALL] = 18 * FAKE_MS;
	q->waits.ns[WAIT_FS] = 3 * FAKE_MS;
	q->waits.ns[WAIT_LOOP] = 2 * FAKE_MS;
	q->blocker[0] = (struct flow_blocker){v->recent[1]->on.req.conn, v->recent[1]->on.req.seq,
					      2 * FAKE_MS};
	q->blocker[1] = (struct flow_blocker){99, 3, FAKE_MS / 2};
	fake_request__call(f, CALL_REDIS, 28, 9, NULL);
	late = &f->calls[2];
	late->outlived = true;
	late->reused = false;
	late->connect_ns = FAKE_MS / 2;
}

static struct live_view *full(void)
{
	struct live_view *v = fake_live();

	add_blocking(v->m);
	add_groups(v);
	add_probes(v->m);
	add_waits(v);
	return v;
}

static void compare(const char *name, const char *text)
{
	const char *write = getenv("UI_GOLDEN");
	char path[256];
	size_t len;
	char *golden;
	FILE *f;

	snprintf(path, sizeof(path), DIR "/%s.txt", name);
	if (write && strcmp(write, "write") == 0) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		assert_int_equal(fclose(f), 0);
		return;
	}
	golden = test_read(path, &len);
	if (strcmp(text, golden) != 0)
		fprintf(stderr, "%s is now:\n%s<end>\n", name, text); /* cmocka's is cut */
	assert_string_equal(text, golden);
	free(golden);
}

/* No line is wider than the screen, and nothing in it moves a terminal's cursor. */
static void check_frame(const struct ui_grid *g, const char *text)
{
	const char *line = text;

	while (*line) {
		char copy[4096];
		size_t len = strcspn(line, "\n");

		assert_true(len < sizeof(copy));
		memcpy(copy, line, len);
		copy[len] = 0;
		assert_true(ui_text__width(copy) <= ui_grid__cols(g));
		for (size_t i = 0; i < len; i++) {
			assert_true((unsigned char)copy[i] >= 0x20 && copy[i] != 0x7f);
			if (ui_grid__ascii(g))
				assert_true((unsigned char)copy[i] < 0x80);
		}
		line += len + (line[len] != 0);
	}
}

static char *dump(const struct ui_grid *g)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	ui_grid__dump(g, f);
	assert_int_equal(fclose(f), 0);
	check_frame(g, text);
	return text;
}

/* Banner and table, as the frame places them. */
static char *draw_view(const struct ui_view *view, const struct live_view *v, struct size size,
		       bool ascii)
{
	struct ui_grid *g;
	struct ui_table t;
	unsigned int banner = 0;
	char *text;

	assert_int_equal(ui_grid__new(&g, size.rows, size.cols, ascii), 0);
	ui_table__init(&t, view);
	assert_int_equal(ui_table__build(&t, v, NULL), 0);
	if (view->banner && size.rows > 6)
		banner = view->banner(v, g, 0, size.rows - 6);
	assert_true(banner <= size.rows);
	ui_table__draw(&t, v, g, banner, size.rows - banner);
	text = dump(g);
	ui_table__free(&t);
	ui_grid__free(g);
	return text;
}

/* The whole page. */
static char *draw_page(const struct ui_view *view, const struct live_view *v, size_t row,
		       unsigned int cols, bool ascii)
{
	struct ui_page *p;
	struct ui_grid *g;
	char *text;

	assert_int_equal(ui_page__new(&p, cols, ascii), 0);
	assert_true(view->page(v, view->id(v, row), p));
	assert_int_equal(ui_grid__new(&g, ui_page__lines(p), cols, ascii), 0);
	ui_page__draw(p, 0, g, 0, 0, ui_page__lines(p), cols);
	text = dump(g);
	ui_grid__free(g);
	ui_page__free(p);
	return text;
}

static void name_of(char *buf, size_t len, const char *what, struct size size, bool ascii)
{
	snprintf(buf, len, "%s-%ux%u%s", what, size.cols, size.rows, ascii ? "-ascii" : "");
}

static void test_views(void **state)
{
	struct live_view *v = full();
	char name[64], *text;

	(void)state;
	for (size_t i = 0; ui_views[i]; i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			for (int ascii = 0; ascii < 2; ascii++) {
				text = draw_view(ui_views[i], v, sizes[k], ascii);
				name_of(name, sizeof(name), ui_views[i]->name, sizes[k], ascii);
				compare(name, text);
				free(text);
			}
	live_view__free(v);
}

static const struct {
	const char *name;
	const struct ui_view *view;
	size_t row;
} pages[] = {
	{"page-request", &ui_view_requests, 2},
	{"page-request-foreign", &ui_view_requests, 3},
	{"page-request-failed", &ui_view_requests, 4},
	{"page-request-aborted", &ui_view_requests, 5},
	{"page-request-lossy", &ui_view_requests, 6},
	{"page-request-in-flight", &ui_view_requests, 0},
	{"page-foreign", &ui_view_findings, 0},
	{"page-lost", &ui_view_findings, 1},
	{"page-fan-out", &ui_view_findings, 2},
	{"page-blocked", &ui_view_findings, 3},
	{"page-route", &ui_view_routes, 1},
	{"page-loop", &ui_view_loop, 0},
	{"page-probe", &ui_view_agent, 2},
};

static void test_pages(void **state)
{
	struct live_view *v = full();
	char name[64], *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
			for (int ascii = 0; ascii < 2; ascii++) {
				if (ascii && sizes[k].cols != 80)
					continue;
				text = draw_page(pages[i].view, v, pages[i].row, sizes[k].cols,
						 ascii);
				snprintf(name, sizeof(name), "%s-%u%s", pages[i].name,
					 sizes[k].cols, ascii ? "-ascii" : "");
				compare(name, text);
				free(text);
			}
	live_view__free(v);
}

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

/* Values of stores are masked unless they were asked for. */
static void test_masked(void **state)
{
	struct live_view *v = full();
	char *text = draw_page(&ui_view_findings, v, 0, 80, true);

	(void)state;
	assert_null(strstr(text, "alice"));
	free(text);
	v->show_values = true;
	text = draw_page(&ui_view_findings, v, 0, 80, true);
	assert_non_null(strstr(text, "alice"));
	assert_non_null(strstr(text, "bob"));
	free(text);
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
		cmocka_unit_test(test_views),	cmocka_unit_test(test_pages),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_name_stays),
		cmocka_unit_test(test_masked),	cmocka_unit_test(test_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

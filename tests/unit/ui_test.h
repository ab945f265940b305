/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Views and pages as text, over a fixed view that has some of everything. */
#ifndef LOOPRAY_UI_TEST_H
#define LOOPRAY_UI_TEST_H

#include "events.h"
#include "fake_live.h"
#include "finding_test.h"
#include "out_test.h"
#include "ui_table.h"
#include "ui_view_parts.h"
#include "util.h"

struct size {
	unsigned int cols, rows;
};

/* Below the same fixed view, what it has none of. */
static inline void add_blocking(struct model *m)
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

static inline void add_groups(struct live_view *v)
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

static inline void add_probes(struct model *m)
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

static inline void add_waits(struct live_view *v)
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

static inline struct live_view *full(void)
{
	struct live_view *v = fake_live();

	add_blocking(v->m);
	add_groups(v);
	add_probes(v->m);
	add_waits(v);
	return v;
}

/* No line is wider than the screen, and nothing in it moves a terminal's cursor. */
static inline void check_frame(const struct ui_grid *g, const char *text)
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

static inline char *dump(const struct ui_grid *g)
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
static inline char *draw_view(const struct ui_view *view, const struct live_view *v,
			      struct size size, bool ascii)
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
static inline char *draw_page(const struct ui_view *view, const struct live_view *v, size_t row,
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

#endif

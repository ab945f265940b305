// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <zlib.h>

#include "events.h"
#include "out_capture.h"
#include "out_capture_codec.h"
#include "out_test.h"
#include "util.h"

/* Events as they were written, to compare with those that come back. */
struct recorded {
	struct flow_event ev;
	char text[5][80];
	struct fe_store_field fields[LR_STORE_FIELDS];
	struct fe_header headers[FE_HEADERS_MAX];
	char header_text[FE_HEADERS_MAX][2][FE_HEADER_VALUE];
	char field_text[LR_STORE_FIELDS][2][LR_FIELD_TEXT];
};

struct stream {
	struct recorded *all;
	size_t count;
	size_t seen;
	int stop_at; /* the sink fails there, 0 never */
};

static uint64_t rnd(uint64_t *seed, uint64_t below)
{
	return test_random(seed) % below;
}

/* Now and then an extreme value. */
static uint64_t rnd_u64(uint64_t *seed)
{
	switch (rnd(seed, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - rnd(seed, 3);
	case 2:
		return 1ULL << 63;
	default:
		return test_random(seed) >> rnd(seed, 64);
	}
}

static void rnd_str(uint64_t *seed, struct flow_str *s, char *text)
{
	static const char *const words[] = {"", "GET", "/users/17", "22.21.1", "node+0x1234"};
	uint64_t pick = rnd(seed, 8);

	if (pick < ARRAY_SIZE(words))
		snprintf(text, 80, "%s", words[pick]);
	else
		snprintf(text, 80, "/x/%llu\xff", (unsigned long long)rnd(seed, 5000));
	s->s = text;
	s->len = (uint32_t)strlen(text);
}

static void rnd_clock(uint64_t *seed, struct fe_clock *clock)
{
	clock->has = (uint8_t)rnd(seed, 4);
	if (clock->has & FE_CLOCK_IDLE)
		clock->idle_ns = rnd_u64(seed);
	if (clock->has & FE_CLOCK_CPU) {
		clock->cpu_ns = rnd_u64(seed);
		clock->delay_ns = rnd_u64(seed);
		clock->ran_ns = rnd_u64(seed);
		clock->cpu = (uint32_t)rnd_u64(seed);
	}
}

static void rnd_io(uint64_t *seed, struct fe_io *io, char text[5][80])
{
	io->conn = rnd_u64(seed);
	io->arrival_ns = rnd_u64(seed);
	rnd_clock(seed, &io->clock);
	io->bytes = (uint32_t)rnd_u64(seed);
	io->error = (int32_t)rnd_u64(seed);
	io->flags = (uint32_t)rnd_u64(seed);
	io->method = (uint8_t)rnd(seed, 11);
	io->version = (uint8_t)rnd(seed, 12);
	io->status = (uint16_t)rnd_u64(seed);
	io->content_length = rnd_u64(seed);
	rnd_str(seed, &io->method_name, text[0]);
	rnd_str(seed, &io->path, text[1]);
	if (rnd(seed, 2)) {
		io->top = rnd_u64(seed);
		io->epoch = (uint32_t)rnd_u64(seed);
	}
	io->nids = rnd(seed, 3) ? 0 : (uint32_t)rnd(seed, FE_IDS_MAX + 1);
	for (uint32_t i = 0; i < io->nids; i++)
		io->ids[i] = rnd_u64(seed);
}

static void rnd_stores(uint64_t *seed, struct fe_stores *s)
{
	s->env = (uint32_t)rnd(seed, 3);
	s->conn = rnd_u64(seed);
	s->top = rnd_u64(seed);
	s->epoch = (uint32_t)rnd_u64(seed);
	s->exec_id = rnd(seed, 3) ? (int64_t)rnd_u64(seed) : -1;
	s->trigger_id = rnd(seed, 3) ? (int64_t)rnd_u64(seed) : -1;
	s->op = (uint8_t)(1 + rnd(seed, LR_OP_MAX - 1));
	s->status = (uint8_t)rnd(seed, LR_STORES_OFF + 1);
	s->hooks = rnd(seed, 2);
	s->more = rnd(seed, 2);
	s->n = (uint32_t)rnd(seed, FE_STORES_MAX + 1);
	for (uint32_t i = 0; i < s->n; i++) {
		s->ref[i].value = rnd_u64(seed);
		s->ref[i].instance = (uint32_t)rnd_u64(seed);
		s->ref[i].kind = (uint8_t)rnd(seed, LR_VALUE_MAP + 1);
	}
}

static void rnd_write(uint64_t *seed, struct fe_write *w)
{
	w->conn = rnd(seed, 2) ? 0 : rnd_u64(seed);
	w->bytes = (uint32_t)rnd_u64(seed);
	w->captured = rnd(seed, 2) ? w->bytes : (uint32_t)rnd_u64(seed);
	w->op = (uint8_t)(LR_OP_CLIENT + rnd(seed, 3));
	w->fault = rnd(seed, 2);
	w->nids = rnd(seed, 2) ? 0 : (uint32_t)rnd(seed, FE_IDS_MAX + 1);
	for (uint32_t i = 0; i < w->nids; i++)
		w->ids[i] = rnd_u64(seed);
	w->text = (struct flow_str){"secret", 6}; /* stays out */
}

/* Up to @most bytes of anything. */
static struct flow_str rnd_bytes(uint64_t *seed, char *text, size_t most)
{
	uint32_t len = (uint32_t)rnd(seed, most + 1);

	for (uint32_t i = 0; i < len; i++)
		text[i] = (char)rnd(seed, 256);
	return (struct flow_str){text, len};
}

static void rnd_store(uint64_t *seed, struct recorded *r)
{
	struct fe_store *s = &r->ev.store;

	s->env = (uint32_t)rnd(seed, 3);
	s->value = rnd_u64(seed);
	s->instance = (uint32_t)rnd_u64(seed);
	s->epoch = (uint32_t)rnd_u64(seed);
	s->kind = (uint8_t)rnd(seed, LR_VALUE_MAP + 1);
	s->more = rnd(seed, 2);
	s->n = (uint32_t)rnd(seed, LR_STORE_FIELDS + 1);
	s->fields = r->fields;
	for (uint32_t i = 0; i < s->n; i++) {
		struct fe_store_field *f = &r->fields[i];

		f->kind = (uint8_t)rnd(seed, LR_VALUE_MAP + 1);
		f->name = rnd_bytes(seed, r->field_text[i][0], LR_FIELD_NAME);
		f->hash = rnd_u64(seed);
		f->len = f->kind == LR_VALUE_STRING ? (uint32_t)rnd_u64(seed) : 0;
		f->constant = rnd(seed, 2);
		f->cut = rnd(seed, 2);
		f->span = rnd(seed, 2);
		f->text = (struct flow_str){"", 0};
		if (rnd(seed, 2))
			f->text = rnd_bytes(seed, r->field_text[i][1], LR_FIELD_TEXT);
	}
}

static void rnd_resource(uint64_t *seed, struct fe_resource *r)
{
	r->env = (uint32_t)rnd_u64(seed);
	r->provider = (uint32_t)rnd_u64(seed);
	r->async_id = (int64_t)rnd_u64(seed);
	r->trigger_id = (int64_t)rnd_u64(seed);
	r->exec_id = (int64_t)rnd_u64(seed);
	r->counter = (int64_t)rnd_u64(seed);
	r->conn = rnd_u64(seed);
	r->flags = (uint32_t)rnd(seed, 8);
}

static void rnd_target(uint64_t *seed, struct fe_target *t, char text[5][80])
{
	t->start_time = rnd_u64(seed);
	rnd_str(seed, &t->version, text[0]);
	rnd_str(seed, &t->context, text[1]);
	rnd_str(seed, &t->linked, text[2]);
	rnd_str(seed, &t->exe, text[3]);
	rnd_str(seed, &t->level, text[4]);
}

static void rnd_conn(uint64_t *seed, struct fe_conn *c)
{
	c->conn = rnd_u64(seed);
	c->family = (uint16_t)rnd(seed, 4);
	c->local_port = (uint16_t)rnd_u64(seed);
	c->peer_port = (uint16_t)rnd_u64(seed);
	for (uint64_t i = 0, n = rnd(seed, 17); i < n; i++) {
		c->local_addr[i] = (uint8_t)rnd(seed, 256);
		c->peer_addr[15 - i] = (uint8_t)rnd(seed, 256);
	}
	c->seen_open = rnd(seed, 2);
}

static void rnd_probe(uint64_t *seed, struct fe_probe *p, char text[5][80])
{
	rnd_str(seed, &p->name, text[0]);
	rnd_str(seed, &p->site, text[1]);
	rnd_str(seed, &p->reason, text[2]);
	p->attached = rnd(seed, 2);
	p->hits = rnd_u64(seed);
	p->misses = rnd_u64(seed);
}

static void rnd_scope(uint64_t *seed, struct fe_scope *s)
{
	s->env = (uint32_t)rnd(seed, 3);
	s->async_id = (int64_t)rnd_u64(seed);
	s->trigger_id = (int64_t)rnd_u64(seed);
	s->counter = (int64_t)rnd_u64(seed);
	s->conn = rnd_u64(seed);
}

static void rnd_trace(uint64_t *seed, struct fe_trace *t)
{
	t->known = rnd(seed, 2);
	if (!t->known)
		return;
	t->flags = (uint8_t)rnd(seed, 256);
	for (size_t i = 0; i < sizeof(t->trace_id); i++)
		t->trace_id[i] = (uint8_t)rnd(seed, 256);
	for (size_t i = 0; i < sizeof(t->span_id); i++)
		t->span_id[i] = (uint8_t)rnd(seed, 256);
}

static void rnd_peer(uint64_t *seed, struct fe_peer *p)
{
	p->conn = rnd_u64(seed);
	p->family = (uint16_t)rnd(seed, 4);
	p->local_port = (uint16_t)rnd_u64(seed);
	p->peer_port = (uint16_t)rnd_u64(seed);
	for (uint64_t i = 0, n = rnd(seed, 17); i < n; i++) {
		p->local_addr[i] = (uint8_t)rnd(seed, 256);
		p->peer_addr[15 - i] = (uint8_t)rnd(seed, 256);
	}
}

static void rnd_client(uint64_t *seed, struct recorded *r)
{
	struct fe_client *c = &r->ev.client;

	c->conn = rnd_u64(seed);
	c->work = rnd_u64(seed);
	c->connect_ns = rnd_u64(seed);
	c->connected_ns = rnd_u64(seed);
	c->counter = (int64_t)rnd_u64(seed);
	c->arrival_ns = rnd_u64(seed);
	rnd_clock(seed, &c->clock);
	c->bytes = (uint32_t)rnd_u64(seed);
	c->error = (int32_t)rnd_u64(seed);
	c->flags = (uint16_t)rnd_u64(seed);
	c->op = (uint8_t)rnd(seed, LR_CLIENT_CLOSE + 1);
	c->method.s = c->path.s = "";
	if (!(c->flags & FE_CL_HEAD))
		return;
	c->version = (uint8_t)rnd_u64(seed);
	c->status = rnd(seed, 2) ? (uint16_t)rnd_u64(seed) : 0;
	c->head_bytes = (uint32_t)rnd_u64(seed);
	c->content_length = c->flags & FE_CL_LENGTH ? rnd_u64(seed) : 0;
	if (c->status)
		return;
	c->method = rnd_bytes(seed, r->text[0], 32);
	c->path = rnd_bytes(seed, r->text[1], 80);
	rnd_trace(seed, &c->trace);
}

static void rnd_pulse(uint64_t *seed, struct fe_pulse *p)
{
	p->env = (uint32_t)rnd_u64(seed);
	p->flags = (uint8_t)rnd(seed, 4);
	p->iterations_unknown = (uint8_t)rnd(seed, FLOW_COUNT_REASONS);
	p->microtasks_unknown = (uint8_t)rnd(seed, FLOW_COUNT_REASONS);
	p->idle_ns = rnd_u64(seed);
	p->entry_ns = rnd_u64(seed);
	p->time_ns = rnd_u64(seed);
	p->iterations = rnd_u64(seed);
	p->microtasks = rnd_u64(seed);
}

static void rnd_job(uint64_t *seed, struct fe_job *j)
{
	j->op = (uint8_t)rnd(seed, LR_JOB_DONE + 1);
	j->kind = (uint8_t)rnd(seed, LR_JOB_ZLIB + 1);
	j->flags = (uint8_t)rnd_u64(seed);
	j->job = rnd_u64(seed);
	j->work = rnd_u64(seed);
	rnd_clock(seed, &j->clock);
	j->submit_ns = rnd_u64(seed);
	j->start_ns = rnd_u64(seed);
	j->end_ns = rnd_u64(seed);
	j->counter = (int64_t)rnd_u64(seed);
}

static void rnd_headers(uint64_t *seed, struct recorded *r)
{
	struct fe_headers *h = &r->ev.headers;

	h->header = r->headers;

	h->conn = rnd_u64(seed);
	rnd_trace(seed, &h->trace);
	h->tracestate = rnd_bytes(seed, r->text[0], 80);
	h->n = (uint32_t)rnd(seed, FE_HEADERS_MAX + 1);
	for (uint32_t i = 0; i < h->n; i++) {
		r->headers[i].name = rnd_bytes(seed, r->header_text[i][0], FE_HEADER_NAME);
		r->headers[i].value = rnd_bytes(seed, r->header_text[i][1], FE_HEADER_VALUE);
	}
}

static void rnd_event(uint64_t *seed, struct recorded *r)
{
	struct flow_event *ev = &r->ev;

	memset(r, 0, sizeof(*r));
	ev->type = (enum flow_event_type)(1 + rnd(seed, FE_TYPE_MAX - 1));
	ev->pid = (uint32_t)(rnd(seed, 3) ? 4000 : rnd_u64(seed));
	ev->tid = ev->pid + (uint32_t)rnd(seed, 4);
	ev->ts = rnd_u64(seed);
	if (ev->type == FE_TARGET) {
		rnd_target(seed, &ev->target, r->text);
	} else if (ev->type == FE_PROVIDER) {
		ev->provider.number = (uint32_t)rnd_u64(seed);
		rnd_str(seed, &ev->provider.name, r->text[0]);
	} else if (ev->type == FE_THREAD) {
		ev->thread = (struct fe_thread){(uint32_t)rnd_u64(seed), rnd_u64(seed), true};
	} else if (ev->type == FE_CONN) {
		rnd_conn(seed, &ev->conn);
	} else if (ev->type == FE_IN || ev->type == FE_OUT) {
		rnd_io(seed, &ev->io, r->text);
	} else if (ev->type == FE_CLOSE) {
		ev->close = (struct fe_close){rnd_u64(seed), rnd(seed, 2)};
	} else if (ev->type == FE_INIT || ev->type == FE_DESTROY) {
		rnd_resource(seed, &ev->resource);
	} else if (ev->type == FE_SCOPE) {
		rnd_scope(seed, &ev->scope);
	} else if (ev->type == FE_GC) {
		ev->gc.env = (uint32_t)rnd_u64(seed);
		ev->gc.duration_ns = rnd_u64(seed);
		ev->gc.kind = 255;
		ev->gc.top = rnd_u64(seed);
		ev->gc.epoch = (uint32_t)rnd_u64(seed);
	} else if (ev->type == FE_LOOP) {
		ev->loop = (struct fe_loop){(uint32_t)rnd_u64(seed), rnd_u64(seed), rnd_u64(seed),
					    rnd_u64(seed)};
	} else if (ev->type == FE_TIMERS) {
		ev->timers.env = (uint32_t)rnd_u64(seed);
		ev->timers.timers.unknown = (uint8_t)rnd_u64(seed);
		ev->timers.timers.value = (uint32_t)rnd_u64(seed);
		ev->timers.immediates.unknown = (uint8_t)rnd_u64(seed);
		ev->timers.immediates.value = (uint32_t)rnd_u64(seed);
	} else if (ev->type == FE_PROBE) {
		rnd_probe(seed, &ev->probe, r->text);
	} else if (ev->type == FE_LOSS) {
		ev->loss = (struct fe_loss){(uint8_t)rnd(seed, 3), rnd(seed, 100)};
	} else if (ev->type == FE_COUNTER) {
		rnd_str(seed, &ev->counter.name, r->text[0]);
		ev->counter.value = rnd_u64(seed);
	} else if (ev->type == FE_TURN) {
		ev->turn.top = rnd_u64(seed);
		ev->turn.epoch = (uint32_t)rnd_u64(seed);
		ev->turn.kind = (uint8_t)rnd(seed, LR_TURN_KINDS);
		rnd_clock(seed, &ev->turn.clock);
		ev->turn.due_ns = rnd_u64(seed);
	} else if (ev->type == FE_TENURED) {
		ev->tenured =
			(struct fe_tenured){rnd_u64(seed), rnd_u64(seed), (uint32_t)rnd_u64(seed),
					    rnd(seed, 2), rnd(seed, 2)};
	} else if (ev->type == FE_STORES) {
		rnd_stores(seed, &ev->stores);
	} else if (ev->type == FE_STORE) {
		rnd_store(seed, r);
	} else if (ev->type == FE_WRITE) {
		rnd_write(seed, &ev->write);
	} else if (ev->type == FE_PEER) {
		rnd_peer(seed, &ev->peer);
	} else if (ev->type == FE_CLIENT) {
		rnd_client(seed, r);
	} else if (ev->type == FE_HEADERS) {
		rnd_headers(seed, r);
	} else if (ev->type == FE_JOB) {
		rnd_job(seed, &ev->job);
	} else if (ev->type == FE_PULSE) {
		rnd_pulse(seed, &ev->pulse);
	} else if (ev->type == FE_SERVICE) {
		rnd_str(seed, &ev->service.name, r->text[0]);
		rnd_str(seed, &ev->service.version, r->text[1]);
		rnd_str(seed, &ev->service.script, r->text[2]);
	}
}

static struct stream stream_random(uint64_t seed, size_t count)
{
	struct stream s = {.all = calloc(count, sizeof(*s.all)), .count = count};

	assert_non_null(s.all);
	for (size_t i = 0; i < count; i++)
		rnd_event(&seed, &s.all[i]);
	return s;
}

static void same_str(const struct flow_str *a, const struct flow_str *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->s, b->s, a->len);
}

static void same_fields(const struct fe_store *a, const struct fe_store *b)
{
	assert_int_equal(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct fe_store_field *f = &a->fields[i], *g = &b->fields[i];

		same_str(&f->name, &g->name);
		same_str(&f->text, &g->text);
		assert_true(f->hash == g->hash && f->len == g->len && f->kind == g->kind);
		assert_true(f->constant == g->constant && f->cut == g->cut && f->span == g->span);
	}
}

/* Padding apart, all fields; strings by content. */
static void same_event(const struct flow_event *a, const struct flow_event *b)
{
	struct flow_event x = *a, y = *b;
	struct flow_str *const xs[] = {&x.target.version, &x.target.context, &x.target.linked,
				       &x.target.exe, &x.target.level};
	struct flow_str *const ys[] = {&y.target.version, &y.target.context, &y.target.linked,
				       &y.target.exe, &y.target.level};

	assert_int_equal(a->type, b->type);
	assert_true(a->pid == b->pid && a->tid == b->tid && a->ts == b->ts);
	if (a->type == FE_TARGET) {
		for (size_t i = 0; i < ARRAY_SIZE(xs); i++) {
			same_str(xs[i], ys[i]);
			*xs[i] = *ys[i];
		}
	} else if (a->type == FE_PROVIDER) {
		same_str(&x.provider.name, &y.provider.name);
		x.provider.name = y.provider.name;
	} else if (a->type == FE_CLIENT) {
		same_str(&x.client.path, &y.client.path);
		same_str(&x.client.method, &y.client.method);
		x.client.path = y.client.path;
		x.client.method = y.client.method;
	} else if (a->type == FE_HEADERS) {
		same_str(&x.headers.tracestate, &y.headers.tracestate);
		x.headers.tracestate = y.headers.tracestate;
		assert_int_equal(x.headers.n, y.headers.n);
		for (uint32_t i = 0; i < x.headers.n; i++) {
			same_str(&x.headers.header[i].name, &y.headers.header[i].name);
			same_str(&x.headers.header[i].value, &y.headers.header[i].value);
		}
		x.headers.header = y.headers.header;
	} else if (a->type == FE_IN || a->type == FE_OUT) {
		same_str(&x.io.path, &y.io.path);
		same_str(&x.io.method_name, &y.io.method_name);
		x.io.path = y.io.path;
		x.io.method_name = y.io.method_name;
	} else if (a->type == FE_PROBE) {
		same_str(&x.probe.name, &y.probe.name);
		same_str(&x.probe.site, &y.probe.site);
		same_str(&x.probe.reason, &y.probe.reason);
		x.probe.name = y.probe.name;
		x.probe.site = y.probe.site;
		x.probe.reason = y.probe.reason;
	} else if (a->type == FE_COUNTER) {
		same_str(&x.counter.name, &y.counter.name);
		x.counter.name = y.counter.name;
	} else if (a->type == FE_SERVICE) {
		same_str(&x.service.name, &y.service.name);
		same_str(&x.service.version, &y.service.version);
		same_str(&x.service.script, &y.service.script);
		x.service = y.service;
	} else if (a->type == FE_STORE) {
		same_fields(&x.store, &y.store);
		x.store.fields = y.store.fields;
	} else if (a->type == FE_WRITE) {
		assert_int_equal(y.write.text.len, 0);
		x.write.text = y.write.text;
	}
	assert_memory_equal(&x, &y, sizeof(x));
}

static int check_event(void *ctx, const struct flow_event *ev)
{
	struct stream *s = ctx;

	if (s->stop_at && s->seen + 1 == (size_t)s->stop_at)
		return -ECANCELED;
	assert_true(s->seen < s->count);
	same_event(&s->all[s->seen].ev, ev);
	s->seen++;
	return 0;
}

static int ignore_event(void *ctx, const struct flow_event *ev)
{
	size_t *n = ctx;

	(void)ev;
	(*n)++;
	return 0;
}

/* Writes the stream to the directory's file. */
static void record(const struct stream *s, const struct test_dir *dir, uint32_t member_bytes)
{
	struct out_capture_opts opts = {.path = dir->file,
					.command = "record -p 1",
					.member_bytes = member_bytes,
					.member_ns = UINT64_MAX};
	struct out_capture *c;

	assert_int_equal(out_capture__create(&c, &opts), 0);
	for (size_t i = 0; i < s->count; i++)
		assert_int_equal(out_capture__event(c, &s->all[i].ev), 0);
	out_capture__set_requests(c, 7);
	assert_int_equal(out_capture__close(c, true), 0);
}

static int mem_fd(const void *data, size_t len)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Opens and runs; @info gets the result. The error of open or run. */
static int replay(const void *data, size_t len, struct stream *s, struct capture_info *info)
{
	struct flow_sink sink = {check_event, s};
	struct capture_reader *r;
	char text[256] = "";
	int err;

	memset(info, 0, sizeof(*info));
	s->seen = 0;
	err = capture_reader__open_fd(&r, mem_fd(data, len), text, sizeof(text));
	if (err) {
		assert_null(r);
		assert_true(text[0]);
		snprintf(info->status, sizeof(info->status), "%s", text);
		return err;
	}
	err = capture_reader__run(r, &sink);
	*info = *capture_reader__info(r);
	assert_int_equal(info->events, s->seen);
	capture_reader__free(r);
	return err;
}

static void test_round_trip(void **state)
{
	static const uint32_t sizes[] = {1, 300, 4096, 0};
	struct capture_info info;
	struct test_dir dir = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct stream s = stream_random(100 + i, 5000);
		size_t len;
		char *data;

		test_dir__make(&dir);
		record(&s, &dir, sizes[i]);
		data = test_read(dir.file, &len);
		assert_int_equal(replay(data, len, &s, &info), 0);
		assert_int_equal(s.seen, s.count);
		assert_int_equal(info.end, CAPTURE_COMPLETE);
		assert_string_equal(info.status, "complete");
		assert_string_equal(info.command, "record -p 1");
		assert_string_equal(info.loopray, LOOPRAY_VERSION);
		assert_true(info.mono_ns && info.wall_ns && info.boot_ns && info.host[0]);
		assert_true(info.kernel[0] && info.clock_ticks > 0);
		assert_true(info.end_mono_ns >= info.mono_ns && info.end_wall_ns);
		assert_int_equal(info.requests, 7);
		assert_int_equal(info.unwritten, 0);
		assert_int_equal(info.recorded, s.count);
		free(data);
		free(s.all);
		test_dir__remove(&dir);
	}
}

/* Tables that fill up end the member, and nothing is lost or mixed up by it. */
static void test_full_tables(void **state)
{
	struct stream s = {.all = calloc(12000, sizeof(*s.all)), .count = 12000};
	struct capture_info info;
	struct test_dir dir = {0};
	size_t len;
	char *data;

	(void)state;
	assert_non_null(s.all);
	for (size_t i = 0; i < s.count; i++) {
		struct recorded *r = &s.all[i];

		r->ev = (struct flow_event){.type = FE_IN, .pid = 1, .ts = 1000 + i};
		r->ev.tid = i < 2000 ? (uint32_t)i : 1; /* more threads than a member holds */
		snprintf(r->text[0], 80, "/order/%zu", i);
		r->ev.io.path = (struct flow_str){r->text[0], (uint32_t)strlen(r->text[0])};
		r->ev.io.method_name = (struct flow_str){"", 0};
	}
	test_dir__make(&dir);
	record(&s, &dir, 0);
	data = test_read(dir.file, &len);
	assert_int_equal(replay(data, len, &s, &info), 0);
	assert_int_equal(s.seen, s.count);
	assert_true(info.members >= 2000 / CAPTURE_THREADS + 10000 / CAPTURE_STRINGS);
	free(data);
	free(s.all);
	test_dir__remove(&dir);
}

static void test_empty(void **state)
{
	struct stream s = {0};
	struct capture_info info;
	struct test_dir dir = {0};
	size_t len;
	char *data;

	(void)state;
	test_dir__make(&dir);
	record(&s, &dir, 0);
	data = test_read(dir.file, &len);
	assert_int_equal(replay(data, len, &s, &info), 0);
	assert_int_equal(info.end, CAPTURE_COMPLETE);
	assert_int_equal(info.events, 0);
	free(data);
	test_dir__remove(&dir);
}

/* Cut at every byte: always a prefix of the stream, never complete, never an error of ours. */
static void test_truncation(void **state)
{
	struct stream s = stream_random(7, 60);
	struct capture_info info;
	struct test_dir dir = {0};
	size_t len, most = 0;
	char *data;

	(void)state;
	test_dir__make(&dir);
	record(&s, &dir, 200);
	data = test_read(dir.file, &len);
	for (size_t cut = 0; cut < len; cut++) {
		int err = replay(data, cut, &s, &info);

		if (err) { /* not even the header is whole */
			assert_int_equal(err, -EBADMSG);
			assert_int_equal(s.seen, 0);
			continue;
		}
		assert_int_equal(info.end, CAPTURE_CUT_OFF);
		assert_non_null(strstr(info.status, "cut off after "));
		assert_true(s.seen >= most); /* a longer file never yields less */
		most = s.seen;
	}
	assert_int_equal(most, s.count); /* all but the trailer */
	free(data);
	free(s.all);
	test_dir__remove(&dir);
}

/*
 * Every bit of the file: what is handed out is a prefix of what was recorded, and a file
 * that is damaged is not called complete unless all of it is right (gzip's header has
 * bytes without meaning: time, system).
 */
static void test_bit_flips(void **state)
{
	struct stream s = stream_random(9, 40);
	struct capture_info info;
	struct test_dir dir = {0};
	size_t len, noticed = 0;
	char *data;

	(void)state;
	test_dir__make(&dir);
	record(&s, &dir, 300);
	data = test_read(dir.file, &len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		int err;

		data[bit / 8] ^= (char)(1 << (bit % 8));
		err = replay(data, len, &s, &info);
		assert_true(info.status[0]);
		if (err || info.end != CAPTURE_COMPLETE)
			noticed++;
		else
			assert_int_equal(s.seen, s.count);
		data[bit / 8] ^= (char)(1 << (bit % 8));
	}
	assert_true(noticed > len * 8 * 8 / 10);
	free(data);
	free(s.all);
	test_dir__remove(&dir);
}

/* One gzip member made by hand. Returns its length. */
static size_t gzip(const void *raw, size_t len, uint8_t *to, size_t cap)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)raw;
	z.avail_in = (uInt)len;
	z.next_out = to;
	z.avail_out = (uInt)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static size_t member(uint8_t kind, uint32_t index, uint8_t version, uint32_t records,
		     const void *body, size_t body_len, uint8_t *to, size_t cap)
{
	struct capture_member m = {
		.kind = kind, .version = version, .index = index, .records = records};
	uint8_t raw[1024];

	assert_true(body_len + CAPTURE_HEAD_SIZE <= sizeof(raw));
	capture_member__pack(&m, raw);
	if (body_len)
		memcpy(raw + CAPTURE_HEAD_SIZE, body, body_len);
	return gzip(raw, CAPTURE_HEAD_SIZE + body_len, to, cap);
}

static void refused(const uint8_t *file, size_t len, int want, const char *text)
{
	struct stream s = {0};
	struct capture_info info;

	assert_int_equal(replay(file, len, &s, &info), want);
	if (!strstr(info.status, text))
		fail_msg("\"%s\" does not contain \"%s\"", info.status, text);
}

static void test_garbage(void **state)
{
	uint8_t file[4096];
	size_t n;

	(void)state;
	refused((const uint8_t *)"", 0, -EBADMSG, "empty");
	refused((const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18, -EBADMSG, "not a loopray capture");
	n = gzip("some other gzip file, longer than the head of a member is........", 64, file,
		 sizeof(file));
	refused(file, n, -EBADMSG, "not a loopray capture");
	n = gzip("short", 5, file, sizeof(file));
	refused(file, n, -EBADMSG, "not a loopray capture");
	n = member(CAPTURE_DATA, 0, CAPTURE_VERSION, 0, NULL, 0, file, sizeof(file));
	refused(file, n, -EBADMSG, "header is missing");
	n = member(CAPTURE_HEADER, 0, CAPTURE_VERSION, 1, "\x01\x7f", 2, file, sizeof(file));
	refused(file, n, -EBADMSG, "malformed");
	n = member(CAPTURE_HEADER, 0, CAPTURE_VERSION + 1, 0, NULL, 0, file, sizeof(file));
	refused(file, n, -EPROTO, "version 4, this loopray reads version 3: use a newer one");
	n = member(CAPTURE_HEADER, 0, CAPTURE_VERSION - 1, 0, NULL, 0, file, sizeof(file));
	refused(file, n, -EPROTO, "version 2, this loopray reads version 3: use an older one");
	n = member(CAPTURE_HEADER, 0, 0, 0, NULL, 0, file, sizeof(file));
	refused(file, n, -EBADMSG, "not a loopray capture");
}

static void test_wrong_order(void **state)
{
	uint8_t file[4096];
	size_t head = member(CAPTURE_HEADER, 0, CAPTURE_VERSION, 0, NULL, 0, file, sizeof(file)), n;

	(void)state;
	n = head +
	    member(CAPTURE_DATA, 2, CAPTURE_VERSION, 0, NULL, 0, file + head, sizeof(file) - head);
	refused(file, n, -EBADMSG, "does not follow");
	n = head + member(CAPTURE_HEADER, 1, CAPTURE_VERSION, 0, NULL, 0, file + head,
			  sizeof(file) - head);
	refused(file, n, -EBADMSG, "second header");
	n = head + member(CAPTURE_TRAILER, 1, CAPTURE_VERSION, 0, NULL, 0, file + head,
			  sizeof(file) - head);
	refused(file, n, 0, "complete");
	n = head + member(CAPTURE_TRAILER, 1, CAPTURE_VERSION, 1, "\x09\x01\x05", 3, file + head,
			  sizeof(file) - head);
	refused(file, n, -EBADMSG, "totals");
	n = head + member(CAPTURE_TRAILER, 1, CAPTURE_VERSION, 0, NULL, 0, file + head,
			  sizeof(file) - head);
	memcpy(file + n, "x", 1);
	refused(file, n + 1, -EBADMSG, "behind the end");
	n = head + member(CAPTURE_DATA, 1, CAPTURE_VERSION, 1, "\x02\x05", 2, file + head,
			  sizeof(file) - head);
	refused(file, n, -EBADMSG, "malformed");
	n = head +
	    member(CAPTURE_DATA, 1, CAPTURE_VERSION, 0, "xx", 2, file + head, sizeof(file) - head);
	refused(file, n, -EBADMSG, "bytes follow");
	/* A type from the future is skipped: thread 0 is new (pid 1, tid 1), time +0. */
	n = head + member(CAPTURE_DATA, 1, CAPTURE_VERSION, 1, "\x06\x3f\x00\x01\x01\x00\x77", 7,
			  file + head, sizeof(file) - head);
	refused(file, n, 0, "cut off after 0 events");
}

/* A member that decompresses to more than any writer makes is refused at that size. */
static void test_bomb(void **state)
{
	size_t raw_len = 64u << 20, cap = 1u << 20, n, head;
	uint8_t *raw = calloc(1, raw_len), *file = malloc(cap);

	(void)state;
	assert_true(raw && file);
	n = gzip(raw, raw_len, file, cap);
	refused(file, n, -EBADMSG, "not a loopray capture");
	head = member(CAPTURE_HEADER, 0, CAPTURE_VERSION, 0, NULL, 0, file, cap);
	n = head + gzip(raw, raw_len, file + head, cap - head);
	refused(file, n, -EBADMSG, "larger than any");
	free(raw);
	free(file);
}

static void test_sink_stops(void **state)
{
	struct stream s = stream_random(3, 20);
	struct capture_info info;
	struct test_dir dir = {0};
	size_t len;
	char *data;

	(void)state;
	test_dir__make(&dir);
	record(&s, &dir, 0);
	data = test_read(dir.file, &len);
	s.stop_at = 5;
	assert_int_equal(replay(data, len, &s, &info), -ECANCELED);
	assert_int_equal(info.end, CAPTURE_STOPPED);
	assert_int_equal(info.events, 4);
	free(data);
	free(s.all);
	test_dir__remove(&dir);
}

static struct flow_event loss_event(uint64_t ts, uint8_t kind, uint64_t count)
{
	struct flow_event ev = {.type = FE_LOSS, .pid = 1, .tid = 1, .ts = ts};

	ev.loss = (struct fe_loss){kind, count};
	return ev;
}

/* The recorder died: no name, but FILE.tmp is there up to the last whole member. */
static void test_unclean(void **state)
{
	struct test_dir dir = {0};
	struct out_capture_opts opts = {.path = dir.file, .member_ns = 1000};
	struct flow_sink sink = {ignore_event, NULL};
	struct flow_event ev;
	struct out_capture *c;
	struct capture_reader *r;
	size_t events = 0;
	char tmp[160], text[200];

	(void)state;
	test_dir__make(&dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", dir.file);
	assert_int_equal(out_capture__create(&c, &opts), 0);
	assert_true(test_exists(tmp));
	for (uint64_t i = 0; i < 10; i++) {
		ev = loss_event(100 + 400 * i, FLOW_LOSS_MAP, 3);
		assert_int_equal(out_capture__event(c, &ev), 0);
	}
	assert_int_equal(out_capture__close(c, false), 0);
	assert_false(test_exists(dir.file));
	sink.ctx = &events;
	assert_int_equal(capture_reader__open(&r, tmp, text, sizeof(text)), 0);
	assert_int_equal(capture_reader__run(r, &sink), 0);
	assert_int_equal(capture_reader__run(r, &sink), -EALREADY);
	assert_int_equal(capture_reader__info(r)->end, CAPTURE_CUT_OFF);
	assert_int_equal(capture_reader__info(r)->loss[FLOW_LOSS_MAP], 30);
	assert_int_equal(capture_reader__info(r)->requests, CAPTURE_UNKNOWN);
	assert_int_equal(capture_reader__info(r)->unwritten, CAPTURE_UNKNOWN);
	assert_true(capture_reader__info(r)->members >= 4); /* header, and one per 1000 ns */
	assert_int_equal(events, 10);
	capture_reader__free(r);
	test_dir__remove(&dir);
}

static void test_flush(void **state)
{
	struct test_dir dir = {0};
	struct out_capture_opts opts = {.path = dir.file};
	struct out_capture_stats stats;
	struct flow_event ev = loss_event(5000, FLOW_LOSS_RING, 1);
	struct out_capture *c;

	(void)state;
	test_dir__make(&dir);
	assert_int_equal(out_capture__create(&c, &opts), 0);
	assert_int_equal(out_capture__flush(c, UINT64_MAX), 0); /* nothing to flush */
	assert_int_equal(out_capture__event(c, &ev), 0);
	assert_int_equal(out_capture__flush(c, 5001), 0);
	out_capture__stats(c, &stats);
	assert_int_equal(stats.members, 1); /* the header */
	assert_int_equal(stats.events, 1);
	assert_int_equal(out_capture__flush(c, 1000005000ULL), 0);
	out_capture__stats(c, &stats);
	assert_int_equal(stats.members, 2);
	assert_int_equal(stats.loss[FLOW_LOSS_RING], 1);
	assert_true(stats.file_bytes > 0);
	assert_int_equal(out_capture__close(c, true), 0);
	assert_true(test_exists(dir.file));
	test_dir__remove(&dir);
}

/* An event that the format cannot hold is counted, and the stream goes on. */
static void test_too_long(void **state)
{
	struct test_dir dir = {0};
	struct out_capture_opts opts = {.path = dir.file};
	char path[CAPTURE_STRING_MAX + 1];
	struct flow_event ev = {.type = FE_IN, .pid = 1, .tid = 1, .ts = 5};
	struct flow_sink sink = {ignore_event, NULL};
	struct out_capture *c;
	struct capture_reader *r;
	size_t events = 0;
	char text[200];

	(void)state;
	memset(path, 'p', sizeof(path));
	test_dir__make(&dir);
	assert_int_equal(out_capture__create(&c, &opts), 0);
	ev.io.path = (struct flow_str){path, sizeof(path)};
	assert_int_equal(out_capture__event(c, &ev), 0);
	ev.io.path.len--; /* the longest that fits */
	assert_int_equal(out_capture__event(c, &ev), 0);
	assert_int_equal(out_capture__close(c, true), 0);
	sink.ctx = &events;
	assert_int_equal(capture_reader__open(&r, dir.file, text, sizeof(text)), 0);
	assert_int_equal(capture_reader__run(r, &sink), 0);
	assert_int_equal(events, 1);
	assert_int_equal(capture_reader__info(r)->unwritten, 1);
	assert_non_null(strstr(capture_reader__info(r)->status, "1 unwritten"));
	capture_reader__free(r);
	test_dir__remove(&dir);
}

/* Writes until the output fails. Checks that it is said once and that all events are counted. */
static void fail_and_count(const char *path, int want)
{
	struct out_capture_opts opts = {.path = path, .member_bytes = 2000};
	struct out_capture_stats stats;
	uint64_t seed = 77, given = 0, errors = 0;
	struct out_capture *c;
	int err = out_capture__create(&c, &opts);

	if (err) { /* so full that not even the header fits */
		assert_int_equal(err, want);
		return;
	}
	for (; given < 200000 && errors == 0; given++) {
		struct recorded r;

		rnd_event(&seed, &r);
		err = out_capture__event(c, &r.ev);
		errors += err != 0;
		if (err)
			assert_int_equal(err, want);
	}
	assert_int_equal(errors, 1);
	for (int i = 0; i < 50; i++, given++) {
		struct recorded r;

		rnd_event(&seed, &r);
		assert_int_equal(out_capture__event(c, &r.ev), 0);
	}
	assert_int_equal(out_capture__flush(c, UINT64_MAX), 0);
	out_capture__stats(c, &stats);
	assert_int_equal(stats.events + stats.unwritten, given);
	assert_true(stats.unwritten > 50);
	assert_int_equal(out_capture__close(c, true), want);
}

static void test_dev_full(void **state)
{
	(void)state;
	fail_and_count("/dev/full", -ENOSPC);
}

static void test_full_disk(void **state)
{
	char file[160], tmp[170], text[200];
	struct flow_sink sink = {ignore_event, NULL};
	struct capture_reader *r;
	struct test_dir dir = {0};
	size_t events = 0;

	(void)state;
	test_dir__make(&dir);
	if (mount("none", dir.path, "tmpfs", 0, "size=64k")) {
		test_dir__remove(&dir);
		print_message("a small tmpfs cannot be mounted here (%s): skipped\n",
			      strerror(errno));
		skip();
	}
	snprintf(file, sizeof(file), "%s/full.lray", dir.path);
	snprintf(tmp, sizeof(tmp), "%s.tmp", file);
	fail_and_count(file, -ENOSPC);
	assert_false(test_exists(file));
	sink.ctx = &events;
	assert_int_equal(capture_reader__open(&r, tmp, text, sizeof(text)), 0);
	assert_int_equal(capture_reader__run(r, &sink), 0);
	assert_int_equal(capture_reader__info(r)->end, CAPTURE_CUT_OFF);
	assert_true(events > 100);
	capture_reader__free(r);
	assert_int_equal(umount(dir.path), 0);
	test_dir__remove(&dir);
}

/* Standard output is a pipe whose reader is gone. */
static void test_closed_pipe(void **state)
{
	int saved = dup(STDOUT_FILENO), p[2];

	(void)state;
	fflush(stdout);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[1], STDOUT_FILENO), STDOUT_FILENO);
	close(p[0]);
	close(p[1]);
	fail_and_count("-", -EPIPE);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

/* A capture through a pipe: no name to rename, complete all the same. */
static void test_pipe(void **state)
{
	struct stream s = stream_random(5, 200);
	struct out_capture_opts opts = {.path = "/dev/fd/9"};
	struct capture_info info;
	struct out_capture *c;
	char data[60000];
	ssize_t n, len = 0;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(dup2(p[1], 9), 9);
	close(p[1]);
	assert_int_equal(out_capture__create(&c, &opts), 0);
	for (size_t i = 0; i < s.count; i++)
		assert_int_equal(out_capture__event(c, &s.all[i].ev), 0);
	assert_int_equal(out_capture__close(c, true), 0);
	close(9);
	while ((n = read(p[0], data + len, sizeof(data) - (size_t)len)) > 0)
		len += n;
	close(p[0]);
	assert_int_equal(replay(data, (size_t)len, &s, &info), 0);
	assert_int_equal(info.end, CAPTURE_COMPLETE);
	assert_int_equal(s.seen, s.count);
	free(s.all);
}

static void test_unwritable(void **state)
{
	struct out_capture_opts opts = {.path = "/nonexistent/dir/file"};
	struct out_capture *c;
	struct capture_reader *r;
	char text[200];

	(void)state;
	assert_int_equal(out_capture__create(&c, &opts), -ENOENT);
	assert_null(c);
	opts.path = "/proc/version/x";
	assert_int_equal(out_capture__create(&c, &opts), -ENOTDIR);
	assert_int_equal(out_capture__close(NULL, true), 0);
	assert_int_equal(capture_reader__open(&r, "/nonexistent", text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "cannot be opened: No such file or directory");
	assert_int_equal(capture_reader__open(&r, "/tmp", text, sizeof(text)), -EISDIR);
	assert_string_equal(text, "cannot be read: Is a directory");
	capture_reader__free(NULL);
}

/* A leftover of a run that died is replaced; one that is being written is not. */
static void test_leftover(void **state)
{
	struct test_dir dir = {0};
	struct out_capture_opts opts = {.path = dir.file};
	struct out_capture *a, *b;
	char tmp[160];

	(void)state;
	test_dir__make(&dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", dir.file);
	assert_int_equal(out_capture__create(&a, &opts), 0);
	assert_int_equal(out_capture__create(&b, &opts), -EBUSY);
	assert_int_equal(out_capture__close(a, false), 0);
	assert_true(test_exists(tmp));
	assert_int_equal(out_capture__create(&b, &opts), 0);
	assert_int_equal(out_capture__close(b, true), 0);
	assert_false(test_exists(tmp));
	/* A link in the place of the temporary file is not followed. */
	assert_int_equal(symlink("/dev/null", tmp), 0);
	assert_int_not_equal(out_capture__create(&a, &opts), 0);
	test_dir__remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_full_tables),
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_bit_flips),   cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_wrong_order), cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_sink_stops),  cmocka_unit_test(test_unclean),
		cmocka_unit_test(test_flush),	    cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_dev_full),    cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_closed_pipe), cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_unwritable),  cmocka_unit_test(test_leftover),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("out_capture", tests, NULL, NULL);
}

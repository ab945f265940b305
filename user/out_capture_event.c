// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fields of each event type, once for both directions; see out_capture_codec.h. */
#include "out_capture_parts.h"
#include "util.h"

static void ev_target(struct capture_codec *c, struct fe_target *t)
{
	field_u64(c, &t->start_time);
	field_str(c, &t->version);
	field_str(c, &t->context);
	field_str(c, &t->linked);
	field_str(c, &t->exe);
	field_str(c, &t->level);
}

static void ev_thread(struct capture_codec *c, struct fe_thread *t)
{
	field_u32(c, &t->env);
	field_u64(c, &t->env_addr);
	field_bool(c, &t->ended);
}

static void ev_conn(struct capture_codec *c, struct fe_conn *n)
{
	field_running(c, &n->conn, &c->cur->conn);
	field_u16(c, &n->family);
	field_u16(c, &n->local_port);
	field_u16(c, &n->peer_port);
	field_addr(c, n->local_addr);
	field_addr(c, n->peer_addr);
	field_bool(c, &n->seen_open);
}

/* Which parts of an fe_io follow; what is absent is zero. */
#define IO_ARRIVAL (1u << 0)
#define IO_CLOCK   (1u << 1)
#define IO_ERROR   (1u << 2)
#define IO_STATUS  (1u << 3)
#define IO_REQUEST (1u << 4)
#define IO_LENGTH  (1u << 5)
#define IO_TOP	   (1u << 6)
#define IO_IDS	   (1u << 7) /* rare: with it the parts take a second byte */

static uint8_t io_parts(const struct fe_io *io)
{
	uint8_t parts = 0;

	if (io->arrival_ns)
		parts |= IO_ARRIVAL;
	if (io->clock.has)
		parts |= IO_CLOCK;
	if (io->error)
		parts |= IO_ERROR;
	if (io->status || io->version)
		parts |= IO_STATUS;
	if (io->method || io->method_name.len || io->path.len)
		parts |= IO_REQUEST;
	if (io->content_length)
		parts |= IO_LENGTH;
	if (io->top || io->epoch || io->counter)
		parts |= IO_TOP;
	if (io->nids)
		parts |= IO_IDS;
	return parts;
}

static void io_ids(struct capture_codec *c, struct fe_io *io)
{
	uint64_t n = io->nids;

	field_max(c, &n, FE_IDS_MAX);
	io->nids = (uint32_t)n;
	for (uint32_t i = 0; i < io->nids; i++)
		field_hash(c, &io->ids[i]);
}

static void ev_io(struct capture_codec *c, struct fe_io *io)
{
	uint8_t parts = c->packing ? io_parts(io) : 0;

	field_u8(c, &parts);
	field_u32(c, &io->flags);
	field_running(c, &io->conn, &c->cur->conn);
	field_u32(c, &io->bytes);
	if (parts & IO_ARRIVAL)
		field_delta(c, &io->arrival_ns, c->ts);
	if (parts & IO_CLOCK)
		field_clock(c, &io->clock);
	if (parts & IO_ERROR)
		field_int(c, &io->error);
	if (parts & IO_STATUS) {
		field_u8(c, &io->version);
		field_u16(c, &io->status);
	}
	io->method_name.s = c->packing ? io->method_name.s : "";
	io->path.s = c->packing ? io->path.s : "";
	if (parts & IO_REQUEST) {
		field_u8(c, &io->method);
		field_str(c, &io->method_name);
		field_str(c, &io->path);
	}
	if (parts & IO_LENGTH)
		field_u64(c, &io->content_length);
	if (parts & IO_TOP) {
		uint64_t counter = (uint64_t)io->counter;

		field_running(c, &io->top, &c->cur->top);
		field_running32(c, &io->epoch, &c->cur->epoch);
		field_running(c, &counter, &c->cur->async_id);
		io->counter = (int64_t)counter;
	}
	if (parts & IO_IDS)
		io_ids(c, io);
}

static void ev_close(struct capture_codec *c, struct fe_close *cl)
{
	field_running(c, &cl->conn, &c->cur->conn);
	field_bool(c, &cl->by_peer);
}

static void field_async_id(struct capture_codec *c, int64_t *v)
{
	uint64_t x = (uint64_t)*v;

	field_running(c, &x, &c->cur->async_id);
	*v = (int64_t)x;
}

static void ev_resource(struct capture_codec *c, struct fe_resource *r)
{
	field_u32(c, &r->flags);
	field_u32(c, &r->env);
	field_u32(c, &r->provider);
	field_async_id(c, &r->async_id);
	field_id(c, &r->trigger_id, r->async_id);
	field_id(c, &r->exec_id, r->trigger_id);
	field_id(c, &r->counter, r->async_id);
	field_running(c, &r->conn, &c->cur->conn);
}

static void ev_scope(struct capture_codec *c, struct fe_scope *s)
{
	field_u32(c, &s->env);
	field_async_id(c, &s->async_id);
	field_id(c, &s->trigger_id, s->async_id);
	field_id(c, &s->counter, s->async_id);
	field_running(c, &s->conn, &c->cur->conn);
}

static void ev_gc(struct capture_codec *c, struct fe_gc *g)
{
	bool placed = g->top || g->epoch;

	field_u32(c, &g->env);
	field_u64(c, &g->duration_ns);
	field_u8(c, &g->kind);
	field_bool(c, &placed);
	if (placed) {
		field_running(c, &g->top, &c->cur->top);
		field_running32(c, &g->epoch, &c->cur->epoch);
	}
}

static void ev_loop(struct capture_codec *c, struct fe_loop *l)
{
	field_u32(c, &l->env);
	field_running(c, &l->idle_ns, &c->cur->idle_ns);
	field_u64(c, &l->iterations);
	field_running(c, &l->cpu_ns, &c->cur->cpu_ns);
}

static void ev_timers(struct capture_codec *c, struct fe_timers *t)
{
	field_u32(c, &t->env);
	field_u8(c, &t->timers.unknown);
	field_u32(c, &t->timers.value);
	field_u8(c, &t->immediates.unknown);
	field_u32(c, &t->immediates.value);
}

static void ev_probe(struct capture_codec *c, struct fe_probe *p)
{
	field_str(c, &p->name);
	field_str(c, &p->site);
	field_bool(c, &p->attached);
	field_str(c, &p->reason);
	field_u64(c, &p->hits);
	field_u64(c, &p->misses);
}

bool event_fields(struct capture_codec *c, struct flow_event *ev)
{
	switch (ev->type) {
	case FE_TARGET:
		ev_target(c, &ev->target);
		return true;
	case FE_TARGET_END:
		return true;
	case FE_SERVICE:
		field_str(c, &ev->service.name);
		field_str(c, &ev->service.version);
		field_str(c, &ev->service.script);
		return true;
	case FE_PROVIDER:
		field_u32(c, &ev->provider.number);
		field_str(c, &ev->provider.name);
		return true;
	case FE_THREAD:
		ev_thread(c, &ev->thread);
		return true;
	case FE_CONN:
		ev_conn(c, &ev->conn);
		return true;
	case FE_IN:
	case FE_OUT:
		ev_io(c, &ev->io);
		return true;
	case FE_CLOSE:
		ev_close(c, &ev->close);
		return true;
	case FE_INIT:
	case FE_DESTROY:
		ev_resource(c, &ev->resource);
		return true;
	case FE_SCOPE:
		ev_scope(c, &ev->scope);
		return true;
	case FE_GC:
		ev_gc(c, &ev->gc);
		return true;
	case FE_LOOP:
		ev_loop(c, &ev->loop);
		return true;
	case FE_TIMERS:
		ev_timers(c, &ev->timers);
		return true;
	case FE_PROBE:
		ev_probe(c, &ev->probe);
		return true;
	case FE_LOSS:
		field_u8(c, &ev->loss.kind);
		field_u64(c, &ev->loss.count);
		return true;
	case FE_COUNTER:
		field_str(c, &ev->counter.name);
		field_u64(c, &ev->counter.value);
		return true;
	case FE_TURN:
		event_turn(c, &ev->turn);
		return true;
	case FE_TENURED:
		event_tenured(c, &ev->tenured);
		return true;
	case FE_STORES:
		event_stores(c, &ev->stores);
		return true;
	case FE_STORE:
		event_store(c, &ev->store);
		return true;
	case FE_WRITE:
		event_write(c, &ev->write);
		return true;
	case FE_PEER:
		event_peer(c, &ev->peer);
		return true;
	case FE_CLIENT:
		event_client(c, &ev->client);
		return true;
	case FE_HEADERS:
		event_headers(c, &ev->headers);
		return true;
	case FE_JOB:
		event_job(c, &ev->job);
		return true;
	case FE_PULSE:
		event_pulse(c, &ev->pulse);
		return true;
	case FE_TYPE_MAX:
		break;
	}
	return false;
}

bool event_fits(const struct flow_event *ev)
{
	const struct flow_str *s[CAPTURE_EVENT_STRINGS] = {NULL};
	size_t n = 0;

	if (ev->type == FE_TARGET) {
		s[n++] = &ev->target.version;
		s[n++] = &ev->target.context;
		s[n++] = &ev->target.linked;
		s[n++] = &ev->target.exe;
		s[n++] = &ev->target.level;
	} else if (ev->type == FE_SERVICE) {
		s[n++] = &ev->service.name;
		s[n++] = &ev->service.version;
		s[n++] = &ev->service.script;
	} else if (ev->type == FE_PROVIDER) {
		s[n++] = &ev->provider.name;
	} else if (ev->type == FE_IN || ev->type == FE_OUT) {
		s[n++] = &ev->io.method_name;
		s[n++] = &ev->io.path;
		if (ev->io.nids > FE_IDS_MAX)
			return false;
	} else if (ev->type == FE_PROBE) {
		s[n++] = &ev->probe.name;
		s[n++] = &ev->probe.site;
		s[n++] = &ev->probe.reason;
	} else if (ev->type == FE_COUNTER) {
		s[n++] = &ev->counter.name;
	} else if (ev->type == FE_STORES) {
		return event_stores_fit(&ev->stores);
	} else if (ev->type == FE_STORE) {
		return event_store_fits(&ev->store);
	} else if (ev->type == FE_WRITE) {
		return event_write_fits(&ev->write);
	} else if (ev->type == FE_CLIENT) {
		return event_client_fits(&ev->client);
	} else if (ev->type == FE_HEADERS) {
		return event_headers_fit(&ev->headers);
	} else if (ev->type == FE_TURN) {
		return ev->turn.kind < LR_TURN_KINDS;
	} else if (ev->type == FE_JOB) {
		return ev->job.op <= LR_JOB_DONE && ev->job.kind <= LR_JOB_ZLIB;
	}
	while (n--)
		if (s[n]->len > CAPTURE_STRING_MAX)
			return false;
	return true;
}

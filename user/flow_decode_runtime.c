// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records about the runtime: async resources, callback scopes, the parser, collections. */
#include <string.h>

#include "flow_decode_int.h"

#define ID_MAX (1ULL << 53) /* doubles count exactly up to here */

int64_t flow_decode__whole(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (!(v >= 0 && v <= (double)ID_MAX) || v != (double)(int64_t)v)
		return -1;
	return (int64_t)v;
}

int flow_decode__bad_number(struct flow_decode *d, const struct lr_event *h)
{
	d->stats.bad_numbers++;
	return flow_decode__loss(d, FLOW_LOSS_READ, h->pid, h->tid, h->ts, 1);
}

int flow_decode__resource(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct lr_ev_resource r;
	struct flow_event ev = {.type = FE_INIT};
	struct fe_resource *f = &ev.resource;
	bool init, bad = false;
	int err;

	memcpy(&r, rec, sizeof(r));
	init = r.h.type == LR_EV_INIT;
	err = flow_decode__number(d, t, r.env, r.h.ts);
	ev.type = init ? FE_INIT : FE_DESTROY;
	ev.pid = r.h.pid;
	ev.tid = r.h.tid;
	ev.ts = r.h.ts;
	f->env = t->env;
	f->conn = r.conn;
	f->async_id = f->trigger_id = f->exec_id = f->counter = -1;
	/* A destroy always knows whose it is; its other ids only if the init was seen. */
	if (!init || (r.flags & LR_RES_F_IDS)) {
		f->async_id = flow_decode__whole(r.async_id);
		bad = f->async_id <= 0;
		if (r.flags & LR_RES_F_IDS) {
			f->trigger_id = flow_decode__whole(r.trigger_id);
			bad |= f->trigger_id < 0;
		}
		if (bad)
			f->async_id = f->trigger_id = -1;
		else
			f->flags |= FE_RES_IDS;
	}
	if (r.flags & LR_RES_F_EXEC) {
		f->exec_id = flow_decode__whole(r.exec_id);
		f->counter = flow_decode__whole(r.counter);
		if (f->exec_id < 0 || f->counter < f->exec_id) {
			f->exec_id = f->counter = -1;
			bad = true;
		} else {
			f->flags |= FE_RES_EXEC;
		}
	}
	if (r.flags & LR_RES_F_PROVIDER) {
		f->provider = r.provider;
		f->flags |= FE_RES_TYPE;
	}
	if (!err && bad)
		err = flow_decode__bad_number(d, &r.h);
	return err ? err : flow_decode__emit(d, &ev);
}

int flow_decode__scope(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct flow_event ev = {.type = FE_SCOPE};
	struct lr_ev_scope s;
	int err;

	memcpy(&s, rec, sizeof(s));
	err = flow_decode__number(d, t, s.env, s.h.ts);
	if (err)
		return err;
	ev.pid = s.h.pid;
	ev.tid = s.h.tid;
	ev.ts = s.h.ts;
	ev.scope.env = t->env;
	ev.scope.async_id = flow_decode__whole(s.async_id);
	ev.scope.trigger_id = flow_decode__whole(s.trigger_id);
	ev.scope.counter = flow_decode__whole(s.counter);
	ev.scope.conn = s.conn;
	if (ev.scope.async_id < 0 || ev.scope.trigger_id < 0 ||
	    ev.scope.counter < ev.scope.async_id) {
		/* Still the end of some scope, which the breakdown needs. */
		ev.scope.async_id = ev.scope.trigger_id = ev.scope.counter = -1;
		err = flow_decode__bad_number(d, &s.h);
	}
	return err ? err : flow_decode__emit(d, &ev);
}

/* Says which environment the thread runs; the bytes say all else. */
int flow_decode__parser(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct lr_ev_parser p;

	memcpy(&p, rec, sizeof(p));
	return flow_decode__number(d, t, p.env, p.h.ts);
}

/* The collector's number at the end of a collection -> fe_gc.kind. */
static uint8_t gc_kind(uint32_t collector)
{
	return collector <= 1 ? (uint8_t)collector : 255;
}

int flow_decode__gc(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct flow_event ev = {.type = FE_GC};
	struct lr_ev_gc gc;
	uint64_t start = t->gc_start;

	memcpy(&gc, rec, sizeof(gc));
	ev.pid = gc.h.pid;
	ev.tid = gc.h.tid;
	ev.ts = gc.h.ts;
	ev.gc.env = t->env;
	ev.gc.kind = 255;
	if (gc.phase == 0) {
		t->gc_start = gc.h.ts;
		if (!start)
			return 0;
		/* The one before has no end that was seen: told now, without a duration. */
		return flow_decode__emit(d, &ev);
	}
	t->gc_start = 0;
	ev.gc.kind = gc_kind(gc.space);
	ev.gc.top = gc.top;
	ev.gc.epoch = gc.epoch;
	if (start && gc.h.ts > start)
		ev.gc.duration_ns = gc.h.ts - start;
	return flow_decode__emit(d, &ev);
}

struct fe_clock flow_decode__clock(const struct lr_clock *clock, uint64_t ts, bool idle)
{
	struct fe_clock to = {.has = FE_CLOCK_CPU};

	to.cpu_ns = clock->ran_ns + ts - clock->since_ns;
	to.ran_ns = clock->ran_ns;
	to.cpu = clock->cpu;
	to.delay_ns = clock->delay_ns;
	if (idle) {
		to.has |= FE_CLOCK_IDLE;
		to.idle_ns = clock->idle_ns;
	}
	return to;
}

int flow_decode__turn(struct flow_decode *d, const void *rec)
{
	struct flow_event ev = {.type = FE_TURN};
	struct lr_ev_turn turn;

	memcpy(&turn, rec, sizeof(turn));
	ev.pid = turn.h.pid;
	ev.tid = turn.h.tid;
	ev.ts = turn.h.ts;
	ev.turn.top = turn.top;
	ev.turn.epoch = turn.epoch;
	ev.turn.kind = turn.kind < LR_TURN_KINDS ? (uint8_t)turn.kind : LR_TURN_OTHER;
	ev.turn.clock = flow_decode__clock(&turn.clock, turn.h.ts, turn.flags & LR_TURN_F_IDLE);
	if (turn.due_ns <= turn.h.ts)
		ev.turn.due_ns = turn.due_ns;
	return flow_decode__emit(d, &ev);
}

int flow_decode__tenured(struct flow_decode *d, const void *rec)
{
	struct flow_event ev = {.type = FE_TENURED};
	struct lr_ev_tenured r;

	memcpy(&r, rec, sizeof(r));
	ev.pid = r.h.pid;
	ev.tid = r.h.tid;
	ev.ts = r.h.ts;
	ev.tenured.begin = r.begin;
	ev.tenured.end = r.end;
	ev.tenured.epoch = r.epoch;
	ev.tenured.area = r.flags & LR_TENURED_F_AREA;
	ev.tenured.rest = r.flags & LR_TENURED_F_REST;
	return flow_decode__emit(d, &ev);
}

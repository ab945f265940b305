// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lines on standard output and error, and what goes to other services: whose each line is, and
 * what it shows of a response that is written under another request's store.
 *
 * A line that holds an id of store A is a second sign of harm to B only if B wrote it. Nothing in
 * the process says who wrote a line: where B runs under A's store, A itself may have run right
 * before, in the same callback (it released what B waited for), and rightly logged its own id. So
 * the line must be of the callback that answers B, with nothing between that may have ended it,
 * no other response among it, and one of:
 *
 *   - it names B as well: it holds an id that came with B, or one of B's own store, and of no
 *     third request (a batch may name all whom it serves);
 *   - A had been answered before B came, and it is not the first time: as many requests as
 *     LOGGED_MANY were answered under this store since then, each with such a line. What A has to
 *     say after its end it says once.
 *
 * A line under a store is work that will be looked for under that store's request; by itself it is
 * no finding. A batch is flushed under one request's store for all of them, by design.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_mismatch_int.h"

#define LOGGED_MANY 4

void mm_write__forget(struct mm_thread *t)
{
	t->nwrites = 0;
	t->nlines = 0;
}

/* Kept until its callback is over; of many the first ones. */
static void keep(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	struct mm_write *w;

	if (!ev->write.nids || !t->stores.n || t->nwrites == MM_WRITES)
		return;
	if (!t->writes)
		t->writes = calloc(MM_WRITES, sizeof(*t->writes));
	if (!t->writes) {
		m->counts.not_kept++;
		return;
	}
	w = &t->writes[t->nwrites++];
	w->ts = ev->ts;
	w->op = ev->write.op;
	w->nids = ev->write.nids;
	memcpy(w->ids, ev->write.ids, sizeof(w->ids));
	w->stores = t->stores;
}

/* As for heads: another request may have woken up code that made its store in this callback. */
bool mm_store__believed(struct flow_mismatch *m, struct mm_store *st)
{
	if (!st || !st->conn || st->shared)
		return false;
	return st->binding == BINDING_INBOUND ||
	       (!st->later_born && mm_store__owner_has_stores(m, st));
}

/* A store that is not believed, for the first reason that there is. */
static void doubted(struct flow_line *line, const struct mm_store *st)
{
	bool unproven = st && st->conn && !st->shared && !st->later_born;

	if (line->why)
		return;
	line->why = unproven ? LINE_WHY_UNPROVEN : LINE_WHY_STORE;
	if (unproven) {
		line->perhaps.conn = st->conn;
		line->perhaps.seq = st->seq;
		line->perhaps_of = st->instance;
	} else if (!st) {
		line->store_why = UNKNOWN_PLAIN;
	} else {
		line->store_why = st->shared ? UNKNOWN_SHARED
				  : st->conn ? UNKNOWN_ELSEWHERE
					     : (uint8_t)st->unknown;
	}
}

/* The request whose store is active. False: several are, and they disagree. */
static bool by_store(struct flow_mismatch *m, struct mm_thread *t, struct flow_line *line)
{
	const struct fe_stores *at = &t->stores;

	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++) {
		struct mm_store *st;

		if (!mm_ref__active(&at->ref[i]))
			continue;
		line->stores = LINE_STORES;
		st = mm_store__sight(m, t, at, &at->ref[i]);
		if (!mm_store__believed(m, st)) {
			doubted(line, st);
			continue;
		}
		if (line->conn && line->conn != st->conn) {
			line->by = LINE_UNKNOWN;
			line->conn = 0;
			line->seq = 0;
			line->why = LINE_WHY_CONTRADICT;
			return false;
		}
		line->by = LINE_BY_STORE;
		line->seq = line->conn && line->seq != st->seq ? 0 : st->seq;
		line->conn = st->conn;
		line->served |= st->served != 0;
	}
	return true;
}

/* What another request has woken up runs in that one's callback, under a store of its own. */
static void by_turn(const struct mm_thread *t, struct flow_line *line)
{
	if (!t->open || !t->conn || (line->perhaps.conn && line->perhaps.conn != t->conn))
		return;
	line->by = LINE_BY_TURN;
	line->conn = t->conn;
	line->seq = t->seq;
}

/* What the active stores hold, for whoever listens. */
static void show_stores(struct flow_mismatch *m, struct mm_thread *t, struct flow_line *line)
{
	const struct fe_stores *at = &t->stores;

	for (uint32_t i = 0; i < at->n && i < FE_STORES_MAX; i++) {
		struct line_store *to = &m->line_store[line->n];
		const struct mm_instance *in;

		if (!mm_ref__active(&at->ref[i]))
			continue;
		in = mm_instance__get(m, t, at->ref[i].instance);
		to->instance = in ? in->number : 0;
		mm_finding__copy(&to->store, mm_store__sight(m, t, at, &at->ref[i]));
		line->n++;
	}
	line->store = m->line_store;
}

static void name(struct flow_mismatch *m, uint64_t conn, uint64_t seq, const char **method,
		 const char **path)
{
	const struct mm_request *r = mm_request__find(m, conn, seq);

	*method = r ? r->pub.method : NULL;
	*path = r ? r->pub.path : NULL;
}

/* What the request is called, or why it is not known. */
static void explain(struct flow_mismatch *m, struct flow_line *line)
{
	if (line->by != LINE_UNKNOWN) {
		line->why = LINE_WHY_NOT;
		line->store_why = UNKNOWN_NOT;
	} else if (line->stores == LINE_ELSEWHERE) {
		line->why = LINE_WHY_NOT_READ;
	} else if (line->stores == LINE_UNREADABLE) {
		line->why = LINE_WHY_UNREADABLE;
	} else if (!line->why) {
		line->why = LINE_WHY_NO_STORE;
	}
	if (line->why != LINE_WHY_UNPROVEN)
		line->perhaps = (struct line_request){0};
	name(m, line->conn, line->seq, &line->method, &line->path);
	name(m, line->perhaps.conn, line->perhaps.seq, &line->perhaps.method, &line->perhaps.path);
}

static void count(struct flow_line_counts *c, const struct flow_line *line)
{
	c->seen++;
	c->stores += line->stores == LINE_STORES;
	c->none += line->stores == LINE_NONE;
	c->unreadable += line->stores == LINE_UNREADABLE;
	c->elsewhere += line->stores == LINE_ELSEWHERE;
	c->by_store += line->by == LINE_BY_STORE;
	c->by_turn += line->by == LINE_BY_TURN;
}

static void on_line(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev,
		    bool told)
{
	const struct fe_stores *at = &t->stores;
	struct flow_line line = {
		.pid = ev->pid,
		.tid = ev->tid,
		.env = told ? at->env : 0,
		.ts = ev->ts,
		.op = ev->write.op,
		.bytes = ev->write.bytes,
		.captured = ev->write.captured,
		.text = ev->write.text,
		.stores = LINE_ELSEWHERE,
	};

	if (told && (at->status == LR_STORES_OK || at->status == LR_STORES_NO_JS))
		line.stores = LINE_NONE;
	else if (told)
		line.stores = LINE_UNREADABLE;
	/* Under a store of nobody's it is still the callback that writes. */
	if (told && at->status == LR_STORES_OK && by_store(m, t, &line) && !line.by)
		by_turn(t, &line);
	explain(m, &line);
	count(&m->counts.lines[ev->write.op == LR_OP_STDERR], &line);
	if (!m->opts.line)
		return;
	if (line.stores == LINE_STORES)
		show_stores(m, t, &line);
	m->opts.line(m->opts.ctx, &line);
}

void mm_write__seen(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	bool told = t->stores_ts == ev->ts && t->stores.op == ev->write.op;

	if (told) {
		keep(m, t, ev);
		mm_mark__keep(m, t, ev);
	}
	if (ev->write.op == LR_OP_STDOUT || ev->write.op == LR_OP_STDERR)
		on_line(m, t, ev, told);
}

static bool has(const uint64_t *ids, uint32_t n, uint64_t hash)
{
	for (uint32_t i = 0; i < n && i < FE_IDS_MAX; i++)
		if (ids[i] == hash)
			return true;
	return false;
}

static bool holds(const struct mm_store *st, uint64_t hash)
{
	for (uint32_t i = 0; st && i < st->n; i++)
		if (st->fields[i].pub.hash == hash)
			return true;
	return false;
}

bool mm_write__of_this_callback(const struct judged *j, const struct mm_write *w,
				const struct mm_store *st)
{
	const struct fe_stores *a = &w->stores, *b = &j->t->stores;

	if (w->ts < j->req->recv_ns || !a->carrier || a->carrier != b->carrier ||
	    a->epoch != b->epoch || a->exec_id != b->exec_id || a->trigger_id != b->trigger_id)
		return false;
	for (uint32_t i = 0; i < a->n && i < FE_STORES_MAX; i++)
		if (a->ref[i].instance == st->instance && a->ref[i].value == st->value)
			return st->epoch == a->epoch;
	return false;
}

bool mm_write__names_both(const struct judged *j, const struct mm_write *w,
			  const struct mm_instance *in, const struct mm_store *st,
			  const struct mm_store *own)
{
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);
	bool named = false;

	if (w->nids == FE_IDS_MAX) /* perhaps there are more */
		return false;
	for (uint32_t i = 0; i < w->nids; i++) {
		uint64_t id = w->ids[i];
		const struct mm_request *other = mm_request__inbound(j->m, j->req->pid, id);

		if (holds(st, id))
			continue;
		if (r && has(r->ids, r->nids, id))
			named |= other == r;
		else if (other && other->pub.conn != st->conn)
			return false;
		for (uint32_t k = 0; own && k < own->n; k++)
			named |= own->fields[k].pub.hash == id &&
				 mm_finding__may_be_id(j, in, &own->fields[k]);
	}
	return named;
}

static void sign(struct flow_finding *f, const struct mm_write *w, const struct mm_field *x)
{
	bool call = w->op == LR_OP_CLIENT;

	if (call)
		f->id_in_call = true;
	else
		f->id_in_line = true;
	memcpy(call ? f->call_field : f->line_field, x->pub.name, sizeof(f->line_field));
}

void mm_write__find_id(const struct judged *j, struct flow_finding *f, struct mm_store *st,
		       const struct mm_store *own)
{
	const struct mm_instance *in = mm_instance__get(j->m, j->t, st->instance);
	bool later = !st->conn || (f->stale && j->req->start_ns >= f->other.end_ns);
	bool counted = false;

	for (uint32_t i = 0; i < j->t->nwrites; i++) {
		const struct mm_write *w = &j->t->writes[i];
		const struct mm_field *x;

		if (!mm_write__of_this_callback(j, w, st))
			continue;
		x = mm_finding__id_in(j, in, st, own, w->ids, w->nids);
		if (!x)
			continue;
		if (later && !counted) {
			counted = true;
			st->logged++;
		}
		if ((later && st->logged > LOGGED_MANY) || mm_write__names_both(j, w, in, st, own))
			sign(f, w, x);
	}
}

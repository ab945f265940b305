// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a reader has to know: the facts about targets, and all of it told again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_state_int.h"
#include "util.h"

#define MAX_FACTS	16384
#define MAX_THREADS	4096
#define MAX_CONNECTIONS 65536
#define MAX_REQUESTS	65536
#define MAX_STORES	4096

int flow_state__new(struct flow_state **out, const struct flow_state_opts *opts)
{
	struct flow_state *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	if (opts)
		s->opts = *opts;
	s->opts.max_connections = s->opts.max_connections ?: MAX_CONNECTIONS;
	s->opts.max_requests = s->opts.max_requests ?: MAX_REQUESTS;
	s->opts.max_stores = s->opts.max_stores ?: MAX_STORES;
	flow_pool__init(&s->thread_pool, sizeof(struct st_thread), MAX_THREADS);
	flow_pool__init(&s->conn_pool, sizeof(struct st_conn), s->opts.max_connections);
	flow_pool__init(&s->peer_pool, sizeof(struct st_peer), s->opts.max_connections);
	flow_pool__init(&s->request_pool, sizeof(struct st_request), s->opts.max_requests);
	err = flow_table__init(&s->facts, MAX_FACTS);
	if (!err)
		err = flow_table__init(&s->threads, MAX_THREADS);
	if (!err)
		err = flow_table__init(&s->conns, s->opts.max_connections);
	if (!err)
		err = flow_table__init(&s->peers, s->opts.max_connections);
	if (!err)
		err = flow_table__init(&s->stores, s->opts.max_stores);
	if (err) {
		flow_state__free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* What something is found by: all facts are in one table. */
static void fact_key(const struct flow_event *ev, uint64_t *a, uint64_t *b)
{
	*a = (uint64_t)ev->type << 32 | ev->pid;
	*b = 0;
	if (ev->type == FE_PROVIDER)
		*b = ev->provider.number;
	else if (ev->type == FE_THREAD)
		*b = ev->tid;
	else if (ev->type == FE_PROBE)
		*b = hash_bytes(ev->probe.name.s, ev->probe.name.len) ^
		     hash_bytes(ev->probe.site.s, ev->probe.site.len) << 1;
}

static void fact_drop(struct flow_state *s, struct st_fact *f)
{
	uint64_t a, b;

	fact_key(&f->ev, &a, &b);
	flow_table__take(&s->facts, a, b);
	if (f->before)
		f->before->next = f->next;
	else
		s->first_fact = f->next;
	if (f->next)
		f->next->before = f->before;
	else
		s->last_fact = f->before;
	free(f);
}

/* The strings of an event that is a fact; at most FACT_STRINGS. */
#define FACT_STRINGS 5

static size_t fact_strings(struct flow_event *ev, struct flow_str *str[FACT_STRINGS])
{
	switch (ev->type) {
	case FE_TARGET:
		str[0] = &ev->target.version;
		str[1] = &ev->target.context;
		str[2] = &ev->target.linked;
		str[3] = &ev->target.exe;
		str[4] = &ev->target.level;
		return 5;
	case FE_SERVICE:
		str[0] = &ev->service.name;
		str[1] = &ev->service.version;
		str[2] = &ev->service.script;
		return 3;
	case FE_PROVIDER:
		str[0] = &ev->provider.name;
		return 1;
	case FE_PROBE:
		str[0] = &ev->probe.name;
		str[1] = &ev->probe.site;
		str[2] = &ev->probe.reason;
		return 3;
	default:
		return 0;
	}
}

static struct st_fact *fact_new(const struct flow_event *ev)
{
	struct flow_event copy = *ev;
	struct flow_str *str[FACT_STRINGS];
	size_t n = fact_strings(&copy, str), len = 0;
	struct st_fact *f;
	char *at;

	for (size_t i = 0; i < n; i++)
		len += str[i]->len;
	f = malloc(sizeof(*f) + len);
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	at = f->text;
	for (size_t i = 0; i < n; i++)
		st_keep(str[i], &at);
	f->ev = copy;
	return f;
}

/* Keeps the place of what it replaces: targets come before their threads. */
static void fact_put(struct flow_state *s, const struct flow_event *ev)
{
	struct st_fact *f = fact_new(ev), *old;
	uint64_t a, b;

	fact_key(ev, &a, &b);
	old = f ? flow_table__take(&s->facts, a, b) : NULL;
	if (!f || flow_table__put(&s->facts, a, b, f)) {
		free(f);
		s->lost.facts++;
		return;
	}
	f->before = old ? old->before : s->last_fact;
	f->next = old ? old->next : NULL;
	if (f->before)
		f->before->next = f;
	else
		s->first_fact = f;
	if (f->next)
		f->next->before = f;
	else
		s->last_fact = f;
	free(old);
}

/* @pid 0: all. */
static void facts_end(struct flow_state *s, uint32_t pid)
{
	struct st_fact *f = s->first_fact, *next;

	for (; f; f = next) {
		next = f->next;
		if (!pid || (f->ev.pid == pid && f->ev.type != FE_PROBE))
			fact_drop(s, f);
	}
}

struct st_thread *st_thread__get(struct flow_state *s, uint32_t pid, uint32_t tid)
{
	struct st_thread *t = flow_table__get(&s->threads, pid, tid);

	if (t)
		return t;
	t = flow_pool__alloc(&s->thread_pool);
	if (!t || flow_table__put(&s->threads, pid, tid, t)) {
		flow_pool__release(&s->thread_pool, t);
		s->lost.facts++;
		return NULL;
	}
	return t;
}

static void threads_end(struct flow_state *s, uint32_t pid, uint32_t tid)
{
	struct flow_slot *slot;
	uint32_t pos = 0;

	if (tid) {
		flow_pool__release(&s->thread_pool, flow_table__take(&s->threads, pid, tid));
		return;
	}
	while ((slot = flow_table__next(&s->threads, &pos))) {
		if (pid && slot->a != pid)
			continue;
		flow_pool__release(&s->thread_pool,
				   flow_table__take(&s->threads, slot->a, slot->b));
		pos--;
	}
}

static void end_target(struct flow_state *s, uint32_t pid)
{
	facts_end(s, pid);
	threads_end(s, pid, 0);
	st_conns__end(s, pid);
	st_peers__end(s, pid);
	st_stores__end(s, pid);
}

static void free_state(struct flow_state *s)
{
	struct flow_table *tables[] = {&s->facts, &s->threads, &s->conns, &s->peers, &s->stores};
	struct flow_pool *pools[] = {&s->thread_pool, &s->conn_pool, &s->peer_pool,
				     &s->request_pool};

	if (s->threads.slots)
		end_target(s, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		flow_table__destroy(tables[i]);
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		flow_pool__destroy(pools[i]);
	free(s);
}

void flow_state__free(struct flow_state *s)
{
	if (s)
		free_state(s);
}

static uint32_t epoch_of(const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_IN:
	case FE_OUT:
		return ev->io.epoch;
	case FE_TURN:
		return ev->turn.epoch;
	case FE_GC:
		return ev->gc.epoch;
	case FE_STORES:
		return ev->stores.epoch;
	case FE_STORE:
		return ev->store.epoch;
	default:
		return 0;
	}
}

/* What a thread's event says about its heap, and whether it completes an operation. */
static void note_thread(struct flow_state *s, const struct flow_event *ev)
{
	uint32_t epoch = epoch_of(ev);
	struct st_thread *t;

	if (epoch || ev->type == FE_STORES)
		t = st_thread__get(s, ev->pid, ev->tid);
	else
		t = flow_table__get(&s->threads, ev->pid, ev->tid);
	if (!t)
		return;
	if (epoch > t->epoch)
		t->epoch = epoch;
	if (ev->type == FE_STORES) {
		t->pending = true;
		t->stores_ts = ev->ts;
		t->stores = ev->stores;
	} else if (ev->type != FE_STORE) {
		t->pending = false;
	}
}

int flow_state__event(void *state, const struct flow_event *ev)
{
	struct flow_state *s = state;

	note_thread(s, ev);
	switch (ev->type) {
	case FE_TARGET:
	case FE_SERVICE:
	case FE_PROVIDER:
	case FE_PROBE:
		fact_put(s, ev);
		break;
	case FE_THREAD:
		if (ev->thread.ended) {
			struct st_fact *f = flow_table__get(
				&s->facts, (uint64_t)FE_THREAD << 32 | ev->pid, ev->tid);

			threads_end(s, ev->pid, ev->tid);
			if (f)
				fact_drop(s, f);
		} else {
			fact_put(s, ev);
		}
		break;
	case FE_CONN:
	case FE_IN:
	case FE_OUT:
	case FE_CLOSE:
	case FE_HEADERS:
		st_conn__event(s, ev);
		break;
	case FE_PEER:
	case FE_CLIENT:
		st_peer__event(s, ev);
		break;
	case FE_STORE:
		st_store__event(s, ev);
		break;
	case FE_TARGET_END:
		end_target(s, ev->pid);
		break;
	default:
		break;
	}
	return 0;
}

static int facts_tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	int err = 0;

	for (const struct st_fact *f = s->first_fact; f && !err; f = f->next) {
		struct flow_event ev = f->ev;

		ev.ts = ts;
		err = to->event(to->ctx, &ev);
	}
	return err;
}

/* Operations that are half told, last of all: what comes next is the rest. */
static int pending_tell(const struct flow_state *s, const struct flow_sink *to)
{
	struct flow_slot *slot;
	uint32_t pos = 0;
	int err = 0;

	while (!err && (slot = flow_table__next(&s->threads, &pos))) {
		const struct st_thread *t = slot->value;
		struct flow_event ev = {.type = FE_STORES,
					.pid = (uint32_t)slot->a,
					.tid = (uint32_t)slot->b,
					.ts = t->stores_ts};

		if (!t->pending)
			continue;
		ev.stores = t->stores;
		err = to->event(to->ctx, &ev);
	}
	return err;
}

static int lost_tell(struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	struct flow_event ev = {.type = FE_LOSS, .ts = ts};

	ev.loss.kind = FLOW_LOSS_MAP;
	ev.loss.count = s->lost.requests - s->lost_told;
	s->lost_told = s->lost.requests;
	return ev.loss.count ? to->event(to->ctx, &ev) : 0;
}

int flow_state__tell(struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	int err = facts_tell(s, ts, to);

	if (!err)
		err = st_conns__tell(s, ts, to);
	if (!err)
		err = st_peers__tell(s, ts, to);
	if (!err)
		err = st_stores__tell(s, ts, to);
	if (!err)
		err = lost_tell(s, ts, to);
	if (!err)
		err = st_requests__tell(s, ts, to);
	return err ? err : pending_tell(s, to);
}

void flow_state__lost(const struct flow_state *s, struct flow_state_lost *lost)
{
	*lost = s->lost;
}

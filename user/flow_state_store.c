// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What stores hold. The kernel side tells it once for each epoch in which a store is seen, so only
 * those of the current epoch of their thread are told again; the rest is forgotten as room is
 * needed.
 */
#include <stdlib.h>
#include <string.h>

#include "flow_state_int.h"

static uint64_t thread_key(const struct flow_event *ev)
{
	return (uint64_t)ev->pid << 32 | ev->tid;
}

static void store_drop(struct flow_state *s, struct st_store *st)
{
	flow_table__take(&s->stores, st->ev.store.value, thread_key(&st->ev));
	if (st->before)
		st->before->next = st->next;
	else
		s->first_store = st->next;
	if (st->next)
		st->next->before = st->before;
	else
		s->last_store = st->before;
	free(st);
}

static struct st_store *store_new(const struct flow_event *ev)
{
	uint32_t n = ev->store.n;
	size_t len = 0;
	struct st_store *st;
	char *at;

	for (uint32_t i = 0; i < n; i++)
		len += (size_t)ev->store.fields[i].name.len + ev->store.fields[i].text.len;
	st = malloc(sizeof(*st) + n * sizeof(st->fields[0]) + len);
	if (!st)
		return NULL;
	st->next = st->before = NULL;
	st->ev = *ev;
	at = (char *)&st->fields[n];
	for (uint32_t i = 0; i < n; i++) {
		st->fields[i] = ev->store.fields[i];
		st_keep(&st->fields[i].name, &at);
		st_keep(&st->fields[i].text, &at);
	}
	st->ev.store.fields = st->fields;
	/* Where it was made says nothing to a reader who has not seen the callback. */
	st->ev.store.born = false;
	return st;
}

static bool is_current(const struct flow_state *s, const struct st_store *st)
{
	const struct st_thread *t = flow_table__get(&s->threads, st->ev.pid, st->ev.tid);

	return t && st->ev.store.epoch == t->epoch;
}

void st_store__event(struct flow_state *s, const struct flow_event *ev)
{
	struct st_store *st = store_new(ev);
	struct st_store *old = flow_table__get(&s->stores, ev->store.value, thread_key(ev));

	if (old)
		store_drop(s, old);
	while (s->first_store && !is_current(s, s->first_store))
		store_drop(s, s->first_store);
	if (s->first_store && s->stores.count >= s->opts.max_stores) {
		store_drop(s, s->first_store);
		s->lost.stores++;
	}
	if (!st || flow_table__put(&s->stores, ev->store.value, thread_key(ev), st)) {
		free(st);
		s->lost.stores++;
		return;
	}
	st->before = s->last_store;
	if (st->before)
		st->before->next = st;
	else
		s->first_store = st;
	s->last_store = st;
}

void st_stores__end(struct flow_state *s, uint32_t pid)
{
	struct st_store *st = s->first_store, *next;

	for (; st; st = next) {
		next = st->next;
		if (!pid || st->ev.pid == pid)
			store_drop(s, st);
	}
}

int st_stores__tell(const struct flow_state *s, uint64_t ts, const struct flow_sink *to)
{
	int err = 0;

	for (const struct st_store *st = s->first_store; st && !err; st = st->next) {
		struct flow_event ev = st->ev;

		if (!is_current(s, st))
			continue;
		ev.ts = ts;
		err = to->event(to->ctx, &ev);
	}
	return err;
}

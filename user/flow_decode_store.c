// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Records about AsyncLocalStorage: which stores are active at a send, and what a store holds.
 * They come before the record of the send and have its time.
 */
#include <string.h>

#include "flow_decode_int.h"

static bool stores_valid(const struct lr_event *h, const void *rec)
{
	struct lr_ev_stores s = {0};

	memcpy(&s, rec, offsetof(struct lr_ev_stores, ref));
	if (s.op < LR_OP_SERVER || s.op >= LR_OP_MAX || s.status > LR_STORES_OFF ||
	    s.n > LR_STORES_MAX || h->size < offsetof(struct lr_ev_stores, ref[s.n]))
		return false;
	memcpy(s.ref, (const char *)rec + offsetof(struct lr_ev_stores, ref),
	       s.n * sizeof(s.ref[0]));
	for (uint32_t i = 0; i < s.n; i++)
		if (s.ref[i].kind > LR_VALUE_MAP)
			return false;
	return true;
}

static bool store_valid(const struct lr_event *h, const void *rec)
{
	struct lr_store_field field;
	struct lr_ev_store s;

	memcpy(&s, rec, offsetof(struct lr_ev_store, field));
	if (s.kind > LR_VALUE_MAP || s.n > LR_STORE_FIELDS ||
	    h->size < offsetof(struct lr_ev_store, field[s.n]))
		return false;
	for (uint16_t i = 0; i < s.n; i++) {
		memcpy(&field, (const char *)rec + offsetof(struct lr_ev_store, field[i]),
		       sizeof(field));
		if (!decode_value__valid(&field))
			return false;
	}
	return true;
}

bool flow_decode__stores_valid(const struct lr_event *h, const void *rec)
{
	return h->type == LR_EV_STORES ? stores_valid(h, rec) : store_valid(h, rec);
}

/* What executed; not read where the environment was not found. */
static int fill_ids(struct flow_decode *d, const struct lr_ev_stores *s, struct fe_stores *to)
{
	to->exec_id = to->trigger_id = -1;
	if (s->status == LR_STORES_NO_ENV || s->status == LR_STORES_OFF)
		return 0;
	to->exec_id = flow_decode__whole(s->exec_id);
	to->trigger_id = flow_decode__whole(s->trigger_id);
	if (to->exec_id >= 0 && to->trigger_id >= 0)
		return 0;
	to->exec_id = to->trigger_id = -1;
	return flow_decode__bad_number(d, &s->h);
}

int flow_decode__stores(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct flow_event ev = {.type = FE_STORES};
	struct fe_stores *to = &ev.stores;
	struct lr_ev_stores s = {0};
	int err = 0;

	memcpy(&s, rec, offsetof(struct lr_ev_stores, ref));
	/* Refs mean something only if all was read. */
	to->n = s.status == LR_STORES_OK ? s.n : 0;
	memcpy(s.ref, (const char *)rec + offsetof(struct lr_ev_stores, ref),
	       to->n * sizeof(s.ref[0]));
	if (s.env || s.op == LR_OP_SERVER)
		err = flow_decode__number(d, t, s.env, s.h.ts);
	else if (t->env == ENV_NONE)
		return 0; /* a thread that runs no JavaScript has no stores */
	if (!err)
		err = fill_ids(d, &s, to);
	t->stores_ts = to->n ? s.h.ts : 0;
	t->stores_conn = s.conn;
	ev.pid = s.h.pid;
	ev.tid = s.h.tid;
	ev.ts = s.h.ts;
	to->env = t->env;
	to->conn = flow_table__get(&d->conns, flow_conn__number(s.conn), 0) ? s.conn : 0;
	to->top = s.top;
	to->carrier = s.carrier;
	to->epoch = s.epoch;
	to->op = (uint8_t)s.op;
	to->status = (uint8_t)s.status;
	to->hooks = s.flags & LR_STORES_F_HOOKS;
	to->more = s.flags & LR_STORES_F_MORE;
	/* Without promise hooks, what a promise runs has no async id. */
	to->promise = to->hooks ? (s.flags & LR_STORES_F_PROMISE) != 0 : to->exec_id <= 0;
	for (uint32_t i = 0; i < to->n; i++) {
		to->ref[i].value = s.ref[i].value;
		to->ref[i].instance = s.ref[i].instance;
		to->ref[i].kind = (uint8_t)s.ref[i].kind;
	}
	return err ? err : flow_decode__emit(d, &ev);
}

int flow_decode__store(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct fe_store_field fields[LR_STORE_FIELDS] = {0};
	char text[LR_STORE_FIELDS][VALUE_TEXT];
	struct flow_event ev = {.type = FE_STORE};
	struct decode_process *p;
	struct lr_ev_store s;
	int err;

	memcpy(&s, rec, offsetof(struct lr_ev_store, field));
	memcpy(s.field, (const char *)rec + offsetof(struct lr_ev_store, field),
	       s.n * sizeof(s.field[0]));
	err = flow_decode__number(d, t, s.env, s.h.ts);
	p = s.n ? flow_decode__process_of(d, s.h.pid) : NULL;
	for (uint16_t i = 0; i < s.n; i++) {
		if (decode_value__fill(&fields[i], &s.field[i], d->opts.value_key, text[i]) && p)
			decode_seen__add(&p->seen, &fields[i]);
		if (!d->opts.show_values)
			fields[i].text = (struct flow_str){"", 0};
	}
	ev.pid = s.h.pid;
	ev.tid = s.h.tid;
	ev.ts = s.h.ts;
	ev.store = (struct fe_store){
		.env = t->env,
		.value = s.value,
		.instance = s.instance,
		.epoch = s.epoch,
		.kind = (uint8_t)s.kind,
		.more = s.flags & LR_STORE_F_MORE,
		.born = s.flags & LR_STORE_F_BORN,
		.n = s.n,
		.fields = fields,
	};
	return err ? err : flow_decode__emit(d, &ev);
}

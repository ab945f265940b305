// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The fields of events about stores, once for both directions; see out_capture_codec.h. */
#include "out_capture_parts.h"
#include "util.h"

/* A number that consumers may take as an index. */
static void field_enum(struct capture_codec *c, uint8_t *v, uint8_t max)
{
	uint64_t x = *v;

	field_max(c, &x, max);
	*v = (uint8_t)x;
}

void event_turn(struct capture_codec *c, struct fe_turn *t)
{
	bool due = t->due_ns != 0;

	field_running(c, &t->top, &c->cur->top);
	field_running32(c, &t->epoch, &c->cur->epoch);
	field_enum(c, &t->kind, LR_TURN_KINDS - 1);
	field_clock(c, &t->clock);
	field_bool(c, &due);
	if (due)
		field_delta(c, &t->due_ns, c->ts);
}

void event_tenured(struct capture_codec *c, struct fe_tenured *t)
{
	field_u64(c, &t->begin);
	field_delta(c, &t->end, t->begin);
	field_running32(c, &t->epoch, &c->cur->epoch);
	field_bool(c, &t->area);
	field_bool(c, &t->rest);
}

static uint32_t field_count(struct capture_codec *c, uint32_t n, uint32_t max)
{
	uint64_t x = n;

	field_max(c, &x, max);
	return (uint32_t)x;
}

#define STORES_HOOKS   (1u << 0)
#define STORES_MORE    (1u << 1)
#define STORES_TOP     (1u << 2) /* top and epoch follow */
#define STORES_IDS     (1u << 3) /* else both are unknown */
#define STORES_PROMISE (1u << 4)
#define STORES_FLAGS   0x1f

static uint8_t stores_flags(const struct fe_stores *s)
{
	uint8_t flags = 0;

	if (s->hooks)
		flags |= STORES_HOOKS;
	if (s->more)
		flags |= STORES_MORE;
	if (s->promise)
		flags |= STORES_PROMISE;
	if (s->top || s->epoch || s->carrier)
		flags |= STORES_TOP;
	if (s->exec_id != -1 || s->trigger_id != -1)
		flags |= STORES_IDS;
	return flags;
}

void event_stores(struct capture_codec *c, struct fe_stores *s)
{
	uint8_t flags = stores_flags(s);
	uint64_t exec = (uint64_t)s->exec_id;

	field_enum(c, &flags, STORES_FLAGS);
	s->hooks = flags & STORES_HOOKS;
	s->more = flags & STORES_MORE;
	s->promise = flags & STORES_PROMISE;
	field_u32(c, &s->env);
	field_running(c, &s->conn, &c->cur->conn);
	field_enum(c, &s->op, LR_OP_MAX - 1);
	field_enum(c, &s->status, LR_STORES_OFF);
	if (flags & STORES_TOP) {
		field_running(c, &s->top, &c->cur->top);
		field_running32(c, &s->epoch, &c->cur->epoch);
		field_running(c, &s->carrier, &c->cur->store);
	}
	if (flags & STORES_IDS) {
		field_running(c, &exec, &c->cur->async_id);
		s->exec_id = (int64_t)exec;
		field_id(c, &s->trigger_id, s->exec_id);
	} else {
		s->exec_id = s->trigger_id = -1;
	}
	s->n = field_count(c, s->n, FE_STORES_MAX);
	for (uint32_t i = 0; i < s->n; i++) {
		field_running(c, &s->ref[i].value, &c->cur->store);
		field_running32(c, &s->ref[i].instance, &c->cur->ref_instance[i]);
		field_enum(c, &s->ref[i].kind, LR_VALUE_MAP);
	}
}

#define FIELD_CONSTANT (1u << 0)
#define FIELD_CUT      (1u << 1)
#define FIELD_HASH     (1u << 2) /* a hash follows, else there is no value */
#define FIELD_TEXT     (1u << 3)
#define FIELD_SPAN     (1u << 4)
#define FIELD_FLAGS    0x1f

static void store_field(struct capture_codec *c, struct fe_store_field *f)
{
	uint8_t flags = 0;

	if (c->packing)
		flags = (uint8_t)((f->constant ? FIELD_CONSTANT : 0) | (f->cut ? FIELD_CUT : 0) |
				  (f->hash ? FIELD_HASH : 0) | (f->text.len ? FIELD_TEXT : 0) |
				  (f->span ? FIELD_SPAN : 0));
	field_enum(c, &flags, FIELD_FLAGS);
	f->constant = flags & FIELD_CONSTANT;
	f->cut = flags & FIELD_CUT;
	f->span = flags & FIELD_SPAN;
	field_enum(c, &f->kind, LR_VALUE_MAP);
	field_str(c, &f->name);
	if (f->name.len > LR_FIELD_NAME)
		c->bad = true;
	if (flags & FIELD_HASH)
		field_hash(c, &f->hash);
	if (f->kind == LR_VALUE_STRING)
		field_u32(c, &f->len);
	f->text.s = c->packing ? f->text.s : "";
	if (flags & FIELD_TEXT)
		field_text(c, &f->text, LR_FIELD_TEXT);
}

void event_store(struct capture_codec *c, struct fe_store *s)
{
	struct fe_store_field field = {0};

	field_u32(c, &s->env);
	field_running(c, &s->value, &c->cur->store);
	field_running32(c, &s->instance, &c->cur->store_instance);
	field_running32(c, &s->epoch, &c->cur->epoch);
	field_enum(c, &s->kind, LR_VALUE_MAP);
	field_bool(c, &s->more);
	field_bool(c, &s->born);
	s->n = field_count(c, s->n, LR_STORE_FIELDS);
	for (uint32_t i = 0; i < s->n; i++) {
		if (c->packing)
			field = s->fields[i];
		else
			field = (struct fe_store_field){0};
		store_field(c, &field);
		c->fields[i] = field;
	}
	s->fields = c->fields;
}

#define WRITE_FAULT (1u << 0)
#define WRITE_CUT   (1u << 1) /* captured follows, else it is all of the bytes */
#define WRITE_IDS   (1u << 2)
#define WRITE_FLAGS 0x07

/* The text stays out: it is what customers see, or what they are. */
void event_write(struct capture_codec *c, struct fe_write *w)
{
	uint8_t flags = 0;

	if (c->packing)
		flags = (uint8_t)((w->fault ? WRITE_FAULT : 0) |
				  (w->captured != w->bytes ? WRITE_CUT : 0) |
				  (w->nids ? WRITE_IDS : 0));
	field_enum(c, &flags, WRITE_FLAGS);
	w->fault = flags & WRITE_FAULT;
	field_running(c, &w->conn, &c->cur->conn);
	field_enum(c, &w->op, LR_OP_MAX - 1);
	field_u32(c, &w->bytes);
	if (flags & WRITE_CUT)
		field_u32(c, &w->captured);
	else
		w->captured = w->bytes;
	if (flags & WRITE_IDS)
		w->nids = field_count(c, w->nids, FE_IDS_MAX);
	for (uint32_t i = 0; i < w->nids; i++)
		field_hash(c, &w->ids[i]);
	if (!c->packing)
		w->text = (struct flow_str){"", 0};
}

bool event_write_fits(const struct fe_write *w)
{
	return w->nids <= FE_IDS_MAX && w->op < LR_OP_MAX;
}

bool event_stores_fit(const struct fe_stores *s)
{
	if (s->n > FE_STORES_MAX || s->op >= LR_OP_MAX || s->status > LR_STORES_OFF)
		return false;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->ref[i].kind > LR_VALUE_MAP)
			return false;
	return true;
}

bool event_store_fits(const struct fe_store *s)
{
	if (s->n > LR_STORE_FIELDS || s->kind > LR_VALUE_MAP)
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct fe_store_field *f = &s->fields[i];

		if (f->name.len > LR_FIELD_NAME || f->text.len > LR_FIELD_TEXT ||
		    f->kind > LR_VALUE_MAP)
			return false;
	}
	return true;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stores: which object is which, across collections, and whose.
 *
 * Within an epoch a store is its address. A collection moves young objects, so in a new epoch
 * an address that was not made in it is looked up by content: by the fields that V8 knows to be
 * constant, and of these by one that identifies. A field identifies the stores of an instance
 * if it is a long string, or if among many stores no two had the same value; {userId, tenant}
 * fail that, and such a store is unknown after a collection.
 *
 * A store is bound to the request in whose own callback it was made (by its address), or
 * whose inbound id it holds. Where the two disagree nobody is bound. Contexts of OpenTelemetry
 * also tell by their spans: flow_mismatch_span.c.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_mismatch_int.h"
#include "flow_value.h"

#define MANY_STORES  200       /* of which no two agree: the field is no enumeration */
#define LONG_STRING  16	       /* characters: a UUID, a trace id, a token */
#define INBOUND_LEN  6	       /* shorter ids occur by chance */
#define ADDRESS(ref) ((ref)-1) /* of a tagged pointer */

static uint64_t epoch_key(uint32_t thread, uint32_t epoch)
{
	return (uint64_t)thread << 32 | epoch;
}

static uint64_t instance_key(const struct mm_store *st, const char *name)
{
	/* Only for a table whose hits are checked field by field. */
	return ((uint64_t)st->thread << 32 | st->instance) ^
	       flow_value__hash(0, name, strlen(name));
}

static void list_unlink(struct flow_mismatch *m, struct mm_store *st)
{
	if (st->newer)
		st->newer->older = st->older;
	else
		m->newest = st->older;
	if (st->older)
		st->older->newer = st->newer;
	else
		m->oldest = st->newer;
}

static void list_link(struct flow_mismatch *m, struct mm_store *st)
{
	st->newer = NULL;
	st->older = m->newest;
	if (st->older)
		st->older->newer = st;
	else
		m->oldest = st;
	m->newest = st;
}

void mm_store__put(struct flow_mismatch *m, struct mm_store *st)
{
	if (!st || --st->refs)
		return;
	free(st->fields);
	free(st->owner);
	flow_pool__release(&m->store_pool, st);
}

static void forget_values(struct flow_mismatch *m, const struct mm_store *st)
{
	for (uint32_t i = 0; i < st->n; i++) {
		uint64_t hash = st->fields[i].pub.hash,
			 key = instance_key(st, st->fields[i].pub.name);

		if (flow_table__get(&m->values, hash, key) == st)
			flow_table__take(&m->values, hash, key);
	}
}

static void evict(struct flow_mismatch *m, struct mm_store *st)
{
	forget_values(m, st);
	flow_table__take(&m->stores, st->value, epoch_key(st->thread, st->epoch));
	list_unlink(m, st);
	mm_store__put(m, st);
}

void mm_stores__free(struct flow_mismatch *m)
{
	while (m->oldest)
		evict(m, m->oldest);
}

/*
 * The object at @value was made in the old space: in epochs since it has been the same one, with
 * all that is known of it. NULL: it was not seen yet.
 */
static struct mm_store *get_tenured(struct flow_mismatch *m, const struct mm_thread *t,
				    uint64_t value, uint32_t epoch)
{
	const struct mm_tenured *p = mm_tenured__find(t, ADDRESS(value));
	struct mm_store *st;

	for (uint32_t e = epoch; p && e != p->epoch && epoch - e < MM_TENURED_EPOCHS;) {
		st = flow_table__take(&m->stores, value, epoch_key(t->id, --e));
		if (!st)
			continue;
		st->epoch = epoch;
		if (!flow_table__put(&m->stores, value, epoch_key(t->id, epoch), st))
			return st;
		m->counts.not_kept++;
		forget_values(m, st);
		list_unlink(m, st);
		mm_store__put(m, st);
		return NULL;
	}
	return NULL;
}

/* The object at this address in this epoch: known, or new and not yet resolved. */
static struct mm_store *get(struct flow_mismatch *m, const struct mm_thread *t, uint64_t value,
			    uint32_t epoch, uint32_t instance)
{
	struct mm_store *st = flow_table__get(&m->stores, value, epoch_key(t->id, epoch));

	if (!st)
		st = get_tenured(m, t, value, epoch);
	if (st) {
		list_unlink(m, st);
		list_link(m, st);
		return st;
	}
	if (m->stores.count >= MM_STORES)
		evict(m, m->oldest);
	st = flow_pool__alloc(&m->store_pool);
	if (!st || flow_table__put(&m->stores, value, epoch_key(t->id, epoch), st)) {
		flow_pool__release(&m->store_pool, st);
		m->counts.not_kept++;
		return NULL;
	}
	st->value = value;
	st->thread = t->id;
	st->epoch = epoch;
	st->instance = instance;
	st->pid = t->pid;
	st->refs = 1;
	list_link(m, st);
	return st;
}

static void copy_text(char *to, size_t cap, const struct flow_str *s)
{
	size_t n = s->len < cap - 1 ? s->len : cap - 1;

	if (n)
		memcpy(to, s->s, n);
	to[n] = '\0';
}

static const struct mm_field *field_of(const struct mm_store *st, const char *name)
{
	for (uint32_t i = 0; i < st->n; i++)
		if (strcmp(st->fields[i].pub.name, name) == 0)
			return &st->fields[i];
	return NULL;
}

/* Every constant field of one is in the other with the same value. */
static bool same_constants(const struct mm_store *a, const struct mm_store *b)
{
	uint32_t agreed = 0;

	for (uint32_t i = 0; i < a->n; i++) {
		const struct mm_field *f = &a->fields[i], *g;

		if (!f->pub.constant)
			continue;
		g = field_of(b, f->pub.name);
		if (!g || g->pub.hash != f->pub.hash)
			return false;
		agreed++;
	}
	return agreed > 0;
}

struct mm_store *mm_store__with(const struct flow_mismatch *m, const struct mm_store *like,
				const char *name, uint64_t hash)
{
	return flow_table__get(&m->values, hash, instance_key(like, name));
}

static struct mm_key *key_of(struct mm_instance *in, const char *name, bool make)
{
	for (uint32_t i = 0; i < in->nkeys; i++)
		if (strcmp(in->keys[i].name, name) == 0)
			return &in->keys[i];
	if (!make || in->nkeys == FINDING_FIELDS)
		return NULL;
	memcpy(in->keys[in->nkeys].name, name, strlen(name) + 1);
	return &in->keys[in->nkeys++];
}

bool mm_field__identifies(const struct mm_instance *in, const struct mm_field *f)
{
	const struct mm_key *k = key_of((struct mm_instance *)in, f->pub.name, false);

	if (f->cut || !f->pub.hash || (k && k->equal) || f->span == MM_SPAN_PARENT)
		return false;
	if (f->pub.kind == LR_VALUE_STRING && f->len >= LONG_STRING)
		return true;
	return k && k->seen >= MANY_STORES &&
	       (f->pub.kind == LR_VALUE_STRING || f->pub.kind == LR_VALUE_SMI ||
		f->pub.kind == LR_VALUE_DOUBLE);
}

/* The store of an earlier epoch that this object must be; NULL: none, or not for certain. */
static struct mm_store *recognize(struct flow_mismatch *m, const struct mm_instance *in,
				  const struct mm_store *st)
{
	struct mm_store *found = NULL;

	for (uint32_t i = 0; i < st->n; i++) {
		const struct mm_field *f = &st->fields[i];
		struct mm_store *old;

		/* A trace has many stores. */
		if (!f->pub.constant || f->span == MM_SPAN_TRACE || !mm_field__identifies(in, f))
			continue;
		old = flow_table__get(&m->values, f->pub.hash, instance_key(st, f->pub.name));
		if (!old || old == st || old->epoch == st->epoch || old->thread != st->thread ||
		    old->instance != st->instance || old->kind != st->kind ||
		    !same_constants(st, old) || !same_constants(old, st))
			continue;
		if (found && found != old)
			return NULL;
		found = old;
	}
	return found;
}

/*
 * Enters its values, and counts those that another object of the instance has too. An object
 * that a collection may have moved is perhaps that other one: it teaches nothing, unless both
 * were seen in this epoch.
 */
static void learn_values(struct flow_mismatch *m, struct mm_instance *in, struct mm_store *st,
			 bool made_now)
{
	for (uint32_t i = 0; i < st->n; i++) {
		const struct mm_field *f = &st->fields[i];
		uint64_t key = instance_key(st, f->pub.name);
		struct mm_key *k = key_of(in, f->pub.name, true);
		struct mm_store *other = flow_table__get(&m->values, f->pub.hash, key);

		if (!f->pub.hash || other == st)
			continue;
		if (other && !made_now && other->epoch != st->epoch)
			continue;
		if (k && made_now)
			k->seen++;
		if (other) {
			if (k && mm_span__conflict(f, st, other))
				k->equal++;
			flow_table__take(&m->values, f->pub.hash, key);
		}
		if (flow_table__put(&m->values, f->pub.hash, key, st))
			m->counts.not_kept++;
	}
}

/* What is known of the old object holds for the new one, which it has become. */
static void become(struct flow_mismatch *m, struct mm_store *st, struct mm_store *old)
{
	st->conn = old->conn;
	st->seq = old->seq;
	st->binding = old->binding;
	st->unknown = old->unknown;
	st->shared = old->shared;
	st->later_born = old->later_born;
	st->entered = old->entered;
	memcpy(st->met, old->met, sizeof(st->met));
	st->nmet = old->nmet;
	st->first_ns = old->first_ns ? old->first_ns : st->first_ns;
	st->confirmed = old->confirmed;
	st->outlived = old->outlived;
	st->over_ns = old->over_ns;
	st->served = old->served;
	st->later = old->later;
	st->logged = old->logged;
	st->owner = old->owner;
	old->owner = NULL;
	st->bridged = true;
	forget_values(m, old);
	for (uint32_t i = 0; i < st->n; i++) {
		uint64_t key = instance_key(st, st->fields[i].pub.name);

		if (flow_table__get(&m->values, st->fields[i].pub.hash, key))
			continue;
		if (flow_table__put(&m->values, st->fields[i].pub.hash, key, st))
			m->counts.not_kept++;
	}
	evict(m, old);
}

static bool may_identify_request(const struct flow_mismatch *m, const struct mm_field *f)
{
	if (m->opts.context_key && strcmp(f->pub.name, m->opts.context_key) != 0)
		return false;
	return f->pub.kind == LR_VALUE_STRING && f->len >= INBOUND_LEN && !f->cut;
}

static struct mm_request *inbound_owner(const struct flow_mismatch *m, const struct mm_store *st)
{
	struct mm_request *found = NULL;

	for (uint32_t i = 0; i < st->n; i++) {
		struct mm_request *r;

		if (!may_identify_request(m, &st->fields[i]))
			continue;
		r = mm_request__inbound(m, st->pid, st->fields[i].pub.hash);
		if (r && found && r->pub.conn != found->pub.conn)
			return NULL;
		found = r ? r : found;
	}
	return found;
}

static void bind(struct mm_store *st, uint64_t conn, uint64_t seq, enum finding_binding how)
{
	st->conn = conn;
	st->seq = seq;
	st->binding = how;
	st->unknown = UNKNOWN_NOT;
}

/*
 * Stores that an instance gets later in the same callback may be those of code that this request
 * woke up. On one page the address says which was first, else the one that was seen first.
 */
static void note_first(struct flow_mismatch *m, struct mm_store *st)
{
	struct mm_request *r = mm_request__find(m, st->conn, st->seq);
	struct mm_store *before;

	st->later_born = true;
	for (uint32_t i = 0; r && i < MM_FIRST; i++) {
		struct mm_born_first *f = &r->first[i];

		if (f->value && f->instance != st->instance)
			continue;
		if (f->value && (f->epoch != st->epoch || f->value < st->value ||
				 f->value >> MM_PAGE_BITS != st->value >> MM_PAGE_BITS))
			return;
		before = f->value ? flow_table__get(&m->stores, f->value,
						    epoch_key(st->thread, f->epoch))
				  : NULL;
		if (before)
			before->later_born = true;
		*f = (struct mm_born_first){st->instance, st->epoch, st->value};
		st->later_born = false;
		return;
	}
}

/* Whose store it is: by where it was made, by an id that came in, or by its span. */
static void bind_new(struct flow_mismatch *m, struct mm_instance *in, struct mm_store *st,
		     enum mm_born born, uint64_t conn, uint64_t seq)
{
	struct mm_request *inbound = inbound_owner(m, st);
	const struct mm_store *kin = in ? mm_span__kin(m, in, st) : NULL;

	if (born == MM_BORN_REQUEST && (!inbound || inbound->pub.conn == conn)) {
		bind(st, conn, seq, BINDING_BIRTH);
		if (in)
			in->born++;
		note_first(m, st);
		if (inbound || (kin && kin->conn == conn && kin->seq == seq))
			st->later_born = false;
	} else if (born != MM_BORN_REQUEST && inbound) {
		bind(st, inbound->pub.conn, inbound->pub.seq, BINDING_INBOUND);
	} else if (born != MM_BORN_REQUEST && kin) {
		bind(st, kin->conn, kin->seq, BINDING_SPAN);
	}
}

/* Whose callback made it, in the new space or in the old one. */
static enum mm_born born_where(const struct mm_thread *t, const struct mm_store *st, uint64_t top,
			       uint64_t *conn, uint64_t *seq)
{
	enum mm_born born = mm_thread__born(t, st->epoch, ADDRESS(st->value), top, conn, seq);
	const struct mm_tenured *p = NULL;

	/* Strings get there by being made unique, and constants when code is compiled: by whomever.
	 */
	if (born == MM_BORN_UNKNOWN && st->kind == LR_VALUE_OBJECT)
		p = mm_tenured__find(t, ADDRESS(st->value));
	/* What is known of it from epochs before was not looked for any further back. */
	if (!p || st->epoch - p->epoch > MM_TENURED_EPOCHS)
		return born;
	*conn = p->conn;
	*seq = p->seq;
	return MM_BORN_REQUEST;
}

static void resolve(struct flow_mismatch *m, const struct mm_thread *t, struct mm_store *st,
		    uint64_t top)
{
	struct mm_instance *in = mm_instance__get(m, t, st->instance);
	uint64_t conn = 0, seq = 0;
	enum mm_born born = born_where(t, st, top, &conn, &seq);
	struct mm_store *old = born == MM_BORN_UNKNOWN && in ? recognize(m, in, st) : NULL;

	st->resolved = true;
	if (old) {
		become(m, st, old);
		return;
	}
	bind_new(m, in, st, born, conn, seq);
	if (in)
		learn_values(m, in, st, born != MM_BORN_UNKNOWN);
	if (st->conn)
		return;
	if (born != MM_BORN_UNKNOWN) {
		st->unknown = UNKNOWN_ELSEWHERE;
	} else if (t->lost_turn) {
		st->unknown = UNKNOWN_LOSS;
	} else {
		st->unknown = st->epoch == t->first_epoch ? UNKNOWN_OLDER : UNKNOWN_MOVED;
	}
}

void mm_store__told(struct flow_mismatch *m, struct mm_thread *t, const struct fe_store *s)
{
	struct mm_store *st = get(m, t, s->value, s->epoch, s->instance);
	uint32_t n = s->n < FINDING_FIELDS ? s->n : FINDING_FIELDS;

	if (!st || st->n || !n)
		return;
	st->fields = calloc(n, sizeof(*st->fields));
	if (!st->fields)
		return;
	st->n = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct fe_store_field *from = &s->fields[i];
		struct mm_field *to = &st->fields[i];

		copy_text(to->pub.name, sizeof(to->pub.name), &from->name);
		copy_text(to->pub.text, sizeof(to->pub.text), &from->text);
		to->pub.hash = from->hash;
		to->pub.kind = from->kind;
		to->pub.constant = from->constant;
		to->len = from->len;
		to->cut = from->cut;
		to->span = mm_span__of(from);
	}
	/* It lies below the allocation top, wherever that is. */
	if (s->born && !st->resolved) {
		st->kind = s->kind;
		resolve(m, t, st, s->value + 1);
	}
}

struct mm_store *mm_store__sight(struct flow_mismatch *m, struct mm_thread *t,
				 const struct fe_stores *at, const struct fe_store_ref *ref)
{
	struct mm_store *st;

	if (ref->kind != LR_VALUE_STRING && ref->kind != LR_VALUE_OBJECT &&
	    ref->kind != LR_VALUE_MAP)
		return NULL;
	st = get(m, t, ref->value, at->epoch, ref->instance);
	if (!st || st->resolved)
		return st;
	st->kind = ref->kind;
	st->first_ns = t->stores_ts;
	resolve(m, t, st, at->top);
	return st;
}

struct mm_instance *mm_instance__get(struct flow_mismatch *m, const struct mm_thread *t,
				     uint32_t hash)
{
	struct mm_instance *in = flow_table__get(&m->instances, t->id, hash);

	if (in)
		return in;
	in = flow_pool__alloc(&m->instance_pool);
	if (!in || flow_table__put(&m->instances, t->id, hash, in)) {
		flow_pool__release(&m->instance_pool, in);
		m->counts.not_kept++;
		return NULL;
	}
	in->number = m->instances.count;
	return in;
}

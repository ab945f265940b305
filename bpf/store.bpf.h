/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which AsyncLocalStorage stores are active while the current thread sends: its JavaScript is
 * on the stack below the system call. One record per send names them; what a store holds is told
 * when it is met first in an epoch, since within one its address is its name.
 *
 * AsyncContextFrame: the isolate's continuation-preserved slot holds a Map from AsyncLocalStorage
 * instances to stores, or undefined. Both are read as they are; nothing is followed that does not
 * have the type or the shape it must have.
 */
#ifndef LOOPRAY_STORE_BPF_H
#define LOOPRAY_STORE_BPF_H

#include "heap_fields.bpf.h"
#include "store_hooks.bpf.h"
#include "birth.bpf.h"
#include "isolate.bpf.h"

#define STORE_ENTRIES 16  /* of a frame looked at */
#define STORE_SMALL   192 /* bytes of a table that has up to five of them */

/* Used as lr_bytes is: by one program at a time on a CPU. */
struct store_scratch {
	struct lr_ev_stores stores;
	struct lr_ev_store store;
	struct heap_walk walk;
	struct isolate_words isolate;
	__u64 learned; /* reference told last */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct store_scratch);
} lr_store_scratch SEC(".maps");

static __always_inline void store_add(struct lr_ev_stores *rec, __u64 value, __u32 instance)
{
	__u32 n = rec->n;

	if (n >= LR_STORES_MAX) {
		rec->flags |= LR_STORES_F_MORE;
		return;
	}
	rec->ref[n].value = value;
	rec->ref[n].instance = instance;
	rec->ref[n].kind = LR_VALUE_OTHER;
	rec->ref[n].flags = 0;
	rec->n = n + 1;
}

struct store_loop {
	const struct lr_heap *h;
	struct lr_task *t;
	struct heap_walk *w;
	struct lr_ev_stores *rec;
	int status;
};

/* A callback: one entry of a frame, which lies in w->table. */
static long store_entry(__u32 i, struct store_loop *l)
{
	__u64 at = l->w->entries + 3 * HEAP_WORD * (__u64)i, key, value;
	__u32 hash;
	int kind;

	if (i >= l->w->n.a + l->w->n.b || !heap_table(l->w, at, &key) ||
	    !heap_table(l->w, at + HEAP_WORD, &value))
		return 1;
	l->status = LR_STORES_CHECK;
	if (!(key & 1))
		return 1;
	if (l->w->n.b) { /* a hole stands where an entry was */
		kind = heap_kind(l->h, l->t, l->w, key);
		if (kind == HEAP_FAULT) {
			l->status = LR_STORES_FAULT;
			return 1;
		}
		if (kind != LR_VALUE_OBJECT) {
			l->status = LR_STORES_OK;
			return 0;
		}
	}
	hash = heap_hash(l->h, l->t, l->w, key);
	if (!hash)
		return 1;
	store_add(l->rec, value, hash);
	l->status = LR_STORES_OK;
	return 0;
}

/* The frame's map is one that was seen to be a JSMap's, or is one now. */
static __always_inline int store_is_frame(const struct lr_heap *h, struct lr_task *t,
					  struct heap_walk *w, __u64 frame)
{
	__u64 map;
	int kind;

	heap_read(&w->obj, frame - 1);
	if (!heap_get___u64(&w->obj, -1, &map))
		return LR_STORES_FAULT;
	if (map == t->frame_map && t->frame_epoch == t->epoch)
		return LR_STORES_OK;
	kind = heap_type(h, t, map);
	if (kind < 0)
		return LR_STORES_FAULT;
	if (kind != h->type_js_map)
		return LR_STORES_CHECK;
	t->frame_map = map;
	t->frame_epoch = t->epoch;
	return LR_STORES_OK;
}

/* What the slot holds: LR_STORES_OK with the frame in rec->carrier, 0 if there is none. */
static __always_inline int store_frame(const struct lr_heap *h, struct lr_task *t,
				       const struct isolate_words *isolate,
				       struct lr_ev_stores *rec)
{
	if (!isolate->js_entry)
		return LR_STORES_NO_JS;
	if (!t->undefined && h->isolate_undefined)
		t->undefined = read_u64(t->isolate + h->isolate_undefined);
	if (isolate->cped != t->undefined) {
		rec->carrier = isolate->cped;
		return rec->carrier & 1 ? LR_STORES_OK : LR_STORES_CHECK;
	}
	rec->carrier = 0;
	/* Without knowing whether JavaScript runs, no frame says nothing. */
	return h->isolate_js_entry ? LR_STORES_OK : LR_STORES_NO_JS;
}

/* The whole of a small table into w->table, and where its entries begin there. */
static __always_inline bool store_small(const struct lr_heap *h, struct heap_walk *w, __u64 table)
{
	__u64 from = table + (__u32)h->fixed_array_data - HEAP_WORD, entries;

	if (!(table & 1) || bpf_probe_read_user(w->table, STORE_SMALL, (void *)from) ||
	    !heap_counts_of(w, (const __u64 *)w->table))
		return false;
	entries = HEAP_WORD * (4 + w->n.c);
	w->entries = entries;
	return entries + 3 * HEAP_WORD * (w->n.a + w->n.b) <= STORE_SMALL;
}

/*
 * The table of the frame's map: its counts into w->n, its entries into w->table. A small one
 * is read at once; else, or if nothing is mapped behind it, the counts come first.
 */
static __always_inline int store_table(const struct lr_heap *h, struct heap_walk *w, __u64 table,
				       struct lr_ev_stores *rec)
{
	__u64 size;

	if (store_small(h, w, table))
		return heap_ordered(&w->n) ? LR_STORES_OK : LR_STORES_CHECK;
	if (!heap_counts(h, w, table) || !heap_ordered(&w->n))
		return LR_STORES_CHECK;
	w->entries = 0;
	size = w->n.a + w->n.b;
	if (size > STORE_ENTRIES) {
		size = STORE_ENTRIES;
		rec->flags |= LR_STORES_F_MORE;
	}
	size *= 3 * HEAP_WORD;
	table += (__u32)h->fixed_array_data + HEAP_WORD * (3 + w->n.c);
	asm volatile("" : "+r"(size));
	if (size > HEAP_TABLE || (size && bpf_probe_read_user(w->table, size, (void *)table)))
		return LR_STORES_FAULT;
	return LR_STORES_OK;
}

/* Fills @rec's references from the AsyncContextFrame. Returns enum lr_store_status. */
__noinline int store_acf_refs(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			      const struct isolate_words *isolate, struct lr_ev_stores *rec)
{
	struct store_loop l = {.h = h, .t = t, .w = w, .rec = rec};
	__u64 table = 0;
	int status;

	if (!h || !t || !w || !isolate || !rec)
		return LR_STORES_FAULT;
	status = store_frame(h, t, isolate, rec);
	if (status || !rec->carrier)
		return status;
	status = store_is_frame(h, t, w, rec->carrier);
	if (status)
		return status;
	if (!heap_get___u64(&w->obj, h->js_map_table, &table))
		return LR_STORES_FAULT;
	status = store_table(h, w, table, rec);
	if (!status)
		bpf_loop(STORE_ENTRIES, store_entry, &l, 0);
	return status ? status : l.status;
}

/* Whether a store of that kind has something to be told. */
static __always_inline bool store_has_fields(int kind)
{
	return kind == LR_VALUE_OBJECT || kind == LR_VALUE_MAP || kind == LR_VALUE_STRING ||
	       kind == LR_VALUE_DOUBLE;
}

static __always_inline struct lr_told *store_told(__u64 value)
{
	__u32 slot = ((__u32)(value >> 3) * 0x9e3779b1U) >> 21; /* LR_TOLD of them */

	return bpf_map_lookup_elem(&lr_told, &slot);
}

/* Writes what the store in @rec holds. False: it could not be read, or not be written. */
static __always_inline bool store_tell(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, struct lr_ev_store *rec, __u32 flags)
{
	__u64 n;

	if (heap_store(h, t, w, rec)) {
		stat_add(LR_STAT_store_fault, 1);
		return false;
	}
	n = rec->n;
	asm volatile("" : "+r"(n));
	if (n > LR_STORE_FIELDS)
		return false;
	n = __builtin_offsetof(struct lr_ev_store, field) + n * sizeof(rec->field[0]);
	rec->h.size = n;
	rec->flags |= flags;
	rec->h.seq = ++t->seq;
	return emit_copy(rec, n);
}

/* Thread and epoch in which a store is told. */
static __always_inline __u64 store_by(const struct lr_ev_store *rec, const struct lr_task *t)
{
	return (__u64)rec->h.tid << 32 | t->epoch << 8;
}

/* As heap_kind: an object whose class is known needs no look at its map. */
static __always_inline int store_kind(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, const struct lr_ev_store *rec,
				      __u64 value)
{
	__u64 map;

	if (value & 1) {
		heap_read(&w->val, value - 1);
		if (heap_get___u64(&w->val, -1, &map) && shape_find(t, map, rec->h.ts))
			return LR_VALUE_OBJECT;
	}
	return heap_kind(h, t, w, value);
}

/*
 * The kind of a reference, and what it holds if that was not told yet. 1: it was told now, and its
 * beginning is in w->obj if it has fields; HEAP_FAULT.
 */
__noinline int store_ref(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			 struct lr_ev_store *rec, struct lr_store_ref *ref)
{
	struct lr_told *told;
	int kind;

	if (!h || !t || !w || !rec || !ref)
		return HEAP_FAULT;
	told = store_told(ref->value);
	if (!told)
		return HEAP_FAULT;
	kind = told->by & 0xff;
	if (told->value == ref->value && kind && told->by == (store_by(rec, t) | kind)) {
		ref->kind = kind;
		return 0;
	}
	kind = store_kind(h, t, w, rec, ref->value);
	if (kind < 0)
		return kind;
	ref->kind = kind;
	if (!store_has_fields(kind))
		return 0;
	rec->value = ref->value;
	rec->instance = ref->instance;
	rec->kind = kind;
	if (!store_tell(h, t, w, rec, ref->flags))
		return 0;
	/* Looked up again: where call frames share 512 bytes, none are left to keep it. */
	told = store_told(ref->value);
	if (!told)
		return HEAP_FAULT;
	told->value = ref->value;
	told->by = store_by(rec, t) | ref->kind;
	return 1;
}

static __noinline void store_begin(struct task_struct *task, struct lr_task *t,
				   struct store_scratch *s, __u64 now)
{
	struct lr_event *h = &s->stores.h;

	h->ts = now;
	h->pid = task->tgid;
	h->tid = task->pid;
	h->type = LR_EV_STORES;
	h->size = sizeof(s->stores);
	s->store.h = *h;
	s->store.h.type = LR_EV_STORE;
	s->store.env = t->env;
	s->store.epoch = t->epoch;
	s->stores.env = t->env;
	s->stores.epoch = t->epoch;
	s->stores.exec_id = 0;
	s->stores.trigger_id = 0;
	s->stores.top = 0;
	s->stores.carrier = 0;
	s->stores.flags = 0;
	s->stores.n = 0;
}

/*
 * The kinds of the references, and what they hold where that was not told. Returns how many are
 * active, or HEAP_FAULT. On its own for the verifier: a loop over calls.
 */
__noinline int store_refs(const struct lr_process_config *p, struct lr_task *t,
			  struct store_scratch *s)
{
	int active = 0, told;

	if (!p || !t || !s)
		return HEAP_FAULT;
	s->learned = LR_STORES_MAX;
	for (__u32 i = 0; i < LR_STORES_MAX && i < s->stores.n; i++) {
		told = store_ref(&p->heap, t, &s->walk, &s->store, &s->stores.ref[i]);
		if (told < 0)
			return HEAP_FAULT;
		if (told)
			s->learned = i;
		active += s->stores.ref[i].kind != LR_VALUE_UNDEFINED;
	}
	return active;
}

/* Stores of the object told last have its map: walk.obj is its beginning. */
static __always_inline void store_learn(struct task_struct *task, struct store_scratch *s)
{
	__u32 i = s->learned;
	struct lr_births *b;

	if (i >= LR_STORES_MAX || s->stores.ref[i].kind != LR_VALUE_OBJECT)
		return;
	b = births_of(task, 0);
	if (b)
		birth_learn(b, *heap_word(s->walk.obj.b), s->stores.ref[i].instance);
}

static __always_inline int store_read(struct task_struct *task, struct lr_task *t,
				      const struct lr_process_config *p, struct store_scratch *s)
{
	struct lr_ev_stores *rec = &s->stores;
	int status, active;

	if (p->mechanism == LR_MECHANISM_OFF || !(p->heap.flags & LR_HEAP_OBJECTS))
		return LR_STORES_OFF;
	if (!t->env || !t->isolate)
		return LR_STORES_NO_ENV;
	/* Both at once: they lie side by side there and here. */
	if (t->uid_addr)
		bpf_probe_read_user(&rec->exec_id, 2 * sizeof(rec->exec_id), (void *)t->uid_addr);
	if (p->mechanism == LR_MECHANISM_HOOKS) {
		rec->flags |= LR_STORES_F_HOOKS;
		rec->top = turn_top(&p->heap, t);
		status = store_hooks_refs(task, t, p, rec);
	} else {
		status = isolate_read(&p->heap, t, &s->isolate);
		rec->top = s->isolate.top;
		if (!status)
			status = store_acf_refs(&p->heap, t, &s->walk, &s->isolate, rec);
	}
	if (status)
		return status;
	active = store_refs(p, t, s);
	if (active < 0)
		return LR_STORES_FAULT;
	store_learn(task, s);
	if ((!active || active < (int)rec->n) && p->mechanism == LR_MECHANISM_HOOKS &&
	    store_hooks_promise(task, t, p))
		rec->flags |= LR_STORES_F_PROMISE;
	return LR_STORES_OK;
}

_Static_assert(sizeof(struct store_scratch) <= sizeof(((struct lr_plain_scratch *)0)->stores),
	       "struct lr_plain_scratch has too little room for stores");

/* Only the references that it has. */
static __always_inline void store_emit(struct lr_ev_stores *rec)
{
	__u64 n = rec->n;

	asm volatile("" : "+r"(n));
	if (n > LR_STORES_MAX)
		return;
	n = __builtin_offsetof(struct lr_ev_stores, ref) + n * sizeof(rec->ref[0]);
	rec->h.size = n;
	emit_copy(rec, n);
}

/*
 * Tells of the stores that are active now; s->stores has conn and op already, and n afterwards. @t
 * must have looked for its environment. Inline: there is no call frame left for it.
 */
static __always_inline void store_tell_active(struct store_scratch *s, struct task_struct *task,
					      struct lr_task *t, const struct lr_process_config *p,
					      __u64 now)
{
	int status;

	store_begin(task, t, s, now);
	status = store_read(task, t, p, s);
	if (status == LR_STORES_FAULT)
		stat_add(LR_STAT_store_fault, 1);
	else if (status == LR_STORES_CHECK)
		stat_add(LR_STAT_store_check, 1);
	if (status != LR_STORES_OK)
		s->stores.n = 0;
	s->stores.status = status;
	s->stores.h.seq = ++t->seq;
	store_emit(&s->stores);
}

/* Where a program puts its records together: one that may be preempted has @own memory for it. */
static __always_inline struct store_scratch *store_scratch(struct task_struct *task, __u32 own)
{
	struct lr_plain_scratch *plain;
	__u32 zero = 0;

	if (!own)
		return bpf_map_lookup_elem(&lr_store_scratch, &zero);
	plain = bpf_task_storage_get(&lr_plain_scratch, task, NULL, 0);
	return plain ? (struct store_scratch *)plain->stores : NULL;
}

/*
 * Tells of the stores that are active at a send on @conn. Returns how many, or -1: nothing is told
 * of this process. Where its stores cannot be read, only its heads say so. Looked at once (global).
 */
__noinline int store_active(struct lr_conn *conn, __u64 now, __u32 own)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	struct store_scratch *s;

	if (!conn || !t || !p || p->mechanism == LR_MECHANISM_NONE ||
	    (conn->class != LR_CONN_SERVER && p->mechanism == LR_MECHANISM_OFF))
		return -1;
	s = store_scratch(task, own);
	if (!s)
		return -1;
	runtime_env(task, t);
	if (!turn_in_use(p, t))
		return 0;
	tenured_now(task, t, p);
	s->stores.conn = conn->id;
	s->stores.op = conn->class == LR_CONN_SERVER ? LR_OP_SERVER : LR_OP_CLIENT;
	store_tell_active(s, task, t, p, now);
	return s->stores.n;
}

/*
 * The same where a job is handed to the thread pool, by a uprobe. A function of its own: what sends
 * call has no room on the stack for more arguments.
 */
__noinline int store_active_job(__u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	struct store_scratch *s;

	if (!t || !turn_wanted(p))
		return -1;
	s = store_scratch(task, 1);
	if (!s)
		return -1;
	runtime_env(task, t);
	if (!turn_in_use(p, t))
		return 0;
	tenured_now(task, t, p);
	s->stores.conn = 0;
	s->stores.op = LR_OP_JOB;
	store_tell_active(s, task, t, p, now);
	return s->stores.n;
}

_Static_assert(sizeof(struct store_scratch) <= sizeof(((struct lr_births *)0)->scratch),
	       "struct lr_births has too little scratch");

/* Tells of the objects in found[]: a collection is about to move them. */
__noinline int births_tell(struct lr_births *b, struct lr_task *t,
			   const struct lr_process_config *p)
{
	struct store_scratch *s;

	if (!b || !t || !p)
		return 0;
	s = (struct store_scratch *)b->scratch;
	s->store.h.ts = bpf_ktime_get_ns();
	s->store.h.pid = b->tgid;
	s->store.h.tid = b->tid;
	s->store.h.type = LR_EV_STORE;
	s->store.env = t->env;
	s->store.epoch = t->epoch;
	for (__u32 i = 0; i < LR_BIRTH_FOUND && i < b->nfound; i++)
		store_ref(&p->heap, t, &s->walk, &s->store, &b->found[i]);
	return 0;
}

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Async resources with a native object: init, destroy, and the callback scopes they run in;
 * the HTTP parser; garbage collection. All uprobes, so all rare or paid for by level.
 *
 * At the entry of AsyncWrap::AsyncReset the new id does not exist yet: it will be the id
 * counter plus one, with the default trigger id if that is set and else the execution id.
 * The destructor and EmitDestroy(bool) both end a resource, one often within the other, so
 * the same object with the same id counts once. An object that is reset again ends its old
 * id first.
 *
 * The scope probe sits where the runtime pops the async context of a native callback: the
 * ids of the callback that just ran are still the current ones there ("after"). Its begin
 * has no probe: it lies behind the record before it, which is what the reader uses.
 */
#include "emit.bpf.h"
#include "filter.bpf.h"
#include "birth_search.bpf.h"

/* The observed process and the thread's context, or false. */
static __always_inline bool enter(__u32 probe, struct task_struct **task, struct lr_task **t)
{
	*task = bpf_get_current_task_btf();
	if (!filter_tgid((*task)->tgid))
		return false;
	probe_hit(probe);
	*t = task_context(*task);
	return *t != NULL;
}

static __always_inline void resource_fill(struct lr_ev_resource *rec, struct lr_task *t,
					  __u64 object, const struct runtime_ids *ids,
					  bool have_ids)
{
	rec->env = t->env;
	rec->object = object;
	rec->exec_id = have_ids ? ids->exec : 0;
	rec->counter = have_ids ? ids->counter : 0;
	rec->conn = t->conn;
	rec->flags = have_ids ? LR_RES_F_EXEC : 0;
}

static __always_inline bool is_id(__u64 bits)
{
	return bits && !(bits & DOUBLE_SIGN);
}

static __always_inline void resource_end(struct task_struct *task, struct lr_task *t, __u64 object,
					 __u64 id, __u32 flags)
{
	struct lr_resource_key key = {.env = t->env, .async_id = id};
	struct lr_resource *live;
	struct lr_ev_resource *rec;
	struct runtime_ids ids = {};
	bool have_ids;

	if (!is_id(id) || (t->destroyed == object && t->destroyed_id == id))
		return;
	t->destroyed = object;
	t->destroyed_id = id;
	have_ids = runtime_ids(t, &ids);
	rec = emit_new(lr_ev_resource, task, t, LR_EV_DESTROY);
	live = bpf_map_lookup_elem(&lr_resources, &key);
	if (rec) {
		resource_fill(rec, t, object, &ids, have_ids);
		rec->async_id = id;
		rec->trigger_id = live ? live->trigger_id : 0;
		rec->provider = live ? live->provider : 0;
		rec->flags |= flags | (live ? LR_RES_F_IDS | LR_RES_F_PROVIDER : 0);
		emit_commit(rec);
	}
	if (live)
		bpf_map_delete_elem(&lr_resources, &key);
}

static __always_inline void resource_keep(struct lr_task *t, const struct lr_ev_resource *rec)
{
	struct lr_resource_key key = {.env = rec->env, .async_id = rec->async_id};
	struct lr_resource live = {
		.trigger_id = rec->trigger_id,
		.birth_ns = rec->h.ts,
		.conn = rec->conn,
		.conn_in = t->conn_in,
		.provider = rec->provider,
	};

	if (bpf_map_update_elem(&lr_resources, &key, &live, BPF_ANY))
		stat_add(LR_STAT_resource_full, 1);
}

/* The environment of @object, through the object itself: right in every thread. */
static __always_inline void object_env(struct task_struct *task, const struct lr_layout *l,
				       struct lr_task *t, __u64 object)
{
	__u64 env;

	if (t->env)
		return;
	env = chain_walk(&l->wrap_env, object);
	if (env) {
		t->isolate = runtime_isolate(l, task);
		runtime_cache_env(l, t, env);
	} else {
		stat_add(LR_STAT_runtime_fault, 1);
	}
}

static __noinline void resource_begin(struct task_struct *task, struct lr_task *t, __u64 object,
				      const struct lr_layout *l)
{
	struct lr_ev_resource *rec;
	struct runtime_ids ids = {};
	__u32 provider = 0;
	bool have_ids;

	have_ids = runtime_ids(t, &ids);
	if (bpf_probe_read_user(&provider, sizeof(provider), (void *)(object + l->wrap_provider)))
		provider = l->provider_max;
	rec = emit_new(lr_ev_resource, task, t, LR_EV_INIT);
	if (!rec)
		return;
	resource_fill(rec, t, object, &ids, have_ids);
	rec->async_id = 0;
	rec->trigger_id = 0;
	if (have_ids) {
		rec->async_id = u64_to_double(double_to_u64(ids.counter) + 1);
		rec->trigger_id =
			ids.default_trigger & DOUBLE_SIGN ? ids.exec : ids.default_trigger;
		rec->flags |= LR_RES_F_IDS;
	}
	rec->provider = provider;
	if (provider < l->provider_max)
		rec->flags |= LR_RES_F_PROVIDER;
	else
		stat_add(LR_STAT_runtime_check, 1);
	if (have_ids)
		resource_keep(t, rec);
	emit_commit(rec);
}

SEC("uprobe")
int BPF_KPROBE(lr_async_init, __u64 object)
{
	struct lr_process_config *p;
	struct task_struct *task;
	struct lr_task *t;
	__u64 old = 0;
	__u32 tgid;

	if (!enter(LR_PROBE_async_init, &task, &t))
		return 0;
	tgid = task->tgid;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!p || !(p->layout.flags & LR_LAYOUT_WRAP))
		return 0;
	clock_slept(task, t);
	object_env(task, &p->layout, t, object);
	if (!bpf_probe_read_user(&old, sizeof(old), (void *)(object + p->layout.wrap_async_id)))
		resource_end(task, t, object, old, LR_RES_F_REUSE);
	resource_begin(task, t, object, &p->layout);
	return 0;
}

static __always_inline int destroy(__u32 probe, __u64 object)
{
	struct lr_process_config *p;
	struct task_struct *task;
	struct lr_task *t;
	__u64 id = 0;
	__u32 tgid;

	if (!enter(probe, &task, &t))
		return 0;
	tgid = task->tgid;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!p || !(p->layout.flags & LR_LAYOUT_WRAP))
		return 0;
	if (bpf_probe_read_user(&id, sizeof(id), (void *)(object + p->layout.wrap_async_id))) {
		stat_add(LR_STAT_runtime_fault, 1);
		return 0;
	}
	if (!is_id(id))
		return 0;
	clock_slept(task, t);
	object_env(task, &p->layout, t, object);
	resource_end(task, t, object, id, 0);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_async_destroy, __u64 object)
{
	return destroy(LR_PROBE_async_destroy, object);
}

SEC("uprobe")
int BPF_KPROBE(lr_async_emit_destroy, __u64 object)
{
	return destroy(LR_PROBE_async_emit_destroy, object);
}

SEC("uprobe")
int BPF_KPROBE(lr_scope_end)
{
	struct runtime_ids ids = {};
	struct lr_ev_scope *rec;
	struct task_struct *task;
	struct lr_task *t;

	if (!enter(LR_PROBE_callback_scope, &task, &t))
		return 0;
	clock_slept(task, t);
	runtime_env(task, t);
	if (!runtime_ids(t, &ids))
		return 0;
	t->scope_id = ids.exec;
	rec = emit_new(lr_ev_scope, task, t, LR_EV_SCOPE);
	if (!rec)
		return 0;
	rec->env = t->env;
	rec->async_id = ids.exec;
	rec->trigger_id = ids.trigger;
	rec->counter = ids.counter;
	rec->conn = t->conn;
	rec->flags = LR_RES_F_IDS | LR_RES_F_EXEC;
	rec->pad = 0;
	emit_commit(rec);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_http_parser, __u64 parser)
{
	struct runtime_ids ids = {};
	struct lr_ev_parser *rec;
	struct task_struct *task;
	struct lr_task *t;

	if (!enter(LR_PROBE_http_parser, &task, &t))
		return 0;
	runtime_env(task, t);
	runtime_ids(t, &ids);
	rec = emit_new(lr_ev_parser, task, t, LR_EV_PARSER);
	if (!rec)
		return 0;
	rec->env = t->env;
	rec->parser = parser;
	rec->conn = t->conn;
	rec->exec_id = ids.exec;
	rec->type = 0;
	rec->method = 0;
	rec->flags = 0;
	rec->pad = 0;
	emit_commit(rec);
	return 0;
}

/* Where the thread allocates next, if somebody wants to know. */
static __always_inline __u64 gc_top(struct task_struct *task, struct lr_task *t)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);

	return turn_wanted(p) ? turn_top(&p->heap, t) : 0;
}

/* Of request.bpf.c, which has all that reads the heap. */
extern int births_tell(struct lr_births *b, struct lr_task *t, const struct lr_process_config *p);

/* What a collection is about to move, as far as it is known where it was made. */
static __always_inline void gc_births(struct task_struct *task, struct lr_task *t)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);
	struct lr_births *b;

	if (!turn_wanted(p) || !(p->heap.flags & LR_HEAP_OBJECTS))
		return;
	b = bpf_task_storage_get(&lr_births, task, NULL, 0);
	if (!b)
		return;
	b->tgid = tgid;
	b->tid = task->pid;
	births_search(b, t->epoch, turn_top(&p->heap, t));
	births_tell(b, t, p);
}

/* The old space's area: before a collection it is the callback's, behind one it is a new one. */
static __always_inline void gc_tenured(struct task_struct *task, struct lr_task *t, bool begins)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p = bpf_map_lookup_elem(&lr_processes, &tgid);

	if (turn_wanted(p) && t->turn_open)
		tenured_look(task, t, &p->heap, begins);
}

/* A collection may move what it finds: an epoch ends with its beginning. */
static __always_inline int gc(__u32 probe, __u32 phase, __u32 arg)
{
	struct lr_ev_gc *rec;
	struct task_struct *task;
	struct lr_task *t;

	if (!enter(probe, &task, &t))
		return 0;
	gc_tenured(task, t, !phase);
	if (!phase) {
		gc_births(task, t);
		t->epoch++;
	}
	rec = emit_new(lr_ev_gc, task, t, LR_EV_GC);
	if (!rec)
		return 0;
	rec->phase = phase;
	rec->space = arg;
	rec->epoch = t->epoch;
	rec->pad = 0;
	rec->top = phase ? gc_top(task, t) : 0;
	emit_commit(rec);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(lr_gc_start)
{
	return gc(LR_PROBE_gc_start, 0, 0);
}

/* The second argument of GarbageCollectionEpilogue is the collector: 0 is the scavenger. */
SEC("uprobe")
int BPF_KPROBE(lr_gc_end, __u64 heap, __u64 collector)
{
	return gc(LR_PROBE_gc_end, 1, collector);
}

/*
 * Where what wakes the loop cannot be seen, what completes a file operation stands for it: that
 * comes in the callback of its job, if jobs are followed, which is a turn of its own.
 */
static __always_inline bool in_job(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lr_task *t;

	if (!filter_tgid(task->tgid))
		return false;
	t = bpf_task_storage_get(&lr_tasks, task, NULL, 0);
	return t && t->job_runs;
}

/* What the loop turns to that is no receive. @handle: of the timer that is due. */
static __always_inline int turn(__u32 probe, __u16 kind, __u64 handle)
{
	struct task_struct *task;
	struct lr_task *t;

	if (enter(probe, &task, &t)) {
		t->work = 0;
		turn_tell(task, t, kind, handle, 0);
	}
	return 0;
}

/* Environment::RunTimers(uv_timer_t *) */
SEC("uprobe")
int BPF_KPROBE(lr_loop_timers, __u64 handle)
{
	return turn(LR_PROBE_loop_timers, LR_TURN_TIMERS, handle);
}

SEC("uprobe")
int BPF_KPROBE(lr_loop_immediates)
{
	return turn(LR_PROBE_loop_immediates, LR_TURN_IMMEDIATES, 0);
}

SEC("uprobe")
int BPF_KPROBE(lr_loop_async)
{
	if (in_job()) {
		probe_hit(LR_PROBE_loop_async);
		return 0;
	}
	return turn(LR_PROBE_loop_async, LR_TURN_ASYNC, 0);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checked reads of the runtime's memory by the layout table. A walk that faults or does not
 * lead back to where it came from yields 0, is counted, and what hangs on it is unknown.
 */
#ifndef LOOPRAY_RUNTIME_BPF_H
#define LOOPRAY_RUNTIME_BPF_H

#include "maps.bpf.h"

/* Environments are looked for this often per thread before it counts as having none. */
#define RUNTIME_MAX_WALKS 64

static __always_inline __u64 read_u64(__u64 addr)
{
	__u64 v = 0;

	if (bpf_probe_read_user(&v, sizeof(v), (void *)addr))
		return 0;
	return v;
}

/* Follows @c from @p. A NULL on the way or a fault gives 0. */
static __always_inline __u64 chain_walk(const struct lr_chain *c, __u64 p)
{
	for (__u32 i = 0; i < LR_CHAIN_MAX; i++) {
		if (i >= c->n)
			break;
		if (!p)
			return 0;
		p = read_u64(p + c->off[i]);
	}
	return p;
}

/* The thread's isolate at this moment, 0 if it runs none. */
static __always_inline __u64 runtime_isolate(const struct lr_layout *l, struct task_struct *task)
{
	return read_u64(task->thread.fsbase + l->tls_isolate);
}

static __always_inline void runtime_forget(struct lr_task *t)
{
	t->isolate = 0;
	t->env = 0;
	t->uid_addr = 0;
	t->fields_addr = 0;
	t->idle_addr = 0;
	t->idle_known = 0;
}

/* Caches what hangs on environment @env. */
static __always_inline void runtime_cache_env(const struct lr_layout *l, struct lr_task *t,
					      __u64 env)
{
	__u64 loop, internal;

	t->env = env;
	if (l->flags & LR_LAYOUT_IDS) {
		t->uid_addr = chain_walk(&l->env_uid, env);
		t->fields_addr = chain_walk(&l->env_fields, env);
	}
	if (!(l->flags & LR_LAYOUT_LOOP))
		return;
	loop = chain_walk(&l->env_loop, env);
	internal = loop ? chain_walk(&l->loop_internal, loop) : 0;
	if (internal)
		t->idle_addr = internal + l->loop_idle;
	t->idle_known = 0;
}

/*
 * Finds the environment of the current thread, once: later calls return the cached one.
 * Returns 0 if it has none (not a JavaScript thread, or its environment is being set up).
 */
static __noinline __u64 runtime_find_env(struct task_struct *task, struct lr_task *t)
{
	__u32 tgid = task->tgid;
	struct lr_process_config *p;
	__u64 isolate, env;

	if (t->walks >= RUNTIME_MAX_WALKS)
		return 0;
	p = bpf_map_lookup_elem(&lr_processes, &tgid);
	if (!p || p->starting || !(p->layout.flags & LR_LAYOUT_ENV))
		return 0;
	t->walks++;
	isolate = runtime_isolate(&p->layout, task);
	if (!isolate)
		return 0;
	env = chain_walk(&p->layout.isolate_env, isolate);
	/* Being set up or torn down: what depends on it says that it is unknown. */
	if (!env || chain_walk(&p->layout.env_isolate, env) != isolate) {
		stat_add(LR_STAT_env_not_found, 1);
		return 0;
	}
	t->isolate = isolate;
	runtime_cache_env(&p->layout, t, env);
	return env;
}

static __always_inline __u64 runtime_env(struct task_struct *task, struct lr_task *t)
{
	return t->env ? t->env : runtime_find_env(task, t);
}

/* async_id_fields: execution id, trigger id, counter, default trigger id (bits of doubles). */
struct runtime_ids {
	__u64 exec;
	__u64 trigger;
	__u64 counter;
	__u64 default_trigger;
};

static __always_inline bool runtime_ids(struct lr_task *t, struct runtime_ids *ids)
{
	if (!t->uid_addr)
		return false;
	if (bpf_probe_read_user(ids, sizeof(*ids), (void *)t->uid_addr)) {
		stat_add(LR_STAT_runtime_fault, 1);
		return false;
	}
	t->exec_id = ids->exec;
	t->trigger_id = ids->trigger;
	return true;
}

#define DOUBLE_SIGN	 (1ULL << 63)
#define DOUBLE_MINUS_ONE 0xbff0000000000000ULL

/* Non-negative whole number <-> bits of a double (BPF has no floating point). */
static __always_inline __u64 double_to_u64(__u64 bits)
{
	__u64 mantissa = (bits & ((1ULL << 52) - 1)) | 1ULL << 52;
	__s32 exponent = (__s32)(bits >> 52 & 0x7ff) - 1023;

	if (exponent < 0 || exponent > 52)
		return 0;
	return mantissa >> (52 - exponent);
}

static __always_inline __u64 u64_to_double(__u64 v)
{
	__u32 top = 0;

	if (!v)
		return 0;
	/* Position of the highest bit by halving: no count-leading-zeros in BPF. */
	if (v >> 32)
		top += 32;
	if (v >> (top + 16))
		top += 16;
	if (v >> (top + 8))
		top += 8;
	if (v >> (top + 4))
		top += 4;
	if (v >> (top + 2))
		top += 2;
	if (v >> (top + 1))
		top += 1;
	if (top > 52)
		return 0;
	return (v << (52 - top) & ((1ULL << 52) - 1)) | (__u64)(top + 1023) << 52;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which stores are active where AsyncLocalStorage works over async_hooks: those of the resource
 * that JavaScript runs in. It is on top of one of two stacks, that of JavaScript's own or that of
 * native code; both have the same height.
 *
 * Not seen: the time of exit() or after disable() of one AsyncLocalStorage while another one is
 * in use; its store is then told though getStore() is undefined.
 */
#ifndef LOOPRAY_STORE_HOOKS_BPF_H
#define LOOPRAY_STORE_HOOKS_BPF_H

#include "hooks_shape.bpf.h"

#define HOOKS_STACK_MAX	 4096
#define HOOKS_NODE_WORDS 64 /* elements in a node of a std::deque: 512 bytes */
#define HOOKS_FIELD_INIT 0  /* of async_hooks' counters: hooks that are told of new resources */

/* Made when a thread sends with its environment known; dies with the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hooks_state);
} lr_hooks SEC(".maps");

/* Takes the entry of JavaScript's stack, if there is one. */
__noinline int hooks_js_top(const struct lr_heap *h, struct hooks_state *s)
{
	if (!h || !s)
		return 0;
	/* A JSArray: map, properties, elements, length. */
	if (!hooks_read(&s->object, sizeof(s->object), s->js) || !hooks_is_object(s->object) ||
	    !hooks_read(s->words, sizeof(s->words), s->object - 1))
		return hooks_end(s, LR_STORES_FAULT);
	if (!hooks_is_object(s->words[2]) || !heap_is_smi(s->words[3]))
		return hooks_end(s, LR_STORES_CHECK);
	if (s->top > heap_smi(s->words[3]))
		return 0;
	if (!hooks_read(&s->object, sizeof(s->object),
			s->words[2] + h->fixed_array_data + (__u64)HEAP_WORD * (s->top - 1)))
		return hooks_end(s, LR_STORES_FAULT);
	return 1;
}

/* Address of an element of native code's stack: in a vector (begin, end). */
static __always_inline int hooks_vector(struct hooks_state *s, __u64 vector)
{
	if (!hooks_read(s->words, 2 * HEAP_WORD, vector))
		return hooks_end(s, LR_STORES_FAULT);
	s->words[0] += (__u64)HEAP_WORD * (s->top - 1);
	return s->words[0] < s->words[1] ? 1 : hooks_end(s, LR_STORES_CHECK);
}

/* The same in a deque, of which @deque is the first iterator (cur, first, last, node). */
static __always_inline int hooks_deque(struct hooks_state *s, __u64 deque)
{
	__u64 cur, first, i;

	if (!hooks_read(s->words, sizeof(s->words), deque))
		return hooks_end(s, LR_STORES_FAULT);
	cur = s->words[0];
	first = s->words[1];
	if (cur < first || cur >= s->words[2])
		return hooks_end(s, LR_STORES_CHECK);
	i = s->top - 1 + (cur - first) / HEAP_WORD;
	if (i >= HOOKS_NODE_WORDS &&
	    !hooks_read(&s->words[1], HEAP_WORD, s->words[3] + i / HOOKS_NODE_WORDS * HEAP_WORD))
		return hooks_end(s, LR_STORES_FAULT);
	s->words[0] = s->words[1] + i % HOOKS_NODE_WORDS * HEAP_WORD;
	return 1;
}

/* Takes the entry of native code's stack. */
__noinline int hooks_native_top(const struct lr_heap *h, struct hooks_state *s)
{
	__u64 stack;

	if (!h || !s)
		return 0;
	stack = s->env + h->env_native_resources;
	if (!(h->resources_kind & LR_RESOURCES_DEQUE ? hooks_deque(s, stack)
						     : hooks_vector(s, stack)))
		return 0;
	/* An element leads to the handle, and that to the object. */
	if (!hooks_read(s->words, HEAP_WORD, s->words[0]) ||
	    (h->resources_kind & LR_RESOURCES_POINTERS &&
	     !hooks_read(s->words, HEAP_WORD, s->words[0])) ||
	    !hooks_read(&s->object, sizeof(s->object), s->words[0]))
		return hooks_end(s, LR_STORES_FAULT);
	return 1;
}

/* Takes the height of the stacks. Returns whether there can be stores. */
static __always_inline int hooks_height(const struct lr_heap *h, struct hooks_state *s)
{
	__u32 *fields = (__u32 *)s->words; /* LR_HOOKS_FIELDS of them */

	if (!hooks_read(s->words, sizeof(s->words), s->fields))
		return hooks_end(s, LR_STORES_FAULT);
	s->top = fields[h->field_stack & (LR_HOOKS_FIELDS - 1)];
	if (!s->top)
		return hooks_end(s, LR_STORES_NO_JS);
	if (s->top > HOOKS_STACK_MAX)
		return hooks_end(s, LR_STORES_CHECK);
	/*
	 * An AsyncLocalStorage in use has an init hook enabled; without one, all are disabled
	 * (also while exit() runs), whatever the resource still has.
	 */
	return fields[HOOKS_FIELD_INIT] ? 1 : hooks_end(s, LR_STORES_OK);
}

/* Goes on to the public object if there is one. A symbol whose value is undefined is none. */
static __always_inline int hooks_public(const struct lr_heap *h, struct lr_task *t,
					struct hooks_state *s)
{
	s->self = s->object;
	if (!s->public_at)
		return 1;
	if (!hooks_read(&s->object, sizeof(s->object), s->public_at))
		return hooks_end(s, LR_STORES_FAULT);
	if (hooks_properties(h, t, s))
		return 1;
	s->object = s->self;
	return !s->status && hooks_properties(h, t, s);
}

/* Finds where the current resource has its stores. Returns whether there can be any. */
__noinline int hooks_resource(const struct lr_heap *h, struct lr_task *t, struct hooks_state *s)
{
	if (!h || !t || !s)
		return 0;
	s->n = 0;
	s->more = 0;
	s->self = 0;
	s->status = LR_STORES_OK;
	if (!hooks_height(h, s))
		return 0;
	if (hooks_js_top(h, s) && hooks_properties(h, t, s))
		return hooks_public(h, t, s);
	if (!s->status && hooks_native_top(h, s) && hooks_properties(h, t, s))
		return hooks_public(h, t, s);
	/* There always is a resource. */
	return s->status ? 0 : hooks_end(s, LR_STORES_CHECK);
}

/* Fills @rec's references. Returns enum lr_store_status. */
__noinline int hooks_refs(struct hooks_state *s, struct lr_ev_stores *rec)
{
	if (!s || !rec)
		return LR_STORES_FAULT;
	rec->carrier = s->self;
	for (__u32 i = 0; i < LR_STORES_MAX && i < s->n; i++) {
		struct lr_store_ref *ref = &rec->ref[i];

		if (!hooks_read(&ref->value, sizeof(ref->value), s->at[i]))
			return LR_STORES_FAULT;
		ref->instance = s->hash[i];
		ref->kind = LR_VALUE_OTHER;
		ref->flags = 0;
	}
	rec->n = s->n;
	if (s->more)
		rec->flags |= LR_STORES_F_MORE;
	return LR_STORES_OK;
}

/* Whether the resource that hooks_refs found last is a promise. */
__noinline int hooks_promise(const struct lr_heap *h, struct lr_task *t, struct hooks_state *s)
{
	__u64 map = 0;

	if (!h || !t || !s || !hooks_read(&map, sizeof(map), s->self - 1))
		return 0;
	return heap_type(h, t, map) == h->type_js_promise;
}

/* Objects are read a few words at once: {map, properties, elements, length of an array}. */
static __always_inline bool hooks_words(const struct lr_heap *h)
{
	return h->object_properties == HEAP_WORD - 1 && h->object_elements == 2 * HEAP_WORD - 1 &&
	       h->js_array_length == 3 * HEAP_WORD - 1;
}

/* Neither buffer nor handle moves while the environment lives. */
__noinline int hooks_find(const struct lr_process_config *p, struct lr_task *t,
			  struct hooks_state *s)
{
	if (!p || !t || !s)
		return 0;
	if (s->env == t->env && s->fields && s->js)
		return true;
	s->env = t->env;
	s->fields = chain_walk(&p->layout.env_fields, t->env);
	s->js = chain_walk(&p->heap.env_js_resources, t->env);
	return s->fields && s->js;
}

/*
 * Fills ref[] and n of @rec with the stores that are active on the current thread, whose
 * environment is t->env; not their kinds. Returns an enum lr_store_status; n counts only with
 * LR_STORES_OK.
 */
static __always_inline int store_hooks_refs(struct task_struct *task, struct lr_task *t,
					    const struct lr_process_config *p,
					    struct lr_ev_stores *rec)
{
	struct hooks_state *s;

	if (!(p->heap.flags & LR_HEAP_HOOKS) || !hooks_words(&p->heap))
		return LR_STORES_OFF;
	s = bpf_task_storage_get(&lr_hooks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!s) {
		stat_add(LR_STAT_task_full, 1);
		return LR_STORES_FAULT;
	}
	if (!hooks_find(p, t, s))
		return LR_STORES_NO_ENV;
	return hooks_resource(&p->heap, t, s) ? hooks_refs(s, rec) : s->status;
}

/* Whether the resource that was just looked at goes on for a promise. */
static __always_inline bool store_hooks_promise(struct task_struct *task, struct lr_task *t,
						const struct lr_process_config *p)
{
	struct hooks_state *s = bpf_task_storage_get(&lr_hooks, task, NULL, 0);

	return s && hooks_promise(&p->heap, t, s);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a store holds inside of its properties: where the user's path leads, and the ids of the
 * span in an OpenTelemetry Context.
 *
 * @opentelemetry/api: a Context (context/context.ts, BaseContext) has first of all
 * `_currentContext`, a Map by symbols; under that of spans lies the active span. Spans of the SDK
 * and of the API alike have `_spanContext` {traceId, spanId, isRemote...}, those of SDK 2
 * `parentSpanContext` too. A Context is never changed, nor is a span's context: so says the
 * specification, while V8 sees both as assigned twice. A span that came from elsewhere
 * (isRemote) may be that of several requests: its ids are told, but not as constant ones.
 */
#ifndef LOOPRAY_HEAP_NESTED_BPF_H
#define LOOPRAY_HEAP_NESTED_BPF_H

#include "heap_path.bpf.h"

#define NESTED_CURRENT_LEN 15
#define NESTED_ZEROS	   0x3030303030303030ULL

/* Whether the first field is `_currentContext`, a Map. */
static __always_inline bool nested_is_context(const struct lr_ev_store *rec)
{
	static const char name[LR_FIELD_NAME] = "_currentContext";
	const __u64 *a = (const __u64 *)rec->field[0].name, *b = (const __u64 *)name;

	return rec->kind == LR_VALUE_OBJECT && rec->n && rec->field[0].kind == LR_VALUE_MAP &&
	       rec->field[0].name_len == NESTED_CURRENT_LEN && a[0] == b[0] && a[1] == b[1];
}

/* The text that names what is found: read, for the compiler knows it only as it was built. */
static __always_inline void nested_name(struct lr_store_field *f, __u32 len,
					const volatile char *text)
{
	f->name_len = len;
	for (__u32 i = 0; i < LR_FIELD_NAME / 8; i++)
		*heap_word(&f->name[8UL * i]) = *(const volatile __u64 *)&text[8UL * i];
}

/* From @value to what it has under name @which, into w->path.value. */
static __always_inline int nested_step(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, __u64 value, __u32 which)
{
	w->path.value = value;
	w->path.which = which;
	return path_step(h, t, w);
}

static __always_inline int nested_kind(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, __u64 value)
{
	w->path.in_val = 0;
	return heap_kind(h, t, w, value);
}

/* Whether the span context @of came from elsewhere; unknown counts as that. */
static __always_inline bool nested_is_remote(const struct lr_heap *h, struct lr_task *t,
					     struct heap_walk *w, __u64 of)
{
	__u64 kind;
	int err = nested_step(h, t, w, of, NAME_OTEL_IS_REMOTE);

	if (err)
		return err != HEAP_NOT_FOUND;
	err = nested_kind(h, t, w, w->path.value);
	if (err == LR_VALUE_UNDEFINED || err == LR_VALUE_NULL)
		return false;
	return err != LR_VALUE_BOOL || !heap_get___u64(&w->val, h->oddball_kind, &kind) ||
	       heap_smi(kind) != h->oddball_false;
}

/* An id of nothing but zeros is that of no trace (INVALID_TRACEID); a string is in w->val. */
static __always_inline bool nested_is_invalid(const struct heap_walk *w)
{
	const __u64 *text = (const __u64 *)&w->val.b[2 * HEAP_WORD];

	return text[0] == NESTED_ZEROS && text[1] == NESTED_ZEROS && text[2] == NESTED_ZEROS &&
	       text[3] == NESTED_ZEROS;
}

/*
 * The span in the Context whose Map is @map: its ids and its parent into w->path, for all that
 * lies in one object while that is at hand. 0, HEAP_NOT_FOUND, HEAP_FAULT.
 */
__noinline int nested_span(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			   __u64 map)
{
	__u64 span, of;
	int err;

	if (!h || !t || !w)
		return HEAP_FAULT;
	w->path.constant = 0; /* not asked for: see above */
	err = nested_step(h, t, w, map, NAME_OTEL_SPAN);
	if (err)
		return err;
	span = w->path.value;
	err = nested_step(h, t, w, span, NAME_OTEL_PARENT);
	if (err == HEAP_FAULT)
		return err;
	w->path.parent = err ? 0 : w->path.value;
	err = nested_step(h, t, w, span, NAME_OTEL_SPAN_CONTEXT);
	if (err)
		return err;
	of = w->path.value;
	err = nested_step(h, t, w, of, NAME_OTEL_TRACE_ID);
	if (err)
		return err;
	w->path.trace_id = w->path.value;
	err = nested_step(h, t, w, of, NAME_OTEL_SPAN_ID);
	if (err)
		return err;
	w->path.span_id = w->path.value;
	w->path.remote = nested_is_remote(h, t, w, of);
	err = nested_kind(h, t, w, w->path.trace_id);
	if (err == HEAP_FAULT)
		return err;
	return err == LR_VALUE_STRING && !nested_is_invalid(w) ? 0 : HEAP_NOT_FOUND;
}

/* The id of the span's parent, if that is one of this process too, into w->path.value. */
__noinline int nested_parent(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w)
{
	__u64 parent;
	int err;

	if (!h || !t || !w)
		return HEAP_FAULT;
	parent = w->path.parent;
	if (!parent || w->path.remote)
		return HEAP_NOT_FOUND;
	err = nested_kind(h, t, w, parent);
	if (err == HEAP_FAULT)
		return err;
	if (err != LR_VALUE_OBJECT || nested_is_remote(h, t, w, parent))
		return HEAP_NOT_FOUND;
	return nested_step(h, t, w, parent, NAME_OTEL_SPAN_ID);
}

/* Where the user's path leads from @value on, into w->path.value. As nested_parent(). */
__noinline int nested_path(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
			   __u64 value)
{
	int err = HEAP_NOT_FOUND;

	if (!h || !t || !w)
		return HEAP_FAULT;
	w->path.value = value;
	w->path.in_val = 0;
	w->path.constant = 1;
	for (__u32 i = 0; i < LR_PATH_STEPS && i < lr_context_path.n; i++) {
		err = nested_step(h, t, w, w->path.value, NAME_PATH + i);
		if (err)
			break;
	}
	return err;
}

/* A property of the store itself may have been told under the path's name. */
static __always_inline bool nested_is_told(const struct lr_ev_store *rec)
{
	const volatile __u64 *want = (const volatile __u64 *)lr_context_path.label;

	for (__u32 i = 0; i < LR_STORE_FIELDS && i < rec->n; i++) {
		const __u64 *name = (const __u64 *)rec->field[i].name;

		if (name[0] == want[0] && name[1] == want[1] && name[2] == want[2])
			return true;
	}
	return false;
}

int heap_field(const struct lr_heap *h, struct lr_task *t, struct heap_walk *w,
	       struct lr_ev_store *rec, __u32 i);

/* @value as the next field, of which only the name is there. */
static __always_inline int nested_add(const struct lr_heap *h, struct lr_task *t,
				      struct heap_walk *w, struct lr_ev_store *rec, __u64 value,
				      __u32 flags)
{
	w->pair[0].value = value;
	w->pair[0].flags = flags;
	return heap_field(h, t, w, rec, 0);
}

/*
 * @rec has its first field: if that shows that it is a Context with a span, the ids of that stand
 * for it, and it has no other fields. 1: so it is, 0, HEAP_FAULT.
 */
static __always_inline int heap_span(const struct lr_heap *h, struct lr_task *t,
				     struct heap_walk *w, struct lr_ev_store *rec)
{
	static const char trace[LR_FIELD_NAME] = "traceId", span[LR_FIELD_NAME] = "spanId",
			  parent[LR_FIELD_NAME] = "parentSpanId";
	__u32 flags;
	int err;

	if (!nested_is_context(rec))
		return 0;
	w->path.in_val = 0;
	err = nested_span(h, t, w, w->pair[0].value);
	if (err)
		return err == HEAP_FAULT ? err : 0;
	flags = LR_FIELD_F_SPAN | (w->path.remote ? 0 : LR_FIELD_F_CONST);
	rec->n = 0;
	nested_name(&rec->field[0], 7, trace);
	if (nested_add(h, t, w, rec, w->path.trace_id, flags))
		return HEAP_FAULT;
	nested_name(&rec->field[1], 6, span);
	if (nested_add(h, t, w, rec, w->path.span_id, flags))
		return HEAP_FAULT;
	err = nested_parent(h, t, w);
	if (err)
		return err == HEAP_FAULT ? err : 1;
	nested_name(&rec->field[2], 12, parent);
	return nested_add(h, t, w, rec, w->path.value, flags) ? HEAP_FAULT : 1;
}

/* Adds to @rec, which has its own fields, what the user asked for. 0 or HEAP_FAULT. */
static __always_inline int heap_nested(const struct lr_heap *h, struct lr_task *t,
				       struct heap_walk *w, struct lr_ev_store *rec)
{
	struct lr_store_field *f;
	int err;

	if (!lr_context_path.n || nested_is_told(rec))
		return 0;
	err = nested_path(h, t, w, rec->value);
	if (err)
		return err == HEAP_FAULT ? HEAP_FAULT : 0;
	/* Where there is no room, the last one makes it. */
	if (rec->n >= LR_STORE_FIELDS) {
		rec->n = LR_STORE_FIELDS - 1;
		w->more = 1;
	}
	f = &rec->field[rec->n];
	nested_name(f, lr_context_path.label_len, lr_context_path.label);
	return nested_add(h, t, w, rec, w->path.value, w->path.constant ? LR_FIELD_F_CONST : 0);
}

#endif

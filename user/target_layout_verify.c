// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What must hold in an environment that was found by the layout. The target runs on while it
 * is read: a failure here is one odd reading, and target_layout_check.c decides what many of
 * them mean.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "target_layout_parts.h"
#include "target_memory.h"
#include "util.h"

#define ENTERED_MAX 100000 /* contexts entered one inside the other; each takes native stack */
#define IDS_MAX	    9007199254740992.0 /* 2^53: beyond, a double is not a counter */
#define STACK_MAX   (1u << 20) /* depth of nested callback scopes; each takes native stack */

int layout_check__contradict(struct layout_check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, args);
	va_end(args);
	return -EPROTO;
}

/* A walk that @name needs: faults contradict the layout, a null on the way is "not yet". */
static int walk(struct layout_check *c, const char *name, uint64_t base,
		const struct lr_chain *chain, uint64_t *value)
{
	int err = target_memory__walk(c->m, base, chain, value);

	if (err == -EFAULT)
		return layout_check__contradict(c, "%s: leads to memory that is not mapped", name);
	if (err == -ENOENT)
		snprintf(c->why, sizeof(c->why), "%s: not set", name);
	return err;
}

/* The environment by the entered contexts and, if code runs in one now, by that. */
static int find_env(struct layout_check *c, struct target_env *e)
{
	const struct target_layout_private *p = &c->l->p;
	uint64_t entered, current;
	int err = walk(c, "entered contexts", e->isolate, &p->isolate_entered, &entered);

	if (!err && entered > ENTERED_MAX)
		return layout_check__contradict(c, "entered contexts: %llu",
						(unsigned long long)entered);
	if (!err)
		err = walk(c, "environment", e->isolate, &c->l->lr.isolate_env, &e->env);
	if (err)
		return err;
	err = target_memory__walk(c->m, e->isolate, &p->isolate_current, &current);
	if (err == -ESRCH || err == -EPERM)
		return err;
	if (!err && current != e->env)
		return layout_check__contradict(c,
						"current context: its environment is another one");
	return 0;
}

static int check_isolate(struct layout_check *c, const struct target_env *e)
{
	const struct target_layout *l = c->l;
	uint64_t value;
	int err;

	err = walk(c, "context tag", e->isolate, &l->p.isolate_tag, &value);
	if (err)
		return err;
	if (value != c->tag)
		return layout_check__contradict(c, "context tag: 0x%llx is not Node.js's",
						(unsigned long long)value);
	err = walk(c, "environment's isolate", e->env, &l->lr.env_isolate, &value);
	if (err)
		return err;
	if (value != e->isolate)
		return layout_check__contradict(
			c, "environment's isolate: 0x%llx is not the thread's 0x%llx",
			(unsigned long long)value, (unsigned long long)e->isolate);
	return 0;
}

static bool is_id(double v)
{
	return v >= 0 && v < IDS_MAX && v == floor(v);
}

static int check_ids(struct layout_check *c, struct target_env *e)
{
	uint64_t at;
	int err = walk(c, "async ids", e->env, &c->l->lr.env_uid, &at);

	if (!err)
		err = target_memory__read(c->m, at, e->uid, sizeof(e->uid));
	if (err == -EFAULT)
		return layout_check__contradict(c, "async ids: not mapped");
	if (err)
		return err;
	if (!is_id(e->uid[0]) || !is_id(e->uid[1]) || !is_id(e->uid[2]))
		return layout_check__contradict(c, "async ids: %g, %g, %g are not all counts",
						e->uid[0], e->uid[1], e->uid[2]);
	if (e->uid[2] < e->uid[0] || e->uid[2] < e->uid[1] || e->uid[2] < 1)
		return layout_check__contradict(
			c, "async id counter: %.0f is below an id in use (%.0f, %.0f)", e->uid[2],
			e->uid[0], e->uid[1]);
	if (e->uid[3] != -1 && !is_id(e->uid[3]))
		return layout_check__contradict(c, "default trigger id: %g", e->uid[3]);
	return 0;
}

static int check_fields(struct layout_check *c, const struct target_env *e)
{
	uint32_t depth;
	uint64_t at;
	int err = walk(c, "hook fields", e->env, &c->l->lr.env_fields, &at);

	if (!err)
		err = target_memory__read(c->m, at + 4ULL * c->l->p.field_stack, &depth,
					  sizeof(depth));
	if (err == -EFAULT)
		return layout_check__contradict(c, "hook fields: not mapped");
	if (!err && depth > STACK_MAX)
		return layout_check__contradict(c, "callback scope depth: %u", depth);
	return err;
}

/* A handle that is a member of Environment names the loop that it runs on. */
static int check_handle(struct layout_check *c, const struct target_env *e, const char *name,
			int32_t offset)
{
	uint64_t loop;
	int err;

	if (!offset || !c->l->p.handle_loop)
		return 0;
	err = target_memory__u64(c->m, e->env + (uint32_t)offset + c->l->p.handle_loop, &loop);
	if (!err && !loop)
		return -ENOENT;
	if (err == -EFAULT || (!err && loop != e->loop))
		return layout_check__contradict(c, "%s: does not run on the environment's loop",
						name);
	return err;
}

/* The main thread's environment runs on libuv's default loop. */
static int check_default(struct layout_check *c, const struct target_env *e)
{
	uint64_t loop;
	int err;

	if (e->tid != c->pid || !c->l->p.default_loop)
		return 0;
	err = target_memory__u64(c->m, c->l->p.default_loop + c->bias, &loop);
	if (err == -EFAULT || (!err && loop != e->loop))
		return layout_check__contradict(
			c, "event loop: the main thread's is not the default loop");
	return err;
}

/*
 * Idle time, with the poll that is going on: the loop adds it up only when it wakes. The
 * words change while they are read, so a poll that ended in between is not added again.
 */
static int read_idle(struct layout_check *c, uint64_t internal, uint64_t *idle)
{
	uint64_t entry = 0, again = 0;
	int err = 0;

	if (c->l->p.loop_entry)
		err = target_memory__u64(c->m, internal + c->l->p.loop_entry, &entry);
	if (!err)
		err = target_memory__u64(c->m, internal + c->l->lr.loop_idle, idle);
	if (!err && entry)
		err = target_memory__u64(c->m, internal + c->l->p.loop_entry, &again);
	if (!err && entry && entry == again) {
		uint64_t now = now_mono_ns();

		if (entry > now)
			return layout_check__contradict(
				c, "loop metrics: a poll that began in the future");
		*idle += now - entry;
	}
	return err;
}

static int read_metrics(struct layout_check *c, struct target_env *e)
{
	const struct lr_layout *lr = &c->l->lr;
	uint64_t internal = 0;
	int err = walk(c, "loop metrics", e->loop, &lr->loop_internal, &internal);

	if (!err)
		err = read_idle(c, internal, &e->loop_idle_ns);
	e->loop_internal = internal;
	if (!err && lr->loop_count)
		err = target_memory__u64(c->m, internal + lr->loop_count, &e->loop_count);
	if (err == -EFAULT)
		return layout_check__contradict(c, "loop metrics: not mapped");
	if (!err && e->loop_idle_ns > now_mono_ns())
		return layout_check__contradict(
			c, "loop idle time: %llu ns is longer than the machine runs",
			(unsigned long long)e->loop_idle_ns);
	return err;
}

static int check_loop(struct layout_check *c, struct target_env *e)
{
	int err;

	if (!(c->l->lr.flags & LR_LAYOUT_LOOP))
		return 0;
	err = walk(c, "event loop", e->env, &c->l->lr.env_loop, &e->loop);
	if (!err)
		err = check_default(c, e);
	if (!err)
		err = check_handle(c, e, "timer handle", c->l->p.env_timer);
	if (!err)
		err = check_handle(c, e, "immediate handle", c->l->p.env_immediate);
	return err ? err : read_metrics(c, e);
}

/* The counter only grows: read it once more, after everything else was read. */
static int check_counter(struct layout_check *c, const struct target_env *e)
{
	double again[4];
	uint64_t at;
	int err = walk(c, "async ids", e->env, &c->l->lr.env_uid, &at);

	if (!err)
		err = target_memory__read(c->m, at, again, sizeof(again));
	if (err)
		return err;
	if (!(again[2] >= e->uid[2]))
		return layout_check__contradict(c, "async id counter: fell from %.0f to %.0f",
						e->uid[2], again[2]);
	return 0;
}

int layout_check__env(struct layout_check *c, struct target_env *e)
{
	int err = find_env(c, e);

	if (!err)
		err = check_isolate(c, e);
	if (!err)
		err = check_ids(c, e);
	if (!err)
		err = check_fields(c, e);
	if (!err)
		err = check_loop(c, e);
	if (!err)
		layout_timers__read(c, e);
	if (!err)
		layout_microtasks__find(c, e);
	return err ? err : check_counter(c, e);
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Does the process hold what the layout says? Asked before anything is attached, and again
 * while running. The target runs on meanwhile, so a single odd reading proves nothing: a
 * check fails only if it still does after many tries, and nothing else in the process passes.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_MODULE "layout"
#include "log.h"
#include "target_layout_parts.h"
#include "target_memory.h"
#include "util.h"

#define TRY_NS	    3000000L /* between two tries: longer than setting a field takes, by far */
#define TRIES_SOME  5
#define TRIES_NONE  120
#define ENTERED_MAX 100000 /* contexts entered one inside the other; each takes native stack */
#define IDS_MAX	    9007199254740992.0 /* 2^53: beyond, a double is not a counter */
#define STACK_MAX   (1u << 20) /* depth of nested callback scopes; each takes native stack */

struct check {
	const struct target_layout *l;
	struct target_memory *m;
	pid_t pid;
	uint64_t bias;
	uint64_t tag; /* what a Node.js context carries */
	char why[160];
};

struct check_threads {
	const struct target_thread *threads;
	size_t n;
	bool *settled; /* per thread: found, or known to have no isolate */
	struct target_env *envs;
	size_t found, cap;
	size_t open, contradicting; /* in the last pass: not settled, and of these contradicting */
};

/* A check that does not hold: its name and what was found. Returns -EPROTO. */
static int contradict(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int contradict(struct check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, args);
	va_end(args);
	return -EPROTO;
}

/* A walk that @name needs: faults contradict the layout, a null on the way is "not yet". */
static int walk(struct check *c, const char *name, uint64_t base, const struct lr_chain *chain,
		uint64_t *value)
{
	int err = target_memory__walk(c->m, base, chain, value);

	if (err == -EFAULT)
		return contradict(c, "%s: leads to memory that is not mapped", name);
	if (err == -ENOENT)
		snprintf(c->why, sizeof(c->why), "%s: not set", name);
	return err;
}

/* The environment by the entered contexts and, if code runs in one now, by that. */
static int find_env(struct check *c, struct target_env *e)
{
	const struct target_layout_private *p = &c->l->p;
	uint64_t entered, current;
	int err = walk(c, "entered contexts", e->isolate, &p->isolate_entered, &entered);

	if (!err && entered > ENTERED_MAX)
		return contradict(c, "entered contexts: %llu", (unsigned long long)entered);
	if (!err)
		err = walk(c, "environment", e->isolate, &c->l->lr.isolate_env, &e->env);
	if (err)
		return err;
	err = target_memory__walk(c->m, e->isolate, &p->isolate_current, &current);
	if (err == -ESRCH || err == -EPERM)
		return err;
	if (!err && current != e->env)
		return contradict(c, "current context: its environment is another one");
	return 0;
}

static int check_isolate(struct check *c, const struct target_env *e)
{
	const struct target_layout *l = c->l;
	uint64_t value;
	int err;

	err = walk(c, "context tag", e->isolate, &l->p.isolate_tag, &value);
	if (err)
		return err;
	if (value != c->tag)
		return contradict(c, "context tag: 0x%llx is not Node.js's",
				  (unsigned long long)value);
	err = walk(c, "environment's isolate", e->env, &l->lr.env_isolate, &value);
	if (err)
		return err;
	if (value != e->isolate)
		return contradict(c, "environment's isolate: 0x%llx is not the thread's 0x%llx",
				  (unsigned long long)value, (unsigned long long)e->isolate);
	return 0;
}

static bool is_id(double v)
{
	return v >= 0 && v < IDS_MAX && v == floor(v);
}

static int check_ids(struct check *c, struct target_env *e)
{
	uint64_t at;
	int err = walk(c, "async ids", e->env, &c->l->lr.env_uid, &at);

	if (!err)
		err = target_memory__read(c->m, at, e->uid, sizeof(e->uid));
	if (err == -EFAULT)
		return contradict(c, "async ids: not mapped");
	if (err)
		return err;
	if (!is_id(e->uid[0]) || !is_id(e->uid[1]) || !is_id(e->uid[2]))
		return contradict(c, "async ids: %g, %g, %g are not all counts", e->uid[0],
				  e->uid[1], e->uid[2]);
	if (e->uid[2] < e->uid[0] || e->uid[2] < e->uid[1] || e->uid[2] < 1)
		return contradict(c, "async id counter: %.0f is below an id in use (%.0f, %.0f)",
				  e->uid[2], e->uid[0], e->uid[1]);
	if (e->uid[3] != -1 && !is_id(e->uid[3]))
		return contradict(c, "default trigger id: %g", e->uid[3]);
	return 0;
}

static int check_fields(struct check *c, const struct target_env *e)
{
	uint32_t depth;
	uint64_t at;
	int err = walk(c, "hook fields", e->env, &c->l->lr.env_fields, &at);

	if (!err)
		err = target_memory__read(c->m, at + 4ULL * c->l->p.field_stack, &depth,
					  sizeof(depth));
	if (err == -EFAULT)
		return contradict(c, "hook fields: not mapped");
	if (!err && depth > STACK_MAX)
		return contradict(c, "callback scope depth: %u", depth);
	return err;
}

/* A handle that is a member of Environment names the loop that it runs on. */
static int check_handle(struct check *c, const struct target_env *e, const char *name,
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
		return contradict(c, "%s: does not run on the environment's loop", name);
	return err;
}

/* The main thread's environment runs on libuv's default loop. */
static int check_default(struct check *c, const struct target_env *e)
{
	uint64_t loop;
	int err;

	if (e->tid != c->pid || !c->l->p.default_loop)
		return 0;
	err = target_memory__u64(c->m, c->l->p.default_loop + c->bias, &loop);
	if (err == -EFAULT || (!err && loop != e->loop))
		return contradict(c, "event loop: the main thread's is not the default loop");
	return err;
}

/*
 * Idle time, with the poll that is going on: the loop adds it up only when it wakes. The
 * words change while they are read, so a poll that ended in between is not added again.
 */
static int read_idle(struct check *c, uint64_t internal, uint64_t *idle)
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
			return contradict(c, "loop metrics: a poll that began in the future");
		*idle += now - entry;
	}
	return err;
}

static int read_metrics(struct check *c, struct target_env *e)
{
	const struct lr_layout *lr = &c->l->lr;
	uint64_t internal;
	int err = walk(c, "loop metrics", e->loop, &lr->loop_internal, &internal);

	if (!err)
		err = read_idle(c, internal, &e->loop_idle_ns);
	if (!err && lr->loop_count)
		err = target_memory__u64(c->m, internal + lr->loop_count, &e->loop_count);
	if (err == -EFAULT)
		return contradict(c, "loop metrics: not mapped");
	if (!err && e->loop_idle_ns > now_mono_ns())
		return contradict(c, "loop idle time: %llu ns is longer than the machine runs",
				  (unsigned long long)e->loop_idle_ns);
	return err;
}

static int check_loop(struct check *c, struct target_env *e)
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
static int check_counter(struct check *c, const struct target_env *e)
{
	double again[4];
	uint64_t at;
	int err = walk(c, "async ids", e->env, &c->l->lr.env_uid, &at);

	if (!err)
		err = target_memory__read(c->m, at, again, sizeof(again));
	if (err)
		return err;
	if (!(again[2] >= e->uid[2]))
		return contradict(c, "async id counter: fell from %.0f to %.0f", e->uid[2],
				  again[2]);
	return 0;
}

static int check_env(struct check *c, struct target_env *e)
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
	return err ? err : check_counter(c, e);
}

/*
 * One thread, once. Returns 1 if @e is its environment, 0 if it has none, -ENOENT if it has
 * an isolate but not all of an environment, -EPROTO if what it has contradicts the layout.
 */
static int check_thread(struct check *c, const struct target_thread *t, struct target_env *e)
{
	int err;

	memset(e, 0, sizeof(*e));
	e->tid = t->tid;
	e->fsbase = t->fsbase;
	err = target_memory__u64(c->m, t->fsbase + (uint64_t)c->l->lr.tls_isolate, &e->isolate);
	if (err == -ESRCH || err == -EPERM)
		return err;
	if (err || !e->isolate)
		return 0; /* a thread that ends takes its TLS block with it */
	err = check_env(c, e);
	return err ? err : 1;
}

/* V8's own worker threads borrow an isolate while they help it: the owner keeps it. */
static bool is_borrowed(const struct target_env *envs, size_t n, const struct target_env *e)
{
	for (size_t i = 0; i < n; i++) {
		if (envs[i].env == e->env)
			return true;
	}
	return false;
}

static void pause_try(void)
{
	struct timespec ts = {.tv_nsec = TRY_NS};

	nanosleep(&ts, NULL);
}

/* One pass over the threads that are not settled yet: those found or without an isolate. */
static int check_pass(struct check *c, struct check_threads *ts)
{
	ts->open = ts->contradicting = 0;
	for (size_t i = 0; i < ts->n && ts->found < ts->cap; i++) {
		struct target_env *e = &ts->envs[ts->found];
		int got;

		if (ts->settled[i])
			continue;
		got = check_thread(c, &ts->threads[i], e);
		if (got == -ENOENT || got == -EPROTO) {
			ts->open++;
			ts->contradicting += got == -EPROTO;
			continue;
		}
		if (got < 0)
			return got;
		ts->settled[i] = true;
		if (got == 0 || is_borrowed(ts->envs, ts->found, e))
			continue;
		layout_context__detect(c->l, c->m, e);
		ts->found++;
	}
	return 0;
}

/*
 * An environment that passes proves the layout for this process: then threads that do not
 * pass are on their way in or out, and get a few tries. If none passes, the tries go on for
 * longer than a thread takes to start on a busy machine, and then the last word counts.
 */
static int check_all(struct check *c, struct check_threads *ts)
{
	int err = check_pass(c, ts);

	for (int i = 0; !err && ts->open && i < (ts->found ? TRIES_SOME : TRIES_NONE); i++) {
		pause_try();
		err = check_pass(c, ts);
	}
	if (err)
		return err;
	if (!ts->found && ts->contradicting)
		return -EPROTO;
	for (size_t i = 0; i < ts->n && ts->found < ts->cap; i++) {
		if (!ts->settled[i])
			log_info("thread %d: its environment is being set up or torn down (%s), "
				 "skipped",
				 (int)ts->threads[i].tid, c->why);
	}
	return (int)ts->found;
}

static int check_begin(struct check *c)
{
	int err = target_memory__open(&c->m, c->pid);

	if (!err)
		err = target_memory__u64(c->m, c->l->p.tag_pointer + c->bias, &c->tag);
	if (err == -EFAULT)
		return contradict(c, "context tag: not mapped where the load bias puts it");
	if (!err && !c->tag)
		return contradict(c, "context tag: null");
	return err;
}

int target_layout__check(const struct target_layout *l, pid_t pid, uint64_t load_bias,
			 const struct target_thread *threads, size_t n, struct target_env *envs,
			 size_t cap, char *why, size_t why_len)
{
	struct check c = {.l = l, .pid = pid, .bias = load_bias};
	struct check_threads ts = {.threads = threads, .n = n, .envs = envs, .cap = cap};
	const uint32_t need = LR_LAYOUT_ENV | LR_LAYOUT_IDS;
	int ret;

	if ((l->lr.flags & need) != need)
		return -EINVAL;
	ts.settled = calloc(n + 1, sizeof(*ts.settled));
	ret = ts.settled ? check_begin(&c) : -ENOMEM;
	if (!ret)
		ret = check_all(&c, &ts);
	free(ts.settled);
	target_memory__free(c.m);
	if (ret == 0)
		snprintf(c.why, sizeof(c.why), "no thread has an environment");
	if (why && ret <= 0)
		snprintf(why, why_len, "%s", ret == 0 || ret == -EPROTO ? c.why : strerror(-ret));
	return ret;
}

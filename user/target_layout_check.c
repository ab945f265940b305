// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Does the process hold what the layout says? Asked before anything is attached, and again
 * while running. The target runs on meanwhile, so a single odd reading proves nothing: a
 * check fails only if it still does after many tries, and nothing else in the process passes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_MODULE "layout"
#include "log.h"
#include "target_layout_parts.h"
#include "target_memory.h"

#define TRY_NS	   3000000L /* between two tries: longer than setting a field takes, by far */
#define TRIES_SOME 5
#define TRIES_NONE 120

struct check_threads {
	const struct target_thread *threads;
	size_t n;
	bool *settled; /* per thread: found, or known to have no isolate */
	struct target_env *envs;
	size_t found, cap;
	size_t open, contradicting; /* in the last pass: not settled, and of these contradicting */
};

/*
 * One thread, once. Returns 1 if @e is its environment, 0 if it has none, -ENOENT if it has
 * an isolate but not all of an environment, -EPROTO if what it has contradicts the layout.
 */
static int check_thread(struct layout_check *c, const struct target_thread *t, struct target_env *e)
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
	err = layout_check__env(c, e);
	return err ? err : 1;
}

/*
 * V8's own worker threads take the isolate of the thread that they help (24 and later do it
 * often). The owner is the main thread, or the worker on whose stack the environment's loop
 * lies: thread pointers are above their stacks.
 */
static uint64_t stack_distance(const struct layout_check *c, const struct target_env *e)
{
	if (e->tid == c->pid)
		return 0;
	return e->loop && e->fsbase > e->loop ? e->fsbase - e->loop : UINT64_MAX;
}

/* Whether @e is an environment that is already known; its nearest thread gets it. */
static bool is_known(const struct layout_check *c, struct target_env *envs, size_t n,
		     const struct target_env *e)
{
	for (size_t i = 0; i < n; i++) {
		if (envs[i].env != e->env)
			continue;
		if (stack_distance(c, e) < stack_distance(c, &envs[i])) {
			envs[i].tid = e->tid;
			envs[i].fsbase = e->fsbase;
		}
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
static int check_pass(struct layout_check *c, struct check_threads *ts)
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
		if (got == 0 || is_known(c, ts->envs, ts->found, e))
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
static int check_all(struct layout_check *c, struct check_threads *ts, bool wait)
{
	int err = check_pass(c, ts);

	for (int i = 0; !err && ts->open && i < (ts->found ? TRIES_SOME : TRIES_NONE); i++) {
		if (!wait)
			break;
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

static int check_begin(struct layout_check *c)
{
	int err = target_memory__open(&c->m, c->pid);

	if (!err)
		err = target_memory__u64(c->m, c->l->p.tag_pointer + c->bias, &c->tag);
	if (err == -EFAULT)
		return layout_check__contradict(
			c, "context tag: not mapped where the load bias puts it");
	if (!err && !c->tag)
		return layout_check__contradict(c, "context tag: null");
	return err;
}

static int check(const struct target_layout *l, pid_t pid, uint64_t load_bias,
		 const struct target_thread *threads, size_t n, struct target_env *envs, size_t cap,
		 bool wait, char *why, size_t why_len)
{
	struct layout_check c = {.l = l, .pid = pid, .bias = load_bias};
	struct check_threads ts = {.threads = threads, .n = n, .envs = envs, .cap = cap};
	const uint32_t need = LR_LAYOUT_ENV | LR_LAYOUT_IDS;
	int ret;

	if ((l->lr.flags & need) != need)
		return -EINVAL;
	ts.settled = calloc(n + 1, sizeof(*ts.settled));
	ret = ts.settled ? check_begin(&c) : -ENOMEM;
	if (!ret)
		ret = check_all(&c, &ts, wait);
	free(ts.settled);
	target_memory__free(c.m);
	if (ret == 0)
		snprintf(c.why, sizeof(c.why), "no thread has an environment");
	if (why && ret <= 0)
		snprintf(why, why_len, "%s", ret == 0 || ret == -EPROTO ? c.why : strerror(-ret));
	return ret;
}

int target_layout__check(const struct target_layout *l, pid_t pid, uint64_t load_bias,
			 const struct target_thread *threads, size_t n, struct target_env *envs,
			 size_t cap, char *why, size_t why_len)
{
	return check(l, pid, load_bias, threads, n, envs, cap, true, why, why_len);
}

int target_layout__check_once(const struct target_layout *l, pid_t pid, uint64_t load_bias,
			      const struct target_thread *threads, size_t n,
			      struct target_env *envs, size_t cap, char *why, size_t why_len)
{
	return check(l, pid, load_bias, threads, n, envs, cap, false, why, why_len);
}

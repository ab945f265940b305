// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads: their sequence of records, and the environments they run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_decode_int.h"

static void thread_unlink(struct flow_decode *d, struct decode_thread *t)
{
	if (t->newer)
		t->newer->older = t->older;
	else
		d->newest_thread = t->older;
	if (t->older)
		t->older->newer = t->newer;
	else
		d->oldest_thread = t->newer;
}

static void thread_link(struct flow_decode *d, struct decode_thread *t)
{
	t->newer = NULL;
	t->older = d->newest_thread;
	if (t->older)
		t->older->newer = t;
	else
		d->oldest_thread = t;
	d->newest_thread = t;
}

static int tell_thread(struct flow_decode *d, const struct decode_thread *t, uint64_t ts,
		       bool ended)
{
	struct flow_event ev = {
		.type = FE_THREAD,
		.pid = t->pid,
		.tid = t->tid,
		.ts = ts,
		.thread = {.env = t->env, .env_addr = t->env_addr, .ended = ended},
	};

	return flow_decode__emit(d, &ev);
}

/* Finishes what the thread left open and forgets it. */
static int thread_drop(struct flow_decode *d, struct decode_thread *t, uint64_t ts, bool tell)
{
	int err = 0;

	if (t->open) {
		d->current = t->open;
		t->open->holder = NULL;
		err = flow_http__end(&t->open->http);
	}
	if (!err && tell && t->env != ENV_NONE)
		err = tell_thread(d, t, ts, true);
	thread_unlink(d, t);
	flow_table__take(&d->threads, t->tid, 0);
	flow_pool__release(&d->thread_pool, t);
	return err;
}

int flow_decode__loss(struct flow_decode *d, uint8_t kind, uint32_t pid, uint32_t tid, uint64_t ts,
		      uint64_t count)
{
	struct flow_event ev = {
		.type = FE_LOSS,
		.pid = pid,
		.tid = tid,
		.ts = ts,
		.loss = {.kind = kind, .count = count},
	};

	return flow_decode__emit(d, &ev);
}

static struct decode_thread *thread_new(struct flow_decode *d, uint32_t pid, uint32_t tid,
					uint64_t ts, int *err)
{
	struct decode_thread *t;

	*err = 0;
	if (d->threads.count >= d->opts.max_threads) {
		t = d->oldest_thread;
		d->stats.threads_full++;
		d->threads_evicted = true;
		*err = flow_decode__loss(d, FLOW_LOSS_MAP, t->pid, t->tid, ts, 1);
		if (!*err)
			*err = thread_drop(d, t, ts, false);
		if (*err)
			return NULL;
	}
	t = flow_pool__alloc(&d->thread_pool);
	if (!t || flow_table__put(&d->threads, tid, 0, t)) {
		flow_pool__release(&d->thread_pool, t);
		*err = -ENOMEM;
		return NULL;
	}
	t->pid = pid;
	t->tid = tid;
	t->env = ENV_NONE;
	thread_link(d, t);
	return t;
}

/* How many records are missing before this one. */
static uint32_t missing(const struct flow_decode *d, const struct decode_thread *t, uint32_t seq)
{
	if (t->next_seq)
		return seq - t->next_seq;
	return d->threads_evicted ? 0 : seq - 1;
}

/*
 * Another thread has got the number of one that ended unseen: a count that goes back, or a
 * first record where one was seen before.
 */
static bool begins_anew(const struct decode_thread *t, const struct lr_event *h)
{
	if (t->pid != h->pid)
		return true;
	if (!h->seq || !t->next_seq)
		return false;
	return h->type == LR_EV_THREAD || (int32_t)(h->seq - t->next_seq) < 0;
}

struct decode_thread *flow_decode__thread(struct flow_decode *d, const struct lr_event *h, int *err)
{
	struct decode_thread *t = flow_table__get(&d->threads, h->tid, 0);
	uint32_t lost;

	*err = 0;
	if (t && begins_anew(t, h)) {
		*err = thread_drop(d, t, h->ts, true);
		t = NULL;
	}
	if (!t && !*err)
		t = thread_new(d, h->pid, h->tid, h->ts, err);
	if (*err)
		return NULL;
	if (t != d->newest_thread) {
		thread_unlink(d, t);
		thread_link(d, t);
	}
	lost = h->seq ? missing(d, t, h->seq) : 0;
	if (h->seq)
		t->next_seq = h->seq + 1;
	/*
	 * The first record alone does not say that the thread runs an environment, nor does a
	 * send on any socket or a write: a lookup of a name runs in libuv's pool. A loop may also
	 * be an addon's own.
	 */
	if (h->type != LR_EV_PROCESS && h->type != LR_EV_STORES && h->type != LR_EV_WRITE &&
	    h->type != LR_EV_CLIENT && h->type != LR_EV_CONN && h->type != LR_EV_JOB &&
	    (h->type != LR_EV_THREAD || !h->seq))
		*err = flow_decode__number(d, t, 0, h->ts);
	if (lost && !*err) {
		d->stats.lost += lost;
		t->loss_epoch = ++d->loss_epoch;
		*err = flow_decode__loss(d, FLOW_LOSS_RING, t->pid, t->tid, h->ts, lost);
	}
	return t;
}

struct decode_process *flow_decode__process_of(struct flow_decode *d, uint32_t pid)
{
	struct decode_process *p = flow_table__get(&d->processes, pid, 0);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || flow_table__put(&d->processes, pid, 0, p)) {
		free(p);
		return NULL;
	}
	return p;
}

void flow_decode__process_free(struct decode_process *p)
{
	if (!p)
		return;
	decode_seen__free(&p->seen);
	free(p);
}

static uint32_t next_worker(struct flow_decode *d, uint32_t pid)
{
	struct decode_process *p = flow_decode__process_of(d, pid);

	return p ? ++p->workers : ENV_NONE;
}

int flow_decode__number(struct flow_decode *d, struct decode_thread *t, uint64_t env_addr,
			uint64_t ts)
{
	bool changed = false;

	if (t->env == ENV_NONE) {
		t->env = t->tid == t->pid ? 0 : next_worker(d, t->pid);
		changed = true;
	}
	if (env_addr && env_addr != t->env_addr) {
		t->env_addr = env_addr;
		changed = true;
	}
	return changed && t->env != ENV_NONE ? tell_thread(d, t, ts, false) : 0;
}

int64_t flow_decode__env_of(const struct flow_decode *d, uint32_t tid)
{
	const struct decode_thread *t = flow_table__get(&d->threads, tid, 0);

	return t && t->env != ENV_NONE ? (int64_t)t->env : -1;
}

int flow_decode__process(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	struct lr_ev_process ev;

	memcpy(&ev, rec, sizeof(ev));
	/* Every thread's exit is told; the process itself is the session's matter. */
	return ev.op == LR_PROC_EXIT && t ? thread_drop(d, t, ev.h.ts, true) : 0;
}

int flow_decode__end_target(struct flow_decode *d, uint32_t pid, uint64_t ts)
{
	struct flow_event ev = {.type = FE_TARGET_END, .pid = pid, .tid = pid, .ts = ts};
	struct flow_slot *s;
	uint32_t pos = 0;
	int err = 0;

	while (!err && (s = flow_table__next(&d->threads, &pos))) {
		struct decode_thread *t = s->value;

		if (t->pid != pid)
			continue;
		err = thread_drop(d, t, ts, false);
		pos--;
	}
	for (pos = 0; (s = flow_table__next(&d->conns, &pos));) {
		struct decode_conn *c = s->value;

		if (c->pid != pid)
			continue;
		flow_decode__drop_conn(d, c);
		pos--;
	}
	flow_decode__process_free(flow_table__take(&d->processes, pid, 0));
	return err ? err : flow_decode__emit(d, &ev);
}

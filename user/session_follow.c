// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * New processes of a session with --follow: what targets, and the shells they start, execute.
 *
 * An exec record comes before the dynamic linker has run, so a program that is Node.js by a
 * library (libnode.so) does not look like it yet, and nobody says when it does. And where its
 * layout depends on the process (target_layout__is_per_process), nothing can be read of it
 * until V8 and libuv have been set up. So each new process is looked at again and again: often
 * while it is about to become ready, since what it does before the attach is not seen.
 */
#include <errno.h>
#include <string.h>

#define LOG_MODULE "follow"
#include "events.h"
#include "log.h"
#include "session_impl.h"
#include "util.h"

/* Between two looks: twice as long each time while nothing says that it is Node.js. */
#define WAIT_MIN_MS 5
#define WAIT_MAX_MS 1000
#define LOOKS_FIND  16 /* 9 s in all */
/* Once it is: V8's start takes some 50 ms, on a busy machine seconds. */
#define WAIT_SETTLE_MS 10
#define LOOKS_SETTLE   500

static struct session_pending *find_pending(struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].pid == pid)
			return &s->pending[i];
	return NULL;
}

void session__note_process(struct session *s, const void *data, size_t len)
{
	const struct lr_ev_process *rec = data;
	struct session_pending *p;

	if (len < sizeof(*rec) || rec->h.type != LR_EV_PROCESS || rec->op != LR_PROC_EXEC)
		return;
	p = find_pending(s, (pid_t)rec->h.pid);
	if (!p && s->npending == SESSION_MAX_PENDING) {
		log_warn("pid %u was started too quickly to be followed", rec->h.pid);
		return;
	}
	if (p)
		session_target__free(p->target); /* it runs another program now */
	else
		p = &s->pending[s->npending++];
	*p = (struct session_pending){.pid = (pid_t)rec->h.pid};
}

static bool known(const struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (!s->targets[i]->ended && s->targets[i]->proc->pid == pid)
			return true;
	return false;
}

static void observe(struct session *s, struct session_target *t)
{
	pid_t pid = t->proc->pid;

	if (session__adopt(s, t))
		return;
	if (session__attach_target(s, t))
		session__target_ended(s, t);
	else
		log_info("pid %d: attached", pid);
}

/* Is it Node.js? True: nothing more is to be learned of it. */
static bool look_for_runtime(struct session *s, struct session_pending *p)
{
	struct target_process *proc;
	int err = target_process__open(&proc, p->pid, NULL);

	if (!err) {
		p->looks = 0;
		return session_target__open(&p->target, proc) != EX_LR_OK;
	}
	/* A shell, say: what it starts may be Node.js. */
	if (p->looks == 0)
		kern__follow_process(s->kern, p->pid);
	return err == -ESRCH || p->looks + 1 >= LOOKS_FIND;
}

/* Can it be read by now? True: it is observed, or never will be. */
static bool look_whether_ready(struct session *s, struct session_pending *p)
{
	struct session_target *t = p->target;
	char why[256] = "";
	int err = session_target__settle(t, false, why, sizeof(why));

	if (err && !target_process__alive(t->proc))
		err = -ESRCH;
	if (err && err != -ESRCH && p->looks < LOOKS_SETTLE)
		return false;
	p->target = NULL;
	if (!err) {
		observe(s, t);
		return true;
	}
	if (err != -ESRCH)
		log_err("pid %d cannot be observed: %s", p->pid, *why ? why : strerror(-err));
	session_target__free(t);
	return true;
}

/* One look. True: it was the last. */
static bool look_at(struct session *s, struct session_pending *p)
{
	uint64_t wait_ms = WAIT_SETTLE_MS;

	if (known(s, p->pid))
		return true;
	if (!p->target && look_for_runtime(s, p))
		return true;
	if (p->target && look_whether_ready(s, p))
		return true;
	if (!p->target)
		wait_ms = min_t(uint64_t, WAIT_MIN_MS << p->looks, WAIT_MAX_MS);
	p->looks++;
	/* From now on, not from when it was due: looks of a busy agent must not bunch up. */
	p->next_ns = now_mono_ns() + wait_ms * 1000000;
	return false;
}

void session__look_at_pending(struct session *s)
{
	uint64_t now = s->npending ? now_mono_ns() : 0;

	for (size_t i = 0; i < s->npending;) {
		if (now < s->pending[i].next_ns || !look_at(s, &s->pending[i]))
			i++;
		else
			s->pending[i] = s->pending[--s->npending];
	}
}

void session__free_pending(struct session *s)
{
	for (size_t i = 0; i < s->npending; i++)
		session_target__free(s->pending[i].target);
	s->npending = 0;
}

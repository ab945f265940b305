// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * New processes of a session with --follow: what targets, and the shells they start, execute.
 *
 * An exec record comes before the dynamic linker has run, so a program that is Node.js by a
 * library (libnode.so) does not look like it yet, and nobody says when it does. Each new
 * process is therefore looked at several times in its first seconds.
 */
#include <errno.h>

#define LOG_MODULE "follow"
#include "events.h"
#include "log.h"
#include "session_impl.h"
#include "util.h"

/* Milliseconds after the exec. */
static const uint32_t look_at_ms[] = {0, 5, 20, 100, 500, 2000};

void session__note_process(struct session *s, const void *data, size_t len)
{
	const struct lr_ev_process *rec = data;
	struct session_pending *p;

	if (len < sizeof(*rec) || rec->h.type != LR_EV_PROCESS || rec->op != LR_PROC_EXEC)
		return;
	if (s->npending == SESSION_MAX_PENDING) {
		log_warn("pid %u was started too quickly to be followed", rec->h.pid);
		return;
	}
	p = &s->pending[s->npending++];
	p->pid = (pid_t)rec->h.pid;
	p->exec_ns = rec->h.ts;
	p->looks = 0;
}

static bool known(const struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (!s->targets[i]->ended && s->targets[i]->proc->pid == pid)
			return true;
	return false;
}

static void observe(struct session *s, struct target_process *proc)
{
	pid_t pid = proc->pid;

	if (session__add_target(s, proc))
		return;
	if (session__attach_target(s, s->targets[s->ntargets - 1]))
		session__target_ended(s, s->targets[s->ntargets - 1]);
	else
		log_info("pid %d: attached", pid);
}

/* One look. True: nothing more is to be learned of it. */
static bool look_at(struct session *s, struct session_pending *p)
{
	struct target_process *proc;
	int err;

	if (known(s, p->pid))
		return true;
	err = target_process__open(&proc, p->pid, NULL);
	if (!err) {
		observe(s, proc);
		return true;
	}
	/* A shell, say: what it starts may be Node.js. */
	if (p->looks == 0)
		kern__follow_process(s->kern, p->pid);
	return err == -ESRCH || ++p->looks == ARRAY_SIZE(look_at_ms);
}

void session__look_at_pending(struct session *s)
{
	uint64_t now = s->npending ? now_mono_ns() : 0;

	for (size_t i = 0; i < s->npending;) {
		struct session_pending *p = &s->pending[i];

		if (now < p->exec_ns + look_at_ms[p->looks] * 1000000ULL || !look_at(s, p))
			i++;
		else
			*p = s->pending[--s->npending];
	}
}

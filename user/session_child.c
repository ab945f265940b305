// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The program of `loopray run`. Everything but the uprobes is in place when it executes; that it
 * did, what it is, and whether it can be read, is found out like that of any other process.
 */
#include <errno.h>
#include <sys/epoll.h>

#define LOG_MODULE "run"
#include "child.h"
#include "log.h"
#include "session_impl.h"
#include "util.h"

int session__start_child(struct session *s)
{
	struct child *c = s->opts->cli->child;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int err = kern__follow_process(s->kern, child__pid(c));

	if (!err && epoll_ctl(s->epoll, EPOLL_CTL_ADD, child__pidfd(c), &e))
		err = -errno;
	if (err) {
		log_err_errno(err, "cannot follow %s", child__name(c));
		return EX_LR_RUNTIME;
	}
	session__hurry(s);
	err = child__release(c);
	if (err) {
		log_err_errno(err, "cannot run %s", child__name(c));
		return EX_LR_RUNTIME;
	}
	s->result->start_ns = now_mono_ns();
	return EX_LR_OK;
}

/* It is not reaped yet: until then its pid is its own. */
void session__child_ended(struct session *s)
{
	log_info("%s ended", child__name(s->opts->cli->child));
	for (size_t i = 0; i < s->ntargets; i++)
		if (!target_process__alive(s->targets[i]->proc))
			session__target_ended(s, s->targets[i]);
	s->stop = true;
}

void session__tell_unseen(const struct session *s)
{
	const struct child *c = s->opts->cli->child;
	bool found = false;

	if (!c || s->ntargets)
		return;
	for (size_t i = 0; i < s->npending; i++)
		found |= s->pending[i].target != NULL;
	log_warn("nothing was observed: %s %s", child__name(c),
		 found ? "ended before its Node.js could be attached to"
		       : "started no Node.js, or none that lived long enough to be found");
}

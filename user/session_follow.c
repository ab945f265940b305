// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * New processes of a session with --follow: what targets, and the shells they start, execute; with
 * --all what any process executes (session_all.c).
 *
 * An exec record comes before the dynamic linker has run, so a program that is Node.js by a
 * library (libnode.so) does not look like it yet, and nobody says when it does. And where its
 * layout depends on the process (target_layout__is_per_process), nothing can be read of it
 * until V8 and libuv have been set up. So each new process is looked at again and again: often
 * while it is about to become ready, since what it does before the attach is not seen.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define LOG_MODULE "follow"
#include "events.h"
#include "log.h"
#include "session_impl.h"
#include "util.h"

/* Between two looks: after the first, twice as long each time while nothing says it is Node.js. */
#define WAIT_MIN_MS 2
#define WAIT_MAX_MS 1000
#define LOOKS_SOON  8
#define LOOKS_FIND  24 /* 9 s in all */
/* Once it is: V8's start takes some 50 ms, on a busy machine seconds. */
#define WAIT_SETTLE_MS 2
#define WAIT_LATE_MS   10
#define LOOKS_EARLY    100
#define LOOKS_SETTLE   600
#define LOOKS_STORES   300
#define NICE_HURRIED   (-10)

static struct session_pending *find_pending(struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].pid == pid)
			return &s->pending[i];
	return NULL;
}

static void free_target(struct session_pending *p)
{
	if (!p->adopted)
		session_target__free(p->target);
	p->target = NULL;
}

static struct session_target *find_target(const struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (!s->targets[i]->ended && s->targets[i]->proc->pid == pid)
			return s->targets[i];
	return NULL;
}

bool session__knows(const struct session *s, pid_t pid)
{
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].pid == pid)
			return true;
	for (size_t i = 0; i < s->nrefused; i++)
		if (s->refused[i] == pid)
			return true;
	return find_target(s, pid) != NULL;
}

void session__pend(struct session *s, pid_t pid)
{
	struct session_pending *p = find_pending(s, pid);

	if (!p && s->npending == SESSION_MAX_PENDING) {
		log_warn("pid %d was started too quickly to be followed", pid);
		return;
	}
	if (p)
		free_target(p); /* it runs another program now */
	else
		p = &s->pending[s->npending++];
	*p = (struct session_pending){.pid = pid};
}

void session__note_process(struct session *s, const void *data, size_t len)
{
	const struct lr_ev_process *rec = data;

	if (len >= sizeof(*rec) && rec->h.type == LR_EV_PROCESS && rec->op == LR_PROC_EXEC)
		session__pend(s, (pid_t)rec->h.pid);
}

/*
 * Where the binary alone says where everything is, it is observed from now on, while it sets itself
 * up: it may serve a request before the agent is back on a CPU. BPF looks at nothing of the runtime
 * until it has been seen to hold what the layout says (lr_process_config.starting).
 */
static void observe_early(struct session *s, struct session_pending *p)
{
	struct session_target *t = p->target;
	char why[256] = "";

	if (target_layout__is_per_process(&t->decoded)) {
		/* What cannot be placed is tried, and said, at the attach. */
		session__place_probes(s, t, why, sizeof(why));
		return;
	}
	t->layout = t->decoded;
	if (target_layout__bind(&t->layout, p->pid, t->proc->load_bias, why, sizeof(why)))
		return;
	t->starting = true;
	t->config.starting = 1;
	if (session__adopt(s, t))
		p->target = NULL;
	else if (session__attach_target(s, t))
		session__target_ended(s, t);
	p->adopted = true;
}

static void observe(struct session *s, struct session_target *t, bool adopted)
{
	int err = 0;

	t->starting = false;
	t->config.starting = 0;
	if (!adopted && session__adopt(s, t))
		return;
	if (!adopted)
		err = session__attach_target(s, t);
	else if (kern__add_process(s->kern, t->proc->pid, &t->config))
		err = -errno;
	if (err) {
		session__target_ended(s, t);
		return;
	}
	session__tell_mechanism(s, t);
	if (adopted)
		session__tell_service(s, t);
	log_info("pid %d: attached", t->proc->pid);
}

/* Is it Node.js? True: nothing more is to be learned of it. */
static bool look_for_runtime(struct session_pending *p)
{
	struct target_process *proc;
	int err = target_process__open(&proc, p->pid, NULL);

	if (!err) {
		p->looks = 0;
		return session_target__open(&p->target, proc) != EX_LR_OK;
	}
	return err == -ESRCH || p->looks + 1 >= LOOKS_FIND;
}

static void give_up(struct session *s, struct session_pending *p)
{
	if (p->adopted)
		session__target_ended(s, p->target);
	else
		session_target__free(p->target);
	p->target = NULL;
}

/*
 * Whether it may still begin to use AsyncLocalStorage: mostly it does while it loads, before the
 * first request. What begins later is met by a sample.
 */
static bool stores_to_come(const struct session *s, const struct session_pending *p)
{
	const struct session_target *t = p->target;
	enum target_context context = target_context__of(t->envs, (size_t)t->nenvs, NULL);

	return s->opts->cli->child && s->opts->cli->context && !t->ended &&
	       context != TARGET_CONTEXT_ACF && context != TARGET_CONTEXT_ASYNC_HOOKS &&
	       p->looks < LOOKS_STORES;
}

/* True: it uses AsyncLocalStorage, or is not expected to any more. */
static bool look_for_stores(struct session *s, struct session_pending *p)
{
	char why[256] = "";

	if (!p->target->ended && !session_target__settle(p->target, false, why, sizeof(why)))
		session__tell_mechanism(s, p->target);
	return !stores_to_come(s, p);
}

/* Can it be read by now? True: it is observed, or never will be. */
static bool look_whether_ready(struct session *s, struct session_pending *p)
{
	struct session_target *t = p->target;
	char why[256] = "";
	int err;

	if (p->looks == 0)
		observe_early(s, p);
	if (!p->target || t->ended)
		return true;
	err = session_target__settle(t, false, why, sizeof(why));
	if (err && !target_process__alive(t->proc))
		err = -ESRCH;
	if (err && err != -ESRCH && p->looks < LOOKS_SETTLE)
		return false;
	if (!err) {
		observe(s, t, p->adopted);
		p->adopted = p->observed = true;
		return !stores_to_come(s, p);
	}
	if (err != -ESRCH)
		log_err("pid %d cannot be observed: %s", p->pid, *why ? why : strerror(-err));
	give_up(s, p);
	return true;
}

static uint64_t wait_for_runtime_ms(uint32_t looks)
{
	uint32_t doubled = looks > LOOKS_SOON ? min_t(uint32_t, looks - LOOKS_SOON, 16) : 0;

	return min_t(uint64_t, WAIT_MIN_MS << doubled, WAIT_MAX_MS);
}

/* One look. True: it was the last. */
static bool look_at(struct session *s, struct session_pending *p)
{
	uint64_t wait_ms = p->looks < LOOKS_EARLY ? WAIT_SETTLE_MS : WAIT_LATE_MS;

	/* What it was is gone with its exec. */
	if (!p->target && find_target(s, p->pid))
		session__target_ended(s, find_target(s, p->pid));
	if (!p->target && look_for_runtime(p))
		return true;
	if (p->observed && (!p->target || look_for_stores(s, p)))
		return true;
	if (p->target && !p->observed && look_whether_ready(s, p))
		return true;
	if (!p->target)
		wait_ms = wait_for_runtime_ms(p->looks);
	p->looks++;
	/* From now on, not from when it was due: looks of a busy agent must not bunch up. */
	p->next_ns = now_mono_ns() + wait_ms * 1000000;
	return false;
}

/*
 * The agent has some 10 ms between what it looks for and the first request. Until the program of
 * `loopray run` has become Node.js, and while another one starts, it goes before others; where it
 * may not, it is as quick as it is.
 */
void session__hurry(struct session *s)
{
	bool wanted = s->opts->cli->child && (s->npending || !s->ntargets);

	if (wanted == s->hurried)
		return;
	s->hurried = wanted;
	if (wanted)
		s->nice = getpriority(PRIO_PROCESS, 0);
	if (setpriority(PRIO_PROCESS, 0, wanted ? NICE_HURRIED : s->nice))
		log_debug("its priority cannot be changed: %s", strerror(errno));
}

void session__look_at_pending(struct session *s)
{
	uint64_t now = s->npending ? now_mono_ns() : 0;

	session__hurry(s);
	for (size_t i = 0; i < s->npending;) {
		if (now < s->pending[i].next_ns || !look_at(s, &s->pending[i]))
			i++;
		else
			s->pending[i] = s->pending[--s->npending];
	}
	session__hurry(s);
}

uint64_t session__pending_delay_ns(const struct session *s)
{
	uint64_t now = s->npending || s->nagain ? now_mono_ns() : 0, delay_ns = UINT64_MAX;

	for (size_t i = 0; i < s->nagain; i++) {
		uint64_t due = s->again[i].next_ns;

		delay_ns = min_t(uint64_t, delay_ns, due > now ? due - now : 1);
	}
	/* A timer that is set to nothing never fires. */
	for (size_t i = 0; i < s->npending; i++) {
		uint64_t due = s->pending[i].next_ns;

		delay_ns = min_t(uint64_t, delay_ns, due > now ? due - now : 1);
	}
	return delay_ns;
}

void session__free_pending(struct session *s)
{
	for (size_t i = 0; i < s->npending; i++)
		free_target(&s->pending[i]);
	s->npending = 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Targets of a session: from a pid to a process whose runtime can be read, and attached. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define LOG_MODULE "target"
#include "kern_threads.h"
#include "log.h"
#include "session_impl.h"
#include "target_cache.h"
#include "target_elf_shared.h"
#include "target_ports.h"
#include "target_service.h"
#include "target_tls.h"
#include "util.h"

static struct flow_str str(const char *s)
{
	return (struct flow_str){.s = s, .len = (uint32_t)strlen(s)};
}

/* Which privilege problem or mismatch a failed layout check amounts to. */
static int check_status(int err)
{
	if (err == -EPERM || err == -EACCES)
		return EX_LR_PRIVILEGES;
	if (err == -ESRCH)
		return EX_LR_NO_TARGET;
	return EX_LR_UNSUPPORTED;
}

/* Says why @t is not observed. What ended meanwhile is the reason, whatever failed for it. */
static int refuse(const struct session_target *t, int err, const char *why)
{
	pid_t pid = t->proc->pid;

	if (target_process__is_ending(t->proc)) {
		log_err("pid %d ended while it was being attached to", pid);
		return EX_LR_NO_TARGET;
	}
	if (*why)
		log_err("pid %d cannot be observed: %s", pid, why);
	else
		log_err_errno(err, "pid %d cannot be observed", pid);
	return check_status(err);
}

#define SETTLE_TRIES	5 /* of a process that was given by its pid and may just be starting */
#define SETTLE_PAUSE_NS 100000000L

static int check_layout(struct session_target *t, bool wait, char *why, size_t why_len)
{
	struct target_thread threads[SESSION_MAX_THREADS];
	const struct target_process *proc = t->proc;
	int n = kern_threads__list(proc->pid, threads, SESSION_MAX_THREADS);

	if (n < 0) {
		snprintf(why, why_len, "cannot list its threads");
		return n;
	}
	if (n > SESSION_MAX_THREADS)
		n = SESSION_MAX_THREADS;
	if (wait)
		return target_layout__check(&t->layout, proc->pid, proc->load_bias, threads,
					    (size_t)n, t->envs, SESSION_MAX_ENVS, why, why_len);
	return target_layout__check_once(&t->layout, proc->pid, proc->load_bias, threads, (size_t)n,
					 t->envs, SESSION_MAX_ENVS, why, why_len);
}

int session_target__settle(struct session_target *t, bool wait, char *why, size_t why_len)
{
	int n;

	t->layout = t->decoded;
	n = target_layout__bind(&t->layout, t->proc->pid, t->proc->load_bias, why, why_len);
	if (!n)
		n = check_layout(t, wait, why, why_len);
	if (n == 0 && target_layout__is_per_process(&t->layout))
		n = -EPROTO;
	if (n < 0)
		return n;
	t->nenvs = min_t(int, n, SESSION_MAX_ENVS);
	return 0;
}

int session_target__open(struct session_target **out, struct target_process *proc)
{
	struct session_target *t = calloc(1, sizeof(*t));
	char why[256] = "";
	int err, status;

	*out = NULL;
	if (!t) {
		target_process__free(proc);
		return EX_LR_RUNTIME;
	}
	t->proc = proc;
	if (!proc->code_mapped) {
		log_err("pid %d cannot be observed: its code is not mapped from its file "
			"(--use-largepages), so that no probe would be met",
			proc->pid);
		session_target__free(t);
		return EX_LR_UNSUPPORTED;
	}
	err = target_elf__acquire(&t->elf, proc->image, why, sizeof(why));
	if (!err)
		err = target_cache__decode(&t->decoded, t->elf, why, sizeof(why));
	if (err) {
		status = refuse(t, err, why);
		session_target__free(t);
		return status;
	}
	*out = t;
	return EX_LR_OK;
}

void session_target__free(struct session_target *t)
{
	if (!t)
		return;
	session__pulse_free(t);
	target_elf__release(t->elf);
	target_process__free(t->proc);
	free(t);
}

void session__free_targets(struct session *s)
{
	for (size_t i = 0; i < s->ntargets; i++)
		session_target__free(s->targets[i]);
	s->ntargets = 0;
}

static bool is_pending(const struct session *s, const struct session_target *t)
{
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].target == t)
			return true;
	return false;
}

/* What is known of those that ended is with the sink. */
static void make_room(struct session *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->ntargets; i++) {
		struct session_target *t = s->targets[i];

		if (t->ended && !is_pending(s, t))
			session_target__free(t);
		else
			s->targets[kept++] = t;
	}
	s->ntargets = kept;
}

int session__adopt(struct session *s, struct session_target *t)
{
	const char *mechanism_why = NULL;

	if (s->ntargets == SESSION_MAX_TARGETS)
		make_room(s);
	if (s->ntargets == SESSION_MAX_TARGETS) {
		log_err("pid %d: too many processes to observe at once", t->proc->pid);
		session_target__free(t);
		return EX_LR_RUNTIME;
	}
	t->context =
		target_context__name(target_context__of(t->envs, (size_t)t->nenvs, &mechanism_why));
	for (size_t i = 0; target_layout__missing(&t->layout, i); i++)
		log_info("pid %d: %s", t->proc->pid, target_layout__missing(&t->layout, i));
	s->targets[s->ntargets++] = t;
	s->nalive++;
	return EX_LR_OK;
}

/* It may have been started a moment ago, and not have made what the layout is checked on. */
static int settle_patiently(struct session_target *t, char *why, size_t why_len)
{
	const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_NS};
	int err = session_target__settle(t, true, why, why_len);

	for (int i = 1; i < SETTLE_TRIES && err && err != -ESRCH && err != -EPERM; i++) {
		nanosleep(&pause, NULL);
		err = session_target__settle(t, true, why, why_len);
	}
	return err;
}

static int add_target(struct session *s, struct target_process *proc)
{
	struct session_target *t;
	char why[256] = "";
	int status = session_target__open(&t, proc), err;

	if (!t)
		return status;
	err = settle_patiently(t, why, sizeof(why));
	if (!err)
		return session__adopt(s, t);
	status = refuse(t, err, why);
	session_target__free(t);
	return status;
}

static int open_pid(struct session *s, pid_t pid)
{
	struct target_process *proc;
	struct target_why why = {};

	if (target_process__open(&proc, pid, &why)) {
		log_err("%s", why.text);
		return why.status;
	}
	return add_target(s, proc);
}

int session__observe(struct session *s, pid_t pid)
{
	int status = open_pid(s, pid);
	struct session_target *t;

	if (status)
		return status;
	t = s->targets[s->ntargets - 1];
	status = session__attach_target(s, t);
	if (status)
		session__target_ended(s, t);
	return status;
}

static int found(struct target_process *proc, void *ctx)
{
	struct session *s = ctx;

	pid_t pid = proc->pid;

	/* One that cannot be observed does not keep the others from it; it has been named. */
	if (add_target(s, proc) && s->nrefused < ARRAY_SIZE(s->refused))
		s->refused[s->nrefused++] = pid;
	return s->ntargets == SESSION_MAX_TARGETS;
}

int session__open_targets(struct session *s)
{
	const struct options *cli = s->opts->cli;
	int status;

	for (size_t i = 0; i < cli->npids; i++) {
		status = open_pid(s, cli->pids[i]);
		if (status)
			return status;
	}
	if (cli->all)
		target_process__scan(found, s, NULL);
	if (!s->ntargets && !cli->child) {
		log_err(cli->all ? "no Node.js process found that can be observed"
				 : "no process given: use -p PID, or --all");
		return cli->all ? EX_LR_NO_TARGET : EX_LR_USAGE;
	}
	return EX_LR_OK;
}

static void tell_target(struct session *s, const struct session_target *t)
{
	struct flow_event ev = {.type = FE_TARGET, .pid = (uint32_t)t->proc->pid};

	ev.ts = now_mono_ns();
	ev.target.start_time = t->proc->start_time;
	ev.target.version = str(t->proc->node.version);
	ev.target.context = str(t->context);
	ev.target.linked = str(target_process__linked(t->proc));
	ev.target.exe = str(t->proc->exe);
	ev.target.level = str(options__level_name(s->opts->cli->level));
	session__emit(s, &ev);
}

void session__tell_service(struct session *s, const struct session_target *t)
{
	struct flow_event ev = {.type = FE_SERVICE, .pid = (uint32_t)t->proc->pid};
	struct target_service service;

	target_service__read(&service, t->proc);
	ev.ts = now_mono_ns();
	ev.service.name = str(service.name);
	ev.service.version = str(service.version);
	ev.service.script = str(service.script);
	if (service.name[0] || service.script[0])
		session__emit(s, &ev);
}

/* Tells the sink what is being observed, so that a capture explains itself. */
void session__announce(struct session *s, struct session_target *t)
{
	tell_target(s, t);
	for (uint32_t i = 0; i < t->layout.nproviders; i++) {
		struct flow_event name = {
			.type = FE_PROVIDER,
			.pid = (uint32_t)t->proc->pid,
			.ts = now_mono_ns(),
		};

		name.provider.number = i;
		name.provider.name = str(t->layout.providers[i]);
		session__emit(s, &name);
	}
}

static int watch_end(struct session *s, struct session_target *t)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = t};

	if (t->proc->pidfd < 0)
		return 0;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, t->proc->pidfd, &e) ? -errno : 0;
}

/* So that its new connections are known from their beginning; others are met at their first bytes.
 */
static void serve_ports(struct session *s, const struct session_target *t)
{
	uint16_t ports[64];
	int n = target_ports__listening(t->proc->pid, ports, ARRAY_SIZE(ports));

	if (n > 0 && s->opts->cli->child)
		log_warn("pid %d listened already when it was attached to: its first requests may "
			 "not have been seen",
			 t->proc->pid);
	for (int i = 0; i < n && i < (int)ARRAY_SIZE(ports); i++)
		kern__serve_port(s->kern, ports[i]);
}

/*
 * How the stores of a process are to be read, as far as that is known. An object's address is its
 * name only between two garbage collections, so none is read where these are not seen.
 */
static uint32_t mechanism_of(const struct session *s, const struct session_target *t,
			     enum target_context context)
{
	uint32_t has = t->config.heap.flags;

	if (!s->opts->cli->context)
		return LR_MECHANISM_NONE;
	/* A runtime that has hooks only: BPF sees at once when the first store is entered. */
	if (context == TARGET_CONTEXT_NONE && !t->layout.p.cped && (has & LR_HEAP_HOOKS))
		context = TARGET_CONTEXT_ASYNC_HOOKS;
	if (context == TARGET_CONTEXT_NONE)
		return LR_MECHANISM_NONE;
	if (!(has & LR_HEAP_OBJECTS) || !kern__attached(s->kern, LR_PROBE_gc_start))
		return LR_MECHANISM_OFF;
	if (context == TARGET_CONTEXT_ACF && (has & LR_HEAP_ACF))
		return LR_MECHANISM_ACF;
	if (context == TARGET_CONTEXT_ASYNC_HOOKS && (has & LR_HEAP_HOOKS))
		return LR_MECHANISM_HOOKS;
	return LR_MECHANISM_OFF;
}

/* What was not known when the target was announced, or not so yet. */
static void tell_context(struct session *s, struct session_target *t, enum target_context context)
{
	const char *name = target_context__name(context);

	if (context == TARGET_CONTEXT_UNKNOWN || strcmp(name, t->context) == 0 ||
	    (context == TARGET_CONTEXT_NONE &&
	     strcmp(t->context, target_context__name(TARGET_CONTEXT_UNKNOWN)) != 0))
		return;
	t->context = name;
	tell_target(s, t);
}

/* An application may start to use AsyncLocalStorage at any time. */
void session__tell_mechanism(struct session *s, struct session_target *t)
{
	const char *why = NULL;
	enum target_context context = target_context__of(t->envs, (size_t)t->nenvs, &why);
	uint32_t mechanism = mechanism_of(s, t, context);

	tell_context(s, t, context);
	/* Only now: a process that uses no AsyncLocalStorage pays for it only if asked to. */
	if (s->opts->cli->every_line ||
	    (context != TARGET_CONTEXT_NONE && mechanism != LR_MECHANISM_OFF &&
	     mechanism != LR_MECHANISM_NONE))
		session__attach_lines(s);
	if (mechanism == t->config.mechanism)
		return;
	t->config.mechanism = mechanism;
	log_info("pid %d: AsyncLocalStorage: %s (%s)%s", t->proc->pid,
		 target_context__name(context), why,
		 mechanism == LR_MECHANISM_OFF ? ", its stores cannot be read" : "");
	if (kern__add_process(s->kern, t->proc->pid, &t->config))
		log_err_errno(-errno, "pid %d: cannot tell how its stores are read", t->proc->pid);
}

/* What is said inside of TLS, if both of its probes are there. */
static int follow_tls(struct session *s, struct session_target *t)
{
	int err = target_tls__decode(t->elf, &t->config.tls);

	if (!err && kern__attached(s->kern, LR_PROBE_tls_read) &&
	    kern__attached(s->kern, LR_PROBE_tls_write))
		t->config.tls.followed = 1;
	if (t->config.tls.followed)
		return kern__add_process(s->kern, t->proc->pid, &t->config);
	log_info("pid %d: requests over TLS are not followed", t->proc->pid);
	return 0;
}

/* Streams are only told if all is there that tells of their beginning and their end. */
static bool http2_followed(const struct session *s)
{
	static const enum lr_probe probes[] = {LR_PROBE_h2_stream, LR_PROBE_h2_frame,
					       LR_PROBE_h2_submit, LR_PROBE_h2_data,
					       LR_PROBE_h2_close,  LR_PROBE_h2_chunk};

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (!kern__attached(s->kern, probes[i]))
			return false;
	return true;
}

int session__place_probes(struct session *s, struct session_target *t, char *why, size_t why_len)
{
	int err;

	if (t->probed)
		return 0;
	err = kern__attach_image(s->kern, t->elf, t->proc->image, t->proc->pid, t->proc->node.dev,
				 t->proc->node.ino, why, why_len);
	t->probed = !err;
	return err;
}

int session__attach_target(struct session *s, struct session_target *t)
{
	char why[256] = "";
	int err;

	t->config.layout = t->layout.lr;
	t->config.heap = t->layout.heap;
	t->config.level =
		s->opts->cli->level == LEVEL_RESOURCES ? LR_LEVEL_RESOURCES : LR_LEVEL_REQUESTS;
	session__announce(s, t);
	serve_ports(s, t);
	err = kern__add_process(s->kern, t->proc->pid, &t->config);
	if (!err)
		err = session__place_probes(s, t, why, sizeof(why));
	if (!err)
		err = follow_tls(s, t);
	if (!err)
		err = session__follow_jobs(s, t);
	if (!err)
		err = watch_end(s, t);
	t->config.http2 = http2_followed(s);
	if (!err && t->config.http2)
		err = kern__add_process(s->kern, t->proc->pid, &t->config);
	if (!err)
		session__tell_mechanism(s, t);
	if (err && target_process__is_ending(t->proc)) {
		log_err("pid %d ended while it was being attached to", t->proc->pid);
		return EX_LR_NO_TARGET;
	}
	if (err) {
		log_err_errno(err, "cannot attach to pid %d: %s", t->proc->pid, why);
		return err == -EPERM || err == -EACCES ? EX_LR_PRIVILEGES : EX_LR_UNSUPPORTED;
	}
	session__report_missing(s);
	/* Takes files and memory of the process: not while each millisecond counts. */
	if (!t->starting)
		session__tell_service(s, t);
	/* Its symbols were needed for the probes alone. */
	target_elf__release(t->elf);
	t->elf = NULL;
	return EX_LR_OK;
}

bool session__is_target(const struct session *s, const void *ptr)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (s->targets[i] == ptr)
			return !target_process__alive(s->targets[i]->proc);
	return false;
}

void session__target_ended(struct session *s, struct session_target *t)
{
	if (t->ended)
		return;
	t->ended = true;
	s->nalive--;
	if (t->proc->pidfd >= 0)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, t->proc->pidfd, NULL);
	kern__remove_process(s->kern, t->proc->pid);
	/* What it did before its end is still in the ring. */
	flow_ring__drain(s->ring);
	flow_decode__end_target(s->decode, (uint32_t)t->proc->pid, now_mono_ns());
	log_info("pid %d ended", t->proc->pid);
	session__expect_again(s, t);
}

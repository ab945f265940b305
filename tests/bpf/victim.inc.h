/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The victim's body. Included once by the test program, because it must be part of the same
 * image: what the test probes in the child is this code.
 */
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define VICTIM_KEEP 1024

struct fake_env;

struct fake_isolate {
	uint64_t pad[3];
	struct fake_env *env;
	uint64_t top;	    /* where it allocates next */
	uint64_t slot;	    /* the frame */
	uint64_t undefined; /* root */
	uint64_t js_entry;
	uint64_t old_start, old_top, old_limit; /* the old space's area */
};

struct fake_internal {
	uint64_t pad[2];
	uint64_t idle;
};

struct fake_loop {
	uint64_t pad[3];
	struct fake_internal *internal;
};

struct fake_timer {
	uint64_t pad[4];
	uint64_t timeout; /* ms */
};

struct fake_env {
	uint64_t pad[5];
	struct fake_isolate *isolate;
	double *uid;
	struct fake_loop *loop;
};

struct fake_wrap {
	uint64_t vtable;
	struct fake_env *env;
	uint32_t pad;
	uint32_t provider;
	double async_id;
	double trigger_id;
};

/* uid: execution id, trigger id, counter, default trigger id. */
static double victim_uid[4] = {1, 0, 1000, -1};
static struct fake_isolate victim_isolate;
static struct fake_env victim_env;
static struct fake_wrap victim_wraps[VICTIM_KEEP];
static struct fake_internal victim_internal;
static struct fake_loop victim_loop;
static struct fake_timer victim_timer;
static struct victim_measure *victim_shared;
static uint32_t victim_live;
static __thread struct fake_isolate *victim_current;
/* What the slot may hold: set by a test before the victim starts. */
static uint64_t victim_slots[VICTIM_SLOTS] __attribute__((unused));

/*
 * The probed functions: plain C under the runtime's names. Each begins with a push, as the
 * compilers of real builds make it; what they do comes behind.
 */
#define VICTIM_FUNCTION(mangled, body)                                                            \
	__asm__(".text\n.globl " mangled "\n.type " mangled ", @function\n" mangled               \
		":\n push %rbp\n mov %rsp, %rbp\n call " body "\n pop %rbp\n ret\n.size " mangled \
		", . - " mangled "\n")

/* One that calls another, which is what the probe is at. */
#define VICTIM_CALLER(mangled, callee) VICTIM_FUNCTION(mangled, callee)

void victim_gc_start(void) __asm__("_ZN2v88internal4Heap25GarbageCollectionPrologueEv");
void victim_gc_end(void) __asm__("_ZN2v88internal4Heap25GarbageCollectionEpilogueEv");
void victim_run_timers(struct fake_timer *timer) __asm__(
	"_ZN4node11Environment9RunTimersEP10uv_timer_s");
void victim_immediates(void) __asm__("_ZN4node11Environment14CheckImmediateEv");
void victim_async(void) __asm__("uv__async_io");

void victim_reset_body(struct fake_wrap *wrap);
void victim_destroy_body(struct fake_wrap *wrap);
void victim_nothing_body(void);
void victim_reset(struct fake_wrap *wrap) __asm__(
	"_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEdb");
void victim_complete_destructor(struct fake_wrap *wrap) __asm__("_ZN4node9AsyncWrapD2Ev");
void victim_emit_destroy(struct fake_wrap *wrap) __asm__("_ZN4node9AsyncWrap11EmitDestroyEb");
void victim_pop(void *hooks) __asm__("_ZN4node10AsyncHooks17pop_async_contextEd");

VICTIM_FUNCTION("_ZN4node9AsyncWrap10AsyncResetEN2v85LocalINS1_6ObjectEEEdb", "victim_reset_body");
VICTIM_FUNCTION("_ZN4node9AsyncWrapD2Ev", "victim_destroy_body");
VICTIM_FUNCTION("_ZN4node9AsyncWrap11EmitDestroyEb", "victim_nothing_body");
VICTIM_FUNCTION("_ZN4node10AsyncHooks17pop_async_contextEd", "victim_nothing_body");

VICTIM_FUNCTION("_ZN2v88internal4Heap25GarbageCollectionPrologueEv", "victim_nothing_body");
VICTIM_FUNCTION("_ZN2v88internal4Heap25GarbageCollectionEpilogueEv", "victim_nothing_body");
VICTIM_FUNCTION("_ZN4node11Environment9RunTimersEP10uv_timer_s", "victim_nothing_body");
VICTIM_FUNCTION("_ZN4node12MakeCallbackEv", "victim_nothing_body");
VICTIM_CALLER("_ZN4node11Environment14CheckImmediateEv", "_ZN4node12MakeCallbackEv");
VICTIM_FUNCTION("uv__async_io", "victim_nothing_body");

void victim_reset_body(struct fake_wrap *wrap)
{
	victim_uid[2] += 1;
	wrap->async_id = victim_uid[2];
	wrap->trigger_id = victim_uid[3] >= 0 ? victim_uid[3] : victim_uid[0];
}

/* Destructors call EmitDestroy on an id that is still valid: one end, probed twice. */
void victim_destroy_body(struct fake_wrap *wrap)
{
	victim_emit_destroy(wrap);
	wrap->async_id = -1;
}

void victim_nothing_body(void)
{
}

static void victim_create(uint32_t count, uint32_t provider)
{
	for (uint32_t i = 0; i < count && victim_live < VICTIM_KEEP; i++) {
		struct fake_wrap *wrap = &victim_wraps[victim_live++];

		wrap->env = &victim_env;
		wrap->provider = provider;
		wrap->async_id = -1;
		victim_uid[3] = i % 2 ? 500.0 + i : -1.0;
		victim_reset(wrap);
	}
}

static void victim_destroy(uint32_t count)
{
	while (count-- && victim_live)
		victim_complete_destructor(&victim_wraps[--victim_live]);
}

static void victim_scopes(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		victim_uid[0] = VICTIM_FIRST_SCOPE + i;
		victim_pop(NULL);
	}
	victim_uid[0] = 1;
}

static void must(bool ok)
{
	if (!ok) {
		perror("victim");
		abort();
	}
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(!bind(l, (struct sockaddr *)&addr, sizeof(addr)) && !listen(l, 1));
	must(!getsockname(l, (struct sockaddr *)&addr, &len));
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	must(!connect(fds[0], (struct sockaddr *)&addr, sizeof(addr)));
	fds[1] = accept(l, NULL, NULL);
	must(fds[1] >= 0);
	close(l);
}

static const char victim_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The victim is client and server: fds[0] asks, fds[1] answers. */
static void victim_http(bool tcp, uint32_t count)
{
	char buf[256], request[64];
	int fds[2];

	if (tcp)
		tcp_pair(fds);
	else
		must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	for (uint32_t i = 0; i < count; i++) {
		int n = snprintf(request, sizeof(request), "GET /%u HTTP/1.1\r\n\r\n", i);

		must(write(fds[0], request, n) == n);
		must(read(fds[1], buf, sizeof(buf)) == n);
		n = sizeof(victim_answer) - 1;
		must(write(fds[1], victim_answer, n) == n);
		must(read(fds[0], buf, sizeof(buf)) == n);
	}
	close(fds[0]);
	close(fds[1]);
}

static void victim_long(uint32_t count)
{
	static char buf[65536];
	int fds[2] = {-1, -1};

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, "POST /long HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 42);
	must(count <= sizeof(buf) && !socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	must(write(fds[0], buf, count) == (ssize_t)count);
	must(read(fds[1], buf, sizeof(buf)) == (ssize_t)count);
	close(fds[0]);
	close(fds[1]);
}

static void victim_pipe(uint32_t count)
{
	char byte = 'G';
	int fds[2];

	must(!pipe(fds));
	while (count--)
		must(write(fds[1], &byte, 1) == 1 && read(fds[0], &byte, 1) == 1);
	close(fds[0]);
	close(fds[1]);
}

static void victim_timers(void)
{
	victim_timer.timeout = 0;
	victim_run_timers(&victim_timer);
}

static uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	must(!clock_gettime(clock, &ts));
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void victim_due(uint32_t ms)
{
	uint64_t now = clock_now(CLOCK_MONOTONIC) / 1000000;

	victim_timer.timeout = ms == VICTIM_FUTURE ? now + 3600000 : now - ms;
	victim_run_timers(&victim_timer);
}

static void spin(uint64_t ms)
{
	uint64_t end = clock_now(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000;

	while (clock_now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set));
}

/* Whether the machine has a second CPU or not: of those that this process may use. */
static void spin_around(uint64_t ms, bool move)
{
	unsigned at = 0;
	cpu_set_t may;

	must(!sched_getaffinity(0, sizeof(may), &may));
	for (uint64_t i = 0; i < ms; i++) {
		do
			at = (at + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(at, &may));
		if (move || i == 0)
			pin(at);
		spin(1);
	}
	must(!sched_setaffinity(0, sizeof(may), &may));
}

static void compete(uint64_t ms)
{
	pid_t hog;
	cpu_set_t may;

	must(!sched_getaffinity(0, sizeof(may), &may));
	pin((unsigned)sched_getcpu());
	hog = fork();
	must(hog >= 0);
	if (!hog) {
		spin(10 * ms);
		_exit(0);
	}
	spin(ms);
	kill(hog, SIGKILL);
	must(waitpid(hog, NULL, 0) == hog);
	must(!sched_setaffinity(0, sizeof(may), &may));
}

static void wait_for_child(uint64_t ms)
{
	pid_t child = fork();

	must(child >= 0);
	if (!child) {
		spin(ms);
		_exit(0);
	}
	must(waitpid(child, NULL, 0) == child);
}

static void rest(uint64_t ms)
{
	struct timespec ts = {.tv_nsec = (long)ms * 1000000};

	must(!nanosleep(&ts, NULL));
}

static void victim_do_work(enum victim_work work)
{
	uint64_t from = clock_now(CLOCK_MONOTONIC);

	switch (work) {
	case VICTIM_WORK_SPIN:
		return spin_around(VICTIM_WORK_MS, false);
	case VICTIM_WORK_MIGRATE:
		return spin_around(VICTIM_WORK_MS, true);
	case VICTIM_WORK_SLEEP:
		rest(VICTIM_WORK_MS);
		victim_internal.idle += clock_now(CLOCK_MONOTONIC) - from;
		return;
	case VICTIM_WORK_COMPETE:
		return compete(VICTIM_WORK_MS);
	case VICTIM_WORK_CHILD:
		return wait_for_child(VICTIM_WORK_MS);
	case VICTIM_WORKS:
		break;
	}
	abort();
}

/* The kernel's counts of this thread: on a CPU, and waiting for one. */
static struct victim_measure measure(void)
{
	struct victim_measure m = {.idle_ns = victim_internal.idle};
	unsigned long long ran = 0, waited = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	must(f && fscanf(f, "%llu %llu", &ran, &waited) == 2);
	fclose(f);
	m.delay_ns = waited;
	m.wall_ns = clock_now(CLOCK_MONOTONIC);
	m.cpu_ns = clock_now(CLOCK_THREAD_CPUTIME_ID);
	return m;
}

/*
 * Send, receive, turn, the work, turn, send, receive. What was sent last lies in the socket for a
 * while.
 */
static void victim_work(enum victim_work work)
{
	static const char request[] = "GET /work HTTP/1.1\r\n\r\n";
	struct victim_measure from, to;
	char buf[256];
	int fds[2];

	tcp_pair(fds);
	must(write(fds[0], request, sizeof(request) - 1) == sizeof(request) - 1);
	must(read(fds[1], buf, sizeof(buf)) == sizeof(request) - 1);
	victim_immediates();
	from = measure();
	victim_do_work(work);
	to = measure();
	victim_immediates();
	must(write(fds[1], victim_answer, sizeof(victim_answer) - 1) > 0);
	rest(VICTIM_WAITS_MS);
	must(read(fds[0], buf, sizeof(buf)) > 0);
	close(fds[0]);
	close(fds[1]);
	*victim_shared = (struct victim_measure){
		.wall_ns = to.wall_ns - from.wall_ns,
		.cpu_ns = to.cpu_ns - from.cpu_ns,
		.delay_ns = to.delay_ns - from.delay_ns,
		.idle_ns = to.idle_ns - from.idle_ns,
	};
}

struct victim_measure victim__measure(void)
{
	return *victim_shared;
}

static void victim_repeat(uint32_t count, void (*first)(void), void (*second)(void))
{
	while (count--) {
		first();
		if (second)
			second();
	}
}

static uint32_t victim_tenured; /* bytes that each request allocates in the old space */

/* As V8: what does not fit goes into another area, which may lie anywhere. */
static void victim_tenures(void)
{
	if (victim_isolate.old_top + victim_tenured > victim_isolate.old_limit) {
		victim_isolate.old_start -= VICTIM_OLD_NEXT;
		victim_isolate.old_top = victim_isolate.old_start;
		victim_isolate.old_limit = victim_isolate.old_start + VICTIM_OLD_AREA;
	}
	victim_isolate.old_top += victim_tenured;
}

/* Requests come in; the top moves as it does when something is allocated. No other receive. */
static void victim_serve(uint32_t count)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	char buf[256];
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	for (uint32_t i = 0; i < count; i++) {
		must(write(fds[0], request, sizeof(request) - 1) == sizeof(request) - 1);
		must(read(fds[1], buf, sizeof(buf)) == sizeof(request) - 1);
		victim_isolate.top += VICTIM_ALLOCATES;
		victim_tenures();
		must(write(fds[1], victim_answer, sizeof(victim_answer) - 1) > 0);
	}
	close(fds[0]);
	close(fds[1]);
}

void victim__do_here(enum victim_command command, uint32_t count)
{
	switch (command) {
	case VICTIM_CREATE:
		return victim_create(count, VICTIM_PROVIDER);
	case VICTIM_ODD_PROVIDER:
		return victim_create(count, VICTIM_PROVIDERS + 5);
	case VICTIM_DESTROY:
		return victim_destroy(count);
	case VICTIM_SCOPE:
		return victim_scopes(count);
	case VICTIM_HTTP_TCP:
	case VICTIM_HTTP_UNIX:
		return victim_http(command == VICTIM_HTTP_TCP, count);
	case VICTIM_LONG:
		return victim_long(count);
	case VICTIM_PIPE:
		return victim_pipe(count);
	case VICTIM_GC:
		return victim_repeat(count, victim_gc_start, victim_gc_end);
	case VICTIM_TIMERS:
		return victim_repeat(count, victim_timers, NULL);
	case VICTIM_IMMEDIATES:
		return victim_repeat(count, victim_immediates, NULL);
	case VICTIM_ASYNC:
		return victim_repeat(count, victim_async, NULL);
	case VICTIM_SERVE:
		return victim_serve(count);
	case VICTIM_SLOT:
		victim_isolate.slot = victim_slots[count % VICTIM_SLOTS];
		return;
	case VICTIM_TENURE:
		victim_tenured = count;
		return;
	case VICTIM_IDLE:
		victim_isolate.js_entry = 0;
		return;
	case VICTIM_DUE:
		return victim_due(count);
	case VICTIM_WORK:
		return victim_work(count);
	case VICTIM_QUIT:
		_exit(0);
	}
}

/* Also undoes what an earlier test did in this process, which the child would inherit. */
static void victim_setup(void)
{
	const double fresh[4] = {1, 0, 1000, -1};

	memcpy(victim_uid, fresh, sizeof(fresh));
	victim_live = 0;
	victim_isolate.env = &victim_env;
	victim_isolate.top = VICTIM_TOP;
	victim_isolate.old_start = victim_isolate.old_top = VICTIM_OLD;
	victim_isolate.old_limit = VICTIM_OLD + VICTIM_OLD_AREA;
	victim_tenured = 0;
	victim_isolate.slot = victim_isolate.undefined = victim_slots[0];
	victim_isolate.js_entry = 1;
	victim_env.isolate = &victim_isolate;
	victim_env.uid = victim_uid;
	victim_env.loop = &victim_loop;
	victim_loop.internal = &victim_internal;
	if (!victim_shared)
		victim_shared = mmap(NULL, sizeof(*victim_shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(victim_shared != MAP_FAILED);
	victim_current = &victim_isolate;
}

void victim__start(struct victim *v)
{
	uint32_t command[2];
	int fds[2];

	victim_setup();
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	v->pid = fork();
	must(v->pid >= 0);
	if (v->pid) {
		close(fds[1]);
		v->fd = fds[0];
		return;
	}
	close(fds[0]);
	while (read(fds[1], command, sizeof(command)) == sizeof(command)) {
		victim__do_here(command[0], command[1]);
		must(write(fds[1], command, 1) == 1);
	}
	_exit(0);
}

void victim__do(struct victim *v, enum victim_command command, uint32_t count)
{
	uint32_t message[2] = {command, count};
	char done;

	must(write(v->fd, message, sizeof(message)) == sizeof(message));
	must(read(v->fd, &done, 1) == 1);
}

void victim__stop(struct victim *v)
{
	close(v->fd);
	waitpid(v->pid, NULL, 0);
}

void victim__layout(struct lr_layout *layout)
{
	uint64_t fsbase;

	__asm__("mov %%fs:0, %0" : "=r"(fsbase));
	*layout = (struct lr_layout){
		.flags = LR_LAYOUT_ENV | LR_LAYOUT_IDS | LR_LAYOUT_WRAP | LR_LAYOUT_LOOP,
		.provider_max = VICTIM_PROVIDERS,
		.tls_isolate = (int64_t)((uint64_t)&victim_current - fsbase),
		.isolate_env = {.n = 1, .off = {offsetof(struct fake_isolate, env)}},
		.env_isolate = {.n = 1, .off = {offsetof(struct fake_env, isolate)}},
		.env_uid = {.n = 1, .off = {offsetof(struct fake_env, uid)}},
		.env_loop = {.n = 1, .off = {offsetof(struct fake_env, loop)}},
		.loop_internal = {.n = 1, .off = {offsetof(struct fake_loop, internal)}},
		.loop_idle = offsetof(struct fake_internal, idle),
		.timer_timeout = offsetof(struct fake_timer, timeout),
		.wrap_env = {.n = 1, .off = {offsetof(struct fake_wrap, env)}},
		.wrap_provider = offsetof(struct fake_wrap, provider),
		.wrap_async_id = offsetof(struct fake_wrap, async_id),
	};
}

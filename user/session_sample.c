// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is read now and then instead of being probed: the counters of loops, timers and
 * immediates, the losses that BPF counted, and at the end the coverage of every probe. Reading
 * them repeats the layout self-check, so that a runtime which stopped looking like its layout is
 * noticed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "sample"
#include "kern_threads.h"
#include "log.h"
#include "session_impl.h"
#include "util.h"

#define MAX_PROBES 32

static struct flow_str str(const char *s)
{
	return (struct flow_str){.s = s, .len = (uint32_t)strlen(s)};
}

/* Time on a CPU, the first field of schedstat; 0 if it cannot be read. */
static uint64_t thread_cpu_ns(pid_t pid, pid_t tid)
{
	char path[64], text[128];
	uint64_t ns;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	if (read_file(path, text, sizeof(text)) <= 0 || sscanf(text, "%" SCNu64, &ns) != 1)
		return 0;
	return ns;
}

/* The number of the environment on thread @tid, told to the decoder if it has not met it yet. */
static uint32_t env_number(struct session *s, uint32_t pid, uint32_t tid)
{
	struct lr_ev_thread rec = {
		.h = {.ts = now_mono_ns(), .pid = pid, .tid = tid, .type = LR_EV_THREAD},
	};
	int64_t env = flow_decode__env_of(s->decode, tid);

	if (env < 0) {
		rec.h.size = sizeof(rec);
		flow_decode__record(s->decode, &rec, sizeof(rec));
		env = flow_decode__env_of(s->decode, tid);
	}
	return env < 0 ? 0 : (uint32_t)env;
}

static void sample_loop(struct session *s, const struct session_target *t,
			const struct target_env *env)
{
	struct flow_event ev = {
		.type = FE_LOOP,
		.pid = (uint32_t)t->proc->pid,
		.tid = (uint32_t)env->tid,
		.ts = now_mono_ns(),
	};

	ev.loop.env = env_number(s, ev.pid, ev.tid);
	ev.loop.idle_ns = env->loop_idle_ns;
	ev.loop.iterations = env->loop_count;
	ev.loop.cpu_ns = thread_cpu_ns(t->proc->pid, env->tid);
	session__emit(s, &ev);
}

static struct fe_count count_of(const struct target_counter *c)
{
	static const enum flow_count_unknown reasons[] = {
		[TARGET_COUNTER_KNOWN] = FLOW_COUNT_KNOWN,
		[TARGET_COUNTER_NOT_KEPT] = FLOW_COUNT_NOT_KEPT,
		[TARGET_COUNTER_NOT_DECODED] = FLOW_COUNT_NOT_DECODED,
		[TARGET_COUNTER_UNREADABLE] = FLOW_COUNT_UNREADABLE,
	};

	return (struct fe_count){.unknown = reasons[c->unknown], .value = c->value};
}

static void sample_timers(struct session *s, const struct session_target *t,
			  const struct target_env *env)
{
	struct flow_event ev = {
		.type = FE_TIMERS,
		.pid = (uint32_t)t->proc->pid,
		.tid = (uint32_t)env->tid,
		.ts = now_mono_ns(),
	};

	ev.timers.env = env_number(s, ev.pid, ev.tid);
	ev.timers.timers = count_of(&env->timers);
	ev.timers.immediates = count_of(&env->immediates);
	session__emit(s, &ev);
}

static void sample_target(struct session *s, struct session_target *t)
{
	struct target_thread threads[SESSION_MAX_THREADS];
	char why[256] = "";
	int n = kern_threads__list(t->proc->pid, threads, SESSION_MAX_THREADS);

	if (n <= 0)
		return;
	n = target_layout__check(&t->layout, t->proc->pid, t->proc->load_bias, threads,
				 min_t(size_t, (size_t)n, SESSION_MAX_THREADS), t->envs,
				 SESSION_MAX_ENVS, why, sizeof(why));
	if (n == -EPROTO) {
		/* What can no longer be trusted is no longer read. */
		log_err("pid %d: its memory no longer matches its layout, detaching: %s",
			t->proc->pid, why);
		session__target_ended(s, t);
		s->status = EX_LR_RUNTIME;
	}
	if (n < 0)
		return;
	t->nenvs = min_t(int, n, SESSION_MAX_ENVS);
	session__tell_mechanism(s, t);
	for (int i = 0; i < t->nenvs; i++) {
		if (t->envs[i].loop)
			sample_loop(s, t, &t->envs[i]);
		sample_timers(s, t, &t->envs[i]);
	}
	session__pulse(s, t, true);
}

const enum flow_loss_kind session_loss_kinds[LR_STAT_COUNT] = {
#define RING			  FLOW_LOSS_RING
#define MAP			  FLOW_LOSS_MAP
#define READ			  FLOW_LOSS_READ
#define NONE			  FLOW_LOSS_KINDS
#define LR_STAT(name, loss, text) [LR_STAT_##name] = loss,
	LR_STATS(LR_STAT)
#undef LR_STAT
#undef RING
#undef MAP
#undef READ
#undef NONE
};

static void tell_loss(struct session *s, enum flow_loss_kind kind, uint64_t count)
{
	struct flow_event ev = {.type = FE_LOSS, .ts = now_mono_ns()};

	if (kind == FLOW_LOSS_KINDS || !count)
		return;
	ev.loss.kind = kind;
	ev.loss.count = count;
	session__emit(s, &ev);
}

/*
 * The decoder tells ring losses as it meets the holes in a thread's sequence, and whose they
 * were; only what it has not met yet (records without a thread, holes at the very end) is
 * told from the kernel's counter, once the ring has been drained.
 */
static void sample_losses(struct session *s, bool last)
{
	uint64_t now[LR_STAT_COUNT];
	struct flow_decode_stats decoded;

	if (kern__stats(s->kern, now))
		return;
	flow_decode__stats(s->decode, &decoded);
	for (int i = 0; i < LR_STAT_COUNT; i++) {
		if (i == LR_STAT_ring_full)
			continue;
		tell_loss(s, session_loss_kinds[i], now[i] - s->stats[i]);
		s->stats[i] = now[i];
	}
	if (last && now[LR_STAT_ring_full] > decoded.lost)
		tell_loss(s, FLOW_LOSS_RING, now[LR_STAT_ring_full] - decoded.lost);
}

/* The hits of a tracepoint are the records it made: the programs do not count them again. */
static uint64_t tracepoint_hits(const struct session *s, const char *name)
{
	if (strcmp(name, "bytes_in") == 0)
		return s->by_type[LR_EV_IN];
	if (strcmp(name, "bytes_out") == 0)
		return s->by_type[LR_EV_OUT];
	if (strcmp(name, "bytes") == 0)
		return s->by_type[LR_EV_IN] + s->by_type[LR_EV_OUT];
	if (strcmp(name, "lines") == 0)
		return s->by_type[LR_EV_WRITE];
	if (strcmp(name, "socket_state") == 0)
		return s->by_type[LR_EV_CLOSE];
	return 0;
}

static void tell_probes(struct session *s, bool missing_only)
{
	struct kern_probe probes[MAX_PROBES];
	size_t n = kern__probes(s->kern, probes, MAX_PROBES);

	for (size_t i = 0; i < n && i < MAX_PROBES; i++) {
		struct flow_event ev = {.type = FE_PROBE, .ts = now_mono_ns()};

		if (missing_only && probes[i].attached)
			continue;
		ev.probe.name = str(probes[i].name);
		ev.probe.site = str(probes[i].site);
		ev.probe.reason = str(probes[i].reason);
		ev.probe.attached = probes[i].attached;
		ev.probe.hits = probes[i].hits + tracepoint_hits(s, probes[i].name);
		ev.probe.misses = probes[i].misses;
		session__emit(s, &ev);
	}
}

/* What probes have hit so far, for whoever wants to know before the end. */
static void sample_probes(struct session *s)
{
	uint64_t now = now_mono_ns();

	if (!s->opts->coverage_ns || now - s->coverage_ns < s->opts->coverage_ns)
		return;
	s->coverage_ns = now;
	tell_probes(s, false);
}

void session__sample(struct session *s)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (!s->targets[i]->ended && !s->targets[i]->starting)
			sample_target(s, s->targets[i]);
	sample_losses(s, false);
	sample_probes(s);
}

static void tell_counter(struct session *s, const char *name, uint64_t value)
{
	struct flow_event ev = {.type = FE_COUNTER, .ts = now_mono_ns()};

	ev.counter.name = str(name);
	ev.counter.value = value;
	session__emit(s, &ev);
}

void session__report_missing(struct session *s)
{
	tell_probes(s, true);
}

void session__report_coverage(struct session *s)
{
	uint64_t sums[LR_STAT_COUNT];

	tell_probes(s, false);
	sample_losses(s, true);
	if (!kern__stats(s->kern, sums)) {
#define LR_STAT(name, loss, text) tell_counter(s, #name, sums[LR_STAT_##name]);
		LR_STATS(LR_STAT)
#undef LR_STAT
	}
	tell_counter(s, "ring_records", flow_ring__records(s->ring));
	tell_counter(s, "ring_peak_percent", (uint64_t)(flow_ring__peak(s->ring) * 100));
}

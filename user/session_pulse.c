// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The pulse of every loop, read from the targets' memory at random moments: evenly spread ones
 * could be in step with what the target does every so many milliseconds.
 *
 * A loop that is no longer where it was is left alone until the next sample (session_sample.c) has
 * looked for it anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "session_impl.h"
#include "target_pulse.h"
#include "util.h"

/* Between two pulses: 10 ms on average. */
#define PULSE_MIN_NS  5000000ULL
#define PULSE_SPAN_NS 10000000ULL
/* Environments that are read so often; of more, each is read less often in proportion. */
#define PULSE_ENVS 16

struct session_pulse {
	struct fe_pulse last[SESSION_MAX_ENVS]; /* as told last */
	pid_t tid[SESSION_MAX_ENVS];		/* whose it was; 0: nothing told yet */
	bool lost[SESSION_MAX_ENVS];
};

/* How much slower than usual, so that what the agent takes is bounded. */
static uint64_t slowness(const struct session *s)
{
	uint64_t envs = 0;

	for (size_t i = 0; i < s->ntargets; i++)
		envs += s->targets[i]->ended ? 0 : (uint64_t)s->targets[i]->nenvs;
	return 1 + envs / (PULSE_ENVS + 1);
}

uint64_t session__pulse_delay_ns(struct session *s)
{
	uint64_t r;

	if (!s->pulse_seed && getrandom(&s->pulse_seed, sizeof(s->pulse_seed), 0) < 0)
		s->pulse_seed = now_mono_ns();
	r = hash_u64(++s->pulse_seed);
	return (PULSE_MIN_NS + r % PULSE_SPAN_NS) * slowness(s);
}

static uint8_t reason_of(enum target_counter_unknown unknown)
{
	return unknown == TARGET_COUNTER_NOT_DECODED ? FLOW_COUNT_NOT_DECODED
						     : FLOW_COUNT_UNREADABLE;
}

static void fill(struct flow_event *ev, const struct session_target *t,
		 const struct target_env *env, const struct target_pulse *p)
{
	ev->ts = p->ts;
	ev->pulse.idle_ns = p->idle_ns;
	ev->pulse.entry_ns = p->entry_ns;
	ev->pulse.time_ns = p->time_ms * 1000000;
	if (t->layout.lr.loop_count)
		ev->pulse.iterations = p->count;
	else
		ev->pulse.iterations_unknown = FLOW_COUNT_NOT_KEPT;
	if (!env->microtasks) {
		ev->pulse.microtasks_unknown = reason_of(env->microtasks_unknown);
		return;
	}
	ev->pulse.microtasks = p->microtasks;
	ev->pulse.flags |= p->draining ? FE_PULSE_DRAINING : 0;
}

/* In the same poll since: nothing can have happened. */
static bool sleeps_on(const struct fe_pulse *a, const struct fe_pulse *b)
{
	return a->entry_ns && a->entry_ns == b->entry_ns && a->idle_ns == b->idle_ns &&
	       a->iterations == b->iterations && a->microtasks == b->microtasks;
}

static void pulse_of(struct session *s, struct session_target *t, int i, bool forced)
{
	const struct target_env *env = &t->envs[i];
	struct session_pulse *state = t->pulse;
	struct target_pulse p;
	struct flow_event ev = {
		.type = FE_PULSE,
		.pid = (uint32_t)t->proc->pid,
		.tid = (uint32_t)env->tid,
		.pulse.flags = forced ? FE_PULSE_FORCED : 0,
	};
	/* Not known to the decoder: the thread ended a moment ago. */
	int64_t number = flow_decode__env_of(s->decode, ev.tid);
	int err;

	if (!env->loop || state->lost[i] || number < 0)
		return;
	err = target_pulse__read(t->memory, &t->layout, env, &p);
	state->lost[i] = err && err != -EAGAIN;
	if (err)
		return;
	fill(&ev, t, env, &p);
	if (!forced && state->tid[i] == env->tid && sleeps_on(&state->last[i], &ev.pulse))
		return;
	ev.pulse.env = (uint32_t)number;
	state->tid[i] = env->tid;
	state->last[i] = ev.pulse;
	session__emit(s, &ev);
}

void session__pulse(struct session *s, struct session_target *t, bool forced)
{
	if (!t->pulse)
		t->pulse = calloc(1, sizeof(*t->pulse));
	if (!t->pulse || (!t->memory && target_memory__open(&t->memory, t->proc->pid)))
		return;
	if (forced)
		memset(t->pulse->lost, 0, sizeof(t->pulse->lost));
	for (int i = 0; i < t->nenvs; i++)
		pulse_of(s, t, i, forced);
}

void session__pulse_all(struct session *s)
{
	for (size_t i = 0; i < s->ntargets; i++)
		if (!s->targets[i]->ended && !s->targets[i]->starting)
			session__pulse(s, s->targets[i], false);
}

void session__pulse_free(struct session_target *t)
{
	target_memory__free(t->memory);
	free(t->pulse);
}

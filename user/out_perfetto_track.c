// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Descriptions of the tracks of a Perfetto trace; field numbers are those of its schema. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_perfetto_parts.h"
#include "util.h"

/* TracePacket */
#define PACKET_TRACK 60
/* TrackDescriptor */
#define TRACK_UUID    1
#define TRACK_NAME    2
#define TRACK_PROCESS 3
#define TRACK_THREAD  4
#define TRACK_PARENT  5
#define TRACK_COUNTER 8
/* ProcessDescriptor */
#define PROCESS_PID  1
#define PROCESS_NAME 6
/* ThreadDescriptor */
#define THREAD_PID  1
#define THREAD_TID  2
#define THREAD_NAME 5
/* CounterDescriptor */
#define COUNTER_UNIT	  3
#define COUNTER_UNIT_NAME 6

enum { UNIT_TIME_NS = 1, UNIT_COUNT = 2 };

static void track_begin(struct perfetto *s, uint64_t id, uint64_t parent, const char *name)
{
	pf_packet__begin(s, 0);
	proto__begin(&s->p, PACKET_TRACK);
	proto__u64(&s->p, TRACK_UUID, id);
	if (parent)
		proto__u64(&s->p, TRACK_PARENT, parent);
	if (name)
		proto__str(&s->p, TRACK_NAME, name);
}

static void track_end(struct perfetto *s)
{
	proto__end(&s->p);
	pf_packet__end(s);
}

static uint64_t describe(struct perfetto *s, uint64_t id, uint64_t parent, const char *name)
{
	track_begin(s, id, parent, name);
	track_end(s);
	return id;
}

uint64_t pf_track__trace(struct perfetto *s)
{
	uint64_t id = pf_id(PF_TRACE, 0, 0, 0);

	if (flow_table__get(&s->processes, 0, PF_TRACE))
		return id;
	flow_table__put(&s->processes, 0, PF_TRACE, s);
	return describe(s, id, 0, "loopray");
}

static void process(struct perfetto *s, uint32_t pid, const char *name)
{
	track_begin(s, pf_id(PF_PROCESS, pid, 0, 0), 0, NULL);
	proto__begin(&s->p, TRACK_PROCESS);
	proto__i64(&s->p, PROCESS_PID, (int32_t)pid);
	if (name)
		proto__str(&s->p, PROCESS_NAME, name);
	proto__end(&s->p);
	track_end(s);
}

/* The table holds the id of what was described: no room means that it is described again. */
uint64_t pf_track__process(struct perfetto *s, uint32_t pid)
{
	uint64_t id = pf_id(PF_PROCESS, pid, 0, 0);

	if (!flow_table__get(&s->processes, pid, 0)) {
		process(s, pid, NULL);
		flow_table__put(&s->processes, pid, 0, s);
	}
	return id;
}

void pf_track__target(struct perfetto *s, uint32_t pid, const struct fe_target *t)
{
	char name[320];
	uint32_t at = t->exe.len;

	while (at && t->exe.s[at - 1] != '/')
		at--;
	snprintf(name, sizeof(name), "%.*s%s%.*s", (int)min_t(uint32_t, t->exe.len - at, 255),
		 t->exe.len ? t->exe.s + at : "", t->exe.len && t->version.len ? " " : "",
		 (int)min_t(uint32_t, t->version.len, 31), t->version.len ? t->version.s : "");
	process(s, pid, name[0] ? name : "node");
	if (!flow_table__get(&s->processes, pid, 0))
		flow_table__put(&s->processes, pid, 0, s);
}

static struct pf_env *env_of(struct perfetto *s, uint32_t pid, uint32_t env)
{
	struct pf_env *e = flow_table__get(&s->envs, pid, env);

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || flow_table__put(&s->envs, pid, env, e)) {
		free(e);
		s->err = s->err ? s->err : -ENOMEM;
		return NULL;
	}
	e->pid = pid;
	e->env = env;
	return e;
}

static void env_name(uint32_t env, char name[32])
{
	if (env == FLOW_ENV_UNKNOWN)
		snprintf(name, 32, "unknown thread");
	else if (env)
		snprintf(name, 32, "worker %" PRIu32, env);
	else
		snprintf(name, 32, "main");
}

void pf_track__thread(struct perfetto *s, uint32_t pid, uint32_t tid,
		      const struct fe_thread *thread)
{
	struct pf_env *e = env_of(s, pid, thread->env);
	char name[32];

	if (!e || thread->ended || !tid || e->tid == tid)
		return;
	pf_track__process(s, pid);
	e->tid = tid;
	env_name(thread->env, name);
	track_begin(s, pf_id(PF_THREAD, pid, tid, 0), 0, NULL);
	proto__begin(&s->p, TRACK_THREAD);
	proto__i64(&s->p, THREAD_PID, (int32_t)pid);
	proto__i64(&s->p, THREAD_TID, (int32_t)tid);
	proto__str(&s->p, THREAD_NAME, name);
	proto__end(&s->p);
	track_end(s);
}

uint64_t pf_track__loop(struct perfetto *s, uint32_t pid, uint32_t env)
{
	const struct pf_env *e = flow_table__get(&s->envs, pid, env);

	if (e && e->tid)
		return pf_id(PF_THREAD, pid, e->tid, 0);
	return pf_track__process(s, pid);
}

uint64_t pf_track__held(struct perfetto *s, uint32_t pid, uint32_t env)
{
	return describe(s, pf_id(PF_HELD, pid, env, 0), pf_track__loop(s, pid, env), "loop held");
}

uint64_t pf_track__request(struct perfetto *s, uint32_t pid, uint32_t env, uint64_t seq)
{
	char name[64], thread[32];

	env_name(env, thread);
	snprintf(name, sizeof(name), "request %" PRIu64 "%s%s%s", seq, env ? " (" : "",
		 env ? thread : "", env ? ")" : "");
	return describe(s, pf_id(PF_REQUEST, pid, env, seq), pf_track__process(s, pid), name);
}

uint64_t pf_track__own(struct perfetto *s, uint64_t parent, const char *name)
{
	return describe(s, pf_id(PF_ANY, 0, ++s->serial, 0), parent, name);
}

uint64_t pf_track__group(struct perfetto *s, uint32_t pid, enum pf_id kind, const char *name)
{
	uint64_t id = pf_id(kind, pid, 0, 0);

	if (flow_table__get(&s->processes, pid, kind))
		return id;
	flow_table__put(&s->processes, pid, kind, s);
	return describe(s, id, pf_track__process(s, pid), name);
}

static void counter(struct perfetto *s, uint64_t id, uint32_t pid, uint32_t env,
		    enum out_counter counter)
{
	char name[64], thread[32];

	env_name(env, thread);
	snprintf(name, sizeof(name), "%s, %s", out_counter__name(counter), thread);
	track_begin(s, id, pf_track__process(s, pid), name);
	proto__begin(&s->p, TRACK_COUNTER);
	if (counter == COUNTER_LAG)
		proto__u64(&s->p, COUNTER_UNIT, UNIT_TIME_NS);
	else if (counter == COUNTER_IN_FLIGHT)
		proto__u64(&s->p, COUNTER_UNIT, UNIT_COUNT);
	else
		proto__str(&s->p, COUNTER_UNIT_NAME, "%");
	proto__end(&s->p);
	track_end(s);
}

uint64_t pf_track__counter(struct perfetto *s, uint32_t pid, uint32_t env, enum out_counter which)
{
	struct pf_env *e = env_of(s, pid, env);
	uint64_t id = pf_id(PF_COUNTER, pid, env, which);

	if (!e || (e->counters & (1u << which)))
		return id;
	e->counters |= 1u << which;
	counter(s, id, pid, env, which);
	return id;
}

void pf_tracks__destroy(struct perfetto *s)
{
	struct flow_slot *slot;
	uint32_t pos = 0;

	while (s->envs.slots && (slot = flow_table__next(&s->envs, &pos)))
		free(slot->value);
	flow_table__destroy(&s->envs);
	flow_table__destroy(&s->processes);
}

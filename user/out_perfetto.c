// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Events of the loop and its thread, and what stands around all packets. The first packet relates
 * the clocks: without it a reader drops everything that has a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"
#include "out_perfetto.h"
#include "out_perfetto_parts.h"
#include "out_wait.h"
#include "util.h"

/* TracePacket */
#define PACKET_CLOCKS	      6
#define PACKET_SEQUENCE_FLAGS 13
/* ClockSnapshot */
#define CLOCKS_CLOCK   1
#define CLOCKS_PRIMARY 2
/* ClockSnapshot.Clock */
#define CLOCK_ID   1
#define CLOCK_TIME 2
/* BuiltinClock */
enum { REALTIME = 1, MONOTONIC = 3 };

#define INCREMENTAL_STATE_CLEARED 1 /* nothing before this packet is needed */

#define MAX_PROCESSES 262144
#define MAX_ENVS      65536
#define MAX_PROVIDERS 65536

static void put_clock(struct perfetto *s, uint64_t id, uint64_t ns)
{
	proto__begin(&s->p, CLOCKS_CLOCK);
	proto__u64(&s->p, CLOCK_ID, id);
	proto__u64(&s->p, CLOCK_TIME, ns);
	proto__end(&s->p);
}

static void put_clocks(struct perfetto *s)
{
	pf_packet__begin(s, 0);
	proto__u64(&s->p, PACKET_SEQUENCE_FLAGS, INCREMENTAL_STATE_CLEARED);
	proto__begin(&s->p, PACKET_CLOCKS);
	put_clock(s, MONOTONIC, s->opts.mono_ns);
	put_clock(s, REALTIME, s->opts.wall_ns);
	proto__u64(&s->p, CLOCKS_PRIMARY, MONOTONIC);
	proto__end(&s->p);
	pf_packet__end(s);
}

static void on_value(void *ctx, uint32_t pid, uint32_t env, enum out_counter counter, uint64_t ts,
		     double value)
{
	struct perfetto *s = ctx;
	uint64_t track = pf_track__counter(s, pid, env, counter);

	pf_value(s, track, ts, value);
}

static int make(struct perfetto *s)
{
	struct out_counters_opts opts = {.value = on_value, .ctx = s, .origin_ns = s->opts.mono_ns};
	int err = flow_table__init(&s->processes, MAX_PROCESSES);

	if (!err)
		err = flow_table__init(&s->envs, MAX_ENVS);
	if (!err)
		err = flow_table__init(&s->providers, MAX_PROVIDERS);
	return err ? err : out_counters__new(&s->counters, &opts);
}

static void perfetto_free(void *state)
{
	struct perfetto *s = state;

	if (!s)
		return;
	pf_tracks__destroy(s);
	pf_resources__destroy(s);
	out_counters__free(s->counters);
	free(s);
}

static int perfetto_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct perfetto *s = calloc(1, sizeof(*s));
	int err;

	*state = s;
	if (!s)
		return -ENOMEM;
	s->file = file;
	s->opts = *opts;
	snprintf(s->host, sizeof(s->host), "%s", opts->host ? opts->host : "");
	snprintf(s->version, sizeof(s->version), "%s", opts->version ? opts->version : "");
	err = make(s);
	if (err)
		return err;
	put_clocks(s);
	return s->err;
}

/* The time is that of its end. */
static void on_gc(struct perfetto *s, const struct flow_event *ev)
{
	static const char *const kinds[] = {"scavenge", "mark-compact"};
	const char *kind = ev->gc.kind < ARRAY_SIZE(kinds) ? kinds[ev->gc.kind] : "collection";
	uint64_t track = pf_track__loop(s, ev->pid, ev->gc.env);

	if (!ev->gc.duration_ns || ev->gc.duration_ns >= ev->ts) {
		pf_event(s, PF_INSTANT, track, ev->ts, "gc", kind);
		return;
	}
	pf_event(s, PF_BEGIN, track, ev->ts - ev->gc.duration_ns, "gc", kind);
	pf_slice_end(s, track, ev->ts);
}

static void on_loss(struct perfetto *s, const struct flow_event *ev)
{
	static const char *const kinds[FLOW_LOSS_KINDS] = {
		[FLOW_LOSS_RING] = "ring", [FLOW_LOSS_MAP] = "map", [FLOW_LOSS_READ] = "read"};
	uint64_t track = ev->pid ? pf_track__process(s, ev->pid) : pf_track__trace(s);

	if (!ev->loss.count || ev->loss.kind >= FLOW_LOSS_KINDS)
		return;
	pf_event__begin(s, PF_INSTANT, track, ev->ts, "loss", "records lost");
	pf_note__str(s, "kind", kinds[ev->loss.kind]);
	pf_note__u64(s, "count", ev->loss.count);
	pf_event__end(s);
}

static int perfetto_event(void *state, const struct flow_event *ev)
{
	struct perfetto *s = state;

	s->last_ns = max_t(uint64_t, s->last_ns, ev->ts);
	if (ev->type == FE_TARGET)
		pf_track__target(s, ev->pid, &ev->target);
	else if (ev->type == FE_THREAD)
		pf_track__thread(s, ev->pid, ev->tid, &ev->thread);
	else if (ev->type == FE_GC)
		on_gc(s, ev);
	else if (ev->type == FE_LOSS)
		on_loss(s, ev);
	else
		pf_resource__event(s, ev);
	out_counters__event(s->counters, ev);
	return s->err;
}

static void note_payers(struct perfetto *s, const struct flow_blocking *b)
{
	pf_note__u64(s, "paid", b->paid);
	pf_note__u64(s, "paid_ns", b->paid_ns);
	for (uint32_t i = 0; i < b->npayers; i++) {
		pf_note__begin(s, "payer");
		pf_note__u64(s, "seq", b->payer[i].seq);
		pf_note__u64(s, "ns", b->payer[i].ns);
		pf_note__str(s, "method", b->payer[i].method);
		pf_note__str(s, "path", b->payer[i].path);
		pf_note__end(s);
	}
}

/*
 * On a track below the thread's: its begin and end come of other clocks than those of collections,
 * with which it therefore need not be nested to the nanosecond.
 */
static int perfetto_blocking(void *state, const struct flow_blocking *b)
{
	struct perfetto *s = state;
	uint64_t track = pf_track__held(s, b->pid, b->env);

	pf_event__begin(s, PF_BEGIN, track, b->start_ns, "blocking", blocking_text(b));
	pf_note__str(s, "by", b->seq ? "request" : flow_turn__name((enum flow_turn)b->by));
	if (b->seq)
		pf_note__u64(s, "request_seq", b->seq);
	pf_note__u64(s, "gc_ns", b->gc_ns);
	pf_note__u64(s, "sched_ns", b->sched_ns);
	pf_note__u64(s, "blocked_ns", b->blocked_ns);
	note_payers(s, b);
	pf_event__end(s);
	pf_slice_end(s, track, b->start_ns + b->duration_ns);
	return s->err;
}

/* What the trace is of, and what is missing in it. */
static void put_summary(struct perfetto *s, const struct model *m)
{
	uint64_t track = pf_track__trace(s);

	pf_event__begin(s, PF_INSTANT, track, s->last_ns ? s->last_ns : s->opts.mono_ns, "loopray",
			"summary");
	pf_note__str(s, "version", s->version[0] ? s->version : NULL);
	pf_note__str(s, "host", s->host[0] ? s->host : NULL);
	pf_note__u64(s, "requests", s->requests);
	pf_note__str(s, "cut_short", m->incomplete[0] ? m->incomplete : NULL);
	pf_note__begin(s, "loss");
	pf_note__u64(s, "ring", m->loss.ring);
	pf_note__u64(s, "map", m->loss.map);
	pf_note__u64(s, "read", m->loss.read);
	pf_note__u64(s, "file", m->loss.file);
	pf_note__u64(s, "total", m->loss.total);
	pf_note__end(s);
	pf_event__end(s);
}

static int perfetto_close(void *state, const struct model *m)
{
	struct perfetto *s = state;
	int err;

	out_counters__finish(s->counters);
	put_summary(s, m);
	err = s->err;
	perfetto_free(s);
	return err;
}

const struct out_format out_perfetto_format = {
	.name = "perfetto",
	.about = "a Perfetto trace (protocol buffers)",
	.extension = "pftrace",
	.binary = true,
	.open = perfetto_open,
	.event = perfetto_event,
	.request = pf_request,
	.resource = pf_resource,
	.call = pf_call,
	.job = pf_job,
	.blocking = perfetto_blocking,
	.close = perfetto_close,
	.free = perfetto_free,
};

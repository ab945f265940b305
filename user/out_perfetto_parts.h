/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parts of out_perfetto.c, in the words of Perfetto's schema (protos/perfetto/trace/ of its
 * source): a trace is a list of packets; a packet describes a track, or is an event on one.
 *
 * Tracks are named by 64-bit numbers. Here these are hashes of what a track stands for, so that
 * nothing has to be remembered to name it again; a description may be repeated. Slices on one
 * track must be nested in each other. What can overlap (calls, jobs, resources) has a track of its
 * own each, with its request's as parent.
 *
 * Nothing is interned: each packet can be read by itself, and a file that was cut off is good up
 * to there.
 */
#ifndef LOOPRAY_OUT_PERFETTO_PARTS_H
#define LOOPRAY_OUT_PERFETTO_PARTS_H

#include "flow_table.h"
#include "out.h"
#include "out_counter.h"
#include "proto.h"

#define PF_PACKET_MAX 65536
#define PF_TYPE_NAME  64

struct pf_env {
	uint32_t pid;
	uint32_t env;
	uint32_t tid;	   /* of its loop, described; 0 unknown */
	uint32_t counters; /* bits of enum out_counter: described */
};

/* The type of the resource with an async id, as far as it was seen of late. */
struct pf_kept_type {
	uint32_t pid;
	uint32_t env;
	int64_t async_id;
	const char *type;
};

#define PF_TYPES_KEPT 32768 /* a power of two */

struct pf_type {
	struct pf_type *next;
	char name[PF_TYPE_NAME];
};

struct perfetto {
	struct out_file *file;
	struct out_opts opts;
	char host[256];
	char version[32];
	int err;
	struct proto p;
	struct flow_table processes; /* {pid, 0 or enum pf_id}: that track was described */
	struct flow_table envs;	     /* {pid, env} -> pf_env */
	struct flow_table providers; /* {pid, number} -> name */
	struct pf_type *types;
	struct pf_kept_type *kept_types; /* made with the first resource */
	struct out_counters *counters;
	uint64_t serial; /* of tracks and flows that nothing names */
	uint64_t last_ns;
	uint64_t requests;
	uint8_t buf[PF_PACKET_MAX];
};

/* What a number is made of, so that numbers of different things are different. */
enum pf_id {
	PF_PROCESS = 1,
	PF_THREAD,
	PF_REQUEST,
	PF_ANY, /* a track of its own */
	PF_RESOURCE,
	PF_COUNTER,
	PF_HELD,
	PF_CALLS,
	PF_JOBS,
	PF_RESOURCES,
	PF_RESOURCE_FLOW,
	PF_FINDING_FLOW,
	PF_TRACE,
};
uint64_t pf_id(enum pf_id kind, uint32_t pid, uint64_t a, uint64_t b);

/* out_perfetto_packet.c */

enum pf_event { PF_BEGIN = 1, PF_END = 2, PF_INSTANT = 3, PF_VALUE = 4 };

/* A packet; @ts 0: of no moment. */
void pf_packet__begin(struct perfetto *s, uint64_t ts);
void pf_packet__end(struct perfetto *s);

/* An event on a track, to which notes and flows are added until its end. */
void pf_event__begin(struct perfetto *s, enum pf_event type, uint64_t track, uint64_t ts,
		     const char *category, const char *name);
void pf_event__end(struct perfetto *s);
/* A whole one without notes. */
void pf_event(struct perfetto *s, enum pf_event type, uint64_t track, uint64_t ts,
	      const char *category, const char *name);
void pf_slice_end(struct perfetto *s, uint64_t track, uint64_t ts);
void pf_value(struct perfetto *s, uint64_t track, uint64_t ts, double value);

/* Annotations. A NULL text is left out. */
void pf_note__str(struct perfetto *s, const char *name, const char *value);
void pf_note__u64(struct perfetto *s, const char *name, uint64_t value);
void pf_note__i64(struct perfetto *s, const char *name, int64_t value);
void pf_note__bool(struct perfetto *s, const char *name, bool value);
/* Notes inside of a note: their names get its as prefix. */
void pf_note__begin(struct perfetto *s, const char *name);
void pf_note__end(struct perfetto *s);

/* The event is a point of the flow @id; behind @last nothing follows. */
void pf_flow(struct perfetto *s, uint64_t id, bool last);

/* out_perfetto_track.c: each returns the number of a track that is described. */

/* What is said of the whole. */
uint64_t pf_track__trace(struct perfetto *s);
uint64_t pf_track__process(struct perfetto *s, uint32_t pid);
/* Names it anew as more is known of it. */
void pf_track__target(struct perfetto *s, uint32_t pid, const struct fe_target *t);
void pf_track__thread(struct perfetto *s, uint32_t pid, uint32_t tid,
		      const struct fe_thread *thread);
/* The thread that runs the loop of an environment; its process if that is not known. */
uint64_t pf_track__loop(struct perfetto *s, uint32_t pid, uint32_t env);
uint64_t pf_track__held(struct perfetto *s, uint32_t pid, uint32_t env);
uint64_t pf_track__request(struct perfetto *s, uint32_t pid, uint32_t env, uint64_t seq);
/* One of its own, under @parent. */
uint64_t pf_track__own(struct perfetto *s, uint64_t parent, const char *name);
/* Groups of a process for what is of no known request. */
uint64_t pf_track__group(struct perfetto *s, uint32_t pid, enum pf_id kind, const char *name);
uint64_t pf_track__counter(struct perfetto *s, uint32_t pid, uint32_t env,
			   enum out_counter counter);
void pf_tracks__destroy(struct perfetto *s);

/* out_perfetto_request.c, out_perfetto_call.c, out_perfetto_resource.c: as in struct out_format */

int pf_request(void *state, const struct flow_req *req);
void pf_findings(struct perfetto *s, const struct flow_req *req, uint64_t track);
int pf_call(void *state, const struct flow_call *call);
void pf_calls(struct perfetto *s, const struct flow_req *req, uint64_t track);
int pf_job(void *state, const struct flow_job *job);
int pf_resource(void *state, const struct flow_resource *res);
/* FE_PROVIDER, FE_INIT, FE_SCOPE, FE_DESTROY */
void pf_resource__event(struct perfetto *s, const struct flow_event *ev);
void pf_resources__destroy(struct perfetto *s);

#endif

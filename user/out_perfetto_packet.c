// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets of a Perfetto trace; field numbers are those of its schema. */
#include "out_perfetto_parts.h"
#include "util.h"

/* Trace */
#define TRACE_PACKET 1
/* TracePacket */
#define PACKET_TIMESTAMP 8
#define PACKET_SEQUENCE	 10
#define PACKET_EVENT	 11
#define PACKET_CLOCK	 58
/* TrackEvent */
#define EVENT_NOTE	4
#define EVENT_TYPE	9
#define EVENT_TRACK	11
#define EVENT_CATEGORY	22
#define EVENT_NAME	23
#define EVENT_DOUBLE	44
#define EVENT_FLOW	47
#define EVENT_FLOW_LAST 48
/* DebugAnnotation */
#define NOTE_BOOL   2
#define NOTE_UINT   3
#define NOTE_INT    4
#define NOTE_STRING 6
#define NOTE_NAME   10
#define NOTE_DICT   11

#define CLOCK_MONOTONIC_ID 3 /* BuiltinClock */
#define SEQUENCE	   1 /* all is written by one, in whatever order of time */

uint64_t pf_id(enum pf_id kind, uint32_t pid, uint64_t a, uint64_t b)
{
	uint64_t id = hash_u64(hash_u64(hash_u64((uint64_t)kind << 32 | pid) + a) + b);

	return id ? id : 1; /* 0 is no number */
}

void pf_packet__begin(struct perfetto *s, uint64_t ts)
{
	proto__init(&s->p, s->buf, sizeof(s->buf));
	proto__begin(&s->p, TRACE_PACKET);
	if (ts) {
		proto__u64(&s->p, PACKET_TIMESTAMP, ts);
		proto__u64(&s->p, PACKET_CLOCK, CLOCK_MONOTONIC_ID);
	}
	proto__u64(&s->p, PACKET_SEQUENCE, SEQUENCE);
}

void pf_packet__end(struct perfetto *s)
{
	proto__end(&s->p);
	if (!s->err)
		s->err = s->p.err;
	if (!s->err)
		s->err = out_file__write(s->file, s->buf, s->p.len);
}

void pf_event__begin(struct perfetto *s, enum pf_event type, uint64_t track, uint64_t ts,
		     const char *category, const char *name)
{
	pf_packet__begin(s, ts);
	proto__begin(&s->p, PACKET_EVENT);
	proto__u64(&s->p, EVENT_TYPE, type);
	proto__u64(&s->p, EVENT_TRACK, track);
	if (category)
		proto__str(&s->p, EVENT_CATEGORY, category);
	if (name)
		proto__str(&s->p, EVENT_NAME, name);
}

void pf_event__end(struct perfetto *s)
{
	proto__end(&s->p);
	pf_packet__end(s);
}

void pf_event(struct perfetto *s, enum pf_event type, uint64_t track, uint64_t ts,
	      const char *category, const char *name)
{
	pf_event__begin(s, type, track, ts, category, name);
	pf_event__end(s);
}

void pf_slice_end(struct perfetto *s, uint64_t track, uint64_t ts)
{
	pf_event(s, PF_END, track, ts, NULL, NULL);
}

void pf_value(struct perfetto *s, uint64_t track, uint64_t ts, double value)
{
	pf_event__begin(s, PF_VALUE, track, ts, NULL, NULL);
	proto__double(&s->p, EVENT_DOUBLE, value);
	pf_event__end(s);
}

/* Inside of another note, or of the event itself: the packet and the event are open then. */
static void note(struct perfetto *s, const char *name)
{
	proto__begin(&s->p, s->p.depth > 2 ? NOTE_DICT : EVENT_NOTE);
	proto__str(&s->p, NOTE_NAME, name);
}

void pf_note__str(struct perfetto *s, const char *name, const char *value)
{
	if (!value)
		return;
	note(s, name);
	proto__str(&s->p, NOTE_STRING, value);
	proto__end(&s->p);
}

void pf_note__u64(struct perfetto *s, const char *name, uint64_t value)
{
	note(s, name);
	proto__u64(&s->p, NOTE_UINT, value);
	proto__end(&s->p);
}

void pf_note__i64(struct perfetto *s, const char *name, int64_t value)
{
	note(s, name);
	proto__i64(&s->p, NOTE_INT, value);
	proto__end(&s->p);
}

void pf_note__bool(struct perfetto *s, const char *name, bool value)
{
	note(s, name);
	proto__u64(&s->p, NOTE_BOOL, value);
	proto__end(&s->p);
}

void pf_note__begin(struct perfetto *s, const char *name)
{
	note(s, name);
}

void pf_note__end(struct perfetto *s)
{
	proto__end(&s->p);
}

void pf_flow(struct perfetto *s, uint64_t id, bool last)
{
	proto__fixed64(&s->p, last ? EVENT_FLOW_LAST : EVENT_FLOW, id);
}

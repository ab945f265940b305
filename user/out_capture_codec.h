/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The capture format, version 3
 *
 * A file is a sequence of gzip members (RFC 1952), so that any gzip tool can check it and a
 * file that was cut off opens up to its last whole member. gzip's own CRC guards each one.
 * Uncompressed, a member is a 48-byte head and a body of at most CAPTURE_MEMBER_MAX bytes.
 * Numbers in the head are little endian:
 *
 *	 0  4  magic "LRAY"
 *	 4  1  kind: 'H' header, 'D' data, 'T' trailer
 *	 5  1  format version; a reader takes its own only
 *	 6  2  revision: grows with compatible additions
 *	 8  4  index of the member, from 0: a missing or moved member is noticed
 *	12  4  number of records in the body
 *	16  8  time base of the body, nanoseconds
 *	24 24  losses so far: ring, map, read
 *
 * The first member is the header, the last the trailer. The trailer is written at a clean
 * end only: a file without one is incomplete. Their records are fields: tag, length, bytes.
 *
 * The records of a data member are events: length (varint), then that many bytes. A record
 * starts with its type (low 6 bits) and whether it is of the same thread as the one before
 * (bit 6), then the thread if it is not, then the time as a difference to the record before.
 * Varints are LEB128, signed numbers zigzag. Everything that a record refers back to (threads,
 * strings, previous times and counters) starts empty in every member, so that each decodes
 * alone. Types unknown to a reader are skipped by their length; for that to be safe a type
 * added by a revision must write its strings inline and not through the table.
 *
 * One function per event type describes its fields for both directions (the codec knows
 * whether it packs or unpacks), so that writer and reader cannot drift apart.
 *
 * Rejected: one long deflate stream (a cut loses its tail, a flip everything behind it),
 * zstd (not in our dependencies), an index at the end (a cut-off file would have none).
 */
#ifndef LOOPRAY_OUT_CAPTURE_CODEC_H
#define LOOPRAY_OUT_CAPTURE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_event.h"

#define CAPTURE_VERSION	   3
#define CAPTURE_REVISION   1	      /* FE_F_BEFORE */
#define CAPTURE_MEMBER_MAX (1u << 20) /* raw bytes of a member, also a bound on its reader */
#define CAPTURE_RECORD_MAX (64u << 10)
#define CAPTURE_STRING_MAX (8u << 10)
#define CAPTURE_STRINGS	   4096 /* per member: a full table ends the member */
#define CAPTURE_THREADS	   256

struct capture_member {
	uint8_t kind;
	uint8_t version;
	uint16_t revision;
	uint32_t index;
	uint32_t records;
	uint64_t base_ns;
	uint64_t loss[FLOW_LOSS_KINDS];
};

#define CAPTURE_HEAD_SIZE 48
#define CAPTURE_HEADER	  'H'
#define CAPTURE_DATA	  'D'
#define CAPTURE_TRAILER	  'T'

void capture_member__pack(const struct capture_member *m, uint8_t head[CAPTURE_HEAD_SIZE]);
/* -EBADMSG: no member head; -EPROTO: of another version (m->version is valid then). */
int capture_member__unpack(struct capture_member *m, const uint8_t head[CAPTURE_HEAD_SIZE]);

/* Fields of header (H) and trailer (T). Numbers are varints inside their field. */
enum capture_tag {
	CT_LOOPRAY = 1,	    /* H, string */
	CT_HOST = 2,	    /* H, string */
	CT_KERNEL = 3,	    /* H, string */
	CT_COMMAND = 4,	    /* H, string */
	CT_MONO_NS = 5,	    /* H and T */
	CT_WALL_NS = 6,	    /* H and T */
	CT_BOOT_NS = 7,	    /* H */
	CT_CLOCK_TICKS = 8, /* H */
	CT_EVENTS = 9,	    /* T */
	CT_UNWRITTEN = 10,  /* T */
	CT_REQUESTS = 11,   /* T, absent if unknown */
};

/* Both return the number of bytes written; the caller has room for 20 (or 20 + len). */
size_t capture_field__put_u64(uint8_t *to, enum capture_tag tag, uint64_t v);
size_t capture_field__put_str(uint8_t *to, enum capture_tag tag, const char *s, size_t len);

struct capture_field {
	uint64_t tag;
	uint64_t number; /* if the bytes are one varint, else 0 */
	const uint8_t *data;
	size_t len;
};

/* Next field at *at, which moves on. 1, 0 at the end, -EBADMSG. */
int capture_field__next(const uint8_t *body, size_t len, size_t *at, struct capture_field *field);

struct capture_codec;

int capture_codec__new(struct capture_codec **out, bool packing);
void capture_codec__free(struct capture_codec *c);

/* Forgets everything: a new member begins. Costs what was used, not what could be. */
void capture_codec__reset(struct capture_codec *c, uint64_t base_ns);

/* Packing: true when the tables may not have room for one more event. */
bool capture_codec__full(const struct capture_codec *c);

/*
 * Writes one record to @to, which has room for CAPTURE_RECORD_MAX + 3 bytes. Returns its
 * length, or -EMSGSIZE (the tables are then as before) if a string or an array is too long.
 */
long capture_codec__pack(struct capture_codec *c, const struct flow_event *ev, uint8_t *to);

/*
 * Reads the record at *at, which moves on. 1 an event, 0 a type that is not known here,
 * -EBADMSG. Strings point into @body, which must stay until the next reset, and fe_store.fields
 * and fe_headers.header into the codec until its next call.
 */
int capture_codec__unpack(struct capture_codec *c, const uint8_t *body, size_t len, size_t *at,
			  struct flow_event *ev);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The codec's inside: shared by the out_capture_*.c files only. */
#ifndef LOOPRAY_OUT_CAPTURE_PARTS_H
#define LOOPRAY_OUT_CAPTURE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events.h"
#include "out_capture_codec.h"

#define INDEX_SLOTS	      (2 * CAPTURE_STRINGS) /* a power of two, at most half full */
#define CAPTURE_EVENT_STRINGS LR_STORE_FIELDS	    /* in one event: names in fe_store */

/* What a thread's records are differences to. */
struct thread_state {
	uint32_t pid;
	uint32_t tid;
	uint64_t conn;
	uint64_t idle_ns;
	uint64_t cpu_ns;
	uint64_t ran_ns;
	uint64_t delay_ns;
	uint64_t iterations;
	uint64_t microtasks;
	uint64_t async_id;
	uint64_t top;
	uint64_t store;	 /* value of a store */
	uint64_t client; /* connection that the process opened */
	uint32_t epoch;
	uint32_t store_instance;	      /* of fe_store */
	uint32_t ref_instance[FE_STORES_MAX]; /* in each place of fe_stores */
};

struct string_entry {
	uint32_t at; /* in arena (packing) or in the body (unpacking) */
	uint32_t len;
	uint64_t hash;
	uint16_t slot; /* of the index; packing only */
};

struct capture_codec {
	bool packing;
	bool bad; /* unpacking: ran over the record; packing: does not fit */
	uint8_t *p;
	const uint8_t *end;
	const uint8_t *body; /* unpacking */

	uint64_t ts;
	uint32_t thread; /* of the record before */
	uint32_t thread_count;
	struct thread_state *cur;
	uint32_t string_count;
	uint32_t arena_len;
	struct fe_store_field fields[LR_STORE_FIELDS]; /* unpacking: of an fe_store */
	struct fe_header headers[FE_HEADERS_MAX];      /* of an fe_headers */
	struct thread_state threads[CAPTURE_THREADS];
	struct string_entry strings[CAPTURE_STRINGS];
	uint16_t index[INDEX_SLOTS]; /* packing: string number + 1, 0 free */
	char arena[];		     /* packing: CAPTURE_MEMBER_MAX bytes, copies of the strings */
};

/* LEB128. __put needs 10 bytes of room; __get returns 0 for one that is cut off or over 64 bits. */
size_t capture_varint__put(uint8_t *to, uint64_t v);
size_t capture_varint__get(const uint8_t *p, const uint8_t *end, uint64_t *v);

/*
 * Fields of a record. Each packs from, or unpacks into, what it points to; a fault sets
 * c->bad and leaves 0.
 */
void field_u64(struct capture_codec *c, uint64_t *v);
void field_max(struct capture_codec *c, uint64_t *v, uint64_t max);
void field_u32(struct capture_codec *c, uint32_t *v);
void field_u16(struct capture_codec *c, uint16_t *v);
void field_u8(struct capture_codec *c, uint8_t *v);
void field_bool(struct capture_codec *c, bool *v);
void field_int(struct capture_codec *c, int32_t *v);
/* As a signed difference to @base; arithmetic is modulo 2^64, so any value survives. */
void field_delta(struct capture_codec *c, uint64_t *v, uint64_t base);
void field_id(struct capture_codec *c, int64_t *v, int64_t base);
/* As a difference to the previous value of the same thing, which it becomes. */
void field_running(struct capture_codec *c, uint64_t *v, uint64_t *previous);
void field_running32(struct capture_codec *c, uint32_t *v, uint32_t *previous);
/* Eight bytes as they are: of a hash, which no varint makes shorter. */
void field_hash(struct capture_codec *c, uint64_t *v);
/* An address without the zeroes behind it: 4 bytes for IPv4. */
void field_addr(struct capture_codec *c, uint8_t addr[16]);
/* 0 empty; 1 new, with length and bytes; else 2 + its number in the member. */
void field_str(struct capture_codec *c, struct flow_str *s);
/* Length and bytes, at most @max: for what hardly comes twice. */
void field_text(struct capture_codec *c, struct flow_str *s, uint32_t max);

/* Clocks of a thread, those that it has. */
void field_clock(struct capture_codec *c, struct fe_clock *clock);

/* What follows the common start of a record. False: a type without description. */
bool event_fields(struct capture_codec *c, struct flow_event *ev);
/* True if no string and no array of the event is longer than the format allows. */
bool event_fits(const struct flow_event *ev);

/* out_capture_store.c: the same for what is told of stores. */
void event_turn(struct capture_codec *c, struct fe_turn *t);
void event_tenured(struct capture_codec *c, struct fe_tenured *t);
void event_stores(struct capture_codec *c, struct fe_stores *s);
void event_store(struct capture_codec *c, struct fe_store *s);
void event_write(struct capture_codec *c, struct fe_write *w);
/* out_capture_client.c: what the process asks of others, and headers that are kept */
void event_peer(struct capture_codec *c, struct fe_peer *p);
void event_client(struct capture_codec *c, struct fe_client *cl);
void event_job(struct capture_codec *c, struct fe_job *j);
void event_pulse(struct capture_codec *c, struct fe_pulse *p);
void event_headers(struct capture_codec *c, struct fe_headers *h);
bool event_client_fits(const struct fe_client *cl);
bool event_headers_fit(const struct fe_headers *h);

/* Also false for numbers that a reader would refuse. */
bool event_stores_fit(const struct fe_stores *s);
bool event_store_fits(const struct fe_store *s);
bool event_write_fits(const struct fe_write *w);

#endif

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events to records and back; see out_capture_codec.h for the format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out_capture_codec.h"
#include "out_capture_parts.h"

#define TYPE_MASK   0x3f
#define SAME_THREAD 0x40
#define THREAD_NONE UINT32_MAX

int capture_codec__new(struct capture_codec **out, bool packing)
{
	size_t size = sizeof(struct capture_codec) + (packing ? CAPTURE_MEMBER_MAX : 0);
	struct capture_codec *c = calloc(1, size);

	*out = c;
	if (!c)
		return -ENOMEM;
	c->packing = packing;
	capture_codec__reset(c, 0);
	return 0;
}

void capture_codec__free(struct capture_codec *c)
{
	free(c);
}

void capture_codec__reset(struct capture_codec *c, uint64_t base_ns)
{
	for (uint32_t i = 0; c->packing && i < c->string_count; i++)
		c->index[c->strings[i].slot] = 0;
	c->string_count = 0;
	c->arena_len = 0;
	c->thread_count = 0;
	c->thread = THREAD_NONE;
	c->cur = NULL;
	c->ts = base_ns;
	c->bad = false;
}

bool capture_codec__full(const struct capture_codec *c)
{
	return c->thread_count == CAPTURE_THREADS ||
	       c->string_count + CAPTURE_EVENT_STRINGS > CAPTURE_STRINGS ||
	       c->arena_len + CAPTURE_EVENT_STRINGS * CAPTURE_STRING_MAX > CAPTURE_MEMBER_MAX;
}

/* Threads: number of a known one, or the count so far for a new one and then pid and tid. */

static uint32_t thread_find(const struct capture_codec *c, uint32_t pid, uint32_t tid)
{
	uint32_t i;

	for (i = 0; i < c->thread_count; i++)
		if (c->threads[i].tid == tid && c->threads[i].pid == pid)
			break;
	return i;
}

static void record_thread(struct capture_codec *c, struct flow_event *ev, bool same)
{
	uint64_t number = c->thread;

	if (!same) {
		if (c->packing)
			number = thread_find(c, ev->pid, ev->tid);
		field_max(c, &number, c->thread_count);
	}
	if (c->bad || number >= CAPTURE_THREADS) {
		c->bad = true;
		return;
	}
	c->thread = (uint32_t)number;
	c->cur = &c->threads[number];
	if (number == c->thread_count) {
		memset(c->cur, 0, sizeof(*c->cur));
		field_u32(c, &ev->pid);
		field_u32(c, &ev->tid);
		c->cur->pid = ev->pid;
		c->cur->tid = ev->tid;
		c->thread_count++;
	}
	ev->pid = c->cur->pid;
	ev->tid = c->cur->tid;
}

long capture_codec__pack(struct capture_codec *c, const struct flow_event *ev, uint8_t *to)
{
	struct flow_event copy = *ev;
	struct thread_state *cur = c->cur;
	bool same = cur && cur->pid == ev->pid && cur->tid == ev->tid;
	uint8_t length[3];
	size_t len, n;

	if (ev->type < FE_TARGET || ev->type >= FE_TYPE_MAX || !event_fits(ev))
		return -EMSGSIZE;
	c->p = to + 1; /* most records are shorter than 128 bytes: one byte of length */
	*c->p++ = (uint8_t)(ev->type | (same ? SAME_THREAD : 0));
	record_thread(c, &copy, same);
	field_running(c, &copy.ts, &c->ts);
	event_fields(c, &copy);
	len = (size_t)(c->p - to) - 1;
	n = capture_varint__put(length, len);
	if (n > 1)
		memmove(to + n, to + 1, len);
	memcpy(to, length, n);
	return (long)(n + len);
}

int capture_codec__unpack(struct capture_codec *c, const uint8_t *body, size_t len, size_t *at,
			  struct flow_event *ev)
{
	uint64_t size;
	size_t n = capture_varint__get(body + *at, body + len, &size);
	uint8_t first;
	bool known;

	if (!n || size < 2 || size > CAPTURE_RECORD_MAX || size > len - *at - n)
		return -EBADMSG;
	memset(ev, 0, sizeof(*ev));
	c->body = body;
	c->p = (uint8_t *)(uintptr_t)(body + *at + n); /* only read from when unpacking */
	c->end = c->p + size;
	first = *c->p++;
	if ((first & ~(TYPE_MASK | SAME_THREAD)) || ((first & SAME_THREAD) && !c->cur))
		return -EBADMSG;
	record_thread(c, ev, first & SAME_THREAD);
	if (c->bad)
		return -EBADMSG;
	field_running(c, &ev->ts, &c->ts);
	ev->type = (enum flow_event_type)(first & TYPE_MASK);
	known = (first & TYPE_MASK) != 0 && event_fields(c, ev);
	if (c->bad || (known && c->p != c->end))
		return -EBADMSG;
	*at += n + size;
	return known;
}

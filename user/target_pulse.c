// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "target_pulse.h"
#include "util.h"

#define SLOW_NS	    200000 /* the agent lost its CPU while it read */
#define METRICS_MAX 512	   /* from the first metric of a loop to the last */
#define QUEUE_MAX   512

/* The words of a loop's metrics, from the lowest offset to the end of the highest. */
struct span {
	uint32_t from, len;
};

static void span_add(struct span *s, uint32_t offset)
{
	uint32_t end = max_t(uint32_t, s->from + s->len, offset + 8);

	s->from = min_t(uint32_t, s->from, offset);
	s->len = end - s->from;
}

static uint64_t word(const uint8_t *bytes, const struct span *s, uint32_t offset)
{
	uint64_t v;

	memcpy(&v, bytes + (offset - s->from), sizeof(v));
	return v;
}

static struct span metrics_span(const struct target_layout *l)
{
	struct span s = {.from = l->lr.loop_idle, .len = 8};

	span_add(&s, l->p.loop_entry);
	if (l->lr.loop_count)
		span_add(&s, l->lr.loop_count);
	return s;
}

int target_pulse__read(struct target_memory *m, const struct target_layout *l,
		       const struct target_env *env, struct target_pulse *pulse)
{
	uint8_t metrics[METRICS_MAX], queue[QUEUE_MAX];
	struct span span = metrics_span(l);
	uint64_t internal = 0, vtable, before, after;
	struct target_piece pieces[TARGET_PIECES_MAX];
	size_t n = 0;
	int err;

	memset(pulse, 0, sizeof(*pulse));
	if (!env->loop || !env->loop_internal || !l->p.loop_entry || span.len > METRICS_MAX ||
	    l->p.microtasks_running >= QUEUE_MAX || l->lr.loop_internal.n != 1)
		return -EPROTO;
	pieces[n++] = (struct target_piece){env->loop_internal + span.from, metrics, span.len};
	pieces[n++] = (struct target_piece){env->loop + (uint32_t)l->lr.loop_internal.off[0],
					    &internal, sizeof(internal)};
	if (l->p.loop_time)
		pieces[n++] = (struct target_piece){env->loop + l->p.loop_time, &pulse->time_ms,
						    sizeof(pulse->time_ms)};
	if (env->microtasks)
		pieces[n++] =
			(struct target_piece){env->microtasks, queue, l->p.microtasks_running + 1};
	before = now_mono_ns();
	err = target_memory__gather(m, pieces, n);
	after = now_mono_ns();
	if (err)
		return err;
	if (internal != env->loop_internal)
		return -EPROTO;
	if (after - before > SLOW_NS)
		return -EAGAIN;
	pulse->ts = before + (after - before) / 2;
	pulse->idle_ns = word(metrics, &span, l->lr.loop_idle);
	pulse->entry_ns = word(metrics, &span, l->p.loop_entry);
	if (l->lr.loop_count)
		pulse->count = word(metrics, &span, l->lr.loop_count);
	if (pulse->entry_ns > after || pulse->idle_ns > after)
		return -EPROTO;
	if (!env->microtasks)
		return 0;
	memcpy(&vtable, queue, sizeof(vtable));
	memcpy(&pulse->microtasks, queue + l->p.microtasks_done, sizeof(pulse->microtasks));
	pulse->draining = queue[l->p.microtasks_running];
	return vtable == env->microtasks_vtable && queue[l->p.microtasks_running] <= 1 ? 0
										       : -EPROTO;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes: how many requests each had, in all and of late. */
#include <errno.h>
#include <stdlib.h>

#include "model_live_int.h"

/* From the end: a pid that came again means the later process. */
static struct live_target_state *target_of(struct live *l, uint32_t pid)
{
	for (size_t i = l->ntargets; i-- > 0;)
		if (l->targets[i].pid == pid)
			return &l->targets[i];
	return NULL;
}

void live_targets__event(struct live *l, const struct flow_event *ev)
{
	struct live_target_state *t = target_of(l, ev->pid);

	if (t && t->start_time == ev->target.start_time)
		return;
	if (l->ntargets == LIVE_TARGETS)
		return;
	t = &l->targets[l->ntargets++];
	t->pid = ev->pid;
	t->start_time = ev->target.start_time;
}

void live_targets__step(struct live *l, uint64_t number)
{
	for (size_t i = 0; i < l->ntargets; i++)
		l->targets[i].window[number % LIVE_WINDOW] = 0;
}

void live_targets__request(struct live *l, const struct flow_req *req, uint64_t number)
{
	struct live_target_state *t = target_of(l, req->pid);

	if (!t)
		return;
	t->requests++;
	t->window[number % LIVE_WINDOW]++;
}

static void copy_target(const struct live *l, const struct live_view *v, struct live_target *to,
			uint64_t start_time)
{
	for (size_t i = l->ntargets; i-- > 0;) {
		const struct live_target_state *t = &l->targets[i];
		uint64_t requests = 0;

		if (t->pid != to->pid || t->start_time != start_time)
			continue;
		for (size_t k = 0; k < LIVE_WINDOW; k++)
			requests += t->window[k];
		to->requests = t->requests;
		to->rps = v->window_s > 0 ? (double)requests / v->window_s : 0;
		return;
	}
}

int live_targets__view(struct live *l, struct live_view *v)
{
	size_t n = v->m ? v->m->target_count : 0;

	v->targets = calloc(n ? n : 1, sizeof(*v->targets));
	if (!v->targets)
		return -ENOMEM;
	for (; v->ntargets < n; v->ntargets++) {
		struct live_target *to = &v->targets[v->ntargets];

		to->pid = v->m->targets[v->ntargets].pid;
		to->ended = v->m->targets[v->ntargets].ended;
		copy_target(l, v, to, v->m->targets[v->ntargets].start_time);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What held event loops for too long. */
#include <stdio.h>

#include "out_finding_story.h"
#include "out_wait.h"
#include "ui_view_parts.h"
#include "util.h"

static void put_worst(struct ui_page *p, const struct flow_blocking *b, uint64_t start)
{
	char took[24], gc[24], sched[24], blocked[24], when[24], paid[24];
	struct sentence s = {0};

	ui_text__ns(took, sizeof(took), b->duration_ns);
	ui_text__ns(gc, sizeof(gc), b->gc_ns);
	ui_text__ns(sched, sizeof(sched), b->sched_ns);
	ui_text__ns(blocked, sizeof(blocked), b->blocked_ns);
	ui_text__ns(when, sizeof(when), ui_since(b->start_ns, start));
	ui_text__ns(paid, sizeof(paid), b->paid_ns);
	sentence__add(&s, "%s, at %s of the observation, process %u", blocking_text(b), when,
		      b->pid);
	if (b->gc_ns)
		sentence__add(&s, ", garbage collection %s", gc);
	if (b->sched_ns)
		sentence__add(&s, ", without a CPU %s", sched);
	if (b->blocked_ns)
		sentence__add(&s, ", blocked %s", blocked);
	if (b->paid)
		sentence__add(&s, "; kept %llu request%s waiting %s", (ull)b->paid,
			      ui_text__s(b->paid), paid);
	ui_page__right(p, UI_BAD, 9, took);
	ui_page__wrap(p, UI_PLAIN, 11, s.text);
}

static void put_payers(struct ui_page *p, const struct flow_blocking *b)
{
	for (uint32_t i = 0; i < min_t(uint32_t, b->npayers, FLOW_PAYERS); i++) {
		const struct flow_payer *x = &b->payer[i];
		char text[24];

		ui_text__ns(text, sizeof(text), x->ns);
		ui_page__right(p, UI_DIM, 20, text);
		ui_page__column(p, 22);
		ui_page__printf(p, UI_DIM, "%s %s", x->method ? x->method : "a request that waited",
				x->method ? x->path : "");
		ui_page__end(p);
	}
}

void ui_page__held(struct ui_page *p, const struct live_view *v, const struct live_loop *only)
{
	const struct model_blocking *all = &v->m->blocking;
	bool any = false;

	for (size_t i = 0; i < min_t(size_t, all->worst_count, MODEL_BLOCKING); i++) {
		const struct flow_blocking *b = &all->worst[i];

		if (only && (only->pid != b->pid || only->env != b->env))
			continue;
		put_worst(p, b, v->m->start_ns);
		put_payers(p, b);
		any = true;
	}
	if (!any)
		ui_page__wrap(p, UI_DIM, 2,
			      all->threshold_ns ? "nothing for so long" : "not looked for");
}

void ui_page__blocker(struct ui_page *p, const struct live_view *v, const struct model_blocker *b)
{
	char over[24], held[24], max[24], paid[24], text[256];

	ui_text__ns(over, sizeof(over), v->m->blocking.threshold_ns);
	ui_text__ns(held, sizeof(held), b->held_ns);
	ui_text__ns(max, sizeof(max), b->max_ns);
	ui_text__ns(paid, sizeof(paid), b->paid_ns);
	snprintf(text, sizeof(text), "blocked %llu time%s: %s %s", (ull)b->count,
		 ui_text__s(b->count), b->route[0] ? b->method : "callbacks of",
		 b->route[0]		    ? b->route
		 : b->by == TURN_TIMERS	    ? "timers"
		 : b->by == TURN_IMMEDIATES ? "immediates"
		 : b->by == TURN_ASYNC	    ? "another thread's wake-up"
					    : "something unknown");
	ui_page__sure(p, 0, UI_BAD, SIGN_UP, text);
	snprintf(text, sizeof(text),
		 "held the loop for %s in all, at most %s at once; %llu request%s "
		 "waited %s for it",
		 held, max, (ull)b->paid, ui_text__s(b->paid), paid);
	ui_page__wrap(p, UI_DIM, 2, text);
	ui_page__heading(p, "What it is");
	snprintf(text, sizeof(text),
		 "A turn of the event loop held it for longer than %s "
		 "(--blocked-over). Meanwhile nothing else of this thread runs: no other request, "
		 "no "
		 "timer, no answer.",
		 over);
	ui_page__wrap(p, UI_PLAIN, 0, text);
	ui_page__heading(p, "What to do");
	ui_page__wrap(
		p, UI_PLAIN, 0,
		"Look for computation, synchronous file or process calls, large JSON or a "
		"regular expression in this callback. Split it, move it to a worker thread, or "
		"do less of it. Much garbage collection means that it allocates much.");
	ui_page__heading(p, "The longest of all, with those that were kept waiting");
	ui_page__held(p, v, NULL);
}

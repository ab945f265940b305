// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What loopray costs: its own CPU and memory, and an estimate of what its probes cost the targets.
 *
 * The estimate is hits by what a hit costs, as FE_PROBE events tell of them now and then. At the
 * tracepoints 1.0 microseconds: docs/overhead.md has 1.9 to 2.0 for a request of one receive and
 * one send, with the records and what is read of the program's memory. At a uprobe with its
 * work 2.25: between 2 and 2.5 in a server, whose caches are colder than those of a loop that
 * measures it, and 3 to 5 where it slows down the server most (HTTPS, ibidem). What the reading of
 * stores adds is not in it, and single-stepped probes, of which there are few, cost more than this
 * says.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model_live_int.h"
#include "util.h"

#define UPROBE_NS     2250.0
#define TRACEPOINT_NS 1000.0
#define SAME_NS	      100000000ULL /* events so close to each other were told together */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint64_t rss_bytes(void)
{
	char text[128];
	uint64_t pages;

	if (read_file("/proc/self/statm", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void live_agent__step(struct live *l, uint64_t number)
{
	size_t slot = number % LIVE_WINDOW;

	if (l->opts.replay)
		return;
	l->agent.mark[slot].ns = now_mono_ns();
	l->agent.mark[slot].cpu_ns = cpu_ns();
}

/* The site tells a uprobe, which is in a file, from a tracepoint or a trampoline. */
static double cost_of(const struct fe_probe *p)
{
	static const char tracepoint[] = "tracepoint ";
	static const char *const kernel[] = {"bytes_in", "bytes_out", "bytes", "lines",
					     "socket_state"};

	if (p->site.len >= sizeof(tracepoint) - 1 &&
	    memcmp(p->site.s, tracepoint, sizeof(tracepoint) - 1) == 0)
		return TRACEPOINT_NS;
	for (size_t i = 0; i < ARRAY_SIZE(kernel); i++)
		if (strlen(kernel[i]) == p->name.len &&
		    memcmp(kernel[i], p->name.s, p->name.len) == 0)
			return TRACEPOINT_NS;
	return UPROBE_NS;
}

void live_agent__probe(struct live *l, const struct flow_event *ev)
{
	const struct fe_probe *p = &ev->probe;
	struct live_agent_state *a = &l->agent;
	uint64_t name = hash_bytes(p->name.s, p->name.len);
	size_t i = 0;

	if (l->opts.replay)
		return;
	while (i < a->nprobes && a->probe[i].name != name)
		i++;
	if (i == LIVE_PROBES)
		return;
	if (i == a->nprobes) {
		a->nprobes++;
		a->probe[i].name = name;
		a->probe[i].hits = 0;
	}
	if (p->hits > a->probe[i].hits)
		a->target_ns += (double)(p->hits - a->probe[i].hits) * cost_of(p);
	a->probe[i].hits = p->hits;
	if (ev->ts > a->told.ns + SAME_NS) {
		a->before = a->told;
		a->told.ns = ev->ts;
	}
	a->told.target_ns = a->target_ns;
}

void live_agent__view(struct live *l, struct live_view *v)
{
	const struct live_agent_state *a = &l->agent;
	uint64_t now, from;

	v->agent.cpu = v->agent.target_cpu = -1;
	if (l->opts.replay)
		return;
	v->agent.rss_bytes = rss_bytes();
	if (a->before.ns)
		v->agent.target_cpu = (a->told.target_ns - a->before.target_ns) /
				      (double)(a->told.ns - a->before.ns);
	if (!l->series.any)
		return;
	now = now_mono_ns();
	from = live_series__from(l, LIVE_WINDOW) % LIVE_WINDOW;
	if (now > a->mark[from].ns)
		v->agent.cpu = (double)(cpu_ns() - a->mark[from].cpu_ns) /
			       (double)(now - a->mark[from].ns);
}

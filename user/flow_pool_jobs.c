// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_pool_jobs.h"
#include "flow_table.h"
#include "util.h"

#define JOBS_MAX  16384		 /* that are followed at once */
#define EDGES_MAX (2 * JOBS_MAX) /* of waiting, not in order yet */

/* A job that is submitted and not done. */
struct open_job {
	uint64_t job;
	uint64_t submit_ns;
	struct open_job *older, *newer;
};

/* The number of waiting jobs changes. */
struct edge {
	uint64_t ts;
	int32_t step;
};

struct flow_pool_jobs {
	struct flow_pool_stats stats;
	uint64_t first_ns, last_ns;
	struct flow_hist queued;
	struct flow_table open;
	struct flow_pool jobs;
	struct open_job *oldest, *newest;
	struct edge *edges; /* a heap, earliest first */
	uint32_t nedges, edges_cap;
	int32_t depth;
};

const char *flow_job_kind__name(uint32_t kind)
{
	static const char *const names[FLOW_JOB_KINDS] = {
		[LR_JOB_OTHER] = "other",   [LR_JOB_FS] = "fs",	    [LR_JOB_DNS] = "dns",
		[LR_JOB_CRYPTO] = "crypto", [LR_JOB_ZLIB] = "zlib",
	};

	return kind < FLOW_JOB_KINDS ? names[kind] : NULL;
}

int flow_pool_jobs__new(struct flow_pool_jobs **out)
{
	struct flow_pool_jobs *p = calloc(1, sizeof(*p));
	int err = p ? flow_table__init(&p->open, JOBS_MAX) : -ENOMEM;

	*out = NULL;
	if (err) {
		free(p);
		return err;
	}
	flow_pool__init(&p->jobs, sizeof(struct open_job), JOBS_MAX);
	*out = p;
	return 0;
}

void flow_pool_jobs__free(struct flow_pool_jobs *p)
{
	if (!p)
		return;
	flow_table__destroy(&p->open);
	flow_pool__destroy(&p->jobs);
	free(p->edges);
	free(p);
}

/* At one moment, those that leave go first: the depth is not to count both. */
static bool before(const struct edge *a, const struct edge *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->step < b->step;
}

static void swap(struct edge *a, struct edge *b)
{
	struct edge t = *a;

	*a = *b;
	*b = t;
}

static int edge_put(struct flow_pool_jobs *p, uint64_t ts, int32_t step)
{
	uint32_t i = p->nedges;

	if (i == p->edges_cap) {
		uint32_t cap = p->edges_cap ? p->edges_cap * 2 : 64;
		struct edge *grown = realloc(p->edges, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->edges = grown;
		p->edges_cap = cap;
	}
	p->edges[p->nedges++] = (struct edge){ts, step};
	for (; i && before(&p->edges[i], &p->edges[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&p->edges[i], &p->edges[(i - 1) / 2]);
	return 0;
}

static struct edge edge_take(struct flow_pool_jobs *p)
{
	struct edge first = p->edges[0];
	uint32_t i = 0, child;

	p->edges[0] = p->edges[--p->nedges];
	for (; (child = 2 * i + 1) < p->nedges; i = child) {
		if (child + 1 < p->nedges && before(&p->edges[child + 1], &p->edges[child]))
			child++;
		if (!before(&p->edges[child], &p->edges[i]))
			break;
		swap(&p->edges[i], &p->edges[child]);
	}
	return first;
}

/* Nothing before @until can become known any more. */
static void follow(struct flow_pool_jobs *p, uint64_t until)
{
	while (p->nedges && (p->edges[0].ts < until || p->nedges > EDGES_MAX)) {
		if (p->edges[0].ts >= until)
			p->stats.depth_partial = true;
		p->depth += edge_take(p).step;
		if (p->depth > 0 && (uint32_t)p->depth > p->stats.depth_max)
			p->stats.depth_max = (uint32_t)p->depth;
	}
}

static void open_drop(struct flow_pool_jobs *p, struct open_job *j)
{
	if (j->newer)
		j->newer->older = j->older;
	else
		p->newest = j->older;
	if (j->older)
		j->older->newer = j->newer;
	else
		p->oldest = j->newer;
	flow_table__take(&p->open, j->job, 0);
	flow_pool__release(&p->jobs, j);
}

static int on_submit(struct flow_pool_jobs *p, const struct fe_job *job)
{
	struct open_job *j = flow_table__get(&p->open, job->job, 0);
	int err;

	p->stats.submitted++;
	if (j)
		open_drop(p, j); /* its end was not seen */
	if (p->open.count == JOBS_MAX) {
		p->stats.depth_partial = true;
		open_drop(p, p->oldest);
	}
	j = flow_pool__alloc(&p->jobs);
	if (!j)
		return -ENOMEM;
	*j = (struct open_job){.job = job->job, .submit_ns = job->submit_ns, .older = p->newest};
	err = flow_table__put(&p->open, job->job, 0, j);
	if (err) {
		flow_pool__release(&p->jobs, j);
		return err;
	}
	if (p->newest)
		p->newest->newer = j;
	else
		p->oldest = j;
	p->newest = j;
	p->stats.open_max = max_t(uint64_t, p->stats.open_max, p->open.count);
	return 0;
}

static int on_done(struct flow_pool_jobs *p, const struct fe_job *job)
{
	struct open_job *j = flow_table__get(&p->open, job->job, 0);
	struct flow_job_kind *kind =
		&p->stats.kind[job->kind < FLOW_JOB_KINDS ? job->kind : LR_JOB_OTHER];
	uint64_t queued, work;
	int err;

	if (j)
		open_drop(p, j);
	if (!job->submit_ns || job->start_ns < job->submit_ns || job->end_ns < job->start_ns) {
		p->stats.unknown++;
		return 0;
	}
	queued = job->start_ns - job->submit_ns;
	work = job->end_ns - job->start_ns;
	p->stats.done++;
	p->stats.queued_ns += queued;
	flow_hist__add(&p->queued, queued);
	kind->jobs++;
	kind->work_ns += work;
	kind->max_ns = max_t(uint64_t, kind->max_ns, work);
	if (!queued)
		return 0;
	err = edge_put(p, job->submit_ns, 1);
	return err ? err : edge_put(p, job->start_ns, -1);
}

int flow_pool_jobs__add(struct flow_pool_jobs *p, uint64_t ts, const struct fe_job *job)
{
	int err = 0;

	if (!p->first_ns || ts < p->first_ns)
		p->first_ns = ts;
	p->last_ns = max_t(uint64_t, p->last_ns, ts);
	if (job->op == LR_JOB_SUBMIT)
		err = on_submit(p, job);
	else if (job->op == LR_JOB_DONE)
		err = on_done(p, job);
	if (!err)
		follow(p, p->oldest ? p->oldest->submit_ns : p->last_ns);
	return err;
}

/* What is not in order yet, without changing it: a copy of the heap is followed to its end. */
static void rest(const struct flow_pool_jobs *p, struct flow_pool_stats *stats)
{
	struct flow_pool_jobs copy = {.depth = p->depth, .nedges = p->nedges};

	if (!p->nedges)
		return;
	copy.edges = malloc(p->nedges * sizeof(*copy.edges));
	if (!copy.edges) {
		stats->depth_partial = true;
		return;
	}
	memcpy(copy.edges, p->edges, p->nedges * sizeof(*copy.edges));
	copy.stats.depth_max = stats->depth_max;
	follow(&copy, UINT64_MAX);
	stats->depth_max = copy.stats.depth_max;
	free(copy.edges);
}

void flow_pool_jobs__stats(const struct flow_pool_jobs *p, struct flow_pool_stats *stats,
			   struct flow_hist *queued)
{
	*stats = p->stats;
	stats->open = p->open.count;
	stats->wall_ns = p->last_ns - p->first_ns;
	*queued = p->queued;
	rest(p, stats);
}

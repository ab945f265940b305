// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "out_top.h"
#include "util.h"

#define ROWS 20
#define TOLD 64 /* steps to which something may still be added; a request takes seconds at most */

/* What only grows of a step: requests are told of when they have been judged. */
struct counts {
	uint64_t requests;
	uint64_t errors;
	uint64_t mismatched;
	uint64_t lost;
	uint64_t blockings;
};

struct out_top {
	struct out_file *file;
	struct top_json *json; /* NULL: rows */
	unsigned int rows;     /* between titles */
	unsigned int since;    /* the last of them */
	uint64_t end_ns;       /* of the last step that was written */
	struct counts late;    /* for steps that were written, and for the next one to tell */
	struct {
		uint64_t end_ns;
		struct counts counts;
	} told[TOLD];
	size_t ntold; /* in all: a ring */
};

/* Columns: the same titles over the same widths in every row, for people and for awk. */
static const char titles[] = "    TIME   REQ/S   5XX   P50ms   P95ms   P99ms FLIGHT UTIL%   LAGms  "
			     " GCms  MISM  LOST  CPU% RSSMB\n";

int out_top__new(struct out_top **out, struct out_file *file, const struct out_top_opts *opts)
{
	struct out_top *t = calloc(1, sizeof(*t));
	int err = 0;

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->file = file;
	t->rows = opts->rows ? opts->rows : ROWS;
	if (opts->json)
		err = top_json__new(&t->json, file);
	if (err)
		free(t);
	else
		*out = t;
	return err;
}

void out_top__free(struct out_top *t)
{
	if (!t)
		return;
	top_json__free(t->json);
	free(t);
}

uint64_t live_step__wall_end(const struct live_view *v, const struct live_step *s)
{
	/* The step being made may end behind the moment of the view. */
	return v->wall_ns ? v->wall_ns - v->now_ns + s->end_ns : 0;
}

/* ---- rows ---- */

#define CELL 16

static const char *cell_time(char *buf, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;

	if (!wall_ns || !localtime_r(&seconds, &tm) || !strftime(buf, CELL, "%H:%M:%S", &tm))
		snprintf(buf, CELL, "-");
	return buf;
}

/* Three digits that count, as wide as a column. */
static const char *cell_number(char *buf, bool known, double value)
{
	int decimals = value < 99.995 ? 2 : value < 999.95 ? 1 : 0;

	if (known)
		snprintf(buf, CELL, "%.*f", decimals, value);
	else
		snprintf(buf, CELL, "-");
	return buf;
}

static const char *cell_ms(char *buf, bool known, uint64_t ns)
{
	return cell_number(buf, known, (double)ns / 1e6);
}

static const char *cell_share(char *buf, double share)
{
	if (share < 0)
		snprintf(buf, CELL, "-");
	else
		snprintf(buf, CELL, "%.1f", share * 100);
	return buf;
}

static const char *cell_mb(char *buf, uint64_t bytes)
{
	if (bytes)
		snprintf(buf, CELL, "%.0f", (double)bytes / 1e6);
	else
		snprintf(buf, CELL, "-");
	return buf;
}

static double step_rate(const struct live_step *s)
{
	uint64_t ns = s->end_ns - s->start_ns;

	return ns ? (double)s->requests / (double)ns * 1e9 : 0;
}

static int put_row(struct out_top *t, const struct live_view *v, const struct live_step *s)
{
	const struct model_latency *l = &s->latency;
	char cell[10][CELL];
	int err = 0;

	if (t->since == 0)
		err = out_file__printf(t->file, "%s", titles);
	t->since = (t->since + 1) % t->rows;
	if (err)
		return err;
	return out_file__printf(
		t->file, "%8s %7.1f %5llu %7s %7s %7s %6u %5s %7s %6s %5llu %5llu %5s %5s\n",
		cell_time(cell[0], live_step__wall_end(v, s)), step_rate(s),
		(unsigned long long)s->errors, cell_ms(cell[1], l->count, l->p50),
		cell_ms(cell[2], l->count, l->p95), cell_ms(cell[3], l->count, l->p99),
		s->in_flight, cell_share(cell[4], s->utilisation),
		cell_ms(cell[5], s->utilisation >= 0 || s->lag_p99_ns, s->lag_p99_ns),
		cell_ms(cell[6], true, s->gc_ns), (unsigned long long)s->mismatched,
		(unsigned long long)s->lost, cell_share(cell[7], v->agent.cpu),
		cell_mb(cell[8], v->agent.rss_bytes));
}

/* ---- steps ---- */

static struct counts counts_of(const struct live_step *s)
{
	return (struct counts){s->requests, s->errors, s->mismatched, s->lost, s->blockings};
}

static void add(struct counts *to, const struct counts *now, const struct counts *before)
{
	to->requests += now->requests - before->requests;
	to->errors += now->errors - before->errors;
	to->mismatched += now->mismatched - before->mismatched;
	to->lost += now->lost - before->lost;
	to->blockings += now->blockings - before->blockings;
}

/* What came to a step after it was written. */
static void note_late(struct out_top *t, const struct live_step *s)
{
	struct counts now = counts_of(s);

	for (size_t i = 0; i < min_t(size_t, t->ntold, TOLD); i++) {
		if (t->told[i].end_ns != s->end_ns)
			continue;
		add(&t->late, &now, &t->told[i].counts);
		t->told[i].counts = now;
	}
}

static int put_step(struct out_top *t, const struct live_view *v, const struct live_step *s)
{
	struct counts own = counts_of(s), sum = own;
	struct live_step with = *s;

	add(&sum, &t->late, &(struct counts){});
	t->late = (struct counts){};
	with.requests = sum.requests;
	with.errors = sum.errors;
	with.mismatched = sum.mismatched;
	with.lost = sum.lost;
	with.blockings = sum.blockings;
	t->told[t->ntold % TOLD].end_ns = s->end_ns;
	t->told[t->ntold++ % TOLD].counts = own;
	t->end_ns = s->end_ns;
	return t->json ? top_json__step(t->json, v, &with) : put_row(t, v, &with);
}

static bool is_due(const struct out_top *t, const struct live_view *v, const struct live_step *s,
		   bool last)
{
	uint64_t length = s->end_ns - s->start_ns;

	if (length >= v->step_ns)
		return true;
	return last && (s->requests || s->lost || t->late.requests || length >= v->step_ns / 2);
}

int out_top__view(struct out_top *t, const struct live_view *v, bool last)
{
	int err = 0;

	for (size_t i = 0; i < v->nsteps && !err; i++) {
		const struct live_step *s = &v->steps[i];

		if (s->end_ns <= t->end_ns)
			note_late(t, s);
		else if (is_due(t, v, s, last))
			err = put_step(t, v, s);
	}
	/* Whoever reads a pipe waits for it. */
	return err ? err : out_file__flush(t->file);
}

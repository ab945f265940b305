// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes that may still be marked. A mark comes when the callback that wrote answers a request, so
 * a write waits until that callback is over: until something else begins on its thread. If the loop
 * sleeps then, nothing does, so none waits longer than HOLD_NS. Those behind it wait as well: they
 * go in the order in which they came.
 *
 * A store is not believed before a response of its route was sent under one of its own. At the
 * beginning that comes soon: a write under such a store waits for it, up to PROOF_NS.
 *
 * What a logger has buffered says by its write nothing of whose it is: such are writes by threads
 * of the pool, and writes of several lines that are a JSON object each. Of these each line is
 * looked at alone: if it has ids of exactly one request, it is that request's. Ids become known as
 * stores are seen, so these lines wait like the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_line.h"
#include "flow_table.h"
#include "flow_value.h"
#include "flow_words.h"

#define HOLD_NS	   300000000ULL
#define PROOF_NS   1000000000ULL
#define RETRY_NS   20000000ULL
#define WORD_MIN   4
#define HELD_MAX   8192
#define HELD_BYTES (8u << 20)
#define THREADS	   4096

struct held {
	struct held *next, *older;
	uint64_t number;
	bool loose; /* no mark can come */
	bool by_id; /* what it says may tell */
	uint64_t tried_ns;
	uint32_t instance; /* with LINE_WHY_UNPROVEN */
	struct log_write w;
	char text[];
};

struct flow_line_hold {
	struct flow_line_hold_opts opts;
	struct held *first, *last;
	uint32_t count;
	size_t bytes;
	uint64_t numbers;
	uint64_t late;
	struct flow_table over; /* pid, tid -> the last number of a callback that is over */
	int err;
};

int flow_line_hold__new(struct flow_line_hold **out, const struct flow_line_hold_opts *opts)
{
	struct flow_line_hold *h = calloc(1, sizeof(*h));
	int err;

	*out = NULL;
	if (!h)
		return -ENOMEM;
	h->opts = *opts;
	err = flow_table__init(&h->over, THREADS);
	if (err) {
		free(h);
		return err;
	}
	*out = h;
	return 0;
}

static struct held *take(struct flow_line_hold *h)
{
	struct held *x = h->first;

	h->first = x->next;
	if (x->next)
		x->next->older = NULL;
	else
		h->last = NULL;
	h->count--;
	h->bytes -= x->w.captured;
	return x;
}

void flow_line_hold__free(struct flow_line_hold *h)
{
	if (!h)
		return;
	while (h->first)
		free(take(h));
	flow_table__destroy(&h->over);
	free(h);
}

static void keep_request(struct log_request *to, const struct line_request *from)
{
	to->conn = from->conn;
	to->seq = from->seq;
	snprintf(to->method, sizeof(to->method), "%s", from->method ? from->method : "");
	snprintf(to->path, sizeof(to->path), "%s", from->path ? from->path : "");
}

/* Whose store it is has been shown meanwhile. */
static bool prove(struct flow_line_hold *h, struct held *x)
{
	struct log_write *w = &x->w;
	struct flow_req_ref ref = {w->pid, w->env, w->maybe.seq, w->maybe.conn};

	if (!h->opts.proven(h->opts.ctx, w->pid, &ref, x->instance))
		return false;
	w->by = LINE_BY_STORE;
	w->why = LINE_WHY_NOT;
	w->who = w->maybe;
	memset(&w->maybe, 0, sizeof(w->maybe));
	return true;
}

/* 0 so far none, 1 @w's request, 2 several. */
static int add_named(struct log_write *w, const struct line_request *r, int so_far)
{
	if (so_far == 1 && (w->who.conn != r->conn || w->who.seq != r->seq))
		return 2;
	if (!so_far)
		keep_request(&w->who, r);
	return so_far ? so_far : 1;
}

/* Whose ids the text has. */
static bool read_ids(struct flow_line_hold *h, struct held *x)
{
	const char *p = x->text, *end = x->text + x->w.captured, *word;
	struct line_request r;
	int found = 0;
	size_t len;

	while (found < 2 && flow_word__next(&p, end, &word, &len))
		if (len >= WORD_MIN &&
		    h->opts.named(h->opts.ctx, x->w.pid,
				  flow_value__hash(h->opts.value_key, word, len), &r))
			found = add_named(&x->w, &r, found);
	if (found != 1) {
		memset(&x->w.who, 0, sizeof(x->w.who));
		return false;
	}
	x->by_id = false;
	x->w.by = LINE_BY_ID;
	x->w.why = LINE_WHY_NOT;
	return true;
}

static void let_go(struct flow_line_hold *h)
{
	struct held *x = take(h);

	if (x->w.why == LINE_WHY_UNPROVEN && !prove(h, x))
		memset(&x->w.maybe, 0, sizeof(x->w.maybe));
	if (x->by_id)
		read_ids(h, x);
	if (!h->err)
		h->err = h->opts.write(h->opts.ctx, &x->w, x->text);
	free(x);
}

static bool is_over(struct flow_line_hold *h, struct held *x, uint64_t now_ns)
{
	uint64_t last, waits = x->by_id || x->w.why == LINE_WHY_UNPROVEN ? PROOF_NS : HOLD_NS;

	if ((x->loose && !x->by_id) || h->count > HELD_MAX || h->bytes > HELD_BYTES)
		return true;
	if (now_ns > x->w.ts && now_ns - x->w.ts > waits)
		return true;
	if (x->by_id) {
		if (now_ns < x->tried_ns + RETRY_NS)
			return false;
		x->tried_ns = now_ns;
		return read_ids(h, x);
	}
	if (x->w.why == LINE_WHY_UNPROVEN && !prove(h, x))
		return false;
	last = (uint64_t)(uintptr_t)flow_table__get(&h->over, x->w.pid, x->w.tid);
	return x->number <= last;
}

int flow_line_hold__tick(struct flow_line_hold *h, uint64_t now_ns)
{
	while (h->first && is_over(h, h->first, now_ns))
		let_go(h);
	return h->err;
}

int flow_line_hold__finish(struct flow_line_hold *h)
{
	while (h->first)
		let_go(h);
	return h->err;
}

static void describe(struct log_write *w, const struct flow_line *line)
{
	struct line_request who = {line->conn, line->seq, line->method, line->path};

	w->pid = line->pid;
	w->tid = line->tid;
	w->env = line->env;
	w->ts = line->ts;
	w->op = line->op;
	w->bytes = line->bytes;
	w->captured = line->text.len;
	w->by = line->by;
	w->why = line->why;
	w->store_why = line->store_why;
	keep_request(&w->who, &who);
	keep_request(&w->maybe, &line->perhaps);
	/* Responses of others were sent under this store: a line may be theirs as well. */
	if (line->by == LINE_BY_STORE && line->served) {
		w->mark = LOG_MARK_SUSPECT;
		w->under = w->who;
		w->by = LINE_UNKNOWN;
		w->why = LINE_WHY_TWO_POSSIBLE;
		memset(&w->who, 0, sizeof(w->who));
	}
}

static int hold(struct flow_line_hold *h, const struct log_write *w, const struct flow_line *line,
		const char *text, bool by_id)
{
	struct held *x = malloc(sizeof(*x) + w->captured);

	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof(*x));
	x->w = *w;
	if (w->captured)
		memcpy(x->text, text, w->captured);
	x->number = ++h->numbers;
	x->instance = line->perhaps_of;
	x->by_id = by_id;
	x->loose = line->stores != LINE_STORES;
	x->older = h->last;
	if (h->last)
		h->last->next = x;
	else
		h->first = x;
	h->last = x;
	h->count++;
	h->bytes += w->captured;
	return 0;
}

static bool is_batch(const char *text, size_t len)
{
	const char *end = text + len;
	unsigned int objects = 0;

	while (text < end && objects < 2) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *last = stop ? stop : end;

		while (last > text && last[-1] == '\r')
			last--;
		objects += last - text >= 2 && text[0] == '{' && last[-1] == '}';
		text = stop ? stop + 1 : end;
	}
	return objects == 2;
}

/* Each line of a write alone. What was not captured belongs to the last one. */
static int hold_lines(struct flow_line_hold *h, struct log_write *w, const struct flow_line *line)
{
	uint32_t uncaptured = line->bytes - line->text.len;
	const char *text = line->text.s, *end = text + line->text.len;
	int err = 0;

	do {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *next = stop ? stop + 1 : end;

		w->captured = (uint32_t)(next - text);
		w->bytes = w->captured + (next == end ? uncaptured : 0);
		err = hold(h, w, line, text, true);
		text = next;
	} while (text < end && !err);
	return err;
}

int flow_line_hold__line(struct flow_line_hold *h, const struct flow_line *line)
{
	bool batch = is_batch(line->text.s, line->text.len);
	struct log_write w = {0};
	int err;

	describe(&w, line);
	if (batch) {
		w.mark = LOG_MARK_NOT;
		w.by = LINE_UNKNOWN;
		w.why = LINE_WHY_BATCH;
		memset(&w.who, 0, sizeof(w.who));
		memset(&w.under, 0, sizeof(w.under));
		memset(&w.maybe, 0, sizeof(w.maybe));
	}
	if ((batch || line->why == LINE_WHY_NOT_READ) && line->text.len)
		err = hold_lines(h, &w, line);
	else
		err = hold(h, &w, line, line->text.s, false);
	return err ? err : flow_line_hold__tick(h, line->ts);
}

/* What ends a callback for the rules, or may: see flow_mismatch.c. */
static bool ends_callback(const struct flow_event *ev)
{
	switch (ev->type) {
	case FE_IN:
	case FE_TURN:
	case FE_GC:
	case FE_SCOPE:
		return true;
	case FE_OUT:
		return !(ev->io.flags & FE_F_SENT);
	default:
		return false;
	}
}

/*
 * The rules have not seen @ev yet, and a mark may come from it: what is over by it goes at the next
 * event.
 */
int flow_line_hold__event(struct flow_line_hold *h, const struct flow_event *ev)
{
	void *number = (void *)(uintptr_t)h->numbers;

	if (!h->first)
		return h->err;
	flow_line_hold__tick(h, ev->ts);
	if (!h->first || !ends_callback(ev))
		return h->err;
	flow_table__take(&h->over, ev->pid, ev->tid);
	/* Full of threads that are gone: their lines go by the clock until it fills again. */
	if (flow_table__put(&h->over, ev->pid, ev->tid, number)) {
		flow_table__destroy(&h->over);
		if (flow_table__init(&h->over, THREADS))
			h->err = -ENOMEM;
	}
	return h->err;
}

void flow_line_hold__mark(struct flow_line_hold *h, const struct flow_line_mark *mark)
{
	struct held *x = h->last;

	/* A batch is not the work of the callback that wrote it. */
	while (x && !(x->w.ts == mark->ts && x->w.tid == mark->tid && x->w.pid == mark->pid))
		x = x->older;
	if (!x) {
		h->late++;
		return;
	}
	if (x->w.why == LINE_WHY_BATCH || x->w.by == LINE_BY_ID)
		return;
	x->w.why = mark->sure ? LINE_WHY_NOT : LINE_WHY_TWO_POSSIBLE;
	x->w.by = mark->sure ? LINE_BY_STORE : LINE_UNKNOWN;
	x->w.store_why = UNKNOWN_NOT;
	x->w.mark = mark->sure ? LOG_MARK_FOREIGN : LOG_MARK_SUSPECT;
	memset(&x->w.who, 0, sizeof(x->w.who));
	memset(&x->w.maybe, 0, sizeof(x->w.maybe));
	keep_request(mark->sure ? &x->w.who : &x->w.maybe, &mark->by);
	keep_request(&x->w.under, &mark->under);
}

uint64_t flow_line_hold__late(const struct flow_line_hold *h)
{
	return h->late;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * OTLP/JSON lines, traces: a TracesData object a line, the spans of one process.
 *
 * Spans are written as they come. Only one that links to a request that has not been told yet is
 * held back, since that request's trace is known when it is over: until then, but not longer than
 * it takes OTLP_HELD more of its kind to come, at which the oldest goes out and counts the link
 * that it lacks as dropped. What is kept does not grow with the recording: those held back, the
 * text of lines that are not full (BUFFERED bytes) and what otlp_seen remembers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "out_otlp.h"
#include "out_otlp_span.h"
#include "util.h"

#define OTLP_HELD  1024
#define LINE_SPANS 256
#define LINE_BYTES (256u << 10)
#define BUFFERED   (4u << 20)
#define SPAN_KEPT  (64u << 10)

/* A span that is being written: open before its links. */
struct span {
	struct json j;
	struct otlp_buf text;
	uint32_t pid;
	uint32_t waiting; /* links that are not known */
	struct otlp_links links;
	struct span *next;
};

struct otlp {
	struct json j; /* of the file */
	struct otlp_targets targets;
	struct otlp_world world;
	struct otlp_seen *seen;
	size_t buffered; /* bytes in the targets' buffers */
	/* Held back, the oldest first. */
	struct span *first, **end;
	uint32_t held;
	struct span *spare; /* to be used again */
};

/* Lines ------------------------------------------------------------------------------------ */

static int put_line(struct otlp *o, struct otlp_target *t)
{
	struct json *j = &o->j;

	if (!t->count)
		return j->err;
	json__object_begin(j);
	json__key_array(j, "resourceSpans");
	json__object_begin(j);
	otlp_targets__resource(&o->targets, t, j);
	json__key_array(j, "scopeSpans");
	json__object_begin(j);
	otlp_json__scope(j, o->targets.version);
	json__key_array(j, "spans");
	json__raw(j, t->spans.data, t->spans.len);
	otlp_json__line_end(j);
	o->buffered -= t->spans.len;
	t->spans.len = 0;
	t->count = 0;
	return j->err;
}

static int put_lines(struct otlp *o)
{
	for (size_t i = 0; i < o->targets.count; i++)
		put_line(o, o->targets.list[i]);
	return o->j.err;
}

static int leaving(void *ctx, struct otlp_target *t)
{
	return put_line(ctx, t);
}

static int to_line(struct otlp *o, uint32_t pid, const struct otlp_buf *text)
{
	struct otlp_target *t = otlp_targets__of(&o->targets, pid);
	size_t before;
	int err = 0;

	if (!t)
		return -ENOMEM;
	before = t->spans.len;
	if (t->count)
		err = otlp_buf__write(&t->spans, ",", 1);
	if (!err)
		err = otlp_buf__write(&t->spans, text->data, text->len);
	if (err)
		return err;
	o->buffered += t->spans.len - before;
	t->count++;
	if (t->count >= LINE_SPANS || t->spans.len >= LINE_BYTES)
		return put_line(o, t);
	return o->buffered >= BUFFERED ? put_lines(o) : o->j.err;
}

/* Spans ------------------------------------------------------------------------------------ */

static struct span *span_new(struct otlp *o, uint32_t pid)
{
	struct span *s = o->spare;

	if (s)
		o->spare = s->next;
	else
		s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->text.len = 0;
	s->pid = pid;
	s->waiting = 0;
	memset(&s->links, 0, sizeof(s->links));
	s->next = NULL;
	json__init(&s->j, otlp_buf__write, &s->text);
	return s;
}

/* One that was long gives its memory back. */
static void span_release(struct otlp *o, struct span *s)
{
	if (s->text.cap > SPAN_KEPT)
		otlp_buf__free(&s->text);
	s->next = o->spare;
	o->spare = s;
}

static void spans_free(struct span *s)
{
	while (s) {
		struct span *next = s->next;

		otlp_buf__free(&s->text);
		free(s);
		s = next;
	}
}

static int span_done(struct otlp *o, struct span *s)
{
	int err;

	otlp_links__write(&s->j, &s->links);
	err = json__finish(&s->j);
	if (!err)
		err = to_line(o, s->pid, &s->text);
	span_release(o, s);
	return err;
}

static int first_goes(struct otlp *o)
{
	struct span *s = o->first;

	o->first = s->next;
	if (!o->first)
		o->end = &o->first;
	o->held--;
	return span_done(o, s);
}

static int hold(struct otlp *o, struct span *s)
{
	*o->end = s;
	o->end = &s->next;
	o->held++;
	return o->held > OTLP_HELD ? first_goes(o) : 0;
}

/* A request was told: links to it are known from here on. */
static int resolve(struct otlp *o, const struct otlp_place *p)
{
	uint64_t key = otlp_span_id__word(&p->span);
	int err = 0;

	for (struct span *s = o->first; s; s = s->next) {
		for (uint32_t i = 0; s->waiting && i < s->links.n; i++) {
			struct otlp_link *l = &s->links.link[i];

			if (l->known || otlp_span_id__word(&l->span) != key)
				continue;
			l->trace = p->trace;
			l->known = true;
			s->waiting--;
		}
	}
	while (o->first && !o->first->waiting && !err)
		err = first_goes(o);
	return err;
}

/* Links ------------------------------------------------------------------------------------ */

static void link_to(struct otlp *o, struct span *s, const struct otlp_span_id *span,
		    const char *why)
{
	struct otlp_link *l = &s->links.link[s->links.n];

	if (s->links.n == OTLP_LINKS) {
		s->links.dropped++;
		return;
	}
	s->links.n++;
	l->span = *span;
	l->why = why;
	l->known = otlp_seen__trace(o->seen, span, &l->trace, NULL);
	s->waiting += !l->known;
}

/* To the requests whose contexts it was answered under, where it is known which. */
static void link_findings(struct otlp *o, struct span *s, const struct otlp_target *t,
			  const struct flow_req *req)
{
	for (uint32_t i = 0; i < req->nfindings; i++) {
		const struct flow_finding *f = &req->findings[i];
		struct otlp_span_id span;

		if (f->kind == FINDING_LOST || !f->other.seq)
			continue;
		span = otlp_mix__span(
			otlp_mix__request(t->mix, req->env, f->other.conn, f->other.seq));
		link_to(o, s, &span, f->kind == FINDING_FOREIGN ? "foreign" : "fan_out");
	}
}

/* Operations ------------------------------------------------------------------------------- */

static void otlp_free(void *state)
{
	struct otlp *o = state;

	if (!o)
		return;
	spans_free(o->first);
	spans_free(o->spare);
	otlp_targets__destroy(&o->targets);
	otlp_seen__free(o->seen);
	free(o);
}

static int otlp_open(void **state, struct out_file *file, const struct out_opts *opts)
{
	struct otlp *o = calloc(1, sizeof(*o));

	*state = o;
	if (!o)
		return -ENOMEM;
	o->seen = otlp_seen__new();
	if (!o->seen) {
		free(o);
		*state = NULL;
		return -ENOMEM;
	}
	otlp_targets__init(&o->targets, opts);
	o->targets.leaving = leaving;
	o->targets.ctx = o;
	o->world.targets = &o->targets;
	o->world.show_values = opts->show_values;
	o->end = &o->first;
	json__init(&o->j, out_file__write, file);
	return 0;
}

static int otlp_event(void *state, const struct flow_event *ev)
{
	struct otlp *o = state;

	if (ev->ts > o->world.last_ns)
		o->world.last_ns = ev->ts;
	if (ev->type == FE_HEADERS && ev->headers.trace.known) {
		struct otlp_span_id parent;

		memcpy(parent.byte, ev->headers.trace.span_id, sizeof(parent.byte));
		otlp_seen__parent(o->seen, &parent, ev->ts);
	}
	return otlp_targets__event(&o->targets, ev);
}

static int put_call(struct otlp *o, const struct otlp_target *t, const struct flow_call *call,
		    const struct otlp_place *owner)
{
	struct span *s = span_new(o, t->pid);
	struct otlp_place p;

	if (!s)
		return -ENOMEM;
	otlp_place__call(&p, t, call, owner, o->seen);
	otlp_client__write(&s->j, &o->world, &p, call);
	if (owner && !otlp_span_id__word(&p.parent))
		link_to(o, s, &owner->span, "request");
	return span_done(o, s);
}

static int otlp_request(void *state, const struct flow_req *req)
{
	struct otlp *o = state;
	struct otlp_target *t = otlp_targets__of(&o->targets, req->pid);
	struct span *s = t ? span_new(o, req->pid) : NULL;
	struct otlp_place p;
	int err;

	if (!s)
		return -ENOMEM;
	otlp_place__request(&p, t, req, o->seen);
	otlp_seen__told(o->seen, &p.span, &p.trace, (uint8_t)p.flags);
	otlp_server__write(&s->j, &o->world, &p, req);
	link_findings(o, s, t, req);
	err = s->waiting ? hold(o, s) : span_done(o, s);
	for (uint32_t i = 0; !err && i < req->ncalls; i++)
		err = put_call(o, t, req->calls[i], &p);
	return err ? err : resolve(o, &p);
}

/*
 * Of a request that was told before, of one that is remembered no more, or of nobody known: the
 * last two are roots.
 */
static int otlp_call(void *state, const struct flow_call *call)
{
	struct otlp *o = state;
	struct otlp_target *t = otlp_targets__of(&o->targets, call->pid);
	const struct flow_req_ref *r = &call->request;
	struct otlp_place owner = {0};
	uint8_t flags;

	if (!t)
		return -ENOMEM;
	if (call->by == CALL_BY_NOTHING)
		return put_call(o, t, call, NULL);
	owner.span = otlp_mix__span(otlp_mix__request(t->mix, r->env, r->conn, r->seq));
	if (!otlp_seen__trace(o->seen, &owner.span, &owner.trace, &flags))
		return put_call(o, t, call, NULL);
	owner.flags = OTLP_FLAG_IS_KNOWN | flags;
	return put_call(o, t, call, &owner);
}

static int otlp_close(void *state, const struct model *m)
{
	struct otlp *o = state;
	int err = 0, finished;

	(void)m;
	while (o->first && !err)
		err = first_goes(o);
	if (!err)
		err = put_lines(o);
	finished = json__finish(&o->j);
	otlp_free(o);
	return err ? err : finished;
}

const struct out_format out_otlp_format = {
	.name = "otlp",
	.about = "OpenTelemetry spans, as OTLP/JSON lines",
	.extension = "otlp.jsonl",
	.open = otlp_open,
	.event = otlp_event,
	.request = otlp_request,
	.call = otlp_call,
	.close = otlp_close,
	.free = otlp_free,
};

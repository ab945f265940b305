// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lines that were written under another request's store. That a callback runs under one is known
 * once it writes a response's head and that is found to be foreign: then the lines that it has
 * written before, since the last thing that may have ended a callback, were written under it too.
 *
 * Whose work they are is certain of a line that names both requests and no third (see the head of
 * flow_mismatch_write.c). The others may be the work of the store's own request, which ran right
 * before: of them only that is told, that it is one of the two.
 */
#include <stdlib.h>

#include "events.h"
#include "flow_mismatch_int.h"

void mm_mark__keep(struct flow_mismatch *m, struct mm_thread *t, const struct flow_event *ev)
{
	struct mm_write *w;

	if (!m->opts.mark || !t->stores.n ||
	    (ev->write.op != LR_OP_STDOUT && ev->write.op != LR_OP_STDERR))
		return;
	if (!t->lines)
		t->lines = calloc(MM_LINES, sizeof(*t->lines));
	if (!t->lines) {
		m->counts.not_kept++;
		return;
	}
	w = &t->lines[t->nlines++ % MM_LINES];
	w->ts = ev->ts;
	w->op = ev->write.op;
	w->nids = ev->write.nids;
	for (uint32_t i = 0; i < w->nids && i < FE_IDS_MAX; i++)
		w->ids[i] = ev->write.ids[i];
	w->stores = t->stores;
}

static struct line_request request_of(const struct mm_request *r, uint64_t conn, uint64_t seq)
{
	return (struct line_request){
		.conn = conn,
		.seq = seq,
		.method = r ? r->pub.method : NULL,
		.path = r ? r->pub.path : NULL,
	};
}

void mm_mark__found(const struct judged *j, struct mm_store *st, const struct mm_store *own)
{
	const struct mm_instance *in = mm_instance__get(j->m, j->t, st->instance);
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);
	uint64_t n = j->t->nlines < MM_LINES ? j->t->nlines : MM_LINES;
	struct flow_line_mark mark = {.pid = j->t->pid, .tid = j->t->tid};

	if (!n)
		return;
	mark.by = request_of(r, j->req->conn, j->req->seq);
	mark.under = request_of(mm_store__owner(j->m, st), st->conn, st->seq);
	for (uint64_t i = j->t->nlines - n; i < j->t->nlines; i++) {
		const struct mm_write *w = &j->t->lines[i % MM_LINES];

		if (!mm_write__of_this_callback(j, w, st))
			continue;
		mark.ts = w->ts;
		mark.sure = mm_finding__id_in(j, in, st, own, w->ids, w->nids) &&
			    mm_write__names_both(j, w, in, st, own);
		j->m->opts.mark(j->m->opts.ctx, &mark);
	}
}

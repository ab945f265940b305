// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Requests: remembered beyond their end, and handed on with what was found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow_mismatch_int.h"

static void forget_inbound(struct flow_mismatch *m, const struct mm_request *r)
{
	for (uint32_t i = 0; i < r->nids; i++)
		if (flow_table__get(&m->inbound, r->ids[i], r->pid) == r)
			flow_table__take(&m->inbound, r->ids[i], r->pid);
}

static void drop_oldest(struct flow_mismatch *m)
{
	struct mm_request *r = m->oldest_request;

	m->oldest_request = r->newer;
	if (!r->newer)
		m->newest_request = NULL;
	forget_inbound(m, r);
	flow_table__take(&m->requests, r->pub.conn, r->pub.seq);
	flow_pool__release(&m->request_pool, r);
}

struct mm_request *mm_request__find(const struct flow_mismatch *m, uint64_t conn, uint64_t seq)
{
	return seq ? flow_table__get(&m->requests, conn, seq) : NULL;
}

void mm_request__answered(struct flow_mismatch *m, const struct flow_req *req, uint64_t ts)
{
	struct mm_request *r = mm_request__find(m, req->conn, req->seq);

	if (r && !r->pub.head_ns)
		r->pub.head_ns = ts;
}

void mm_request__notice_end(const struct flow_mismatch *m, struct mm_request *r)
{
	uint64_t end_ns;

	if (!r || r->ended ||
	    !flow_requests__ended(m->opts.requests, r->pub.conn, r->pub.seq, &end_ns))
		return;
	r->ended = true;
	r->pub.end_ns = end_ns;
}

struct mm_request *mm_request__inbound(const struct flow_mismatch *m, uint32_t pid, uint64_t hash)
{
	struct mm_request *r = flow_table__get(&m->inbound, hash, pid);

	return r == &m->ambiguous ? NULL : r;
}

static void learn_inbound(struct flow_mismatch *m, struct mm_request *r, const struct fe_io *io)
{
	for (uint32_t i = 0; i < io->nids && i < FE_IDS_MAX; i++) {
		struct mm_request *other = flow_table__get(&m->inbound, io->ids[i], r->pid);
		struct mm_request *to = r;

		r->ids[r->nids++] = io->ids[i];
		if (other == r || other == &m->ambiguous)
			continue;
		if (other)
			flow_table__take(&m->inbound, io->ids[i], r->pid);
		if (other && other->pub.conn != r->pub.conn)
			to = &m->ambiguous;
		if (flow_table__put(&m->inbound, io->ids[i], r->pid, to)) {
			/* Full of ids that several requests came with: begin anew. */
			flow_table__destroy(&m->inbound);
			if (flow_table__init(&m->inbound, MM_VALUES))
				m->counts.not_kept++;
		}
	}
}

void mm_request__begin(struct flow_mismatch *m, const struct flow_event *ev)
{
	const struct flow_req *q = flow_requests__newest(m->opts.requests, ev->io.conn);
	struct mm_request *r;

	if (!q || mm_request__find(m, q->conn, q->seq))
		return;
	if (m->requests.count >= MM_REQUESTS)
		drop_oldest(m);
	r = flow_pool__alloc(&m->request_pool);
	if (!r || flow_table__put(&m->requests, q->conn, q->seq, r)) {
		flow_pool__release(&m->request_pool, r);
		m->counts.not_kept++;
		return;
	}
	r->pid = q->pid;
	r->counter = ev->io.counter;
	r->pub.conn = q->conn;
	r->pub.seq = q->seq;
	r->pub.peer_port = q->peer_port;
	r->pub.start_ns = q->start_ns;
	snprintf(r->pub.method, sizeof(r->pub.method), "%s", q->method ? q->method : "?");
	snprintf(r->pub.path, sizeof(r->pub.path), "%s", q->path ? q->path : "?");
	snprintf(r->pub.route, sizeof(r->pub.route), "%s", q->route ? q->route : r->pub.path);
	if (m->newest_request)
		m->newest_request->newer = r;
	else
		m->oldest_request = r;
	m->newest_request = r;
	learn_inbound(m, r, &ev->io);
}

struct mm_head *mm_head__new(struct flow_mismatch *m, uint64_t conn, uint64_t seq)
{
	struct mm_head *h;

	if (flow_table__get(&m->heads, conn, seq))
		return NULL;
	h = flow_pool__alloc(&m->head_pool);
	if (!h || flow_table__put(&m->heads, conn, seq, h)) {
		flow_pool__release(&m->head_pool, h);
		m->counts.not_kept++;
		return NULL;
	}
	return h;
}

void flow_mismatch__request(struct flow_mismatch *m, const struct flow_req *req)
{
	struct mm_request *r = mm_request__find(m, req->conn, req->seq);
	struct mm_head *h = flow_table__take(&m->heads, req->conn, req->seq);
	struct flow_req copy = *req;

	if (r) {
		r->pub.end_ns = req->end_ns;
		r->ended = req->end != REQ_IN_FLIGHT;
	}
	if (h) {
		copy.context = (uint8_t)h->context;
		copy.unknown = (uint8_t)h->unknown;
		copy.findings = h->n ? h->found : NULL;
		copy.nfindings = h->n;
	}
	m->opts.done(m->opts.ctx, &copy);
	if (h)
		free(h->found);
	flow_pool__release(&m->head_pool, h);
}

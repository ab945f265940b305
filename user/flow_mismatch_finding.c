// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Findings and their evidence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "flow_context.h"
#include "flow_mismatch_int.h"

#define ID_LEN 4 /* shorter values occur in every response */

void mm_finding__copy(struct finding_store *to, const struct mm_store *st)
{
	to->known = st && st->n;
	to->n = to->known ? st->n : 0;
	for (uint32_t i = 0; i < to->n; i++)
		to->field[i] = st->fields[i].pub;
}

static bool among(const uint64_t *ids, uint32_t n, uint64_t hash)
{
	for (uint32_t i = 0; i < n && i < FE_IDS_MAX; i++)
		if (ids[i] == hash)
			return true;
	return false;
}

bool mm_finding__may_be_id(const struct judged *j, const struct mm_instance *in,
			   const struct mm_field *f)
{
	const char *key = j->m->opts.context_key;

	if (f->cut || (f->pub.kind != LR_VALUE_STRING && f->pub.kind != LR_VALUE_SMI) ||
	    f->len < ID_LEN)
		return false;
	return key ? strcmp(f->pub.name, key) == 0 : in && mm_field__identifies(in, f);
}

const struct mm_field *mm_finding__id_in(const struct judged *j, const struct mm_instance *in,
					 const struct mm_store *st, const struct mm_store *own,
					 const uint64_t *ids, uint32_t n)
{
	const struct mm_request *r = mm_request__find(j->m, j->req->conn, j->req->seq);

	for (uint32_t i = 0; i < st->n; i++) {
		const struct mm_field *x = &st->fields[i];
		bool mine = r && among(r->ids, r->nids, x->pub.hash);

		for (uint32_t k = 0; own && k < own->n; k++)
			mine = mine || own->fields[k].pub.hash == x->pub.hash;
		if (!mine && among(ids, n, x->pub.hash) && mm_finding__may_be_id(j, in, x))
			return x;
	}
	return NULL;
}

void mm_finding__find_id(const struct judged *j, struct flow_finding *f,
			 const struct mm_instance *in, const struct mm_store *st,
			 const struct mm_store *own)
{
	const struct fe_io *io = &j->ev->io;
	const struct mm_field *x = mm_finding__id_in(j, in, st, own, io->ids, io->nids);

	if (!x)
		return;
	f->id_in_response = true;
	memcpy(f->id_field, x->pub.name, sizeof(f->id_field));
}

/* The callback that wrote, what triggered it, and for which requests these were made. */
static void add_chain(const struct judged *j, struct flow_finding *f)
{
	struct flow_link links[FINDING_CHAIN];

	if (!j->m->opts.context)
		return;
	f->nchain = flow_context__chain(j->m->opts.context, j->ev->pid, j->t->stores.env,
					f->exec_id, f->trigger_id, links, FINDING_CHAIN);
	for (uint32_t i = 0; i < f->nchain; i++) {
		const struct flow_link *from = &links[i];
		struct finding_link *to = &f->chain[i];
		const struct mm_request *r = mm_request__find(j->m, from->conn, from->request_seq);

		to->async_id = from->async_id;
		to->trigger_id = from->trigger_id;
		to->exec_id = from->exec_id;
		to->init_ns = from->init_ns;
		to->seq = from->request_seq;
		to->conn = from->conn;
		snprintf(to->resource, sizeof(to->resource), "%s", from->type ? from->type : "");
		snprintf(to->method, sizeof(to->method), "%s", r ? r->pub.method : "");
		snprintf(to->path, sizeof(to->path), "%.*s", (int)sizeof(to->path) - 1,
			 r ? r->pub.path : "");
	}
}

struct flow_finding *mm_finding__new(const struct judged *j, enum finding_kind kind,
				     const struct mm_store *st)
{
	const struct fe_stores *at = &j->t->stores;
	const char *type;
	struct flow_finding *f;
	const struct mm_instance *in;

	if (!j->h->found)
		j->h->found = calloc(MM_HEAD_FOUND, sizeof(*j->h->found));
	if (!j->h->found || j->h->n == MM_HEAD_FOUND)
		return NULL;
	f = &j->h->found[j->h->n++];
	in = mm_instance__get(j->m, j->t, st->instance);
	f->kind = kind;
	f->instance = in ? in->number : 0;
	f->head_ns = j->ev->ts;
	f->epoch = at->epoch;
	f->identity = st->bridged ? IDENTITY_CONTENT : IDENTITY_ADDRESS;
	f->binding = st->binding;
	f->exec_id = at->exec_id;
	f->trigger_id = at->trigger_id;
	type = j->m->opts.context
		       ? flow_context__type_of(j->m->opts.context, j->ev->pid, at->env, at->exec_id)
		       : NULL;
	snprintf(f->resource, sizeof(f->resource), "%s", type ? type : "");
	add_chain(j, f);
	return f;
}

/* The store's owner, also when it was forgotten meanwhile; NULL: it was before it mattered. */
const struct mm_request *mm_store__owner(const struct flow_mismatch *m, struct mm_store *st)
{
	struct mm_request *r = mm_request__find(m, st->conn, st->seq);

	mm_request__notice_end(m, r);
	if (r && !st->owner)
		st->owner = malloc(sizeof(*st->owner));
	if (r && st->owner)
		*st->owner = *r;
	return st->owner;
}

bool mm_store__owner_has_stores(struct flow_mismatch *m, struct mm_store *st)
{
	const struct mm_request *r = mm_store__owner(m, st);
	const struct mm_route *route;
	struct flow_req like = {.pid = st->pid};

	if (!r)
		return false;
	like.method = r->pub.method;
	like.route = r->pub.route;
	route = mm_route__get(m, &like, st->instance);
	return route && route->own;
}

void mm_finding__other(const struct judged *j, struct flow_finding *f, struct mm_store *st)
{
	const struct mm_request *r = mm_store__owner(j->m, st);

	f->other.conn = st->conn;
	if (!r)
		return;
	f->other = r->pub;
	f->stale = r->ended && r->pub.end_ns && r->pub.end_ns <= j->ev->ts;
	if (!f->stale)
		f->other.end_ns = 0;
}

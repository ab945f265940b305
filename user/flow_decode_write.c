// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes that are no responses: lines on standard output and error, and what goes to others. Of
 * their bytes the fingerprints of ids that were seen before go on, and the text only to whoever
 * listens now.
 */
#include <string.h>

#include "flow_decode_int.h"

bool flow_decode__write_valid(const struct lr_event *h, const void *rec)
{
	struct lr_ev_write w;

	memcpy(&w, rec, sizeof(w));
	return w.op >= LR_OP_CLIENT && w.op <= LR_OP_STDERR && w.ret > 0 &&
	       w.captured <= LR_WRITE_MAX && w.captured <= (uint32_t)w.ret &&
	       w.captured <= h->size - sizeof(w);
}

/* Where no store is read nothing is searched. */
void flow_decode__note_ids(struct flow_decode *d, const struct flow_event *ev)
{
	struct decode_process *p = flow_table__get(&d->processes, ev->pid, 0);

	for (uint32_t i = 0; p && i < ev->io.nids && i < FE_IDS_MAX; i++)
		decode_seen__add_id(&p->seen, ev->io.ids[i], ev->io.id_len[i]);
}

int flow_decode__write(struct flow_decode *d, struct decode_thread *t, const void *rec)
{
	const char *bytes = (const char *)rec + sizeof(struct lr_ev_write);
	struct flow_event ev = {.type = FE_WRITE};
	struct fe_write *to = &ev.write;
	const struct decode_process *p;
	struct lr_ev_write w;

	memcpy(&w, rec, sizeof(w));
	ev.pid = w.h.pid;
	ev.tid = w.h.tid;
	ev.ts = w.h.ts;
	to->conn = w.conn && flow_table__get(&d->conns, w.conn, 0) ? w.conn : 0;
	to->bytes = (uint32_t)w.ret;
	to->captured = w.captured;
	to->op = (uint8_t)w.op;
	to->fault = w.flags & LR_WRITE_F_FAULT;
	to->text = (struct flow_str){bytes, w.captured};
	p = flow_table__get(&d->processes, w.h.pid, 0);
	/* Only what is written under a store can be another request's. */
	if (p && t->stores_ts == w.h.ts)
		to->nids =
			decode_seen__find(&p->seen, d->opts.value_key, bytes, w.captured, to->ids);
	return flow_decode__emit(d, &ev);
}

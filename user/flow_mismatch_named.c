// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which request an id names, of all that are remembered. */
#include <string.h>

#include "flow_mismatch_int.h"

/* A store of the process that holds the id where the stores of its instance differ. */
static struct mm_store *store_with(struct flow_mismatch *m, uint32_t pid, uint64_t hash)
{
	const struct flow_slot *slot;
	uint32_t pos = 0;

	while ((slot = flow_table__next(&m->instances, &pos))) {
		const struct mm_instance *in = slot->value;
		struct mm_store like = {.thread = (uint32_t)slot->a, .instance = (uint32_t)slot->b};

		for (uint32_t i = 0; i < in->nkeys; i++) {
			struct mm_store *st = mm_store__with(m, &like, in->keys[i].name, hash);

			if (!st || st->pid != pid || !mm_store__believed(m, st))
				continue;
			for (uint32_t k = 0; k < st->n; k++)
				if (st->fields[k].pub.hash == hash &&
				    mm_field__identifies(in, &st->fields[k]))
					return st;
		}
	}
	return NULL;
}

bool flow_mismatch__named(struct flow_mismatch *m, uint32_t pid, uint64_t hash,
			  struct line_request *out)
{
	const struct mm_request *r = mm_request__inbound(m, pid, hash);
	const struct mm_store *st = r ? NULL : store_with(m, pid, hash);

	if (st)
		r = mm_request__find(m, st->conn, st->seq);
	if (!r)
		return false;
	*out = (struct line_request){r->pub.conn, r->pub.seq, r->pub.method, r->pub.path};
	return true;
}

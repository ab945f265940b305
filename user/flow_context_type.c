// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resource types: one per name over all targets; each target numbers its names its own way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow_context_int.h"

#define MAX_PROVIDERS 65536
#define NAME_MAX_LEN  64

static struct ctx_type *add_type(struct flow_context *c, const char *name, size_t len)
{
	struct ctx_type *t;

	if (c->ntypes == CTX_MAX_TYPES)
		return c->unknown_type;
	t = calloc(1, sizeof(*t) + len + 1);
	if (!t)
		return NULL;
	memcpy(t->name, name, len);
	t->pub.name = t->name;
	t->parser = strcmp(t->name, "HTTPINCOMINGMESSAGE") == 0;
	t->handle = ctx_leak__is_handle(t->name);
	c->types[c->ntypes++] = t;
	return t;
}

static struct ctx_type *find_type(const struct flow_context *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ntypes; i++)
		if (strlen(c->types[i]->name) == len && memcmp(c->types[i]->name, name, len) == 0)
			return c->types[i];
	return NULL;
}

int ctx_types__init(struct flow_context *c)
{
	int err = flow_table__init(&c->providers, MAX_PROVIDERS);

	if (err)
		return err;
	c->unknown_type = add_type(c, "(unknown)", strlen("(unknown)"));
	return c->unknown_type ? 0 : -ENOMEM;
}

void ctx_types__destroy(struct flow_context *c)
{
	for (size_t i = 0; i < c->ntypes; i++)
		free(c->types[i]);
	flow_table__destroy(&c->providers);
}

int ctx_types__provider(struct flow_context *c, uint32_t pid, const struct fe_provider *p)
{
	size_t len = p->name.len < NAME_MAX_LEN ? p->name.len : NAME_MAX_LEN;
	struct ctx_type *t = find_type(c, p->name.s, len);
	int err;

	if (!t)
		t = add_type(c, p->name.s, len);
	if (!t)
		return -ENOMEM;
	flow_table__take(&c->providers, pid, p->number);
	err = flow_table__put(&c->providers, pid, p->number, t);
	return err == -ENOSPC ? 0 : err;
}

struct ctx_type *ctx_types__of(const struct flow_context *c, uint32_t pid,
			       const struct fe_resource *r)
{
	struct ctx_type *t = NULL;

	if (r->flags & FE_RES_TYPE)
		t = flow_table__get(&c->providers, pid, r->provider);
	return t ? t : c->unknown_type;
}

static int by_inits(const void *a, const void *b)
{
	const struct flow_res_type *x = a, *y = b;

	if (x->init != y->init)
		return x->init < y->init ? 1 : -1;
	return strcmp(x->name, y->name);
}

size_t flow_context__types(const struct flow_context *c, struct flow_res_type *types, size_t cap)
{
	struct flow_res_type all[CTX_MAX_TYPES];
	size_t n = 0;

	for (size_t i = 0; i < c->ntypes; i++) {
		const struct flow_res_type *t = &c->types[i]->pub;

		if (t->init || t->destroy || t->before)
			all[n++] = *t;
	}
	if (n > 1)
		qsort(all, n, sizeof(all[0]), by_inits);
	if (n && cap)
		memcpy(types, all, (n < cap ? n : cap) * sizeof(all[0]));
	return n;
}

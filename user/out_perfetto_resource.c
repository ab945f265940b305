// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Asynchronous resources (level resources): a slice from init to destroy under the request that
 * made it, and from it an arrow along its callbacks, which are instants on the thread that runs
 * the loop, to its destroy. So an arrow that leaves a request shows what it left to others.
 *
 * Flows need no memory: a resource's number is made of its async id. For the type that a callback
 * is named by, those of the resources seen last are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "out_perfetto_parts.h"
#include "util.h"

static const char *type_name(struct perfetto *s, const struct flow_str *name)
{
	size_t len = min_t(size_t, name->len, PF_TYPE_NAME - 1);
	struct pf_type *t = s->types;

	while (t && (strlen(t->name) != len || memcmp(t->name, name->s, len) != 0))
		t = t->next;
	if (t)
		return t->name;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	memcpy(t->name, name->s, len);
	t->next = s->types;
	s->types = t;
	return t->name;
}

/* A name that there is no memory for is one that is not known. */
static void on_provider(struct perfetto *s, uint32_t pid, const struct fe_provider *p)
{
	const char *name = p->name.len ? type_name(s, &p->name) : NULL;

	flow_table__take(&s->providers, pid, p->number);
	if (name)
		flow_table__put(&s->providers, pid, p->number, (void *)(uintptr_t)name);
}

static struct pf_kept_type *kept(struct perfetto *s, const struct flow_event *ev, uint32_t env,
				 int64_t async_id)
{
	uint64_t hash = pf_id(PF_RESOURCE, ev->pid, env, (uint64_t)async_id);

	if (!s->kept_types)
		s->kept_types = calloc(PF_TYPES_KEPT, sizeof(*s->kept_types));
	return s->kept_types ? &s->kept_types[hash & (PF_TYPES_KEPT - 1)] : NULL;
}

static void on_init(struct perfetto *s, const struct flow_event *ev)
{
	const struct fe_resource *r = &ev->resource;
	struct pf_kept_type *k = kept(s, ev, r->env, r->async_id);

	if (!k || r->async_id < 0)
		return;
	k->pid = ev->pid;
	k->env = r->env;
	k->async_id = r->async_id;
	k->type = r->flags & FE_RES_TYPE ? flow_table__get(&s->providers, ev->pid, r->provider)
					 : NULL;
}

static const char *type_of(struct perfetto *s, const struct flow_event *ev, uint32_t env,
			   int64_t async_id)
{
	const struct pf_kept_type *k = kept(s, ev, env, async_id);

	return k && k->pid == ev->pid && k->env == env && k->async_id == async_id ? k->type : NULL;
}

static void instant(struct perfetto *s, const struct flow_event *ev, uint32_t env, int64_t async_id,
		    const char *what, bool last)
{
	const char *type = type_of(s, ev, env, async_id);
	uint64_t track = pf_track__loop(s, ev->pid, env);

	pf_event__begin(s, PF_INSTANT, track, ev->ts, "resource", what);
	pf_note__i64(s, "async_id", async_id);
	pf_note__str(s, "resource", type);
	pf_flow(s, pf_id(PF_RESOURCE_FLOW, ev->pid, env, (uint64_t)async_id), last);
	pf_event__end(s);
}

void pf_resource__event(struct perfetto *s, const struct flow_event *ev)
{
	if (ev->type == FE_PROVIDER)
		on_provider(s, ev->pid, &ev->provider);
	else if (ev->type == FE_INIT)
		on_init(s, ev);
	else if (ev->type == FE_SCOPE && ev->scope.async_id > 0)
		instant(s, ev, ev->scope.env, ev->scope.async_id, "callback", false);
	else if (ev->type == FE_DESTROY && ev->resource.async_id > 0)
		instant(s, ev, ev->resource.env, ev->resource.async_id, "destroy", true);
}

/* What was made before it was observed has no beginning, and no slice. */
int pf_resource(void *state, const struct flow_resource *r)
{
	struct perfetto *s = state;
	uint64_t parent, track;

	if (!r->init_ns)
		return s->err;
	parent = r->request_seq ? pf_track__request(s, r->pid, r->env, r->request_seq)
				: pf_track__group(s, r->pid, PF_RESOURCES,
						  "resources of no known request");
	track = pf_track__own(s, parent, r->type);
	pf_event__begin(s, PF_BEGIN, track, r->init_ns, "resource", r->type);
	pf_note__i64(s, "async_id", r->async_id);
	if (r->trigger_id >= 0)
		pf_note__i64(s, "trigger_id", r->trigger_id);
	if (r->exec_id >= 0)
		pf_note__i64(s, "exec_id", r->exec_id);
	pf_note__u64(s, "env", r->env);
	pf_note__u64(s, "callbacks", r->callbacks);
	if (r->async_id > 0)
		pf_flow(s, pf_id(PF_RESOURCE_FLOW, r->pid, r->env, (uint64_t)r->async_id), false);
	pf_event__end(s);
	if (r->destroy_ns)
		pf_slice_end(s, track, max_t(uint64_t, r->destroy_ns, r->init_ns));
	return s->err;
}

void pf_resources__destroy(struct perfetto *s)
{
	while (s->types) {
		struct pf_type *next = s->types->next;

		free(s->types);
		s->types = next;
	}
	free(s->kept_types);
	flow_table__destroy(&s->providers);
}

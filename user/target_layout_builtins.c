// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sets in which Node.js records the internal JavaScript modules that it compiled: they
 * tell which implementation of AsyncLocalStorage an application has loaded.
 *
 * BuiltinLoader::RecordResult(id, result, realm) inserts the module's id into one of two
 * std::set<std::string> that are members of the realm; BuiltinLoader::CompileFunction shows
 * where the context's embedder data holds the realm.
 */
#include <errno.h>
#include <string.h>

#include "target_layout_parts.h"

#define FN_RECORD  "node::builtins::BuiltinLoader::RecordResult("
#define FN_COMPILE "node::builtins::BuiltinLoader::CompileFunction("

/* std::set<std::string> of libstdc++: its size, and where its tree's header is. */
#define SET_SIZE   48
#define SET_HEADER 8

#define MEMBERS_MAX 16

/* Members of one argument whose addresses a function takes, ascending. */
struct members {
	uint8_t arg;
	size_t n;
	uint32_t at[MEMBERS_MAX];
};

static bool members_add(struct members *m, uint8_t arg, uint32_t at)
{
	size_t i = 0;

	if (m->n && m->arg != arg)
		return false;
	m->arg = arg;
	while (i < m->n && m->at[i] < at)
		i++;
	if (i < m->n && m->at[i] == at)
		return true;
	if (m->n == MEMBERS_MAX)
		return false;
	memmove(&m->at[i + 1], &m->at[i], (m->n - i) * sizeof(m->at[0]));
	m->at[i] = at;
	m->n++;
	return true;
}

/* Two neighbouring sets, and nothing else but their headers (where insertion is inlined). */
static bool members_are_sets(const struct members *m, uint32_t *sets)
{
	bool second = false;

	for (size_t i = 0; i < m->n; i++) {
		uint32_t from = m->at[i] - m->at[0];

		second = second || from == SET_SIZE;
		if (from != 0 && from != SET_HEADER && from != SET_SIZE &&
		    from != SET_SIZE + SET_HEADER)
			return false;
	}
	sets[0] = m->at[0];
	sets[1] = m->at[0] + SET_SIZE;
	return second;
}

/* The sets are members of the third or fourth argument, the realm. */
static int decode_sets(struct layout_job *job)
{
	struct members m = {0};
	int err = layout_job__trace(job, FN_RECORD);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LEA || e->at.root != TRACE_ARG || e->at.id < 2 ||
		    e->at.n != 0 || e->at.add <= 0 || e->at.add > INT16_MAX)
			continue;
		if (!members_add(&m, e->at.id, (uint32_t)e->at.add))
			return layout_job__refuse(job, FN_RECORD, "uses too many members");
	}
	if (!m.n || !members_are_sets(&m, job->l->p.builtin_sets))
		return layout_job__refuse(job, FN_RECORD, "no two neighbouring sets of strings");
	return 0;
}

/* The embedder slot that is neither the Environment's nor the tag's. */
static int decode_realm(struct layout_job *job)
{
	struct target_layout_private *p = &job->l->p;
	const struct lr_chain *env = &job->l->lr.isolate_env;
	struct lr_chain chain;
	int err = layout_job__trace(job, FN_COMPILE);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || e->insn.width != 8 ||
		    !trace_event__chain(e, TRACE_RESULT, &chain) || chain.n != 3 ||
		    chain.off[0] != 0 || chain.off[1] != env->off[3] ||
		    chain.off[2] == p->isolate_tag.off[4] || chain.off[2] == env->off[4])
			continue;
		p->isolate_realm = *env;
		p->isolate_realm.off[4] = chain.off[2];
		return 0;
	}
	return layout_job__refuse(job, FN_COMPILE, "no walk context, embedder data, realm");
}

int layout_builtins__decode(struct layout_job *job)
{
	int err;

	/* Without the slot there is no AsyncContextFrame, and the question does not arise. */
	if (!job->l->p.cped)
		return 0;
	err = decode_sets(job);
	if (!err)
		err = decode_realm(job);
	if (err)
		return err;
	/* A binary that has no such module under this name keeps its secret. */
	if (!layout__contains(job->elf, TARGET_MODULE_ACF))
		return layout_job__refuse(job, FN_COMPILE, "no module %s", TARGET_MODULE_ACF);
	job->l->p.nbuiltin_sets = 2;
	return 0;
}

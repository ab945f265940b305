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
#include "util.h"

#define FN_RECORD  "node::builtins::BuiltinLoader::RecordResult("
#define FN_COMPILE "node::builtins::BuiltinLoader::CompileFunction("

/* sizeof(std::set<std::string>) of libstdc++: the two members are neighbours. */
#define SET_SIZE 48

/* Argument and offset of the sets: a member of the third or fourth argument, the realm. */
static int decode_sets(struct layout_job *job)
{
	uint32_t *sets = job->l->p.builtin_sets;
	uint8_t realm = 0;
	size_t n = 0;
	int err = layout_job__trace(job, FN_RECORD);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LEA || e->at.root != TRACE_ARG || e->at.id < 2 ||
		    e->at.n != 0 || e->at.add <= 0 || e->at.add > INT16_MAX)
			continue;
		if ((n > 0 && sets[0] == (uint32_t)e->at.add) ||
		    (n > 1 && sets[1] == (uint32_t)e->at.add))
			continue;
		if (n == ARRAY_SIZE(job->l->p.builtin_sets) || (n && realm != e->at.id))
			return layout_job__refuse(job, FN_RECORD, "more than two sets");
		realm = e->at.id;
		sets[n++] = (uint32_t)e->at.add;
	}
	if (n != 2 || (sets[0] + SET_SIZE != sets[1] && sets[1] + SET_SIZE != sets[0]))
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

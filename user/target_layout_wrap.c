// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * AsyncWrap: what a C++ resource object says about itself.
 *
 * AsyncReset stores both ids in the object and asks the Environment for them, so it shows
 * where the ids are and how the object leads to its Environment (directly, or through its
 * Realm since 18.13); GetAsyncId must name the same field. MemoryInfoName indexes the table
 * of provider names with the provider number.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "target_layout_parts.h"

#define FN_RESET      "node::AsyncWrap::AsyncReset(v8::Local<v8::Object>"
#define FN_GET_ID     "node::AsyncWrap::GetAsyncId("
#define FN_MEMORY     "node::AsyncWrap::MemoryInfoName"
#define FN_TRACE      "node::AsyncWrap::EmitTraceAsyncStart("
#define FN_CONTEXT    "v8::Isolate::GetCurrentContext("
#define WRAP_MAX      4096 /* no member of AsyncWrap lies beyond */
#define PROVIDERS_MIN 20

/* Offset of the default trigger id in the id fields; AsyncReset is the one to read it. */
#define UID_DEFAULT_TRIGGER 24

/* The field that the last vector load through a pointer reads: the id handed to JavaScript. */
static int decode_get_id(struct layout_job *job, int32_t *id)
{
	int err = layout_job__trace(job, FN_GET_ID);

	if (err)
		return err;
	*id = 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || e->insn.dst < CODE_XMM0 || e->insn.width != 8 ||
		    e->insn.base == CODE_RIP || e->insn.base == CODE_NOREG)
			continue;
		*id = (int32_t)e->insn.disp;
	}
	if (*id <= 0 || *id > WRAP_MAX || *id % 8)
		return layout_job__refuse(job, FN_GET_ID, "reads no id from the object");
	return 0;
}

/* In the trace of AsyncReset: both ids are stored in `this`, at @id and @id + 8. */
static bool stores_ids(const struct layout_job *job, int32_t id)
{
	bool async = false, trigger = false;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_STORE || e->insn.width != 8 || e->insn.src < CODE_XMM0 ||
		    e->at.root != TRACE_ARG || e->at.id != 0 || e->at.n != 0)
			continue;
		async = async || e->at.add == id;
		trigger = trigger || e->at.add == id + 8;
	}
	return async && trigger;
}

/* In the trace of AsyncReset: this -> ... -> Environment -> id fields -> default trigger. */
static bool find_wrap_env(struct layout_job *job)
{
	struct target_layout *l = job->l;
	struct lr_chain chain;

	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD || e->insn.width != 8 || e->insn.dst < CODE_XMM0 ||
		    e->at.id != 0 || !trace_event__chain(e, TRACE_ARG, &chain) || chain.n < 3 ||
		    chain.off[chain.n - 1] != UID_DEFAULT_TRIGGER ||
		    chain.off[chain.n - 2] != l->lr.env_uid.off[0])
			continue;
		chain.n -= 2;
		l->lr.wrap_env = (struct lr_chain){.n = chain.n};
		memcpy(l->lr.wrap_env.off, chain.off, chain.n * sizeof(chain.off[0]));
		return true;
	}
	return false;
}

/* Where V8 keeps the next handle slot in an isolate: the handle-creating code stores it. */
static int32_t handle_scope_next(struct layout_job *job)
{
	if (layout_job__trace(job, FN_CONTEXT))
		return 0;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_STORE && e->insn.width == 8 && e->at.root == TRACE_ARG &&
		    e->at.id == 0 && e->at.n == 0 && e->at.add > 0)
			return (int32_t)e->at.add;
	}
	return 0;
}

/*
 * Whether event @e treats {wrap_env, OFFSET} as an isolate: as the second argument of a
 * HandleScope constructor (the first is a stack address), or, where that is inlined, by
 * reading the isolate's handle slot through it.
 */
static bool isolate_use(const struct layout_job *job, const struct trace_event *e, int32_t next,
			int32_t *offset)
{
	const struct lr_chain *wrap = &job->l->lr.wrap_env;
	const struct trace_value *v;

	if (e->kind == TRACE_CALL && e->arg[0].root == TRACE_STACK)
		v = &e->arg[1];
	else if (e->kind == TRACE_LOAD && next && e->at.add == next)
		v = &e->at;
	else
		return false;
	if (v->root != TRACE_ARG || v->id != 0 || v->n != wrap->n + 1 ||
	    (e->kind == TRACE_CALL && v->add) ||
	    memcmp(v->off, wrap->off, wrap->n * sizeof(wrap->off[0])) != 0)
		return false;
	*offset = v->off[wrap->n];
	return true;
}

static int decode_env_isolate(struct layout_job *job)
{
	int32_t next = handle_scope_next(job), offset, found = 0;
	int err = layout_job__trace(job, FN_RESET);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		if (!isolate_use(job, &job->trace.ev[i], next, &offset))
			continue;
		if (found && offset != found)
			return layout_job__refuse(job, FN_RESET, "two isolates of one environment");
		found = offset;
	}
	if (found <= 0)
		return layout_job__refuse(job, FN_RESET, "the environment's isolate is not used");
	job->l->lr.env_isolate = (struct lr_chain){.n = 1, .off = {found}};
	return 0;
}

/* Since 22.21 AsyncReset calls EmitTraceAsyncStart(this) after it stored the ids. */
static bool calls_trace_start(struct layout_job *job)
{
	const struct elf_symbol *fn = NULL;

	if (target_elf__symbols_by_prefix(job->elf, FN_TRACE, &fn, 1) < 1 || !fn)
		return false;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind == TRACE_CALL && e->insn.target == fn->addr)
			return stores_ids(job, (int32_t)job->l->lr.wrap_async_id);
	}
	return false;
}

int layout_wrap__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int32_t id = 0;
	int err = decode_get_id(job, &id);

	if (!err)
		err = layout_job__trace(job, FN_RESET);
	if (err)
		return err;
	if (!stores_ids(job, id))
		return layout_job__refuse(job, FN_RESET, "does not store both ids where %s) reads",
					  FN_GET_ID);
	l->lr.wrap_async_id = (uint32_t)id;
	if (!find_wrap_env(job))
		return layout_job__refuse(job, FN_RESET, "no walk object, environment, id fields");
	err = decode_env_isolate(job);
	if (err)
		return err;
	l->p.trace_start_ids = calls_trace_start(job);
	return 0;
}

/* The provider number's offset and the table: a 32-bit load from `this` that indexes one. */
static int decode_table(struct layout_job *job)
{
	struct target_layout *l = job->l;
	int8_t number = CODE_NOREG;
	int err = layout_job__trace(job, FN_MEMORY);

	if (err)
		return err;
	for (size_t i = 0; i < job->trace.n; i++) {
		const struct trace_event *e = &job->trace.ev[i];

		if (e->kind != TRACE_LOAD)
			continue;
		/* A result returned in memory moves `this` to the second argument. */
		if (e->insn.width == 4 && e->at.root == TRACE_ARG && e->at.id <= 1 &&
		    e->at.n == 0 && number == CODE_NOREG && e->at.add > 0 && e->at.add < WRAP_MAX) {
			l->lr.wrap_provider = (uint32_t)e->at.add;
			number = e->insn.dst;
		} else if (e->insn.width == 8 && e->insn.scale == 8 && number != CODE_NOREG &&
			   e->insn.index == number && e->at.root == TRACE_CONST && e->at.n == 0) {
			l->p.provider_table = (uint64_t)e->at.add;
			return 0;
		}
	}
	return layout_job__refuse(job, FN_MEMORY, "no provider number that indexes a table");
}

static bool is_provider_name(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++) {
		if (!isupper((unsigned char)s[n]) && !isdigit((unsigned char)s[n]) && s[n] != '_')
			return false;
	}
	return n > 1;
}

/* The table has no length: it ends where an entry is not a name. */
static uint32_t read_names(struct layout_job *job)
{
	struct target_layout *l = job->l;
	uint32_t n = 0;

	while (n < LR_PROVIDERS_MAX) {
		uint64_t at = layout__pointer(job->elf, l->p.provider_table + 8ULL * n);

		if (!at || !layout__string(job->elf, at, l->providers[n], LR_PROVIDER_NAME) ||
		    !is_provider_name(l->providers[n]))
			break;
		n++;
	}
	for (uint32_t i = n; i < LR_PROVIDERS_MAX; i++)
		memset(l->providers[i], 0, LR_PROVIDER_NAME);
	return n;
}

int layout_providers__decode(struct layout_job *job)
{
	struct target_layout *l = job->l;
	bool tcp = false;
	int err = decode_table(job);

	if (err)
		return err;
	l->nproviders = read_names(job);
	for (uint32_t i = 0; i < l->nproviders; i++)
		tcp = tcp || strcmp(l->providers[i], "TCPWRAP") == 0;
	if (l->nproviders < PROVIDERS_MIN || l->nproviders == LR_PROVIDERS_MAX ||
	    strcmp(l->providers[0], "NONE") != 0 || !tcp)
		return layout_job__refuse(job, FN_MEMORY, "its table does not hold provider names");
	l->lr.provider_max = l->nproviders;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a Node.js binary keeps its runtime state.
 *
 * The problem: offsets inside node::Environment, AsyncWrap and V8's isolate change between
 * minor versions, with compilers and with build options, and nothing in the binary lists
 * them. But the code of the binary uses them: a getter that returns a member is one load
 * whose displacement is that member's offset. So each fact is read from the instructions of
 * a small function that exists in every build, as a chain of loads from its argument (see
 * target_layout_trace.h).
 *
 * Three things keep a wrong decoding from being used:
 *  - a fact is taken from two functions where two use it, and they must agree;
 *  - a function that does not have the expected shape is refused by name; nothing falls back
 *    to a number that was right for another version;
 *  - target_layout__check walks the decoded chains in the process and compares what it finds
 *    with what must be there (an environment's isolate is the isolate it was found from, its
 *    context carries Node.js's tag, ids are whole numbers in order, its loop is the default
 *    loop on the main thread).
 *
 * Required: thread to isolate to environment, ids, AsyncWrap. Optional: the event loop, the
 * continuation-preserved slot, the sets of compiled modules, V8's heap, counters; without them
 * their flag is clear and target_layout__missing has the reason.
 *
 * Rejected: DWARF (official builds have none), version tables (they drift inside a minor
 * version), debugger symbols alone (v8dbg_ covers V8's heap, not Node.js's objects).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "layout"
#include "log.h"
#include "target_layout_parts.h"
#include "util.h"

struct layout_part {
	int (*decode)(struct layout_job *job);
	uint32_t flags; /* what the part gives, with the parts before it */
	bool optional;
};

static const struct layout_part parts[] = {
	{layout_env__decode, 0, false},
	{layout_ids__decode, LR_LAYOUT_IDS, false},
	{layout_wrap__decode, 0, false},
	{layout_providers__decode, LR_LAYOUT_WRAP, false},
	{layout_tls__decode, LR_LAYOUT_ENV, false},
	{layout_loop__decode, LR_LAYOUT_LOOP, true},
	{layout_acf__decode, 0, true},
	{layout_builtins__decode, 0, true},
	{layout_heap__decode, 0, true},
	{layout_top__decode, 0, true},
	{layout_old__decode, 0, true},
	{layout_hooks__decode, 0, true},
	{layout_entry__decode, 0, true},
	{layout_timers__decode, 0, true},
	{layout_microtasks__decode, 0, true},
};

static void add_missing(struct layout_job *job)
{
	struct target_layout *l = job->l;

	log_debug("%s", job->why);
	if (l->nmissing < LR_MISSING_MAX)
		snprintf(l->missing[l->nmissing++], LR_MISSING_REASON, "%s", job->why);
}

static int decode_parts(struct layout_job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int err = parts[i].decode(job);

		if (!err)
			job->l->lr.flags |= parts[i].flags;
		else if (err == -ENOTSUP && parts[i].optional)
			add_missing(job);
		else
			return err;
	}
	return 0;
}

int target_layout__decode(struct target_layout *l, const struct target_elf *elf, char *why,
			  size_t why_len)
{
	struct layout_job *job = calloc(1, sizeof(*job));
	int err;

	memset(l, 0, sizeof(*l));
	if (!job)
		return -ENOMEM;
	job->l = l;
	job->elf = elf;
	snprintf(l->build_id, sizeof(l->build_id), "%s", target_elf__build_id(elf));
	l->p.pie = target_elf__is_pie(elf);
	err = decode_parts(job);
	if (err) {
		l->lr.flags = 0;
		l->heap.flags = 0;
		if (why)
			snprintf(why, why_len, "%s", err == -ENOTSUP ? job->why : strerror(-err));
	}
	free(job);
	return err;
}

const char *target_layout__missing(const struct target_layout *l, size_t i)
{
	return i < l->nmissing && i < LR_MISSING_MAX ? l->missing[i] : NULL;
}

const char *target_layout__provider(const struct target_layout *l, uint32_t n)
{
	return n < l->nproviders && n < LR_PROVIDERS_MAX ? l->providers[n] : NULL;
}

const char *target_context__name(enum target_context c)
{
	switch (c) {
	case TARGET_CONTEXT_NONE:
		return "none";
	case TARGET_CONTEXT_ASYNC_HOOKS:
		return "async_hooks";
	case TARGET_CONTEXT_ACF:
		return "acf";
	case TARGET_CONTEXT_UNKNOWN:
		break;
	}
	return "unknown";
}

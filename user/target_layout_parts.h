/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the decoders of target_layout_*.c share. Nothing else includes this. */
#ifndef LOOPRAY_TARGET_LAYOUT_PARTS_H
#define LOOPRAY_TARGET_LAYOUT_PARTS_H

#include "target_elf.h"
#include "target_layout.h"
#include "target_layout_trace.h"

/* One decoding run: the binary, the layout being filled, the last trace, and the reason. */
struct layout_job {
	struct target_layout *l;
	const struct target_elf *elf;
	struct trace trace;
	char why[LR_MISSING_REASON];
};

/*
 * The parts. Each returns 0, or -ENOTSUP with a sentence in job->why that names the function.
 * Order matters: env and ids before wrap (which is checked against both).
 */
int layout_env__decode(struct layout_job *job);	       /* isolate -> context -> Environment */
int layout_ids__decode(struct layout_job *job);	       /* AsyncHooks: uid, fields */
int layout_wrap__decode(struct layout_job *job);       /* AsyncWrap, env -> isolate */
int layout_providers__decode(struct layout_job *job);  /* provider number and names */
int layout_tls__decode(struct layout_job *job);	       /* thread -> isolate */
int layout_loop__decode(struct layout_job *job);       /* Environment -> uv_loop_t, handles */
int layout_uv__decode(struct layout_job *job);	       /* uv_loop_t; job->elf may be libuv.so */
int layout_acf__decode(struct layout_job *job);	       /* the continuation-preserved slot */
int layout_builtins__decode(struct layout_job *job);   /* sets of compiled internal modules */
int layout_heap__decode(struct layout_job *job);       /* V8's objects */
int layout_top__decode(struct layout_job *job);	       /* where V8 allocates next */
int layout_old__decode(struct layout_job *job);	       /* the same of the old space */
int layout_hooks__decode(struct layout_job *job);      /* async_hooks: current resources */
int layout_entry__decode(struct layout_job *job);      /* whether JavaScript runs */
int layout_timers__decode(struct layout_job *job);     /* counters of timers and immediates */
int layout_microtasks__decode(struct layout_job *job); /* V8's queue of microtasks */

/* The internal modules that implement AsyncLocalStorage, one per mechanism (since 22.7). */
#define TARGET_MODULE_ACF   "internal/async_local_storage/async_context_frame"
#define TARGET_MODULE_HOOKS "internal/async_local_storage/async_hooks"

struct target_memory;

/*
 * Whether a std::set<std::string> (libstdc++) at @set in the process holds @key: 1 or 0, or
 * -errno. It may change meanwhile: a walk that goes astray ends as an error or as 0.
 */
int layout_set__contains(struct target_memory *m, uint64_t set, const char *key);

/* A process under examination; why is the last failure's sentence. */
struct layout_check {
	const struct target_layout *l;
	struct target_memory *m;
	pid_t pid;
	uint64_t bias;
	uint64_t tag; /* what a Node.js context carries */
	char why[160];
};

/*
 * From e->isolate to the environment and everything in it that is checked, filling in @e.
 * Returns 0, -EPROTO if something contradicts the layout, -ENOENT if something is not there
 * yet or not any more, or the error of reading the process.
 */
int layout_check__env(struct layout_check *c, struct target_env *e);

/*
 * The counters of an environment that passed the checks. Never an error: what is not there is
 * unknown, with the reason.
 */
void layout_timers__read(const struct layout_check *c, struct target_env *e);

/* As layout_timers__read, for the isolate's queue of microtasks. */
void layout_microtasks__find(const struct layout_check *c, struct target_env *e);

/* A check that does not hold: its name and what was found. Returns -EPROTO. */
int layout_check__contradict(struct layout_check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The context mechanism that one environment shows: fills e->context and e->context_why.
 * Never an error: what cannot be read is unknown, with the reason.
 */
void layout_context__detect(const struct target_layout *l, struct target_memory *m,
			    struct target_env *e);

/* Writes the sentence "FUNCTION: text" into job->why. Returns -ENOTSUP. */
int layout_job__refuse(struct layout_job *job, const char *function, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Traces the function whose demangled name starts with @prefix into job->trace. Refuses in
 * that name if it is not there or not code.
 */
int layout_job__trace(struct layout_job *job, const char *prefix);

/* Whether there is a function whose demangled name starts with @prefix. */
bool layout_job__has(const struct layout_job *job, const char *prefix);

/* As layout_job__trace for an exact name from the symbol table (C functions). */
int layout_job__trace_symbol(struct layout_job *job, const char *name);

/* A constant that V8 exports for debuggers (v8dbg_NAME), -1 if it does not. */
int64_t layout__v8dbg(const struct target_elf *elf, const char *name);

/*
 * A pointer in the file as it is once loaded (before load bias): the bytes at @addr, or the
 * addend of the relative relocation that fills them. 0 if there is none.
 */
uint64_t layout__pointer(const struct target_elf *elf, uint64_t addr);

/*
 * The function of this file that the stub at @addr of its procedure linkage table jumps to,
 * 0 if it is no stub, or one of another file's function.
 */
uint64_t layout__plt(const struct target_elf *elf, uint64_t addr);

/* Whether the file is a shared library rather than a program (no PT_INTERP). */
bool layout__is_library(const struct target_elf *elf);

/* Whether the file's loaded part contains @text as a string of its own (NUL behind it). */
bool layout__contains(const struct target_elf *elf, const char *text);

/* Reads a NUL-terminated string of less than @cap bytes from the file. */
bool layout__string(const struct target_elf *elf, uint64_t addr, char *buf, size_t cap);

#endif

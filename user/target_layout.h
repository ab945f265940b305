/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where one Node.js binary keeps what loopray reads: decoded from the binary's own code,
 * bound to a process, checked against what that process holds.
 *
 * Lifecycle: target_layout__decode once per build id (or target_cache__load), then for each
 * process target_layout__bind, then target_layout__check before anything is attached and
 * again while running. The structure is plain data: copying it is fine, nothing is owned.
 */
#ifndef LOOPRAY_TARGET_LAYOUT_H
#define LOOPRAY_TARGET_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"
#include "target_elf.h"

#define LR_PROVIDERS_MAX  128
#define LR_PROVIDER_NAME  32
#define LR_MISSING_MAX	  8
#define LR_MISSING_REASON 160

/* How a thread finds its isolate. */
enum target_tls {
	TARGET_TLS_NONE = 0,
	TARGET_TLS_STATIC, /* lr.tls_isolate is right for every process of this binary */
	TARGET_TLS_KEY,	   /* a pthread key: target_layout__bind computes lr.tls_isolate */
};

/* Which mechanism carries an AsyncLocalStorage store across asynchronous steps. */
enum target_context {
	TARGET_CONTEXT_UNKNOWN = 0,
	TARGET_CONTEXT_NONE, /* nothing in use: no hook enabled, no store class loaded */
	TARGET_CONTEXT_ASYNC_HOOKS,
	TARGET_CONTEXT_ACF, /* AsyncContextFrame in V8's continuation-preserved slot */
};

/* Facts of the binary that only user space needs: walks for self-checks, and for ps. */
struct target_layout_private {
	enum target_tls tls;
	uint64_t isolate_key; /* TARGET_TLS_KEY: address of the pthread key, before load bias */
	uint64_t tag_pointer; /* address of kNodeContextTagPtr, before load bias; 0: unknown */
	struct lr_chain isolate_current; /* isolate -> environment, by the running context */
	struct lr_chain isolate_entered; /* isolate -> number of contexts entered */
	struct lr_chain isolate_tag; /* isolate -> the embedder tag that a Node.js context has */
	uint64_t provider_table;     /* address of the provider name table, before load bias */
	uint32_t field_check;	     /* index in fields[] of kCheck; those before count hooks */
	uint32_t field_stack;	     /* index in fields[] of kStackLength */
	int32_t env_hooks;	     /* offset of AsyncHooks in Environment, 0: unknown */
	int32_t env_timer;	     /* offset of the timer handle in Environment, 0: unknown */
	int32_t env_immediate; /* offset of the immediate check handle in Environment, 0: unknown */
	uint32_t handle_loop;  /* offset of uv_handle_t.loop, 0: unknown */
	uint64_t default_loop; /* address of the default loop's pointer, before bias, 0: unknown */
	uint32_t loop_entry;   /* when the poll began, in the internal fields; ns, 0: not polling */
	uint32_t loop_time;    /* offset of the loop's own clock in uv_loop_t; ms, 0: unknown */
	bool uv_external;      /* libuv is a library of its own: bind decodes it */
	bool pie;	       /* addresses above move with the load bias */
	bool trace_start_ids;  /* EmitTraceAsyncStart is called with the new ids in the object */
	uint32_t cped;	       /* continuation-preserved embedder data in the isolate, 0: none */
	uint32_t undefined;    /* root slot of `undefined` in the isolate, 0: unknown */
	uint32_t jsmap_type;   /* V8's instance type of a JSMap, 0: unknown */
	uint32_t map_type;     /* offset of a Map's instance type, tag folded in */
	struct lr_chain isolate_realm; /* isolate -> node::Realm, which has the sets */
	uint32_t builtin_sets[2]; /* offsets of the std::set<std::string> of compiled builtins */
	uint32_t nbuiltin_sets;
	uint32_t env_immediates; /* offset of the immediates' counters in Environment, 0: unknown */
	uint32_t env_timeouts;	 /* offset of the timers' counter in Environment, 0: unknown */
	bool timeouts_in_js;	 /* there is none: JavaScript counts timers for itself */
	uint32_t buffer_isolate; /* of such a buffer: offsets of its isolate, */
	uint32_t buffer_count;	 /* of the number of its elements */
	uint32_t buffer_data;	 /* and of their address */
	uint32_t
		isolate_microtasks; /* offset of the default MicrotaskQueue's address, 0: unknown */
	uint32_t microtasks_running; /* in it: whether it is being drained, one byte */
	uint32_t microtasks_done;    /* and how many it has finished, 64 bits */
	uint64_t microtasks_vtable;  /* what it begins with, before load bias */
};

struct target_layout {
	struct lr_layout lr; /* what BPF reads by */
	struct lr_heap heap; /* the same, of V8's heap */
	char build_id[80];   /* of the binary it was decoded from */
	uint32_t nproviders;
	char providers[LR_PROVIDERS_MAX][LR_PROVIDER_NAME]; /* [0] is NONE */
	struct target_layout_private p;
	uint32_t nmissing;
	char missing[LR_MISSING_MAX][LR_MISSING_REASON];
};

/*
 * Decodes the whole layout from @elf's code. Returns 0, or -ENOTSUP with a sentence in @why
 * that names the function which could not be decoded. Parts that loopray can do without
 * (the event loop, the context slot) only leave their LR_LAYOUT_ flag clear and a line in
 * target_layout__missing.
 */
int target_layout__decode(struct target_layout *l, const struct target_elf *elf, char *why,
			  size_t why_len);

/* The @i-th thing that could not be decoded, as a sentence; NULL past the last. */
const char *target_layout__missing(const struct target_layout *l, size_t i);

/* The name of provider number @n, or NULL if it is out of range. */
const char *target_layout__provider(const struct target_layout *l, uint32_t n);

/* "none", "async_hooks", "acf" or "unknown". */
const char *target_context__name(enum target_context c);

/*
 * Whether the layout depends on what the process has set up by now: until an environment has
 * passed target_layout__check, what target_layout__bind read may be from before that.
 */
bool target_layout__is_per_process(const struct target_layout *l);

/*
 * Completes a copy of the binary's layout for one process: @load_bias is the address that
 * the binary's virtual address 0 has there (0 for ET_EXEC). Needs the right to read the
 * process. Returns 0, -ENOTSUP with a sentence in @why if this process keeps its isolate
 * where it cannot be expressed, or the error of the read.
 */
int target_layout__bind(struct target_layout *l, pid_t pid, uint64_t load_bias, char *why,
			size_t why_len);

/* A thread of the target; fsbase comes from a BPF task iterator. */
struct target_thread {
	pid_t tid;
	uint64_t fsbase;
};

/* Why a counter of JavaScript's own objects is not known. */
enum target_counter_unknown {
	TARGET_COUNTER_KNOWN = 0,
	TARGET_COUNTER_NOT_KEPT, /* this version keeps it where only JavaScript can read it */
	TARGET_COUNTER_NOT_DECODED,
	TARGET_COUNTER_UNREADABLE, /* being set up or torn down, or not what it should be */
};

struct target_counter {
	enum target_counter_unknown unknown;
	uint32_t value;
};

/* An environment found on a thread: the main thread's or a worker's. */
struct target_env {
	pid_t tid;
	uint64_t fsbase;
	uint64_t isolate;
	uint64_t env;
	uint64_t loop;		    /* 0 without LR_LAYOUT_LOOP */
	double uid[4];		    /* execution, trigger, counter, default trigger (-1: none) */
	uint64_t loop_idle_ns;	    /* as uv_metrics_idle_time: with the poll that is going on */
	uint64_t loop_internal;	    /* where its metrics are, 0 without LR_LAYOUT_LOOP */
	uint64_t loop_count;	    /* 0 if this libuv does not count */
	uint64_t microtasks;	    /* address of the isolate's MicrotaskQueue; 0: see below */
	uint64_t microtasks_vtable; /* what it begins with */
	enum target_counter_unknown microtasks_unknown;
	struct target_counter timers;	  /* alive, that keep the loop alive (not unref()ed) */
	struct target_counter immediates; /* waiting to run */
	enum target_context context;
	char context_why[96]; /* what showed it, or why it cannot be known */
};

/*
 * Walks every thread to its isolate and environment and applies the self-checks to what it
 * finds there. A thread without an isolate is skipped; so is one whose isolate stays half
 * built or half torn down over several tries. Returns the number of environments, at most
 * @cap of them filled in; -EPROTO with the failing check named in @why when what is there
 * contradicts the layout; -ESRCH, -EPERM when the process cannot be read.
 */
int target_layout__check(const struct target_layout *l, pid_t pid, uint64_t load_bias,
			 const struct target_thread *threads, size_t n, struct target_env *envs,
			 size_t cap, char *why, size_t why_len);

/*
 * The same in a single pass that never waits: a process that is being started may contradict
 * the layout, and is to be asked again, from target_layout__bind on.
 */
int target_layout__check_once(const struct target_layout *l, pid_t pid, uint64_t load_bias,
			      const struct target_thread *threads, size_t n,
			      struct target_env *envs, size_t cap, char *why, size_t why_len);

/* The mechanism in use by a process: what its environments show together. */
enum target_context target_context__of(const struct target_env *envs, size_t n, const char **why);

#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel and this user can do: one table, each answer found once, with what was
 * seen and how to mend it. The loader chooses its methods by it, `loopray doctor` prints it.
 */
#ifndef LOOPRAY_KERN_FEATURES_H
#define LOOPRAY_KERN_FEATURES_H

#include <stdbool.h>

enum kern_feature_id {
	KERN_FEATURE_KERNEL,   /* Linux on a machine whose code and registers are known */
	KERN_FEATURE_BTF,      /* the kernel describes its own types */
	KERN_FEATURE_LOCKDOWN, /* lockdown does not forbid reading memory from BPF */
	KERN_FEATURE_RINGBUF,
	KERN_FEATURE_TASK_STORAGE,
	KERN_FEATURE_SK_STORAGE,
	KERN_FEATURE_TASK_ITER,
	KERN_FEATURE_UPROBE_MULTI,	  /* one link for many uprobes */
	KERN_FEATURE_UPROBE_MULTI_PID,	  /* ... whose process filter lets all threads through */
	KERN_FEATURE_PERF_UPROBE,	  /* uprobes as perf events: there, and permitted */
	KERN_FEATURE_UPROBES,		  /* one of the two */
	KERN_FEATURE_SOCK_TRACEPOINTS,	  /* sock_send_length, sock_recv_length */
	KERN_FEATURE_SYS_TRACEPOINTS,	  /* sys_exit */
	KERN_FEATURE_PROCESS_TRACEPOINTS, /* process ends, executions; TCP state changes */
	KERN_FEATURE_TRAMPOLINES,	  /* programs at the exit of a kernel function */
	KERN_FEATURE_CAP_BPF,
	KERN_FEATURE_CAP_PERFMON,
	KERN_FEATURE_CAP_SYS_ADMIN,
	KERN_FEATURE_CAP_SYS_PTRACE,
	KERN_FEATURE_CAP_CHECKPOINT_RESTORE,
	KERN_FEATURE_MEMLOCK, /* memory of BPF maps is not limited by RLIMIT_MEMLOCK */
	KERN_FEATURE_UNPRIVILEGED_BPF,
	KERN_FEATURE_PERF_PARANOID,
	KERN_FEATURE_TRACEFS,
	KERN_FEATURE_COUNT
};

/* What it means when a feature is missing. */
enum kern_need {
	KERN_NEED_KERNEL,    /* this kernel cannot be used: exit status 5 */
	KERN_NEED_PRIVILEGE, /* this user may not: exit status 4 */
	KERN_NEED_PART,	     /* something else is used instead, or a part is not seen */
	KERN_NEED_NONE,	     /* said for orientation only */
};

struct kern_feature {
	const char *id;	     /* name in JSON, e.g. "uprobe_multi" */
	const char *title;   /* for people */
	const char *use;     /* what it is for */
	enum kern_need need; /* in this situation: a capability may be needed or not */
	bool has;
	char found[160]; /* what was seen, or why it is missing */
	const char *fix; /* what to do if it is missing; NULL: nothing */
};

/* The answer is found at the first call and stays. Never NULL. Not thread safe. */
const struct kern_feature *kern_features__get(enum kern_feature_id id);
bool kern_features__has(enum kern_feature_id id);

/* The first missing feature of that need, or NULL: what to name in an error message. */
const struct kern_feature *kern_features__missing(enum kern_need need);

/* Releases what the answers were found with; they stay valid. */
void kern_features__free(void);

#endif

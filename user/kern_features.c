// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of features. Each row has one function that fills in what was found; it may ask
 * for other rows, which come first in the table. An answer is kept: the kernel does not
 * change while loopray runs, and asking costs system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kern_features_parts.h"
#include "util.h"

#define CAP_BIT(c) (1ULL << (c))

#define FIX_ROOT                                                              \
	"run loopray as root (sudo), or grant its capabilities: sudo setcap " \
	"cap_bpf,cap_perfmon,cap_sys_ptrace,cap_checkpoint_restore+ep "       \
	"$(command -v loopray)"
#define FIX_NEWER "use a newer kernel: 6.1 (Debian 12) has it"

static struct kern_feature *feature(enum kern_feature_id id);

/* ---- the kernel itself ---- */

static bool probe_kernel(struct kern_feature *f)
{
	struct utsname u;

	if (uname(&u) < 0)
		return kern_feature__found(f, false, "uname: %s", strerror(errno));
	return kern_feature__found(f, strcmp(u.machine, "x86_64") == 0, "%s %s %s", u.sysname,
				   u.release, u.machine);
}

static bool probe_btf(struct kern_feature *f)
{
	int err = kern_btf__load();

	if (err)
		return kern_feature__found(f, false, "/sys/kernel/btf/vmlinux: %s", strerror(-err));
	return kern_feature__found(f, true, "/sys/kernel/btf/vmlinux");
}

static bool probe_lockdown(struct kern_feature *f)
{
	char text[64], word[32];
	long len = read_file("/sys/kernel/security/lockdown", text, sizeof(text));

	/* Should it be in force and not be seen: loading the programs will fail, and tell. */
	if (len == -ENOENT && access("/sys/kernel/security/lsm", F_OK) < 0)
		return kern_feature__found(f, true,
					   "cannot be told (no securityfs), taken as none");
	if (len == -ENOENT)
		return kern_feature__found(f, true, "none");
	if (len < 0 || !kern_text__chosen(text, word, sizeof(word)))
		return kern_feature__found(f, true, "cannot be read, taken as none");
	/* Integrity forbids writing kernel memory, confidentiality reading it, also from BPF. */
	return kern_feature__found(f, strcmp(word, "confidentiality") != 0, "%s", word);
}

/* ---- maps and programs ---- */

/* BTF names the function that makes maps of a type, if the kernel was built with it. */
static bool probe_map(struct kern_feature *f, unsigned int type, const char *alloc)
{
	int has = kern_bpf__map_type(type);

	if (has >= 0)
		return kern_feature__found(f, has > 0, has > 0 ? "works" : "not in this kernel");
	if (!feature(KERN_FEATURE_BTF)->has)
		return kern_feature__found(f, false, "cannot be told without BTF and privileges");
	if (kern_btf__has(alloc, BTF_IS_FUNC))
		return kern_feature__found(f, true, "in this kernel (not permitted to try it)");
	return kern_feature__found(f, false, "not in this kernel");
}

static bool probe_ringbuf(struct kern_feature *f)
{
	return probe_map(f, BPF_MAP_TYPE_RINGBUF, "ringbuf_map_alloc");
}

static bool probe_task_storage(struct kern_feature *f)
{
	return probe_map(f, BPF_MAP_TYPE_TASK_STORAGE, "task_storage_map_alloc");
}

static bool probe_sk_storage(struct kern_feature *f)
{
	return probe_map(f, BPF_MAP_TYPE_SK_STORAGE, "bpf_sk_storage_map_alloc");
}

static bool probe_task_iter(struct kern_feature *f)
{
	bool has = kern_btf__has("bpf_iter__task", BTF_IS_STRUCT);

	return kern_feature__found(f, has, has ? "in this kernel" : "not in this kernel");
}

/* ---- uprobes ---- */

static bool probe_uprobe_multi(struct kern_feature *f)
{
	switch (kern_bpf__uprobe_multi()) {
	case MULTI_YES:
	case MULTI_YES_PID:
		return kern_feature__found(f, true, "works");
	case MULTI_UNKNOWN:
		if (kern_btf__has("bpf_uprobe_multi_link", BTF_IS_STRUCT))
			return kern_feature__found(f, true,
						   "in this kernel (not permitted to try it)");
		break;
	case MULTI_NO:
		break;
	}
	return kern_feature__found(f, false, "not in this kernel");
}

static bool probe_uprobe_multi_pid(struct kern_feature *f)
{
	switch (kern_bpf__uprobe_multi()) {
	case MULTI_YES_PID:
		return kern_feature__found(f, true, "filters by process");
	case MULTI_YES:
		return kern_feature__found(f, false, "filters by thread");
	case MULTI_UNKNOWN:
		return kern_feature__found(f, false, "not permitted to try it");
	case MULTI_NO:
		break;
	}
	return kern_feature__found(f, false, "not in this kernel");
}

static bool probe_perf_uprobe(struct kern_feature *f)
{
	switch (kern_bpf__perf_uprobe()) {
	case 0:
		return kern_feature__found(f, true, "works");
	case -EACCES:
		return kern_feature__found(f, false,
					   "not permitted: kernels since July 2025 want "
					   "CAP_SYS_ADMIN, others CAP_PERFMON");
	default:
		return kern_feature__found(f, false, "not in this kernel");
	}
}

static bool probe_uprobes(struct kern_feature *f)
{
	if (feature(KERN_FEATURE_UPROBE_MULTI)->has)
		return kern_feature__found(f, true, "by uprobe_multi links");
	if (feature(KERN_FEATURE_PERF_UPROBE)->has)
		return kern_feature__found(f, true, "by perf events");
	/* Whether it is a matter of privileges is said with the capabilities. */
	if (access("/sys/bus/event_source/devices/uprobe/type", F_OK) == 0)
		return kern_feature__found(f, true, "by perf events, if permitted");
	return kern_feature__found(f, false, "neither uprobe_multi links nor perf events");
}

/* ---- tracepoints ---- */

static bool probe_tracepoints(struct kern_feature *f, const char *const *names)
{
	if (!feature(KERN_FEATURE_BTF)->has)
		return kern_feature__found(f, false, "cannot be told without BTF");
	for (; *names; names++) {
		char type[64];

		snprintf(type, sizeof(type), "btf_trace_%s", *names);
		if (!kern_btf__has(type, BTF_IS_TYPEDEF))
			return kern_feature__found(f, false, "%s is not in this kernel", *names);
	}
	return kern_feature__found(f, true, "in this kernel");
}

static bool probe_sock_tracepoints(struct kern_feature *f)
{
	static const char *const names[] = {"sock_send_length", "sock_recv_length", NULL};

	return probe_tracepoints(f, names);
}

static bool probe_sys_tracepoints(struct kern_feature *f)
{
	static const char *const names[] = {"sys_exit", NULL};

	return probe_tracepoints(f, names);
}

static bool probe_process_tracepoints(struct kern_feature *f)
{
	static const char *const names[] = {"sched_process_exit", "sched_process_exec",
					    "inet_sock_set_state", NULL};

	return probe_tracepoints(f, names);
}

static bool probe_trampolines(struct kern_feature *f)
{
	switch (kern_bpf__trampoline()) {
	case 1:
		return kern_feature__found(f, true, "works");
	case -EPERM:
		return kern_feature__found(f, false, "refused by this kernel");
	default:
		return kern_feature__found(f, false, "not in this kernel");
	}
}

/* ---- privileges ---- */

/* CAP_SYS_ADMIN stands in for the capabilities that were split off from it. */
static bool probe_cap(struct kern_feature *f, unsigned int cap, bool or_admin)
{
	static char status[8192], uid_map[256];
	uint64_t caps;
	bool has;

	if (read_file("/proc/self/status", status, sizeof(status)) < 0 ||
	    kern_text__caps(status, &caps))
		return kern_feature__found(f, false, "/proc/self/status cannot be read");
	has = caps & (CAP_BIT(cap) | (or_admin ? CAP_BIT(CAP_SYS_ADMIN) : 0));
	if (!has)
		return kern_feature__found(f, false, "missing (uid %u)", geteuid());
	if (read_file("/proc/self/uid_map", uid_map, sizeof(uid_map)) >= 0 &&
	    !kern_text__initial_userns(uid_map))
		return kern_feature__found(f, false,
					   "held, but only inside a user namespace, where it does "
					   "not count");
	return kern_feature__found(f, true,
				   caps & CAP_BIT(cap) ? "held" : "CAP_SYS_ADMIN stands in for it");
}

static bool probe_cap_bpf(struct kern_feature *f)
{
	return probe_cap(f, CAP_BPF, true);
}

static bool probe_cap_perfmon(struct kern_feature *f)
{
	return probe_cap(f, CAP_PERFMON, true);
}

/* Needed where uprobes can only be had as perf events, and this kernel wants it for them. */
static bool probe_cap_sys_admin(struct kern_feature *f)
{
	if (feature(KERN_FEATURE_UPROBE_MULTI)->has) {
		f->need = KERN_NEED_NONE;
		f->use = "not needed here: this kernel has uprobe_multi links";
	} else if (feature(KERN_FEATURE_PERF_UPROBE)->has) {
		f->need = KERN_NEED_NONE;
		f->use = "not needed here: perf uprobes are permitted";
	}
	return probe_cap(f, CAP_SYS_ADMIN, false);
}

static bool probe_cap_sys_ptrace(struct kern_feature *f)
{
	return probe_cap(f, CAP_SYS_PTRACE, false);
}

static bool probe_cap_checkpoint_restore(struct kern_feature *f)
{
	return probe_cap(f, CAP_CHECKPOINT_RESTORE, true);
}

static bool probe_memlock(struct kern_feature *f)
{
	struct rlimit lim;

	/* This helper came with 5.11, as did charging BPF memory to the control group. */
	if (kern_btf__has("bpf_ktime_get_coarse_ns", BTF_IS_FUNC))
		return kern_feature__found(f, true, "not limited: charged to the control group");
	if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0 && lim.rlim_cur == RLIM_INFINITY)
		return kern_feature__found(f, true, "unlimited");
	if (probe_cap(f, CAP_SYS_RESOURCE, false))
		return kern_feature__found(f, true, "can be raised (CAP_SYS_RESOURCE)");
	return kern_feature__found(f, false, "limited to %llu bytes",
				   (unsigned long long)lim.rlim_cur);
}

/* ---- settings that people look for ---- */

static bool sysctl_line(struct kern_feature *f, const char *path)
{
	char text[64];
	long len = read_file(path, text, sizeof(text));

	if (len < 0)
		return kern_feature__found(f, true, "not in this kernel");
	text[strcspn(text, "\n")] = '\0';
	return kern_feature__found(f, true, "%s", text);
}

static bool probe_unprivileged_bpf(struct kern_feature *f)
{
	return sysctl_line(f, "/proc/sys/kernel/unprivileged_bpf_disabled");
}

static bool probe_perf_paranoid(struct kern_feature *f)
{
	return sysctl_line(f, "/proc/sys/kernel/perf_event_paranoid");
}

static bool probe_tracefs(struct kern_feature *f)
{
	bool has = access("/sys/kernel/tracing/events", F_OK) == 0 ||
		   access("/sys/kernel/debug/tracing/events", F_OK) == 0;

	return kern_feature__found(f, true, has ? "mounted" : "not mounted, or not readable");
}

/* ---- the table ---- */

struct feature_row {
	bool (*probe)(struct kern_feature *f);
	bool known;
	struct kern_feature f;
};

#define ROW(id_, probe_, need_, name, title_, use_, fix_)        \
	[KERN_FEATURE_##id_] = {.probe = probe_,                 \
				.f = {.id = name,                \
				      .title = title_,           \
				      .use = use_,               \
				      .need = KERN_NEED_##need_, \
				      .fix = fix_}}

static struct feature_row rows[KERN_FEATURE_COUNT] = {
	ROW(KERNEL, probe_kernel, KERNEL, "kernel", "kernel", "reading the runtime's machine code",
	    "run it on Linux on x86-64"),
	ROW(BTF, probe_btf, KERNEL, "btf", "kernel type information (BTF)",
	    "BPF programs that fit every kernel",
	    "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' are"),
	ROW(LOCKDOWN, probe_lockdown, KERNEL, "lockdown", "kernel lockdown",
	    "reading memory from BPF",
	    "boot without lockdown=confidentiality; lockdown=integrity does no harm"),
	ROW(RINGBUF, probe_ringbuf, KERNEL, "ring_buffer", "BPF ring buffer",
	    "getting records out of the kernel", FIX_NEWER),
	ROW(TASK_STORAGE, probe_task_storage, KERNEL, "task_storage", "BPF task storage",
	    "what each thread is doing", FIX_NEWER),
	ROW(SK_STORAGE, probe_sk_storage, KERNEL, "sk_storage", "BPF socket storage",
	    "the state of each connection", FIX_NEWER),
	ROW(TASK_ITER, probe_task_iter, KERNEL, "task_iterator", "BPF task iterator",
	    "finding each thread's JavaScript engine", FIX_NEWER),
	ROW(UPROBE_MULTI, probe_uprobe_multi, PART, "uprobe_multi", "uprobe_multi links",
	    "attaching and detaching quickly",
	    "none needed, perf events are used; kernels since 6.6 have these links"),
	ROW(UPROBE_MULTI_PID, probe_uprobe_multi_pid, NONE, "uprobe_multi_pid",
	    "uprobe_multi process filter", "not entering other processes of the same binary", NULL),
	ROW(PERF_UPROBE, probe_perf_uprobe, NONE, "perf_uprobe", "uprobes as perf events",
	    "attaching where there are no uprobe_multi links", NULL),
	ROW(UPROBES, probe_uprobes, KERNEL, "uprobes", "uprobes", "seeing into the runtime",
	    "use a kernel built with CONFIG_UPROBE_EVENTS=y, as distributions' are"),
	ROW(SOCK_TRACEPOINTS, probe_sock_tracepoints, PART, "sock_tracepoints",
	    "socket tracepoints", "seeing bytes at the least cost",
	    "none needed, those of system calls are used; kernels since 6.3 have these"),
	ROW(SYS_TRACEPOINTS, probe_sys_tracepoints, KERNEL, "syscall_tracepoints",
	    "system call tracepoints", "seeing bytes where there are no socket tracepoints",
	    "use a kernel built with CONFIG_FTRACE_SYSCALLS=y, as distributions' are"),
	ROW(PROCESS_TRACEPOINTS, probe_process_tracepoints, KERNEL, "process_tracepoints",
	    "process and connection tracepoints", "seeing processes and connections end",
	    "use a kernel built with CONFIG_TRACEPOINTS=y, as distributions' are"),
	ROW(TRAMPOLINES, probe_trampolines, NONE, "trampolines", "BPF trampolines",
	    "seeing writes to stdout and stderr at no cost to other system calls", NULL),
	ROW(CAP_BPF, probe_cap_bpf, PRIVILEGE, "cap_bpf", "CAP_BPF", "loading BPF programs",
	    FIX_ROOT),
	ROW(CAP_PERFMON, probe_cap_perfmon, PRIVILEGE, "cap_perfmon", "CAP_PERFMON",
	    "attaching them, and reading memory from them", FIX_ROOT),
	ROW(CAP_SYS_ADMIN, probe_cap_sys_admin, PRIVILEGE, "cap_sys_admin", "CAP_SYS_ADMIN",
	    "uprobes as perf events, which is all that this kernel has",
	    "run loopray as root (sudo), or use a kernel since 6.6, which has uprobe_multi links"),
	ROW(CAP_SYS_PTRACE, probe_cap_sys_ptrace, PART, "cap_sys_ptrace", "CAP_SYS_PTRACE",
	    "processes of other users", FIX_ROOT),
	ROW(CAP_CHECKPOINT_RESTORE, probe_cap_checkpoint_restore, PART, "cap_checkpoint_restore",
	    "CAP_CHECKPOINT_RESTORE", "a libnode.so that was deleted or replaced", FIX_ROOT),
	ROW(MEMLOCK, probe_memlock, PRIVILEGE, "memlock", "memory lock limit",
	    "memory for BPF maps", "raise it: ulimit -l unlimited (as root), or use sudo"),
	ROW(UNPRIVILEGED_BPF, probe_unprivileged_bpf, NONE, "unprivileged_bpf_disabled",
	    "unprivileged_bpf_disabled", "any value will do: loopray does not rely on it", NULL),
	ROW(PERF_PARANOID, probe_perf_paranoid, NONE, "perf_event_paranoid", "perf_event_paranoid",
	    "any value will do: CAP_PERFMON overrides it", NULL),
	ROW(TRACEFS, probe_tracefs, NONE, "tracefs", "tracefs", "not needed", NULL),
};

static struct kern_feature *feature(enum kern_feature_id id)
{
	struct feature_row *row = &rows[id];

	if (!row->known) {
		row->f.has = row->probe(&row->f);
		row->known = true;
	}
	return &row->f;
}

const struct kern_feature *kern_features__get(enum kern_feature_id id)
{
	return feature(id);
}

bool kern_features__has(enum kern_feature_id id)
{
	return feature(id)->has;
}

const struct kern_feature *kern_features__missing(enum kern_need need)
{
	for (int i = 0; i < KERN_FEATURE_COUNT; i++) {
		const struct kern_feature *f = feature(i);

		if (!f->has && f->need == need)
			return f;
	}
	return NULL;
}

void kern_features__free(void)
{
	kern_btf__free();
}

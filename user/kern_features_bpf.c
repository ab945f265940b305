// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Questions to the kernel. BTF answers most of them, also to a user without any privilege;
 * what it says of optional code is confirmed by system calls that must fail in a way which
 * tells, where they are permitted at all.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kern_features_parts.h"
#include "util.h"

static struct btf *kernel_btf;
static int kernel_btf_err;

int kern_btf__load(void)
{
	if (kernel_btf || kernel_btf_err)
		return kernel_btf_err;
	/* Not libbpf's search: an image in /boot says nothing of what a kernel was built with. */
	kernel_btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	if (!kernel_btf)
		kernel_btf_err = errno ? -errno : -EINVAL;
	return kernel_btf_err;
}

bool kern_btf__has(const char *name, enum btf_kind kind)
{
	static const uint32_t kinds[] = {
		[BTF_IS_FUNC] = BTF_KIND_FUNC,
		[BTF_IS_STRUCT] = BTF_KIND_STRUCT,
		[BTF_IS_TYPEDEF] = BTF_KIND_TYPEDEF,
	};

	return kern_btf__load() == 0 && btf__find_by_name_kind(kernel_btf, name, kinds[kind]) > 0;
}

void kern_btf__free(void)
{
	btf__free(kernel_btf);
	kernel_btf = NULL;
	kernel_btf_err = 0;
}

static int no_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int kern_bpf__map_type(unsigned int type)
{
	libbpf_print_fn_t before = libbpf_set_print(no_log);
	int fd, has;

	/* libbpf's probe takes "not permitted" for "not supported": ask for any map first. */
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(int), sizeof(int), 1, NULL);
	if (fd < 0) {
		has = errno == EPERM || errno == EACCES ? -EPERM : -errno;
	} else {
		close(fd);
		has = libbpf_probe_bpf_map_type(type, NULL);
	}
	libbpf_set_print(before);
	return has;
}

/* The part of union bpf_attr that BPF_LINK_CREATE reads for uprobe_multi (uapi, kernel 6.6). */
struct multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t cnt;
	uint32_t multi_flags;
	uint32_t pid;
};

#define TRACE_UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI of enum bpf_attach_type, kernel 6.6 */

/* The errno of a link to "/", which can hold no probe. */
static int multi_link_errno(int prog, uint32_t pid)
{
	uint64_t offset = 0;
	struct multi_attr attr = {
		.prog_fd = (uint32_t)prog,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t) "/",
		.offsets = (uintptr_t)&offset,
		.cnt = 1,
		.pid = pid,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

enum multi_answer kern_bpf__uprobe_multi(void)
{
	static const struct bpf_insn code[] = {
		/* r0 = 0; exit */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	enum multi_answer answer = MULTI_NO;
	int prog;

	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, ARRAY_SIZE(code), &opts);
	if (prog < 0)
		return errno == EPERM || errno == EACCES ? MULTI_UNKNOWN : MULTI_NO;
	close(prog);
	opts.expected_attach_type = (enum bpf_attach_type)TRACE_UPROBE_MULTI;
	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", code, ARRAY_SIZE(code), &opts);
	if (prog < 0)
		return MULTI_NO;
	/* EBADF: everything was in order but the path, which is no regular file. */
	if (multi_link_errno(prog, 0) == EBADF) {
		/*
		 * Kernels before 6.10 (commit 46ba0e49b642) compare the thread, not the process.
		 * The same change refuses an impossible pid before it looks at the path.
		 */
		answer = multi_link_errno(prog, UINT32_MAX) == EINVAL ? MULTI_YES_PID : MULTI_YES;
	}
	close(prog);
	return answer;
}

int kern_bpf__trampoline(void)
{
	static const struct bpf_insn code[] = {
		/* r0 = 0; exit */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int id, prog, link, err;

	if (kern_btf__load())
		return 0;
	id = btf__find_by_name_kind(kernel_btf, "__x64_sys_write", BTF_KIND_FUNC);
	if (id < 0)
		return 0;
	opts.expected_attach_type = BPF_TRACE_FEXIT;
	opts.attach_btf_id = (uint32_t)id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", code, ARRAY_SIZE(code), &opts);
	if (prog < 0)
		return errno == EPERM || errno == EACCES ? -EPERM : 0;
	link = bpf_raw_tracepoint_open(NULL, prog);
	err = errno;
	if (link >= 0)
		close(link);
	close(prog);
	if (link >= 0)
		return 1;
	return err == EPERM || err == EACCES ? -EPERM : 0;
}

int kern_bpf__perf_uprobe(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uintptr_t) "/", /* path: no regular file */
		.disabled = 1,
	};
	char text[32];
	unsigned int type;
	int fd;

	if (read_file("/sys/bus/event_source/devices/uprobe/type", text, sizeof(text)) < 0 ||
	    sscanf(text, "%u", &type) != 1)
		return -ENOENT;
	attr.type = type;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd >= 0)
		close(fd);
	/* Permission is checked before the path is looked at. */
	return fd < 0 && (errno == EACCES || errno == EPERM) ? -EACCES : 0;
}

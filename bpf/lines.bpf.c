// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes to standard output and error. Several ways to see them, of which the loader takes the
 * cheapest that this kernel has; none puts a breakpoint into the target:
 *
 * - sockets (a parent that is Node.js gives its children such): the tracepoint sock_send_length;
 * - the exits of write and writev by BPF trampolines: other system calls do not pay;
 * - where trampolines are refused, the tracepoints of these two system calls: while one is in
 *   use, every system call of every process takes a longer way (40 to 60 ns);
 * - where the exits of all system calls are watched anyway (kernels before 6.3), there.
 */
#include "filter.bpf.h"

#define S_IFMT	  0170000
#define S_IFCHR	  0020000
#define S_IFSOCK  0140000
#define NR_write  1
#define NR_writev 20

/* line.bpf.h: in the object of request.bpf.c, which has what reads stores. */
extern int line_written(__u32 fd, __u64 addr, __u32 parts, __s32 ret);

/* What is open as @fd; NULL: nothing, or unreadable. */
static __always_inline struct inode *inode_of(struct task_struct *task, __u64 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **fds = BPF_CORE_READ(fdt, fd);
	struct file *file = NULL;

	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), &fds[fd]);
	return file ? BPF_CORE_READ(file, f_inode) : NULL;
}

static __always_inline __u32 kind_of(struct inode *inode)
{
	return inode ? BPF_CORE_READ(inode, i_mode) & S_IFMT : 0;
}

static __always_inline bool is_socket(struct task_struct *task, __u32 fd)
{
	return kind_of(inode_of(task, fd)) == S_IFSOCK;
}

/*
 * libuv opens a terminal once more, to make it non-blocking for itself alone (uv_tty_init). Where
 * standard output and error are the same one, which of them it stands for cannot be told.
 */
static __always_inline __u32 terminal(struct task_struct *task, __u64 fd)
{
	struct inode *inode = inode_of(task, fd);

	if (kind_of(inode) != S_IFCHR)
		return 0;
	if (inode == inode_of(task, 1))
		return 1;
	return inode == inode_of(task, 2) ? 2 : 0;
}

/* 1 or 2: standard output or error was written to; 0: something else. */
static __always_inline __u32 line_stream(struct task_struct *task, __u64 fd, long ret)
{
	if (ret <= 0)
		return 0;
	if (fd == 1 || fd == 2)
		return filter_tgid(task->tgid) ? fd : 0;
	if (!lr_lines_tty || fd < 3 || !filter_tgid(task->tgid))
		return 0;
	return terminal(task, fd);
}

/* write(2) or writev(2) returned @ret; @regs are the registers at its entry. */
static __always_inline int returned(const struct pt_regs *regs, long ret, bool vectored)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 stream = line_stream(task, regs->di, ret);

	if (!stream || (lr_lines_by_socket && is_socket(task, regs->di)))
		return 0;
	line_written(stream, regs->si, vectored ? regs->dx : 0, ret);
	return 0;
}

SEC("fexit/__x64_sys_write")
int BPF_PROG(lr_line_write, const struct pt_regs *regs, long ret)
{
	return returned(regs, ret, false);
}

SEC("fexit/__x64_sys_writev")
int BPF_PROG(lr_line_writev, const struct pt_regs *regs, long ret)
{
	return returned(regs, ret, true);
}

/* As the kernel hands it to programs on exits of system calls (kernel/trace/trace_syscalls.c). */
struct syscall_exit {
	__u64 regs;
	__u64 nr;
	__s64 ret;
};

static __always_inline int exited(const struct syscall_exit *c, bool vectored)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!filter_tgid(task->tgid))
		return 0;
	return returned((struct pt_regs *)bpf_task_pt_regs(task), c->ret, vectored);
}

SEC("tracepoint")
int lr_line_tp_write(struct syscall_exit *c)
{
	return exited(c, false);
}

SEC("tracepoint")
int lr_line_tp_writev(struct syscall_exit *c)
{
	return exited(c, true);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(lr_line_exit, struct pt_regs *regs, long ret)
{
	long nr = regs->orig_ax;

	if (nr != NR_write && nr != NR_writev)
		return 0;
	return returned(regs, ret, nr == NR_writev);
}

/* libuv writes to streams with write and writev alone. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(lr_line_send, struct sock *sk, int ret, int flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;
	long nr;

	if (!filter_tgid(task->tgid))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	nr = regs->orig_ax;
	if ((nr != NR_write && nr != NR_writev) || ret <= 0 || (regs->di != 1 && regs->di != 2))
		return 0;
	line_written(regs->di, regs->si, nr == NR_writev ? regs->dx : 0, ret);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How writes to standard output and error are seen: sockets where their sends are, all else by
 * the cheapest means that this kernel has for the exits of write and writev.
 *
 * The tracepoints of single system calls have their numbers in tracefs, which need not be mounted:
 * then a mount of one's own, that appears nowhere, is looked into.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_MODULE "lines"
#include "kern_features.h"
#include "kern_impl.h"
#include "log.h"
#include "util.h"

static enum kern_lines_way way_of(const struct kern *k)
{
	if (!(k->opts.lines & KERN_LINES_OTHER))
		return LINES_NO;
	if (kern_features__has(KERN_FEATURE_TRAMPOLINES))
		return LINES_FEXIT;
	return k->opts.bytes == KERN_BYTES_SYSCALL ? LINES_SYS_EXIT : LINES_TRACEPOINT;
}

/* Without socket tracepoints a socket is written to like everything else. */
void kern_lines__choose(struct kern *k)
{
	struct loopray_bpf *s = k->skel;
	bool sockets = k->opts.bytes == KERN_BYTES_TRACEPOINT;

	if (!sockets && (k->opts.lines & KERN_LINES_SOCKET)) {
		k->opts.lines &= ~KERN_LINES_SOCKET;
		k->opts.lines |= KERN_LINES_OTHER;
	}
	k->lines = way_of(k);
	s->rodata->lr_lines = k->opts.lines != 0;
	s->rodata->lr_lines_by_socket = sockets;
	s->rodata->lr_lines_tty = (k->opts.lines & KERN_LINES_TTY) != 0;
	s->rodata->lr_lines_every = (k->opts.lines & KERN_LINES_EVERY) != 0;
	bpf_program__set_autoload(s->progs.lr_line_send, k->opts.lines & KERN_LINES_SOCKET);
	bpf_program__set_autoload(s->progs.lr_line_write, k->lines == LINES_FEXIT);
	bpf_program__set_autoload(s->progs.lr_line_writev, k->lines == LINES_FEXIT);
	bpf_program__set_autoload(s->progs.lr_line_exit, k->lines == LINES_SYS_EXIT);
	bpf_program__set_autoload(s->progs.lr_line_tp_write, k->lines == LINES_TRACEPOINT);
	bpf_program__set_autoload(s->progs.lr_line_tp_writev, k->lines == LINES_TRACEPOINT);
}

/* A descriptor of tracefs' events directory, mounted or not; or -errno. */
static int open_events(void)
{
	static const char *const mounted[] = {"/sys/kernel/tracing/events",
					      "/sys/kernel/debug/tracing/events"};
	int fs, mount = -1, fd;

	for (size_t i = 0; i < ARRAY_SIZE(mounted); i++) {
		fd = open(mounted[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	fd = mount < 0 ? -1 : openat(mount, "events", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(fs);
	if (mount >= 0)
		close(mount);
	return fd;
}

/* The number of tracepoint syscalls/@name, or -errno. */
static long tracepoint_number(int events, const char *name)
{
	char path[64], text[32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "syscalls/%s/id", name);
	fd = openat(events, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -EIO;
	text[len] = '\0';
	return strtol(text, NULL, 10);
}

/* With a program, the event of one CPU fires on all of them. */
static int attach_perf_tracepoint(struct kern *k, struct bpf_program *prog, long number)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (uint64_t)number,
		.sample_period = 1,
	};
	struct bpf_link *link;
	int fd;

	if (number < 0)
		return (int)number;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(prog, fd);
	if (!link) {
		int err = -errno;

		close(fd);
		return err;
	}
	return kern__keep_link(k, -1, link);
}

static int attach_tracepoints(struct kern *k)
{
	int events = open_events(), err;

	if (events < 0)
		return events;
	err = attach_perf_tracepoint(k, k->progs.by.lr_line_tp_write,
				     tracepoint_number(events, "sys_exit_write"));
	if (!err)
		err = attach_perf_tracepoint(k, k->progs.by.lr_line_tp_writev,
					     tracepoint_number(events, "sys_exit_writev"));
	close(events);
	return err;
}

static int attach_other(struct kern *k)
{
	struct bpf_program *progs[] = {k->progs.by.lr_line_write, k->progs.by.lr_line_writev,
				       k->progs.by.lr_line_exit};
	int err = 0;

	if (k->lines == LINES_TRACEPOINT)
		return attach_tracepoints(k);
	for (size_t i = 0; i < ARRAY_SIZE(progs) && !err; i++)
		err = kern__attach_tracepoint(k, progs[i]);
	return err;
}

int kern__attach_lines(struct kern *k)
{
	int err = 0;

	if (!(k->opts.lines & (KERN_LINES_SOCKET | KERN_LINES_OTHER)) || k->lines_attached ||
	    k->lines_reason[0])
		return 0;
	if (k->opts.lines & KERN_LINES_SOCKET)
		err = kern__attach_tracepoint(k, k->progs.by.lr_line_send);
	if (!err && k->lines != LINES_NO)
		err = attach_other(k);
	k->lines_attached = !err;
	if (err)
		snprintf(k->lines_reason, sizeof(k->lines_reason), "attach failed: %s",
			 strerror(-err));
	return err;
}

/* One row: what sees lines, and why it does not. None where it was never needed. */
size_t kern_lines__row(const struct kern *k, struct kern_probe *row)
{
	static const char *const sites[] = {
		[LINES_NO] = "",
		[LINES_FEXIT] = "exits of __x64_sys_write and __x64_sys_writev",
		[LINES_SYS_EXIT] = "tracepoint sys_exit",
		[LINES_TRACEPOINT] = "tracepoints sys_exit_write and sys_exit_writev",
	};
	const struct bpf_program *progs[] = {
		k->progs.by.lr_line_send,     k->progs.by.lr_line_write,
		k->progs.by.lr_line_writev,   k->progs.by.lr_line_exit,
		k->progs.by.lr_line_tp_write, k->progs.by.lr_line_tp_writev};
	bool socket = k->opts.lines & KERN_LINES_SOCKET;

	if (!k->lines_attached && !k->lines_reason[0])
		return 0;
	memset(row, 0, sizeof(*row));
	row->name = "lines";
	snprintf(row->site, sizeof(row->site), "%s%s%s",
		 socket ? "tracepoint sock_send_length" : "", socket && k->lines ? ", " : "",
		 sites[k->lines]);
	snprintf(row->reason, sizeof(row->reason), "%s", k->lines_reason);
	row->attached = k->lines_attached;
	for (size_t i = 0; i < ARRAY_SIZE(progs); i++)
		row->misses += kern__misses(progs[i]);
	return 1;
}

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <unistd.h>

#define LOG_MODULE "threads"
#include "kern_impl.h"
#include "kern_threads.h"
#include "log.h"

/* As bpf/process.bpf.c writes it. */
struct iter_thread {
	uint32_t pid;
	uint32_t tid;
	uint64_t fsbase;
	uint64_t start_ns;
};

static int open_iterator(struct loopray_bpf *skel, struct bpf_link **link)
{
	int fd;

	*link = bpf_program__attach_iter(skel->progs.lr_threads, NULL);
	if (!*link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(*link));
	return fd < 0 ? -errno : fd;
}

static int read_threads(int fd, struct target_thread *threads, size_t cap)
{
	struct iter_thread buf[64];
	size_t have = 0;
	int n = 0;

	for (;;) {
		ssize_t got = read(fd, (char *)buf + have, sizeof(buf) - have);
		size_t whole;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return n;
		have += (size_t)got;
		whole = have / sizeof(buf[0]);
		for (size_t i = 0; i < whole; i++, n++)
			if ((size_t)n < cap)
				threads[n] = (struct target_thread){.tid = (pid_t)buf[i].tid,
								    .fsbase = buf[i].fsbase};
		have -= whole * sizeof(buf[0]);
		__builtin_memmove(buf, &buf[whole], have);
	}
}

/* Only the iterator: no other program is loaded and no other map made. */
static int load_iterator(struct loopray_bpf *skel, pid_t pid)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.lr_threads);
	bpf_object__for_each_map(map, skel->obj) if (map != skel->maps.rodata)
		bpf_map__set_autocreate(map, false);
	skel->rodata->lr_iter_tgid = (uint32_t)pid;
	return loopray_bpf__load(skel);
}

int kern_threads__list(pid_t pid, struct target_thread *threads, size_t cap)
{
	struct loopray_bpf *skel;
	struct bpf_link *link = NULL;
	int err, fd;

	kern__init_log();
	skel = loopray_bpf__open();
	if (!skel)
		return -errno;
	err = load_iterator(skel, pid);
	if (!err) {
		fd = open_iterator(skel, &link);
		err = fd;
		if (fd >= 0) {
			err = read_threads(fd, threads, cap);
			close(fd);
		}
	}
	bpf_link__destroy(link);
	loopray_bpf__destroy(skel);
	return err;
}

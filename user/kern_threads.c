// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
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

/* Loading takes some 30 ms, listing far less than one: so it is kept. */
static struct loopray_bpf *iter_skel;
static struct bpf_link *iter_link;

/* Only the iterator: no other program is loaded and no other map made. */
static int load_iterator(void)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int err;

	if (iter_link)
		return 0;
	kern__init_log();
	iter_skel = loopray_bpf__open();
	if (!iter_skel)
		return -errno;
	bpf_object__for_each_program(prog, iter_skel->obj)
		bpf_program__set_autoload(prog, prog == iter_skel->progs.lr_threads);
	bpf_object__for_each_map(map, iter_skel->obj) if (map != iter_skel->maps.rodata)
		bpf_map__set_autocreate(map, false);
	err = loopray_bpf__load(iter_skel);
	if (!err) {
		iter_link = bpf_program__attach_iter(iter_skel->progs.lr_threads, NULL);
		err = iter_link ? 0 : -errno;
	}
	if (err)
		kern_threads__free();
	return err;
}

void kern_threads__free(void)
{
	bpf_link__destroy(iter_link);
	loopray_bpf__destroy(iter_skel);
	iter_link = NULL;
	iter_skel = NULL;
}

static int read_threads(int fd, pid_t pid, struct target_thread *threads, size_t cap)
{
	struct iter_thread buf[128];
	size_t have = 0;
	int n = 0;

	for (;;) {
		ssize_t got = read(fd, (char *)buf + have, sizeof(buf) - have);
		size_t whole;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return n;
		have += (size_t)got;
		whole = have / sizeof(buf[0]);
		for (size_t i = 0; i < whole; i++) {
			if (buf[i].pid != (uint32_t)pid)
				continue;
			if ((size_t)n < cap)
				threads[n] = (struct target_thread){.tid = (pid_t)buf[i].tid,
								    .fsbase = buf[i].fsbase};
			n++;
		}
		have -= whole * sizeof(buf[0]);
		memmove(buf, &buf[whole], have);
	}
}

int kern_threads__list(pid_t pid, struct target_thread *threads, size_t cap)
{
	int err = load_iterator();
	int fd;

	if (err)
		return err;
	fd = bpf_iter_create(bpf_link__fd(iter_link));
	if (fd < 0)
		return -errno;
	err = read_threads(fd, pid, threads, cap);
	close(fd);
	return err;
}

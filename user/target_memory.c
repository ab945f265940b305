// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "target_memory.h"

/* Lowest and highest address that a user mapping can have on 48-bit user spaces. */
#define USER_MIN 0x1000ULL
#define USER_MAX 0x800000000000ULL

struct target_memory {
	pid_t pid;
	int fd; /* /proc/PID/mem, opened when process_vm_readv turns out to be forbidden */
	bool use_fd;
};

int target_memory__open(struct target_memory **out, pid_t pid)
{
	struct target_memory *m;

	*out = NULL;
	if (pid <= 0)
		return -EINVAL;
	if (kill(pid, 0) != 0 && errno == ESRCH)
		return -ESRCH;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->pid = pid;
	m->fd = -1;
	*out = m;
	return 0;
}

void target_memory__free(struct target_memory *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

static int open_mem(struct target_memory *m)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)m->pid);
	m->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->fd < 0)
		return errno == ENOENT ? -ESRCH : errno == EACCES ? -EPERM : -errno;
	m->use_fd = true;
	return 0;
}

static int read_fd(struct target_memory *m, uint64_t addr, void *buf, size_t len)
{
	ssize_t n;

	do {
		n = pread(m->fd, buf, len, (off_t)addr);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ESRCH; /* the address space is gone: pread of mem then gives nothing */
	if (n < 0)
		return errno == EIO ? -EFAULT : -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int target_memory__read(struct target_memory *m, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = {.iov_base = buf, .iov_len = len};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = len};
	ssize_t n;
	int err;

	if (addr < USER_MIN || addr >= USER_MAX || len > USER_MAX - addr)
		return -EFAULT;
	if (len == 0)
		return 0;
	if (m->use_fd)
		return read_fd(m, addr, buf, len);
	n = process_vm_readv(m->pid, &local, 1, &remote, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	if (n >= 0 || errno == EFAULT)
		return -EFAULT;
	/* Containers' seccomp profiles forbid the system call where the file still works. */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	err = open_mem(m);
	return err ? err : read_fd(m, addr, buf, len);
}

int target_memory__gather(struct target_memory *m, const struct target_piece *pieces, size_t n)
{
	struct iovec local[TARGET_PIECES_MAX], remote[TARGET_PIECES_MAX];
	ssize_t total = 0;
	int err = 0;

	if (n > TARGET_PIECES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const struct target_piece *p = &pieces[i];

		if (p->addr < USER_MIN || p->addr >= USER_MAX || p->len > USER_MAX - p->addr)
			return -EFAULT;
		local[i] = (struct iovec){.iov_base = p->buf, .iov_len = p->len};
		remote[i] = (struct iovec){(void *)(uintptr_t)p->addr, p->len};
		total += (ssize_t)p->len;
	}
	if (!m->use_fd) {
		ssize_t got = process_vm_readv(m->pid, local, n, remote, n, 0);

		if (got == total)
			return 0;
		if (got >= 0)
			return -EFAULT;
		if (errno != ENOSYS && errno != EPERM)
			return -errno;
	}
	for (size_t i = 0; !err && i < n; i++)
		err = target_memory__read(m, pieces[i].addr, pieces[i].buf, pieces[i].len);
	return err;
}

int target_memory__u64(struct target_memory *m, uint64_t addr, uint64_t *value)
{
	return target_memory__read(m, addr, value, sizeof(*value));
}

int target_memory__walk(struct target_memory *m, uint64_t base, const struct lr_chain *chain,
			uint64_t *value)
{
	uint64_t p = base;

	if (chain->n > LR_CHAIN_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < chain->n; i++) {
		int err;

		if (p == 0)
			return -ENOENT;
		err = target_memory__u64(m, p + (uint64_t)(int64_t)chain->off[i], &p);
		if (err)
			return err;
	}
	*value = p;
	return p ? 0 : -ENOENT;
}

int target_memory__string(struct target_memory *m, uint64_t addr, char *buf, size_t cap)
{
	for (size_t len = 0; len < cap;) {
		/* Never past a page: the string may be the last thing before a hole. */
		size_t chunk = 64 - (addr + len) % 64;
		char *end;
		int err;

		if (chunk > cap - len)
			chunk = cap - len;
		err = target_memory__read(m, addr + len, buf + len, chunk);
		if (err)
			return err;
		end = memchr(buf + len, '\0', chunk);
		if (end)
			return 0;
		len += chunk;
	}
	return -ENAMETOOLONG;
}
